#!/bin/sh
test_description='flux job attach: logs, input, events to wait for, debuggers; flux kvs eventlog: options'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

fails () {
    code=$1 text=$2
    shift 2
    test_expect_code "$code" "$@" >out 2>err || { cat err; return 1; }
    grep -F -e "$text" err || { cat err; return 1; }
}
# an entry of a job's log, in the guest namespace, while the job runs
guest_entry () {
    flux kvs eventlog append -N job-$(flux job id --to=dec $1) $2 $3 "$4"
}
started () {
    id=$(flux submit "$@") && flux job wait-event -p exec $id shell.start >/dev/null
}

test_expect_success 'log entries: level, rank, component, and with -v where they arose' '
    mkfifo go && started sh -c "read x <go" &&
    guest_entry $id output log "{\"rank\":0,\"level\":0,\"message\":\"m0\",\"file\":\"f.c\",\"line\":7}" &&
    guest_entry $id output log "{\"rank\":3,\"level\":3,\"message\":\"m3\",\"component\":\"c\"}" &&
    guest_entry $id output log "{\"level\":4,\"message\":\"m4\"}" &&
    guest_entry $id output log "{\"rank\":0,\"level\":5,\"message\":\"m5\"}" &&
    guest_entry $id output log "{\"rank\":0,\"level\":6,\"message\":\"m6\"}" &&
    guest_entry $id output log "{\"rank\":0,\"level\":7,\"message\":\"m7\"}" &&
    guest_entry $id exec.eventlog log "{\"component\":\"comp\",\"stream\":\"stderr\",\"rank\":\"0\",\"data\":\"text\\n\"}" &&
    echo x >go && flux job attach $id 2>err && cat >expect <<-EOT &&
	flux-shell[0]: FATAL: m0
	flux-shell[3]: ERROR: c: m3
	flux-shell:  WARN: m4
	flux-shell[0]: m5
	flux-shell[0]: DEBUG: m6
	flux-shell[0]: TRACE: m7
	EOT
    sed -n "s/^[0-9.]*s: \(flux-shell.*\)/\1/p" err >got && test_cmp expect got &&
    grep -E "^[0-9]+\.[0-9]{3}s: comp\[0\]: stderr: text$" err &&
    flux job attach -v $id 2>err && grep "flux-shell\[0\]: FATAL: f.c:7: m0" err &&
    flux job attach -q $id 2>err && echo text >expect && test_cmp expect err
'
test_expect_success 'output in base64, and what is redirected' '
    started sh -c "printf \"a\\377b\\n\"; read x <go" &&
    guest_entry $id output redirect "{\"stream\":\"stderr\",\"rank\":\"[0-3]\",\"path\":\"ff.err\"}" &&
    guest_entry $id output redirect "{\"stream\":\"stdout\",\"rank\":\"1\"}" &&
    echo x >go && flux job attach $id >out 2>err && printf "a\377b\n" >expect &&
    test_cmp expect out && grep "^\[0-3\]: stderr redirected to ff.err$" err &&
    grep "^1: stdout redirected$" err
'
test_expect_success 'data before the header is an error; no output is not' '
    held=$(flux submit --urgency=hold true) && flux cancel $held && flux job wait-event $held clean &&
    test_expect_code 1 flux job attach $held >out 2>err && test_must_be_empty out &&
    id=$(flux submit true) && flux job wait-event $id clean &&
    dir=$(flux job id --to=kvs $id) && flux kvs eventlog append $dir.guest.odd data "{\"stream\":\"stdout\",\"rank\":\"0\",\"data\":\"x\"}" &&
    flux kvs copy $dir.guest.odd $dir.guest.output && fails 1 "stream data read before header" flux job attach $id &&
    flux kvs unlink $dir.guest.output && flux job attach $id 2>err &&
    grep "flux-job: No job output found" err
'
test_expect_success 'input: to who does not want it' '
    started --input=/dev/null sh -c "read x <go" &&
    fails 1 "flux-job: stdin not accepted by job" sh -c "echo x | flux job attach $id" &&
    { flux job attach $id </dev/null & } && pid=$! && echo x >go && wait $pid &&
    seq 1 100000 | flux run head -n 1 >out && echo 1 >expect && test_cmp expect out &&
    seq 1 100000 | flux run true
'
test_expect_success 'input: to who has had its end' '
    started sh -c "read x <go" && { flux job attach $id </dev/null & } && pid=$! &&
    wait_until sh -c "flux job eventlog -p input $id | grep eof=true" &&
    fails 1 "flux-job: attach_send_shell: Broken pipe" sh -c "echo x | flux job attach $id" &&
    echo x >go && wait $pid
'
test_expect_success 'input: unbuffered, and its descriptor as it was' '
    started cat && (echo one; echo two) | flux job attach -u $id >out &&
    printf "one\ntwo\n" >expect && test_cmp expect out &&
    started -n2 cat && echo all | flux job attach -i all $id >out && printf "all\nall\n" >expect && test_cmp expect out
'
test_expect_success '--wait-event is the last event; without finish the code is 1; output is whole' '
    started sh -c "seq 1 1000; read x <go; exit 3" && seq 1 1000 >expect &&
    { flux job attach -r -E -w start $id >out.we 2>err.we & } && pid=$! && wait_until grep -x 1000 out.we &&
    echo x >go && test_expect_code 1 wait $pid && test_cmp expect out.we &&
    grep "job.start" err.we && ! grep "job.finish" err.we && flux job wait-event $id clean &&
    for e in finish release; do
        test_expect_code 3 flux job attach -E -w $e $id >out 2>err && test_cmp expect out &&
        grep "job.$e" err && ! grep "job.clean" err || return 1
    done
'
test_expect_success 'a log that cannot be read on is an error, however the job ends' '
    started sh -c "echo on; read x <go" &&
    { flux job attach -r $id >out.zero 2>err.zero & } && pid=$! && wait_until grep on out.zero &&
    flux kvs put -N $(flux job namespace $id) -A output= && test_expect_code 1 wait $pid &&
    echo "flux-job: flux_job_event_watch_get: illegal append of zero bytes" >expect && test_cmp expect err.zero &&
    echo x >go && flux job wait-event $id clean && test_expect_code 1 flux job attach $id 2>err && grep "illegal append" err
'
test_expect_success 'data that repeat, for flux watch; entries that say nothing' '
    started sh -c "read x <go" &&
    guest_entry $id output data "{\"stream\":\"stdout\",\"rank\":\"0\",\"data\":\"ab\",\"repeat\":3}" &&
    guest_entry $id output data "{\"stream\":\"stdout\",\"rank\":\"0\"}" &&
    echo x >go && flux watch $id >out 2>err && printf ababab >expect && test_cmp expect out &&
    grep "an entry of the output log is not understood" err &&
    flux job attach $id >out && printf ab >expect && test_cmp expect out
'
test_expect_success '--show-status is heeded with --show-events, too' '
    held=$(flux submit --urgency=hold true) &&
    { flux job attach -E --show-status $held 2>err.es & } && pid=$! &&
    wait_until grep "job.priority" err.es && wait_until grep "flux-job: $held waiting for resources" err.es &&
    flux job urgency $held 16 && wait $pid && grep "job.clean" err.es
'
test_expect_success 'a fatal exception is remembered, whatever comes after it' '
    started sh -c "trap \"exit 0\" TERM; while :; do sleep 0.05; done" &&
    flux job raise --severity=0 --type=mine $id && flux job wait-event $id finish &&
    flux job wait-event $id clean && test_expect_code 1 flux job attach $id 2>err ||
        grep "type=mine severity=0" err
'
test_expect_success 'a job of somebody else' '
    id=$(flux submit true) && flux job wait-event $id clean &&
    fails 1 "Failed to attach to $id: that is not your job" \
        env FLUX_HANDLE_ROLEMASK=0x2 FLUX_HANDLE_USERID=9999 flux job attach $id
'
test_expect_success 'options that are wrong' '
    test_expect_code 1 flux job attach 2>err && grep -i usage err &&
    test_expect_code 1 flux job attach $id $id 2>err &&
    fails 1 "--queue-check-interval" flux job attach --queue-check-interval=x $id
'

test_expect_success '--debug: of a job that has ended there is nothing to see' '
    fails 1 "cannot debug job that has finished running" flux job attach --debug $id &&
    held=$(flux submit --urgency=hold true) && flux cancel -m why $held && flux job wait-event $held clean &&
    fails 1 "cannot debug job that has finished running" flux job attach --debug $held &&
    grep "type=cancel severity=0 why" err
'
# -i: input is read when the tasks have been asked for
test_expect_success '--debug without a debugger is like any attach' '
    started sh -c "read x; exit 3" && echo x >in &&
    test_expect_code 3 flux job attach --debug-emulate -i 0 $id <in
'
if command -v gdb >/dev/null; then test_set_prereq GDB; fi
test_expect_success GDB '--debug shows a debugger the processes' '
    rm -f pid.*; started -n2 sh -c "echo \$\$ >pid.\$FLUX_TASK_RANK; exec sleep 1000" &&
    wait_until test -s pid.0 -a -s pid.1 &&
    gdb -nx -batch -ex "set debuginfod enabled off" -ex "break MPIR_Breakpoint" -ex run \
        -ex "printf \"%d %d %d\\n\", MPIR_being_debugged, MPIR_debug_state, MPIR_proctable_size" \
        -ex "printf \"%s %d %d\\n\", MPIR_proctable[0].executable_name, MPIR_proctable[0].pid, MPIR_proctable[1].pid" \
        -ex kill --args flux job attach --debug $id </dev/null >gdb.out 2>&1 &&
    grep "^1 1 2$" gdb.out && grep "^sh $(cat pid.0) $(cat pid.1)$" gdb.out && flux cancel $id
'

# -- flux kvs eventlog --

test_expect_success 'kvs eventlog get: count, waitcreate, namespace, stream' '
    { flux kvs eventlog get -W -w -c 2 late >out & } && pid=$! &&
    flux kvs eventlog append -t 1 late a && flux kvs eventlog append -t 2 late b && wait $pid &&
    printf "1.000000 a\n2.000000 b\n" >expect && test_cmp expect out &&
    flux kvs eventlog get -S late >out && test_cmp expect out &&
    flux kvs eventlog get -c 1 late >out && test_cmp expect out &&
    flux kvs namespace create evns && flux kvs eventlog append -N evns -t 3 k c &&
    flux kvs eventlog get -N evns k >out && echo "3.000000 c" >expect && test_cmp expect out &&
    test_must_fail flux kvs eventlog get k && flux kvs eventlog wait-event -N evns k c
'
test_expect_success 'kvs eventlog: formats' '
    flux kvs eventlog get -H late >out && head -n 1 out | grep -E "^\[[A-Z][a-z]{2}[0-9]{2} [0-9:]{5}\] a$" &&
    sed -n 2p out | grep -F "[  +1.000000] b" &&
    flux kvs eventlog get -Lalways late >out && printf "\033[33ma\033[0m" >esc && grep -F -f esc out &&
    for o in --human --color=always; do
        fails 1 "Do not specify --unformatted with --human or --color=always" flux kvs eventlog get -u $o late &&
        grep "failed to create eventlog formatter" err || return 1
    done &&
    fails 1 "Invalid argument to --color: '"'foo'"'" flux kvs eventlog get --color=foo late
'
test_expect_success 'kvs eventlog wait-event: quiet, verbose, unformatted, to come' '
    flux kvs eventlog wait-event -q late b >out && test_must_be_empty out &&
    flux kvs eventlog wait-event late b >out && test_line_count 1 out &&
    flux kvs eventlog wait-event -v late b >out && test_line_count 2 out &&
    flux kvs eventlog wait-event -u late a >out && echo "{\"timestamp\":1.0,\"name\":\"a\"}" >expect &&
    test_cmp expect out && { flux kvs eventlog wait-event -W late2 x >out & } && pid=$! &&
    flux kvs eventlog append -t 5 late2 x && wait $pid && echo "5.000000 x" >expect && test_cmp expect out
'
test_expect_success 'kvs eventlog: what is wrong' '
    fails 1 "flux-kvs: eventlog_entry_create: Invalid argument" flux kvs eventlog append -t -1 late x &&
    fails 1 "flux-kvs: eventlog_entry_create: Invalid argument" flux kvs eventlog append late "" &&
    fails 1 "flux-kvs: eventlog_entry_create: Invalid argument" flux kvs eventlog append late x nonsense &&
    fails 1 "flux-kvs: eventlog_entry_create: Invalid argument" flux kvs eventlog append late "$(printf "a\377")" &&
    flux kvs eventlog append -t 1 nul x "{\"a\":\"\\u0000\"}" && flux kvs eventlog get nul >out &&
    printf "%s\n" "1.000000 x a=\"\\u0000\"" >expect && test_cmp expect out &&
    { flux kvs eventlog wait-event gone x >out 2>err & } && wait $!;
    grep "eventlog path gone not found" err &&
    flux kvs eventlog append -t 1 soon a && { flux kvs eventlog wait-event -v soon x >out 2>err & } && pid=$! &&
    wait_until grep a out && flux kvs unlink soon && test_expect_code 1 wait $pid &&
    test_expect_code 1 flux kvs eventlog get 2>err && grep -i usage err &&
    test_expect_code 1 flux kvs eventlog append late 2>err && grep -i usage err
'
test_done
