#!/bin/sh
test_description='what tasks find: files, variables, numbers, cpus, a signal before the end'
. "$(dirname "$0")/lib.sh"
under_flux -s 2
. "$T/sharness.sh"

# Nodes of several cores, which may have two threads each.
test "$(flux kvs get resource.R | jq -r ".execution.R_lite[0].children.core")" = 0 || test_set_prereq CPUS

test_expect_success 'files that come along with a job' '
    echo hello >hi.txt && chmod 640 hi.txt && head -c 3000 /dev/urandom >blob &&
    flux run --add-file=hi.txt --add-file=blob --add-file=run.sh:0700="#!/bin/sh\necho script \$1\n" \
        sh -c "cd \$FLUX_JOB_TMPDIR && stat -c %a hi.txt run.sh && cat hi.txt && ./run.sh x && cat blob >&2" \
        >out 2>copy && cmp blob copy &&
    printf "640\n700\nhello\nscript x\n" >expect && test_cmp expect out &&
    flux run --add-file=run.sh:0700="#!/bin/sh\necho script \$1\n" {{tmpdir}}/run.sh y >out &&
    echo script y >expect && test_cmp expect out
'
test_expect_success 'links, directories on the way, JSON' '
    flux run --dry-run sh -c "cd \$FLUX_JOB_TMPDIR && cat d/conf.json && readlink d/link && stat -c %a d/conf.json" |
        perl -pe "s/\"cwd\"/\"files\": {\"d\/conf.json\": {\"mode\": 33060, \"data\": {\"x\": [1, 2]}}, \"d\/link\": {\"mode\": 41471, \"encoding\": \"utf-8\", \"data\": \"conf.json\"}}, \"cwd\"/" \
        >spec.json && id=$(flux job submit spec.json) && flux job attach $id >out &&
    printf "{\"x\":[1,2]}conf.json\n444\n" >expect && test_cmp expect out
'
test_expect_success 'names that lead elsewhere are refused' '
    for name in ../x /tmp/x d/../../x ""; do
        flux run --dry-run true | perl -pe "BEGIN { \$n = shift } s/\"cwd\"/\"files\": {\"\$n\": {\"mode\": 33188, \"encoding\": \"utf-8\", \"data\": \"\"}}, \"cwd\"/" \
            "$name" >spec.json && id=$(flux job submit spec.json) &&
        test_expect_code 1 flux job attach $id 2>err && grep "type=exec.*Invalid argument" err || return 1
    done
'
test_expect_success 'variables that are made up where the task runs' '
    flux run -n2 -l --env=V="t{{task.id}} of {{size}}" --env=W="\$HOME {{name}}" sh -c "echo \$V" >out &&
    sort out >sorted && printf "0: t0 of 2\n1: t1 of 2\n" >expect && test_cmp expect sorted &&
    V=old flux run --env=V="{{nnodes}} {{nosuch}}" sh -c "echo \$V" >out &&
    echo "1 {{nosuch}}" >expect && test_cmp expect out
'
test_expect_success CPUS 'taskmap: block, cyclic' '
    flux run -N2 -n4 -l sh -c "echo \$FLUX_TASK_LOCAL_ID {{node.id}} {{node.taskids}}" >out && sort out >sorted &&
    printf "%s\n" "0: 0 0 0-1" "1: 1 0 0-1" "2: 0 1 2-3" "3: 1 1 2-3" >expect && test_cmp expect sorted &&
    flux run -N2 -n4 -l --taskmap=cyclic sh -c "echo \$FLUX_TASK_LOCAL_ID {{node.id}} {{node.taskids}}" >out &&
    sort out >sorted &&
    printf "%s\n" "0: 0 0 0,2" "1: 0 1 1,3" "2: 1 0 0,2" "3: 1 1 1,3" >expect && test_cmp expect sorted &&
    flux job eventlog -p exec $(flux job last) | grep "\"map\":\[\[0,2,1,2\]\]"
'
test_expect_success 'taskmap: a map of the user' '
    flux run -N2 -n2 --taskmap="manual:[[1,1,1,1],[0,1,1,1]]" -l echo {{node.id}} >out && sort out >sorted &&
    printf "0: 1\n1: 0\n" >expect && test_cmp expect sorted
'
test_expect_success CPUS 'taskmap: what does not fit' '
    test_expect_code 1 flux run --taskmap=foo true 2>err && grep "failed to map tasks with scheme=foo" err &&
    test_expect_code 1 flux run --taskmap=block:1 true 2>err &&
    grep "block taskmap does not accept a value (got 1)" err &&
    test_expect_code 1 flux run -N2 -n4 --taskmap="manual:[[0,1,4,1]]" true 2>err &&
    grep "invalid taskmap: got 1 nodes, expected 2" err &&
    grep "failed to set new shell taskmap" err
'
test_expect_success CPUS 'taskmap: a file of hosts' '
    printf "n1\nn[0,0] # twice\n" >hosts && cat >hosts.sh <<-\EOF &&
	flux run -N2 -n4 -l --taskmap=hostfile:hosts sh -c "echo {{node.name}} \$FLUX_TASK_LOCAL_ID \$(flux getattr rank)" | sort
	echo n2 >other
	flux run -N2 -n4 --taskmap=hostfile:other true
	echo $?
	flux run -N2 -n4 --taskmap=hostfile:nosuch true
	echo $?
	EOF
    env -u FLUX_URI flux start -s2 --test-hosts=n[0-1] sh ./hosts.sh >out 2>err &&
    printf "%s\n" "0: n1 0 1" "1: n0 0 0" "2: n0 1 0" "3: n1 1 1" 1 1 >expect && test_cmp expect out &&
    grep "host n2 is not of this job" err && grep "taskmap.hostfile: nosuch: No such file" err
'
test_expect_success 'gpus: all of the job, a share, a map, none' '
    cat >gpus.toml <<-EOF &&
	[[resource.config]]
	hosts = "$(hostname)"
	cores = "0-3"
	gpus = "0-4"
	EOF
    cat >gpus.sh <<-\EOF &&
	show () { CUDA_VISIBLE_DEVICES=7 flux run -l -n2 "$@" sh -c "echo \$CUDA_VISIBLE_DEVICES" | sort | tr "\n" " "; echo; }
	show
	show -g2
	show -g2 -o gpu-affinity=per-task
	show -o gpu-affinity=per-task
	show -g2 -o gpu-affinity="map:3;0-1"
	show -g2 -o gpu-affinity=off
	EOF
    env -u FLUX_URI flux start -c gpus.toml sh ./gpus.sh >out &&
    printf "%s \n" "0: -1 1: -1" "0: 0,1,2,3 1: 0,1,2,3" "0: 0,1 1: 2,3" "0: -1 1: -1" "0: 3 1: 0,1" "0: 7 1: 7" >expect &&
    test_cmp expect out
'
test_expect_success 'limits: soft ones, up to the hard ones' '
    hard=$(ulimit -H -n) &&
    flux run -o rlimit.nofile=99 -o rlimit.core=0 sh -c "ulimit -n; ulimit -c" >out && printf "99\n0\n" >expect && test_cmp expect out &&
    flux run -o rlimit.nofile=99999999999 sh -c "ulimit -n" >out 2>err && echo $hard >expect && test_cmp expect out &&
    grep "exceeds current max" err &&
    flux run -o rlimit.nosuch=1 true 2>err && grep "invalid limit specified: nosuch" err &&
    test_expect_code 1 flux run -o rlimit.nofile=x true 2>err && grep "invalid rlimit nofile" err
'
test_expect_success 'process groups: one for each task, or that of the broker' '
    flux run -n2 sh -c "ps -o pgid= -p \$\$ | tr -d \" \"; echo \$\$" >out && sort out | uniq -c | awk "\$1 != 2" >bad && test_must_be_empty bad &&
    for r in 0 1; do flux exec -r $r sh -c "ps -o pgid= -p \$PPID" | tr -d " "; done >groups &&
    flux run -N2 -n2 -o nosetpgrp sh -c "ps -o pgid= -p \$\$ | tr -d \" \"" >out && sort out >a && sort groups >b && test_cmp b a &&
    flux run -o nosetpgrp=0 sh -c "test \$(ps -o pgid= -p \$\$) = \$\$"
'
test_expect_success 'more is said when asked: debug at 1, the PMI dialogue at 2' '
    flux run -n2 -o verbose true 2>err && grep "flux-shell.0.: DEBUG: task 1: pid [0-9]*: true" err && ! grep TRACE err &&
    flux run -N2 -n2 -o verbose=2 $BUILDDIR/src/modules/job-exec/pmi_client 2>err >out &&
    grep "TRACE: pmi: 1: C: cmd=init pmi_version=1" err && grep "TRACE: pmi: 0: S: cmd=barrier_out rc=0" err &&
    flux run true 2>err && test_must_be_empty err
'
test_expect_success 'options of PMI: none of them, no map, what is unknown' '
    flux run -o pmi=off sh -c "env | grep PMI" >out; test_must_be_empty out &&
    test_expect_code 1 flux run -o pmi-simple.nosuch=1 true 2>err && grep "pmi-simple: unknown option nosuch" err &&
    flux run -o pmi-simple.nomap=1 -o pmi-simple.exchange.k=4 true
'
test_expect_success 'tasks that are stopped when they are started, for a debugger' '
    id=$(flux submit -N2 -n2 -o stop-tasks-in-exec sh -c "echo went on") && flux job wait-event -t 30 -p exec $id shell.start >/dev/null &&
    dec=$(flux job id --to=dec $id) &&
    stopped () { grep -l "State:.*(stopped)" $(grep -l "FLUX_KVS_NAMESPACE=job-$dec" /proc/[0-9]*/environ 2>/dev/null | sed "s/environ/status/"); } &&
    both () { stopped >who && test_line_count 2 who; } && wait_until both &&
    flux job kill -s CONT $id && flux job attach $id >out && test $(grep -c "went on" out) = 2
'
test_expect_success 'a signal before the time is over' '
    test_expect_code 3 flux run -t 7s --signal=USR2@4s \
        perl -e "\$SIG{USR2} = sub { print qq/usr2\n/; exit 3 }; sleep 1 while 1" >out 2>err &&
    echo usr2 >expect && test_cmp expect out && grep "sending SIGUSR2 to job" err &&
    flux run --signal=USR2 true 2>err && grep "job has no expiration, SIGUSR2 will not be sent" err
'
test_expect_success 'a new expiration is a new time for the signal' '
    { test_expect_code 3 flux run -t 1000s --signal=USR2@100s \
        perl -e "\$SIG{USR2} = sub { exit 3 }; print qq/ready\n/; \$| = 1; print qq/set\n/; sleep 1 while 1" >live & } &&
    pid=$! && wait_until grep set live && flux update $(flux job last) duration=100s && wait $pid
'
test_expect_success 'a terminal of their own, captured' '
    flux run -n2 -l -o pty sh -c "test -t 0 && test -t 1 && test -t 2 && tty >/dev/null </dev/tty && echo yes >&2" \
        </dev/null | tr -d "\r" | sort >out && printf "0: yes\n1: yes\n" >expect && test_cmp expect out &&
    flux run -n2 -o pty.ranks=1 sh -c "test -t 1 && echo \$FLUX_TASK_RANK" </dev/null; code=$? &&
    test $code -eq 1 && printf "a\nb\n" | flux run -o pty sh -c "stty -echo; echo ready; cat" | tr -d "\r" >out &&
    grep -x a out && grep -x b out && test_expect_code 5 flux run -o pty sh -c "exit 5" </dev/null
'
cpus="grep Cpus_allowed_list /proc/self/status"
test_expect_success CPUS 'cpus: a map, each task its own, none' '
    flux run -N1 -n2 -l -o cpu-affinity="map:0;1" $cpus | sort >out &&
    printf "0: Cpus_allowed_list:\t0\n1: Cpus_allowed_list:\t1\n" >expect && test_cmp expect out &&
    flux run -N1 -n2 -o cpu-affinity=verbose,per-task $cpus | sort -u >out && test_line_count 2 out &&
    $cpus >all && flux run -o cpu-affinity=off $cpus >out && test_cmp all out &&
    flux run -o cpu-affinity=dry-run,per-task $cpus >out && test_cmp all out &&
    flux run -o cpu-affinity=map:x $cpus 2>err >out && test_cmp all out && grep "invalid map" err
'
test_done
