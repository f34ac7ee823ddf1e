#!/bin/sh
test_description='a plugin that knows of Flux only what a system flux-core installs'
. "$(dirname "$0")/lib.sh"
under_flux
. "$T/sharness.sh"

rpc=$BUILDDIR/t/live/rpc
CC=${CC:-cc}

test_expect_success 'it compiles against the headers of the tables' '
    perl "$T/stub-flux.pl" stub &&
    $CC -shared -fPIC -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror -Istub/include \
        -o foreign.so "$T/live/foreign.c"
'
test_expect_success 'it is loaded' '
    flux jobtap load "$PWD/foreign.so" && flux jobtap list | grep -x foreign.so
'
test_expect_success 'a job runs through it: priority, annotation, events, prolog' '
    id=$(flux submit --urgency=7 true) && flux job wait-event -t 30 $id clean >clean &&
    flux job eventlog $id >log && grep "priority priority=70" log && grep "foreign hello=\"run\"" log &&
    grep "prolog-start description=\"foreign\"" log && grep "prolog-finish description=\"foreign\" status=0" log &&
    grep "alloc annotations=.*\"foreign\":\"seen\"" log
'
test_expect_success 'a scheme of dependencies of its own, and a method' '
    test_must_fail flux submit --dependency=foreign:never true 2>err && grep "foreign: not ever" err &&
    id=$(flux submit --dependency=foreign:word true) && flux job wait-event -t 30 $id dependency-add >event &&
    grep "description=\"word\"" event &&
    $rpc job-manager.foreign.go "{\"id\":$(flux job id --to=dec $id),\"s\":\"other\"}" >answer;
    grep ENOENT answer &&
    $rpc job-manager.foreign.go "{\"id\":$(flux job id --to=dec $id),\"s\":\"word\"}" &&
    flux job wait-event -t 30 $id clean >clean
'
test_expect_success 'what it has counted, and its end' '
    flux jobtap query foreign.so >query && grep "\"jobs\":2" query && grep "\"ended\":2" query &&
    grep "\"events\":true" query && flux jobtap remove foreign.so && flux jobtap list >list && test_must_be_empty list &&
    flux run true
'
test_done
