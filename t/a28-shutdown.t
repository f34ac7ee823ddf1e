#!/bin/sh
test_description='The end of an instance: flux shutdown, signals, cleanup, rc3; flux startlog; systemd'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc

# up OPTIONS: an instance without initial program, in the background; $pid, $uri
up () {
    rm -f uri
    flux start -Sbroker.rc2_none=1 "-Slocal-uri=local://$PWD/sock" "$@" 2>up.err &
    pid=$!
    FLUX_URI=local://$PWD/sock
    export FLUX_URI
    wait_until $rpc state-machine.wait
}

test_expect_success 'flux shutdown ends an instance that nobody runs in' '
    up && flux shutdown 2>err && wait $pid && test ! -e sock && test_must_be_empty err
'
test_expect_success 'it shows what is logged meanwhile, up to a level' '
    up && flux shutdown -v 2>err && wait $pid && grep "broker.info.0.: cleanup.0: .*Exited (rc=0)" err &&
    grep "broker.info.0.: rc3-success: finalize->goodbye" err &&
    up && flux shutdown -v7 2>err && wait $pid && grep "broker.debug" err &&
    up && flux shutdown -q 2>err && wait $pid && test_must_be_empty err
'
test_expect_success 'in the background: it does not wait' '
    up && flux shutdown --background && wait $pid
'
test_expect_success 'another instance by its URI' '
    up && unset FLUX_URI && flux shutdown "local://$PWD/sock" && wait $pid &&
    test_expect_code 1 flux shutdown "local://$PWD/nosuch" 2>err && grep "nosuch" err
'
test_expect_success 'from within: the initial program is hung up' '
    test_expect_code 129 flux start sh -c "flux shutdown --background; exec sleep 1000" 2>err &&
    grep "Hangup (rc=129)" err &&
    test_expect_code 7 flux start -Sbroker.exit-norestart=7 sh -c "flux shutdown --background; exec sleep 1000"
'
test_expect_success 'shutdown.start: once, in state run, on rank 0, by the owner' '
    cat >twice.sh <<-\EOF &&
    $rpc -n 1 shutdown.start "{}"
    $rpc -u 4242 shutdown.start
    $rpc shutdown.start "{\"loglevel\":\"x\"}"
    trap "" HUP; $rpc shutdown.start && $rpc shutdown.start
	EOF
    export rpc && { flux start -s2 sh ./twice.sh >out 2>err; true; } &&
    sed -n 1p out | grep "EINVAL: shutdown may only be initiated on rank 0" &&
    sed -n 2p out | grep EPERM && sed -n 3p out | grep EPROTO &&
    sed -n 4p out | grep "EINVAL: shutdown is already in progress"
'
test_expect_success 'not before state run' '
    { flux start -Sbroker.rc1_path="$rpc shutdown.start >&2" true 2>err; true; } &&
    grep "EINVAL: shutdown cannot be initiated in state init" err
'
test_expect_success 'SIGTERM, SIGINT: rc2 is hung up, cleanup and rc3 run' '
    for sig in TERM INT QUIT HUP; do
        rm -f up done &&
        { interruptible flux start -Sbroker.rc3_path="touch done" sh -c "touch up; exec sleep 1000" 2>err & } &&
        pid=$! && wait_until test -e up && kill -$sig $pid &&
        test_expect_code 129 wait $pid && test -e done || return 1
    done
'
test_expect_success 'without initial program a signal shuts down, exit 0' '
    unset FLUX_URI && up && kill -TERM $pid && wait $pid
'
test_expect_success 'cleanup commands run last pushed first, all of them; the first failure counts' '
    cat >push.sh <<-\EOF &&
    $rpc runat.push "{\"name\":\"cleanup\",\"commands\":[\"echo a >>order; exit 3\",\"echo b >>order; exit 4\"]}" &&
    $rpc runat.push "{\"name\":\"cleanup\",\"commands\":[\"echo c >>order\"]}"
    $rpc runat.push "{\"name\":\"cleanup\",\"commands\":[]}"
    $rpc runat.push "{\"name\":\"cleanup\",\"commands\":[\" \"]}"
    $rpc runat.push "{\"name\":\"cleanup\"}"
    true
	EOF
    test_expect_code 4 env -u FLUX_URI flux start -Sbroker.rc1_path= -Sbroker.rc3_path= sh ./push.sh >out &&
    printf "c\nb\na\n" >want && test_cmp want order &&
    grep "EPROTO: commands array is empty" out && grep "EPROTO: cannot push an empty command line" out
'
test_expect_success 'a cleanup that takes too long after a signal is ended' '
    cat >slow.sh <<-\EOF &&
    $rpc runat.push "{\"name\":\"cleanup\",\"commands\":[\"sleep 1000\"]}" && touch slow && exec sleep 1000
	EOF
    { flux start -Sbroker.cleanup-timeout=0.1s -Sbroker.rc1_path= -Sbroker.rc3_path= sh ./slow.sh 2>err & } &&
    pid=$! && wait_until test -e slow && kill -TERM $pid && test_expect_code 129 wait $pid &&
    grep "cleanup.0: sleep 1000 .*rc=129" err
'
test_expect_success 'modules that are left loaded are an error' '
    test_expect_code 1 flux start -Sbroker.rc1_path= -Sbroker.rc3_path= flux module load heartbeat 2>err &&
    grep "broker module .heartbeat. was not properly shut down" err
'
test_expect_success 'state-machine: get, wait, monitor, post' '
    cat >sm.sh <<-\EOF &&
    $rpc state-machine.get
    $rpc state-machine.wait && echo running
    $rpc state-machine.monitor
    $rpc -s state-machine.monitor "{\"final\":4}"
    $rpc state-machine.post "{\"event\":\"x\"}"
    $rpc state-machine.monitor "{\"final\":\"x\"}"
    $rpc -u 4242 state-machine.monitor
    $rpc -s state-machine.monitor >states &
	EOF
    flux start -Sbroker.rc1_path= -Sbroker.rc3_path= sh ./sm.sh >out; cat out &&
    sed -n 1p out | grep "{\"state\":\"run\",\"duration\":" && sed -n 2p out | grep running &&
    sed -n 3p out | grep "{\"state\":5}" && sed -n 4p out | grep EPROTO && sed -n 5p out | grep EPROTO &&
    sed -n 6p out | grep EPERM
'
test_expect_success 'what was started through rexec ends with the instance' '
    flux start -s2 flux exec --bg sleep 1000 >pids &&
    for p in $(sed "s/.*: //" pids); do test_must_fail kill -0 $p || return 1; done
'
test_expect_success 'flux startlog: starts, ends, and an end that was none' '
    mkdir -m 700 state && flux start --statedir=state flux startlog >out && grep "running (" out &&
    { flux start --statedir=state sh -c "kill -KILL \$(flux getattr broker.pid)"; true; } &&
    test_expect_code 1 flux start --statedir=state sh -c "flux startlog -v; flux startlog --check -q" >out 2>err &&
    test $(wc -l <out) = 3 && sed -n 2p out | grep crashed && sed -n 1p out | grep "0.88.0$" &&
    grep "not shut down properly" err &&
    flux start --statedir=state flux startlog --check -q 2>err && test_must_be_empty err
'
test_expect_success 'an archive is written at the end, and read at the start' '
    flux start sh -c "trap : HUP; flux kvs put mill.race=1; flux shutdown --dump=end.tgz" 2>err; tar tzf end.tgz | grep "^mill/race" &&
    flux start "-Scontent.restore=$PWD/end.tgz" flux kvs get mill.race >out && echo 1 >want && test_cmp want out
'
test_expect_success 'garbage is removed first, if that is wanted' '
    up --statedir=state && flux kvs put g.a=1 && flux kvs unlink g.a && flux shutdown --gc && wait $pid
'
test_expect_success 'scripts of the site: after rc1, before rc3; a failure is one' '
    unset FLUX_URI && mkdir -p site/rc1.d site/rc3.d &&
    printf "#!/bin/sh\nflux kvs put site=up\n" >site/rc1.d/10-up &&
    printf "#!/bin/sh\nflux kvs get site >down\n" >site/rc3.d/10-down && echo "not run" >site/rc1.d/README &&
    chmod +x site/*/10* && FLUX_RC_EXTRA="$PWD/site" flux start flux kvs get site >out &&
    echo up >want && test_cmp want out && test_cmp want down &&
    printf "#!/bin/sh\nexit 3\n" >site/rc1.d/20-bad && chmod +x site/rc1.d/20-bad &&
    test_expect_code 1 env FLUX_RC_EXTRA="$PWD/site" flux start touch ran 2>err && test ! -e ran && grep 20-bad err
'
cat >systemd.pl <<'EOF'
use IO::Socket::UNIX;
my $s = IO::Socket::UNIX->new (Type => SOCK_DGRAM, Local => "notify") or die;
open F, ">", "listening"; close F;
$| = 1;
while (defined $s->recv (my $m, 1000)) { print "$m\n"; last if $m =~ /exit/ }
EOF
cat >notify.sh <<'EOF'
printenv NOTIFY_SOCKET && exit 1
$rpc -N state-machine.sd-notify '{"status":"milling"}' && $rpc state-machine.get
EOF
test_expect_success 'systemd is told' '
    { perl systemd.pl >told & } && pid=$! && wait_until test -e listening &&
    NOTIFY_SOCKET="$PWD/notify" flux start -Sbroker.sd-notify=1 sh ./notify.sh && wait $pid &&
    grep "^READY=1" told && grep "^STATUS=milling" told && grep "^STOPPING=1" told
'

test_done
