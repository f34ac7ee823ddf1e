/* log_live.c - long logs: log_live append KEY FROM COUNT | check KEY COUNT |
 * load KEY
 *
 * append writes the lines "FROM" ... one commit each, many in flight; check
 * reads them all; load loads the blob of the directory KEY from content, which has
 * nothing cached.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "common/blobref.h"
#include "live.h"

#define WINDOW 50

static void finish (flux_future_t *f)
{
    if (!f || flux_future_get (f, NULL) < 0)
        bail_out ("commit: %s", strerror (errno));
    flux_future_destroy (f);
}

static void append (flux_t *h, const char *key, int from, int count)
{
    flux_future_t *f[WINDOW] = { NULL };

    for (int i = 0; i < count; i++) {
        char op[200];

        if (f[i % WINDOW])
            finish (f[i % WINDOW]);
        snprintf (op, sizeof (op), "append %s %d,", key, from + i);
        f[i % WINDOW] = live_commit_begin (h, NULL, 0, op);
    }
    for (int i = 0; i < WINDOW; i++) {
        if (f[i])
            finish (f[i]);
    }
    ok (true, "%d lines from %d", count, from);
}

static void check (flux_t *h, const char *key, int count)
{
    flux_future_t *f = flux_kvs_lookup (h, NULL, 0, key);
    const char *s;
    int i = 0;

    if (flux_kvs_lookup_get (f, &s) < 0)
        bail_out ("%s: %s", key, strerror (errno));
    while (s && *s) {
        char *end;

        if (strtol (s, &end, 10) != i || *end != ',')
            break;
        i++;
        s = end + 1;
    }
    is_int (i, count, "all lines are there, in order");
    ok (!s || !*s, "and nothing else");
    flux_future_destroy (f);
}

static void load (flux_t *h, const char *dir)
{
    flux_future_t *f = flux_kvs_lookup (h, NULL, FLUX_KVS_TREEOBJ, dir);
    const char *treeobj, *ref;
    struct blobref blobref;
    const void *data;
    size_t len = 0;
    json_t *o;

    if (flux_kvs_lookup_get_treeobj (f, &treeobj) < 0
        || !(o = json_loads (treeobj, 0, NULL))
        || json_unpack (o, "{s:[s]}", "data", &ref) < 0
        || blobref_parse (ref, strlen (ref), &blobref) < 0)
        bail_out ("%s is no directory", dir);
    flux_future_destroy (f);
    rpc_fails (h, "content.dropcache", 0, NULL, 0, NULL, "dropcache");
    f = flux_rpc_raw (h, "content.load", blobref.bytes,
                      blobref_digest_size (blobref.kind), FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get_raw (f, &data, &len) == 0 && len > 100000,
        "the directory's blob can be loaded: %zu bytes", len);
    flux_future_destroy (f);
    json_decref (o);
}

int main (int argc, char *argv[])
{
    flux_t *h = live_open ();

    if (argc == 5 && strcmp (argv[1], "append") == 0)
        append (h, argv[2], atoi (argv[3]), atoi (argv[4]));
    else if (argc == 4 && strcmp (argv[1], "check") == 0)
        check (h, argv[2], atoi (argv[3]));
    else if (argc == 3 && strcmp (argv[1], "load") == 0)
        load (h, argv[2]);
    else
        bail_out ("usage");
    flux_close (h);
    return done_testing ();
}
