#!/bin/sh
test_description='Garbage on the local socket closes that connection and nothing else'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

socket=$(flux getattr local-uri | sed 's|^local://||')

# Send the bytes; true if the broker closes the connection.
throw () {
    perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new (Peer => $ARGV[0]) or die "connect: $!";
        sysread ($s, my $b, 1) == 1 && ord ($b) == 0 or die "not welcome";
        syswrite ($s, pack ("H*", $ARGV[1]));
        alarm 60;
        my $n;
        do { $n = sysread ($s, $b, 4096) } while ($n);
    ' "$socket" "$1"
}

test_expect_success 'a zero-length frame' '
    throw 1200eeff00000000 && flux getattr rank
'
test_expect_success 'a wrong magic' '
    throw ffee00120000000100 && flux getattr rank
'
test_expect_success 'a frame that is no message' '
    throw 1200eeff0000000400010203 && flux getattr rank
'
test_expect_success 'random bytes' '
    for i in 1 2 3 4 5; do
        throw $(head -c 2000 /dev/urandom | od -An -tx1 | tr -d " \n") || return 1
    done && flux getattr rank
'
test_expect_success 'a client that was connected all the time does not notice' '
    { flux event sub -c 1 still.there >out & } &&
    pid=$! &&
    throw 1200eeff00000000 &&
    wait_until sh -c "flux event pub still.there; test -s out" && wait $pid
'

test_done
