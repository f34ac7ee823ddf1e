#!/bin/sh
test_description='What a key has been: the log of past roots'
. "$(dirname "$0")/lib.sh"
under_flux -s 2
. "$T/sharness.sh"

# Without sequence numbers and times.
lines () {
    flux kvs history "$@" >raw && sed "s/^[<=0-9]* [-0-9T:.]*Z //" raw
}

test_expect_success 'each value once, in order, with its sequence and time' '
    s1=$(flux kvs put -s h.a=1) && flux kvs put other=1 && s2=$(flux kvs put -s h.a=2) &&
    flux kvs put h.b=1 && flux kvs put h.a=2 && s3=$(flux kvs unlink -s h.a) && s4=$(flux kvs mkdir -s h.a) &&
    s5=$(flux kvs put -s h.a.x=1) && flux kvs unlink h.a.x && flux kvs link -T ns x.y h.a &&
    lines h.a >out && cat >expect <<-\EOF &&
	h.a = 1
	h.a = 2
	h.a: none
	h.a.
	h.a.
	h.a.
	h.a -> ns::x.y
	EOF
    test_cmp expect out && cut -d" " -f1 raw | head -5 >out && printf "%d\n" $s1 $s2 $s3 $s4 $s5 >expect &&
    test_cmp expect out && grep -c "^[0-9]* 20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-9.]*Z h.a" raw
'
test_expect_success 'get, dir and readlink --at see the roots of that time' '
    test "$(flux kvs get --at=$s1 h.a)" = 1 && test "$(flux kvs get --at=$s2 h.a)" = 2 &&
    test_must_fail flux kvs get --at=$s3 h.a && flux kvs dir --at=$s5 -R h.a >out && echo "h.a.x = 1" >expect &&
    test_cmp expect out && test "$(flux kvs readlink --at=$(flux kvs version) h.a)" = ns::x.y
'
test_expect_success 'a root that is not there is an error' '
    test_expect_code 1 flux kvs get --at=999999999 h.a 2>err && echo "flux-kvs: there is no root with sequence number 999999999 (any more)" >expect &&
    test_cmp expect err && test_must_fail flux kvs get --at=-1 h.a && test_must_fail flux kvs get --at=1x h.a
'
test_expect_success 'the last changes only; from a root on' '
    lines -n 2 h.a >out && printf "%s\n" h.a. "h.a -> ns::x.y" >expect && test_cmp expect out &&
    lines -s $((s3 + 1)) h.a >out && head -1 out >first && echo h.a. >expect && test_cmp expect first &&
    lines --since=$((s2 + 1)) h.a >out && head -1 raw | grep "^<=$((s2 + 1)) .* = 2$"
'
test_expect_success 'long values, logs, tree objects' '
    long=$(flux lptest 200 1) && flux kvs put l="$long" && flux kvs put -A l=more && flux kvs put l="one
two" && lines -w 0 l >out && printf "l = %s\n" "$long" "${long}more" "one..." >expect && test_cmp expect out &&
    flux kvs history -w 60 l | head -1 | grep "^.\{57\}\.\.\.$" && lines -t l >out && grep "l = {.*valref" out
'
test_expect_success 'JSON has it all' '
    flux kvs history -j h.a >out && head -1 out | grep "^{\"seq\":$s1,\"time\":[0-9.]*,\"key\":\"h.a\",\"treeobj\":{.*},\"value\":\"1\"}$" &&
    sed -n 3p out | grep "\"treeobj\":null}" && sed -n 7p out | grep "\"target\":\"x.y\""
'
test_expect_success 'a key that never was is an error; so are odd options' '
    test_expect_code 1 flux kvs history nosuch 2>err && echo "flux-kvs: nosuch: No such file or directory" >expect && test_cmp expect err &&
    test_must_fail flux kvs history && test_must_fail flux kvs history -n 0 x && test_must_fail flux kvs history a b
'
test_expect_success 'other namespaces; other ranks' '
    flux kvs namespace create hist && flux kvs put -N hist a=1 && flux kvs put -N hist a=2 && lines -N hist a >out &&
    printf "a = %s\n" 1 2 >expect && test_cmp expect out && flux kvs put -N hist a=3 && v=$(flux kvs version -N hist) && (
        FLUX_URI=${FLUX_URI%-*}-1 && export FLUX_URI && FLUX_KVS_NAMESPACE=hist && export FLUX_KVS_NAMESPACE &&
        lines a >out && printf "a = %s\n" 1 2 3 >expect && test_cmp expect out && test "$(flux kvs get --at=$((v - 1)) a)" = 2
    ) && flux kvs namespace remove hist && test_must_fail flux kvs history -N hist a
'
test_expect_success 'a root or directory that a rank told of stays, whatever becomes of the log' '
    flux kvs put keep.d.x=1 && (
        FLUX_URI=${FLUX_URI%-*}-1 && export FLUX_URI &&
        flux kvs getroot >root && flux kvs get --treeobj keep.d >dir
    ) && flux kvs put keep.d.x=2 keep.d.y=2 &&
    "$BUILDDIR/t/live/rpc" kvs.root-forget && "$BUILDDIR/t/live/rpc" kvs.held-store &&
    test_must_fail flux kvs get --at=$(($(flux kvs version) - 1)) keep.d.x &&
    test "$(flux kvs get --at="$(cat root)" keep.d.x)" = 1 &&
    test "$(flux kvs get --at="$(cat dir)" x)" = 1
'
test_expect_success 'hundreds of changes among others' '
    i=0 && while test $i -lt 500; do echo "put many=$i"; echo "put noise=$i"; i=$((i + 1)); done >cmds &&
    while read op kv; do flux kvs $op $kv || return 1; done <cmds && lines many >out && test_line_count 500 out &&
    test "$(tail -1 out)" = "many = 499" && test "$(sed -n 100p out)" = "many = 99" &&
    test $(flux kvs version) -gt 1000 && lines -n 3 many >out && printf "many = %s\n" 497 498 499 >expect && test_cmp expect out
'

test_done
