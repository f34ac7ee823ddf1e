#!/bin/sh
# The same in an instance that names its blobs by sha256.
. "$(dirname "$0")/lib.sh"
under_flux -Scontent.hash=sha256
exec "$BUILDDIR/t/live/kvs_live"
