#!/bin/sh
test_description='tasks on several brokers: each rank starts its own, rank 0 hears of all'
. "$(dirname "$0")/lib.sh"
under_flux -s4 --test-exit-mode=leader -Stbon.topo=kary:2
. "$T/sharness.sh"

# Nodes of several cores, which may have two threads each.
test "$(flux kvs get resource.R | jq -r ".execution.R_lite[0].children.core")" = 0 || test_set_prereq CPUS

rpc=$BUILDDIR/t/live/rpc
pmi=$BUILDDIR/src/modules/job-exec/pmi_client

# broker RANK: its process id
broker () { flux exec -r $1 flux getattr broker.pid; }

# on N: the command on that rank's broker
on () { rank=$1; shift; flux exec -r $rank "$@"; }

test_expect_success 'each task is a child of the broker that R names, and talks to it' '
    for r in 0 1 2 3; do echo "$r: $(broker $r) $r"; done >want &&
    flux run -N4 -n4 -l sh -c "echo \$PPID \$(flux getattr rank)" | sort >out &&
    test_cmp want out
'
test_expect_success 'only the ranks that R names have tasks' '
    flux run -N1 --requires=rank:2 sh -c "echo \$PPID" >out && test "$(cat out)" = $(broker 2)
'
test_expect_success CPUS 'numbers, directories and variables of tasks' '
    flux run -N2 -n4 --requires=rank:2-3 -l sh -c "test -d \$FLUX_JOB_TMPDIR &&
        echo \$FLUX_TASK_LOCAL_ID \$FLUX_JOB_NNODES \$PMI_RANK \$PMI_SIZE \${FLUX_JOB_TMPDIR##*/}" | sort |
        sed "s/jobtmp-\(.\)-.*/\1/" >out &&
    printf "0: 0 2 0 4 0\n1: 1 2 1 4 0\n2: 0 2 2 4 1\n3: 1 2 3 4 1\n" >want && test_cmp want out
'
test_expect_success 'the exit code is the largest, a signal 128 and its number' '
    test_expect_code 3 flux run -N4 -n4 sh -c "exit \$FLUX_TASK_RANK" &&
    test_expect_code 137 flux run -N4 -n4 sh -c "test \$FLUX_TASK_RANK -lt 3 || kill -9 \$\$"
'
test_expect_success 'output of all, whole lines, labels, both streams' '
    flux run -N4 -n4 -l sh -c "seq 5000; echo e >&2" >out 2>err &&
    sort err >got && printf "0: e\n1: e\n2: e\n3: e\n" >want && test_cmp want got &&
    for r in 0 1 2 3; do sed -n "s/^$r: //p" out >r.$r && seq 5000 | cmp - r.$r || return 1; done
'
test_expect_success 'bytes that are no text, and a last line without end' '
    head -c 3000000 /dev/urandom >rnd && flux run --requires=rank:3 cat rnd | cmp - rnd &&
    flux run --requires=rank:1 printf x >out && printf x | cmp - out
'
test_expect_success 'output in one file: by way of rank 0, labelled or not' '
    flux run -N4 -n4 --output=all.out echo x 2>/dev/null && test $(grep -c "^x$" all.out) = 4 &&
    flux run -N4 -n4 -l --output=lab.out sh -c "printf a; echo b; printf c" 2>/dev/null &&
    sort lab.out | tr "\n" " " >got &&
    grep -o "[0-3]: ab" lab.out | sort | tr "\n" " " >got && test "$(cat got)" = "0: ab 1: ab 2: ab 3: ab "
'
test_expect_success 'output in a file each, written where the task runs' '
    flux run -N4 -n4 --output=each.{{node.id}}.{{task.id}} --error=err.{{taskid}} sh -c "echo \$FLUX_TASK_RANK; echo e >&2" 2>/dev/null &&
    test "$(cat each.3.3)" = 3 && test "$(cat each.0.0)" = 0 && test "$(cat err.2)" = e
'
test_expect_success 'a path that cannot be opened ends the job before it starts' '
    test_expect_code 1 flux run -N4 -n4 --output=/nosuch/x touch started 2>err &&
    grep "open: /nosuch/x: No such file" err && test ! -e started &&
    test_expect_code 1 flux run -N4 -n4 --output=/nosuch/{{taskid}} true 2>err && grep "No such file" err
'
test_expect_success 'standard input goes to all, or to some, to its end' '
    seq 100000 >in && md5sum <in >one && cat one one one one >want &&
    flux run -N4 -n4 md5sum <in >out && test_cmp want out &&
    flux run -N4 -n4 -l --input=2 wc -l <in | sort >out &&
    printf "0: 0\n1: 0\n2: 100000\n3: 0\n" >want && test_cmp want out &&
    flux run -N4 -n4 --input=in wc -l | sort -u >out && test "$(cat out)" = 100000
'
test_expect_success 'a task elsewhere that does not read stops who sends, and harms nobody' '
    flux mpiexec -n 1 true && head -c 8000000 /dev/zero | flux run --requires=rank:2 true &&
    head -c 8000000 /dev/zero | flux run --requires=rank:2 sh -c "wc -c" >out && test "$(cat out)" = 8000000
'
test_expect_success '... nor another task, which does read' '
    for r in 0 1; do
        head -c 9000000 /dev/zero | flux run -N2 -n2 --requires=rank:0,2 sh -c "
            test \$FLUX_TASK_RANK = $r && wc -c && touch all.read.$r
            until test -e all.read.$r; do sleep 0.05; done" >out && test "$(cat out)" = 9000000 || return 1
    done
'
test_expect_success 'signals reach all' '
    id=$(flux submit -N4 -n4 sh -c "trap \"exit 4\" USR1; touch up.\$FLUX_TASK_RANK; while :; do sleep 0.05; done") &&
    wait_until test -e up.0 -a -e up.1 -a -e up.2 -a -e up.3 &&
    flux job kill -s USR1 $id && test_expect_code 4 flux job attach $id
'
test_expect_success 'a signal of the same moment as the start is not lost' '
    for i in 1 2 3 4 5; do
        id=$(flux submit -N4 -n4 sleep 1000) && flux job wait-event $id start >/dev/null &&
        flux job kill -s TERM $id && test_expect_code 143 flux job attach $id || return 1
    done
'
test_expect_success 'a task that cannot be started ends all, and is named' '
    printf "#!/bin/sh\nexit 0\n" >only0 &&
    test_expect_code 126 flux run -N4 -n4 ./only0 2>err && grep "start failed: ./only0: Permission denied" err &&
    test_expect_code 127 flux run --requires=rank:3 nosuch 2>err &&
    grep "task 0 (host .*): start failed: nosuch: No such file or directory" err
'
test_expect_success 'exit-on-error, exit-timeout' '
    test_expect_code 5 flux run -N4 -n4 -o exit-on-error sh -c "test \$FLUX_TASK_RANK -lt 3 || exit 5; sleep 1000" 2>err &&
    grep "task rank 3 on host .* failed (Exit 5) and exit-on-error is set" err &&
    test_expect_code 143 flux run -N4 -n4 -o exit-timeout=0.1s sh -c "test \$FLUX_TASK_RANK -lt 3 || exit 0; sleep 1000" 2>err &&
    grep "task rank 3 on host .* exited (Exit 0) and exit-timeout=0.1s has expired" err
'
test_expect_success 'the time limit' '
    test_expect_code 142 flux run -N4 -n4 -t 0.3s sleep 1000 2>err && grep "resource allocation expired" err
'
test_expect_success CPUS 'PMI: what one has put all find behind the barrier' '
    flux run -N4 -n8 $pmi | sort >out &&
    for r in 0 1 2 3 4 5 6 7; do echo "$r of 8: 0 1 2 3 4 5 6 7"; done >want && test_cmp want out &&
    flux run -N2 -n3 --requires=rank:2-3 $pmi | sort >out &&
    for r in 0 1 2; do echo "$r of 3: 0 1 2"; done >want && test_cmp want out
'
test_expect_success 'PMI: abort on one ends all' '
    test_expect_code 143 flux run -N4 -n4 $pmi abort 2>err && grep "PMI_Abort: aborted" err &&
    test_expect_code 7 flux mpiexec -n 8 $pmi abort
'
test_expect_success 'MPMD over brokers' '
    flux mpiexec -l -n 3 echo a : -n 5 echo b | sort >out &&
    printf "[%s\n" "0] a" "1] a" "2] a" "3] b" "4] b" "5] b" "6] b" "7] b" >want && test_cmp want out
'
test_expect_success 'files that come along are on every node, a script in {{tmpdir}} too' '
    flux run -N4 -n4 --add-file=hi="text
" sh -c "cat \$FLUX_JOB_TMPDIR/hi" >out && test $(grep -c text out) = 4
'
test_expect_success 'a reader that stops stops a task elsewhere' '
    { flux mpiexec -n 8 sh -c "test \$PMI_RANK = 7 || exit 0; flux getattr rank >yes.rank; echo \$\$ >yes.pid; exec yes" >yes.out & } && run=$! &&
    wait_until test -s yes.out && kill -STOP $run && yes=$(cat yes.pid) && test $(cat yes.rank) = 3 &&
    wait_until sh -c "a=\$(grep wchar /proc/$yes/io); sleep 0.2; test \"\$a\" = \"\$(grep wchar /proc/$yes/io)\"" &&
    kill -CONT $run && size=$(stat -c %s yes.out) && wait_until sh -c "test \$(stat -c %s yes.out) -gt $((size + 20000000))" &&
    kill -KILL $run && wait_until sh -c "! kill -0 $yes"
'
test_expect_success 'nothing is left, on no rank' '
    flux queue drain && dir=$(flux getattr rundir) && wait_until sh -c "! ls -d $dir/jobtmp-*" &&
    flux exec flux module list | grep -c job-tasks | grep 3
'
# A broker that is stopped can neither end its tasks nor say how they ended.
test_expect_success 'a rank whose tasks cannot be killed is drained, it alone, and the job ends' '
    cat >unkillable.toml <<-\EOF &&
	[exec]
	kill-timeout = "0.3s"
	max-kill-count = 2
	EOF
    cat >unkillable.sh <<-\EOF &&
	INSIDE_FLUX=t
	. "$T/lib.sh"
	id=$(flux submit -N4 -n4 sh -c "echo \$\$ >unkillable.\$FLUX_TASK_RANK; exec sleep 1000")
	for r in 0 1 2 3; do wait_until test -s unkillable.$r; done
	broker=$(flux exec -r 3 flux getattr broker.pid)
	kill -STOP $broker
	flux cancel $id && flux job wait-event -t 120 $id clean
	flux job eventlog $id >unkillable.log
	drained () { flux resource status -s drain -no "{ranks} {reason}" >unkillable.drain; test -s unkillable.drain; }
	wait_until drained
	for r in 0 1 2; do kill -0 $(cat unkillable.$r) && echo $r lives; done
	flux run -N3 -n3 true && echo the others run jobs
	kill -CONT $broker
	wait_until sh -c "! kill -0 $(cat unkillable.3)"
	flux resource undrain 3 && flux run -N4 -n4 true && echo all run jobs
	EOF
    env -u FLUX_URI timeout 300 flux start -s4 -c unkillable.toml sh ./unkillable.sh >out 2>err &&
    grep "the others run jobs" out && grep "all run jobs" out && ! grep lives out &&
    grep "^3 unkillable user processes for job" unkillable.drain && test_line_count 1 unkillable.drain &&
    grep "finish status=" unkillable.log
'
test_expect_success 'a rank that a job can do without: it goes on, and is told' '
    id=$(flux submit -N3 -n3 --requires=rank:0,1,3 sh -c "touch crit.\$FLUX_TASK_RANK; while test ! -e goon; do sleep 0.05; done") &&
    wait_until test -e crit.0 -a -e crit.1 -a -e crit.2 &&
    $rpc job-exec.critical-ranks "{\"id\":$(flux job id --to=dec $id),\"ranks\":\"0\"}" &&
    kill -KILL $(broker 3) &&
    flux job wait-event -t 120 $id exception >ev && grep "type=\"node-failure\" severity=2" ev &&
    grep "node failure on .* (rank 3)" ev && touch goon && test_expect_code 1 flux job attach $id
'
test_expect_success 'one that it cannot: fatal, and its processes are gone with theirs' '
    printf "%s\n" "#!/bin/sh" "echo \$\$ >full.\$FLUX_TASK_RANK" "exec sleep 1000" >apart && chmod +x apart &&
    id=$(flux submit -N3 -n3 sh -c "setsid ./apart >/dev/null 2>&1 & sleep 1000") &&
    wait_until test -s full.0 -a -s full.1 -a -s full.2 && kill -KILL $(broker 2) &&
    test_expect_code 143 flux job attach $id 2>err && grep "node failure on .* (rank 2)" err &&
    flux job wait-event -t 120 $id clean &&
    wait_until sh -c "! kill -0 $(cat full.2)" && kill -KILL $(cat full.0 full.1)
'
test_expect_success 'the others still run jobs' '
    flux run -N2 -n2 -l flux getattr rank | sort >out && printf "0: 0\n1: 1\n" >want && test_cmp want out
'
test_done
