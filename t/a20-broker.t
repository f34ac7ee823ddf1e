#!/bin/sh
test_description='Services of the broker: attributes, log, ping, events, modules'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

test_expect_success 'attributes are read and listed' '
    test "$(flux getattr size)" = 1 &&
    flux lsattr >names &&
    grep "^local-uri$" names &&
    flux lsattr -v | grep "^rank  *0$"
'
test_expect_success 'an unknown attribute is an error' '
    test_expect_code 1 flux getattr nosuch 2>err &&
    grep "^flux-getattr: nosuch: No such file or directory" err
'
test_expect_success 'what may not be set is not' '
    test_expect_code 1 flux setattr rank 1 2>err &&
    grep "rank: " err &&
    test "$(flux getattr rank)" = 0
'
test_expect_success 'ping measures every service' '
    for s in broker kvs content job-manager job-list job-exec; do
        flux ping -c 1 $s >out && grep "$s.ping pad=0 seq=0 time=" out || return 1
    done
'
test_expect_success 'a service that is not there: ENOSYS' '
    test_expect_code 1 flux ping -c 1 nosuch 2>err &&
    grep "nosuch.ping: .*" err
'
test_expect_success 'a rank that is not there: no route' '
    test_expect_code 1 flux ping -c 1 -r 7 broker 2>err &&
    grep "7!broker.ping: No route to host" err
'
test_expect_success 'the log keeps what is written to it' '
    flux logger -s err "a test message" &&
    wait_until sh -c "flux dmesg | grep \"logger.err.0.: a test message\""
'
test_expect_success 'the log can be cleared' '
    flux dmesg -C &&
    flux dmesg >out &&
    ! grep "a test message" out
'
test_expect_success 'events reach their subscribers, by prefix' '
    { flux event sub -c 2 test. >events & } &&
    pid=$! &&
    wait_until sh -c "flux event pub -s test.probe; test -s events" &&
    flux event pub -s other.x &&
    flux event pub -s test.b "{\"n\":1}" &&
    wait $pid &&
    ! grep other events
'
test_expect_success 'modules are listed, removed and loaded' '
    flux module list >out &&
    grep "^kvs-watch " out &&
    flux module remove job-info &&
    ! flux module list | grep "^job-info " &&
    test_expect_code 1 flux ping -c1 job-info &&
    flux module load job-info &&
    flux ping -c 1 job-info
'
test_expect_success 'a module that is not there, or is there already' '
    test_expect_code 1 flux module load nosuch 2>err &&
    grep "module not found in search path" err &&
    test_expect_code 1 flux module load kvs 2>err &&
    grep "File exists" err &&
    test_expect_code 1 flux module remove nosuch 2>err &&
    grep "remove nosuch: No such file or directory" err &&
    flux module remove -f nosuch
'
test_expect_success 'modules tell their statistics' '
    flux module stats kvs >out &&
    grep "\"namespace\"" out &&
    flux module stats -p namespace.primary kvs >out
'
test_expect_success 'a guest may not do what is the owner'"'"'s' '
    test_expect_code 1 env FLUX_HANDLE_ROLEMASK=0x2 flux module remove kvs 2>err &&
    grep "Request requires owner credentials" err
'

test_done
