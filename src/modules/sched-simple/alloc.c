/* sched-simple/alloc.c - from request to answer. */
#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "common/jview.h"
#include "common/util.h"
#include "sched.h"

static int job_cmp (const struct treap_node *x, const struct treap_node *y)
{
    const struct sched_job *a = container_of (x, struct sched_job, node);
    const struct sched_job *b = container_of (y, struct sched_job, node);

    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

void sched_alloc_init (struct sched *s)
{
    treap_init (&s->pending, job_cmp);
    table_init (&s->by_id);
    table_init (&s->grants);
}

static void grant_free (struct sched_grant *g)
{
    if (g) {
        rset_free (g->R);
        free (g);
    }
}

static void job_free (struct sched_job *job)
{
    if (job) {
        constraint_free (job->constraint);
        flux_msg_decref (job->msg);
        free (job);
    }
}

void sched_alloc_fini (struct sched *s)
{
    struct sched_job *job;
    struct sched_grant *g;

    while ((job = table_pop (&s->by_id)))
        job_free (job);
    table_fini (&s->by_id);
    while ((g = table_pop (&s->grants)))
        grant_free (g);
    table_fini (&s->grants);
    text_fini (&s->scratch);
    text_fini (&s->resources);
}

static void unlink_pending (struct sched *s, struct sched_job *job)
{
    treap_remove (&s->pending, &job->node);
    must (table_del_u64 (&s->by_id, job->id) == job);
}

static void respond_deny (struct sched *s,
                          const flux_msg_t *msg,
                          uint64_t id,
                          const char *note)
{
    if (flux_respond_pack (s->h,
                           msg,
                           "{s:I s:i s:s}",
                           "id", (json_int_t)id,
                           "type", 2,
                           "note", note) < 0)
        flux_log_error (s->h, "alloc deny response");
}

/* Remember what the job was given, R and its text; takes R over.  Without memory
 * the text is read when it comes back.
 */
static void grant (struct sched *s, uint64_t id, struct rset *R, struct jview text)
{
    struct sched_grant *g = malloc (sizeof (*g) + text.len);

    if (!g || table_put_u64 (&s->grants, id, g) < 0) {
        free (g);
        rset_free (R);
        return;
    }
    g->R = R;
    g->len = text.len;
    memcpy (g->text, text.s, text.len);
}

/* { "id":I "type":0 "R":o "store":true
 *   "annotations":{"sched":{"resource_summary":s}} }
 * The job-manager stores R with the event that tells of it: one commit less, and
 * the resources are not idle meanwhile.  Takes R over, if it returns 0.
 */
static int respond_success (struct sched *s, struct sched_job *job, struct rset *R)
{
    struct text *t = &s->scratch;
    size_t begin, end;

    text_clear (t);
    text_puts (t, "{\"id\":");
    text_put_uint (t, job->id);
    text_puts (t, ",\"type\":0,\"store\":true,\"R\":");
    begin = t->len;
    rset_encode (R, t);
    end = t->len;
    text_puts (t, ",\"annotations\":{\"sched\":{\"resource_summary\":\"");
    rset_dumps (R, t);
    text_putc (t, '"');
    if (job->annotated)
        text_puts (t, ",\"reason_pending\":null,\"jobs_ahead\":null");
    text_puts (t, "}}}");
    if (text_error (t))
        return -ENOMEM;
    if (flux_respond (s->h, job->msg, t->buf) < 0)
        flux_log_error (s->h, "alloc success response");
    grant (s, job->id, R, (struct jview){ t->buf + begin, end - begin });
    return 0;
}

/* Tell a job why it waits (debug only: it costs a message per job). */
static void annotate_pending (struct sched *s)
{
    struct treap_node *n;
    int ahead = 0;

    for (n = treap_first (&s->pending); n; n = treap_next (n)) {
        struct sched_job *job = container_of (n, struct sched_job, node);

        job->annotated = true;
        if (flux_respond_pack (s->h,
                               job->msg,
                               "{s:I s:i s:{s:{s:s s:i}}}",
                               "id", (json_int_t)job->id,
                               "type", 1,
                               "annotations",
                                 "sched",
                                   "reason_pending", "insufficient resources",
                                   "jobs_ahead", ahead++) < 0)
            flux_log_error (s->h, "alloc annotate response");
    }
}

/* A job that may run more tasks than there are slots asks for no more than can
 * be had.
 */
static int place (struct sched *s,
                  struct sched_job *job,
                  struct rset **R,
                  flux_error_t *error)
{
    struct jobspec_request req = job->req;
    double now = flux_reactor_time ();
    uint64_t most;
    int r;

    r = pool_alloc (s->pool, &req, job->constraint, now, job->duration, R, error);
    if (!job->oversubscribe || (r != -ENOSPC && r != -EOVERFLOW))
        return r;
    most = pool_slots_up (s->pool, &req, job->constraint);
    if (most == 0 || req.nslots <= most)
        return r;
    req.nslots = most;
    return pool_alloc (s->pool, &req, job->constraint, now, job->duration, R, error);
}

void sched_pass (struct sched *s)
{
    struct treap_node *n;

    s->passes++;
    while ((n = treap_first (&s->pending))) {
        struct sched_job *job = container_of (n, struct sched_job, node);
        flux_error_t error = { "" };
        struct rset *R = NULL;
        int r;

        if (flux_module_debug_test (s->h, DEBUG_FAIL_ALLOC, false)) {
            snprintf (error.text, sizeof (error.text), "DEBUG_FAIL_ALLOC");
            r = -EOVERFLOW;
        }
        else
            r = place (s, job, &R, &error);
        if (r == -ENOSPC)
            break; /* nothing passes the head */
        unlink_pending (s, job);
        if (r == 0)
            r = respond_success (s, job, R);
        if (r < 0) {
            respond_deny (s, job->msg, job->id, r == -ENOMEM ? "out of memory" : error.text);
            if (R)
                (void)pool_release (s->pool, R);
            rset_free (R);
        }
        job_free (job);
    }
    if (flux_module_debug_test (s->h, DEBUG_ANNOTATE, false))
        annotate_pending (s);
}

/* A part of a message that others of our functions want as a tree. */
static json_t *tree_of (struct jview v)
{
    return jview_present (v) ? json_loadb (v.s, v.len, 0, NULL) : NULL;
}

/* What the job asks for; jobs that came together often ask for the same. */
static int decode_request (struct sched *s,
                           struct jview resources,
                           struct jobspec_request *req,
                           flux_error_t *error)
{
    struct text *last = &s->resources;
    json_t *o;
    int r;

    if (resources.len > 0 && last->len == resources.len
        && memcmp (last->buf, resources.s, resources.len) == 0) {
        *req = s->req;
        return 0;
    }
    o = tree_of (resources);
    r = jobspec_decode_request (o, req, error);
    json_decref (o);
    if (r < 0)
        return r;
    text_clear (last);
    text_put (last, resources.s, resources.len);
    if (text_error (last))
        text_fini (last);
    s->req = *req;
    return 0;
}

/* Returns 0, or -EINVAL with the note of a denial, or -ENOMEM. */
static int job_decode (struct sched *s,
                       struct sched_job *job,
                       struct jview jobspec,
                       flux_error_t *error)
{
    static const char *const keys[] = { "duration", "oversubscribe", "constraints" };
    struct jview f[3];
    bool oversubscribe;
    json_t *o;
    int r;

    r = decode_request (s, jview_get (jobspec, "resources"), &job->req, error);
    if (r < 0)
        return r;
    jview_pick (jview_path (jobspec, "attributes.system"), 3, keys, f);
    if (jview_number (f[0], &job->duration) < 0) {
        snprintf (error->text,
                  sizeof (error->text),
                  "getting duration: Object item not found: system|duration");
        return -EINVAL;
    }
    job->oversubscribe = job->req.nnodes == 0 && !job->req.exclusive
                         && jview_bool (f[1], &oversubscribe) == 0 && oversubscribe;
    if (!jview_present (f[2]))
        return 0;
    o = tree_of (f[2]);
    r = constraint_parse (o, &job->constraint, error);
    json_decref (o);
    return r;
}

/* 0, or -1 with errno EPROTO */
static int alloc_decode (const flux_msg_t *msg,
                         int64_t *id,
                         int64_t *priority,
                         struct jview *jobspec)
{
    static const char *const keys[] = { "id", "priority", "jobspec" };
    struct jview f[3];
    const char *s;

    if (flux_request_decode (msg, NULL, &s) < 0 || !s
        || jview_parse_pick (s, strlen (s), false, 3, keys, f) < 0
        || jview_int (f[0], id) < 0 || jview_int (f[1], priority) < 0
        || !jview_present (f[2])) {
        errno = EPROTO;
        return -1;
    }
    *jobspec = f[2];
    return 0;
}

/* sched.alloc
 *   { "id":I "priority":I "userid":i "t_submit":f "jobspec":o }
 *   -> { "id":I "type":0 success | 1 annotate | 2 deny | 3 cancel ... }
 */
void sched_alloc_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;
    struct sched_job *job;
    int64_t id, priority;
    struct jview jobspec;
    flux_error_t error = { "" };
    char note[200];
    int r;

    if (alloc_decode (msg, &id, &priority, &jobspec) < 0) {
        if (flux_respond_error (h, msg, errno, "malformed alloc request") < 0)
            flux_log_error (h, "alloc response");
        return;
    }
    if (!(job = calloc (1, sizeof (*job)))) {
        respond_deny (s, msg, id, "out of memory");
        return;
    }
    treap_node_init (&job->node);
    job->id = id;
    job->priority = priority;
    job->msg = flux_msg_incref (msg);
    if ((r = job_decode (s, job, jobspec, &error)) < 0
        || (r = table_put_u64 (&s->by_id, id, job)) < 0) {
        snprintf (note,
                  sizeof (note),
                  "cannot parse jobspec: %s",
                  r == -EINVAL ? error.text : strerror (-r));
        respond_deny (s, msg, id, note);
        job_free (job);
        return;
    }
    treap_insert (&s->pending, &job->node);
    sched_pass (s);
}

/* What the job was given, if that is what comes back; else only what does, be it
 * a part, or of a job that was there before us.
 */
static int take_back (struct sched *s, uint64_t id, struct jview R, flux_error_t *error)
{
    struct sched_grant *g = table_del_u64 (&s->grants, id);
    struct rset *part = NULL;
    int r = 0;

    if (g && g->len == R.len && memcmp (g->text, R.s, R.len) == 0)
        r = pool_release (s->pool, g->R);
    else if ((r = rset_parse_text (R.s, R.len, &part, error)) == 0)
        r = pool_release (s->pool, part);
    rset_free (part);
    grant_free (g);
    return r;
}

/* sched.free { "id":I "R":o "final"?:b }, no response */
void sched_free_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    static const char *const keys[] = { "id", "R" };
    struct sched *s = arg;
    flux_error_t error = { "" };
    struct jview f[2];
    const char *text;
    int64_t id = -1;
    int r = -EPROTO;

    if (flux_request_decode (msg, NULL, &text) == 0 && text
        && jview_parse_pick (text, strlen (text), false, 2, keys, f) == 0
        && jview_present (f[1])) {
        (void)jview_int (f[0], &id);
        r = take_back (s, id, f[1], &error);
    }
    if (r == -ENOMEM)
        flux_log (h, LOG_ERR, "free: out of memory");
    else if (r < 0)
        flux_log (h, LOG_ERR, "malformed sched.free request: %s", error.text);
    sched_pass (s);
}

/* sched.cancel { "id":I }, no response of its own */
void sched_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;
    struct sched_job *job;
    json_int_t id;

    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0) {
        flux_log_error (h, "malformed sched.cancel request");
        return;
    }
    if (!(job = table_get_u64 (&s->by_id, id)))
        return;
    unlink_pending (s, job);
    if (flux_respond_pack (h, job->msg, "{s:I s:i}", "id", id, "type", 3) < 0)
        flux_log_error (h, "alloc cancel response");
    job_free (job);
    sched_pass (s);
}

/* sched.prioritize { "jobs":[[id,priority],...] }, no response */
void sched_prioritize_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct sched *s = arg;
    struct sched_job *job;
    json_int_t id, priority;
    json_t *jobs, *entry;
    size_t i;

    if (flux_request_unpack (msg, NULL, "{s:o}", "jobs", &jobs) < 0) {
        flux_log_error (h, "malformed sched.prioritize request");
        return;
    }
    json_array_foreach (jobs, i, entry) {
        if (json_unpack (entry, "[I,I]", &id, &priority) < 0) {
            flux_log (h, LOG_ERR, "malformed entry in sched.prioritize request");
            continue;
        }
        if ((job = table_get_u64 (&s->by_id, id))) {
            treap_remove (&s->pending, &job->node);
            job->priority = priority;
            treap_insert (&s->pending, &job->node);
        }
    }
    sched_pass (s);
}
