#!/bin/sh
test_description='Attributes: which there are, who may set them and when, what they are by default'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
export rpc

# Name, flags (C: on the command line, R: at run time, I: immutable once set), value
# in an instance of one: ? any, - unset, 0-9 and so on as they are.
cat >table <<'EOF'
rank I 0
size I 1
version - ?
rundir C ?
rundir-cleanup CI 1
statedir C ?
statedir-cleanup CI 1
security.owner I ?
local-uri CI ?
parent-uri I -
parent-kvs-namespace I -
instance-level I 0
jobid I -
jobid-path I /
hostlist CI ?
hostname CI ?
broker.mapping I [[0,1,1,1]]
broker.critical-ranks CI 0
broker.boot-method CI single
broker.pid I ?
broker.uuid I ?
broker.starttime I ?
broker.quorum CI 1
broker.quorum-warn CI 1m
broker.shutdown-warn CI 1m
broker.shutdown-timeout CI none
broker.sd-stop-timeout CI none
broker.cleanup-timeout C none
broker.unload-builtins-timeout C 1m
broker.rc1_path C
broker.rc3_path C
broker.rc2_none C -
broker.rc2_pgrp C -
broker.recovery-mode C -
broker.exit-norestart C -
broker.sd-notify C -
broker.exit-restart CR -
broker.module-nopanic CR -
conf.shell_initrc CR ?
conf.shell_pluginpath CR ?
config.path CI -
log-ring-size CI 1024
log-level CI 7
log-forward-level CI 3
log-critical-level CI 2
log-syslog-level CI 3
log-syslog-enable CI 0
log-stderr-mode CI leader
log-stderr-level CR 3
log-filename C -
content.hash CI -
content.backing-module C -
content.dump CR -
content.restore CR -
cron.directory C -
tbon.fanout C -
tbon.prefertcp C -
tbon.topo C kary:32
tbon.zmqdebug C -
tbon.zmq_io_threads C -
tbon.child_rcvhwm C -
tbon.torpid_min C 5s
tbon.torpid_max C 30s
tbon.tcp_user_timeout C 20s
tbon.connect_timeout C 30s
tbon.interface-hint CRI default-route
tbon.descendants - 0
tbon.level - 0
tbon.maxlevel - 0
tbon.endpoint - -
tbon.parent-endpoint - -
EOF
# look NAME: "VALUE FLAGS" as attr.get has it, "-" if there is none
cat >look.sh <<'EOF'
while read name flags value; do
    if answer=$($rpc attr.get "{\"name\":\"$name\"}"); then
        echo "$answer" | jq -r "\"$name \(.value) \(.flags)\""
    else
        echo "$name - ${answer%%:*}"
    fi
done <table
EOF
minimal="-Sbroker.rc1_path= -Sbroker.rc3_path="

test_expect_success 'each has the value that it should have' '
    flux start $minimal sh ./look.sh >seen && while read name flags value; do
        have=$(sed -n "s/^$name //p" seen)
        case "$value" in
        "?") test "${have% *}" != - -a -n "${have% *}" ;;
        -) test "$have" = "- ENOENT" ;;
        *) test "${have% *}" = "$value" ;;
        esac || { echo "$name is $have, not $value"; return 1; }
    done <table
'
test_expect_success 'those that never change say so: they may be kept' '
    while read name flags value; do
        have=$(sed -n "s/^$name .* //p" seen)
        case "$flags $have" in
        *I*" "1|*" ENOENT") ;;
        *I*) echo "$name may be kept"; return 1 ;;
        *" "0) ;;
        *) echo "$name may not be kept"; return 1 ;;
        esac
    done <table
'
test_expect_success 'on the command line: some, all others are refused by name' '
    while read name flags value; do
        case "$flags $name" in
        C*) ;;
        *) test_expect_code 1 flux start "-S$name=1" $minimal true 2>err &&
            grep "$name: attribute may not be set on the command line" err || return 1 ;;
        esac
    done <table
'
test_expect_success 'all those that may be can be' '
    set -- && while read name flags value; do
        case "$flags $value" in
        C*" ?"|C*" -") ;; # directories, sizes and so on
        C*) set -- "$@" "-S$name=$value" ;;
        esac
    done <table && flux start "$@" $minimal sh ./look.sh >again && test $# -gt 20 &&
    grep -v -e uuid -e pid -e starttime -e dir -e uri seen >want && grep -v -e uuid -e pid -e starttime -e dir -e uri again >got && test_cmp want got
'
cat >set.sh <<'EOF'
while read name flags value; do
    echo "$name $flags $($rpc attr.set "{\"name\":\"$name\",\"value\":\"3\"}" 2>&1)" 
done <table
EOF
test_expect_success 'at run time: those for which that is said; one that is unset, once or always' '
    flux start $minimal sh ./set.sh >out && while read name flags answer; do
        case "$flags $(sed -n "s/^$name //p" seen) $answer" in
        *I*" "[!-]*" EPERM: "*) ;;
        *I*" - ENOENT "|C*" - ENOENT "|-*" - ENOENT ") ;;
        *R*" 0 ") ;;
        *[!R]" "*" 0 EINVAL: attribute may not be updated") ;;
        *) echo "$name ($flags): $answer"; return 1 ;;
        esac
    done <out && test_line_count $(wc -l <table) out
'
test_expect_success 'patterns: test.* and the like' '
    cat >patterns.sh <<-\EOF &&
	flux getattr test.a; flux getattr test-ro.a; flux getattr test-nr.a; flux getattr vendor.a
	for a in test.a test-ro.a test-nr.a test-im.a vendor.a; do
	    $rpc attr.set "{\"name\":\"$a\",\"value\":\"2\"}" && echo "$a set"
	done
	$rpc attr.get "{\"name\":\"test-im.a\"}"
	$rpc attr.set "{\"name\":\"test-im.b\",\"value\":\"1\"}" && $rpc attr.set "{\"name\":\"test-im.b\",\"value\":\"2\",\"force\":true}"
	true
	EOF
    flux start $minimal -Stest.a=1 -Stest-ro.a=1 -Stest-nr.a=1 -Stest-im.a=1 -Svendor.a=1 sh ./patterns.sh >out && cat out &&
    printf "1\n1\n1\n1\ntest.a set\nEINVAL: attribute may not be updated\nEINVAL: attribute may not be updated\nEPERM: attribute is immutable\nEPERM: attribute is immutable\n{\"value\":\"1\",\"flags\":1}\nEPERM: attribute is immutable\n" >want &&
    test_cmp want out
'
test_expect_success 'an attribute without a value is set, and reads as if it were not' '
    flux start $minimal -Stest.null sh -c "! flux getattr test.null && flux lsattr | grep test.null" 2>err && grep "No such file" err
'
test_expect_success 'what others are told with several brokers' '
    flux start -s3 -Stbon.topo=kary:2 $minimal sh -c "flux exec -l -r 0-2 flux getattr broker.mapping; flux exec -l flux getattr broker.quorum
        flux getattr broker.critical-ranks; flux exec -r 1 flux getattr tbon.parent-endpoint; flux getattr tbon.endpoint" >out &&
    test $(grep -c "\[\[0,1,3,1\]\]" out) = 3 && grep "^[0-2]: 3$" out && grep "^0$" out && test $(grep -c ipc:// out) = 2
'
test_expect_success 'the version is that of the library; the owner is we; the uuid is one' '
    flux start $minimal sh -c "flux getattr version; flux getattr security.owner; flux getattr broker.uuid; flux getattr broker.starttime; flux getattr hostname" >out &&
    flux version | grep "$(sed -n 1p out)" && test "$(sed -n 2p out)" = "$(id -u)" &&
    sed -n 3p out | grep -x -E "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}" && sed -n 4p out | grep -x "[0-9]*\.[0-9][0-9]" &&
    test "$(sed -n 5p out)" = "$(uname -n)"
'
test_expect_success 'directories: made if missing, kept if there, below one that is sticky' '
    flux start $minimal sh -c "stat -c %a \$(flux getattr rundir) && test -L \$(flux getattr rundir)/bin/flux" >out && grep -x 700 out &&
    mkdir -m 700 here && flux start $minimal "-Sstatedir=$PWD/here" "-Srundir=$PWD/made" sh -c "flux getattr statedir-cleanup; flux getattr rundir-cleanup; ls -d made" >out &&
    printf "0\n1\nmade\n" >want && test_cmp want out && test -d here && test ! -e made &&
    mkdir -m 1777 sticky && flux start $minimal "-Srundir=$PWD/sticky" flux getattr rundir >out && grep "^$PWD/sticky/flux-" out &&
    test -d sticky && rmdir sticky &&
    mkdir -m 500 mine && { test_must_fail flux start $minimal "-Srundir=$PWD/mine" true 2>err; grep rundir err; }
'
test_expect_success 'the socket: for all, gone in the end; one that is in the way is removed' '
    : >sock && flux start $minimal "-Slocal-uri=local://$PWD/sock" sh -c "stat -c %a:%F sock; flux getattr rank" >out &&
    printf "777:socket\n0\n" >want && test_cmp want out && test ! -e sock
'

test_done
