#!/bin/sh
test_description='Following jobs: attach, watch, submit --watch, bulksubmit'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

# a terminal: script(1) gives one to the command, whose words may not need quotes
on_terminal () {
    script -qec "$*" /dev/null </dev/null
}
test_have_script () {
    script -qec true /dev/null </dev/null >/dev/null 2>&1
}
test_have_script && test_set_prereq TERMINAL

test_expect_success 'attach --tail shows the end of the output so far' '
    id=$(flux submit seq 1 5) && flux job wait-event $id clean >/dev/null &&
    flux job attach --tail=0 $id >out && test_must_be_empty out &&
    flux job attach --tail $id >out && seq 1 5 >expect && test_cmp expect out &&
    id=$(flux submit -n2 sh -c "echo \$FLUX_TASK_RANK") &&
    flux job wait-event $id clean >/dev/null &&
    flux job attach --tail=1 $id >out && test_line_count 1 out &&
    test_expect_code 1 flux job attach --tail=-1 $id 2>err && grep "invalid tail argument" err
'
test_expect_success 'attach --tail goes on with what comes' '
    mkfifo more &&
    id=$(flux submit sh -c "echo one; echo two; read x <more; echo three") &&
    wait_until sh -c "flux job eventlog -p output $id | grep two" &&
    { flux job attach --tail=1 -r $id >out & } && pid=$! && wait_until grep two out &&
    echo x >more && wait $pid && tail -1 out >last && echo three >expect && test_cmp expect last
'
test_expect_success 'attach --show-status says what the job waits for' '
    id=$(flux submit --urgency=hold true) &&
    { flux job attach --show-status $id 2>err & } && pid=$! &&
    wait_until grep "$id waiting for priority\|$id waiting for resources" err &&
    flux queue stop >/dev/null && flux job urgency $id 16 && flux job urgency $id 17 &&
    wait_until grep "waiting for resources (default queue stopped)" err &&
    flux queue start >/dev/null && wait $pid && tr "\r" "\n" <err | grep "$id started  *00:0"
'
test_expect_success 'the status line can be forbidden' '
    FLUX_ATTACH_NONINTERACTIVE=1 flux job attach --show-status $id 2>err &&
    test_must_be_empty err
'
test_expect_success 'input goes to the tasks that are meant' '
    id=$(flux submit -n2 cat) && echo data >in &&
    flux job attach -l -i 1-3 $id <in >out 2>err && echo "1: data" >expect &&
    test_cmp expect out && grep "warning: adjusting --stdin-ranks from 1-3 to 1" err &&
    test_expect_code 1 flux job attach -i x $id 2>err &&
    grep "Invalid value .x. for --stdin-ranks: Invalid argument" err &&
    test_expect_code 1 flux job attach -r -i 0 $id 2>err &&
    grep "Do not use --stdin-ranks with --read-only" err
'

test_expect_success 'submit --wait: the highest code' '
    test_expect_code 3 flux submit --quiet --cc=0-3 --wait sh -c "exit {cc}" >out &&
    test_must_be_empty out
'
test_expect_success 'submit --wait: what kept a job from running' '
    test_expect_code 1 flux submit --wait -n 1000 true 2>err &&
    grep "^job.exception: type=alloc severity=0 unsatisfiable request" err &&
    test_expect_code 127 flux submit --wait nosuchcmd 2>err &&
    grep "^job.exception: type=exec severity=0 .*nosuchcmd" err
'
test_expect_success 'submit -v says how jobs end, -vv all events' '
    test_expect_code 1 flux submit --wait -v false >out 2>err && id=$(cat out) &&
    grep -E "^$id: [0-9]+\.[0-9]{3}s: failed: status=256$" err && test_line_count 1 err &&
    flux submit --wait -vv true >out 2>err && id=$(cat out) &&
    grep "^$id: .*s: priority {\"priority\":16}$" err && grep "^$id: .*: exec.shell.init {" err &&
    grep "^$id: .*s: complete: status=0$" err && grep "^$id: .*s: clean$" err
'
test_expect_success 'submit --watch shows output, with labels if asked for' '
    flux submit --watch --quiet sh -c "echo out; echo err >&2" >out 2>err &&
    echo out >expect && test_cmp expect out && echo err >expect && test_cmp expect err &&
    flux submit --cc=1-3 --watch -l echo {cc} >out && test_line_count 6 out &&
    grep ": 0: 2$" out
'
test_expect_success 'submit --wait-event stops at an event of either log' '
    flux submit --wait-event=start sleep 1000 >id &&
    flux job wait-event $(cat id) start && flux cancel $(cat id) &&
    flux submit --wait-event=exec.shell.start sleep 1000 >id && flux cancel $(cat id) &&
    test_expect_code 1 flux submit --quiet --wait-event=nosuch false
'
test_expect_success 'submit --log and --log-stderr' '
    flux submit --cc=1-2 --watch --log=out.{cc} --log-stderr=err.{cc} \
        sh -c "echo {cc}; echo e{cc} >&2" >out 2>err &&
    test_must_be_empty out && test_must_be_empty err &&
    tail -1 out.2 >last && echo 2 >expect && test_cmp expect last && test_line_count 2 out.1 &&
    echo e1 >expect && test_cmp expect err.1
'
test_expect_success 'copies: {cc} in options, and in the environment' '
    flux submit --cc=2-3 --watch --quiet --job-name=j{cc} sh -c "echo \$FLUX_JOB_CC" >out &&
    sort out >sorted && printf "2\n3\n" >expect && test_cmp expect sorted &&
    wait_until sh -c "flux jobs -ano {name} --name=j3 | grep j3" &&
    flux submit --bcc=4 --watch --quiet sh -c "echo {cc}\$FLUX_JOB_CC" >out && echo 4 >expect &&
    test_cmp expect out &&
    flux submit --cc=7 --output=o.{{id}}.{cc} --wait true >id && test -f o.$(cat id).7 &&
    test_expect_code 1 flux submit --cc=1 --bcc=1 true 2>err &&
    grep "specify only one of --cc or --bcc" err &&
    flux submit --cc=1-3 --dry-run echo {cc} >out && test_line_count 1 out
'
test_expect_success 'a refused job is reported, with its copy' '
    test_expect_code 1 flux submit --cc=0-1 --queue=nope true 2>err &&
    grep "^cc=0: \[Errno 22\] " err && test_line_count 2 err
'
test_expect_success '--progress is for terminals' '
    flux submit --wait --progress true 2>err &&
    grep "flux: WARNING: stdout is not a tty. Ignoring --progress option" err
'
test_expect_success TERMINAL 'on a terminal it shows how far the jobs have come' '
    on_terminal flux submit --cc=1-4 --wait --progress --quiet true >out &&
    grep "PD:0    R:0    CD:4    F:0 .* 100.0% 0:00:0" out &&
    test_must_fail on_terminal flux submit --cc=1-4 --wait --jps false >out &&
    grep "PD:0    R:0    CD:0    F:4 .* job/s" out
'

test_expect_success 'bulksubmit takes inputs from words' '
    flux bulksubmit --quiet --watch echo {0}-{1}-{seq} ::: a b ::: 1 2 >out && sort out >sorted &&
    printf "%s\n" a-1-0 a-2-1 b-1-2 b-2-3 >expect && test_cmp expect sorted &&
    flux bulksubmit --quiet --watch echo {}{1} ::: a b c :::+ 1 2 >out && sort out >sorted &&
    printf "%s\n" a1 b2 c1 >expect && test_cmp expect sorted &&
    flux bulksubmit --quiet --watch --shuffle echo ::: x y >out && test_line_count 2 out
'
test_expect_success 'bulksubmit takes inputs from lines' '
    printf "echo\ntrue\n" | flux bulksubmit --wait >ids && test_line_count 2 ids &&
    printf "a b\nc\n" >list &&
    flux bulksubmit --dry-run echo {} :::: list >out &&
    printf "bulksubmit: submit echo %s\n" "a b" c >expect && test_cmp expect out &&
    flux bulksubmit --dry-run --sep=none echo {seq1}:{} <list >out &&
    printf "bulksubmit: submit echo %s\n" 1:a 2:b 3:c >expect && test_cmp expect out &&
    printf "a,b\n" | flux bulksubmit --dry-run --sep=, -n{seq1} --job-name={} {./%} >out &&
    printf "bulksubmit: submit -n%s\n" "1 --job-name=a a" "2 --job-name=b b" >expect &&
    test_cmp expect out
'
test_expect_success 'bulksubmit: inputs in options, and copies' '
    flux bulksubmit --quiet --watch -n{} --cc=8-9 echo {cc} ::: 1 2 >out && sort out | uniq -c >sorted &&
    grep "3 8" sorted && grep "3 9" sorted &&
    test_expect_code 1 flux bulksubmit echo {5} ::: a 2>err &&
    grep "flux-bulksubmit: ERROR: Invalid replacement string in command: .{5}." err &&
    test_expect_code 1 flux bulksubmit echo :::+ a 2>err &&
    test_expect_code 1 flux bulksubmit --define=x=1 echo ::: a 2>err && grep define err &&
    flux bulksubmit echo {} </dev/null >out && test_must_be_empty out
'

test_expect_success 'watch: by id, labels, codes' '
    x=$(flux submit sh -c "echo x; exit 3") && y=$(flux submit -n2 echo y) &&
    test_expect_code 3 flux watch -l $x $y >out &&
    sort out >sorted && printf "%s\n" "$x: 0: x" "$y: 0: y" "$y: 1: y" | sort >expect &&
    test_cmp expect sorted &&
    flux watch -v $y >out 2>err && grep "Watching 1 jobs" err && grep "$y: .*: complete: status=0" err &&
    test_expect_code 1 flux watch f1 2>err && grep "JobID f1 unknown" err &&
    test_expect_code 3 flux watch -f failed $x >out 2>err && grep "Filtering options ignored" err
'
test_expect_success 'watch: running jobs until they end' '
    mkfifo go && id=$(flux submit sh -c "read x <go; echo gone") &&
    wait_until sh -c "flux jobs -no {state} $id | grep RUN" &&
    wait_until sh -c "test \$(flux jobs -n | wc -l) = 1" &&
    { flux watch -av >out 2>err & } && pid=$! && wait_until grep "Watching 1 jobs" err &&
    echo x >go && wait $pid &&
    echo gone >expect && test_cmp expect out
'
test_expect_success 'watch: what kept a job from running' '
    id=$(flux submit --urgency=hold true) && flux cancel -m "no reason" $id &&
    test_expect_code 1 flux watch $id 2>err &&
    echo "job.exception: type=cancel severity=0 no reason" >expect && test_cmp expect err &&
    id=$(flux submit nosuchcmd) && test_expect_code 127 flux watch $id 2>err &&
    grep "^flux-shell\[0\]: FATAL: .*nosuchcmd" err && ! grep job.exception err
'
test_expect_success 'watch: nothing to watch, nothing chosen' '
    flux watch -f run 2>err && grep "No matching jobs" err &&
    test_expect_code 1 flux watch 2>err &&
    grep "At least one job selection option is required" err &&
    test_expect_code 2 flux watch --since=bad 2>err && grep "since: invalid value .bad." err &&
    test_expect_code 2 flux watch --since=+1h 2>err && grep "appears to be in the future" err &&
    test_expect_code 143 flux watch --since=-1h >out 2>err && grep gone out
'

test_done
