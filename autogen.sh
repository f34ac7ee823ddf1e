#!/bin/sh
# Make ./configure from configure.ac.
cd "$(dirname "$0")" || exit 1
mkdir -p config
exec autoreconf --install --force
