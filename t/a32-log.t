#!/bin/sh
test_description='The log: what is kept, where it goes, in which form, and what other ranks add'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
export rpc
minimal="-Sbroker.rc1_path= -Sbroker.rc3_path="
stamp="[A-Z][a-z][a-z] [0-9][0-9] [0-9:]*\.[0-9]\{6\} [A-Z]* [0-9]\{4\}"

test_expect_success 'a file gets everything, in one form, and is for the owner only' '
    echo before >file && chmod 600 file && flux start $minimal -Slog-filename=file flux logger -s info hello &&
    sed -n 1p file | grep before && grep -x "$stamp logger.info.0.: hello" file && grep "broker.info.0.: rc2-success" file &&
    flux start $minimal -Slog-filename=new true && test $(stat -c %a new) = 600 &&
    test_must_fail flux start $minimal -Slog-filename=/nosuch/file true 2>err && grep log-filename err
'
test_expect_success 'stderr: errors, or what log-stderr-level says; it may be changed' '
    flux start $minimal sh -c "flux logger -s err one; flux logger -s info two" 2>err && grep -x "$stamp logger.err.0.: one" err && ! grep two err &&
    flux start $minimal -Slog-stderr-level=6 flux logger -s info two 2>err && grep "logger.info.0.: two" err &&
    flux start $minimal sh -c "flux setattr log-stderr-level 6; flux logger -s info two" 2>err && grep "logger.info.0.: two" err &&
    flux start $minimal -Slog-stderr-level=-1 flux logger -s err one 2>err && ! grep one err
'
test_expect_success 'mode local: with the level in front, as for systemd' '
    flux start $minimal -Slog-stderr-mode=local sh -c "flux logger -s err one; flux logger -s crit two; flux logger -s info three" 2>err &&
    grep -x "<3>logger.err.0.: one" err && grep -x "<2>logger.crit.0.: two" err && ! grep three err &&
    flux start -v $minimal flux logger -s info three 2>err && grep -x "<6>logger.info.0.: three" err
'
test_expect_success 'a ring of a size, up to a level' '
    flux start $minimal -Slog-ring-size=2 sh -c "for i in 1 2 3; do flux logger entry-\$i; done; flux dmesg" >out &&
    printf "entry-2\nentry-3\n" >want && sed "s/.*: //" out >got && test_cmp want got &&
    flux start $minimal -Slog-level=3 sh -c "flux logger -s info low; flux logger -s err high; flux dmesg" >out 2>err && grep high out && ! grep low out
'
test_expect_success 'several lines are several entries' '
    cat >lines.sh <<-\EOF &&
	flux dmesg -C && flux logger "one
	
	two" && flux dmesg
	EOF
    flux start $minimal sh ./lines.sh | sed "s/.*: *//" >out && printf "one\ntwo\n" >want && test_cmp want out
'
test_expect_success 'an entry that cannot be read does not enter the ring; all are counted' '
    cat >odd.sh <<-\EOF &&
	flux dmesg -C
	flux logger good
	$rpc log.append "no entry at all"
	flux dmesg
	$rpc log.stats-get
	EOF
    flux start $minimal sh ./odd.sh >out && grep good out && ! grep "no entry" out && grep "\"ring-used\":1,.*\"remote\":1" out
'
test_expect_success 'other ranks: their errors are shown by rank 0, the rest they keep' '
    cat >ranks.sh <<-\EOF &&
	on1="env FLUX_URI=${FLUX_URI%-*}-1"
	$on1 flux logger -s err from-one; $on1 flux logger -s info also-from-one
	$on1 flux dmesg >ring1; flux dmesg >ring0
	until grep -q from-one file; do :; done
	EOF
    rm -f file && flux start -s2 $minimal -Slog-filename=file sh ./ranks.sh 2>err && grep "logger.err.1.: from-one" err &&
    grep "logger.err.1.: from-one" file && ! grep also-from-one file && grep also-from-one ring1 && ! grep from-one ring0 &&
    rm file && flux start -s2 $minimal -Slog-forward-level=6 -Slog-filename=file sh -c "sh ./ranks.sh; until grep -q also-from-one file; do :; done" 2>err
'
test_expect_success 'followers: with what was, or without; until they cancel or go' '
    cat >follow.sh <<-\EOF &&
	flux logger old
	$rpc -s -c 1 log.dmesg "{\"follow\":true,\"nobacklog\":true}" >seen & pid=$!
	while kill -0 $pid 2>/dev/null; do flux logger new; done
	grep " - - new" seen && ! grep old seen
	EOF
    flux start $minimal sh ./follow.sh
'

test_done
