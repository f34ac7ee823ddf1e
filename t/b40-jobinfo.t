#!/bin/sh
# job-info as its clients see it: access, logs, and the move of the guest data.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/jobinfo_live"
