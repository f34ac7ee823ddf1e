#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "common/util.h"
#include "libflux/linger.h"
#include "libflux/message_private.h"

#include "mailbox.h"
#include "patient.h"

struct letter {
    struct endpoint *ep;
    flux_msg_t *msg;
};

struct mailbox {
    struct monitor *monitor;
    struct letter *ring; /* of a power of two */
    size_t cap;
    size_t head;
    atomic_size_t count;
    atomic_size_t bytes;
    size_t taken; /* bytes, of the broker's thread */
    bool taking; /* the last one taken may not be delivered yet */
    bool asleep; /* to be woken */
    struct waker *waker;

    pthread_mutex_t lock; /* for senders that wait for room */
    pthread_cond_t room;
    atomic_int waiting;

    flux_watcher_t *prepare;
    flux_watcher_t *check;
    flux_watcher_t *idle;
    flux_watcher_t *woken;
    struct linger linger;
    void (*work) (void *arg);
    void *arg;
};

struct mailbox *mailbox_new (struct monitor *monitor)
{
    struct mailbox *mb = calloc (1, sizeof (*mb));

    if (!mb)
        return NULL;
    if (!(mb->waker = waker_create ())) {
        free_keep_errno (mb);
        return NULL;
    }
    mb->monitor = monitor;
    linger_init (&mb->linger);
    pthread_mutex_init (&mb->lock, NULL);
    pthread_cond_init (&mb->room, NULL);
    return mb;
}

void mailbox_free (struct mailbox *mb)
{
    struct endpoint *ep;
    flux_msg_t *msg;

    if (!mb)
        return;
    while (mailbox_take (mb, &ep, &msg))
        flux_msg_decref (msg);
    flux_watcher_destroy (mb->prepare);
    flux_watcher_destroy (mb->check);
    flux_watcher_destroy (mb->idle);
    flux_watcher_destroy (mb->woken);
    waker_put (mb->waker);
    pthread_cond_destroy (&mb->room);
    pthread_mutex_destroy (&mb->lock);
    free (mb->ring);
    free (mb);
}

size_t mailbox_count (const struct mailbox *mb)
{
    return atomic_load_explicit (&mb->count, memory_order_relaxed);
}

size_t mailbox_taken (const struct mailbox *mb)
{
    return mb->taken;
}

bool mailbox_passes (const struct mailbox *mb)
{
    return mailbox_count (mb) == 0 && !mb->taking && monitor_is_home (mb->monitor);
}

static int reserve (struct mailbox *mb, size_t count)
{
    size_t cap = mb->cap ? 2 * mb->cap : 64;
    struct letter *ring;

    if (count < mb->cap)
        return 0;
    if (!(ring = reallocarray (NULL, cap, sizeof (*ring))))
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        ring[i] = mb->ring[(mb->head + i) & (mb->cap - 1)];
    free (mb->ring);
    mb->ring = ring;
    mb->cap = cap;
    mb->head = 0;
    return 0;
}

static void add (atomic_size_t *counter, size_t n)
{
    atomic_store (counter, atomic_load_explicit (counter, memory_order_relaxed) + n);
}

int mailbox_put (struct mailbox *mb, struct endpoint *ep, flux_msg_t **msg)
{
    size_t count = mailbox_count (mb);
    bool has_time = *msg && patient (*msg);
    struct letter *l;

    if (reserve (mb, count) < 0)
        return -ENOMEM;
    l = &mb->ring[(mb->head + count) & (mb->cap - 1)];
    l->ep = ep;
    l->msg = *msg;
    add (&mb->bytes, *msg ? msg_bulk (*msg) : 0);
    add (&mb->count, 1);
    *msg = NULL;
    if (mb->asleep && has_time)
        monitor_wake_later (mb->monitor, mb->waker);
    else if (mb->asleep)
        monitor_wake (mb->monitor, mb->waker);
    else if (!has_time)
        monitor_hurry (mb->monitor, mb->waker);
    mb->asleep = false;
    return 0;
}

/* Below half, those that wait may go on. */
static void make_room (struct mailbox *mb)
{
    if (atomic_load (&mb->waiting) == 0 || mailbox_count (mb) > MAILBOX_MAX / 2
        || atomic_load (&mb->bytes) > MAILBOX_BYTES_MAX / 2)
        return;
    pthread_mutex_lock (&mb->lock);
    pthread_cond_broadcast (&mb->room);
    pthread_mutex_unlock (&mb->lock);
}

bool mailbox_take (struct mailbox *mb, struct endpoint **ep, flux_msg_t **msg)
{
    struct letter *l;

    if (!(mb->taking = mailbox_count (mb) > 0))
        return false;
    l = &mb->ring[mb->head];
    *ep = l->ep;
    *msg = l->msg;
    mb->head = (mb->head + 1) & (mb->cap - 1);
    add (&mb->bytes, -(*msg ? msg_bulk (*msg) : 0));
    mb->taken += *msg ? msg_bulk (*msg) : 0;
    add (&mb->count, -1);
    make_room (mb);
    return true;
}

void mailbox_forget (struct mailbox *mb, const struct endpoint *ep)
{
    size_t count = mailbox_count (mb);

    for (size_t i = 0; i < count; i++) {
        struct letter *l = &mb->ring[(mb->head + i) & (mb->cap - 1)];

        if (l->ep == ep)
            l->ep = NULL;
    }
}

/* Waiting for room */

bool mailbox_full (const struct mailbox *mb)
{
    return atomic_load (&mb->count) >= MAILBOX_MAX
           || atomic_load (&mb->bytes) >= MAILBOX_BYTES_MAX;
}

static void stop_waiting (void *arg)
{
    struct mailbox *mb = arg;

    atomic_fetch_sub (&mb->waiting, 1);
    pthread_mutex_unlock (&mb->lock);
}

void mailbox_wait (struct mailbox *mb)
{
    if (!mailbox_full (mb))
        return;
    monitor_let_go ();
    pthread_mutex_lock (&mb->lock);
    /* Said first and counted then, while the reader counts first. */
    atomic_fetch_add (&mb->waiting, 1);
    pthread_cleanup_push (stop_waiting, mb); /* the thread may be cancelled */
    while (mailbox_full (mb))
        pthread_cond_wait (&mb->room, &mb->lock);
    pthread_cleanup_pop (1);
}

/* The broker's thread */

static bool arrived (void *arg)
{
    return mailbox_count (arg) > 0;
}

static void prepare_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct mailbox *mb = arg;
    bool empty;

    monitor_let_go ();
    (void)linger (&mb->linger, arrived, mb);
    monitor_enter (mb->monitor);
    mb->asleep = empty = mailbox_count (mb) == 0;
    monitor_leave (mb->monitor);
    if (!empty)
        flux_watcher_start (mb->idle);
}

static void check_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct mailbox *mb = arg;

    monitor_hold ();
    monitor_enter (mb->monitor);
    mb->asleep = false;
    monitor_leave (mb->monitor);
    flux_watcher_stop (mb->idle);
    if (mailbox_count (mb) > 0)
        mb->work (mb->arg);
}

static void woken_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct mailbox *mb = arg;
    eventfd_t value;

    (void)eventfd_read (mb->waker->fd, &value);
}

int mailbox_watch (struct mailbox *mb,
                   flux_reactor_t *reactor,
                   void (*work) (void *arg),
                   void *arg)
{
    mb->work = work;
    mb->arg = arg;
    if (!(mb->prepare = flux_prepare_watcher_create (reactor, prepare_cb, mb))
        || !(mb->check = flux_check_watcher_create (reactor, check_cb, mb))
        || !(mb->idle = flux_idle_watcher_create (reactor, NULL, NULL))
        || !(mb->woken = flux_fd_watcher_create (
                 reactor, mb->waker->fd, FLUX_POLLIN, woken_cb, mb)))
        return -1;
    flux_watcher_unref (mb->prepare);
    flux_watcher_unref (mb->check);
    flux_watcher_unref (mb->woken);
    flux_watcher_start (mb->prepare);
    flux_watcher_start (mb->check);
    flux_watcher_start (mb->woken);
    return 0;
}
