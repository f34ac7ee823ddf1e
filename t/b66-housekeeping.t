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
chmod +x slow.sh
slow="job-manager.housekeeping.command=[\"$(pwd)/slow.sh\"]"

# in_flux [-sN] CONF...: the script on standard input, in an instance of that configuration
in_flux () {
    size=-s1
    case $1 in -s*) size=$1 && shift ;; esac
    cat >script.sh && for c; do echo "$c"; done >confs &&
    python=$(sed "s/.*/--conf='&'/" confs | tr "\n" " ") &&
    eval "INSIDE_FLUX=t flux start $size $python sh -ec '. \"\$T/lib.sh\"; . ./script.sh'"
}
running () {
    $rpc job-manager.stats-get | grep -o '"running":{[^}]*}'
}

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
	id2=$(flux submit -n$(nproc) true)
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
	flux run true && flux run -n$(nproc) true
	wait_until sh -c "flux dmesg | grep \"nonzero exit code\""
	EOF
    in_flux "job-manager.housekeeping.command=[\"/nosuch\"]" <<-\EOF
	flux run true && flux run -n$(nproc) true
	EOF
'
test_expect_success 'it is killed' '
    touch wait && in_flux "$slow" <<-\EOF
	flux run true
	$rpc job-manager.housekeeping-kill "{\"signum\":15,\"ranks\":\"1\"}"
	! $rpc job-manager.housekeeping-kill "{\"signum\":15,\"ranks\":\"x\"}" >err
	grep EINVAL err
	flux housekeeping list -n | grep " 1 "
	flux housekeeping kill --all
	flux run -n$(nproc) true
	wait_until sh -c "flux dmesg | grep \"housekeeping: .*Terminated\""
	EOF
'
rm -f wait
test_expect_success 'a scheduler that comes later is told what is held' '
    touch wait && in_flux "$slow" <<-\EOF
	flux run true
	flux module reload sched-simple
	id=$(flux submit -n$(nproc) true)
	rm "$dir/wait"
	flux job wait-event -t 20 $id clean
	EOF
'
rm -f wait

test_done
