#!/bin/sh
test_description='programs that cannot be started: the codes of a shell, and one clear line'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

# codes RUN MPIEXEC WORDS COMMAND...: what flux run and flux mpiexec exit with,
# and that both say why, mpiexec in one line.
codes () {
    run=$1 mpi=$2 words=$3 && shift 3
    test_expect_code $run flux run "$@" 2>run.err && grep "$words" run.err &&
    test $(grep -c "job.exception" run.err) -eq 1 &&
    test_expect_code $mpi flux mpiexec -n 2 "$@" 2>mpi.err && test_line_count 1 mpi.err &&
    grep "$words" mpi.err
}
test_expect_success 'ENOENT: 127' '
    codes 127 255 "start failed: nosuch: No such file or directory" nosuch &&
    codes 127 255 "start failed: ./nosuch: No such file or directory" ./nosuch &&
    printf "#!/no/such/interpreter\n" >script && chmod +x script &&
    codes 127 255 "start failed: ./script: No such file or directory" ./script &&
    codes 127 255 "No such file or directory" ""
'
test_expect_success 'EACCES: 126' '
    echo echo >plain && chmod 644 plain &&
    codes 126 255 "start failed: ./plain: Permission denied" ./plain &&
    codes 126 255 "start failed: /: Permission denied" /
'
test_expect_success 'ENOTDIR and ELOOP' '
    ln -sf loop loop &&
    codes 127 255 "start failed: ./plain/x: Not a directory\|No such file" ./plain/x &&
    codes 1 255 "start failed: ./loop: Too many levels of symbolic links" ./loop
'
test_expect_success 'ENOEXEC: a text without #! is run by sh, a program of another kind is 126' '
    echo "echo \$1 from sh; exit 4" >text && chmod +x text &&
    test_expect_code 4 flux run ./text hello >out && echo hello from sh >expect && test_cmp expect out &&
    printf "\177ELF\002\001\001\000" >alien && chmod +x alien &&
    codes 126 255 "start failed: ./alien: Exec format error" ./alien
'
test_expect_success 'ETXTBSY' '
    cp /bin/true busy && { sleep 100 9>>busy & } && pid=$! &&
    wait_until test -e /proc/$pid/fd/9 && codes 1 255 "start failed: ./busy: Text file busy" ./busy &&
    kill $pid
'
# The limit is taken from a broker that runs: what it has open stays, and only
# so many more descriptors can come.
broker=$(flux getattr broker.pid)
test_expect_success 'EMFILE is an error of the job, and goes away with its cause' '
    soft=$(prlimit --pid $broker --nofile -o SOFT --noheadings | tr -d " ") &&
    used=$(ls /proc/$broker/fd | sort -n | tail -n 1) &&
    id=$(flux submit --urgency=hold -o per-resource.type=node -o per-resource.count=64 true) &&
    prlimit --pid $broker --nofile=$((used + 10)): && flux job urgency $id default &&
    flux job wait-event $id clean >clean
    prlimit --pid $broker --nofile=$soft: && test_line_count 1 clean &&
    flux job eventlog $id >log && grep "start failed: true: Too many open files" log &&
    grep "finish status=256" log && flux run true
'
# ENOMEM and EAGAIN from the kernel, by strace, which may not be allowed here.
strace -f -o /dev/null true 2>/dev/null && test_set_prereq STRACE
test_expect_success STRACE 'ENOMEM, EAGAIN from the kernel: likewise' '
    for e in "ENOMEM Cannot allocate memory" "EAGAIN Resource temporarily unavailable"; do
        { strace -f -o /dev/null -e trace=clone -e inject=clone:error=${e%% *} -p $broker 2>strace.${e%% *} & } &&
        pid=$! && wait_until grep attached strace.${e%% *} &&
        codes 1 255 "start failed: true: ${e#* }" true; code=$?
        kill $pid; wait $pid; test $code -eq 0 && flux run true || return 1
    done
'
test_done
