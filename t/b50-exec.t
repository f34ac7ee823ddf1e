#!/bin/sh
# Ingest, resources, scheduler and exec as their clients see them.
. "$(dirname "$0")/lib.sh"
under_flux
exec "$BUILDDIR/t/live/exec_live"
