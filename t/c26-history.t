#!/bin/sh
test_description='A restart: active jobs first, history after, each job once, whatever happened

The checkpoint of a job-manager that ends well tells which jobs were active.  They
and all later ones are read before anything is served; the others while it is.'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

state=$(pwd)/state
rpc=$BUILDDIR/t/live/rpc
export rpc

# in_state: the script on standard input, in the next instance
in_state () {
    cat >script.sh && FLUX_DISABLE_JOB_CLEANUP=t flux start --statedir="$state" sh -ec '
        . ./script.sh'
}
# what every job-manager must know, in whatever order
know () {
    flux jobs -ano "{id} {state}" | sort
}

test_expect_success 'an instance ends with jobs of all kinds' '
    in_state <<-\EOF
	flux submit --cc=1-300 true >ids
	flux submit --flags=waitable false >waitable
	flux queue drain
	flux submit --urgency=0 --cc=1-5 true >held
	flux submit --dependency=afterok:$(head -1 ids) --urgency=0 true >dependent
	flux submit --dependency=afterany:$(head -1 held) true >waiting
	flux jobs -ano "{id} {state}" | sort >jobs
	EOF
    test $(wc -l <jobs) -eq 308
'
test_expect_success 'its checkpoint tells which were active' '
    in_state <<-\EOF &&
	flux kvs get checkpoint.job-manager >checkpoint
	flux jobs -ano "{id} {state}" | sort >jobs2
	flux dmesg >log
	EOF
    grep "\"history\":{\"before\":[0-9]*,\"active\":\[[0-9,]*\]}" checkpoint &&
    test $(grep -o "\"active\":.*" checkpoint | tr -dc , | wc -c) -eq 6 &&
    test_cmp jobs jobs2
'
test_expect_success 'first there were those, then the others' '
    grep "restart: 7 jobs" log && grep "restart: 301 inactive jobs" log
'
test_expect_success 'jobs of the history are looked up, waited for, depended on at once' '
    in_state <<-\EOF &&
	id=$(flux job id --to=dec $(head -1 ids))
	$rpc job-manager.getattr "{\"id\":$id,\"attrs\":[\"R\"]}" >R
	! $rpc job-manager.raise "{\"id\":$id,\"severity\":0,\"type\":\"cancel\"}" >raise
	! $rpc job-manager.urgency "{\"id\":$id,\"urgency\":3}" >urgency
	$rpc job-manager.wait "{\"id\":-1}" >wait
	new=$(flux submit --dependency=afterok:$(tail -1 ids) true)
	flux job wait-event -t 30 $new clean
	EOF
    grep R_lite R && grep "ENOENT: job is inactive" raise && grep "EINVAL: job is inactive" urgency &&
    grep "\"success\":false" wait
'
test_expect_success 'what waited for jobs goes on' '
    in_state <<-\EOF
	flux job urgency $(head -1 held) 16
	flux job wait-event -t 30 $(cat waiting) clean
	flux job urgency $(cat dependent) 16
	flux job wait-event -t 30 $(cat dependent) clean
	flux cancel --all
	flux queue drain
	EOF
'
test_expect_success 'after a crash the active ones are found without it' '
    test_expect_code 137 flux start --statedir="$state" sh -ec "
        flux submit --urgency=0 --cc=1-3 true >after
        flux submit sleep inf >running
        flux job wait-event \$(cat running) start
        $rpc kvs.save {}
        kill -9 \$(flux getattr broker.pid)" &&
    in_state <<-\EOF &&
	flux jobs -no "{id} {state}" | sort >active
	flux jobs -ano "{id}" | sort >all
	flux dmesg >log
	flux cancel --all
	flux queue drain
	EOF
    { sed "s/$/ SCHED/" after; sed "s/$/ RUN/" running; } | sort >expected &&
    sed "s/ CLEANUP/ RUN/" active >seen && grep -c SCHED seen >three && echo 3 >e3 && test_cmp e3 three &&
    cut -d" " -f1 seen >seen.ids && cat after running | sort >after.ids &&
    comm -23 after.ids all >lost && test_must_be_empty lost &&
    test -z "$(uniq -d all)"
'
test_expect_success 'one that cannot be replayed is set aside, also from the history' '
    in_state <<-\EOF &&
	flux jobs -ano "{id}" | wc -l >count
	flux kvs put --raw $(flux job id --to=kvs $(head -1 ids)).eventlog=garbage
	EOF
    in_state <<-\EOF &&
	flux jobs -ano "{id}" | wc -l >count2
	flux dmesg >log
	INSIDE_FLUX=t . "$T/lib.sh"
	wait_until flux kvs ls job-lost+found.job
	flux kvs ls job-lost+found.job >lost
	EOF
    bad=$(flux job id --to=f58plain $(head -1 ids) | sed "s/^f//") &&
    grep "job .*$bad not replayed: eventlog line is malformed" log &&
    test $(cat count2) -eq $(($(cat count) - 1)) && grep "$bad" lost
'
test_expect_success 'a checkpoint that does not tell is no reason to lose any' '
    in_state <<-\EOF &&
	flux module remove job-list && flux module remove job-exec && flux module remove sched-simple
	flux module remove job-ingest && flux module remove -f job-manager
	flux kvs get checkpoint.job-manager | sed "s/,\"history\":.*/}/" >cp
	flux kvs put --raw checkpoint.job-manager=- <cp
	flux module load job-manager && flux module load job-list
	flux jobs -ano "{id}" | wc -l >count3
	EOF
    test_cmp count2 count3
'

test_done
