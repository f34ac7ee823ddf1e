/* update.c - job-info.update-watch
 *
 * R or jobspec, whole, now and after each update.  The watchers of one key of
 * one job share the object, which follows the main log.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "info.h"
#include "patch.h"

/* The object. */
struct update {
    struct follower follower;
    struct job_info *ji;
    int index; /* in job->update */
    const char *key;
    flux_future_t *f; /* lookup of the original */
    json_t *value;    /* NULL: not here yet */
    size_t offset;    /* of the log: updates before it are applied */
    char *response;   /* {KEY:value}, NULL: value changed since */
    bool running;     /* update_run () is on the stack */
    struct list watchers;
};

/* Who wants to see it. */
struct upwatch {
    struct client_item item;  /* first */
    struct follower follower; /* until it is authorized */
    struct list link;         /* update->watchers */
    struct job_info *ji;
    int index;
    struct update *update;
    bool started; /* has got the current object */
};

static const char *const update_key[2] = { "R", "jobspec" };

static void update_free (struct update *u)
{
    if (u) {
        int saved_errno = errno;

        if (u->follower.job && u->follower.job->update[u->index] == u)
            u->follower.job->update[u->index] = NULL;
        job_unfollow (&u->follower);
        flux_future_destroy (u->f);
        json_decref (u->value);
        free (u->response);
        free (u);
        errno = saved_errno;
    }
}

static void upwatch_free (struct upwatch *w)
{
    struct update *u = w->update;

    job_unfollow (&w->follower);
    list_del (&w->link);
    client_del (w->ji, &w->item);
    w->ji->nupdates--;
    free (w);
    if (u && list_empty (&u->watchers) && !u->running)
        update_free (u);
}

static void upwatch_finish (struct upwatch *w, int errnum)
{
    if (errnum && flux_respond_error (w->ji->h, w->item.msg, errnum, NULL) < 0)
        flux_log_error (w->ji->h, "error ending update-watch");
    upwatch_free (w);
}

static void upwatch_end (struct client_item *item, int errnum)
{
    upwatch_finish (container_of (item, struct upwatch, item), errnum);
}

static void update_fail (struct update *u, int errnum)
{
    struct upwatch *w;

    list_foreach (&u->watchers, w, link)
        upwatch_finish (w, errnum);
}

/* The response that carries the object as it is; NULL: errno. */
static const char *update_response (struct update *u)
{
    json_t *o;

    if (!u->response) {
        o = json_pack ("{s:O}", u->key, u->value);
        u->response = o ? json_dumps (o, JSON_COMPACT) : NULL;
        json_decref (o);
        errno = ENOMEM;
    }
    return u->response;
}

static void update_show (struct update *u, struct upwatch *w)
{
    const char *s = update_response (u);

    w->started = true;
    if (!s || flux_respond (u->ji->h, w->item.msg, s) < 0)
        upwatch_finish (w, errno);
}

/* Apply what the log has brought; those who started see each step. */
static int update_advance (struct update *u)
{
    const struct text *log = &u->follower.job->log.text;
    const char *pos = log->buf + u->offset;
    const char *end = log->buf + log->len;
    struct eventlog_entry e;
    struct upwatch *w;
    const char *line;
    size_t len;
    int r;

    if (u->offset == log->len)
        return 0;
    u->offset = log->len;
    while ((line = eventlog_next_line (&pos, end, &len))) {
        if (eventlog_entry_decode (line, len, &e) < 0 || !patch_concerns (u->key, &e))
            continue;
        if ((r = patch_apply (u->key, u->value, &e)) < 0)
            return r;
        free (u->response);
        u->response = NULL;
        list_foreach (&u->watchers, w, link) {
            if (w->started)
                update_show (u, w);
        }
    }
    return 0;
}

static void update_step (struct update *u)
{
    const struct job *job = u->follower.job;
    struct upwatch *w;
    int r;

    if (!u->value || (!job->log.complete && !job->errnum))
        return;
    if ((r = update_advance (u)) < 0) {
        update_fail (u, -r);
        return;
    }
    list_foreach (&u->watchers, w, link) {
        if (!w->started)
            update_show (u, w);
    }
    if (job->log.clean)
        update_fail (u, ENODATA);
    else if (job->errnum)
        update_fail (u, job->errnum);
}

/* Do what can be done; u may be gone after. */
static void update_run (struct update *u)
{
    u->running = true;
    update_step (u);
    u->running = false;
    if (list_empty (&u->watchers))
        update_free (u);
}

static void update_changed (struct follower *f)
{
    update_run (container_of (f, struct update, follower));
}

static void original_cb (flux_future_t *f, void *arg)
{
    struct update *u = arg;
    const void *data;
    size_t len;
    int errnum = 0;

    if (flux_kvs_lookup_get_raw (f, &data, &len) < 0)
        errnum = errno;
    else if (!(u->value = json_loadb (data ? data : "", len, 0, NULL))
             || !json_is_object (u->value))
        errnum = EINVAL;
    if (errnum) {
        u->running = true;
        update_fail (u, errnum);
        u->running = false;
        update_free (u);
        return;
    }
    flux_future_destroy (f);
    u->f = NULL;
    update_run (u);
}

static struct update *update_new (struct job *job, int index)
{
    struct job_info *ji = job->ji;
    struct update *u;
    char key[64];

    if (!(u = calloc (1, sizeof (*u))))
        return NULL;
    u->ji = ji;
    u->index = index;
    u->key = update_key[index];
    list_init (&u->watchers);
    list_init (&u->follower.link);
    u->follower.changed = update_changed;
    job_follow_too (job, &u->follower);
    if (flux_job_kvs_key (key, sizeof (key), job->id, u->key) < 0
        || !(u->f = flux_kvs_lookup (ji->h, KVS_PRIMARY_NAMESPACE, 0, key))
        || flux_future_then (u->f, -1, original_cb, u) < 0) {
        update_free (u);
        return NULL;
    }
    job->update[index] = u;
    return u;
}

/* Who may see the job joins those who watch the object. */
static void upwatch_step (struct upwatch *w)
{
    struct job *job = w->follower.job;
    int rc = job_authorize (job, w->item.msg);
    struct update *u;

    if (rc == 0)
        return;
    if (rc < 0 || (!(u = job->update[w->index]) && !(u = update_new (job, w->index)))) {
        upwatch_finish (w, errno);
        return;
    }
    w->update = u;
    list_append (&u->watchers, &w->link);
    job_unfollow (&w->follower);
    if (!u->running)
        update_run (u);
}

static void upwatch_changed (struct follower *f)
{
    upwatch_step (container_of (f, struct upwatch, follower));
}

static struct upwatch *
upwatch_new (struct job_info *ji, const flux_msg_t *msg, flux_jobid_t id, int index)
{
    struct upwatch *w;

    if (!(w = calloc (1, sizeof (*w))))
        return NULL;
    w->ji = ji;
    w->index = index;
    w->item.end = upwatch_end;
    w->follower.changed = upwatch_changed;
    list_init (&w->follower.link);
    list_init (&w->link);
    ji->nupdates++;
    if (client_add (ji, &w->item, msg) < 0
        || job_follow (ji, id, false, &w->follower) < 0) {
        int saved_errno = errno;
        upwatch_free (w);
        errno = saved_errno;
        return NULL;
    }
    return w;
}

/* job-info.update-watch (streaming)
 *   { "id":I "key":s "flags":i }
 *   -> { KEY:o } ..., then an error
 */
void update_watch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct job_info *ji = arg;
    const char *errtext = NULL;
    const char *key;
    json_int_t id;
    int flags;
    struct upwatch *w;

    if (flux_request_unpack (msg, NULL, "{s:I s:s s:i}", "id", &id, "key", &key, "flags",
                             &flags)
        < 0)
        goto error;
    errno = EPROTO;
    if (flags != 0) {
        errtext = "update-watch request rejected with invalid flag";
        goto error;
    }
    if (!flux_msg_is_streaming (msg)) {
        errtext = "update-watch request rejected without streaming RPC flag";
        goto error;
    }
    if (!patch_key (key)) {
        errtext = "update-watch unsupported key specified";
        errno = EINVAL;
        goto error;
    }
    if (!(w = upwatch_new (ji, msg, id, strcmp (key, update_key[0]) == 0 ? 0 : 1)))
        goto error;
    upwatch_step (w);
    return;
error:
    if (flux_respond_error (h, msg, errno, errtext) < 0)
        flux_log_error (h, "error responding to update-watch");
}
