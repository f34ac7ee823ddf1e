# rooms.pl BUILDDIR - check the include matrix from the compiler's own
# dependency output.  Prints each violation; a build without any dependency
# output is one.

use strict;
use warnings;
use File::Find;

my $build = shift;

# room of the object => rooms whose headers it may include
my %may = (
    'common'  => [qw(common)],
    'libflux' => [qw(common include libflux)],
    'broker'  => [qw(common include libflux broker)],
    'cmd'     => [qw(common include cmd)],
);
# common includes the public headers of the nouns that it implements
my %noun_headers = map { $_ => 1 } qw(idset.h hostlist.h core/types.h);

my $objects = 0;

sub room {
    my ($path) = @_;
    return "modules/$1" if $path =~ m{src/modules/([^/]+)/};
    return $1 if $path =~ m{src/(common|libflux|broker|cmd|include)/};
    return undef;
}

find ({ no_chdir => 1, wanted => sub {
    return unless m{/src/(.*)/\.deps/([^/]+)\.(Plo|Po)$};
    my ($dir, $name) = ($1, $2);
    return if $name =~ /_test$|^tap$/;
    my $room = room ("src/$dir/x");
    return unless $room;
    open my $fh, '<', $_ or die "$_: $!";
    local $/;
    my $text = <$fh>;
    return if $text =~ /^# dummy/;
    $objects++;
    my %seen;
    for my $dep ($text =~ m{(\S+\.h)\b}g) {
        next if $seen{$dep}++;
        my $other = room ($dep) or next;
        my @allowed = $room =~ /^modules/ ? ('common', 'include', $room) : @{$may{$room}};
        next if grep { $_ eq $other } @allowed;
        next if $room eq 'common' && $dep =~ m{src/include/flux/(.*)} && $noun_headers{$1};
        print "src/$dir/$name.c includes $dep\n";
    }
} }, "$build/src");
print "no dependency output in $build\n" if $objects == 0;
