#include "config.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"
#include "usock.h"

/* A usock and the raw other end of its socket. */
static struct usock *raw_pair (int *raw)
{
    struct usock *us;
    int fd[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0
        || !(us = usock_create (fd[0])))
        bail_out ("socketpair: %s", strerror (errno));
    *raw = fd[1];
    return us;
}

static void usock_pair (struct usock *us[2])
{
    int fd;

    us[0] = raw_pair (&fd);
    if (!(us[1] = usock_create (fd)))
        bail_out ("usock_create: %s", strerror (errno));
}

static flux_msg_t *make (const char *topic, size_t payload)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    char *buf = malloc (payload + 1);

    if (!msg || !buf || flux_msg_set_topic (msg, topic) < 0)
        bail_out ("out of memory");
    for (size_t i = 0; i < payload; i++)
        buf[i] = i * 7 + i / 256;
    if (payload > 0 && flux_msg_set_payload (msg, buf, payload) < 0)
        bail_out ("out of memory");
    free (buf);
    return msg;
}

static bool same (const flux_msg_t *a, const flux_msg_t *b)
{
    ssize_t size = flux_msg_encode_size (a);
    _cleanup_ (freep)
    char *abuf = malloc (size);
    _cleanup_ (freep)
    char *bbuf = malloc (size);

    return size == flux_msg_encode_size (b) && flux_msg_encode (a, abuf, size) == 0
           && flux_msg_encode (b, bbuf, size) == 0 && memcmp (abuf, bbuf, size) == 0;
}

/* The frame of a message as wire.md describes it. */
static char *frame (const flux_msg_t *msg, size_t *len)
{
    static const unsigned char magic[] = { 0x12, 0x00, 0xee, 0xff };
    ssize_t size = flux_msg_encode_size (msg);
    uint32_t be = htonl (size);
    char *buf = malloc (size + 8);

    if (!buf || flux_msg_encode (msg, buf + 8, size) < 0)
        bail_out ("out of memory");
    memcpy (buf, magic, 4);
    memcpy (buf + 4, &be, 4);
    *len = size + 8;
    return buf;
}

static void write_all (int fd, const void *buf, size_t len)
{
    if (write (fd, buf, len) != (ssize_t)len)
        bail_out ("write: %s", strerror (errno));
}

static void bytes_on_the_wire (void)
{
    flux_msg_t *msg = make ("a.b", 300);
    size_t len, got = 0;
    _cleanup_ (freep)
    char *want = frame (msg, &len);
    _cleanup_ (freep)
    char *buf = malloc (len + 1);
    int raw;
    struct usock *us = raw_pair (&raw);

    ok (usock_queue (us, msg) == 0 && usock_queued (us) == len, "a message is queued");
    ok (recv (raw, buf, len + 1, MSG_DONTWAIT) < 0 && errno == EAGAIN,
        "... and not written");
    ok (usock_flush (us) == 0 && usock_queued (us) == 0, "flush writes it");
    got = recv (raw, buf, len + 1, MSG_DONTWAIT);
    ok (got == len && memcmp (buf, want, len) == 0, "magic, length, message");
    ok (usock_send (us, msg) == 0 && usock_queued (us) == 0, "send writes at once");
    close (raw);
    usock_destroy (us);
    flux_msg_destroy (msg);
}

/* A frame that comes byte by byte is one message, at the last byte. */
static void split_frame (void)
{
    flux_msg_t *msg = make ("split", 20), *got = NULL;
    size_t len;
    _cleanup_ (freep)
    char *buf = frame (msg, &len);
    bool early = false;
    int raw;
    struct usock *us = raw_pair (&raw);

    for (size_t i = 0; i < len; i++) {
        if (got || usock_recv (us) || errno != EWOULDBLOCK || usock_ready (us))
            early = true;
        write_all (raw, buf + i, 1);
    }
    ok (!early, "a split frame is no message before its last byte");
    ok (usock_fill (us) == 1 && usock_ready (us), "... and then it is");
    got = usock_recv (us);
    ok (got && same (msg, got), "the message is whole");
    flux_msg_destroy (got);
    flux_msg_destroy (msg);
    close (raw);
    usock_destroy (us);
}

/* Several frames in one read, the last one cut. */
static void joined_frames (void)
{
    flux_msg_t *msg = make ("joined", 100), *got;
    size_t len;
    _cleanup_ (freep)
    char *buf = frame (msg, &len);
    int raw, n = 0;
    struct usock *us = raw_pair (&raw);

    for (int i = 0; i < 3; i++)
        write_all (raw, buf, len);
    write_all (raw, buf, len - 1);
    while ((got = usock_recv (us))) {
        n += same (msg, got);
        flux_msg_destroy (got);
    }
    ok (n == 3 && errno == EWOULDBLOCK, "three whole frames, then wait");
    write_all (raw, buf + len - 1, 1);
    shutdown (raw, SHUT_WR);
    got = usock_recv (us);
    ok (got && same (msg, got), "the fourth after its last byte");
    flux_msg_destroy (got);
    ok (!usock_recv (us) && errno == ECONNRESET && !usock_recv (us) && errno == ECONNRESET
            && usock_failed (us),
        "the end is ECONNRESET, and stays it");
    flux_msg_destroy (msg);
    close (raw);
    usock_destroy (us);
}

static void refuse (const void *bytes, size_t len, int errnum, const char *what)
{
    int raw;
    struct usock *us = raw_pair (&raw);
    flux_msg_t *msg = make ("late", 0);
    size_t flen;
    _cleanup_ (freep)
    char *buf = frame (msg, &flen);
    flux_msg_t *got = NULL;

    write_all (raw, bytes, len);
    errno = 0;
    ok (!(got = usock_recv (us)) && errno == errnum, "%s: %s", what, strerror (errnum));
    write_all (raw, buf, flen);
    errno = 0;
    ok (!(got = usock_recv (us)) && errno == errnum, "... and nothing is read past it");
    ok (usock_send (us, msg) == 0, "... but output still works");
    flux_msg_destroy (got);
    flux_msg_destroy (msg);
    close (raw);
    usock_destroy (us);
}

static void garbage (void)
{
    static const char zero[] = "\x12\x00\xee\xff\x00\x00\x00\x00";
    static const char swapped[] = "\xff\xee\x00\x12\x00\x00\x00\x01";
    static const char huge[] = "\x12\x00\xee\xff\xff\xff\xff\xff";
    static const char junk[] = "\x12\x00\xee\xff\x00\x00\x00\x04junk";
    static const char trunc[] = "\x12\x00\xee\xff\x00\x00\x00\x02\x05z";
    static const char http[] = "GET / HTTP/1.0\r\n\r\n";

    refuse (zero, 8, EPROTO, "length zero");
    refuse (swapped, 8, EPROTO, "magic of the other byte order");
    refuse (huge, 8, EPROTO, "length above the limit");
    refuse (junk, 12, EINVAL, "no message inside (frame cut)");
    refuse (trunc, 10, EINVAL, "inner frame that does not fit");
    refuse (http, sizeof (http) - 1, EPROTO, "another protocol");
}

static void random_garbage (unsigned int seed)
{
    int done = 0;

    srand (seed);
    for (int round = 0; round < 500; round++) {
        int raw;
        struct usock *us = raw_pair (&raw);
        unsigned char buf[256];
        flux_msg_t *got;
        int guard = 0;

        for (size_t i = 0; i < sizeof (buf); i++)
            buf[i] = rand () % 4 ? rand () : 0;
        if (round % 2) {
            memcpy (buf, "\x12\x00\xee\xff\x00\x00\x00", 7);
            buf[7] = rand ();
        }
        write_all (raw, buf, sizeof (buf));
        shutdown (raw, SHUT_WR);
        while ((got = usock_recv (us)) || errno == EWOULDBLOCK) {
            flux_msg_destroy (got);
            if (++guard > 1000)
                break;
        }
        if (guard <= 1000 && usock_failed (us))
            done++;
        close (raw);
        usock_destroy (us);
    }
    ok (done == 500, "500 times random bytes end in an error (seed %u)", seed);
}

/* Both ends in one thread: nothing may block. */
static void huge_frames (void)
{
    struct usock *us[2];
    flux_msg_t *big = make ("big", 5000000), *small = make ("small", 10), *got;
    int n = 0, good = 0, idle = 0;

    usock_pair (us);
    for (int i = 0; i < 3; i++) {
        if (usock_send (us[0], big) < 0 || usock_send (us[0], small) < 0)
            bail_out ("usock_send: %s", strerror (errno));
    }
    ok (usock_queued (us[0]) > 4 * 5000000 / 2, "three big messages do not fit a socket");
    while (n < 6 && idle < 3) {
        idle = usock_flush (us[0]) == 1 ? 0 : idle + 1;
        while ((got = usock_recv (us[1]))) {
            good += same (got, n % 2 ? small : big);
            n++;
            idle = 0;
            flux_msg_destroy (got);
        }
    }
    ok (n == 6 && good == 6, "big and small ones arrive in order");
    flux_msg_destroy (big);
    flux_msg_destroy (small);
    usock_destroy (us[0]);
    usock_destroy (us[1]);
}

static void full_queue (void)
{
    struct usock *us[2];
    flux_msg_t *msg = make ("fill", 10000), *got;
    int sent = 0, received = 0;

    usock_pair (us);
    usock_set_send_max (us[0], 1000000);
    while (usock_send (us[0], msg) == 0)
        sent++;
    ok (errno == EWOULDBLOCK && usock_queued (us[0]) >= 1000000
            && usock_queued (us[0]) < 1020000,
        "a peer that does not read: refused at the limit");
    ok (usock_queue (us[0], msg) < 0 && errno == EWOULDBLOCK, "queue is refused as well");
    do {
        while ((got = usock_recv (us[1]))) {
            received++;
            flux_msg_destroy (got);
        }
    } while (usock_flush (us[0]) == 1 || usock_fill (us[1]) == 1);
    ok (received == sent, "what was taken arrives: %d", received);
    ok (usock_send (us[0], msg) == 0, "and there is room again");
    flux_msg_destroy (msg);
    usock_destroy (us[0]);
    usock_destroy (us[1]);
}

static void limit_of_frames (void)
{
    struct usock *us[2];
    flux_msg_t *msg = make ("x", 1000), *got;

    usock_pair (us);
    usock_set_frame_max (us[1], flux_msg_encode_size (msg));
    ok (usock_send (us[0], msg) == 0 && (got = usock_recv (us[1])),
        "a frame at the limit");
    flux_msg_destroy (got);
    usock_set_frame_max (us[1], flux_msg_encode_size (msg) - 1);
    ok (usock_send (us[0], msg) == 0 && !usock_recv (us[1]) && errno == EPROTO,
        "one byte above it: EPROTO");
    flux_msg_destroy (msg);
    usock_destroy (us[0]);
    usock_destroy (us[1]);
}

/* The peer sends and goes: what it sent counts, what we send does not. */
static void peer_gone (void)
{
    struct usock *us[2];
    flux_msg_t *msg = make ("bye", 10), *got;

    usock_pair (us);
    ok (usock_send (us[1], msg) == 0, "a last word");
    usock_destroy (us[1]);
    ok (usock_send (us[0], msg) < 0 && errno == EPIPE, "sending to the dead: EPIPE");
    ok (usock_send (us[0], msg) < 0 && errno == EPIPE && usock_queued (us[0]) == 0,
        "... for ever, with nothing queued");
    got = usock_recv (us[0]);
    ok (got && same (got, msg), "the last word is heard");
    flux_msg_destroy (got);
    ok (!usock_recv (us[0]) && errno == ECONNRESET, "then silence");
    flux_msg_destroy (msg);
    usock_destroy (us[0]);
}

static void read_ahead (void)
{
    struct usock *us[2];
    flux_msg_t *msg = make ("ahead", 1000), *got;
    int n = 0;

    usock_pair (us);
    for (int i = 0; i < 100; i++) {
        if (usock_send (us[0], msg) < 0)
            bail_out ("usock_send: %s", strerror (errno));
        usock_read_ahead (us[1]);
    }
    ok (usock_buffered (us[1]) > 100 * 1000, "input can be taken in before it is wanted");
    usock_destroy (us[0]);
    ok (usock_read_ahead (us[1]) < 0 && errno == ECONNRESET && usock_failed (us[1]),
        "up to the end");
    while ((got = usock_recv (us[1]))) {
        n++;
        flux_msg_destroy (got);
    }
    ok (n == 100 && errno == ECONNRESET, "which comes after the last message");
    flux_msg_destroy (msg);
    usock_destroy (us[1]);
}

int main (void)
{
    ok (!usock_create (-1) && errno == EINVAL, "no descriptor, no usock");
    usock_destroy (NULL);
    bytes_on_the_wire ();
    split_frame ();
    joined_frames ();
    garbage ();
    random_garbage (1);
    huge_frames ();
    full_queue ();
    limit_of_frames ();
    peer_gone ();
    read_ahead ();
    return done_testing ();
}
