#!/bin/sh
test_description='flux kvs: options and errors that b36 leaves out'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

expect () {
    printf '%s\n' "$@" >expect
}
fails () {
    want=$1 && shift && test_expect_code 1 flux kvs "$@" 2>err && echo "flux-kvs: $want" >expect &&
    test_cmp expect err
}
watching () { # N: so many watchers are there
    wait_until sh -c "test \$(flux module stats -p watchers kvs-watch) -ge $1"
}

test_expect_success 'each subcommand says how it is used, to who asks and to who errs' '
    for c in get put history dir ls unlink link readlink mkdir copy move getroot version wait sync \
             "namespace create" "namespace remove" "namespace list" \
             "eventlog append" "eventlog get" "eventlog wait-event"; do
        flux kvs $c --help >out && grep "^Usage: flux-kvs $c" out &&
        test_expect_code 1 flux kvs $c --nosuch 2>err && grep "^flux-kvs $c: unrecognized option .--nosuch.$" err &&
        grep "^Try .flux-kvs $c --help. for more information.$" err || return 1
    done &&
    for c in get history unlink readlink mkdir wait "link a" "namespace create" "namespace remove" "eventlog append a" \
             "eventlog get" "eventlog wait-event a"; do
        test_expect_code 1 flux kvs $c 2>err && grep "^Usage: flux-kvs ${c% a}" err || return 1
    done &&
    test_expect_code 1 flux kvs nosuch 2>err && grep "Unknown subcommand: nosuch" err && grep "  get  " err &&
    test_expect_code 1 flux kvs 2>err && grep "  get  " err
'
test_expect_success 'put -A does nothing for tree objects' '
    flux kvs put -A -t at="{\"data\":\"MQ==\",\"type\":\"val\",\"ver\":1}" &&
    flux kvs put -A -t at="{\"data\":\"Mg==\",\"type\":\"val\",\"ver\":1}" && test "$(flux kvs get at)" = 2
'
test_expect_success 'put: what is no tree object, no key, not allowed' '
    fails "x: Protocol error" put -t x=junk &&
    fails "x: Protocol error" put -t "x={\"data\":\"MQ==\",\"type\":\"val\",\"ver\":2}" &&
    test_expect_code 1 flux kvs put =1 && fails "flux_kvs_commit: Invalid argument" put .=1 &&
    flux kvs namespace create opt && fails "flux_kvs_commit: Invalid argument" put -N opt -S x=1 &&
    fails "flux_kvs_commit: Operation not supported" put -N nosuch x=1
'
test_expect_success 'get -w: the whole value, only what differs, only what was added' '
    flux kvs put w.v=1 w.log=a &&
    { flux kvs get -w -u -c 3 w.v >uniq & } && p1=$! && { flux kvs get -w -c 4 w.v >all & } && p2=$! &&
    { flux kvs get -w -f -c 4 w.v >full & } && p3=$! && { flux kvs get -w -A -c 3 w.log >log & } && p4=$! &&
    watching 4 && wait_until test -s uniq && wait_until test -s all && wait_until test -s full && wait_until test -s log &&
    flux kvs put w.v=1 && flux kvs put w.v=2 && flux kvs put -A w.log=b && flux kvs put w.v=3 && flux kvs put -A w.log=c &&
    wait $p1 && wait $p2 && wait $p4 && flux kvs put w.v=4 && wait $p3 &&
    expect 1 2 3 && test_cmp expect uniq && expect 1 1 2 3 && test_cmp expect all && expect a b c && test_cmp expect log &&
    head -1 full | grep -x 1 && test_line_count 4 full
'
test_expect_success 'get -W waits for the key, also with -S' '
    { flux kvs get -W wc.key >out & } && p=$! && { flux kvs get -W -S wc.key >out2 & } && p2=$! && watching 2 &&
    flux kvs put wc.key=here && wait $p && wait $p2 && expect here && test_cmp expect out && test_cmp expect out2
'
test_expect_success 'readlink, dir and ls at a snapshot; links that lead nowhere or round' '
    flux kvs put l.a=1 l.d.x=1 && flux kvs link l.a l.ln && root=$(flux kvs getroot) && flux kvs link l.b l.ln &&
    test "$(flux kvs readlink -a "$root" l.ln)" = l.a && test "$(flux kvs readlink l.ln)" = l.b &&
    flux kvs ls -1 l.ln >out && expect l.ln && test_cmp expect out &&
    flux kvs link l.r2 l.r1 && flux kvs link l.r1 l.r2 && fails "l.r1: Too many levels of symbolic links" ls l.r1 &&
    fails "l.r1: Too many levels of symbolic links" get l.r1 && flux kvs ls -1d l.r1 l.d >out && sort out >sorted &&
    expect l.d l.r1 && test_cmp expect sorted && flux kvs ls -1 l.d. >out && expect x && test_cmp expect out
'
test_expect_success 'link -N; copy to the root' '
    flux kvs link -N opt x.y l && test "$(flux kvs readlink -N opt l)" = x.y && test_must_fail flux kvs readlink l &&
    fails "flux_kvs_copy: Invalid argument" copy l.a . && flux kvs copy . snap && test "$(flux kvs get snap.l.a)" = 1
'
test_expect_success 'move of a key to itself removes it' '
    flux kvs put mv=1 && flux kvs move mv mv && test_must_fail flux kvs get mv
'
test_expect_success 'a namespace that is not there' '
    for c in "get a" "ls" "dir" "version" "wait 1" "getroot" "readlink a" "mkdir a" "link a b" "unlink -f a"; do
        test_expect_code 1 env FLUX_KVS_NAMESPACE=nosuch flux kvs $c 2>err && grep "Operation not supported" err || return 1
    done && fails "flux_kvs_wait_version: Operation not supported" wait -N nosuch 1 &&
    fails "primary: Operation not supported" namespace remove primary && flux kvs namespace remove opt
'
test_expect_success 'event logs: waited for, streamed, in all forms' '
    { flux kvs eventlog get -W -w -c 2 -u ev >out & } && p=$! && watching 1 &&
    flux kvs eventlog append -t 1 ev one && flux kvs eventlog append -t 2.5 ev two "{\"n\":1}" && wait $p &&
    expect "{\"timestamp\":1.0,\"name\":\"one\"}" "{\"timestamp\":2.5,\"name\":\"two\",\"context\":{\"n\":1}}" && test_cmp expect out &&
    flux kvs eventlog get -S -u ev >out && test_cmp expect out &&
    flux kvs eventlog get --color=never ev >out && expect "1.000000 one" "2.500000 two n=1" && test_cmp expect out &&
    flux kvs eventlog get --color=auto ev >out && test_cmp expect out &&
    flux kvs eventlog wait-event -u ev two >out && expect "{\"timestamp\":2.5,\"name\":\"two\",\"context\":{\"n\":1}}" && test_cmp expect out &&
    TZ=UTC flux kvs eventlog wait-event -H ev two >out && grep "two n=1$" out &&
    flux kvs eventlog wait-event -L ev two | grep "33mtwo" &&
    { flux kvs eventlog wait-event -W -t 30 late x >out & } && p=$! && watching 1 && flux kvs eventlog append -t 1 late x && wait $p &&
    expect "1.000000 x" && test_cmp expect out && test_expect_code 1 flux kvs eventlog get --color=odd ev 2>err && grep odd err &&
    test_expect_code 1 flux kvs eventlog wait-event -t 1x ev y 2>err && grep 1x err
'
test_expect_success 'sync is a commit, and is on disk' '
    v=$(flux kvs version) && flux kvs sync && test $(flux kvs version) = $((v + 1)) &&
    flux content checkpoint list -n | head -1 | grep -w $((v + 1))
'
test_done
