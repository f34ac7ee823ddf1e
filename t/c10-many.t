#!/bin/sh
test_description='Many at once: concurrent clients and a thousand jobs'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

test_expect_success '200 concurrent flux run, each with its own output and code' '
    for i in $(seq 1 200); do
        (flux run sh -c "echo begin $i; seq 1 $i; exit $((i % 7))" >out.$i 2>err.$i; echo $? >rc.$i) &
    done &&
    wait &&
    for i in $(seq 1 200); do
        (echo begin $i; seq 1 $i) >expect &&
        test_cmp expect out.$i && test "$(cat rc.$i)" = $((i % 7)) || return 1
    done
'
test_expect_success '1000 jobs are submitted and all end' '
    flux submit --wait --cc=1-1000 sh -c "echo {cc}" >ids && test_line_count 1000 ids
'
test_expect_success '... with every event log ending in clean' '
    for id in $(cat ids); do
        flux job eventlog -f json $id | tail -1
    done >last &&
    test_line_count 1000 last && test "$(grep -c "\"name\":\"clean\"" last)" -eq 1000
'
test_expect_success '... and every output intact' '
    i=0 &&
    for id in $(cat ids); do
        i=$((i + 1)) && echo $i >expect && flux job attach $id >out && test_cmp expect out || return 1
    done
'
test_expect_success 'the instance still answers' '
    flux ping -c 1 kvs && test "$(flux jobs -n | wc -l)" -eq 0
'

test_done
