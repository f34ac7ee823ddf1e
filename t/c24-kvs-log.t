#!/bin/sh
test_description='Long logs: cheap to append to, and as safe as anything else

The directory of a long log is not stored anew for each append; kvs holds what
is new.  So content must find it there, and a checkpoint must not miss it.'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

state=$(pwd)/state
log="$BUILDDIR/t/live/log_live"

# Its own program, as shells of "sh -c" know no functions.
cat >relaxed.sh <<\END
INSIDE_FLUX=t
. "$T/lib.sh"
saved () {
    flux module stats content-sqlite | grep "\"sequence\": $1\$\|\"sequence\": $1,"
}
"$1" append logs.one 5100 3000 || exit 1
wait_until saved $(flux kvs version) || exit 1
touch saved
kill -9 $(flux getattr broker.pid)
END

test_expect_success 'the versions of a long log take little room' '
    flux start sh -c "
        $log append logs.one 0 10000 && flux kvs put logs.z=1 &&
        $log check logs.one 10000 && flux module stats content" >out &&
    size=$(sed -n "s/.*\"size\": *\([0-9]*\).*/\1/p" out) &&
    test "$size" -lt 20000000
'
test_expect_success 'what is held can be loaded by those who have nothing cached' '
    flux start sh -c "
        $log append logs.one 0 5000 && $log load logs && $log check logs.one 5000"
'
test_expect_success 'a copy by reference does not depend on the log' '
    flux start sh -c "
        $log append logs.one 0 3000 && flux kvs copy logs copy &&
        $log append logs.one 3000 1000 && flux kvs unlink -R logs &&
        $log check copy.one 3000"
'
test_expect_success 'a log survives kill -9 if it was synced' '
    mkdir "$state" &&
    test_might_fail flux start --statedir="$state" sh -c "
        $log append logs.one 0 5000 && flux kvs put -S logs.synced=1 && touch synced &&
        kill -9 \$(flux getattr broker.pid)" 2>/dev/null
    test -f synced &&
    flux start --statedir="$state" $log check logs.one 5000
'
test_expect_success 'it goes on, and survives an orderly end' '
    flux start --statedir="$state" $log append logs.one 5000 100 &&
    flux start --statedir="$state" $log check logs.one 5100
'
test_expect_success 'without a sync it is saved soon' '
    test_might_fail flux start --statedir="$state" sh relaxed.sh $log 2>/dev/null
    test -f saved &&
    flux start --statedir="$state" $log check logs.one 8100
'
test_done
