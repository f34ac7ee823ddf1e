#!/bin/sh
# What a guest tries in order to get at what is not its own, on rank 0.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/guest_live"
