#!/bin/sh
test_description='Volumes of inactive jobs: a restart takes from them what did not change

The truth about a job is in its directory.  Whatever is wrong with a volume, and whatever
changed since it was written, all jobs are there, as their directories say.'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

state=$(pwd)/state

# in_state: the script on standard input, in the next instance
in_state () {
    cat >script.sh && FLUX_DISABLE_JOB_CLEANUP=t flux start --statedir="$state" sh -ec '
        . ./script.sh'
}
# all that can be seen of all jobs
cat >know.sh <<'EOF'
know () {
    flux jobs -anc0 -o "{id} {state} {result} {t_submit} {t_run} {t_inactive} {name} {nodelist} {ranks}" | sort
}
volumes () { # when no more are being written
    while flux module stats job-manager >stats && grep "\"busy\": true" stats >/dev/null; do :; done
    sed -n "s/.*\"volumes\": \([0-9]*\).*/\1/p" stats
}
two_volumes () { # when there are two at least: between one and the next none is being written
    until n=$(volumes) && test $n -ge 2; do :; done
    echo $n
}
from_volumes () { # how many jobs came from them
    flux dmesg | sed -n "s/.*restart: \([0-9]*\) inactive jobs from volumes.*/\1/p"
}
EOF

test_expect_success 'many jobs end, and some do not' '
    in_state <<-\EOF
	. ./know.sh
	flux submit --cc=1-1500 --setattr=exec.test.run_duration=0.001s true >ids
	flux submit --cc=1-20 false >failed
	flux queue drain
	flux submit --cc=1-1500 --setattr=exec.test.run_duration=0.001s true >>ids
	flux submit --urgency=0 true >>ids
	flux cancel $(tail -1 ids)
	flux queue drain
	flux submit --urgency=0 --cc=1-10 true >held
	two_volumes >count
	know >jobs
	EOF
    test $(cat count) -ge 2
'
test_expect_success 'a restart takes most of them from volumes: all is as it was' '
    in_state <<-\EOF &&
	. ./know.sh
	know >jobs2
	from_volumes >taken
	flux job eventlog $(head -1 ids) >log
	flux job info $(head -1 ids) R >R
	EOF
    test_cmp jobs jobs2 &&
    test $(cat taken) -ge 1024 &&
    grep clean log && grep R_lite R
'
test_expect_success 'journal, attributes and dependencies are those of any job' '
    in_state <<-\EOF
	id=$(flux job id --to=dec $(head -1 ids))
	"$BUILDDIR/t/live/rpc" job-manager.getattr "{\"id\":$id,\"attrs\":[\"R\",\"jobspec\",\"eventlog\"]}" >attrs
	grep "\"clean\"" attrs && grep R_lite attrs && grep run_duration attrs
	flux job wait-event -t 30 $(flux submit --dependency=afterok:$(head -1 ids) true) clean
	test_must_fail () { ! "$@"; }
	test_must_fail flux submit --dependency=afternotok:$(head -1 ids) true
	test_must_fail flux job raise $(head -1 ids) 2>err
	grep "job is inactive" err
	EOF
'
test_expect_success 'what changed in a directory is seen, and costs nobody else' '
    in_state <<-\EOF &&
	flux jobs -anc0 -o "{id}" >read # job-list answers when the history has been read
	flux kvs put $(flux job id --to=kvs $(head -1 ids)).data.x=1
	flux kvs put --raw $(flux job id --to=kvs $(sed -n 2p ids)).eventlog=garbage
	flux job purge -f $(sed -n 3p ids)
	flux kvs unlink -R $(flux job id --to=kvs $(sed -n 4p ids))
	EOF
    sed "2,4!d" ids >gone && grep -v -F -f gone jobs >left && test $(wc -l <left) -eq $(($(wc -l <jobs) - 3)) &&
    in_state <<-\EOF &&
	. ./know.sh
	know | grep -F -f left >jobs3 || true
	flux jobs -anc0 -o "{id}" | grep -F -f gone >back || true
	from_volumes >taken3
	flux dmesg >log3
	EOF
    test_must_be_empty back &&
    grep "not replayed: eventlog line is malformed" log3 &&
    test $(cat taken3) -gt 0 && test $(cat taken3) -lt $(cat taken)
'
test_expect_success 'those that were not told of anything are as they were' '
    test_cmp left jobs3
'
test_expect_success 'broken, foreign, missing volumes cost time only' '
    in_state <<-\EOF &&
	. ./know.sh
	know >jobs4
	two_volumes
	set -- $(flux kvs ls job-archive)
	flux kvs put --raw job-archive.$1=garbage
	flux kvs get --raw job-archive.$2 | head -c 20000 >cut
	flux kvs put --raw job-archive.$2=- <cut
	flux kvs put job-archive.dir.a=1 job-archive.00000000=0 job-archive.ffffffff=1
	EOF
    in_state <<-\EOF &&
	. ./know.sh
	know >jobs5
	from_volumes >taken5
	flux dmesg >log5
	two_volumes >count5
	flux kvs unlink -R job-archive
	EOF
    test_cmp jobs4 jobs5 && test $(cat taken5) -lt 3000 &&
    grep "cannot be used: its jobs are read one by one" log5 &&
    in_state <<-\EOF &&
	. ./know.sh
	know >jobs6
	from_volumes >taken6
	two_volumes >count6
	EOF
    test $(cat taken6) -eq 0 && test $(wc -l <jobs6) -ge $(wc -l <jobs4) &&
    cut -d" " -f1 jobs5 >ids5 && cut -d" " -f1 jobs6 >ids6 && test -z "$(comm -23 ids5 ids6)" &&
    test $(cat count5) -ge 2 && test $(cat count6) -ge 2
'
test_expect_success 'after a crash active jobs are found without a walk, the others in volumes' '
    test_expect_code 137 flux start --statedir="$state" sh -ec "
        . ./know.sh
        flux submit --cc=1-1500 --setattr=exec.test.run_duration=0.001s true >new
        flux job wait-event -t 60 \$(tail -1 new) clean
        flux jobs -nc0 -o \"{id}\" | sort >active7
        volumes >/dev/null
        \"$BUILDDIR/t/live/rpc\" kvs.save {}
        flux jobs -anc0 -o \"{id}\" | sort >all7
        kill -9 \$(flux getattr broker.pid)" &&
    in_state <<-\EOF &&
	. ./know.sh
	flux jobs -anc0 -o "{id}" | sort >all8
	flux jobs -nc0 -o "{id}" | sort >active8
	from_volumes >taken8
	flux dmesg >log8
	EOF
    test -z "$(comm -23 all7 all8)" && test -z "$(uniq -d all8)" &&
    test_cmp held active8.held 2>/dev/null || { sort held >h && comm -23 h active8 >lost && test_must_be_empty lost; } &&
    test $(cat taken8) -ge 3000
'
test_expect_success 'when all jobs are purged, so are the volumes' '
    in_state <<-\EOF
	flux job purge -f --num-limit=0 >purged
	flux cancel --all && flux queue drain && flux job purge -f --num-limit=0
	flux job wait-event -t 30 $(flux submit true) clean
	until test -z "$(flux kvs ls job-archive)"; do flux job wait-event -t 30 $(flux submit true) clean >/dev/null; done
	EOF
'
test_expect_success 'an instance that does not last writes none' '
    flux start sh -ec ". ./know.sh
        flux submit --cc=1-1100 --setattr=exec.test.run_duration=0.001s true >/dev/null
        flux queue drain; volumes" >none &&
    test $(cat none) -eq 0
'

test_done
