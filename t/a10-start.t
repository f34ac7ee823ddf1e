#!/bin/sh
test_description='flux start: an instance comes up, runs a program, goes away'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

test_expect_success 'it runs a program and exits 0' '
    flux start true
'
test_expect_success 'it exits with the code of the initial program' '
    test_expect_code 3 flux start sh -c "exit 3" &&
    test_expect_code 1 flux start false
'
test_expect_success 'one word is a shell command' '
    flux start "echo a; echo b" >out &&
    printf "a\nb\n" >expect &&
    test_cmp expect out
'
test_expect_success 'a program killed by a signal gives 128 + the signal' '
    test_expect_code 137 flux start sh -c "kill -9 \$\$"
'
test_expect_success 'a missing program gives 127 and is named' '
    test_expect_code 127 flux start /nosuch/program x 2>err &&
    grep nosuch err
'
test_expect_success 'the program finds the instance by FLUX_URI' '
    flux start sh -c "flux getattr rank && flux getattr size" >out &&
    printf "0\n1\n" >expect &&
    test_cmp expect out
'
test_expect_success 'standard input belongs to the initial program' '
    echo hello | flux start cat >out &&
    echo hello >expect &&
    test_cmp expect out
'
test_expect_success 'nothing is left behind: neither socket nor directories' '
    flux start sh -c "flux getattr rundir; flux getattr statedir" >dirs &&
    for d in $(cat dirs); do test ! -e "$d" || return 1; done
'
test_expect_success 'SIGTERM ends it, and it cleans up' '
    { flux start sh -c "flux getattr rundir >rundir.tmp && mv rundir.tmp rundir && exec sleep 1000" & } &&
    pid=$! &&
    wait_until test -f rundir &&
    kill -TERM $pid &&
    test_expect_code 129 wait $pid &&
    test ! -e "$(cat rundir)"
'
test_expect_success 'without rc1 and rc3 there is only the broker' '
    flux start -Sbroker.rc1_path= -Sbroker.rc3_path= flux getattr rank >out &&
    echo 0 >expect &&
    test_cmp expect out
'
test_expect_success 'an unknown attribute is refused' '
    test_expect_code 1 flux start -Snosuch=1 true 2>err &&
    grep "nosuch: unknown attribute" err
'
test_expect_success 'a read-only attribute is refused' '
    test_expect_code 1 flux start -Srank=1 true 2>err &&
    grep "rank: attribute may not be set on the command line" err
'
test_expect_success 'a failing rc1 fails the instance; the program does not run' '
    test_expect_code 1 flux start -Sbroker.rc1_path=false touch ran 2>err &&
    test ! -e ran
'
test_expect_success 'an instance can run inside another' '
    flux start flux start flux getattr rank >out &&
    echo 0 >expect &&
    test_cmp expect out
'
test_expect_success 'without a terminal there is no interactive shell' '
    test_expect_code 1 flux start </dev/null 2>err &&
    grep "stdin is not a tty" err
'

test_done
