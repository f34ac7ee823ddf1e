#!/bin/sh
test_description='The seam and the walls: what is exported, declared, used and included

The libraries export nothing but the API of the table in t/abi, with its very
prototypes, constants and layouts; modules use nothing else of Flux; the four
that also run on a stock flux-core know nothing of our own host; and no room
includes what the table in doc/architecture.md does not allow it.'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

CC=${CC:-cc}
libs="$BUILDDIR/src/libflux/.libs/libflux-core.so
$BUILDDIR/src/common/.libs/libflux-idset.so
$BUILDDIR/src/common/.libs/libflux-hostlist.so"

four="kvs kvs-watch job-manager job-list"
ours=$SRCDIR/src/include
api='^(flux|idset|hostlist|taskmap|schedutil|optparse)_'

# all functions that the table knows
awk -F'\t' 'FNR > 1 { print $2 }' "$T/abi/flux-core-0.88.tsv" "$T/abi/other-0.88.tsv" |
    sort >known
# what is said and what is checked needs these
cat >includes.h <<\END
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <flux/core.h>
#include <flux/idset.h>
#include <flux/hostlist.h>
#include <flux/jobtap.h>
END

# with_includes MODE ARG: what seam.pl says, behind the headers
with_includes () {
    cat includes.h && perl "$T/seam.pl" "$@"
}

test_expect_success 'the libraries export only what the table has' '
    for l in $libs; do nm -D --defined-only "$l" | sed "s/.* //" || return 1; done |
        grep -E "$api" | sort -u >exported &&
    test -s exported &&
    comm -23 exported known >extra &&
    test_must_be_empty extra
'
test_expect_success 'each exported function has the prototype of the table' '
    with_includes protos exported >proto.c &&
    test "$(grep -c _Static_assert proto.c)" -eq "$(wc -l <exported)" &&
    $CC -std=gnu11 -fsyntax-only -I"$ours" proto.c
'
test_expect_success 'each function that a public header declares is exported' '
    $CC -E -P -I"$ours" includes.h |
        grep -oE "\b(flux|idset|hostlist)_[a-z0-9_]+ \(" | sed "s/ (//" | sort -u >declared &&
    awk -F"\t" "\$4 == \"jobtap.h\" { print \$2 }" "$T/abi/other-0.88.tsv" >jobtap &&
    sort -u exported jobtap | comm -23 declared - >missing &&
    test_must_be_empty missing
'
test_expect_success 'each public constant has the value of the table' '
    with_includes constants "$ours" >constants.c &&
    test "$(grep -c "^    if" constants.c)" -gt 80 &&
    $CC -w -std=gnu11 -I"$ours" -o constants constants.c &&
    ./constants
'
test_expect_success 'public headers show no constant and no struct that the table has not' '
    perl "$T/seam.pl" known | sort >known-names &&
    $CC -E -dD -I"$ours" includes.h | perl "$T/seam.pl" defined | sort -u >names &&
    grep "^struct flux_match$" names && grep "^constant FLUX_KVS_APPEND$" names &&
    comm -23 names known-names >ours-alone &&
    test_must_be_empty ours-alone
'
test_expect_success 'structs that they show have the layout of the table' '
    with_includes structs "$ours" >structs.c &&
    test "$(grep -c offsetof structs.c)" -gt 20 &&
    $CC -std=gnu11 -fsyntax-only -I"$ours" structs.c
'
test_expect_success 'modules use no symbol of Flux that the table has not' '
    for m in "$BUILDDIR"/src/modules/.libs/*.so; do
        nm -D --undefined-only "$m" | sed "s/.* U //" | grep -E "$api" |
            sort -u | comm -23 - known | sed "s|^|$(basename "$m"): |" || return 1
    done >foreign &&
    test_must_be_empty foreign
'
test_expect_success 'the four modules use the core library of Flux alone, and export no more than is asked for' '
    awk -F"\t" "\$1 == \"libflux-core.so\" { print \$2 }" "$T/abi/flux-core-0.88.tsv" |
        sort >core &&
    awk -F"\t" "\$4 == \"jobtap.h\" { print \$2 }" "$T/abi/other-0.88.tsv" >jobtap &&
    test $(wc -l <jobtap) -eq 30 &&
    for m in $four; do
        so=$BUILDDIR/src/modules/.libs/$m.so &&
        nm -D --undefined-only "$so" | sed "s/.* //" | grep -E "$api" | sort >used &&
        test -s used &&
        comm -23 used core | sed "s|^|$m: |" &&
        nm -D --defined-only "$so" | sed "s/.* //" | grep -vxE "mod_main|mod_name" |
            { if test $m = job-manager; then grep -vxF -f jobtap; else cat; fi; } |
            sed "s|^|$m exports |" || return 1
    done >beyond &&
    test_must_be_empty beyond
'
test_expect_success 'they name no topic, attribute or key but those listed' '
    for m in $four; do
        objcopy -O binary -j .rodata "$BUILDDIR/src/modules/.libs/$m.so" rodata &&
        perl "$T/seam.pl" topics rodata >named &&
        grep "^listed" named &&
        sed -n "s/^unlisted/$m:/p" named || return 1
    done >names &&
    grep -v ^listed names >unknown;
    test_must_be_empty unknown
'
test_expect_success 'engines know neither flux_t, nor JSON trees, nor event loops' '
    for a in "$BUILDDIR"/src/modules/*/.libs/libengine.a; do
        nm "$a" 2>/dev/null | grep -oE " U (flux|json|ev)_[a-z_0-9]*" | sort -u | sed "s|^|$a: |"
    done >leaks &&
    ls "$BUILDDIR"/src/modules/*/.libs/libengine.a &&
    test_must_be_empty leaks
'
test_expect_success 'clients link nothing heavier than jansson and libev' '
    (unset LD_PRELOAD && ldd "$BUILDDIR/src/cmd/flux") >linked &&
    sed "s/^[ 	]*//; s/ .*//" linked |
        grep -vE "^(linux-vdso|/lib64/ld-linux|/lib/ld-linux|libc\.|libm\.|libflux-core|libjansson|libev\.|libpthread|libasan|libubsan|libtsan|libgcc_s|libstdc|libdl|librt)" >heavy;
    test_must_be_empty heavy
'
test_expect_success 'no room includes what it may not' '
    perl "$T/rooms.pl" "$BUILDDIR" >violations &&
    test_must_be_empty violations
'

test_done
