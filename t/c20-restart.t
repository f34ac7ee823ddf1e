#!/bin/sh
test_description='A state directory: an instance that starts again knows what it knew'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

state=$(pwd)/state

test_expect_success 'an instance leaves its state in the directory' '
    mkdir "$state" &&
    flux start --statedir="$state" sh -c "
        flux kvs put keep.a=1 keep.dir.b=2 &&
        flux submit sh -c \"echo output of one\" >id1 &&
        flux submit false >id2 &&
        flux job wait-event \$(cat id1) clean && flux job wait-event \$(cat id2) clean &&
        flux jobs -an >jobs1 && flux job eventlog -f json \$(cat id1) >log1" &&
    test -f "$state/content.sqlite"
'
test_expect_success 'the next one has the same values' '
    flux start --statedir="$state" flux kvs get keep.a keep.dir.b >out &&
    printf "1\n2\n" >expect && test_cmp expect out
'
test_expect_success '... the same finished jobs, with their history and output' '
    flux start --statedir="$state" sh -c "
        flux jobs -an >jobs2; flux job eventlog -f json \$(cat id1) >log2
        flux job attach \$(cat id1) >out" &&
    test_cmp jobs1 jobs2 && test_cmp log1 log2 &&
    echo "output of one" >expect && test_cmp expect out
'
test_expect_success '... and gives out new ids' '
    flux start --statedir="$state" sh -c "flux submit true" >id3 &&
    test "$(flux job id $(cat id3))" -gt "$(flux job id $(cat id2))"
'
test_expect_success 'a state directory that is not there yet is made, and kept' '
    flux start --statedir="$(pwd)/fresh" flux kvs put there=1 &&
    test "$(flux start --statedir="$(pwd)/fresh" flux kvs get there)" = 1 &&
    test_expect_code 1 flux start --statedir=/nosuch/dir true 2>err &&
    grep "^flux-start: --statedir=/nosuch/dir: No such file or directory" err
'
test_expect_success 'without a state directory nothing is kept' '
    flux start flux kvs put gone=1 &&
    test_must_fail flux start flux kvs get gone
'

test_done
