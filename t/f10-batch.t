#!/bin/sh
test_description='flux batch, flux alloc: a job that is an instance of its own'
. "$(dirname "$0")/lib.sh"
under_flux -s 2
. "$T/sharness.sh"

# finished ID: wait for the end of a job, quietly, until job-list has heard of it, too.
finished () {
    flux job wait-event -t 120 "$1" clean >/dev/null && wait_until inactive "$1"
}
inactive () {
    flux jobs -a -n -o "{state}" "$1" | grep INACTIVE
}
cat >script <<-\EOF
	#!/bin/sh
	echo args: "$@"
	echo size: $(flux getattr size) level: $(flux getattr instance-level)
	flux run -n1 printf "a job\nof it\n"
	exit 3
EOF

test_expect_success 'a script: its output in a file, its code the job'"'"'s' '
    id=$(flux batch -n1 --output=out script x "y z") && finished $id &&
    printf "args: x y z\nsize: 1 level: 1\na job\nof it\n" >expect && head -n 4 out >top && test_cmp expect top &&
    test_expect_code 3 flux job attach $id &&
    flux jobs -a -n -o "{name} {result}" $id >out && echo "script FAILED" >expect && test_cmp expect out
'
test_expect_success 'the file is flux-ID.out unless told otherwise' '
    id=$(flux batch --wrap -n1 echo "hi;" echo \$FLUX_URI) && finished $id && test_line_count 2 flux-$id.out &&
    id=$(flux batch --wrap --output=none -n1 echo in the KVS) && finished $id &&
    flux job attach $id >out && echo in the KVS >expect && test_cmp expect out
'
test_expect_success 'in every locale the id in its name is the one that was printed' '
    for locale in C C.UTF-8; do
        id=$(LC_ALL=$locale flux batch --wrap -n1 echo "\$FLUX_JOB_ID") && finished $id &&
        test -f flux-$id.out && id=$(LC_ALL=$locale flux submit --output={{id}} sh -c "echo \$FLUX_JOB_ID") &&
        finished $id && echo $id >expect && test_cmp expect $id || return 1
    done
'
test_expect_success 'several brokers' '
    id=$(flux batch -N2 --output=out script) && finished $id && grep "size: 2 level: 1" out
'
test_expect_success 'from standard input' '
    id=$(flux batch -n1 --output=out <script) && finished $id && grep "^args:\$" out
'
test_expect_success 'options in the script come before those of the command line' '
    cat >directives <<-\EOF &&
	#!/bin/sh
	# flux: -n 1 --job-name="a name"  # a comment

	# flux: --env=FOO=bar --output=first
	echo $FOO
	EOF
    id=$(flux batch directives) && finished $id && echo bar >expect && test_cmp expect first &&
    flux jobs -a -n -o "{name}" $id >out && echo "a name" >expect && test_cmp expect out &&
    id=$(flux batch --env=FOO=mine --output=second directives) && finished $id &&
    echo mine >expect && test_cmp expect second
'
test_expect_success 'what is wrong with a script is said with its line' '
    printf "#!/bin/sh\n# flux: -n1\ntrue\n# flux: -N1\n" >late && test_must_fail flux batch late 2>err &&
    grep "line 4: a directive behind" err &&
    printf "#!/bin/sh\n# flux: -n1\n## flux: -N1\n" >other && test_must_fail flux batch other 2>err &&
    grep "line 3: " err &&
    printf "#!/bin/sh\n# flux: -n1 \"x\n" >quote && test_must_fail flux batch quote 2>err &&
    grep "line 2: a quote is not closed" err &&
    printf "#!/bin/sh\n# flux: -n1 word\n" >word && test_must_fail flux batch word 2>err &&
    grep "line 2: unexpected argument .word." err &&
    echo true >noscript && test_expect_code 1 flux batch -n1 noscript 2>err &&
    grep "ERROR: noscript does not appear to start with .#!." err &&
    test_expect_code 1 flux batch script 2>err && grep "Number of slots to allocate must be specified" err &&
    test_expect_code 1 flux batch -n1 /no/such 2>err && grep "No such file" err
'
test_expect_success 'the jobspec' '
    flux batch --dry-run --env=-* --rlimit=-* --cwd=/ --wrap -N2 -n4 -c2 --conf=a.b=1 --broker-opts=-v,-Sx=1 \
        --dump=d.tgz true >spec &&
    grep "\"type\": \"node\", \"count\": 2, \"with\": \[{\"type\": \"slot\", \"count\": 2, \"with\": \[{\"type\": \"core\", \"count\": 2}\], \"label\": \"task\"}\]" spec &&
    grep -F "\"command\": [\"flux\", \"broker\", \"-v\", \"-Sx=1\", \"-c{{tmpdir}}/conf.json\", \"-Scontent.dump=d.tgz\", \"{{tmpdir}}/script\"]" spec &&
    grep -F "\"per-resource\": {\"type\": \"node\"}, \"mpi\": \"none\", \"exit-timeout\": \"none\"" spec &&
    grep -F "\"path\": \"flux-{{id}}.out\"" spec && grep -F "\"mode\": 33216" spec
'
test_expect_success 'configuration of the instance' '
    id=$(flux batch --wrap --output=out -n1 --conf=kvs.durability=sync --conf="{\"x\":{\"y\":[1]}}" \
        flux config get) && finished $id && cat out && grep "durability" out && grep "\"y\":\[1\]" out
'
test_expect_success 'alloc runs a command, whose output and code are ours' '
    flux alloc -n1 flux getattr instance-level >out && echo 1 >expect && test_cmp expect out &&
    test_expect_code 4 flux alloc -n1 sh -c "exit 4" && flux alloc -N2 flux getattr size >out &&
    echo 2 >expect && test_cmp expect out
'
test_expect_success 'alloc --bg leaves an instance that can be talked to' '
    id=$(flux alloc -n1 --bg) && uri=$(flux job eventlog $id | sed -n "s/.*uri=\"\(.*\)\"/\1/p") &&
    FLUX_URI=$uri flux run echo inside >out && echo inside >expect && test_cmp expect out &&
    flux cancel $id && finished $id
'
test_expect_success 'alloc without a command is a shell; its end ends the instance' '
    test_expect_code 1 flux alloc -n1 </dev/null 2>err && grep "stdin is not a tty" err &&
    echo "echo level \$(flux getattr instance-level); exit 5" |
        SHELL=/bin/sh test_expect_code 5 script -qec "flux alloc -n1" /dev/null >out &&
    grep "level 1" out && flux job wait-event -t 120 $(flux job last) clean
'
test_expect_success 'an instance in an instance in this one' '
    flux alloc -n1 flux alloc -n1 flux getattr jobid-path >out &&
    grep "^/[^/]*/[^/]*\$" out
'
# R: of the instance at hand, in short
cat >R.sh <<-\EOF
	flux kvs get resource.R | jq -c ".execution | [.R_lite[0].rank, .R_lite[0].children.core, .nodelist[0]]"
EOF
test "$(flux kvs get resource.R | jq -r ".execution.R_lite[0].children.core")" = 0 || test_set_prereq CPUS
test_expect_success CPUS 'an instance has the resources of its job, by the ids that they have there' '
    hold=$(flux submit -n1 --requires=rank:0 sleep 1000) && flux job wait-event -t 120 $hold start >/dev/null &&
    test "$(flux job info $hold R | jq -r ".execution.R_lite[0].children.core")" = 0 &&
    cat >bound.sh <<-\EOF &&
	sh ./R.sh
	flux run sh -c "taskset -cp \$\$" | sed "s/.*: //"
	EOF
    flux alloc --requires=rank:0 -n1 sh ./bound.sh >out &&
    cpu=$(flux run --requires=rank:0 -n1 sh -c "taskset -cp \$\$" | sed "s/.*: //") &&
    test "$cpu" != "$(taskset -cp $$ | sed "s/.*: //")" &&
    printf "[\"0\",\"1\",\"%s\"]\n%s\n" $(hostname) $cpu >expect && test_cmp expect out &&
    flux cancel $hold
'
test_expect_success '... and so has one in it, and one of several brokers' '
    flux alloc -N2 sh -c "sh ./R.sh; flux alloc --requires=rank:1 -N1 sh ./R.sh; flux run --requires=rank:1 -N1 flux getattr rank" >out &&
    cores=$(flux kvs get resource.R | jq -r ".execution.R_lite[0].children.core") && h=$(hostname) &&
    printf "[\"0-1\",\"%s\",\"%s\"]\n[\"0\",\"%s\",\"%s\"]\n1\n" $cores $h,$h $cores $h >expect &&
    test_cmp expect out
'
test_expect_success CPUS 'one with more brokers than its job has nodes looks at the machine' '
    flux run -n2 flux broker sh -c "flux kvs get resource.R | jq -r .execution.R_lite[0].rank; flux dmesg" >out &&
    grep -x 0-1 out && grep "the job has 1 nodes, this instance 2 brokers" out
'
test_expect_success 'the time of the job is the time of the instance, and of those in it' '
    flux alloc -n1 -t 100m sh -c "flux alloc -n1 flux run flux job timeleft" >out &&
    test $(cat out) -gt 5400 -a $(cat out) -le 6000 &&
    id=$(flux alloc --bg -n1 -t 10m) && uri=$(flux job eventlog $id | grep -o "local://[^\"]*") &&
    flux update $id duration=+20m &&
    wait_until sh -c "test \$(FLUX_URI=$uri flux run flux job timeleft) -gt 1200" && flux cancel $id && finished $id
'
test_expect_success 'a batch job that is canceled ends in order, with its own jobs' '
    id=$(flux batch --wrap --output=none -n1 flux run perl -e "\"sleep 1 while 1\"" inner-$$) &&
    wait_until pgrep -f "^perl.*inner-$$" && flux cancel $id && finished $id &&
    wait_until sh -c "! pgrep -f ^perl.*inner-$$"
'
test_done
