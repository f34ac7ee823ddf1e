/* The local socket of a real broker: captured sessions byte by byte, and
 * what hostile, slow and numerous clients can (not) do.
 */

#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <jansson.h>

#include "common/tap.h"
#include "common/util.h"

#include "test_instance.h"

/* A connection without a library. */
static int raw_connect (struct instance *in)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf (addr.sun_path, sizeof (addr.sun_path), "%s", in->uri + 8);
    if (fd < 0 || connect (fd, (struct sockaddr *)&addr, sizeof (addr)) < 0) {
        if (fd >= 0)
            close (fd);
        return -1;
    }
    return fd;
}

/* Returns false at EOF, error, or if nothing comes for a minute. */
static bool read_all (int fd, void *buf, size_t size)
{
    char *p = buf;

    while (size > 0) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        ssize_t n;

        if (poll (&pfd, 1, 60000) <= 0 || (n = read (fd, p, size)) <= 0)
            return false;
        p += n;
        size -= n;
    }
    return true;
}

static int raw_open (struct instance *in)
{
    int fd = raw_connect (in);
    char byte = -1;

    if (fd < 0 || !read_all (fd, &byte, 1) || byte != 0)
        bail_out ("no handshake");
    return fd;
}

static bool at_eof (int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    char c;

    return poll (&pfd, 1, 60000) == 1 && read (fd, &c, 1) <= 0;
}

/* Captured sessions */

static size_t unhex (const char *hex, unsigned char *buf)
{
    size_t n = 0;
    unsigned int v;

    for (; hex[0] && hex[1] && sscanf (hex, "%2x", &v) == 1; hex += 2)
        buf[n++] = v;
    return n;
}

/* Byte for byte, but for who owns the instance: that is not what the capture says. */
static bool same_bytes (unsigned char *a, const unsigned char *b, size_t len)
{
    unsigned char *userid = a + len - 16; /* of a header of 20 bytes */
    uint32_t own = htonl (getuid ());

    if (memcmp (userid, &own, 4) == 0)
        memcpy (userid, b + len - 16, 4);
    return memcmp (a, b, len) == 0;
}

static bool is_event (const unsigned char *b, size_t len)
{
    return b[len - 18] == FLUX_MSGTYPE_EVENT;
}

/* Routes left on an event are ours to strip: compare without. */
static bool same_event (const unsigned char *a, const unsigned char *b, size_t len_b,
                          size_t len_a)
{
    flux_msg_t *ma = flux_msg_decode (a + 8, len_a - 8);
    flux_msg_t *mb = flux_msg_decode (b + 8, len_b - 8);
    unsigned char ea[4096], eb[4096];
    uint32_t userid;
    bool same = false;

    if (ma && mb && flux_msg_get_userid (ma, &userid) == 0) {
        if (userid == getuid ())
            flux_msg_set_userid (ma, 0);
        flux_msg_route_clear (ma);
        flux_msg_route_clear (mb);
        same = flux_msg_encode_size (ma) == flux_msg_encode_size (mb)
               && flux_msg_encode (ma, ea, sizeof (ea)) == 0
               && flux_msg_encode (mb, eb, sizeof (eb)) == 0
               && memcmp (ea, eb, flux_msg_encode_size (ma)) == 0;
    }
    if (!same && ma)
        flux_msg_fprint (stderr, ma);
    flux_msg_decref (ma);
    flux_msg_decref (mb);
    return same;
}

static bool receive_like (int fd, const unsigned char *want, size_t want_len)
{
    unsigned char got[4096];
    size_t len;

    if (!read_all (fd, got, 8) || memcmp (got, want, 4) != 0)
        return false;
    len = (size_t)got[4] << 24 | got[5] << 16 | got[6] << 8 | got[7];
    if (len > sizeof (got) - 8 || !read_all (fd, got + 8, len))
        return false;
    if (is_event (want, want_len))
        return same_event (got, want, want_len, len + 8);
    return len + 8 == want_len && same_bytes (got, want, want_len);
}

static bool replay_step (int fd, json_t *step)
{
    const char *dir, *kind, *hex = NULL;
    unsigned char buf[4096];
    size_t len;

    if (json_unpack (step, "{s:s s:s s?s}", "dir", &dir, "kind", &kind, "hex", &hex) < 0)
        return false;
    if (strcmp (kind, "eof") == 0)
        return *dir == 'C' ? shutdown (fd, SHUT_WR) == 0 && at_eof (fd) : at_eof (fd);
    len = unhex (hex, buf);
    if (*dir == 'C')
        return write (fd, buf, len) == (ssize_t)len;
    if (strcmp (kind, "handshake") == 0) {
        unsigned char byte;

        return read_all (fd, &byte, 1) && byte == buf[0];
    }
    return receive_like (fd, buf, len);
}

static json_t *load_sessions (void)
{
    const char *srcdir = getenv ("SRCDIR");
    char path[4200];
    json_t *o;

    snprintf (path,
              sizeof (path),
              "%s/t/vectors/local-session.json",
              srcdir ? srcdir : "../../../..");
    if (!srcdir)
        snprintf (path,
                  sizeof (path),
                  "%s/../../../t/vectors/local-session.json",
                  test_bindir ());
    if (!(o = json_load_file (path, 0, NULL)))
        bail_out ("cannot read %s", path);
    return o;
}

static void sessions (void)
{
    json_t *o = load_sessions (), *session, *step;
    struct instance in;
    size_t i, j;
    flux_t *h;

    instance_start (&in, NULL);
    h = instance_open (&in);
    /* the captured event had number 6 */
    for (int n = 0; n < 5; n++)
        call (h, "event.publish", "{\"topic\":\"x\",\"flags\":0}");
    json_array_foreach (json_object_get (o, "sessions"), i, session) {
        const char *name = json_string_value (json_object_get (session, "name"));
        bool good = true;
        int fd;

        if (strcmp (name, "denied") == 0)
            call (h, "connector-local.debug", "{\"op\":\"setbit\",\"flags\":1}");
        fd = raw_connect (&in);
        json_array_foreach (json_object_get (session, "steps"), j, step) {
            if (good && !replay_step (fd, step)) {
                diag ("step %zu differs", j);
                good = false;
            }
        }
        ok (good, "captured session %s", name);
        close (fd);
    }
    flux_close (h);
    json_decref (o);
    ok (instance_stop (&in) == 0, "exit code 0");
}

/* Bad peers */

static void garbage (void)
{
    static const struct {
        const char *what;
        const char *hex;
    } bad[] = {
        { "a wrong magic", "deadbeef00000004aabbccdd" },
        { "a big-endian magic", "ffee001200000004aabbccdd" },
        { "length zero", "1200eeff00000000" },
        { "a frame that is no message", "1200eeff00000004aabbccdd" },
        { "a monstrous length", "1200eefffffffffe" },
        { "a message with inner frames past its end",
          "1200eeff00000016ff7fffffff8e010109ffffffff00000000ffffffff00000001" },
    };
    struct instance in;
    flux_t *h;

    instance_start (&in, NULL);
    h = instance_open (&in);
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        unsigned char buf[128];
        size_t len = unhex (bad[i].hex, buf);
        int fd = raw_open (&in);

        ok (write (fd, buf, len) == (ssize_t)len && at_eof (fd),
            "%s closes that connection",
            bad[i].what);
        close (fd);
    }
    ok (call (h, "broker.ping", "{}") == 0, "others are not touched");
    flux_close (h);
    ok (instance_stop (&in) == 0, "exit code 0");
}

/* Change some bytes of a captured frame, but keep its prefix right so that
 * the message gets a chance to be read.
 */
static size_t mutate (unsigned char *buf, size_t len, unsigned int *seed)
{
    int changes = 1 + rand_r (seed) % 4;

    if (rand_r (seed) % 8 == 0 && len > 30)
        len -= rand_r (seed) % 20;
    for (int i = 0; i < changes; i++)
        buf[8 + rand_r (seed) % (len - 8)] = rand_r (seed);
    buf[4] = buf[5] = 0;
    buf[6] = (len - 8) >> 8;
    buf[7] = (len - 8) & 0xff;
    return len;
}

static void mutations (void)
{
    enum { ROUNDS = 3000 };
    json_t *o = load_sessions (), *sessions = json_object_get (o, "sessions");
    unsigned int seed = 20261121;
    struct instance in;
    int fd = -1, sent = 0;
    flux_t *h;

    instance_start (&in, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        json_t *steps = json_object_get (
            json_array_get (sessions, rand_r (&seed) % json_array_size (sessions)),
            "steps");
        json_t *step = json_array_get (steps, rand_r (&seed) % json_array_size (steps));
        const char *hex = json_string_value (json_object_get (step, "hex"));
        unsigned char buf[4096];
        size_t len = hex ? unhex (hex, buf) : 0;

        if (len < 16)
            continue;
        if (fd < 0)
            fd = raw_open (&in);
        len = mutate (buf, len, &seed);
        if (send (fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len)
            sent++;
        /* it may answer, close, or wait for more: take a new one at times */
        if (rand_r (&seed) % 4 == 0) {
            close (fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        close (fd);
    h = instance_open (&in);
    ok (call (h, "broker.ping", "{}") == 0, "%d mutated messages do no harm", sent);
    flux_close (h);
    json_decref (o);
    ok (instance_stop (&in) == 0, "exit code 0");
}

static void forged_responses (void)
{
    struct instance in;
    flux_t *h;

    instance_start (&in, NULL);
    h = instance_open (&in);
    for (uint32_t tag = 1; tag < 50; tag++) {
        flux_msg_t *msg = flux_response_encode ("module.status", "{}");

        if (!msg || flux_msg_set_matchtag (msg, tag) < 0 || flux_send (h, msg, 0) < 0)
            bail_out ("cannot send a response");
        flux_msg_decref (msg);
    }
    ok (call (h, "broker.ping", "{}") == 0, "forged responses are swallowed");
    flux_close (h);
    ok (instance_stop (&in) == 0, "and do not disturb the shutdown");
}

static void guests (void)
{
    struct instance in;
    flux_t *h, *guest;
    char *s;

    instance_start (&in, NULL);
    h = instance_open (&in);
    call (h, "connector-local.debug", "{\"op\":\"setbit\",\"flags\":4}");
    guest = instance_open (&in);
    ok (call (guest, "attr.get", "{\"name\":\"rank\"}") == 0, "a guest may read attributes");
    ok (call (guest, "attr.set", "{\"name\":\"test.a\",\"value\":\"1\"}") == EPERM,
        "but not set them");
    is (call_error (), "Request requires owner credentials", "with the sentence");
    ok (call (guest, "service.add", "{\"service\":\"mine\"}") == EPERM,
        "nor take any service name");
    ok (call (guest, "event.subscribe", "{\"topic\":\"\"}") == 0, "it may listen");
    ok (call (guest, "module.list", NULL) == 0, "and look");
    ok (call (guest, "log.append", "<0>1 - 0 x - - - y") == EPERM, "but not log");
    flux_close (guest);
    call_json (h, "connector-local.stats-get", NULL, &s);
    ok (s && strstr (s, "\"clients\":[") && strstr (s, "\"connects\":"), "stats: %s", s);
    free (s);
    flux_close (h);
    instance_stop (&in);
}

static void odd_messages (void)
{
    struct instance in;
    flux_msg_t *msg;
    uint32_t tag = 0;
    const char *route;
    flux_t *h;

    instance_start (&in, NULL);
    h = instance_open (&in);
    if (!(msg = flux_control_encode (1, 2)) || flux_send (h, msg, 0) < 0)
        bail_out ("cannot send a control message");
    flux_msg_decref (msg);
    ok (call (h, "broker.ping", "{}") == 0, "a control message of a client is dropped");
    msg = flux_request_encode ("broker.ping", "{}");
    flux_msg_route_enable (msg);
    if (!msg || flux_msg_route_push (msg, "mine") < 0
        || flux_msg_set_matchtag (msg, 4711) < 0 || flux_send (h, msg, 0) < 0)
        bail_out ("cannot send a request with a route");
    flux_msg_decref (msg);
    msg = flux_recv (h, FLUX_MATCH_RESPONSE, 0);
    route = msg ? flux_msg_route_last (msg) : NULL;
    ok (msg && flux_msg_get_matchtag (msg, &tag) == 0 && tag == 4711
            && flux_msg_route_count (msg) == 1 && route && strcmp (route, "mine") == 0,
        "a route that a request brought along comes back with the answer");
    flux_msg_decref (msg);
    flux_close (h);
    ok (instance_stop (&in) == 0, "exit code 0");
}

/* Slow and many peers */

/* What waits for the connection that has most waiting. */
static size_t most_queued (flux_t *h)
{
    char *s;
    json_t *o, *client;
    size_t i, max = 0;

    call_json (h, "connector-local.stats-get", NULL, &s);
    o = json_loads (s, 0, NULL);
    json_array_foreach (
        json_object_get (json_object_get (o, "server"), "clients"), i, client) {
        size_t n = json_integer_value (json_object_get (client, "rxbacklog"));

        max = n > max ? n : max;
    }
    json_decref (o);
    free (s);
    return max;
}

/* A request as it goes over the wire. */
static size_t request_frame (unsigned char *buf,
                             size_t size,
                             const char *topic,
                             const char *payload)
{
    flux_msg_t *msg = flux_request_encode (topic, payload);
    ssize_t len;

    if (!msg || flux_msg_set_matchtag (msg, 1) < 0
        || (len = flux_msg_encode_size (msg)) < 0 || len + 8 > (ssize_t)size
        || flux_msg_encode (msg, buf + 8, len) < 0)
        bail_out ("cannot encode");
    flux_msg_decref (msg);
    memcpy (buf, &(uint32_t){ 0xffee0012 }, 4);
    memcpy (buf + 4, (unsigned char[]){ 0, 0, len >> 8, len & 0xff }, 4);
    return len + 8;
}

/* A ping with 1000 bytes of payload. */
static size_t ping_frame (unsigned char *buf, size_t size)
{
    char payload[1000];

    memset (payload, 'x', sizeof (payload));
    memcpy (payload, "{\"pad\":\"", 8);
    strcpy (payload + sizeof (payload) - 3, "\"}");
    return request_frame (buf, size, "broker.ping", payload);
}

/* It asks much, reads nothing, asks one thing more and closes the socket. */
static void last_words (void)
{
    unsigned char frame[2048];
    size_t len = ping_frame (frame, sizeof (frame));
    struct instance in;
    bool set = false;
    flux_t *h;
    int fd;

    instance_start (&in, NULL);
    h = instance_open (&in);
    fd = raw_open (&in);
    for (int i = 0; i < 50; i++) {
        if (write (fd, frame, len) != (ssize_t)len)
            bail_out ("write");
    }
    len = request_frame (frame, sizeof (frame), "attr.set",
                         "{\"name\":\"test.last\",\"value\":\"words\"}");
    if (write (fd, frame, len) != (ssize_t)len)
        bail_out ("write");
    close (fd);
    for (int i = 0; i < 10000 && !set; i++)
        set = call (h, "attr.get", "{\"name\":\"test.last\"}") == 0;
    ok (set, "what a client asked before it went is done, though it can be sent nothing");
    flux_close (h);
    ok (instance_stop (&in) == 0, "exit code 0");
}

/* Write whole frames as long as the socket takes them.  'partial' is what is
 * left of the last one.  Returns the number of frames begun.
 */
static int flood (int fd, const unsigned char *frame, size_t len, size_t *partial)
{
    int count = 0;

    for (;;) {
        size_t want = *partial ? *partial : len;
        ssize_t n = send (fd, frame + len - want, want, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0)
            return count;
        if (!*partial)
            count++;
        *partial = want - n;
    }
}

static int count_responses (int fd, int max)
{
    unsigned char buf[8192];
    int count = 0;

    while (count < max && read_all (fd, buf, 8)) {
        size_t len = buf[6] << 8 | buf[7];

        if (len > sizeof (buf) || !read_all (fd, buf, len))
            break;
        count++;
    }
    return count;
}

static void slow_reader (void)
{
    enum { SOFT = 1 << 20 }; /* CLIENT_SEND_SOFT */
    unsigned char frame[2048];
    size_t len = ping_frame (frame, sizeof (frame)), partial = 0, queued;
    struct instance in;
    int fd, sent = 0, more;
    flux_t *h;

    instance_start (&in, NULL);
    h = instance_open (&in);
    fd = raw_open (&in);
    /* send, and read nothing, until the broker has had enough */
    do
        sent += flood (fd, frame, len, &partial);
    while ((queued = most_queued (h)) <= SOFT && sent < 1000000);
    ok (queued > SOFT, "%zu bytes wait for the one that does not read", queued);
    for (int i = 0; i < 100; i++) {
        more = flood (fd, frame, len, &partial);
        sent += more;
        if (call (h, "broker.ping", "{}") != 0)
            bail_out ("others are not served");
    }
    ok (more == 0, "nothing more is taken from it");
    ok (most_queued (h) < 2 * SOFT, "nor queued for it: %zu bytes", most_queued (h));
    ok (count_responses (fd, sent - (partial != 0)) == sent - (partial != 0),
        "when it reads, it gets all of its %d responses",
        sent);
    close (fd);
    flux_close (h);
    ok (instance_stop (&in) == 0, "exit code 0");
}

static void many_clients (void)
{
    enum { COUNT = 64 };
    struct rlimit saved, few;
    struct instance in;
    int fd[COUNT], connected = 0;
    flux_t *h;

    getrlimit (RLIMIT_NOFILE, &saved);
    few = (struct rlimit){ .rlim_cur = 40, .rlim_max = 40 };
    if (prlimit (0, RLIMIT_NOFILE, &(struct rlimit){ 1024, saved.rlim_max }, NULL) < 0)
        bail_out ("prlimit");
    instance_start (&in, NULL);
    if (prlimit (in.pid, RLIMIT_NOFILE, &few, NULL) < 0)
        bail_out ("prlimit");
    for (int i = 0; i < COUNT; i++) {
        if ((fd[i] = raw_connect (&in)) >= 0)
            connected++;
    }
    ok (connected == COUNT, "more clients than descriptors connect");
    ok (kill (in.pid, 0) == 0, "the broker lives");
    for (int i = 0; i < COUNT; i++)
        close (fd[i]);
    h = instance_open (&in);
    ok (call (h, "broker.ping", "{}") == 0, "and serves when there is room again");
    flux_close (h);
    ok (instance_stop (&in) == 0, "exit code 0");
}

static void client_services (void)
{
    struct instance in;
    struct flux_match match = FLUX_MATCH_REQUEST;
    flux_t *h, *provider;
    flux_future_t *f, *f2;
    flux_msg_t *msg;
    const char *s;

    instance_start (&in, NULL);
    h = instance_open (&in);
    provider = instance_open (&in);
    ok (call (provider, "service.add", "{\"service\":\"my.x\"}") == EINVAL, "no dots");
    ok (call (provider, "service.add", "{\"service\":\"attr\"}") == EEXIST, "not taken");
    ok (call (provider, "service.add", "{\"service\":\"mine\"}") == 0, "a service");
    ok (call (h, "service.remove", "{\"service\":\"mine\"}") == ENOENT, "is not for others");
    f = flux_rpc (h, "mine.do", "{}", FLUX_NODEID_ANY, 0);
    f2 = flux_rpc (h, "mine.die", "{}", FLUX_NODEID_ANY, 0);
    msg = flux_recv (provider, match, 0);
    ok (msg && flux_respond (provider, msg, "{\"a\":1}") == 0, "the provider answers");
    flux_msg_decref (msg);
    ok (flux_rpc_get (f, &s) == 0 && s && strcmp (s, "{\"a\":1}") == 0, "the answer arrives");
    msg = flux_recv (provider, match, 0);
    flux_msg_decref (msg);
    flux_close (provider);
    ok (flux_rpc_get (f2, NULL) < 0 && errno == ENOSYS,
        "a request that a provider left open is answered when it dies");
    ok (call (h, "mine.do", "{}") == ENOSYS, "and the service is gone");
    flux_future_destroy (f);
    flux_future_destroy (f2);
    flux_close (h);
    instance_stop (&in);
}

int main (void)
{
    sessions ();
    garbage ();
    mutations ();
    forged_responses ();
    guests ();
    slow_reader ();
    odd_messages ();
    last_words ();
    many_clients ();
    client_services ();
    return done_testing ();
}
