/* hostile - clients that mean ill, or do not think.
 *
 *   hostile flood COUNT       send requests and read nothing
 *   hostile greedy COUNT      so many processes, each with 100 requests under way always
 *   hostile streams COUNT     open streams and close none
 *   hostile deaf COUNT        subscribe to everything, publish, read nothing
 *   hostile storm COUNT       connect, ask, and go, again and again
 *   hostile connections COUNT open connections that say nothing
 *   hostile half COUNT        connections with a frame that never ends
 *   hostile huge BYTES        a frame that is said to have so many: wait to be cut off
 *   hostile large BYTES       the same, and go on soon
 *
 * Each says "ready" when it has done so, or what it was told, and then waits for
 * its standard input to end.
 */

#include "config.h"
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <flux/core.h>

#include "common/util.h"

static void die (const char *what)
{
    fprintf (stderr, "hostile: %s: %s\n", what, strerror (errno));
    exit (1);
}

/* Tell, and stay until told to go. */
static void ready (const char *what)
{
    char c;

    printf ("%s\n", what);
    fflush (stdout);
    while (read (STDIN_FILENO, &c, 1) > 0)
        ;
}

static flux_t *open_or_die (void)
{
    flux_t *h = flux_open (NULL, 0);

    if (!h)
        die ("flux_open");
    return h;
}

/* Past the library, which would read while it waits for room. */
static int raw_connect (void)
{
    const char *uri = getenv ("FLUX_URI");
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char byte;

    if (fd < 0 || !uri || strncmp (uri, "local://", 8) != 0
        || strlen (uri + 8) >= sizeof (sun.sun_path))
        return -1;
    strcpy (sun.sun_path, uri + 8);
    if (connect (fd, (struct sockaddr *)&sun, sizeof (sun)) < 0 || read (fd, &byte, 1) != 1
        || byte != 0) {
        close (fd);
        return -1;
    }
    return fd;
}

static bool raw_prefix (int fd, uint32_t length)
{
    uint32_t prefix[2] = { 0xffee0012u, htonl (length) };

    return write (fd, prefix, sizeof (prefix)) == sizeof (prefix);
}

static bool raw_request (int fd, const char *topic, const char *payload, uint32_t tag)
{
    flux_msg_t *msg = flux_request_encode (topic, payload);
    char buf[65536];
    ssize_t size;
    bool good;

    if (!msg || flux_msg_set_matchtag (msg, tag) < 0
        || (size = flux_msg_encode_size (msg)) < 0 || (size_t)size > sizeof (buf)
        || flux_msg_encode (msg, buf, size) < 0)
        die ("encode");
    flux_msg_destroy (msg);
    good = raw_prefix (fd, size);
    for (char *p = buf; good && size > 0;) {
        ssize_t n = write (fd, p, size);

        good = n > 0;
        p += n;
        size -= n;
    }
    return good;
}

/* Blocks when the broker reads no more, so it is done then, too. */
static void flood (long count)
{
    char payload[9000];
    int fd = raw_connect ();
    struct timeval patience = { .tv_sec = 1 };

    if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof (patience)) < 0)
        die ("connect");
    memset (payload, 'x', sizeof (payload));
    memcpy (payload, "{\"pad\":\"", 8);
    memcpy (payload + sizeof (payload) - 3, "\"}", 3);
    for (long i = 0; i < count; i++) {
        if (!raw_request (fd, "broker.ping", payload, i + 1)) {
            ready (errno == EAGAIN ? "stopped" : "cut off");
            return;
        }
    }
    ready ("ready");
}

/* Ask again as soon as there is an answer, as long as the parent lives. */
static _noreturn_ void greedy_one (pid_t parent, int fd)
{
    const char payload[] = "{\"pad\":\"greedy\"}";
    flux_msg_t *msg = flux_request_encode ("kvs.ping", payload), *answer;
    flux_t *h;

    if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid () != parent)
        _exit (1);
    h = open_or_die ();
    for (int i = 1; i <= 100; i++) {
        if (flux_msg_set_matchtag (msg, i) < 0 || flux_send (h, msg, 0) < 0)
            die ("send");
    }
    for (long n = 0;; n++) {
        if (!(answer = flux_recv (h, FLUX_MATCH_RESPONSE, 0)) || flux_send (h, msg, 0) < 0)
            die ("ask again");
        flux_msg_destroy (answer);
        if (n == 100 && write (fd, "", 1) != 1)
            die ("pipe");
    }
}

static void greedy (long count)
{
    pid_t self = getpid ();
    int fd[2];
    char c;

    if (pipe (fd) < 0)
        die ("pipe");
    for (long i = 0; i < count; i++) {
        pid_t pid = fork ();

        if (pid < 0)
            die ("fork");
        if (pid == 0)
            greedy_one (self, fd[1]);
    }
    for (long i = 0; i < count; i++) {
        if (read (fd[0], &c, 1) != 1)
            die ("read");
    }
    ready ("ready");
}

static void streams (long count)
{
    flux_t *h = open_or_die ();
    char key[32];

    for (long i = 0; i < count; i++) {
        snprintf (key, sizeof (key), "nosuch.%ld", i);
        if (!flux_kvs_lookup (h, NULL, FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE, key))
            die ("watch");
    }
    flux_future_destroy (flux_rpc (h, "broker.ping", NULL, FLUX_NODEID_ANY, 0));
    ready ("ready");
    _exit (0); /* with all of them open */
}

static void deaf (long count)
{
    int fd = raw_connect ();
    char payload[16000];
    flux_t *h = open_or_die ();

    if (fd < 0 || !raw_request (fd, "event.subscribe", "{\"topic\":\"\"}", 1))
        die ("subscribe");
    memset (payload, 'x', sizeof (payload));
    memcpy (payload, "{\"pad\":\"", 8);
    memcpy (payload + sizeof (payload) - 3, "\"}", 3);
    for (long i = 0; i < count; i++) {
        flux_future_t *f = flux_event_publish (h, "noise", 0, payload);

        if (!f || flux_future_get (f, NULL) < 0)
            die ("publish");
        flux_future_destroy (f);
    }
    ready ("ready");
    flux_close (h);
}

static void storm (long count)
{
    for (long i = 0; i < count; i++) {
        int fd = raw_connect ();

        if (fd < 0)
            die ("connect");
        (void)raw_request (fd, "kvs.lookup", "{\"key\":\"a\",\"namespace\":\"primary\",\"flags\":0}", 1);
        (void)raw_request (fd, "event.subscribe", "{\"topic\":\"a\"}", 2);
        (void)raw_request (fd, "service.add", "{\"service\":\"storm\"}", 3);
        (void)raw_request (fd, "storm.x", "{}", 4);
        close (fd);
    }
    ready ("ready");
}

static void connections (long count)
{
    long n = 0;
    int fd;

    /* the queue of connections that wait to be accepted is not refused, so the
     * last one may be among them: it hears nothing, until a signal ends us
     */
    while (n < count && (fd = raw_connect ()) >= 0)
        n++;
    ready ("ready");
}

static void half (long count)
{
    for (long i = 0; i < count; i++) {
        int fd = raw_connect ();

        if (fd < 0 || !raw_prefix (fd, 1000000) || write (fd, "abc", 3) != 3)
            die ("half");
    }
    ready ("ready");
}

static void announce (long bytes, int seconds)
{
    int fd = raw_connect ();
    struct timeval patience = { .tv_sec = seconds };
    char c;

    if (fd < 0 || !raw_prefix (fd, bytes)
        || setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof (patience)) < 0)
        die ("huge");
    /* The broker need not wait for more than the announcement. */
    if (send (fd, "abc", 3, MSG_NOSIGNAL) == 3 && read (fd, &c, 1) < 0 && errno == EAGAIN)
        ready ("ready");
    else
        ready ("cut off");
}

static void huge (long bytes)
{
    announce (bytes, 25);
}

static void large (long bytes)
{
    announce (bytes, 1);
}

int main (int argc, char *argv[])
{
    static const struct {
        const char *name;
        void (*run) (long n);
    } modes[] = {
        { "flood", flood }, { "greedy", greedy },           { "streams", streams },
        { "deaf", deaf },   { "storm", storm },             { "connections", connections },
        { "half", half },   { "huge", huge },               { "large", large },
    };

    for (size_t i = 0; argc == 3 && i < ARRAY_SIZE (modes); i++) {
        if (strcmp (argv[1], modes[i].name) == 0) {
            modes[i].run (atol (argv[2]));
            return 0;
        }
    }
    fprintf (stderr, "usage: hostile MODE COUNT\n");
    return 1;
}
