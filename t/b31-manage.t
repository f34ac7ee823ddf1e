#!/bin/sh
test_description='flux pgrep, pkill, cancel, queue, update and the rest of flux job'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

# submit a job that waits until it is ended, and wait until it runs
sleeper () {
    id=$(flux submit "$@" sleep 1000) && flux job wait-event $id start >/dev/null && echo $id
}
cleaned () {
    for j in "$@"; do flux job wait-event $j clean >/dev/null || return 1; done
}
# job-list is told of events a moment after the job's watchers
listed () {
    want=$1; shift
    wait_until sh -c "test \$(flux jobs -n $* | wc -l) = $want"
}

test_expect_success 'pgrep finds jobs by name or id' '
    a=$(flux submit --urgency=hold --job-name=test-a true) &&
    b=$(flux submit --urgency=hold --job-name=test-b true) &&
    c=$(flux submit --urgency=hold --job-name=other true) &&
    listed 3 &&
    flux pgrep "^test-" >out && printf "$a\n$b\n" >expect && test_cmp expect out &&
    flux pgrep name:other >out && echo $c >expect && test_cmp expect out &&
    flux pgrep $a..$b >out && printf "$a\n$b\n" >expect && test_cmp expect out &&
    flux pgrep $a..$c "e[rs]t?-?" -c 1 >out && echo $a >expect && test_cmp expect out &&
    flux pgrep -o "{name}" other >out && printf "NAME\nother\n" >expect && test_cmp expect out &&
    flux pgrep -no "{name}" other >out && echo other >expect && test_cmp expect out &&
    flux pgrep -o full test-a >out && head -1 out | grep JOBID
'
test_expect_success 'pgrep: nothing found, nothing said; bad expressions are' '
    test_expect_code 1 flux pgrep nosuch >out 2>err && test_must_be_empty out &&
    test_must_be_empty err &&
    test_expect_code 2 flux pgrep a b 2>err &&
    grep "expression error: Only one pattern can be provided" err &&
    test_expect_code 2 flux pgrep "(" 2>err && grep "expression error" err &&
    test_expect_code 2 flux pgrep 2>err
'
test_expect_success 'pkill cancels what pgrep finds' '
    flux pkill --wait "^test-" 2>err && grep "^flux-pkill: INFO: Canceled 2 jobs$" err &&
    listed 1 && flux job wait-event $a exception >/dev/null &&
    test_expect_code 1 flux pkill "^test-" 2>err &&
    test_expect_code 1 flux pkill -a "^test-" 2>err &&
    grep "ERROR: $a: cancel: \[Errno 2\] job is inactive" err
'
test_expect_success 'flux cancel ends jobs by id' '
    flux cancel -m "no more" $c 2>err && test_must_be_empty err && cleaned $c &&
    flux job wait-event $c exception | grep "note=\"no more\"" &&
    test_expect_code 1 flux cancel $c f1 2>err &&
    grep "flux-cancel: ERROR: $c: job is inactive" err && grep "ERROR: f1: unknown job id" err &&
    test_expect_code 1 flux cancel 2>err && grep "No target jobs were provided" err &&
    test_expect_code 1 flux cancel --all f1 2>err && grep "Do not specify a list of jobids" err
'
test_expect_success 'flux cancel ends many at once' '
    r=$(sleeper) && h=$(flux submit --urgency=hold true) &&
    flux cancel --all -n 2>err && grep "^flux-cancel: Would cancel 2 jobs$" err &&
    flux cancel -S pending 2>err && grep "^flux-cancel: Canceled 1 job (0 errors)$" err &&
    cleaned $h && flux cancel -u 54321 2>err && grep "Matched 0 jobs" err &&
    flux cancel --all 2>err && cleaned $r &&
    flux cancel --all 2>err && grep "^flux-cancel: Matched 0 jobs$" err &&
    flux cancel --all -q 2>err && test_must_be_empty err &&
    test_expect_code 1 flux cancel -S bogus 2>err && grep "Invalid state bogus specified" err &&
    test_expect_code 1 flux cancel -S inactive 2>err &&
    test_expect_code 1 flux cancel -u nosuchuser 2>err && grep "Invalid user nosuchuser" err
'
test_expect_success 'raiseall and killall count first' '
    r=$(sleeper) &&
    flux job raiseall foo 2>err && grep "Command matched 1 jobs (-f to confirm)" err &&
    flux job raiseall -f foo some note 2>err && grep "Raised exception on 1 jobs (0 errors)" err &&
    flux job wait-event -m type=foo $r exception | grep "severity=7 note=\"some note\"" &&
    test_expect_code 1 flux job raiseall -S inactive foo 2>err &&
    grep "Exceptions cannot be raised on inactive jobs" err &&
    flux job killall 2>err && grep "Command matched 1 jobs (-f to confirm)" err &&
    flux job killall -f -s TERM 2>err && grep "^flux-job: Terminated 1 jobs (0 errors)$" err &&
    cleaned $r &&
    flux job killall 2>err && grep "Command matched 0 jobs" err &&
    flux job raiseall foo 2>err && grep "Command matched 0 jobs" err &&
    test_expect_code 1 flux job killall -s NOSUCH 2>err && grep "Invalid signal NOSUCH" err
'
test_expect_success 'memos become annotations' '
    id=$(flux submit --urgency=hold true) &&
    flux job memo $id a.b=1 c=text && echo from stdin | flux job memo --volatile $id d=- &&
    wait_until sh -c "flux jobs -no \"{user.a.b} {user.c}\" $id | grep \"1 text\"" &&
    flux job eventlog $id >log && grep "memo a={\"b\":1} c=\"text\"" log && ! grep stdin log &&
    test_expect_code 1 flux job memo $id x 2>err && grep "memo: no value for key=x" err &&
    test_expect_code 1 flux job memo f1 x=1 2>err && grep "memo: unknown job id" err &&
    flux cancel $id && cleaned $id
'
test_expect_success 'last: the latest jobs first' '
    x=$(flux submit true) && y=$(flux submit true) &&
    test "$(flux job last)" = $y && flux job last 2 >out && printf "$y\n$x\n" >expect &&
    test_cmp expect out && test "$(flux job last "[::-1]" | tail -1)" = $y &&
    test_expect_code 1 flux job last "[::0]" 2>err &&
    grep "could not parse python-style slice expression" err &&
    test_expect_code 1 flux job last x 2>err && grep Usage err &&
    cleaned $x $y
'
test_expect_success 'timeleft' '
    id=$(sleeper -t 1h) && test $(flux job timeleft $id) -gt 3000 &&
    flux job timeleft -H $id | grep "m$" &&
    test "$(flux job timeleft -H)" = infinity &&
    test_expect_code 1 flux job timeleft f1 2>err &&
    flux cancel $id && cleaned $id
'
test_expect_success 'purge forgets' '
    total=$(flux job list-inactive | wc -l) && listed $total -f inactive &&
    flux job purge --num-limit=2 >out &&
    echo "use --force to purge $((total - 2)) of $total inactive jobs" >expect &&
    test_cmp expect out &&
    flux job purge --num-limit=2 --batch=3 -f >out &&
    echo "purged $((total - 2)) inactive jobs, 2 remaining" >expect && test_cmp expect out &&
    id=$(flux job last) && flux job purge $id -f >out &&
    echo "purged 1 inactive jobs, 1 remaining" >expect && test_cmp expect out &&
    test_expect_code 1 flux job purge f1 2>err && grep "purge: id not found" err &&
    test_expect_code 1 flux job purge --batch=0 --num-limit=0 2>err && grep "purge: batch" err &&
    test_expect_code 1 flux job purge --age-limit=x 2>err &&
    listed 1 -a
'
test_expect_success 'queue: status, closing and opening' '
    flux queue status >out &&
    printf "Job submission is enabled\nScheduling is started\n" >expect && test_cmp expect out &&
    flux queue status -v >out && grep "^0 running jobs$" out &&
    flux queue disable >out && echo "Job submission is disabled: disabled by administrator" >expect &&
    test_cmp expect out &&
    test_must_fail flux submit true 2>err && grep "job submission is disabled" err &&
    flux queue enable >out && echo "Job submission is enabled" >expect && test_cmp expect out &&
    flux queue stop -m "for now" >out && echo "Scheduling is stopped: for now" >expect &&
    test_cmp expect out &&
    id=$(flux submit true) && flux job wait-event $id priority >/dev/null &&
    flux queue start --quiet >out && test_must_be_empty out && cleaned $id &&
    test_expect_code 1 flux queue enable nosuch 2>err &&
    grep "flux-queue: ERROR: enable: .nosuch. is not a valid queue" err
'
test_expect_success 'queue drain and idle wait' '
    id=$(sleeper) && h=$(flux submit --urgency=hold true) &&
    test_expect_code 1 flux queue drain -t 0.05s 2>err && grep "ERROR: drain: timeout" err &&
    test_expect_code 1 flux queue idle -t 0.05s 2>err && grep "ERROR: idle: timeout" err &&
    flux cancel $id && flux queue idle >out && echo "1 jobs" >expect && test_cmp expect out &&
    flux cancel $h && flux queue drain >out && test_must_be_empty out &&
    flux queue idle --quiet >out && test_must_be_empty out
'
test_expect_success 'queue list' '
    flux queue list >out && test_line_count 2 out && head -1 out | grep "EN ST TDEFAULT" &&
    flux queue list -no "{submission} {scheduling} {limits.max.nnodes}" >out &&
    echo "enabled started 1" >expect && test_cmp expect out &&
    test_expect_code 1 flux queue list -q nosuch 2>err && grep "No such queue: nosuch" err &&
    test_expect_code 2 flux queue list x 2>err
'
test_expect_success 'update: what would be changed' '
    id=$(flux submit --urgency=hold -t 10m true) &&
    flux update -n $id duration=1h name=foo queue=q attributes.user.x=3 >out &&
    echo "{\"attributes.system.duration\": 3600.0, \"attributes.system.job.name\": \"foo\", \"attributes.system.queue\": \"q\", \"attributes.user.x\": 3}" >expect &&
    test_cmp expect out &&
    flux update -n $id duration=+1m >out && grep 660.0 out &&
    flux update -n $id duration=inf >out && grep ": 0.0" out &&
    test_expect_code 1 flux update -n $id duration=-1h 2>err &&
    grep "current duration for $id (10m) cannot be reduced by 1h" err &&
    u=$(flux submit --urgency=hold true) &&
    test_expect_code 1 flux update $u duration=+1m 2>err &&
    grep "duration for $u is unlimited, can.t update by +1m" err &&
    test_expect_code 1 flux update f1 name=x 2>err && grep "^flux-update: ERROR: " err &&
    test_expect_code 2 flux update $id 2>err && flux cancel $id $u
'

test_expect_success 'post-job-event adds an event to the log of an active job' '
    id=$(flux submit --urgency=hold true) &&
    flux post-job-event $id mark n=1 s=x o="{\"a\":[]}" &&
    flux job wait-event -f json $id mark >out && jq -e ".context == {n:1,s:\"x\",o:{a:[]}}" out &&
    flux post-job-event $id bare && flux job wait-event -f json $id bare >out &&
    jq -e "has (\"context\") == false" out &&
    flux cancel $id && flux job wait-event $id clean >out &&
    test_must_fail flux post-job-event $id late 2>err && grep "No such job $id" err &&
    test_must_fail flux post-job-event fzzzz late 2>err && grep "No such job fzzzz" err &&
    test_expect_code 2 flux post-job-event $id late x 2>err && grep "is not KEY=VALUE" err
'

test_done
