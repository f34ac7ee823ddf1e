# seam.pl - what the tables of t/abi say, as C that checks it.
#
#   seam.pl protos FILE     one assertion for each function named in FILE
#   seam.pl constants DIR   a program that fails if a constant of a header that
#                           is in DIR/flux has another value; prints its name
#   seam.pl structs DIR     assertions: the same layout
#   seam.pl defined <I      what a text from cc -E -dD defines: "constant NAME"
#                           or "struct NAME" lines (those of <flux/...> only)
#   seam.pl known           the same, of the tables
#   seam.pl topics FILE     the names of topics, attributes and keys in FILE, a
#                           module's constants, and whether seam-topics.txt has
#                           them: "listed NAME" or "unlisted NAME"
#
# The output of the first three goes behind the headers that it is about.

use strict;
use warnings;
use File::Basename qw(dirname);

my $abi = dirname ($0) . '/abi';

sub rows {
    my ($name) = @_;
    open my $fh, '<', "$abi/$name" or die "$abi/$name: $!\n";
    my @rows = map { chomp; [split /\t/] } <$fh>;
    shift @rows;
    return @rows;
}

# NAME => { header, members => [[NAME, DECLARATION]...], typedef }
sub structs {
    my (%structs, $header);
    open my $fh, '<', "$abi/declarations.txt" or die "$abi/declarations.txt: $!\n";
    while (<$fh>) {
        $header = $1 if /^## (\S+)/;
        my ($typedef, $tag, $body) = /^(typedef )?struct (?:(\w+) )?\{ (.*) \}/ or next;
        my $name = $typedef ? (/\} (\w+);/)[0] : $tag;
        my @members = map { [/\(\*(\w+)\)/ ? $1 : /(\w+)(?:\[\w*\])?$/, $_] } split /;\s*/, $body;
        $structs{$name} = { header => $header, members => \@members, typedef => $typedef };
    }
    return \%structs;
}

sub protos {
    my ($file) = @_;
    my %sig = map { $_->[1] => $_->[2] } rows ('flux-core-0.88.tsv'), rows ('other-0.88.tsv');
    open my $fh, '<', $file or die "$file: $!\n";
    while (my $name = <$fh>) {
        chomp $name;
        my ($ret, $args) = ($sig{$name} // '') =~ /^(.*?) \((.*)\)$/;
        print defined $ret
            ? "_Static_assert (__builtin_types_compatible_p (__typeof__ (&$name),"
                . " __typeof__ ($ret (*) ($args))), \"$name\");\n"
            : "#error $name is not in the table\n";
    }
}

sub constants {
    my ($dir) = @_;
    print "int main (void)\n{\n    int bad = 0;\n";
    for (rows ('constants.tsv')) {
        my ($name, $value, $header, $kind) = @$_;
        next if $kind =~ /struct-valued/ || !-e "$dir/flux/$header";
        my $differs = $value =~ /^"/ ? "strcmp ($name, $value)"
            : $value =~ /^-/         ? "$name != $value"
            :                          "(unsigned long long)$name != ${value}ULL";
        print "    if ($differs)\n        bad += puts (\"$name\") > 0;\n";
    }
    print "    return bad;\n}\n";
}

sub layouts {
    my ($dir) = @_;
    my $structs = structs ();
    for my $name (sort keys %$structs) {
        my $s = $structs->{$name};
        next unless -e "$dir/flux/$s->{header}";
        my $type = $s->{typedef} ? $name : "struct $name";
        print "struct want_$name { ", (map { "$_->[1]; " } @{$s->{members}}), "};\n";
        print "_Static_assert (sizeof ($type) == sizeof (struct want_$name), \"$name\");\n";
        for my $m (map { $_->[0] } @{$s->{members}}) {
            print "_Static_assert (offsetof ($type, $m) == offsetof (struct want_$name, $m)"
                . " && __builtin_types_compatible_p (__typeof__ ((($type *)0)->$m),"
                . " __typeof__ (((struct want_$name *)0)->$m)), \"$name.$m\");\n";
        }
    }
}

sub defined_names {
    my ($text, $ours) = ('', 0);
    while (<STDIN>) {
        if (/^# \d+ "([^"]*)"/) {
            $ours = $1 =~ m{/flux/};
            next;
        }
        next unless $ours;
        print "constant $1\n" if /^#define (\w+) \S/ && $1 !~ /^STUB_|^_/;
        $text .= $_ unless /^#/;
    }
    while ($text =~ /\benum(?:\s+\w+)?\s*\{(.*?)\}/gs) {
        my $body = $1;
        print "constant $1\n" while $body =~ /(\w+)\s*(?:=[^,]*)?(?:,|$)/g;
    }
    print "struct $1\n" while $text =~ /\bstruct\s+(\w+)\s*\{/g;
    while ($text =~ /\btypedef\s+struct\s*\{[^}]*\}\s*(\w+)/g) {
        print "struct $1\n";
    }
}

sub topics {
    my ($file) = @_;
    my (%listed, %services);
    open my $list, '<', dirname ($0) . '/seam-topics.txt' or die "seam-topics.txt: $!\n";
    while (<$list>) {
        s/#.*//;
        for (split) {
            $listed{$_} = 1;
            $services{quotemeta ((split /\./)[0])} = 1;
        }
    }
    my $service = join '|', sort keys %services;
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    my %seen;
    for my $name (<$fh> =~ /(?<![\w.-])((?:$service)\.[\w.*-]+)(?=\0)/g) {
        next if $name =~ /\.[ch]$/; # a file's name
        print $listed{$name} ? "listed $name\n" : "unlisted $name\n" unless $seen{$name}++;
    }
}

my ($mode, $arg) = @ARGV;
my %modes = (
    protos    => \&protos,
    constants => \&constants,
    structs   => \&layouts,
    defined   => \&defined_names,
    topics    => \&topics,
    known     => sub {
        print "constant $_->[0]\n" for rows ('constants.tsv');
        print "struct $_\n" for keys %{structs ()};
    },
);
die "usage: seam.pl protos|constants|structs|defined|known|topics [ARG]\n" unless $mode && $modes{$mode};
$modes{$mode}->($arg);
