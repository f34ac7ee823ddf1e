#!/bin/sh
# job-info: what happens rarely.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/jobinfo_corner_live"
