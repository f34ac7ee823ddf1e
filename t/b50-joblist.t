#!/bin/sh
# job-list as its clients see it: order, selection, waiting, statistics, privacy.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/joblist_live"
