#!/bin/sh
# Commits that wait for others, and others that wait for them.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/order_live"
