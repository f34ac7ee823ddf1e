/* attr_test.c - attributes, hosts, services, sync: thin clients of a broker. */

#include "config.h"
#include "fake_broker.h"

static void immutable_attributes_are_fetched_once (flux_t *h)
{
    uint32_t n;

    fake_answer ("attr.get", 0, "{\"value\":\"3\",\"flags\":1}", NULL);
    is (flux_attr_get (h, "rank"), "3", "an attribute is fetched");
    is (fake_request ("attr.get"), "{\"name\":\"rank\"}", "... by name");
    is (flux_attr_get (h, "rank"), "3", "and again");
    ok (flux_get_rank (h, &n) == 0 && n == 3, "it is the rank");
    ok (fake_count ("attr.get") == 1, "the broker was asked once");

    fake_answer ("attr.get", 0, "{\"value\":\"a\",\"flags\":0}", NULL);
    is (flux_attr_get (h, "x"), "a", "one that may change is fetched");
    fake_answer ("attr.get", 0, "{\"value\":\"b\",\"flags\":0}", NULL);
    is (flux_attr_get (h, "x"), "b", "anew each time");

    fake_answer ("attr.get", ENOENT, NULL);
    ok (!flux_attr_get (h, "y") && errno == ENOENT, "one that is not there is ENOENT");
    ok (!flux_attr_get (h, NULL) && errno == EINVAL, "no name is EINVAL");
    ok (!flux_attr_get (NULL, "x") && errno == EINVAL, "nor is no handle");

    fake_answer ("attr.get", 0, "{\"value\":\"x4\",\"flags\":0}", NULL);
    ok (flux_get_size (h, &n) < 0 && errno == EINVAL, "a size must be a number");
    ok (flux_get_size (h, NULL) < 0 && errno == EINVAL, "and have a place to go");
    fake_answer ("attr.get", 0, "{\"value\":\"4\",\"flags\":1}", NULL);
    ok (flux_get_size (h, &n) == 0 && n == 4, "... and then it is one");
}

static void cached_attributes_are_listed (flux_t *h)
{
    const char *name;
    char names[64] = "";

    ok (flux_attr_set_cacheonly (h, "extra", "1") == 0, "one is put there");
    is (flux_attr_get (h, "extra"), "1", "... and found");
    for (name = flux_attr_cache_first (h); name; name = flux_attr_cache_next (h)) {
        strcat (names, name);
        strcat (names, " ");
    }
    is (names, "rank size extra ", "the cache holds what cannot change");
    ok (flux_attr_set_cacheonly (h, "extra", NULL) == 0, "one is dropped");
    fake_answer ("attr.get", ENOENT, NULL);
    ok (!flux_attr_get (h, "extra") && errno == ENOENT, "... and gone");
}

static void attributes_are_set (flux_t *h)
{
    flux_error_t error;

    fake_answer ("attr.set", 0, "", NULL);
    ok (flux_attr_set (h, "a", "b") == 0, "an attribute is set");
    is (fake_request ("attr.set"), "{\"name\":\"a\",\"value\":\"b\"}", "... so");
    ok (flux_attr_set_ex (h, "a", "b", true, &error) == 0, "... with force");
    is (fake_request ("attr.set"),
        "{\"name\":\"a\",\"value\":\"b\",\"force\":true}",
        "... so");
    fake_error ("attr.set", EPERM, "not this one");
    ok (flux_attr_set_ex (h, "a", "b", false, &error) < 0 && errno == EPERM, "or not");
    is (error.text, "not this one", "... with the broker's words");
    ok (flux_attr_set (h, "a", NULL) < 0 && errno == EINVAL, "no value is EINVAL");
}

static void the_start_time_is_the_leaders (flux_t *h)
{
    double t;

    fake_answer ("attr.get", 0, "{\"value\":\"1795258799.25\",\"flags\":1}", NULL);
    ok (flux_get_instance_starttime (h, &t) == 0 && t == 1795258799.25, "start time");
    ok (fake.topics[0].nodeid == 0, "... of rank 0");
    fake_answer ("attr.get", 0, "{\"value\":\"soon\",\"flags\":1}", NULL);
    ok (flux_get_instance_starttime (h, &t) < 0 && errno == EINVAL, "a bad one");
}

static void the_proxy_is_named (flux_t *h)
{
    fake_answer ("attr.get", 0, "{\"value\":\"local:///tmp/x\",\"flags\":1}", NULL);
    setenv ("FLUX_PROXY_REMOTE", "far", 1);
    is (flux_attr_get (h, "parent-uri"), "ssh://far/tmp/x", "behind a proxy");
    is (flux_attr_get (h, "parent-uri"), "ssh://far/tmp/x", "... always");
    unsetenv ("FLUX_PROXY_REMOTE");
    is (flux_attr_get (h, "local-uri"), "local:///tmp/x", "others are left alone");
}

static void is_map (flux_t *h, const char *targets, const char *want)
{
    flux_error_t error = { "" };
    char *s = flux_hostmap_lookup (h, targets, &error);

    is (s, want, "'%s' is %s %s", targets, want ? want : "refused:", error.text);
    free (s);
}

static void hosts_and_ranks (flux_t *h)
{
    must (flux_attr_set_cacheonly (h, "hostlist", "a[0-3],a1,b") == 0);
    is (flux_get_hostbyrank (h, 2), "a2", "the host of a rank");
    is (flux_get_hostbyrank (h, 5), "b", "the last one");
    is (flux_get_hostbyrank (h, 6), "(null)", "none beyond");
    is (flux_get_hostbyrank (h, FLUX_NODEID_ANY), "any", "any");
    is (flux_get_hostbyrank (h, FLUX_NODEID_UPSTREAM), "upstream", "upstream");
    ok (flux_get_rankbyhost (h, "a1") == 1, "the lowest rank of a host");
    ok (flux_get_rankbyhost (h, "c") < 0 && errno == ENOENT, "an unknown one");
    ok (flux_get_rankbyhost (h, NULL) < 0 && errno == EINVAL, "none");
    is_map (h, "0-2,5", "a[0-2],b");
    is_map (h, "a[0-2],b", "0-2,5");
    is_map (h, "9", NULL);
    is_map (h, "a[1-9]", NULL);
    is_map (h, "a[", NULL);
    must (flux_attr_set_cacheonly (h, "hostlist", "x,y") == 0);
    is (flux_get_hostbyrank (h, 1), "y", "another list is seen");
}

static void services_are_registered (flux_t *h)
{
    flux_future_t *f;

    fake_answer ("service.add", 0, "", NULL);
    fake_answer ("service.remove", ENOENT, NULL);
    f = flux_service_register (h, "foo");
    ok (f && flux_future_get (f, NULL) == 0, "a service is added");
    is (fake_request ("service.add"), "{\"service\":\"foo\"}", "... by name");
    flux_future_destroy (f);
    f = flux_service_unregister (h, "foo");
    ok (f && flux_future_get (f, NULL) < 0 && errno == ENOENT, "or not removed");
    flux_future_destroy (f);
    ok (!flux_service_register (h, NULL) && errno == EINVAL, "no name is EINVAL");
    ok (!flux_service_unregister (NULL, "x") && errno == EINVAL, "no handle either");
}

static void count_cb (flux_future_t *f, void *arg)
{
    int *count = arg;

    if (flux_future_get (f, NULL) == 0)
        (*count)++;
    flux_future_reset (f);
}

static void turn (flux_t *h)
{
    must (flux_reactor_run (flux_get_reactor (h), FLUX_REACTOR_NOWAIT) >= 0);
}

static void the_heart_is_heard (flux_t *h)
{
    flux_future_t *every, *some;
    int n_every = 0, n_some = 0;

    fake_answer ("event.subscribe", 0, "", NULL);
    fake_answer ("event.unsubscribe", 0, "", NULL);
    every = flux_sync_create (h, 0.);
    some = flux_sync_create (h, 1000.);
    ok (every && some, "two futures");
    must (flux_future_then (every, -1., count_cb, &n_every) == 0);
    must (flux_future_then (some, -1., count_cb, &n_some) == 0);
    for (int seq = 1; seq <= 5; seq++)
        fake_event (h, "heartbeat.pulse", seq == 4 ? 3 : seq);
    for (int i = 0; i < 30; i++)
        turn (h);
    is_int (n_every, 4, "each pulse is felt, but none twice");
    is_int (n_some, 1, "or not so often");
    flux_future_destroy (every);
    flux_future_destroy (some);
    fake_sync (h);
    ok (fake_count ("event.subscribe") == 2 && fake_count ("event.unsubscribe") == 2,
        "subscriptions end with them");

    every = flux_sync_create (h, 0.);
    fake_event (h, "heartbeat.pulse", 7);
    ok (flux_future_wait_for (every, 5.) == 0, "one waits for a pulse");
    flux_future_destroy (every);
    ok (!flux_sync_create (h, -1.) && errno == EINVAL, "no time is negative");
    ok (!flux_sync_create (NULL, 0.) && errno == EINVAL, "no handle is none");
}

int main (void)
{
    flux_t *h = fake_start ();

    immutable_attributes_are_fetched_once (h);
    cached_attributes_are_listed (h);
    attributes_are_set (h);
    the_start_time_is_the_leaders (h);
    the_proxy_is_named (h);
    hosts_and_ranks (h);
    services_are_registered (h);
    the_heart_is_heard (h);
    fake_stop (h);
    return done_testing ();
}
