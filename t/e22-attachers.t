#!/bin/sh
# Attachers that join and leave while a job prints: who stays gets every byte,
# once and in order.  E22_ATTACHERS (24) of them; scripts/soak runs it with 500.
test_description='Many attachers, joining and leaving during output'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

n=${E22_ATTACHERS:-24}
for i in $(seq 1 40); do flux lptest 80 2500; done >expect
cksum <expect >sum

watchers () {
    test "$(flux module stats -p watchers "$1")" = "$2"
}
all_attached () {
    test "$(flux module stats -p watchers job-info)" -ge "$1"
}

# Job-manager watches resource.R, once it is there.
test_expect_success 'a job prints, and pauses in between; attachers come, every third goes' '
    wait_until watchers kvs-watch 1 && mkfifo more &&
    id=$(flux submit sh -c "exec 3<more; for i in \$(seq 1 40); do
        flux lptest 80 2500; read x <&3; done") &&
    exec 9<>more && pids= &&
    for i in $(seq 1 $n); do
        if [ $((i % 3)) -eq 0 ]; then
            flux job attach -rq $id >/dev/null 2>&1 &
            leaver=$!
        else
            { flux job attach -rq $id | cksum >sum$i; } &
            pids="$pids $!"
        fi
        [ $((i * 40 / n)) -eq $(((i - 1) * 40 / n)) ] || echo >&9
        [ $((i % 6)) -ne 0 ] || kill -9 $leaver
        [ $((i % 6)) -ne 4 -o $i -lt 6 ] || kill $leaver
    done &&
    for i in $(seq 1 80); do echo; done >&9 && exec 9>&- && wait $pids &&
    flux job wait-event $id clean >/dev/null
'
test_expect_success 'all that stayed have the same' '
    for i in $(seq 1 $n); do
        [ $((i % 3)) -eq 0 ] || test_cmp sum sum$i || return 1
    done
'
test_expect_success 'nothing is left of those that went' '
    wait_until watchers job-info 0 && wait_until watchers kvs-watch 1
'

test_done
