#!/bin/sh
test_description='jobs that wait for other jobs, for a time, or for their namesakes'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

submit () {
    flux submit "$@"
}
ended () {
    for j in "$@"; do flux job wait-event $j clean >/dev/null || return 1; done
}
# names of the events of a job
events () {
    flux job eventlog $1 | sed 's/^[0-9.]* \([a-z-]*\).*/\1/' | tr '\n' ' '
}
in_seconds () {
    perl -MTime::HiRes=time -e 'printf "%.3f", time + $ARGV[0]' $1
}
waits () {
    flux job wait-event -t 30 $1 validate >/dev/null && test "$(flux jobs -no '{state}' $1)" = DEPEND
}

test_expect_success 'afterok: runs when the other has succeeded' '
    a=$(submit --urgency=hold true) && b=$(submit --dependency=afterok:$a true) && waits $b &&
    test "$(flux jobs -no "{dependencies}" $b)" = "after-success=$a" &&
    flux job urgency $a default && ended $a $b && test "$(flux jobs -no "{result}" $b)" = COMPLETED &&
    events $b >out && grep "^submit dependency-add validate dependency-remove depend priority " out
'
test_expect_success 'after: does what afterstart does, and says that that is its name' '
    a=$(submit --urgency=hold true) && b=$(submit --dependency=after:$a true) && waits $b &&
    flux job wait-event $b exception >x &&
    grep "severity=3 note=\"dependency scheme .after. is deprecated, use .afterstart.\"" x &&
    flux job urgency $a default && ended $a $b && test "$(flux jobs -no "{result}" $b)" = COMPLETED
'
test_expect_success 'what can never come true ends the job' '
    a=$(submit --urgency=hold false) && b=$(submit --dependency=afterok:$a true) &&
    c=$(submit --dependency=afterok:$b true) && d=$(submit --dependency=afternotok:$a true) &&
    e=$(submit --dependency=afterany:$b true) && f=$(submit --dependency=afterexcept:$a true) &&
    flux job urgency $a default && ended $b $c $d $e $f &&
    flux job wait-event $b exception >x &&
    grep "type=\"dependency\" severity=0 note=\"dependency after-success=$a can never be satisfied\"" x &&
    flux job wait-event $c exception >x && grep "dependency after-success=$b job never started" x &&
    flux job wait-event $f exception >x && grep "after-except=$a can never be satisfied" x &&
    test "$(flux jobs -no "{result}" $d $e | sort -u)" = COMPLETED
'
test_expect_success 'afterstart, and its old name' '
    a=$(submit sleep 1000) && b=$(submit --dependency=afterstart:$a true) &&
    c=$(submit --dependency=after:$a true) && ended $b $c && flux cancel $a && ended $a &&
    flux job wait-event $c exception >x && grep "severity=3" x && grep "use .afterstart." x
'
test_expect_success 'refusals say what is wrong' '
    test_must_fail submit --dependency=afterok:foo,bar true 2>err &&
    test_must_fail submit --dependency=afterok:f1234 true 2>err &&
    grep "dependency: afterok: id f1234: job not found" err &&
    test_must_fail submit --dependency=nosuch:1 true 2>err &&
    grep "dependency scheme .nosuch. not supported" err &&
    f=$(submit false) && ended $f && test_must_fail submit --dependency=afterok:$f true 2>err &&
    grep "dependency: afterok: job $f failed or was canceled" err &&
    test_must_fail submit --dependency=begin-time:soon true 2>err && grep "Invalid begin-time=soon" err &&
    test_must_fail submit --dependency=singleton true 2>err &&
    grep "singleton jobs require a job name" err
'
test_expect_success 'begin-time: not before it' '
    id=$(submit --dependency=begin-time:$(in_seconds 0.2) true) && ended $id &&
    flux job eventlog $id >log && begin=$(sed -n "s/.*begin-time=\([0-9.]*\).*/\1/p" log | head -1) &&
    t=$(sed -n "s/^\([0-9.]*\) dependency-remove.*/\1/p" log) &&
    perl -e "exit !($t >= $begin && $t < $begin + 300)"
'
test_expect_success 'singleton: one at a time, in order' '
    a=$(submit --job-name=n sleep 1000) && b=$(submit --job-name=n --dependency=singleton sleep 1000) &&
    c=$(submit --job-name=n --dependency=singleton true) && waits $b && waits $c &&
    flux cancel $a && flux job wait-event $b start >/dev/null && waits $c && flux cancel $b && ended $c
'
test_expect_success 'a thousand jobs wait for one, and one for each of a thousand' '
    a=$(submit --urgency=hold true) && submit --cc=1-1000 --dependency=afterok:$a --urgency=31 true >ids &&
    first=$a && for i in $(seq 100); do first=$(submit --dependency=afterok:$first true); done &&
    flux job urgency $a default && flux queue drain &&
    test "$(flux jobs -no "{result}" $(tail -100 ids) $first | sort -u)" = COMPLETED
'
test_expect_success 'all of it survives a reload of the module' '
    a=$(submit --urgency=hold true) && b=$(submit --dependency=afterok:$a true) &&
    c=$(submit --dependency=begin-time:$(in_seconds 3600) true) && d=$(submit --job-name=m --dependency=afterany:$a true) &&
    s=$(submit --job-name=m --dependency=singleton true) && waits $s &&
    flux module reload -f job-manager && flux module reload -f sched-simple &&
    flux module reload -f job-exec && flux module reload -f job-list &&
    events $b >out && test "$(cat out)" = "submit dependency-add validate " &&
    flux job urgency $a default && ended $b $d $s && waits $c && flux cancel $c
'

test_done
