#!/bin/sh
# A consumer of the job-manager's journal that stops reading in the middle of a long
# backlog costs a few MiB, and gets the rest, in order, when it reads again.  If it goes
# instead, or the job-manager does, nothing of that stays behind.
test_description='A journal consumer that does not read'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
backlog () {
    flux module stats connector-local |
        perl -ne '$m = $1 if /"rxbacklog": (\d+)/ and $1 > $m; END { print $m + 0 }'
}
is_held () {
    test "$(backlog)" -gt 1000000
}
# None has an event before it: what the journal has of each is complete.
all_wait () {
    test "$(flux jobs -n -f sched --count=2000 -o "{state}" | wc -l)" -eq 1500
}
listeners () {
    flux module stats job-manager | jq .journal.listeners
}
test_expect_success '1500 jobs that wait, 30 MB of jobspecs' '
    filler=$(head -c 20000 /dev/zero | tr "\0" x) &&
    flux submit --urgency=hold --setattr=system.filler=$filler --cc=1-1500 true >ids &&
    test_line_count 1500 ids && wait_until all_wait
'
test_expect_success 'nobody reads: the backlog waits where it is' '
    mkfifo pipe &&
    { "$rpc" -s -c 1502 job-manager.events-journal "{}" >pipe & } && pid=$! &&
    exec 9<pipe &&
    wait_until is_held && flux ping -c 300 -i 0 job-manager >ping &&
    flux job memo $(head -n 1 ids) late=1 &&
    test "$(backlog)" -lt 12000000
'
test_expect_success 'somebody reads again: every job, the sentinel, what came since' '
    cat <&9 >got && wait $pid && test_line_count 1502 got &&
    head -n 1500 got | jq -r .id | flux job id -t f58 >out && test_cmp ids out &&
    sed -n 1501p got | grep "^{\"id\":-1,\"events\":\[\]}$" &&
    sed -n 1502p got | grep "\"late\":1"
'
exec 9<&-
test_expect_success 'one that goes in the middle of its backlog is forgotten' '
    mkfifo pipe2 && before=$(listeners) &&
    { "$rpc" -s job-manager.events-journal "{}" >pipe2 & } && pid=$! &&
    exec 9<pipe2 &&
    wait_until is_held && test $(listeners) = $((before + 1)) &&
    kill $pid && wait_until sh -c "flux module stats job-manager | jq -e \".journal.listeners == $before\""
'
exec 9<&-
test_expect_success 'others were not held up' '
    flux cancel --all --quiet && flux queue drain -t 60s
'
# An event of a job that comes has its jobspec.
test_expect_success 'one that does not read what happens is told so, and forgotten' '
    filler=$(head -c 100000 /dev/zero | tr "\0" x) && : >jobs &&
    mkfifo pipe4 && before=$(listeners) &&
    { "$rpc" -s job-manager.events-journal "{\"allow\":{\"submit\":1}}" >pipe4 & } && pid=$! &&
    exec 9<pipe4 && wait_until sh -c "flux module stats job-manager | jq -e \".journal.listeners == $((before + 1))\"" &&
    while test $(listeners) -gt $before; do
        flux submit --urgency=hold --setattr=system.filler=$filler --cc=1-50 true >>jobs &&
            test $(wc -l <jobs) -lt 2000 || return 1
    done &&
    cat <&9 >got && ! wait $pid && tail -n 1 got >out &&
    echo "EOVERFLOW: events are not read" >expect && test_cmp expect out &&
    sed "\$d" got | jq -r "select(.id != -1) | .id" | flux job id -t f58 >out && test -s out &&
    head -n $(wc -l <out) jobs >expect && test_cmp expect out && ! test_cmp jobs out &&
    flux cancel --all --quiet && flux queue drain -t 60s
'
exec 9<&-
test_expect_success 'the job-manager goes before one has read its backlog: the stream ends' '
    mkfifo pipe3 &&
    { "$rpc" -s job-manager.events-journal "{\"full\":true}" >pipe3 & } && pid=$! &&
    exec 9<pipe3 &&
    wait_until is_held && flux module remove job-manager &&
    cat <&9 >got && wait $pid && jq -r .id got >out && test $(wc -l <out) -ge 40 &&
    test -z "$(sort out | uniq -d)"
'
exec 9<&-
flux module load job-manager
test_done
