# stub-flux.pl DIR [VERSION] - make a system flux-core to build against.
#
# From the tables of t/abi alone: DIR/include/flux (prototypes, callback types,
# struct layouts, constants, and the function-like macros of libflux.md section
# 1), DIR/lib with libraries that export every symbol and do nothing, and
# DIR/lib/pkgconfig.  A header includes those that declare what it mentions,
# the system headers that are promised for it, and no more: what compiles here
# needs nothing that is not in the tables.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);

my ($dir, $version) = @ARGV;
die "usage: stub-flux.pl DIR [VERSION]\n" unless defined $dir;
$version //= '0.88.0';
my $abi = dirname ($0) . '/abi';
my $cc = $ENV{CC} || 'cc';
make_path ("$dir/include/flux", "$dir/lib/pkgconfig");
$dir = abs_path ($dir);

sub rows {
    my ($name) = @_;
    open my $fh, '<', "$abi/$name" or die "$abi/$name: $!\n";
    my @rows = map { chomp; [split /\t/] } <$fh>;
    shift @rows;
    return @rows;
}

sub write_file {
    my ($path, $text) = @_;
    make_path (dirname ($path));
    open my $fh, '>', $path or die "$path: $!\n";
    print $fh $text;
    close $fh or die "$path: $!\n";
}

# ---- headers ----

# What each brings along of the system's.
my %system = (
    'core/message.h' => [qw(stdbool.h stdint.h stdarg.h stdio.h stdlib.h sys/types.h)],
    'core/handle.h'  => [qw(stdbool.h stdint.h string.h)],
    'core/watcher.h' => [qw(stdbool.h sys/stat.h)],
    'core/flog.h'    => [qw(syslog.h errno.h stdarg.h)],
    'idset.h'        => [qw(sys/types.h sys/param.h stdbool.h)],
);

# The types of the system that a prototype may mention.
my %needs = (
    bool     => 'stdbool.h',
    va_list  => 'stdarg.h',
    FILE     => 'stdio.h',
    size_t   => 'stddef.h',
    ssize_t  => 'sys/types.h',
    uint32_t => 'stdint.h',
    uint64_t => 'stdint.h',
    uint8_t  => 'stdint.h',
    int64_t  => 'stdint.h',
    json_t   => 'jansson.h',
    pid_t    => 'sys/types.h',
    stat     => 'sys/stat.h',
);

my %macros = (
    'core/future.h' =>
        "#define future_strerror(f, errnum) \\\n"
      . "    (flux_future_has_error ((f)) ? flux_future_error_string ((f)) : flux_strerror ((errnum)))\n",
    'core/flog.h' => "#define FLUX_LOG_ERROR(h) \\\n"
      . "    (void)flux_log_error ((h), \"%s::%d[%s]\", __FILE__, __LINE__, __FUNCTION__)\n",
    'core/module.h' => "#define MOD_NAME(x) const char *mod_name = x\n",
    'core/types.h' => "#define FLUX_DEPRECATED(decl) decl\n",
    'hostlist.h' => "#define hostlist_is_empty(hl) (hostlist_count (hl) == 0)\n",
    'idset.h' => "#define idset_clear_all(x) idset_subtract ((x), (x))\n",
);

# Values that the table describes in words.
my %words = (
    FLUX_MATCH_ANY            => '(struct flux_match){ 15, 0, 0 }',
    FLUX_MATCH_EVENT          => '(struct flux_match){ 4, 0, 0 }',
    FLUX_MATCH_REQUEST        => '(struct flux_match){ 1, 0, 0 }',
    FLUX_MATCH_RESPONSE       => '(struct flux_match){ 2, 0, 0 }',
    FLUX_MSGHANDLER_TABLE_END => '{ 0, 0, 0, 0 }',
    OPTPARSE_TABLE_END        => '{ 0, 0, 0, 0, 0, 0, 0, 0 }',
    OPTPARSE_SUBCMD_END       => '{ 0, 0, 0, 0, 0, 0 }',
);

my (@headers, %decls);
{
    open my $fh, '<', "$abi/declarations.txt" or die "$abi/declarations.txt: $!\n";
    my $header;
    while (<$fh>) {
        chomp;
        if (/^## (\S+)/) {
            $header = $1;
            push @headers, $header;
        }
        elsif (/\S/) {
            push @{$decls{$header}}, $_;
        }
    }
}

my %constants;
push @{$constants{$_->[2]}}, $_ for rows ('constants.tsv');

# Who declares a type?
my (%typedef_in, %struct_in, %enum_in);
for my $header (@headers) {
    for (@{$decls{$header}}) {
        $typedef_in{$1} = $header if /^typedef\b.*\(\*?(\w+)\)\s*\(/ || /^typedef\b.*\W(\w+);$/;
        $struct_in{$1} = $header if /^struct (\w+) \{/;
    }
    for (@{$constants{$header}}) {
        $enum_in{$1} = $header if $_->[3] =~ /^enum (\w+)$/;
    }
}

# The constants of a header: enums under their tags, those of a typedef'd enum
# (named after its prefix) in it, macros.
sub constants {
    my ($header) = @_;
    my (%enum, @order, %typedef);
    my $text = '';

    for (grep { /^typedef enum \{ see/ } @{$decls{$header}}) {
        my ($type) = /\} (\w+);/;
        (my $prefix = uc $type) =~ s/T$//;
        $typedef{$prefix} = $type;
    }
    for (@{$constants{$header}}) {
        my ($name, $value, undef, $kind) = @$_;
        if ($kind =~ /macro/) {
            $value = $words{$name} // $value;
            $value = "(~(uint64_t)0)" if $value eq '18446744073709551615';
            $value .= 'U' if $value =~ /^\d+$/ && $value > 2147483647;
            $text .= "#define $name $value\n";
            next;
        }
        my ($tag) = $kind =~ /^enum (\w+)$/;
        my $key = defined $tag ? "enum $tag" : 'enum';
        for my $prefix (keys %typedef) {
            $key = "typedef $typedef{$prefix}" if !defined $tag && index ($name, $prefix) == 0;
        }
        push @order, $key unless $enum{$key};
        push @{$enum{$key}}, "    $name = $value,\n";
    }
    for (values %typedef) {
        next if $enum{"typedef $_"};
        push @order, "typedef $_";
        push @{$enum{"typedef $_"}}, "    stub_$_,\n";
    }
    for my $key (@order) {
        my $body = join '', @{$enum{$key}};
        $text .= $key =~ /^typedef (\w+)/ ? "typedef enum {\n$body} $1;\n" : "$key {\n$body};\n";
    }
    return $text;
}

sub includes {
    my ($header, $text) = @_;
    my %sys = map { $_ => 1 } @{$system{$header} || []};
    my %own;

    for my $word ($text =~ /\b(\w+)\b/g) {
        $sys{$needs{$word}} = 1 if $needs{$word};
        $own{$typedef_in{$word}} = 1 if $typedef_in{$word};
    }
    $own{$struct_in{$_}} = 1 for grep { $struct_in{$_} } $text =~ /\bstruct (\w+)/g;
    $own{$enum_in{$_}} = 1 for grep { $enum_in{$_} } $text =~ /\benum (\w+)/g;
    delete $own{$header};
    return join ('', map { "#include <$_>\n" } sort keys %sys)
        . join ('', map { "#include <flux/$_>\n" } sort keys %own);
}

sub header {
    my ($header) = @_;
    (my $guard = uc "stub_flux_$header") =~ s/\W/_/g;
    my $body = constants ($header);
    my %mentioned;

    for (@{$decls{$header}}) {
        next if /^typedef enum \{ see/;
        # a tag that is first seen in a parameter list would be local to it
        for my $tag (/\bstruct (\w+)/g) {
            $body .= "struct $tag;\n" unless $mentioned{$tag}++ || $struct_in{$tag} && $struct_in{$tag} ne $header;
        }
        $body .= "$_\n";
    }
    $body .= $macros{$header} // '';
    return "#ifndef $guard\n#define $guard\n" . includes ($header, $body)
        . "#ifdef __cplusplus\nextern \"C\" {\n#endif\n$body"
        . "#ifdef __cplusplus\n}\n#endif\n#endif\n";
}

# What a program or plugin provides is no part of the libraries.
my @installed = grep { !/^(shell|pmi2?)\.h$/ } @headers;
write_file ("$dir/include/flux/$_", header ($_)) for @installed;
write_file ("$dir/include/flux/core.h",
            join '', map { "#include <flux/$_>\n" } grep { /^core\// } @installed);
write_file ("$dir/include/flux/schedutil.h",
            join '', map { "#include <flux/$_>\n" } grep { /^schedutil\// } @installed);

# ---- libraries ----

my %symbols;
push @{$symbols{$_->[0]}}, $_->[1] for rows ('flux-core-0.88.tsv');
for my $lib (sort keys %symbols) {
    my $soname = $lib . ($lib eq 'libflux-core.so' ? '.2' : '.1');
    my $source = "$dir/lib/$lib.c";

    write_file ($source, join '', map { "void $_ (void) {}\n" } @{$symbols{$lib}});
    system ("$cc -w -shared -fPIC -Wl,-soname,$soname -o '$dir/lib/$soname' '$source'") == 0
        or die "cannot make $lib\n";
    unlink $source;
    unlink "$dir/lib/$lib";
    symlink $soname, "$dir/lib/$lib" or die "$dir/lib/$lib: $!\n";

    (my $name = $lib) =~ s/^lib(.*)\.so$/$1/;
    write_file ("$dir/lib/pkgconfig/$name.pc", <<"END");
prefix=$dir
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: $name
Description: stand-in for the $name of a system
Version: $version
Libs: -L\${libdir} -l$name
Cflags: -I\${includedir}
END
}
