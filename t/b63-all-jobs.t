#!/bin/sh
test_description='one request for very many jobs does not keep the others waiting'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

test_expect_success 'five thousand jobs are cancelled, in portions; each is counted once' '
    flux submit --cc=1-5000 --urgency=hold true >ids && test_line_count 5000 ids &&
    flux job raiseall foo 2>err && grep "Command matched 5000 jobs" err &&
    (flux cancel --all 2>err & flux cancel --all 2>err2 & wait) && flux queue drain &&
    cat err err2 | sed -n "s/.*Canceled \([0-9]*\) job.*/\1/p" >counts &&
    test "$(awk "{ n += \$1 } END { print n }" counts)" = 5000 &&
    flux job eventlog $(tail -1 ids) >log && test "$(grep -c exception log)" = 1
'
test_done
