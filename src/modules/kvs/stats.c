#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "service.h"

static double mean (const struct kvs_tally *t)
{
    return t->count ? t->sum / t->count : 0;
}

static double stddev (const struct kvs_tally *t)
{
    double m = mean (t);
    double var = t->count > 1 ? (t->sumsq - t->count * m * m) / (t->count - 1) : 0;

    return var > 0 ? sqrt (var) : 0;
}

static json_t *tally_json (const struct kvs_tally *t, double scale)
{
    return json_pack ("{s:I s:i s:f s:f s:i}", "count", (json_int_t)t->count, "min",
                      (int)(t->min * scale), "mean", mean (t) * scale, "stddev",
                      stddev (t) * scale, "max", (int)(t->max * scale));
}

static json_t *namespaces_json (struct service *s)
{
    json_t *o = json_object ();
    struct kvs_ns_stats ns;
    size_t pos = 0;

    while (o && kvs_engine_ns_next (s->e, &pos, &ns)) {
        json_t *entry = json_pack (
            "{s:I s:I s:I s:I s:I}", "#versionwaiters", (json_int_t)ns.version_waiters,
            "#no-op stores", (json_int_t)ns.noop_stores, "#transactions",
            (json_int_t)ns.transactions, "#readytransactions", (json_int_t)ns.ready,
            "store revision", (json_int_t)ns.seq);

        if (json_object_set_new (o, ns.name, entry) < 0) {
            json_decref (o);
            return NULL;
        }
    }
    if (o && json_object_size (o) == 0
        && json_object_set_new (o, "primary",
                                json_pack ("{s:i s:i s:i s:i s:i}", "#watchers", 0,
                                           "#no-op stores", 0, "#transactions", 0,
                                           "#readytransactions", 0, "store revision", 0))
               < 0) {
        json_decref (o);
        return NULL;
    }
    return o;
}

/* kvs.stats-get: spec kvs.md §13.4, "durability", and "held": blobs that are not
 * stored, what they count for, and what those of past roots alone do (hold.h)
 */
void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct kvs_stats stats;

    kvs_engine_stats (s->e, &stats);
    if (flux_respond_pack (
            h, msg, "{s:{s:f s:o s:I s:I s:I} s:o s:{s:o} s:I s:s s:{s:I s:I s:I}}",
            "cache", "obj size total (MiB)", stats.cache_bytes / 1048576.,
            "obj size (KiB)", tally_json (&stats.blob_bytes, 0.001), "#obj dirty",
            (json_int_t)stats.storing, "#obj incomplete", (json_int_t)stats.loading,
            "#faults", (json_int_t)stats.faults, "namespace", namespaces_json (s),
            "transaction-opcount", "commit", tally_json (&stats.opcount, 1),
            "pending_requests", (json_int_t)stats.pending, "durability",
            durability_name (s), "held", "blobs", (json_int_t)stats.held, "bytes",
            (json_int_t)stats.open_bytes, "log_bytes", (json_int_t)stats.log_bytes)
        < 0)
        flux_log_error (h, "error responding to kvs.stats-get");
}

void stats_clear_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;

    kvs_engine_stats_clear (s->e);
    respond_empty (s, msg);
}

void stats_clear_event_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct service *s = arg;

    kvs_engine_stats_clear (s->e);
}
