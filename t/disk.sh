# disk.sh - a disk that can be full: sourced behind sharness.sh, in own_mounts.
#
# "$disk" is a file system of 16 MB; without the right to mount one all is skipped.
# functions.sh, which a scenario may add to, is for what runs inside of instances.

rpc=$BUILDDIR/t/live/rpc
disk=$(pwd)/disk
export rpc disk
mkdir "$disk"
if ! mount -t tmpfs -o size=16m tmpfs "$disk" 2>/dev/null; then
    skip_all='cannot mount a tmpfs'
    test_done
fi

cat >functions.sh <<\END
say () {
    echo "# $*"
}
fill () {
    dd if=/dev/zero of="$disk/fill" bs=4096 2>/dev/null || :
    test "$(df --output=avail "$disk" | tail -n 1)" -eq 0
}
make_room () {
    rm "$disk/fill"
}
content () { # a number of its statistics
    "$rpc" content.stats-get | sed "s/.*\"$1\":\([0-9]*\).*/\1/"
}
END
