#!/usr/bin/perl
# man.pl - the options of --help against those of the man pages.
#
#   man.pl help               print what each command says of itself with --help, one command
#                             after the other, each headed by "== COMMAND..."
#   man.pl check HELP DIR     compare that with the pages in DIR; print what is missing, one line
#                             each, and exit with 1 if anything is
#
# A page is about the commands that its NAME section names.  Each option of a command stands in
# one of its pages, "-r, --raw" where it has two forms; each option with two dashes that a page
# names is one of a command of that page.

use strict;
use warnings;

# What a page says of options that are not of its own commands.
my %others = (
    "flux-config" => { "--conf" => "of flux start" },
    "flux-jobtap" => { "--dependency" => "of flux run", "--begin-time" => "of flux run" },
);

# ---- what --help says -----------------------------------------------------------

sub help_of
{
    my $text = `flux @_ --help 2>&1 </dev/null`;

    die "flux @_ --help: exit code $?\n$text" if $? != 0;
    return $text;
}

sub subcommands { return $_[0] =~ /^  ([a-z][a-z-]*) /mg }

sub walk
{
    my $text = help_of (@_);

    print "== @_\n$text";
    return unless $text =~ /^Usage: .* COMMAND \[ARGUMENTS\]$/m;
    walk (@_, $_) for subcommands ($text);
}

# ---- options --------------------------------------------------------------------

# Of a help text: pairs of a short form and a long one, either may be empty.
sub options
{
    my ($command, $text) = @_;
    my @found;

    if ($command eq "mpiexec") { # one dash, many to a line
        push @found, ["", $_] for $text =~ /(?<!\S)(-[a-z][a-z-]+)/g;
        return @found;
    }
    for (split /\n/, $text) {
        next unless /^\s+(?:(-\w)(?:, |\s|$))?(--[a-z0-9][a-z0-9-]*)?/;
        my ($short, $long) = ($1 // "", $2 // "");
        push @found, [$short, $long] if $short || $long;
    }
    return grep { $_->[1] ne "--help" } @found;
}

sub read_help
{
    my %help;
    my $command;

    open (my $f, "<", $_[0]) or die "$_[0]: $!\n";
    while (<$f>) {
        if (/^== (.*)/) {
            $command = $1;
            $help{$command} = "";
        } else {
            $help{$command} .= $_;
        }
    }
    return map { $_ => [options ($_, $help{$_})] } keys %help;
}

# ---- pages ------------------------------------------------------------------------

sub read_page
{
    my ($path) = @_;
    local $/;

    open (my $f, "<", $path) or die "$path: $!\n";
    my $text = <$f>;
    $text =~ s/[*\\]|(?<![A-Za-z])_|_(?![A-Za-z])//g; # marks of scdoc
    $text =~ s/\+\+$//mg;
    my ($names) = $text =~ /^# NAME\n\n(.*?) - /m or die "$path: no section NAME\n";
    $text =~ s/\s+/ /g;
    return { names => [map { s/^flux-?//r } split /, /, $names], text => $text };
}

sub says
{
    my ($page, $words) = @_;

    return $page->{text} =~ /(?<![\w-])\Q$words\E(?![\w-])/;
}

# ---- the comparison -----------------------------------------------------------------

# Each option of --help is in a page.
sub missing_in_pages
{
    my ($help, $pages) = @_;
    my @missing;

    for my $command (sort keys %$help) {
        my ($first) = split / /, $command;
        my @about = grep { grep { $_ eq $first } @{$_->{names}} } values %$pages;

        push @missing, "flux $first: no page names it" unless @about || $command =~ / /;
        for my $o (@{$help->{$command}}) {
            my $words = join (", ", grep { $_ } @$o);

            push @missing, "flux $command $words: not in its man page"
                unless grep { says ($_, $words) } @about;
        }
    }
    return @missing;
}

# Each option of a page is one of --help, and so is each pair of forms.
sub missing_in_help
{
    my ($help, $pages) = @_;
    my @missing;

    for my $name (sort keys %$pages) {
        my $page = $pages->{$name};
        my %named = map { $_ => 1 } @{$page->{names}};
        my %known = ("--help" => 1, "-h, --help" => 1);

        for my $command (grep { (split / /)[0] && $named{(split / /)[0]} } keys %$help) {
            for my $o (@{$help->{$command}}) {
                $known{$o->[1]} = 1;
                $known{join (", ", grep { $_ } @$o)} = 1;
            }
        }
        my @here = $page->{text} =~ /(?<![\w-])(--[a-z0-9][a-z0-9-]*)/g;
        push @here, $page->{text} =~ /(?<![\w-])(-\w, --[a-z0-9][a-z0-9-]*)/g;
        for my $o (@here) {
            push @missing, "$name: $o: no command of this page has it"
                unless $known{$o}++ || $others{$name}{$o};
        }
    }
    return @missing;
}

my $what = shift // "";
if ($what eq "help") {
    walk ($_) for subcommands (help_of ()), "broker";
} elsif ($what eq "check" && @ARGV == 2) {
    my %help = read_help ($ARGV[0]);
    my %pages = map { m{([^/]*)\.1\.scd$} ? ($1 => read_page ($_)) : () } glob ("$ARGV[1]/*.1.scd");
    my @missing = (missing_in_pages (\%help, \%pages), missing_in_help (\%help, \%pages));

    die "no help, or no pages\n" unless %help && %pages;
    print "$_\n" for @missing;
    exit (@missing ? 1 : 0);
} else {
    die "Usage: man.pl help | man.pl check HELP DIR\n";
}
