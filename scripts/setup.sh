# setup.sh - sourced by the other scripts: packages and the build.
#
# Works on a bare Debian 12 machine, as root or through sudo; does nothing
# that is already done.

set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$top/build}

build_packages="gcc g++ make autoconf automake libtool pkg-config libc6-dev
    libjansson-dev libev-dev libsqlite3-dev liblz4-dev libssl-dev libsodium-dev
    libzmq3-dev libtomlplusplus-dev libarchive-dev scdoc"
test_packages="perl sharness procps jq sqlite3 strace mpich libmpich-dev"

say () {
    printf '==> %s\n' "$*"
}

as_root () {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "$0: packages are missing, and there is neither root nor sudo to install them" >&2
        exit 1
    fi
}

# Install those of the named packages that are missing.
need_packages () {
    missing=
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# Configure (with the given options) and build into $build.
build_all () {
    if [ ! -x "$top/configure" ] || [ "$top/configure.ac" -nt "$top/configure" ]; then
        say "making configure"
        (cd "$top" && ./autogen.sh >/dev/null 2>&1) || (cd "$top" && ./autogen.sh)
    fi
    mkdir -p "$build"
    if [ ! -f "$build/Makefile" ]; then
        say "configuring $build"
        (cd "$build" && "$top/configure" --silent "$@")
    fi
    say "building"
    make -C "$build" --silent -j"$(nproc)" V=0
}
