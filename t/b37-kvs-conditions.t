#!/bin/sh
test_description='commits with conditions: each is decided where it is applied'
. "$(dirname "$0")/lib.sh"
under_flux -s 2
. "$T/sharness.sh"

# unmet WHY ARGS...: flux kvs ARGS fails for a condition, and says which.
unmet () {
    why=$1 && shift && test_expect_code 2 flux kvs "$@" 2>err &&
    echo "flux-kvs: condition not met: $why" >expect && test_cmp expect err
}
usage () {
    test_expect_code 1 flux kvs "$@" 2>err
}

test_expect_success 'put --if-absent creates, and does not replace' '
    flux kvs put --if-absent a=1 && unmet "a exists" put --if-absent a=2 &&
    unmet "a exists" put --if-absent b=1 a=2 && test "$(flux kvs get a)" = 1 &&
    test_must_fail flux kvs get b && unmet "a exists" put --if-absent=a b=1 &&
    flux kvs put --if-absent=nosuch b=1 && test "$(flux kvs get b)" = 1
'
test_expect_success 'put --if-exists replaces, and does not create' '
    flux kvs put --if-exists a=2 && test "$(flux kvs get a)" = 2 &&
    unmet "c does not exist" put --if-exists c=1 && unmet "c does not exist" put --if-exists=c a=3
'
test_expect_success 'put --if-value exchanges values, short, long and in pieces' '
    flux kvs put --if-value=2 a=3 && unmet "a has another value" put --if-value=2 a=4 &&
    test "$(flux kvs get a)" = 3 && long=$(flux lptest 100 1) && flux kvs put a="$long" &&
    unmet "a has another value" put --if-value="${long}x" a=5 && flux kvs put --if-value="$long" a=5 &&
    flux kvs put -A p=one && flux kvs put -A p=two && flux kvs put --if-value=onetwo p=3 &&
    test "$(flux kvs get p)" = 3 && unmet "nosuch does not exist" put --if-value=1 nosuch=2 &&
    flux kvs put e= && flux kvs put --if-value= e=full && unmet "e has another value" put --if-value= e=x
'
test_expect_success 'put --if names another key' '
    flux kvs put token=mine && flux kvs put --if=token=mine work=done && test "$(flux kvs get work)" = "done" &&
    unmet "token has another value" put --if=token=yours work=again &&
    flux kvs put --if=token=mine --if-absent=w2 w2=1 && unmet "w2 exists" put --if=token=mine --if-absent=w2 w2=2
'
test_expect_success 'put --if-treeobj: values, logs, directories' '
    flux kvs put d.x=1 && o=$(flux kvs get -t d.x) && flux kvs put --if-treeobj="$o" d.x=2 &&
    unmet "d.x is not what was expected" put --if-treeobj="$o" d.x=3 &&
    flux kvs put --if-treeobj="$o" -t d.y="$o" 2>err; test $? = 2 && flux kvs put -A log=a && flux kvs put -A log=b &&
    o=$(flux kvs get -t log) && flux kvs put --if-treeobj="$o" -A log=c &&
    unmet "log is not what was expected" put --if-treeobj="$o" -A log=c && test "$(flux kvs get log)" = abc
'
test_expect_success '--if-seq: nothing at all was committed meanwhile' '
    n=$(flux kvs version) && flux kvs put --if-seq=$n s=1 &&
    unmet "root sequence is $((n + 1)), not $n" put --if-seq=$n s=2 && test "$(flux kvs get s)" = 1
'
test_expect_success 'unlink, mkdir and link have conditions, too' '
    flux kvs mkdir --if-absent m && unmet "m exists" mkdir --if-absent m &&
    flux kvs link --if-absent a ln && unmet "ln exists" link --if-absent b ln &&
    flux kvs put u=1 && unmet "u has another value" unlink --if-value=2 u && flux kvs unlink --if-value=1 u &&
    test_must_fail flux kvs get u && unmet "m exists" unlink --if-absent=m a
'
test_expect_success 'a link is not its value' '
    usage put --if-value=5 ln=1 && grep "ln: is a symbolic link" err
'
test_expect_success 'what options mean is checked' '
    usage put --if=x a=1 && grep "is not KEY=VALUE" err && usage put --if-seq=x a=1 && grep if-seq err &&
    usage put --if-treeobj=x a=1 && grep "not a tree object" err && usage get --if-absent a
'
test_expect_success 'the same from another rank' '
    flux kvs put r=1 && v=$(flux kvs version) && (
        FLUX_URI=${FLUX_URI%-*}-1 && export FLUX_URI && test "$(flux getattr rank)" = 1 &&
        flux kvs wait $v && flux kvs put --if-value=1 r=2 && unmet "r exists" put --if-absent r=3 &&
        unmet "r has another value" put --if-value=1 r=3 && test "$(flux kvs get r)" = 2
    )
'
test_expect_success 'other namespaces have their own' '
    flux kvs namespace create cond && flux kvs put -N cond --if-absent a=1 &&
    unmet "a exists" put -N cond --if-absent a=2 && FLUX_KVS_NAMESPACE=cond flux kvs put --if-value=1 a=2 &&
    test "$(flux kvs get -N cond a)" = 2 && flux kvs namespace remove cond
'
test_expect_success 'a counter that eight count up at once loses nothing' '
    flux kvs put count=0 && cat >count.sh <<-\EOF &&
	i=0
	while test $i -lt 25; do
	    v=$(flux kvs get count) || exit 1
	    flux kvs put --if-value=$v count=$((v + 1)) 2>/dev/null
	    case $? in 0) i=$((i + 1)) ;; 2) ;; *) exit 1 ;; esac
	done
	EOF
    { sh count.sh & } && { sh count.sh & } && { sh count.sh & } && { sh count.sh & } &&
    { sh count.sh & } && { sh count.sh & } && { sh count.sh & } && { sh count.sh & } &&
    wait && test "$(flux kvs get count)" = 200
'
test_expect_success 'no condition leaves a request or a waiter behind' '
    flux module stats kvs >stats && grep -E "\"pending_requests\": *0" stats
'

test_done
