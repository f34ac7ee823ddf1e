# lib.sh - sourced by every scenario, before anything else.
#
# Finds the build, puts flux first in PATH, loads sharness.  A scenario that
# calls "under_flux" runs inside an instance of its own.
#
# No scenario sleeps to let something happen: it waits for the thing itself.

SRCDIR=${SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
BUILDDIR=${BUILDDIR:-$SRCDIR/build}
PATH=$BUILDDIR/src/cmd:$PATH
T=$SRCDIR/t
SCRIPT_ARGS=$*
export SRCDIR BUILDDIR PATH T

# ThreadSanitizer, where that is built in, does not know all (t/tsan.supp).
TSAN_OPTIONS=${TSAN_OPTIONS-die_after_fork=0:suppressions=$T/tsan.supp}
export TSAN_OPTIONS

# A scenario that hangs fails, by name, after T_SECONDS (t/live/limit.c), and
# nothing that it has started stays behind.
if [ -z "$T_LIMITED" ] && [ -x "$BUILDDIR/t/live/limit" ]; then
    exec "$BUILDDIR/t/live/limit" "$0" "$@"
fi

# A scenario starts from nothing but what it sets itself.
if [ -z "$INSIDE_FLUX" ]; then
    for v in $(env | sed -n 's/^\(FLUX_[A-Z_]*\)=.*/\1/p'); do
        unset "$v"
    done
fi

# under_flux [OPTIONS of flux start]: run this script inside an instance.
under_flux () {
    if [ -z "$INSIDE_FLUX" ]; then
        INSIDE_FLUX=t
        export INSIDE_FLUX
        exec flux start "$@" -- "$0" $SCRIPT_ARGS
    fi
}

# wait_until COMMAND...: true as soon as the command is; false after two minutes of
# trying: more than anything takes, on any machine, and less than a test may.
wait_until () {
    tries=0
    while ! "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 6000 ] || return 1
        perl -e 'select undef, undef, undef, 0.02'
    done
}

# awaits SIGNAL PID: the process is no copy of this shell any more, and takes that
# signal (a number below 32) from a descriptor: it has blocked it.
awaits () {
    ! cmp -s "/proc/$2/comm" "/proc/$$/comm" &&
        mask=$(sed -n 's/^SigBlk:.*\(.\{8\}\)$/\1/p' "/proc/$2/status") && [ -n "$mask" ] &&
        [ $((0x$mask >> ($1 - 1) & 1)) = 1 ]
}

# own_mounts: run this script in a mount namespace of its own: what it mounts goes with
# it, however it ends.  Where there is no such thing, also not for a user, it is skipped.
own_mounts () {
    [ -z "$OWN_MOUNTS" ] || return 0
    OWN_MOUNTS=t
    export OWN_MOUNTS
    for how in -m -rm; do
        unshare $how true 2>/dev/null && exec unshare $how "$0" $SCRIPT_ARGS
    done
    echo "1..0 # SKIP no mount namespaces here"
    exit 0
}

# interruptible COMMAND...: run it with the default action for SIGINT, which a
# shell without job control ignores in what it starts in the background.
interruptible () {
    exec perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV or die "$ARGV[0]: $!"' -- "$@"
}
