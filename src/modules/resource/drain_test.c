#include "config.h"
#include "common/tap.h"
#include "common/util.h"
#include "drain.h"

static struct drain *d;

static int set (const char *ranks,
                double t,
                const char *reason,
                enum drain_mode mode,
                flux_error_t *error)
{
    struct idset *ids = idset_decode (ranks);
    int r = drain_set (d, ids, t, reason, mode, error);

    idset_destroy (ids);
    return r;
}

static int clear (const char *ranks, int force, flux_error_t *error)
{
    struct idset *ids = idset_decode (ranks);
    int r = drain_clear (d, ids, force, error);

    idset_destroy (ids);
    return r;
}

static void is_state (const char *want, const char *name)
{
    struct text t = TEXT_INIT;

    drain_encode (d, &t);
    is (t.buf, want, "%s", name);
    text_fini (&t);
}

int main (void)
{
    flux_error_t e = { "" };

    if (!(d = drain_create (8)))
        bail_out ("no memory");
    is_state ("{}", "nothing is drained at first");
    ok (set ("1-2", 5, "bad", DRAIN_STRICT, &e) == 0, "two ranks are drained");
    ok (set ("4", 6, NULL, DRAIN_STRICT, &e) == 0, "one without a reason");
    ok (drain_test (d, 1) && !drain_test (d, 0) && !drain_test (d, 99), "test");
    is_state ("{\"1-2\":{\"timestamp\":5.0,\"reason\":\"bad\"},"
              "\"4\":{\"timestamp\":6.0,\"reason\":\"\"}}",
              "equal ones share a key");
    ok (set ("0-1", 7, "x", DRAIN_STRICT, &e) == -EEXIST, "not twice");
    is (e.text, "rank 1 already drained", "the words");
    ok (!drain_test (d, 0), "all or nothing");
    ok (set ("0,1,4", 7, "upd", DRAIN_UPDATE, &e) == 0, "update");
    is_state ("{\"0\":{\"timestamp\":7.0,\"reason\":\"upd\"},"
              "\"1-2\":{\"timestamp\":5.0,\"reason\":\"bad\"},"
              "\"4\":{\"timestamp\":6.0,\"reason\":\"upd\"}}",
              "gives reasons to those without one");
    ok (set ("1", 8, "ow", DRAIN_OVERWRITE, &e) == 0, "overwrite");
    ok (set ("2", 8, "fo", DRAIN_FORCE, &e) == 0, "force");
    is_state ("{\"0\":{\"timestamp\":7.0,\"reason\":\"upd\"},"
              "\"1\":{\"timestamp\":5.0,\"reason\":\"ow\"},"
              "\"2\":{\"timestamp\":8.0,\"reason\":\"fo\"},"
              "\"4\":{\"timestamp\":6.0,\"reason\":\"upd\"}}",
              "one keeps the time, the other does not");
    ok (clear ("0-3", 0, &e) == -EEXIST, "rank 3 is not drained");
    is (e.text, "rank 3 not drained", "the words");
    ok (clear ("0-7", 1, &e) == 0, "force clears all");
    is_state ("{}", "and nothing is drained");
    drain_destroy (d);
    return done_testing ();
}
