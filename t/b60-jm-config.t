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
test_expect_success 'plugins that cannot be loaded, or are not there' '
    refused "[job-manager.plugins] config must be an array" job-manager.plugins=5 &&
    refused "[job-manager.plugins][0]: 1 object item(s) left unpacked: x" "job-manager.plugins=[{\"x\":1}]" &&
    refused "[job-manager.plugins][1]: load: nosuch.so: No such plugin found" \
        "job-manager.plugins=[{\"load\":\"submit-hold.so\"},{\"load\":\"nosuch.so\"}]" &&
    refused "[job-manager.plugins][0]: remove nosuch: Failed to find plugin to remove" \
        "job-manager.plugins=[{\"remove\":\"nosuch\"}]"
'
test_expect_success 'prolog and epilog are not ignored where nothing runs them' '
    for what in prolog.command=[\"true\"] epilog.per-rank=true perilog.log-ignore=[\"x\"]; do
        refused "job-manager.${what%%.*} needs the plugin perilog.so, which is not loaded" \
            "job-manager.$what" || return 1
    done
'
cat >reload.sh <<\END
echo "[job-manager.prolog]" >conf.d/prolog.toml
echo "command = [\"true\"]" >>conf.d/prolog.toml
flux config reload 2>err
echo $? >status
flux run true
END
test_expect_success '... nor at a reload' '
    mkdir conf.d && echo "[job-manager]" >conf.d/a.toml &&
    flux start --config-path="$(pwd)/conf.d" sh ./reload.sh &&
    test "$(cat status)" = 1 &&
    grep -F "job-manager.prolog needs the plugin perilog.so, which is not loaded" err
'
# Any plugin can have that name: whether it does the work is its own affair.
test_expect_success '... but where there is that plugin they are its affair' '
    cp "$(find "$BUILDDIR/src/modules/job-manager" -name submit-hold.so | head -1)" perilog.so &&
    flux start --conf="job-manager.prolog.command=[\"true\"]" \
        --conf="job-manager.plugins=[{\"load\":\"$(pwd)/perilog.so\"}]" flux jobtap list >out &&
    grep "^perilog.so" out &&
    rm conf.d/prolog.toml status &&
    printf "plugins = [ { load = \"%s\" } ]\n" "$(pwd)/perilog.so" >>conf.d/a.toml &&
    sed -i "/^flux run/d" reload.sh &&
    flux start --config-path="$(pwd)/conf.d" sh ./reload.sh &&
    test "$(cat status)" = 0
'
cat >half.sh <<\END
cat >half.d/b.toml <<EOF
policy.limits.duration = "1m"
[job-manager]
inactive-age-limit = "x"
EOF
flux config reload 2>err && exit 1
flux run -t 2m true
END
test_expect_success 'of a configuration that is refused nothing is in force' '
    mkdir half.d && : >half.d/a.toml &&
    flux start --config-path="$(pwd)/half.d" sh ./half.sh &&
    grep "inactive-age-limit: invalid FSD" err
'
cat >tables.sh <<\END
# what is in force, seen from outside: queues, limit, housekeeping
state () {
    flux queue list -no "{queue}" | sort
    flux submit -q one -t 2m true 2>&1 >/dev/null | grep -o "exceeds policy limit of [^ ]*"
    flux module stats job-manager | grep -A6 "\"config\": {" | grep "release-after\|command"
}
conf () { # LIMIT QUEUE PRIVATE NUM COMMAND AFTER
    cat >tables.d/a.toml <<EOF
[policy]
limits.duration = "$1"
[queues.one]
[queues.$2]
[access]
private-mode = $3
[job-manager]
inactive-num-limit = $4
[job-manager.housekeeping]
command = [ "$5" ]
release-after = "$6"
EOF
}
first () { conf 1m two false 5 true 5s; }
second () { conf 90s three true 7 false 15s; }
first
flux config reload
state >before
second
flux config reload && state >changed || exit 1
cmp -s before changed && exit 1
first
flux config reload && state >after && cmp before after || exit 1
while IFS="|" read -r what with; do
    second
    sed -i "s/$what/$with/" tables.d/a.toml
    if flux config reload 2>err; then
        echo "$with was taken" >&2
        exit 1
    fi
    state >after
    cmp before after || { echo "$with: $(cat err)" >&2; exit 1; }
    echo refused >>tried
done <<\EOF
limits.duration = .*|limits.duration = "x"
limits.duration = .*|nosuch = 1
queues.three\]|queues.three]\nparent = "nosuch"
queues.three\]|queues.three]\nrequires = 5
private-mode = .*|private-mode = 5
inactive-num-limit = .*|inactive-num-limit = -7
inactive-num-limit = .*|inactive-age-limit = "x"
command = .*|command = "x"
release-after = .*|release-after = "x"
release-after = .*|nosuch = "x"
\[job-manager\]|[job-manager]\nstop-queues-on-restart = 5
EOF
END
test_expect_success 'with any of the tables broken nothing of the others is in force' '
    mkdir tables.d &&
    echo "[queues.one]" >tables.d/a.toml &&
    flux start --config-path="$(pwd)/tables.d" sh ./tables.sh &&
    test $(wc -l <tried) -eq 11
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
	flux queue drain
	flux submit --cc=1-8 true
	flux queue drain
	last=$(flux submit true)
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
