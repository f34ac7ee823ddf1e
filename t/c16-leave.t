#!/bin/sh
test_description='Modules go while they work: every request that they took is answered'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

live=$BUILDDIR/t/live/leave_live
export live

# left: modules which have left it to the broker to answer.  Those that run on other
# hosts, too, must not be among them.
left='flux dmesg | sed -n "s/.*module \(.*\) left .* requests without an answer/\1/p" | sort -u'

test_expect_success 'kvs, kvs-watch, content, content-sqlite' '
    flux start -Sbroker.rc1_path= -Sbroker.rc3_path= --statedir="$(pwd)" sh -c "
        for m in heartbeat content content-sqlite kvs kvs-watch; do
            flux module load \$m || exit 1
        done
        \$live kvs >out1 || { cat out1; exit 1; }
        $left >left1
        for m in kvs-watch kvs content-sqlite content heartbeat; do
            flux module remove \$m || exit 1
        done" &&
    test $(grep -c "^ok" out1) -ge 42 && test_must_be_empty left1
'
test_expect_success 'kvs of rank 0, with a commit of rank 1' '
    flux start -s2 -Sbroker.rc1_path= -Sbroker.rc3_path= sh -c "
        all=\"flux exec flux module\"
        for m in heartbeat content kvs; do
            \$all load \$m || exit 1
        done
        FLUX_URI=\${FLUX_URI%-*}-1 \$live ranks >out3 || { cat out3; exit 1; }
        for m in kvs content heartbeat; do
            flux exec -r1 flux module remove \$m && flux module remove \$m || exit 1
        done" &&
    test $(grep -c "^ok" out3) -ge 6
'
test_expect_success 'the modules of jobs' '
    flux start -Sbroker.module-nopanic=1 sh -c "
        \$live jobs >out2 || { cat out2; exit 1; }
        $left >left2" 2>err2 &&
    test $(grep -c "^ok" out2) -ge 52 &&
    ! grep -x -e kvs -e kvs-watch -e job-manager -e job-list left2
'
test_expect_success '... of which those of this host may leave it to the broker' '
    grep -x resource left2 && grep -x sched-simple left2
'
test_done
