#!/bin/sh
# kvs-watch as its clients see it: every mode, every end.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/watch_live"
