#!/bin/sh
# Our kvs with a content service of stock Flux's kind.
. "$(dirname "$0")/lib.sh"
under_flux -Scontent.hash=sha1 -Sbroker.rc1_path= -Sbroker.rc3_path=
exec "$BUILDDIR/t/live/stock_live"
