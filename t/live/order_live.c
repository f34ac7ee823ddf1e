/* order_live.c - what one client asks of kvs without waiting is seen in that order. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/kvsops.h"
#include "live.h"

enum { COUNT = 20, BIG = 20000 }; /* a value that content must have before a root may */

static flux_t *h;

/* {"key":key,"flags":0,"dirent":val} for a value of so many bytes. */
static json_t *put (const char *key, size_t len)
{
    char *data = malloc (len * 4 / 3 + 4);
    size_t n = (len + 2) / 3 * 4;
    json_t *o;

    if (!data)
        bail_out ("no memory");
    memset (data, 'M', n);
    data[n] = '\0';
    o = json_pack ("{s:s s:i s:{s:i s:s s:s}}", "key", key, "flags", 0, "dirent", "ver",
                   1, "type", "val", "data", data);
    free (data);
    return o;
}

static flux_future_t *commit (const char *key, int flags)
{
    flux_future_t *f =
        flux_rpc_pack (h, "kvs.commit", FLUX_NODEID_ANY, 0, "{s:s s:i s:[o]}",
                       "namespace", "primary", "flags", flags, "ops", put (key, 3));

    if (!f)
        bail_out ("kvs.commit");
    return f;
}

static flux_future_t *
guest_of (flux_t *client, const char *topic, int i, size_t len, bool lazy)
{
    char ns[20], key[20];
    flux_future_t *f;

    snprintf (ns, sizeof (ns), "g%d", i);
    snprintf (key, sizeof (key), "jobs.g%d", i);
    f = flux_rpc_pack (client, topic, 0, 0, "{s:s s:s s:i s:b s:b s:[o]}", "namespace",
                       ns, "key", key, "owner", -1, "lazy", lazy, "ahead", true, "ops",
                       put ("words", len));
    if (!f)
        bail_out ("%s", topic);
    return f;
}

static flux_future_t *guest (const char *topic, int i, size_t len, bool lazy)
{
    return guest_of (h, topic, i, len, lazy);
}

/* The sequence number of the root that it made; -1 if it failed. */
static int64_t seq_of (flux_future_t *f)
{
    json_int_t seq;

    if (flux_rpc_get_unpack (f, "{s:I}", "rootseq", &seq) < 0) {
        diag ("%s", future_strerror (f, errno));
        seq = -1;
    }
    flux_future_destroy (f);
    return seq;
}

static flux_future_t *look (const char *key)
{
    return flux_kvs_lookup (h, NULL, 0, key);
}

/* What a guest has said, where its directory is put. */
static flux_future_t *look_at_guest (int i)
{
    char key[30];

    snprintf (key, sizeof (key), "jobs.g%d.words", i);
    return look (key);
}

/* There is a value, of so many bytes at least. */
static bool is_found (flux_future_t *f, size_t len)
{
    const char *value;
    bool found = f && flux_kvs_lookup_get (f, &value) == 0 && strlen (value) >= len;

    flux_future_destroy (f);
    return found;
}

/* The job-manager commits the end of a job when job-exec has sent this. */
static void behind_a_graft (void)
{
    flux_future_t *ends[COUNT], *commits[COUNT];
    int bad = 0;

    for (int i = 0; i < COUNT; i++)
        seq_of (guest ("kvs.guest-begin", i, 3, false));
    for (int i = 0; i < COUNT; i++) {
        char key[20];

        snprintf (key, sizeof (key), "after%d", i);
        ends[i] = guest ("kvs.guest-end", i, BIG + i, false);
        commits[i] = commit (key, i % 2 ? KVSOPS_LAZY : 0);
    }
    for (int i = 0; i < COUNT; i++) {
        int64_t end = seq_of (ends[i]);
        int64_t after = seq_of (commits[i]);

        bad += end < 0 || after < end;
    }
    ok (bad == 0, "no commit is published before a guest-end that was sent before it");
}

/* A job starts when R was sent: who hears that it is linked finds R. */
static void begun_behind_a_graft (void)
{
    flux_future_t *f[COUNT][4];
    int bad = 0;

    for (int i = 0; i < COUNT; i++)
        seq_of (guest ("kvs.guest-begin", 100 + i, 3, false));
    for (int i = 0; i < COUNT; i++) {
        f[i][0] = guest ("kvs.guest-end", 100 + i, BIG + COUNT + i, false);
        f[i][1] = commit ("R", i % 2 ? KVSOPS_LAZY : 0);
        f[i][2] = guest ("kvs.guest-begin", 200 + i, 3, i % 3 == 0);
        f[i][3] = guest ("kvs.guest-end", 200 + i, 3, false);
    }
    for (int i = 0; i < COUNT; i++) {
        int64_t seq = 0, next;

        for (int k = 0; k < 4; k++) {
            next = seq_of (f[i][k]);
            bad += next < 0 || next < seq;
            seq = next;
        }
    }
    ok (bad == 0, "nor is a link, or a graft, published before a commit that was");
}

/* It is removed, which is the last that is done. */
static void wait_removed (int i)
{
    char ns[20];
    bool gone;

    snprintf (ns, sizeof (ns), "g%d", i);
    do {
        flux_future_t *f = flux_kvs_getroot (h, ns, 0);

        gone = !f || flux_rpc_get (f, NULL) < 0;
        flux_future_destroy (f);
    } while (!gone);
}

static void who_leaves (void)
{
    int bad = 0;

    for (int i = 0; i < COUNT; i++) {
        flux_t *client = flux_open (NULL, 0);

        if (!client)
            bail_out ("flux_open");
        seq_of (guest ("kvs.guest-begin", 300 + i, 3, false));
        flux_future_destroy (
            guest_of (client, "kvs.guest-end", 300 + i, BIG + 2 * COUNT + i, false));
        flux_close (client);
    }
    for (int i = 0; i < COUNT; i++) {
        wait_removed (300 + i);
        bad += !is_found (look_at_guest (300 + i), 1);
    }
    ok (bad == 0, "a guest-end is carried out though its client left");
}

/* As a guest may do it. */
static void paused (void)
{
    flux_future_t *f;

    seq_of (guest ("kvs.guest-begin", 400, 3, false));
    live_finish (
        flux_rpc_pack (h, "kvs.setroot-pause", 0, 0, "{s:s}", "namespace", "g400"),
        "pause");
    f = guest ("kvs.guest-end", 400, 3, false);
    ok (seq_of (commit ("after", 0)) > 0 && seq_of (f) > 0,
        "a namespace that is paused holds nobody up");
}

/* Who hears of the end of a job looks at what it wrote. */
static void looked_at_behind_a_graft (void)
{
    flux_future_t *ends[COUNT], *looks[COUNT];
    int bad = 0;

    for (int i = 0; i < COUNT; i++)
        seq_of (guest ("kvs.guest-begin", 700 + i, 3, false));
    for (int i = 0; i < COUNT; i++) {
        ends[i] = guest ("kvs.guest-end", 700 + i, BIG + 4 * COUNT + i, false);
        looks[i] = look_at_guest (700 + i);
    }
    for (int i = 0; i < COUNT; i++) {
        bad += !is_found (looks[i], BIG);
        bad += seq_of (ends[i]) < 0;
    }
    ok (bad == 0, "who looks behind a guest-end finds its last words");
}

static void lazy (void)
{
    flux_future_t *f = commit ("seen", KVSOPS_LAZY);
    int64_t one, two;

    ok (is_found (look ("seen"), 1), "what is lazy is there for who looks");
    flux_future_destroy (f);
    ok (seq_of (commit ("alone", KVSOPS_LAZY)) > 0, "and is published if nobody does");
    f = guest ("kvs.guest-begin", COUNT, 3, true);
    two = seq_of (guest ("kvs.guest-end", COUNT, 3, false));
    one = seq_of (f);
    ok (one > 0 && two >= one,
        "nor is a link for which nobody waits published after the graft");
    ok (is_found (look_at_guest (COUNT), 1), "that has the graft");
}

/* kvs is reloaded meanwhile: each of these is answered, if only with ENOSYS. */
static void reload (void)
{
    flux_future_t *f[COUNT][3];
    int answered = 0;

    for (int i = 0; i < COUNT; i++)
        seq_of (guest ("kvs.guest-begin", 500 + i, 3, false));
    for (int i = 0; i < COUNT; i++) {
        f[i][0] = guest ("kvs.guest-end", 500 + i, BIG + 3 * COUNT + i, false);
        f[i][1] = commit ("R", i % 2 ? KVSOPS_LAZY : 0);
        f[i][2] = guest ("kvs.guest-begin", 600 + i, 3, false);
    }
    ok (system ("flux module reload kvs") == 0, "kvs is reloaded");
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < 3; k++) {
            answered += flux_rpc_get (f[i][k], NULL) == 0 || errno == ENOSYS;
            flux_future_destroy (f[i][k]);
        }
    }
    is_int (answered, 3 * COUNT, "whatever waited for its turn was answered");
    ok (seq_of (commit ("again", 0)) > 0, "and it goes on");
}

int main (void)
{
    h = live_open ();
    behind_a_graft ();
    begun_behind_a_graft ();
    looked_at_behind_a_graft ();
    lazy ();
    who_leaves ();
    paused ();
    reload ();
    flux_close (h);
    return done_testing ();
}
