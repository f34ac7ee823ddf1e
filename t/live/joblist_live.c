/* joblist_live.c - job-list as its clients see it (job-list.md sections 5-8). */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "live.h"

#define PATIENCE 60.0

static flux_t *h;

#define SPEC                                                                             \
    "{\"resources\":[{\"type\":\"slot\",\"count\":1,\"with\":[{\"type\":\"core\","       \
    "\"count\":1}],\"label\":\"task\"}],\"tasks\":[{\"command\":[\"app\"],"              \
    "\"slot\":\"task\",\"count\":{\"per_slot\":1}}],\"attributes\":{\"system\":"         \
    "{\"duration\":%s,\"cwd\":\"/tmp\",\"exec\":{\"test\":{\"run_duration\":\"%s\"}}}}," \
    "\"version\":1}"

static flux_jobid_t submit (int urgency, const char *runtime)
{
    char spec[1024];
    flux_future_t *f;
    flux_jobid_t id;

    snprintf (spec, sizeof (spec), SPEC, "600.0", runtime);
    f = flux_job_submit (h, spec, urgency, 0);
    if (!f || flux_job_submit_get_id (f, &id) < 0)
        bail_out ("submit: %s", flux_future_error_string (f));
    flux_future_destroy (f);
    return id;
}

static const char *
rpc_on (flux_t *handle, const char *topic, const char *payload, int flags)
{
    flux_future_t *f = flux_rpc (handle, topic, payload, FLUX_NODEID_ANY, flags);
    const char *s;

    if (!f)
        bail_out ("%s: %s", topic, strerror (errno));
    s = live_result (f);
    flux_future_destroy (f);
    return s;
}

static const char *list (const char *payload)
{
    return rpc_on (h, "job-list.list", payload, 0);
}

/* An attribute of a job once it has been in one of these states. */
static json_t *wait_state (flux_jobid_t id, int state, const char *attr)
{
    flux_future_t *f =
        flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[s] s:i}", "id",
                       (json_int_t)id, "attrs", attr, "state", state);
    json_t *o;

    if (!f || flux_future_wait_for (f, PATIENCE) < 0
        || flux_rpc_get_unpack (f, "{s:o}", "job", &o) < 0)
        bail_out ("list-id: %s", flux_future_error_string (f));
    o = json_incref (json_object_get (o, attr));
    flux_future_destroy (f);
    return o;
}

static void wait_until (flux_jobid_t id, int state)
{
    json_decref (wait_state (id, state, "state"));
}

/* The ids of an answer, in order, as positions in 'ids'. */
static const char *order (const char *answer, const flux_jobid_t *ids, int n)
{
    static char buf[256];
    json_t *o = json_loads (answer, 0, NULL), *job;
    size_t i, len = 0;

    buf[0] = '\0';
    json_array_foreach (json_object_get (o, "jobs"), i, job)
    {
        flux_jobid_t id = json_integer_value (json_object_get (job, "id"));
        int k = 0;

        while (k < n && ids[k] != id)
            k++;
        len += snprintf (buf + len, sizeof (buf) - len, "%d ", k);
    }
    json_decref (o);
    return buf;
}

static void nothing_yet (void)
{
    is (list ("{\"max_entries\":0,\"attrs\":[\"id\",5,\"nosuch\"]}"), "{\"jobs\":[]}",
        "of no jobs anything may be asked");
    is (rpc_on (h, "job-list.list", "{\"max_entries\":0,\"attrs\":[]}",
                FLUX_RPC_STREAMING),
        "61 No data available", "a stream of no jobs is at its end");
    is (rpc_on (h, "job-list.list-id", "{\"id\":1234,\"attrs\":[5]}", 0),
        "2 No such file or directory",
        "an unknown job is not there, whatever is asked of it");
    is (rpc_on (h, "job-list.job-stats", NULL, 0),
        "{\"job_states\":{\"depend\":0,\"priority\":0,\"sched\":0,\"run\":0,\"cleanup\":"
        "0,"
        "\"inactive\":0,\"total\":0},\"successful\":0,\"failed\":0,\"canceled\":0,"
        "\"timeout\":0,"
        "\"inactive_purged\":0,\"queues\":[]}",
        "nothing is counted");
    ok (strstr (rpc_on (h, "job-list.list-attrs", NULL, 0),
                "{\"attrs\":[\"userid\",\"urgency\","),
        "the attributes are told");
}

static void bad_requests (void)
{
    is (list (NULL), "71 invalid payload: message does not have a string payload",
        "no payload");
    is (list ("{\"attrs\":[]}"), "71 invalid payload: Object item not found: max_entries",
        "no max_entries");
    is (list ("{\"max_entries\":1.5,\"attrs\":[]}"),
        "71 invalid payload: Expected integer, got real", "a real one");
    is (list ("{\"max_entries\":-1,\"attrs\":[]}"),
        "71 invalid payload: max_entries < 0 not allowed", "a negative one");
    is (list ("{\"max_entries\":0,\"attrs\":5}"),
        "71 invalid payload: attrs must be an array", "attrs that are none");
    is (list ("{\"max_entries\":0,\"attrs\":[],\"since\":-1}"),
        "71 invalid payload: since < 0.0 not allowed", "a negative since");
    is (list ("{\"max_entries\":0,\"attrs\":[],\"since\":\"x\"}"),
        "71 invalid payload: Expected real or integer, got string",
        "a since that is no number");
    is (list ("{\"max_entries\":0,\"attrs\":[],\"constraint\":null}"),
        "71 invalid payload: constraint object invalid: constraint must be JSON object",
        "a constraint that is none");
    is (list ("{\"max_entries\":0,\"attrs\":[],\"constraint\":{\"states\":[\"foo\"]}}"),
        "71 invalid payload: constraint object invalid: invalid states value 'foo' "
        "specified",
        "a bad constraint");
    is (list ("{\"max_entries\":0,\"attrs\":[5]}"), "22 attr has no string value",
        "no name");
    is (list ("{\"max_entries\":0,\"attrs\":[\"id\"]}"), "22 id is not a valid attribute",
        "the id, which always comes");
    is (rpc_on (h, "job-list.list-id", "{\"id\":1,\"attrs\":[],\"state\":1}", 0),
        "71 invalid payload: invalid state specified", "a state nobody can wait for");
    is (rpc_on (h, "job-list.bogus", NULL, 0),
        "38 Unknown service method 'job-list.bogus'", "an unknown method");
}

static void listing (void)
{
    flux_jobid_t ids[6];
    flux_future_t *f, *f2;
    char *before;
    json_t *t;
    char buf[256];

    ids[0] = submit (16, "0.001s");
    wait_until (ids[0], FLUX_JOB_STATE_INACTIVE);
    ids[1] = submit (16, "0.001s");
    wait_until (ids[1], FLUX_JOB_STATE_INACTIVE);
    ids[2] = submit (31, "100s");
    wait_until (ids[2], FLUX_JOB_STATE_RUN);
    ids[3] = submit (0, "100s");
    ids[4] = submit (0, "100s");
    wait_until (ids[4], FLUX_JOB_STATE_SCHED);
    is (order (list ("{\"max_entries\":0,\"attrs\":[]}"), ids, 5), "3 4 2 1 0 ",
        "pending, running, inactive, each in its order");
    live_finish (flux_job_set_urgency (h, ids[4], 0), "urgency");
    is (order (list ("{\"max_entries\":2,\"attrs\":[]}"), ids, 5), "3 4 ",
        "not more than asked");
    t = wait_state (ids[0], 0, "t_inactive");
    snprintf (buf, sizeof (buf), "{\"max_entries\":0,\"attrs\":[],\"since\":%.17g}",
              json_real_value (t));
    is (order (list (buf), ids, 5), "3 4 2 1 ", "since leaves out what ended until then");
    json_decref (t);
    is (order (
            list ("{\"max_entries\":0,\"attrs\":[],\"constraint\":{\"and\":[{\"userid\":["
                  "-1]},"
                  "{\"or\":[{\"states\":[\"run\"]},{\"results\":[\"completed\"]}]}]}}"),
            ids, 5),
        "2 1 0 ", "a constraint selects");
    is (order (
            list ("{\"max_entries\":0,\"attrs\":[],\"userid\":4294967295,\"states\":14,"
                  "\"results\":0}"),
            ids, 5),
        "3 4 ", "the oldest form of request is understood");
    f = flux_rpc (h, "job-list.list", "{\"max_entries\":0,\"attrs\":[\"state\"]}",
                  FLUX_NODEID_ANY, FLUX_RPC_STREAMING);
    ok (strstr (live_result (f), ",\"version\":1}"),
        "a stream's first answer has a version");
    is (order (live_result (f), ids, 5), "3 4 2 1 0 ", "and may have all the jobs");
    flux_future_reset (f);
    is (live_result (f), "61 No data available", "then comes its end");
    flux_future_destroy (f);

    f = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[s] s:i}", "id",
                       (json_int_t)ids[3], "attrs", "state", "state", FLUX_JOB_STATE_RUN);
    f2 = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[s] s:i}",
                        "id", (json_int_t)ids[2], "attrs", "state", "state",
                        FLUX_JOB_STATE_SCHED);
    snprintf (buf, sizeof (buf), "{\"job\":{\"id\":%ju,\"state\":16}}",
              (uintmax_t)ids[2]);
    is (live_result (f2), buf, "a job that has been in a state need not be waited for");
    is_int (stats_get (h, "job-list", "idsync/waits"), 1, "another is");
    live_finish (flux_job_cancel (h, ids[3], NULL), "cancel");
    snprintf (buf, sizeof (buf), "{\"job\":{\"id\":%ju,\"state\":64}}",
              (uintmax_t)ids[3]);
    is (live_result (f), buf, "until it ends");
    flux_future_destroy (f);
    flux_future_destroy (f2);
    is_int (stats_get (h, "job-list", "idsync/waits"), 0, "then nobody waits");

    before = strdup (list ("{\"max_entries\":0,\"attrs\":[\"all\"],\"constraint\":"
                           "{\"states\":[\"pending\",\"inactive\"]}}"));
    live_finish (flux_rpc_pack (h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                                "job-list"),
                 "remove");
    live_finish (flux_rpc_pack (h, "module.load", FLUX_NODEID_ANY, 0, "{s:s s:[]}",
                                "path", "job-list", "args"),
                 "load");
    {
        json_t *a = json_loads (before, 0, NULL);
        json_t *b =
            json_loads (list ("{\"max_entries\":0,\"attrs\":[\"all\"],\"constraint\":"
                              "{\"states\":[\"pending\",\"inactive\"]}}"),
                        0, NULL);
        size_t i;
        json_t *job;

        json_array_foreach (json_object_get (a, "jobs"), i, job)
            json_object_del (job, "annotations");
        json_array_foreach (json_object_get (b, "jobs"), i, job)
            json_object_del (job, "annotations");
        ok (json_equal (a, b) && json_array_size (json_object_get (a, "jobs")) == 4,
            "after a reload everything is the same, but for annotations");
        json_decref (a);
        json_decref (b);
    }
    free (before);
    live_finish (flux_job_cancel (h, ids[2], NULL), "cancel");
    live_finish (flux_job_cancel (h, ids[4], NULL), "cancel");
    wait_until (ids[2], FLUX_JOB_STATE_INACTIVE);
    wait_until (ids[4], FLUX_JOB_STATE_INACTIVE);
}

/* What comes next, or soon after it: several changes may be told one by one. */
static bool comes_to (flux_future_t *f, const char *want)
{
    for (int i = 0; i < 10; i++) {
        if (strstr (live_result (f), want))
            return true;
        flux_future_reset (f);
    }
    return false;
}

static void watching_statistics (void)
{
    flux_future_t *f =
        flux_rpc (h, "job-list.job-stats", NULL, FLUX_NODEID_ANY, FLUX_RPC_STREAMING);
    flux_jobid_t id;

    ok (strstr (live_result (f), "\"inactive\":5,\"total\":5}"),
        "statistics come at once");
    flux_future_reset (f);
    is_int (stats_get (h, "job-list", "stats_watchers"), 1, "somebody watches them");
    id = submit (0, "1s");
    wait_until (id, FLUX_JOB_STATE_SCHED);
    ok (comes_to (f, "\"sched\":1,"), "and again after a change");
    flux_future_reset (f);
    live_finish (flux_job_cancel (h, id, NULL), "cancel");
    wait_until (id, FLUX_JOB_STATE_INACTIVE);
    ok (comes_to (f, "\"canceled\":4,"), "and after the next");
    live_finish (flux_rpc_pack (h, "job-manager.purge", FLUX_NODEID_ANY, 0,
                                "{s:f s:i s:i s:b}", "age_limit", -1., "num_limit", 1,
                                "batch", 100, "force", 1),
                 "purge");
    flux_future_reset (f);
    ok (strstr (live_result (f), "\"inactive\":1,\"total\":1}")
            && strstr (live_result (f), "\"inactive_purged\":5"),
        "jobs that are purged are counted as such");
    flux_future_destroy (f);
}

static void configure (const char *conf, const char *want, const char *why)
{
    is (rpc_on (h, "job-list.config-reload", conf, 0), want, "%s", why);
}

static void limits_and_privacy (void)
{
    flux_t *guest = live_open_guest (4711);
    flux_jobid_t id = submit (0, "1s");
    char buf[128];

    wait_until (id, FLUX_JOB_STATE_SCHED);
    configure ("{\"job-list\":{\"max_comparisons\":1}}", "", "comparisons are limited");
    is (list ("{\"max_entries\":0,\"attrs\":[]}"),
        "22 Excessive comparisons made, limit search via states or since",
        "a listing is too much");
    ok (!strncmp (list ("{\"max_entries\":1,\"attrs\":[]}"), "{\"jobs\":[{", 10),
        "one job is not");
    configure ("{\"job-list\":{\"max_comparisons\":-1}}",
               "22 job-list.max_comparisons must be >= 0", "a bad limit is refused");
    configure ("{\"job-list\":{\"max_comparisons\":\"x\"}}",
               "22 error reading config for job-list: Expected integer, got string",
               "with reason");
    configure ("{\"job-list\":5}",
               "22 error reading config for job-list: Expected object, got integer",
               "a table that is none");
    configure ("{\"access\":{\"private-mode\":\"x\"}}",
               "22 error reading [access] config: Expected true or false, got string",
               "privacy is a matter of yes or no");
    configure ("{\"queues\":{\"a\":{\"parent\":5}}}",
               "22 queues.a: 'parent' must be a string", "a bad queue");
    configure ("[]", "71 Protocol error", "what is no configuration at all");
    is (list ("{\"max_entries\":0,\"attrs\":[]}"),
        "22 Excessive comparisons made, limit search via states or since",
        "and changes nothing");
    configure ("{\"access\":{\"private-mode\":true}}", "", "private mode");
    is (rpc_on (guest, "job-list.list",
                "{\"max_entries\":0,\"attrs\":[],\"constraint\":{\"or\":"
                "[{\"userid\":[-1]}]}}",
                0),
        "{\"jobs\":[]}", "a guest sees own jobs only");
    snprintf (buf, sizeof (buf), "{\"id\":%ju,\"attrs\":[]}", (uintmax_t)id);
    is (rpc_on (guest, "job-list.list-id", buf, 0), "2 No such file or directory",
        "others are not there");
    is (rpc_on (guest, "job-list.job-stats", NULL, 0), "1 Operation not permitted",
        "and are not counted");
    ok (!strncmp (list ("{\"max_entries\":0,\"attrs\":[]}"), "{\"jobs\":[{", 10),
        "the owner sees all");
    configure ("{}", "", "no private mode");
    ok (!strncmp (rpc_on (guest, "job-list.list", "{\"max_entries\":0,\"attrs\":[]}", 0),
                  "{\"jobs\":[{", 10),
        "everybody sees all");
    live_finish (flux_job_cancel (h, id, NULL), "cancel");
    wait_until (id, FLUX_JOB_STATE_INACTIVE);
    flux_close (guest);
}

static void held_back (void)
{
    flux_jobid_t id;
    char buf[128];

    is (rpc_on (h, "job-list.job-state-pause", NULL, 0), "", "the journal is held back");
    id = submit (0, "1s");
    {
        flux_future_t *f =
            flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[s]}", "id",
                           (json_int_t)id, "attrs", "state");

        is_int (stats_get (h, "job-list", "idsync/waits"), 1,
                "a job that the job-manager has is waited for");
        is (rpc_on (h, "job-list.job-state-unpause", NULL, 0), "",
            "until the journal goes on");
        snprintf (buf, sizeof (buf), "{\"job\":{\"id\":%ju,\"state\":2}}", (uintmax_t)id);
        is (live_result (f), buf, "then it is there, as it came");
        flux_future_destroy (f);
    }
    live_finish (flux_job_cancel (h, id, NULL), "cancel");
    wait_until (id, FLUX_JOB_STATE_INACTIVE);
}

int main (void)
{
    h = live_open ();
    nothing_yet ();
    listing ();
    bad_requests ();
    watching_statistics ();
    limits_and_privacy ();
    held_back ();
    flux_close (h);
    return done_testing ();
}
