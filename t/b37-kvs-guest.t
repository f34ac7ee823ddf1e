#!/bin/sh
test_description='kvs.guest-begin, guest-end: the namespace of a job in two messages'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
put () { # KEY BASE64: an operation
    printf '{"key":"%s","flags":0,"dirent":{"ver":1,"type":"val","data":"%s"}}' "$1" "$2"
}
body () { # NAMESPACE KEY OPS
    printf '{"namespace":"%s","key":"%s","owner":-1,"ops":[%s]}' "$1" "$2" "$3"
}

test_expect_success 'begin: a namespace with something in it, and a link to it' '
    "$rpc" kvs.guest-begin "$(body g1 a.g1 "$(put one MQ==)")" >out && grep rootref out &&
    flux kvs namespace list | grep -w g1 &&
    test "$(flux kvs get -N g1 one)" = 1 && test "$(flux kvs get a.g1.one)" = 1
'
test_expect_success 'begin again: the name is taken' '
    test_must_fail "$rpc" kvs.guest-begin "$(body g1 a.g1 "")" >err && grep "File exists" err &&
    test "$(flux kvs get a.g1.one)" = 1
'
test_expect_success 'end: the last words, a directory in place of the link, no namespace' '
    flux kvs put -N g1 two=2 &&
    "$rpc" kvs.guest-end "$(body g1 a.g1 "$(put three Mw==)")" &&
    flux kvs dir -R a.g1 >out && printf "a.g1.one = 1\na.g1.three = 3\na.g1.two = 2\n" >expect &&
    test_cmp expect out &&
    flux kvs namespace list >out && test_must_fail grep -w g1 out
'
test_expect_success 'end of a namespace that is not there' '
    test_must_fail "$rpc" kvs.guest-end "$(body g1 a.g1 "")" >err && grep "not supported" err &&
    test "$(flux kvs get a.g1.one)" = 1
'
test_expect_success 'last words that cannot be said do not cost the others' '
    "$rpc" kvs.guest-begin "$(body g2 a.g2 "$(put one MQ==)")" &&
    test_must_fail "$rpc" kvs.guest-end "$(body g2 a.g2 "{\"key\":\"x\",\"flags\":0,\"dirent\":{\"ver\":2}}")" &&
    test "$(flux kvs get a.g2.one)" = 1 && test_must_fail flux kvs get -N g2 one
'
test_expect_success 'malformed requests' '
    for p in "{}" "[]" "$(body "" a "")" "$(body g3 "" "")" "{\"namespace\":\"g3\",\"key\":\"a\"}"; do
        test_must_fail "$rpc" kvs.guest-begin "$p" >err && grep "Protocol error" err || return 1
        test_must_fail "$rpc" kvs.guest-end "$p" >err && grep "Protocol error" err || return 1
    done
'
test_done
