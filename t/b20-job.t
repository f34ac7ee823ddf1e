#!/bin/sh
test_description='flux submit, flux job, flux jobs: what can be done with a job'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

names () {
    flux job eventlog -f json "$@" | sed 's/.*"name":"\([^"]*\)".*/\1/'
}

test_expect_success 'submit prints an id; the history is that of RFC 21' '
    flux submit true >id && test_line_count 1 id && id=$(cat id) &&
    flux job wait-event $id clean >/dev/null &&
    names $id >out &&
    printf "%s\n" submit validate depend priority alloc start finish release free clean >expect &&
    test_cmp expect out
'
test_expect_success 'the exec history too' '
    names -p exec $(cat id) >out &&
    for e in init starting shell.init shell.start complete done; do
        grep -x $e out || return 1
    done
'
test_expect_success 'a finished job can be attached to' '
    id=$(flux submit sh -c "echo kept; exit 5") &&
    test_expect_code 5 flux job attach $id >out && echo kept >expect && test_cmp expect out &&
    test_expect_code 5 flux job attach $id >out && test_cmp expect out
'
test_expect_success 'jobspec, R and J can be read' '
    id=$(flux submit -n1 true) && flux job wait-event $id clean >/dev/null &&
    flux job info $id R | grep "\"version\": *1" &&
    flux job info $id jobspec | grep "\"command\"" &&
    ! flux job info $id jobspec | grep "\"environment\"" &&
    flux job info -o $id jobspec | grep "\"environment\"" &&
    test_expect_code 1 flux job info $id nosuch 2>err && grep "nosuch: key not found" err
'
test_expect_success 'an unknown job is an error' '
    test_expect_code 1 flux job attach f1 2>err && grep "No such job" err &&
    test_expect_code 1 flux job eventlog f1 2>err && grep "job ID not found" err &&
    test_expect_code 1 flux job info f1 R 2>err && grep "invalid job id" err &&
    test_expect_code 1 flux job attach 1x3 2>err && grep "error parsing jobid" err
'
test_expect_success 'a running job can be cancelled' '
    id=$(flux submit sleep 1000) && flux job wait-event $id start >/dev/null &&
    flux job cancel $id because &&
    flux job wait-event $id clean >/dev/null &&
    flux job wait-event $id exception >out && grep "note=\"because\"" out
'
test_expect_success 'a pending job can be cancelled' '
    id=$(flux submit --urgency=hold true) &&
    flux job raise --severity=0 --type=cancel $id &&
    names $id >out 2>/dev/null;
    flux job wait-event $id clean >/dev/null && names $id >out && ! grep start out
'
test_expect_success 'a job can be signalled' '
    mkfifo up &&
    id=$(flux submit sh -c "trap \"exit 7\" USR1; echo ok >up; while :; do sleep 0.01; done") &&
    read x <up && flux job kill -s USR1 $id &&
    test_expect_code 7 flux job attach $id
'
test_expect_success 'a minor exception harms nobody' '
    id=$(flux submit sh -c "exit 0" --urgency=16) && flux job wait-event $id clean >/dev/null &&
    test_expect_code 1 flux job raise -s 3 -t test $id 2>err && grep "job is inactive" err
'
test_expect_success 'a held job runs when its urgency is raised' '
    id=$(flux submit --urgency=0 true) &&
    flux jobs -n | grep held &&
    flux job urgency $id default &&
    flux job wait-event $id clean >/dev/null
'
test_expect_success 'waitable jobs can be waited for once' '
    id=$(flux submit --flags=waitable false) &&
    test_expect_code 1 flux job wait $id 2>err && grep "exited with exit code 1" err &&
    test_expect_code 2 flux job wait $id
'
test_expect_success 'jobs are listed by state and result' '
    flux jobs -a >out && head -1 out | grep JOBID && grep " CD " out && grep " F " out && grep " CA " out &&
    flux jobs -n -f failed >out && ! grep " CD " out &&
    flux jobs --json -a | grep "\"jobs\"" &&
    test_expect_code 1 flux jobs f1 2>err && grep "JobID f1 unknown" err
'
test_expect_success 'ids convert' '
    test "$(flux job id --to=f58plain 1234)" = fNH && test "$(flux job id fNH)" = 1234 &&
    test "$(flux job id --to=kvs 33906753536)" = job.0000.0007.e500.0000 &&
    test_expect_code 1 flux job id --to=nosuch 1
'
test_expect_success 'a jobspec from a file' '
    flux run --dry-run echo spec >spec.json && id=$(flux job submit spec.json) &&
    flux job attach $id >out && echo spec >expect && test_cmp expect out
'
test_expect_success 'a malformed jobspec is refused with a sentence' '
    echo "{" >bad.json && test_expect_code 1 flux job submit bad.json 2>err &&
    grep "flux-job: jobspec: invalid JSON" err &&
    echo "{\"version\":1}" >bad.json && test_expect_code 1 flux job submit bad.json 2>err &&
    grep "Missing key" err &&
    test_expect_code 1 flux job submit /dev/null 2>err && grep "jobspec is empty" err
'

test_done
