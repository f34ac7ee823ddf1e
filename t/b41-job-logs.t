#!/bin/sh
test_description='flux job eventlog, wait-event, info, attach, status, last, wait as specified'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

# fails CODE TEXT COMMAND...: it exits so and says so
fails () {
    code=$1 text=$2
    shift 2
    test_expect_code "$code" "$@" >out 2>err || return 1
    grep -F -e "$text" err || { cat err; return 1; }
}
done_job () {
    id=$(flux submit "$@") && flux job wait-event $id clean >/dev/null
}

test_expect_success 'jobs to look at' '
    done_job -n2 sh -c "echo hi; echo err >&2" && echo $id >two &&
    done_job sh -c "exit 3" && echo $id >three &&
    done_job sh -c "kill -9 \$\$" && echo $id >killed &&
    id=$(flux submit --urgency=hold true) && flux cancel -m "no reason" $id &&
    flux job wait-event $id clean >/dev/null && echo $id >canceled
'
test_expect_success 'eventlog: formats and paths' '
    id=$(cat two) && flux job eventlog $id >log && head -n 1 log | grep -E "^[0-9]+\.[0-9]{6} submit userid=" &&
    flux job eventlog -f json $id | head -n 1 | grep "^{\"timestamp\":.*,\"name\":\"submit\",\"context\":{" &&
    flux job eventlog -T offset $id | head -n 1 | grep "^0.000000 submit" &&
    flux job eventlog -T iso $id | head -n 1 | grep -E "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}(Z|[-+][0-9]{2}:[0-9]{2}) submit" &&
    flux job eventlog -H $id >human && head -n 1 human | grep -E "^\[[A-Z][a-z]{2}[0-9]{2} [0-9]{2}:[0-9]{2}\] submit" &&
    sed -n 2p human | grep -E "^\[ +\+[0-9]+\.[0-9]{6}\] " &&
    for p in exec guest.exec.eventlog; do
        flux job eventlog -p $p $id | grep " done$" || return 1
    done &&
    flux job eventlog -p output $id | grep " header version=1 encoding={" &&
    flux job eventlog -p input $id | grep " header "
'
test_expect_success 'eventlog: refusals' '
    fails 1 "invalid format type '"'x'"'" flux job eventlog -f x $id &&
    fails 1 "invalid time-format type '"'x'"'" flux job eventlog -T x $id &&
    fails 1 "job ID not found" flux job eventlog f1 &&
    fails 1 "eventlog path nosuch not found" flux job eventlog -p nosuch $id &&
    fails 1 "eventlog path guest.output not found" flux job eventlog -p output f1 &&
    fails 1 "Invalid argument to --color: '"'foo'"'" flux job eventlog --color=foo $id
'
test_expect_success 'eventlog: colours when asked for' '
    flux job eventlog -Lalways $id | head -n 1 >colour &&
    printf "\033[32m" >esc && grep -F -f esc colour && printf "\033[33msubmit\033[0m" >esc &&
    grep -F -f esc colour && flux job eventlog $id >plain && ! grep "$(printf "\033")" plain
'
test_expect_success 'eventlog -F follows to the end of the log' '
    flux job eventlog -F $id >f1 && tail -n 1 f1 | grep " clean$" &&
    flux job eventlog -F -p exec $id >f2 && tail -n 1 f2 | grep " done$" &&
    test_expect_code 1 flux job eventlog -F -p output $id >f3 && grep "data stream=" f3
'
test_expect_success 'wait-event: matches' '
    flux job wait-event $id start | grep " start$" && flux job wait-event -q $id start >q &&
    test_must_be_empty q && flux job wait-event -v $id start >v && head -n 1 v | grep submit &&
    tail -n 1 v | grep start && ! grep finish v &&
    c=$(cat canceled) && flux job wait-event -m type=cancel $c exception | grep "no reason" &&
    flux job wait-event -m "type=\"cancel\"" $c exception &&
    flux job wait-event -m severity=0 $c exception && flux job wait-event -f json $id clean | grep "^{" &&
    flux job wait-event -p output -c 2 $id data >second && test_line_count 1 second &&
    flux job wait-event -t 5s $id clean
'
test_expect_success 'wait-event: failures' '
    fails 1 "event '"'nosuch'"' never received" flux job wait-event $id nosuch &&
    fails 1 "never received" flux job wait-event -p exec $(cat canceled) done &&
    fails 1 "never received" flux job wait-event -m type=other $(cat canceled) exception &&
    fails 1 "job ID not found" flux job wait-event f1 clean &&
    fails 1 "eventlog path nosuch not found" flux job wait-event -p nosuch $id clean &&
    fails 1 "count must be > 0" flux job wait-event -c 0 $id clean &&
    fails 1 "must specify a context test as key=value" flux job wait-event -m x $id clean &&
    fails 1 "error parsing jobid: \"x y\"" flux job wait-event "x y" clean &&
    held=$(flux submit --urgency=hold true) &&
    fails 1 "wait-event timeout on event '"'start'"'" flux job wait-event -t 0.1 $held start &&
    flux cancel $held
'
test_expect_success 'info' '
    flux job info $id jobspec | grep "\"tasks\"" && flux job info -b $id R | grep execution &&
    flux job info -o $id jobspec | grep "\"version\"" &&
    fails 1 "flux-job: invalid job id" flux job info f1 R &&
    fails 1 "flux-job: nosuch: key not found" flux job info $id nosuch &&
    fails 1 "guest.exec.eventlog" flux job info && fails 1 "jobspec" flux job info $id
'
test_expect_success 'attach: what it shows' '
    flux job attach $id >out 2>err && sort out >sorted && printf "hi\nhi\n" >expect &&
    test_cmp expect sorted && printf "err\nerr\n" >expect && test_cmp expect err &&
    flux job attach -l $id >out 2>err && sort out >sorted && printf "0: hi\n1: hi\n" >expect &&
    test_cmp expect sorted &&
    flux job attach -E $id 2>err && grep -E "^0\.000s: job\.submit \{\"userid\":" err &&
    grep -E "^[0-9.]+s: job\.clean$" err && flux job attach --show-exec $id 2>err &&
    grep -E "^[0-9.]+s: exec\.shell\.init \{\"service\":" err && ! grep job.start err
'
test_expect_success 'attach: codes and last words' '
    fails 3 "flux-job: task(s) exited with exit code 3" flux job attach -q $(cat three) &&
    fails 137 "flux-job: task(s) Killed" flux job attach $(cat killed) &&
    fails 1 "job.exception $(cat canceled) type=cancel severity=0 no reason" flux job attach $(cat canceled) &&
    test_expect_code 1 flux job attach -w start $id &&
    fails 1 "Failed to attach to f1: No such job" flux job attach f1
'
test_expect_success 'attach: redirected output is mentioned, unless -q' '
    done_job --output=o.txt echo x && flux job attach $id 2>err &&
    grep "^0: stdout redirected to o.txt$" err && flux job attach -q $id 2>err &&
    test_must_be_empty err
'
test_expect_success 'attach: signals go to the job; TERM does not end it on a pending one' '
    id=$(flux submit sh -c "trap \"echo usr1; exit 0\" USR1; echo set; while :; do sleep 0.05; done") &&
    { flux job attach $id </dev/null >out & } && pid=$! && wait_until grep set out &&
    kill -USR1 $pid && wait $pid && grep usr1 out &&
    id=$(flux submit --urgency=hold true) &&
    { flux job attach $id </dev/null 2>err & } && pid=$! &&
    wait_until awaits 15 $pid && kill -TERM $pid && wait_until grep "kill: job is not running" err &&
    flux job urgency $id 16 && wait $pid
'
# Ctrl-C once more, until that is answered: it cancels, or is the first one again if a busy
# machine missed the 2s.  Another one before would find it leaving.
interrupt_again () {
    n=$(grep -c "one more ctrl-C" err.c) && kill -INT $pid &&
    wait_until sh -c "grep type=cancel err.c || test \$(grep -c \"one more ctrl-C\" err.c) -gt $n"
}
test_expect_success 'attach: twice Ctrl-C cancels' '
    id=$(flux submit sh -c "echo on; sleep 1000") &&
    { interruptible flux job attach $id </dev/null >out.c 2>err.c & } && pid=$! &&
    wait_until grep on out.c && kill -INT $pid &&
    wait_until grep "one more ctrl-C within 2s to cancel or ctrl-Z to detach" err.c &&
    interrupt_again && until grep type=cancel err.c; do interrupt_again || return 1; done &&
    test_expect_code 143 wait $pid &&
    grep "type=cancel severity=0 interrupted by ctrl-C" err.c
'
# It detaches if Ctrl-Z comes within 2s, which a busy machine may miss: then it says so.
interrupt_and_suspend () {
    { interruptible flux job attach $id </dev/null >out.z 2>err.z & } && pid=$! &&
    wait_until grep on out.z && kill -INT $pid && wait_until grep "one more ctrl-C" err.z &&
    kill -TSTP $pid && wait_until grep "detaching...\|one more ctrl-Z to suspend" err.z
}
test_expect_success 'attach: Ctrl-C and Ctrl-Z detach' '
    id=$(flux submit sh -c "echo on; sleep 1000") && interrupt_and_suspend &&
    while grep "one more ctrl-Z to suspend" err.z; do
        kill -KILL $pid; wait $pid; interrupt_and_suspend || return 1
    done &&
    test_expect_code 1 wait $pid && grep "detaching..." err.z && flux cancel $id
'
test_expect_success 'status' '
    flux job status $(cat two) && test_expect_code 3 flux job status $(cat two) $(cat three) &&
    test_expect_code 137 flux job status $(cat killed) $(cat three) &&
    test_expect_code 1 flux job status $(cat canceled) &&
    test_expect_code 9 flux job status -e 9 $(cat canceled) &&
    fails 3 "$(cat three): exited with exit code 3" flux job status -v $(cat three) $(cat two) &&
    grep "fetching status for 2 jobs" err && grep "all done." err &&
    fails 1 "exception type=cancel" flux job status -v $(cat canceled) &&
    flux job status -vv $(cat two) 2>err && grep "exited with exit code 0" err &&
    flux job status -j $(cat two) | grep "^{.*\"result\":1}" && fails 1 "f1: No such job" flux job status f1
'
test_expect_success 'last' '
    flux job last >one && test_line_count 1 one && flux job last 3 >l3 && test_line_count 3 l3 &&
    head -n 1 l3 >first && test_cmp one first && flux job last "[1:3]" >mid && sed -n 2,3p l3 >expect &&
    test_cmp expect mid && flux job last "[::-1]" | tail -n 1 >newest && test_cmp one newest &&
    fails 1 "could not parse python-style slice expression" flux job last "[1]" &&
    fails 1 "python-style" flux job last "[::0]" && test_expect_code 1 flux job last x
'
test_expect_success 'wait' '
    ok=$(flux submit --flags=waitable true) && bad=$(flux submit --flags=waitable sh -c "exit 4") &&
    flux job wait $ok && fails 1 "task(s) exited with exit code 4" flux job wait $bad &&
    fails 2 "" flux job wait $bad && fails 2 "there are no more waitable jobs" flux job wait &&
    fails 2 "" flux job wait $(cat two) && a=$(flux submit --flags=waitable true) &&
    flux job wait >waited && echo $a >expect && test_cmp expect waited &&
    a=$(flux submit --flags=waitable false) && b=$(flux submit --flags=waitable true) &&
    fails 1 "$a: task(s) exited with exit code 1" flux job wait -a -v &&
    grep "$b: job completed successfully" err
'
test_expect_success 'kvs eventlog' '
    flux kvs eventlog append -t 1 log one && flux kvs eventlog append -t 2.5 log two "{\"a\":1," "\"s\":\"q\"}" &&
    flux kvs eventlog get log >out && printf "1.000000 one\n2.500000 two a=1 s=\"q\"\n" >expect &&
    test_cmp expect out && flux kvs eventlog get -u log >out &&
    printf "{\"timestamp\":1.0,\"name\":\"one\"}\n" >expect && head -n 1 out >first && test_cmp expect first &&
    flux kvs eventlog get -w -c 2 log >out && test_line_count 2 out &&
    flux kvs eventlog wait-event -v log two >out && test_line_count 2 out &&
    fails 1 "eventlog path nosuch not found" flux kvs eventlog wait-event nosuch x &&
    fails 1 "wait-event timeout on event '"'x'"'" flux kvs eventlog wait-event -t 0.1 log x &&
    fails 1 "flux-kvs: flux_kvs_lookup_get: No such file or directory" flux kvs eventlog get nosuch &&
    fails 1 "flux-kvs: eventlog_entry_create: Invalid argument" flux kvs eventlog append log x "[1]" &&
    fails 1 "flux-kvs: flux_kvs_lookup_get: Invalid argument" flux kvs eventlog get -w -S log &&
    flux kvs put bad=nonsense && fails 1 "flux-kvs: cannot decode improperly formatted eventlog" flux kvs eventlog get bad
'

test_done
