#!/bin/sh
# Services follow the jobs by the journal.  A job-manager that is reloaded in the middle of
# load must leave every follower with the beginning of each log, and tell the next ones all
# of it: nothing twice, nothing lost, nothing out of order.
test_description='The journal, across a job-manager that goes and comes under load'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc

# follow NAME REQUEST: a consumer, to the end of its stream; its process is $pid
follow () {
    { "$rpc" -s job-manager.events-journal "$2" >"$1" & } && pid=$!
}
has_sentinel () {
    grep -q "^{\"id\":-1," "$1"
}
# ended FILE COUNT: so many jobs at least are over, it says
ended () {
    test "$(grep -c '"name":"clean"' "$1")" -ge "$2"
}
# lines "ID EVENT", as jq writes them, in order of ids
in_order () {
    jq -R -r "index(\" \") as \$n | .[:\$n + 1] + (.[\$n + 1:] | fromjson | tojson)" | sort -s -n -k1,1
}
# logs FILE: the events of each job in the order in which they came; of those that are in
# an eventlog
logs () {
    jq -r "select(.id != -1) | .id as \$id | .events[]
        | select(.name != \"annotations\") | \"\(\$id) \(tojson)\"" "$1" | in_order
}
# from_kvs: the same of all jobs
from_kvs () {
    for id in $(flux job id --to=dec $(cat ids held more)); do
        flux kvs get --raw $(flux job id --to=kvs $id).eventlog | sed "s/^/$id /"
    done | in_order
}
# is_beginning PART WHOLE: of each job, PART has its first lines, and not one more
is_beginning () {
    awk 'NR == FNR { line[$1, n[$1]++] = $0; next }
        line[$1, seen[$1]++] != $0 { print "not so: " $0; bad = 1 }
        END { exit bad }' "$2" "$1"
}

test_expect_success 'jobs run, others wait, and two follow them' '
    follow first "{\"full\":true}" && first=$pid && wait_until has_sentinel first &&
    follow grouped "{\"full\":true,\"group\":true}" && grouped=$pid && wait_until has_sentinel grouped &&
    flux submit --setattr=system.exec.test.run_duration=0.02s --cc=1-200 true >ids &&
    flux submit --urgency=hold --cc=1-5 true >held &&
    wait_until ended first 5
'
test_expect_success 'in the middle of it the job-manager goes: their streams end' '
    flux module remove job-manager && wait $first && wait $grouped
'
test_expect_success 'job-list has gone with its stream; all come back' '
    wait_until sh -c "! flux module list | grep -q ^job-list" &&
    flux module load job-manager && follow second "{\"full\":true}" && second=$pid &&
    follow active "{}" && active=$pid && flux module load job-list &&
    flux module reload sched-simple && flux module reload job-exec
'
test_expect_success 'the rest of the jobs run, and some more' '
    wait_until has_sentinel second && wait_until has_sentinel active &&
    flux submit --setattr=system.exec.test.run_duration=0.02s --cc=1-50 true >more &&
    flux cancel $(cat held) && flux queue drain -t 300s
'
# (what ran when the job-exec was reloaded has failed: it cannot be taken over)
test_expect_success 'every job is in job-list, once, and over' '
    flux jobs -a -c0 -no "{id.dec} {state}" | sort -n >listed &&
    flux job id --to=dec $(cat ids held more) | sed "s/$/ INACTIVE/" | sort -n >expect &&
    test_cmp expect listed
'
test_expect_success 'the journal ends again' '
    from_kvs >kvs && flux module remove job-manager && wait $second && wait $active
'
test_expect_success 'each stream before: the beginning of each log, once, in order' '
    logs first >got && is_beginning got kvs && test "$(cut -d" " -f1 got | uniq | wc -l)" = 205 &&
    logs grouped >got2 && test_cmp got got2
'
test_expect_success 'each after: all of each log' '
    logs second >got && test_cmp kvs got &&
    logs active >got && cut -d" " -f1 got | uniq >some && test $(wc -l <some) -ge 55 &&
    awk "NR == FNR { want[\$1] = 1; next } want[\$1]" some kvs >expect &&
    test_cmp expect got
'
flux module load job-manager
test_done
