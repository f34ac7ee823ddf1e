/* clients.c - those who ask: by hand, through the library, and until killed. */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

/* ---- echo ---- */

enum { TAGS = 256 };

struct asked {
    bool open;
    long seq;
};

static void ask (flux_t *h, uint32_t tag, long seq)
{
    const char *topic = seq % 3 == 0 ? "broker.ping" : "soak.echo";
    flux_msg_t *msg = flux_request_encode (topic, NULL);

    if (!msg || flux_msg_pack (msg, "{s:I}", "seq", (json_int_t)seq) < 0
        || flux_msg_set_matchtag (msg, tag) < 0 || flux_send (h, msg, 0) < 0)
        soak_die ("echo: send: %s", strerror (errno));
    flux_msg_destroy (msg);
}

/* Take one answer. */
static void answered (flux_t *h, struct asked asked[], const flux_msg_t *msg)
{
    uint32_t tag;
    int errnum;
    json_int_t seq;

    if (flux_msg_get_matchtag (msg, &tag) < 0 || flux_msg_get_errnum (msg, &errnum) < 0)
        soak_die ("echo: odd response");
    if (tag == 0 || tag > TAGS || !asked[tag - 1].open)
        soak_die ("echo: an answer to a request that is not open: doubled");
    if (errnum == 0) {
        if (flux_msg_unpack (msg, "{s:I}", "seq", &seq) < 0
            || seq != asked[tag - 1].seq)
            soak_die ("echo: somebody else's answer");
    }
    else if (errnum != ENOSYS && errnum != EHOSTUNREACH)
        soak_die ("echo: %s", strerror (errnum));
    asked[tag - 1].open = false;
}

void soak_echo (struct soak *s)
{
    struct asked asked[TAGS] = { { 0 } };
    flux_t *h = soak_open ();
    long seq = 0, open = 0;

    flux_flags_set (h, 0);
    while (open > 0 || soak_goes_on (s)) {
        flux_msg_t *msg;

        for (int i = 0; i < TAGS && soak_goes_on (s); i++) {
            if (!asked[i].open && soak_rnd (s, 4)) {
                asked[i] = (struct asked){ true, ++seq };
                ask (h, i + 1, seq);
                open++;
            }
        }
        if (open == 0)
            continue;
        alarm (120); /* a lost answer ends it by SIGALRM */
        if (!(msg = flux_recv (h, FLUX_MATCH_RESPONSE, 0)))
            soak_die ("echo: recv: %s", strerror (errno));
        answered (h, asked, msg);
        flux_msg_destroy (msg);
        open--;
    }
    alarm (0);
    printf ("echo: %ld requests, %ld answers\n", seq, seq);
    flux_close (h);
}

/* ---- futures ---- */

struct futures {
    flux_t *h;
    struct soak *s;
    long asked;
    long answered;
    long streams;
    long ended;
};

static void again (struct futures *fs);

static void rpc_done (flux_future_t *f, void *arg)
{
    struct futures *fs = arg;

    if (flux_future_get (f, NULL) < 0 && errno != ENOSYS && errno != ENOENT
        && errno != EHOSTUNREACH)
        soak_die ("futures: %s", strerror (errno));
    flux_future_destroy (f);
    fs->answered++;
    again (fs);
}

static void stream_more (flux_future_t *f, void *arg)
{
    struct futures *fs = arg;

    if (flux_future_get (f, NULL) == 0) {
        if (soak_rnd (fs->s, 3) == 0)
            (void)flux_kvs_lookup_cancel (f);
        flux_future_reset (f);
        return;
    }
    if (errno != ENODATA && errno != ENOSYS && errno != ENOENT)
        soak_die ("futures: watch: %s", strerror (errno));
    flux_future_destroy (f);
    fs->ended++;
    again (fs);
}

static flux_future_t *put_value (flux_t *h, unsigned int n)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f = NULL;

    if (txn && flux_kvs_txn_pack (txn, 0, "soak.key", "i", (int)n) == 0)
        f = flux_kvs_commit (h, NULL, 0, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}

static void again (struct futures *fs)
{
    const int watch = FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE;
    flux_future_t *f;

    if (!soak_goes_on (fs->s)) {
        if (fs->asked == fs->answered && fs->streams == fs->ended)
            flux_reactor_stop (flux_get_reactor (fs->h));
        return;
    }
    switch (soak_rnd (fs->s, 6)) {
        case 0:
            f = put_value (fs->h, soak_rnd (fs->s, 1000));
            break;
        case 1: /* nobody waits for this answer: its tag comes back with it */
            flux_future_destroy (flux_rpc (fs->h, "soak.echo", "{}", FLUX_NODEID_ANY, 0));
            f = flux_rpc (fs->h, "broker.ping", "{}", FLUX_NODEID_ANY, 0);
            break;
        case 2:
            if (!(f = flux_kvs_lookup (fs->h, NULL, watch, "soak.key"))
                || flux_future_then (f, -1., stream_more, fs) < 0)
                soak_die ("futures: lookup: %s", strerror (errno));
            if (soak_rnd (fs->s, 2))
                (void)flux_kvs_lookup_cancel (f);
            fs->streams++;
            return;
        case 3:
            f = flux_kvs_lookup (fs->h, NULL, 0, "soak.key");
            break;
        default:
            f = flux_rpc (fs->h, "soak.echo", "{}", FLUX_NODEID_ANY, 0);
            break;
    }
    if (!f || flux_future_then (f, -1., rpc_done, fs) < 0)
        soak_die ("futures: rpc: %s", strerror (errno));
    fs->asked++;
}

/* Streams that are open when time is over end when the key goes. */
static void unlink_key (flux_t *h)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f = NULL;

    if (!txn || flux_kvs_txn_put (txn, 0, "soak.key", "0") < 0
        || !(f = flux_kvs_commit (h, NULL, 0, txn)) || flux_future_get (f, NULL) < 0)
        soak_die ("futures: commit: %s", strerror (errno));
    flux_future_destroy (f);
    flux_kvs_txn_clear (txn);
    if (flux_kvs_txn_unlink (txn, 0, "soak.key") < 0
        || !(f = flux_kvs_commit (h, NULL, 0, txn)) || flux_future_get (f, NULL) < 0)
        soak_die ("futures: commit: %s", strerror (errno));
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
}

static void time_over (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct futures *fs = arg;

    unlink_key (fs->h);
}

void soak_futures (struct soak *s)
{
    struct futures fs = { .h = soak_open (), .s = s };
    flux_reactor_t *r = flux_get_reactor (fs.h);
    uint32_t free_tags = flux_matchtag_avail (fs.h);
    flux_watcher_t *w;
    flux_future_t *f;

    w = flux_timer_watcher_create (r, s->deadline - soak_now () + 0.1, 0., time_over, &fs);
    flux_watcher_start (w);
    for (int i = 0; i < 64; i++)
        again (&fs);
    alarm ((unsigned int)(s->deadline - soak_now ()) + 120);
    if (flux_reactor_run (r, 0) < 0)
        soak_die ("futures: reactor: %s", strerror (errno));
    alarm (0);
    flux_watcher_destroy (w);
    /* the answers that nobody waits for have come before this one's */
    for (int i = 0; i < 100 && flux_matchtag_avail (fs.h) != free_tags; i++) {
        if (!(f = flux_rpc (fs.h, "broker.ping", "{}", FLUX_NODEID_ANY, 0))
            || flux_future_then (f, -1., rpc_done, &fs) < 0)
            soak_die ("futures: rpc: %s", strerror (errno));
        fs.asked++;
        if (flux_reactor_run (r, 0) < 0)
            soak_die ("futures: reactor: %s", strerror (errno));
    }
    if (flux_matchtag_avail (fs.h) != free_tags)
        soak_die ("futures: %u matchtags are not free again",
                  (unsigned int)(free_tags - flux_matchtag_avail (fs.h)));
    printf ("futures: %ld RPCs, %ld streams\n", fs.asked, fs.streams);
    flux_close (fs.h);
}

/* ---- victims ---- */

static void victim (void)
{
    flux_t *h = soak_open ();

    for (int i = 0;; i++) {
        const char *topic = i % 2 ? "soak.echo" : "job-info.lookup";

        flux_future_destroy (flux_rpc (h, topic, "{}", FLUX_NODEID_ANY, 0));
        if (i < 50) {
            (void)flux_kvs_lookup (h, NULL, FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE,
                                   "soak.key");
            (void)flux_job_event_watch (h, 1, "eventlog", FLUX_JOB_EVENT_WATCH_WAITCREATE);
        }
        if (i == 5)
            (void)flux_event_subscribe_ex (h, "soak", FLUX_RPC_NORESPONSE);
        if (i == 10)
            (void)flux_service_register (h, "soak-victim");
        if (i % 3 == 0)
            flux_future_destroy (flux_rpc (h, "soak-victim.x", NULL, FLUX_NODEID_ANY, 0));
        if (i > 1000)
            pause ();
    }
}

void soak_victims (struct soak *s)
{
    long n = 0;

    while (soak_goes_on (s)) {
        pid_t pid = fork ();

        if (pid < 0)
            soak_die ("fork: %s", strerror (errno));
        if (pid == 0)
            victim ();
        usleep (soak_rnd (s, 20000)); /* how long it lives */
        kill (pid, SIGKILL);
        waitpid (pid, NULL, 0);
        n++;
    }
    printf ("victims: %ld\n", n);
}
