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
