#!/bin/sh
test_description='housekeeping: a command on the ranks of a job before its resources are free again'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
dir=$(pwd)
export rpc dir

cat >slow.sh <<\END
#!/bin/sh
echo "$FLUX_JOB_ID $FLUX_JOB_USERID $FLUX_JOB_RANKS" >>"$dir/ran"
echo from housekeeping
while test -f "$dir/wait"; do perl -e 'select undef, undef, undef, 0.02'; done
END
cat >ranks.sh <<\END
#!/bin/sh
rank=$(flux getattr rank)
echo "$FLUX_JOB_ID $FLUX_JOB_USERID $FLUX_JOB_RANKS" >>"$dir/ran.$rank"
while test -f "$dir/wait.$rank"; do perl -e 'select undef, undef, undef, 0.02'; done
! test -f "$dir/fail.$rank" || exit 1
END
chmod +x slow.sh ranks.sh
slow="job-manager.housekeeping.command=[\"$(pwd)/slow.sh\"]"

ranks="job-manager.housekeeping.command=[\"$(pwd)/ranks.sh\"]"

# in_flux [-sN] CONF...: the script on standard input, in an instance of that configuration
in_flux () {
    size=-s1
    case $1 in -s*) size=$1 && shift ;; esac
    cat >script.sh && for c; do echo "$c"; done >confs &&
    python=$(sed "s/.*/--conf='&'/" confs | tr "\n" " ") &&
    eval "INSIDE_FLUX=t flux start $size $python sh -ec '. \"\$T/lib.sh\"; . ./words; . ./script.sh'"
}
# what scripts use
cat >words <<\END
# cores: of the instance, which may be fewer than processors
cores () {
    flux resource list -s all -no "{ncores}"
}
# hk WORDS: those are in the statistics of housekeeping
hk () {
    $rpc job-manager.stats-get | grep -F "$1"
}
# both: a job on both ranks, whose housekeeping has begun on both
both () {
    rm -f "$dir"/ran.* && id=$(flux submit -N2 -n2 "$@" true) && flux job wait-event -t 20 $id clean &&
        wait_until test -s "$dir/ran.0" -a -s "$dir/ran.1"
}
on_rank () {
    test "$(flux job info $1 R | jq -r '.execution.R_lite[].rank')" = $2
}
END

test_expect_success 'what it is configured with is checked' '
    test_must_fail flux start --conf="job-manager.housekeeping={}" true 2>err &&
    grep "job-manager.housekeeping implies IMP but exec.imp is undefined" err &&
    test_must_fail flux start --conf="job-manager.housekeeping.x=1" true 2>err &&
    grep "job-manager.housekeeping: 1 object item(s) left unpacked: x" err &&
    test_must_fail flux start --conf="job-manager.housekeeping.release-after=\"x\"" true 2>err &&
    grep "job-manager.housekeeping" err
'
test_expect_success 'it runs after the job is done, and holds its resources' '
    touch wait && in_flux "$slow" <<-\EOF &&
	id=$(flux submit true)
	flux job wait-event -t 20 $id clean
	wait_until test -s "$dir/ran"
	$rpc job-manager.stats-get >stats
	$rpc job-manager.resource-status >status
	id2=$(flux submit -n$(cores) true)
	flux job id --to=dec $id >id
	rm "$dir/wait"
	flux job wait-event -t 20 $id2 clean
	wait_until sh -c "flux dmesg | grep \"housekeeping: .* complete\""
	flux dmesg >log
	EOF
    echo "$(cat id) $(id -u) 0" >expected && head -1 ran >first && test_cmp expected first &&
    grep "\"running\":{\"[^\"]*\":{\"t_start\":[0-9.]*,\"pending\":\"0\",\"allocated\":\"0\"}}" stats &&
    grep "\"R_lite\":\[{\"rank\":\"0\"" status &&
    grep "housekeeping: .* (rank 0) .*: from housekeeping" log
'
test_expect_success 'its failure is told, and holds nothing up' '
    in_flux "job-manager.housekeeping.command=[\"false\"]" <<-\EOF &&
	flux run true && flux run -n$(cores) true
	wait_until sh -c "flux dmesg | grep \"nonzero exit code\""
	EOF
    in_flux "job-manager.housekeeping.command=[\"/nosuch\"]" <<-\EOF
	flux run true && flux run -n$(cores) true
	EOF
'
test_expect_success 'it is killed' '
    touch wait && in_flux "$slow" <<-\EOF
	flux run true
	$rpc job-manager.housekeeping-kill "{\"signum\":15,\"ranks\":\"1\"}"
	! $rpc job-manager.housekeeping-kill "{\"signum\":15,\"ranks\":\"x\"}" >err
	grep EINVAL err
	flux housekeeping list -n | grep " 1 "
	flux housekeeping list >list && head -n 1 list | grep -E "^ +JOBID NNODES #ACTIVE  RUNTIME NODELIST$"
	test "$(flux housekeeping list -no "{nnodes} {ranks} {nodelist} {pending.ranks}")" = "1 0 $(hostname) 0"
	test "$(flux housekeeping list -no {id.dec})" = "$(flux job id $(flux job last))"
	test "$(flux housekeeping list -i 0 -no pending | wc -l)" = 1
	test "$(flux housekeeping list -i $(hostname) | wc -l)" = 2
	test -z "$(flux housekeeping list -n -i 3)"
	test -z "$(flux housekeeping list -n -i nosuchhost)"
	flux housekeeping list -o help | grep "^  pending "
	! flux housekeeping list -o nosuch 2>err
	grep "No such format nosuch" err
	! flux housekeeping list -i "x[" 2>err
	grep "invalid targets" err
	! flux housekeeping kill 2>err
	grep "specify at least one of --targets, --jobid, or --all" err
	flux housekeeping kill --all
	flux run -n$(cores) true
	wait_until sh -c "flux dmesg | grep \"housekeeping: .*Terminated\""
	EOF
'
rm -f wait
test_expect_success 'a scheduler that comes later is told what is held' '
    touch wait && in_flux "$slow" <<-\EOF
	flux run true
	flux module reload sched-simple
	id=$(flux submit -n$(cores) true)
	rm "$dir/wait"
	flux job wait-event -t 20 $id clean
	EOF
'
rm -f wait
test_expect_success 'on many ranks: all come back when the last one is done' '
    touch wait.0 wait.1 && in_flux -s2 "$ranks" <<-\EOF &&
	both
	hk "\"pending\":\"0-1\",\"allocated\":\"0-1\""
	rm "$dir/wait.0"
	wait_until hk "\"pending\":\"1\",\"allocated\":\"0-1\""
	$rpc job-manager.resource-status | grep "\"rank\":\"0-1\""
	flux housekeeping list -n | grep " 2  *1 "
	id2=$(flux submit -N1 -n1 true)
	rm "$dir/wait.1"
	flux job wait-event -t 20 $id2 clean
	echo "$(flux job id --to=dec $id) $(id -u) 0-1" >"$dir/want"
	head -1 "$dir/ran.0" >"$dir/got.0"
	head -1 "$dir/ran.1" >"$dir/got.1"
	EOF
    test_cmp want got.0 && test_cmp want got.1
'
test_expect_success 'release-after=0: each comes back when it is done' '
    touch wait.0 wait.1 && in_flux -s2 "$ranks" "job-manager.housekeeping.release-after=\"0\"" <<-\EOF
	both
	rm "$dir/wait.1"
	wait_until hk "\"pending\":\"0\",\"allocated\":\"0\""
	$rpc job-manager.resource-status | grep "\"rank\":\"0\""
	id2=$(flux submit -N1 -n1 true)
	flux job wait-event -t 20 $id2 clean
	on_rank $id2 1
	id3=$(flux submit -N2 -n2 --urgency=31 true)
	hk "\"pending\":\"0\",\"allocated\":\"0\""
	rm "$dir/wait.0"
	flux job wait-event -t 20 $id3 clean
	wait_until hk "\"running\":{}"
	EOF
'
test_expect_success 'release-after=TIME: those that are done come back after that, later ones at once' '
    touch wait.0 wait.1 wait.2 && in_flux -s3 "$ranks" "job-manager.housekeeping.release-after=\"0.3s\"" <<-\EOF
	rm -f "$dir"/ran.*
	id=$(flux submit -N3 -n3 true)
	flux job wait-event -t 20 $id clean
	wait_until test -s "$dir/ran.0" -a -s "$dir/ran.1" -a -s "$dir/ran.2"
	rm "$dir/wait.0"
	wait_until hk "\"pending\":\"1-2\",\"allocated\":\"1-2\""
	rm "$dir/wait.2"
	wait_until hk "\"pending\":\"1\",\"allocated\":\"1\""
	id2=$(flux submit -N2 -n2 true)
	flux job wait-event -t 20 $id2 clean
	rm "$dir/wait.1"
	wait_until hk "\"running\":{}"
	EOF
'
test_expect_success 'release-after=TIME: if the last is done before, all come back at once' '
    touch wait.0 wait.1 && in_flux -s2 "$ranks" "job-manager.housekeeping.release-after=\"1h\"" <<-\EOF
	both
	rm "$dir/wait.0"
	wait_until hk "\"pending\":\"1\",\"allocated\":\"0-1\""
	rm "$dir/wait.1"
	wait_until hk "\"running\":{}"
	rm -f "$dir"/wait.*
	id2=$(flux submit -N2 -n2 true)
	flux job wait-event -t 20 $id2 clean
	EOF
'
test_expect_success 'failures of several ranks are told in one line' '
    touch wait.0 wait.1 && touch fail.0 fail.1 && in_flux -s2 "$ranks" <<-\EOF &&
	both
	rm "$dir/wait.0" "$dir/wait.1"
	wait_until sh -c "flux dmesg | grep \"housekeeping: .* (rank 0-1) .*: nonzero exit code\""
	EOF
    rm fail.1 && touch wait.0 wait.1 && in_flux -s2 "$ranks" <<-\EOF
	both
	$rpc job-manager.housekeeping-kill "{\"signum\":9,\"ranks\":\"1\"}"
	wait_until hk "\"pending\":\"0\",\"allocated\":\"0-1\""
	$rpc job-manager.housekeeping-kill "{\"signum\":9,\"jobid\":1}"
	hk "\"pending\":\"0\",\"allocated\":\"0-1\""
	rm "$dir/wait.0"
	wait_until sh -c "flux dmesg | grep \"housekeeping: .* (rank 0-1) .*: multiple failure modes\""
	EOF
'
rm -f fail.* wait.*
test_expect_success 'a scheduler that comes later is told which ranks are back' '
    touch wait.0 wait.1 && in_flux -s2 "$ranks" "job-manager.housekeeping.release-after=\"0\"" <<-\EOF
	both
	rm "$dir/wait.1"
	wait_until hk "\"pending\":\"0\",\"allocated\":\"0\""
	flux module reload sched-simple
	id2=$(flux submit -N1 -n1 true)
	flux job wait-event -t 20 $id2 clean
	on_rank $id2 1
	hk "\"pending\":\"0\",\"allocated\":\"0\""
	id3=$(flux submit -N2 -n2 true)
	rm "$dir/wait.0"
	flux job wait-event -t 20 $id3 clean
	EOF
'
test_expect_success 'one that does not understand that gets all of them, and housekeeping ends' '
    touch wait.0 wait.1 && in_flux -s2 "$ranks" "job-manager.housekeeping.release-after=\"0\"" <<-\EOF
	both
	rm "$dir/wait.1"
	wait_until hk "\"pending\":\"0\",\"allocated\":\"0\""
	flux module remove sched-simple
	flux module load sched-simple test-hello-nopartial
	wait_until hk "\"running\":{}"
	flux dmesg | grep "housekeeping: .* (rank 0) from .* will be terminated because scheduler does not support restart with partially released resources"
	rm "$dir/wait.0"
	id2=$(flux submit -N2 -n2 true)
	flux job wait-event -t 20 $id2 clean
	EOF
'
test_expect_success 'what comes back while there is no scheduler is not held by the next one' '
    touch wait.0 wait.1 && in_flux -s2 "$ranks" <<-\EOF
	both
	flux module remove sched-simple
	rm "$dir/wait.0" "$dir/wait.1"
	wait_until hk "\"running\":{}"
	flux module load sched-simple
	id2=$(flux submit -N2 -n2 true)
	flux job wait-event -t 20 $id2 clean
	EOF
'
test_expect_success 'a rank that is lost is done with' '
    touch wait.0 wait.1 && in_flux "-s2 --test-exit-mode=leader" "$ranks" <<-\EOF
	both
	rm "$dir/wait.0"
	wait_until hk "\"pending\":\"1\""
	kill -9 $(flux exec -r1 flux getattr broker.pid)
	wait_until hk "\"running\":{}"
	flux run -N1 true
	EOF
'
rm -f wait.*

test_done
