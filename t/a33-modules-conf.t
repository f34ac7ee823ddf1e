#!/bin/sh
test_description='The [modules] table: what a site wants otherwise than rc1 does it'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
cat >conf.toml <<'EOF'
[modules]
alternatives.sched = "sched-simple"
heartbeat.args = ["period=1h"]
job-list.ranks = "1-5"
job-info.ranks = "0"
kvs.args = []
EOF

test_expect_success 'arguments, ranks, alternatives' '
    cat >look.sh <<-\EOF &&
	flux module list >list0; FLUX_URI=${FLUX_URI%-*}-1 flux module list >list1
	flux run true && echo ran
	EOF
    flux start -s2 -c conf.toml sh ./look.sh >out 2>err && grep ran out && test_must_be_empty err &&
    grep ^sched-simple list0 && ! grep ^job-list list0 && grep ^job-info list0 && grep ^heartbeat list0 &&
    grep ^job-list list1 && ! grep ^job-info list1
'
test_expect_success 'arguments reach the module' '
    test_must_fail flux start --conf="{\"modules\":{\"heartbeat\":{\"args\":[\"period=x\"]}}}" true 2>err &&
    grep "heartbeat" err &&
    test_must_fail flux start --conf="{\"modules\":{\"heartbeat\":{\"args\":[\"per\",\"iod\"]}}}" true 2>err && grep "unknown argument .per." err
'
test_expect_success 'another scheduler, or backing store, that is not there ends rc1' '
    test_must_fail flux start --conf=modules.alternatives.sched=nosuch true 2>err &&
    grep "module not found in search path" err &&
    FLUX_SCHED_MODULE=sched-simple flux start --conf=modules.alternatives.sched=nosuch true &&
    test_must_fail flux start --conf=modules.alternatives.content-backing=nosuch true 2>err &&
    grep "module not found in search path" err
'
test_expect_success 'ranks: all, a set, above, below' '
    for r in all 0 0-3 ">=" ">1x" "[0" x; do
        case $r in
        all|0*) flux start --conf="modules.heartbeat.ranks=\"$r\"" flux module list | grep ^heartbeat || return 1 ;;
        *) test_must_fail flux start --conf="modules.heartbeat.ranks=\"$r\"" true 2>err && grep "modules.heartbeat.ranks: .*is neither all" err || return 1 ;;
        esac
    done &&
    flux start --conf="modules.heartbeat.ranks=\"<1\"" flux module list | grep ^heartbeat &&
    flux start --conf="modules.heartbeat.ranks=\">0\"" flux module list >out && ! grep ^heartbeat out
'
test_expect_success 'rc3 unloads what is there, though the table has changed meanwhile' '
    ln -s "$BUILDDIR/src/modules/.libs/sched-simple.so" my-sched.so &&
    flux start --conf="modules.alternatives.sched=\"$PWD/my-sched.so\"" sh -c "flux module list >list; flux run true &&
        $rpc config.load \"{\\\"modules\\\":7}\"" 2>err && cat list err && grep ^my-sched list && test_must_be_empty err
'
test_expect_success 'what is wrong is said; what rc1 does not know is told and left alone' '
    says () { test_must_fail flux start --conf="{\"modules\":$1}" true 2>err && grep "$2" err || { cat err; return 1; }; } &&
    says 1 "modules: a table is wanted" && says "{\"kvs\":{\"args\":\"x\"}}" "modules.kvs.args: an array of strings is wanted" &&
    says "{\"kvs\":{\"args\":[1]}}" "modules.kvs.args: an array of strings is wanted" &&
    says "{\"kvs\":{\"arg\":[]}}" "modules.kvs: .*left unpacked" && says "{\"kvs\":7}" "modules.kvs: " &&
    says "{\"alternatives\":{\"sched\":1}}" "modules.alternatives.sched: the name of a module is wanted" &&
    flux start --conf="{\"modules\":{\"cron\":{\"args\":[\"sync=x\"]},\"alternatives\":{\"feasibility\":\"x\"}}}" true 2>err &&
    grep "modules.cron: ignored" err && grep "modules.alternatives.feasibility: ignored" err
'
test_done
