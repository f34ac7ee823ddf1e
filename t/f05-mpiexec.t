#!/bin/sh
test_description='flux mpiexec: the options and exit codes of MPICH'"'"'s Hydra'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

test_expect_success 'a program, and how many times' '
    flux mpiexec echo hi >out && echo hi >expect && test_cmp expect out &&
    flux mpiexec -n 3 echo hi >out && test_line_count 3 out &&
    flux mpiexec -np=2 echo hi >out && test_line_count 2 out &&
    flux mpiexec --n 2 echo hi >out && test_line_count 2 out &&
    flux mpiexec -n 0 echo hi >out && test_line_count 0 out
'
test_expect_success 'mpiexec.flux is the same program' '
    test -x "$BUILDDIR/src/cmd/mpiexec.flux" &&
    mpiexec.flux -n 2 echo hi >out && test_line_count 2 out
'
test_expect_success 'more processes than cores' '
    flux mpiexec -n 64 sh -c "echo \$PMI_RANK of \$PMI_SIZE" >out &&
    for i in $(seq 0 63); do echo $i of 64; done | sort >expect &&
    sort out >sorted && test_cmp expect sorted
'
test_expect_success 'exit codes are or-ed' '
    test_expect_code 3 flux mpiexec -n 2 sh -c "exit \$((PMI_RANK+1))" &&
    test_expect_code 5 flux mpiexec -n 2 sh -c "exit \$((4-PMI_RANK*3))" &&
    test_expect_code 7 flux mpiexec -n 1 sh -c "exit 3" : -n 1 sh -c "exit 4"
'
test_expect_success 'an exit code ends nobody else' '
    test_expect_code 1 flux mpiexec -n 2 sh -c "test \$PMI_RANK = 0 && exit 1; echo last" >out &&
    echo last >expect && test_cmp expect out
'
test_expect_success 'a signal that kills one kills the others, and is the exit code' '
    mkfifo never &&
    test_expect_code 9 flux mpiexec -n 3 sh -c "test \$PMI_RANK = 1 && kill -9 \$\$; read x <never" 2>err &&
    grep "BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES" err &&
    grep "EXIT CODE: 9" err &&
    grep "YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)" err &&
    test_expect_code 11 flux mpiexec -n 1 sh -c "kill -SEGV \$\$" 2>err
'
test_expect_success '... but not with -disable-auto-cleanup' '
    test_expect_code 9 flux mpiexec -n 2 -disable-auto-cleanup \
        sh -c "test \$PMI_RANK = 1 && kill -9 \$\$; echo last" >out 2>err &&
    echo last >expect && test_cmp expect out
'
test_expect_success 'who aborts and is gone at once is heard' '
    for i in 1 2 3 4 5 6 7 8 9 10; do
        test_expect_code 3 timeout 60 flux mpiexec -n 2 sh -c \
            "test \$PMI_RANK = 1 || exec sleep 1000; echo cmd=abort exitcode=3 >&\$PMI_FD" 2>err || return 1
    done
'
# A process that has begun to speak PMI, and exits with a code: FINALIZE says so before.
cat >leaver <<-\EOF
	#!/bin/sh
	say () { echo "cmd=$1" >&$PMI_FD && read answer <&$PMI_FD; }
	say "init pmi_version=1 pmi_subversion=1"
	if test $PMI_RANK = 0; then
	    echo >here && read x <never
	else
	    read x <here
	fi
	test -z "$FINALIZE" || say finalize
	exit $(($1 - (PMI_RANK == 0)))
EOF
chmod +x leaver && mkfifo here
test_expect_success 'who leaves without finalizing ends the others, and is the exit code' '
    for code in 4 0; do
        test_expect_code $code timeout 60 flux mpiexec -n 2 ./leaver $code 2>err && test_line_count 1 err &&
        grep "rank 1 exited with code $code and without MPI_Finalize" err || return 1
    done
'
test_expect_success '... but not if it finalizes, or with -disable-auto-cleanup' '
    { FINALIZE=1 flux mpiexec -n 2 ./leaver 4 2>err.f & } && pid=$! &&
    echo >never && test_expect_code 7 wait $pid && test_line_count 0 err.f &&
    { flux mpiexec -n 2 -disable-auto-cleanup ./leaver 4 2>err.f & } && pid=$! &&
    echo >never && test_expect_code 7 wait $pid && test_line_count 0 err.f
'
test_expect_success '-print-all-exitcodes' '
    test_expect_code 3 flux mpiexec -n 3 -print-all-exitcodes sh -c "exit \$PMI_RANK" >out &&
    echo "Exit codes: 0 1 2" >expect && test_cmp expect out
'
test_expect_success 'what cannot be run is 255 and one line' '
    test_expect_code 255 flux mpiexec nosuchprogram 2>err && test_line_count 1 err &&
    grep "nosuchprogram: No such file or directory" err &&
    test_expect_code 255 flux mpiexec /etc/passwd 2>err && grep "Permission denied" err &&
    test_expect_code 255 flux mpiexec -n 1 true : nosuchprogram 2>err && test_line_count 1 err &&
    test_expect_code 255 flux mpiexec -wdir /no/such true 2>err && test_line_count 1 err &&
    grep "/no/such" err
'
test_expect_success 'command lines that mean nothing are 255 and one line' '
    for args in "" "-n" "-n 1" "-n x true" "-n -1 true" "-bogus true" "-env A" "-s true" \
        "-- true" "true :" "-n 1 : true" "-f /no/such true" "-configfile /no/such" \
        "-prepend-pattern %x true" "-outfile-pattern %x true" "-l=1 true" "-hosts nosuchhost true" "-machine nosuchhost true" \
        "-env =1 true" "-bind-to nosuch true" "-usize x true"; do
        test_expect_code 255 flux mpiexec $args 2>err || return 1
        test_line_count 1 err || return 1
    done
'
test_expect_success 'all options of Hydra are taken, with one dash or two' '
    echo localhost >hosts && echo "-n 1 true" >conf &&
    while read options; do
        eval flux mpiexec $options || { echo "$options"; return 1; }
        case $options in -*) eval flux mpiexec -$options || { echo "-$options"; return 1; } ;; esac
    done <<-EOF
	-np 2 true
	-np=2 true
	-env A b true
	-envlist PATH true
	-envnone true
	-envall true
	-genv A b true
	-genvlist PATH true
	-genvnone true
	-genvall true
	-wdir / true
	-wd / true
	-f hosts true
	-hosts localhost:2 -n 2 true
	-machine localhost true
	-bind-to numa:1 true
	-bind-to l3cache true
	-usize INFINITE true
	-gpus-per-proc AUTO true
	-ppn 1 true
	-configfile conf
	-l true
	-prepend-rank true
	-prepend-pattern %r true
	-outfile-pattern out.%r.%g.%p.%h.%% true
	-errfile-pattern err.%r true
	-print-all-exitcodes true
	-disable-auto-cleanup true
	-bind-to core true
	-map-by core true
	-usize 4 true
	-launcher fork true
	-verbose true
	-info
	-version
	-iface lo true
	-order-nodes ascending true
	-localhost localhost true
	-gpus-per-proc 0 true
	EOF
'
test_expect_success 'an allocation that cannot be is 255 and says why' '
    test_expect_code 255 flux mpiexec -gpus-per-proc 1000 true 2>err && grep "unsatisfiable" err
'
test_expect_success '... and so are more processes than there can be' '
    test_expect_code 255 flux mpiexec -n 65537 true 2>err && test_line_count 1 err &&
    grep "task count must be 1 to 65536" err
'
test_expect_success 'programs side by side, ranks in order' '
    flux mpiexec -l -n 1 echo a : -n 2 echo b : echo c >out && sort out >sorted &&
    printf "[0] a\n[1] b\n[2] b\n[3] c\n" >expect && test_cmp expect sorted &&
    flux mpiexec -n 0 echo no : -n 1 echo yes >out && echo yes >expect && test_cmp expect out
'
test_expect_success 'a configuration file' '
    cat >conf <<-\EOF &&
	# two programs
	-n 1 echo "one  word" # and a comment

	-n 2 -env A "b c" sh -c '"'"'echo "$A"'"'"'
	EOF
    flux mpiexec -configfile conf >out && sort out >sorted &&
    printf "b c\nb c\none  word\n" >expect && test_cmp expect sorted
'
test_expect_success 'variables: -env for one program, -genv for all, the later one counts' '
    show="sh -c \"echo \$A\$B\"" &&
    flux mpiexec -l -genv B y -n 1 -env A 0 -env A 1 sh -c "echo \$A\$B" : \
        -env A 2 sh -c "echo \$A\$B" : -genv B z sh -c "echo \$A\$B" >out && sort out >sorted &&
    printf "[0] 1z\n[1] 2z\n[2] z\n" >expect && test_cmp expect sorted &&
    A=mine flux mpiexec sh -c "echo \$A" >out && echo mine >expect && test_cmp expect out &&
    A=mine flux mpiexec -genv A g -env A e sh -c "echo \$A" >out && echo e >expect && test_cmp expect out
'
test_expect_success 'variables: all, none or some are passed' '
    A=a B=b && export A B &&
    flux mpiexec -l -n 1 -envnone sh -c "echo \$A\$B." : -envlist A,NOSUCH sh -c "echo \$A\$B." : \
        sh -c "echo \$A\$B." : -envnone -env B x sh -c "echo \$A\$B." >out && sort out >sorted &&
    printf "[0] .\n[1] a.\n[2] ab.\n[3] x.\n" >expect && test_cmp expect sorted &&
    flux mpiexec -env A=1=2 -genv B= sh -c "echo \$A.\$B." >out && echo 1=2.. >expect && test_cmp expect out &&
    flux mpiexec -l -genvnone -genv B g sh -c "echo \$A\$B." : -envall sh -c "echo \$A\$B." : \
        -envlist A sh -c "echo \$A\$B." >out && sort out >sorted &&
    printf "[0] g.\n[1] ag.\n[2] ag.\n" >expect && test_cmp expect sorted
'
test_expect_success 'what a process finds in its environment' '
    flux mpiexec -n 2 env >out &&
    for v in PMI_FD=3 PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2 FLUX_TASK_RANK=1 \
        GFORTRAN_UNBUFFERED_PRECONNECTED=y; do
        grep -x $v out || return 1
    done
'
test_expect_success 'directory, limits and umask are ours' '
    mkdir -p dir && pwd >expect && flux mpiexec pwd >out && test_cmp expect out &&
    flux mpiexec -l -wdir dir pwd : pwd >out && sort out >sorted &&
    printf "[0] %s\n[1] %s\n" "$(cd dir && pwd)" "$(pwd)" >expect && test_cmp expect sorted &&
    (ulimit -S -n 77 && umask 027 && flux mpiexec sh -c "ulimit -n; umask") >out &&
    printf "77\n0027\n" >expect && test_cmp expect out
'
test_expect_success 'labels' '
    flux mpiexec -n 2 -l sh -c "echo out; echo err >&2" >out 2>err &&
    sort out >sorted && printf "[0] out\n[1] out\n" >expect && test_cmp expect sorted &&
    sort err >sorted && printf "[0] err\n[1] err\n" >expect && test_cmp expect sorted &&
    flux mpiexec -prepend-rank printf "a\nb" >out && printf "[0] a\n[0] b" >expect && test_cmp expect out &&
    flux mpiexec -prepend-pattern "<%r.%g.%p.%h.%%> " echo x >out &&
    echo "<0.0.0.$(hostname).%> x" >expect && test_cmp expect out
'
test_expect_success 'output in files' '
    flux mpiexec -n 2 -outfile-pattern "o.%r" sh -c "echo out \$PMI_RANK; echo err >&2" >out 2>err &&
    test_line_count 0 out && test_line_count 2 err && echo out 1 >expect && test_cmp expect o.1 &&
    flux mpiexec -n 2 -wdir dir -errfile-pattern "e.%r.%h" sh -c "echo err >&2" 2>err &&
    test_line_count 0 err && echo err >expect && test_cmp expect "e.1.$(hostname)" &&
    flux mpiexec -n 4 -outfile-pattern all sh -c "echo \$PMI_RANK" && sort all >sorted &&
    seq 0 3 >expect && test_cmp expect sorted &&
    flux mpiexec -n 2 -l -outfile-pattern lab.%r printf "a\nb" && printf "[1] a\n[1] b" >expect && test_cmp expect lab.1 &&
    flux mpiexec -prepend-pattern "<%r%%> " -errfile-pattern lab sh -c "echo e >&2; echo o" >out &&
    echo "<0%> o" >expect && test_cmp expect out && echo "<0%> e" >expect && test_cmp expect lab
'
test_expect_success 'stdin goes to rank 0, the others have none' '
    printf "a\nb" | flux mpiexec -n 3 cat >out && printf "a\nb" >expect && test_cmp expect out &&
    flux mpiexec -n 2 cat </dev/null >out && test_line_count 0 out &&
    flux mpiexec -n 2 cat <&- >out && test_line_count 0 out
'
test_expect_success 'much input, much output' '
    seq 1 3000000 >in && flux mpiexec cat <in | cmp in &&
    flux mpiexec -n 2 sh -c "cat; exit 0" <in | cmp in
'
test_expect_success '... of bytes that JSON would show as six each' '
    head -c 100000000 /dev/zero | timeout 60 flux mpiexec wc -c >out && echo 100000000 >expect && test_cmp expect out
'
test_expect_success 'input that nobody reads does no harm' '
    yes | flux mpiexec true 2>err && test_line_count 0 err &&
    yes | flux mpiexec sh -c "exec <&-; echo done" >out && echo done >expect && test_cmp expect out
'
test_expect_success 'output that is not text, or has no end of line' '
    head -c 300000 /dev/urandom >blob && flux mpiexec cat blob >out && cmp blob out &&
    flux mpiexec printf abc >out && printf abc >expect && test_cmp expect out
'
test_expect_success 'partial lines come when they are written' '
    mkfifo go &&
    { flux mpiexec sh -c "printf prompt:; read x <go; echo \$x" >live & } && pid=$! &&
    wait_until grep prompt: live && echo answer >go && wait $pid &&
    echo prompt:answer >expect && test_cmp expect live
'
test_expect_success 'a reader that goes away ends it' '
    flux mpiexec seq 1 10000000 | head -n 1 >out && echo 1 >expect && test_cmp expect out
'
test_expect_success 'output that cannot be written is an error' '
    test_expect_code 255 flux mpiexec echo hi >/dev/full 2>err && grep "write error: No space left" err &&
    test_expect_code 1 flux run echo hi >/dev/full 2>err && grep "write error" err &&
    test_expect_code 1 flux job attach $(flux job last) >/dev/full 2>err && grep "write error" err &&
    test_expect_code 1 flux version >/dev/full 2>err && grep "flux-version: write error" err
'
test_expect_success '... and ends a program without end, where SIGPIPE is ignored' '
    { (trap "" PIPE; timeout 60 flux mpiexec yes 2>err; echo $? >code) | head -n 1 >out; } &&
    echo y >expect && test_cmp expect out && wait_until test -s code && echo 255 >expect && test_cmp expect code &&
    wait_until sh -c "test -z \"\$(flux jobs -n)\""
'
# Scripts that say when they are ready to be sent a signal.
ready () {
    wait_until test -e "$1.0" && wait_until test -e "$1.1"
}
test_expect_success 'the first SIGINT goes to all processes' '
    { interruptible flux mpiexec -n 2 sh -c "trap \"echo int; exit 3\" INT; >int.\$PMI_RANK; while :; do sleep 0.1; done" \
        >out 2>err.1 & } && pid=$! && ready int && kill -INT $pid &&
    test_expect_code 3 wait $pid && test_line_count 2 out && grep "Ctrl-C again" err.1
'
test_expect_success 'the second one ends them' '
    { interruptible flux mpiexec -n 2 sh -c "trap \"\" INT TERM; >int2.\$PMI_RANK; while :; do sleep 0.1; done" \
        >out 2>err.2 & } && pid=$! && ready int2 && kill -INT $pid && wait_until grep again err.2 &&
    kill -INT $pid && test_expect_code 9 wait $pid
'
test_expect_success 'SIGTERM, SIGQUIT, SIGUSR1 and SIGALRM are passed on' '
    for s in TERM QUIT USR1 ALRM; do
        { flux mpiexec -n 2 perl -e "\$SIG{$s} = sub { print qq/$s\n/; exit 4 };
                open F, qq/>sig$s.\$ENV{PMI_RANK}/; close F; sleep 1 while 1" >out 2>err.3 & }
        pid=$!
        ready sig$s && kill -$s $pid && test_expect_code 4 wait $pid &&
        printf "$s\n$s\n" >expect && test_cmp expect out || return 1
    done
'
# Sent by a process as soon as it lives: mpiexec may not know of its job yet.
cat >hasty <<-\EOF
	#!/bin/sh
	trap "exit 4" USR1
	kill -USR1 $LAUNCHER
	while :; do sleep 0.1; done
EOF
chmod +x hasty
test_expect_success 'a signal that comes with the first word of the job is passed on, too' '
    for i in 1 2 3 4 5 6 7 8 9 10; do
        test_expect_code 4 sh -c "LAUNCHER=\$\$ exec flux mpiexec ./hasty" 2>err || { cat err; return 1; }
    done
'
test_expect_success 'processes do not outlive it: SIGHUP, SIGKILL' '
    for s in HUP KILL; do
        { flux mpiexec -n 2 sh -c "echo \$\$ >pid$s.\$PMI_RANK; while :; do sleep 0.1; done" & }
        pid=$!
        wait_until test -s pid$s.0 && wait_until test -s pid$s.1 && kill -$s $pid
        wait $pid
        for r in 0 1; do
            wait_until sh -c "! kill -0 $(cat pid$s.$r)" || return 1
        done
    done &&
    wait_until sh -c "test -z \"\$(flux jobs -n)\""
'
test_expect_success 'a job that waits does not outlive it either' '
    flux submit -n "$(flux resource list -s all -no {ncores})" sh -c "while :; do sleep 0.1; done" >blocker &&
    { flux mpiexec -verbose true 2>err.4 & } && pid=$! && wait_until grep job err.4 && kill -9 $pid &&
    id=$(sed "s/.*job //" err.4) && flux job wait-event -t 120 $id clean &&
    flux job eventlog $id | grep "the program that ran this job is gone" &&
    flux cancel $(cat blocker) && flux job wait-event $(cat blocker) clean
'
test_expect_success 'SIGINT while the job waits takes it back' '
    flux submit -n "$(flux resource list -s all -no {ncores})" sh -c "while :; do sleep 0.1; done" >blocker &&
    { interruptible flux mpiexec -verbose true 2>err.5 & } && pid=$! && wait_until grep job err.5 &&
    kill -INT $pid && test_expect_code 255 wait $pid && grep -i "cancel" err.5 &&
    flux cancel $(cat blocker) && flux job wait-event $(cat blocker) clean
'
test_expect_success 'MPIEXEC_TIMEOUT' '
    MPIEXEC_TIMEOUT=1 test_expect_code 255 flux mpiexec sh -c "while :; do sleep 0.1; done" 2>err &&
    grep "APPLICATION TIMED OUT, TIMEOUT = 1s" err &&
    MPIEXEC_TIMEOUT=x test_expect_code 255 flux mpiexec true 2>err && grep MPIEXEC_TIMEOUT err &&
    MPIEXEC_TIMEOUT=100 flux mpiexec true
'
test_expect_success 'a job that is canceled' '
    { flux mpiexec -n 2 -verbose sh -c "while :; do sleep 0.1; done" 2>err.6 & } && pid=$! &&
    wait_until grep job err.6 && id=$(sed "s/.*job //" err.6) && flux job wait-event $id start &&
    flux cancel $id && test_expect_code 15 wait $pid
'
test_expect_success 'it is a job like any other' '
    flux mpiexec -n 2 sh -c "echo hello; exit 1" ; id=$(flux job last) &&
    flux job wait-event $id clean &&
    test_expect_code 1 flux job attach $id >out && test_line_count 2 out &&
    wait_until sh -c "flux jobs -a -n | grep -F \"$id\" | grep \" F \""
'
test_expect_success 'without an instance there is one for the call' '
    (unset FLUX_URI INSIDE_FLUX &&
     echo in | flux mpiexec -n 2 sh -c "cat; exit 3") >out 2>err; test $? -eq 3 &&
    echo in >expect && test_cmp expect out && test_line_count 0 err
'
test_expect_success 'an instance that cannot be reached is 255 and says so' '
    FLUX_URI=local:///no/such test_expect_code 255 flux mpiexec true 2>err && test_line_count 1 err
'

test_done
