#!/bin/sh
test_description='perilog.so: a command before a job starts, and one after it ended'
. "$(dirname "$0")/lib.sh"
under_flux -s2
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
dir=$(pwd)
host=$(hostname)

# script.sh NAME: tell that it ran, wait while NAME.wait is there, fail if told so
cat >script.sh <<-END_SCRIPT
	#!/bin/sh
	cd "$dir" && rank=\$(flux getattr rank)
	test -f \$1.stubborn && trap "" TERM
	echo "\$rank \$FLUX_JOB_ID \$FLUX_JOB_USERID \$FLUX_JOB_RANKS" >>\$1.ran
	echo "words of \$1"
	echo "sigh of \$1" >&2
	while test -f \$1.wait; do perl -e 'select undef, undef, undef, 0.02'; done
	test -f \$1.signal.\$rank && kill -9 \$\$
	! test -f \$1.fail.\$rank || exit 3
	END_SCRIPT
chmod +x script.sh

# load [prolog|epilog] SETTINGS ...: the configuration from now on
load () {
    rm -f *.wait *.fail.* *.signal.* *.stubborn *.ran
    conf= && while test $# -gt 1; do
        conf="$conf${conf:+,}\"$1\":{\"command\":[\"$dir/script.sh\",\"$1\"]$2}" && shift 2
    done
    $rpc job-manager.config-reload "{\"job-manager\":{$conf}}"
}
# refused CONF: why?
refused () {
    ! $rpc job-manager.config-reload "{\"job-manager\":$1}"
}
# names JOB: of its events from alloc on
names () {
    flux job eventlog $1 | sed "s/^[^ ]* //; s/ .*//" | sed -n '/^alloc/,$p' | xargs
}
over () {
    flux job wait-event -t 60 $1 clean >/dev/null
}
# released: so, its epilog waiting until job-exec has told that the tasks are gone,
# which it does when the output is stored
released () {
    flux job wait-event -t 60 $1 release >/dev/null && rm epilog.wait && over $1
}
undrain_all () {
    wait_until sh -c "flux resource drain -no {state} | grep -x drained" && flux resource undrain $1
}
plain () {
    flux job id --to=f58plain $1
}
logged () {
    wait_until sh -c "flux dmesg | grep -F '$1'"
}

test_expect_success 'without the plugin such a configuration is refused' '
    refused "{\"prolog\":{\"command\":[\"true\"]}}" >err && grep "needs the plugin perilog.so" err
'
test_expect_success 'what it is configured with is checked, and what was before stays' '
    flux jobtap load perilog.so && load prolog "" &&
    refused "{\"prolog\":{\"command\":\"x\"}}" >err && grep "\[job-manager.prolog\]: command must be an array" err &&
    refused "{\"epilog\":{}}" >err && grep "\[job-manager.epilog\]: no command specified and exec.imp not defined" err &&
    refused "{\"prolog\":{\"command\":[\"a\"],\"timeout\":\"x\"}}" >err && grep "\[job-manager.prolog\]: invalid prolog timeout" err &&
    refused "{\"epilog\":{\"command\":[\"a\"],\"kill-timeout\":-1}}" >err && grep "invalid kill-timeout" err &&
    refused "{\"epilog\":{\"command\":[\"a\"],\"x\":1}}" >err && grep "\[job-manager.epilog\]: .*left unpacked: x" err &&
    refused "{\"perilog\":{\"log-ignore\":\"x\"}}" >err && grep "log-ignore must be an array of strings" err &&
    refused "{\"perilog\":{\"log-ignore\":[\"(\"]}}" >err && grep "log-ignore: (: " err &&
    flux jobtap query perilog.so >out && grep "\"conf\":{\"prolog\":{\"command\":\[\"$dir/script.sh\",\"prolog\"\]" out &&
    grep "\"per-rank\":false,\"timeout\":1800.0,\"kill-timeout\":60.0,\"cancel-on-exception\":true" out
'
test_expect_success 'both run on rank 0, with the job in their environment' '
    load prolog "" epilog "" && touch epilog.wait && id=$(flux submit -N2 -n2 true) && released $id &&
    echo "alloc prolog-start prolog-finish start finish epilog-start release epilog-finish free clean" >want &&
    names $id >got && test_cmp want got &&
    echo "0 $(plain $id) $(id -u) 0-1" >want && test_cmp want prolog.ran && test_cmp want epilog.ran &&
    flux job eventlog $id >log && grep "prolog-start description=\"job-manager.prolog\"" log &&
    grep "epilog-finish description=\"job-manager.epilog\" status=0" log
'
test_expect_success 'what they say is logged' '
    logged "$(plain $id): prolog: $host (rank 0): stdout: words of prolog" &&
    logged "$(plain $id): epilog: $host (rank 0): stderr: sigh of epilog"
'
test_expect_success 'unless it is said to be ignored' '
    $rpc job-manager.config-reload "{\"job-manager\":{\"prolog\":{\"command\":[\"$dir/script.sh\",\"prolog\"]},\"perilog\":{\"log-ignore\":[\"^nothing\",\"w[aeio]rds\"]}}}" &&
    id=$(flux submit true) && over $id && logged "$(plain $id): prolog: $host (rank 0): stderr: sigh" &&
    ! flux dmesg | grep "$(plain $id): .*words"
'
test_expect_success 'the job does not start before its prolog ends, and holds its resources during its epilog' '
    load prolog "" epilog "" && touch prolog.wait epilog.wait &&
    id=$(flux submit true) && wait_until test -s prolog.ran && test "$(flux jobs -no {state} $id)" = RUN &&
    flux jobtap query perilog.so | grep "\"procs\":{\"$(plain $id)\":{\"name\":\"prolog\",\"state\":\"running\",\"active_ranks\":\"0\"}}" &&
    test "$(names $id)" = "alloc prolog-start" && rm prolog.wait &&
    wait_until test -s epilog.ran && test "$(flux jobs -no {state} $id)" = CLEANUP &&
    ! flux job eventlog $id | grep free && rm epilog.wait && over $id
'
test_expect_success 'a job whose prolog fails does not start, and has an epilog' '
    load prolog "" epilog "" && touch prolog.fail.0 && id=$(flux submit true) && over $id &&
    echo "alloc prolog-start exception prolog-finish epilog-start epilog-finish free clean" >want &&
    names $id >got && test_cmp want got && flux job eventlog $id >log &&
    grep "exception type=\"prolog\" severity=0 note=\"prolog exited with code=3 on $host (rank 0)\"" log &&
    grep "prolog-finish description=\"job-manager.prolog\" status=768" log && test_must_fail flux job status $id
'
test_expect_success 'one that is killed, one that cannot be run' '
    load prolog "" && touch prolog.signal.0 && id=$(flux submit true) && over $id &&
    flux job eventlog $id | grep "note=\"prolog killed by signal 9 on $host (rank 0)\"" &&
    $rpc job-manager.config-reload "{\"job-manager\":{\"prolog\":{\"command\":[\"/nosuch\"]}}}" &&
    id=$(flux submit true) && over $id && flux job eventlog $id | grep "prolog exited with code=127 on"
'
test_expect_success 'an epilog that fails does the job no harm' '
    load epilog "" && touch epilog.fail.0 && id=$(flux submit true) && over $id && flux job status $id &&
    flux job eventlog $id | grep "exception type=\"epilog\" severity=2 note=\"epilog exited with code=3 on $host (rank 0)\""
'
test_expect_success 'a job that could not be started has an epilog, too' '
    load epilog "" && id=$(flux submit --setattr=system.exec.test.mock_exception=init true) && over $id &&
    echo "alloc exception release epilog-start epilog-finish free clean" >want && names $id >got && test_cmp want got
'
test_expect_success 'per rank: on each, and those that fail are drained' '
    load prolog ",\"per-rank\":true" && touch prolog.fail.1 && id=$(flux submit -N2 -n2 true) && over $id &&
    sort prolog.ran >got && printf "%s\n" "0 $(plain $id) $(id -u) 0-1" "1 $(plain $id) $(id -u) 0-1" >want && test_cmp want got &&
    flux job eventlog $id | grep "prolog exited with code=3 on $host (rank 1)" &&
    echo "1 prolog failed for job $(plain $id)" >want && flux resource drain -no "{ranks} {reason}" >got && test_cmp want got &&
    undrain_all 1
'
test_expect_success 'the others go on, or not' '
    load prolog ",\"per-rank\":true,\"exit-on-first-error\":true" && touch prolog.wait prolog.signal.1 &&
    cat >first.sh <<-EOF &&
	#!/bin/sh
	test \$(flux getattr rank) = 1 && exit 5
	touch "$dir/first.there"; exec sleep inf
	EOF
    chmod +x first.sh && $rpc job-manager.config-reload "{\"job-manager\":{\"prolog\":{\"command\":[\"$dir/first.sh\"],\"per-rank\":true,\"exit-on-first-error\":true}}}" &&
    id=$(flux submit -N2 -n2 true) && over $id &&
    flux job eventlog $id | grep "prolog exited with code=5 on $host (rank 1)" &&
    echo "1" >want && flux resource drain -no "{ranks}" >got && test_cmp want got && undrain_all 1
'
test_expect_success 'one that takes too long is ended, and its ranks are drained' '
    load prolog ",\"per-rank\":true,\"timeout\":\"0.1s\"" && touch prolog.wait && id=$(flux submit -N2 -n2 true) && over $id &&
    flux job eventlog $id >log && grep "type=\"prolog\" severity=0 note=\"prolog timed out on $host,$host (rank 0-1)\"" log &&
    grep "prolog-finish .*status=15" log &&
    echo "0-1 prolog timed out for job $(plain $id)" >want && flux resource drain -no "{ranks} {reason}" >got && test_cmp want got &&
    undrain_all 0-1
'
test_expect_success 'a prolog ends when its job is canceled' '
    load prolog ",\"per-rank\":true" epilog "" && touch prolog.wait && id=$(flux submit true) &&
    wait_until test -s prolog.ran && flux cancel $id && over $id &&
    echo "alloc prolog-start exception prolog-finish epilog-start epilog-finish free clean" >want &&
    names $id >got && test_cmp want got && flux job eventlog $id | grep "prolog-finish .*status=15" &&
    flux resource drain -no "{ranks}" >got && test_must_be_empty got
'
test_expect_success 'a prolog that does not end then is left alone, and its ranks are drained' '
    load prolog ",\"per-rank\":true,\"kill-timeout\":0.1" && touch prolog.wait prolog.stubborn && id=$(flux submit true) &&
    wait_until test -s prolog.ran && flux cancel $id && over $id && rank=$(cut -d" " -f1 prolog.ran) &&
    flux job eventlog $id | grep "note=\"prolog canceled then timed out on $host (rank $rank)\"" &&
    echo "$rank prolog canceled then timed out for job $(plain $id)" >want && flux resource drain -no "{ranks} {reason}" >got &&
    test_cmp want got && undrain_all $rank
'
test_expect_success 'neither does one that is not to, nor an epilog' '
    load prolog ",\"cancel-on-exception\":false" epilog "" && touch prolog.wait epilog.wait && id=$(flux submit true) &&
    wait_until test -s prolog.ran && flux cancel $id && flux job wait-event -t 20 $id exception &&
    rm prolog.wait && wait_until test -s epilog.ran && flux job raise $id && rm epilog.wait && over $id &&
    flux job eventlog $id >log && grep "prolog-finish .*status=0" log && grep "epilog-finish .*status=0" log
'
test_expect_success 'an epilog is canceled if that is wanted' '
    load epilog ",\"cancel-on-exception\":true" && touch epilog.wait && id=$(flux submit true) &&
    wait_until test -s epilog.ran && flux job raise $id && over $id && flux job eventlog $id | grep "epilog-finish .*status=15"
'
test_expect_success 'what is under way when the job-manager ends is run again' '
    load prolog "" epilog "" && touch prolog.wait epilog.wait && id=$(flux submit true) && wait_until test -s prolog.ran &&
    reload () {
        flux module remove sched-simple && flux module remove job-exec && flux module remove job-list &&
            flux module reload job-manager && flux module load sched-simple && flux module load job-exec &&
            flux module load job-list
    } &&
    flux config get >all.json && jq -c ". + {\"job-manager\": ((.\"job-manager\" // {}) + {plugins: [{load: \"perilog.so\"}],
        prolog: {command: [\"$dir/script.sh\", \"prolog\"]}, epilog: {command: [\"$dir/script.sh\", \"epilog\"]}})}" all.json >new.json &&
    flux config load <new.json && reload && wait_until sh -c "test \$(wc -l <prolog.ran) -eq 2" &&
    rm prolog.wait && wait_until test -s epilog.ran && reload && wait_until sh -c "test \$(wc -l <epilog.ran) -eq 2" &&
    released $id &&
    echo "alloc prolog-start prolog-finish start finish epilog-start release epilog-finish free clean" >want &&
    names $id >got && test_cmp want got
'
test_expect_success 'so it is when the plugin is taken out and comes back' '
    load prolog "" && touch prolog.wait && id=$(flux submit true) && wait_until test -s prolog.ran &&
    flux jobtap load -r perilog.so perilog.so && wait_until sh -c "test \$(wc -l <prolog.ran) -eq 2" && rm prolog.wait && over $id &&
    flux job status $id
'
test_expect_success 'a prolog of a job that was canceled meanwhile is over' '
    load prolog ",\"cancel-on-exception\":false" && touch prolog.wait && id=$(flux submit true) && wait_until test -s prolog.ran &&
    flux cancel $id && flux job wait-event -t 20 $id exception && flux jobtap load -r perilog.so perilog.so && over $id &&
    flux job eventlog $id | grep "prolog-finish .*status=15" && test $(wc -l <prolog.ran) -eq 1
'
test_expect_success 'none is begun when the instance has been shut down' '
    cat >late.sh <<-EOF &&
	#!/bin/sh
	touch "$dir/late.ran"
	EOF
    cat >rc3.sh <<-EOF &&
	#!/bin/sh
	flux cancel --all && flux queue drain && touch "$dir/drained"
	flux modprobe rc3
	EOF
    chmod +x late.sh rc3.sh && rm -f late.ran && (
        FLUX_DISABLE_JOB_CLEANUP=t flux start -Sbroker.rc3_path="\"$dir/rc3.sh\"" \
            --conf="job-manager.plugins=[{\"load\":\"perilog.so\"}]" \
            --conf="job-manager.epilog.command=[\"$dir/late.sh\"]" \
            sh -c "id=\$(flux submit sleep inf) && flux job wait-event -t 20 \$id start"
    ) && test -f drained && ! test -f late.ran &&
    flux start --conf="job-manager.plugins=[{\"load\":\"perilog.so\"}]" \
        --conf="job-manager.epilog.command=[\"$dir/late.sh\"]" \
        sh -c "id=\$(flux submit sleep inf) && flux job wait-event -t 20 \$id start" && test -f late.ran
'
test_expect_success 'a job that no exec service has gets its epilog when it is canceled' '
    load prolog "" epilog "" && flux module remove job-exec &&
    id=$(flux submit true) &&
    flux job wait-event -t 20 $id prolog-finish &&
    flux cancel $id && over $id &&
    names $id >names &&
    echo "alloc prolog-start prolog-finish exception epilog-start epilog-finish free clean" >expect &&
    test_cmp expect names && test -f epilog.ran
'
test_expect_success '... once, however often, and not when nothing was done for it' '
    load prolog "" epilog "" && touch epilog.wait &&
    id=$(flux submit true) && flux job wait-event -t 20 $id prolog-finish &&
    flux cancel $id && flux job wait-event -t 20 $id epilog-start && flux cancel $id &&
    rm epilog.wait && over $id &&
    names $id | grep -o epilog-start >starts && test $(wc -l <starts) -eq 1 &&
    load epilog "" && id=$(flux submit true) && flux job wait-event -t 20 $id alloc &&
    flux cancel $id && over $id &&
    echo "alloc exception free clean" >expect && names $id >names && test_cmp expect names &&
    flux module load job-exec && load epilog "" && id=$(flux submit true) && over $id && names $id | grep epilog-start
'

test_done
