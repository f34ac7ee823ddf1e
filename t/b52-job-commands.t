#!/bin/sh
test_description='flux job list, list-ids, stats, id, raise, kill, urgency, wait: options, errors, exit codes'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

# fails CODE SENTENCE COMMAND...: it says so and exits with that code
fails () {
    code=$1 && sentence=$2 && shift 2 && test_expect_code $code "$@" 2>err &&
    { grep -F -e "$sentence" err || { cat err; false; }; }
}
on_terminal () {
    script -qec "$*" /dev/null </dev/null
}
script -qec true /dev/null </dev/null >/dev/null 2>&1 && test_set_prereq TERMINAL

test_expect_success 'one job of each kind' '
    ok=$(flux submit --job-name=ok true) &&
    held=$(flux submit --urgency=hold --job-name=held true) &&
    run=$(flux submit --job-name=run sleep 1000) &&
    flux job list-ids -W inactive $ok >out && grep "\"name\":\"ok\"" out &&
    flux job list-ids -W run $run >out && grep "\"state\":16" out &&
    flux job list-ids -W sched $held >out && grep "\"state\":8" out
'
names () {
    sed "s/.*\"name\":\"\([^\"]*\)\".*/\1/" "$@"
}
test_expect_success 'list: states, users, counts' '
    flux job list >out && names out >n && printf "held\nrun\n" >want && test_cmp want n &&
    flux job list -a >out && names out >n && printf "held\nrun\nok\n" >want && test_cmp want n &&
    flux job list -A >out && names out >n && test_cmp want n &&
    flux job list -c 2 -a >out && test_line_count 2 out &&
    for s in sched SCHED s S pending PENDING Pending; do
        flux job list -s $s >out && names out >n && echo held >want && test_cmp want n || return 1
    done &&
    flux job list --states=running,INACTIVE >out && names out >n &&
    printf "run\nok\n" >want && test_cmp want n &&
    flux job list -u $(id -un) >out && test_line_count 2 out &&
    flux job list -u $(id -u) >out && test_line_count 2 out &&
    flux job list -u all >out && test_line_count 2 out &&
    flux job list -u 54321 >out && test_must_be_empty out &&
    fails 1 "flux-job: error parsing --states: bogus is unknown" flux job list -s bogus &&
    fails 1 "flux-job: unknown user nosuchuser" flux job list -u nosuchuser &&
    test_expect_code 1 flux job list x 2>err && grep "^Usage: flux-job list" err
'
test_expect_success 'what list prints is one object a line, with all there is' '
    flux job list -a >out && jq -e ".id and .state and .t_submit" out >n && test_line_count 3 n &&
    ! grep ": " out && flux job list -s inactive | jq -e ".result == 1 and .success and .waitstatus == 0"
'
test_expect_success TERMINAL 'they are not for people' '
    for c in "list -a" "list-inactive" "list-ids $ok"; do
        test_must_fail on_terminal flux job $c >out &&
        grep "This is not the command you are looking for. Try flux-jobs(1)." out || return 1
    done
'
test_expect_success 'list-ids: several, one twice, in the order of the answers' '
    flux job list-ids $ok $held $ok >out && names out >n && printf "ok\nheld\nok\n" >want &&
    test_cmp want n &&
    { flux job list-ids -W inactive $run $ok >order & } && pid=$! &&
    wait_until grep ok order && flux cancel $run && wait $pid && names order >n &&
    printf "ok\nrun\n" >want && test_cmp want n
'
test_expect_success 'list-ids: each state can be waited for, and a job that ends ends all waits' '
    a=$(flux submit --urgency=hold sleep 1000) &&
    for s in depend run cleanup inactive; do
        flux job list-ids --wait-state=$s $a >wait.$s & eval pid_$s=$! || return 1
    done &&
    wait $pid_depend && flux job urgency $a 16 && wait $pid_run && grep "\"state\":16" wait.run &&
    flux cancel $a && wait $pid_cleanup && wait $pid_inactive && grep "\"state\":64" wait.inactive &&
    b=$(flux submit --urgency=hold true) &&
    { flux job list-ids -W run $b >wait.run & } && pid=$! &&
    wait_until sh -c "test \"\$(flux module stats -p idsync.waits job-list)\" = 1" &&
    flux cancel $b && wait $pid && grep "\"state\":64" wait.run &&
    wait_until sh -c "test \"\$(flux module stats -p idsync.waits job-list)\" = 0"
'
test_expect_success 'list-ids: errors' '
    fails 1 "flux-job: flux job-list.list-d: No such file or directory" flux job list-ids f1 &&
    fails 1 "flux job-list.list-d: No such file or directory" flux job list-ids foobar &&
    fails 1 "error parsing jobid: \"x-y\"" flux job list-ids x-y &&
    fails 1 "invalid job state specified" flux job list-ids -W bogus $ok &&
    test_expect_code 1 flux job list-ids 2>err && grep "^Usage" err
'
test_expect_success 'stats' '
    flux job stats >out && jq -e ".job_states.total == 5 and .successful == 1 and .queues == []" out
'
test_expect_success 'id: every form that is ours, from words and from lines' '
    while read dec hex dothex kvs f58; do
        for word in $dec $hex $dothex $kvs $f58; do
            test "$(flux job id $word)" = $dec && test "$(flux job id -t hex $word)" = $hex &&
            test "$(flux job id --to=dothex $word)" = $dothex &&
            test "$(flux job id --to=kvs $word)" = $kvs &&
            test "$(flux job id --to=f58plain $word)" = $f58 || return 1
        done
    done <<-EOF &&
	1 0x1 0000.0000.0000.0001 job.0000.0000.0000.0001 f2
	1234 0x4d2 0000.0000.0000.04d2 job.0000.0000.0000.04d2 fNH
	26122125312 0x615000000 0000.0006.1500.0000 job.0000.0006.1500.0000 fgoKimu
	EOF
    printf "fNH\n 58 \n" | flux job id >out && printf "1234\n58\n" >want && test_cmp want out &&
    test_expect_code 1 flux job id </dev/null &&
    fails 1 "x-y: malformed input" flux job id x-y &&
    fails 1 "Unknown to=bogus" flux job id -t bogus 1 &&
    fails 1 "flux-job: " flux job id -t words 1 && fails 1 "flux-job: " flux job id -t emoji 1
'
test_expect_success 'raise: several jobs, a note in either place, errors' '
    a=$(flux submit --urgency=hold true) && b=$(flux submit --urgency=hold true) &&
    flux job raise -s 5 -t foo -m "a note" $a $b &&
    flux job raise --severity=6 --type=bar $a $b -- and another &&
    for j in $a $b; do
        flux job wait-event -m type=foo $j exception | grep "severity=5 note=\"a note\"" &&
        flux job wait-event -m type=bar $j exception | grep "note=\"and another\"" || return 1
    done &&
    fails 1 "Do not set note on command line and with --message" flux job raise -m x $a y-z &&
    fails 1 "raise f1: unknown job id" flux job raise -s 5 -t foo $a f1 &&
    flux job raise -s 5 -t foo no-id &&
    fails 1 "raise $ok: job is inactive" flux job raise $ok &&
    fails 1 "raise $a: " flux job raise -s 8 $a
'
test_expect_success 'urgency: numbers and words, and what it was' '
    flux job urgency -v $a 31 2>err && echo "old urgency: job held" >want && test_cmp want err &&
    flux job urgency -v $b default 2>err && test_cmp want err &&
    flux job list-ids -W inactive $a $b >out && c=$(flux submit --urgency=5 -n 1 true --urgency=5) &&
    d=$(flux submit --urgency=hold true) && flux queue stop >/dev/null && flux job urgency $d expedite &&
    flux job urgency -v $d 7 2>err && echo "old urgency: job expedited" >want && test_cmp want err &&
    flux job urgency -v $d hold 2>err && echo "old urgency: 7" >want && test_cmp want err &&
    flux queue start >/dev/null &&
    fails 1 "error parsing urgency: \"x\"" flux job urgency $d x &&
    fails 1 "f1: unknown job" flux job urgency f1 5 &&
    fails 1 "$d: " flux job urgency $d 32 && fails 1 "$ok: " flux job urgency $ok 5 &&
    test_expect_code 1 flux job urgency $d 2>err && grep "^Usage" err
'
test_expect_success 'kill: signals by number and name, errors' '
    mkfifo up && a=$(flux submit sh -c "trap \"exit 7\" USR1; echo >up; while :; do sleep 0.01; done") &&
    read x <up && flux job kill -s SIGUSR1 $a &&
    { flux job attach $a; test $? = 7; } &&
    fails 1 "kill: Invalid signal NOSUCH" flux job kill -s NOSUCH $a &&
    fails 1 "kill $a: " flux job kill $a && fails 1 "kill f1: " flux job kill f1 &&
    fails 1 "kill $d: " flux job kill $d &&
    test_expect_code 1 flux job kill 2>err && grep "^Usage" err
'
test_expect_success 'wait: any job, all jobs, one; what failed and what there is none of' '
    fails 2 "flux-job: " flux job wait &&
    a=$(flux submit --flags=waitable true) && test "$(flux job wait)" = $a &&
    a=$(flux submit --flags=waitable false) && flux submit --flags=waitable true >b &&
    test_expect_code 1 flux job wait -a -v 2>err &&
    grep "$a: task(s) exited with exit code 1" err &&
    grep "$(cat b): job completed successfully" err && test_line_count 2 err &&
    flux job wait --all && fails 2 "flux-job: " flux job wait $a &&
    fails 2 "flux-job: " flux job wait f1 && flux submit --cc=1-20 --flags=waitable --quiet true &&
    flux job wait -a -v 2>err && test_line_count 20 err &&
    test_expect_code 1 flux job wait -a $a 2>err && grep "^Usage" err
'
test_expect_success 'status: the highest of the codes' '
    a=$(flux submit sh -c "exit 3") && b=$(flux submit true) && flux job status $b &&
    test_expect_code 3 flux job status $a $b &&
    c=$(flux submit --urgency=hold true) && flux cancel $c &&
    test_expect_code 9 flux job status -e 9 $b $c && test_expect_code 1 flux job status f1
'
test_expect_success 'a copy for each of one id' '
    flux submit --cc=1-1 --watch --quiet echo {cc} >out && echo 1 >want && test_cmp want out &&
    flux submit --cc=[3-3,5-6] --dry-run echo {cc} | grep "\"echo\", \"3\"" &&
    flux submit --cc=2-2,4-5 true >out && test_line_count 3 out &&
    flux submit --bcc=0-0 true >out && test_line_count 1 out &&
    fails 1 "is not an idset" flux submit --cc=2-1 true && fails 1 "is not an idset" flux submit --cc=x true &&
    fails 1 "specify only one of --cc or --bcc" flux submit --cc=1 --bcc=1 true
'
test_expect_success 'update --wait: the log has it when it returns' '
    a=$(flux submit --urgency=hold -t 10m true) &&
    for m in 11 12; do
        flux update --wait -v $a duration=${m}m 2>err && grep "INFO: updated attributes.system.duration" err &&
        flux job eventlog $a >log && grep "jobspec-update attributes.system.duration=$((m * 60))" log || return 1
    done &&
    fails 1 "flux-update: ERROR: " flux update --wait f1 duration=1m && flux cancel --all
'
test_done
