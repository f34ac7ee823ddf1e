#!/bin/sh
test_description='content is reloaded under a running kvs: nothing is out of reach or lost'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

# refs KEY: the blobs of a key
refs () {
    flux kvs get --treeobj "$1" | jq -r '.data[]'
}
in_store () { # ... has the blob
    flux content load --bypass-cache "$1" >/dev/null
}

test_expect_success 'kvs holds what was committed, content has it from there' '
    printf "%0100d" 1 >value && flux kvs put --raw held.a=- <value &&
    refs held.a >a && test_line_count 1 a && test_must_fail in_store $(cat a) &&
    flux content load $(cat a) >out && test_cmp value out
'
test_expect_success 'others have stored something that is not written yet' '
    printf "%0100d" 2 >other && flux content store <other >b
'
test_expect_success 'content goes and comes, alone' '
    flux module reload content
'
test_expect_success '... what it had not written is not lost' '
    in_store $(cat b) && flux content load $(cat b) >out && test_cmp other out
'
test_expect_success '... what kvs holds can be had' '
    flux content load $(cat a) >out && test_cmp value out
'
test_expect_success '... the backing store is used as before' '
    flux kvs put --sync after=1 && in_store $(cat a) &&
    flux content checkpoint list -n >list && test $(wc -l <list) -ge 1 &&
    flux kvs getroot -b >root && grep $(cat root) list
'
test_expect_success 'content and its backing store go and come in the order of a restart' '
    printf "%0100d" 3 >value && flux kvs put --raw held.c=- <value && refs held.c >c &&
    flux module remove content-sqlite && flux module remove content &&
    test_must_fail flux content load $(cat c) &&
    flux module load content && flux content load $(cat c) >out && test_cmp value out &&
    flux module load content-sqlite && flux content load $(cat c) >out &&
    flux kvs put --sync after=2 && in_store $(cat c)
'
test_expect_success 'without the backing store, content says so' '
    flux module remove content-sqlite && flux module reload content &&
    test_must_fail flux content load sha1-0123456789012345678901234567890123456789 2>err &&
    grep "the backing store is not loaded" err &&
    flux content store <other >b2 && test_cmp b b2 &&
    test_must_fail flux content flush 2>err && grep "not implemented" err &&
    flux module load content-sqlite && flux content flush && in_store $(cat b)
'
test_expect_success 'content goes and comes under a load of commits, some of them synced' '
    { for i in $(seq 60); do
        flux kvs put load.k$i=$(printf "%080d" $i) 2>>errors && echo k$i
        flux kvs put --sync load.s$i=$(printf "%080d" $i) 2>>errors && echo s$i
        test $i != 3 || touch started
    done >acked; } & pid=$! &&
    wait_until test -f started &&
    for i in 1 2 3 4 5 6 7 8; do
        flux module reload content || return 1
    done &&
    { wait $pid || true; } && flux kvs put --sync done=1 && test $(wc -l <acked) -ge 60 &&
    for k in $(cat acked); do flux kvs get load.$k >/dev/null || return 1; done
'
test_expect_success '... and the tree is whole' '
    flux kvs getroot -b >root && flux kvs dir -R >tree &&
    flux fsck --rootref=$(cat root)
'
test_done
