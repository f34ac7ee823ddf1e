/* checkpoint.job-manager: what is not in any job's eventlog.
 *
 *   { "version":1 "max_jobid":I
 *     "queue":[ { "enable":b "start":b "name"?:s "disable_reason"?:s
 *                 "stop_reason"?:s } ]
 *     "history":{ "before":I "active":[I] } }
 *
 * "history" is ours: when it was written, all jobs up to "before" were inactive
 * but those in "active".  What is inactive stays so, so after any later crash
 * the jobs that may be active are these and those with higher ids.  A
 * job-manager that does not know of it writes a checkpoint without it, and then
 * all jobs are looked at.
 */

#include "config.h"
#include <jansson.h>

#include "restart.h"

#define LOOKUP(m, flags, key) \
    flux_kvs_lookup ((m)->h, KVS_PRIMARY_NAMESPACE, (flags), (key))

/* More of them are not worth a list. */
#define ACTIVE_MAX 65536

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

char *manager_history_text (const struct manager *m)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    const struct job *job = NULL;
    struct jm_counts c;
    bool first = true;

    jm_count (m->jm, &c);
    if (c.active > ACTIVE_MAX)
        return NULL;
    text_printf (&t, ",\"history\":{\"before\":%lld,\"active\":[",
                 (long long)c.max_jobid);
    while ((job = jm_next_active (m->jm, job))) {
        text_printf (&t, first ? "%lld" : ",%lld", (long long)job->id);
        first = false;
    }
    text_puts (&t, "]}");
    return text_take (&t, NULL);
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
    text_putc (t, ']');
    if (m->history_text)
        text_puts (t, m->history_text);
    text_putc (t, '}');
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

int manager_stop_queues (struct manager *m)
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

void checkpoint_fini (struct checkpoint *cp)
{
    free (cp->active);
}

/* One that makes no sense is none. */
static int take_history (struct checkpoint *cp, json_t *o)
{
    json_int_t before;
    json_t *active, *id;
    size_t i;

    if (!o
        || json_unpack (o, "{s:I s:o}", "before", &before, "active", &active) < 0
        || !json_is_array (active))
        return 0;
    if (!(cp->active = calloc (json_array_size (active) + 1, sizeof (cp->active[0]))))
        return -1;
    json_array_foreach (active, i, id)
        cp->active[cp->count++] = json_integer_value (id);
    cp->before = before;
    return 0;
}

static int take (struct manager *m, flux_future_t *f, struct checkpoint *cp)
{
    json_t *queues = NULL, *history = NULL, *q;
    int version = 0;
    json_int_t id;
    size_t i;

    if (flux_kvs_lookup_get_unpack (f, "{s?i s:I s?o s?o}", "version", &version,
                                    "max_jobid", &id, "queue", &queues, "history",
                                    &history)
            != 0
        || version > 1) {
        errno = EINVAL;
        return -1;
    }
    cp->max_jobid = id;
    json_array_foreach (queues, i, q)
    {
        if (restore_queue (m, q, version) < 0)
            return -1;
    }
    return take_history (cp, history);
}

int checkpoint_read (struct manager *m, struct checkpoint *cp)
{
    flux_future_t *f = LOOKUP (m, 0, MANAGER_CHECKPOINT_KEY);
    int rc = -1;

    *cp = (struct checkpoint){ .max_jobid = 0 };
    if (f && flux_rpc_get (f, NULL) < 0 && errno == ENOENT) {
        flux_log (m->h, LOG_DEBUG, "restart: %s not found", MANAGER_CHECKPOINT_KEY);
        rc = 0;
    }
    else if (f)
        rc = take (m, f, cp);
    flux_future_destroy (f);
    return rc;
}
