#!/bin/sh
# content alone: without a backing store, and with one that fails.
. "$(dirname "$0")/lib.sh"
state=${TMPDIR:-/tmp}/content-live.$$
[ -n "$INSIDE_FLUX" ] || mkdir "$state" || exit 1
under_flux --statedir="$state" -Sbroker.rc1_path= -Sbroker.rc3_path=
flux module load content blob-size-limit=1000000 || exit 1
"$BUILDDIR/t/live/content_live"
rc=$?
flux module remove content
rm -rf "$(flux getattr statedir)"
exit $rc
