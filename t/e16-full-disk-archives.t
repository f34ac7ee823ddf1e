#!/bin/sh
test_description='flux dump and flux restore, and a disk that is full

Of the archive: what was written so far must not be taken for an archive.  Of the
content store: who restores must learn of it and not wait for ever, nothing that
anybody can see may change, and with room again all goes on.'
. "$(dirname "$0")/lib.sh"
own_mounts
. "$T/sharness.sh"

. "$T/disk.sh"

cat >>functions.sh <<\END
set -e
fails () { # REASON COMMAND: with one line on stderr that ends like this
    reason=$1
    shift
    code=0
    "$@" 2>err || code=$?
    cat err
    test $code -eq 1
    test $(grep -c "^flux-" err) -eq 1
    grep "$reason\$" err
}
END

# Forty files of a megabyte that cannot be compressed, and one of them.
test_expect_success 'archives to be restored' '
    mkdir in &&
	perl -e "srand 1; for \$i (10..49) {
	    open F, qq(>in/f\$i); print F pack (q(L*), map { rand 2**32 } 1..262144) }" &&
    (cd in && tar cf ../big.tar f* && tar cf ../small.tar f10) &&
    cp in/f10 expect10 && cp in/f49 expect49
'

cat >dump.sh <<\END
. ./functions.sh
flux restore -q --key=many big.tar
flux kvs put short=1
for x in tar tgz cpio zip; do
    say "$x"
    fails "disk/o.$x: .*No space left on device" flux dump -q "$disk/o.$x"
    test -z "$(ls -A "$disk")"
done
say "on standard output"
fails "No space left on device" sh -c 'flux dump -q - >"$disk/o.tar"'
test -s "$disk/o.tar"
fails "" flux restore -q --key=copy "$disk/o.tar"
test -z "$(flux kvs ls copy 2>/dev/null)"
fails "No space left on device" sh -c 'flux dump -q - >/dev/full'

say "what was there before stays"
rm "$disk/o.tar"
cp small.tar "$disk/o.tar"
fails "No space left on device" flux dump -q "$disk/o.tar"
cmp small.tar "$disk/o.tar"
test "$(ls -A "$disk")" = o.tar

say "with room"
flux kvs unlink -R many
flux dump -q "$disk/o.tar"
flux restore -q --key=copy "$disk/o.tar"
test "$(flux kvs get copy.short)" = 1
rm "$disk/o.tar"
END
test_expect_success 'an archive on a full disk: a clear error, and no archive' '
    flux start sh dump.sh
'

cat >restore.sh <<\END
. ./functions.sh
INSIDE_FLUX=t
. "$T/lib.sh"
clean () {
    test $(content dirty) -eq 0
}
flux kvs put before=1
flux kvs sync
version=$(flux kvs version)
fill

say "a few blobs, many, and past the cache"
fails "content.flush: No space left on device" flux restore -q --key=x small.tar
fails "content.flush: No space left on device" flux restore -q --key=x big.tar
fails "error storing blob: .*full.*" flux restore -q --no-cache --key=x small.tar
test $(content dirty) -gt 0
test $(content size) -lt 40000000
fails "No space left on device" flux dump -q --no-cache o.tar
test ! -e o.tar

say "nothing has changed, all goes on"
test "$(flux kvs version)" = "$version"
flux kvs put relaxed=1
test "$(flux kvs get before relaxed | paste -sd,)" = 1,1

say "room again"
make_room
flux restore -q --key=x small.tar
flux kvs get --raw x.f10 | cmp - expect10
wait_until clean

say "room that is too small is found so in the middle"
fails "content.flush: No space left on device" flux restore -q --key=y big.tar
test -z "$(flux kvs ls y 2>/dev/null)"
test $(content size) -lt 40000000 # it did not go on to the end
mount -o remount,size=200m "$disk"
flux restore -q --key=y big.tar
flux kvs put -S after=1
flux fsck 2>err
grep "Total errors: 0" err
touch through
kill -9 $(flux getattr broker.pid)
END
test_expect_success 'a content store on a full disk: a clear error, nothing changes, it heals' '
    ! flux start --statedir="$disk/state" sh restore.sh >out 2>log
    cat out log && test -f through
'

cat >after.sh <<\END
. ./functions.sh
test "$(flux kvs get before relaxed after | paste -sd,)" = 1,1,1
flux kvs get --raw x.f10 | cmp - expect10
flux kvs get --raw y.f49 | cmp - expect49
END
test_expect_success 'what was restored in the end is there after a crash' '
    flux start --statedir="$disk/state" sh after.sh
'
umount "$disk"
test_done
