#!/bin/sh
test_description='The content modules: arguments, limits, statistics; what gc asks of the store'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"
command -v sqlite3 >/dev/null && test_set_prereq SQLITE3

rpc=$BUILDDIR/t/live/rpc
export rpc
cat >on.sh <<'EOF'
fails () { # ERRNAME[: text] COMMAND...
    want=$1; shift
    if "$@" >out 2>&1; then cat out; return 1; fi
    grep -e "$want" out || { cat out; return 1; }
}
stat () { # NAME PATH
    $rpc $1.stats-get | jq -c "$2"
}
refused () { # MODULE ARGUMENT...: it does not load with any of them
    m=$1; shift
    for a in "$@"; do
        fails "load $m: Invalid argument" flux module load $m "$a" || return 1
    done
}
unload () {
    flux module remove content-sqlite 2>/dev/null || :
    flux module remove content
}
EOF
# inside [OPTIONS --] <SCRIPT: in an instance without modules
inside () {
    (echo '. ./on.sh'; cat) >script.$$ &&
        timeout -k 5 60 flux start -Sbroker.rc1_path= -Sbroker.rc3_path= "$@" sh -e script.$$
}

test_expect_success 'content: arguments that are none are refused' '
    inside <<-\EOF
	refused content x=1 x purge-target-size= purge-target-size=x purge-old-entry=-1 flush-batch-limit=1e3 blob-size-limit=1k
	flux dmesg | grep "Unknown option .x=1"
	EOF
'
test_expect_success 'content: the name of a hash that is none' '
    inside -Scontent.hash=md5 <<-\EOF
	fails "load content: Invalid argument" flux module load content
	flux dmesg | grep "content.hash: unknown hash .md5."
	EOF
'
test_expect_success 'content sets the hash that is used' '
    inside <<-\EOF
	fails "No such" flux getattr content.hash
	fails "load content-sqlite: No such file" flux module load content-sqlite
	flux module load content
	test "$(flux getattr content.hash)" = sha1
	flux module load content-sqlite
	test "$(flux getattr content.backing-module)" = content-sqlite
	unload
	EOF
'
test_expect_success 'content leaves although the store that it expects was never there' '
    inside -Scontent.backing-module=content-sqlite <<-\EOF
	flux module load content
	printf hello | flux content store >ref
	test "$(flux content load $(cat ref))" = hello
	fails "the backing store is not loaded" flux content load sha1-0123456789012345678901234567890123456789
	flux module remove content
	flux module load content
	printf hello | flux content store
	flux module load content-sqlite
	flux content flush
	test $(stat content-sqlite .object_count) = 1
	flux module remove content-sqlite
	printf more | flux content store
	timeout 20 flux module remove content
	EOF
'
test_expect_success 'content: a blob over the limit is EFBIG, one of just that size is stored' '
    inside -s 2 <<-\EOF
	flux module load content blob-size-limit=1000
	head -c 1000 /dev/zero | flux content store >ref
	flux content load $(cat ref) | cmp -n 1000 - /dev/zero
	head -c 1001 /dev/zero >large
	fails "File too large" flux content store <large
	(FLUX_URI=${FLUX_URI%-*}-1; export FLUX_URI
	 flux module load content
	 fails "File too large" flux content store <large
	 flux content load $(cat ref) | cmp -n 1000 - /dev/zero
	 test $(stat content .count) = 1
	 flux module remove content)
	unload
	EOF
'
test_expect_success 'kvs: a directory over the limit fails its commit, and changes nothing' '
    inside <<-\EOF
	flux module load content blob-size-limit=1000; flux module load content-sqlite; flux module load kvs
	flux kvs put small=1
	root=$(flux kvs getroot)
	set --; for i in $(seq 1 20); do set -- "$@" d.k$i=$(printf %050d $i); done
	fails "File too large" flux kvs put "$@"
	fails "File too large" flux kvs put v=$(printf %01001d 1)
	test "$(flux kvs getroot)" = "$root"
	flux module remove kvs; unload
	EOF
'
test_expect_success 'content: statistics, with and without a backing store' '
    inside <<-\EOF
	flux module load content
	stat content keys >out
	echo "[\"count\",\"dirty\",\"flush-batch-count\",\"mmap\",\"size\",\"valid\"]" | cmp - out
	printf hello | flux content store
	stat content "[.count, .valid, .dirty, .size, .mmap.blobs]" >out
	echo "[1,1,1,5,0]" | cmp - out
	flux module load content-sqlite
	flux content flush
	stat content "[.count, .valid, .dirty, .size]" >out
	echo "[1,1,0,5]" | cmp - out
	flux content dropcache
	stat content "[.count, .valid, .dirty, .size]" >out
	echo "[0,0,0,0]" | cmp - out
	fails EPERM $rpc -u 1234 content.stats-get
	unload
	EOF
'
test_expect_success 'content: what is clean and old goes at the next beat' '
    inside <<-\EOF
	flux module load heartbeat period=0.1s 2>/dev/null || true
	flux module load content purge-target-size=1000 purge-old-entry=0
	flux module load content-sqlite
	for i in 1 2 3 4 5; do head -c 500 /dev/urandom | flux content store; done >refs
	flux content flush
	INSIDE_FLUX=t . $T/lib.sh
	wait_until sh -c "test \$($rpc content.stats-get | jq .size) -le 1000"
	flux content load <refs | wc -c | grep -w 2500
	flux module remove heartbeat 2>/dev/null || true
	unload
	EOF
'
test_expect_success 'content: one request at a time is enough' '
    inside <<-\EOF
	flux module load content flush-batch-limit=1; flux module load content-sqlite
	head -c 300000 /dev/urandom >big
	flux content store --chunksize=100 <big >refs
	head -c 3000000 /dev/urandom | flux content store --chunksize=500000 >refs2
	flux content flush; flux content dropcache
	flux content load <refs | cmp - big
	flux content load <refs2 | wc -c | grep -w 3000000
	test $(stat content-sqlite .object_count) = 3006
	unload
	EOF
'
test_expect_success 'content-sqlite: arguments and configuration that are none are refused' '
    inside <<-\EOF
	flux module load content
	refused content-sqlite x=1 x journal_mode=wal journal_mode= synchronous=full synchronous=2 max-checkpoints=0 max-checkpoints=x max-checkpoints=-1
	$rpc config.load "{\"content-sqlite\":{\"journal_mode\":\"BAD\"}}"
	fails "Invalid argument" flux module load content-sqlite
	$rpc config.load "{\"content-sqlite\":{\"max_checkpoints\":\"x\"}}"
	fails "load content-sqlite" flux module load content-sqlite
	flux dmesg | grep "error parsing .content-sqlite."
	$rpc config.load "{}"
	unload
	EOF
'
test_expect_success 'content-sqlite: how safe, by default, configuration, argument' '
    mkdir state && inside --statedir=state <<-\EOF && inside <<-\EOF2
	flux module load content; flux module load content-sqlite
	test "$(stat content-sqlite .config)" = "{\"journal_mode\":\"WAL\",\"synchronous\":\"NORMAL\"}"
	flux dmesg | grep "content.sqlite (0 objects) journal_mode=WAL synchronous=NORMAL"
	flux module remove content-sqlite
	$rpc config.load "{\"content-sqlite\":{\"journal_mode\":\"DELETE\",\"synchronous\":\"FULL\"}}"
	flux module load content-sqlite
	test "$(stat content-sqlite .config)" = "{\"journal_mode\":\"DELETE\",\"synchronous\":\"FULL\"}"
	flux module remove content-sqlite; flux module load content-sqlite journal_mode=TRUNCATE synchronous=EXTRA
	test "$(stat content-sqlite .config)" = "{\"journal_mode\":\"TRUNCATE\",\"synchronous\":\"EXTRA\"}"
	for j in PERSIST MEMORY WAL OFF; do for s in NORMAL OFF; do
	    flux module remove content-sqlite; flux module load content-sqlite journal_mode=$j synchronous=$s
	    echo $j$s | flux content store >ref; flux content flush; flux content dropcache; test "$(flux content load $(cat ref))" = $j$s
	done; done
	unload
	EOF
	flux module load content; flux module load content-sqlite
	test "$(stat content-sqlite .config)" = "{\"journal_mode\":\"OFF\",\"synchronous\":\"OFF\"}"
	unload
	EOF2
'
test_expect_success 'content-sqlite: a file that is none, that may not be read; truncate' '
    mkdir bad && inside --statedir=bad <<-\EOF
	flux module load content
	echo "this is no database, whatever its name may be" >bad/content.sqlite
	fails "load content-sqlite: Invalid argument" flux module load content-sqlite
	flux dmesg | grep "content.sqlite: file is not a database"
	flux module load content-sqlite truncate
	test $(stat content-sqlite .object_count) = 0
	printf x | flux content store >ref; flux content flush
	flux module remove content-sqlite; flux module load content-sqlite
	test $(stat content-sqlite .object_count) = 1
	flux module remove content-sqlite; flux module load content-sqlite truncate
	test $(stat content-sqlite .object_count) = 0
	unload
	EOF
'
test_expect_success 'content-sqlite: only the newest checkpoints are kept, as they came' '
    inside <<-\EOF
	flux module load content; flux module load content-sqlite max-checkpoints=3
	fails ENOENT $rpc content.checkpoint-get
	for i in 1 2 3 4 5; do $rpc content.checkpoint-put "{\"value\":{\"z\":$i,\"a\":[]}}"; done
	$rpc content.checkpoint-get >out
	echo "{\"value\":[{\"z\":5,\"a\":[]},{\"z\":4,\"a\":[]},{\"z\":3,\"a\":[]}]}" | cmp - out
	stat content-sqlite ".checkpoints | map(.id)" >out
	echo "[5,4,3]" | cmp - out
	test $(stat content-sqlite .current_epoch) = 5
	$rpc content.checkpoint-put "{\"value\":[7],\"key\":\"ignored\"}"
	$rpc content.checkpoint-get | jq -e ".value[0] == [7]"
	fails "EINVAL: failed to encode checkpoint value" $rpc content.checkpoint-put "{\"value\":\"x\"}"
	fails EPROTO $rpc content.checkpoint-put "{}"
	unload
	EOF
'
test_expect_success 'content-sqlite: what the collector asks' '
    inside <<-\EOF
	flux module load content; flux module load content-sqlite
	test "$($rpc content-backing.gc-info "{\"epoch\":0}")" = "{\"current_epoch\":0,\"high_water\":0}"
	for i in 1 2 3 4 5 6; do echo $i | flux content store; done >refs
	flux content flush
	$rpc content.checkpoint-put "{\"value\":{}}"
	test "$($rpc content-backing.gc-info "{\"epoch\":1,\"get_count\":true}")" = "{\"current_epoch\":1,\"high_water\":6,\"candidates\":6}"
	test "$($rpc content-backing.gc-info "{\"epoch\":1,\"get_count\":false}")" = "{\"current_epoch\":1,\"high_water\":6}"
	keep=$(sed -n 2p refs)
	test "$($rpc content-backing.mark "{\"epoch\":1,\"hashes\":[\"$keep\",\"sha1-0123456789012345678901234567890123456789\"]}")" = "{\"marked\":1}"
	test "$($rpc content-backing.mark "{\"epoch\":0,\"hashes\":[\"$keep\"]}")" = "{\"marked\":1}"
	test "$($rpc content-backing.sweep "{\"epoch\":1,\"cursor\":0,\"high_water\":6,\"delete_cap\":2,\"window\":100}")" = "{\"deleted\":2,\"cursor\":3}"
	test "$($rpc content-backing.sweep "{\"epoch\":1,\"cursor\":3,\"high_water\":6,\"delete_cap\":100,\"window\":2}")" = "{\"deleted\":2,\"cursor\":5}"
	test "$($rpc content-backing.sweep "{\"epoch\":1,\"cursor\":5,\"high_water\":5,\"delete_cap\":100,\"window\":100}" | jq .deleted)" = 0
	test $(stat content-sqlite .object_count) = 2
	flux content dropcache
	test "$(flux content load $keep)" = 2
	fails "No such file" flux content load $(sed -n 1p refs)
	sed -n 1p refs >again; echo 1 | flux content store | cmp - again; flux content flush
	test $(stat content-sqlite .object_count) = 3
	unload
	EOF
'
test_expect_success '... and what it may not' '
    inside <<-\EOF
	flux module load content; flux module load content-sqlite
	for p in "{}" "{\"epoch\":\"x\"}" "[]"; do fails EPROTO $rpc content-backing.gc-info "$p"; done
	for p in "{}" "{\"epoch\":1}" "{\"epoch\":1,\"hashes\":1}" "{\"epoch\":1,\"hashes\":[1]}" "{\"epoch\":1,\"hashes\":[\"sha1-00\"]}"; do
	    fails EPROTO $rpc content-backing.mark "$p"
	done
	for p in "\"cursor\":-1,\"high_water\":1,\"delete_cap\":1,\"window\":1" "\"cursor\":0,\"high_water\":-1,\"delete_cap\":1,\"window\":1" \
	         "\"cursor\":0,\"high_water\":1,\"delete_cap\":0,\"window\":1" "\"cursor\":0,\"high_water\":1,\"delete_cap\":1,\"window\":0"; do
	    fails EINVAL $rpc content-backing.sweep "{\"epoch\":1,$p}"
	done
	fails EPROTO $rpc content-backing.sweep "{\"epoch\":1}"
	for t in load store validate checkpoint-get checkpoint-put gc-info mark sweep store-batch; do
	    fails "EPERM: Request requires owner credentials" $rpc -u 1234 content-backing.$t "{}"
	done
	$rpc -u 1234 content-sqlite.stats-get >/dev/null
	for t in load validate; do fails EPROTO $rpc content-backing.$t; done
	fails EPROTO $rpc content-backing.store-batch "no batch"
	unload
	EOF
'
cat >corrupt.sql <<'EOF'
UPDATE objects SET object = zeroblob(length(object)) WHERE hash = CAST(x'REF' AS TEXT);
SELECT changes();
EOF
test_expect_success SQLITE3 'a blob that is not what it should be is an error that names it; others are fine' '
    mkdir corrupt && inside --statedir=corrupt <<-\EOF
	flux module load content; flux module load content-sqlite; flux module load kvs
	flux kvs put keep=$(printf %0300d 1) lost=$(printf %0300d 2) d.x=1
	ref=$(flux kvs get -t lost | jq -r ".data[0]")
	dir=$(flux kvs get -t d | jq -r ".data[0]")
	flux kvs sync; flux module remove kvs; unload
	for r in $ref $dir; do
	    sed s/REF/${r#sha1-}/ corrupt.sql | sqlite3 corrupt/content.sqlite | grep -x 1
	done
	flux module load content; flux module load content-sqlite; flux module load kvs
	fails "error loading blob: $ref: " flux content load $ref
	fails "$ref: " $rpc kvs.lookup "{\"namespace\":\"primary\",\"key\":\"lost\",\"flags\":0}"
	fails "^flux-kvs: lost: " flux kvs get lost
	fails "$dir: " flux kvs dir d
	fails "$dir: " flux kvs put d.y=1
	test "$(flux kvs get keep)" = $(printf %0300d 1)
	flux kvs put --sync more=1
	fails "d: damaged dirref blobref" flux fsck
	grep "lost: damaged blobref(s)" out
	grep "Total errors: 2" out
	flux module remove kvs; unload
	EOF
'
test_done
