#!/bin/sh
test_description='flux exec, and the rexec service behind it: processes on many ranks'
. "$(dirname "$0")/lib.sh"
under_flux -s4 --test-exit-mode=leader -Stbon.topo=kary:2 -Sbroker.rc1_path= -Sbroker.rc3_path=
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc

# cmd FLAGS WORD...: payload of rexec.exec
cmd () {
    flags=$1
    shift
    words=$(printf ',"%s"' "$@")
    echo "{\"cmd\":{\"cmdline\":[${words#,}],\"env\":{\"PATH\":\"$PATH\"},\"opts\":{},\"channels\":[]},\"flags\":$flags,\"local_flags\":0}"
}

test_expect_success 'a command runs on all ranks, each with its own broker' '
    flux exec -l flux getattr rank | sort >out &&
    printf "0: 0\n1: 1\n2: 2\n3: 3\n" >want && test_cmp want out
'
test_expect_success 'on some ranks, and not on others' '
    flux exec -l -r 1-3 -x 2 echo x | sort >out &&
    printf "1: x\n3: x\n" >want && test_cmp want out &&
    flux exec -l -x 0-2 echo x >out && echo "3: x" >want && test_cmp want out
'
test_expect_success 'ranks that there are none' '
    test_expect_code 1 flux exec -r 3-5 true 2>err &&
    grep "^flux-exec: One or more invalid --ranks specified: 4-5" err &&
    test_expect_code 1 flux exec -x 0-3 true 2>err && grep "No ranks" err &&
    test_expect_code 1 flux exec -r x true
'
test_expect_success 'the exit code is the highest; others are told in one line each' '
    test_expect_code 7 flux exec sh -c "case \$(flux getattr rank) in 0) exit 0;; 3) exit 7;; *) exit 2;; esac" 2>err &&
    sort err >got && printf "3: Exit 7\n[1-2]: Exit 2\n" >want && test_cmp want got &&
    test_expect_code 7 flux exec -q -r3 sh -c "exit 7" 2>err && test_must_be_empty err
'
test_expect_success 'a signal is 128 and its number' '
    test_expect_code 137 flux exec -r 0,2 sh -c "kill -9 \$\$" 2>err &&
    echo "[0,2]: Killed" >want && test_cmp want err
'
test_expect_success 'what cannot be run: 127, 126' '
    test_expect_code 127 flux exec -r 1 nosuch 2>err &&
    grep "^flux-exec: Error: rank 1: nosuch: error launching process: No such file or directory" err &&
    echo true >noexec && test_expect_code 126 flux exec -r1 ./noexec 2>err &&
    grep "Permission denied" err && chmod +x noexec && flux exec -r1 ./noexec
'
test_expect_success 'it runs in our directory, or another; /tmp if there is none' '
    test "$(flux exec -r3 pwd)" = "$(pwd)" && test "$(flux exec -r3 -d / pwd)" = / &&
    flux exec -r3 -d /nosuch pwd >out 2>err && test "$(cat out)" = /tmp && grep "/nosuch" err
'
test_expect_success 'the environment is ours, but for FLUX_URI' '
    FOO=bar flux exec -r2 sh -c "echo \$FOO; echo \$FLUX_URI" >out &&
    head -1 out | grep "^bar$" && tail -1 out | grep "local-2$"
'
test_expect_success 'standard input goes to all, to its end' '
    seq 100000 >in && flux exec -r1-3 md5sum <in >out &&
    md5sum <in >want && cat want want want >want3 && test_cmp want3 out &&
    flux exec -n wc -c <in >out && grep -c "^0$" out | grep 4
'
test_expect_success 'bytes that are no text come through both ways' '
    head -c 3000000 /dev/urandom >rnd && flux exec -r3 cat <rnd | cmp - rnd &&
    printf "a\0b" >nul && flux exec -r2 cat <nul | cmp - nul
'
test_expect_success 'much output, from many' '
    flux exec -r0-3 seq 200000 | sort | uniq -c | awk "\$1 != 4" >bad && test_must_be_empty bad
'
test_expect_success 'stdout and stderr stay apart; a label begins each line' '
    flux exec -l -r1 sh -c "printf a; sleep 0.1; echo b; echo c; echo d >&2; printf e" >out 2>err &&
    printf "1: ab\n1: c\n1: e" >want && test_cmp want out && grep "^1: d$" err
'
test_expect_success 'a signal is passed on' '
    { interruptible flux exec -r0-1 sh -c "trap \"exit 9\" TERM; touch up.\$(flux getattr rank); while :; do sleep 0.05; done" 2>err & } &&
    pid=$! && wait_until test -e up.0 -a -e up.1 &&
    kill -TERM $pid && test_expect_code 9 wait $pid && grep "^.0-1.: Exit 9" err
'
test_expect_success 'the third interrupt ends flux exec' '
    { interruptible flux exec -r0-1 sh -c "r=\$(flux getattr rank); trap \"touch int.\$r\" INT; touch ready.\$r; while :; do sleep 0.05; done" 2>err2 & } &&
    pid=$! && wait_until test -e ready.0 -a -e ready.1 &&
    kill -INT $pid && wait_until test -e int.0 -a -e int.1 &&
    wait_until sh -c "kill -INT $pid; grep \"command still running at exit\" err2" &&
    test_expect_code 1 wait $pid
'
test_expect_success 'when the client dies, its processes and theirs die' '
    { flux exec -n sh -c "echo \$\$; sleep 1000 & echo \$!; wait" >pids & } &&
    pid=$! && wait_until sh -c "test \$(wc -l <pids) = 8" &&
    for p in $(cat pids); do kill -0 $p || return 1; done &&
    kill -KILL $pid && { wait $pid; true; } &&
    for p in $(cat pids); do wait_until sh -c "! kill -0 $p" || return 1; done
'
test_expect_success 'the service is told apart: who asks sees pid, output, end' '
    $rpc -s rexec.exec "$(cmd 3 sh -c "echo hi; exit 3")" >out &&
    grep "\"type\":\"started\",\"pid\":[0-9]" out &&
    grep "\"type\":\"output\".*\"stream\":\"stdout\",\"rank\":\"0\",\"data\":\"hi.n\"" out &&
    test $(grep -c "\"eof\":true" out) = 2 &&
    grep "\"type\":\"finished\",\"status\":768" out && ! grep add-credit out
'
test_expect_success 'credit is the size of the buffer, then what was taken' '
    $rpc -s -c 2 rexec.exec "$(cmd 8 cat)" >out &&
    grep "\"type\":\"add-credit\",\"channels\":{\"stdin\":4194304}" out
'
test_expect_success 'malformed requests, and what there is not' '
    test_must_fail $rpc rexec.exec >out && grep EPROTO out &&
    test_must_fail $rpc rexec.exec "{\"cmd\":{},\"flags\":0}" >out && grep EPROTO out &&
    test_must_fail $rpc rexec.exec "{\"cmd\":{\"cmdline\":[]},\"flags\":0}" >out && grep EINVAL out &&
    test_must_fail $rpc rexec.exec "{\"cmd\":{\"cmdline\":[1]},\"flags\":0}" >out && grep EPROTO out &&
    test_must_fail $rpc rexec.exec "$(cmd 64 true)" >out && grep EINVAL out &&
    test_must_fail $rpc -s rexec.exec "$(cmd 16 true)" >out && grep EINVAL out &&
    test_must_fail $rpc -s rexec.exec "$(cmd 3 true | sed "s/\"opts\"/\"msgchan\":[{\"name\":\"X\",\"uri\":\"loop:\/\/\"}],&/")" >out &&
    grep "EINVAL: there are no message channels here" out &&
    test_must_fail $rpc rexec.kill "{\"pid\":1,\"signum\":15}" >out &&
    grep "ESRCH: pid 1 does not belong to any subprocess" out &&
    test_must_fail $rpc rexec.kill "{\"pid\":1,\"signum\":0}" >out && grep EINVAL out &&
    test_must_fail $rpc rexec.wait "{\"pid\":1}" >out && grep ESRCH out &&
    test_must_fail $rpc -s rexec.attach "{\"pid\":1}" >out && grep ESRCH out &&
    test_must_fail $rpc -u 4242 rexec.exec "$(cmd 3 true)" >out &&
    grep "EPERM: Request requires owner credentials" out
'
test_expect_success 'one in the background outlives who started it, and is listed' '
    flux exec -r 2 --bg --label=nap sleep 1000 >out && pid=$(sed "s/2: //" out) &&
    $rpc -n 2 rexec.list >list && grep "\"pid\":$pid,\"cmd\":\"sleep\",\"state\":\"Running\"" list &&
    grep "\"label\":\"nap\"" list &&
    test_must_fail flux exec -r 2 --bg --label=nap true 2>err && grep "in use" err &&
    $rpc -n 2 rexec.kill "{\"pid\":$pid,\"signum\":9}" && wait_until sh -c "! kill -0 $pid"
'
logged () {
    flux dmesg | grep "$1"
}
test_expect_success 'what one in the background writes is logged' '
    flux exec -r 0 --bg sh -c "echo said; echo wrong >&2; exit 3" &&
    wait_until logged "broker.err.*sh.*exit 3" && wait_until logged "broker.info.*sh.*: said" &&
    wait_until logged "broker.err.*sh.*: wrong"
'
test_expect_success 'a waitable one is waited for, before or after its end' '
    pid=$(flux exec -r 1 --bg --waitable sh -c "echo kept; exit 4" | sed "s/1: //") &&
    wait_until sh -c "$rpc -n 1 rexec.list | grep Exited" &&
    $rpc -n 1 rexec.wait "{\"pid\":$pid}" >out && grep "\"status\":1024" out && grep kept out &&
    test_must_fail $rpc -n 1 rexec.wait "{\"pid\":$pid}" >out && grep ESRCH out &&
    mkfifo fifo && flux exec -r 1 --bg --waitable --label=w sh -c "read x <fifo" &&
    { $rpc -n 1 rexec.wait "{\"label\":\"w\"}" >out & } && pid=$! &&
    echo >fifo && wait $pid && grep "\"status\":0" out
'
test_expect_success 'its output can be attached to' '
    pid=$(flux exec -r 3 --bg sh -c "while test ! -e go; do sleep 0.02; done; echo there" | sed "s/3: //") &&
    { $rpc -s -n 3 rexec.attach "{\"pid\":$pid}" >att & } && a=$! &&
    wait_until grep "\"type\":\"attached\"" att && touch go && wait $a &&
    grep "\"data\":\"there.n\"" att && grep "\"status\":0" att
'
test_expect_success 'output waits while its reader does not read' '
    { flux exec -r 0 yes >yes.out & } && pid=$! && wait_until test -s yes.out &&
    kill -STOP $pid && yes=$(pgrep -P $(flux getattr broker.pid) -x yes) &&
    wait_until sh -c "a=\$(grep wchar /proc/$yes/io); sleep 0.2; test \"\$a\" = \"\$(grep wchar /proc/$yes/io)\"" &&
    kill -KILL $pid && wait_until sh -c "! kill -0 $yes"
'
test_expect_success 'a rank that is lost: the others go on, and it is told' '
    { flux exec -r 1,2 sh -c "touch r.\$(flux getattr rank); while test ! -e done; do sleep 0.05; done" 2>err3 & } &&
    pid=$! && wait_until test -e r.1 -a -e r.2 &&
    kill -KILL $(flux exec -r 2 flux getattr broker.pid) &&
    wait_until grep "rank 2: sh: No route to host" err3 && touch done &&
    test_expect_code 68 wait $pid
'

test_done
