#!/bin/sh
# A broker that is stopped keeps its connections: who is behind it must notice by
# hearing nothing, say so, and in the end go, as if that broker had died.
test_description='Ranks that do not hear the pulse of the instance'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

cat >on <<'EOF'
#!/bin/sh
rank=$1
shift
FLUX_URI=${FLUX_URI%-*}-$rank exec "$@"
EOF
chmod +x on
PATH=$PWD:$PATH
chain="-s3 -Stbon.topo=kary:1 --conf=heartbeat.period=0.1s"

test_expect_success 'each rank listens, rank 0 publishes' '
    flux start -s3 sh -c "on 2 flux module list; on 2 flux ping -c1 -r 2 heartbeat" >out &&
    grep ^heartbeat out && grep "^2!heartbeat.ping" out
'
test_expect_success 'a warning after some periods, and another word when it is back' '
    cat >warn.sh <<-\EOF &&
	on 2 flux dmesg -f >log2 & dmesg=$!
	pid=$(on 1 flux getattr broker.pid)
	kill -STOP $pid
	until grep "heartbeat.warning.2.: no heartbeat for" log2; do :; done
	kill -CONT $pid
	until grep "heartbeat.warning.2.: heartbeat is back after" log2; do :; done
	kill $dmesg
	on 2 flux ping -c1 -r 0 broker
	EOF
    flux start $chain --conf=heartbeat.timeout=infinity sh ./warn.sh
'
test_expect_success 'after the timeout the rank leaves its parent' '
    cat >leave.sh <<-\EOF &&
	on 2 flux dmesg -f >log2 2>/dev/null & dmesg=$!
	pid=$(on 1 flux getattr broker.pid) pid2=$(on 2 flux getattr broker.pid)
	# a rank that has not heard yet that the instance runs would need the one below it
	until grep "quorum->run" log2; do :; done
	kill -STOP $pid
	while kill -0 $pid2 2>/dev/null; do :; done
	kill -CONT $pid
	wait $dmesg # it ends with its broker, and has written all then
	grep "no heartbeat for 4.0s: leaving the parent" log2 || exit 1
	flux overlay status --wait=degraded >/dev/null
	until on 1 flux overlay errors | grep "^2 "; do :; done
	flux ping -c1 -r 1 broker && echo survived
	EOF
    test_must_fail flux start $chain --conf=heartbeat.timeout=4s sh ./leave.sh >out 2>err; cat out err
    grep survived out
'
test_expect_success 'a broker that was stopped itself blames nobody' '
    cat >self.sh <<-\EOF &&
	pid=$(on 2 flux getattr broker.pid)
	kill -STOP $pid
	flux event sub -c 60 heartbeat.pulse >/dev/null # six seconds
	kill -CONT $pid
	on 2 flux event sub -c 5 heartbeat.pulse && ! on 2 flux dmesg | grep leaving && echo stayed
	EOF
    flux start $chain --conf=heartbeat.timeout=5s sh ./self.sh >out && grep stayed out
'
test_expect_success 'a number of periods is one or more, a timeout is a duration' '
    for bad in warn_thresh=0 timeout=x period=0s; do
        test_must_fail flux start --conf=heartbeat.$bad true 2>err && grep "error parsing" err ||
            { echo $bad; cat err; return 1; }
    done
'
test_done
