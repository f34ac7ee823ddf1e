#!/bin/sh
# Whoever followed a long log paid, for each line appended to it, for all that
# was there before: the whole list of its blobs was fetched for every watcher.
# What must hold: an append costs one lookup however many watch, and each blob
# is loaded once: what is loaded is what was appended, to the byte.
test_description='following a log costs what is appended to it'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

counter () {
    flux module stats -p "$1" kvs-watch
}
lines () {
    test "$(wc -l <"$1")" -ge "$2"
}

test_expect_success 'a log of a hundred blobs, each a line too long to be inlined' '
    for i in $(seq 1 100); do
        flux kvs put -A log="$(printf "%080d" "$i")" || return 1
    done
'
test_expect_success 'eight follow it' '
    for i in 1 2 3 4 5 6 7 8; do
        flux kvs get -w -A -c 110 log >out$i &
        pids="$pids $!"
    done &&
    for i in 1 2 3 4 5 6 7 8; do
        wait_until lines out$i 100 || return 1
    done
'
test_expect_success 'ten lines more cost ten lookups at most, and eighty responses' '
    lookups=$(counter lookups) && loads=$(counter loads) && bytes=$(counter bytes) &&
    responses=$(counter responses) &&
    for i in $(seq 101 110); do
        flux kvs put -A log="$(printf "%080d" "$i")" || return 1
    done &&
    wait $pids &&
    test $(($(counter lookups) - lookups)) -le 10 &&
    test $(($(counter loads) - loads)) -le 10 &&
    test $(($(counter bytes) - bytes)) -eq 800 &&
    test $(($(counter responses) - responses)) -eq 80
'
test_expect_success 'all eight got every line once, in order' '
    for i in $(seq 1 110); do printf "%080d\n" "$i"; done >expect &&
    for i in 1 2 3 4 5 6 7 8; do test_cmp expect out$i || return 1; done
'

test_done
