#include "config.h"
#include <stdio.h>
#include <dlfcn.h>

#include "common/util.h"
#include "clock.h"
#include "handle_private.h"
#include "message_private.h"
#include "rpctrack.h"

#define OPEN_FLAGS                                                     \
    (FLUX_O_TRACE | FLUX_O_CLONE | FLUX_O_NONBLOCK | FLUX_O_MATCHDEBUG \
     | FLUX_O_TEST_NOSUB | FLUX_O_RPCTRACK | FLUX_O_NOREQUEUE)
#define SET_FLAGS (OPEN_FLAGS & ~(FLUX_O_RPCTRACK | FLUX_O_NOREQUEUE))

static int fail (int errnum)
{
    errno = errnum;
    return -1;
}

/* Life */

static void conn_destroy (struct conn *conn)
{
    if (!conn)
        return;
    if (conn->ops->impl_destroy)
        conn->ops->impl_destroy (conn->impl);
    if (conn->epfd >= 0)
        close (conn->epfd);
    if (conn->wakefd >= 0)
        close (conn->wakefd);
    msgq_fini (&conn->requeue);
    rpctrack_destroy (conn->track);
    tagpool_destroy (conn->tags);
    if (conn->dso)
        dlclose (conn->dso);
    free (conn);
}

static struct conn *conn_create (void *impl, const struct flux_handle_ops *ops, int flags)
{
    struct conn *conn;

    if (!(conn = calloc (1, sizeof (*conn))))
        return NULL;
    conn->ops = ops;
    conn->pollfd = conn->epfd = conn->wakefd = -1;
    if (!(conn->tags = tagpool_create ())
        || ((flags & FLUX_O_RPCTRACK) && !(conn->track = rpctrack_create ()))) {
        tagpool_destroy (conn->tags);
        free_keep_errno (conn);
        return NULL;
    }
    conn->impl = impl;
    return conn;
}

flux_t *flux_handle_create (void *impl, const struct flux_handle_ops *ops, int flags)
{
    flux_t *h;

    if (!ops || (flags & ~OPEN_FLAGS)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(h = calloc (1, sizeof (*h))))
        return NULL;
    h->refcount = 1;
    h->flags = flags;
    if (!(h->conn = conn_create (impl, ops, flags))) {
        free_keep_errno (h);
        return NULL;
    }
    h->conn->owner = h;
    return h;
}

flux_t *flux_clone (flux_t *orig)
{
    flux_t *h;

    if (!orig) {
        errno = EINVAL;
        return NULL;
    }
    if (!(h = calloc (1, sizeof (*h))))
        return NULL;
    h->refcount = 1;
    h->flags = orig->flags | FLUX_O_CLONE;
    h->conn = orig->conn;
    h->parent = flux_incref (orig->conn->owner);
    return h;
}

static void report_leaked_tags (const struct tagpool *tags)
{
    uint32_t leaked = tagpool_size (tags) - tagpool_avail (tags);
    int lines = 0;

    if (leaked == 0)
        return;
    fprintf (stderr, "MATCHDEBUG: %u matchtags were not freed\n", leaked);
    for (uint32_t tag = 0; lines < 16 && (tag = tagpool_next (tags, tag)) > 0; lines++)
        fprintf (stderr, "MATCHDEBUG: matchtag %u is still allocated\n", tag);
}

static void handle_free (flux_t *h)
{
    int saved_errno = errno;

    if (!h->parent)
        h->conn->closing = true;
    aux_destroy (&h->aux);
    if (h->reactor && h->reactor_release)
        h->reactor_release (h->reactor);
    if (h->conf)
        h->conf_release (h->conf);
    if (h->parent)
        flux_decref (h->parent);
    else {
        if (h->flags & FLUX_O_MATCHDEBUG)
            report_leaked_tags (h->conn->tags);
        conn_destroy (h->conn);
    }
    free (h);
    errno = saved_errno;
}

flux_t *flux_incref (flux_t *h)
{
    if (h)
        h->refcount++;
    return h;
}

void flux_decref (flux_t *h)
{
    if (h && --h->refcount == 0)
        handle_free (h);
}

void flux_close (flux_t *h)
{
    flux_decref (h);
}

void flux_handle_destroy (flux_t *h)
{
    flux_decref (h);
}

/* Small things */

void *flux_aux_get (flux_t *h, const char *name)
{
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    return aux_get (h->aux, name);
}

int flux_aux_set (flux_t *h, const char *name, void *aux, flux_free_f destroy)
{
    if (!h)
        return fail (EINVAL);
    return aux_set (&h->aux, name, aux, destroy);
}

void flux_flags_set (flux_t *h, int flags)
{
    if (h)
        h->flags |= flags & SET_FLAGS;
}

void flux_flags_unset (flux_t *h, int flags)
{
    if (h)
        h->flags &= ~(flags & SET_FLAGS);
}

int flux_flags_get (flux_t *h)
{
    if (!h)
        return fail (EINVAL);
    return h->flags;
}

int flux_opt_set (flux_t *h, const char *option, const void *val, size_t len)
{
    if (!h || !option || !h->conn->ops->setopt)
        return fail (EINVAL);
    return h->conn->ops->setopt (h->conn->impl, option, val, len);
}

int flux_opt_get (flux_t *h, const char *option, void *val, size_t len)
{
    if (!h || !option || !h->conn->ops->getopt)
        return fail (EINVAL);
    return h->conn->ops->getopt (h->conn->impl, option, val, len);
}

void flux_get_msgcounters (flux_t *h, flux_msgcounters_t *mcs)
{
    if (h && mcs)
        *mcs = h->conn->counters;
}

void flux_clr_msgcounters (flux_t *h)
{
    if (h)
        memset (&h->conn->counters, 0, sizeof (h->conn->counters));
}

static void count_tx (struct conn *conn, int type)
{
    conn->counters.request_tx += type == FLUX_MSGTYPE_REQUEST;
    conn->counters.response_tx += type == FLUX_MSGTYPE_RESPONSE;
    conn->counters.event_tx += type == FLUX_MSGTYPE_EVENT;
    conn->counters.control_tx += type == FLUX_MSGTYPE_CONTROL;
}

static void count_rx (struct conn *conn, int type)
{
    conn->counters.request_rx += type == FLUX_MSGTYPE_REQUEST;
    conn->counters.response_rx += type == FLUX_MSGTYPE_RESPONSE;
    conn->counters.event_rx += type == FLUX_MSGTYPE_EVENT;
    conn->counters.control_rx += type == FLUX_MSGTYPE_CONTROL;
}

void handle_trace (flux_t *h, const flux_msg_t *msg)
{
    struct conn *conn = h->conn;

    if (!(h->flags & FLUX_O_TRACE))
        return;
    if (conn->trace_start == 0)
        conn->trace_start = monotonic_nsec ();
    flux_msg_fprint_ts (stderr, msg, (monotonic_nsec () - conn->trace_start) * 1e-9);
}

/* Connection errors */

void flux_comms_error_set (flux_t *h, flux_comms_error_f fun, void *arg)
{
    if (h) {
        h->conn->comms_error = fun;
        h->conn->comms_error_arg = arg;
    }
}

/* Not called from within itself: the callback may well log or send. */
int handle_comms_error (struct conn *conn)
{
    int saved_errno = errno;
    int rc;

    if (!conn->comms_error || conn->in_comms_error || conn->closing)
        return -1;
    conn->in_comms_error = true;
    rc = conn->comms_error (conn->owner, conn->comms_error_arg);
    conn->in_comms_error = false;
    errno = saved_errno;
    return rc < 0 ? -1 : 0;
}

/* Errors that are about the call, or the moment, and not the connection. */
static bool is_comms_error (int errnum)
{
    switch (errnum) {
        case EAGAIN:
        case EINTR:
        case ENOMEM:
        case ENOSYS:
        case EMSGSIZE:
            return false;
        default:
            return true;
    }
}

int flux_reconnect (flux_t *h)
{
    struct conn *conn;
    flux_msg_t *msg;

    if (!h)
        return fail (EINVAL);
    conn = h->conn;
    if (!conn->ops->reconnect)
        return fail (ENOSYS);
    if (conn->ops->reconnect (conn->impl) < 0)
        return -1;
    while (conn->track && (msg = rpctrack_abort_next (conn->track))) {
        int rc = handle_requeue (h, msg, false);

        flux_msg_destroy (msg);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* Send */

static int send_check (flux_t *h, int flags)
{
    const struct flux_handle_ops *ops;

    if (!h || (flags & ~FLUX_O_NONBLOCK))
        return fail (EINVAL);
    ops = h->conn->ops;
    if (h->conn->closing || (!ops->send && !ops->send_new))
        return fail (ENOSYS);
    return 0;
}

static int track (struct conn *conn, const flux_msg_t *msg)
{
    if (conn->track && rpctrack_update (conn->track, msg) < 0)
        return fail (ENOMEM);
    return 0;
}

/* Hand a message over, by reference or (msgp) with its ownership. */
static int
send_once (struct conn *conn, const flux_msg_t *msg, flux_msg_t **msgp, int flags)
{
    const struct flux_handle_ops *ops = conn->ops;
    flux_msg_t *cpy;

    if (msgp && ops->send_new)
        return ops->send_new (conn->impl, msgp, flags);
    if (ops->send) {
        if (ops->send (conn->impl, msg, flags) < 0)
            return -1;
        if (msgp) {
            flux_msg_destroy (*msgp);
            *msgp = NULL;
        }
        return 0;
    }
    if (!(cpy = flux_msg_copy (msg, true)))
        return -1;
    if (ops->send_new (conn->impl, &cpy, flags) < 0) {
        flux_msg_destroy (cpy);
        return -1;
    }
    return 0;
}

static int send_any (flux_t *h, const flux_msg_t *msg, flux_msg_t **msgp, int flags)
{
    struct conn *conn = h->conn;
    int type;

    if (flux_msg_get_type (msg, &type) < 0)
        return -1;
    handle_trace (h, msg);
    if (track (conn, msg) < 0)
        return -1;
    flags |= h->flags & FLUX_O_NONBLOCK;
    while (send_once (conn, msg, msgp, flags) < 0) {
        if (errno == EINVAL || !is_comms_error (errno) || handle_comms_error (conn) < 0)
            return -1;
    }
    count_tx (conn, type);
    return 0;
}

int flux_send (flux_t *h, const flux_msg_t *msg, int flags)
{
    if (!h || !msg)
        return fail (EINVAL);
    if (send_check (h, flags) < 0)
        return -1;
    return send_any (h, msg, NULL, flags);
}

int flux_send_new (flux_t *h, flux_msg_t **msg, int flags)
{
    if (!h || !msg || !*msg || !msg_is_exclusive (*msg))
        return fail (EINVAL);
    if (send_check (h, flags) < 0)
        return -1;
    return send_any (h, *msg, msg, flags);
}

/* Receive */

static flux_msg_t *recv_conn (flux_t *h, int flags)
{
    struct conn *conn = h->conn;
    flux_msg_t *msg;

    if (!conn->ops->recv || conn->closing) {
        errno = ENOSYS;
        return NULL;
    }
    while (!(msg = conn->ops->recv (conn->impl, flags))) {
        if (errno == EWOULDBLOCK && handle_drain (conn))
            continue;
        if (!is_comms_error (errno) || handle_comms_error (conn) < 0)
            return NULL;
        /* A reconnect may have answered RPCs locally. */
        if ((msg = (flux_msg_t *)msgq_pop (&conn->requeue)))
            return msg;
    }
    handle_trace (h, msg);
    if (track (conn, msg) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}

flux_msg_t *flux_recv (flux_t *h, struct flux_match match, int flags)
{
    struct conn *conn;
    flux_msg_t *msg;
    int type;

    if (!h || (flags & ~FLUX_O_NONBLOCK)) {
        errno = EINVAL;
        return NULL;
    }
    conn = h->conn;
    flags |= h->flags & FLUX_O_NONBLOCK;
    if (!(msg = (flux_msg_t *)msgq_pop_match (&conn->requeue, &match))) {
        while ((msg = recv_conn (h, flags)) && !flux_msg_cmp (msg, match)) {
            int rc = handle_requeue (h, msg, false);

            flux_msg_destroy (msg);
            if (rc < 0)
                return NULL;
        }
    }
    if (msg && flux_msg_get_type (msg, &type) == 0)
        count_rx (conn, type);
    return msg;
}

/* Requeue */

int handle_requeue (flux_t *h, const flux_msg_t *msg, bool head)
{
    struct conn *conn = h->conn;
    int r;

    r = head ? msgq_prepend (&conn->requeue, msg) : msgq_append (&conn->requeue, msg);
    if (r < 0)
        return fail (-r);
    handle_wake (conn);
    return 0;
}

int flux_requeue (flux_t *h, const flux_msg_t *msg, int flags)
{
    if (!h || !msg || (flags != FLUX_RQ_HEAD && flags != FLUX_RQ_TAIL)
        || (h->flags & FLUX_O_NOREQUEUE))
        return fail (EINVAL);
    return handle_requeue (h, msg, flags == FLUX_RQ_HEAD);
}

/* Matchtags */

uint32_t flux_matchtag_alloc (flux_t *h)
{
    uint32_t tag, grown_from;

    if (!h) {
        errno = EINVAL;
        return FLUX_MATCHTAG_NONE;
    }
    tag = tagpool_alloc (h->conn->tags, &grown_from);
    if (grown_from > 0)
        flux_log (h, LOG_INFO, "tagpool expanded from %u to %u entries", grown_from,
                  tagpool_size (h->conn->tags));
    return tag;
}

void flux_matchtag_free (flux_t *h, uint32_t matchtag)
{
    if (h)
        tagpool_free (h->conn->tags, matchtag);
}

uint32_t flux_matchtag_avail (flux_t *h)
{
    return h ? tagpool_avail (h->conn->tags) : 0;
}
