#!/bin/sh
test_description='A job whose id was told is there after a crash

The broker is killed at the very moment at which a client reads an id, in an
instance that is meant to last.  Commits are saved a tenth of a second later, so
without the kvs.save for which job-ingest waits before it answers, those jobs
would be gone: and nobody who has an id may find that there is no such job.'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

state=$(pwd)/state

# submit.pl PID TELL: submit jobs, note the ids as they come, and kill PID when
# there are TELL of them
cat >submit.pl <<\END
my ($pid, $tell) = @ARGV;
open my $ids, "-|", "flux", "submit", "--cc=1-20", "true" or die;
open my $told, ">>", "told" or die;
while (<$ids>) {
    syswrite $told, $_;
    kill 9, $pid if --$tell == 0;
}
END

# life TELL: all that was told is there, and runs; tell more, be killed
cat >life.sh <<\END
sh ./check.sh || exit 1
touch checked
exec perl submit.pl $(flux getattr broker.pid) $1
END
cat >check.sh <<\END
test -s told || exit 0
for id in $(cat told); do
    flux job wait-event -t 30 $id clean >event && grep -q . event || exit 1
done
flux jobs -an -c 0 -o "{id.dec}" >out && flux job id --to=dec <told >known || exit 1
sort out >there && sort known >expected && uniq -d there >twice && test ! -s twice &&
    comm -23 expected there >lost && test ! -s lost
END

test_expect_success 'what is told survives a kill at that moment' '
    : >told && mkdir "$state" && for tell in 1 20 1 7 1 20; do
        before=$(wc -l <told) && rm -f checked &&
        test_expect_code 137 flux start --statedir="$state" sh ./life.sh $tell 2>err &&
        test -f checked && test $(wc -l <told) -ge $((before + tell)) ||
            { cat err; return 1; }
    done
'
test_expect_success 'all of it, once, and it ends' '
    flux start --statedir="$state" sh ./check.sh && test $(wc -l <told) -ge 50 &&
    sort told | uniq -d >twice && test_must_be_empty twice
'

test_done
