#include "config.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "common/util.h"
#include "usock.h"

#define MAGIC 0xffee0012u
#define PREFIX 8

enum {
    IN_MIN = 16 * 1024,    /* input buffer of a quiet connection */
    IN_READ = 256 * 1024,  /* and of one whose reads fill it */
    OUT_KEEP = 256 * 1024, /* output memory kept when all is written */
};

/* Bytes [off, len) of buf are waiting to be written, or to be decoded. */
struct buffer {
    char *buf;
    size_t off;
    size_t len;
    size_t cap;
};

struct usock {
    int fd;
    struct buffer in;
    struct buffer out;
    size_t send_max;
    size_t frame_max;
    int in_errnum;  /* what every further receive fails with */
    int out_errnum; /* what every further send fails with */
    bool drained;
};

static size_t buffer_used (const struct buffer *b)
{
    return b->len - b->off;
}

/* Make room for n bytes behind len, by moving or growing. */
static int buffer_reserve (struct buffer *b, size_t n)
{
    size_t used = buffer_used (b);
    size_t cap = b->cap ? b->cap : IN_MIN;
    char *buf;

    if (b->cap - b->len >= n)
        return 0;
    /* Moving is worth it only when it frees at least what it moves. */
    if (b->off >= used && b->cap - used >= n) {
        memmove (b->buf, b->buf + b->off, used);
        b->off = 0;
        b->len = used;
        return 0;
    }
    if (n > SIZE_MAX / 4 - b->len)
        return -ENOMEM;
    while (cap - b->len < n)
        cap *= 2;
    if (!(buf = realloc (b->buf, cap)))
        return -ENOMEM;
    b->buf = buf;
    b->cap = cap;
    return 0;
}

/* All is consumed: start over, and give a big buffer back. */
static void buffer_reset (struct buffer *b, size_t keep)
{
    b->off = b->len = 0;
    if (b->cap > keep) {
        free (b->buf);
        b->buf = NULL;
        b->cap = 0;
    }
}

struct usock *usock_create (int fd)
{
    struct usock *us;

    if (fd < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(us = calloc (1, sizeof (*us))))
        return NULL;
    us->fd = fd;
    us->send_max = USOCK_SEND_MAX;
    us->frame_max = USOCK_FRAME_MAX;
    return us;
}

void usock_destroy (struct usock *us)
{
    int saved_errno = errno;

    if (!us)
        return;
    close (us->fd);
    free (us->in.buf);
    free (us->out.buf);
    free (us);
    errno = saved_errno;
}

int usock_fd (const struct usock *us)
{
    return us->fd;
}

void usock_set_send_max (struct usock *us, size_t bytes)
{
    us->send_max = bytes;
}

void usock_set_frame_max (struct usock *us, size_t bytes)
{
    us->frame_max = bytes;
}

size_t usock_queued (const struct usock *us)
{
    return buffer_used (&us->out);
}

bool usock_drained (const struct usock *us)
{
    return us->drained;
}

/* Output */

int usock_queue (struct usock *us, const flux_msg_t *msg)
{
    struct buffer *out = &us->out;
    uint32_t prefix[2];
    ssize_t size;
    int r;

    if (us->out_errnum) {
        errno = us->out_errnum;
        return -1;
    }
    if (usock_queued (us) >= us->send_max) {
        errno = EWOULDBLOCK;
        return -1;
    }
    if ((size = flux_msg_encode_size (msg)) < 0)
        return -1;
    if ((size_t)size > UINT32_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    if ((r = buffer_reserve (out, size + PREFIX)) < 0) {
        errno = -r;
        return -1;
    }
    prefix[0] = MAGIC;
    prefix[1] = htonl (size);
    memcpy (out->buf + out->len, prefix, PREFIX);
    if (flux_msg_encode (msg, out->buf + out->len + PREFIX, size) < 0)
        return -1;
    out->len += size + PREFIX;
    return 0;
}

int usock_flush (struct usock *us)
{
    struct buffer *out = &us->out;

    while (!us->out_errnum && out->off < out->len) {
        ssize_t n = send (us->fd, out->buf + out->off, out->len - out->off,
                          MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0)
            out->off += n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 1;
        else if (errno != EINTR)
            us->out_errnum = errno;
    }
    buffer_reset (out, OUT_KEEP);
    if (us->out_errnum) {
        errno = us->out_errnum;
        return -1;
    }
    return 0;
}

int usock_send (struct usock *us, const flux_msg_t *msg)
{
    bool idle = usock_queued (us) == 0;

    if (usock_queue (us, msg) < 0)
        return -1;
    if (idle && usock_flush (us) < 0)
        return -1;
    return 0;
}

/* Input */

/* Judge the frame at the head of the buffer.  Returns its length, 0 if the
 * prefix is not whole yet, or -EPROTO.
 */
static ssize_t frame_length (const struct usock *us)
{
    uint32_t prefix[2];
    size_t length;

    if (buffer_used (&us->in) < PREFIX)
        return 0;
    memcpy (prefix, us->in.buf + us->in.off, PREFIX);
    length = ntohl (prefix[1]);
    if (prefix[0] != MAGIC || length == 0 || length > us->frame_max)
        return -EPROTO;
    return length;
}

bool usock_ready (const struct usock *us)
{
    ssize_t length;

    length = frame_length (us);
    return (length < 0 && !us->in_errnum)
           || (length > 0 && buffer_used (&us->in) - PREFIX >= (size_t)length);
}

/* How much to ask of the next read: what the frame under way still needs,
 * but no more than doubles the buffer, and at least a good piece.
 */
static size_t read_size (const struct usock *us)
{
    const struct buffer *in = &us->in;
    ssize_t length = frame_length (us);
    size_t room = in->cap - in->len;
    size_t want = IN_MIN;

    if (length > 0 && (size_t)length + PREFIX > buffer_used (in))
        want = (size_t)length + PREFIX - buffer_used (in);
    if (want > in->cap && want > IN_READ)
        want = in->cap > IN_READ ? in->cap : IN_READ;
    return room > want ? room : want;
}

/* No more input.  What was read stays: it may hold whole frames. */
static int input_error (struct usock *us, int errnum)
{
    us->in_errnum = errnum;
    us->drained = true;
    errno = errnum;
    return -1;
}

/* The frame at the head is no good, nor then what is behind it. */
static int frame_error (struct usock *us, int errnum)
{
    buffer_reset (&us->in, 0);
    return input_error (us, errnum);
}

/* One read.  Returns 0, or -1 with errno (EWOULDBLOCK and ENOMEM pass). */
static int read_once (struct usock *us)
{
    struct buffer *in = &us->in;
    size_t size;
    ssize_t n;
    int r;

    if (in->off == in->len)
        buffer_reset (in, IN_READ);
    size = read_size (us);
    if ((r = buffer_reserve (in, size)) < 0) {
        us->drained = false;
        errno = -r;
        return -1;
    }
    size = in->cap - in->len;
    do {
        n = recv (us->fd, in->buf + in->len, size, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    us->drained = n < (ssize_t)size;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        errno = EWOULDBLOCK;
        return -1;
    }
    if (n <= 0)
        return input_error (us, n < 0 ? errno : ECONNRESET);
    in->len += n;
    /* The reads fill a small buffer: there is more, take it faster. */
    if (!us->drained && in->cap < IN_READ)
        (void)buffer_reserve (in, in->cap);
    return 0;
}

int usock_read_ahead (struct usock *us)
{
    if (us->in_errnum) {
        errno = us->in_errnum;
        return -1;
    }
    return read_once (us);
}

size_t usock_buffered (const struct usock *us)
{
    return buffer_used (&us->in);
}

bool usock_failed (const struct usock *us)
{
    return us->in_errnum != 0;
}

int usock_fill (struct usock *us)
{
    if (usock_ready (us))
        return 1;
    if (us->in_errnum) {
        errno = us->in_errnum;
        return -1;
    }
    if (read_once (us) < 0)
        return errno == EWOULDBLOCK ? 0 : -1;
    return usock_ready (us) ? 1 : 0;
}

/* Take the whole frame at the head of the buffer. */
static flux_msg_t *take_frame (struct usock *us)
{
    struct buffer *in = &us->in;
    ssize_t length = frame_length (us);
    flux_msg_t *msg;

    if (length < 0) {
        frame_error (us, -length);
        return NULL;
    }
    if (!(msg = flux_msg_decode (in->buf + in->off + PREFIX, length))) {
        if (errno != ENOMEM)
            frame_error (us, errno);
        return NULL;
    }
    in->off += PREFIX + length;
    if (in->off == in->len)
        buffer_reset (in, IN_READ);
    return msg;
}

flux_msg_t *usock_recv (struct usock *us)
{
    while (!usock_ready (us)) {
        if (us->in_errnum) {
            errno = us->in_errnum;
            return NULL;
        }
        /* A short read means that no more is there: no second try. */
        if (read_once (us) < 0)
            return NULL;
        if (us->drained && !usock_ready (us)) {
            errno = EWOULDBLOCK;
            return NULL;
        }
    }
    return take_frame (us);
}
