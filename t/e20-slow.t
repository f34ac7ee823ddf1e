#!/bin/sh
# Whoever does not read costs the broker a few MiB, delays nobody, and when he
# reads again he gets every byte.  E20_MB (60) is what a job prints; scripts/soak
# runs this with 1000.
test_description='Clients that are stopped while there is much to read'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

mb=${E20_MB:-60}
lines=$((mb * 12500))
broker=$(flux getattr broker.pid)

# The most that waits in the broker for any one client, in bytes.
backlog () {
    flux module stats connector-local |
        perl -ne '$m = $1 if /"rxbacklog": (\d+)/ and $1 > $m; END { print $m + 0 }'
}
peak () {
    awk '/^VmHWM/ { print int ($2 / 1024) }' /proc/$broker/status
}
# So many streams of a job are open, none of them of somebody who is gone.
job_watchers () {
    test "$(flux module stats -p watchers job-info)" -eq "$1"
}
held () {
    test "$(backlog)" -gt 1000000
}
larger () {
    test "$(wc -c <"$1")" -gt "$2"
}
flux lptest 80 $lines | cksum >sum

# What sanitizers keep of freed memory is not the broker's.
grep -q "define WITH_SANITIZERS" "$BUILDDIR/config.h" || test_set_prereq PLAIN

test_expect_success 'a stopped attach: the job runs on, others read at full speed' '
    mkfifo go1 &&
    id=$(flux submit sh -c "read x <go1; flux lptest 80 $lines") && echo $id >id1 &&
    flux job wait-event -p exec $id shell.start >/dev/null && wait_until job_watchers 0 &&
    { flux job attach -rq $id >slow1 & } && echo $! >slow1.pid &&
    wait_until job_watchers 3 && kill -STOP $(cat slow1.pid) &&
    { flux job attach -rq $id | cksum >fast1 & } && fast=$! &&
    { flux job attach -rq $id | cksum >fast2 & } && fast2=$! &&
    wait_until job_watchers 9 && echo x >go1 &&
    wait $fast $fast2 && test_cmp sum fast1 && test_cmp sum fast2 &&
    flux job wait-event $id clean >/dev/null
'
test_expect_success 'no more than a few MiB wait for it' '
    wait_until held && backlog >waiting && echo "# $(cat waiting) bytes" &&
    test $(cat waiting) -lt 16000000
'
test_expect_success 'reading again it gets every byte' '
    kill -CONT $(cat slow1.pid) && wait $(cat slow1.pid) && cksum <slow1 >sum1 &&
    test_cmp sum sum1 && rm slow1
'
test_expect_success 'the same with what a job has printed before' '
    { flux job attach -rq $(cat id1) >slow2 & } && pid=$! &&
    wait_until test -s slow2 && kill -STOP $pid && flux job attach -rq $(cat id1) | cksum >fast1 && test_cmp sum fast1 &&
    test $(backlog) -lt 16000000 &&
    kill -CONT $pid && wait $pid && cksum <slow2 >sum2 && test_cmp sum sum2 && rm slow2
'
test_expect_success 'attach whose own reader is slow' '
    flux job attach -rq $(cat id1) |
        { wait_until held; cksum; } >sum3 &&
    test_cmp sum sum3
'
test_expect_success 'a job that ends and is gone while its reader is stopped, several times' '
    mkfifo go2 &&
    id=$(flux submit sh -c "read x <go2; flux lptest 80 $lines; read x <go2; echo end") &&
    flux job wait-event -p exec $id shell.start >/dev/null && wait_until job_watchers 0 &&
    { flux job attach -rq $id >slow4 & } && pid=$! && wait_until job_watchers 3 &&
    kill -STOP $pid && echo x >go2 && wait_until held && kill -CONT $pid &&
    wait_until larger slow4 10000000 && kill -STOP $pid && echo x >go2 && flux job wait-event $id clean >/dev/null &&
    kill -CONT $pid && wait $pid && tail -n 1 slow4 >last && echo end >expect &&
    test_cmp expect last && sed \$d slow4 | cksum >sum4 && test_cmp sum sum4 && rm slow4
'
# The sum of what is bounded by design, with three readers: doc/architecture.md,
# "What output costs in memory".  A job that prints less can fill less.
bound=$((150 + 2 * mb))
test $bound -lt 372 || bound=372

test_expect_success PLAIN 'the broker has stayed within its bound' '
    echo "# $(peak) MB of $bound" && test $(peak) -lt $bound
'

append_all () {
    seq -f "%06.0f $(printf "%040000d" 0)" 1 "$1" >appends &&
    perl -ne 'open (my $p, "|-", "flux kvs put --raw --append log=-"); print $p $_' appends
}
test_expect_success 'a stopped kvs get --watch --append' '
    flux kvs put log= && append_all 1 &&
    { flux kvs get -w -A -r -c 502 log >slow5 & } && pid=$! && wait_until test -s slow5 &&
    kill -STOP $pid && append_all 500 && test $(backlog) -lt 16000000 &&
    kill -CONT $pid && wait $pid && head -n 1 appends >expect && cat appends >>expect &&
    test_cmp expect slow5 && rm slow5
'
test_expect_success 'a stopped kvs get --stream' '
    { flux kvs get -r -S log >slow6 & } && pid=$! && wait_until test -s slow6 && kill -STOP $pid &&
    flux kvs get -r -S log >fast6 && test_cmp expect fast6 && test $(backlog) -lt 16000000 &&
    kill -CONT $pid && wait $pid && test_cmp expect slow6
'
test_expect_success 'a stopped watcher of values misses none' '
    flux kvs put v=0 && { flux kvs get -w -c 201 v >slow7 & } && pid=$! &&
    wait_until test -s slow7 && kill -STOP $pid &&
    for i in $(seq 1 200); do
        printf "%s %050000d\n" $i 0 | flux kvs put --raw v=- || return 1
    done &&
    test $(backlog) -lt 16000000 && kill -CONT $pid && wait $pid &&
    cut -d" " -f1 <slow7 | grep . | sort -un >seen && seq 0 200 >expect && test_cmp expect seen
'
test_expect_success 'unless they are too many: then it is told' '
    { flux kvs get -w v >slow8 2>err8 & } && pid=$! &&
    wait_until test -s slow8 && kill -STOP $pid &&
    for i in $(seq 1 100); do
        printf "%s %0400000d\n" $i 0 | flux kvs put --raw v=- || return 1
    done &&
    kill -CONT $pid && test_must_fail wait $pid && grep "Value too large" err8
'
test_done
