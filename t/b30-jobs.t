#!/bin/sh
test_description='flux jobs: which jobs, in which form'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

unset NO_COLOR

test_expect_success 'jobs of all outcomes' '
    ok=$(flux submit --job-name=alpha true) &&
    bad=$(flux submit --job-name=beta sh -c "exit 3") &&
    gone=$(flux submit --job-name=gamma --urgency=hold sleep 100) &&
    flux job cancel $gone enough &&
    for id in $ok $bad $gone; do flux job wait-event $id clean || return 1; done &&
    held=$(flux submit --job-name=delta --urgency=hold -n2 true) &&
    wait_until sh -c "flux jobs -no {name},{state} | grep delta,SCHED" &&
    wait_until sh -c "test \$(flux jobs -an | wc -l) = 4"
'
test_expect_success 'the default is your active jobs' '
    flux jobs >out &&
    head -1 out | grep -E "^ +JOBID USER +NAME +ST NTASKS NNODES +TIME INFO$" &&
    test_line_count 2 out && grep "delta .* S  *2  *-  *- held$" out
'
test_expect_success '-a adds the others; -n leaves out the header' '
    flux jobs -a >out && test_line_count 5 out &&
    flux jobs -an >out && test_line_count 4 out && ! grep JOBID out
'
test_expect_success 'filters: states and results, in any case, together' '
    flux jobs -no "{name}" -f failed,PENDING >out &&
    printf "delta\nbeta\n" >expect && test_cmp expect out &&
    flux jobs -no "{name}" -f completed -f canceled >out && sort out >sorted &&
    printf "alpha\ngamma\n" >expect && test_cmp expect sorted &&
    flux jobs -no "{name}" --name=beta -a >out && echo beta >expect && test_cmp expect out &&
    test_expect_code 1 flux jobs -f bogus 2>err &&
    grep "^flux-jobs: ERROR: Invalid filter specified: bogus$" err &&
    flux jobs -a -f failed 2>err >out && grep "ignoring -a" err && test_line_count 2 out
'
test_expect_success 'users: by name, by number, all' '
    flux jobs -anu "$(id -un)" >out && test_line_count 4 out &&
    flux jobs -anu "+$(id -u)" >out && test_line_count 4 out &&
    flux jobs -an -u 54321 >out && test_must_be_empty out &&
    flux jobs -aA -n >out && test_line_count 4 out &&
    test_expect_code 1 flux jobs -u nosuchuser 2>err &&
    grep "Invalid user nosuchuser specified" err
'
test_expect_success '--since, and where jobs ran' '
    flux jobs -n --since=-1h >out && test_line_count 4 out &&
    flux jobs -n --since=now >out && test_line_count 1 out &&
    test_expect_code 1 flux jobs --since=+1h 2>err &&
    grep "since=+1h appears to be in the future" err &&
    test_expect_code 1 flux jobs --since=never 2>err &&
    flux jobs -an -i 0 >out && test_line_count 2 out &&
    flux jobs -an -i 7 >out && test_must_be_empty out &&
    flux jobs -an -i "$(flux getattr hostlist)" >out && test_line_count 2 out &&
    test_expect_code 1 flux jobs -i "foo[" 2>err && grep "invalid targets: foo\[" err
'
test_expect_success '--count cuts, and says so' '
    flux jobs -a -c 2 >out 2>err && test_line_count 3 out &&
    grep "^warning: output truncated at 2 jobs." err &&
    flux jobs -an -c 2 2>err >out && test_must_be_empty err &&
    flux jobs -an -c 0 >out && test_line_count 4 out &&
    test_expect_code 1 flux jobs -c -1 2>err && grep ERROR err
'
test_expect_success 'ids choose jobs; unknown ones are named' '
    flux jobs -no "{name}" $bad $ok >out && printf "beta\nalpha\n" >expect &&
    test_cmp expect out &&
    flux jobs $bad -no "{name}" >out && echo beta >expect && test_cmp expect out &&
    test_expect_code 1 flux jobs -n f1 2>err && grep "^JobID f1 unknown$" err &&
    flux jobs -n f1 $ok >out 2>err && test_line_count 1 out &&
    test_expect_code 2 flux jobs 1x3 2>err &&
    grep "argument JOBID: invalid JobID value: .1x3." err &&
    flux jobs -a $ok >out 2>err && grep "Filtering options ignored" err
'
test_expect_success 'what follows from the attributes' '
    flux jobs -ano "{name} {status} {result_abbrev} {returncode} {success}" --sort=name >out &&
    { echo "alpha COMPLETED CD 0 True"; echo "beta FAILED F 3 False";
      echo "delta SCHED   "; echo "gamma CANCELED CA -128 False"; } >expect &&
    test_cmp expect out &&
    flux jobs -ano "{name} {inactive_reason}" --sort=name >out &&
    { echo "alpha Exit 0"; echo "beta Exit 3"; echo "delta ";
      echo "gamma Canceled: enough"; } >expect && test_cmp expect out
'
test_expect_success 'named formats' '
    for f in default cute long deps endreason; do flux jobs -a -o $f || return 1; done &&
    flux jobs -o help >out && grep "^  endreason " out &&
    flux jobs -o get-config=deps >out && grep "^\[formats.deps\]$" out &&
    test_expect_code 1 flux jobs -o nosuch 2>err &&
    grep "format: No such format nosuch (Did you mean .{nosuch}.?)" err
'
test_expect_success 'the formats of a user' '
    mkdir -p conf/flux xdg/flux &&
    flux jobs -o get-config=deps | sed "s/deps/mine/; s/{dep.*}/{name}/" >conf/flux/flux-jobs.toml &&
    echo "{\"formats\":{\"mine\":{\"format\":\"{id}\"},\"other\":{\"format\":\"{name}!\"}}}" \
        >xdg/flux/flux-jobs.json &&
    XDG_CONFIG_HOME=$(pwd)/conf XDG_CONFIG_DIRS=$(pwd)/xdg &&
    export XDG_CONFIG_HOME XDG_CONFIG_DIRS &&
    flux jobs -no mine $ok >out && grep "INACTIVE alpha$" out &&
    flux jobs -no other $ok >out && echo "alpha!" >expect && test_cmp expect out &&
    flux jobs -o help >out && grep "^  mine " out && grep "^  other " out &&
    FLUX_JOBS_FORMAT_DEFAULT=other flux jobs -n $ok >out && test_cmp expect out &&
    echo "[formats.deps]" >conf/flux/flux-jobs.toml &&
    test_expect_code 1 flux jobs -o other 2>err &&
    grep "override of builtin format .deps. not permitted" err &&
    echo "[formats.x]" >conf/flux/flux-jobs.toml &&
    test_expect_code 1 flux jobs -o other 2>err && grep "required key .format. missing" err &&
    echo "x = 1" >conf/flux/flux-jobs.toml &&
    test_expect_code 1 flux jobs -o other 2>err && grep "flux-jobs.toml: invalid key x" err &&
    printf "\n= 1\n" >conf/flux/flux-jobs.toml &&
    test_expect_code 1 flux jobs -o other 2>err && grep "flux-jobs.toml:2: " err;
    rc=$?; unset XDG_CONFIG_HOME XDG_CONFIG_DIRS; return $rc
'
test_expect_success 'formats that cannot be' '
    test_expect_code 1 flux jobs -o "{nosuch}" 2>err &&
    grep "^flux-jobs: ERROR: Error in user format: Unknown format field: nosuch$" err &&
    test_expect_code 1 flux jobs -o "{name" 2>err && grep "expected .}. before end of string" err &&
    test_expect_code 1 flux jobs --sort=nosuch 2>err && grep "Invalid sort key: nosuch" err &&
    test_expect_code 1 flux jobs -ao "{name} {nnodes:d}" $held 2>err &&
    grep "Unknown format code .d. for object of type .str." err
'
test_expect_success 'colour is for terminals, or on demand' '
    flux jobs -an >plain && ! grep "\[0;0m" plain &&
    flux jobs -an --color >out && grep "01;32m.*alpha" out && grep "01;31m.*beta" out &&
    grep "37m.*gamma" out && ! grep "m *ƒ.*delta" out &&
    NO_COLOR=1 flux jobs -an --color=auto >out && test_cmp plain out &&
    test_expect_code 2 flux jobs --color=pink 2>err
'
test_expect_success 'long lines can be cut' '
    flux jobs -a --width=30 >out && ! grep -E "^.{31}" out && grep "+$" out
'
test_expect_success '--json has what a program needs' '
    flux jobs --json $bad >out && perl -0777 -ne "
        exit 1 unless /^\{\"t_depend\"/ && /\"result\": \"FAILED\"/ && /\"returncode\": 3/
            && /\"state\": \"INACTIVE\"/ && /\"exception\": \{\"occurred\": false\}/
            && /\"dependencies\": \[\]/ && /\"status\": \"FAILED\"/ && !/\"queue\"/" out &&
    flux jobs -a --json >out && grep -o "\"jobid\"" out >n && test_line_count 4 n &&
    grep "^{\"jobs\": \[" out &&
    test_expect_code 1 flux jobs --json --stats 2>err && grep "incompatible with --stats" err
'
test_expect_success '--stats counts' '
    flux jobs --stats -n >out &&
    head -1 out >first &&
    echo "0 running, 1 completed, 2 failed, 1 pending, 0 inactive purged" >expect &&
    test_cmp expect first &&
    flux jobs --stats-only >out && test_cmp expect out &&
    test_expect_code 1 flux jobs --stats-only -q nope 2>err &&
    grep "error retrieving job stats: no stats available for queue nope" err &&
    flux job cancel $held && flux job wait-event $held clean >/dev/null &&
    wait_until sh -c "! flux jobs --stats-only"
'
test_expect_success 'jobs can be read instead of asked for' '
    flux job list -a >jobs.in && test_line_count 4 jobs.in &&
    flux jobs --from-stdin -no "{name}" --sort=-name <jobs.in >out &&
    printf "gamma\ndelta\nbeta\nalpha\n" >expect && test_cmp expect out &&
    echo x | test_expect_code 1 flux jobs --from-stdin 2>err &&
    grep "JSON input error: line 1" err
'
test_expect_success 'flux job list-inactive' '
    flux job list-inactive >out && test_line_count 4 out &&
    flux job list-inactive -c 1 >out && test_line_count 1 out &&
    t=$(sed "s/.*\"t_inactive\":\([0-9.]*\).*/\1/" out) &&
    flux job list-inactive --since=$t >out && test_must_be_empty out
'

test_done
