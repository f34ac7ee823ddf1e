# sharness.sh - source after lib.sh and under_flux: Debian's sharness, with
# its working directories in the build tree.

mkdir -p "$BUILDDIR/t"
SHARNESS_TEST_DIRECTORY=$BUILDDIR/t
SHARNESS_BUILD_DIRECTORY=$BUILDDIR/src/cmd
export SHARNESS_TEST_DIRECTORY SHARNESS_BUILD_DIRECTORY
. /usr/share/sharness/sharness.sh

# test_line_count N FILE
test_line_count () {
    if test "$(wc -l <"$2")" -ne "$1"; then
        echo "$2 has not $1 lines:"
        cat "$2"
        return 1
    fi
}
