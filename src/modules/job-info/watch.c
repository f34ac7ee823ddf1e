/* watch.c - job-info.eventlog-watch
 *
 * The main log comes from the job, guest data as guest.h has it, anything else
 * straight from the primary namespace.  All three only after the main log has
 * told that the requester may see the job.
 *
 * A client that does not read is throttled: its watches pause their sources, which
 * hold what is on its way to them.  If that is too much in all they close them, and
 * go on later from the chunk where they stopped: then they cost no memory meanwhile
 * but this number.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/eventlog.h"
#include "common/utf8.h"
#include "common/util.h"
#include "guest.h"
#include "info.h"

enum watch_kind { WATCH_MAIN, WATCH_GUEST, WATCH_OTHER };

struct watch {
    struct client_item item; /* first */
    struct follower follower;
    struct job_info *ji;
    flux_jobid_t id;
    char *path;
    enum watch_kind kind;
    int flags;
    bool authorized;
    bool sentinel; /* wanted, not sent yet */
    size_t offset; /* MAIN: bytes delivered */
    size_t mark;   /* MAIN: where the sentinel belongs */
    bool marked;   /* MAIN: mark is known */
    struct guest guest;
    struct source *source; /* GUEST, OTHER; NULL while throttled */
    size_t chunks;         /* GUEST, OTHER: that the sources brought */
};

static void watch_free (struct watch *w)
{
    if (w) {
        int saved_errno = errno;

        job_unfollow (&w->follower);
        source_close (w->source);
        client_del (w->ji, &w->item);
        w->ji->nwatchers--;
        w->ji->nguests -= w->kind == WATCH_GUEST;
        free (w->path);
        free (w);
        errno = saved_errno;
    }
}

static void watch_finish (struct watch *w, int errnum, const char *errtext)
{
    if (errnum && flux_respond_error (w->ji->h, w->item.msg, errnum, errtext) < 0)
        flux_log_error (w->ji->h, "error ending eventlog-watch");
    watch_free (w);
}

static void watch_end (struct client_item *item, int errnum)
{
    watch_finish (container_of (item, struct watch, item), errnum, NULL);
}

/* Responses.  They return 0, or -1 after the watch was ended. */

static int watch_fail (struct watch *w, int errnum)
{
    watch_finish (w, errnum, NULL);
    return -1;
}

static int watch_sentinel (struct watch *w)
{
    w->sentinel = false;
    if (flux_respond (w->ji->h, w->item.msg, NULL) < 0)
        return watch_fail (w, errno);
    return 0;
}

/* {"event":ENTRY} */
static int respond_entry (struct watch *w, const char *line, size_t len)
{
    struct text *t = &w->ji->scratch;

    if (!utf8_valid (line, len)) {
        errno = EPROTO;
        return -1;
    }
    text_clear (t);
    text_puts (t, "{\"event\":");
    text_put_json_string (t, line, len);
    text_putc (t, '}');
    if (text_error (t) < 0) {
        errno = ENOMEM;
        return -1;
    }
    return flux_respond (w->ji->h, w->item.msg, t->buf);
}

/* Deliver the whole entries in data. */
static int watch_deliver (struct watch *w, const char *data, size_t len)
{
    const char *end;
    const char *line;
    size_t linelen;

    if ((len = mainlog_whole (data, len)) == 0)
        return 0;
    end = data + len;
    if ((w->flags & EVENT_WATCH_RAW)) {
        if (flux_respond_raw (w->ji->h, w->item.msg, data, len) < 0)
            return watch_fail (w, errno);
        return 0;
    }
    while ((line = eventlog_next_line (&data, end, &linelen))) {
        if (respond_entry (w, line, linelen) < 0)
            return watch_fail (w, errno);
    }
    return 0;
}

/* The main log */

static int main_deliver (struct watch *w, size_t upto)
{
    const struct text *log = &w->follower.job->log.text;
    size_t from = w->offset;

    if (upto <= from)
        return 0;
    w->offset = upto;
    return watch_deliver (w, log->buf + from, upto - from);
}

static void main_step (struct watch *w)
{
    struct job *job = w->follower.job;
    const struct mainlog *log = &job->log;

    if (client_throttled (&w->item))
        return;
    if (!w->marked && log->complete) {
        w->marked = true;
        w->mark = log->initial;
    }
    if (w->marked && w->sentinel) {
        if (main_deliver (w, w->mark) < 0 || watch_sentinel (w) < 0)
            return;
    }
    if (main_deliver (w, log->text.len) < 0)
        return;
    if (log->clean)
        watch_finish (w, ENODATA, NULL);
    else if (job->errnum)
        watch_finish (w, job->errnum, job->errtext);
}

/* Guest data */

static void guest_do (struct watch *w, const struct guest_todo *todo);

static void guest_source_data (void *arg, const char *data, size_t len)
{
    struct watch *w = arg;
    bool deliver;
    struct guest_todo todo = guest_data (&w->guest, len, &deliver);

    w->chunks++;
    if (!deliver || watch_deliver (w, data, len) == 0)
        guest_do (w, &todo);
}

static void guest_source_sentinel (void *arg)
{
    struct watch *w = arg;
    struct guest_todo todo = { 0 };

    if (w->guest.state == GUEST_LIVE)
        todo = guest_sentinel (&w->guest);
    guest_do (w, &todo);
}

static void guest_source_end (void *arg, int errnum)
{
    struct watch *w = arg;
    struct guest_todo todo = guest_end (&w->guest, errnum);

    guest_do (w, &todo);
}

static void source_lost (void *arg)
{
    struct watch *w = arg;

    source_close (w->source);
    w->source = NULL;
}

static const struct source_ops guest_ops = {
    guest_source_data,
    guest_source_sentinel,
    guest_source_end,
    source_lost,
};

static int guest_open (struct watch *w, enum guest_source which)
{
    const char *path = w->path + strlen ("guest.");
    int flags = FLUX_KVS_STREAM;
    char ns[64];
    _cleanup_ (freep)
    char *key = NULL;
    int size = strlen (w->path) + 64;

    source_close (w->source);
    w->source = NULL;
    if (client_throttled (&w->item))
        return 0; /* it is opened later, if it still is to be then */
    if (!(key = malloc (size)))
        return -1;
    if (which == GUEST_OPEN_FINAL) {
        if (flux_job_kvs_key (key, size, w->id, w->path) < 0)
            return -1;
        w->source = source_open (w->ji, KVS_PRIMARY_NAMESPACE, key, flags, w->chunks,
                                 &guest_ops, w);
        return w->source ? 0 : -1;
    }
    if (flux_job_kvs_namespace (ns, sizeof (ns), w->id) < 0)
        return -1;
    flags = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND | FLUX_KVS_WATCH_INITIAL_SENTINEL;
    if ((w->flags & FLUX_JOB_EVENT_WATCH_WAITCREATE))
        flags |= FLUX_KVS_WAITCREATE;
    if (*path == '\0') /* the directory itself */
        path = ".";
    w->source = source_open (w->ji, ns, path, flags, w->chunks, &guest_ops, w);
    return w->source ? 0 : -1;
}

static void guest_do (struct watch *w, const struct guest_todo *todo)
{
    if (todo->sentinel && watch_sentinel (w) < 0)
        return;
    if (todo->source == GUEST_CLOSE) {
        source_close (w->source);
        w->source = NULL;
    }
    else if (todo->source != GUEST_KEEP && guest_open (w, todo->source) < 0) {
        watch_finish (w, errno, NULL);
        return;
    }
    if (todo->finish)
        watch_finish (w, todo->errnum, todo->errtext);
}

static void guest_step (struct watch *w)
{
    const struct mainlog *log = &w->follower.job->log;
    int errnum = w->follower.job->errnum;
    struct guest_todo todo;

    /* How far the job is can be said only of the whole log: acting on each
     * entry of an old one would lead through its past.
     */
    if (!log->complete && !errnum)
        return;
    if (errnum && w->guest.state == GUEST_WAIT) {
        watch_finish (w, errnum, NULL);
        return;
    }
    todo = guest_phase (&w->guest, log->started, log->final, log->clean);
    guest_do (w, &todo);
}

/* Other paths */

static void other_data (void *arg, const char *data, size_t len)
{
    struct watch *w = arg;

    w->chunks++;
    if (len == 0)
        watch_finish (w, EINVAL, "illegal append of zero bytes");
    else
        watch_deliver (w, data, len);
}

static void other_sentinel (void *arg)
{
    struct watch *w = arg;

    if (w->sentinel)
        watch_sentinel (w);
}

static void other_end (void *arg, int errnum)
{
    watch_finish (arg, errnum, NULL);
}

static const struct source_ops other_ops = {
    other_data,
    other_sentinel,
    other_end,
    source_lost,
};

static int other_open (struct watch *w)
{
    int flags = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND;
    _cleanup_ (freep)
    char *key = NULL;
    int size = strlen (w->path) + 64;

    if (client_throttled (&w->item))
        return 0; /* later */
    if ((w->flags & FLUX_JOB_EVENT_WATCH_WAITCREATE))
        flags |= FLUX_KVS_WAITCREATE;
    if (w->sentinel)
        flags |= FLUX_KVS_WATCH_INITIAL_SENTINEL;
    if (!(key = malloc (size)) || flux_job_kvs_key (key, size, w->id, w->path) < 0)
        return -1;
    w->source = source_open (w->ji, KVS_PRIMARY_NAMESPACE, key, flags, w->chunks,
                             &other_ops, w);
    return w->source ? 0 : -1;
}

static void other_step (struct watch *w)
{
    if (other_open (w) < 0)
        watch_finish (w, errno, NULL);
    else
        job_unfollow (&w->follower); /* it told what was needed of it */
}

/* All */

/* 1: go on, 0: wait, -1: the watch was ended. */
static int watch_authorize (struct watch *w)
{
    int rc = job_authorize (w->follower.job, w->item.msg);

    if (rc >= 0)
        return rc;
    if (errno == ENOENT && w->kind == WATCH_MAIN && job_absent (w->follower.job)
        && !w->follower.job->errnum && (w->flags & FLUX_JOB_EVENT_WATCH_WAITCREATE))
        return w->sentinel && watch_sentinel (w) < 0 ? -1 : 0;
    return watch_fail (w, errno);
}

static void watch_step (struct watch *w)
{
    if (!w->authorized) {
        if (watch_authorize (w) <= 0)
            return;
        w->authorized = true;
    }
    if (w->kind == WATCH_MAIN)
        main_step (w);
    else if (w->kind == WATCH_GUEST)
        guest_step (w);
    else
        other_step (w);
}

static void watch_changed (struct follower *f)
{
    watch_step (container_of (f, struct watch, follower));
}

/* Throttled clients */

static void guest_go_on (struct watch *w)
{
    const struct mainlog *log = &w->follower.job->log;
    struct guest_todo todo;

    if (w->guest.state == GUEST_LIVE || w->guest.state == GUEST_FINAL) {
        todo = guest_resume (&w->guest, log->started, log->final, log->clean);
        guest_do (w, &todo);
    }
    else
        watch_step (w);
}

static void watch_throttle (struct client_item *item, bool on)
{
    struct watch *w = container_of (item, struct watch, item);

    if (on)
        source_pause (w->source);
    else if (w->source)
        source_resume (w->source);
    else if (!w->authorized || w->kind == WATCH_MAIN)
        watch_step (w);
    else if (w->kind == WATCH_GUEST)
        guest_go_on (w);
    else if (other_open (w) < 0)
        watch_finish (w, errno, NULL);
}

static enum watch_kind kind_of (const char *path)
{
    if (strcmp (path, "eventlog") == 0)
        return WATCH_MAIN;
    return strncmp (path, "guest.", 6) == 0 ? WATCH_GUEST : WATCH_OTHER;
}

static struct watch *watch_new (struct job_info *ji,
                                const flux_msg_t *msg,
                                flux_jobid_t id,
                                const char *path,
                                int flags)
{
    bool waitcreate = (flags & FLUX_JOB_EVENT_WATCH_WAITCREATE) != 0;
    struct watch *w;

    if (!(w = calloc (1, sizeof (*w))))
        return NULL;
    w->ji = ji;
    w->id = id;
    w->kind = kind_of (path);
    w->flags = flags;
    w->sentinel = (flags & FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL) != 0;
    w->item.end = watch_end;
    w->item.throttle = watch_throttle;
    w->follower.changed = watch_changed;
    list_init (&w->follower.link);
    guest_init (&w->guest, waitcreate, w->sentinel);
    ji->nwatchers++;
    ji->nguests += w->kind == WATCH_GUEST;
    if (!(w->path = strdup (path)) || client_add (ji, &w->item, msg) < 0
        || job_follow (ji, id, waitcreate && w->kind == WATCH_MAIN, &w->follower) < 0) {
        watch_free (w);
        return NULL;
    }
    if (w->follower.job->log.complete) { /* what is known now was there at the start */
        w->marked = true;
        w->mark = w->follower.job->log.text.len;
    }
    return w;
}

/* job-info.eventlog-watch (streaming)
 *   { "id":I "path":s "flags":i }
 *   -> { "event":s } or, as the initial sentinel, nothing ..., then an error
 */
void watch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const int known = FLUX_JOB_EVENT_WATCH_WAITCREATE
                      | FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL | EVENT_WATCH_RAW;
    struct job_info *ji = arg;
    const char *errtext = NULL;
    const char *path;
    json_int_t id;
    int flags;
    struct watch *w;

    if (flux_request_unpack (msg, NULL, "{s:I s:s s:i}", "id", &id, "path", &path,
                             "flags", &flags)
        < 0)
        goto error;
    errno = EPROTO;
    if ((flags & ~known)) {
        errtext = "eventlog-watch request rejected with invalid flag";
        goto error;
    }
    if (!flux_msg_is_streaming (msg)) {
        errtext = "eventlog-watch request rejected without streaming RPC flag";
        goto error;
    }
    if (!(w = watch_new (ji, msg, id, path, flags)))
        goto error;
    watch_step (w);
    return;
error:
    if (flux_respond_error (h, msg, errno, errtext) < 0)
        flux_log_error (h, "error responding to eventlog-watch");
}
