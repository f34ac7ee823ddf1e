#!/bin/sh
test_description='What can be seen and changed of a running broker: module.trace, broker.*, module.debug'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc

# traced OPTIONS -- COMMAND...: what flux module trace shows of a command
traced () {
    opts=
    while test "$1" != --; do opts="$opts $1"; shift; done
    shift
    rm -f trace.out # or what is still in it counts
    flux module trace $opts >trace.out &
    tracer=$!
    until grep -qs ping trace.out; do flux ping -c1 -i0 kvs >/dev/null; done
    "$@"
    rc=$?
    # what is shown is in order: a large ping that comes after it ends it
    until grep -q "ping \[[1-9][0-9][0-9][0-9]\]" trace.out; do
        flux ping -c1 -i0 -p 1000 kvs >/dev/null
    done
    kill $tracer
    wait $tracer 2>/dev/null
    return $rc
}

test_expect_success 'messages from and to a module are shown' '
    traced kvs -- flux kvs put trace.a=1 &&
    grep "Z kvs rx > kvs.commit .[0-9]*.$" trace.out &&
    grep "Z kvs tx e kvs.namespace-primary-setroot" trace.out &&
    grep "Z kvs tx < kvs.commit" trace.out
'
test_expect_success 'with payloads, of some topics, of some types' '
    traced -f kvs -- flux kvs put trace.b=42 &&
    grep "\"trace.b\"" trace.out &&
    traced -T "kvs.ping" kvs -- flux kvs put trace.c=1 && ! grep commit trace.out &&
    traced -t response kvs -- flux kvs get trace.c && ! grep " > " trace.out && grep " < kvs.lookup" trace.out
'
test_expect_success 'errors are shown by their text' '
    traced kvs -- flux kvs get nosuch.key; grep "< kvs.lookup .* No such file or directory" trace.out
'
test_expect_success 'all modules, times from the first one' '
    traced -H -- flux kvs put trace.d=1 && grep "^\[  +0.000000\]" trace.out &&
    grep " kvs-watch rx e kvs.namespace-primary-setroot" trace.out && traced -H -d kvs -- true
'
test_expect_success 'flux module trace: what is wrong with its command line' '
    test_expect_code 1 flux module trace -t nosuch kvs 2>err && grep "no type of message" err &&
    test_expect_code 1 flux module trace -d kvs 2>err && grep "only be used with --human" err
'
test_expect_success 'module.trace is streaming, the owner'"'"'s, and says what it wants' '
    test_must_fail $rpc module.trace "{\"names\":[],\"typemask\":15,\"topic_glob\":\"*\"}" >out && grep EPROTO out &&
    test_must_fail $rpc -s module.trace "{\"names\":[1],\"typemask\":15,\"topic_glob\":\"*\"}" >out && grep EPROTO out &&
    test_must_fail $rpc -s module.trace "{\"names\":[]}" >out && grep EPROTO out &&
    test_must_fail $rpc -u 4242 -s module.trace "{\"names\":[],\"typemask\":15,\"topic_glob\":\"*\"}" >out && grep EPERM out
'
test_expect_success 'a tracer that is gone leaves nothing behind' '
    { $rpc -s module.trace "{\"names\":[],\"typemask\":15,\"topic_glob\":\"*\",\"full\":true}" >t1 & } && pid=$! &&
    wait_until sh -c "flux ping -c1 kvs; test -s t1" && kill -KILL $pid && { wait $pid; true; } &&
    flux kvs put trace.e=1 && flux ping -c 1 kvs
'
test_expect_success 'broker.setenv is for what is run later, broker.getenv tells it' '
    $rpc broker.setenv "{\"env\":{\"MILL\":\"race\",\"HOME\":null}}" &&
    $rpc broker.getenv "{\"names\":[\"MILL\",\"HOME\",\"NOSUCH\"]}" >out &&
    echo "{\"env\":{\"MILL\":\"race\"}}" >want && test_cmp want out &&
    for bad in "{}" "{\"env\":{\"\":\"x\"}}" "{\"env\":{\"a=b\":\"x\"}}" "{\"env\":{\"a\":1}}" "{\"env\":[]}"; do
        test_must_fail $rpc broker.setenv "$bad" >out && grep EPROTO out || return 1
    done &&
    test_must_fail $rpc broker.getenv "{\"names\":[1]}" >out && grep EPROTO out &&
    test_must_fail $rpc -u 4242 broker.getenv "{\"names\":[]}" >out && grep EPERM out
'
test_expect_success 'cleanup commands see what was set' '
    flux start sh -c "$rpc broker.setenv {\\\"env\\\":{\\\"MILL\\\":\\\"wheel\\\"}} &&
        $rpc runat.push {\\\"name\\\":\\\"cleanup\\\",\\\"commands\\\":[\\\"printenv\ MILL\ \>env.out\\\"]}" &&
    echo wheel >want && test_cmp want env.out
'
test_expect_success 'broker.conf-builtin' '
    $rpc broker.conf-builtin "{\"keys\":[\"rc1_path\"]}" >out &&
    echo "{\"values\":{\"rc1_path\":\"flux modprobe rc1\"}}" >want && test_cmp want out &&
    test_must_fail $rpc broker.conf-builtin "{\"keys\":[\"nosuch\"]}" >out &&
    grep "EINVAL: nosuch: invalid key" out &&
    test_must_fail $rpc broker.conf-builtin "{\"keys\":[1]}" >out && grep EPROTO out &&
    $rpc -u 4242 broker.conf-builtin "{\"keys\":[\"rundir\"]}"
'
test_expect_success 'a deferred module answers later' '
    $rpc module.debug "{\"name\":\"job-info\",\"defer\":true}" &&
    { flux ping -c1 job-info >late & } && pid=$! &&
    flux ping -c1 kvs && ! grep pad late &&
    $rpc module.debug "{\"name\":\"job-info\",\"defer\":false}" && wait $pid && grep pad late &&
    test_must_fail $rpc module.debug "{\"name\":\"nosuch\"}" >out && grep ENOENT out &&
    test_must_fail $rpc module.debug "{}" >out && grep EPROTO out
'
test_expect_success 'counters are cleared, on one rank or all' '
    for i in 1 2 3 4 5 6 7 8 9; do flux ping -c1 heartbeat || return 1; done &&
    test $(flux module stats -p rx.request -t int heartbeat) -ge 9 &&
    flux module stats -c heartbeat &&
    test $(flux module stats -p rx.request -t int heartbeat) -lt 9 &&
    for i in 1 2 3 4 5 6 7 8 9; do flux ping -c1 heartbeat || return 1; done &&
    flux module stats -C heartbeat &&
    wait_until sh -c "test \$(flux module stats -p tx.response heartbeat) -lt 9"
'

test_done
