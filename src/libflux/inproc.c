#include "config.h"
#include <pthread.h>

#include "common/util.h"
#include "inproc.h"
#include "message_private.h"

#define CACHELINE 64

/* In place of the inbox's head: it is empty and the reader sleeps. */
static struct flux_msg asleep_mark;
#define ASLEEP (&asleep_mark)

enum { WANT_NOTHING, WANT_CONDITION, WANT_EVENT };

struct inproc {
    /* both */
    _Atomic (struct flux_msg *) inbox;
    atomic_bool closed;
    atomic_int want; /* what a sender that met a full queue waits for */
    struct waker *reader;
    struct waker *sender;
    pthread_mutex_t lock; /* only for a sender that waits */
    pthread_cond_t room;

    /* written by the sender */
    _Alignas(CACHELINE) atomic_size_t sent;
    atomic_size_t sent_bytes;
    bool notify_pending; /* the sender's was asked for and not yet fired */

    /* written by the reader */
    _Alignas(CACHELINE) atomic_size_t received;
    atomic_size_t received_bytes;
    struct flux_msg *ready; /* oldest first */
    bool popped;            /* since 'want' was looked at */
    bool mark_pending;      /* the mark was set and not yet seen taken away */
};

struct inproc *inproc_create (struct waker *reader, struct waker *sender)
{
    struct inproc *q;

    if (!(q = aligned_alloc (CACHELINE, sizeof (*q))))
        return NULL;
    memset (q, 0, sizeof (*q));
    atomic_init (&q->inbox, NULL);
    atomic_init (&q->closed, false);
    atomic_init (&q->want, WANT_NOTHING);
    atomic_init (&q->sent, 0);
    atomic_init (&q->sent_bytes, 0);
    atomic_init (&q->received, 0);
    atomic_init (&q->received_bytes, 0);
    q->reader = reader;
    q->sender = sender;
    pthread_mutex_init (&q->lock, NULL);
    pthread_cond_init (&q->room, NULL);
    return q;
}

static void free_list (struct flux_msg *msg)
{
    while (msg && msg != ASLEEP) {
        struct flux_msg *next = msg->next;

        flux_msg_destroy (msg);
        msg = next;
    }
}

void inproc_destroy (struct inproc *q)
{
    if (!q)
        return;
    free_list (q->ready);
    free_list (atomic_load (&q->inbox));
    pthread_cond_destroy (&q->room);
    pthread_mutex_destroy (&q->lock);
    free_keep_errno (q);
}

/* Wake a sender that waits for room. */
static void give_room (struct inproc *q)
{
    switch (atomic_exchange (&q->want, WANT_NOTHING)) {
        case WANT_CONDITION:
            pthread_mutex_lock (&q->lock);
            pthread_cond_signal (&q->room);
            pthread_mutex_unlock (&q->lock);
            break;
        case WANT_EVENT:
            waker_fire (q->sender);
            break;
        default:
            break;
    }
}

void inproc_close (struct inproc *q)
{
    struct flux_msg *mark = ASLEEP;

    atomic_store (&q->closed, true);
    /* The reader marks first and looks at 'closed' then: one of us sees. */
    if (atomic_compare_exchange_strong (&q->inbox, &mark, NULL))
        waker_fire (q->reader);
    give_room (q);
}

size_t inproc_count (const struct inproc *q)
{
    size_t received = atomic_load_explicit (&q->received, memory_order_acquire);

    return atomic_load_explicit (&q->sent, memory_order_acquire) - received;
}

static bool above (const struct inproc *q, size_t count, size_t bytes)
{
    size_t received = atomic_load_explicit (&q->received, memory_order_relaxed);
    size_t rbytes = atomic_load_explicit (&q->received_bytes, memory_order_relaxed);

    return atomic_load_explicit (&q->sent, memory_order_relaxed) - received >= count
           || atomic_load_explicit (&q->sent_bytes, memory_order_relaxed) - rbytes
                  >= bytes;
}

/* Sender */

bool inproc_full (const struct inproc *q)
{
    return above (q, INPROC_COUNT_MAX, INPROC_BYTES_MAX);
}

static bool half_full (const struct inproc *q)
{
    return above (q, INPROC_COUNT_MAX / 2, INPROC_BYTES_MAX / 2);
}

/* A counter with one writer needs no atomic addition. */
static void counter_add (atomic_size_t *counter, size_t n)
{
    size_t value = atomic_load_explicit (counter, memory_order_relaxed);

    atomic_store_explicit (counter, value + n, memory_order_release);
}

int inproc_push (struct inproc *q, flux_msg_t *msg, struct waker **wake)
{
    struct flux_msg *head;

    if (atomic_load_explicit (&q->closed, memory_order_relaxed)) {
        errno = ECONNRESET;
        return -1;
    }
    counter_add (&q->sent, 1);
    counter_add (&q->sent_bytes, msg_bulk (msg));
    head = atomic_load_explicit (&q->inbox, memory_order_relaxed);
    do {
        msg->next = head == ASLEEP ? NULL : head;
    } while (!atomic_compare_exchange_weak_explicit (
        &q->inbox, &head, msg, memory_order_acq_rel, memory_order_relaxed));
    *wake = head == ASLEEP ? q->reader : NULL;
    return 0;
}

static void stop_waiting (void *arg)
{
    struct inproc *q = arg;

    atomic_store (&q->want, WANT_NOTHING);
    pthread_mutex_unlock (&q->lock);
}

void inproc_wait (struct inproc *q)
{
    int expected = WANT_EVENT;

    /* One wish at a time. */
    if (q->notify_pending
        && atomic_compare_exchange_strong (&q->want, &expected, WANT_NOTHING))
        q->notify_pending = false;
    pthread_mutex_lock (&q->lock);
    pthread_cleanup_push (stop_waiting, q); /* the thread may be cancelled */
    for (;;) {
        atomic_exchange (&q->want, WANT_CONDITION);
        if (!inproc_full (q) || atomic_load (&q->closed))
            break;
        pthread_cond_wait (&q->room, &q->lock);
    }
    pthread_cleanup_pop (1);
}

bool inproc_notify (struct inproc *q)
{
    int expected = WANT_EVENT;

    if (!q->notify_pending) {
        atomic_exchange (&q->want, WANT_EVENT);
        q->notify_pending = true;
    }
    if (inproc_full (q) && !atomic_load (&q->closed))
        return true;
    /* Room after all; unless the reader saw the wish, it is withdrawn. */
    if (atomic_compare_exchange_strong (&q->want, &expected, WANT_NOTHING))
        q->notify_pending = false;
    return false;
}

bool inproc_notified (struct inproc *q)
{
    if (!q->notify_pending || atomic_load (&q->want) == WANT_EVENT)
        return false;
    q->notify_pending = false;
    return true;
}

/* Reader */

/* Take what is in the inbox and turn it around. */
static void refill (struct inproc *q)
{
    struct flux_msg *msg = atomic_load_explicit (&q->inbox, memory_order_relaxed);

    if (msg && msg != ASLEEP) {
        msg = atomic_exchange (&q->inbox, NULL);
        while (msg) {
            struct flux_msg *next = msg->next;

            msg->next = q->ready;
            q->ready = msg;
            msg = next;
        }
    }
    if (!q->popped)
        return;
    q->popped = false;
    /* A sender that waits says so first and counts then; here 'received' was
     * stored first.  Both are read-modify-write operations on 'want', so one
     * of us sees the other.
     */
    if (atomic_fetch_add (&q->want, 0) != WANT_NOTHING && !half_full (q))
        give_room (q);
}

bool inproc_ready (struct inproc *q)
{
    if (!q->ready)
        refill (q);
    if (!q->ready && atomic_load (&q->closed))
        refill (q); /* what was sent before the end */
    return q->ready || atomic_load_explicit (&q->closed, memory_order_relaxed);
}

bool inproc_ended (struct inproc *q)
{
    return inproc_ready (q) && !q->ready;
}

flux_msg_t *inproc_pop (struct inproc *q)
{
    struct flux_msg *msg;

    if (!q->ready && !inproc_ready (q)) {
        errno = EWOULDBLOCK;
        return NULL;
    }
    if (!(msg = q->ready)) {
        errno = ECONNRESET;
        return NULL;
    }
    q->ready = msg->next;
    q->popped = true;
    msg->next = NULL;
    counter_add (&q->received, 1);
    counter_add (&q->received_bytes, msg_bulk (msg));
    return msg;
}

bool inproc_arrived (struct inproc *q)
{
    struct flux_msg *mark = ASLEEP;
    struct flux_msg *head = atomic_load_explicit (&q->inbox, memory_order_relaxed);

    /* The reader is awake: nobody need wake it. */
    if (head == ASLEEP && atomic_compare_exchange_strong (&q->inbox, &mark, NULL)) {
        q->mark_pending = false;
        return false;
    }
    return q->ready || head;
}

bool inproc_sleep (struct inproc *q)
{
    struct flux_msg *head = NULL;

    if (q->ready)
        return false;
    if (!q->mark_pending) {
        if (!atomic_compare_exchange_strong (&q->inbox, &head, ASLEEP))
            return false;
        q->mark_pending = true;
    }
    return atomic_load (&q->inbox) == ASLEEP && !atomic_load (&q->closed);
}

bool inproc_woken (struct inproc *q)
{
    if (!q->mark_pending || atomic_load (&q->inbox) == ASLEEP)
        return false;
    q->mark_pending = false;
    return true;
}
