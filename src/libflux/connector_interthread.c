/* connector_interthread.c - interthread://NAME: a channel between two threads
 * of this process.
 *
 * Whoever opens a name first makes the channel, the second one joins, a third
 * gets EADDRINUSE.  What the first sends before the second is there waits.
 * When either end is closed the name is free again; the other end receives
 * what was sent, then ECONNRESET, and is refused to send.
 *
 * A message without any credential gets that of this process: OWNER|LOCAL.
 * flux_send_new () hands the very message over; flux_send () a copy, which
 * shares the payload.
 *
 * FLUX_OPT_ROUTER_NAME makes an end a router of its own: requests it sends
 * get that name pushed on their route stack, responses lose their last route.
 *
 * A tap (interthread.h) takes what one end sends, in place of the other end.
 *
 * Bounds: inproc.h.  A send into a full queue waits, or fails with
 * EWOULDBLOCK under FLUX_O_NONBLOCK.  Of two ends that both wait none would
 * ever move: the end that serves many (the broker) must not block.
 */

#include "config.h"
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "common/errprintf.h"
#include "common/list.h"
#include "common/util.h"
#include "handle_private.h"
#include "inproc.h"
#include "interthread.h"
#include "linger.h"
#include "message_private.h"

struct channel {
    struct list node; /* in 'channels' while the name is taken */
    int openers;
    int refcount;
    struct waker *wakers[2];
    struct inproc *to[2]; /* to[i]: what end i receives ... */
    const struct interthread_tap *tap[2]; /* ... unless this takes it */
    char name[];
};

/* Guards the list, and openers and refcount of all channels. */
static pthread_mutex_t channels_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list channels = LIST_INIT (channels);

struct end {
    struct channel *channel;
    struct inproc *in;
    struct inproc *out;
    int index;
    int wakefd;
    bool polled;     /* somebody polls wakefd */
    struct linger linger;
    uint64_t unread; /* writes to wakefd less reads; may pass below 0 for a moment */
    char *router_name;
    struct flux_msg_cred cred;
};

/* Channels */

static void channel_destroy (struct channel *ch)
{
    for (int i = 0; i < 2; i++) {
        inproc_destroy (ch->to[i]);
        waker_put (ch->wakers[i]);
    }
    free (ch);
}

static struct channel *channel_create (const char *name)
{
    struct channel *ch;
    int saved_errno;

    if (!(ch = calloc (1, sizeof (*ch) + strlen (name) + 1)))
        return NULL;
    list_init (&ch->node);
    strcpy (ch->name, name);
    for (int i = 0; i < 2; i++) {
        if (!(ch->wakers[i] = waker_create ()))
            goto error;
    }
    for (int i = 0; i < 2; i++) {
        if (!(ch->to[i] = inproc_create (ch->wakers[i], ch->wakers[1 - i])))
            goto error;
    }
    return ch;
error:
    saved_errno = errno;
    channel_destroy (ch);
    errno = saved_errno;
    return NULL;
}

static struct channel *channel_find (const char *name)
{
    struct channel *ch;

    list_foreach (&channels, ch, node) {
        if (strcmp (ch->name, name) == 0)
            return ch;
    }
    return NULL;
}

/* Open or join; *end becomes 0 or 1.  NULL with errno. */
static struct channel *channel_get (const char *name, int *end)
{
    struct channel *ch;

    pthread_mutex_lock (&channels_lock);
    if (!(ch = channel_find (name))) {
        if ((ch = channel_create (name)))
            list_append (&channels, &ch->node);
    }
    else if (ch->openers == 2) {
        errno = EADDRINUSE;
        ch = NULL;
    }
    if (ch) {
        *end = ch->openers++;
        ch->refcount++;
    }
    pthread_mutex_unlock (&channels_lock);
    return ch;
}

static void channel_put (struct channel *ch)
{
    bool last;

    inproc_close (ch->to[0]);
    inproc_close (ch->to[1]);
    pthread_mutex_lock (&channels_lock);
    list_del (&ch->node);
    last = --ch->refcount == 0;
    pthread_mutex_unlock (&channels_lock);
    if (last)
        channel_destroy (ch);
}

/* Polling */

static bool arrived (void *arg)
{
    struct end *end = arg;

    return inproc_arrived (end->in);
}

static void op_linger (void *impl)
{
    struct end *end = impl;

    (void)linger (&end->linger, arrived, end);
}

/* The tap is told what our thread is about. */
static void op_hold (void *impl, bool yes)
{
    struct end *end = impl;
    const struct interthread_tap *tap = end->channel->tap[1 - end->index];

    if (tap && tap->hold)
        tap->hold (tap->arg, yes);
}

static void read_wakefd (struct end *end)
{
    eventfd_t value;

    /* A write that is announced but not done yet will wake us again. */
    if (end->unread != 0 && eventfd_read (end->wakefd, &value) == 0)
        end->unread -= value;
}

static void raise_pollfd (void *impl)
{
    struct end *end = impl;

    end->unread++;
    (void)eventfd_write (end->wakefd, 1);
}

/* Nothing to do: take wake-ups away, and ask for the next one.  Returns false
 * if there is something to do after all.
 */
static bool go_idle (struct end *end)
{
    if (inproc_woken (end->in))
        end->unread++;
    if (inproc_notified (end->out))
        end->unread++;
    read_wakefd (end);
    return inproc_sleep (end->in);
}

static int op_pollfd (void *impl)
{
    struct end *end = impl;

    /* Whoever begins to poll looks at the level first. */
    if (!end->polled) {
        end->polled = true;
        raise_pollfd (end);
    }
    return end->wakefd;
}

static int op_pollevents (void *impl)
{
    struct end *end = impl;
    int events = 0;

    if (!inproc_ready (end->in) && end->polled && !go_idle (end))
        (void)inproc_ready (end->in);
    if (inproc_ready (end->in))
        events |= inproc_ended (end->in) ? FLUX_POLLERR : FLUX_POLLIN;
    if (!inproc_full (end->out) || (end->polled && !inproc_notify (end->out)))
        events |= FLUX_POLLOUT;
    return events;
}

/* Sending */

static int stamp (const struct end *end, flux_msg_t *msg)
{
    if (msg->userid == FLUX_USERID_UNKNOWN && msg->rolemask == FLUX_ROLE_NONE) {
        msg->userid = end->cred.userid;
        msg->rolemask = end->cred.rolemask;
    }
    if (!end->router_name)
        return 0;
    if (msg->type == FLUX_MSGTYPE_REQUEST) {
        flux_msg_route_enable (msg);
        return flux_msg_route_push (msg, end->router_name);
    }
    if (msg->type == FLUX_MSGTYPE_RESPONSE && msg->routes.count > 0)
        return flux_msg_route_delete_last (msg);
    return 0;
}

/* Returns 0 once there is room, or -1 with errno. */
static int wait_for_room (struct end *end, int flags)
{
    if (!inproc_full (end->out) || end->channel->tap[end->index])
        return 0;
    if (flags & FLUX_O_NONBLOCK) {
        errno = EWOULDBLOCK;
        return -1;
    }
    inproc_wait (end->out);
    return 0;
}

static int op_send_new (void *impl, flux_msg_t **msg, int flags)
{
    struct end *end = impl;
    const struct interthread_tap *tap = end->channel->tap[1 - end->index];
    const struct interthread_tap *own = end->channel->tap[end->index];
    struct waker *wake;

    if (tap) {
        aux_destroy (&(*msg)->aux);
        return tap->send (tap->arg, msg, flags);
    }
    /* Only this thread adds, so room that is there stays: the message is
     * changed only when it will go.
     */
    if (wait_for_room (end, flags) < 0 || stamp (end, *msg) < 0)
        return -1;
    aux_destroy (&(*msg)->aux);
    if (inproc_push (end->out, *msg, &wake) < 0)
        return -1;
    *msg = NULL;
    if (wake && own)
        own->wake (own->arg, wake);
    else if (wake)
        waker_fire (wake);
    return 0;
}

static int op_send (void *impl, const flux_msg_t *msg, int flags)
{
    struct end *end = impl;
    flux_msg_t *cpy;

    if (wait_for_room (end, flags) < 0 || !(cpy = flux_msg_copy (msg, true)))
        return -1;
    if (op_send_new (end, &cpy, flags) < 0) {
        flux_msg_destroy (cpy);
        return -1;
    }
    return 0;
}

/* Receiving */

static flux_msg_t *op_recv (void *impl, int flags)
{
    struct end *end = impl;
    flux_msg_t *msg;

    while (!(msg = inproc_pop (end->in))) {
        struct pollfd pfd = { .fd = end->wakefd, .events = POLLIN };
        bool block = !(flags & FLUX_O_NONBLOCK);

        if (errno != EWOULDBLOCK)
            break;
        if (!block && !end->polled)
            break;
        if (!go_idle (end))
            continue;
        if (!block) {
            errno = EWOULDBLOCK;
            break;
        }
        op_hold (end, false);
        if (poll (&pfd, 1, -1) < 0 && errno != EINTR)
            break;
    }
    return msg;
}

/* Options */

static int op_setopt (void *impl, const char *option, const void *val, size_t len)
{
    struct end *end = impl;
    char *name;

    if (strcmp (option, INTERTHREAD_TAP) == 0 && val
        && len == sizeof (struct interthread_tap) && end->channel->openers == 1) {
        end->channel->tap[end->index] = val;
        return 0;
    }
    if (strcmp (option, FLUX_OPT_ROUTER_NAME) != 0 || !val || len == 0
        || strnlen (val, len) == 0) {
        errno = EINVAL;
        return -1;
    }
    if (!(name = strndup (val, len)))
        return -1;
    free (end->router_name);
    end->router_name = name;
    return 0;
}

static int op_getopt (void *impl, const char *option, void *val, size_t len)
{
    const struct end *end = impl;
    size_t count;

    if (strcmp (option, INTERTHREAD_FULL) == 0 && val && len == sizeof (int)) {
        *(int *)val = inproc_full (end->out);
        return 0;
    }
    if (strcmp (option, FLUX_OPT_SEND_QUEUE_COUNT) == 0)
        count = inproc_count (end->out);
    else if (strcmp (option, FLUX_OPT_RECV_QUEUE_COUNT) == 0)
        count = inproc_count (end->in);
    else {
        errno = EINVAL;
        return -1;
    }
    if (!val || len != sizeof (count)) {
        errno = EINVAL;
        return -1;
    }
    memcpy (val, &count, sizeof (count));
    return 0;
}

static void op_destroy (void *impl)
{
    struct end *end = impl;

    channel_put (end->channel);
    free (end->router_name);
    free (end);
}

static const struct flux_handle_ops ops = {
    .setopt = op_setopt,
    .getopt = op_getopt,
    .pollfd = op_pollfd,
    .pollevents = op_pollevents,
    .send = op_send,
    .recv = op_recv,
    .impl_destroy = op_destroy,
    .send_new = op_send_new,
};

flux_t *connector_interthread_init (const char *path, int flags, flux_error_t *error)
{
    struct end *end;
    flux_t *h;
    int i;

    if (!path || !*path) {
        errprintf (error, "interthread: URI needs a name");
        errno = EINVAL;
        return NULL;
    }
    if (!(end = calloc (1, sizeof (*end))))
        return NULL;
    if (!(end->channel = channel_get (path, &i))) {
        free_keep_errno (end);
        return NULL;
    }
    linger_init (&end->linger);
    end->index = i;
    end->in = end->channel->to[i];
    end->out = end->channel->to[1 - i];
    end->wakefd = end->channel->wakers[i]->fd;
    end->cred.userid = getuid ();
    end->cred.rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
    if (!(h = flux_handle_create (end, &ops, flags))) {
        int saved_errno = errno;

        op_destroy (end);
        errno = saved_errno;
        return NULL;
    }
    handle_set_raise (h, raise_pollfd);
    handle_set_linger (h, op_linger);
    handle_set_hold (h, op_hold);
    return h;
}
