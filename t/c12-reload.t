#!/bin/sh
test_description='Modules of jobs are reloaded under load: nothing is lost or given out twice'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc

cores=$(flux resource list -s all -no "{ncores}")

# overlaps: the most jobs that had resources at a time, and how many there were.
# A job has them from alloc to free (or to the exception of a scheduler that could
# not give them back to it).
overlaps () {
    for id in $(cat "$1"); do
        flux job eventlog -f json $id
    done | jq -s -r '.[] | select(.name == "alloc" or .name == "free")
        | "\(.timestamp) \(.name)"' | sort -n | awk '
        $2 == "alloc" { total++; if (++n > most) most = n }
        $2 == "free" { n-- }
        END { print most, total, n }'
}

test_expect_success 'sched-simple goes and comes while jobs are submitted, wait and run' '
    { flux submit --quiet --setattr=system.exec.test.run_duration=0.002s --cc=1-600 \
        true; } & pid=$! &&
    for i in 1 2 3 4 5 6 7 8; do
        flux module reload sched-simple || return 1
    done &&
    wait $pid && flux queue drain -t 60s &&
    flux jobs -a -c0 -no "{id} {result}" >jobs &&
    test_line_count 600 jobs && test "$(grep -c COMPLETED jobs)" = 600
'
test_expect_success '... and no core had two jobs at a time' '
    cut -d" " -f1 jobs >ids && overlaps ids >out && cat out &&
    read most total left <out &&
    test $most -le $cores && test $total = 600 && test $left = 0
'
test_expect_success '... and all of them are free again' '
    wait_until sh -c "flux resource list -s free -no {ncores} | grep -x $cores"
'
test_expect_success 'sched-simple may go while it still asks what the running jobs have' '
    id=$(flux submit sleep 1000) && flux job wait-event $id start >/dev/null &&
    $rpc module.debug "{\"name\":\"kvs\",\"defer\":true}" &&
    flux module reload sched-simple && flux module reload sched-simple &&
    $rpc module.debug "{\"name\":\"kvs\",\"defer\":false}" &&
    wait_until sh -c "flux resource list -s free -no {ncores} | grep -x $((cores - 1))" &&
    flux cancel $id && flux job wait-event $id clean >/dev/null
'
test_expect_success 'job-list is as before when it comes back' '
    flux jobs -a -c0 -no "{id} {state} {result} {t_inactive} {ranks} {waitstatus}" >before &&
    flux module reload job-list &&
    flux jobs -a -c0 -no "{id} {state} {result} {t_inactive} {ranks} {waitstatus}" >after &&
    test_cmp before after
'
test_expect_success 'job-list goes and comes under load, and misses nothing' '
    { flux submit --quiet --setattr=system.exec.test.run_duration=0.002s --cc=1-300 \
        true; } & pid=$! &&
    for i in 1 2 3 4 5; do
        flux module reload job-list && flux jobs -a -n >out || return 1
    done &&
    wait $pid && flux queue drain -t 60s &&
    flux job stats >out && jq -e ".job_states.inactive == 901 and .successful == 900" out
'
test_expect_success 'the newest of many jobs' '
    flux jobs -a -c0 -no "{t_submit} {id}" | sort -rn | cut -d" " -f2 >all &&
    for n in 1 2 70 900 1000; do
        flux job last $n >out && head -n $n all >expect && test_cmp expect out || return 1
    done &&
    flux job last "[3:4]" >out && sed -n 4p all >expect && test_cmp expect out &&
    flux job last "[2:9:3]" >out && sed -n "3p;6p;9p" all >expect && test_cmp expect out &&
    flux job last "[-2:]" >out && tail -n 2 all >expect && test_cmp expect out
'
test_expect_success 'a drained node gets no jobs; those that run go on; undrained it goes on' '
    id=$(flux submit sleep 1000) && flux job wait-event $id start >/dev/null &&
    flux resource drain 0 test &&
    waiting=$(flux submit true) && flux job wait-event $waiting priority >/dev/null &&
    flux jobs -no "{state}" $id | grep RUN && flux jobs -no "{state}" $waiting | grep SCHED &&
    flux cancel $id && flux job wait-event $id clean >/dev/null &&
    flux jobs -no "{state}" $waiting | grep SCHED &&
    flux resource undrain 0 && flux job wait-event $waiting clean >/dev/null
'
# What the job-manager asked before it heard that a scheduler had left comes to the next one.
asked () { $rpc sched-simple.messages | jq .rx.request; }
came () { n=$((n + 1)) && test "$(asked)" -gt $n; }
test_expect_success 'what is asked of a scheduler before it is ready was meant for another' '
    id=$(flux submit sleep 1000) && flux job wait-event $id start >/dev/null &&
    waiting=$(flux submit -n$cores true) && flux job wait-event $waiting priority >/dev/null &&
    printf "{\"id\":%s,\"priority\":16,\"userid\":0,\"t_submit\":1.0,\"jobspec\":%s}" \
        $(flux job id --to=dec $waiting) "$(flux job info $waiting jobspec)" >alloc &&
    $rpc module.debug "{\"name\":\"kvs\",\"defer\":true}" &&
    flux module reload sched-simple && n=$(asked) &&
    $rpc -N sched.alloc "$(cat alloc)" && wait_until came &&
    $rpc module.debug "{\"name\":\"kvs\",\"defer\":false}" &&
    wait_until sh -c "flux resource list -s free -no {ncores} | grep -x $((cores - 1))" &&
    flux jobs -no "{state}" $id | grep RUN && flux cancel $id &&
    flux job wait-event $waiting clean >/dev/null &&
    flux jobs -no "{result}" $waiting | grep COMPLETED
'
test_expect_success 'why scheduler and exec are not asked any more is in the log' '
    flux module reload sched-simple && flux module reload job-exec &&
    wait_until sh -c "flux dmesg | grep \"job-manager.debug.*: alloc: stop due to disconnect: Success\"" &&
    wait_until sh -c "flux dmesg | grep \"job-manager.debug.*: start: stop due to disconnect\"" &&
    flux run true
'
test_done
