# jmlog.sh - what the job-manager has logged: sourced by scenarios.

# logged LEVEL SENTENCE: the job-manager has logged that (a basic regular expression);
# says: it does, sooner or later
logged () {
    flux dmesg | sed -n "s/.* job-manager\.$1\[0\]: //p" | grep "^$2\$"
}
says () {
    wait_until logged "$@"
}
