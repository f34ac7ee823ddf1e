/* durability.c - what of the primary namespace a crash may cost.
 *
 * [kvs] durability = "none", "relaxed" or "sync".  The default is relaxed if
 * the state directory outlives the instance, else none.
 *
 * relaxed: DURABILITY_WINDOW after a commit at the latest (later only if saving
 * takes long) a checkpoint of the root of that moment is on its way; while it
 * is, commits go on.  What is there after a crash is the root of some moment: a
 * prefix of what was answered.  These checkpoints are rolling: in our content-sqlite they take one
 * place among those that are kept, and it says so in its answer.  Another store
 * keeps each of them, and soon no others; so unless relaxed was asked for in
 * so many words, the first answer that does not say so ends it.
 * sync: the engine takes a checkpoint before it answers.
 *
 * [kvs] root-log-limit = BYTES bounds what is held for past roots (hold.h).
 *
 * kvs.save {} -> {} is answered when what is committed now will survive: for
 * those who answer others and must not go back on it.  Unless durability is
 * relaxed it has nothing to wait for.  The window does not count: a checkpoint
 * is taken at once, or as soon as the one under way is done, and serves all
 * who wait.  If content or its backing store has just gone, it is tried once more
 * after DURABILITY_RETRY before they are refused.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "service.h"

/* Of the time, saving takes at most one part in SAVE_SHARE + 1. */
#define SAVE_SHARE 4

static double now (struct service *s)
{
    return flux_reactor_now (flux_get_reactor (s->h));
}

/* A kvs.save request. */
struct saver {
    struct list link; /* in s->savers, in order of arrival */
    const flux_msg_t *msg;
    int64_t seq; /* what is to be saved */
};

static void saver_free (struct saver *w)
{
    list_del (&w->link);
    flux_msg_decref (w->msg);
    free_keep_errno (w);
}

/* Answer those who wait for this sequence or an earlier one. */
static void savers_answer (struct service *s, int64_t seq, int errnum)
{
    struct saver *w;

    while ((w = list_first (&s->savers, struct saver, link)) && w->seq <= seq) {
        if (errnum)
            respond_error (s, w->msg, errnum, NULL);
        else
            respond_empty (s, w->msg);
        saver_free (w);
    }
}

void savers_refuse_all (struct service *s)
{
    savers_answer (s, INT64_MAX, ENOSYS);
}

void savers_disconnect (struct service *s, const flux_msg_t *msg)
{
    struct saver *w;

    list_foreach (&s->savers, w, link) {
        if (flux_disconnect_match (msg, w->msg))
            saver_free (w);
    }
}

/* What the primary namespace is now, if it is not saved. */
static bool unsaved (struct service *s, struct blobref *root, int64_t *seq)
{
    return kvs_engine_root (s->e, "primary", root, seq) == 0
           && (*seq != s->saved_seq || !blobref_equal (root, &s->saved_root));
}

/* The answer to a rolling checkpoint: { "rolling":true }, or nothing. */
static void see_whether_it_rolls (struct service *s, flux_future_t *f)
{
    int rolling = 0;

    if (flux_rpc_get_unpack (f, "{s?b}", "rolling", &rolling) == 0 && rolling)
        return;
    s->keeps_all = true;
    if (s->durability != DURABILITY_RELAXED || s->durability_given)
        return;
    s->durability = DURABILITY_NONE;
    flux_log (s->h, LOG_INFO,
              "the backing store keeps every checkpoint: kvs.durability is \"none\" "
              "unless configured");
}

/* f: the answer to the checkpoint, or NULL. */
static void save_done (struct service *s,
                       const struct blobref *root,
                       int64_t seq,
                       int errnum,
                       flux_future_t *f)
{
    s->saving = false;
    s->save_cost = now (s) - s->save_started;
    /* Where there never was a backing store nothing can be saved: be content. */
    if (errnum == 0 || (errnum == ENOSYS && !s->store_seen)) {
        s->save_failed = s->save_later = false;
        s->saved_seq = seq;
        s->saved_root = *root;
    }
    else if (errnum == ENOSYS && !s->save_failed) { /* it is being reloaded? */
        s->save_failed = s->save_later = true;
    }
    else if (errnum != ECANCELED) {
        s->save_later = false;
        if (!s->save_failed || errnum == ENOSYS)
            flux_log (s->h, LOG_ERR, "error saving checkpoint: %s",
                      f ? future_strerror (f, errnum) : flux_strerror (errnum));
        s->save_failed = true;
        savers_answer (s, seq, errnum);
    }
    if (errnum == 0) {
        s->store_seen = true;
        see_whether_it_rolls (s, f);
    }
}

struct save_call {
    struct call call;
    struct blobref root;
    int64_t seq;
};

static void save_continuation (flux_future_t *f, void *arg)
{
    struct save_call *sc = arg;
    struct service *s = sc->call.s;

    call_returned (&sc->call);
    save_done (s, &sc->root, sc->seq, flux_rpc_get (f, NULL) < 0 ? errno : 0, f);
    flux_future_destroy (f);
    service_run (s);
}

static int send_checkpoint (struct service *s, const struct kvs_saved *saved)
{
    struct save_call *sc = calloc (1, sizeof (*sc));

    if (!sc)
        return ENOMEM;
    sc->root = saved->root;
    sc->seq = saved->seq;
    return call_then (s, &sc->call, free, checkpoint_put (s, &sc->root, sc->seq, true),
                      save_continuation);
}

/* An older root must not be saved after a newer one: a sync commit may have
 * overtaken this.
 */
void durability_saved (struct service *s, struct kvs_saved *saved)
{
    int errnum = saved->errnum;

    if (!errnum && (s->syncing > 0 || s->saved_seq > saved->seq))
        errnum = ECANCELED;
    if (!errnum)
        errnum = send_checkpoint (s, saved);
    if (errnum)
        save_done (s, &saved->root, saved->seq, errnum, NULL);
    free (saved);
}

void window_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct service *s = arg;
    struct blobref root;
    int64_t seq;
    int rc;

    /* A sync commit is checkpointed before its root is the current one: an
     * older root must not be saved after it.
     */
    if (s->syncing > 0 || !unsaved (s, &root, &seq))
        return;
    s->saving = true;
    s->save_started = now (s);
    if ((rc = kvs_engine_save (s->e)) < 0)
        save_done (s, &root, seq, -rc, NULL);
    service_run (s);
}

/* One checkpoint at a time, and the timer runs only if there is something to
 * save, and nobody waits for that.
 */
void durability_check (struct service *s)
{
    double window = DURABILITY_WINDOW;
    struct blobref root;
    int64_t seq;

    savers_answer (s, s->durability == DURABILITY_RELAXED ? s->saved_seq : INT64_MAX, 0);
    if (!list_empty (&s->savers) && !s->saving && !s->save_later) {
        flux_watcher_stop (s->window_timer);
        window_timer_cb (NULL, NULL, 0, s);
    }
    if (s->durability != DURABILITY_RELAXED || s->saving || s->syncing > 0 || s->rank > 0
        || flux_watcher_is_active (s->window_timer) || !unsaved (s, &root, &seq))
        return;
    if (window < s->save_cost * SAVE_SHARE)
        window = s->save_cost * SAVE_SHARE;
    if (s->save_failed && window < DURABILITY_RETRY)
        window = DURABILITY_RETRY;
    flux_timer_watcher_reset (s->window_timer, window, 0.);
    flux_watcher_start (s->window_timer);
}

/* kvs.save: {} -> {} */
void save_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct blobref root;
    struct saver *w;
    int64_t seq;

    if (s->rank > 0 || kvs_engine_root (s->e, "primary", &root, &seq) < 0) {
        respond_error (s, msg, EINVAL, "the primary namespace is saved by rank 0");
        return;
    }
    if (!(w = calloc (1, sizeof (*w)))) {
        respond_error (s, msg, ENOMEM, NULL);
        return;
    }
    w->msg = flux_msg_incref (msg);
    w->seq = seq;
    list_append (&s->savers, &w->link);
    durability_check (s);
}

/* ---- configuration ---- */

static const char *const names[] = {
    [DURABILITY_NONE] = "none",
    [DURABILITY_RELAXED] = "relaxed",
    [DURABILITY_SYNC] = "sync",
};

const char *durability_name (const struct service *s)
{
    return names[s->durability];
}

static int parse_durability (struct service *s,
                             const char *name,
                             enum durability *value,
                             flux_error_t *error)
{
    if (!name) {
        *value = s->lasting && !s->keeps_all ? DURABILITY_RELAXED : DURABILITY_NONE;
        return 0;
    }
    for (int i = DURABILITY_NONE; i <= DURABILITY_SYNC; i++) {
        if (strcmp (name, names[i]) == 0) {
            *value = i;
            return 0;
        }
    }
    errno = EINVAL;
    return errprintf (error, "invalid durability config: %s", name);
}

static void set_period (struct service *s, double seconds)
{
    if (s->rank > 0 || seconds == s->checkpoint_period)
        return;
    s->checkpoint_period = seconds;
    flux_watcher_stop (s->checkpoint_timer);
    if (seconds > 0 && isfinite (seconds)) {
        flux_timer_watcher_reset (s->checkpoint_timer, seconds, seconds);
        flux_watcher_start (s->checkpoint_timer);
    }
}

int configure (struct service *s, const flux_conf_t *conf, flux_error_t *error)
{
    const char *period = "0s", *durability = NULL;
    json_int_t log_limit = ROOT_LOG_LIMIT;
    double seconds;

    if (flux_conf_unpack (conf, error, "{s?{s?s s?s s?I}}", "kvs", "checkpoint-period",
                          &period, "durability", &durability, "root-log-limit",
                          &log_limit)
        < 0)
        return -1;
    if (log_limit < 0) {
        errno = EINVAL;
        return errprintf (error, "invalid root-log-limit config: it is negative");
    }
    if (fsd_parse (period, &seconds) < 0) {
        errno = EINVAL;
        return errprintf (error, "invalid checkpoint-period config: %s", period);
    }
    if (parse_durability (s, durability, &s->durability, error) < 0)
        return -1;
    s->durability_given = durability != NULL;
    kvs_engine_set_sync (s->e, s->durability == DURABILITY_SYNC);
    set_period (s, seconds);
    held_configure (s, log_limit);
    durability_check (s);
    return 0;
}

/* kvs.config-reload: the whole configuration -> { } */
void config_reload_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct service *s = arg;
    flux_error_t error = { "" };
    flux_conf_t *conf;

    if (flux_module_config_request_decode (msg, &conf) < 0) {
        respond_error (s, msg, errno, NULL);
        return;
    }
    if (configure (s, conf, &error) < 0) {
        respond_error (s, msg, errno, error.text);
        flux_conf_decref (conf);
        return;
    }
    if (flux_set_conf_new (h, conf) < 0) {
        respond_error (s, msg, errno, NULL);
        flux_conf_decref (conf);
        return;
    }
    respond_empty (s, msg);
}
