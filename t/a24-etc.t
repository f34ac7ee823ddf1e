#!/bin/sh
test_description='etc: rc1 and rc3 as scripts, scripts of the site'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

etc=$SRCDIR/etc
rc="-Sbroker.rc1_path=$etc/rc1 -Sbroker.rc3_path=$etc/rc3"
modules='flux module list | sed "s/ .*//"'

test_expect_success 'the scripts bring up, and take down, what flux modprobe does' '
    flux start sh -c "$modules" >want && flux start $rc sh -c "$modules" >out 2>err &&
    test_must_be_empty err && test_cmp want out && grep sched-simple out
'
test_expect_success 'so on other ranks' '
    on1="FLUX_URI=\${FLUX_URI%-*}-1; export FLUX_URI" &&
    flux start -s2 sh -c "$on1; $modules" >want && flux start -s2 $rc sh -c "$on1; $modules" >out 2>err &&
    test_must_be_empty err && test_cmp want out && ! grep job-manager out && grep job-info out
'
test_expect_success 'jobs run, and those that still run at the end are ended' '
    flux start $rc sh -c "flux run echo there; flux submit sleep 1000 >id" >out 2>err && echo there >want &&
    test_cmp want out && test_must_be_empty err
'
test_expect_success 'start and end are written down; archives, state, other modules' '
    mkdir -m 700 state && flux start $rc --statedir=state flux kvs put mill=race &&
    flux start $rc --statedir=state "-Scontent.dump=$PWD/end.tgz" sh -c "flux kvs get mill; flux startlog" >out &&
    sed -n 1p out | grep race && test $(wc -l <out) = 3 && ! grep crashed out &&
    flux start $rc "-Scontent.restore=$PWD/end.tgz" flux kvs get mill | grep race &&
    FLUX_MODPROBE_DISABLE=job-list,job-ingest FLUX_SCHED_MODULE=none flux start $rc sh -c "$modules" >out &&
    ! grep -e job-list -e job-ingest -e sched-simple out && grep job-exec out
'
test_expect_success 'a module that does not load ends rc1, and the instance' '
    test_expect_code 1 env FLUX_SCHED_MODULE=nosuch flux start $rc touch ran 2>err && test ! -e ran &&
    grep "rc1.0: flux-module: load nosuch: module not found in search path" err
'
test_expect_success 'their other steps may be had one at a time' '
    test_expect_code 1 flux start flux modprobe task nosuch 2>err && grep "task: restore, start-event" err &&
    flux start flux modprobe task push-cleanup &&
    test_expect_code 1 flux start -Sbroker.rc1_path= -Sbroker.rc3_path= flux modprobe task start-event
'
test_expect_success 'scripts of the site are looked for where the configuration is' '
    test -x "$(flux config builtin --intree confdir)/rc1" && test -x "$(flux config builtin confdir)/rc3" &&
    test -f "$(flux config builtin confdir)/rc1.d/README" && flux config builtin --installed confdir | grep "/flux$"
'
test_expect_success 'rc1 and rc3 of somebody else' '
    printf "#!/bin/sh\nflux module load heartbeat period=1m && flux setattr test.rc up\n" >my-rc1 &&
    printf "#!/bin/sh\nflux module remove heartbeat && touch my-rc3-ran\n" >my-rc3 && chmod +x my-rc1 my-rc3 &&
    flux start -Sbroker.rc1_path=./my-rc1 -Sbroker.rc3_path=./my-rc3 sh -c "flux getattr test.rc; flux module list" >out &&
    sed -n 1p out | grep up && grep heartbeat out && ! grep kvs out && test -e my-rc3-ran
'

test_done
