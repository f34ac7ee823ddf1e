#include "config.h"
#include <stdio.h>
#include <flux/core.h>

#include "common/util.h"
#include "clock.h"
#include "dispatch_private.h"
#include "handle_private.h"
#include "reactor_private.h"

#define DISPATCH_AUX "flux::dispatch"

void dispatch_decref (struct dispatch *d)
{
    int saved_errno = errno;

    if (!d || --d->refcount > 0)
        return;
    must (table_count (&d->topics) == 0 && list_empty (&d->others));
    table_fini (&d->topics);
    table_fini (&d->sinks);
    free (d->saved);
    free (d);
    errno = saved_errno;
}

/* The handle goes away. */
static void dispatch_detach (void *arg)
{
    struct dispatch *d = arg;

    flux_watcher_destroy (d->w);
    d->w = NULL;
    d->h = NULL;
    for (size_t i = 0; i < d->saved_count; i++)
        flux_msg_decref (d->saved[i]);
    d->saved_count = 0;
    dispatch_decref (d);
}

struct dispatch *dispatch_get (flux_t *h)
{
    struct dispatch *d;

    if ((d = flux_aux_get (h, DISPATCH_AUX)))
        return d;
    if (!h || !(d = calloc (1, sizeof (*d))))
        return NULL;
    d->refcount = 1;
    d->h = h;
    list_init (&d->others);
    table_init (&d->topics);
    table_init (&d->sinks);
    if (flux_aux_set (h, DISPATCH_AUX, d, dispatch_detach) < 0) {
        dispatch_decref (d);
        return NULL;
    }
    return d;
}

/* What a clone gets that is (also) for others waits for its parent. */
static int save (struct dispatch *d, const flux_msg_t *msg)
{
    if (d->saved_count == d->saved_max) {
        size_t max = d->saved_max ? 2 * d->saved_max : 16;
        const flux_msg_t **p = realloc (d->saved, max * sizeof (*p));

        if (!p)
            return -1;
        d->saved = p;
        d->saved_max = max;
    }
    d->saved[d->saved_count++] = flux_msg_incref (msg);
    return 0;
}

int flux_dispatch_requeue (flux_t *h)
{
    struct dispatch *d;

    if (!h || !(flux_flags_get (h) & FLUX_O_CLONE)) {
        errno = EINVAL;
        return -1;
    }
    if (!(d = flux_aux_get (h, DISPATCH_AUX)))
        return 0;
    while (d->saved_count > 0) {
        const flux_msg_t *msg = d->saved[d->saved_count - 1];

        if (flux_requeue (h, msg, FLUX_RQ_HEAD) < 0)
            return -1;
        flux_msg_decref (msg);
        d->saved_count--;
    }
    return 0;
}

/* Sinks */

int response_sink_add (struct dispatch *d, uint32_t matchtag, struct response_sink *s)
{
    int r = table_put_u64 (&d->sinks, matchtag, s);

    if (r < 0) {
        errno = -r;
        return -1;
    }
    s->d = d;
    d->refcount++;
    s->matchtag = matchtag;
    s->running = false;
    return 0;
}

int response_sink_start (struct response_sink *s)
{
    if (s->running)
        return 0;
    if (dispatch_need_watcher (s->d) < 0)
        return -1;
    s->running = true;
    dispatch_ref_running (s->d);
    return 0;
}

void response_sink_stop (struct response_sink *s)
{
    if (s->running) {
        s->running = false;
        dispatch_unref_running (s->d);
    }
}

void response_sink_remove (struct response_sink *s)
{
    if (s->d) {
        response_sink_stop (s);
        table_del_u64 (&s->d->sinks, s->matchtag);
        dispatch_decref (move_ptr (s->d));
    }
}

/* The sink for a response, if it is one to an RPC and there is one. */
static struct response_sink *find_sink (struct dispatch *d, const flux_msg_t *msg)
{
    struct response_sink *s;
    uint32_t matchtag;

    if (flux_msg_get_matchtag (msg, &matchtag) < 0 || matchtag == FLUX_MATCHTAG_NONE
        || flux_msg_route_count (msg) > 0)
        return NULL;
    s = table_get_u64 (&d->sinks, matchtag);
    if (s && s->accept && !s->accept (s, msg))
        return NULL;
    return s;
}

void response_sink_deliver (struct response_sink *s, const flux_msg_t *msg)
{
    uint32_t rolemask;

    if (flux_msg_get_rolemask (msg, &rolemask) == 0 && rolemask != FLUX_ROLE_NONE)
        s->receive (s, msg);
}

/* Choosing */

static flux_msg_handler_t *find_topic (struct dispatch *d, const flux_msg_t *msg)
{
    flux_msg_handler_t *mh;
    struct topic *topic;
    const char *name;

    if (flux_msg_get_topic (msg, &name) < 0
        || !(topic = table_get_str (&d->topics, name)))
        return NULL;
    mh = list_first (&topic->handlers, flux_msg_handler_t, node);
    return mh->running && flux_msg_cmp (msg, mh->match) ? mh : NULL;
}

static flux_msg_handler_t *
next_other (struct dispatch *d, flux_msg_handler_t *mh, const flux_msg_t *msg)
{
    struct list *n = mh ? mh->node.next : d->others.next;

    for (; n != &d->others; n = n->next) {
        mh = list_entry (n, flux_msg_handler_t, node);
        if (mh->running && flux_msg_cmp (msg, mh->match))
            return mh;
    }
    return NULL;
}

/* Every running match gets an event; the set is fixed before the first call. */
static bool dispatch_event (struct dispatch *d, const flux_msg_t *msg)
{
    flux_msg_handler_t *few[8];
    flux_msg_handler_t **v = few;
    flux_msg_handler_t *mh = NULL;
    size_t count = 0;
    size_t max = ARRAY_SIZE (few);

    while ((mh = next_other (d, mh, msg))) {
        if (count == max) {
            flux_msg_handler_t **p = calloc (2 * max, sizeof (*p));

            if (!p)
                break; /* the rest misses it, as after any lost message */
            memcpy (p, v, count * sizeof (*p));
            if (v != few)
                free (v);
            v = p;
            max *= 2;
        }
        mh->refcount++;
        v[count++] = mh;
    }
    for (size_t i = 0; i < count; i++) {
        msg_handler_deliver (v[i], msg);
        msg_handler_decref (v[i]);
    }
    if (v != few)
        free_keep_errno (v);
    return count > 0;
}

static bool
dispatch_one (struct dispatch *d, flux_msg_handler_t *mh, const flux_msg_t *msg)
{
    if (!mh && !(mh = next_other (d, NULL, msg)))
        return false;
    mh->refcount++;
    msg_handler_deliver (mh, msg);
    msg_handler_decref (mh);
    return true;
}

static bool dispatch_response (struct dispatch *d, const flux_msg_t *msg)
{
    struct response_sink *s = find_sink (d, msg);
    bool waits = s && (s->running || s->accept);

    if (!waits && dispatch_one (d, NULL, msg))
        return true;
    if (s)
        response_sink_deliver (s, msg);
    return s != NULL;
}

/* Nobody wanted it */

static void refuse_request (flux_t *h, const flux_msg_t *msg)
{
    _cleanup_ (freep)
    char *text = NULL;
    const char *topic;

    if (flux_msg_is_noresponse (msg))
        return;
    if (flux_msg_get_topic (msg, &topic) < 0)
        topic = "";
    if (asprintf (&text, "Unknown service method '%s'", topic) < 0)
        text = NULL;
    /* If it cannot be sent, the connection is failing and recv will say so. */
    (void)flux_respond_error (h, msg, ENOSYS, text);
}

/* The response of an RPC that was given up: now its matchtag is free. */
static void drop_late_response (flux_t *h, const flux_msg_t *msg)
{
    uint32_t matchtag;
    int errnum;

    if (flux_msg_route_count (msg) > 0 || flux_msg_get_matchtag (msg, &matchtag) < 0
        || matchtag == FLUX_MATCHTAG_NONE || flux_msg_get_errnum (msg, &errnum) < 0)
        return;
    if (errnum != 0 || !flux_msg_is_streaming (msg))
        flux_matchtag_free (h, matchtag);
}

static void dispatch_unhandled (struct dispatch *d, int type, const flux_msg_t *msg)
{
    if (type == FLUX_MSGTYPE_REQUEST)
        refuse_request (d->h, msg);
    else if (type == FLUX_MSGTYPE_RESPONSE)
        drop_late_response (d->h, msg);
}

/* Returns 0, or -1 if a clone could not save the message. */
static int dispatch_message (struct dispatch *d, const flux_msg_t *msg)
{
    bool clone = flux_flags_get (d->h) & FLUX_O_CLONE;
    bool handled = false;
    int type;

    if (flux_msg_get_type (msg, &type) < 0)
        return 0;
    if (type == FLUX_MSGTYPE_EVENT)
        handled = dispatch_event (d, msg);
    else if (type == FLUX_MSGTYPE_RESPONSE)
        handled = dispatch_response (d, msg);
    else if (type == FLUX_MSGTYPE_REQUEST)
        handled = dispatch_one (d, find_topic (d, msg), msg);
    else
        handled = dispatch_one (d, NULL, msg);
    if (!d->h) /* closed by a handler */
        return 0;
    if (clone && (!handled || type == FLUX_MSGTYPE_EVENT))
        return save (d, msg);
    if (!handled)
        dispatch_unhandled (d, type, msg);
    return 0;
}

/* Receiving */

/* Returns 1 if a message was dispatched, 0 if there is none, -1 on error. */
static int receive_one (struct dispatch *d)
{
    flux_msg_t *msg;
    int rc;

    if (!(msg = flux_recv (d->h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK)))
        return errno == EWOULDBLOCK ? 0 : -1;
    rc = dispatch_message (d, msg);
    flux_msg_destroy (msg);
    return rc < 0 ? -1 : 1;
}

static bool may_continue (const struct dispatch *d, const flux_reactor_t *r)
{
    return d->h && d->running > 0 && !reactor_is_stopping (r);
}

static void dispatch_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct dispatch *d = arg;
    int64_t deadline = monotonic_nsec () + DISPATCH_TIME;
    int64_t let_go = deadline - DISPATCH_TIME + DISPATCH_HOLD;
    int64_t t;
    int count = 0;
    int rc = 1;

    d->refcount++;
    reactor_run_deferred (r);
    while (count < DISPATCH_BATCH && may_continue (d, r)) {
        if ((rc = receive_one (d)) <= 0)
            break;
        count++;
        if (!may_continue (d, r))
            break;
        reactor_run_deferred (r);
        if ((t = monotonic_nsec ()) >= deadline)
            break;
        if (t >= let_go && d->h) {
            handle_hold (d->h, false);
            handle_hold (d->h, true);
            let_go = t + DISPATCH_HOLD;
        }
    }
    if (rc == 0 && count == 0 && (revents & FLUX_POLLERR)) {
        errno = ECONNRESET;
        rc = -1;
    }
    if (rc < 0)
        flux_reactor_stop_error (r);
    dispatch_decref (d);
}

int dispatch_need_watcher (struct dispatch *d)
{
    flux_reactor_t *r;

    if (d->w)
        return 0;
    if (!d->h) {
        errno = EINVAL;
        return -1;
    }
    if (!(r = flux_get_reactor (d->h))
        || !(d->w = flux_handle_watcher_create (r, d->h, FLUX_POLLIN, dispatch_cb, d)))
        return -1;
    return 0;
}

void dispatch_ref_running (struct dispatch *d)
{
    if (++d->running == 1)
        flux_watcher_start (d->w);
}

void dispatch_unref_running (struct dispatch *d)
{
    must (d->running > 0);
    if (--d->running == 0)
        flux_watcher_stop (d->w);
}

flux_watcher_t *flux_get_handle_watcher (flux_t *h)
{
    struct dispatch *d;

    if (!(d = dispatch_get (h)) || dispatch_need_watcher (d) < 0)
        return NULL;
    return d->w;
}
