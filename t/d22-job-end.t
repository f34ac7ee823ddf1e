#!/bin/sh
# Who hears of the end of a job on another rank finds there what it wrote.
. "$(dirname "$0")/lib.sh"
under_flux -s 4
exec "$BUILDDIR/t/live/ended_live" "$FLUX_URI" "${FLUX_URI%-*}-3"
