#!/bin/sh
# Clients that flood, stall, hoard or lie cost the broker a bounded amount of memory
# and delay nobody else; when they are gone, so is what they used.  With E21_FULL set
# there are ten times as many.
test_description='Hostile clients'
. "$(dirname "$0")/lib.sh"
# Descriptors for the broker: enough for the modules, few for clients.
if [ -z "$INSIDE_FLUX" ]; then
    ulimit -n 256
fi
under_flux
. "$T/sharness.sh"

times=${E21_FULL:+10}
times=${times:-1}
broker=$(flux getattr broker.pid)
clients () {
    flux module stats connector-local | grep -c '"uuid"'
}
cpu () {
    awk '{ print $14 + $15 }' /proc/$broker/stat
}
peak () {
    awk '/^VmHWM/ { print int ($2 / 1024) }' /proc/$broker/status
}
# Nobody is connected but who asks: those before have gone, and the broker has seen it.
alone () {
    test "$(clients)" -eq 1
}
watchers () {
    test "$(flux module stats -p watchers kvs-watch)" -eq "$1"
}
# hostile NAME ARG...: run it until "release NAME"; true when it has done its work.
hostile () {
    name=$1
    shift
    rm -f in.$name && mkfifo in.$name || return 1
    "$BUILDDIR/t/live/hostile" "$@" <in.$name >out.$name 2>err.$name &
    echo $! >pid.$name
    { sleep 1000 >in.$name & } && echo $! >hold.$name
    wait_until test -s out.$name -o -s err.$name && cat out.$name err.$name
}
release () {
    kill $(cat hold.$1)
    wait $(cat pid.$1)
}
# Somebody else, who must not notice: that takes no time worth to speak of.
others () {
    for i in 1 2 3 4 5; do
        timeout 30 flux ping -c 1 kvs >/dev/null || return 1
    done
}
grep -q "define WITH_SANITIZERS" "$BUILDDIR/config.h" || test_set_prereq PLAIN

test_expect_success 'who sends requests and reads nothing is not read any more' '
    wait_until alone && hostile flood flood 100000 && grep stopped out.flood && others &&
    flux module stats connector-local | grep rxbacklog >b && cat b &&
    perl -ne "/(\d+)/ && \$1 > 64_000_000 and exit 1" b && release flood &&
    wait_until alone
'
test_expect_success 'and five of them' '
    for i in 1 2 3 4 5; do hostile f$i flood 100000 || return 1; done && others &&
    for i in 1 2 3 4 5; do release f$i || return 1; done && wait_until alone
'
test_expect_success 'sixty-four who ask again as soon as they are answered' '
    hostile greedy greedy 64 && grep ready out.greedy && test $(clients) -ge 65 &&
    others && timeout 60 flux kvs put while=flooded && timeout 60 flux run true && release greedy; code=$?
    wait_until alone && test $code -eq 143 -o $code -eq 0
'
test_expect_success 'sixty-four who do not read what they are answered' '
    for i in $(seq 64); do { hostile g$i flood 3000 >told.$i & } && echo $! >starter.$i; done &&
    for i in $(seq 64); do wait $(cat starter.$i) && test -s told.$i || return 1; done &&
    others && timeout 60 flux run true &&
    for i in $(seq 64); do kill $(cat hold.g$i); done && wait_until alone
'
test_expect_success 'frames that never end' '
    hostile half half 60 && grep ready out.half && others && release half
'
test_expect_success 'a frame that is said to be larger than any' '
    hostile huge huge 4294967295 && grep "cut off" out.huge && release huge
'
test_expect_success 'a large one takes memory as it comes, not as it is announced' '
    before=$(peak) && hostile large large 200000000 && grep ready out.large && others &&
    test $(($(peak) - before)) -lt 20 && release large
'
# Job-manager watches resource.R, once it is there.
wait_until watchers 1
n=$(flux module stats -p watchers kvs-watch)
test_expect_success 'streams that are never closed' '
    hostile streams streams $((times * 5000)) && others && wait_until watchers $((n + times * 5000)) &&
    release streams && wait_until watchers $n
'
test_expect_success 'who hears everything and reads nothing is cut off in the end' '
    hostile deaf deaf 6000 && others &&
    wait_until sh -c "flux dmesg | grep \"No buffer space available\"" && release deaf
'
test_expect_success 'a storm of clients that come, ask and go' '
    hostile storm storm $((times * 500)) && grep ready out.storm && others &&
    wait_until alone && release storm
'
# All that it may have, and somebody waits to be let in.
full () {
    ls /proc/$broker/fd | wc -l | grep -E "^25[0-9]"
}
two_clients () {
    test "$(clients)" -eq 2
}
test_expect_success 'no descriptor is left: who is connected goes on, and nothing spins' '
    { flux event sub -c 1 here.still >heard & } && sub=$! && wait_until two_clients &&
    mkfifo in.many && { "$BUILDDIR/t/live/hostile" connections 1000 <in.many >out.many & } && pid=$! &&
    { sleep 1000 >in.many & } && hold=$! && wait_until full &&
    before=$(cpu) && sleep 2 && full && test $(($(cpu) - before)) -lt 100 &&
    kill -ALRM $pid && test_expect_code 142 wait $pid && kill $hold
'
test_expect_success 'when they have gone, others can come' '
    wait_until flux getattr rank && others &&
    wait_until sh -c "flux event pub here.still; test -s heard" && wait $sub
'
test_expect_success PLAIN 'the broker has stayed within its bound' '
    echo "# $(peak) MB" && test $(peak) -lt 400
'

test_done
