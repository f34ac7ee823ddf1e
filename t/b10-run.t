#!/bin/sh
test_description='flux run: a program runs as a job'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

test_expect_success 'output and exit codes of the program are ours' '
    flux run echo hi >out && echo hi >expect && test_cmp expect out &&
    flux run true &&
    test_expect_code 1 flux run false &&
    test_expect_code 3 flux run sh -c "exit 3"
'
test_expect_success 'stderr stays stderr' '
    flux run sh -c "echo out; echo err >&2" >out 2>err &&
    echo out >expect && test_cmp expect out &&
    echo err >expect && test_cmp expect err
'
test_expect_success 'a task killed by SIGKILL gives 137' '
    test_expect_code 137 flux run sh -c "kill -9 \$\$" 2>err
'
test_expect_success 'a missing program gives 127 and a message that names it' '
    test_expect_code 127 flux run nosuchprogram 2>err &&
    grep "nosuchprogram: No such file or directory" err
'
test_expect_success 'a file that is no program gives 126' '
    echo data >file && chmod -x file &&
    test_expect_code 126 flux run ./file 2>err
'
test_expect_success 'input reaches the tasks' '
    printf "a\nb\n" | flux run cat >out && printf "a\nb\n" >expect && test_cmp expect out &&
    seq 1 20000 >in && flux run cat <in >out && cmp in out
'
# More than its pipe holds has been written, and nothing more is taken.
is_stuck () {
    before=$(sed -n "s/^wchar: //p" /proc/$1/io) && perl -e "select undef, undef, undef, 0.3" &&
    test "${before:-0}" -gt 100000 && test "$before" = "$(sed -n "s/^wchar: //p" /proc/$1/io)"
}
test_expect_success 'input that nobody reads stops who sends it, and does no harm' '
    mkfifo unread && { sh -c "echo \$\$ >yes.pid; exec yes" | flux run sh -c "read x <unread; exit 3" & } &&
    run=$! && wait_until test -s yes.pid && wait_until is_stuck $(cat yes.pid) && echo >unread &&
    test_expect_code 3 wait $run
'
test_expect_success 'without input there is an end of file' '
    flux run cat </dev/null >out && test ! -s out
'
test_expect_success 'tasks know who they are' '
    flux run -n2 -l sh -c "echo \$FLUX_TASK_RANK \$FLUX_JOB_SIZE" >out &&
    sort out >sorted && printf "0: 0 2\n1: 1 2\n" >expect && test_cmp expect sorted
'
test_expect_success 'environment and working directory are the caller'"'"'s' '
    mkdir -p dir && (cd dir && MINE=xyz flux run sh -c "echo \$MINE; pwd" >../out) &&
    printf "xyz\n%s\n" "$(cd dir && pwd)" >expect && test_cmp expect out
'
test_expect_success 'output that is not text survives' '
    head -c 300000 /dev/urandom >blob && flux run cat blob >out && cmp blob out
'
test_expect_success 'a long output survives' '
    flux run seq 1 200000 | md5sum >out && seq 1 200000 | md5sum >expect && test_cmp expect out
'
test_expect_success 'output without a newline at the end survives' '
    flux run printf abc >out && printf abc >expect && test_cmp expect out
'
test_expect_success 'output appears while the job still runs' '
    mkfifo go &&
    { flux run sh -c "echo started; read x <go; echo ended" >live & } &&
    pid=$! &&
    wait_until grep started live &&
    ! grep ended live && flux jobs -n | grep " R " &&
    echo x >go && wait $pid && grep ended live
'
test_expect_success 'Ctrl-C cancels the job' '
    mkfifo never &&
    { (interruptible flux run sh -c "echo up; exec cat never" >upped 2>err) & } &&
    pid=$! &&
    wait_until grep up upped &&
    kill -INT $pid &&
    test_expect_code 143 wait $pid &&
    grep "type=cancel" err &&
    test -z "$(flux jobs -n)"
'
test_expect_success 'a time limit ends the job' '
    test_expect_code 142 flux run -t 0.1s sleep 1000 2>err && grep "type=timeout" err
'
test_expect_success 'a job that cannot ever run is refused by the scheduler' '
    test_must_fail flux run -n 100000 true 2>err && grep "type=alloc" err
'
test_expect_success 'output can go to a file' '
    flux run --output=file.out echo to-file && grep to-file file.out
'

test_done
