/* job-exec/follow.c - who runs a job follows it, from before its first task.
 *
 * A client that wants to be to its job what a shell is to a command says so
 * before it submits the job, under a name that the jobspec repeats in its
 * option mpiexec.token.  What the job writes reaches it without a detour
 * through the KVS (which gets it, too), and so does how each task ends.  The
 * job does not outlive it.
 *
 *   job-exec.attach { "token":s } (streaming)
 *     -> raw: a decimal number n, '\n', n bytes of entries as in the job's
 *        "output" (RFC 24), then notes, which are entries, too:
 *          shell.init  { "service":s "leader-rank":i "size":i }
 *          task-exit   { "rank":i "pid":i "status":i "left"?:b }
 *          abort       { "rank":i "code":i "note":s }
 *          exception   { "type":s "severity":i "note":s }
 *          finish      { "status":i }  after all output
 *     ... then ENODATA
 *   job-exec.attach-ack { "token":s "bytes":I }, no response: that much output
 *     has been passed on
 *
 * Ownership: the module owns followers; a job borrows its one.
 * Bounds: FOLLOWERS_MAX of them, one for each client; FOLLOW_WINDOW bytes of output that the client
 * has not acknowledged, past it tasks are not read.
 */
#include "config.h"
#include <stdio.h>

#include "common/eventlog.h"
#include "common/utf8.h"
#include "common/util.h"
#include "exec.h"

#define FOLLOWERS_MAX 65536
#define FOLLOW_WINDOW (1 << 20)
#define TOKEN_MAX 128

struct follower {
    struct exec *x;
    const flux_msg_t *msg; /* the request */
    struct job *job;       /* NULL: not started yet */
    uint32_t userid;
    size_t unacked;
    char token[];
};

static const char *sender_of (const flux_msg_t *msg)
{
    const char *uuid = flux_msg_route_first (msg);

    return uuid ? uuid : "";
}

static void follower_free (struct follower *f)
{
    if (f->job)
        f->job->follower = NULL;
    (void)table_del_str (&f->x->followers, f->token);
    (void)table_del_str (&f->x->senders, sender_of (f->msg));
    flux_msg_decref (f->msg);
    free (f);
}

static int follower_create (struct exec *x, const flux_msg_t *msg, const char *token)
{
    size_t len = strlen (token);
    struct follower *f;
    int r;

    if (len == 0 || len > TOKEN_MAX)
        return -EPROTO;
    if (table_count (&x->followers) >= FOLLOWERS_MAX)
        return -EAGAIN;
    if (!(f = calloc (1, sizeof (*f) + len + 1)))
        return -ENOMEM;
    f->x = x;
    f->msg = flux_msg_incref (msg);
    memcpy (f->token, token, len);
    if (flux_msg_get_userid (msg, &f->userid) < 0)
        r = -errno;
    else if ((r = table_put_str (&x->followers, f->token, f)) == 0) {
        if ((r = table_put_str (&x->senders, sender_of (f->msg), f)) == 0)
            return 0;
        (void)table_del_str (&x->followers, f->token);
    }
    flux_msg_decref (f->msg);
    free (f);
    return r;
}

void follow_attach_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct exec *x = arg;
    const char *token;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:s}", "token", &token) < 0
        || !flux_msg_is_streaming (msg))
        r = -EPROTO;
    else
        r = follower_create (x, msg, token);
    if (r < 0 && flux_respond_error (h, msg, -r, NULL) < 0)
        flux_log_error (h, "attach response");
}

void follow_ack_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exec *x = arg;
    struct follower *f;
    const char *token;
    json_int_t bytes;

    if (flux_request_unpack (msg, NULL, "{s:s s:I}", "token", &token, "bytes", &bytes) < 0
        || !(f = table_get_str (&x->followers, token))
        || strcmp (sender_of (f->msg), sender_of (msg)))
        return;
    f->unacked -= bytes >= 0 && (size_t)bytes <= f->unacked ? (size_t)bytes : f->unacked;
    if (f->job)
        job_resume (f->job);
}

/* A job does not outlive who runs it. */
static void lost (struct follower *f)
{
    struct job *job = f->job;

    follower_free (f);
    if (!job)
        return;
    if (job->state <= JOB_RUNNING && !job->doomed)
        job_fatal (job, "exec", "the program that ran this job is gone");
    job_resume (job);
}

void follow_disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct exec *x = arg;
    struct follower *f = table_get_str (&x->senders, sender_of (msg));

    if (f && flux_disconnect_match (msg, f->msg))
        lost (f);
}

bool follow_begin (struct job *job)
{
    const char *token = jobspec_option_string (job->js, "mpiexec.token", NULL);
    struct follower *f;

    if (!token)
        return true;
    if (!(f = table_get_str (&job->x->followers, token)) || f->job
        || f->userid != job->userid)
        return false;
    f->job = job;
    job->follower = f;
    job->followed = true;
    return true;
}

bool follow_full (const struct job *job)
{
    return job->follower && job->follower->unacked >= FOLLOW_WINDOW;
}

bool follow_has_room (const struct job *job)
{
    return !job->follower || job->follower->unacked < FOLLOW_WINDOW / 2;
}

void follow_note (struct job *job, const char *name, const char *members)
{
    if (!job->follower)
        return;
    eventlog_begin (&job->notes, exec_now (), name);
    text_puts (&job->notes, ",\"context\":{");
    text_puts (&job->notes, members);
    text_putc (&job->notes, '}');
    eventlog_end (&job->notes);
    job_touch (job);
}

static void put_string (struct text *t, const char *s)
{
    size_t len = strlen (s);

    if (utf8_valid (s, len))
        text_put_json_string (t, s, len);
    else
        text_puts (t, "\"?\"");
}

void follow_note_abort (struct job *job, uint32_t rank, int code, const char *note)
{
    struct text t = TEXT_INIT;

    text_printf (&t, "\"rank\":%u,\"code\":%d,\"note\":", rank, code);
    put_string (&t, note);
    if (!text_error (&t))
        follow_note (job, "abort", t.buf);
    text_fini (&t);
}

void follow_note_exception (struct job *job,
                            int severity,
                            const char *type,
                            const char *note)
{
    struct text t = TEXT_INIT;

    text_printf (&t, "\"type\":\"%s\",\"severity\":%d,\"note\":", type, severity);
    put_string (&t, note);
    if (!text_error (&t))
        follow_note (job, "exception", t.buf);
    text_fini (&t);
}

static void send_news (struct job *job)
{
    struct follower *f = job->follower;
    struct text t = TEXT_INIT;

    if (job->fresh.len + job->notes.len == 0)
        return;
    text_printf (&t, "%zu\n", job->fresh.len);
    text_put (&t, job->fresh.buf, job->fresh.len);
    text_put (&t, job->notes.buf, job->notes.len);
    if (text_error (&t) || text_error (&job->notes)
        || flux_respond_raw (job->x->h, f->msg, t.buf, t.len) < 0)
        flux_log_error (job->x->h, "%s: attach response", job->f58);
    else
        f->unacked += job->fresh.len;
    text_fini (&t);
    text_clear (&job->notes);
}

/* The KVS keeps no more than the job's limit, the follower gets all. */
static void keep (struct job *job)
{
    struct text *log = guestlog_text (&job->log, GUESTLOG_OUTPUT);
    char msg[128];

    if (job->kept + job->fresh.len <= job->keep_limit) {
        text_put (log, job->fresh.buf, job->fresh.len);
        job->kept += job->fresh.len;
    }
    else if (job->kept <= job->keep_limit) {
        flux_log (job->x->h, LOG_INFO, "%s: the KVS keeps part of the output", job->f58);
        snprintf (msg, sizeof (msg), "output is truncated here, its limit is exceeded");
        output_log_to (log, exec_now (), 4, "output", msg);
        job->kept = job->keep_limit + 1;
    }
    text_clear (&job->fresh);
}

void follow_flush (struct job *job)
{
    if (job->follower)
        send_news (job);
    if (job->fresh.len > 0)
        keep (job);
}

void follow_end (struct job *job)
{
    struct follower *f = job->follower;

    if (!f)
        return;
    follow_flush (job);
    if (flux_respond_error (job->x->h, f->msg, ENODATA, NULL) < 0)
        flux_log_error (job->x->h, "%s: attach response", job->f58);
    follower_free (f);
}

void follow_fini (struct exec *x)
{
    struct follower *f;

    while ((f = table_pop (&x->followers))) {
        if (flux_respond_error (x->h, f->msg, ENOSYS, "job-exec is unloading") < 0)
            flux_log_error (x->h, "attach response");
        follower_free (f);
    }
    table_fini (&x->followers);
    table_fini (&x->senders);
}
