/* leave_live.c - a module goes while it works: whoever has asked it is told.
 *
 *   leave_live kvs|jobs|ranks
 *
 * Each module has a request of each kind that can wait open when it is removed,
 * and whom it has asked itself hangs (module.debug defer) or answers late.  Every
 * request must end, with whatever result is true; and unless it was to be
 * answered at once, it must have waited until then.
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "live.h"

static flux_t *h;

enum { S = FLUX_RPC_STREAMING };

/* A request that waits. */
struct wait {
    const char *topic;
    int flags;
    const char *payload;
    int skip; /* responses that come at once */
    flux_future_t *f;
};

static flux_future_t *send (const char *topic, int flags, const char *payload)
{
    flux_future_t *f = flux_rpc (h, topic, payload, FLUX_NODEID_ANY, flags);

    if (!f)
        bail_out ("%s: %s", topic, strerror (errno));
    return f;
}

static void call (const char *topic, const char *payload)
{
    flux_future_t *f = send (topic, 0, payload);

    if (flux_rpc_get (f, NULL) < 0)
        bail_out ("%s %s: %s", topic, payload, future_strerror (f, errno));
    flux_future_destroy (f);
}

static void callf (const char *topic, const char *fmt, const char *name)
{
    char payload[128];

    snprintf (payload, sizeof (payload), fmt, name);
    call (topic, payload);
}

static void load (const char *name)
{
    callf ("module.load", "{\"path\":\"%s\",\"args\":[]}", name);
}

static void unload (const char *name)
{
    callf ("module.remove", "{\"name\":\"%s\"}", name);
}

static void hang (const char *name, bool yes)
{
    if (name)
        callf ("module.debug",
               yes ? "{\"name\":\"%s\",\"defer\":true}" : "{\"name\":\"%s\",\"defer\":false}",
               name);
}

/* All that it was sent before has been taken. */
static void settle (const char *name)
{
    char topic[64];

    snprintf (topic, sizeof (topic), "%s.ping", name);
    call (topic, "{}");
}

/* The request is there, and not answered. */
static void waits (const char *name, const struct wait *w)
{
    for (int i = 0; i < w->skip; i++) {
        if (flux_future_wait_for (w->f, 60.) < 0 || flux_rpc_get (w->f, NULL) < 0)
            bail_out ("%s: %s", w->topic, future_strerror (w->f, errno));
        flux_future_reset (w->f);
    }
    ok (!flux_future_is_ready (w->f), "%s: %s %.40s waits", name, w->topic,
        w->payload ? w->payload : "");
}

/* It ends; a stream may have had more to say. */
static void ends (const char *name, const struct wait *w)
{
    int errnum = 0, rc;

    do {
        if ((rc = flux_future_wait_for (w->f, 60.)) == 0)
            rc = flux_future_get (w->f, NULL);
        errnum = rc < 0 ? errno : 0;
        if (rc == 0 && (w->flags & S))
            flux_future_reset (w->f);
    } while (rc == 0 && (w->flags & S));
    ok (errnum != ETIMEDOUT, "%s: %s %.40s ends: %s", name, w->topic,
        w->payload ? w->payload : "", errnum ? strerrorname_np (errnum) : "success");
    flux_future_destroy (w->f);
}

/* Remove the module while all of these wait, and provider hangs; then it answers
 * again, and the module may go.
 */
static void leaves (const char *name, const char *provider, struct wait *w)
{
    flux_future_t *gone;
    char payload[64];

    hang (provider, true);
    for (int i = 0; w[i].topic; i++) {
        if (!w[i].f)
            w[i].f = send (w[i].topic, w[i].flags, w[i].payload);
    }
    settle (name);
    for (int i = 0; w[i].topic; i++)
        waits (name, &w[i]);
    snprintf (payload, sizeof (payload), "{\"name\":\"%s\"}", name);
    gone = send ("module.remove", 0, payload);
    call ("attr.list", NULL); /* the broker has sent it its shutdown */
    hang (provider, false);
    for (int i = 0; w[i].topic; i++)
        ends (name, &w[i]);
    ok (flux_future_wait_for (gone, 60.) == 0 && flux_rpc_get (gone, NULL) == 0,
        "%s goes", name);
    flux_future_destroy (gone);
}

/* ---- kvs, kvs-watch, content ---- */

static void leave_kvs_watch (void)
{
    struct wait w[] = {
        { .topic = "kvs-watch.lookup", .flags = S, .skip = 1,
          .payload = "{\"key\":\"a.b\",\"namespace\":\"primary\",\"flags\":4}" },
        { .topic = "kvs-watch.lookup", .flags = S,
          .payload = "{\"key\":\"nosuch\",\"namespace\":\"primary\",\"flags\":12}" },
        { .topic = "kvs-watch.lookup", .flags = S,
          .payload = "{\"key\":\"a.b\",\"namespace\":\"nosuch\",\"flags\":12}" },
        { 0 },
    };
    struct wait late[] = {
        { .topic = "kvs-watch.lookup", .flags = S,
          .payload = "{\"key\":\"a.b\",\"namespace\":\"primary\",\"flags\":4}" },
        { .topic = "kvs-watch.lookup",
          .payload = "{\"key\":\"a.b\",\"namespace\":\"primary\",\"flags\":8}" },
        { .topic = "kvs-watch.stats-get", .payload = NULL },
        { 0 },
    };

    w[0].f = send (w[0].topic, S, w[0].payload);
    if (flux_future_wait_for (w[0].f, 60.) < 0)
        bail_out ("no first value");
    leaves ("kvs-watch", NULL, w);
    load ("kvs-watch");
    leaves ("kvs-watch", "kvs", late);
    load ("kvs-watch");
}

static void leave_kvs (void)
{
    struct wait w[] = {
        { .topic = "kvs.lookup",
          .payload = "{\"key\":\"a.b\",\"namespace\":\"primary\",\"flags\":0}" },
        { .topic = "kvs.lookup-plus",
          .payload = "{\"key\":\"a.b\",\"namespace\":\"primary\",\"flags\":0}" },
        { .topic = "kvs.commit",
          .payload = "{\"namespace\":\"primary\",\"flags\":0,\"ops\":[{\"key\":\"a.c\","
                     "\"flags\":0,\"dirent\":null}]}" },
        { .topic = "kvs.wait-version",
          .payload = "{\"namespace\":\"primary\",\"rootseq\":1000000}" },
        { .topic = "kvs.wait-version", .payload = "{\"namespace\":\"nosuch\",\"rootseq\":1}" },
        { 0 },
    };
    struct wait saves[] = {
        { .topic = "kvs.commit",
          .payload = "{\"namespace\":\"primary\",\"flags\":2,\"ops\":[{\"key\":\"x\","
                     "\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"val\",\"data\":\"MQ==\"}}]}" },
        { .topic = "kvs.held-store" },
        { .topic = "kvs.save" },
        { 0 },
    };

    unload ("kvs"); /* so that nothing is in its cache */
    load ("kvs");
    w[4].topic = NULL; /* nobody can wait for a namespace here: see below */
    leaves ("kvs", "content", w);
    load ("kvs");
    leaves ("kvs", "content", saves);
    load ("kvs");
}

static void leave_content (void)
{
    struct wait w[] = {
        { .topic = "content.flush" },
        { .topic = "content.checkpoint-get" },
        { .topic = "content.checkpoint-put", .payload = "{\"value\":{}}" },
        { 0 },
    };
    struct wait unsourced[] = { { .topic = "content.flush" }, { 0 } };
    flux_future_t *f[2];
    int rc;

    unload ("content");
    load ("content");
    leaves ("content", "content-sqlite", w);
    load ("content");
    leaves ("content", "kvs", unsourced);
    load ("content");
    /* one after the other, both at work */
    f[0] = flux_rpc_raw (h, "content-backing.store", "abc", 3, FLUX_NODEID_ANY, 0);
    f[1] = flux_rpc_raw (h, "content.load", "01234567890123456789", 20, FLUX_NODEID_ANY, 0);
    unload ("content-sqlite");
    ok (flux_future_wait_for (f[0], 60.) == 0 && flux_rpc_get_raw (f[0], NULL, NULL) == 0,
        "content-sqlite: what it was to store when it was removed is stored");
    rc = flux_future_wait_for (f[1], 60.);
    if (rc == 0)
        rc = flux_future_get (f[1], NULL);
    ok (rc < 0 && (errno == ENOENT || errno == ENOSYS),
        "content: who loads what the backing store was asked for hears that it is not "
        "there, or that nobody knows: %s",
        rc < 0 ? strerrorname_np (errno) : "success");
    flux_future_destroy (f[0]);
    flux_future_destroy (f[1]);
    load ("content-sqlite");
}

/* ---- a commit on rank 1, and the kvs of rank 0 ---- */

static void call_leader (const char *topic, const char *payload)
{
    flux_future_t *f = flux_rpc (h, topic, payload, 0, 0);

    if (!f || flux_rpc_get (f, NULL) < 0)
        bail_out ("%s %s: %s", topic, payload, f ? future_strerror (f, errno) : "");
    flux_future_destroy (f);
}

static void commit_ends (flux_future_t *f, int errnum, const char *name)
{
    int rc = flux_future_wait_for (f, 60.);

    if (rc == 0)
        rc = flux_future_get (f, NULL);
    ok ((rc < 0 ? errno : 0) == errnum, "%s: %s", name,
        rc < 0 ? strerrorname_np (errno) : "success");
    flux_future_destroy (f);
}

static void ranks (void)
{
    flux_future_t *f, *gone;

    commit_ends (live_commit_begin (h, NULL, 0, "put a.b 1"), 0, "a commit on rank 1");
    call_leader ("module.debug", "{\"name\":\"content\",\"defer\":true}");
    f = live_commit_begin (h, NULL, FLUX_KVS_SYNC, "put a.c 1");
    settle ("kvs"); /* here it was passed on */
    call_leader ("kvs.ping", "{}");
    ok (!flux_future_is_ready (f), "one that rank 0 has taken waits for content");
    gone = flux_rpc (h, "module.remove", "{\"name\":\"kvs\"}", 0, 0);
    call_leader ("attr.list", NULL);
    call_leader ("module.debug", "{\"name\":\"content\",\"defer\":false}");
    commit_ends (f, ENOSYS, "and ends when the kvs there is removed");
    commit_ends (gone, 0, "which goes");
    commit_ends (live_commit_begin (h, NULL, 0, "put a.d 1"), ENOSYS,
                 "one that nobody takes ends, too");
    call_leader ("module.load", "{\"path\":\"kvs\",\"args\":[]}");
    commit_ends (live_commit_begin (h, NULL, 0, "put a.e 1"), 0,
                 "the kvs is there again: the next one is made");
}

/* ---- jobs ---- */

static flux_jobid_t submit (const char *command)
{
    char jobspec[512];
    flux_future_t *f;
    flux_jobid_t id;

    snprintf (jobspec, sizeof (jobspec),
              "{\"version\":1,\"resources\":[{\"type\":\"slot\",\"count\":1,\"label\":\"t\","
              "\"with\":[{\"type\":\"core\",\"count\":1}]}],\"tasks\":[{\"command\":[%s],"
              "\"slot\":\"t\",\"count\":{\"per_slot\":1}}],"
              "\"attributes\":{\"system\":{\"duration\":0,\"cwd\":\"/tmp\"}}}",
              command);
    f = flux_job_submit (h, jobspec, 16, 0);
    if (!f || flux_job_submit_get_id (f, &id) < 0)
        bail_out ("submit: %s", f ? future_strerror (f, errno) : strerror (errno));
    flux_future_destroy (f);
    return id;
}

static const char *fmt_id (const char *fmt, flux_jobid_t id)
{
    static char buf[8][256];
    static int n;
    char *s = buf[n++ % 8];

    snprintf (s, sizeof (buf[0]), fmt, (unsigned long long)id);
    return s;
}

static void until_runs (flux_jobid_t id)
{
    flux_future_t *f = flux_job_event_watch (h, id, "eventlog", 0);
    const char *event;

    while (flux_job_event_watch_get (f, &event) == 0) {
        if (strstr (event, "\"start\"")) {
            flux_job_event_watch_cancel (f);
            break;
        }
        flux_future_reset (f);
    }
    flux_future_destroy (f);
}

static void leave_job_info (flux_jobid_t id)
{
    struct wait w[] = {
        { .topic = "job-info.eventlog-watch", .flags = S,
          .payload = fmt_id ("{\"id\":%llu,\"path\":\"eventlog\",\"flags\":0}", id) },
        { .topic = "job-info.eventlog-watch", .flags = S,
          .payload = fmt_id ("{\"id\":%llu,\"path\":\"guest.output\",\"flags\":2}", id) },
        { .topic = "job-info.update-watch", .flags = S,
          .payload = fmt_id ("{\"id\":%llu,\"key\":\"R\",\"flags\":0}", id) },
        { .topic = "job-info.lookup",
          .payload = fmt_id ("{\"id\":%llu,\"keys\":[\"jobspec\"],\"flags\":0}", id) },
        { 0 },
    };

    unload ("job-info"); /* so that it remembers nothing */
    load ("job-info");
    leaves ("job-info", "kvs", w);
    load ("job-info");
}

static void leave_job_list (flux_jobid_t id)
{
    struct wait w[] = {
        { .topic = "job-list.list-id",
          .payload = fmt_id ("{\"id\":%llu,\"attrs\":[\"state\"],\"state\":64}", id) },
        { .topic = "job-list.list-id", .payload = "{\"id\":12345,\"attrs\":[]}" },
        { .topic = "job-list.job-stats", .flags = S, .payload = "{}", .skip = 1 },
        { 0 },
    };
    struct wait early[] = {
        { .topic = "job-list.list",
          .payload = "{\"max_entries\":1,\"attrs\":[],\"constraint\":{}}" },
        { .topic = "job-list.list-id", .payload = "{\"id\":12345,\"attrs\":[]}" },
        { 0 },
    };

    leaves ("job-list", "job-manager", w);
    hang ("job-manager", true); /* it does not get the jobs that there are */
    load ("job-list");
    leaves ("job-list", "job-manager", early);
    load ("job-list");
}

static void leave_sched (void)
{
    struct wait w[] = {
        { .topic = "sched.resource-status" },
        { .topic = "feasibility.check", .payload = "{\"jobspec\":{}}" },
        { 0 },
    };
    struct wait acquire[] = {
        { .topic = "resource.acquire", .flags = S, .skip = 1 },
        { 0 },
    };

    unload ("sched-simple");
    hang ("resource", true);
    load ("sched-simple");
    leaves ("sched-simple", "resource", w);
    leaves ("resource", NULL, acquire);
    load ("resource");
    load ("sched-simple");
}

static void leave_resource (void)
{
    struct wait sched[] = { { .topic = "resource.sched-status" }, { 0 } };
    struct wait drain[] = {
        { .topic = "resource.drain", .payload = "{\"targets\":\"0\",\"mode\":\"update\"}" },
        { 0 },
    };

    leaves ("resource", "sched-simple", sched);
    load ("resource");
    settle ("resource");
    leaves ("resource", "kvs", drain);
    load ("resource");
    call ("resource.undrain", "{\"targets\":\"0\",\"mode\":\"update\"}");
}

static void leave_job_ingest (void)
{
    struct wait w[] = { { .topic = "job-ingest.submit" }, { 0 } };

    hang ("kvs", true);
    w[0].f = flux_job_submit (
        h,
        "{\"version\":1,\"resources\":[{\"type\":\"slot\",\"count\":1,\"label\":\"t\","
        "\"with\":[{\"type\":\"core\",\"count\":1}]}],\"tasks\":[{\"command\":[\"true\"],"
        "\"slot\":\"t\",\"count\":{\"per_slot\":1}}],"
        "\"attributes\":{\"system\":{\"duration\":0,\"cwd\":\"/tmp\"}}}",
        16, 0);
    leaves ("job-ingest", "kvs", w);
    load ("job-ingest");
}

static void leave_job_manager (flux_jobid_t id)
{
    struct wait w[] = {
        { .topic = "job-manager.events-journal", .flags = S, .skip = 1,
          .payload = "{\"full\":false}" },
        { .topic = "job-manager.drain" },
        { .topic = "job-manager.idle" },
        { .topic = "job-manager.hold", .payload = fmt_id ("{\"id\":%llu}", id) },
        { .topic = "job-manager.update",
          .payload = fmt_id ("{\"id\":%llu,\"updates\":{"
                             "\"attributes.system.duration\":1000.0}}", id) },
        { 0 },
    };

    leaves ("job-manager", "sched-simple", w);
}

static void leave_job_exec (void)
{
    struct wait w[] = {
        { .topic = "job-exec.attach", .flags = S, .payload = "{\"token\":\"x\"}" },
        { 0 },
    };

    leaves ("job-exec", NULL, w);
    load ("job-exec");
}

static void jobs (void)
{
    flux_jobid_t id = submit ("\"sleep\",\"1000\"");

    until_runs (id);
    leave_job_info (id);
    leave_job_list (id);
    leave_resource ();
    leave_sched ();
    leave_job_ingest ();
    leave_job_manager (id);
    load ("job-manager");
    unload ("job-exec"); /* it has not said hello to this one */
    load ("job-exec");
    leave_job_exec ();
}

int main (int argc, char *argv[])
{
    h = live_open ();
    if (argc > 1 && strcmp (argv[1], "jobs") == 0)
        jobs ();
    else if (argc > 1 && strcmp (argv[1], "ranks") == 0)
        ranks ();
    else {
        live_commit (h, NULL, "put a.b 1", NULL);
        leave_kvs_watch ();
        leave_kvs ();
        leave_content ();
    }
    flux_close (h);
    return done_testing ();
}
