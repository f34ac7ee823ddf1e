#!/bin/sh
test_description='flux submit and bulksubmit: inputs, placeholders, logs, waiting'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

fails () {
    code=$1 && sentence=$2 && shift 2 && test_expect_code $code "$@" 2>err &&
    { grep -F -e "$sentence" err || { cat err; false; }; }
}
# commands OPTIONS...: the commands that would be submitted, one a line
commands () {
    flux bulksubmit --dry-run "$@" >dry && sed "s/^bulksubmit: submit //" dry
}
# gives TEXT OPTIONS...: these, lines separated by slashes
gives () {
    want=$1 && shift && commands "$@" | paste -sd/ >out && echo "$want" >expect && test_cmp expect out
}
# a file name with an extension, in a directory
f=dir/base.ext

test_expect_success 'every combination, the last list fastest; linked lists step together' '
    gives "a 1 x/a 1 y/a 2 x/a 2 y/b 1 x/b 1 y/b 2 x/b 2 y" {0} {1} {2} ::: a b ::: 1 2 ::: x y &&
    gives "a 1/b 2/c 1" {} {1} ::: a b c :::+ 1 2 &&
    gives "a 1 x/a 1 y/b 2 x/b 2 y" {0} {1} {2} ::: a b :::+ 1 2 ::: x y && gives "" echo :::
'
test_expect_success 'lists from files, from standard input, with separators' '
    printf "a b\nc\n" >list && gives "a b 1/c 1" {} {1} :::: list ::: 1 &&
    gives "1 a b/2 a b/1 c/2 c" {1} {0} :::: - ::: 1 2 <list &&
    gives "x a b/y c" {0} {1} ::: x y ::::+ list && gives "a/b/c" --sep=none {} <list &&
    printf "a:b:c" | { commands --sep=: {} | paste -sd/ >out; } && echo "a/b/c" >expect && test_cmp expect out &&
    fails 1 "nosuch: No such file or directory" flux bulksubmit echo :::: nosuch &&
    fails 1 "there is no list before it" flux bulksubmit echo {} :::+ a
'
test_expect_success 'placeholders' '
    gives "dir/base.ext dir/base base.ext dir base" {} {.%} {./} {.//} {./%} ::: $f &&
    gives "x $f dir/base base.ext" {0} {1} {1.%} {1./} ::: x ::: $f &&
    gives "0 1 a/1 2 b" {seq} {seq1} {} ::: a b && gives "{{id}} a" "{{id}}" {} ::: a &&
    gives "-n2 --job-name=job-a --output=a.out cmd" -n{1} --job-name=job-{0} --output={0}.out cmd ::: a ::: 2 &&
    fails 1 "Invalid replacement string in command: '"'{5}'"'" flux bulksubmit echo {5} ::: a &&
    gives "a/b" ::: a b
'
test_expect_success 'in any order' '
    flux bulksubmit --dry-run --shuffle echo {} ::: $(seq 1 40) >out && sort -u out >sorted && test_line_count 40 sorted &&
    flux bulksubmit --dry-run echo {} ::: $(seq 1 40) >ordered && ! cmp -s out ordered
'
test_expect_success 'copies of each; {cc} in options, FLUX_JOB_CC only with --cc' '
    flux bulksubmit --quiet --watch --cc=1-2 echo {}-{cc}-\$FLUX_JOB_CC ::: a b >out && sort out >sorted &&
    printf "%s\n" "a-1-\$FLUX_JOB_CC" "a-2-\$FLUX_JOB_CC" "b-1-\$FLUX_JOB_CC" "b-2-\$FLUX_JOB_CC" >expect && test_cmp expect sorted &&
    flux submit --quiet --watch --cc=7 sh -c "echo \$FLUX_JOB_CC" >out && echo 7 >expect && test_cmp expect out &&
    flux submit --quiet --watch --bcc=7 sh -c "echo x\$FLUX_JOB_CC" >out && echo x >expect && test_cmp expect out &&
    flux submit --quiet --wait --cc=0-1 --output=copy{cc}.out echo {cc} && cat copy0.out copy1.out >out &&
    printf "0\n1\n" >expect && test_cmp expect out &&
    flux submit --dry-run --cc=4-9 echo {cc} >out && test_line_count 1 out && grep "\"echo\", \"4\"" out
'
test_expect_success 'ids, output and errors into files' '
    flux submit --watch --log=log.{cc} --log-stderr=err.{cc} --cc=1-2 sh -c "echo out {cc}; echo err {cc} >&2" >out &&
    test_must_be_empty out && for i in 1 2; do
        grep "^out $i$" log.$i && grep "^f\|^ƒ" log.$i && grep "^err $i$" err.$i || return 1
    done &&
    flux bulksubmit --watch --log=all.log echo {} ::: a b c && grep -c "^[abc]$" all.log >n && echo 3 >expect && test_cmp expect n
'
test_expect_success 'the highest code of all; what ends before it starts has 1' '
    test_expect_code 3 flux bulksubmit --quiet --wait sh -c "exit {}" ::: 0 3 1 &&
    flux bulksubmit --quiet --wait true {} ::: 1 2 &&
    test_expect_code 127 flux submit --quiet --wait --cc=1-2 /nosuch/program 2>err &&
    test_expect_code 1 flux bulksubmit --quiet --wait -n{} true ::: 1 100000 2>err && grep "job.exception: type=alloc severity=0" err
'
test_expect_success 'waiting for an event; saying how jobs end' '
    id=$(flux submit --wait-event=start sleep 1000) && flux job eventlog $id | grep " start" &&
    flux submit --wait-event=exec.shell.start --quiet sleep 1000 && flux cancel --all &&
    flux submit --quiet --wait -v true 2>err && grep "complete: status=0$" err &&
    test_expect_code 1 flux submit --quiet --wait -v false 2>err && grep "failed: status=256$" err &&
    flux submit --quiet --wait -vv true 2>err && grep ": submit {" err && grep ": clean" err
'
test_expect_success 'one that is refused does not keep the others' '
    test_expect_code 1 flux submit --cc=0-2 -q nosuch true >out 2>err && test_must_be_empty out &&
    grep "^cc=0: \[Errno " err && grep "^cc=2: \[Errno " err &&
    test_expect_code 1 flux bulksubmit --urgency={} true ::: 16 99 >out 2>err && test_line_count 1 out
'
test_expect_success 'bars are for terminals' '
    for o in progress jps; do
        flux bulksubmit --wait --quiet --$o true {} ::: 1 2>err &&
        grep "flux: WARNING: stdout is not a tty. Ignoring --$o option" err || return 1
    done
'
test_done
