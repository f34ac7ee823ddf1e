#!/bin/sh
test_description='flux content: blobs by name, checkpoints'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

test_expect_success 'what is stored can be loaded' '
    printf hello >in && flux content store <in >ref && test_line_count 1 ref &&
    test "$(cat ref)" = sha1-aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d &&
    flux content load $(cat ref) >out && cmp in out &&
    flux content load <ref >out && cmp in out
'
test_expect_success 'nothing is a blob too' '
    flux content store </dev/null >empty && flux content load $(cat empty) >out && test_must_be_empty out
'
test_expect_success 'a long input can be split, and put together again' '
    head -c 100000 /dev/urandom >big && flux content store --chunksize=1000 <big >refs &&
    test_line_count 100 refs && flux content load <refs >out && cmp big out &&
    flux content load $(cat refs) >out && cmp big out &&
    flux content store --chunksize=0 <big >one && test_line_count 1 one &&
    flux content load $(cat one) >out && cmp big out &&
    test_expect_code 1 flux content store --chunksize=-1 </dev/null 2>err && grep chunksize err
'
test_expect_success 'the cache can be emptied, and gone past' '
    flux content flush && flux content dropcache &&
    test "$(flux module stats -p count content)" -lt 100 &&
    flux content load <refs >out && cmp big out &&
    flux content load -b <refs >out && cmp big out &&
    printf direct | flux content store -b >ref && flux content load $(cat ref) >out &&
    printf direct >in && cmp in out
'
test_expect_success 'names that are none, or of nothing' '
    test_expect_code 1 flux content load sha1-xyz 2>err &&
    grep "^flux-content: error loading blob: sha1-xyz: invalid blobref$" err &&
    test_expect_code 1 flux content load sha1-0000000000000000000000000000000000000000 2>err &&
    grep "^flux-content: error loading blob: sha1-0000000000000000000000000000000000000000: No such file or directory$" err &&
    test_expect_code 1 flux content load </dev/null 2>err && grep "no blobrefs were specified" err &&
    test_expect_code 1 flux content 2>err && grep dropcache err
'
test_expect_success 'checkpoints are listed, newest first' '
    flux kvs put a=1 && flux kvs sync && flux content checkpoint list >out &&
    head -1 out | grep -E "^Index      Sequence   Time                 Rootref$" &&
    root=$(flux kvs getroot -b) && seq=$(flux kvs version) &&
    sed -n 2p out | grep -E "^0 +$seq +2[0-9-]{9}T[0-9:]{8}Z $root$" &&
    flux content checkpoint list -n >out && ! grep Index out &&
    flux content checkpoint list -j >out && head -1 out | grep "\"rootref\":\"$root\""
'
test_expect_success 'a checkpoint cannot be changed under the KVS' '
    test_expect_code 1 flux content checkpoint update $root 2>err &&
    grep "^flux-content: please unload kvs module before updating checkpoint$" err &&
    test_expect_code 1 flux content checkpoint update bad 2>err && grep "bad: invalid blobref" err &&
    test_expect_code 1 flux content checkpoint update 2>err && grep Usage err
'
test_expect_success 'without the KVS it can, and counts from there' '
    dir=$(pwd)/state && mkdir "$dir" && unset INSIDE_FLUX &&
    flux start --statedir="$dir" -Sbroker.rc1_path= -Sbroker.rc3_path= "
        flux module load content && flux module load content-sqlite &&
        flux module load kvs && flux kvs put a=old && flux kvs getroot -b >root &&
        flux kvs put a=new && flux module remove kvs &&
        flux content checkpoint update \$(cat root) && flux module load kvs &&
        flux kvs get a >value && flux kvs version >version
        flux module remove kvs; flux module remove content-sqlite; flux module remove content" &&
    echo old >expect && test_cmp expect value && echo 0 >expect && test_cmp expect version
'

test_done
