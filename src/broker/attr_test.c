#include "config.h"

#include <errno.h>
#include <flux/core.h>

#include "common/tap.h"

#include "attr.h"

static void unset_and_null (void)
{
    struct attrs *a = attrs_new ();
    flux_error_t error;

    is (attrs_get (a, "rank"), NULL, "an attribute that was never set has no value");
    ok (!attrs_is_set (a, "rank"), "... and is not set");
    ok (attrs_set (a, "nosuch", "1") == -ENOENT, "an unknown name cannot be set");
    ok (attrs_set (a, "rank", "0") == 0 && attrs_set (a, "rank", "1") == 0,
        "the broker itself may set what nobody else may");
    is (attrs_get (a, "rank"), "1", "the last value counts");

    ok (attrs_set_cmdline (a, "broker.rc2_none", &error) == 0, "-S NAME is accepted");
    is (attrs_get (a, "broker.rc2_none"), NULL, "... its value is null");
    ok (attrs_is_set (a, "broker.rc2_none"), "... but it counts as set");
    ok (attrs_set_cmdline (a, "broker.rc1_path=a=b", &error) == 0, "-S NAME=VAL");
    is (attrs_get (a, "broker.rc1_path"), "a=b", "is split at the first '='");
    ok (attrs_set_cmdline (a, "broker.rc3_path=", &error) == 0
            && *attrs_get (a, "broker.rc3_path") == '\0',
        "an empty value is not null");
    attrs_free (a);
}

static void command_line_refusals (void)
{
    struct attrs *a = attrs_new ();
    flux_error_t error;

    ok (attrs_set_cmdline (a, "rank=0", &error) == -EPERM, "rank is not for the user");
    is (error.text, "rank: attribute may not be set on the command line", "says so");
    ok (attrs_set_cmdline (a, "noway=0", &error) == -ENOENT, "a typo is refused");
    is (error.text, "noway: unknown attribute", "says so");
    ok (attrs_set_cmdline (a, "test.=0", &error) == -ENOENT,
        "a pattern needs something below it");
    ok (attrs_set_cmdline (a, "test.foo=0", &error) == 0, "which makes it known");
    attrs_free (a);
}

static void runtime_rules (void)
{
    struct attrs *a = attrs_new ();
    flux_error_t error;

    ok (attrs_update (a, "nope", "1", true, &error) == -ENOENT, "unknown: ENOENT");
    is (error.text, "unknown attribute", "says so");
    ok (attrs_update (a, "content.hash", "sha1", false, &error) == 0,
        "a known attribute that is unset may be set");
    ok (attrs_update (a, "content.hash", "sha256", false, &error) == -EPERM
            && attrs_update (a, "content.hash", "sha256", true, &error) == -EPERM,
        "an immutable one only once, even with force");
    is (attrs_get (a, "content.hash"), "sha1", "... and it keeps its value");
    ok (attrs_update (a, "test-nr.a", "1", false, &error) == 0, "not runtime, unset: fine");
    ok (attrs_update (a, "test-nr.a", "2", false, &error) == -EINVAL, "... set: EINVAL");
    is (error.text, "attribute may not be updated", "says so");
    ok (attrs_update (a, "test-nr.a", "2", true, &error) == 0, "... unless forced");
    ok (attrs_update (a, "test.a", "1", false, &error) == 0
            && attrs_update (a, "test.a", "2", false, &error) == 0,
        "a runtime one as often as you like");

    ok (attrs_remove (a, "test.a") == 0 && !attrs_is_set (a, "test.a"), "can be removed");
    ok (attrs_remove (a, "test.a") == 0, "removing what is absent is fine");
    ok (attrs_remove (a, "content.hash") == -EPERM, "an immutable one stays");
    attrs_free (a);
}

static void listing (void)
{
    struct attrs *a = attrs_new ();
    size_t pos = 0;
    const char *value;
    int n = 0, nulls = 0;

    attrs_setf (a, "size", "%d", 4);
    attrs_set_default (a, "size", "5");
    is (attrs_get (a, "size"), "4", "a default does not replace a value");
    attrs_set (a, "log-filename", NULL);
    while (attrs_next (a, &pos, &value)) {
        n++;
        nulls += !value;
    }
    ok (n == 2 && nulls == 1, "iteration meets everything set, null or not");
    attrs_free (a);
}

static void durations (void)
{
    struct attrs *a = attrs_new ();
    double t = 7;
    flux_error_t error;

    ok (attrs_duration (a, "broker.quorum-warn", &t, &error) == 0 && t == -1,
        "a duration that is not set is none");
    attrs_set (a, "broker.quorum-warn", "none");
    ok (attrs_duration (a, "broker.quorum-warn", &t, &error) == 0 && t == -1, "so is none");
    attrs_set (a, "broker.quorum-warn", "1.5m");
    ok (attrs_duration (a, "broker.quorum-warn", &t, &error) == 0 && t == 90, "1.5m is 90 s");
    attrs_set (a, "broker.quorum-warn", "soon");
    ok (attrs_duration (a, "broker.quorum-warn", &t, &error) < 0 && errno == EINVAL && t == 90,
        "anything else is refused");
    is (error.text, "Error parsing broker.quorum-warn attribute", "with its name");
    attrs_free (a);
}

int main (void)
{
    unset_and_null ();
    command_line_refusals ();
    runtime_rules ();
    listing ();
    durations ();
    return done_testing ();
}
