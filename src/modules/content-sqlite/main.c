/* content-sqlite/main.c - the backing store of content, in an SQLite file.
 *
 * Module arguments: journal_mode=, synchronous=, max-checkpoints=N, truncate.
 * Configuration [content-sqlite]: journal_mode, synchronous, max_checkpoints.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "sqlite.h"

void respond_error (struct sqlite *s, const flux_msg_t *msg, int errnum, const char *text)
{
    if (flux_respond_error (s->h, msg, errnum, text) < 0)
        flux_log_error (s->h, "error responding");
}

/* ---- checkpoints ---- */

/* content-backing.checkpoint-get: {} -> { "value":[o,...] }, newest first */
static void
checkpoint_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (text_fini) struct text list = TEXT_INIT;
    struct sqlite *s = arg;
    json_error_t error;
    json_t *value;
    int count, r;

    if ((r = db_checkpoint_list (s->db, false, &list, &count)) < 0) {
        respond_error (s, msg, -r, db_error (s->db));
        return;
    }
    if (count == 0) {
        respond_error (s, msg, ENOENT, NULL);
        return;
    }
    if (!(value = json_loads (list.buf, 0, &error))) {
        respond_error (s, msg, EINVAL, error.text);
        return;
    }
    if (flux_respond_pack (h, msg, "{s:o}", "value", value) < 0)
        flux_log_error (h, "error responding to content-backing.checkpoint-get");
}

/* content-backing.checkpoint-put
 *   { "value":o "rolling"?b } -> { "rolling"?b }   (rolling: see db.h; ours
 * alone, so the answer tells who asked that it was understood)
 */
static void
checkpoint_put_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (freep) char *text = NULL;
    struct sqlite *s = arg;
    int rolling = 0;
    json_t *value;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:o s?b}", "value", &value, "rolling", &rolling)
        < 0) {
        respond_error (s, msg, EPROTO, NULL);
        return;
    }
    if (!(text = json_dumps (value, JSON_COMPACT))) {
        respond_error (s, msg, EINVAL, "failed to encode checkpoint value");
        return;
    }
    store_all (s);
    if ((r = db_checkpoint_put (s->db, text, rolling)) < 0)
        respond_error (s, msg, -r, db_error (s->db));
    else if (flux_respond (h, msg, rolling ? "{\"rolling\":true}" : NULL) < 0)
        flux_log_error (h, "error responding to content-backing.checkpoint-put");
}

/* ---- statistics ---- */

static json_t *timing_json (const struct timing *t)
{
    double mean = t->count ? t->sum / t->count : 0;
    double var = t->count > 1 ? (t->sumsq - t->count * mean * mean) / (t->count - 1) : 0;

    return json_pack ("{s:I s:f s:f s:f s:f}", "count", (json_int_t)t->count, "min",
                      t->min, "max", t->max, "mean", mean, "stddev",
                      var > 0 ? sqrt (var) : 0.);
}

static void
stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (text_fini) struct text list = TEXT_INIT;
    struct sqlite *s = arg;
    struct db_stats stats;
    int count, r;

    store_all (s);
    if ((r = db_stats (s->db, &stats)) < 0
        || (r = db_checkpoint_list (s->db, true, &list, &count)) < 0) {
        respond_error (s, msg, -r, db_error (s->db));
        return;
    }
    if (flux_respond_pack (
            h, msg, "{s:I s:I s:I s:I s:o s:o s:{s:s s:s} s:o}", "object_count",
            (json_int_t)stats.objects, "current_epoch", (json_int_t)db_epoch (s->db),
            "dbfile_size", (json_int_t)stats.file_size, "dbfile_free",
            (json_int_t)stats.file_free, "load_time", timing_json (&s->load_time),
            "store_time", timing_json (&s->store_time), "config", "journal_mode",
            s->journal_mode, "synchronous", s->synchronous, "checkpoints",
            json_loads (list.buf, 0, NULL))
        < 0)
        respond_error (s, msg, errno, NULL);
}

/* ---- configuration ---- */

static int set_string (char **p, const char *value)
{
    char *copy = strdup (value);

    if (!copy)
        return -1;
    free (*p);
    *p = copy;
    return 0;
}

/* What is thrown away with the instance need not be safe from power failures. */
static int set_defaults (struct sqlite *s)
{
    const char *cleanup = flux_attr_get (s->h, "statedir-cleanup");
    bool scratch = cleanup && strcmp (cleanup, "1") == 0;

    s->max_checkpoints = 5;
    if (set_string (&s->journal_mode, scratch ? "OFF" : "WAL") < 0
        || set_string (&s->synchronous, scratch ? "OFF" : "NORMAL") < 0)
        return -1;
    return 0;
}

static int read_config (struct sqlite *s)
{
    const char *journal_mode = NULL, *synchronous = NULL;
    flux_error_t error;

    if (flux_conf_unpack (flux_get_conf (s->h), &error, "{s?{s?s s?s s?i}}",
                          "content-sqlite", "journal_mode", &journal_mode, "synchronous",
                          &synchronous, "max_checkpoints", &s->max_checkpoints)
        < 0) {
        flux_log (s->h, LOG_ERR, "error parsing [content-sqlite]: %s", error.text);
        return -1;
    }
    if ((journal_mode && set_string (&s->journal_mode, journal_mode) < 0)
        || (synchronous && set_string (&s->synchronous, synchronous) < 0))
        return -1;
    return 0;
}

static const char *value_of (const char *arg, const char *name)
{
    size_t len = strlen (name);

    return strncmp (arg, name, len) == 0 ? arg + len : NULL;
}

static int parse_arg (struct sqlite *s, const char *arg)
{
    const char *v;
    char *end;

    if ((v = value_of (arg, "journal_mode=")))
        return set_string (&s->journal_mode, v);
    if ((v = value_of (arg, "synchronous=")))
        return set_string (&s->synchronous, v);
    if ((v = value_of (arg, "max-checkpoints="))) {
        s->max_checkpoints = strtol (v, &end, 10);
        if (end == v || *end != '\0')
            s->max_checkpoints = 0;
        return 0;
    }
    if (strcmp (arg, "truncate") == 0) {
        s->truncate = true;
        return 0;
    }
    flux_log (s->h, LOG_ERR, "Unknown option `%s'", arg);
    errno = EINVAL;
    return -1;
}

static int configure (struct sqlite *s, int argc, char *argv[])
{
    struct db_config cfg;

    if (set_defaults (s) < 0 || read_config (s) < 0)
        return -1;
    for (int i = 0; i < argc; i++) {
        if (parse_arg (s, argv[i]) < 0)
            return -1;
    }
    cfg.journal_mode = s->journal_mode;
    cfg.synchronous = s->synchronous;
    if (!db_config_valid (&cfg) || s->max_checkpoints <= 0) {
        flux_log (s->h, LOG_ERR,
                  "bad configuration: journal_mode=%s synchronous=%s max_checkpoints=%d",
                  s->journal_mode, s->synchronous, s->max_checkpoints);
        errno = EINVAL;
        return -1;
    }
    return 0;
}

/* ---- life ---- */

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "content-backing.load", load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "content-backing.store", store_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "content-backing.store-batch", store_batch_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "content-backing.validate", validate_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "content-backing.checkpoint-get", checkpoint_get_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "content-backing.checkpoint-put", checkpoint_put_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "content-backing.gc-info", gc_info_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "content-backing.mark", mark_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "content-backing.sweep", sweep_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "content-sqlite.stats-get", stats_get_cb, FLUX_ROLE_ALL },
    FLUX_MSGHANDLER_TABLE_END,
};

static int get_hash (struct sqlite *s)
{
    const char *name = flux_attr_get (s->h, "content.hash");
    int kind;

    if (!name) {
        flux_log_error (s->h, "content.hash");
        return -1;
    }
    if ((kind = blobref_kind_parse (name)) < 0 || blobhash_new (kind, &s->hash) < 0) {
        flux_log (s->h, LOG_ERR, "content.hash: unknown hash '%s'", name);
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static int open_db (struct sqlite *s)
{
    const char *dir = flux_attr_get (s->h, "statedir");
    struct db_config cfg;
    struct db_stats stats;
    char *error;
    int r;

    if (!dir && !(dir = flux_attr_get (s->h, "rundir"))) {
        flux_log_error (s->h, "neither statedir nor rundir is set");
        return -1;
    }
    if (asprintf (&s->path, "%s/content.sqlite", dir) < 0) {
        s->path = NULL;
        return -1;
    }
    cfg = (struct db_config){ s->path, s->journal_mode, s->synchronous,
                              s->max_checkpoints, s->truncate };
    if ((r = db_open (&cfg, &s->db, &error)) < 0) {
        flux_log (s->h, LOG_ERR, "%s: %s", s->path, error ? error : strerror (-r));
        free (error);
        errno = -r;
        return -1;
    }
    if (db_stats (s->db, &stats) == 0)
        flux_log (s->h, LOG_DEBUG, "%s (%jd objects) journal_mode=%s synchronous=%s",
                  s->path, (intmax_t)stats.objects, s->journal_mode, s->synchronous);
    return 0;
}

/* A request that the module cannot start or stop without. */
static int call (struct sqlite *s, flux_future_t *f, const char *what)
{
    int rc = f ? flux_future_get (f, NULL) : -1;

    if (rc < 0)
        flux_log (s->h, LOG_ERR, "%s: %s", what,
                  f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
    return rc;
}

static int go_online (struct sqlite *s)
{
    if (flux_msg_handler_addvec (s->h, handlers, s, &s->handlers) < 0
        || call (s, flux_service_register (s->h, "content-backing"), "content-backing")
               < 0
        || call (s,
                 flux_rpc_pack (s->h, "content.register-backing", FLUX_NODEID_ANY, 0,
                                "{s:s}", "name", "content-sqlite"),
                 "content.register-backing")
               < 0)
        return -1;
    s->registered = true;
    return 0;
}

static void go_offline (struct sqlite *s)
{
    if (s->registered)
        call (s, flux_rpc (s->h, "content.unregister-backing", NULL, FLUX_NODEID_ANY, 0),
              "content.unregister-backing");
    s->registered = false;
    if (s->db)
        store_all (s);
}

static void sqlite_destroy (struct sqlite *s)
{
    int saved_errno = errno;

    go_offline (s);
    flux_msg_handler_delvec (s->handlers);
    flux_watcher_destroy (s->idle);
    db_close (s->db);
    blobhash_free (s->hash);
    free (s->path);
    free (s->journal_mode);
    free (s->synchronous);
    free (s);
    errno = saved_errno;
}

static struct sqlite *sqlite_create (flux_t *h, int argc, char *argv[])
{
    struct sqlite *s = calloc (1, sizeof (*s));

    if (!s)
        return NULL;
    s->h = h;
    list_init (&s->queue);
    list_init (&s->writing);
    if (configure (s, argc, argv) < 0 || get_hash (s) < 0
        || !(s->idle = flux_idle_watcher_create (flux_get_reactor (h), store_idle_cb, s))
        || open_db (s) < 0 || go_online (s) < 0) {
        sqlite_destroy (s);
        return NULL;
    }
    return s;
}

int mod_main (flux_t *h, int argc, char *argv[])
{
    struct sqlite *s;
    int rc;

    if (!(s = sqlite_create (h, argc, argv)))
        return -1;
    if ((rc = flux_reactor_run (flux_get_reactor (h), 0)) < 0)
        flux_log_error (h, "reactor");
    sqlite_destroy (s);
    return rc;
}
