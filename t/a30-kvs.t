#!/bin/sh
test_description='The key-value store: values, directories, links, namespaces, logs'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

expect () {
    printf '%s\n' "$@" >expect
}

test_expect_success 'a value comes back' '
    flux kvs put t.a=42 t.b="two words" t.e= &&
    flux kvs get t.a t.b >out &&
    expect 42 "two words" && test_cmp expect out &&
    flux kvs get t.e >out && test ! -s out
'
test_expect_success 'an unknown key is an error that names it' '
    test_expect_code 1 flux kvs get nosuch 2>err &&
    expect "flux-kvs: nosuch: No such file or directory" && test_cmp expect err
'
test_expect_success 'a directory is no value' '
    test_expect_code 1 flux kvs get t 2>err &&
    grep "t: Is a directory" err
'
test_expect_success 'binary values survive' '
    head -c 100000 /dev/urandom >blob &&
    flux kvs put -r t.blob=- <blob &&
    flux kvs get -r t.blob >out && cmp blob out
'
test_expect_success 'append adds to a value' '
    flux kvs put -A t.log=one && flux kvs put -A t.log=two &&
    flux kvs get -r t.log >out && printf onetwo >expect && test_cmp expect out
'
test_expect_success 'ls lists, with marks if asked' '
    flux kvs put ls.dir.x=1 ls.val=2 && flux kvs link ls.val ls.link &&
    flux kvs ls -1F ls >out &&
    expect dir. link@ val && test_cmp expect out
'
test_expect_success 'dir shows values, links and directories' '
    flux kvs dir ls >out &&
    expect "ls.dir." "ls.link -> ls.val" "ls.val = 2" && test_cmp expect out &&
    flux kvs dir -R ls >out && grep "^ls.dir.x = 1$" out
'
test_expect_success 'a link is followed' '
    test "$(flux kvs get ls.link)" = 2 && test "$(flux kvs readlink ls.link)" = ls.val
'
test_expect_success 'unlink removes keys, but no full directory unless told' '
    flux kvs unlink ls.val && test_must_fail flux kvs get ls.val &&
    test_expect_code 1 flux kvs unlink ls.dir 2>err && grep "Directory not empty" err &&
    flux kvs unlink -R ls.dir && test_must_fail flux kvs ls ls.dir &&
    test_expect_code 1 flux kvs unlink ls.nosuch 2>err &&
    grep "cannot unlink .ls.nosuch.: No such file or directory" err &&
    flux kvs unlink -f ls.nosuch
'
test_expect_success 'each commit raises the version by one' '
    v=$(flux kvs version) && flux kvs put t.v=1 &&
    test "$(flux kvs version)" -eq $((v + 1)) &&
    test "$(flux kvs put -s t.v=2)" -eq $((v + 2))
'
test_expect_success 'a snapshot does not change' '
    flux kvs put t.snap=old && root=$(flux kvs getroot) &&
    flux kvs put t.snap=new &&
    test "$(flux kvs get --at "$root" t.snap)" = old && test "$(flux kvs get t.snap)" = new
'
test_expect_success 'namespaces are apart' '
    flux kvs namespace create test-ns && flux kvs put -N test-ns k=inside &&
    test "$(flux kvs get -N test-ns k)" = inside && test_must_fail flux kvs get k &&
    flux kvs namespace list | grep "^test-ns " &&
    test_expect_code 1 flux kvs namespace create test-ns 2>err && grep "File exists" err &&
    flux kvs namespace remove test-ns &&
    test_expect_code 1 flux kvs get -N test-ns k 2>err && grep "Operation not supported" err
'
test_expect_success 'a watcher sees each value, and waits for a key to appear' '
    { flux kvs get -w -W -c 3 w.key >watched & } &&
    pid=$! &&
    wait_until sh -c "test \$(flux module stats -p watchers kvs-watch) -gt 0" &&
    flux kvs put w.key=1 && flux kvs put w.other=x && flux kvs put w.key=2 &&
    flux kvs put w.key=3 && wait $pid &&
    expect 1 2 3 && test_cmp expect watched
'
test_expect_success 'an append watcher gets only what is new' '
    flux kvs put -A w.log="a" &&
    { flux kvs get -w -A -c 3 w.log >appended & } &&
    pid=$! &&
    wait_until test -s appended &&
    flux kvs put -A w.log=b && flux kvs put -A w.log=c && wait $pid &&
    expect a b c && test_cmp expect appended
'
test_expect_success 'event logs are appended to and waited for' '
    flux kvs eventlog append -t 1 ev start "{\"a\":1}" &&
    flux kvs eventlog append -t 2.5 ev stop &&
    flux kvs eventlog get ev >out &&
    expect "1.000000 start a=1" "2.500000 stop" && test_cmp expect out &&
    flux kvs eventlog wait-event ev stop >out && expect "2.500000 stop" && test_cmp expect out &&
    test_expect_code 1 flux kvs eventlog wait-event -t 0.01s ev never 2>err &&
    grep "wait-event timeout on event .never" err
'
test_expect_success 'copy and move' '
    flux kvs put c.src.x=1 && flux kvs copy c.src c.dst && test "$(flux kvs get c.dst.x)" = 1 &&
    flux kvs move c.dst c.moved && test "$(flux kvs get c.moved.x)" = 1 &&
    test_must_fail flux kvs get c.dst.x
'
test_expect_success 'the store is in sync with its disk on request' '
    flux kvs sync
'

test_done
