#!/bin/sh
test_description='The kvs module: arguments, configuration, checkpoints by period, statistics'
. "$(dirname "$0")/lib.sh"
under_flux -s 2 -Sbroker.rc1_path= -Sbroker.rc3_path=
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
modules () { # load|remove them
    for m in $2; do flux module $1 $m || return 1; done
}
# stat PATH [OPTIONS of rpc]: a member of kvs.stats-get
stat () {
    path=$1 && shift && $rpc "$@" kvs.stats-get | jq -c "$path"
}
on1 () {
    ( FLUX_URI=${FLUX_URI%-*}-1 && export FLUX_URI && "$@" )
}
newest () { # checkpoint
    $rpc content.checkpoint-get | jq -r ".value[0] | \"\(.rootref) \(.sequence)\""
}
current () {
    echo "$(flux kvs getroot -b) $(flux kvs version)"
}

test_expect_success 'without content.hash it does not load' '
    test_expect_code 1 flux module load kvs 2>err && grep "load kvs: No such file" err
'
test_expect_success 'arguments that are none are refused' '
    modules load "content content-sqlite" &&
    for a in x=1 x transaction-merge= transaction-merge=abc initial-rootref= initial-rootref=sha1-00; do
        test_expect_code 1 flux module load kvs $a 2>err && grep "load kvs: Invalid argument" err || return 1
    done && flux dmesg | grep "Unknown option .x=1" && flux dmesg | grep "invalid initial-rootref"
'
test_expect_success 'a period that is none: it does not load' '
    $rpc config.load "{\"kvs\":{\"checkpoint-period\":\"1Z\"}}" &&
    test_expect_code 1 flux module load kvs && flux dmesg | grep "invalid checkpoint-period config: 1Z" &&
    $rpc config.load "{}" && flux module load kvs && on1 flux module load content && on1 flux module load kvs
'
test_expect_success '... and a reload is refused' '
    test_expect_code 1 $rpc config.load "{\"kvs\":{\"checkpoint-period\":\"1Z\"}}" >out &&
    echo "EINVAL: error updating kvs: invalid checkpoint-period config: 1Z" >expect && test_cmp expect out &&
    test_expect_code 1 $rpc config.load "{\"kvs\":{\"durability\":\"half\"}}" >out && grep "EINVAL.*durability" out &&
    test_expect_code 1 $rpc config.load "{\"kvs\":{\"root-log-limit\":-1}}" >out && grep "EINVAL.*root-log-limit" out
'
test_expect_success 'statistics: what there is, on rank 0 and on another that knows nothing yet' '
    stat "keys" >out && echo "[\"cache\",\"durability\",\"held\",\"namespace\",\"pending_requests\",\"transaction-opcount\"]" >expect &&
    test_cmp expect out &&
    stat ".cache | keys" >out && echo "[\"#faults\",\"#obj dirty\",\"#obj incomplete\",\"obj size (KiB)\",\"obj size total (MiB)\"]" >expect &&
    test_cmp expect out &&
    stat .namespace >out &&
    echo "{\"primary\":{\"#versionwaiters\":0,\"#no-op stores\":0,\"#transactions\":0,\"#readytransactions\":0,\"store revision\":0}}" >expect &&
    test_cmp expect out && stat .namespace -n 1 >out &&
    echo "{\"primary\":{\"#watchers\":0,\"#no-op stores\":0,\"#transactions\":0,\"#readytransactions\":0,\"store revision\":0}}" >expect &&
    test_cmp expect out && stat .namespace -n 1 -u 1234 >out2 && test_cmp out out2
'
test_expect_success '... operations are counted on rank 0, also those of others' '
    flux kvs put a=1 b=2 c=3 && on1 flux kvs put d=1 && flux kvs put -n e=1 && flux kvs wait 3 &&
    stat ".[\"transaction-opcount\"].commit | [.count, .min, .max]" >out && echo "[3,1,3]" >expect && test_cmp expect out &&
    stat ".[\"transaction-opcount\"].commit.count" -n 1 >out && echo 0 >expect && test_cmp expect out &&
    stat ".namespace.primary[\"store revision\"]" >out && echo 3 >expect && test_cmp expect out &&
    $rpc kvs.stats-clear && stat ".[\"transaction-opcount\"].commit.count" >out && echo 0 >expect && test_cmp expect out &&
    test_expect_code 1 $rpc -u 1234 kvs.stats-clear >out && grep "EPERM: Request requires owner credentials" out
'
test_expect_success 'who waits is counted' '
    { flux kvs wait 9999 & } && p=$! &&
    wait_until sh -c "$rpc kvs.stats-get | jq -e \".pending_requests == 1 and .namespace.primary[\\\"#versionwaiters\\\"] == 1\"" &&
    kill $p && wait_until sh -c "$rpc kvs.stats-get | jq -e \".pending_requests == 0\""
'
test_expect_success 'by period: what changed is checkpointed, and nothing else happens' '
    flux kvs put p=1 && v=$(flux kvs version) &&
    $rpc config.load "{\"kvs\":{\"checkpoint-period\":\"0.05s\"}}" && current >expect &&
    wait_until sh -c "$rpc content.checkpoint-get | jq -e \".value[0].sequence == $v\"" && newest >out && test_cmp expect out &&
    test $(flux kvs version) = $v && flux kvs put p=2 && current >expect &&
    wait_until sh -c "$rpc content.checkpoint-get | jq -e \".value[0].sequence == $((v + 1))\"" && newest >out &&
    test_cmp expect out && n=$($rpc content-sqlite.stats-get | jq .current_epoch) &&
    flux kvs get p p p p p p p p && test "$($rpc content-sqlite.stats-get | jq .current_epoch)" = $n
'
test_expect_success '... until it is turned off' '
    $rpc config.load "{\"kvs\":{\"checkpoint-period\":\"0s\"}}" && newest >before && flux kvs put p=3 p=4 &&
    flux kvs get p && newest >after && test_cmp before after && $rpc config.load "{}"
'
test_expect_success 'unloaded, it leaves a checkpoint; loaded again, it goes on from there' '
    current >expect && flux kvs getroot -b >root1 && v=$(flux kvs version) && modules remove kvs && newest >out && test_cmp expect out &&
    flux module load kvs && flux dmesg | grep "restored KVS from checkpoint on 20..-..-..T..:..:..Z" &&
    current >out && test_cmp expect out && test "$(flux kvs put -s q=1)" = $((v + 1))
'
test_expect_success 'initial-rootref: from that root, at 0' '
    modules remove kvs && flux module load kvs initial-rootref=$(cat root1) && test "$(flux kvs version)" = 0 &&
    test "$(flux kvs get p)" = 4 && test_must_fail flux kvs get q
'
test_expect_success 'transaction-merge=0: each commit has a root of its own' '
    modules remove kvs && flux module load kvs transaction-merge=0 && v=$(flux kvs version) &&
    $rpc kvs.setroot-pause "{\"namespace\":\"primary\"}" && for i in 1 2 3 4 5 6 7 8; do
        { flux kvs put m$i=1 & }
    done && wait_until sh -c "flux kvs wait $((v + 8))" && $rpc kvs.setroot-unpause "{\"namespace\":\"primary\"}" && wait &&
    test $(flux kvs version) = $((v + 8))
'
test_expect_success 'who asks another rank while rank 0 has no kvs is told so' '
    modules remove kvs && test_expect_code 1 on1 flux kvs get -N unknown a 2>err && cat err &&
    flux module load kvs && on1 flux kvs getroot >/dev/null
'
test_expect_success 'unloaded, it answers who waits' '
    { flux kvs wait 99999 2>err; echo $? >code; } & p=$! &&
    wait_until sh -c "$rpc kvs.stats-get | jq -e \".pending_requests == 1\"" && modules remove kvs && wait $p
    grep 1 code && grep "Function not implemented" err
'
on1 modules remove "kvs content"
modules remove "content-sqlite content"
test_done
