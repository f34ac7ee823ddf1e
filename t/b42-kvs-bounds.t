#!/bin/sh
# A guest that asks the KVS for too much of everything.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/bounds_live"
