/* target_wire.c - what arrives on a socket: frames, messages, payloads. */

#include "config.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include <flux/core.h>

#include "libflux/usock.h"
#include "fuzz.h"

/* ---- message ---------------------------------------------------------------- */

/* All that can be seen of a message. */
static char *shown (const flux_msg_t *msg)
{
    char *s = NULL;
    size_t size;
    FILE *f = open_memstream (&s, &size);

    must (f != NULL);
    flux_msg_fprint (f, msg);
    must (fclose (f) == 0);
    return s;
}

static void same (const flux_msg_t *a, const flux_msg_t *b)
{
    _cleanup_ (freep) char *sa = shown (a);
    _cleanup_ (freep) char *sb = shown (b);
    const void *pa = NULL, *pb = NULL;
    size_t la = 0, lb = 0;

    must (strcmp (sa, sb) == 0);
    must (flux_msg_get_payload (a, &pa, &la) == flux_msg_get_payload (b, &pb, &lb));
    must (la == lb && (la == 0 || memcmp (pa, pb, la) == 0));
    must (flux_msg_route_count (a) == flux_msg_route_count (b));
}

static flux_msg_t *again (const flux_msg_t *msg)
{
    ssize_t size = flux_msg_encode_size (msg);
    char *buf = size > 0 ? malloc (size) : NULL;
    flux_msg_t *ret;

    must (buf != NULL);
    must (flux_msg_encode (msg, buf, size) == 0);
    must (flux_msg_encode (msg, buf, size - 1) < 0);
    ret = flux_msg_decode (buf, size);
    must (ret != NULL);
    free (buf);
    return ret;
}

/* Every reader of a message must cope with every message. */
static void read_all (const flux_msg_t *msg)
{
    const char *topic, *s;
    const void *p;
    size_t len;
    uint32_t u;
    int i, j;

    flux_msg_get_type (msg, &i);
    must (i == FLUX_MSGTYPE_REQUEST || i == FLUX_MSGTYPE_RESPONSE
          || i == FLUX_MSGTYPE_EVENT || i == FLUX_MSGTYPE_CONTROL);
    flux_request_decode (msg, &topic, &s);
    flux_request_decode_raw (msg, &topic, &p, &len);
    flux_response_decode (msg, &topic, &s);
    flux_response_decode_raw (msg, &topic, &p, &len);
    flux_response_decode_error (msg, &s);
    flux_event_decode (msg, &topic, &s);
    flux_event_decode_raw (msg, &topic, &p, &len);
    flux_msg_get_nodeid (msg, &u);
    flux_msg_get_matchtag (msg, &u);
    flux_msg_get_seq (msg, &u);
    flux_msg_get_errnum (msg, &i);
    flux_msg_get_control (msg, &i, &j);
    flux_msg_cmp (msg, FLUX_MATCH_REQUEST);
    flux_msg_authorize (msg, 1000);
    if (flux_msg_unpack (msg, "{s?s s?i}", "name", &s, "flags", &i) < 0)
        must (flux_msg_last_error (msg)[0] != '\0');
    flux_msg_route_first (msg);
    flux_msg_route_last (msg);
    free (flux_msg_route_string (msg));
}

/* What the broker does to it on the way. */
static void route (const flux_msg_t *msg)
{
    flux_msg_t *cpy = flux_msg_copy (msg, true);
    flux_msg_t *other;
    int count;

    must (cpy != NULL);
    same (msg, cpy);
    flux_msg_route_enable (cpy);
    count = flux_msg_route_count (cpy);
    must (flux_msg_route_push (cpy, "0123456789abcdef") == 0);
    must (flux_msg_route_count (cpy) == count + 1);
    must (strcmp (flux_msg_route_last (cpy), "0123456789abcdef") == 0);
    other = again (cpy);
    same (cpy, other);
    must (flux_msg_route_delete_last (cpy) == 0);
    must (flux_msg_route_count (cpy) == count);
    flux_msg_destroy (other);
    flux_msg_destroy (cpy);
    if (flux_msg_cmp (msg, FLUX_MATCH_REQUEST) && !flux_msg_is_noresponse (msg)) {
        other = flux_response_derive (msg, EPERM);
        must (other != NULL);
        flux_msg_destroy (other);
    }
}

static void message_one (const char *data, size_t size)
{
    flux_msg_t *msg, *other;

    errno = 0;
    if (!(msg = flux_msg_decode (data, size))) {
        must (errno == EINVAL || errno == EPROTO);
        return;
    }
    other = again (msg);
    same (msg, other);
    read_all (msg);
    route (msg);
    flux_msg_destroy (other);
    flux_msg_destroy (msg);
}

static const struct fuzz_source message_sources[] = {
    { "messages.json", "hex", FUZZ_HEX },
    { "messages-decode.json", "hex", FUZZ_HEX },
    { 0 },
};

static const char *const message_words[] = {
    "\xff",     "\x8e\x01\x01", "\x14\x8e\x01",        "\xff\xff\xff\xff",
    "\xff\x01", "{}",           "{\"name\":\"rank\"}", NULL,
};

const struct fuzz_target fuzz_message = {
    .name = "message",
    .one = message_one,
    .sources = message_sources,
    .words = message_words,
};

/* ---- usock ------------------------------------------------------------------ */

#define FRAME_MAX 4096

struct trace {
    size_t count;
    uint64_t hash; /* of what was received */
    int errnum;    /* what it ended with */
};

static void trace_add (struct trace *t, const flux_msg_t *msg)
{
    _cleanup_ (freep) char *s = shown (msg);

    t->count++;
    for (const char *p = s; *p; p++)
        t->hash = (t->hash ^ (unsigned char)*p) * 0x100000001b3;
}

/* Straight from the definition: magic, big-endian length, message. */
static void naive (const unsigned char *p, size_t size, struct trace *t)
{
    *t = (struct trace){ .errnum = ECONNRESET };

    while (size >= 8) {
        static const unsigned char magic[4] = { 0x12, 0x00, 0xee, 0xff };
        size_t len = (size_t)p[4] << 24 | p[5] << 16 | p[6] << 8 | p[7];
        flux_msg_t *msg;

        if (memcmp (p, magic, 4) != 0 || len == 0 || len > FRAME_MAX) {
            t->errnum = EPROTO;
            return;
        }
        if (size - 8 < len)
            return;
        if (!(msg = flux_msg_decode (p + 8, len))) {
            t->errnum = errno;
            return;
        }
        trace_add (t, msg);
        flux_msg_destroy (msg);
        p += 8 + len;
        size -= 8 + len;
    }
}

static void drain (struct usock *us, struct trace *t)
{
    flux_msg_t *msg;

    while ((msg = usock_recv (us))) {
        trace_add (t, msg);
        flux_msg_destroy (msg);
    }
    if (errno != EWOULDBLOCK)
        t->errnum = errno;
}

/* The same through a socket, in pieces of 'piece' bytes. */
static void receive (const char *data, size_t size, size_t piece, struct trace *t)
{
    struct usock *us;
    int fd[2];

    *t = (struct trace){ 0 };
    must (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
    must ((us = usock_create (fd[0])) != NULL);
    usock_set_frame_max (us, FRAME_MAX);
    while (size > 0 && t->errnum == 0) {
        size_t n = size < piece ? size : piece;

        must (send (fd[1], data, n, MSG_NOSIGNAL) == (ssize_t)n);
        data += n;
        size -= n;
        drain (us, t);
    }
    close (fd[1]);
    if (t->errnum == 0)
        drain (us, t);
    must (t->errnum != 0);
    usock_destroy (us);
}

static void usock_one (const char *data, size_t size)
{
    struct trace want, got;
    size_t piece;

    if (size < 1 || size > 65536)
        return;
    piece = (unsigned char)data[0];
    data++;
    size--;
    naive ((const unsigned char *)data, size, &want);
    receive (data, size, 65536, &got);
    must (got.count == want.count && got.hash == want.hash);
    /* an incomplete header may be found wrong before it is complete */
    must (got.errnum == want.errnum || (size > 0 && got.errnum == EPROTO));
    if (size <= 2048 || piece > 16) {
        struct trace parts;

        receive (data, size, piece + 1, &parts);
        must (parts.count == got.count && parts.hash == got.hash);
        must (parts.errnum == got.errnum);
    }
}

static const struct fuzz_source usock_sources[] = {
    { "local-session.json", "hex", FUZZ_HEX },
    { 0 },
};

static const char *const usock_words[] = {
    "\x12", "\xee\xff", "\xff\xff\xff\xff", "\x8e\x01", NULL,
};

const struct fuzz_target fuzz_usock = {
    .name = "usock",
    .one = usock_one,
    .sources = usock_sources,
    .words = usock_words,
};

/* ---- payload ---------------------------------------------------------------- */

/* A payload is JSON for us exactly if it ends in NUL and jansson reads an
 * object in what is before the first one.
 */
static void check_unpack (const flux_msg_t *msg, const char *data, size_t size)
{
    json_t *want = NULL, *got = NULL;
    int rc;

    if (size > 0 && data[size - 1] == '\0')
        want = json_loads (data, JSON_ALLOW_NUL, NULL);
    if (want && !json_is_object (want)) {
        json_decref (want);
        want = NULL;
    }
    rc = flux_msg_unpack (msg, "o", &got);
    must ((rc == 0) == (want != NULL));
    if (rc < 0)
        must (errno == EPROTO && flux_msg_last_error (msg)[0] != '\0');
    else
        must (json_equal (want, got));
    json_decref (want);
}

static void check_pack (flux_msg_t *msg, const char *data, size_t size)
{
    json_t *o = fuzz_json (data, strnlen (data, size)), *got;
    flux_msg_t *other;

    if (!o)
        return;
    must (flux_msg_pack (msg, "{s:O s:i}", "o", o, "i", 42) == 0);
    other = again (msg);
    must (flux_msg_unpack (other, "{s:o}", "o", &got) == 0);
    must (json_equal (got, o));
    must (flux_msg_unpack (msg, "{s:o}", "o", &got) == 0);
    must (json_equal (got, o));
    flux_msg_destroy (other);
    json_decref (o);
}

static void payload_one (const char *data, size_t size)
{
    flux_msg_t *msg = flux_request_encode ("a.b", NULL);
    const char *topic, *s;
    int i = 0;

    must (msg != NULL);
    must (flux_msg_set_payload (msg, data, size) == 0);
    must ((flux_request_decode (msg, &topic, &s) == 0)
          == (size == 0 || data[size - 1] == '\0'));
    check_unpack (msg, data, size);
    flux_request_unpack (msg, &topic, "{s:s s?i s?{s?I}}", "name", &s, "flags", &i,
                         "namespace", "key", &i);
    must (flux_msg_set_payload (msg, NULL, 0) == 0);
    check_pack (msg, data, size);
    flux_msg_destroy (msg);
}

static const struct fuzz_source payload_sources[] = {
    { "messages.json", "payload_hex", FUZZ_HEX },
    { "local-session.json", "payload_hex", FUZZ_HEX },
    { 0 },
};

static const char *const payload_words[] = {
    "\"name\":", "\"flags\":", "\"namespace\":", "{\"key\":1}", "\\u0000",
    "\\ud800",   "true",       "null",           "1e999",       NULL,
};

const struct fuzz_target fuzz_payload = {
    .name = "payload",
    .one = payload_one,
    .sources = payload_sources,
    .words = payload_words,
};
