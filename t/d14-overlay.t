#!/bin/sh
test_description='The tree of brokers: flux overlay, its services, groups'
. "$(dirname "$0")/lib.sh"
under_flux -s7 -Stbon.topo=kary:2 --test-hosts=h0,h1,h2,h3,h4,h5,h6 --test-exit-mode=leader -Sbroker.rc1_path= -Sbroker.rc3_path=
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc

test_expect_success 'flux overlay status shows the tree' '
    flux overlay status --wait=full -p >out &&
    cat >want <<-\EOF &&
	0 h0: full
	  1 h1: full
	    3 h3: full
	    4 h4: full
	  2 h2: full
	    5 h5: full
	    6 h6: full
	EOF
    test_cmp want out && flux overlay status -s >out && echo full >want && test_cmp want out &&
    flux overlay status -r h2 | grep -c full | grep 3 && flux overlay status -v | grep "0 h0: full for "
'
test_expect_success 'ranks and hosts are translated' '
    test "$(flux overlay lookup 1-3)" = "h[1-3]" && test "$(flux overlay lookup h[2,5])" = 2,5 &&
    test_expect_code 1 flux overlay lookup 9 && test_expect_code 1 flux overlay lookup nosuch
'
test_expect_success 'who is the parent' '
    test $(flux overlay parentof 6) = 2 && test $(flux overlay parentof h1) = 0 &&
    test_expect_code 1 flux overlay parentof 0 2>err && grep "rank 0 has no parent" err &&
    test_expect_code 1 flux overlay parentof 7 2>err
'
test_expect_success 'overlay.topology: of a broker, of a child, of nobody else' '
    $rpc overlay.topology "{\"rank\":2}" >out &&
    echo "{\"rank\":2,\"size\":3,\"children\":[{\"rank\":5,\"size\":1,\"children\":[]},{\"rank\":6,\"size\":1,\"children\":[]}]}" >want &&
    test_cmp want out && $rpc -n 2 overlay.topology "{\"rank\":2}" >out && test_cmp want out &&
    test_must_fail $rpc overlay.topology "{\"rank\":5}" >out &&
    grep "ENOENT: requested rank is not this broker or its direct child" out &&
    test_must_fail $rpc overlay.topology "{}" >out && grep EPROTO out &&
    $rpc -u 4242 overlay.topology "{\"rank\":0}"
'
test_expect_success 'overlay.stats-get counts neighbours' '
    $rpc -n 1 overlay.stats-get >out && grep "\"child-count\":2,\"child-connected\":2,\"parent-count\":1" out &&
    grep "\"interthread\":{\"sendq\":0,\"recvq\":0}" out
'
test_expect_success 'overlay.monitor is streaming and the owner'"'"'s; it tells the children' '
    test_must_fail $rpc overlay.monitor >out && grep EPROTO out &&
    test_must_fail $rpc -u 4242 -s overlay.monitor >out && grep EPERM out &&
    $rpc -s -c 2 overlay.monitor | sort >out &&
    printf "{\"rank\":1,\"status\":\"full\",\"torpid\":false}\n{\"rank\":2,\"status\":\"full\",\"torpid\":false}\n" >want &&
    test_cmp want out
'
test_expect_success 'overlay.trace shows what passes between brokers' '
    { flux overlay trace -f -t request 1 >trace & } && pid=$! &&
    wait_until sh -c "flux ping -c1 -r 1 broker; grep seq.*0 trace" &&
    flux ping -c1 -r 2 broker && kill $pid && { wait $pid; true; } &&
    grep "rank 1 tx > broker.ping" trace && ! grep "rank 2" trace && grep "\"seq\": 0" trace
'
test_expect_success 'groups: one member per rank, and who asks is local' '
    $rpc groups.get "{\"name\":\"broker.online\"}" >out && echo "{\"members\":\"0-6\"}" >want && test_cmp want out &&
    $rpc groups.get "{\"name\":\"new\"}" >out && echo "{\"members\":\"\"}" >want && test_cmp want out &&
    test_must_fail $rpc -n 3 groups.get "{\"name\":\"new\"}" >out &&
    grep "EPROTO: this RPC is only available on rank 0" out &&
    test_must_fail $rpc -n 3 groups.join "{\"name\":\"new\"}" >out &&
    grep "EPROTO: groups.join is restricted to the local broker" out &&
    test_must_fail $rpc groups.leave "{\"name\":\"new\"}" >out &&
    grep "ENOENT: rank 0 is not a member of new" out &&
    test_must_fail $rpc groups.join "{\"name\":\"broker.online\"}" >out &&
    grep "EEXIST: rank 0 is already a member of broker.online" out &&
    test_must_fail $rpc groups.get "{}" >out && grep EPROTO out
'
test_expect_success 'a member is in the group as long as it is connected' '
    { $rpc -s -c 3 groups.get "{\"name\":\"fish\"}" >seen & } && pid=$! && wait_until test -s seen &&
    flux exec -r 4 $rpc groups.join "{\"name\":\"fish\"}" && wait $pid &&
    printf "{\"members\":\"\"}\n{\"members\":\"4\"}\n{\"members\":\"\"}\n" >want && test_cmp want seen
'
test_expect_success 'groups.stats-get' '
    $rpc groups.stats-get >out && grep "\"subtree\":{.*\"broker.online\":\"0-6\"" out
'
test_expect_success 'disconnecting: whom there is not, or may not' '
    test_must_fail $rpc overlay.disconnect-subtree "{\"rank\":3}" >out &&
    grep "ENOENT: requested rank is not this broker.s direct child" out &&
    test_must_fail $rpc overlay.disconnect-subtree "{}" >out && grep EPROTO out &&
    test_must_fail $rpc -u 4242 overlay.disconnect-subtree "{\"rank\":1}" >out && grep EPERM out &&
    test_must_fail $rpc overlay.disconnect-parent "{\"reason\":\"x\"}" >out && grep ENOENT out &&
    test_must_fail $rpc -n 1 overlay.disconnect-parent "{}" >out && grep EPROTO out
'
test_expect_success 'a subtree is cut off: it is told, the rest goes on' '
    { $rpc -s overlay.health >health & } && pid=$! && wait_until test -s health &&
    flux overlay disconnect h2 2>err && grep "asking h0 .rank 0. to disconnect child h2 .rank 2." err &&
    flux overlay status --wait=degraded -p >out && grep "^  2 h2: lost" out && grep "^    5 h5: lost" out &&
    flux overlay errors >out && echo "2 h2: disconnected on request" >want && test_cmp want out &&
    flux overlay status -d -p >out && ! grep "1 h1" out &&
    test_must_fail flux ping -c1 -r 5 broker 2>err && grep "No route to host" err && flux ping -c1 -r 4 broker &&
    wait_until grep degraded health && kill $pid && { wait $pid; true; } &&
    wait_until sh -c "$rpc groups.get \"{\\\"name\\\":\\\"broker.online\\\"}\" | grep \":.0-1,3-4.}\""
'
test_expect_success 'a broker cuts itself off' '
    $rpc -n 3 overlay.disconnect-parent "{\"reason\":\"tired\"}" &&
    flux overlay status -r 1 --wait=degraded -s &&
    wait_until sh -c "flux overlay errors | grep \"3 h3: disconnected itself\""
'
# On a busy machine others may be torpid for a moment, and this rank before it is stopped.
test_expect_success 'a rank that is stopped is torpid until it goes on' '
    cat >torpid.sh <<-\EOF &&
	torpid () { # how rank 2 is by what the monitor and the group have said last
	    until grep "\"rank\":2," seen | tail -n 1 | grep "\"torpid\":$1"; do :; done
	    until $rpc groups.get "{\"name\":\"broker.torpid\"}" >group && grep "$2" group; do :; done
	}
	pid=$(flux exec -r 2 flux getattr broker.pid)
	$rpc -s overlay.monitor >seen & monitor=$!
	torpid false "" && kill -STOP $pid && torpid true ":\"\(1-\)*2\"" &&
	    kill -CONT $pid && torpid false ":\"1*\"" && kill $monitor && { wait $monitor; echo told; }
	EOF
    export rpc && timeout 240 flux start -s3 -Stbon.torpid_min=0.05s -Stbon.torpid_max=1s -Sbroker.rc1_path= -Sbroker.rc3_path= \
        sh ./torpid.sh >out 2>err && grep told out &&
    grep "broker.err.0.: rank 2 is torpid" err && grep "rank 2 is no longer torpid" err &&
    grep "\"rank\":2," seen | uniq -d >twice && test_must_be_empty twice &&
    grep "\"rank\":2," seen | grep -v "\"status\":\"full\"" >other; test_must_be_empty other
'
test_expect_success 'waiting for a status may be limited' '
    test_expect_code 1 flux overlay status --wait=full -t 0.1s 2>err && grep "timed out" err
'

test_done
