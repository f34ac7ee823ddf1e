#!/bin/sh
test_description='what tasks find: files, variables, numbers, cpus, a signal before the end'
. "$(dirname "$0")/lib.sh"
under_flux -s 2
. "$T/sharness.sh"

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
test_expect_success 'taskmap: block, cyclic' '
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
test_expect_success 'taskmap: what does not fit' '
    test_expect_code 1 flux run --taskmap=foo true 2>err && grep "failed to map tasks with scheme=foo" err &&
    test_expect_code 1 flux run --taskmap=block:1 true 2>err &&
    grep "block taskmap does not accept a value (got 1)" err &&
    test_expect_code 1 flux run -N2 -n4 --taskmap="manual:[[0,1,4,1]]" true 2>err &&
    grep "invalid taskmap: got 1 nodes, expected 2" err &&
    grep "failed to set new shell taskmap" err
'
test_expect_success 'a signal before the time is over' '
    test_expect_code 3 flux run -t 1.5s --signal=USR2@1s \
        perl -e "\$SIG{USR2} = sub { print qq/usr2\n/; exit 3 }; sleep 1 while 1" >out 2>err &&
    echo usr2 >expect && test_cmp expect out && grep "sending SIGUSR2 to job" err &&
    flux run --signal=USR2 true 2>err && grep "job has no expiration, SIGUSR2 will not be sent" err
'
test_expect_success 'a new expiration is a new time for the signal' '
    { test_expect_code 3 flux run -t 100s --signal=USR2@10s \
        perl -e "\$SIG{USR2} = sub { exit 3 }; print qq/ready\n/; \$| = 1; print qq/set\n/; sleep 1 while 1" >live & } &&
    pid=$! && wait_until grep set live && flux update $(flux job last) duration=1s && wait $pid
'
test_expect_success 'a terminal of their own, captured' '
    flux run -n2 -l -o pty sh -c "test -t 0 && test -t 1 && test -t 2 && tty >/dev/null </dev/tty && echo yes >&2" \
        </dev/null | tr -d "\r" | sort >out && printf "0: yes\n1: yes\n" >expect && test_cmp expect out &&
    flux run -n2 -o pty.ranks=1 sh -c "test -t 1 && echo \$FLUX_TASK_RANK" </dev/null; code=$? &&
    test $code -eq 1 && printf "a\nb\n" | flux run -o pty sh -c "stty -echo; echo ready; cat" | tr -d "\r" >out &&
    grep -x a out && grep -x b out && test_expect_code 5 flux run -o pty sh -c "exit 5" </dev/null
'
if test "$(nproc)" -ge 2; then
    test_set_prereq CPUS
fi
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
