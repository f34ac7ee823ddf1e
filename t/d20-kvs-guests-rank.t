#!/bin/sh
# What a guest tries in order to get at what is not its own, on a rank that follows.
. "$(dirname "$0")/lib.sh"
under_flux -s 2
FLUX_URI=${FLUX_URI%-*}-1
export FLUX_URI
exec "$BUILDDIR/t/live/guest_live"
