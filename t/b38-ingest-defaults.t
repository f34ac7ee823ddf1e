#!/bin/sh
test_description='what policy and queues add to a jobspec'
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
        system () { # OPTIONS: attributes.system of the job as it is stored
            id=$(flux submit --urgency=0 "$@" true)
            flux job info $id jobspec | jq -c .attributes.system
        }
        . ./script.sh'
}
cat >conf.json <<-EOF
{"policy":{"jobspec":{"defaults":{"system":{"queue":"batch","duration":"1h"}}}},
 "queues":{
  "batch":{"requires":["big","^slow"]},
  "debug":{"requires":["small"],
           "policy":{"jobspec":{"defaults":{"system":{"duration":"2m"}}}}},
  "short":{"parent":"debug"},
  "plain":{}}}
EOF
cat >noqueue.json <<-EOF
{"queues":{"batch":{}}}
EOF

test_expect_success 'queue and duration have defaults, a queue its own' '
    in_flux -c "$PWD/conf.json" <<-\EOF
	system | jq -e ".queue == \"batch\" and .duration == 3600"
	system -q debug | jq -e ".queue == \"debug\" and .duration == 120"
	system -q short | jq -e ".queue == \"short\" and .duration == 120"
	system -q plain | jq -e ".duration == 3600 and has (\"constraints\") == false"
	system -t 5s | jq -e ".duration == 5"
	system | jq -e "has (\"environment\") == false"
	must_fail flux submit -q nosuch true 2>err
	grep "Invalid queue .nosuch. specified" err
	EOF
'
test_expect_success 'what a queue requires joins what the job asks for' '
    in_flux -c "$PWD/conf.json" <<-\EOF
	test "$(system | jq -c .constraints)" = "{\"properties\":[\"big\",\"^slow\"]}"
	test "$(system -q short | jq -c .constraints)" = "{\"properties\":[\"small\"]}"
	test "$(system -q debug --requires=fast | jq -c .constraints)" = \
	    "{\"properties\":[\"fast\",\"small\"]}"
	test "$(system -q debug --requires=not:fast | jq -c .constraints)" = \
	    "{\"and\":[{\"not\":[{\"properties\":[\"fast\"]}]},{\"properties\":[\"small\"]}]}" ||
	    system -q debug --requires=not:fast | jq -e ".constraints.and | length == 2"
	EOF
'
test_expect_success 'without a default one must say which queue' '
    in_flux -c "$PWD/noqueue.json" <<-\EOF
	must_fail flux submit true 2>err
	grep "no queue specified" err
	flux submit -q batch true
	EOF
'
test_expect_success 'the configuration may change, be wrong, or be switched off' '
    in_flux -c "$PWD/noqueue.json" <<-\EOF
	"$BUILDDIR/t/live/rpc" job-ingest.config-reload "$(cat conf.json)"
	flux job info $(flux submit -q batch true) jobspec | jq -e ".attributes.system.duration == 3600"
	"$BUILDDIR/t/live/rpc" job-ingest.config-reload \
	    "{\"queues\":{\"batch\":{}},\"ingest\":{\"frobnicator\":{\"disable\":true}}}"
	must_fail flux submit true 2>err
	grep "a named queue is required" err
	must_fail flux submit -q nosuch true 2>err
	grep ".nosuch. is not a valid queue" err
	EOF
'
test_done
