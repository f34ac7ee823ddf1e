#!/bin/sh
test_description='An instance of several brokers: routing, events, KVS, jobs, and ranks that are killed'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

# Scripts for the initial program: on N runs a command at rank N.
cat >on <<'EOF'
#!/bin/sh
rank=$1
shift
FLUX_URI=${FLUX_URI%-*}-$rank exec "$@"
EOF
chmod +x on
PATH=$PWD:$PATH

# start OPTIONS -- SCRIPT: run a script in an instance; nothing here takes so long
start () {
    timeout -k 5 240 flux start "$@"
}

test_expect_success 'each rank knows its place' '
    cat >place.sh <<-\EOF &&
    for r in 0 1 2 3 4; do
        echo $(on $r flux getattr rank) $(on $r flux getattr size) \
            $(on $r flux getattr tbon.level) $(on $r flux getattr tbon.descendants) \
            $(on $r flux getattr hostlist) $(on $r flux getattr hostname)
    done
    flux getattr tbon.maxlevel
    test $(on 3 flux getattr rundir) = $(flux getattr rundir)
	EOF
    host=$(uname -n) && all=$host,$host,$host,$host,$host &&
    start -s5 -Stbon.topo=kary:2 sh ./place.sh >out &&
    cat >want <<-EOF &&
	0 5 0 4 $all $host
	1 5 1 2 $all $host
	2 5 1 0 $all $host
	3 5 2 0 $all $host
	4 5 2 0 $all $host
	2
	EOF
    test_cmp want out
'
# A guard of jobs ends a moment after its broker.
gone () {
    ! pgrep -f "$1"
}
test_expect_success 'no process and no directory stays behind' '
    tmp=$(mktemp -d) &&
    TMPDIR=$tmp start -s3 sh -c "flux getattr rundir; pgrep -c -f \$(flux getattr rundir)" >out &&
    dir=$(head -1 out) && test ${dir%/*} = $tmp && test $(tail -1 out) -ge 3 &&
    wait_until gone $dir && rmdir $tmp
'
test_expect_success 'the exit code is that of the initial program, also behind ranks' '
    test_expect_code 5 start -s3 sh -c "exit 5" &&
    test_expect_code 5 start -s3 --test-exit-mode=leader sh -c "exit 5"
'
test_expect_success 'options that need or are no number of brokers' '
    test_must_fail start -s0 true 2>err &&
    grep "test-size argument must be > 0" err &&
    test_must_fail start --test-hosts=a,b true 2>err &&
    grep "only works with --test-size" err &&
    test_must_fail start -s3 --test-hosts=a,b true &&
    test_must_fail start -s3 -Stbon.topo=ring true
'
test_expect_success 'hosts may be called something' '
    start -s3 --test-hosts=a,b,c sh -c "flux getattr hostlist; on 2 flux getattr hostlist" >out &&
    printf "a,b,c\na,b,c\n" >want && test_cmp want out
'
test_expect_success 'requests reach each rank from each rank, by way of others' '
    cat >ping.sh <<-\EOF &&
    for from in 0 1 3 6; do
        for to in 0 1 2 3 4 5 6; do
            on $from flux ping -c1 -r $to kvs >out || exit 1
            grep -q "^$to!kvs.ping" out || exit 1
        done
    done
    on 6 flux ping -c1 upstream || exit 1
    ! flux ping -c1 -r 7 broker
	EOF
    start -s7 -Stbon.topo=kary:2 sh ./ping.sh 2>err && grep "No route to host" err
'
test_expect_success 'modules are where they belong' '
    start -s2 sh -c "flux module list; echo; on 1 flux module list" >out &&
    sed "/^\$/,\$d" out | grep -q "^job-manager" &&
    sed "1,/^\$/d" out >leaf && grep -q "^kvs-watch" leaf && ! grep -q "^job-manager" leaf
'
test_expect_success 'resource on a rank that is not 0: it is nobody else there, and says so' '
    cat >resource.sh <<-\EOF &&
    rpc=$BUILDDIR/t/live/rpc
    defined () { flux kvs get resource.eventlog | grep -c resource-define; }
    set -e
    R=$(flux kvs get --watch --waitcreate --count=1 resource.R)
    on 1 flux module load resource
    "$rpc" -n 1 resource.ping "{}" >/dev/null
    for m in acquire status sched-status drain undrain; do
        ! "$rpc" -n 1 -s resource.$m "{}" >answer
        grep "EPROTO: this RPC is only available on rank 0" answer
    done
    ! "$rpc" -n 1 resource.topo-get >answer
    grep "ENOSYS: Unknown service method" answer
    on 1 flux resource status >/dev/null
    flux run -N2 true
    test "$(defined)" = 1
    test "$(flux kvs get resource.R)" = "$R"
    on 1 flux module remove resource
	EOF
    start -s2 sh ./resource.sh
'
test_expect_success 'events reach all ranks in the order of their publication' '
    cat >events.sh <<-\EOF &&
    for r in 0 1 2 3 4; do
        on $r flux event sub t >ev.$r &
        subs="$subs $!"
    done
    # each one hears the first event only once it listens
    for r in 0 1 2 3 4; do
        until grep -q t.begin ev.$r; do flux event pub t.begin; done
    done
    for i in 1 2 3 4 5 6 7 8 9 10; do
        on $((i % 5)) flux event pub -s t.$i &
        pubs="$pubs $!"
    done
    wait $pubs && flux event pub t.end || exit 1
    for r in 0 1 2 3 4; do
        until grep -q t.end ev.$r; do :; done
    done
    kill $subs
    for r in 0 1 2 3 4; do
        grep -E "^t\.[0-9]" ev.$r >seen.$r
        test $(sort seen.$r | uniq | wc -l) -eq 10 || exit 1
        cmp seen.0 seen.$r || exit 1
    done
	EOF
    start -s5 -Stbon.topo=kary:2 sh ./events.sh 2>/dev/null
'
test_expect_success 'what is put on one rank is read on every other that has its root' '
    cat >kvs.sh <<-\EOF &&
    for r in 0 1 2 3 4 5 6; do
        v=$(on $r flux kvs put -s a.$r=$r) || exit 1
        for q in 6 3 1 0; do
            on $q flux kvs wait $v && test "$(on $q flux kvs get a.$r)" = $r || exit 1
        done
    done
	EOF
    start -s7 -Stbon.topo=kary:2 sh ./kvs.sh
'
test_expect_success 'a commit on rank 3 is answered with its own root' '
    cat >root.sh <<-\EOF &&
    flux kvs namespace create own # in which nobody else commits
    for i in 1 2 3 4 5; do
        seq=$(on 3 flux kvs put -N own -s b.$i=$i) || exit 1
        test $seq -eq $(flux kvs version -N own) || exit 1
        test "$(on 3 flux kvs get -N own b.$i)" = $i || exit 1
    done
	EOF
    start -s4 sh ./root.sh
'
test_expect_success 'a big value goes both ways' '
    cat >big.sh <<-\EOF &&
    head -c 3000000 /dev/urandom >big
    v=$(on 3 flux kvs put -s --raw big=- <big) && flux kvs get --raw big | cmp - big &&
    on 1 flux kvs wait $v && on 1 flux kvs get --raw big | cmp - big
	EOF
    start -s4 sh ./big.sh
'
test_expect_success 'a watcher on a leaf follows a key' '
    cat >watch.sh <<-\EOF &&
    on 4 flux kvs get --watch --waitcreate -c 3 w >w.out &
    for v in 1 2 3; do
        flux kvs put w=$v
        until grep -q $v w.out; do flux kvs get w >/dev/null; done
    done
    wait $!
	EOF
    start -s5 -Stbon.topo=kary:2 sh ./watch.sh && printf "1\n2\n3\n" >want &&
    test_cmp want w.out
'
test_expect_success 'jobs run on all ranks, and know where they are' '
    cat >jobs.sh <<-\EOF &&
    flux run -N4 -n4 flux getattr rank | sort
    on 3 flux run -n1 echo from 3
    flux run -N2 -n2 sh -c "flux broker flux getattr size"
	EOF
    start -s4 sh ./jobs.sh >out && printf "0\n1\n2\n3\nfrom 3\n2\n" >want &&
    test_cmp want out
'
test_expect_success 'a killed rank is reported; what is under way fails; the rest goes on' '
    cat >kill.sh <<-\EOF &&
    pid=$(on 3 flux getattr broker.pid)
    kill -STOP $pid
    on 2 flux ping -c1 -r 3 broker 2>ping.err &
    ping=$!
    until test $(flux module stats -p child-rpc overlay) -ge 1; do :; done
    kill -KILL $pid
    wait $ping && exit 1
    grep "No route to host" ping.err || exit 1
    flux ping -c1 -r 3 broker && exit 1
    on 2 flux ping -c1 -r 1 broker && on 2 flux kvs put after=1 &&
    test $(flux kvs get after) = 1 && flux run -n2 -N2 true || exit 1
    echo survived
	EOF
    test_expect_code 137 start -s4 sh ./kill.sh >out 2>err &&
    grep survived out && grep "rank 3: connection lost" err &&
    grep "flux-start: 3 (pid [0-9]*) Killed" err
'
test_expect_success 'with a rank all ranks behind it go' '
    cat >inner.sh <<-\EOF &&
    kill -KILL $(on 1 flux getattr broker.pid)
    while flux ping -c1 -r 1 broker; do :; done
    for r in 3 4 7; do flux ping -c1 -r $r broker && exit 1; done
    for r in 2 5 6; do flux ping -c1 -r $r broker || exit 1; done
    on 5 flux kvs put x=1 && echo survived
	EOF
    test_expect_code 137 start -s8 -Stbon.topo=kary:2 sh ./inner.sh >out && grep survived out
'
test_expect_success 'without rank 0 all go' '
    test_expect_code 137 start -s5 -Stbon.topo=kary:2 \
        sh -c "kill -KILL \$(flux getattr broker.pid)" 2>err &&
    grep "flux-start: 0 (pid [0-9]*) Killed" err
'
test_expect_success 'a job that had a killed rank fails; others still run' '
    cat >node.sh <<-\EOF &&
    id=$(flux submit -N4 -n4 sleep 300)
    flux job wait-event $id start >/dev/null
    kill -KILL $(on 2 flux getattr broker.pid)
    flux job attach $id && exit 1
    flux job wait-event $id clean
    until flux resource list -s down -no {ranks} | grep -q "^2\$"; do :; done
    flux run -N3 -n3 flux getattr rank
	EOF
    start -s4 sh ./node.sh >out 2>err; grep "node failure on .* (rank 2)" err &&
    sed 1d out | sort >ranks && printf "0\n1\n3\n" >want && test_cmp want ranks
'
test_expect_success 'SIGTERM to flux start ends the instance in order' '
    { flux start -s3 sh -c "touch up; exec sleep 300" & } && pid=$! &&
    wait_until test -e up && kill -TERM $pid &&
    test_expect_code 129 wait $pid
'
test_expect_success 'a rank that cannot start lets nobody hang, and rank 0 says why' '
    test_must_fail start -s3 -Sbroker.rc1_path="test \$(flux getattr rank) -ne 2" true 2>err &&
    grep "broker.err\[2\]: rc1.0: .*rc=1" err
'
test_expect_success '64 ranks' '
    start -s64 -Stbon.topo=kary:4 sh -c "flux ping -c1 -r 63 broker && on 63 flux kvs put a=1 && flux kvs get a"
'
test_expect_success '64 ranks, of which a leaf and an inner one are killed' '
    cat >kill64.sh <<-\EOF &&
    leaf=$(on 63 flux getattr broker.pid) inner=$(on 5 flux getattr broker.pid)
    kill -STOP $leaf
    on 62 flux ping -c1 -r 63 broker 2>ping64.err &
    ping=$!
    until test $(on 15 flux module stats -p child-rpc overlay) -ge 1; do :; done
    kill -KILL $leaf
    wait $ping && exit 1
    grep "No route to host" ping64.err || exit 1
    kill -KILL $inner
    flux overlay status --wait=degraded >/dev/null
    until flux overlay errors | grep "^5 .*connection lost"; do :; done
    for r in 5 21 24 63; do flux ping -c1 -r $r broker && exit 1; done
    for r in 1 4 6 20 25 62; do flux ping -c1 -r $r broker >ping64.out || exit 1; done
    v=$(on 62 flux kvs put -s x=1) && test $(flux kvs get x) = 1 &&
        on 20 flux kvs wait $v && test $(on 20 flux kvs get x) = 1 || exit 1
    until $BUILDDIR/t/live/rpc groups.get "{\"name\":\"broker.online\"}" >online &&
        grep "{\"members\":\"0-4,6-20,25-62\"}" online; do :; done
    echo survived
	EOF
    test_expect_code 137 start -s64 -Stbon.topo=kary:4 sh ./kill64.sh >out 2>err; cat err;
    grep survived out &&
    grep "flux-start: 63 (pid [0-9]*) Killed" err && grep "flux-start: 5 (pid [0-9]*) Killed" err
'
test_done
