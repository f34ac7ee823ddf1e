#!/bin/sh
test_description='A restart with a KVS that is not as it should be: what is told, what is set aside,
what keeps the job-manager from starting'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"
. "$T/jmlog.sh"

rpc=$BUILDDIR/t/live/rpc
none=sha1-0123456789012345678901234567890123456789
past=job.0000.0000

stop () {
    for m in job-list job-exec sched-simple job-ingest; do
        flux module remove -f $m || return 1
    done
    flux module remove job-manager && flux dmesg -C
}
# fails SENTENCE: it does not start, for that reason
fails () {
    test_must_fail flux module load job-manager 2>err && says err "$1" && flux dmesg -C
}
# f58 ID: without its first letter, which the locale decides
f58 () {
    flux job id --to=f58plain $1 | sed "s/^f//"
}
# is_known ID: there is such a job
is_known () {
    $rpc job-manager.getattr "{\"id\":$(flux job id --to=dec $1),\"attrs\":[]}"
}
# knows_all ID...: the history has been read, with these jobs; then what is not there is said
knows_all () {
    is_known 5 | grep "EINVAL: unknown job" && for j in "$@"; do is_known $j || return 1; done
}
# set_aside ID: it is where the others do not see it
set_aside () {
    wait_until sh -c "flux kvs ls job-lost+found.job | grep \"$(f58 $1)\"" &&
        test_must_fail flux kvs ls $(flux job id --to=kvs $1)
}
# A job with an id that is higher than any other: all others are history.
last=281474976710656

test_expect_success 'jobs run, and end' '
    old=$(flux submit true) && flux job wait-event -t 60 $old clean &&
    $rpc job-manager.submit "{\"jobs\":[{\"id\":$last,\"userid\":0,\"urgency\":0,\"t_submit\":1.5,\"flags\":0,\"jobspec\":{\"version\":1}}]}" &&
    flux kvs put job.0001.0000.0000.0000.jobspec="{\"version\":1}" &&
    $rpc job-manager.raise "{\"id\":$last,\"severity\":0,\"type\":\"cancel\"}" &&
    flux job wait-event -t 60 $last clean && stop
'
test_expect_success 'how many jobs there are, and the newest of them, is told' '
    flux module load job-manager && knows_all $old $last &&
    says debug "restart: max_jobid=.*$(f58 $last)" && says info "restart: 2 inactive jobs" && stop
'
test_expect_success 'a directory of the history that is no job: told of; the others are there' '
    flux kvs mkdir $past.0000.zzzz && flux kvs mkdir $past.00AF.0000 && flux kvs mkdir $past.0000.0x1f && flux kvs mkdir $past.0000.00011 &&
    flux module load job-manager && knows_all $old &&
    says err "restart: could not decode $past.0000.zzzz to job ID" && says err "restart: could not decode $past.00AF to job ID" &&
    says err "restart: could not decode $past.0000.0x1f to job ID" && says err "restart: could not decode $past.0000.00011 to job ID" &&
    says info "restart: 2 inactive jobs" && stop &&
    flux kvs unlink -R $past.0000.zzzz $past.00AF $past.0000.0x1f $past.0000.00011
'
test_expect_success 'one two levels below job' '
    flux kvs mkdir job.0000.zzzz && flux module load job-manager && knows_all $old &&
    says err "restart: could not decode job.0000.zzzz to job ID" && stop
'
test_expect_success 'a directory of the history that cannot be read' '
    flux kvs put --treeobj $past.1111="{\"ver\":1,\"type\":\"dirref\",\"data\":[\"$none\"]}" &&
    flux module load job-manager && knows_all $old &&
    says err "restart: $past.1111: No such file or directory" && says info "restart: 2 inactive jobs" && stop &&
    flux kvs unlink $past.1111 && flux kvs unlink -R job.0000.zzzz
'
test_expect_success 'among the jobs that may be active, what is no job is fatal' '
    for d in yyyy.0000.0000.0001 0002.0000.0000.000x 0003.+001.0000.0000; do
        flux kvs mkdir job.$d && fails "restart failed: could not decode job.$d to job ID" && flux kvs unlink -R job.${d%%.*} || return 1
    done
'
test_expect_success 'so is a directory that cannot be read' '
    flux kvs put --treeobj job.ffff="{\"ver\":1,\"type\":\"dirref\",\"data\":[\"$none\"]}" &&
    fails "restart failed: job.ffff cannot be read: No such file or directory" && flux kvs unlink job.ffff
'
test_expect_success 'what is no directory, or has none four levels deep, is not' '
    flux kvs put job.x=1 && flux kvs put job.ffff.y=1 && flux kvs mkdir job.z.0000.x &&
    flux module load job-manager && knows_all $old && says err "restart: could not decode job.z to job ID" &&
    test $(logged err ".*" | wc -l) -eq 1 && stop && flux kvs unlink -R job.x job.ffff job.z
'
test_expect_success 'a checkpoint of the future is fatal' '
    flux kvs get checkpoint.job-manager >checkpoint && sed "s/\"version\":1/\"version\":2/" checkpoint >future &&
    flux kvs put --raw checkpoint.job-manager=- <future && fails "restart: checkpoint.job-manager: Invalid argument"
'
test_expect_success 'without one all jobs are looked at' '
    flux kvs unlink checkpoint.job-manager && flux module load job-manager && knows_all $old &&
    says debug "restart: checkpoint.job-manager not found" && says info "restart: 2 jobs" &&
    flux module load job-ingest && flux module load job-exec && flux module load sched-simple && flux module load job-list
'
test_expect_success 'jobs without eventlog, jobspec or a proper jobspec or R are set aside; others live' '
    for i in 1 2 3 4 5 6; do
        flux submit --urgency=0 true || return 1
    done >ids && set -- $(cat ids) && stop &&
    flux kvs unlink $(flux job id --to=kvs $1).eventlog && flux kvs unlink $(flux job id --to=kvs $2).jobspec &&
    flux kvs put --raw $(flux job id --to=kvs $3).jobspec="x" && flux kvs put --raw $(flux job id --to=kvs $4).R="[" &&
    flux kvs mkdir $(flux job id --to=kvs $5).R &&
    flux module load job-manager && knows_all $6 &&
    says err "job .*$(f58 $1) not replayed: lookup eventlog: No such file or directory" &&
    says err "job .*$(f58 $2) not replayed: lookup jobspec: No such file or directory" &&
    says err "job .*$(f58 $3) not replayed: jobspec is no JSON object" &&
    says err "job .*$(f58 $4) not replayed: R is no JSON object" &&
    says err "job .*$(f58 $5) not replayed: lookup R: Is a directory" &&
    for id in $1 $2 $3 $4 $5; do
        set_aside $id && is_known $id | grep "EINVAL: unknown job" || return 1
    done
'
test_expect_success 'a running job whose R is not to be had any more is told so, and ends' '
    flux module load job-ingest && flux module load job-exec && flux module load sched-simple && flux module load job-list &&
    id=$(flux submit sleep inf) && flux job wait-event -t 60 $id start && stop &&
    key=$(flux job id --to=kvs $id).R && flux kvs get --raw $key >R && sed "s/\"rank\":\"0\"/\"rank\":\"77\"/" R >R77 &&
    flux kvs put --raw $key=- <R77 && flux module load job-manager && says info "restart: 1 running jobs" &&
    flux module load sched-simple && flux job wait-event -t 60 $id clean && flux job eventlog $id >log &&
    grep "exception type=\"scheduler-restart\" severity=0 note=\"failed to reallocate R for running job\"" log &&
    ! grep " free" log && flux module load job-exec && flux module load job-ingest && flux module load job-list && flux run true
'
test_done
