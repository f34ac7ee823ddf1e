#!/bin/sh
test_description='The example of a configuration is one, and the page names every key that is read'
. "$(dirname "$0")/lib.sh"
. "$T/sharness.sh"

test_expect_success 'an instance starts with it, and jobs run as it says' '
    cp "$SRCDIR/etc/example.toml" . && timeout 60 flux start --config-path=example.toml sh -c "
	flux queue list -no {queue} >queues && flux queue start --quiet --all &&
	id=\$(flux submit true) && flux job attach \$id && flux job eventlog \$id >log &&
	flux job info \$id jobspec >jobspec && ! flux submit -N 9 true 2>err" &&
    sort queues >out && printf "batch\ndebug\n" >want && test_cmp want out &&
    grep prolog-start log && grep epilog-finish log &&
    jq -e ".attributes.system | .queue == \"debug\" and .duration == 1800" jobspec &&
    grep -i "exceeds" err
'
test_expect_success 'so it does with all that is commented out but what needs other machines' '
    sed "s/^# exclude/exclude/; s/^# roles.*/roles.admin = { users = [\"$(id -un)\"] }/" "$SRCDIR/etc/example.toml" >all.toml &&
    timeout 60 flux start --config-path=all.toml flux config get access.roles.admin.users >out && grep "$(id -un)" out
'
test_expect_success 'the page has every table of it' '
    sed -n "s/^\[\([a-z-]*\).*/\1/p" "$SRCDIR/etc/example.toml" | sort -u >tables && test -s tables &&
    while read -r t; do grep "^## \[$t" "$SRCDIR/doc/man5/flux-config.5.scd" || exit 1; done <tables
'
# The words in a call that unpacks a table are its keys.
cat >keys.pl <<'EOF'
local $/;
while (my $text = <>) {
    while ($text =~ /(?:flux_conf_unpack|json_unpack_ex) \(([^;]*?);/gs) {
        print "$_\n" for $1 =~ /"([a-z]+(?:[-_][a-z]+)*)"/g;
    }
}
EOF
test_expect_success 'the page has every key that modules ask for' '
    cd "$SRCDIR/src" && perl "$OLDPWD/keys.pl" modules/content-sqlite/main.c modules/kvs/durability.c \
	modules/resource/config.c modules/job-list/config.c modules/job-manager/policy.c modules/job-manager/config.c \
	modules/heartbeat/main.c broker/access.c | sort -u >"$OLDPWD/keys" && cd "$OLDPWD" &&
    test $(wc -l <keys) -gt 30 &&
    for k in $(cat keys); do grep -qw -e "$k" "$SRCDIR/doc/man5/flux-config.5.scd" || echo "$k"; done >missing &&
    test_must_be_empty missing
'
test_done
