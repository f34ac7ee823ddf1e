#!/bin/sh
test_description='job-list has what it knows from the journal alone'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

prog=$BUILDDIR/t/live/joblist_journal
bare="-Sbroker.rc1_path= -Sbroker.rc3_path="

# The program's own tests; the instance has no kvs that could be read.
test_expect_success 'behind a job-manager that is a test' '
    flux start $bare $prog >out 2>err; rc=$?; grep -v "^ok" out; cat err; test $rc = 0
'
test_expect_success 'the journal ends: job-list exits, the instance lives on' '
    flux start $bare sh -c "$prog 61 && flux module list && flux dmesg" >out 2>err &&
    ! grep "^job-list" out && grep "job-list.info.*journal: EOF (exiting)" out
'
# fatal SENTENCE MESSAGE: an error of the module, which an instance does not survive
fatal () {
    test_must_fail flux start $bare $prog "$2" >out 2>err &&
    grep "job-list.err.*: journal: $1" err
}
ev () {
    echo "{\"id\":1,\"events\":[{\"timestamp\":1,$1}]}"
}
test_expect_success 'the journal fails' '
    fatal "Permission denied" 13 &&
    test_must_fail flux start $bare sh -c "flux module load job-list; tail -f /dev/null" 2>err &&
    grep "job-list.err.*: journal: No service matching job-manager.events-journal" err
'
test_expect_success 'messages that are none' '
    fatal "malformed journal message" "{}" &&
    fatal "malformed journal message" "{\"id\":1}" &&
    fatal "malformed journal message" "{\"id\":\"x\",\"events\":[]}" &&
    fatal "malformed journal message" "{\"id\":1,\"events\":{}}" &&
    fatal "malformed journal message" "{\"id\":1," &&
    fatal "malformed event" "{\"id\":1,\"events\":[5]}" &&
    fatal "malformed event" "{\"id\":1,\"events\":[{\"name\":\"submit\"}]}" &&
    fatal "malformed event" "{\"id\":1,\"events\":[{\"timestamp\":\"x\",\"name\":\"y\"}]}" &&
    fatal "malformed event" "{\"id\":1,\"events\":[{\"timestamp\":1,\"name\":\"y\",\"context\":5}]}"
'
test_expect_success 'events that say too little' '
    fatal "submit context is invalid" "$(ev "\"name\":\"submit\"")" &&
    fatal "submit context is invalid" "$(ev "\"name\":\"submit\",\"context\":{\"userid\":1,\"urgency\":32}")"
'
# refused SENTENCE CONF: it does not load with that configuration
refused () {
    test_must_fail flux start $bare --conf="$2" flux module load job-list 2>err &&
    grep -F "job-list.err[0]: $1" err &&
    grep -F "job-list.err[0]: initialization error: Invalid argument" err
}
test_expect_success 'a configuration that is wrong' '
    refused "job-list.max_comparisons must be >= 0" job-list.max_comparisons=-1 &&
    refused "error reading config for job-list: Expected integer, got string" "job-list.max_comparisons=\"x\"" &&
    refused "error reading config for job-list: Expected integer, got real" job-list.max_comparisons=1.5 &&
    refused "error reading config for job-list: Expected object, got integer" job-list=5 &&
    refused "queues.a: '"'parent'"' must be a string" queues.a.parent=5 &&
    refused "error unpacking [queues] config table" queues=5
'
test_expect_success 'keys that it does not know, and no limit, are not' '
    flux start --conf=job-list.foo=1 --conf=job-list.max_comparisons=0 flux jobs -a
'

test_expect_success 'a purge event that is none is told of' '
    cat >event.sh <<-\END &&
	. "$T/lib.sh"
	flux event pub job-purge-inactive "[1]"
	wait_until sh -c "flux dmesg | grep \"job-list.err.*: malformed job-purge-inactive event\"" && flux jobs -a
	END
    INSIDE_FLUX=t flux start sh event.sh
'

# With the modules that are usually there: all that job-list asks for.
cat >traced.sh <<\END
. "$T/lib.sh"
listed () {
    test "$(flux jobs -anc 0 | wc -l)" = 1000
}
flux module trace -t request job-list >trace &
pid=$!
wait_until sh -c "flux jobs >/dev/null; test -s trace"
flux submit --quiet --wait --cc=1-500 true &&
flux submit --quiet --urgency=hold --cc=1-500 true &&
wait_until listed &&
flux module reload job-list &&
listed &&
flux job list-ids $(flux job last) >ids &&
! flux job list-ids f1 &&
flux job stats >stats &&
flux cancel --all &&
flux queue drain &&
flux job purge -f --num-limit=100 &&
wait_until grep "job-list.job-stats" trace
rc=$?
kill $pid
exit $rc
END
test_expect_success 'over 1000 jobs, a reload, lists and a purge it reads nothing from the KVS' '
    INSIDE_FLUX=t flux start sh traced.sh >out 2>err && grep "job-list rx > job-list.list-id" trace &&
    sed -n "s/.* job-list tx > \([^ ]*\) .*/\1/p" trace | sort | uniq -c | tee sent &&
    grep " job-manager.events-journal$" sent && grep " job-manager.getattr$" sent &&
    ! grep -v -E " (job-manager.events-journal|job-manager.events-journal-cancel|job-manager.getattr|event.subscribe|module.status|log.append)$" sent
'
test_done
