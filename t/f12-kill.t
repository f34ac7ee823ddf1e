#!/bin/sh
test_description='jobs that do not want to end: signals, more of them, and what is given up'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

# deaf TAG SIGNAL...: is there when TAG is, which has its process id; ignores these.
cat >deaf <<-\EOF
	#!/usr/bin/perl
	my $tag = shift;
	$SIG{$_} = "IGNORE" for @ARGV;
	open my $f, ">", "$tag.new";
	print $f $$;
	close $f;
	rename "$tag.new", $tag;
	sleep 1 while 1;
EOF
# counts TAG SIGNAL N CODE: TAG.1, TAG.2, ... at each SIGNAL; ends at the Nth.
cat >counts <<-\EOF
	#!/usr/bin/perl
	my ($tag, $signal, $n, $code) = @ARGV;
	my $i = 0;
	sub touch { open my $f, ">", shift }
	$SIG{TERM} = "IGNORE";
	$SIG{$signal} = sub { touch "$tag." . ++$i; exit $code if $i == $n };
	touch $tag;
	select undef, undef, undef, 0.05 while 1;
EOF
chmod +x deaf counts

exec_with () { flux module reload job-exec "$@"; }
alive () { kill -0 $(cat $1) 2>/dev/null; }

test_expect_success 'who ignores SIGTERM is killed kill-timeout later' '
    exec_with kill-timeout=0.1s && id=$(flux submit ./deaf term TERM) && wait_until test -e term &&
    flux cancel $id && test_expect_code 137 flux job attach $id && ! alive term &&
    flux job eventlog $id >log && grep "exception type=\"cancel\" severity=0" log && grep "finish status=35072" log
'
# expire ID SINCE: soon, since a limit that is over already is refused.
expire () {
    n=1 && until flux update $1 duration=$(($(date +%s) - $2 + n))s 2>err; do
        n=$((2 * n)) && test $n -lt 10000 || return 1
    done
}
test_expect_success '... after the time limit, too, which SIGALRM tells it' '
    since=$(date +%s) && id=$(flux submit -t 10d ./deaf late ALRM) && wait_until test -e late && expire $id $since &&
    test_expect_code 137 flux job attach $id 2>err && ! alive late &&
    grep "type=timeout severity=0 resource allocation expired" err
'
test_expect_success 'the kill-signal comes again and again' '
    exec_with kill-timeout=0.1s kill-signal=SIGUSR1 && id=$(flux submit ./counts usr1 USR1 3 9) &&
    wait_until test -e usr1 && flux cancel $id && test_expect_code 9 flux job attach $id && test -e usr1.3
'
test_expect_success 'an exception more is one term-signal more' '
    exec_with kill-timeout=1h term-signal=SIGUSR2 && id=$(flux submit ./counts usr2 USR2 2 5) &&
    wait_until test -e usr2 && flux cancel $id && wait_until test -e usr2.1 && test ! -e usr2.2 &&
    flux job raise $id && test_expect_code 5 flux job attach $id && test -e usr2.2
'
drained_for () {
    test "$(flux resource status -s drain -no "{ranks} {reason}")" = "0 unkillable user processes for job $1"
}
# What is left of it is ended here: nobody else does.
given_up () {
    alive $1 && kill -KILL $(cat $1) && flux job eventlog $2 >log && grep "finish status=256" log &&
    wait_until drained_for $2 &&
    flux resource undrain 0 && flux run true
}
test_expect_success 'who cannot be killed is given up after max-kill-count, and the rank is drained' '
    exec_with kill-timeout=0.02s max-kill-count=1 kill-signal=SIGUSR1 &&
    id=$(flux submit ./deaf count TERM USR1) && wait_until test -e count && flux cancel $id &&
    test_expect_code 1 flux job attach $id && given_up count $id
'
test_expect_success '... or after max-kill-timeout, instead' '
    exec_with kill-timeout=0.02s max-kill-timeout=0.5s max-kill-count=1000000 kill-signal=SIGUSR1 &&
    id=$(flux submit ./deaf time TERM USR1) && wait_until test -e time && flux cancel $id &&
    test_expect_code 1 flux job attach $id && given_up time $id
'
test_expect_success 'a value that is none is refused' '
    for arg in kill-timeout=x kill-timeout=0 term-signal=SIGNONE max-kill-count=0 max-kill-timeout=-1s nosuch=1; do
        flux module remove -f job-exec && test_must_fail flux module load job-exec $arg || return 1
    done
    flux module load job-exec && flux run true
'
test_done
