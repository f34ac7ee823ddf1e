# jobtap.sh - the plugin of t/live/tap.c and what it is asked to do: sourced behind sharness.sh.

TAP=$BUILDDIR/t/live/.libs/tap.so
rpc=$BUILDDIR/t/live/rpc

# tap OP ID [S [I]]: ask the plugin to do that
tap () {
    $rpc job-manager.tap.do "{\"op\":\"$1\",\"id\":$2,\"s\":\"$3\",\"i\":${4:-0}}"
}
# hold ATTR...: submit a held "true" with these settings of the plugin, set id and dec
hold () {
    set -- $(printf -- '--setattr=tap.%s ' "${@:-none=1}") && id=$(flux submit --urgency=0 "$@" true) &&
        dec=$(flux job id --to=dec $id)
}
