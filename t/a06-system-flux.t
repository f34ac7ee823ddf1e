#!/bin/sh
test_description='The four modules build against a system flux-core

There is none here, so one is made of the tables in t/abi: headers that say
what they say and no more, libraries that export the symbols.  What compiles,
links and installs against that needs nothing else of a flux-core.  With
TEST_LONG set, the tests that such a build has are built and run, too.'
. "$(dirname "$0")/lib.sh"
# before sharness gives us another home
if command -v ccache >/dev/null; then
    CCACHE_DIR=$(ccache --get-config cache_dir)
    export CCACHE_DIR
fi
. "$T/sharness.sh"

if test -f "$SRCDIR/config.status"; then
    skip_all='configured in the source tree, which forbids a second build beside it'
    test_done
fi

CC=$(sed -n 's/^CC = //p' "$BUILDDIR/Makefile")
case $CC in
*ccache*) ;;
*) CC="${CCACHE_DIR:+ccache }$CC" ;;
esac
export CC
# this build is no part of the make that may have started us
unset MAKEFLAGS MFLAGS MAKELEVEL

# libtool does not cope with the blank in the name of sharness's own directory
work=$BUILDDIR/t/system-flux
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1

four="job-list job-manager kvs kvs-watch"
modules=inst/usr/lib/flux-millrace/modules

# configure_for STUB BUILD: --with-system-flux, that stub being the system's
configure_for () {
    stub=$PWD/$1
    mkdir -p "$2" && (
        cd "$2" && PKG_CONFIG_PATH=$stub/lib/pkgconfig "$SRCDIR/configure" --silent -C \
            --disable-maintainer-mode --with-system-flux \
            --prefix=/usr --libdir=/usr/lib --mandir=/usr/share/man \
            CFLAGS='-O0 -g0' LDFLAGS=-Wl,-z,defs
    )
}

test_expect_success 'a system flux-core is made of the tables' '
    perl "$T/stub-flux.pl" stub &&
    PKG_CONFIG_PATH=$PWD/stub/lib/pkgconfig pkg-config --exists "flux-core >= 0.88" flux-idset
'
test_expect_success 'its headers are what the tables say' '
    { printf "#include <%s>\n" stdarg.h stdbool.h stddef.h stdio.h string.h flux/core.h \
          flux/idset.h flux/hostlist.h flux/taskmap.h flux/optparse.h flux/schedutil.h \
          flux/jobtap.h &&
      awk -F"\t" "FNR > 1 && \$4 !~ /not in/ { print \$2 }" "$T/abi/flux-core-0.88.tsv" >names &&
      perl "$T/seam.pl" protos names && perl "$T/seam.pl" structs stub/include &&
      perl "$T/seam.pl" constants stub/include
    } >tables.c &&
    test "$(grep -c "^_Static_assert" tables.c)" -gt 580 &&
    $CC -std=gnu11 -Wall -Wextra -Werror -Wno-type-limits -Istub/include -o tables tables.c &&
    ./tables
'
test_expect_success 'the modules build against it without a warning' '
    configure_for stub build >log 2>&1 && make -C build -j2 >>log 2>&1 ||
        { cat log; false; }
'
test_expect_success 'nothing of our own host is compiled, or looked at' '
    grep -rl "stub/include/flux/core/handle.h" build/src --include="*.Plo" >seam &&
    test -s seam &&
    find build -name "*.o" | sed "s|^build/||; s|\.libs/||; s|/[^/]*$||" | sort -u >rooms &&
    printf "src/common\n" >expected &&
    printf "src/modules/%s\n" $four >>expected &&
    test_cmp expected rooms &&
    ! grep -rhoE "[^ ]*/src/(include|libflux|broker|cmd)/[^ ]*\.h" build/src --include="*.Plo"
'
test_expect_success 'the installed tree holds the modules, their page, and no more' '
    make -C build install DESTDIR="$PWD/inst" >log 2>&1 || { cat log; false; } &&
    printf "inst/usr/lib/flux-millrace/modules/%s.so\n" $four >expected &&
    if grep "^SCDOC = ." build/Makefile; then
        echo inst/usr/share/man/man7/flux-millrace.7 >>expected
    fi &&
    find inst ! -type d | sort >installed &&
    sort expected >sorted &&
    test_cmp sorted installed
'
test_expect_success 'modules need the core library, and export their entry alone' '
    for m in $four; do
        readelf -d $modules/$m.so >dynamic &&
        sed -n "s/.*(NEEDED).*\[\(.*\)\]/\1/p" dynamic >needed &&
        grep -x libflux-core.so.2 needed &&
        ! grep -vE "^(libc|ld-linux[^.]*|libcrypto|libjansson|liblz4|libm)\.so|^libflux-core\.so\.2$" needed &&
        ! grep -E "RPATH|RUNPATH" dynamic &&
        nm -D --defined-only $modules/$m.so | sed "s/.* //" | LC_ALL=C sort >exported &&
        { echo mod_main &&
          if test $m = job-manager; then
              awk -F"\t" "\$4 == \"jobtap.h\" { print \$2 }" "$T/abi/other-0.88.tsv"
          fi; } | LC_ALL=C sort >expected &&
        test_cmp expected exported || return 1
    done
'
test_expect_success 'every symbol of Flux that they use is in its core library' '
    nm -D --defined-only stub/lib/libflux-core.so | sed "s/.* //" | sort >core &&
    test $(wc -l <core) -gt 470 &&
    for m in $four; do
        nm -D --undefined-only $modules/$m.so | sed "s/.* //" |
            grep -E "^(flux|idset|hostlist|taskmap|schedutil)_" | sort >used &&
        test -s used &&
        comm -23 used core | sed "s|^|$m: |" || return 1
    done >missing &&
    test_must_be_empty missing
'
# Our own host stands in for the system's: it has the same interface.
if ! grep "define WITH_SANITIZERS 1" "$BUILDDIR/config.h" >/dev/null; then
    test_expect_success 'named in FLUX_MODULE_PATH_PREPEND, they are in use' '
        cat >job.sh <<-\END &&
		flux module list -l | grep -o "[^/]*/modules/[a-z-]*\.so$" | sort >used &&
		flux run echo hi >out && flux queue drain && flux jobs -a --no-header -o "{name} {status}" >jobs &&
		flux kvs put a=1 && flux kvs get --watch --count=1 a >value
		END
        FLUX_MODULE_PATH_PREPEND=$PWD/$modules flux start sh ./job.sh &&
        printf "flux-millrace/modules/%s.so\n" $four | sort >expected &&
        grep flux-millrace used >prepended &&
        test_cmp expected prepended &&
        echo hi >expected && test_cmp expected out &&
        echo "echo COMPLETED" >expected && test_cmp expected jobs &&
        echo 1 >expected && test_cmp expected value
    '
    test_expect_success 'one of them can be taken alone, and while the instance runs' '
        mkdir links && ln -s "$PWD/$modules/job-list.so" links/ &&
        cat >one.sh <<-\END &&
		flux module list -l | grep -c links/job-list.so >used
		flux run true && flux queue drain && flux module remove job-list &&
		flux module load "$1/job-list.so" && flux jobs -a --no-header -o "{status}" >jobs &&
		flux module list -l | grep -c "$1/job-list.so" >>used
		END
        FLUX_MODULE_PATH_PREPEND=$PWD/links flux start sh ./one.sh "$PWD/$modules" &&
        printf "1\n1\n" >expected && test_cmp expected used &&
        echo COMPLETED >expected && test_cmp expected jobs
    '
fi
test_expect_success 'uninstalling leaves no file behind' '
    make -C build uninstall DESTDIR="$PWD/inst" >log 2>&1 &&
    find inst ! -type d >left &&
    test_must_be_empty left
'
test_expect_success 'an older flux-core is refused, by name' '
    perl "$T/stub-flux.pl" old-stub 0.87.0 &&
    mkdir -p old && grep -vE "pkg_cv|ac_cv_env_PKG" build/config.cache >old/config.cache &&
    test_must_fail configure_for old-stub old 2>err &&
    grep "flux-core >= 0.88" err
'
if test -n "$TEST_LONG"; then
    test_expect_success 'its own tests link, and those that need no host pass' '
        make -C build -j2 check LD_LIBRARY_PATH="$PWD/stub/lib" >log 2>&1 || { cat log; false; }
    '
fi

cd "$BUILDDIR/t" && rm -rf "$work"
test_done
