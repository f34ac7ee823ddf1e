#!/bin/sh
test_description='man pages name the options that the commands have, and no others'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

pages=$SRCDIR/doc/man1

# check_pages [SCRIPT of sed FILE]: compare the pages, after a change to one of them, with the help.
check_pages () {
    rm -rf pages && mkdir pages && cp "$pages"/*.scd pages &&
    if [ $# -gt 0 ]; then
        sed -e "$1" <"$pages/$2" >"pages/$2" && ! cmp -s "$pages/$2" "pages/$2"
    fi || return 2
    perl "$T/man.pl" check help pages >missing
}
test_expect_success 'each command says what options it has' '
    perl "$T/man.pl" help >help && test $(grep -c "^== " help) -gt 100 && grep -x "== content checkpoint list" help
'
test_expect_success 'its page names them, in both forms, and none that no command has' '
    check_pages || { cat missing; false; }
'
test_expect_success 'an option that a page does not name is found' '
    test_expect_code 1 check_pages "s/\*-W\*, \*--waitcreate\*/*-W*/" flux-kvs.1.scd && cat missing &&
    grep -x "flux kvs get -W, --waitcreate: not in its man page" missing &&
    test_expect_code 1 check_pages "s/ \*--shuffle\*//" flux-run.1.scd && echo "flux bulksubmit --shuffle: not in its man page" >want &&
    test_cmp want missing
'
test_expect_success 'one with another letter, one that does not exist, a command without a page' '
    test_expect_code 1 check_pages "s/\*-j\*, \*--jobid\*/*-J*, *--jobid*/" flux-exec.1.scd &&
    printf "%s\n" "flux exec -j, --jobid: not in its man page" "flux-exec: -J, --jobid: no command of this page has it" >want &&
    test_cmp want missing &&
    test_expect_code 1 check_pages "s/^# SIGNALS/*--nosuch*/" flux-exec.1.scd && echo "flux-exec: --nosuch: no command of this page has it" >want &&
    test_cmp want missing &&
    test_expect_code 1 check_pages "s/^flux-watch - /flux-look - /" flux-watch.1.scd && grep -x "flux watch: no page names it" missing
'
if command -v scdoc >/dev/null; then
    test_set_prereq SCDOC
fi
test_expect_success SCDOC 'all pages are well formed' '
    for page in "$SRCDIR"/doc/man*/*.scd; do
        scdoc <"$page" >page 2>err && test -s page && test_must_be_empty err || { echo "$page"; return 1; }
    done
'
test_expect_success 'all pages are installed' '
    for page in "$SRCDIR"/doc/man*/*.scd; do
        grep -F "%D%/${page#$SRCDIR/doc/}" "$SRCDIR/doc/Makemodule.am" || return 1
    done
'
test_done
