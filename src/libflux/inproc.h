/* inproc.h - one direction of an in-process channel: from one thread to
 * another.
 *
 * Purpose: module threads and the broker pass messages by pointer; a send is
 * one atomic exchange, and the kernel is only called when the reader sleeps.
 *
 * How it works: the sender pushes onto 'inbox', a list with the newest first;
 * the reader takes the whole list at once and turns it around.  A reader that
 * found nothing and is about to sleep leaves the mark ASLEEP there; a sender
 * that replaces the mark wakes the reader, once.
 *
 * Invariants
 *  - one thread at a time sends, one receives
 *  - a queued message belongs to the queue alone
 *  - each time the mark is taken away, the reader's waker is fired exactly once
 *
 * Bounds: INPROC_COUNT_MAX messages and INPROC_BYTES_MAX bytes of payload.
 * The sender keeps to them: it asks inproc_full () first, and waits for the
 * queue to be half empty, asleep in inproc_wait () or told through its own
 * waker; or it sees to it that others stop.
 */

#ifndef MILLRACE_LIBFLUX_INPROC_H
#define MILLRACE_LIBFLUX_INPROC_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core/message.h>

#include "waker.h"

#define INPROC_COUNT_MAX ((size_t)1 << 16)
#define INPROC_BYTES_MAX ((size_t)256 << 20)

struct inproc;

/* One wakes the reader; the other the sender, when a full queue has room
 * again.  Both outlive the queue.
 */
struct inproc *inproc_create (struct waker *reader, struct waker *sender);
void inproc_destroy (struct inproc *q);

/* Either end is gone: the reader sees the end after the last message, the
 * sender is refused with ECONNRESET.
 */
void inproc_close (struct inproc *q);

/* Sender's side */

/* Takes over the message.  *wake becomes the reader's waker if the caller has
 * to fire it, else NULL.  -1 with errno ECONNRESET, and then the message is
 * still the caller's.
 */
int inproc_push (struct inproc *q, flux_msg_t *msg, struct waker **wake);
bool inproc_full (const struct inproc *q);

/* Sleep until the queue is no longer full, or closed. */
void inproc_wait (struct inproc *q);

/* Have the sender woken when it is no longer full.  Returns false if it is
 * not full any more.  inproc_notified () tells, once, that this happened.
 */
bool inproc_notify (struct inproc *q);
bool inproc_notified (struct inproc *q);

/* Reader's side */

/* NULL with errno EWOULDBLOCK or, after the last message of a closed queue,
 * ECONNRESET.
 */
flux_msg_t *inproc_pop (struct inproc *q);

/* True if inproc_pop () would return a message or ECONNRESET. */
bool inproc_ready (struct inproc *q);

/* True if it would return ECONNRESET. */
bool inproc_ended (struct inproc *q);

/* Is there something?  For a reader that is awake, to look again and again:
 * nobody wakes it meanwhile.
 */
bool inproc_arrived (struct inproc *q);

/* Nothing is there: have the reader woken when that changes.  Returns false if
 * something came meanwhile.  Calling it again is harmless.
 */
bool inproc_sleep (struct inproc *q);

/* True, once per waking, when the mark has been taken away. */
bool inproc_woken (struct inproc *q);

/* Messages sent and not received; either side may ask. */
size_t inproc_count (const struct inproc *q);

#endif /* !MILLRACE_LIBFLUX_INPROC_H */
