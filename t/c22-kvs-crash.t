#!/bin/sh
test_description='A broker that is killed: what was synced is there afterwards

Every kill comes at another moment.  A synced commit must be there after the
restart, whole; what came after it may be lost, but only from the end, and a
transaction is there whole or not at all.'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

state=$(pwd)/state

# crash N: write pairs of keys, sync after N of them, go on, be killed
cat >crash.sh <<\END
n=$1
round=$2
i=0
while [ $i -lt $n ]; do
    flux kvs put p.$round.a$i=$i p.$round.b$i=$i
    i=$((i + 1))
done
flux kvs put -S p.$round.synced=$n
flux kvs put p.$round.a$i=$i p.$round.b$i=$i
flux kvs put -A p.$round.log=after
kill -9 $(flux getattr broker.pid)
flux kvs put p.$round.never=1
END

# check ROUND N: as a client of the next instance
cat >check.sh <<\END
round=$1
n=$2
test "$(flux kvs get p.$round.synced)" = $n || exit 1
i=0
while [ $i -le $n ]; do
    a=$(flux kvs get p.$round.a$i 2>/dev/null)
    b=$(flux kvs get p.$round.b$i 2>/dev/null)
    test "$a" = "$b" || exit 1
    test $i -lt $n && test "$a" != $i && exit 1
    i=$((i + 1))
done
! flux kvs get p.$round.never 2>/dev/null
END

test_expect_success 'synced commits survive kill -9' '
    mkdir "$state" &&
    for round in 1 2 3 4 5; do
        test_might_fail flux start --statedir="$state" sh crash.sh $round $round 2>/dev/null
        flux start --statedir="$state" sh check.sh $round $round || return 1
    done
'
test_expect_success 'all of them, also those of earlier lives' '
    flux start --statedir="$state" sh -c "
        for round in 1 2 3 4 5; do sh check.sh \$round \$round || exit 1; done"
'
# What is not synced is saved soon, too, in an instance that is meant to last.
cat >relaxed.sh <<\END
INSIDE_FLUX=t
. "$T/lib.sh"
saved () {
    flux module stats content-sqlite | grep "\"sequence\": $1\$\|\"sequence\": $1,"
}
flux kvs put relaxed=1
wait_until saved $(flux kvs version) || exit 1
touch saved
kill -9 $(flux getattr broker.pid)
END

test_expect_success 'without a sync, commits are saved soon' '
    test_might_fail flux start --statedir="$state" \
        -Sbroker.rc1_path= -Sbroker.rc3_path= sh -c "
            flux module load content && flux module load content-sqlite &&
            flux module load kvs && sh relaxed.sh" 2>/dev/null
    test -f saved &&
    flux start --statedir="$state" flux kvs get relaxed
'
test_expect_success 'the version goes on where the checkpoint was' '
    v=$(flux start --statedir="$state" flux kvs version) &&
    w=$(flux start --statedir="$state" sh -c "flux kvs put x=1 && flux kvs version") &&
    test "$w" -gt "$v"
'
test_done
