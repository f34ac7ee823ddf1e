#!/bin/sh
test_description='make install: what is there works, others build against it, and it can be taken away'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

# libtool cannot have a blank in it
root=$(mktemp -d) || exit 1
prefix=$(sed -n 's/^prefix=//p' "$BUILDDIR/src/libflux/flux-core.pc")
at=$root$prefix
command -v pkg-config >/dev/null && test_set_prereq PKG_CONFIG

# in_build TARGET: as if by hand, whatever the make above us was told
in_build () {
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$BUILDDIR" -s "$1" DESTDIR="$root" >log 2>&1 || { cat log; return 1; }
}

# installed COMMAND...: with nothing of the build tree in reach
installed () {
    env -u BUILDDIR PATH="$at/bin:/usr/bin:/bin" FLUX_MODULE_PATH="$at/lib/flux/modules" "$@"
}

# a program without a sanitizer cannot load a library with one
ldd "$BUILDDIR/src/libflux/.libs/libflux-core.so" | grep -q -e libasan -e libtsan || test_set_prereq PLAIN

test_expect_success 'it installs' '
    in_build install
'
test_expect_success 'commands, those under another name, too' '
    for f in bin/flux bin/mpiexec.flux libexec/flux-broker libexec/flux/cmd/flux-dump \
        libexec/flux/cmd/flux-restore libexec/flux/cmd/flux-fsck libexec/flux/cmd/flux-gc; do
        test -x "$at/$f" || { echo "no $f"; return 1; }
    done &&
    installed flux version && installed mpiexec.flux --help >help && grep -i mpiexec help
'
test_expect_success 'where modules are loaded by name there is nothing but modules' '
    ls "$at/lib/flux/modules" >modules && grep -x kvs.so modules && test_must_fail grep -v "\.so$" modules
'
test_expect_success 'an instance of it runs a job' '
    installed flux start flux run echo hello >out 2>err && grep -x hello out
'
test_expect_success PKG_CONFIG 'a plugin is built against it, in the way of plugins' '
    export PKG_CONFIG_PATH="$at/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" &&
    pkg-config --exists "flux-core >= 0.88" flux-idset flux-hostlist &&
    test "$(pkg-config --modversion flux-core)" = "$(sed -n "s/.*FLUX_CORE_VERSION_STRING \"\(.*\)\"/\1/p" "$at/include/flux/core/version.h")" &&
    ${CC:-cc} -shared -fPIC -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror $(pkg-config --cflags flux-core) \
        -o "$root/foreign.so" "$T/live/foreign.c" &&
    installed flux start sh -c "flux jobtap load $root/foreign.so && flux run true && flux jobtap query foreign.so" >query &&
    grep "\"jobs\":1" query
'
cat >client.c <<'EOF'
#include <flux/core.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <stdio.h>

int main (void)
{
    flux_t *h = flux_open (NULL, 0);
    struct idset *ids = idset_decode ("0-3");
    struct hostlist *hl = hostlist_decode ("a[1-2]");
    uint32_t rank;

    if (!h || flux_get_rank (h, &rank) < 0 || idset_count (ids) != 4 || hostlist_count (hl) != 2)
        return 1;
    printf ("rank %u\n", (unsigned int)rank);
    return 0;
}
EOF
test_expect_success PKG_CONFIG,PLAIN 'and so is a client' '
    ${CC:-cc} -Wall -Werror -o client client.c $(pkg-config --cflags --libs flux-core flux-idset flux-hostlist) \
        -Wl,-rpath,"$at/lib" &&
    installed flux start ./client >out && grep -x "rank 0" out
'
test_expect_success 'it goes without leaving anything' '
    rm -f "$root/foreign.so" &&
    in_build uninstall && find "$root" -type f -o -type l >left && test_must_be_empty left
'
rm -rf "$root"
test_done
