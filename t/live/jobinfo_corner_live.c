/* jobinfo_corner_live.c - job-info: what happens rarely (watch.md section 3). */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "madeup.h"

static const char malformed[] = "error applying eventlog to original value";

/* ---- lookup ---- */

static void lookup_fails (flux_jobid_t id,
                          const char *key,
                          int flags,
                          int errnum,
                          const char *text,
                          const char *name)
{
    flux_future_t *f = flux_rpc_pack (h, "job-info.lookup", FLUX_NODEID_ANY, 0,
                                      "{s:I s:[s] s:i}", "id", (json_int_t)id, "keys", key,
                                      "flags", flags);
    int got = f && flux_rpc_get (f, NULL) == 0 ? 0 : errno;

    is_int (got, errnum, "%s", name);
    if (text)
        ok (strstr (flux_future_error_string (f), text) != NULL, "and says: %s",
            flux_future_error_string (f));
    flux_future_destroy (f);
}

static char *lookup (flux_jobid_t id, const char *key, int flags)
{
    flux_future_t *f = flux_rpc_pack (h, "job-info.lookup", FLUX_NODEID_ANY, 0,
                                      "{s:I s:[s] s:i}", "id", (json_int_t)id, "keys", key,
                                      "flags", flags);
    char *s = NULL;
    json_t *o;

    if (f && flux_rpc_get_unpack (f, "{s:o}", key, &o) == 0)
        s = json_is_string (o) ? strdup (json_string_value (o))
                               : json_dumps (o, JSON_COMPACT | JSON_SORT_KEYS);
    else
        diag ("%s: %s", key, future_strerror (f, errno));
    flux_future_destroy (f);
    return s;
}

static void lookup_is (flux_jobid_t id,
                       const char *key,
                       int flags,
                       const char *want,
                       const char *name)
{
    char *s = lookup (id, key, flags);

    is (s, want, "%s", name);
    free (s);
}

/* A log whose first entry is this; then nobody can be told whose job it is. */
static void odd_log_fails (const char *entry, const char *name)
{
    last_id += 0x1000000;
    job_write (last_id, "put", "eventlog", entry);
    lookup_fails (last_id, "R", 0, EPROTO, "error parsing eventlog", name);
}

static void put_bytes (flux_jobid_t id, const char *name, const void *data, size_t len)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f;

    if (!txn || flux_kvs_txn_put_raw (txn, 0, job_key (id, name), data, len) < 0
        || !(f = flux_kvs_commit (h, NULL, 0, txn)) || flux_future_get (f, NULL) < 0)
        bail_out ("commit: %s", strerror (errno));
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
}

static void lookups (void)
{
    static const char topic[] = "job-info.lookup";
    flux_jobid_t id = job_new (getuid ());

    rpc_fails (h, topic, 0, "{\"id\":1,\"keys\":\"R\",\"flags\":0}", EPROTO, NULL,
               "keys are an array");
    rpc_fails (h, topic, 0, "{\"id\":1,\"keys\":[1],\"flags\":0}", EPROTO, NULL,
               "of strings");
    rpc_fails (h, topic, 0, "{\"id\":1,\"keys\":\"R\",\"flags\":8}", EPROTO,
               "lookup request rejected with invalid flag", "flags are looked at before");
    rpc_fails (h, topic, 0, "{\"id\":1,\"keys\":[],\"flags\":0}", ENOENT, "invalid job id",
               "a job that is not there, though nothing of it is asked for");
    odd_log_fails (EV ("start"), "a log that does not begin with submit");
    odd_log_fails (EV ("submit"), "a submit event that does not say who");
    odd_log_fails ("", "no event at all");

    lookup_fails (id, "", 0, EISDIR, ": Is a directory", "the key of nothing");
    job_write (id, "put", "my.key", "x");
    lookup_fails (id, "my", 0, EISDIR, "my: Is a directory", "a directory");
    put_bytes (id, "odd", "a\377", 2);
    lookup_fails (id, "odd", 0, ENOMEM, "odd: error adding value to response",
                  "what is no text");
    put_bytes (id, "nul", "ab\0cd", 5);
    lookup_is (id, "nul", 0, "ab", "a value is what stands before a NUL");
    job_write (id, "put", "J", "{\"a\": 1}");
    lookup_is (id, "J", 3, "{\"a\": 1}", "only jobspec and R are decoded, and updated");

    job_write (id, "put", "R", "{\"execution\":{\"expiration\":1.0,\"x\":2},\"v\": 1}");
    job_write (id, "put", "jobspec", "nonsense");
    event (id, EVC ("resource-update", "{\"expiration\":5.0,\"other\":7}")
                   EVC ("jobspec-update", "{\"a\":1,\"b.c.d\":[2]}"));
    lookup_is (id, "R", 3, "{\"execution\":{\"expiration\":5.0,\"x\":2},\"v\":1}",
               "of a resource update only the expiration counts");
    lookup_is (id, "R", 0, "{\"execution\":{\"expiration\":1.0,\"x\":2},\"v\": 1}",
               "what is stored is given as it is");
    lookup_fails (id, "jobspec", 2, EINVAL, malformed, "an update of what is no JSON");
    job_write (id, "put", "jobspec", "{\"b\":{\"x\":1}}");
    lookup_is (id, "jobspec", 3, "{\"a\":1,\"b\":{\"c\":{\"d\":[2]},\"x\":1}}",
               "updates of a jobspec are paths, made as needed");
    lookup_fails (id, "nosuch", 0, ENOENT, "nosuch: key not found", "a missing key");
}

static void update_lookups (void)
{
    static const char topic[] = "job-info.update-lookup";
    flux_jobid_t id = job_new (getuid ());
    double expiration = 0;
    char request[128];
    flux_future_t *f;

    job_write (id, "put", "R", "{\"execution\":{\"expiration\":1.0}}");
    event (id, EVC ("resource-update", "{\"expiration\":9.0}"));
    snprintf (request, sizeof (request), "{\"id\":%llu,\"key\":\"R\",\"flags\":0}",
              (unsigned long long)id);
    f = flux_rpc (h, topic, request, FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get_unpack (f, "{s:I s:{s:{s:F}}}", "id", &id, "R", "execution",
                             "expiration", &expiration)
                == 0
            && expiration == 9.0,
        "update-lookup brings the current R");
    flux_future_destroy (f);
    rpc_fails (h, topic, 0, "{\"id\":1,\"key\":\"R\",\"flags\":1}", EPROTO,
               "update-lookup request rejected with invalid flag", "it has no flags");
    rpc_fails (h, topic, 0, "{\"id\":1,\"key\":\"J\",\"flags\":0}", EINVAL,
               "update-lookup unsupported key specified", "and knows no other key");
    rpc_fails (h, topic, 0, "{\"id\":1,\"flags\":0}", EPROTO, NULL, "and wants all of it");
}

/* ---- eventlog-watch ---- */

static void paths_that_are_none (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f;

    job_write (id, "put", "dir.sub.log", EV ("x"));
    end_is (watch (id, "dir", 0), EISDIR, NULL, "a directory is no log");
    guest_create (id);
    guest_append (id, "exec.eventlog", EV ("init"));
    event (id, EV ("start"));
    end_is (watch (id, "guest", 0), EINVAL, NULL, "nor is the link to the guest's");
    end_is (watch (id, "guest.exec", 0), EISDIR, NULL, "or a directory there");
    guest_copy (id);
    live_remove (h, job_ns (id));
    event (id, RELEASE);
    end_is (watch (id, "guest", 0), EISDIR, NULL, "nor what takes its place");
    end_is (watch (id, "guest.exec", 0), EISDIR, NULL, "nor a directory in it");
    f = watch (id, "guest.exec.eventlog", 0);
    next_is (f, EV ("init"), "but the log is one");
    end_is (f, ENODATA, NULL, "to its end");
}

static void logs_that_are_broken (void)
{
    flux_jobid_t id = job_new (getuid ()), broken;
    flux_future_t *f, *g;

    job_write (id, "append", "o.log", EV ("a"));
    job_write (id, "append", "o.log", EV ("b"));
    f = watch (id, "o.log", 0);
    next_is (f, EV ("a"), "a log");
    next_is (f, EV ("b"), "of two");
    job_write (id, "put", "o.log", EV ("c"));
    end_is (f, EINVAL, NULL, "that is overwritten ends");
    job_write (id, "put", "silent", "no newline");
    f = watch (id, "silent", SENTINEL);
    next_is_empty (f, "a value without a newline has no entry");
    cancel_ends (f, "the end");

    broken = job_new (getuid ());
    f = watch (broken, "eventlog", 0);
    next_is (f, submit_of (getuid ()), "a main log");
    job_write (broken, "append", "eventlog", "");
    end_is (f, EINVAL, "illegal append of zero bytes", "in which nothing is appended ends");

    guest_create (id);
    guest_append (id, "log", EV ("a"));
    event (id, EV ("start"));
    f = watch (id, "guest.log", SENTINEL);
    g = watch (id, "guest.log", 0);
    next_is (f, EV ("a"), "a guest's log");
    next_is_empty (f, "its sentinel");
    next_is (g, EV ("a"), "and another watch");
    guest_append (id, "log", "");
    end_is (f, EINVAL, "illegal append of zero bytes",
            "in which nothing is appended ends, sentinel or not");
    end_is (g, EINVAL, "illegal append of zero bytes", "for all");
    live_remove (h, job_ns (id));
    event (id, EV ("clean"));
}

static void cancels (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f;

    f = watch (id + 1, "eventlog", WAIT);
    cancel_ends (f, "a watch can be cancelled while there is no job");
    f = watch (id, "guest.log", WAIT | SENTINEL);
    cancel_ends (f, "before it starts");
    f = watch (id, "my.log", WAIT);
    cancel_ends (f, "while the log is missing");
    guest_create (id);
    event (id, EV ("start"));
    f = watch (id, "guest.log", WAIT | SENTINEL);
    next_is_empty (f, "(what is there, is nothing)");
    cancel_ends (f, "while it runs and has none");
    guest_append (id, "log", EV ("a"));
    f = watch (id, "guest.log", 0);
    next_is (f, EV ("a"), "(or something)");
    cancel_ends (f, "or some");
    f = flux_rpc (h, "job-info.eventlog-watch-cancel", "{\"matchtag\":77}", FLUX_NODEID_ANY,
                  FLUX_RPC_NORESPONSE);
    flux_future_destroy (f);
    is_int (stats_get (h, "job-info", "watchers"), 0, "what is unknown is ignored");
    live_remove (h, job_ns (id));
    event (id, EV ("clean"));
}

/* What the tasks and job-exec say does not end a stream; only the move does. */
static void ends_of_guest_logs (void)
{
    flux_jobid_t id = job_new (getuid ());
    flux_future_t *f, *e;

    f = watch (id, "guest.output", WAIT);
    e = watch (id, "guest.exec.eventlog", WAIT);
    guest_create (id);
    event (id, EV ("start"));
    guest_append (id, "exec.eventlog", EV ("done"));
    guest_append (id, "output", EVC ("data", "{\"stream\":\"stdout\",\"rank\":\"0\",\"eof\":true}"));
    next_is (e, EV ("done"), "done is not the end");
    next_is (f, EVC ("data", "{\"stream\":\"stdout\",\"rank\":\"0\",\"eof\":true}"), "nor is EOF");
    guest_append (id, "exec.eventlog", EV ("x"));
    guest_append (id, "output", EV ("y"));
    next_is (e, EV ("x"), "more may come");
    next_is (f, EV ("y"), "of both");
    event (id, EV ("finish"));
    event (id, EVC ("release", "{\"ranks\":\"0\",\"final\":false}"));
    guest_append (id, "output", EV ("z"));
    next_is (f, EV ("z"), "also after finish, and when some ranks are released");
    guest_copy (id);
    live_remove (h, job_ns (id));
    end_is (e, ENODATA, NULL, "the move is the end");
    end_is (f, ENODATA, NULL, "before release is told");
    event (id, RELEASE EV ("clean"));
}

/* ---- update-watch ---- */

static flux_future_t *update_watch (flux_t *who, flux_jobid_t id, const char *key)
{
    flux_future_t *f =
        flux_rpc_pack (who, "job-info.update-watch", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                       "{s:I s:s s:i}", "id", (json_int_t)id, "key", key, "flags", 0);
    if (!f)
        bail_out ("flux_rpc_pack: %s", strerror (errno));
    return f;
}

static void update_is (flux_future_t *f, const char *want, const char *name)
{
    const char *s = NULL;
    char *got = NULL;
    json_t *o;

    if (flux_rpc_get (f, &s) == 0 && (o = json_loads (s, 0, NULL))) {
        got = json_dumps (o, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref (o);
    }
    is (got, want, "%s", name);
    free (got);
    flux_future_reset (f);
}

static void rpc_ends (flux_future_t *f, int errnum, const char *name)
{
    is_int (flux_rpc_get (f, NULL) < 0 ? errno : 0, errnum, "%s", name);
    flux_future_destroy (f);
}

static void updates (void)
{
    static const char topic[] = "job-info.update-watch";
    flux_t *owner = live_open_guest (getuid () + 1000);
    flux_t *other = live_open_guest (getuid () + 1001);
    flux_jobid_t id = job_new (getuid () + 1000);
    flux_future_t *f;

    job_write (id, "put", "jobspec", "{\"a\":0}");
    f = update_watch (owner, id, "jobspec");
    update_is (f, "{\"jobspec\":{\"a\":0}}", "a jobspec can be watched by whose job it is");
    rpc_ends (update_watch (other, id, "jobspec"), EPERM, "by nobody else");
    event (id, EVC ("resource-update", "{\"expiration\":5.0}")
                   EVC ("jobspec-update", "{\"b.c\":1}"));
    update_is (f, "{\"jobspec\":{\"a\":0,\"b\":{\"c\":1}}}", "each update of it is told");
    flux_future_destroy (flux_rpc_pack (owner, "job-info.update-watch-cancel",
                                        FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE, "{s:i}",
                                        "matchtag", (int)flux_rpc_get_matchtag (f)));
    rpc_ends (f, ENODATA, "until that is cancelled");
    is_int (stats_get (h, "job-info", "update_watchers"), 0, "then nobody watches");
    is_int (stats_get (h, "job-info", "update_lookups"), 0, "nor looks");
    is_int (stats_get (h, "job-info", "lookups"), 0, "at anything");
    rpc_fails (h, topic, FLUX_RPC_STREAMING, "{\"id\":1,\"key\":\"R\",\"flags\":1}", EPROTO,
               "update-watch request rejected with invalid flag", "it has no flags");
    rpc_fails (h, topic, FLUX_RPC_STREAMING, "{\"id\":1,\"key\":\"J\",\"flags\":0}", EINVAL,
               "update-watch unsupported key specified", "and knows no other key");
    rpc_fails (h, topic, FLUX_RPC_STREAMING, "{\"id\":1}", EPROTO, NULL,
               "and wants all of it");
    flux_close (owner);
    flux_close (other);
}

static void guests_may_not_see_statistics (void)
{
    flux_t *guest = live_open_guest (getuid () + 1000);

    rpc_fails (guest, "job-info.stats-get", 0, NULL, EPERM, NULL,
               "what job-info counts is the owner's");
    rpc_fails (guest, "kvs-watch.stats-get", 0, NULL, 0, NULL,
               "what kvs-watch counts is not");
    flux_close (guest);
}

int main (void)
{
    h = live_open ();
    lookups ();
    update_lookups ();
    paths_that_are_none ();
    logs_that_are_broken ();
    cancels ();
    ends_of_guest_logs ();
    updates ();
    guests_may_not_see_statistics ();
    flux_close (h);
    return done_testing ();
}
