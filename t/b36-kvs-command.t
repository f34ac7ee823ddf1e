#!/bin/sh
test_description='flux kvs: what each option does, and each error says'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

expect () {
    printf '%s\n' "$@" >expect
}
fails () {
    want=$1 && shift && test_expect_code 1 flux kvs "$@" 2>err && echo "flux-kvs: $want" >expect &&
    test_cmp expect err
}

test_expect_success 'get: labels, tree objects, several keys' '
    flux kvs put a=1 b= c.d=x && flux kvs get -l a c.d >out && expect a=1 c.d=x && test_cmp expect out &&
    flux kvs get -t a >out && expect "{\"data\":\"MQ==\",\"type\":\"val\",\"ver\":1}" && test_cmp expect out &&
    flux kvs get -r a a >out && printf 11 >expect && cmp expect out &&
    flux kvs get b >out && test_must_be_empty out &&
    fails "nosuch: No such file or directory" get a nosuch a && expect 1 &&
    flux kvs get a nosuch a >out 2>/dev/null; test_cmp expect out
'
test_expect_success 'get: a snapshot is not waited for, watched or streamed' '
    root=$(flux kvs getroot) && flux kvs get -a "$root" a >out && expect 1 && test_cmp expect out &&
    for o in -w -W -S; do fails "a: Invalid argument" get $o -a "$root" a || return 1; done &&
    fails "a: Invalid argument" get -w -S a
'
test_expect_success 'get --stream puts the pieces together' '
    flux kvs put -A log=one && flux kvs put -A log=two && flux kvs get -S log >out &&
    expect onetwo && test_cmp expect out && flux kvs get -S b >out && test_must_be_empty out &&
    flux kvs get -rS log >out && printf onetwo >expect && cmp expect out &&
    flux kvs get -tS log b >out && test_line_count 3 out && ! grep -v "^{\"data\":\".*\",\"type\":\"val\",\"ver\":1}$" out
'
test_expect_success 'get --watch --count counts the values of each key' '
    flux kvs put w1=1 w2=2 && flux kvs get -w -l -c 1 w1 w2 >out && sort out >sorted &&
    expect w1=1 w2=2 && test_cmp expect sorted
'
test_expect_success 'put: results, stdin, tree objects' '
    v=$(flux kvs version) && test "$(flux kvs put -s x=1)" = $((v + 1)) &&
    test "$(flux kvs put -b x=2)" = "$(flux kvs getroot -b)" &&
    test "$(flux kvs put -O x=3)" = "$(flux kvs getroot)" &&
    test "$(flux kvs put -Obs x=4)" = "$(flux kvs getroot)" &&
    printf in | flux kvs put -r x=- y=- && flux kvs get x y >out && expect in && test_cmp expect out &&
    flux kvs get -t a | flux kvs put -t z=- && test "$(flux kvs get z)" = 1 &&
    flux kvs put z=- && test "$(flux kvs get z)" = - && flux kvs put e=a=b && test "$(flux kvs get e)" = a=b &&
    fails "put: you must specify a value as key=value" put x &&
    flux kvs put -n -S x=5 && test "$(flux kvs get x)" = 5
'
test_expect_success 'dir: directories, links, cut lines' '
    flux kvs put d.long=$(flux lptest 100 1) d.lines="one
two" d.end="one
" d.sub.x=1 && flux kvs mkdir d.empty && flux kvs link d.sub d.ln && flux kvs link -T NS2 x.y d.ln2 &&
    flux kvs dir -w 20 d >out &&
    expect "d.empty." "d.end = one" "d.lines = one..." "d.ln -> d.sub" "d.ln2 -> NS2::x.y" \
        "d.long = !\"#\$%&'"'"'(..." "d.sub." && test_cmp expect out &&
    flux kvs dir -w 0 d | grep -c "^.\{100\}" && COLUMNS=30 flux kvs dir d | grep "^d.long = .\{18\}\.\.\.$" &&
    flux kvs dir -Rd d >out && expect d.empty. d.end d.lines d.ln d.ln2 d.long d.sub.x && test_cmp expect out &&
    fails "dir: specify zero or one directory" dir a b &&
    root=$(flux kvs getroot) && flux kvs put d.sub.x=2 && flux kvs dir -a "$root" d.sub >out &&
    expect "d.sub.x = 1" && test_cmp expect out
'
test_expect_success 'ls: columns, marks, titles' '
    flux kvs put l.a=1 l.b.c=2 l.b.e.f=3 && flux kvs link l.a l.ln && flux kvs link l.b l.lb &&
    flux kvs ls -w 20 l >out && expect "a     b     lb" ln && test_cmp expect out &&
    flux kvs ls -w 0 l >out && expect "a     b     lb    ln" && test_cmp expect out &&
    flux kvs ls -1F l >out && expect a b. lb@ ln@ && test_cmp expect out &&
    flux kvs ls -1 l.a l.b l.ln >out && expect l.a l.ln "" l.b: c e && test_cmp expect out &&
    flux kvs ls -1R l.b >out && expect l.b: c e "" l.b.e: f && test_cmp expect out &&
    flux kvs ls -d l.b l.a >out && expect "l.a    l.b" && test_cmp expect out &&
    flux kvs ls -1 l.lb >out && expect c e && test_cmp expect out
'
test_expect_success 'ls: what is missing does not stop the rest' '
    test_expect_code 1 flux kvs ls -1 nope l.b l.a. >out 2>err &&
    expect "nope: No such file or directory" "l.a: Not a directory" && test_cmp expect err &&
    expect c e && test_cmp expect out
'
test_expect_success 'unlink, mkdir and link print the root they made' '
    test "$(flux kvs mkdir -s m.n)" = "$(flux kvs version)" &&
    test "$(flux kvs link -b m.n m.l)" = "$(flux kvs getroot -b)" &&
    test "$(flux kvs unlink -O m.l m.n)" = "$(flux kvs getroot)" &&
    fails "cannot unlink '"'l'"': Directory not empty" unlink l &&
    fails "cannot unlink '"'nope'"': No such file or directory" unlink nope &&
    flux kvs unlink -f nope && flux kvs unlink -R l && test_must_fail flux kvs ls l
'
test_expect_success 'readlink' '
    flux kvs readlink d.ln d.ln2 >out && expect d.sub NS2::x.y && test_cmp expect out &&
    flux kvs readlink -o d.ln2 d.ln >out && expect NS2 d.sub && test_cmp expect out &&
    flux kvs readlink -k d.ln2 >out && expect x.y && test_cmp expect out &&
    fails "a: Invalid argument" readlink a
'
test_expect_success 'copy and move, between namespaces too' '
    flux kvs namespace create other && flux kvs put c.a=1 && flux kvs copy -D other c c2 &&
    test "$(flux kvs get -N other c2.a)" = 1 && flux kvs move -S other c2 c3 &&
    test "$(flux kvs get c3.a)" = 1 && test_must_fail flux kvs get -N other c2.a &&
    fails "copy: specify srckey dstkey" copy x && fails "move: specify srckey dstkey" move x y z &&
    fails "flux_kvs_copy: No such file or directory" copy nope x
'
test_expect_success 'namespaces: owners, roots, errors' '
    flux kvs namespace create -o 54321 owned && flux kvs namespace list >out &&
    head -1 out | grep -x "NAMESPACE                                 OWNER      FLAGS" &&
    grep -x "owned                                     54321 0x00000000" out &&
    fails "--owner requires an unsigned integer argument" namespace create -o -1 x &&
    fails "owned: File exists" namespace create owned &&
    flux kvs namespace create -r $(flux kvs getroot -b) same && test "$(flux kvs get -N same a)" = 1 &&
    flux kvs namespace remove owned same other nosuch &&
    FLUX_KVS_NAMESPACE=nosuch test_must_fail flux kvs get a &&
    FLUX_KVS_NAMESPACE=nosuch flux kvs get -N primary a
'
test_expect_success 'version, wait, getroot' '
    flux kvs wait $(flux kvs version) && flux kvs wait notanumber && flux kvs version extra &&
    test "$(flux kvs getroot -o)" = "$(id -u)" && test "$(flux kvs getroot -s)" = "$(flux kvs version)" &&
    test "$(flux kvs getroot -osb)" = "$(id -u)"
'
test_expect_success 'event logs: as stored, for people, in colour' '
    flux kvs eventlog append -t 1 ev start "{\"a\":1," "\"s\":\"x\"}" && flux kvs eventlog append -t 2 ev end &&
    flux kvs eventlog get -u ev >out &&
    expect "{\"timestamp\":1.0,\"name\":\"start\",\"context\":{\"a\":1,\"s\":\"x\"}}" "{\"timestamp\":2.0,\"name\":\"end\"}" &&
    test_cmp expect out &&
    TZ=UTC flux kvs eventlog get -H ev >out &&
    expect "[Jan01 00:00] start a=1 s=\"x\"" "[  +1.000000] end" && test_cmp expect out &&
    flux kvs eventlog get -L ev | grep "32m1.000000.*33mstart.*34ma.*37m1.*35m\"x\"" &&
    test_expect_code 1 flux kvs eventlog get -u -H ev 2>err && test_line_count 2 err &&
    grep "^flux-kvs: Do not specify --unformatted with --human or --color=always$" err &&
    fails "eventlog_entry_create: Invalid argument" eventlog append ev x notjson &&
    fails "cannot decode improperly formatted eventlog" eventlog get a
'
test_expect_success 'event logs: waiting' '
    flux kvs eventlog wait-event -v ev end >out && test_line_count 2 out &&
    flux kvs eventlog wait-event -q ev end >out && test_must_be_empty out &&
    flux kvs eventlog get -w -c 1 ev >out && test_line_count 1 out &&
    fails "eventlog path nope not found" eventlog wait-event nope x &&
    fails "wait-event timeout on event '"'x'"'" eventlog wait-event -t 0.01 ev x
'
test_expect_success 'a group without a command lists them; options stand before keys' '
    test_expect_code 1 flux kvs eventlog 2>err && grep wait-event err &&
    flux kvs --help >out && grep eventlog out && test_expect_code 1 flux kvs --nosuch 2>err && flux kvs get --help >out && grep "^Usage: flux-kvs get" out &&
    test_must_fail flux kvs put a=1 -s
'

test_done
