#!/bin/sh
# The kvs on a rank that follows: all golden transactions, and what is special there.
. "$(dirname "$0")/lib.sh"
under_flux -s 3
FLUX_URI=${FLUX_URI%-*}-2
export FLUX_URI
exec "$BUILDDIR/t/live/kvs_live" follower
