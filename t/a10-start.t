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

test_expect_success 'recovery mode: the program runs though rc1 fails' '
    test_expect_code 1 flux start -r -Sbroker.rc1_path=false touch recovered && test -e recovered &&
    test_expect_code 1 flux start --recovery=/nosuch true 2>err && grep "recovery=/nosuch: No such file" err &&
    mkdir -m 700 rstate && flux start --recovery="$PWD/rstate" flux getattr statedir >out &&
    test "$(cat out)" = "$PWD/rstate" &&
    flux start sh -c "flux kvs put old=1 && flux dump -q old.tgz" &&
    flux start --recovery=old.tgz flux kvs get old >out && echo 1 >want && test_cmp want out
'
test_expect_success 'the broker may be run by another command' '
    flux start --wrap=env,WRAPPED=yes sh -c "echo \$WRAPPED" >out && echo yes >want && test_cmp want out &&
    flux start -s2 --test-hosts=a,b --wrap=env,WRAPPED=yes sh -c "echo \$WRAPPED; flux getattr hostlist" >out &&
    printf "yes\na,b\n" >want && test_cmp want out
'
test_expect_success '--sysconfig names the directory of the system instance' '
    flux start -X --sysconfig true >out && grep -e "-c/.*/flux/system/conf.d" out
'

test_done
