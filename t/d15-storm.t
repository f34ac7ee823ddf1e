#!/bin/sh
# A broker that is killed takes those behind it along, and nobody else: what others
# have asked it ends with EHOSTUNREACH, what they ask each other goes on, events come
# in order, and the instance still ends as it should.  D15_ROUNDS is how often that is
# tried (scripts/soak: 20 times), D15_STARTS how often 64 ranks start and stop.
test_description='Killed ranks among sixteen, under load of requests and events'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

cat >round.sh <<'EOF'
rpc=$BUILDDIR/t/live/rpc
ranks="0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"
on () {
    r=$1
    shift
    FLUX_URI=${FLUX_URI%-*}-$r "$@"
}
# is_behind RANK: is it the victim, or behind it?
is_behind () {
    g=$1
    while [ $g -gt 0 ]; do
        [ $g -ne $victim ] || return 0
        g=$(((g - 1) / 2))
    done
    return 1
}
bad () {
    echo "$*"
    status=1
}
status=0 survivors= behind= n=0
for r in $ranks; do
    if is_behind $r; then behind="$behind $r"; else survivors="$survivors $r"; fi
done
last=${survivors##* }
pid=$(on $victim flux getattr broker.pid)

# requests that are not answered, from all that survive to all that do not
for r in $survivors; do
    for b in $behind; do
        on $r $rpc -n $b kvs.wait-version '{"rootseq":100000000,"namespace":"primary"}' >rpc.$r.$b 2>&1 &
        echo $! $r $b
        n=$((n + 1))
    done
done >pids
# events from two sides, requests among the survivors
for r in 0 $last; do
    { while ! test -e stop; do on $r flux event pub load.$r || echo "no event from $r"; done >events.$r 2>&1 & }
    echo $!
done >loads
for r in $survivors; do
    { while ! test -e stop; do
        for to in 0 $last; do
            on $r timeout 100 flux ping -c1 -r $to broker >/dev/null 2>err.$r || echo "$r to $to: $(cat err.$r)"
        done
    done >pings.$r 2>&1 & }
    echo $!
done >>loads
on $last timeout 200 flux event sub -c 40 load. >heard 2>&1 &
sub=$!
parent=$(((victim - 1) / 2))
until [ "$(on $parent flux module stats -p child-rpc overlay)" -ge $n ]; do :; done
kill -KILL $pid

while read -r p r b; do
    wait $p
    grep -q "^EHOSTUNREACH" rpc.$r.$b || bad "$r to $b, under way: $(cat rpc.$r.$b)"
done <pids
wait $sub || bad "events: $(wc -l <heard)"
touch stop
wait $(cat loads)
cat events.* pings.* | grep . && status=1
for r in $survivors; do
    on $r timeout 100 flux ping -c1 -r 0 broker >/dev/null || bad "$r is gone"
done
for b in $behind; do
    ! timeout 100 flux ping -c1 -r $b broker >/dev/null 2>&1 || bad "$b answers"
done
on $last timeout 100 flux kvs put a=$victim && test "$(flux kvs get a)" = $victim || bad "kvs"
test $status -ne 0 || echo survived
EOF

# A guard of jobs ends a moment after its broker.
gone () {
    ! pgrep -f "$1"
}
# one_round VICTIM: it is the rank that is killed
one_round () {
    dir=$(mktemp -d) && mkdir $dir/tmp && cp round.sh $dir && cd $dir || return 1
    victim=$1 TMPDIR=$dir/tmp timeout -k 5 280 flux start -s16 -Stbon.topo=kary:2 sh ./round.sh >out 2>err
    code=$?
    cd "$OLDPWD" && echo "rank $1 killed: exit code $code" && cat $dir/out
    test $code -eq 137 && grep -q survived $dir/out && wait_until gone $dir && rmdir $dir/tmp && rm -r $dir
}

test_expect_success 'an inner rank, a leaf' '
    one_round 2 && one_round 12
'
i=2
while [ $i -lt ${D15_ROUNDS:-0} ]; do
    i=$((i + 1))
    test_expect_success "any rank, round $i" '
        one_round $(perl -e "print 1 + int (rand (15))")
    '
done
i=0
while [ $i -lt ${D15_STARTS:-0} ]; do
    i=$((i + 1))
    test_expect_success "64 ranks start and stop, round $i" '
        dir=$(mktemp -d) && TMPDIR=$dir timeout -k 5 100 flux start -s64 flux ping -c1 -r 63 broker 2>err &&
        test_must_be_empty err && wait_until gone $dir && rmdir $dir
    '
done
test_done
