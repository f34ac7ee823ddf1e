#!/bin/sh
# kvs-watch: what happens rarely, and that nothing is loaded in vain.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/watch_corner_live"
