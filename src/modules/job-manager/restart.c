/* What the KVS says there is, read at the start.
 *
 * Directory job has four levels; the last one is a job's.  Look-ups are
 * pipelined: a window of them is out while the oldest is waited for, and jobs
 * are restored in order of their ids.
 *
 * A job that cannot be replayed is moved to job-lost+found.job.<F58> and told
 * of; it does not keep the others from living.
 */

#include "config.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "common/fluid.h"

#include "manager.h"

/* Look-ups in flight. */
#define WINDOW 256

#define LOOKUP(m, flags, key) \
    flux_kvs_lookup ((m)->h, KVS_PRIMARY_NAMESPACE, (flags), (key))

/* ---- the directories ------------------------------------------------------------- */

struct keys {
    char **v;
    size_t count;
    size_t room;
};

static void keys_fini (struct keys *k)
{
    for (size_t i = 0; i < k->count; i++)
        free (k->v[i]);
    free (k->v);
}

static int keys_add (struct keys *k, const char *parent, const char *name)
{
    if (k->count == k->room) {
        size_t room = k->room ? k->room * 2 : 64;
        char **v = realloc (k->v, room * sizeof (v[0]));

        if (!v)
            return -1;
        k->v = v;
        k->room = room;
    }
    if (asprintf (&k->v[k->count], "%s.%s", parent, name) < 0)
        return -1;
    k->count++;
    return 0;
}

/* Add the directories in what f brings. */
static int add_subdirs (flux_future_t *f, const char *parent, struct keys *out)
{
    const flux_kvsdir_t *dir;
    flux_kvsitr_t *itr;
    const char *name;
    int rc = 0;

    if (flux_kvs_lookup_get_dir (f, &dir) < 0 || !(itr = flux_kvsitr_create (dir)))
        return -1;
    while (rc == 0 && (name = flux_kvsitr_next (itr))) {
        if (flux_kvsdir_isdir (dir, name))
            rc = keys_add (out, parent, name);
    }
    flux_kvsitr_destroy (itr);
    return rc;
}

/* All directories one level below those of 'in', in order. */
static int next_level (struct manager *m, const struct keys *in, struct keys *out)
{
    flux_future_t *window[WINDOW];
    size_t sent = 0, got = 0;
    int rc = 0;

    while (got < in->count) {
        while (rc == 0 && sent < in->count && sent - got < WINDOW) {
            if (!(window[sent % WINDOW] = LOOKUP (m, FLUX_KVS_READDIR, in->v[sent])))
                rc = -1;
            else
                sent++;
        }
        if (got == sent)
            break;
        if (rc == 0)
            rc = add_subdirs (window[got % WINDOW], in->v[got], out);
        flux_future_destroy (window[got++ % WINDOW]);
    }
    return rc;
}

/* The keys of all job directories.  None, if there is no directory job. */
static int find_jobs (struct manager *m, struct keys *jobs)
{
    struct keys level = { .count = 0 };
    flux_future_t *f = LOOKUP (m, FLUX_KVS_READDIR, "job");
    int rc = -1;

    if (f && flux_rpc_get (f, NULL) < 0 && errno == ENOENT)
        rc = 0;
    else if (f)
        rc = add_subdirs (f, "job", &level);
    flux_future_destroy (f);
    for (int depth = 2; rc == 0 && depth <= 4; depth++) {
        struct keys below = { .count = 0 };

        rc = next_level (m, &level, &below);
        keys_fini (&level);
        level = below;
    }
    *jobs = level;
    return rc;
}

/* ---- one job ----------------------------------------------------------------------- */

struct lookup {
    uint64_t id;
    flux_future_t *eventlog;
    flux_future_t *jobspec;
    flux_future_t *R;
};

static void lookup_fini (struct lookup *l)
{
    flux_future_destroy (l->eventlog);
    flux_future_destroy (l->jobspec);
    flux_future_destroy (l->R);
}

static flux_future_t *lookup_key (struct manager *m, const char *dir, const char *name)
{
    char key[64];

    snprintf (key, sizeof (key), "%s.%s", dir, name);
    return LOOKUP (m, 0, key);
}

static int lookup_start (struct manager *m, const char *dir, struct lookup *l)
{
    *l = (struct lookup){ .id = 0 };
    if (strlen (dir) != 23 || fluid_decode (dir, &l->id) < 0) {
        flux_log (m->h, LOG_ERR, "restart failed: could not decode %s to job ID", dir);
        errno = EINVAL;
        return -1;
    }
    if (!(l->eventlog = lookup_key (m, dir, "eventlog"))
        || !(l->jobspec = lookup_key (m, dir, "jobspec"))
        || !(l->R = lookup_key (m, dir, "R"))) {
        lookup_fini (l);
        return -1;
    }
    return 0;
}

/* A JSON value; absent if there is none. */
static struct jview value_of (flux_future_t *f)
{
    struct jview v = JVIEW_ABSENT;
    const void *data;
    size_t len;

    if (flux_kvs_lookup_get_raw (f, &data, &len) == 0 && data)
        jview_parse (data, len, &v);
    return v;
}

/* 0, -1 with a sentence in why (the job is bad), or -1 with none (we are). */
static int restore (struct manager *m, struct lookup *l, struct text *why)
{
    const void *data;
    size_t len;
    int r;

    if (flux_kvs_lookup_get_raw (l->eventlog, &data, &len) < 0) {
        text_printf (why, "lookup eventlog: %s", flux_strerror (errno));
        return -1;
    }
    if (flux_rpc_get (l->jobspec, NULL) < 0) {
        text_printf (why, "lookup jobspec: %s", flux_strerror (errno));
        return -1;
    }
    r = jm_restore (m->jm, l->id, data ? data : "", data ? len : 0, value_of (l->jobspec),
                    value_of (l->R), why);
    if (r == -ENOMEM) {
        text_clear (why);
        errno = ENOMEM;
    }
    return r < 0 ? -1 : 0;
}

/* Move the directory of a job that cannot be replayed out of the way. */
static int set_aside (struct manager *m, uint64_t id)
{
    char key[64], to[96], f58[FLUID_BUFSIZE];
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f = NULL, *f2 = NULL;
    const char *treeobj;
    int rc = -1;

    if (txn && flux_job_kvs_key (key, sizeof (key), id, NULL) >= 0
        && fluid_encode (f58, sizeof (f58), id, FLUID_F58) >= 0) {
        snprintf (to, sizeof (to), "job-lost+found.job.%s", f58);
        if ((f = LOOKUP (m, FLUX_KVS_TREEOBJ, key))
            && flux_kvs_lookup_get_treeobj (f, &treeobj) == 0
            && flux_kvs_txn_put_treeobj (txn, 0, to, treeobj) == 0
            && flux_kvs_txn_unlink (txn, 0, key) == 0
            && (f2 = flux_kvs_commit (m->h, KVS_PRIMARY_NAMESPACE, 0, txn))
            && flux_rpc_get (f2, NULL) == 0)
            rc = 0;
    }
    flux_future_destroy (f2);
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
    return rc;
}

static int take (struct manager *m, struct lookup *l)
{
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    char f58[FLUID_BUFSIZE] = "?";
    int rc = restore (m, l, &why);

    if (rc == 0 || why.len == 0)
        return rc;
    fluid_encode (f58, sizeof (f58), l->id, FLUID_F58);
    flux_log (m->h, LOG_ERR, "job %s not replayed: %s", f58, why.buf);
    if (set_aside (m, l->id) < 0)
        flux_log_error (m->h, "moving job %s to job-lost+found", f58);
    return 0;
}

static int take_all (struct manager *m, const struct keys *jobs)
{
    struct lookup *window = calloc (WINDOW, sizeof (*window));
    size_t sent = 0, got = 0;
    int rc = window ? 0 : -1;

    while (got < jobs->count) {
        while (rc == 0 && sent < jobs->count && sent - got < WINDOW) {
            if ((rc = lookup_start (m, jobs->v[sent], &window[sent % WINDOW])) == 0)
                sent++;
        }
        if (got == sent)
            break;
        if (rc == 0)
            rc = take (m, &window[got % WINDOW]);
        lookup_fini (&window[got++ % WINDOW]);
    }
    free (window);
    return rc;
}

/* ---- checkpoint ---------------------------------------------------------------------- */

static void put_queue (struct text *t, const struct queue *q)
{
    text_printf (t, "{\"enable\":%s,\"start\":%s", q->enable ? "true" : "false",
                 q->sticky_start ? "true" : "false");
    if (*q->name) {
        text_puts (t, ",\"name\":");
        text_put_json_string (t, q->name, strlen (q->name));
    }
    if (q->disable_reason) {
        text_puts (t, ",\"disable_reason\":");
        text_put_json_string (t, q->disable_reason->s, q->disable_reason->len);
    }
    if (q->stop_reason) {
        text_puts (t, ",\"stop_reason\":");
        text_put_json_string (t, q->stop_reason->s, q->stop_reason->len);
    }
    text_putc (t, '}');
}

void manager_put_checkpoint (const struct manager *m, struct text *t)
{
    const struct queue *q = NULL;
    struct jm_counts c;
    bool first = true;

    jm_count (m->jm, &c);
    text_printf (t, "{\"version\":1,\"max_jobid\":%lld,\"queue\":[",
                 (long long)c.max_jobid);
    while ((q = jm_next_queue (m->jm, q))) {
        if (!first)
            text_putc (t, ',');
        first = false;
        put_queue (t, q);
    }
    text_puts (t, "]}");
}

/* A queue's stored state; one that is not configured any more is nobody's. */
static int restore_queue (struct manager *m, json_t *o, int version)
{
    const char *name = NULL, *disable_reason = NULL, *stop_reason = NULL;
    int enable = 1, start = -1, r;
    struct queue *q;

    if (json_unpack (o, "{s?s s:b s?b s?s s?s s?s}", "name", &name, "enable", &enable,
                     "start", &start, "reason", &disable_reason, "disable_reason",
                     &disable_reason, "stop_reason", &stop_reason)
        < 0) {
        errno = EPROTO;
        return -1;
    }
    if (!(q = jm_queue (m->jm, name)))
        return 0;
    r = jm_queue_enable (m->jm, q, enable, disable_reason ? disable_reason : "");
    if (r == 0 && version > 0 && start >= 0)
        r = jm_queue_start (m->jm, q, start, stop_reason, false);
    if (r < 0) {
        errno = -r;
        return -1;
    }
    return 0;
}

/* Somebody wants to look first, before jobs run again. */
static int stop_queues (struct manager *m)
{
    struct queue *q = NULL;
    int r = 0;

    while (r == 0 && (q = jm_next_queue (m->jm, q))) {
        if (q->start)
            r = jm_queue_start (m->jm, q, false,
                                "Automatically stopped due to restart", false);
    }
    errno = -r;
    return r < 0 ? -1 : 0;
}

static int restore_checkpoint (struct manager *m, flux_future_t *f, uint64_t *max_jobid)
{
    json_int_t id;
    json_t *queues = NULL, *q;
    int version = 0;
    size_t i;

    if (flux_kvs_lookup_get_unpack (f, "{s?i s:I s?o}", "version", &version, "max_jobid",
                                    &id, "queue", &queues)
            != 0
        || version > 1) {
        errno = EINVAL;
        return -1;
    }
    *max_jobid = id;
    json_array_foreach (queues, i, q)
    {
        if (restore_queue (m, q, version) < 0)
            return -1;
    }
    return 0;
}

static int read_checkpoint (struct manager *m, uint64_t *max_jobid)
{
    flux_future_t *f = LOOKUP (m, 0, MANAGER_CHECKPOINT_KEY);
    int rc = -1;

    if (f && flux_rpc_get (f, NULL) < 0 && errno == ENOENT) {
        flux_log (m->h, LOG_DEBUG, "restart: %s not found", MANAGER_CHECKPOINT_KEY);
        rc = 0;
    }
    else if (f)
        rc = restore_checkpoint (m, f, max_jobid);
    flux_future_destroy (f);
    return rc;
}

int manager_restart (struct manager *m)
{
    struct keys jobs = { .count = 0 };
    struct jm_counts c;
    uint64_t max_jobid = 0;
    char f58[FLUID_BUFSIZE] = "?";
    int rc = find_jobs (m, &jobs);

    if (rc == 0)
        rc = take_all (m, &jobs);
    keys_fini (&jobs);
    if (rc < 0) {
        flux_log_error (m->h, "restart");
        return -1;
    }
    if (read_checkpoint (m, &max_jobid) < 0) {
        flux_log_error (m->h, "restart: %s", MANAGER_CHECKPOINT_KEY);
        return -1;
    }
    jm_count (m->jm, &c);
    if (m->stop_queues_on_restart && (max_jobid > 0 || c.max_jobid > 0)
        && stop_queues (m) < 0) {
        flux_log_error (m->h, "restart: stopping queues");
        return -1;
    }
    jm_restore_finish (m->jm, max_jobid);
    jm_count (m->jm, &c);
    if (c.active + c.inactive > 0)
        flux_log (m->h, LOG_INFO, "restart: %zu jobs", c.active + c.inactive);
    if (c.running > 0)
        flux_log (m->h, LOG_INFO, "restart: %zu running jobs", c.running);
    fluid_encode (f58, sizeof (f58), c.max_jobid, FLUID_F58);
    flux_log (m->h, LOG_DEBUG, "restart: max_jobid=%s", f58);
    return 0;
}
