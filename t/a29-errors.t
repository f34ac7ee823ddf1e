#!/bin/sh
test_description='Errors of the broker and its services, as wire.md lists them

Where each row of its tables is tested:
  section 2   handshake, framing, who may connect   connector_local_test, c30-socket
  section 3   URIs, environment                     handle_test, interthread_test
  section 4   routing: no service, no method,       router_test, dispatch_test, d10-ranks,
              unreachable rank, finalizing, offline  module_host_test, here
  section 5   roles                                 dispatch_test, access_test, a20, here
  section 6   service.add, remove; disconnect       module_host_test, router_test, here
  section 7   events                                event_test, here
  section 8   modules                               module_host_test, a20, a22, a27, here
  section 9   attr, log, state machine, runat,      attr_test, log_test, lifecycle_test,
              shutdown, broker, groups, overlay     a23, a27, a28, a32, d14, here
  section 10  attributes, row by row                attr_test, a10, a25, here
  section 11  configuration                         a26, here
  section 12  states, signals, exit codes           lifecycle_test, a10, a23, a28
              phases: environment, groups, shells   a21, a24
and its hazards:
  zero-length frame                                 message_vectors_test, connector_local_test
  a client answers for the broker                   router_test, c30-socket
  a long topic is dropped without an answer         router_test, here
  a provider dies with requests pending             client_test, router_test, here
  the ping route of another module                  here
  unanswered requests of a module that goes         module_host_test
'
. "$(dirname "$0")/lib.sh"
under_flux -s2
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc

# fails TEXT RPC-ARGUMENTS...: it does, and that is what it says
fails () {
    want=$1
    shift
    test_must_fail $rpc "$@" >answer &&
    case $(cat answer) in
    "$want"*) ;;
    *) echo "wanted $want, got $(cat answer)"; return 1;;
    esac
}

test_expect_success 'routing' '
    fails "ENOSYS: No service matching nosuch.x is registered" nosuch.x &&
    fails "ENOSYS: No service matching .x is registered" .x &&
    fails "ENOSYS: No service matching . is registered" . &&
    fails "ENOSYS: Unknown service method '"'"'kvs.nosuch'"'"'" kvs.nosuch "{}" &&
    fails "ENOSYS: Unknown service method '"'"'kvs'"'"'" kvs "{}" &&
    fails "EHOSTUNREACH" -n 7 broker.ping "{}" &&
    fails "ENOSYS: No service matching nosuch.x is registered" -n 1 nosuch.x
'
test_expect_success 'a topic that is too long for its disconnect is refused, not dropped' '
    long=$(printf "%0300d" 0) &&
    fails "EINVAL: topic string is too long" $long.x && fails "ENOSYS: No service matching 0000" $long
'
test_expect_success 'who is no module cannot say that it is' '
    fails "EPROTO: error decoding module.status request" module.status "{}" && $rpc module.status "{\"status\":1}"
'
test_expect_success 'events' '
    fails "EPROTO" event.publish "{}" && fails "EPROTO" event.publish "{\"topic\":\"a\",\"flags\":1}" &&
    fails "EPROTO" event.publish "{\"topic\":\"a\",\"flags\":0,\"payload\":\"!\"}" &&
    fails "EPROTO: this service is only available on rank 0" -n 1 event.publish "{\"topic\":\"a\",\"flags\":0}" &&
    $rpc event.publish "{\"topic\":\"\",\"flags\":32}" | grep "{\"seq\":[1-9]" &&
    $rpc -u 4242 event.publish "{\"topic\":\"x\",\"flags\":0}" &&
    fails "EPROTO" event.subscribe "{}" && fails "ENOENT" event.unsubscribe "{\"topic\":\"x\"}"
'
test_expect_success 'services of clients' '
    fails "EPROTO" service.add "{}" && fails "EEXIST" service.add "{\"service\":\"kvs\"}" &&
    fails "EINVAL" service.add "{\"service\":\"a.b\"}" && fails "EPERM" -u 4242 service.add "{\"service\":\"mine\"}" &&
    $rpc -u 4242 service.add "{\"service\":\"4242-mine\"}" && fails "EPERM" -u 4242 service.add "{\"service\":\"424-mine\"}" &&
    fails "ENOENT" service.remove "{\"service\":\"nosuch\"}" && fails "ENOENT" service.remove "{\"service\":\"kvs\"}"
'
test_expect_success 'names that are the broker'"'"'s, also where it has no methods' '
    for s in broker log attr heaptrace event service module bootstrap runat state-machine shutdown; do
        fails "ENOSYS: Unknown service method '"'"'$s.nosuch'"'"'" $s.nosuch "{}" &&
        fails "EEXIST" service.add "{\"service\":\"$s\"}" &&
        fails "EEXIST" module.load "{\"path\":\"heartbeat\",\"args\":[],\"name\":\"$s\"}" || return 1
    done
'
test_expect_success 'modules' '
    fails "EPROTO" module.load "{}" && fails "EPROTO" module.load "{\"path\":\"kvs\",\"args\":[1]}" &&
    fails "ENOENT: module not found in search path" module.load "{\"path\":\"nosuch\",\"args\":[]}" &&
    fails "ENOENT: /nosuch.so: " module.load "{\"path\":\"/nosuch.so\",\"args\":[]}" &&
    fails "EINVAL: module does not define mod_main()" \
        module.load "{\"path\":\"$BUILDDIR/src/libflux/.libs/libflux-core.so\",\"args\":[],\"name\":\"x\"}" &&
    fails "ENOENT: could not determine loader from path suffix" module.load "{\"path\":\"/etc/passwd\",\"args\":[]}" &&
    fails "EINVAL: module loader may only be specified with module path" \
        module.load "{\"path\":\"kvs\",\"args\":[],\"name\":\"k\",\"loader\":\"x\"}" &&
    fails "EINVAL: built-in modules cannot execute in a separate process" \
        module.load "{\"path\":\"config\",\"args\":[],\"name\":\"c\",\"exec\":true}" &&
    fails "EINVAL" module.load "{\"path\":\"heartbeat\",\"args\":[],\"name\":\"a.b\"}" &&
    fails "EEXIST" module.load "{\"path\":\"heartbeat\",\"args\":[],\"name\":\"attr\"}" &&
    fails "ENOENT" module.remove "{\"name\":\"nosuch\"}" && fails "EPROTO" module.remove "{}" &&
    fails "EPERM: Request requires owner credentials" -u 4242 module.load "{\"path\":\"x\",\"args\":[]}" &&
    $rpc -u 4242 module.list | grep "\"name\":\"config\",\"path\":\"builtin\""
'
test_expect_success 'default methods' '
    fails "EPROTO" kvs.ping && fails "EPROTO" kvs.ping "[]" && fails "EPROTO" kvs.debug "{\"op\":\"x\",\"flags\":0}" &&
    fails "EPERM" -u 4242 kvs.debug "{\"op\":\"clr\",\"flags\":0}" &&
    fails "EINVAL: x is unsupported" kvs.rusage "{\"who\":\"x\"}" && $rpc -u 4242 kvs.rusage | grep "\"maxrss\"" &&
    $rpc -u 4242 heartbeat.stats-get | grep "\"tx\"" && fails "EPERM" -u 4242 kvs.stats-clear
'
test_expect_success 'ping ends with the module that was asked' '
    a=$($rpc kvs.ping "{}" | sed "s/.*!\([0-9a-f]*\)\".*/\1/") && b=$($rpc content.ping "{}" | sed "s/.*!\([0-9a-f]*\)\".*/\1/") &&
    test ${#a} = 8 && test $a != $b && test $a = $($rpc kvs.ping "{}" | sed "s/.*!\([0-9a-f]*\)\".*/\1/")
'
test_expect_success 'attributes' '
    fails "EPROTO" attr.get "{}" && fails "ENOENT" attr.get "{\"name\":\"nosuch\"}" && fails "ENOENT" attr.get "{\"name\":\"parent-uri\"}" &&
    $rpc -u 4242 attr.get "{\"name\":\"rank\"}" | grep "{\"value\":\"0\",\"flags\":1}" &&
    fails "EPROTO" attr.set "{}" && fails "ENOENT: unknown attribute" attr.set "{\"name\":\"nosuch\",\"value\":\"x\"}" &&
    fails "EINVAL: attribute may not be updated" attr.set "{\"name\":\"statedir\",\"value\":\"x\"}" &&
    fails "EPERM" attr.set "{\"name\":\"rank\",\"value\":\"x\",\"force\":true}" &&
    fails "EINVAL: invalid level" attr.set "{\"name\":\"log-stderr-level\",\"value\":\"99\"}" &&
    fails "EPERM" -u 4242 attr.set "{\"name\":\"test.x\",\"value\":\"x\"}" &&
    $rpc attr.set "{\"name\":\"test.x\",\"value\":\"1\"}" && $rpc attr.rm "{\"name\":\"test.x\"}" &&
    fails "ENOSYS" attr.set "{\"name\":\"test-rd.x\",\"value\":\"1\"}" &&
    $rpc attr.set "{\"name\":\"test-rd.x\",\"value\":\"1\",\"force\":true}" && test $(flux getattr test-rd.x) = 1 &&
    $rpc attr.rm "{\"name\":\"test.x\"}" && fails "EPERM" attr.rm "{\"name\":\"rank\"}" && fails "EPROTO" attr.rm "{}"
'
test_expect_success 'the log' '
    fails "EPROTO" log.dmesg "{}" && fails "EPROTO" log.dmesg "{\"follow\":false}" && fails "EPROTO" -s log.dmesg &&
    fails "EPERM" -u 4242 -s log.dmesg "{\"follow\":false}" && fails "EPERM" -u 4242 log.clear &&
    fails "EPROTO" log.setattr "{}" && fails "EINVAL: invalid level" log.setattr "{\"name\":\"log-stderr-level\",\"value\":\"x\"}" &&
    $rpc log.stats-get | grep "\"ring-used\""
'
test_expect_success 'configuration' '
    fails "EPROTO: error decoding config.load request" config.load && fails "EPERM" -u 4242 config.load "{}" &&
    fails "EPERM" -u 4242 config.reload && $rpc -u 4242 config.get && $rpc config.reload
'
test_expect_success 'attributes on the command line' '
    for bad in broker.quorum=9 broker.quorum=x broker.critical-ranks=4 broker.critical-ranks=x log-level=9 log-level= \
        log-stderr-mode=x log-ring-size=-1 log-syslog-enable=2 broker.cleanup-timeout=x local-uri=x \
        local-uri=local:///nosuch/dir/sock local-uri=local:///etc/passwd/sock size=2 nosuch=1; do
        test_must_fail flux start -S$bad true 2>err && test -s err || { echo $bad; return 1; }
    done
'
test_expect_success 'the same in words' '
    says () { test_must_fail flux start -S"$1" true 2>err; grep "$2" err || { cat err; return 1; }; } &&
    says broker.quorum=9 "Error parsing broker.quorum attribute" && says local-uri=x "local-uri is malformed" &&
    says local-uri=local:///nosuch/dir/sock "local-uri directory cannot stat /nosuch/dir" &&
    says local-uri=local:///etc/passwd/sock "local-uri directory /etc/passwd: Not a directory" &&
    says "local-uri=local:///tmp/$(printf %0110d 0)" "local-uri length of 1[0-9]* bytes exceeds max 107 AF_UNIX socket path length" &&
    says "local-uri=local:///tmp/$(printf %01100d 0)" "buffer overflow while checking local-uri" &&
    mkdir -m 555 ro && chown 1 ro && { test "$(id -u)" != 0 || says "rundir=$PWD/ro" "rundir"; } &&
    says "rundir=/tmp/$(printf %0100d 0)" "rundir length of 105 bytes exceeds max 96 to allow for AF_UNIX socket creation"
'
test_expect_success 'a rank that is not up yet says so to its clients' '
    cat >early.sh <<-\EOF &&
    uri=local://$(flux getattr rundir)/local-1
    until test -S ${uri#local://}; do :; done
    FLUX_URI=$uri $rpc broker.ping "{}" >early; FLUX_URI=$uri $rpc attr.get "{\"name\":\"rank\"}" >early2
	EOF
    cat >up.sh <<-\EOF &&
    uri=local://$(flux getattr rundir)/local-1
    until FLUX_URI=$uri $rpc state-machine.wait "{}" >/dev/null 2>&1; do :; done
	EOF
    export rpc &&
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do # it is soon up
        flux start -s2 -Sbroker.quorum=1 -Sbroker.rc1_path="test \$(flux getattr rank) = 1 || sh ./early.sh" \
            -Sbroker.rc3_path= sh ./up.sh || return 1
        ! grep -q EAGAIN early || break
    done &&
    grep "EAGAIN: Upstream Flux broker is offline. Try again later." early && grep "\"value\":\"1\"" early2
'
test_expect_success 'who is not the owner is turned away, and that is logged' '
    if test "$(id -u)" = 0; then
        chmod 755 "$(flux getattr rundir)" &&
        test_must_fail setpriv --reuid=65534 --clear-groups flux getattr rank 2>err && cat err &&
        grep "Operation not permitted" err && flux dmesg | grep "client_authenticate: uid=65534 no assigned roles"
    fi
'

test_done
