/* jobinfo_live.c - job-info as its clients see it (watch.md section 3).
 *
 * The jobs are made up: their logs are written here, so that each step of
 * their lives happens when the test says so.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "madeup.h"

static void main_log (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f, *g, *s;

    end_is (watch (42, "eventlog", 0), ENOENT, NULL, "an unknown job");
    f = watch (id, "eventlog", 0);
    next_is (f, submit_of (getuid ()), "what is in the log comes first");
    event (id, EV ("depend") EV ("priority"));
    next_is (f, EV ("depend"), "then what follows, entry");
    next_is (f, EV ("priority"), "by entry");
    g = watch (id, "eventlog", 0);
    s = watch (id, "eventlog", SENTINEL);
    next_is (g, submit_of (getuid ()), "who comes later");
    next_is (g, EV ("depend"), "gets all");
    next_is (g, EV ("priority"), "from the start");
    next_is (s, submit_of (getuid ()), "with");
    next_is (s, EV ("depend"), "a");
    next_is (s, EV ("priority"), "sentinel");
    next_is_empty (s, "behind what was there");
    event (id, EV ("clean") EV ("more"));
    next_is (f, EV ("clean"), "clean is the last");
    end_is (f, ENODATA, NULL, "and ends it");
    next_is (g, EV ("clean"), "for");
    end_is (g, ENODATA, NULL, "all");
    next_is (s, EV ("clean"), "of");
    end_is (s, ENODATA, NULL, "them");

    f = watch (id, "eventlog", SENTINEL);
    next_is (f, submit_of (getuid ()), "of an inactive job");
    next_is (f, EV ("depend"), "all");
    next_is (f, EV ("priority"), "is");
    next_is (f, EV ("clean"), "there");
    next_is_empty (f, "the sentinel comes behind it");
    end_is (f, ENODATA, NULL, "and the end");
}

static void jobs_to_come (void)
{
    flux_jobid_t id = last_id + 0x1000000;
    flux_future_t *f, *s;

    f = watch (id, "eventlog", WAIT);
    s = watch (id, "eventlog", WAIT | SENTINEL);
    next_is_empty (s, "the sentinel of a job to come");
    end_is (watch (id, "eventlog", 0), ENOENT, NULL,
            "who does not want to wait need not");
    end_is (watch (id, "guest.output", WAIT), ENOENT, NULL,
            "guest data are not waited for");
    job_new (getuid ());
    next_is (f, submit_of (getuid ()), "a job can be waited for");
    next_is (s, submit_of (getuid ()), "by many");
    cancel_ends (f, "a watch can be cancelled");
    cancel_ends (s, "each by itself");
}

static void access_rules (void)
{
    flux_jobid_t id = job_new (getuid () + 1000);
    flux_t *owner = live_open_guest (getuid () + 1000);
    flux_t *other = live_open_guest (getuid () + 1001);
    flux_future_t *f;

    f = watch_on (owner, id, "eventlog", 0);
    next_is (f, submit_of (getuid () + 1000), "a user may see its job");
    cancel_ends (f, "and cancel");
    end_is (watch_on (other, id, "eventlog", 0), EPERM, NULL, "others may not");
    end_is (watch_on (other, id, "nosuch", 0), EPERM, NULL, "not even what is missing");
    end_is (watch_on (other, id, "guest.x", 0), EPERM, NULL, "nor guest data");
    end_is (watch_on (other, 43, "eventlog", 0), ENOENT, NULL,
            "an unknown job is unknown");
    f = flux_rpc_pack (other, "job-info.lookup", FLUX_NODEID_ANY, 0, "{s:I s:[s] s:i}",
                       "id", (json_int_t)id, "keys", "nosuch", "flags", 0);
    end_is (f, EPERM, "access is restricted to job/instance owner", "lookups are alike");
    flux_close (owner);
    flux_close (other);
}

static void other_paths (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f;

    end_is (watch (id, "my.log", 0), ENOENT, NULL, "a missing path");
    f = watch (id, "my.log", WAIT | SENTINEL);
    next_is_empty (f, "can be waited for");
    job_write (id, "append", "my.log", "not json\n");
    next_is (f, "not json\n", "entries are not judged");
    job_write (id, "append", "my.log", "a\nb\nc");
    next_is (f, "a\n", "they are split");
    next_is (f, "b\n", "and what has no newline is dropped");
    event (id, EV ("clean"));
    job_write (id, "append", "my.log", "d\n");
    next_is (f, "d\n", "such a log does not end with the job");
    job_write (id, "append", "my.log", "");
    end_is (f, EINVAL, "illegal append of zero bytes", "an append of nothing is illegal");
    end_is (watch (id, "my", 0), EISDIR, NULL, "a directory is no log");
}

static void a_guest_log (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f, *g, *w, *m;

    f = watch (id, "guest.log", 0);
    w = watch (id, "guest.never", WAIT);
    guest_create (id);
    guest_append (id, "log", EV ("init"));
    event (id, EV ("start"));
    next_is (f, EV ("init"), "guest data come when the job has started");
    g = watch (id, "guest.log", SENTINEL);
    next_is (g, EV ("init"), "another watch begins");
    next_is_empty (g, "with a sentinel");
    end_is (watch (id, "guest.nosuch", 0), ENOENT, NULL, "a missing key is an error");
    end_is (watch (id, "guest.", 0), EISDIR, NULL, "and so is the directory");
    guest_append (id, "log", EV ("a") EV ("b"));
    next_is (f, EV ("a"), "what is appended");
    next_is (f, EV ("b"), "follows");
    next_is (g, EV ("a"), "for");
    next_is (g, EV ("b"), "both");
    is_int (stats_get (h, "job-info", "guest_watchers"), 3, "stats count guest watches");
    is_int (stats_get (h, "job-info", "watchers"), 3, "among all");
    guest_append (id, "log", EV ("done"));
    guest_copy (id);
    live_remove (h, job_ns (id));
    m = watch (id, "guest.log", 0); /* may find it here or there */
    event (id, RELEASE);
    next_is (f, EV ("done"), "the last entry comes once");
    end_is (f, ENODATA, NULL, "and the move ends the stream");
    next_is (g, EV ("done"), "so it is");
    end_is (g, ENODATA, NULL, "for all");
    end_is (w, ENOENT, NULL, "what never came is missing now");
    next_is (m, EV ("init"), "a watch");
    next_is (m, EV ("a"), "that begins");
    next_is (m, EV ("b"), "during");
    next_is (m, EV ("done"), "the move");
    end_is (m, ENODATA, NULL, "gets all, too");

    f = watch (id, "guest.log", WAIT | SENTINEL);
    next_is (f, EV ("init"), "one");
    next_is (f, EV ("a"), "that begins");
    next_is (f, EV ("b"), "after it");
    next_is (f, EV ("done"), "gets all");
    next_is_empty (f, "its sentinel");
    end_is (f, ENODATA, NULL, "and the end");
    end_is (watch (id, "guest.nosuch", WAIT), ENOENT, NULL, "nothing is waited for now");
}

static void never_started (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f = watch (id, "guest.log", SENTINEL);

    event (id, EV ("clean"));
    end_is (f, ENODATA, NULL, "a job that never started has no guest data");
    end_is (watch (id, "guest.log", 0), ENODATA, NULL, "then and later");
}

static void raw (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f;
    const void *data;
    size_t len;
    const char *submit = submit_of (getuid ());

    f = flux_rpc_pack (h, "job-info.eventlog-watch", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                       "{s:I s:s s:i}", "id", (json_int_t)id, "path", "eventlog", "flags",
                       SENTINEL | RAW);
    ok (flux_rpc_get_raw (f, &data, &len) == 0 && len == strlen (submit)
            && memcmp (data, submit, len) == 0,
        "raw entries are just their bytes");
    flux_future_reset (f);
    ok (flux_rpc_get_raw (f, &data, &len) == 0 && len == 0, "the sentinel has none");
    flux_future_reset (f);
    event (id, EV ("a") EV ("clean"));
    ok (flux_rpc_get_raw (f, &data, &len) == 0 && len == strlen (EV ("a") EV ("clean")),
        "several come together");
    flux_future_reset (f);
    ok (flux_rpc_get_raw (f, &data, &len) < 0 && errno == ENODATA, "and the end");
    flux_future_destroy (f);
}

/* One lookup, its answer compared as JSON text with sorted keys. */
static void lookup_is (flux_jobid_t id,
                       const char *keys,
                       int flags,
                       const char *want,
                       const char *name)
{
    json_t *k = json_loads (keys, 0, NULL), *o;
    flux_future_t *f;
    char *s = NULL;

    f = flux_rpc_pack (h, "job-info.lookup", FLUX_NODEID_ANY, 0, "{s:I s:o s:i}", "id",
                       (json_int_t)id, "keys", k, "flags", flags);
    if (flux_rpc_get_unpack (f, "o", &o) < 0)
        diag ("%s", future_strerror (f, errno));
    else {
        json_object_del (o, "id");
        s = json_dumps (o, JSON_COMPACT | JSON_SORT_KEYS);
    }
    is (s, want, "%s", name);
    free (s);
    flux_future_destroy (f);
}

static void lookup_fails (flux_jobid_t id,
                          const char *key,
                          int flags,
                          int errnum,
                          const char *text,
                          const char *name)
{
    flux_future_t *f;
    int got = 0;

    f = flux_rpc_pack (h, "job-info.lookup", FLUX_NODEID_ANY, 0, "{s:I s:[s] s:i}", "id",
                       (json_int_t)id, "keys", key, "flags", flags);
    if (flux_rpc_get (f, NULL) < 0)
        got = errno;
    is_int (got, errnum, "%s", name);
    is (flux_future_error_string (f), text, "and says so");
    flux_future_destroy (f);
}

static void lookups (void)
{
    flux_jobid_t id = job_new (getuid ());

    lookup_fails (44, "R", 0, ENOENT, "invalid job id", "an unknown job");
    job_write (id, "put", "R", "{\"execution\": {\"expiration\": 0.0}}");
    job_write (id, "put", "jobspec", "{\"attributes\": {}}");
    job_write (id, "put", "J", "text");
    job_write (id, "put", "empty", "");
    lookup_is (id, "[]", 0, "{}", "no keys, no values");
    lookup_is (id, "[\"J\",\"J\"]", 0, "{\"J\":\"text\"}", "each key comes once");
    lookup_is (
        id, "[\"J\",\"R\"]", 0,
        "{\"J\":\"text\",\"R\":\"{\\\"execution\\\": {\\\"expiration\\\": 0.0}}\"}",
        "values are strings");
    lookup_is (id, "[\"J\",\"R\"]", FLUX_JOB_LOOKUP_JSON_DECODE,
               "{\"J\":\"text\",\"R\":{\"execution\":{\"expiration\":0.0}}}",
               "unless R or jobspec are to be decoded");
    event (id, EVC ("resource-update", "{\"expiration\":5.0}")
                   EVC ("jobspec-update", "{\"attributes.a.b\":1}"));
    lookup_is (id, "[\"jobspec\",\"R\"]",
               FLUX_JOB_LOOKUP_JSON_DECODE | FLUX_JOB_LOOKUP_CURRENT,
               "{\"R\":{\"execution\":{\"expiration\":5.0}},"
               "\"jobspec\":{\"attributes\":{\"a\":{\"b\":1}}}}",
               "updates are applied if wanted");
    lookup_is (id, "[\"R\"]", FLUX_JOB_LOOKUP_CURRENT,
               "{\"R\":\"{\\\"execution\\\": {\\\"expiration\\\": 5.0}}\"}",
               "to strings as well");
    lookup_fails (id, "no", 0, ENOENT, "no: key not found", "a missing key");
    lookup_fails (id, ".", 0, EISDIR, ".: Is a directory", "a directory");
    lookup_fails (id, "empty", 0, EPROTO, "empty: value is unexpectedly empty",
                  "an empty value");
    lookup_fails (id, "J", 8, EPROTO, "lookup request rejected with invalid flag",
                  "a flag");
    job_write (id, "put", "R", "nonsense");
    lookup_fails (id, "R", FLUX_JOB_LOOKUP_JSON_DECODE, ENOMEM,
                  "R: error adding value to response", "an R that is none");
    last_id += 0x1000000;
    job_write (last_id, "put", "eventlog", "nonsense\n");
    lookup_fails (last_id, "R", 0, EPROTO, "error parsing eventlog", "an odd log");
    rpc_fails (h, "job-info.lookup", 0, "{\"id\":1}", EPROTO, NULL, "a bad request");
}

static flux_future_t *update_watch (flux_jobid_t id, const char *key)
{
    flux_future_t *f =
        flux_rpc_pack (h, "job-info.update-watch", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                       "{s:I s:s s:i}", "id", (json_int_t)id, "key", key, "flags", 0);
    if (!f)
        bail_out ("flux_rpc_pack: %s", strerror (errno));
    return f;
}

static void expiration_is (flux_future_t *f, double want, const char *name)
{
    double expiration = -1;

    if (flux_rpc_get_unpack (f, "{s:{s:{s:F}}}", "R", "execution", "expiration",
                             &expiration)
        < 0)
        diag ("%s", future_strerror (f, errno));
    ok (expiration == want, "%s", name);
    flux_future_reset (f);
}

static void rpc_ends (flux_future_t *f, int errnum, const char *name)
{
    is_int (flux_rpc_get (f, NULL) < 0 ? errno : 0, errnum, "%s", name);
    flux_future_destroy (f);
}

static void updates (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f, *g;

    rpc_ends (update_watch (45, "R"), ENOENT, "an unknown job has no R");
    rpc_ends (update_watch (id, "R"), ENOENT, "nor has a pending one");
    rpc_ends (update_watch (id, "J"), EINVAL, "only R and jobspec can be watched");
    job_write (id, "put", "R", "{\"version\":1,\"execution\":{\"expiration\":0.0}}");
    event (id, EVC ("resource-update", "{\"expiration\":5.0}"));
    f = update_watch (id, "R");
    expiration_is (f, 5.0, "the current R comes first");
    event (id, EVC ("resource-update", "{\"expiration\":6.0}"));
    expiration_is (f, 6.0, "then each update");
    g = update_watch (id, "R");
    expiration_is (g, 6.0, "another watch");
    is_int (stats_get (h, "job-info", "update_watchers"), 2, "stats count both");
    event (id, EVC ("resource-update", "{\"expiration\":6.0}")
                   EVC ("resource-update", "{\"expiration\":7.0}"));
    expiration_is (f, 6.0, "even if nothing changes");
    expiration_is (f, 7.0, "one by one");
    expiration_is (g, 6.0, "for");
    expiration_is (g, 7.0, "both");
    event (id, EV ("clean"));
    rpc_ends (f, ENODATA, "the end of the job ends the watch");
    rpc_ends (g, ENODATA, "both");
    f = update_watch (id, "R");
    expiration_is (f, 7.0, "of an inactive job there is one");
    rpc_ends (f, ENODATA, "and no more");
    rpc_fails (h, "job-info.update-watch", 0, "{\"id\":1,\"key\":\"R\",\"flags\":0}",
               EPROTO, "update-watch request rejected without streaming RPC flag",
               "it is streaming");
}

static void bad_requests (void)
{
    static const char topic[] = "job-info.eventlog-watch";
    const int s = FLUX_RPC_STREAMING;

    rpc_fails (h, topic, s, NULL, EPROTO, NULL, "no payload");
    rpc_fails (h, topic, s, "{\"id\":1,\"path\":\"eventlog\",\"flags\":64}", EPROTO,
               "eventlog-watch request rejected with invalid flag", "an unknown flag");
    rpc_fails (h, topic, 0, "{\"id\":1,\"path\":\"eventlog\",\"flags\":0}", EPROTO,
               "eventlog-watch request rejected without streaming RPC flag",
               "not streaming");
}

static bool becomes (const char *name, int n)
{
    for (int i = 0; i < 100000; i++) { /* each try is a round trip */
        if (stats_get (h, "job-info", name) == n)
            return true;
    }
    return false;
}

static void departures (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_t *other = live_open ();
    flux_future_t *f = watch_on (other, id, "eventlog", 0);
    flux_future_t *g = watch_on (other, id, "guest.log", 0);

    next_is (f, submit_of (getuid ()), "a client that watches");
    ok (becomes ("watchers", 2), "two logs");
    flux_future_destroy (f);
    flux_future_destroy (g);
    flux_close (other);
    ok (becomes ("watchers", 0), "takes its watches along when it leaves");
    ok (becomes ("guest_watchers", 0), "all of them");
}

static void unload (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f = watch (id, "eventlog", 0);
    flux_future_t *g = watch (id, "guest.log", 0);
    flux_future_t *r;

    next_is (f, submit_of (getuid ()), "a watch");
    r = flux_rpc_pack (h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                       "job-info");
    ok (flux_future_get (r, NULL) == 0, "the module can be unloaded");
    flux_future_destroy (r);
    end_is (f, ENOSYS, NULL, "then those who watch are told");
    end_is (g, ENOSYS, NULL, "and those who wait");
    r = flux_rpc_pack (h, "module.load", FLUX_NODEID_ANY, 0, "{s:s s:[]}", "path",
                       "job-info", "args");
    ok (flux_future_get (r, NULL) == 0, "and loaded again");
    flux_future_destroy (r);
}

int main (void)
{
    h = live_open ();
    main_log ();
    jobs_to_come ();
    access_rules ();
    other_paths ();
    a_guest_log ();
    never_started ();
    raw ();
    lookups ();
    updates ();
    bad_requests ();
    departures ();
    unload ();
    flux_close (h);
    return done_testing ();
}
