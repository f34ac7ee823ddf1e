/* The scheduler (RFC 27).
 *
 * job-manager.sched-hello (owner, streaming)  { "partial-ok"?:b }
 *   -> { "id":I "priority":I "userid":I "t_submit":f } per job that holds
 *      resources, then ENODATA
 * job-manager.sched-ready (owner)  { "mode":s "limit"?:i } -> { "count":i }
 * job-manager.alloc-query (user)
 *   -> { "queue_length":i "alloc_pending":i "running":i }
 * job-manager.resource-status (owner)  -> { "allocated":R }
 * sched.alloc responses
 *   { "id":I "type":i ... }: 0 success "R":o "annotations"?:o "store"?:b, 1
 *   annotate "annotations":o, 2 deny "note"?:s, 3 cancel
 *   "store" is ours: R is not in the KVS, and goes there with the alloc event
 */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "common/rset.h"

#include "manager.h"

enum alloc_type {
    ALLOC_SUCCESS = 0,
    ALLOC_ANNOTATE = 1,
    ALLOC_DENY = 2,
    ALLOC_CANCEL = 3,
};

/* ---- hello, ready --------------------------------------------------------------- */

void sched_hello_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const char *sender = flux_msg_route_first (msg);
    struct text *t = &m->scratch;
    struct job *job;
    int partial_ok = 0;

    if (!flux_msg_is_streaming (msg)) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (flux_request_unpack (msg, NULL, "{s?b}", "partial-ok", &partial_ok) < 0)
        partial_ok = 0;
    manager_commit (m); /* whose R may be looked for next */
    for (job = jm_next_running (m->jm, NULL); job; job = jm_next_running (m->jm, job)) {
        if (!job->has_resources || (job->flags & JOB_ALLOC_BYPASS))
            continue;
        text_clear (t);
        text_printf (t, "{\"id\":%lld,\"priority\":%lld,\"userid\":%lu,\"t_submit\":",
                     (long long)job->id, (long long)job->priority,
                     (unsigned long)job->userid);
        text_put_real (t, job->t_submit);
        text_putc (t, '}');
        manager_respond_text (m, msg, t);
    }
    manager_housekeeping_hello (m, msg, partial_ok);
    manager_refuse (m, msg, ENODATA, NULL);
    free (m->sched_greeted);
    if ((m->sched_greeted = strdup (sender ? sender : "")))
        jm_sched_greeted (m->jm, true);
}

static void interface_down (struct manager *m, const char *why)
{
    if (!m->sched_sender)
        return;
    flux_log (m->h, LOG_DEBUG, "alloc: stop due to %s", why);
    jm_sched_gone (m->jm);
    free (move_ptr (m->sched_sender));
}

static int decode_ready (const flux_msg_t *msg, int *limit)
{
    const char *mode;

    *limit = 0;
    if (flux_request_unpack (msg, NULL, "{s:s s?i}", "mode", &mode, "limit", limit) < 0)
        return -1;
    if (strcmp (mode, "limited") == 0)
        return *limit > 0 ? 0 : -1;
    *limit = 0;
    return strcmp (mode, "unlimited") == 0 ? 0 : -1;
}

void sched_ready_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const char *sender = flux_msg_route_first (msg);
    struct jm_counts c;
    char *copy;
    int limit;

    if (decode_ready (msg, &limit) < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (!(copy = strdup (sender ? sender : ""))) {
        manager_refuse (m, msg, ENOMEM, NULL);
        return;
    }
    free (m->sched_sender);
    free (move_ptr (m->sched_greeted));
    m->sched_sender = copy;
    jm_sched_ready (m->jm, limit);
    manager_housekeeping_release (m);
    jm_count (m->jm, &c);
    if (flux_respond_pack (h, msg, "{s:i}", "count", (int)c.waiting) < 0)
        flux_log_error (h, "sched-ready response");
}

void manager_sched_disconnect (struct manager *m, const flux_msg_t *msg)
{
    if (manager_is_sender (msg, m->sched_greeted)) {
        free (move_ptr (m->sched_greeted));
        jm_sched_greeted (m->jm, false);
        manager_housekeeping_release (m);
    }
    if (manager_is_sender (msg, m->sched_sender))
        interface_down (m, "disconnect: Success");
}

/* ---- answers ---------------------------------------------------------------------- */

static int deny (struct manager *m, uint64_t id, struct jview vnote)
{
    _cleanup_ (freep) char *note = NULL;
    bool denied;
    int r;

    if (jview_present (vnote) && (r = jview_strdup (vnote, &note)) < 0)
        return r == -EINVAL ? -EPROTO : r;
    if ((r = jm_alloc_deny (m->jm, id, note, &denied)) < 0)
        return r;
    if (denied)
        manager_publish_exception (m, id, "alloc", 0, -1);
    return 0;
}

static int alloc_response (struct manager *m, const flux_msg_t *msg)
{
    static const char *const keys[] = { "id", "type", "R", "annotations", "note",
                                        "store" };
    struct jview v, f[6];
    bool store = false;
    int64_t id, type;
    int r;
    const char *s;

    if (flux_response_decode (msg, NULL, &s) < 0)
        return -errno;
    if (!s || jview_parse_object (s, strlen (s), &v) < 0)
        return -EPROTO;
    jview_pick (v, 6, keys, f);
    if (jview_int (f[0], &id) < 0 || jview_int (f[1], &type) < 0)
        return -EPROTO;
    switch (type) {
        case ALLOC_SUCCESS:
            if (jview_present (f[5]) && jview_bool (f[5], &store) < 0)
                return -EPROTO;
            if (store && (r = jm_alloc_store (m->jm, id, f[2])) < 0)
                return r;
            return jm_alloc_success (m->jm, id, f[2], f[3]);
        case ALLOC_ANNOTATE:
            return jm_alloc_annotate (m->jm, id, f[3]);
        case ALLOC_DENY:
            return deny (m, id, f[4]);
        case ALLOC_CANCEL:
            return jm_alloc_cancelled (m->jm, id);
        default:
            return -EPROTO;
    }
}

void alloc_response_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    struct manager *m = arg;
    char why[128];
    int r = alloc_response (m, msg);

    if (r < 0) {
        snprintf (why, sizeof (why), "alloc response error: %s", flux_strerror (-r));
        interface_down (m, why);
    }
}

/* There is an answer to a free only if it could not be done. */
void free_response_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct manager *m = arg;
    char why[128];

    if (flux_response_decode (msg, NULL, NULL) < 0) {
        snprintf (why, sizeof (why), "free response error: %s", flux_strerror (errno));
        interface_down (m, why);
    }
}

/* ---- queries ------------------------------------------------------------------------ */

void alloc_query_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct jm_counts c;

    jm_count (m->jm, &c);
    if (flux_respond_pack (h, msg, "{s:i s:i s:i}", "queue_length", (int)c.waiting,
                           "alloc_pending", (int)c.sent, "running", (int)c.running)
        < 0)
        flux_log_error (h, "alloc-query response");
}

static int add_R (struct rset **sum, const struct job *job, flux_error_t *error)
{
    struct rset *R = NULL, *common = NULL, *both = NULL;
    char id[32] = "?";
    int r;

    if ((r = rset_parse_text (job->R->s, job->R->len, &R, error)) < 0)
        return r;
    if ((r = rset_intersect (*sum, R, &common)) == 0) {
        if (rset_nnodes (common) > 0) {
            flux_job_id_encode (job->id, "f58", id, sizeof (id));
            snprintf (error->text, sizeof (error->text), "%s: duplicate allocation", id);
            r = -EINVAL;
        }
        else if ((r = rset_union (*sum, R, &both)) == 0) {
            rset_free (*sum);
            *sum = both;
        }
    }
    rset_free (common);
    rset_free (R);
    return r;
}

void resource_status_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    struct manager *m = arg;
    struct rset *sum = rset_new ();
    flux_error_t error = { "" };
    struct text *t = &m->scratch;
    struct job *job;
    int r = sum ? 0 : -ENOMEM;

    for (job = jm_next_running (m->jm, NULL); job && r == 0;
         job = jm_next_running (m->jm, job)) {
        if (job->has_resources && job->R && !(job->flags & JOB_ALLOC_BYPASS))
            r = add_R (&sum, job, &error);
    }
    if (r == 0)
        r = manager_housekeeping_add (m, &sum);
    if (r < 0)
        manager_refuse (m, msg, -r, error.text[0] ? error.text : NULL);
    else {
        rset_set_times (sum, 0., 0.);
        rset_set_nslots (sum, 0);
        text_clear (t);
        text_puts (t, "{\"allocated\":");
        rset_encode (sum, t);
        text_putc (t, '}');
        manager_respond_text (m, msg, t);
    }
    rset_free (sum);
}
