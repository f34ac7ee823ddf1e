#!/bin/sh
test_description='many launches at once, and kill -9 in the middle of them

However a client, a task or the broker dies: no process of a job is left, no
job stays, nobody hears a wrong code.  LAUNCHES, CLIENTS, KILLS (of clients, of
tasks) and BROKERS (kills of brokers) ask for more.'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

LAUNCHES=${LAUNCHES:-120}
CLIENTS=${CLIENTS:-100}
KILLS=${KILLS:-20}
BROKERS=${BROKERS:-4}

no_process () {
    ! pgrep -f "$1" >/dev/null
}
no_job () {
    test -z "$(flux jobs -n)"
}

test_expect_success "a Makefile of $LAUNCHES programs, 16 at a time: every code and every line is right" '
    LAUNCHES_INSIDE=t "$SRCDIR/scripts/launches" "$LAUNCHES" 16 >out && cat out && grep "wrong: 0" out
'
# clients DIR COMMAND...: all at once, each with a line and a code of its own
clients () {
    dir=$1 pids= && shift && mkdir $dir || return 1
    for i in $(seq $CLIENTS); do
        { "$@" sh -c "echo $i; exit $((i % 7))" >$dir/$i 2>$dir/$i.err; } & pids="$pids $!"
    done
    i=0 && for pid in $pids; do
        i=$((i + 1)); wait $pid; code=$?
        test $code -eq $((i % 7)) && test "$(cat $dir/$i)" = $i || { echo "$i: $code"; cat $dir/$i.err; return 1; }
    done
}
test_expect_success "$CLIENTS clients of flux mpiexec at once" '
    clients mpiexec flux mpiexec
'
test_expect_success "$CLIENTS clients of flux run at once" '
    clients run flux run
'
test_expect_success "more clients than there are descriptors: each runs or hears why, and then all is well" '
    cat >few.sh <<-\EOF &&
	for i in $(seq 80); do
	    { flux mpiexec sh -c "echo $i" >few.$i 2>&1; echo $? >few.code.$i; } &
	done
	wait
	flux mpiexec -n 2 true
	EOF
    (ulimit -n 90 && env -u FLUX_URI flux start sh ./few.sh) && cat few.code.* | sort -u >out &&
    for i in $(seq 80); do
        case $(cat few.code.$i) in
        0) test "$(cat few.$i)" = $i || return 1 ;;
        255) grep "Too many open files\|Unable to connect" few.$i || return 1 ;;
        *) return 1 ;;
        esac
    done
'
# A task that has children: one in its process group, one in a session of its own.
cat >family <<-\EOF
	#!/bin/sh
	setsid perl -e 'sleep 1 while 1' "$1" &
	perl -e 'sleep 1 while 1' "$1" &
	echo ready
	wait
EOF
chmod +x family
test_expect_success "kill -9 of $KILLS clients at random moments" '
    for i in $(seq $KILLS); do
        { flux mpiexec -n 2 perl -e "sleep 1 while 1" client-$$ & } && pid=$! &&
        perl -e "select undef, undef, undef, rand 0.05" && kill -9 $pid || return 1
        wait $pid
    done
    flux mpiexec -n 2 true && wait_until no_process client-$$ && wait_until no_job
'
# Kill some task until every client has said how it ended.
kill_tasks () {
    while test "$(cat codes/* 2>/dev/null | wc -l)" -lt "$1"; do
        victim=$(pgrep -f "^perl.*$2" | shuf -n 1) && kill -9 "$victim" 2>/dev/null
    done
    true
}
test_expect_success "kill -9 of tasks at random moments ends their jobs with the right code" '
    mkdir codes &&
    for i in $(seq $KILLS); do
        { flux mpiexec -n 3 perl -e "sleep 1 while 1" task-$$ 2>/dev/null; echo $? >codes/$i; } &
    done &&
    kill_tasks $KILLS task-$$ && cat codes/* >out && for i in $(seq $KILLS); do echo 9; done >expect &&
    test_cmp expect out && wait_until no_process task-$$ && wait_until no_job
'
test_expect_success "what a dead rank tells flux run" '
    { flux run -n1 -o exit-on-error perl -e "sleep 1 while 1" run-$$ 2>err & } && pid=$! &&
    wait_until pgrep -f "^perl.*run-$$" && pkill -9 -f "^perl.*run-$$" &&
    test_expect_code 137 wait $pid && grep -i "killed" err
'
# An instance that is busy launching, and whose broker dies.
cat >busy <<-\EOF
	#!/bin/sh
	flux getattr broker.pid >"broker.$1"
	flux submit --quiet --output="$PWD/family.$1" ./family "$2" || exit 1
	while flux mpiexec perl -e 'fork; select undef, undef, undef, rand 0.01' "$2"; do :; done
EOF
chmod +x busy
test_expect_success "kill -9 of brokers at random moments leaves no process of a job" '
    for i in $(seq $BROKERS); do
        dir=$(mktemp -d /tmp/flux-f08-XXXXXX) &&
        { env -u FLUX_URI TMPDIR=$dir flux start -- ./busy $i broker-$$ >/dev/null 2>&1 & } &&
        wait_until grep ready family.$i && perl -e "select undef, undef, undef, rand 0.1" &&
        kill -9 $(cat broker.$i) && wait_until no_process broker-$$ || return 1
        rm -rf $dir
    done
'
cat >ranks <<-\EOF
	#!/bin/sh
	flux exec -n flux getattr broker.pid >"ranks.$1"
	flux submit --quiet --output="$PWD/ranks.family.$1.{{taskid}}" -N3 -n3 ./kin "$2" || exit 1
	while flux mpiexec -n 3 perl -e 'fork; select undef, undef, undef, rand 0.01' "$2"; do :; done
EOF
chmod +x ranks
# On other ranks the job ends in order, which a session of its own survives.
grep -v setsid family >kin && chmod +x kin
test_expect_success "... on several ranks: one of them, then the leader" '
    for i in $(seq $BROKERS); do
        dir=$(mktemp -d /tmp/flux-f08-XXXXXX) &&
        { env -u FLUX_URI TMPDIR=$dir flux start -s3 -- ./ranks $i ranks-$$ >/dev/null 2>&1 & } &&
        wait_until grep ready ranks.family.$i.0 && wait_until grep ready ranks.family.$i.1 &&
        wait_until grep ready ranks.family.$i.2 &&
        perl -e "select undef, undef, undef, rand 0.1" && kill -9 $(shuf -n 1 ranks.$i) &&
        perl -e "select undef, undef, undef, rand 0.1" && { kill -9 $(cat ranks.$i) 2>/dev/null; true; } &&
        wait_until no_process ranks-$$ || return 1
        rm -rf $dir
    done
'
test_expect_success "a job that is over, a module that is unloaded: the guard lets all live" '
    flux mpiexec true && flux module list >/dev/null &&
    { perl -e "sleep 1 while 1" bystander-$$ & } && pid=$! &&
    flux module reload job-exec && kill -0 $pid && kill $pid && flux mpiexec true
'
test_done
