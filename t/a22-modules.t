#!/bin/sh
test_description='Modules: in processes of their own, and those that fail, hang or die'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
mod=$BUILDDIR/src/broker/.libs/testmod.so
flux setattr broker.module-nopanic 1

# minimal OPTIONS -- SCRIPT: an instance with nothing but the broker in it
minimal () {
    flux start -Sbroker.rc1_path= -Sbroker.rc3_path= "$@"
}
process () {
    pgrep -P $(flux getattr broker.pid) -x flux-module-exe
}

test_expect_success 'a module may run in a process of its own; nobody can tell' '
    flux module load --exec --name=x $mod a b=1 &&
    pid=$(process) && test "$pid" != "$(flux getattr broker.pid)" &&
    flux module list -l | grep "^x .* R .*$mod" && flux ping -c1 x &&
    test "$($rpc x.args)" = "{\"args\":[\"a\",\"b=1\"],\"null\":false}" &&
    test "$($rpc x.attr "{\"name\":\"rank\"}")" = "{\"value\":\"0\"}" &&
    flux module stats x && $rpc x.rusage | grep utime && test "$(flux module debug x)" = 0x0
'
test_expect_success 'it has events, services, configuration, and hears of clients that go' '
    $rpc x.subscribe "{\"topic\":\"mill\"}" && flux event pub -s mill.race && flux event pub -s other &&
    wait_until sh -c "$rpc x.events | grep \"\\[.mill.race.\\]\"" &&
    $rpc x.register "{\"service\":\"wheel\"}" && $rpc wheel.nosuch "{}" >out; grep "Unknown service method" out &&
    echo "{\"a\":1}" | flux config load && test "$($rpc x.conf)" = "{\"a\":1}" && echo "{}" | flux config load &&
    wait_until sh -c "$rpc x.disconnects | grep -v :0" &&
    flux module trace -T "x.args" x >trace & tracer=$! &&
    wait_until sh -c "$rpc x.args; grep \"x tx < x.args\" trace" && kill $tracer && { wait $tracer; true; }
'
test_expect_success 'it is removed, and loaded again as a thread' '
    pid=$(process) && flux module remove x && test_must_fail kill -0 $pid &&
    ! flux module list | grep "^x " && flux module load --name=x $mod && ! process &&
    flux ping -c1 x && flux module remove x
'
test_expect_success 'what it was asked and did not answer fails when it dies; so does its service' '
    flux module load --exec --name=x $mod &&
    { $rpc x.hold >held & } && held=$! && wait_until sh -c "$rpc x.holding | grep :1" &&
    $rpc x.args && kill -KILL $(process) && test_must_fail wait $held &&
    grep "EHOSTUNREACH: module disconnect" held &&
    wait_until sh -c "! flux module list | grep \"^x \"" && test_must_fail $rpc x.args >out && grep ENOSYS out &&
    flux dmesg | grep "broker.err.0.: x: loader (module-exec) killed by Killed" &&
    flux dmesg | grep "broker.crit.0.: x module runtime failure"
'
test_expect_success 'why it could not be loaded' '
    load () { $rpc module.load "{\"path\":\"$1\",\"name\":\"x\",\"exec\":true,\"args\":[\"$2\"]}"; } &&
    test_must_fail load $mod init-fail=13 >out && grep "EACCES: Permission denied" out &&
    test_must_fail load $mod init-fail >out && grep "ECONNRESET" out &&
    test_must_fail load $mod init-kill >out && grep "EINVAL: loader (module-exec) killed by Killed" out &&
    test_must_fail load /nosuch.so x >out && grep "ENOENT: /nosuch.so: No such file" out &&
    test_must_fail load $BUILDDIR/src/libflux/.libs/libflux-core.so x >out && grep EINVAL out &&
    load $mod init-exit && ! flux module list | grep "^x " && ! process
'
test_expect_success 'the product runs in processes, too' '
    for m in kvs-watch job-info; do
        flux module reload --exec $m || return 1
    done &&
    test "$(flux run -n2 echo there)" = "there
there" && flux module reload kvs-watch && flux module reload job-info && flux run true
'
test_expect_success 'the script of a module: its loader is another command' '
    mkdir -p path cmds && echo "print" >path/snake.py && cat >cmds/flux-module-python-exec <<-EOF &&
	#!/bin/sh
	test "\${1##*/}" = snake.py && exec flux module-exec $mod
	EOF
    chmod +x cmds/flux-module-python-exec &&
    FLUX_MODULE_PATH_PREPEND="$PWD/path" FLUX_EXEC_PATH_PREPEND="$PWD/cmds" minimal \
        sh -c "flux module load snake && flux ping -c1 snake && flux module remove snake" &&
    test_must_fail $rpc module.load "{\"path\":\"$PWD/path/snake.py\",\"args\":[]}" >out &&
    grep "EINVAL: loader (module-python-exec) exited with rc=1" out &&
    $rpc module.load "{\"path\":\"$mod\",\"args\":[],\"loader\":\"module-exec\",\"name\":\"x\"}" &&
    process && flux module remove x
'
test_expect_success 'one that does not end is reported, and everything else goes on' '
    cat >deaf.sh <<-EOF &&
	flux module load --exec --name=d $mod deaf
	flux module remove d 2>deaf.err && exit 1
	flux module list | grep "^d " && flux ping -c1 broker || exit 1
	flux dmesg | grep "broker.err.0.: module d was asked to end" || exit 1
	flux module remove --cancel d && ! flux module list | grep "^d "
	EOF
    minimal -Sbroker.module-unload-timeout=0.1s sh ./deaf.sh &&
    grep "flux-module: remove d: module d was asked to end, and does not: nothing was heard of it for 0.1s" deaf.err
'
test_expect_success 'one that ends later is removed all the same, and is no failure' '
    cat >late.sh <<-EOF &&
	flux module load --name=d $mod
	$rpc module.debug "{\"name\":\"d\",\"defer\":true}"
	flux module remove d 2>late.err && exit 1
	$rpc module.debug "{\"name\":\"d\",\"defer\":false}"
	while flux module list | grep "^d "; do :; done
	EOF
    minimal -Sbroker.module-unload-timeout=0.1s sh ./late.sh && grep "asked to end" late.err
'
test_expect_success 'processes that are left are ended with the instance' '
    test_expect_code 1 minimal sh -c "flux module load --exec --name=d $mod deaf; pgrep -P \$(flux getattr broker.pid) -x flux-module-exe >pid" 2>err &&
    grep "broker module .d. was not properly shut down" err && test_must_fail kill -0 $(cat pid)
'
test_expect_success 'a broker that is killed takes them along' '
    test_expect_code 137 flux start -s1 -Sbroker.rc1_path= -Sbroker.rc3_path= \
        sh -c "flux module load --exec --name=x $mod; pgrep -P \$(flux getattr broker.pid) -x flux-module-exe >pid; kill -KILL \$(flux getattr broker.pid)";
    test -s pid && for p in $(cat pid); do wait_until sh -c "! kill -0 $p" || return 1; done
'
test_expect_success 'a bad timeout is refused' '
    test_must_fail minimal -Sbroker.module-unload-timeout=x true 2>err &&
    grep "Error parsing broker.module-unload-timeout attribute" err
'

test_done
