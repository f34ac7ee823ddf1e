#!/bin/sh
test_description='limits and defaults: who may ask for how much, and what a job gets that does not say'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

# refused SENTENCE CONF...: an instance with that configuration does not start, and says why
refused () {
    sentence=$1 && shift &&
    test_must_fail flux start $(printf -- '--conf=%s ' "$@") true 2>err && grep -F "$sentence" err
}
# in_flux CONF...: the script on standard input, in an instance of that configuration
in_flux () {
    cat >script.sh && INSIDE_FLUX=t flux start $(printf -- '--conf=%s ' "$@") sh -ec '. ./script.sh'
}

test_expect_success 'a policy that is wrong is refused with its sentence' '
    refused "error parsing [policy] config table: 1 object item(s) left unpacked: x" policy.x=1 &&
    refused "error parsing [policy.limits] config table: '"'"'duration'"'"' is not a valid FSD" policy.limits.duration=x &&
    refused "values must be >= -1" policy.limits.job-size.max.nnodes=-2 &&
    refused "the [policy] config table defines a default queue x that is not in [queues] table" \
        policy.jobspec.defaults.system.queue=x &&
    refused "error parsing [queues.a] config table: '"'"'policy'"'"' must not define a default queue!" \
        queues.a.policy.jobspec.defaults.system.queue=a
'
test_expect_success 'a job may ask for no more time than the limit' '
    in_flux policy.limits.duration=1h <<-\EOF
	flux submit -t 1h true
	! flux submit -t 2h true 2>err
	grep "requested duration (2h) exceeds policy limit of 1h" err
	! flux submit true 2>err
	grep "requested duration (unlimited) exceeds policy limit of 1h" err
	flux jobtap remove .limit-duration
	flux submit true
	flux queue drain
	EOF
'
test_expect_success 'and for neither more nor fewer resources' '
    in_flux policy.limits.job-size.max.ncores=2 policy.limits.job-size.max.nnodes=2 \
        policy.limits.job-size.max.ngpus=0 policy.limits.job-size.min.ncores=2 <<-\EOF
	flux queue stop
	flux submit -n2 true
	flux submit -n1 -c2 true
	! flux submit -N3 -n3 true 2>err
	grep "requested nnodes (3) exceeds policy limit of 2" err
	! flux submit -n3 true 2>err
	grep "requested ncores (3) exceeds policy limit of 2" err
	! flux submit -n2 -g1 true 2>err
	grep "requested ngpus (2) exceeds policy limit of 0" err
	! flux submit -n1 true 2>err
	grep "requested ncores (1) is under policy limit of 2" err
	EOF
'
test_expect_success 'the limits of a queue come first, then those of its parent' '
    in_flux policy.limits.duration=1h policy.limits.job-size.max.ncores=2 \
        queues.big.policy.limits.duration=\"0\" queues.big.policy.limits.job-size.max.ncores=-1 \
        queues.part.parent=big queues.part.policy.limits.duration=2h queues.small={} <<-\EOF
	flux submit -q big -t 100h -n 4 true
	flux submit -q part -t 2h -n 4 true
	! flux submit -q part -t 3h true 2>err
	grep "requested duration (3h) exceeds policy limit of 2h for queue part" err
	! flux submit -q small -t 2h true 2>err
	grep "requested duration (2h) exceeds policy limit of 1h for queue small" err
	! flux submit -q small -t 1h -n4 true 2>err
	grep "requested ncores (4) exceeds policy limit of 2 for queue small" err
	EOF
'
test_expect_success 'an update of a duration keeps to them unless the owner asks' '
    in_flux policy.limits.duration=1h <<-\EOF
	id=$(flux submit --urgency=0 -t 10m true)
	dec=$(flux job id --to=dec $id)
	! $BUILDDIR/t/live/rpc -u 1234 job-manager.update "{\"id\":$dec,\"updates\":{\"attributes.system.duration\":7200.0}}" >err
	grep "guests may only update their own jobs" err
	flux update $id duration=2h
	flux cancel $id
	EOF
'
test_expect_success 'the queue of a pending job is updated' '
    in_flux queues.a={} queues.b={} queues.c={} <<-\EOF
	id=$(flux submit -q a true)
	flux update $id queue=b
	flux job wait-event $id jobspec-update | grep "attributes.system.queue=\"b\" attributes.system.constraints={}"
	! flux update $id queue=b 2>err
	grep "job queue is already set to b" err
	! flux update $id queue=x 2>err
	grep "is not a valid queue" err
	flux queue disable c
	! flux update $id queue=c 2>err
	grep "queue c is currently disabled" err
	! flux update $id nosuch=1 2>err
	grep "update of attributes.system.nosuch not supported" err
	flux queue start b
	flux job wait-event -t 20 $id clean
	EOF
'

test_done
