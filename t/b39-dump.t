#!/bin/sh
test_description='flux dump, restore, fsck and gc: out of the store, and in again'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

cat >on.sh <<'EOF'
# How the store is without its services above it.
unload_kvs () {
    flux modprobe rc3 2>/dev/null
    flux module load content && flux module load content-sqlite
}
reload_kvs () {
    flux module load kvs
}
fill () {
    flux kvs put a=1 b.c=two empty= long="$(flux lptest 300 1)" dots.x.y.z=deep &&
    flux kvs put -A log=one && flux kvs put -A log=two && flux kvs put -A log="$(flux lptest 100 3)" &&
    flux lptest 79 2000 | flux kvs put -r big=- && head -c 100000 /dev/urandom | flux kvs put -r bin=- &&
    flux kvs link b.c ln && flux kvs link -T ns x.y ln2 && flux kvs put "sp ace=1" "ü=uml" &&
    printf "%71s" x | flux kvs put -r v71=- && printf "%72s" x | flux kvs put -r v72=- &&
    i=0 && while test $i -lt 150; do set -- "$@" many.k$i=$i && i=$((i + 1)); done && flux kvs put "$@"
}
# Everything below a key, values as digests.
show () {
    flux kvs dir -R -w 0 ${1:-.} | sort >keys.$$ && sed "s/ = .*//; s/ -> .*//" keys.$$ | while read -r k; do
        k=${k%.}; flux kvs get -r "$k" 2>/dev/null | md5sum | sed "s/-/${k#${1:+$1.}}/"
    done
}
EOF
# inside [OPTIONS --] SCRIPT: run a script in an instance of its own.
inside () {
    (echo '. ./on.sh'; cat) >script.$$ && timeout -k 5 100 flux start "$@" sh script.$$
}

test_expect_success 'what is dumped and restored under a key is the same tree' '
    inside <<-\EOF
	fill && flux resource list >/dev/null; flux dump -q out.tgz && flux restore -q --key=copy out.tgz &&
	tar tf out.tgz >list && grep -x b/c list && grep -x "sp ace" list && grep -x many/k149 list &&
	for k in a b.c long dots.x.y.z log big bin many.k77 "sp ace" ü v71 v72; do
	    flux kvs get -r "$k" >want && flux kvs get -r "copy.$k" >got && cmp want got || exit 1
	done && test -z "$(flux kvs get copy.empty)" && test "$(flux kvs readlink copy.ln copy.ln2 | paste -sd,)" = "b.c,ns::x.y" &&
	flux kvs get -t copy.v71 | grep "type\":\"val\"" && flux kvs get -t copy.v72 | grep valref
	EOF
'
test_expect_success 'kinds of archives; times; modes' '
    inside <<-\EOF
	fill && for x in tar tgz tar.gz tar.xz tar.bz2 cpio zip; do
	    flux dump -q o.$x && flux restore -q --key=r o.$x && test "$(flux kvs get r.b.c)" = two &&
	    test "$(flux kvs get r.ü)" = uml && flux kvs get big | cmp - - && flux kvs unlink -R r || exit 1
	done && test "$(stat -c %a o.tar)" = 600 && tar tvf o.tar >list &&
	grep "^-rw-r--r-- .* 1970-01-01 00:00 a$" list && grep "^-rw-r--r-- .* 20[0-9-]* .* long$" list &&
	grep "^lrwxrwxrwx .* ln -> b.c$" list && grep "ln2 -> ns::x.y$" list &&
	flux dump -q - | tar tf - >list2 && grep -x many/k0 list2 && flux dump -q - | flux restore -q --key=s - && test "$(flux kvs get s.a)" = 1
	EOF
'
test_expect_success 'progress and paths go to stderr' '
    inside <<-\EOF
	flux kvs put a=1 b=2 && flux dump -v o.tar 2>err && grep -x a err && flux dump o.tar 2>err && grep -E "^flux-dump: archived [0-9]+ keys$" err &&
	flux restore --key=x o.tar 2>err && grep -E "^flux-restore: restored [0-9]+ keys \([0-9]+ blobs\)$" err &&
	flux restore -v --key=x o.tar 2>err && grep -x b err && flux dump -q o.tar 2>err && test ! -s err
	EOF
'
test_expect_success 'a checkpoint: dumped, restored into a new instance' '
    mkdir s1 s2 && inside --statedir=s1 <<-\EOF &&
	fill && flux kvs sync && flux dump -q --checkpoint cp.tgz && flux dump -q --checkpoint --no-cache cp2.tgz &&
	flux kvs put later=1 && flux dump -q now.tgz && tar tf cp.tgz >list && tar tf cp2.tgz | cmp list - && tar tf now.tgz | grep -x later
	EOF
    inside --statedir=s2 <<-\EOF &&
	test_expect_code () { c=$1; shift; "$@"; test $? = $c; }
	flux kvs put old=1 && test_expect_code 1 flux restore --checkpoint cp.tgz 2>err && grep "^flux-restore: please unload kvs module before using --checkpoint$" err &&
	unload_kvs && flux restore -q --checkpoint cp.tgz && flux content checkpoint list | sed -n 2p | grep "^0 *0 " && reload_kvs &&
	test "$(flux kvs get b.c)" = two && test "$(flux kvs version)" = 0 && ! flux kvs get old &&
	flux kvs get many.k149
	EOF
    inside --statedir=s2 <<-\EOF
	test "$(flux kvs get b.c)" = two && flux kvs get big | md5sum
	EOF
'
test_expect_success 'an instance without checkpoints says so' '
    inside <<-\EOF
	unload_kvs; flux module remove content-sqlite && flux module load content-sqlite truncate &&
	! flux dump --checkpoint x.tar 2>err && grep "flux-dump: error fetching checkpoints: " err && test ! -e x.tar
	EOF
'
test_expect_success 'command lines' '
    inside <<-\EOF
	flux dump 2>err; test $? = 1 && grep Usage err && flux restore x.tar 2>err; test $? = 1 &&
	grep "^flux-restore: Please specify a restore target with --checkpoint or --key$" err &&
	! flux restore --key=a nosuch.tar 2>err && grep "nosuch.tar" err && ! flux dump x.unknown 2>err && grep "x.unknown" err &&
	! flux dump nosuch/x.tar 2>err && grep "nosuch/x.tar" err && flux dump --help | grep "^Usage: flux-dump" && flux fsck --help && flux gc --help &&
	! flux dump --maxreqs=0 x.tar && flux dump -q --maxreqs=100 x.tar && ! flux restore --key=. x.tar && ! flux restore --size-limit=x --key=a x.tar
	EOF
'
test_expect_success 'archives from elsewhere: dots, directories, hard links, sizes' '
    mkdir -p in/d in/empty && echo f >in/f && echo g >in/d/g && ln in/f in/hard && ln -s f in/sym && mkfifo in/fifo && echo dot >in/x.y &&
    head -c 5000 /dev/zero >in/large && (cd in && tar cf ../in.tar .) && inside <<-\EOF
	flux restore --size-limit=4k --key=in in.tar 2>err && grep "large size 5000 exceeds 4096 limit, skipping" err && grep "fifo: neither" err &&
	flux kvs ls -1 in >out && printf "%s\n" d f hard sym x >expect && cmp out expect && test "$(flux kvs get in.hard)" = f &&
	test "$(flux kvs get in.d.g)" = g && test "$(flux kvs get in.x.y)" = dot && test "$(flux kvs readlink in.sym)" = f
	EOF
'
test_expect_success 'a broken archive changes nothing' '
    inside <<-\EOF
	fill && flux dump -q good.tgz && flux kvs put keep=1 && v=$(flux kvs version) && size=$(stat -c %s good.tgz) &&
	for cut in 0 1 10 100 1000 $((size / 2)) $((size - 1)); do
	    head -c $cut good.tgz >bad.tgz && ! flux restore -q --key=keep bad.tgz 2>err && grep "^flux-restore: bad.tgz: " err || exit 1
	done && flux kvs put text="$(flux lptest)" && flux kvs get text >text.tar && ! flux restore -q --key=keep text.tar &&
	test "$(flux kvs get keep)" = 1 && test "$(flux kvs version)" = $((v + 1)) &&
	perl -e "srand 1; local \$/; open F, q(good.tgz); \$d = <F>; for \$i (1..40) { \$x = \$d; substr (\$x, rand (length \$x), 1) = chr rand 256; open O, qq(>flip.\$i.tgz); print O \$x; close O }" &&
	for f in flip.*.tgz; do flux restore -q --key=flip $f 2>err; test $? -le 1 || exit 1; done && test "$(flux kvs get keep)" = 1
	EOF
'
test_expect_success 'a tar file that was cut between two files is not whole' '
    inside <<-\EOF
	flux kvs put a=1 b=2 c=3 && flux dump -q good.tar && v=$(flux kvs version) &&
	for cut in 1024 2048 3072; do
	    head -c $cut good.tar >cut.tar && tar tf cut.tar >list && test $(wc -l <list) -ge 1 &&
	    ! flux restore -q --key=x cut.tar 2>err && grep "^flux-restore: cut.tar: ends without the mark of its end" err &&
	    gzip -c cut.tar >cut.tgz && ! flux restore -q --key=x cut.tgz 2>err && grep "cut.tgz: ends without" err || exit 1
	done && test "$(flux kvs version)" = "$v" &&
	perl -e "local \$/; open F, q(good.tar); \$d = <F>; \$d =~ s/\0*\z//; \$n = 512 - length (\$d) % 512; print \$d, qq(\0) x (\$n + 512)" >one.tar &&
	flux restore -q --key=x one.tar && test "$(flux kvs get x.c)" = 3
	EOF
'
test_expect_success 'an archive that becomes too large for its file system' '
    inside <<-\EOF
	head -c 3000000 /dev/urandom | flux kvs put -r big=- && mkdir limited &&
	for x in tar tgz zip; do
	    (trap "" XFSZ; ulimit -f 1000; ! flux dump -q limited/o.$x 2>err) && cat err &&
	    grep "^flux-dump: limited/o.$x: .*File too large$" err && test -z "$(ls -A limited)" || exit 1
	done
	EOF
'
test_expect_success 'killed while it dumps or restores, it leaves what was there' '
    inside <<-\EOF
	i=0; while test $i -lt 30; do flux lptest 79 1000 | flux kvs put -r l.k$i=-; i=$((i + 1)); done &&
	flux dump -q o.tar && cp o.tar old.tar && v=$(flux kvs version) &&
	for ms in 0 1 2 4 8 16 32; do
	    { flux dump -q o.tar & } && p=$! && perl -e "select undef, undef, undef, $ms / 1000" && kill -9 $p 2>/dev/null; wait $p
	    tar tf o.tar >/dev/null || exit 1
	    { flux restore -q --key=r old.tar & } && p=$! && perl -e "select undef, undef, undef, $ms / 1000" && kill -9 $p 2>/dev/null; wait $p
	    if flux kvs ls r >/dev/null 2>&1; then flux kvs get r.l.k29 | cmp - - && flux kvs unlink -R r || exit 1; fi
	done
	EOF
'
test_expect_success 'sha256 instances, too' '
    inside -Scontent.hash=sha256 <<-\EOF
	fill && flux dump -q o.tgz && flux restore -q --key=r o.tgz && flux kvs getroot -b | grep sha256 && flux kvs get -r big >w && flux kvs get -r r.big | cmp w -
	EOF
'
cat >>on.sh <<'EOF'
none=0123456789012345678901234567890123456789
dangling () {
    flux kvs put good=1 log1="$(flux lptest 100 1)" log2="$(flux lptest 90 1)" &&
    r1=$(flux kvs get -t log1 | grep -o "sha1-[0-9a-f]*") && r2=$(flux kvs get -t log2 | grep -o "sha1-[0-9a-f]*") &&
    flux kvs put -t v.part="{\"ver\":1,\"type\":\"valref\",\"data\":[\"$r1\",\"sha1-$none\",\"$r2\"]}" \
        v.gone="{\"ver\":1,\"type\":\"valref\",\"data\":[\"sha1-$none\"]}" \
        d.gone="{\"ver\":1,\"type\":\"dirref\",\"data\":[\"sha1-$none\"]}" \
        d.odd="{\"ver\":1,\"type\":\"dirref\",\"data\":[\"$r1\"]}" \
        job.0000.1111.2222.3333.R="{\"ver\":1,\"type\":\"valref\",\"data\":[\"sha1-$none\"]}" &&
    flux kvs put job.0000.1111.2222.3333.eventlog=x job.0000.1111.2222.4444.eventlog=y && flux kvs sync
}
EOF
test_expect_success 'fsck finds what is missing' '
    mkdir f1 && inside --statedir=f1 <<-\EOF
	fill && flux kvs sync && flux fsck 2>err && grep "^flux-fsck: Checking integrity of checkpoint from 20" err && grep "^flux-fsck: Total errors: 0$" err &&
	dangling && ! flux fsck 2>err && cat err && grep "^flux-fsck: v.part: missing blobref(s)$" err && grep "v.gone: missing blobref(s)$" err &&
	grep "d.gone: missing dirref blobref$" err && grep "d.odd: invalid dirref$" err && grep "Total errors: 5" err &&
	! flux fsck -v 2>err && grep "v.part: missing blobref index=1$" err && ! flux fsck -q 2>err && test ! -s err &&
	flux kvs unlink -R d v job && flux fsck -r $(flux kvs getroot -b) 2>err && grep "Total errors: 0" err && ! flux fsck -r nonsense &&
	! flux fsck -r sha1-$none 2>err && grep "flux-fsck: .: missing dirref blobref" err
	EOF
'
cat >damage.sql <<'EOF'
UPDATE objects SET object=x'00', size=-1 WHERE hex(hash)='@1';  -- another value
UPDATE objects SET object=(SELECT object FROM objects WHERE hex(hash)='@5'),
    size=(SELECT size FROM objects WHERE hex(hash)='@5') WHERE hex(hash)='@2'; -- a part of a log
UPDATE objects SET size=size-1 WHERE hex(hash)='@3';  -- does not unpack
DELETE FROM objects WHERE hex(hash)='@4';
UPDATE objects SET size=-1 WHERE hex(hash)='@5';  -- packed, and said not to be
UPDATE objects SET object=CAST('{"data":{},"type":"dir","ver":1}' AS BLOB), size=-1 WHERE hex(hash)='@6'; -- sound, but another
UPDATE objects SET object=x'ff00ff', size=-1 WHERE hex(hash)='@7'; -- no directory at all
EOF
test_expect_success 'fsck reads every blob: one that is another, or does not unpack, is found' '
    mkdir f4 && inside --statedir=f4 <<-\EOF &&
	fill && flux kvs put d.x.y.z=deep dup.a="$(flux lptest 400 1)" dup.b="$(flux lptest 400 1)" e.f.g=1 &&
	flux kvs copy d copied && flux kvs sync && hex () { flux kvs get -t $1 | grep -o "sha1-[0-9a-f]*" | sed -n "${2}s/sha1-//p" | tr a-f A-F; } &&
	for k in long "log 3" big "bin 1" dup.a "many 1" "d.x 1"; do echo "$(hex $k)" || exit 1; done >hexes && test $(grep -c . hexes) = 7 &&
	flux fsck 2>err && grep "Total errors: 0$" err
	EOF
    cp f4/content.sqlite f4.good && cp damage.sql d.sql && for i in 1 2 3 4 5 6 7; do sed -i "s/@$i/$(sed -n ${i}p hexes)/" d.sql || return 1; done &&
    sqlite3 f4/content.sqlite <d.sql && inside --statedir=f4 <<-\EOF &&
	! flux fsck 2>err && cat err && for k in long log big dup.a dup.b; do grep -x "flux-fsck: $k: damaged blobref(s)" err || exit 1; done &&
	grep -x "flux-fsck: bin: missing blobref(s)" err && for k in many d.x copied.x dots.x; do grep -x "flux-fsck: $k: damaged dirref blobref" err || exit 1; done &&
	grep -x "flux-fsck: Total errors: 10" err && ! flux fsck -v 2>err && cat err && grep "log: damaged blobref index=2: .* another digest$" err &&
	grep "big: damaged blobref index=0: .*does not unpack" err && grep "bin: missing blobref index=0$" err &&
	! flux fsck -q 2>err && test ! -s err && ! flux dump -q --no-cache dmg.tar 2>err && test ! -e dmg.tar &&
	flux dump -q --no-cache --ignore-failed-read dmg.tar 2>err && tar tf dmg.tar >list && grep -x b/c list && ! grep -x "long\|big\|log\|many/k1" list &&
	! flux gc 2>err && grep "cannot be read: .*nothing is removed" err && ! flux kvs get -r long 2>err && test "$(flux kvs get b.c)" = two
	EOF
    inside --statedir=f4 <<-\EOF &&
	unload_kvs && ! flux fsck -q --repair && flux fsck && reload_kvs && test "$(flux kvs get b.c)" = two && test -z "$(flux kvs get lost+found.long)" &&
	test "$(flux kvs get lost+found.log)" = onetwo && ! flux kvs ls many && flux kvs ls d && ! flux kvs ls d.x && flux kvs get e.f.g &&
	! flux gc 2>err && for i in 1 2 3 4 5; do flux kvs put -S new=$i || exit 1; done && flux gc # older checkpoints are gone
	EOF
    inside --statedir=f4 <<-\EOF
	flux fsck && flux kvs put again=1
	EOF
'
test_expect_success 'what many paths lead to is read once' '
    inside <<-\EOF
	flux kvs put d.v="$(flux lptest 100 1)" && i=0 && while test $i -lt 40; do
	    t=$(flux kvs get -t d) && flux kvs put -t e.a="$t" e.b="$t" && flux kvs move e d || exit 1; i=$((i + 1))
	done && flux kvs sync && timeout 50 flux fsck 2>err && grep "Total errors: 0$" err
	EOF
'
test_expect_success 'a database that ends too early is refused by name, and not touched' '
    size=$(stat -c %s f4.good) && for n in 100 4096 5000 $((size / 2)) $((size - 4096)) $((size - 4095)); do
	rm -rf f5 && mkdir f5 && head -c $n f4.good >f5/content.sqlite && cp f5/content.sqlite before &&
	test_must_fail inside --statedir=f5 2>err <<-\EOF || return 1
	echo started
	EOF
	grep "content.sqlite: " err && ! grep -i "sanitizer\|signal\|abort" err && test_cmp before f5/content.sqlite || return 1
    done
'
test_expect_success 'dump says what is missing, and leaves it out if it may' '
    inside <<-\EOF
	dangling && ! flux dump -q miss.tar 2>err && test ! -e miss.tar && ls miss.tar.* 2>/dev/null | wc -l | grep -x 0 &&
	flux dump -q --ignore-failed-read miss.tar 2>err && cat err && grep "v/part: missing blobref 1: " err && grep "d/gone: missing dirref blobref: " err &&
	tar tf miss.tar >list && grep -x log1 list && ! grep v/part list
	EOF
'
test_expect_success 'fsck --repair keeps what can be kept' '
    mkdir f2 && inside --statedir=f2 <<-\EOF &&
	fill && dangling && ! flux fsck --repair 2>err && grep "^flux-fsck: please unload kvs module before using --repair$" err &&
	flux kvs get -r log1 >want && flux kvs get -r log2 >>want && unload_kvs && v=$(flux content checkpoint list -n | sed -n "1s/^0 *\([0-9]*\) .*/\1/p") && ! flux fsck --repair 2>err && cat err &&
	flux fsck && reload_kvs && flux kvs get -r lost+found.v.part >got && cmp want got && test -z "$(flux kvs get lost+found.v.gone)" &&
	test "$(flux kvs version)" = $((v + 1)) && ! flux kvs ls d.gone && ! flux kvs get v.part && test "$(flux kvs get good)" = 1 && test "$(flux kvs get many.k149)" = 149 &&
	flux kvs get lost+found.job.0000.1111.2222.3333.R && flux kvs get job.0000.1111.2222.3333.eventlog
	EOF
    inside --statedir=f2 <<-\EOF
	flux fsck && test "$(flux kvs get good)" = 1
	EOF
'
test_expect_success 'fsck --repair --job-aware moves whole jobs' '
    mkdir f3 && inside --statedir=f3 <<-\EOF
	dangling && unload_kvs && ! flux fsck -Rj 2>err && cat err && flux fsck && reload_kvs && ! flux kvs ls job.0000.1111.2222.3333 &&
	test "$(flux kvs get lost+found.job.0000.1111.2222.3333.eventlog)" = x && test -z "$(flux kvs get lost+found.job.0000.1111.2222.3333.R)" &&
	test "$(flux kvs get job.0000.1111.2222.4444.eventlog)" = y
	EOF
'
cat >>on.sh <<'EOF'
objects () {
    flux content flush && flux module stats content-sqlite | tr -d " \n" | grep -o "\"object_count\":[0-9]*" | cut -d: -f2
}
# Old values that nothing refers to any more, and the checkpoints that did.
litter () {
    i=0 && while test $i -lt 40; do flux kvs put t="$i$(flux lptest 100 1)" && i=$((i + 1)) || return 1; done &&
    i=0 && while test $i -lt 8; do flux kvs put u=$i && flux kvs sync && i=$((i + 1)) || return 1; done
}
EOF
test_expect_success 'gc removes garbage, and nothing else' '
    mkdir g1 && inside --statedir=g1 <<-\EOF &&
	fill && flux kvs namespace create priv && flux kvs put -N priv long="$(flux lptest 120 1)" d.e=1 &&
	litter && before=$(objects) && flux gc -v >out 2>err && cat out && grep -E "^gc complete: marked [1-9][0-9]*, reclaimed [1-9][0-9]* blobs \(horizon epoch [1-9][0-9]*\)$" out &&
	test $(objects) -lt $((before - 40)) && flux content dropcache && flux fsck && flux dump -q --no-cache all.tar && tar tf all.tar | grep -x many/k149 &&
	flux module reload kvs 2>/dev/null; flux kvs get -r big | md5sum && flux gc >out && grep "reclaimed" out && flux kvs get log >/dev/null
	EOF
    inside --statedir=g1 <<-\EOF
	flux fsck && flux kvs get bin | md5sum && flux kvs get many.k3
	EOF
'
test_expect_success 'gc keeps what namespaces need; past roots are forgotten' '
    mkdir g2 && inside --statedir=g2 <<-\EOF
	flux kvs namespace create priv && flux kvs put -N priv long="$(flux lptest 120 1)" d.e=1 && litter && flux gc &&
	flux content dropcache && flux kvs getroot -N priv -b >root && flux content load --bypass-cache $(cat root) >/dev/null &&
	ref=$(flux kvs get -N priv -t long | grep -o "sha1-[0-9a-f]*") && flux content load --bypass-cache $ref >/dev/null &&
	flux kvs history t >out && test $(wc -l <out) = 1 && v=$(flux kvs version) && ! flux kvs get --at=$((v - 1)) u 2>err && grep "any more" err
	EOF
'
test_expect_success 'what gc removed and a commit makes again is stored again' '
    mkdir g4 && cat >again.sh <<-\EOF &&
	A="$(flux lptest 200 1)"; B="$(flux lptest 190 1)"
	flux kvs put d.t="$A" d.e=1 && flux kvs sync && ref=$(flux kvs get -t d.t | grep -o "sha1-[0-9a-f]*") && dir=$(flux kvs get -t d) &&
	flux kvs put d.t="$B" && for i in 1 2 3 4 5 6 7; do flux kvs put u=$i; flux kvs sync; done && flux gc &&
	! flux content load --bypass-cache $ref && flux kvs put d.t="$A" && test "$(flux kvs get -t d)" = "$dir" && flux kvs sync &&
	flux content dropcache && flux content load --bypass-cache $ref >/dev/null && flux fsck
	EOF
    timeout 60 flux start --statedir=g4 sh again.sh && timeout 60 flux start sh again.sh
'
test_expect_success 'so it is while values come and go under gc' '
    mkdir g5 && inside --statedir=g5 <<-\EOF
	one () { flux kvs put d$(($1 % 3)).t$(($1 % 2))="$(flux lptest $((100 + $1 * 7 % 5)) 2)" e.n=$1 d$(($1 % 3)).u=x; }
	{ (i=0; while test $i -lt 200; do one $i || exit 1; test $((i % 5)) != 0 || flux kvs sync || exit 1; i=$((i + 1)); done) & } && load=$! &&
	n=0 && while kill -0 $load 2>/dev/null; do flux gc >out || exit 1; n=$((n + 1)); done; wait $load && test $n -ge 2 && flux kvs sync &&
	flux content dropcache && flux fsck && test "$(flux kvs get e.n)" = 199
	EOF
'
test_expect_success 'gc while others commit, and killed at work' '
    mkdir g3 && inside --statedir=g3 <<-\EOF
	fill && litter && { (i=0; while test $i -lt 150; do flux kvs put live.k$((i % 7))="$i$(flux lptest 90 1)" a=$i || exit 1; i=$((i + 1)); done) & } && load=$! &&
	for ms in 0 2 5 10 20 40; do
	    { flux gc >/dev/null 2>&1 & } && p=$! && perl -e "select undef, undef, undef, $ms / 1000" && kill -9 $p 2>/dev/null; wait $p
	done; flux gc && flux gc && wait $load && flux gc && flux content dropcache && flux kvs sync && flux fsck && test "$(flux kvs get a)" = 149 &&
	flux dump -q --no-cache all.tar && tar tf all.tar | grep -x live/k6
	EOF
'
test_expect_success 'guests cannot dump' '
    inside <<-\EOF
	! FLUX_HANDLE_ROLEMASK=2 FLUX_HANDLE_USERID=1234 flux dump -q g.tar 2>err && grep -i "not permitted\|owner" err && test ! -e g.tar
	EOF
'
test_done
