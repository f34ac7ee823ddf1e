/* bounds_live.c - a guest that asks the KVS for too much of everything.
 *
 * Each request is answered, soon, with success or an error that says why; memory is
 * bounded; and between all of them another client is served as ever.
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "live.h"

#define GUEST 1234
#define DEEP 1000000    /* nested brackets */
#define WORDS 100000    /* components of a key */
#define TOO_MANY_WORDS 300000
#define OPS 200000      /* operations of a transaction; five times that if BOUNDS_ALL ... */
#define OPEN 20000      /* transactions on their way; ... is set in the environment */
#define WAITERS 70000  /* requests for a version that never comes */
#define WAIT_MAX 65536  /* ... that a guest may have at once */
#define LONG_NAME 1000000
#define RSS_MAX (1024 * 1024L) /* KiB: of the whole broker, at the end of each */

static flux_t *h; /* the owner */
static flux_t *guest;
static int scale = 1;

/* ---- how the broker is ---- */

static long rss (void)
{
    const char *pid = flux_attr_get (h, "broker.pid");
    char path[64], line[256];
    long kib = 0;
    FILE *fp;

    snprintf (path, sizeof (path), "/proc/%s/status", pid);
    if (!(fp = fopen (path, "r")))
        bail_out ("%s: %s", path, strerror (errno));
    while (fgets (line, sizeof (line), fp)) {
        if (strncmp (line, "VmRSS:", 6) == 0)
            kib = strtol (line + 6, NULL, 10);
    }
    fclose (fp);
    return kib;
}

/* Sanitizers use memory for themselves. */
static void still_well (const char *after)
{
    static int n;
    char op[64], want[16];
    flux_future_t *f;
    const char *s;
    long kib = rss ();

    snprintf (want, sizeof (want), "%d", ++n);
    snprintf (op, sizeof (op), "put others %s", want);
    live_commit (h, NULL, op, NULL);
    f = flux_kvs_lookup (h, NULL, 0, "others");
    ok (f && flux_kvs_lookup_get (f, &s) == 0 && strcmp (s, want) == 0,
        "another client is served after %s", after);
    flux_future_destroy (f);
    diag ("%ld MiB", kib / 1024);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    ok (kib < RSS_MAX, "and the broker has not grown too much");
#endif
}

/* ---- requests ---- */

/* The errno of the answer. */
static int result (flux_future_t *f)
{
    int errnum;

    if (!f)
        bail_out ("request: %s", strerror (errno));
    if (flux_future_wait_for (f, 120.) < 0)
        bail_out ("no answer: %s", strerror (errno));
    errnum = flux_future_get (f, NULL) < 0 ? errno : 0;
    if (errnum)
        diag ("%s", future_strerror (f, errnum));
    flux_future_destroy (f);
    return errnum;
}

static int ask (flux_t *who, const char *topic, const struct text *t)
{
    if (text_error (t))
        bail_out ("out of memory");
    return result (flux_rpc (who, topic, t->buf, FLUX_NODEID_ANY, 0));
}

static void repeat (struct text *t, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text_puts (t, s);
}

/* ---- depth ---- */

static void nested_text (void)
{
    static const char *const topics[] = {
        "kvs.commit",       "kvs.lookup",           "kvs.lookup-plus", "kvs.getroot",
        "kvs.wait-version", "kvs.root-log",         "kvs-watch.lookup", "kvs.setroot-pause",
    };
    static const char *const owners[] = {
        "kvs.namespace-create", "kvs.relaycommit", "content.checkpoint-put",
        "content.register-backing", "content-backing.checkpoint-put", "content-backing.mark",
        "kvs.config-reload",
    };
    struct text t = TEXT_INIT;

    text_puts (&t, "{\"namespace\":\"own\",\"key\":\"a\",\"flags\":0,\"ops\":");
    repeat (&t, "[", DEEP);
    repeat (&t, "]", DEEP);
    text_puts (&t, "}");
    for (size_t i = 0; i < ARRAY_SIZE (topics); i++) {
        int errnum = ask (guest, topics[i], &t);

        ok (errnum == EPROTO, "%s: brackets %d deep are EPROTO (%s)", topics[i], DEEP,
            strerror (errnum));
    }
    for (size_t i = 0; i < ARRAY_SIZE (owners); i++) {
        if (strcmp (owners[i], "kvs.relaycommit") == 0) /* has no response */
            flux_future_destroy (flux_rpc (h, owners[i], t.buf, 0, FLUX_RPC_NORESPONSE));
        else
            ok (ask (h, owners[i], &t) != 0, "%s: refused as well", owners[i]);
    }
    text_fini (&t);
    still_well ("deep JSON");
}

/* The owner may put directories into directories. */
static void nested_directories (void)
{
    struct text t = TEXT_INIT;

    text_puts (&t, "{\"namespace\":\"own\",\"flags\":0,\"ops\":[{\"key\":\"deep\",\"flags\":0,"
                   "\"dirent\":");
    repeat (&t, "{\"ver\":1,\"type\":\"dir\",\"data\":{\"d\":", WORDS);
    text_puts (&t, "{\"ver\":1,\"type\":\"dir\",\"data\":{}}");
    repeat (&t, "}}", WORDS);
    text_puts (&t, "}]}");
    ok (ask (h, "kvs.commit", &t) != 0, "directories %d deep in one object are refused",
        WORDS);
    text_fini (&t);
    still_well ("deep directories in one object");
}

/* Two bytes a directory. */
static void too_long_a_key (void)
{
    struct text t = TEXT_INIT;

    text_puts (&t, "{\"namespace\":\"own\",\"flags\":0,\"ops\":[{\"key\":\"");
    repeat (&t, "m.", TOO_MANY_WORDS);
    text_puts (&t, "k\",\"flags\":0,\"dirent\":"
                   "{\"ver\":1,\"type\":\"val\",\"data\":\"MQ==\"}}]}");
    ok (ask (guest, "kvs.commit", &t) == EFBIG, "a key of %d words is EFBIG",
        TOO_MANY_WORDS);
    text_fini (&t);
    still_well ("that");
}

static void key_ops (struct text *t, const char *dirent)
{
    text_puts (t, "{\"namespace\":\"own\",\"flags\":0,\"ops\":[{\"key\":\"");
    repeat (t, "k.", WORDS);
    text_puts (t, "k\",\"flags\":0,\"dirent\":");
    text_puts (t, dirent);
    text_puts (t, "}]}");
}

static void long_keys (void)
{
    struct text t = TEXT_INIT;
    int errnum;

    key_ops (&t, "{\"ver\":1,\"type\":\"val\",\"data\":\"MQ==\"}");
    errnum = ask (guest, "kvs.commit", &t);
    ok (errnum == 0 || errnum == ENAMETOOLONG, "a key of %d words: %s", WORDS,
        strerror (errnum));
    text_fini (&t);
    text_puts (&t, "{\"namespace\":\"own\",\"flags\":0,\"key\":\"");
    repeat (&t, "k.", WORDS);
    text_puts (&t, "k\"}");
    ok (ask (guest, "kvs.lookup", &t) == (errnum ? ENOENT : 0), "it is looked up");
    text_fini (&t);
    key_ops (&t, "null");
    ok (ask (guest, "kvs.commit", &t) == errnum, "and removed");
    text_fini (&t);
    still_well ("a key of very many words");
}

/* ---- size ---- */

static void large_transaction (void)
{
    struct text t = TEXT_INIT;
    flux_future_t *f, *g;
    int errnum;

    text_puts (&t, "{\"namespace\":\"own\",\"flags\":0,\"ops\":[");
    for (int i = 0; i < OPS * scale; i++)
        text_printf (&t,
                     "%s{\"key\":\"d%d.k%d\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":"
                     "\"val\",\"data\":\"MQ==\"}}",
                     i > 0 ? "," : "", i % 1000, i);
    text_puts (&t, "]}");
    f = flux_rpc (guest, "kvs.commit", t.buf, FLUX_NODEID_ANY, 0);
    g = live_commit_begin (h, NULL, 0, "put beside 1");
    ok (result (g) == 0, "another's commit beside %d operations", OPS * scale);
    errnum = result (f);
    ok (errnum == 0 || errnum == EFBIG, "%d operations in a transaction: %s", OPS * scale,
        strerror (errnum));
    text_fini (&t);
    ok (result (live_commit_begin (guest, "own", 0, "unlink d1")) == 0,
        "the next transaction is done");
    live_remove (h, "own");
    still_well ("a very large transaction");
}

static void long_names (void)
{
    char *name = malloc (LONG_NAME + 1);
    flux_future_t *f;

    if (!name)
        bail_out ("out of memory");
    memset (name, 'n', LONG_NAME);
    name[LONG_NAME] = '\0';
    ok (result (flux_kvs_getroot (guest, name, 0)) == ENOTSUP,
        "a namespace name of %d bytes is unknown", LONG_NAME);
    ok (result (flux_kvs_lookup (guest, name, 0, "a")) == ENOTSUP, "to lookups, too");
    f = flux_kvs_namespace_create (h, name, GUEST, 0);
    ok (result (f) == 0, "the owner may create it");
    ok (result (live_commit_begin (guest, name, 0, "put a 1")) == 0, "and it can be used");
    ok (result (flux_kvs_namespace_remove (h, name)) == 0, "and removed");
    free (name);
    still_well ("long names");
}

/* ---- number ---- */

static void many_transactions (void)
{
    flux_future_t **f = calloc (OPEN * scale, sizeof (f[0]));
    size_t done = 0;
    char op[64];

    if (!f)
        bail_out ("out of memory");
    live_create (h, "many", GUEST);
    for (int i = 0; i < OPEN * scale; i++) {
        snprintf (op, sizeof (op), "put k%d %d", i % 100, i);
        f[i] = live_commit_begin (guest, "many", FLUX_KVS_NO_MERGE, op);
    }
    still_well ("opening very many transactions");
    for (int i = 0; i < OPEN * scale; i++) {
        if (flux_future_get (f[i], NULL) == 0)
            done++;
        flux_future_destroy (f[i]);
    }
    ok (done == (size_t)OPEN * scale,
        "%d transactions that are not merged are all answered", OPEN * scale);
    free (f);
    live_remove (h, "many");
    still_well ("very many transactions");
}

static flux_future_t *wait_begin (flux_t *who, const char *ns)
{
    flux_future_t *f = flux_rpc_pack (who, "kvs.wait-version", FLUX_NODEID_ANY, 0,
                                      "{s:s s:i}", "namespace", ns, "rootseq", 1000000);

    if (!f)
        bail_out ("wait-version: %s", strerror (errno));
    return f;
}

/* It goes, and what it left is forgotten. */
static void many_waiters (void)
{
    flux_t *other = live_open_guest (GUEST);
    flux_future_t **f = calloc (WAITERS, sizeof (f[0]));
    long long pending = stats_get (h, "kvs", "pending_requests");
    flux_future_t *again;
    size_t refused = 0;

    if (!f)
        bail_out ("out of memory");
    live_create (h, "never", GUEST);
    for (int i = 0; i < WAITERS; i++)
        f[i] = wait_begin (other, "never");
    ok (result (flux_kvs_getroot (other, "never", 0)) == 0, "%d wait for a version",
        WAITERS);
    for (int i = WAIT_MAX; i < WAITERS; i++) {
        if (flux_future_get (f[i], NULL) < 0 && errno == EDQUOT)
            refused++;
    }
    ok (refused == WAITERS - WAIT_MAX, "%zu of them were too many: EDQUOT", refused);
    ok (result (flux_kvs_lookup (guest, "never", FLUX_KVS_READDIR, ".")) == 0,
        "its other requests are served");
    still_well ("very many that wait");
    for (int i = 0; i < WAITERS; i++)
        flux_future_destroy (f[i]);
    free (f);
    flux_close (other);
    while (stats_get (h, "kvs", "pending_requests") > pending)
        ;
    again = wait_begin (guest, "never");
    live_remove (h, "never");
    ok (result (again) == ENOTSUP, "who has gone is forgotten, and leaves room");
    still_well ("that");
}

int main (void)
{
    if (getenv ("BOUNDS_ALL"))
        scale = 5;
    h = live_open ();
    guest = live_open_guest (GUEST);
    live_create (h, "own", GUEST);
    nested_text ();
    nested_directories ();
    long_keys ();
    too_long_a_key ();
    large_transaction ();
    long_names ();
    many_transactions ();
    many_waiters ();
    flux_close (guest);
    flux_close (h);
    return done_testing ();
}
