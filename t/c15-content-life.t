#!/bin/sh
test_description='content and its backing store come and go under load, in an instance that lasts

What is in flight meanwhile is done or refused, soon; what is there is never said not to
be; what was acknowledged is there afterwards, also after a crash.'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

state=$(pwd)/state
KEYS=${C15_KEYS:-120}
ROUNDS=${C15_ROUNDS:-8}
export KEYS ROUNDS

cat >lib.inc <<'END'
# In time, or it hangs.
soon () {
    timeout 60 "$@"
    rc=$?
    test $rc != 124 || echo "$*" >>hung
    return $rc
}
value () { # 20 KiB that kvs does not hold: content has it at once
    printf "%020480d" $1
}
END
cat >fill.sh <<'END'
. ./lib.inc
for i in $(seq $KEYS); do value $i | flux kvs put -r old.k$i=- || exit 1; done
printf "%0300d" 7 | flux content store >blob7 && flux kvs put -S filled=1
END
cat >commits.sh <<'END'
. ./lib.inc
i=0
while test ! -e stop; do
    i=$((i + 1))
    if test $((i % 4)) = 0; then value $i | soon flux kvs put -r new.c$i=- && echo c$i $i
    else soon flux kvs put new.c$i=$i && echo c$i $i
    fi
done >acked.commits 2>errors.commits
END
cat >syncs.sh <<'END'
. ./lib.inc
i=0
while test ! -e stop; do
    i=$((i + 1))
    soon flux kvs put -S new.s$i=$i && echo s$i $i
done >acked.syncs 2>errors.syncs
END
cat >lookups.sh <<'END' # kvs has none of them in its cache
. ./lib.inc
for i in $(seq $KEYS); do
    soon flux content dropcache
    if soon flux kvs get -r old.k$i >got; then
        value $i | cmp -s - got || echo "old.k$i is wrong" >>wrong
    fi
    test ! -e stop || break
done 2>errors.lookups
touch looked
END
cat >contents.sh <<'END'
. ./lib.inc
i=0
while test ! -e stop; do
    i=$((i + 1))
    printf "%0400d" $i >blob
    if ref=$(soon flux content store <blob); then echo "$ref $i"; fi
    soon flux content load $(cat blob7) >got7 && test "$(cat got7)" != "$(printf "%0300d" 7)" && echo "blob 7 is wrong" >>wrong
    soon flux content flush
    soon flux content checkpoint list >/dev/null
done >acked.contents 2>errors.contents
END
cat >changes.sh <<'END'
for i in $(seq $ROUNDS); do
    flux module reload content || exit 1
    flux module reload content-sqlite || exit 1
    flux module reload content blob-size-limit=100000 || exit 1
    flux module remove content-sqlite && flux module load content-sqlite || exit 1
done
END
cat >run.sh <<'END'
. ./lib.inc
rm -f stop hung wrong looked
pids=
for w in commits syncs lookups contents; do sh $w.sh & pids="$pids $!"; done
i=0; while test ! -s acked.commits || test ! -s acked.syncs || test ! -s acked.contents; do
    i=$((i + 1)); test $i -lt 3000 || exit 1; perl -e 'select undef, undef, undef, 0.02'
done
sh changes.sh || { touch stop; exit 1; }
# the machine may have been busy with the changes alone
i=0; while test $(wc -l <acked.commits) -lt 5 || test $(wc -l <acked.syncs) -lt 3; do
    i=$((i + 1)); test $i -lt 3000 || break; perl -e 'select undef, undef, undef, 0.02'
done
touch stop
wait $pids
flux kvs put -S end=1 && flux kvs getroot -b >root && flux fsck -q -r $(cat root) || exit 1
test -z "$DIE" || kill -9 $(flux getattr broker.pid)
END
cat >check.sh <<'END'
. ./lib.inc
cat acked.commits acked.syncs | while read -r key i; do
    flux kvs get -r new.$key >got || exit 1
    printf $i | cmp -s - got || value $i | cmp -s - got || exit 1
done || exit 1
for i in $(seq $KEYS); do flux kvs get -r old.k$i >got && value $i | cmp - got || exit 1; done
while read -r ref i; do test "$(flux content load $ref)" = $(printf "%0400d" $i) || exit 1; done <acked.contents
flux fsck -q
END
go () {
    timeout 300 flux start --statedir="$state" sh "$@"
}

test_expect_success 'values that a later life has not in memory' '
    mkdir state && go fill.sh
'
test_expect_success 'content and content-sqlite are reloaded while much is in flight' '
    go run.sh && test $(wc -l <acked.commits) -ge 5 && test $(wc -l <acked.syncs) -ge 3
'
test_expect_success '... nothing hung, nothing read was wrong' '
    test ! -e hung && test ! -e wrong
'
test_expect_success '... what is there was not said to be missing' '
    test_must_fail grep -h "No such" errors.*
'
test_expect_success '... what was refused was refused since somebody was not there' '
    sort errors.* | uniq -c && cat errors.* | grep -v "not implemented\|not loaded\|no backing store\|No service matching\|Unknown service method" >odd; test ! -s odd
'
test_expect_success '... all that was acknowledged is there in the next life' '
    go check.sh
'
test_expect_success 'the same, and at last the broker is killed' '
    rm -f acked.* && DIE=1 && export DIE && test_expect_code 137 go run.sh && unset DIE &&
    test ! -e hung && test ! -e wrong && test_must_fail grep -h "No such" errors.*
'
test_expect_success '... all is there' '
    go check.sh
'
test_expect_success 'a smaller limit: what was committed before is stored, what comes then is refused' '
    cat >limit.sh <<-\END &&
	for i in $(seq 100); do set -- "$@" many.key-number-$i=$i; done && flux kvs put "$@" &&
	flux module reload content blob-size-limit=3000 && flux kvs put -S a=1 && flux kvs getroot -b >root && flux fsck -q -r $(cat root) &&
	test "$(flux kvs get many.key-number-100)" = 100 && ! flux kvs put many.more=1 2>err && grep "File too large" err &&
	printf "%05000d" 1 >large && ! flux kvs put -r large=- <large 2>err && grep "File too large" err && flux kvs put -S small=1 &&
	flux module reload content && flux kvs put many.more=1 && flux kvs put -r large=- <large && flux kvs put -S b=1 && flux fsck -q
	END
    go limit.sh
'
test_done
