#!/bin/sh
# content alone: without a backing store, and with one that fails.
. "$(dirname "$0")/lib.sh"
under_flux -Sbroker.rc1_path= -Sbroker.rc3_path=
flux module load content blob-size-limit=1000000 || exit 1
"$BUILDDIR/t/live/content_live"
rc=$?
flux module remove content
exit $rc
