#!/bin/sh
# The kvs and content services as their clients see them: golden transactions,
# malformed and forbidden requests, reads from a cold cache.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/kvs_live"
