#!/bin/sh
test_description='Configuration: files in TOML, flux config, changes that modules take or refuse'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

on='FLUX_URI=${FLUX_URI%-*}-'

test_expect_success 'a directory of TOML files is the configuration' '
    mkdir conf && printf "[exec]\nkill-timeout = \"7s\"\n[t]\na = 1\n" >conf/1.toml &&
    printf "[t]\na = 2\nb = [1, \"x\"]\n" >conf/2.toml && echo "[" >conf/notes &&
    flux start -c conf flux config get >out &&
    echo "{\"exec\":{\"kill-timeout\":\"7s\"},\"t\":{\"a\":2,\"b\":[1,\"x\"]}}" >want &&
    test_cmp want out && FLUX_CONF_DIR=conf flux start flux config get >out && test_cmp want out
'
test_expect_success 'so is a file; single values come on the command line' '
    flux start -c conf/1.toml --conf=t.a=5 --conf="{\"u\":1}" flux config get t.a >out &&
    echo 5 >want && test_cmp want out &&
    flux start --conf=conf/2.toml flux config get t.b >out && echo "[1,\"x\"]" >want &&
    test_cmp want out
'
test_expect_success 'an error names the file and the line; nothing starts' '
    mkdir bad && printf "a = 1\n\nb = \n" >bad/x.toml &&
    test_expect_code 1 flux start -c bad true 2>err &&
    grep "Config file error: bad/x.toml:3: " err &&
    test_expect_code 1 flux start -c /nosuch true 2>err &&
    grep "Config file error: stat: /nosuch: No such file or directory" err &&
    test_expect_code 1 flux start --conf==x true 2>err &&
    test_expect_code 1 flux start --conf=access.nosuch=1 true 2>err &&
    grep "error parsing .access. configuration" err
'
test_expect_success 'flux config get: types, defaults, what is not there' '
    cat >get.sh <<-\EOF &&
    test "$(flux config get -t fsd exec.kill-timeout)" = 7s || exit 1
    test "$(flux config get -t fsd-integer exec.kill-timeout)" = 7 || exit 1
    test "$(flux config get -t fsd-real exec.kill-timeout)" = 7.000000 || exit 1
    test "$(flux config get -t integer t.a)" = 2 || exit 1
    test "$(flux config get --default=8 t.nosuch)" = 8 || exit 1
    flux config get t.nosuch && exit 1
    flux config get -t string t.a && exit 1
    flux config get -q t.a || exit 1
    flux config get --type=nosuch t.a
	EOF
    test_expect_code 1 flux start -c conf sh ./get.sh 2>err &&
    grep "t.nosuch is not set" err && grep "does not have the requested type: string" err &&
    grep "Unknown type: nosuch" err &&
    flux config get -c conf t.a >out && echo 2 >want && test_cmp want out
'
test_expect_success 'what is changed in the files comes with reload, on all ranks' '
    cat >reload.sh <<-EOF &&
    echo "t.a = 3" >conf2/1.toml && flux config reload &&
    test \$(flux config get t.a) = 3 &&
    until test \$($on""2 flux config get t.a) = 3; do :; done
	EOF
    mkdir conf2 && echo "t.a = 1" >conf2/1.toml &&
    timeout 60 flux start -s3 -Stbon.topo=kary:1 -c conf2 sh ./reload.sh
'
test_expect_success 'ranks have the configuration of rank 0 when they start' '
    flux start -s2 --conf=t.a=1 sh -c "$on""1 flux config get" >out &&
    echo "{\"t\":{\"a\":1}}" >want && test_cmp want out
'
test_expect_success 'flux config load replaces it, from a file or standard input' '
    cat >load.sh <<-\EOF &&
    flux config load conf/1.toml && test "$(flux config get t.a)" = 1 || exit 1
    printf "[u]\nx = 1\n" | flux config load && test "$(flux config get)" = "{\"u\":{\"x\":1}}" || exit 1
    echo "{\"v\":2}" | flux config load && test "$(flux config get)" = "{\"v\":2}" || exit 1
    echo "x" | flux config load; test $? = 1 || exit 1
    flux config load /nosuch; test $? = 1 || exit 1
    test "$(flux config get)" = "{\"v\":2}"
	EOF
    flux start sh ./load.sh
'
test_expect_success 'what one part refuses nobody has' '
    cat >refuse.sh <<-\EOF &&
    printf "access.foo = 1\n" | flux config load 2>err1; test $? = 1 || exit 1
    printf "[kvs]\ncheckpoint-period = \"x\"\n" | flux config load 2>err2; test $? = 1 || exit 1
    test "$(flux config get)" = "{}"
	EOF
    flux start sh ./refuse.sh &&
    grep "error updating connector-local: error parsing .access. configuration: .*foo" err1 &&
    grep "error updating kvs: " err2
'
test_expect_success 'only rank 0 changes it' '
    flux start -s2 sh -c "export $on""1; echo {} | flux config load; flux config reload; true" 2>err &&
    test $(grep -c "configuration can only be changed on rank 0" err) = 2
'
test_expect_success 'a streaming config.get is told of changes' '
    cat >stream.sh <<-\EOF &&
    $BUILDDIR/t/live/rpc -s -c 2 config.get >seen & pid=$!
    until test -s seen; do flux config get >/dev/null; done
    echo "a = 1" | flux config load && wait $pid
	EOF
    flux start sh ./stream.sh && printf "{}\n{\"a\":1}\n" >want && test_cmp want seen
'
test_expect_success 'built-in values' '
    flux config builtin rc1_path >out && echo "flux modprobe rc1" >want && test_cmp want out &&
    flux config builtin >all && grep "^module_path=" all &&
    test "$(flux config builtin --installed module_path)" != "$(flux config builtin --intree module_path)" &&
    test_expect_code 1 flux config builtin nosuch 2>err && grep "nosuch is invalid" err
'

test_done
