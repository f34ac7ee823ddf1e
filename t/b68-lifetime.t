#!/bin/sh
test_description='the instance ends at the expiration of resource.R: jobs that would outlive it, and jobs that run'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

# ends_in SECONDS: so the instance does; 0: never
ends_in () {
    end=0.0 && { test $1 = 0 || end=$(($(date +%s) + $1)).5; } &&
        R=$(flux kvs get resource.R | jq -c ".execution.expiration = $end") && flux kvs put --raw resource.R="$R"
}
refused () {
    ! flux submit "$@" 2>err && grep "job duration (.*) exceeds remaining instance lifetime (.*)" err
}
expiration () {
    flux job eventlog $1 | sed -n "s/.* resource-update expiration=//p" | tail -1
}

expires () {
    test "$(expiration $1)" = $2
}

test_expect_success 'without an end of the instance any duration will do' '
    id=$(flux submit -t 1000h true) && flux job wait-event -t 20 $id clean &&
    id=$(flux submit sleep inf) && timed=$(flux submit -t 10m sleep inf) &&
    flux job wait-event -t 20 $id start && flux job wait-event -t 20 $timed start
'
test_expect_success 'a job that runs without one is given it, one with a duration is not' '
    ends_in 3600 && flux job wait-event -t 20 $id resource-update && test "$(expiration $id)" = $end &&
    $BUILDDIR/t/live/rpc job-manager.getattr "{\"id\":$(flux job id --to=dec $id),\"attrs\":[\"R\"]}" >R && grep "\"expiration\":$end" R &&
    ! flux job eventlog $timed | grep resource-update
'
test_expect_success 'a job that would outlive it is refused' '
    refused -t 2h true && grep "job duration (2h)" err && grep "lifetime ([0-9.]*[mh])" err &&
    flux submit -t 30m --urgency=0 true && flux submit --urgency=0 true
'
test_expect_success 'an update is refused like a submission, unless it is the owner that wants it' '
    held=$(flux submit -t 1m --urgency=0 true) && flux update $held duration=3h &&
    flux jobtap remove .update-duration && flux jobtap load .update-duration owner-allow-any=0 &&
    test_must_fail flux update $held duration=4h 2>err && grep "exceeds remaining instance lifetime" err &&
    flux update $held duration=2m && flux jobtap remove .update-duration && flux jobtap load .update-duration &&
    flux update $held duration=4h
'
test_expect_success 'without .validate-duration nobody asks' '
    flux jobtap remove .validate-duration && flux submit -t 2h --urgency=0 true &&
    flux jobtap load .validate-duration && refused -t 2h true
'
test_expect_success 'it moves, and it goes' '
    ends_in 7200 && wait_until sh -c "flux submit -t 90m --urgency=0 true" && wait_until expires $id $end &&
    ends_in 0 && wait_until sh -c "flux submit -t 5h --urgency=0 true" && wait_until expires $id 0.0
'
test_expect_success 'it is heard of when kvs-watch has been loaded again, too' '
    flux module reload kvs-watch && ends_in 3600 && wait_until refused -t 2h true &&
    ends_in 0 && wait_until flux submit -t 5h --urgency=0 true
'
test_expect_success 'a job that runs has ended when the instance does' '
    ends_in 1 && flux job wait-event -t 30 $id clean && flux job eventlog $id | grep "exception type=\"timeout\" severity=0" &&
    flux job wait-event -t 30 $timed start && ends_in 0
'
test_expect_success 'who comes back knows it' '
    ends_in 3600 && flux module remove sched-simple && flux module remove job-exec && flux module remove job-list &&
    flux module reload job-manager && flux module load sched-simple && flux module load job-exec && flux module load job-list &&
    wait_until refused -t 2h true && flux cancel --all && flux queue drain
'
test_done
