#!/bin/sh
test_description='What the broker runs, and how: environment, process groups, shells, limits, signals that are passed on'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

minimal="-Sbroker.rc1_path= -Sbroker.rc3_path="

test_expect_success 'what belongs to an enclosing job or instance is not passed on' '
    vars="FLUX_JOB_ID FLUX_JOB_ID_PATH FLUX_ENCLOSING_ID FLUX_JOB_SIZE FLUX_JOB_NNODES FLUX_JOB_TMPDIR FLUX_TASK_RANK
        FLUX_TASK_LOCAL_ID FLUX_KVS_NAMESPACE FLUX_PROXY_REMOTE PMI_FOO PMIX_FOO FLUX_PMI_LIBRARY_PATH
        I_MPI_PMI_LIBRARY SLURM_FOO NOTIFY_SOCKET PALS_FOO" &&
    set -- && for v in $vars; do set -- "$@" "$v=alien-$v"; done && test $# = 17 &&
    env "$@" FLUX_URI=local:///alien KEPT=kept flux start "-Sbroker.rc1_path=env >rc1.env" -Sbroker.rc3_path="env >rc3.env" sh -c "env >rc2.env" &&
    for phase in rc1 rc2 rc3; do
        ! grep alien $phase.env && grep "^FLUX_URI=local://" $phase.env && grep "^KEPT=kept" $phase.env || return 1
    done
'
test_expect_success 'modules see nothing of it either' '
    env FLUX_JOB_ID=alien SLURM_FOO=alien flux start $minimal \
        sh -c "flux module load --exec --name=x $BUILDDIR/src/broker/.libs/testmod.so && tr \"\\0\" \"\\n\" </proc/\$(pgrep -P \$(flux getattr broker.pid) -x flux-module-exe)/environ; flux module remove x" >mod.env &&
    grep FLUX_MODULE_URI mod.env && ! grep alien mod.env
'
test_expect_success 'the shell is SHELL, for rc1 and one word that is no program' '
    printf "#!/bin/sh\necho \"\$@\" >>shell.log; exec /bin/sh \"\$@\"\n" >mysh && chmod +x mysh &&
    SHELL="$PWD/mysh" flux start "-Sbroker.rc1_path=true one;" -Sbroker.rc3_path= "true two;" &&
    printf -- "-c true one;\n-c true two;\n" >want && test_cmp want shell.log
'
test_expect_success 'one word that is a program, and several words, are run as they are' '
    printf "#!/bin/sh\nps -o comm= -p \$PPID\n" >prog && chmod +x prog &&
    flux start $minimal ./prog >out && grep flux-broker-0 out && flux start $minimal ./prog x >out && grep flux-broker-0 out
'
test_expect_success 'brokers are called by their rank, and may open as many files as the system lets them' '
    flux start -s2 $minimal sh -c "flux exec sh -c \"cat /proc/\\\$(flux getattr broker.pid)/comm\"" | sort >out &&
    printf "flux-broker-0\nflux-broker-1\n" >want && test_cmp want out &&
    (ulimit -Sn 200; flux start $minimal sh -c "grep \"open files\" /proc/\$(flux getattr broker.pid)/limits") >out &&
    awk "{ exit \$4 != \$5 || \$4 <= 200 }" out
'
cat >groups.sh <<'EOF'
broker=$(flux getattr broker.pid)
test $(ps -o pgid= -p $$) = $(ps -o pgid= -p $broker) && echo shared || echo own
EOF
test_expect_success 'a broker that leads its group shares it with the initial program, unless told not to' '
    lead () { perl -e "setpgrp; exec @ARGV" "$@"; } &&
    test $(lead flux start $minimal sh ./groups.sh) = shared && test $(lead flux start $minimal -Sbroker.rc2_pgrp sh ./groups.sh) = own &&
    test $(sh -c "flux start $minimal sh ./groups.sh; :") = own
'
test_expect_success 'rc1 never shares it' '
    perl -e "setpgrp; exec @ARGV" flux start -Sbroker.rc1_path="sh ./groups.sh >rc1.group" -Sbroker.rc3_path= true && test $(cat rc1.group) = own
'
test_expect_success 'what is left of a shared group is hung up at the end' '
    perl -e "setpgrp; exec @ARGV" flux start $minimal sh -c "sleep 1000 & echo \$! >left" &&
    wait_until sh -c "! kill -0 $(cat left)"
'
test_expect_success 'USR1 and USR2 are for the jobs' '
    cat >usr.sh <<-\EOF &&
	for sig in USR1 USR2; do
	    rm -f ready
	    id=$(flux submit sh -c "trap \"exit 5\" $sig; touch ready; while :; do sleep 0.01; done")
	    until test -e ready; do :; done
	    kill -$sig $(flux getattr broker.pid)
	    flux job attach $id; test $? = 5 || exit 1
	done
	EOF
    flux start sh ./usr.sh
'
test_expect_success 'who pretends to be somebody else has no modules, and so no instance' '
    test_expect_code 1 env FLUX_HANDLE_USERID=1 flux start true 2>err &&
    test_expect_code 1 env FLUX_HANDLE_ROLEMASK=2 flux start true 2>err
'
test_expect_success 'on a terminal, without a program, there is a shell, in the foreground' '
    printf "test -t 0 && echo a-tty; flux getattr size; exit 4\n" >keys &&
    SHELL=/bin/sh test_expect_code 4 script -qec "flux start $minimal" /dev/null <keys >typed && grep a-tty typed &&
    SHELL=/bin/sh test_expect_code 4 script -qec "flux start $minimal /bin/sh" /dev/null <keys >typed && grep a-tty typed &&
    test_expect_code 1 flux start $minimal sh </dev/null 2>err && grep "stdin is not a tty" err &&
    flux start $minimal true </dev/null
'

test_done
