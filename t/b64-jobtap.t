#!/bin/sh
test_description='plugins of the job-manager: loading, topics, what they may ask for'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

. "$T/jobtap.sh"

# done_well OP ID [S [I]], fails_with WORDS OP ID [S [I]]
done_well () {
    tap "$@" >answer && grep "\"rc\":0" answer
}
fails_with () {
    words=$1 && shift && tap "$@" >answer && grep "\"errno\":\"$words\"" answer
}
# submit ATTR...: submit "true" with these settings of the plugin, set id and dec
submit () {
    set -- $(printf -- '--setattr=tap.%s ' "$@") && id=$(flux submit "$@" true) &&
        dec=$(flux job id --to=dec $id)
}

three_are_pending () {
    $rpc job-manager.alloc-query | grep "alloc_pending\":3"
}
is_traced () {
    flux ping -c1 sched-simple && test -s trace
}

test_expect_success 'those built in are listed with -a, in their order' '
    flux jobtap list >none && test_must_be_empty none &&
    flux jobtap list -a >all && head -1 all >first && echo .priority-default >expected &&
    test_cmp expected first && test $(wc -l <all) -eq 11
'
test_expect_success 'plugins that are not there, or not well, are refused with a sentence' '
    test_must_fail flux jobtap load nosuch.so 2>err && grep "nosuch.so: No such plugin found" err &&
    test_must_fail flux jobtap load .nosuch 2>err && grep "No such plugin found" err &&
    test_must_fail flux jobtap load .begin-time 2>err && grep "already loaded" err &&
    test_must_fail flux jobtap load $TAP fail=true 2>err && grep "flux_plugin_init failed" err &&
    test_must_fail flux jobtap remove nosuch 2>err && grep "nosuch not found" err &&
    test_must_fail flux jobtap query nosuch 2>err && grep "nosuch: plugin not found" err &&
    $rpc job-manager.jobtap "{\"load\":\"$TAP\",\"conf\":[]}" >err;
    grep "EINVAL: jobptap: plugin conf must be a JSON object" err &&
    flux jobtap remove all && flux jobtap list >none && test_must_be_empty none
'
test_expect_success 'a plugin is loaded by its path, once' '
    flux jobtap load $TAP && flux jobtap list >list && echo tap.so >expected &&
    test_cmp expected list &&
    test_must_fail flux jobtap load $TAP 2>err && grep "tap.so already loaded" err
'
test_expect_success 'it is called for each topic, in order' '
    submit subscribe=1 annotate=1 && flux job wait-event -t 20 $id clean &&
    cat >expected <<-\EOF &&
	job.create 1 0 -1
	job.validate 1 0 -1
	job.new 1 0 -1
	job.event.validate 2 0 -1
	job.state.depend 2 1 -1
	job.event.depend 4 0 -1
	job.state.priority 4 2 -1
	job.event.priority 8 0 16
	job.state.sched 8 4 16
	job.event.annotations 8 0 16
	job.event.annotations 8 0 16
	job.event.alloc 16 0 16
	job.state.run 16 8 16
	job.event.start 16 0 16
	job.event.finish 32 0 16
	job.state.cleanup 32 16 16
	job.event.release 32 0 16
	job.event.free 32 0 16
	job.event.clean 64 0 16
	job.state.inactive 64 32 16
	job.inactive-add 64 0 16
	job.destroy 64 0 16
	EOF
    flux jobtap query tap.so | grep -o "\"job\.[^\"]*\"" | tr -d \" >calls &&
    test_cmp expected calls
'
test_expect_success 'what it kept of the job is gone with it' '
    flux jobtap query tap.so | grep "\"freed\":1"
'
test_expect_success 'its annotations are those of the job' '
    flux job eventlog $id | grep "alloc annotations=.*\"tap\":\"was here\""
'
test_expect_success 'it is called again when the job is purged' '
    flux job purge -f $id && flux jobtap query tap.so | grep "job.inactive-remove 64"
'
test_expect_success 'jobs are rejected with its reason, or one of ours' '
    test_must_fail flux submit --setattr=tap.reject=job.validate true 2>err && grep "tap says no" err &&
    test_must_fail flux submit --setattr=tap.reject=job.create true 2>err && grep "tap says no" err &&
    test_must_fail flux submit --setattr=tap.errno=job.validate true 2>err &&
    grep "rejected by job-manager plugin" err
'
test_expect_success 'it has dependency schemes of its own' '
    test_must_fail flux submit --dependency=tap-bad:x true 2>err && grep "bad value x" err &&
    id=$(flux submit --dependency=tap-ok:foo true) && dec=$(flux job id --to=dec $id) &&
    done_well dependency-add $dec foo &&
    fails_with "No such file or directory" dependency-remove $dec bar &&
    done_well dependency-add $dec bar && done_well dependency-remove $dec bar &&
    test "$(flux jobs -no {state} $id)" = DEPEND &&
    done_well dependency-remove $dec foo && flux job wait-event -t 20 $id clean &&
    fails_with "No such file or directory" dependency-add $dec foo &&
    flux job eventlog $id >log && test $(grep -c "dependency-add description=\"foo\"" log) -eq 1
'
test_expect_success 'a dependency added in DEPEND holds the job there' '
    submit hold=1 && flux job wait-event -t 20 $id dependency-add &&
    test "$(flux jobs -no {state} $id)" = DEPEND &&
    done_well dependency-remove $dec tap-hold && flux job wait-event -t 20 $id clean
'
test_expect_success 'priorities are its own, but for urgency' '
    hold priority=42 && flux job wait-event -t 20 $id priority | grep "priority=0" &&
    flux job urgency $id 16 && flux job wait-event -t 20 $id clean &&
    flux job eventlog $id | grep "priority priority=42" &&
    submit priority=-2 && flux job wait-event -t 20 $id depend &&
    test "$(flux jobs -no {state} $id)" = PRIORITY &&
    fails_with "Invalid argument" prolog-start $dec x &&
    done_well reprioritize $dec x 7 && flux job wait-event -t 20 $id clean &&
    flux job eventlog $id | grep "priority priority=7"
'
test_expect_success 'one that gives nonsense raises an exception that tells so' '
    submit "priority=\"x\"" &&
    flux job wait-event -t 20 $id exception >out &&
    grep "type=\"job.state.priority\" severity=4 note=\"arg_unpack: .*(job may be stuck in PRIORITY state)" out &&
    flux cancel $id && flux job wait-event -t 20 $id clean
'
test_expect_success 'a jobspec is updated before the job is validated' '
    submit update=1 && flux job wait-event -t 20 $id clean && flux job eventlog $id >log &&
    sed -n 2p log | grep "jobspec-update attributes.system.job.name=\"renamed\"" &&
    flux jobs -ano {name} $id | grep renamed
'
test_expect_success 'prolog and epilog hold the job' '
    submit prolog=1 epilog=1 && flux job wait-event -t 20 $id prolog-start &&
    fails_with "Invalid argument" update $dec attributes.system.x 1 &&
    done_well prolog-finish $dec tap-prolog && flux job wait-event -t 20 $id epilog-start &&
    done_well result $dec && grep "\"result\":1" answer && flux job wait-event -t 20 $id release &&
    done_well epilog-finish $dec tap-epilog && flux job wait-event -t 20 $id clean &&
    flux job eventlog $id | sed "s/^[^ ]* //; s/ .*//" >names &&
    printf "%s\n" submit validate depend priority alloc prolog-start prolog-finish start \
        finish epilog-start release epilog-finish free clean >expected &&
    test_cmp expected names
'
test_expect_success 'jobs are looked up, told apart and acted upon' '
    hold &&
    done_well lookup $dec && grep "\"jobspec\":{.*\"id\":$dec,.*\"urgency\":0,\"state\":8,\"priority\":0" answer &&
    fails_with "No such file or directory" lookup 17 &&
    done_well posted $dec nosuch && tap posted $dec depend | grep "\"rc\":1" &&
    done_well post $dec my-event 3 && flux job wait-event -t 20 $id my-event | grep i=3 &&
    done_well post-bare $dec bare && flux job wait-event -t 20 $id bare &&
    tap posted $dec bare | grep "\"rc\":1" &&
    done_well flag $dec debug && fails_with "Invalid argument" flag $dec nosuch &&
    fails_with "Invalid argument" result $dec &&
    done_well update $dec attributes.system.x 1 &&
    fails_with "Invalid argument" update $dec nosuch.x 1 &&
    done_well aux-get $dec item && done_well aux-delete $dec item &&
    fails_with "No such file or directory" aux-get $dec item &&
    fails_with "Invalid argument" raise $dec x 8 &&
    done_well raise $dec mild 3 && flux job wait-event -t 20 $id exception | grep "note=\"note 3\"" &&
    done_well subscribe $dec && done_well unsubscribe $dec &&
    fails_with "Invalid argument" call $dec job.new && tap call $dec tap.foo | grep "\"rc\":1" &&
    done_well sort 0 -state && fails_with "Invalid argument" sort 0 x &&
    done_well raise $dec cancel 0 && flux job wait-event -t 20 $id clean &&
    done_well result $dec && grep "\"result\":4" answer &&
    fails_with "No such file or directory" post $dec late
'
test_expect_success 'its services are for the owner, unless it says otherwise' '
    test_must_fail $rpc -u 1234 job-manager.tap.do "{\"op\":\"sort\"}" >err && grep EPERM err &&
    $rpc -u 1234 job-manager.tap.guest "{\"op\":\"sort\"}" | grep "\"rc\":-1"
'
test_expect_success 'updates of its keys are its to allow' '
    hold &&
    flux update $id tap=good && flux job wait-event -t 20 $id jobspec-update >out &&
    grep "attributes.system.tap=\"good\"" out && grep "attributes.system.tapped=\"good\"" out &&
    test_must_fail flux update $id tap=bad 2>err && grep "tap refuses bad" err &&
    flux cancel $id
'
test_expect_success 'a new configuration is shown to it, and may be refused' '
    echo "{\"tap\":{\"refuse\":\"this\"}}" >conf.json &&
    test_must_fail $rpc job-manager.config-reload "$(cat conf.json)" >err && grep "EINVAL: tap refuses: this" err &&
    $rpc job-manager.config-reload "{}"
'
test_expect_success 'active jobs are shown to a plugin that comes later' '
    flux jobtap remove "t*.so" && hold subscribe=1 && flux jobtap load $TAP &&
    flux jobtap query tap.so | grep -o "\"job\.[^\"]*\"" | tr -d \" >calls &&
    printf "%s\n" "job.create 8 0 0" "job.new 8 0 0" "job.priority.get 8 0 0" >expected &&
    test_cmp expected calls &&
    flux job urgency $id 16 && flux job wait-event -t 20 $id clean
'
test_expect_success 'the priorities of many jobs reach the scheduler in one message' '
    flux jobtap remove tap.so && flux module reload sched-simple mode=unlimited &&
    first=$(flux submit -n$(flux resource list -s all -no "{ncores}") sleep inf) && flux job wait-event -t 20 $first start &&
    submit priority=42 && a=$dec && submit priority=42 && b=$dec && submit priority=43 && c=$dec &&
    wait_until three_are_pending &&
    { flux module trace -f sched-simple >trace & } && pid=$! &&
    wait_until is_traced &&
    flux jobtap load $TAP && wait_until grep "^ *43" trace && kill $pid && tr -d " \n" <trace >flat &&
    grep "\[$a,42\],\[$b,42\],\[$c,43\]" flat && test $(grep -c "sched.prioritize" trace) -eq 1 &&
    flux cancel --all && flux queue drain && flux module reload sched-simple
'
test_expect_success 'a job that it left without priority is free when it goes' '
    submit priority=-2 && flux job wait-event -t 20 $id depend && flux jobtap remove tap.so &&
    flux job wait-event -t 20 $id clean
'
test_expect_success 'what is built in can be taken out and put back' '
    flux jobtap remove .dependency-after &&
    test_must_fail flux submit --dependency=afterany:f1 true 2>err &&
    grep "dependency scheme \"afterany\" not supported" err &&
    flux jobtap load .dependency-after &&
    test_must_fail flux submit --dependency=afterany:f1 true 2>err && grep "job not found" err &&
    flux jobtap remove .priority-default && id=$(flux submit true) &&
    flux job wait-event -t 20 $id depend && test "$(flux jobs -no {state} $id)" = PRIORITY &&
    flux jobtap load .priority-default && flux job wait-event -t 20 $id clean
'
test_expect_success 'so can what serves flux job last and flux post-job-event' '
    id=$(flux submit --urgency=0 true) && flux jobtap remove .history && flux jobtap remove .post-event &&
    test_must_fail flux job last 2>err && grep "Unknown service method" err &&
    test_must_fail flux post-job-event $id x 2>err && grep "Unknown service method" err &&
    flux jobtap load .history && flux jobtap load .post-event &&
    flux job last && flux post-job-event $id x && flux cancel $id
'
test_expect_success 'those built in are queried' '
    a=$(flux submit --urgency=0 true) && b=$(flux submit --dependency=afterany:$a true) &&
    flux jobtap query .dependency-after >out && dec=$(flux job id --to=dec $a) &&
    grep "\"path\":\"builtin\",\"dependencies\":\[{\"id\":[0-9]*,\"depid\":$dec,\"type\":\"after-finish\"" out &&
    c=$(flux submit --job-name=x --urgency=0 true) &&
    d=$(flux submit --job-name=x --dependency=singleton true) &&
    flux jobtap query .dependency-singleton | grep ":x\":{\"count\":2,\"singletons\":\[$(flux job id --to=dec $d)\]" &&
    flux cancel --all && flux queue drain
'
test_expect_success 'submit-hold.so: jobs are held when they come' '
    flux jobtap load submit-hold.so && id=$(flux submit true) &&
    flux job wait-event -t 20 $id priority | grep "priority=0" &&
    flux jobtap load -r submit-hold.so alloc-check.so &&
    flux job urgency $id 16 && flux job wait-event -t 20 $id clean
'
test_expect_success 'alloc-check.so: a job whose resources are taken is ended' '
    flux jobtap load alloc-bypass.so && id=$(flux run true && flux submit sleep inf) &&
    flux job wait-event -t 20 $id start && R=$(flux job info $id R) &&
    id2=$(flux submit --setattr=alloc-bypass.R="$R" true) && flux job wait-event -t 20 $id2 clean &&
    flux job eventlog $id2 | grep "exception type=\"alloc-check\" severity=0 note=\"resources already allocated\"" &&
    flux jobtap remove alloc-check.so
'
test_expect_success 'alloc-bypass.so: a job brings its resources along' '
    id2=$(flux submit --setattr=alloc-bypass.R="$R" true) && flux job wait-event -t 20 $id2 clean &&
    flux job eventlog $id2 | grep "set-flags flags=\[\"alloc-bypass\"\]" &&
    flux job eventlog $id2 | grep "alloc bypass=true" &&
    flux job eventlog $id2 | grep "finish status=0" &&
    flux cancel $id &&
    test_must_fail flux submit --setattr=alloc-bypass.R="{}" true 2>err && grep "alloc-bypass: invalid R" err
'

test_done
