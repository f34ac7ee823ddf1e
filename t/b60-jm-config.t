#!/bin/sh
test_description='what a job-manager is configured with is done or refused'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

# refused SENTENCE CONF: an instance with that configuration does not start, and says why
refused () {
    test_must_fail flux start --conf="$2" true 2>err && grep -F "$1" err
}

test_expect_success 'housekeeping without a command needs an IMP' '
    refused "job-manager.housekeeping implies IMP but exec.imp is undefined" "job-manager.housekeeping={}"
'
test_expect_success 'wrong limits are refused' '
    refused "inactive-age-limit: invalid FSD" job-manager.inactive-age-limit=x &&
    refused "inactive-num-limit: must be >= 0" job-manager.inactive-num-limit=-2
'
# in_flux CONF: the script on standard input, in an instance of that configuration with
# fast heartbeats
in_flux () {
    cat >script.sh && INSIDE_FLUX=t flux start --conf="$1" sh -c '
        . "$T/lib.sh"
        inactive () {
            test "$(flux module stats job-manager | grep -o "inactive_jobs[^,]*" |
                    grep -o "[0-9]*$")" = $1
        }
        set -e
        flux module reload heartbeat period=0.1s
        . ./script.sh'
}

test_expect_success 'beyond inactive-num-limit old jobs go by themselves' '
    in_flux job-manager.inactive-num-limit=3 <<-\EOF
	first=$(flux submit true)
	last=$(flux submit --cc=1-9 true | tail -1)
	flux queue drain
	wait_until inactive 3
	flux job info $last R
	! flux job eventlog $first
	EOF
'
test_expect_success 'and those older than inactive-age-limit' '
    in_flux job-manager.inactive-age-limit=100ms <<-\EOF
	flux submit --cc=1-250 true >/dev/null
	flux queue drain
	wait_until inactive 0
	wait_until sh -c "test -z \"\$(flux jobs -an)\""
	EOF
'

test_done
