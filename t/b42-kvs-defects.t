#!/bin/sh
test_description='What the stock kvs and its commands get wrong, row by row (D1 to D21), ours does right'
. "$(dirname "$0")/lib.sh"
under_flux -s 2
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
none=0123456789012345678901234567890123456789
root='{"ver":1,"type":"dirref","data":["sha1-'$none'"]}'

# on1 COMMAND...: at rank 1, which knows all that rank 0 has committed.
on1 () {
    v=$(flux kvs version) &&
    ( FLUX_URI=${FLUX_URI%-*}-1 && export FLUX_URI && flux kvs wait $v && "$@" )
}
# fails ERRNAME[: text] [OPTIONS] TOPIC PAYLOAD
fails () {
    want=$1 && shift && test_expect_code 1 $rpc "$@" >out && grep "^$want" out
}
# proven PROGRAM STATEMENT: a unit test says so, and it holds.
proven () {
    "$BUILDDIR/$1" >tap 2>/dev/null; grep -F -- "- $2" tap | grep "^ok "
}

test_expect_success 'D1: a commit on another rank is answered with the root it made' '
    v=$(flux kvs version) && test "$(on1 flux kvs put -s d1=1)" = $((v + 1)) && b=$(on1 flux kvs put -b d1=2) &&
    flux kvs wait $((v + 2)) && test "$b" = "$(flux kvs getroot -b)"
'
test_expect_success 'D2: a cycle of links in the way of a commit is ELOOP; many links in a row are not' '
    flux kvs link d2.b d2.a && flux kvs link d2.a d2.b && test_expect_code 1 flux kvs put d2.a.x=1 2>err &&
    grep "Too many levels of symbolic links" err && flux kvs mkdir d2.d && flux kvs link d2.d d2.d.n &&
    flux kvs put d2.d.$(printf "n.%.0s" 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30)x=1 &&
    test "$(flux kvs get d2.d.x)" = 1 && flux ping -c 1 kvs
'
test_expect_success 'D3: lookup-plus at a root without its sequence is EPROTO, for guests as well' '
    fails EPROTO kvs.lookup-plus "{\"key\":\"a\",\"flags\":0,\"rootdir\":$root}" &&
    fails EPROTO -u 1234 kvs.lookup-plus "{\"key\":\"a\",\"flags\":0,\"rootdir\":$root}" && flux ping -c 1 kvs
'
test_expect_success 'D4: a namespace needs a well-formed root, however long; it may dangle' '
    for r in "" x sha1-00 sha1-$none$none sha1-$(flux lptest 500 1 | tr -dc a-z)$none sha256-$none; do
        fails EINVAL kvs.namespace-create "{\"namespace\":\"d4\",\"rootref\":\"$r\",\"owner\":0,\"flags\":0}" || return 1
    done && flux kvs namespace create -r sha1-$none d4 && test_must_fail flux kvs get -N d4 a && flux kvs namespace remove d4
'
test_expect_success 'D5: who leaves while it waits is forgotten' '
    { flux kvs wait 99999999 & } && p=$! && wait_until sh -c "flux module stats kvs | grep -E \"\\\"pending_requests\\\": *1\"" &&
    kill $p && wait_until sh -c "flux module stats kvs | grep -E \"\\\"pending_requests\\\": *0\""
'
test_expect_success 'D6: targets of links mean the same to commits and lookups, or at least what stock says' '
    flux kvs put d6.x.y=1 && flux kvs link d6.x d6.l && flux kvs put d6.l.z=2 && test "$(flux kvs get d6.l.y)" = 1 &&
    test "$(flux kvs get d6.x.z)" = 2 && flux kvs link "..d6...x." d6.m && flux kvs put d6.m.w=3 && test "$(flux kvs get d6.x.w)" = 3
'
test_expect_success 'D7: a checkpoint that cannot be read is no empty KVS' '
    cat >d7.sh <<-\EOF &&
	flux kvs put keep=1 && flux modprobe rc3 && flux module load content && flux module load content-sqlite || exit 1
	for cp in "{\"version\":7,\"rootref\":\"sha1-0123456789012345678901234567890123456789\"}" "{\"version\":1}" \
	          "{\"version\":1,\"rootref\":\"junk\"}" "[]"; do
	    $1 content-backing.checkpoint-put "{\"value\":$cp}" || exit 1
	    if flux module load kvs 2>err; then echo "it loaded with $cp"; exit 1; fi
	    $1 content.checkpoint-get | grep -F -e "$cp" -e version || exit 1
	done
	EOF
    (unset INSIDE_FLUX && timeout 60 flux start sh d7.sh $rpc)
'
test_expect_success 'D8: dir looks up links in the namespace it lists' '
    flux kvs namespace create d8 && flux kvs put -N d8 a.b=1 && flux kvs link -N d8 a.b l && flux kvs dir -N d8 -R >out &&
    printf "%s\n" "a.b = 1" "l -> a.b" >expect && test_cmp expect out && flux kvs namespace remove d8
'
test_expect_success 'D9: unlink -f skips a key that is missing, and removes the others' '
    flux kvs put d9=1 && flux kvs unlink -f d9.nosuch nosuch d9 && test_must_fail flux kvs get d9 &&
    test_must_fail flux kvs unlink nosuch
'
test_expect_success 'D10: get -w -c counts for each key' '
    flux kvs put d10.a=1 d10.b=1 && { timeout 30 flux kvs get -w -l -c 3 d10.a d10.b >out & } && p=$! &&
    wait_until grep -q d10.b=1 out && wait_until grep -q d10.a=1 out &&
    flux kvs put d10.a=2 && flux kvs put d10.a=3 && flux kvs put d10.b=2 && flux kvs put d10.b=3 && wait $p &&
    sort out >sorted && printf "d10.%s\n" a=1 a=2 a=3 b=1 b=2 b=3 >expect && test_cmp expect sorted
'
test_expect_success 'D11: get -r -l puts the label in front, also in a file' '
    flux kvs put d11=value && flux kvs get -r -l d11 >out && printf d11=value >expect && cmp expect out
'
test_expect_success 'D12: content load takes names of sha256 on standard input' '
    cat >d12.sh <<-\EOF &&
	ref=$(echo hello | flux content store) && test ${#ref} = 71 && test "$(echo $ref | flux content load)" = hello
	EOF
    (unset INSIDE_FLUX && timeout 60 flux start -Scontent.hash=sha256 sh d12.sh)
'
test_expect_success 'D13: restore uses the hash of the instance' '
    cat >d13.sh <<-\EOF &&
	flux kvs put a.b=1 long=$(flux lptest 200 1) && flux dump -q x.tar && flux restore -q --key=r x.tar && test "$(flux kvs get r.a.b)" = 1 &&
	flux kvs get -t r.long | grep sha256- && flux kvs get r.long
	EOF
    (unset INSIDE_FLUX && timeout 60 flux start -Scontent.hash=sha256 sh d13.sh)
'
test_expect_success 'D14: ./ in an archive is no key' '
    mkdir -p d14/sub && echo 1 >d14/sub/f && (cd d14 && tar cf ../d14.tar ./sub/f .//sub/../sub/f 2>/dev/null; true) &&
    flux restore -q --key=d14 d14.tar && flux kvs ls -1 d14 >out && echo sub >expect && test_cmp expect out &&
    timeout 10 flux kvs dir -R d14
'
test_expect_success 'D15: names of commits do not repeat when kvs is reloaded on another rank' '
    flux kvs namespace create d15 && cat >d15.sh <<-\EOF &&
	flux kvs put -N d15 a=1 && flux module remove -f kvs-watch && flux module remove -f kvs && flux module load kvs && flux kvs put -N d15 a=2
	EOF
    { timeout 30 flux event sub kvs.namespace-d15-setroot >names & } && p=$! &&
    wait_until sh -c "flux kvs put -N d15 probe=3; test -s names" && on1 sh d15.sh &&
    wait_until sh -c "test \$(grep -c transaction_req.1. names) -ge 2" && { kill $p; wait $p; }
    grep -o "transaction_req.1.[0-9]*" names >all && sort -u all >uniq && test $(wc -l <all) = $(wc -l <uniq) && test $(wc -l <all) -ge 2
'
test_expect_success 'D16: namespaces are created and removed on rank 0 only, and that is EINVAL elsewhere' '
    fails EINVAL -n 1 kvs.namespace-create "{\"namespace\":\"d16\",\"rootref\":\"sha1-$none\",\"owner\":0,\"flags\":0}" &&
    fails EINVAL -n 1 kvs.namespace-remove "{\"namespace\":\"d16\"}" && on1 flux ping -c 1 kvs
'
test_expect_success 'D17: an append to a link does not take others with it' '
    proven src/modules/kvs/commit_test "the bad one fails with its own error" && flux kvs put d17=1 && flux kvs link d17 d17l &&
    test_must_fail flux kvs put -A d17l=x 2>err && grep "Operation not supported" err
'
test_expect_success 'D18: checkpoint list prints the time it says, UTC' '
    flux kvs sync && TZ=Asia/Tokyo flux content checkpoint list -n >tokyo && TZ=UTC flux content checkpoint list -n >utc &&
    head -1 tokyo >a && head -1 utc >b && test_cmp a b && grep "$(date -u +%FT%H)" utc
'
test_expect_success 'D19: what could not be stored is tried again by the next flush' '
    proven src/modules/content/cache_test "but when asked for"
'
test_expect_success 'D20: a format that does not fit is -1' '
    proven src/libflux/kvs_test "of another shape: -1, not 1"
'
test_expect_success 'D21: a blob that is missing is ENOENT, as a key that is missing' '
    flux kvs put -t d21="{\"ver\":1,\"type\":\"valref\",\"data\":[\"sha1-$none\"]}" &&
    fails ENOENT kvs.lookup "{\"namespace\":\"primary\",\"key\":\"d21\",\"flags\":0}" &&
    fails ENOENT kvs.lookup "{\"namespace\":\"primary\",\"key\":\"d21x\",\"flags\":0}"
'

test_done
