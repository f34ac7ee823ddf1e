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

static flux_future_t *guest (const char *topic, int i, size_t len, bool lazy)
{
    char ns[20], key[20];
    flux_future_t *f;

    snprintf (ns, sizeof (ns), "g%d", i);
    snprintf (key, sizeof (key), "jobs.g%d", i);
    f = flux_rpc_pack (h, topic, 0, 0, "{s:s s:s s:i s:b s:[o]}", "namespace", ns, "key",
                       key, "owner", -1, "lazy", lazy, "ops", put ("words", len));
    if (!f)
        bail_out ("%s", topic);
    return f;
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

static bool there_is (const char *key)
{
    flux_future_t *f = flux_kvs_lookup (h, NULL, 0, key);
    const char *value;
    bool found = f && flux_kvs_lookup_get (f, &value) == 0;

    flux_future_destroy (f);
    return found;
}

static void lazy (void)
{
    flux_future_t *f = commit ("seen", KVSOPS_LAZY);
    int64_t one, two;

    ok (there_is ("seen"), "what is lazy is there for who looks");
    flux_future_destroy (f);
    ok (seq_of (commit ("alone", KVSOPS_LAZY)) > 0, "and is published if nobody does");
    f = guest ("kvs.guest-begin", COUNT, 3, true);
    two = seq_of (guest ("kvs.guest-end", COUNT, 3, false));
    one = seq_of (f);
    ok (one > 0 && two >= one,
        "nor is a link for which nobody waits published after the graft");
    ok (there_is ("jobs.g20.words"), "that has the graft");
}

int main (void)
{
    h = live_open ();
    behind_a_graft ();
    lazy ();
    flux_close (h);
    return done_testing ();
}
