/* usock.h - messages over a local stream socket (wire.md section 2).
 *
 * Purpose: one connection, either end of it.  Each message travels as
 *     magic 0xffee0012 in host byte order | length, big endian | message
 * where length counts the encoded message only.  Bytes are read in big
 * pieces, so that many small messages cost one system call, and written in
 * big pieces, so that what is queued together leaves together.  The
 * handshake byte is the business of whoever connects or accepts.
 *
 * Nothing here blocks, whatever the flags of the descriptor, and SIGPIPE is
 * never raised.
 *
 * Invariants
 *  - messages come out whole, in order; after an input error every further
 *    receive fails with the same errno
 *  - an output error drops what is queued and leaves the input side usable:
 *    what the peer sent before it went away can still be received
 *
 * Ownership: the usock owns the descriptor and its two buffers; a received
 * message belongs to the caller; a message to be sent is encoded at once and
 * not referenced.
 *
 * Bounds
 *  - output: a message is refused with EWOULDBLOCK while send_max bytes or
 *    more are queued (default USOCK_SEND_MAX).  So at most send_max bytes
 *    plus one message are held; what to do with a peer that does not read
 *    is the caller's decision
 *  - input: a frame longer than frame_max (default USOCK_FRAME_MAX) is a
 *    protocol error.  The buffer grows as bytes arrive, at most doubling, so
 *    a length that is only claimed costs nothing; it shrinks again after a
 *    huge frame
 *
 * One thread per usock.
 */

#ifndef MILLRACE_LIBFLUX_USOCK_H
#define MILLRACE_LIBFLUX_USOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core/message.h>

struct usock;

#define USOCK_SEND_MAX ((size_t)16 << 20)
#define USOCK_FRAME_MAX ((size_t)1 << 30)

/* Takes over fd, a connected stream socket.  NULL with errno on failure, and
 * then fd is still the caller's.
 */
struct usock *usock_create (int fd);

/* Closes the descriptor; unsent output is lost. */
void usock_destroy (struct usock *us);

int usock_fd (const struct usock *us);
void usock_set_send_max (struct usock *us, size_t bytes);
void usock_set_frame_max (struct usock *us, size_t bytes);

/* Queue a message without writing: for a server that flushes once per pass
 * of its loop.  Returns 0, or -1 with errno EWOULDBLOCK (queue full, message
 * not taken), EMSGSIZE (longer than the framing can say), ENOMEM, or the
 * errno of an earlier output error.
 */
int usock_queue (struct usock *us, const flux_msg_t *msg);

/* Queue a message and, if nothing was waiting before it, write what the
 * socket takes.  Errors as for usock_queue () and usock_flush ().
 */
int usock_send (struct usock *us, const flux_msg_t *msg);

/* Write what the socket takes.  Returns 1 if bytes are left (wait until the
 * descriptor is writable), 0 if none; -1 with errno (EPIPE, ECONNRESET...)
 * if the connection no longer takes output, now and ever after.
 */
int usock_flush (struct usock *us);

/* Bytes queued and not written. */
size_t usock_queued (const struct usock *us);

/* The next message.  Reads from the socket only if no whole frame is
 * buffered.  NULL with errno
 *   EWOULDBLOCK  nothing whole yet, wait until the descriptor is readable
 *   ECONNRESET   the peer closed (between frames or within one)
 *   EPROTO       bad magic, length zero or above frame_max, or not a message
 *   EINVAL       a message whose inner frames do not fit (the decoder's)
 *   others       from recv(2) or ENOMEM
 * All but EWOULDBLOCK and ENOMEM are final.
 */
flux_msg_t *usock_recv (struct usock *us);

/* True if usock_recv () would return a message, or a protocol error, without
 * touching the socket.
 */
bool usock_ready (const struct usock *us);

/* Read ahead once.  Returns 1 if usock_ready () after it, 0 if not (yet);
 * -1 with errno, as usock_recv (), when only the error is left.
 */
int usock_fill (struct usock *us);

/* Read once, also if usock_ready () already: for one who waits to write and
 * must not let the peer wait meanwhile.  Returns 0 or -1 with errno, as
 * usock_recv (); frames already there can still be received.
 */
int usock_read_ahead (struct usock *us);

/* Bytes read and not yet received as messages. */
size_t usock_buffered (const struct usock *us);

/* True if no further byte will be read (what is buffered may remain). */
bool usock_failed (const struct usock *us);

/* True if the last read emptied the socket: with edge triggered polling no
 * read is worth a try before the next edge.
 */
bool usock_drained (const struct usock *us);

#endif /* !MILLRACE_LIBFLUX_USOCK_H */
