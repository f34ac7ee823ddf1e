#!/bin/sh
# A store that is full: how often does kvs try to save?
. "$(dirname "$0")/lib.sh"
STATE=${STATE:-$(mktemp -d)}
export STATE
under_flux --statedir="$STATE" -Scontent.hash=sha1 -Sbroker.rc1_path= -Sbroker.rc3_path=
"$BUILDDIR/t/live/stock_live" full
rc=$?
rm -rf "$STATE"
exit $rc
