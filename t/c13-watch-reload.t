#!/bin/sh
# kvs-watch and job-info go and come while a hundred streams wait.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/watch_reload_live"
