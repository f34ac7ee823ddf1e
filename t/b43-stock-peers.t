#!/bin/sh
# Our kvs-watch with a kvs, and our job-list with a job-manager, of stock Flux's kind.
. "$(dirname "$0")/lib.sh"
under_flux -Scontent.hash=sha1 -Sbroker.rc1_path= -Sbroker.rc3_path=
exec "$BUILDDIR/t/live/peers_live"
