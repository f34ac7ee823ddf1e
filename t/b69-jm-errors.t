#!/bin/sh
test_description='what the job-manager refuses: with which error, in which words, in which order'
. "$(dirname "$0")/lib.sh"
under_flux --conf=exec.testexec.allow-guests=true
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc

# table: lines "WANTED | [-u USERID] [-s] METHOD [PAYLOAD]" (no blanks in it) on standard
# input; a method is the job-manager's unless it says job-ingest.METHOD
table () {
    bad=0
    while IFS='|' read -r want call; do
        set -f -- $call && pre= && while test "${1#-}" != "$1"; do
            test $1 = -u && pre="$pre -u $2" && shift || pre="$pre $1"
            shift
        done
        case $1 in job-*) topic=$1 ;; *) topic=job-manager.$1 ;; esac
        want=${want% } && got=$($rpc $pre $topic ${2+"$2"})
        set +f
        test "$got" = "$want" || { bad=1 && echo "$call: $got, not $want"; }
    done
    return $bad
}
slot='[{"type":"slot","count":1,"label":"t","with":[{"type":"core","count":1}]}]'
task='[{"command":["x"],"slot":"t","count":{"per_slot":1}}]'
# job ID USERID URGENCY FLAGS: as job-ingest submits it
job () {
    $rpc job-manager.submit "{\"jobs\":[{\"id\":$1,\"userid\":$2,\"urgency\":$3,\"t_submit\":1.5,\"flags\":$4,\"jobspec\":{\"version\":1,\"resources\":$slot,\"tasks\":$task,\"attributes\":{}}}]}" |
        grep "{\"errors\":\[\]}"
}
# refused ID SENTENCE [SYSTEM]: a job with that in its jobspec (attributes.system)
refused () {
    echo "{\"errors\":[[$1,\"$2\"]]} | submit {\"jobs\":[{\"id\":$1,\"userid\":1001,\"urgency\":0,\"t_submit\":1.5,\"flags\":0,\"jobspec\":{\"version\":1,\"attributes\":{\"system\":$3}}}]}"
}
dep () {
    echo "{\"dependencies\":[{\"scheme\":\"$1\",\"value\":\"$2\"}]}"
}
owner='EPERM: Request requires owner credentials'
proto='EPROTO: Protocol error'

# 7: running, of user 1001; 8: waits for 2
# 2: pending, of user 1001; 3: pending, of user 1002; 4: inactive, of user 1001; 5: pending and waitable
test_expect_success 'jobs of some users' '
    job 2 1001 0 0 && job 3 1002 0 0 && job 4 1001 0 0 && job 5 $(id -u) 0 4 &&
    $rpc job-manager.raise "{\"id\":4,\"severity\":0,\"type\":\"cancel\"}" &&
    run=$(flux submit sleep inf) && flux job wait-event -t 20 $run start && run=$(flux job id --to=dec $run) &&
    $rpc job-manager.submit "{\"jobs\":[{\"id\":7,\"userid\":1001,\"urgency\":31,\"t_submit\":1.5,\"flags\":0,\"jobspec\":{\"version\":1,\"resources\":$slot,\"tasks\":$task,\"attributes\":{\"system\":{\"duration\":0,\"exec\":{\"test\":{\"run_duration\":\"1h\"}}}}}}]}" &&
    wait_until sh -c "$rpc job-manager.getattr \"{\\\"id\\\":7,\\\"attrs\\\":[\\\"eventlog\\\"]}\" | grep \\\"start\\\"" &&
    $rpc job-manager.submit "{\"jobs\":[{\"id\":8,\"userid\":1001,\"urgency\":16,\"t_submit\":1.5,\"flags\":0,\"jobspec\":{\"version\":1,\"attributes\":{\"system\":$(dep afterany 2)}}}]}"
'
test_expect_success 'what is for the instance owner is not for guests' '
    for m in submit list wait drain idle purge purge-id events-journal queue-enable queue-start jobtap jobtap-query \
        sched-hello sched-ready resource-status exec-hello housekeeping-kill set-batch-timeout config-reload post-event.post
    do echo "$owner | -u 1001 $m {}"; done | table
'
test_expect_success 'there are no other methods' '
    for m in annotate priority info dump alloc-admin submit-admin x; do
        echo "ENOSYS: Unknown service method '"'job-manager.\$m'"' | $m {}"
    done | table
'
test_expect_success 'a request without payload, or without its members, or with members of another type' '
    for m in submit list getattr history.get raise raiseall kill urgency memo update post-event.post purge purge-id \
        queue-enable queue-start jobtap-query sched-ready exec-hello housekeeping-kill set-batch-timeout; do
        echo "$proto | $m" && echo "$proto | $m {}" && echo "$proto | $m []"
    done | table &&
    table <<-EOF
	EPROTO: error decoding request | killall
	EPROTO: error decoding request | killall {}
	EPROTO: error decoding request | killall {"dry_run":true,"userid":4294967296,"signum":15}
	EPROTO: error decoding request | killall {"dry_run":true,"userid":-2147483649,"signum":15}
	$proto | raiseall {"dry_run":true,"userid":4294967296,"states":62,"severity":0,"type":"x"}
	$proto | raiseall {"dry_run":true,"userid":-4294967297,"states":62,"severity":0,"type":"x"}
	$proto | submit {"jobs":[{"id":6,"userid":4294967295,"urgency":16,"t_submit":1.5,"flags":0,"jobspec":{}}]}
	$proto | submit {"jobs":[{"id":6,"userid":-1,"urgency":16,"t_submit":1.5,"flags":0,"jobspec":{}}]}
	$proto | submit {"jobs":[{"id":6,"userid":0,"urgency":32,"t_submit":1.5,"flags":0,"jobspec":{}}]}
	{"errors":[[2,"job id is in use"]]} | submit {"jobs":[{"id":2,"userid":0,"urgency":16,"t_submit":1.5,"flags":0,"jobspec":{}}]}
	EPROTO: malformed wait request | wait
	EPROTO: malformed wait request | wait {}
	EPROTO: malformed wait request | wait {"id":"2"}
	$proto | events-journal
	$proto | -s events-journal
	$proto | queue-status
	$proto | queue-status []
	$proto | jobtap
	$proto | raise {"id":"2","severity":0,"type":"x"}
	$proto | raise {"id":2,"severity":"0","type":"x"}
	$proto | raise {"id":2,"severity":0,"type":5}
	$proto | kill {"id":2,"signum":"x"}
	$proto | urgency {"id":2,"urgency":"x"}
	$proto | update {"id":2,"updates":[]}
	$proto | list {"max_entries":"x"}
	$proto | list {"max_entries":-1}
	$proto | getattr {"id":2,"attrs":{}}
	$proto | purge {"age_limit":-1,"num_limit":-1,"batch":1,"force":false}
	$proto | purge-id {"id":2,"force":"x"}
	$proto | queue-enable {"enable":1,"all":false}
	$proto | queue-start {"start":1,"all":false}
	$proto | submit {"jobs":[{"id":6}]}
	$proto | submit {"jobs":[{"id":6,"userid":0,"urgency":16,"t_submit":1.5,"flags":0,"jobspec":[]}]}
	$proto | set-batch-timeout {"timeout":"x"}
	$proto | housekeeping-kill {"signum":"x"}
	$proto | jobtap {"load":5}
	EOF
'
test_expect_success 'getattr' '
    table <<-EOF
	EINVAL: unknown job | getattr {"id":99,"attrs":[]}
	EPERM: guests can only access their own jobs | -u 1001 getattr {"id":3,"attrs":[]}
	EPROTO: attribute list contains non-string | getattr {"id":2,"attrs":["eventlog",5]}
	ENOENT: unknown attr X | getattr {"id":2,"attrs":["X"]}
	ENOENT: R is NULL | getattr {"id":2,"attrs":["R"]}
	EINVAL: could not parse python-style slice expression | history.get {"slice":"x"}
	{} | -u 1001 getattr {"id":2,"attrs":[]}
	EOF
'
test_expect_success 'raise and raiseall' '
    table <<-EOF
	EPROTO: invalid exception severity | raise {"id":99,"severity":8,"type":"x"}
	EPROTO: invalid exception severity | raise {"id":99,"severity":-1,"type":""}
	EPROTO: invalid exception type | raise {"id":99,"severity":0,"type":""}
	EPROTO: invalid exception type | raise {"id":99,"severity":0,"type":"a\u0020b"}
	EPROTO: invalid exception type | raise {"id":99,"severity":0,"type":"a\tb"}
	EPROTO: invalid exception type | raise {"id":99,"severity":0,"type":"a=b"}
	ENOENT: unknown job id | raise {"id":99,"severity":0,"type":"x"}
	ENOENT: job is inactive | raise {"id":4,"severity":0,"type":"x"}
	EPERM: guests can only raise exceptions on their own jobs | -u 1001 raise {"id":3,"severity":0,"type":"x"}
	EPERM: guests can only raise exceptions on their own jobs | -u 1001 raiseall {"dry_run":true,"userid":-1,"states":62,"severity":0,"type":"x"}
	EPERM: guests can only raise exceptions on their own jobs | -u 1001 raiseall {"dry_run":true,"userid":4294967295,"states":62,"severity":0,"type":"x"}
	EPERM: guests can only raise exceptions on their own jobs | -u 1001 raiseall {"dry_run":true,"userid":1002,"states":62,"severity":0,"type":"x"}
	EPROTO: invalid exception severity | raiseall {"dry_run":true,"userid":-1,"states":62,"severity":8,"type":"x"}
	EPROTO: invalid exception type | raiseall {"dry_run":true,"userid":-1,"states":62,"severity":0,"type":""}
	{"count":3,"errors":0} | -u 1001 raiseall {"dry_run":true,"userid":1001,"states":62,"severity":0,"type":"x"}
	{"count":6,"errors":0} | raiseall {"dry_run":true,"userid":-1,"states":62,"severity":0,"type":"x"}
	EOF
'
test_expect_success 'kill and killall' '
    table <<-EOF
	EINVAL: Invalid signal number | kill {"id":99,"signum":0}
	EINVAL: Invalid signal number | kill {"id":99,"signum":65}
	EINVAL: unknown job id | kill {"id":99,"signum":15}
	EINVAL: job is inactive | kill {"id":4,"signum":15}
	EPERM: guests may only send signals to their own jobs | -u 1001 kill {"id":3,"signum":15}
	EPERM: guests may only send signals to their own jobs | -u 1001 kill {"id":$run,"signum":15}
	EINVAL: job is not running | -u 1001 kill {"id":2,"signum":15}
	EPERM: guests can only kill their own jobs | -u 1001 killall {"dry_run":true,"userid":1002,"signum":0}
	EPERM: guests can only kill their own jobs | -u 1001 killall {"dry_run":true,"userid":-1,"signum":15}
	EINVAL: Invalid signal number | killall {"dry_run":true,"userid":-1,"signum":0}
	EINVAL: Invalid signal number | killall {"dry_run":true,"userid":-1,"signum":65}
	{"count":2,"errors":0} | killall {"dry_run":true,"userid":-1,"signum":15}
	{"count":1,"errors":0} | -u 1001 killall {"dry_run":true,"userid":1001,"signum":15}
	EOF
'
test_expect_success 'urgency' '
    table <<-EOF
	EINVAL: urgency value is out of range | urgency {"id":99,"urgency":32}
	EINVAL: urgency value is out of range | urgency {"id":99,"urgency":-1}
	EINVAL: unknown job | urgency {"id":99,"urgency":1}
	EINVAL: job is inactive | urgency {"id":4,"urgency":1}
	EPERM: guests can only reprioritize their own jobs | -u 1001 urgency {"id":3,"urgency":1}
	EPERM: guests can only adjust urgency <= default | -u 1001 urgency {"id":2,"urgency":17}
	EINVAL: urgency cannot be changed once resources are allocated | urgency {"id":$run,"urgency":1}
	{"old_urgency":0} | -u 1001 urgency {"id":2,"urgency":0}
	{"old_urgency":0} | urgency {"id":2,"urgency":0}
	EOF
'
test_expect_success 'memo, post-event' '
    table <<-EOF
	ENOENT: unknown job id | memo {"id":99,"memo":{}}
	ENOENT: job is inactive | memo {"id":4,"memo":{}}
	EPERM: guests can only add a memo to their own jobs | -u 1001 memo {"id":3,"memo":{}}
	EINVAL: memo must be an object | -u 1001 memo {"id":2,"memo":5}
	ENOENT: No such file or directory | post-event.post {"id":99,"name":"x"}
	ENOENT: No such file or directory | post-event.post {"id":4,"name":"x"}
	$proto | post-event.post {"id":2,"name":"exception"}
	ENOENT: No such file or directory | post-event.post {"id":8,"name":"dependency-remove","context":{"description":"x"}}
	EINVAL: Invalid argument | post-event.post {"id":2,"name":"submit","context":{"userid":0,"urgency":16,"flags":0,"version":1}}
	EOF
'
test_expect_success 'update' '
    table <<-EOF
	EINVAL: one or more jobspec updates are invalid | update {"id":99,"updates":{"x":1}}
	EINVAL: one or more jobspec updates are invalid | update {"id":99,"updates":{"attributesx":1}}
	ENOENT: unknown job id | update {"id":99,"updates":{}}
	EINVAL: job is inactive | update {"id":4,"updates":{}}
	EPERM: guests may only update their own jobs | -u 1001 update {"id":3,"updates":{}}
	EINVAL: update of attributes.system.cwd not supported | update {"id":2,"updates":{"attributes.system.cwd":"/"}}
	EINVAL: duration must not be negative | update {"id":2,"updates":{"attributes.system.duration":-1}}
	EINVAL: duration update of running job requires instance owner privileges | -u 1001 update {"id":7,"updates":{"attributes.system.duration":1}}
	EINVAL: update of queue for running job not supported | update {"id":$run,"updates":{"attributes.system.queue":"x"}}
	EINVAL: '"'x'"' is not a valid queue | update {"id":2,"updates":{"attributes.system.queue":"x"}}
	EINVAL: requested duration places job expiration in the past | update {"id":$run,"updates":{"attributes.system.duration":0.0001}}
	EOF
'
test_expect_success 'update: what plugins and the feasibility service say' '
    flux jobtap load $BUILDDIR/t/live/.libs/tap.so && table <<-EOF &&
	EINVAL: tap refuses bad | update {"id":2,"updates":{"attributes.system.tap":"bad"}}
	EINVAL: update rejected by job-manager plugin | update {"id":2,"updates":{"attributes.system.tap":5}}
	EOF
    flux jobtap remove tap.so
'
test_expect_success 'a job is immutable after its owner was overruled' '
    table <<-EOF
	 | update {"id":2,"updates":{"attributes.system.duration":5}}
	EPERM: job is immutable due to previous instance owner update | -u 1001 update {"id":2,"updates":{"attributes.system.duration":6}}
	 | update {"id":2,"updates":{"attributes.system.duration":6}}
	EOF
'
test_expect_success 'wait' '
    table <<-EOF
	ECHILD: job was not submitted with FLUX_JOB_WAITABLE | wait {"id":2}
	ECHILD: invalid job id, or job may be inactive and not waitable | wait {"id":99}
	ECHILD: invalid job id, or job may be inactive and not waitable | wait {"id":4}
	EOF
    { $rpc job-manager.wait "{\"id\":5}" >first & } && pid=$! &&
    wait_until sh -c "$rpc job-manager.wait \"{\\\"id\\\":-1}\" | grep \"ECHILD: there are no more waitable jobs\"" &&
    echo "ECHILD: job id already has a waiter | wait {\"id\":5}" | table &&
    $rpc job-manager.raise "{\"id\":5,\"severity\":0,\"type\":\"cancel\",\"note\":\"\"}" && wait $pid &&
    echo "{\"id\":5,\"success\":false,\"errstr\":\"Fatal exception type=cancel \"}" >want && test_cmp want first &&
    echo "ECHILD: invalid job id, or job may be inactive and not waitable | wait {\"id\":5}" | table
'
test_expect_success 'purge' '
    table <<-EOF
	EINVAL: if set, age limit must be >= 0 | purge {"age_limit":-2.0,"num_limit":-2,"batch":0,"force":false}
	EINVAL: if set, num limit must be >= 0 | purge {"age_limit":-1.0,"num_limit":-2,"batch":0,"force":false}
	EINVAL: batch must be >= 1 and <= 100 | purge {"age_limit":-1.0,"num_limit":-1,"batch":0,"force":false}
	EINVAL: batch must be >= 1 and <= 100 | purge {"age_limit":-1.0,"num_limit":-1,"batch":101,"force":false}
	EINVAL: Invalid argument | purge-id {"id":-1,"force":0}
	ENOENT: id not found | purge-id {"id":99,"force":0}
	EINVAL: cannot purge active job | purge-id {"id":2,"force":1}
	{"count":2} | purge {"age_limit":-1.0,"num_limit":0,"batch":1,"force":false}
	{"count":1} | purge-id {"id":4,"force":1}
	ENOENT: id not found | purge-id {"id":4,"force":1}
	{"count":0} | purge {"age_limit":1000.0,"num_limit":-1,"batch":1,"force":true}
	EOF
'
test_expect_success 'submit: dependencies' '
    { refused 20 "dependency scheme \\\"x\\\" not supported" "$(dep x 1)" &&
      refused 20 "dependencies object must be an array" "{\"dependencies\":5}" &&
      refused 20 "dependency[0] missing string scheme" "{\"dependencies\":[{}]}" &&
      refused 20 "dependency[1] missing string scheme" "{\"dependencies\":[{\"scheme\":\"afterany\",\"value\":\"2\"},{\"scheme\":5}]}" &&
      refused 20 "Invalid begin-time=x" "$(dep begin-time x)" &&
      refused 20 "singleton jobs require a job name" "$(dep singleton "")" &&
      for s in after afterstart afterany afterok afternotok afterexcept; do
          refused 20 "dependency: $s: \\\"!\\\" is not a valid jobid" "$(dep $s !)" &&
          refused 20 "dependency: $s: id 98: job not found" "$(dep $s 98)" &&
          refused 20 "$s: Permission denied for job 3" "$(dep $s 3)" || return 1
      done; } >lines && table <lines
'
# 9 and 10 ran, well and not; 11 was canceled before it could
test_expect_success 'submit: dependencies on what has ended' '
    ran () {
        $rpc job-manager.submit "{\"jobs\":[{\"id\":$1,\"userid\":1001,\"urgency\":31,\"t_submit\":1.5,\"flags\":0,\"jobspec\":{\"version\":1,\"resources\":$slot,\"tasks\":$task,\"attributes\":{\"system\":{\"duration\":0,\"exec\":{\"test\":{\"run_duration\":\"0.001s\"$2}}}}}}]}" &&
            wait_until sh -c "$rpc job-manager.getattr \"{\\\"id\\\":$1,\\\"attrs\\\":[\\\"eventlog\\\"]}\" | grep \\\"clean\\\""
    } &&
    $rpc job-manager.raise "{\"id\":7,\"severity\":0,\"type\":\"cancel\"}" && ran 9 "" && ran 10 ",\"mock_exception\":\"run\"" && job 11 1001 0 0 && $rpc job-manager.raise "{\"id\":11,\"severity\":0,\"type\":\"cancel\"}" &&
    { refused 21 "dependency: after: 11 never started" "$(dep afterok 11)" &&
      refused 21 "dependency: afternotok: job 9 succeeded" "$(dep afternotok 9)" &&
      refused 21 "dependency: afterok: job 10 failed or was canceled" "$(dep afterok 10)" &&
      refused 21 "dependency: afterexcept: job 9: no exception" "$(dep afterexcept 9)"; } >lines && table <lines
'
test_expect_success 'queues' '
    table <<-EOF &&
	EINVAL: '"'x'"' is not a valid queue | queue-status {"name":"x"}
	EINVAL: reason is required for disable | queue-enable {"enable":false,"all":false}
	EINVAL: '"'x'"' is not a valid queue | queue-enable {"name":"x","enable":true,"all":false}
	EINVAL: '"'x'"' is not a valid queue | queue-start {"name":"x","start":true,"all":false}
	EOF
    refused 22 "'"'x'"' is not a valid queue" "{\"queue\":\"x\"}" | table &&
    $rpc job-manager.queue-enable "{\"enable\":false,\"reason\":\"why\",\"all\":false}" &&
    refused 22 "job submission is disabled: why" "{}" | table &&
    $rpc job-manager.queue-enable "{\"enable\":true,\"all\":false}"
'
test_expect_success 'named queues' '
    $rpc job-manager.config-reload "{\"queues\":{\"q\":{},\"r\":{}}}" && table <<-EOF &&
	EINVAL: a named queue is required | queue-status {}
	EINVAL: Use --all to apply this command to all queues | queue-enable {"enable":true,"all":false}
	EINVAL: Use --all to apply this command to all queues | queue-start {"start":true,"all":false}
	EOF
    { refused 23 "a named queue is required" "{}" && refused 23 "'"'x'"' is not a valid queue" "{\"queue\":\"x\"}"; } | table &&
    $rpc job-manager.queue-enable "{\"name\":\"q\",\"enable\":false,\"reason\":\"why\",\"all\":false}" &&
    { refused 23 "job submission to q is disabled: why" "{\"queue\":\"q\"}" &&
      echo "EINVAL: queue q is currently disabled | update {\"id\":3,\"updates\":{\"attributes.system.queue\":\"q\"}}"; } | table &&
    $rpc job-manager.submit "{\"jobs\":[{\"id\":24,\"userid\":1001,\"urgency\":0,\"t_submit\":1.5,\"flags\":0,\"jobspec\":{\"version\":1,\"attributes\":{\"system\":{\"queue\":\"r\",\"constraints\":{\"properties\":[\"p\"]}}}}}]}" &&
    $rpc job-manager.queue-enable "{\"enable\":true,\"all\":true}" && table <<-EOF
	EINVAL: job queue is already set to r | update {"id":24,"updates":{"attributes.system.queue":"r"}}
	EINVAL: job appears to have non-queue constraints, unable to update queue to r | update {"id":24,"updates":{"attributes.system.queue":"q"}}
	EOF
'
test_expect_success 'config-reload' '
    c () {
        echo "EINVAL: $1 | config-reload $2"
    } && {
    c "job-manager.inactive-age-limit: invalid FSD" "{\"job-manager\":{\"inactive-age-limit\":\"x\"}}" &&
    c "job-manager.max-inactive-*: Expected string, got integer" "{\"job-manager\":{\"inactive-age-limit\":1}}" &&
    c "job-manager.inactive-num-limit: must be >= 0" "{\"job-manager\":{\"inactive-num-limit\":-2}}" &&
    c "job-manager.housekeeping implies IMP but exec.imp is undefined" "{\"job-manager\":{\"housekeeping\":{}}}" &&
    c "job-manager.housekeeping: 1 object item(s) left unpacked: K" "{\"job-manager\":{\"housekeeping\":{\"K\":1}}}" &&
    c "error parsing [policy] config table: 1 object item(s) left unpacked: K" "{\"policy\":{\"K\":1}}" &&
    c "error parsing [policy.limits] config table: '"'duration'"' is not a valid FSD" "{\"policy\":{\"limits\":{\"duration\":\"x\"}}}" &&
    c "error parsing [policy.limits] config table: values must be >= -1" "{\"policy\":{\"limits\":{\"job-size\":{\"max\":{\"nnodes\":-2}}}}}" &&
    c "error parsing [policy.access] config table: values must be boolean" "{\"policy\":{\"access\":{\"allow-user\":5}}}" &&
    c "error parsing [policy.jobspec] config table: '"'duration'"' is not a valid FSD" "{\"policy\":{\"jobspec\":{\"defaults\":{\"system\":{\"duration\":\"x\"}}}}}" &&
    c "error parsing [policy.jobspec] config table: '"'queue'"' must be a string" "{\"policy\":{\"jobspec\":{\"defaults\":{\"system\":{\"queue\":5}}}}}" &&
    c "job-manager.housekeeping.release-after: invalid FSD" "{\"job-manager\":{\"housekeeping\":{\"command\":[\"x\"],\"release-after\":\"x\"}}}" &&
    c "job-manager.housekeeping.command must be an array of strings" "{\"job-manager\":{\"housekeeping\":{\"command\":5}}}" &&
    c "error parsing [queues] config table: not a table" "{\"queues\":5}" &&
    c "error parsing [queues] config table: a name is empty" "{\"queues\":{\"\":{}}}" &&
    c "the [policy] config table defines a default queue X that is not in [queues] table" "{\"policy\":{\"jobspec\":{\"defaults\":{\"system\":{\"queue\":\"X\"}}}}}" &&
    q="error parsing [queues.N] config table:" &&
    c "$q '"'requires'"' must be an array of property strings (RFC 20)" "{\"queues\":{\"N\":{\"requires\":[5]}}}" &&
    c "$q '"'requires'"' must be an array of property strings (RFC 20)" "{\"queues\":{\"N\":{\"requires\":[\"a&b\"]}}}" &&
    c "$q '"'policy'"' must not define a default queue!" "{\"queues\":{\"N\":{\"policy\":{\"jobspec\":{\"defaults\":{\"system\":{\"queue\":\"N\"}}}}}}}" &&
    c "$q '"'parent'"' must be a string" "{\"queues\":{\"N\":{\"parent\":5}}}" &&
    c "$q parent queue is itself" "{\"queues\":{\"N\":{\"parent\":\"N\"}}}" &&
    c "$q parent queue '"'P'"' is not configured" "{\"queues\":{\"N\":{\"parent\":\"P\"}}}" &&
    c "$q parent queue '"'P'"' is itself a virtual queue" "{\"queues\":{\"N\":{\"parent\":\"P\"},\"P\":{\"parent\":\"R\"},\"R\":{}}}" &&
    c "$q a virtual queue must not set '"'requires'"'" "{\"queues\":{\"N\":{\"parent\":\"P\",\"requires\":[\"a\"]},\"P\":{}}}" &&
    c "$q a virtual queue must not set '"'policy.scheduler'"'" "{\"queues\":{\"N\":{\"parent\":\"P\",\"policy\":{\"scheduler\":{}}},\"P\":{}}}"; } >lines && table <lines
'
test_expect_success 'what was refused has changed nothing' '
    echo "{\"queues\":[\"q\",\"r\"]} | queue-list" | table && $rpc job-manager.config-reload "{}"
'
test_expect_success 'jobtap' '
    table <<-EOF
	ENOENT: Failed to find plugin to remove | jobtap {"remove":"nosuch"}
	ENOENT: nosuch.so: No such plugin found | jobtap {"load":"nosuch.so"}
	ENOENT: .nosuch: No such plugin found | jobtap {"load":".nosuch"}
	EINVAL: jobptap: plugin conf must be a JSON object | jobtap {"load":"submit-hold.so","conf":[]}
	EINVAL: nosuch: plugin not found | jobtap-query {"name":"nosuch"}
	{} | jobtap {"remove":"all","load":"submit-hold.so"}
	EEXIST: submit-hold.so already loaded | jobtap {"load":"submit-hold.so"}
	{} | jobtap {"remove":"all"}
	EOF
'
test_expect_success 'alloc-bypass: not for guests, not without a proper R' '
    $rpc job-manager.jobtap "{\"load\":\"alloc-bypass.so\"}" &&
    refused 25 "Guest user cannot use alloc bypass" "{\"alloc-bypass\":{\"R\":{}}}" | table &&
    $rpc job-manager.submit "{\"jobs\":[{\"id\":25,\"userid\":$(id -u),\"urgency\":0,\"t_submit\":1.5,\"flags\":0,\"jobspec\":{\"version\":1,\"attributes\":{\"system\":{\"alloc-bypass\":{\"R\":{}}}}}}]}" >out &&
    grep "^{\"errors\":\[\[25,\"alloc-bypass: invalid R: [^\"]" out && $rpc job-manager.jobtap "{\"remove\":\"alloc-bypass.so\"}"
'
test_expect_success 'journal, scheduler, exec, housekeeping' '
    table <<-EOF
	EPROTO: job-manager.events requires streaming RPC flag | events-journal {}
	EPROTO: job-manager.events allow should be an object | -s events-journal {"allow":5}
	EPROTO: job-manager.events deny should be an object | -s events-journal {"deny":[]}
	$proto | sched-hello {}
	$proto | sched-ready {"mode":"x"}
	$proto | sched-ready {"mode":"limited"}
	$proto | sched-ready {"mode":"limited","limit":0}
	EINVAL: Invalid argument | exec-hello {"service":"another"}
	EOF
    $rpc job-manager.housekeeping-kill "{\"signum\":15,\"ranks\":\"x\"}" >got; grep "^EINVAL: ." got
'
test_expect_success 'what job-ingest refuses, or hands on' '
    J=$(flux kvs get --raw $(flux job id --to=kvs $run).J) && table <<-EOF &&
	EPROTO: invalid job flags | job-ingest.submit {"J":"x","urgency":99,"flags":1024}
	EPERM: only the instance owner can submit with FLUX_JOB_NOVALIDATE | -u 1001 job-ingest.submit {"J":"x","urgency":99,"flags":8}
	EINVAL: urgency range is [0:31] | job-ingest.submit {"J":"x","urgency":32,"flags":0}
	EINVAL: only the instance owner can submit with urgency >16 | -u 1001 job-ingest.submit {"J":"x","urgency":17,"flags":0}
	EINVAL: only the instance owner can submit with FLUX_JOB_WAITABLE | -u 1001 job-ingest.submit {"J":"x","urgency":16,"flags":4}
	EPERM: signer=$(id -u) != requestor=1001 | -u 1001 job-ingest.submit {"J":"$J","urgency":16,"flags":0}
	EOF
    test_must_fail flux submit --dependency=x:1 true 2>err && grep "dependency scheme \"x\" not supported" err
'
test_expect_success 'private mode: guests do not even hear why' '
    $rpc job-manager.config-reload "{\"access\":{\"private-mode\":true}}" && table <<-EOF
	EPERM: Operation not permitted | -u 1001 getinfo
	EPERM: Operation not permitted | -u 1001 stats-get
	EPERM: Operation not permitted | -u 1001 getattr {"id":99,"attrs":[]}
	EPERM: Operation not permitted | -u 1001 getattr {"id":3,"attrs":[]}
	EINVAL: unknown job | getattr {"id":99,"attrs":[]}
	EOF
'
test_expect_success 'who waits when the module goes hears of it' '
    { $rpc -s job-manager.events-journal "{}" >journal & } && j=$! && wait_until grep "\"id\":-1" journal &&
    { flux module trace -t request job-manager >trace & } && tracer=$! &&
    wait_until sh -c "flux ping -c 1 job-manager; grep job-manager.ping trace" &&
    { $rpc job-manager.drain >drain & } && d=$! && { $rpc job-manager.idle >idle & } && i=$! &&
    wait_until grep job-manager.drain trace && wait_until grep job-manager.idle trace && kill $tracer &&
    job 30 $(id -u) 0 4 && { $rpc job-manager.wait "{\"id\":30}" >waiter & } && w=$! &&
    wait_until sh -c "$rpc job-manager.wait \"{\\\"id\\\":-1}\" | grep \"ECHILD: there are no more waitable jobs\"" &&
    flux module remove job-list && flux module remove job-exec && flux module remove sched-simple && flux module remove job-manager &&
    for p in $d $i $w; do wait $p; done; echo "ENOSYS: job-manager is unloading" >want &&
    for f in drain idle waiter; do test_cmp want $f || return 1; done &&
    wait $j && ! grep "^E" journal
'
test_expect_success 'it has no options' '
    test_must_fail flux module load job-manager x && wait_until sh -c "flux dmesg | grep \"job-manager.err.*: Invalid option: x\""
'
# two jobs with the same R in the KVS, as no scheduler would leave them
test_expect_success 'resource-status: resources that two jobs have' '
    a=$(flux job id --to=kvs $run) && b=job.0000.0000.0000.0063 &&
    for k in J jobspec R eventlog; do flux kvs get --raw $a.$k >v && flux kvs put --raw $b.$k=- <v || return 1; done &&
    flux module load job-manager &&
    wait_until sh -c "$rpc job-manager.resource-status | grep \"^EINVAL: .*: duplicate allocation\""
'
test_done
