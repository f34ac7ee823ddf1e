#!/bin/sh
# content-sqlite writes much at once, and is asked meanwhile.
. "$(dirname "$0")/lib.sh"
under_flux -Sbroker.rc1_path= -Sbroker.rc3_path=
flux module load content && flux module load content-sqlite || exit 1
"$BUILDDIR/t/live/sqlite_live"
rc=$?
flux module remove content-sqlite
flux module remove content
exit $rc
