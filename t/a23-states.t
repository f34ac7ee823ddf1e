#!/bin/sh
test_description='The states of a broker: what leads from which to which, and what a signal does in each'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc

# states OPTIONS: run an instance, print the transitions that its log has
states () {
    rm -f log
    flux start -Slog-filename=log "$@" 2>err
    rc=$?
    sed -n "s/.*broker.info.0.: \([a-z0-9-]*: [a-z-]*->[a-z-]*\) [0-9.a-z]*$/\1/p" log
    return $rc
}
# signalled NAME [STATUS]: send it to the instance that writes "up"; the exit code
signalled () {
    wait_until test -e up && kill -$1 $(cat up) && wait $pid
}
minimal="-Sbroker.rc1_path= -Sbroker.rc3_path="

test_expect_success 'from start to end' '
    states $minimal true >out && cat >want <<-\EOF &&
	builtins-success: load-builtins->join
	parent-none: join->config-sync
	sync-none: config-sync->init
	rc1-none: init->quorum
	quorum-full: quorum->run
	rc2-success: run->cleanup
	cleanup-none: cleanup->shutdown
	children-none: shutdown->finalize
	rc3-none: finalize->goodbye
	goodbye: goodbye->unload-builtins
	builtins-done: unload-builtins->exit
	EOF
    test_cmp want out && grep "broker.info.0.: online: .* .ranks 0.$" log
'
test_expect_success 'with all phases, and when they fail' '
    states true >out && grep "^rc1-success: init->quorum" out && grep "^cleanup-success: cleanup->shutdown" out &&
    grep "^rc3-success: finalize->goodbye" out &&
    test_expect_code 3 states $minimal sh -c "$rpc runat.push \"{\\\"name\\\":\\\"cleanup\\\",\\\"commands\\\":[\\\"false\\\"]}\"; exit 3" >out &&
    grep "^rc2-fail: run->cleanup" out && grep "^cleanup-fail: cleanup->shutdown" out &&
    test_expect_code 4 states -Sbroker.rc1_path= "-Sbroker.rc3_path=exit 4" true >out && grep "^rc3-fail: finalize->goodbye" out
'
test_expect_success 'a failing rc1: neither program nor cleanup, but rc3' '
    test_expect_code 5 states "-Sbroker.rc1_path=exit 5" "-Sbroker.rc3_path=touch rc3" touch rc2 >out &&
    grep "^rc1-fail: init->shutdown" out && ! grep cleanup out && test -e rc3 && test ! -e rc2 &&
    test_expect_code 5 states "-Sbroker.rc1_path=exit 5" -Sbroker.rc3_path= -Sbroker.recovery-mode true >out &&
    grep "^rc1-ignorefail: init->quorum" out
'
test_expect_success 'a configuration that a part of the broker refuses' '
    test_expect_code 1 states --conf=access.nosuch=1 true >out && cat out &&
    echo "builtins-fail: load-builtins->unload-builtins" >want && sed 1q out >first && test_cmp want first
'
test_expect_success 'what phases say is logged, by name and number' '
    states "-Sbroker.rc1_path=echo out; echo oops >&2" -Sbroker.rc3_path= sh -c "exit 3" >out
    grep "broker.info.0.: rc1.0: out$" log && grep "broker.err.0.: rc1.0: oops$" log &&
    grep "broker.info.0.: rc1.0: echo out; echo oops >&2 Exited (rc=0) [0-9.]*s$" log &&
    grep "broker.err.0.: rc2.0: sh -c exit 3 Exited (rc=3) [0-9.]*s$" log
'
test_expect_success 'init: a signal hangs up rc1, what follows is rc3' '
    rm -f up rc3 rc2 &&
    { states "-Sbroker.rc1_path=echo \$PPID >up.tmp; mv up.tmp up; exec sleep 1000" "-Sbroker.rc3_path=touch rc3" touch rc2 >out & } &&
    pid=$! && test_expect_code 129 signalled TERM && grep "^rc1-fail: init->shutdown" out && test -e rc3 && test ! -e rc2 &&
    grep "rc1.0: .* Hangup (rc=129)" log
'
test_expect_success 'cleanup: the command that runs is hung up, those after it are skipped' '
    cat >push.sh <<-EOF &&
	$rpc runat.push "{\"name\":\"cleanup\",\"commands\":[\"touch third\",\"touch second\",\"echo \$PPID >up.tmp; mv up.tmp up; exec sleep 1000\"]}"
	EOF
    rm -f up && { states -Sbroker.rc1_path= "-Sbroker.rc3_path=touch done" sh ./push.sh >out & } &&
    pid=$! && test_expect_code 129 signalled INT && test ! -e second && test ! -e third && test -e done &&
    grep "^cleanup-fail" out
'
test_expect_success 'finalize: rc3 is hung up' '
    rm -f up &&
    { states -Sbroker.rc1_path= "-Sbroker.rc3_path=echo \$PPID >up.tmp; mv up.tmp up; exec sleep 1000" true >out & } &&
    pid=$! && test_expect_code 129 signalled QUIT && grep "^rc3-fail: finalize->goodbye" out
'
test_expect_success 'run without a program: the instance shuts down, exit 0' '
    rm -f up &&
    { states -Sbroker.rc1_path= -Sbroker.rc3_path= -Sbroker.rc2_none "-Slocal-uri=local://$PWD/sock" >out & } && pid=$! &&
    wait_until env "FLUX_URI=local://$PWD/sock" $rpc state-machine.wait && FLUX_URI="local://$PWD/sock" flux getattr broker.pid >up &&
    signalled ALRM && grep "^shutdown: run->cleanup" out
'
test_expect_success 'quorum: whoever is waited for, a signal ends the wait' '
    rm -f up &&
    { states -s2 --test-exit-mode=leader "-Sbroker.rc1_path=if test \$(flux getattr rank) = 1; then
            echo \$(FLUX_URI=\${FLUX_URI%1}0 flux getattr broker.pid) >up.tmp; mv up.tmp up; exec sleep 1000; fi" \
        -Sbroker.rc3_path= true >out & } && pid=$! &&
    test_expect_code 1 signalled TERM && grep "^quorum-fail: quorum->shutdown" out && ! grep run out
'
test_expect_success 'join: a rank that waits for its parent gives up, and the instance with it' '
    rm -f up &&
    cat >join.sh <<-\EOF &&
	uri=local://$(flux getattr rundir)/local-1
	until pid=$(FLUX_URI=$uri flux getattr broker.pid); do :; done
	test "$(FLUX_URI=$uri $rpc state-machine.get | grep join)" || exit 1
	echo $pid >up.tmp; mv up.tmp up
	while kill -0 $pid; do :; done
	EOF
    export rpc && { states -s2 "-Sbroker.rc1_path=test \$(flux getattr rank) = 1 || sh ./join.sh" -Sbroker.rc3_path= true >out & } &&
    pid=$! && test_must_fail signalled TERM && cat err && grep "rank 1 is needed, and has gone" log && ! grep "quorum->run" out
'
test_expect_success 'quorum: a rank whose parent dies has failed' '
    cat >lose.sh <<-\EOF &&
	test $(flux getattr rank) = 2 || exit 0
	until FLUX_URI=${FLUX_URI%2}1 $rpc state-machine.get | grep quorum; do :; done
	kill -9 $(FLUX_URI=${FLUX_URI%2}0 flux getattr broker.pid)
	exec sleep 1000
	EOF
    test_expect_code 137 flux start -s3 "-Sbroker.rc1_path=sh ./lose.sh" -Sbroker.rc3_path= true 2>err && cat err &&
    grep "^flux-start: 1 (pid [0-9]*) exited with rc=1" err
'
test_expect_success 'an event may be posted; with an error the exit code is 1' '
    states $minimal sh -c "$rpc -N state-machine.post \"{\\\"event\\\":\\\"nosuch\\\"}\"; $rpc state-machine.get" >out && grep "\"state\":\"run\"" out &&
    test_expect_code 1 states $minimal sh -c "$rpc -N state-machine.post \"{\\\"event\\\":\\\"shutdown\\\",\\\"error\\\":true}\"; $rpc state-machine.get" >out &&
    grep "^shutdown: run->cleanup" out
'
test_expect_success 'who is waited for is said' '
    states -s3 -Sbroker.quorum-warn=0.05s "-Sbroker.rc1_path=test \$(flux getattr rank) = 0 && exit 0; until grep -q \"[q]uorum delayed\" log; do :; done" \
        -Sbroker.rc3_path= true >out && grep "broker.err.0.: quorum delayed: waiting for ranks 1-2 for" log &&
    states -s3 -Sbroker.shutdown-warn=0.05s "-Sbroker.rc3_path=test \$(flux getattr rank) != 2 || until grep -q \"[f]or ranks 2 for\" log; do :; done" \
        -Sbroker.rc1_path= true >out && grep "broker.err.0.: shutdown delayed: waiting for ranks 2 for" log
'
test_expect_success 'who does not shut down is not waited for for ever' '
    test_expect_code 1 states -s3 --test-exit-timeout=0.1s -Sbroker.shutdown-timeout=0.1s \
        "-Sbroker.rc3_path=test \$(flux getattr rank) != 2 || until grep -q \"[c]hildren-complete: \" log; do :; done" -Sbroker.rc1_path= --test-exit-mode=leader true >out &&
    grep "broker.err.0.: rank 2: did not shut down in time" log && grep "^children-complete: shutdown->finalize" out
'
test_expect_success 'durations that are none' '
    for a in broker.quorum-warn broker.shutdown-warn broker.shutdown-timeout tbon.torpid_min tbon.torpid_max tbon.connect_timeout; do
        test_expect_code 1 flux start -s2 -S$a=x $minimal true 2>err && grep "Error parsing $a attribute" err || return 1
    done
'

test_done
