/* joblist_journal.c - job-list behind a job-manager that is this program, in an
 * instance that has no other module: no kvs, no content.
 *
 *   joblist_journal              what job-list makes of the journal, and when
 *   joblist_journal PAYLOAD      it is sent this message
 *   joblist_journal ERRNUM       the journal ends like this
 *
 * Requests to the job-manager come in, and everything goes out, through one handle:
 * so what is sent first is there first.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "live.h"

#define PATIENCE 60.0
#define MANY 20000

static flux_t *h;
static const flux_msg_t *journal; /* the request that asks for it */

static void must_be (bool good, const char *what)
{
    if (!good)
        bail_out ("%s: %s", what, strerror (errno));
}

/* The next request to the job-manager that is not one of a departure. */
static const flux_msg_t *request (const char *topic)
{
    struct flux_match match = FLUX_MATCH_REQUEST;
    flux_msg_t *msg;

    match.topic_glob = (char *)topic;
    must_be ((msg = flux_recv (h, match, 0)) != NULL, topic);
    return msg;
}

static void load (void)
{
    live_finish (flux_rpc_pack (h, "module.load", FLUX_NODEID_ANY, 0, "{s:s s:[]}",
                                "path", "job-list", "args"),
                 "load");
    journal = request ("job-manager.events-journal");
}

static void unload (void)
{
    live_finish (flux_rpc_pack (h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                                "job-list"),
                 "remove");
    flux_msg_decref (journal);
}

static void send (const char *message)
{
    must_be (flux_respond (h, journal, message) == 0, "journal");
}

static flux_future_t *ask (const char *method, const char *payload, int flags)
{
    char topic[64];
    flux_future_t *f;

    snprintf (topic, sizeof (topic), "job-list.%s", method);
    must_be ((f = flux_rpc (h, topic, payload, FLUX_NODEID_ANY, flags)) != NULL, topic);
    return f;
}

static const char *answer (const char *method, const char *payload)
{
    flux_future_t *f = ask (method, payload, 0);
    const char *s = live_result (f);

    flux_future_destroy (f);
    return s;
}

/* ---- messages ---- */

#define SPEC                                                                          \
    "\"jobspec\":{\"resources\":[{\"type\":\"slot\",\"count\":1,\"with\":[{\"type\":" \
    "\"core\",\"count\":1}]}],\"tasks\":[{\"command\":[\"app\"]}],\"attributes\":"    \
    "{\"system\":{\"duration\":60}},\"version\":1}"
#define SUBMIT                                                                       \
    "{\"timestamp\":1,\"name\":\"submit\",\"context\":{\"userid\":7,\"urgency\":16," \
    "\"flags\":0,\"version\":1}}"
#define VALIDATE "{\"timestamp\":2,\"name\":\"validate\"}"
#define DEPEND "{\"timestamp\":3,\"name\":\"depend\"}"
#define PRIORITY "{\"timestamp\":4,\"name\":\"priority\",\"context\":{\"priority\":16}}"
#define CANCEL                                                                  \
    "{\"timestamp\":5,\"name\":\"exception\",\"context\":{\"type\":\"cancel\"," \
    "\"severity\":0,\"note\":\"\"}}"
#define CLEAN "{\"timestamp\":6,\"name\":\"clean\"}"
#define SENTINEL "{\"id\":-1,\"events\":[]}"
#define LIST_ALL "{\"max_entries\":0,\"attrs\":[]}"

/* The past of a job, in one message. */
static void send_past (int id, const char *events)
{
    char buf[2048];

    snprintf (buf, sizeof (buf), "{\"id\":%d,\"events\":[%s],%s}", id, events, SPEC);
    send (buf);
}

static void send_event (int id, const char *event)
{
    char buf[1024];

    snprintf (buf, sizeof (buf), "{\"id\":%d,\"events\":[%s]}", id, event);
    send (buf);
}

static int stat_of (const char *path)
{
    return stats_get (h, "job-list", path);
}

/* ---- what waits for the backlog ---- */

static void backlog (void)
{
    flux_future_t *list, *id, *attrs, *stats, *pause, *unpause, *watch;
    const char *s;

    load ();
    must_be (flux_request_decode (journal, NULL, &s) == 0 && s, "journal request");
    ok (strstr (s, "\"full\":true") && flux_msg_is_streaming (journal),
        "the whole journal is asked for, as a stream");
    list = ask ("list", LIST_ALL, 0);
    id = ask ("list-id", "{\"id\":2,\"attrs\":[\"state\"]}", 0);
    attrs = ask ("list-attrs", NULL, 0);
    stats = ask ("stats-get", NULL, 0);
    pause = ask ("job-state-pause", NULL, 0);
    unpause = ask ("job-state-unpause", NULL, 0);
    ok (strstr (answer ("job-stats", NULL), "\"total\":0}"),
        "statistics do not wait: there is nothing yet");
    send_past (2, SUBMIT "," VALIDATE "," DEPEND "," PRIORITY "," CANCEL "," CLEAN);
    send_past (1, SUBMIT "," VALIDATE "," DEPEND "," PRIORITY);
    ok (strstr (answer ("job-stats", NULL), "\"total\":2}"),
        "they are partial before the end of the backlog");
    is (answer ("config-reload", "{\"job-list\":{\"max_comparisons\":5}}"), "",
        "nor does a change of the configuration wait");
    ok (!flux_future_is_ready (list) && !flux_future_is_ready (id)
            && !flux_future_is_ready (attrs) && !flux_future_is_ready (stats)
            && !flux_future_is_ready (pause) && !flux_future_is_ready (unpause),
        "everything else does");
    send (SENTINEL);
    is (live_result (list), "{\"jobs\":[{\"id\":1},{\"id\":2}]}",
        "then requests are served: list");
    is (live_result (id), "{\"job\":{\"id\":2,\"state\":64}}", "... list-id");
    ok (strstr (live_result (attrs), "\"all\""), "... list-attrs");
    ok (strstr (live_result (stats), "\"inactive\":1"), "... stats-get");
    is (live_result (pause), "", "... pause");
    is (live_result (unpause), "", "... unpause");
    send (SENTINEL);
    is (answer ("list", LIST_ALL), "{\"jobs\":[{\"id\":1},{\"id\":2}]}",
        "another sentinel means nothing");
    watch = ask ("job-stats", NULL, FLUX_RPC_STREAMING);
    live_result (watch);
    flux_future_reset (watch);
    flux_future_destroy (id);
    id = ask ("list-id", "{\"id\":1,\"attrs\":[],\"state\":16}", 0);
    is_int (stat_of ("idsync/waits"), 1, "somebody waits for a job to run");
    is_int (stat_of ("stats_watchers"), 1, "and somebody watches");
    unload ();
    is (live_result (id), "38 job-list is unloading", "who waits at the end is told");
    is (live_result (watch), "38 job-list is unloading", "and who watches");
    flux_future_destroy (list);
    flux_future_destroy (id);
    flux_future_destroy (attrs);
    flux_future_destroy (stats);
    flux_future_destroy (pause);
    flux_future_destroy (unpause);
    flux_future_destroy (watch);
}

/* Requests that wait when the module goes; who leaves is forgotten. */
static void unloaded_before (void)
{
    flux_t *other = live_open ();
    flux_future_t *f, *g;

    load ();
    f = ask ("list", LIST_ALL, 0);
    must_be ((g = flux_rpc (other, "job-list.list", LIST_ALL, FLUX_NODEID_ANY, 0))
                 != NULL,
             "list");
    flux_future_destroy (g);
    flux_close (other);
    unload ();
    is (live_result (f), "38 job-list is unloading",
        "who waits for the backlog is told, too");
    flux_future_destroy (f);
}

/* ---- ids that are not known ---- */

/* What the job-manager is asked of a job that job-list does not know. */
static const flux_msg_t *asked (flux_future_t **f, int id, const char *more)
{
    const flux_msg_t *msg;
    char payload[128];
    json_int_t got;

    snprintf (payload, sizeof (payload), "{\"id\":%d,\"attrs\":[\"state\"]%s}", id, more);
    *f = ask ("list-id", payload, 0);
    msg = request ("job-manager.getattr");
    must_be (flux_request_unpack (msg, NULL, "{s:I}", "id", &got) == 0 && got == id,
             "getattr");
    return msg;
}

static void refuse (const flux_msg_t *msg, int errnum, const char *text)
{
    must_be (flux_respond_error (h, msg, errnum, text) == 0, "getattr");
    flux_msg_decref (msg);
}

static void accept (const flux_msg_t *msg)
{
    must_be (flux_respond (h, msg, "{}") == 0, "getattr");
    flux_msg_decref (msg);
}

static void unknown_ids (void)
{
    flux_future_t *f, *f2;
    const flux_msg_t *msg, *msg2;
    flux_t *other;

    load ();
    send (SENTINEL);
    msg = asked (&f, 1, "");
    is_int (stat_of ("idsync/lookups"), 1, "the job-manager is asked");
    refuse (msg, EINVAL, "unknown job");
    is (live_result (f), "2 No such file or directory",
        "it does not know: there is none");
    flux_future_destroy (f);

    msg = asked (&f, 2, "");
    refuse (msg, EPERM, "no");
    is (live_result (f), "1 no", "another error is passed on");
    flux_future_destroy (f);

    msg = asked (&f, 3, ",\"state\":8");
    send_past (3, SUBMIT "," VALIDATE);
    accept (msg);
    is_int (stat_of ("idsync/waits"), 1,
            "a job that comes while it is asked, not yet in the state that is wanted");
    send_event (3, DEPEND);
    send_event (3, PRIORITY);
    is (live_result (f), "{\"job\":{\"id\":3,\"state\":8}}", "... is waited for");
    flux_future_destroy (f);

    msg = asked (&f, 4, "");
    msg2 = asked (&f2, 4, "");
    send_past (4, SUBMIT);
    refuse (msg, EINVAL, "unknown job");
    accept (msg2);
    send_event (4, "{\"timestamp\":2,\"name\":\"invalidate\"}");
    is (live_result (f), "2 No such file or directory",
        "a job that is taken back was never there");
    is (live_result (f2), "2 No such file or directory", "for nobody who waited");
    flux_future_destroy (f);
    flux_future_destroy (f2);

    other = live_open ();
    f = flux_rpc (other, "job-list.list-id", "{\"id\":3,\"attrs\":[],\"state\":16}",
                  FLUX_NODEID_ANY, 0);
    /* it has arrived when what was sent behind it has been answered */
    is_int (stats_get (other, "job-list", "idsync/waits"), 1, "a client waits");
    flux_future_destroy (f);
    flux_close (other);
    while (stat_of ("idsync/waits") > 0)
        ;
    ok (true, "it leaves, and is forgotten");
    unload ();
}

/* ---- held back, and purged ---- */

static void pausing (void)
{
    flux_future_t *f;

    load ();
    send (SENTINEL);
    is (answer ("job-state-pause", NULL), "", "the journal is held back");
    send_past (1, SUBMIT "," VALIDATE "," DEPEND);
    send_event (1, PRIORITY);
    is (answer ("list", LIST_ALL), "{\"jobs\":[]}", "nothing of it shows");
    f = flux_event_publish_pack (h, "job-purge-inactive", 0, "{s:[i]}", "jobs", 1);
    live_finish (f, "publish");
    is (answer ("job-state-unpause", NULL), "", "it goes on");
    is (answer ("list", LIST_ALL), "{\"jobs\":[{\"id\":1}]}",
        "in its order; a purge of a job that is not inactive is none");
    send_event (1, CANCEL);
    send_event (1, CLEAN);
    is (answer ("list", LIST_ALL), "{\"jobs\":[{\"id\":1}]}", "it ends");
    f = flux_event_publish_pack (h, "job-purge-inactive", 0, "{s:[i i s]}", "jobs", 1, 99,
                                 "x");
    live_finish (f, "publish");
    while (stat_of ("jobs/inactive") > 0)
        ;
    is (answer ("list", LIST_ALL), "{\"jobs\":[]}", "purged it is gone");
    ok (strstr (answer ("job-stats", NULL), "\"total\":0}")
            && strstr (answer ("job-stats", NULL), "\"inactive_purged\":1"),
        "and counted as such");
    unload ();
}

/* The backlog had the job when it ran; what follows the sentinel ends it. */
static void purged_behind_the_backlog (void)
{
    flux_future_t *f;

    load ();
    send_past (1, SUBMIT "," VALIDATE "," DEPEND "," PRIORITY);
    send_past (2, SUBMIT "," VALIDATE "," DEPEND "," PRIORITY);
    f = flux_event_publish_pack (h, "job-purge-inactive", 0, "{s:[i]}", "jobs", 1);
    live_finish (f, "publish");
    send (SENTINEL);
    is (answer ("list", LIST_ALL), "{\"jobs\":[{\"id\":1},{\"id\":2}]}",
        "a purge that comes before the job's last events waits for them");
    for (int id = 1; id <= 2; id++) {
        send_event (id, CANCEL);
        send_event (id, CLEAN);
    }
    is (answer ("list", LIST_ALL), "{\"jobs\":[{\"id\":2}]}", "and has not been forgotten");
    ok (strstr (answer ("job-stats", NULL), "\"inactive_purged\":1"), "nor in the counters");
    unload ();
}

/* ---- guests ---- */

static const char *guest_asks (flux_t *guest, const char *method, const char *payload)
{
    char topic[64];
    flux_future_t *f;
    const char *s;

    snprintf (topic, sizeof (topic), "job-list.%s", method);
    must_be ((f = flux_rpc (guest, topic, payload, FLUX_NODEID_ANY, 0)) != NULL, topic);
    s = live_result (f);
    flux_future_destroy (f);
    return s;
}

static void guests (void)
{
    static const char wait[] = "{\"id\":1,\"attrs\":[],\"state\":16}";
    flux_t *guest = live_open_guest (7), *other = live_open_guest (8);
    flux_future_t *f[4096];
    int i, n = sizeof (f) / sizeof (f[0]);

    load ();
    send_past (1, SUBMIT "," VALIDATE "," DEPEND);
    send (SENTINEL);
    is (guest_asks (guest, "list", LIST_ALL), "{\"jobs\":[{\"id\":1}]}",
        "a guest may list jobs");
    is (guest_asks (guest, "list-id", "{\"id\":1,\"attrs\":[]}"), "{\"job\":{\"id\":1}}",
        "... and look at one");
    ok (strstr (guest_asks (guest, "list-attrs", NULL), "all"),
        "... and at what there is");
    ok (strstr (guest_asks (guest, "job-stats", NULL), "\"total\":1}"),
        "... and at counts");
    is (guest_asks (guest, "job-state-pause", NULL),
        "1 Request requires owner credentials", "but not hold back the journal");
    is (guest_asks (guest, "job-state-unpause", NULL),
        "1 Request requires owner credentials", "or let it go on");
    is (guest_asks (guest, "config-reload", "{}"), "1 Request requires owner credentials",
        "or configure");
    is (answer ("config-reload", "{\"access\":{\"private-mode\":true}}"), "",
        "in private mode:");
    is (guest_asks (guest, "list", LIST_ALL), "{\"jobs\":[{\"id\":1}]}",
        "a guest lists own jobs");
    is (guest_asks (other, "list", LIST_ALL), "{\"jobs\":[]}", "... not others'");
    is (guest_asks (
            other, "list",
            "{\"max_entries\":0,\"attrs\":[],\"constraint\":{\"not\":[{\"userid\":"
            "[8]}]}}"),
        "{\"jobs\":[]}", "... whatever the constraint");
    is (guest_asks (other, "list",
                    "{\"max_entries\":0,\"attrs\":[],\"userid\":7,\"states\":0,"
                    "\"results\":0}"),
        "{\"jobs\":[]}", "... nor by the oldest form of request");
    is (guest_asks (guest, "list-id", "{\"id\":1,\"attrs\":[]}"), "{\"job\":{\"id\":1}}",
        "a guest looks at an own job");
    is (guest_asks (other, "list-id", "{\"id\":1,\"attrs\":[]}"),
        "2 No such file or directory", "... not at another's");
    is (guest_asks (other, "list-id", wait), "2 No such file or directory",
        "... and does not wait for it");
    is (guest_asks (guest, "job-stats", NULL), "1 Operation not permitted",
        "statistics are not for guests");
    is (guest_asks (guest, "stats-get", NULL), "1 Operation not permitted",
        "of any kind");
    ok (strstr (guest_asks (guest, "list-attrs", NULL), "all"), "names are");
    is (answer ("config-reload", "{}"), "", "not in private mode:");

    for (i = 0; i < n; i++) {
        f[i] = flux_rpc (guest, "job-list.list-id", wait, FLUX_NODEID_ANY, 0);
        must_be (f[i] != NULL, "list-id");
    }
    is (guest_asks (guest, "list-id", wait),
        "122 too many requests of one user are waiting",
        "a guest waits 4096 times at most");
    {
        flux_future_t *mine = ask ("list-id", wait, 0), *theirs;

        theirs = flux_rpc (other, "job-list.list-id", wait, FLUX_NODEID_ANY, 0);
        must_be (theirs != NULL, "list-id");
        is_int (stats_get (other, "job-list", "idsync/waits"), 1, "for one job");
        send_event (1, PRIORITY);
        send_event (1, CANCEL);
        send_event (1, CLEAN);
        is (live_result (mine), "{\"job\":{\"id\":1}}", "nobody else is kept from it");
        is (live_result (theirs), "{\"job\":{\"id\":1}}", "neither guest nor owner");
        flux_future_destroy (mine);
        flux_future_destroy (theirs);
    }
    for (i = 0; i < n; i++) {
        if (strcmp (live_result (f[i]), "{\"job\":{\"id\":1}}") != 0)
            break;
        flux_future_destroy (f[i]);
    }
    is_int (i, n, "every one is answered");
    is (guest_asks (guest, "list-id", wait), "{\"job\":{\"id\":1}}", "and may ask again");
    unload ();
    flux_close (guest);
    flux_close (other);
}

/* ---- very many jobs ---- */

static int count_jobs (flux_future_t *f)
{
    json_t *jobs;

    if (flux_rpc_get_unpack (f, "{s:o}", "jobs", &jobs) < 0)
        return -1;
    return json_array_size (jobs);
}

/* Who asks for far more than it reads, and for statistics, is neither sent it all nor
 * cut off, and gets everything when it reads.
 */
static void stopped (const char *all)
{
    enum { LISTS = 16 };
    flux_t *other = live_open ();
    flux_future_t *f[LISTS], *stats;
    int i, n, jobs;

    stats = flux_rpc (other, "job-list.job-stats", NULL, FLUX_NODEID_ANY,
                      FLUX_RPC_STREAMING);
    must_be (stats != NULL, "job-stats");
    for (i = 0; i < LISTS; i++) {
        f[i] = flux_rpc (other, "job-list.list", all, FLUX_NODEID_ANY, FLUX_RPC_STREAMING);
        must_be (f[i] != NULL, "list");
    }
    /* How many of them are stopped is a matter of when the broker ceased to read the
     * requests of it.  On a machine that is slow at the wrong moment it is none: those
     * that were read are sent, and the others come later.
     */
    for (i = 0; i < 10000; i++) {
        if (stat_of ("lists/sending") == 0 && stat_of ("lists/stopped") > 0)
            break;
    }
    is_int (stat_of ("lists/sending"), 0, "nothing is sent to who does not read");
    send_event (1, CANCEL);
    send_event (1, CLEAN);
    is_int (stat_of ("stats_watchers"), 1, "nor are statistics, which it still watches");
    for (i = 0; i < LISTS; i++) {
        for (jobs = 0; (n = count_jobs (f[i])) > 0; jobs += n)
            flux_future_reset (f[i]);
        if (jobs != MANY || errno != ENODATA)
            break;
        flux_future_destroy (f[i]);
    }
    is_int (i, LISTS, "when it reads it gets every job of every list");
    live_result (stats);
    flux_future_reset (stats);
    ok (strstr (live_result (stats), "\"inactive\":1"), "and the latest statistics");
    flux_future_destroy (stats);
    flux_close (other);
    while (stat_of ("stats_watchers") > 0)
        ;
}

/* Lists are sent bit by bit: somebody who asks last is not served last. */
static void turns (void)
{
    static const char all[] = "{\"max_entries\":0,\"attrs\":[\"all\"]}";
    flux_future_t *streams[8], *once, *stats;
    int n, jobs[8] = { 0 };

    load ();
    for (int i = 1; i <= MANY; i++)
        send_past (i, SUBMIT "," VALIDATE "," DEPEND "," PRIORITY);
    /* these wait, and so they are all there when they are served */
    once = ask ("list", all, 0);
    for (int i = 0; i < 8; i++)
        streams[i] = ask ("list", all, FLUX_RPC_STREAMING);
    stats = ask ("stats-get", NULL, 0);
    send (SENTINEL);
    live_result (stats);
    ok (!flux_future_is_ready (once),
        "a small request does not wait for one answer to nine");
    for (int i = 0; i < 8; i++) {
        while ((n = count_jobs (streams[i])) > 0) {
            jobs[i] += n;
            flux_future_reset (streams[i]);
        }
        if (jobs[i] != MANY || errno != ENODATA)
            bail_out ("stream %d has %d jobs: %s", i, jobs[i], strerror (errno));
        flux_future_destroy (streams[i]);
    }
    ok (true, "every stream has all jobs");
    is_int (count_jobs (once), MANY, "and so has the answer in one message");
    flux_future_destroy (once);
    flux_future_destroy (stats);
    is_int (stat_of ("jobs/pending"), MANY, "there are so many");
    ok (stat_of ("memory/records") / MANY < 500 && stat_of ("memory/texts") < 100000,
        "each takes less than 500 bytes, their texts hardly any");

    stopped (all);

    streams[0] = ask ("list", all, FLUX_RPC_STREAMING);
    streams[1] = ask ("list", all, 0);
    unload ();
    while ((n = count_jobs (streams[0])) > 0)
        flux_future_reset (streams[0]);
    is_int (errno, ENOSYS,
            "a stream that is not at its end when the module goes is told");
    is (live_result (streams[1]), "38 job-list is unloading",
        "and so is who waits for an answer");
    flux_future_destroy (streams[0]);
    flux_future_destroy (streams[1]);
}

int main (int argc, char **argv)
{
    h = live_open ();
    live_finish (flux_service_register (h, "job-manager"), "service");
    if (argc > 1) {
        load ();
        send (SENTINEL);
        answer ("list", LIST_ALL);
        if (argv[1][0] == '{')
            send (argv[1]);
        else
            must_be (flux_respond_error (h, journal, atoi (argv[1]), NULL) == 0,
                     "journal");
        /* it is gone, or the instance */
        ok (strncmp (answer ("list-id", "{\"id\":1,\"attrs\":[]}"), "38 ", 3) == 0,
            "who asks is told that there is no job-list");
        return done_testing ();
    }
    backlog ();
    unloaded_before ();
    unknown_ids ();
    pausing ();
    purged_behind_the_backlog ();
    guests ();
    turns ();
    flux_close (h);
    return done_testing ();
}
