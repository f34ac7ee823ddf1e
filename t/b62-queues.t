#!/bin/sh
test_description='named queues: configured, opened and closed, kept over a restart'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

# in_flux OPTIONS: the script on standard input, in an instance started so
in_flux () {
    cat >script.sh && INSIDE_FLUX=t flux start "$@" sh -c '
        . "$T/lib.sh"
        set -e
        must_fail () {
            if "$@"; then return 1; fi
        }
        . ./script.sh'
}
cat >queues.json <<-EOF
{"queues":{"batch":{},"debug":{"requires":[]},"short":{"parent":"batch"}}}
EOF

test_expect_success 'named queues begin enabled and stopped' '
    in_flux -c "$PWD/queues.json" <<-\EOF
	flux queue status >out
	test "$(grep -c "Job submission is enabled" out)" = 3
	test "$(grep -c "Scheduling is stopped" out)" = 3
	must_fail flux submit true 2>err
	grep "no queue specified" err
	must_fail flux submit -q nosuch true 2>err
	grep "Invalid queue .nosuch. specified" err
	must_fail flux queue start 2>err
	grep "Named queues are defined. Specify queues or use --all." err
	must_fail flux queue disable 2>err
	grep "Use --all to apply this command to all queues" err
	must_fail flux queue status nosuch 2>err
	EOF
'
test_expect_success 'a queue is started and stopped for itself, a parent for its virtual queues too' '
    in_flux -c "$PWD/queues.json" <<-\EOF
	flux queue start debug >out
	grep "^debug: Scheduling is started" out
	flux run -q debug true
	a=$(flux submit -q short true)
	b=$(flux submit -q batch true)
	flux queue start short >out
	grep "^short: Scheduling is stopped: parent queue .batch. is stopped" out
	flux job wait-event $a priority >/dev/null
	test "$(flux jobs -no "{state}" $a)" = SCHED
	flux queue start batch >out
	flux job wait-event $a clean >/dev/null
	flux job wait-event $b clean >/dev/null
	flux queue stop -m later batch >out
	grep "^batch: Scheduling is stopped: later" out
	c=$(flux submit -q short true)
	flux job wait-event $c priority >/dev/null
	flux queue disable -m full debug >out
	grep "^debug: Job submission is disabled: full" out
	must_fail flux submit -q debug true 2>err
	grep "job submission to debug is disabled: full" err
	test "$(flux jobs -no "{state}" $c)" = SCHED
	flux queue start --all >out
	flux job wait-event $c clean >/dev/null
	flux queue list -n -o "{queue} {submission} {scheduling}" >out
	grep "^debug disabled started" out
	EOF
'
test_expect_success 'their state survives a restart, but not what was said to be forgotten' '
    rm -rf state && in_flux --statedir=state -c "$PWD/queues.json" <<-\EOF &&
	flux queue start --all >out
	flux queue stop -m maintenance debug >out
	flux queue disable -m full short >out
	flux queue stop --nocheckpoint batch >out
	EOF
    in_flux --statedir=state -c "$PWD/queues.json" <<-\EOF
	flux queue status | tee out
	grep "^batch: Scheduling is started" out
	grep "^debug: Scheduling is stopped: maintenance" out
	grep "^short: Job submission is disabled: full" out
	flux run -q batch true
	EOF
'
test_expect_success 'stop-queues-on-restart stops them, at a restart' '
    rm -rf state && cat >stop.json <<-\EOF &&
	{"queues":{"batch":{}},"job-manager":{"stop-queues-on-restart":true}}
	EOF
    in_flux --statedir=state -c "$PWD/stop.json" <<-\EOF &&
	flux queue start batch >out
	grep "^batch: Scheduling is started" out
	flux run -q batch true
	EOF
    in_flux --statedir=state -c "$PWD/stop.json" <<-\EOF
	flux queue status >out
	grep "^batch: Scheduling is stopped: Automatically stopped due to restart" out
	EOF
'
# refused SENTENCE CONF
refused () {
    test_must_fail flux start --conf="$2" true 2>err && grep -F "$1" err
}
test_expect_success 'wrong or unsupported tables are refused' '
    refused "[queues.a.policy.limits] config table" queues.a.policy.limits.duration=x &&
    refused "[queues.a] config table: parent queue is itself" queues.a.parent=a &&
    refused "1 object item(s) left unpacked: hosts" queues.a.hosts=x
'

test_done
