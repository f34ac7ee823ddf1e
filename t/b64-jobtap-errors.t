#!/bin/sh
test_description='plugins of the job-manager that fail or give what cannot be used: what is
answered, what is logged, what becomes of the job'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

. "$T/jobtap.sh"
. "$T/jmlog.sh"

test_expect_success 'a plugin that fails to tell of itself' '
    flux jobtap load $TAP && tap query-fails 0 x 1 &&
    test_must_fail $rpc job-manager.jobtap-query "{\"name\":\"tap.so\"}" >out && echo "EINVAL: plugin.query failed" >want && test_cmp want out &&
    test_must_fail flux jobtap query tap.so 2>err && grep "plugin.query failed" err &&
    tap query-fails 0 && flux jobtap query tap.so
'
test_expect_success 'one that rejects a job without a reason; that it did is logged' '
    test_must_fail flux submit --setattr=tap.bare=job.validate true 2>err &&
    grep "rejected by job-manager plugin .tap." err && says debug "jobtap: tap.so: job.validate: rc=-1" &&
    test_must_fail flux submit --setattr=tap.errno=job.create true 2>err && grep "rejected by job-manager plugin$" err
'
test_expect_success 'one that rejects a dependency without a reason' '
    test_must_fail flux submit --dependency=tap-mute:x true 2>err && grep "rejected by job-manager dependency plugin" err
'
test_expect_success 'one that cannot read a new configuration, and does not say why' '
    test_must_fail $rpc job-manager.config-reload "{\"tap\":{\"refuse\":5}}" >out &&
    echo "EINVAL: conf.update: plugin failed" >want && test_cmp want out
'
test_expect_success 'one that has no priority for a job that is to be scheduled: it keeps its own' '
    hold priority=42 later=1 && flux job wait-event -t 60 $id priority && flux job urgency $id 1 &&
    flux job wait-event -t 60 $id clean && flux module remove sched-simple && hold later=1 && flux job wait-event -t 60 $id priority &&
    tap reprioritize-all 0 && says err "jobtap: BUG: plugin didn.t return priority" &&
    test "$(flux jobs -no "{state} {priority}" $id)" = "SCHED 0" && flux cancel $id && flux module load sched-simple
'
test_expect_success 'annotations that are no object' '
    hold annotate=5 && flux job wait-event -t 60 $id exception >out &&
    grep "type=\"job.state.sched\" severity=4 note=\"arg_unpack: annotations were not taken\"" out &&
    flux jobs -no "{annotations}" $id >out && ! grep 5 out && flux cancel $id
'
test_expect_success 'a priority that is none, for a job that has one' '
    hold none=1 && flux job wait-event -t 60 $id priority && flux jobtap remove tap.so &&
    hold "priority=\"x\"" && flux jobtap load $TAP && flux job wait-event -t 60 $id exception >out &&
    grep "type=\"job.priority.get\" severity=4 note=\"arg_unpack: Expected integer for priority\"" out && flux cancel $id
'
test_expect_success 'R that is no object' '
    hold R=5 && says err "jobtap: R of a plugin was not taken" &&
    $rpc job-manager.getattr "{\"id\":$dec,\"attrs\":[\"R\"]}" | grep "R is NULL" && flux cancel $id
'
test_expect_success 'an update of the jobspec that cannot be done rejects the job' '
    test_must_fail flux submit --setattr=tap.update=attributes..x true 2>err &&
    grep "an event of a job-manager plugin was refused" err
'
test_expect_success 'an event with a name that is too long for a topic' '
    hold subscribe=1 && name=$(printf "%060d" 0) && tap post $dec $name 1 && flux job wait-event -t 60 $id $name &&
    says err "jobtap: $name: topic is too long" && flux cancel $id
'
test_expect_success 'jobs live on' '
    flux run true && flux cancel --all && flux queue drain -t 60
'
test_done
