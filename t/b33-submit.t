#!/bin/sh
test_description='The options of flux run and submit, and what becomes of them'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

# the jobspec of a job with these options, without what is the caller's
spec () {
    flux run "--env=-*" "--rlimit=-*" --cwd=/home/u --dry-run "$@" a
}
# spec_is JSON OPTIONS...: the resources and the count of tasks
spec_is () {
    want=$1 && shift &&
    spec "$@" | sed "s/{\"resources\": \(.*\), \"tasks\".*\"count\": \(.*\)}\], \"attr.*/\1 \2/" >out &&
    echo "$want" >expect && test_cmp expect out
}
# has TEXT OPTIONS...: the jobspec has this
has () {
    want=$1 && shift && spec "$@" >out && grep -F -e "$want" out
}
# refused TEXT OPTIONS...
refused () {
    want=$1 && shift && test_expect_code 1 flux run --dry-run "$@" a 2>err &&
    grep -F -e "flux-run: ERROR: $want" err
}

slot () { echo "{\"type\": \"slot\", \"count\": $1, \"with\": [{\"type\": \"core\", \"count\": $2}$3], \"label\": \"task\"}"; }
node () { echo "{\"type\": \"node\", \"count\": $1, \"with\": [$2]$3}"; }
gpu=', {"type": "gpu", "count": 1}'
x=', "exclusive": true'
one='{"per_slot": 1}'

test_expect_success 'the whole jobspec' '
    spec -N2 -n3 >out &&
    echo "{\"resources\": [$(node 2 "$(slot 2 1)")], \"tasks\": [{\"command\": [\"a\"], \"slot\": \"task\", \"count\": {\"total\": 3}}], \"attributes\": {\"system\": {\"duration\": 0, \"environment\": {}, \"cwd\": \"/home/u\"}}, \"version\": 1}" >expect &&
    test_cmp expect out
'
test_expect_success 'resources by task' '
    spec_is "[$(slot 1 1)] $one" &&
    spec_is "[$(slot 4 2)] $one" -n4 -c2 &&
    spec_is "[$(node 2 "$(slot 1 1)" "$x")] $one" -N2 &&
    spec_is "[$(node 2 "$(slot 2 1)")] $one" -N2 -n4 &&
    spec_is "[$(node 2 "$(slot 2 1)" "$x")] $one" -N2 -n4 -x &&
    spec_is "[$(slot 2 1 "$gpu")] $one" -n2 -g1 &&
    refused "node count must not be greater than task count" -N2 -n1 &&
    refused "exclusive can only be set with a node count" -x &&
    refused "task count must be a integer >= 1" -n-1 &&
    refused "--ntasks: invalid int value '"'x'"'" -nx
'
test_expect_success 'resources by job' '
    spec_is "[$(slot 4 1)] $one" --cores=4 &&
    spec_is "[$(node 2 "$(slot 1 2)")] $one" -N2 --cores=4 &&
    spec_is "[$(node 2 "$(slot 1 1)" "$x")] $one" -N2 --tasks-per-node=2 &&
    spec -N2 --tasks-per-node=2 | grep -F "\"per-resource\": {\"type\": \"node\", \"count\": 2}" &&
    has "\"per-resource\": {\"type\": \"core\", \"count\": 2}" --cores=4 --tasks-per-core=2 &&
    spec_is "[$(node 2 "$(slot 1 1 "$gpu")" "$x")] $one" -N2 --gpus-per-node=1 &&
    refused "number of cores must be evenly divisible by node count" -N2 --cores=3 &&
    refused "--cores, --gpus-per-node and --tasks-per-*" --cores=2 -n2 &&
    refused "must specify node count or core count" --tasks-per-node=2 &&
    refused "--gpus-per-node must be specified with a node count" --cores=2 --gpus-per-node=1
'
test_expect_success 'attributes' '
    has "\"duration\": 90.0" -t 1.5 && has "\"duration\": 30.0" -t 30s &&
    refused "invalid Flux standard duration" -t x &&
    has "\"queue\": \"q\", \"bank\": \"b\", \"job\": {\"name\": \"n\"}" -q q -B b --job-name=n &&
    has "\"user\": {\"x\": {\"y\": [1]}}" -S user.x.y=[1] && has "\"z\": \"s\"" -S z=s &&
    has "\"options\": {\"a\": {\"b\": 1}, \"c\": 2.5}" -o a.b -o c=2.5 &&
    echo "{\"k\":1}" >opt.json && has "\"f\": {\"k\": 1}" -o ^f=opt.json
'
test_expect_success 'where output goes, and how' '
    spec --output=none --error=kvs >out && spec >expect && test_cmp expect out &&
    has "\"output\": {\"stdout\": {\"type\": \"file\", \"path\": \"o\", \"label\": true}, \"stderr\": {\"type\": \"file\", \"path\": \"e\", \"label\": true}}" \
        --output=o --error=e -l && spec -l >out && test_cmp expect out &&
    spec -u >out && jq -c ".attributes.system.shell.options" out >opts &&
    jq -nc "{output: {stdout: {buffer: {type: \"none\"}}, stderr: {buffer: {type: \"none\"}}, \"batch-timeout\": 0.05}, input: {\"batch-timeout\": 0}}" >expect &&
    jq -e --slurpfile want expect ". == \$want[0]" opts
'
test_expect_success 'urgency and flags are no part of the jobspec: they are looked at when it is sent' '
    spec --urgency=nope --flags=foo,debug --urgency=99 >out && spec >expect && test_cmp expect out &&
    test_expect_code 1 flux run --urgency=nope true 2>err &&
    grep "^flux-run: ERROR: --urgency: invalid value .nope.$" err &&
    test_expect_code 1 flux submit --urgency=99 true 2>err && grep "urgency range is" err &&
    test_expect_code 1 flux submit --flags=debug,foo true 2>err &&
    grep "^flux-submit: ERROR: --flags: Unknown flag foo$" err &&
    id=$(flux submit --urgency=expedite --flags=waitable true) && flux job wait $id &&
    flux job eventlog $id | grep "submit .*urgency=31 flags=4" &&
    id=$(flux submit --urgency=hold true) && flux job eventlog $id | grep "submit .*urgency=0" && flux cancel $id
'
test_expect_success 'a command is needed; options end where it begins, or at --' '
    for c in run submit; do
        test_expect_code 1 flux $c -n1 2>err && grep "^flux-$c: ERROR: job command and arguments are missing$" err || return 1
    done &&
    flux run --dry-run -- a -- -n5 | grep -F "\"command\": [\"a\", \"--\", \"-n5\"]"
'
test_expect_success 'dependencies and begin time' '
    has "{\"scheme\": \"afterok\", \"value\": \"f1\", \"x\": [1, 2], \"y\": \"z\"}, {\"scheme\": \"singleton\", \"value\": \"\"}" \
        --dependency="afterok:f1?x=1&x=2&y=z" --dependency=singleton &&
    has "[{\"scheme\": \"begin-time\", \"value\": \"1700000000.000\"}]" --begin-time=1700000000 &&
    has "\"scheme\": \"begin-time\"" --begin-time=+1h &&
    refused "--begin-time: invalid value" --begin-time=someday
'
test_expect_success 'constraints' '
    has "\"constraints\": {\"and\": [{\"ranks\": [\"0\"]}, {\"not\": [{\"properties\": [\"foo\"]}]}]}" \
        --requires="rank:0 and -foo" &&
    has "\"constraints\": {\"properties\": [\"a\", \"b\"]}" --requires=a --requires=b &&
    refused "--requires='"'(('"': Unclosed parenthesis in position 1" --requires="((" &&
    flux run --requires=rank:0 true &&
    test_must_fail flux run --requires=nosuch true 2>err && grep "type=alloc" err
'
test_expect_success 'the environment' '
    spec_env () { flux run --dry-run "$@" a | sed "s/.*\"environment\": \({[^}]*}\).*/\1/"; } &&
    X=1 spec_env "--env=-*" --env=X --env="Y=\$X\$\$" >out &&
    echo "{\"X\": \"1\", \"Y\": \"1\$\"}" >expect && test_cmp expect out &&
    printf "A=1\n# comment\nB=2\n" >rules && spec_env "--env-remove=*" --env-file=rules >out &&
    echo "{\"A\": \"1\", \"B\": \"2\"}" >expect && test_cmp expect out &&
    Zq1=1 Zq12=2 spec_env "--env=-*" "--env=/Zq1.?/" --env=-/Zq12/ >out && echo "{\"Zq1\": \"1\"}" >expect && test_cmp expect out &&
    A=1 spec_env "--env=-*" --env=A=5 --env=A "--env=B=\${A}x" --env=NOSUCH >out &&
    echo "{\"A\": \"5\", \"B\": \"5x\"}" >expect && test_cmp expect out &&
    has "\"env-expand\": {\"Z\": \"a{{id}}\"}" --env="Z=a{{id}}" &&
    refused "--env: Variable '"'NOPE'"' not found in X=\$NOPE" --env="X=\$NOPE" &&
    refused "--env: [Errno 2] No such file or directory: '"'/nope'"'" --env-file=/nope
'
test_expect_success 'limits' '
    has "\"rlimit\": {\"core\": 5, \"nofile\": -1}" --rlimit=core=5,nofile=inf &&
    flux run --dry-run a | grep "\"rlimit\": {\"cpu\": " &&
    flux run --dry-run --rlimit=-n* a >out && ! grep nofile out && grep fsize out &&
    flux run --dry-run a >out && ! grep memlock out &&
    flux run --dry-run --rlimit=memlock a >out && grep memlock out &&
    flux run --dry-run -o rlimit.core=7 a | grep "\"core\": 7" &&
    refused "--rlimit: No corresponding rlimit matching \"foo\"" --rlimit=foo &&
    refused "--rlimit: Invalid value in core=x" --rlimit=core=x &&
    test "$(flux run --rlimit=core=0 sh -c "ulimit -c")" = 0
'
test_expect_success 'signal, taskmap' '
    has "\"signal\": {\"signum\": 12, \"timeleft\": 120}" --signal=USR2@2m &&
    has "\"signal\": {\"signum\": 10, \"timeleft\": 0.5}" --signal=@0.5s &&
    refused "--signal: invalid signal" --signal=NOSUCH && refused "--signal: invalid time" --signal=@x &&
    has "\"taskmap\": {\"scheme\": \"manual\", \"value\": \"[[0,1,1,1]]\"}" --taskmap=manual:[[0,1,1,1]]
'
test_expect_success 'files' '
    has "\"files\": {\"s.sh\": {\"mode\": 33261, \"size\": 10, \"encoding\": \"utf-8\", \"data\": \"#!/bin/sh\n\"}}" \
        --add-file=s.sh:0755="#!/bin/sh\n" &&
    printf "\377\n" >bin && chmod 640 bin &&
    has "\"bin\": {\"mode\": 33184, \"size\": 2, \"encoding\": \"base64\", \"data\": \"/wo=\"}" --add-file=./bin &&
    has "\"x\": {\"mode\": 33152, " --add-file="x=a\nb" &&
    refused "--add-file: [Errno 2] No such file or directory: '"'nope'"'" --add-file=nope &&
    refused "--add-file: content needs a name" --add-file="a\nb" &&
    refused "--add-file: invalid permissions" --add-file=x:9="a\nb"
'
test_expect_success 'input for some tasks' '
    echo data | flux run -n2 -l --input=1 cat >out && echo "1: data" >expect && test_cmp expect out &&
    test_expect_code 1 flux submit --input=1 cat 2>err &&
    grep "flux-submit: ERROR: per-task input not supported for submit" err &&
    echo file >in && flux run --input=in cat >out && test_cmp in out
'
test_expect_success 'tasks by node and core' '
    flux run -N1 --tasks-per-node=3 echo x >out && test_line_count 3 out &&
    flux run --cores=1 --tasks-per-core=2 echo x >out && test_line_count 2 out
'

test_done
