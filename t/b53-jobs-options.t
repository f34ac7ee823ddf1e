#!/bin/sh
test_description='flux jobs, pgrep, pkill and queue list: the options one by one, in an instance with queues'
. "$(dirname "$0")/lib.sh"
cat >"${TMPDIR:-/tmp}/b53-$$.json" <<-END
{"queues":{"batch":{},"debug":{},"short":{"parent":"batch"}},
 "policy":{"jobspec":{"defaults":{"system":{"queue":"batch","duration":"1h"}}},
  "limits":{"duration":"2h","job-size":{"max":{"nnodes":4}}}}}
END
if [ -z "$INSIDE_FLUX" ]; then
    conf=${TMPDIR:-/tmp}/b53-$$.json
    INSIDE_FLUX=t && export INSIDE_FLUX
    flux start -s2 --test-hosts=node[0-1] -c "$conf" -- "$0" $SCRIPT_ARGS
    rc=$?
    rm -f "$conf"
    exit $rc
fi
rm -f "${TMPDIR:-/tmp}/b53-$$.json"
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
fails () {
    code=$1 && sentence=$2 && shift 2 && test_expect_code $code "$@" 2>err &&
    { grep -F -e "$sentence" err || { cat err; false; }; }
}
# shows TEXT COMMAND...: all it prints
shows () {
    want=$1 && shift && "$@" >out && { test -z "$want" || echo "$want"; } >expect && test_cmp expect out
}

test_expect_success 'jobs in three queues, on two hosts' '
    flux queue start --all >/dev/null &&
    a=$(flux submit --job-name=alpha --requires=rank:0 true) && flux job wait-event $a clean >/dev/null &&
    b=$(flux submit --job-name=beta -q debug --requires=rank:1 sh -c "exit 126") &&
    c=$(flux submit --job-name=gamma -q short --urgency=hold -n3 -t 5m true) &&
    flux job wait-event $b clean >/dev/null &&
    d=$(flux submit --job-name=delta --requires=host:node1 sleep 1000) &&
    flux job wait-event $d start >/dev/null &&
    wait_until sh -c "test \"\$(flux jobs -ano {name} | tr \"\\n\" \" \")\" = \"gamma delta beta alpha \""
'
test_expect_success '-q: one, several, repeated, a parent for its virtual queues; the column shows' '
    shows "beta" flux jobs -ano {name} -q debug &&
    flux jobs -ano {name} -q debug,short >out && printf "gamma\nbeta\n" >expect && test_cmp expect out &&
    flux jobs -ano {name} -q debug --queue=short >out && test_cmp expect out &&
    flux jobs -ano {name} -q batch >out && printf "gamma\ndelta\nalpha\n" >expect && test_cmp expect out &&
    shows "" flux jobs -an -q nosuch && flux jobs | head -n 1 | grep "JOBID QUEUE    USER" &&
    flux jobs --stats-only -q batch,debug >out && grep "^1 running, 1 completed, 1 failed, 0 pending" out
'
test_expect_success '-i: hosts or ranks, of all users unless one is named' '
    flux jobs -ano {name} -i node1 >out && printf "delta\nbeta\n" >expect && test_cmp expect out &&
    flux jobs -ano {name} --include=1 >out && test_cmp expect out &&
    shows "alpha" flux jobs -ano {name} -i 0 && shows "" flux jobs -an -i node1 -u 54321 &&
    shows "delta" flux jobs -no {name} -i "node[0-1]"
'
test_expect_success '-A is about users, not states; users by +number and all' '
    shows "2" sh -c "flux jobs -An | wc -l" && shows "4" sh -c "flux jobs -aAn | wc -l" &&
    shows "4" sh -c "flux jobs -A -u 54321 -an | wc -l" && shows "4" sh -c "flux jobs -an -u all | wc -l" &&
    shows "4" sh -c "flux jobs -an -u +$(id -u) | wc -l"
'
test_expect_success '--since: -a is meant, unless -f says otherwise' '
    t=$(flux jobs -no {t_inactive} $b) && flux jobs -no {name} --since=$t >out &&
    ! grep alpha out && ! grep beta out && grep gamma out &&
    t=$(flux jobs -no {t_inactive} $a) &&
    shows "beta" sh -c "flux jobs -no {name} --since=$t -f inactive | grep -v alpha" &&
    shows "delta" flux jobs -no {name} --since=$t -f running &&
    for w in now -10s -1.5h "1 hour ago" yesterday; do flux jobs --since="$w" >out || return 1; done
'
test_expect_success 'filters one by one' '
    for f in depend priority sched run cleanup inactive pending running active completed failed canceled timeout; do
        echo $f: $(flux jobs -no {name} -f $f) || return 1
    done >out &&
    cat >expect <<-EOF && test_cmp expect out
	depend:
	priority:
	sched: gamma
	run: delta
	cleanup:
	inactive: beta alpha
	pending: gamma
	running: delta
	active: gamma delta
	completed: alpha
	failed: beta
	canceled:
	timeout:
	EOF
'
test_expect_success 'columns: dropped, widened, both; what is cut is marked' '
    flux jobs -ano "x?:{dependencies:>10} {name}" | head -n 1 >out && echo " alpha" >expect &&
    flux jobs -o "a?:{dependencies:>10}b{name}" $a >out && printf "bNAME\nbalpha\n" >expect && test_cmp expect out &&
    flux jobs -o "+:{name:<2.2}|" $a >out && printf "NAME |\nalpha|\n" >expect && test_cmp expect out &&
    flux jobs -no "+:{name:<2.2}|{name:<3.3+}|{name:>7}|{name:^7}|{name:*<7}" $a >out &&
    echo "alpha|al+|  alpha| alpha |alpha**" >expect && test_cmp expect out &&
    flux jobs -o "?+:{queue:>3.3} {name}" $b >out && printf "QUEUE NAME\ndebug beta\n" >expect && test_cmp expect out
'
test_expect_success 'conversions' '
    flux jobs -no "{t_run:h}|{t_run!d:%Y::h}|{t_run!D}|{runtime!F:h}|{duration!H}|{duration!F}|{t_cleanup!F:>4h}" $c >out &&
    echo "-|-||-|0:05:00|5m|   -" >expect && test_cmp expect out &&
    flux jobs -no "{t_submit!d:%Y}" $c >out && date -d "@$(flux jobs -no {t_submit} $c)" +%Y >expect && test_cmp expect out &&
    flux jobs -no "{t_submit!d}|{t_submit!D}" $a >out && grep -E "^20..-..-..T..:..:..\|20..-..-..T" out &&
    flux jobs -no "{returncode:d}|{returncode:>5}|{success}|{ntasks:03d}|{userid!s:>7}|{name!r}" $b >out &&
    printf "126|  126|False|001|%7s|%s\n" $(id -u) "'"'beta'"'" >expect && test_cmp expect out
'
test_expect_success 'sorting: several keys, reversed, from the format; unset first' '
    flux jobs -ano {name} --sort=-name >out && printf "gamma\ndelta\nbeta\nalpha\n" >expect && test_cmp expect out &&
    flux jobs -ano "sort:name {name}" >out && sort expect >up && test_cmp up out &&
    flux jobs -ano "sort:name {name}" --sort=-name >out && test_cmp expect out &&
    flux jobs -ano {name} --sort=returncode,-name >out &&
    printf "gamma\ndelta\nalpha\nbeta\n" >expect && test_cmp expect out
'
test_expect_success 'what the words of a job are' '
    flux jobs -ano "{name} {state} {state_single} {status} {status_abbrev} {result} {inactive_reason}" --sort=name >out &&
    cat >expect <<-EOF && test_cmp expect out &&
	alpha INACTIVE I COMPLETED CD COMPLETED Exit 0
	beta INACTIVE I FAILED F FAILED Command invoked cannot execute
	delta RUN R RUN R  
	gamma SCHED S SCHED S  
	EOF
    flux jobs -no "{contextual_info}" $c $d >out && printf "held\nnode1\n" >expect && test_cmp expect out &&
    flux jobs -no "{contextual_time!F}" $c >out && echo 5m >expect && test_cmp expect out &&
    flux jobs -no "{ranks} {nodelist} {nnodes} {ncores} {queue}" $b >out &&
    echo "1 node1 1 1 debug" >expect && test_cmp expect out &&
    dep=$(flux submit --dependency=afterany:$d --dependency=begin-time:32503680000 true) &&
    flux jobs -no "{contextual_info}" $dep >out && grep "^depends:.*begin@" out && grep "after-finish=" out &&
    flux jobs -o deps $dep | grep DEPEND && flux cancel $dep
'
test_expect_success 'the formats of ours by another name' '
    FLUX_JOBS_FORMAT_DEFAULT=endreason flux jobs -a | head -n 1 | grep "INACTIVE-REASON" &&
    FLUX_JOBS_FORMAT_DEFAULT="{name}!" flux jobs -n $a >out && echo "alpha!" >expect && test_cmp expect out &&
    flux jobs -o get-config=endreason >out && grep "^format = \"{id.f58:>12}" out &&
    fails 1 "format: No such format nosuch" flux jobs -o get-config=nosuch
'
test_expect_success 'a job that is an instance says what goes on in it' '
    i=$(flux alloc --bg -n1 --job-name=inst) && uri=$(flux jobs -no {uri.local} $i) &&
    flux jobs -no "{instance.stats}|{instance.stats.total}|{instance.progress!P}" $i >out &&
    echo "PD:0 R:0 CD:0 F:0|0|" >expect && test_cmp expect out &&
    FLUX_URI=$uri flux run true && FLUX_URI=$uri flux submit --quiet --urgency=hold true &&
    FLUX_URI=$uri flux submit --wait-event=start --quiet sleep 1000 &&
    fmt="{instance.stats}|{instance.progress!P}|{instance.utilization!P}|{instance.gpu_utilization!P}" &&
    wait_until sh -c "flux jobs -no \"$fmt\" $i | grep \"^PD:1 R:1 CD:1 F:0|33.3%|100%|\$\"" &&
    r=instance.resources &&
    flux jobs -no "{$r.all.nnodes} {$r.all.ncores} {$r.up.ncores} {$r.down.ncores} {$r.allocated.ncores} {$r.free.ncores} {$r.all.ngpus}" $i >out &&
    echo "1 1 1 0 1 0 0" >expect && test_cmp expect out &&
    flux jobs -no "x{instance.stats}{$r.all.nnodes}{instance.utilization}x" $a $d >out && printf "xx\nxx\n" >expect &&
    test_cmp expect out && flux cancel $i && flux job wait-event $i clean >/dev/null &&
    flux jobs -no "x{instance.stats}x" $i >out && echo xx >expect && test_cmp expect out
'
test_expect_success '--json of none, one, several' '
    flux jobs --json -q nosuch >out && echo "{\"jobs\": []}" >expect && test_cmp expect out &&
    flux jobs --json $a | jq -e ".name == \"alpha\" and .result == \"COMPLETED\"" &&
    flux jobs --json $a $b | jq -e ".jobs | length == 2" && flux jobs -a --json | jq -e "[.jobs[].name] | index (\"delta\") >= 0"
'
test_expect_success 'pgrep: users, queues, filters, bounds, formats' '
    shows "$d" flux pgrep delta && shows "" sh -c "flux pgrep alpha || test \$? = 1" && shows "$a" flux pgrep -a alpha &&
    shows "$b" flux pgrep -f failed . && shows "$b" flux pgrep -aq debug . && shows "$d" flux pgrep -f running name:e &&
    shows "" sh -c "flux pgrep -u 54321 . || test \$? = 1" && shows "$d" flux pgrep -A delta &&
    shows "1" sh -c "flux pgrep -a -c 1 . | wc -l" &&
    shows "" sh -c "flux pgrep -a --max-entries=1 alpha || test \$? = 1" &&
    flux pgrep -o long delta | head -n 1 | grep JOBID && flux pgrep -o deps -n delta | grep -v JOBID &&
    FLUX_PGREP_FORMAT_DEFAULT="{name}" flux pgrep -n delta >out && echo delta >expect && test_cmp expect out &&
    shows "$a" flux pgrep -a $a..$a && shows "$b" flux pgrep -a $a..$b "^be" &&
    fails 2 "expression error: Only one jobid range can be provided" flux pgrep $a..$b $a..$b &&
    fails 2 "No such format nosuch" flux pgrep -o nosuch delta || fails 1 "No such format nosuch" flux pgrep -o nosuch delta
'
test_expect_success 'pkill: what it cancels and what not' '
    e=$(flux submit --job-name=kill1 sleep 1000) && f=$(flux submit --urgency=hold --job-name=kill2 -q debug true) &&
    flux job list-ids -W run $e >/dev/null && flux job list-ids -W sched $f >/dev/null &&
    flux pkill -q debug --wait "^kill" 2>err && echo "flux-pkill: INFO: Canceled 1 job" >expect && test_cmp expect err &&
    shows "CANCELED" flux jobs -no {result} $f && shows "RUN" flux jobs -no {state} $e &&
    flux pkill --wait kill1..x "kill[12]" 2>err || flux pkill --wait "kill[12]" 2>err && shows "INACTIVE" flux jobs -no {state} $e &&
    test_expect_code 1 flux pkill nosuchjob 2>err && test_expect_code 2 flux pkill 2>err
'
test_expect_success 'queue list: the default, parents, limits, marks' '
    flux queue stop debug >/dev/null && flux queue disable batch >/dev/null &&
    flux queue list >out && head -n 1 out | grep -E "QUEUE +PARENT +EN +ST +TDEFAULT +TLIMIT +NNODES +NCORES +NGPUS" &&
    grep "batch\*" out && grep -E "short +batch" out &&
    flux queue list -no "{queue} {parent} {submission} {scheduling} {defaults.timelimit!F} {limits.timelimit!F}" >out &&
    sort out >sorted && printf "%s\n" "batch  disabled started 1h 2h" "debug  enabled stopped 1h 2h" "short batch enabled started 1h 2h" >expect &&
    test_cmp expect sorted && flux queue list -q debug,short -no {queue} | sort >out && printf "debug\nshort\n" >expect &&
    test_cmp expect out && fails 1 "No such queue: nosuch" flux queue list -q nosuch &&
    flux queue stop batch >/dev/null && flux queue list -q short >out && grep " p " out && flux queue status -v batch >out &&
    grep "alloc requests queued" out && flux queue start --all --quiet && flux queue enable --all --quiet
'
test_expect_success 'nothing is left' '
    flux cancel --all --user=all && flux queue drain -t 60s
'
test_done
