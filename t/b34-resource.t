#!/bin/sh
test_description='flux resource, uptime, dmesg: the instance from outside'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

unset NO_COLOR
host=$(flux getattr hostlist)
cores=$(flux resource list -s all -no "{ncores}")

test_expect_success 'list: what is free, allocated and down' '
    flux resource list >out && test_line_count 4 out &&
    head -1 out | grep -E "^ +STATE NNODES +NCORES +NGPUS NODELIST$" &&
    flux resource list -no "{state} {nnodes} {ncores} {nodelist}" >out &&
    printf "%s\n" "free 1 $cores $host" "allocated 0 0 " "down 0 0 " >expect && test_cmp expect out
'
test_expect_success 'list follows jobs' '
    id=$(flux submit sleep 1000) && flux job wait-event $id start >/dev/null &&
    flux resource list -s allocated,free -no "{state} {ncores}" >out &&
    printf "%s\n" "allocated 1" "free $((cores - 1))" >expect && test_cmp expect out &&
    flux resource list -s allocated -no "{rlist} {ranks}" | grep "^rank0/core0 0$" &&
    flux cancel $id && flux job wait-event $id clean >/dev/null &&
    wait_until sh -c "flux resource list -s free -no {ncores} | grep -x $cores"
'
test_expect_success 'list of some nodes; what is wrong is named' '
    flux resource list -i $host -s up -no "{nnodes}" >out && echo 1 >expect && test_cmp expect out &&
    flux resource list -i 7 -s up -no "{nnodes}" >out && echo 0 >expect && test_cmp expect out &&
    test_expect_code 1 flux resource list -i "x[" 2>err && grep "invalid targets: x\[" err &&
    test_expect_code 1 flux resource list -s bad 2>err && grep "Invalid resource state bad" err &&
    test_expect_code 1 flux resource list -o "{bad}" 2>err && grep "Unknown format field: bad" err
'
test_expect_success 'info counts' '
    flux resource info >out && grep -E "^1 Node, $cores Cores?, [0-9]+ GPUs?$" out &&
    flux resource info -s down >out && echo "0 Nodes, 0 Cores, 0 GPUs" >expect && test_cmp expect out
'
test_expect_success 'drained nodes are listed, with the reason, and not used' '
    flux resource drain >out && test_line_count 1 out &&
    flux resource drain 0 bad memory &&
    flux resource drain -no "{state} {ranks} {reason} {nodelist}" >out &&
    echo "drained 0 bad memory $host" >expect && test_cmp expect out &&
    flux resource status -no "{state} {nnodes}" >out && printf "avail 0\ndrained 1\n" >expect &&
    test_cmp expect out &&
    flux resource list -no "{state} {nnodes}" -s down >out && echo "down 1" >expect && test_cmp expect out &&
    id=$(flux submit true) && flux job wait-event $id priority >/dev/null && flux uptime | grep ",  1 drained$"
'
test_expect_success 'draining twice needs a word' '
    test_expect_code 1 flux resource drain $host 2>err &&
    grep "flux-resource: ERROR: rank 0 already drained" err &&
    flux resource drain -f 0 worse && flux resource drain -no "{reason}" >out && echo worse >expect &&
    test_cmp expect out &&
    test_expect_code 1 flux resource drain 7 2>err && grep "idset is out of range" err
'
test_expect_success 'undrained nodes are used again' '
    flux resource undrain $host && flux job wait-event $id clean >/dev/null &&
    test_expect_code 1 flux resource undrain 0 2>err && grep "rank 0 not drained" err &&
    flux resource status -s avail,online -no "{state} {nnodes}" >out && echo "avail 1" >expect &&
    test_cmp expect out && test_expect_code 1 flux resource status -s bad 2>err
'
test_expect_success 'a node in use is draining until it is free' '
    id=$(flux submit sleep 1000) && flux job wait-event $id start >/dev/null &&
    flux resource drain 0 && flux resource drain -no "{state}" >out && echo draining >expect &&
    test_cmp expect out && flux cancel $id && flux job wait-event $id clean >/dev/null &&
    wait_until sh -c "flux resource drain -no {state} | grep -x drained" && flux resource undrain 0
'
test_expect_success 'uptime: one line' '
    flux uptime >out && test_line_count 1 out &&
    grep -E "^ [0-9]{2}:[0-9]{2}:[0-9]{2} run [0-9.]+(ms|[smhd]),  owner $(id -un),  depth 0,  size 1$" out
'
test_expect_success 'dmesg: times and colours' '
    flux logger -s err some error && flux dmesg >out && ! grep "\[0m" out &&
    grep -E "^2[0-9-]+T[0-9:.]+Z logger.err\[0\]: some error$" out &&
    flux dmesg -L | grep "31msome error" && flux dmesg --color=always | grep "32m.*Z" &&
    NO_COLOR=1 flux dmesg --color=auto >out && ! grep "\[0m" out &&
    flux dmesg -H | grep -E "^\[[A-Z][a-z]{2}[0-9]{2} [0-9:]{5}\] " &&
    flux dmesg -Hd | grep -E "^\[ +\+0\.[0-9]{6}\] " &&
    test_expect_code 1 flux dmesg -d 2>err && grep "delta can only be used with --human" err &&
    test_expect_code 1 flux dmesg --color=pink 2>err
'
test_expect_success 'a key of [resource] that is not known is an error, at start and later' '
    echo "{\"resource\":{\"exlude\":\"0\"}}" >bad.json &&
    test_must_fail flux start --config-path=bad.json true 2>err && grep "unknown key .exlude." err &&
    test_must_fail flux config load <bad.json 2>err && grep "resource.*unknown key .exlude." err &&
    echo "{\"resource\":{\"exclude\":\"no[\"}}" >bad2.json && test_must_fail flux config load <bad2.json 2>err &&
    grep "invalid resource.exclude .no\[." err && flux resource list -s free -no "{nnodes}" | grep -x 1
'
test_expect_success 'what is excluded changes with the configuration' '
    id=$(flux submit sleep 1000) && flux job wait-event $id start >/dev/null &&
    echo "{\"resource\":{\"exclude\":\"$host\",\"norestrict\":true}}" | flux config load &&
    flux resource status -s exclude -no "{ranks}" | grep -x 0 && next=$(flux submit true) &&
    flux job wait-event $next priority >/dev/null && flux cancel $id && flux job wait-event $id clean >/dev/null &&
    flux resource list -s down -no "{nnodes}" | grep -x 1 && flux jobs -no "{id} {state}" | grep "$next SCHED" &&
    echo "{}" | flux config load && flux job wait-event -t 60 $next clean >/dev/null
'
test_done
