#!/bin/sh
test_description='A full disk: what cannot be saved is refused or kept in memory, and it heals

The state directory is on a small file system of its own.  When it is full a
synchronous commit fails and changes nothing; everything else goes on in
memory.  When there is room again nothing has to be restarted.'
. "$(dirname "$0")/lib.sh"
own_mounts
. "$T/sharness.sh"

. "$T/disk.sh"

# What runs inside an instance begins with this.
cat >>functions.sh <<\END
INSIDE_FLUX=t
. "$T/lib.sh"
set -e
random () { # bytes, as text
    head -c "$1" /dev/urandom | base64 -w0
}
no_space () { # COMMAND: fails for that reason
    if "$@" 2>err; then
        return 1
    fi
    grep "No space left on device" err
}
missing () { # KEY
    if flux kvs get "$1" 2>err; then
        return 1
    fi
    grep "No such file" err
}
clean () { # nothing waits to be stored
    test $(content dirty) -eq 0
}
job_is () { # STATUS: one of all
    flux jobs -ano "{status}" | grep "$1"
}
rss () { # of the broker, in kB
    sed -n 's/VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$(flux getattr broker.pid)/status
}
END

cat >full.sh <<\END
. ./functions.sh
flux kvs put -S before=1
random 3000 | flux kvs put -S big=-
flux kvs get big >big1
id=$(flux submit sleep inf)
flux job wait-event $id start

say "full: a synchronous commit fails, and has changed nothing"
fill
random 50000 >lost
no_space flux kvs put -S lost=- <lost
no_space flux kvs put -S lost2=1
missing lost
missing lost2

say "relaxed commits go on"
random 5000 >kept
flux kvs put --raw kept=- <kept

say "so do reads"
"$rpc" content.dropcache
test "$(flux kvs get before)" = 1
flux kvs get big >big2
cmp big1 big2
flux kvs get --raw kept | cmp - kept

say "and jobs"
wait_until job_is RUN
test "$(flux run echo hello)" = hello
flux cancel $id
flux job wait-event $id clean
wait_until job_is CANCELED

say "room again: no restart needed"
make_room
flux kvs put -S after=1
wait_until clean
flux kvs get --raw kept | cmp - kept

say "again and again"
for i in 1 2 3 4 5; do
    fill
    random 5000 >part.$i
    no_space flux kvs put --raw -S part.$i=- <part.$i
    flux kvs put --raw part.$i=- <part.$i
    make_room
    flux kvs put -S round=$i
done
touch through
kill -9 $(flux getattr broker.pid)
END
# Room for two jobs, on any machine.
cat >resource.toml <<END
[[resource.config]]
hosts = "$(uname -n)"
cores = "0-1"
END
test_expect_success 'a full disk is survived, and heals' '
    ! flux start --config-path=resource.toml --statedir="$disk/state" sh full.sh >out 2>log
    cat out && test -f through || { cat log; false; }
'

cat >after.sh <<\END
. ./functions.sh
test "$(flux kvs get before after round)" = "$(printf "1\n1\n5\n")"
missing lost
missing lost2
flux kvs get --raw kept | cmp - kept
for i in 1 2 3 4 5; do
    flux kvs get --raw part.$i | cmp - part.$i
done
test $(flux jobs -ano "{status}" | wc -l) -eq 2
END
test_expect_success 'all that was kept meanwhile is there after a crash' '
    flux start --statedir="$disk/state" sh after.sh
'

cat >flood.sh <<\END
. ./functions.sh
fill
id=$(flux submit flux lptest 100 12000000)
stuck () {
    test $(content size) -gt 260000000
}
wait_until stuck
test $(rss) -lt 700000
wait_until job_is RUN
test "$(flux kvs get before)" = 1
flux cancel $id
mount -o remount,size=900m "$disk"
flux job wait-event $id clean
flux kvs put -S after=2
END
test_expect_success EXPENSIVE 'memory is bounded: a flood of output waits' '
    flux start --statedir="$disk/state" sh flood.sh
'
umount "$disk"
test_done
