#!/bin/sh
# A short round of t/soak (see soak.h there); scripts/soak runs it for as long as
# wanted, also with the sanitizers.
test_description='Load from all sides while modules come and go and clients are killed'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

SOAK_MODULE=$BUILDDIR/src/broker/.libs/testmod.so
export SOAK_MODULE

# That of resource.R, by job-manager, once it is there.
one_watch () {
    test "$(flux module stats -p watchers kvs-watch)" -eq 1
}
test_expect_success 'nothing is lost, doubled or left' '
    wait_until one_watch &&
    "$BUILDDIR/t/soak/soak" ${E50_SECONDS:-4} >out 2>&1 || { cat out; false; }
'
test_expect_success 'there was something to lose' '
    cat out && grep "^nothing is left" out && grep "echo: [0-9]*[0-9][0-9][0-9] requests" out &&
    ! grep "listen: 1 events" out
'

test_done
