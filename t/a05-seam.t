#!/bin/sh
test_description='The seam and the walls: what is exported, declared, used and included

The libraries export nothing but the API of the table in t/abi, with its very
prototypes and constants; modules use nothing else of Flux; and no room
includes what the table in doc/architecture.md does not allow it.'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

CC=${CC:-cc}
libs="$BUILDDIR/src/libflux/.libs/libflux-core.so
$BUILDDIR/src/common/.libs/libflux-idset.so
$BUILDDIR/src/common/.libs/libflux-hostlist.so"

# NAME<TAB>SIGNATURE of all functions that the table knows
awk -F'\t' 'FNR > 1 { print $2 "\t" $3 }' "$T/abi/flux-core-0.88.tsv" "$T/abi/other-0.88.tsv" |
    sort >table
cut -f1 table >known

cat >includes.h <<\END
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <flux/core.h>
#include <flux/idset.h>
#include <flux/hostlist.h>
END

test_expect_success 'the libraries export only what the table has' '
    for l in $libs; do nm -D --defined-only "$l" | sed "s/.* //" || return 1; done |
        grep -E "^(flux|idset|hostlist)_" | sort -u >exported &&
    test -s exported &&
    comm -23 exported known >extra &&
    test_must_be_empty extra
'
test_expect_success 'each exported function has the prototype of the table' '
    { cat includes.h && join -t "	" exported table |
        sed "s/^\([^	]*\)	\(.*\) (\(.*\))$/\1	\2	\3/" |
        perl -ne "chomp; my (\$n, \$sig) = split /\t/, \$_, 2; \$sig =~ s/\t/ (/; \$sig .= \")\"; 
            my (\$ret, \$args) = \$sig =~ /^(.*?) \((.*)\)\$/;
            print qq{_Static_assert (__builtin_types_compatible_p (__typeof__ (&\$n), __typeof__ (\$ret (*) (\$args))), \"\$n\");\n};"
    } >proto.c &&
    test "$(grep -c _Static_assert proto.c)" -eq "$(wc -l <exported)" &&
    $CC -std=gnu11 -fsyntax-only -I"$SRCDIR/src/include" proto.c
'
test_expect_success 'each function that a public header declares is exported' '
    $CC -E -P -I"$SRCDIR/src/include" includes.h |
        grep -oE "\b(flux|idset|hostlist)_[a-z0-9_]+ \(" | sed "s/ (//" | sort -u >declared &&
    comm -23 declared exported >missing &&
    test_must_be_empty missing
'
test_expect_success 'each public constant has the value of the table' '
    { cat includes.h && echo "int main (void) { int bad = 0;" &&
      awk -F"\t" "FNR > 1 && \$4 !~ /struct-valued/ { print }" "$T/abi/constants.tsv" |
      while IFS="	" read -r name value header kind; do
          test -f "$SRCDIR/src/include/flux/$header" || continue
          case $value in
          \"*) echo "if (strcmp ($name, $value)) { puts (\"$name\"); bad++; }" ;;
          -*) echo "if ($name != $value) { puts (\"$name\"); bad++; }" ;;
          *) echo "if ((unsigned long long)$name != ${value}ULL) { puts (\"$name\"); bad++; }" ;;
          esac
      done && echo "return bad; }"
    } >constants.c &&
    test "$(grep -c "^if" constants.c)" -gt 80 &&
    $CC -w -std=gnu11 -I"$SRCDIR/src/include" -o constants constants.c &&
    ./constants
'
test_expect_success 'modules use no symbol of Flux that the table has not' '
    for m in "$BUILDDIR"/src/modules/.libs/*.so; do
        nm -D --undefined-only "$m" | sed "s/.* U //" | grep -E "^(flux|idset|hostlist)_" |
            sort -u | comm -23 - known | sed "s|^|$(basename "$m"): |" || return 1
    done >foreign &&
    test_must_be_empty foreign
'
test_expect_success 'engines know neither flux_t, nor JSON trees, nor event loops' '
    for a in "$BUILDDIR"/src/modules/*/.libs/libengine.a; do
        nm "$a" 2>/dev/null | grep -oE " U (flux|json|ev)_[a-z_0-9]*" | sort -u | sed "s|^|$a: |"
    done >leaks &&
    ls "$BUILDDIR"/src/modules/*/.libs/libengine.a &&
    test_must_be_empty leaks
'
test_expect_success 'clients link nothing heavier than jansson and libev' '
    ldd "$BUILDDIR/src/cmd/flux" | sed "s/^[ 	]*//; s/ .*//" |
        grep -vE "^(linux-vdso|/lib64/ld-linux|/lib/ld-linux|libc\.|libm\.|libflux-core|libjansson|libev\.|libpthread|libasan|libubsan|libtsan|libgcc_s|libstdc|libdl|librt)" >heavy;
    test_must_be_empty heavy
'
test_expect_success 'no room includes what it may not' '
    perl "$T/rooms.pl" "$BUILDDIR" >violations &&
    test_must_be_empty violations
'

test_done
