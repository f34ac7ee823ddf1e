#!/bin/sh
# A job's end is told before its directory is in its place: what people then look at is whole.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/ended_live" "$FLUX_URI"
