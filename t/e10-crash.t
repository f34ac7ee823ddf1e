#!/bin/sh
test_description='A broker that is killed at any moment, under load

Commits and submissions go on all the time.  After each kill the next instance
must find a state that was there between two transactions, with everything in
it that was promised: t/crash/crash.h.  scripts/crash does more rounds.'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

seed=$(od -An -N3 -tu4 /dev/urandom | tr -d " ")

test_expect_success "20 kills at random moments (seed $seed)" '
    "$BUILDDIR/t/crash/crash" 20 $seed >out || { cat out; tail instance*/log; false; }
'
test_expect_success "80 kills of the KVS alone (seed $seed)" '
    mkdir kvs && (cd kvs && "$BUILDDIR/t/crash/crash" --kvs 80 $seed >out) ||
        { tail -n 30 kvs/out; tail kvs/instance*/log; false; }
'
test_expect_success 'there was something to lose' '
    transactions=$(sed -n "s/^# \([0-9]*\) transactions.*/\1/p" out) &&
    test "$transactions" -gt 20 && test -s instance0/ids &&
    sed -n "s/^# \([0-9]*\) transactions.*/\1/p" kvs/out >n && test $(wc -l <n) = 4 &&
    for n in $(cat n); do test $n -gt 100 || return 1; done
'
test_done
