/* kvs_get.c - flux kvs get: print values, once or as they change. */

#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "cmd.h"
#include "kvs.h"

struct get {
    const char *ns;
    const char *at;
    bool raw;
    bool treeobj;
    bool label;
    bool waitcreate;
    bool watch;
    bool uniq;
    bool append;
    bool full;
    bool stream;
    long long count; /* with watch: stop after so many values of each key; 0: never */
    int pending; /* watched keys that have not ended */
};

/* One watched key. */
struct watched {
    struct get *get;
    const char *key;
    long long seen;
    bool ended;
};

static const struct opt opts[] = {
    { 'N', "namespace", OPT_REQUIRED, "NAME", "KVS namespace" },
    { 'r', "raw", OPT_NONE, NULL, "bytes as they are, no newline" },
    { 't', "treeobj", OPT_NONE, NULL, "the tree object (RFC 11)" },
    { 'a', "at", OPT_REQUIRED, "ROOT", "in this snapshot: a tree object or a sequence number" },
    { 'l', "label", OPT_NONE, NULL, "print KEY= before each value" },
    { 'W', "waitcreate", OPT_NONE, NULL, "wait until the key exists" },
    { 'w', "watch", OPT_NONE, NULL, "go on printing as the value changes" },
    { 'u', "uniq", OPT_NONE, NULL, "with -w: only if it differs" },
    { 'A', "append", OPT_NONE, NULL, "with -w: only what was appended" },
    { 'f', "full", OPT_NONE, NULL, "with -w: also if a parent changes" },
    { 'c', "count", OPT_REQUIRED, "N", "with -w: stop after N values of each key" },
    { 'S', "stream", OPT_NONE, NULL, "fetch a big value piece by piece" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-kvs get",
    .usage = "[OPTIONS] KEY...",
    .summary = "Print the values of keys.",
    .example = "flux kvs get --watch --append job.log",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct get *g = data;

    switch (key) {
        case 'N':
            g->ns = arg;
            break;
        case 'r':
            g->raw = true;
            break;
        case 't':
            g->treeobj = true;
            break;
        case 'a':
            g->at = arg;
            break;
        case 'l':
            g->label = true;
            break;
        case 'W':
            g->waitcreate = true;
            break;
        case 'w':
            g->watch = true;
            break;
        case 'u':
            g->uniq = true;
            break;
        case 'A':
            g->append = true;
            break;
        case 'f':
            g->full = true;
            break;
        case 'c':
            g->count = opt_number (&table, "count", arg, 1, INT_MAX);
            break;
        case 'S':
            g->stream = true;
            break;
    }
}

/* Scripts know the plain words for an error, not the service's. */
_noreturn_ static void get_failed (flux_future_t *f, const char *key)
{
    int errnum = errno;

    flux_future_destroy (f);
    cmd_die ("%s: %s", key, flux_strerror (errnum));
}

static flux_future_t *lookup (flux_t *h, const struct get *g, const char *key)
{
    int flags = (g->treeobj ? FLUX_KVS_TREEOBJ : 0) | (g->watch ? FLUX_KVS_WATCH : 0)
                | (g->waitcreate ? FLUX_KVS_WAITCREATE : 0)
                | (g->stream ? FLUX_KVS_STREAM : 0);
    flux_future_t *f;

    if (g->watch) {
        flags |= (g->uniq ? FLUX_KVS_WATCH_UNIQ : 0)
                 | (g->append ? FLUX_KVS_WATCH_APPEND : 0)
                 | (g->full ? FLUX_KVS_WATCH_FULL : 0);
    }
    f = g->at ? flux_kvs_lookupat (h, flags, key, g->at)
              : flux_kvs_lookup (h, g->ns, flags, key);
    if (!f)
        get_failed (NULL, key);
    return f;
}

/* Print one response.  Returns -1 with errno if it is an error. */
static int print_value (flux_future_t *f, const struct get *g, const char *key)
{
    const void *data;
    const char *s;
    size_t len;

    if (g->treeobj) {
        if (flux_kvs_lookup_get_treeobj (f, &s) < 0)
            return -1;
        printf ("%s%s%s\n", g->label ? key : "", g->label ? "=" : "", s);
        return 0;
    }
    if (flux_kvs_lookup_get_raw (f, &data, &len) < 0)
        return -1;
    if (g->label)
        printf ("%s=", key);
    if (len > 0)
        fwrite (data, 1, len, stdout);
    if (len > 0 && !g->raw && !g->stream)
        printf ("\n");
    return 0;
}

static void end (struct watched *w, flux_future_t *f)
{
    w->ended = true;
    if (--w->get->pending == 0)
        flux_reactor_stop (flux_future_get_reactor (f));
}

static void watch_cb (flux_future_t *f, void *arg)
{
    struct watched *w = arg;
    struct get *g = w->get;

    if (w->ended)
        return; /* came together with the last one that counts */
    if (print_value (f, g, w->key) == 0) {
        fflush (stdout);
        if (++w->seen == g->count)
            end (w, f);
        flux_future_reset (f);
        return;
    }
    if (errno != ENODATA)
        get_failed (NULL, w->key);
    end (w, f);
}

/* Watch until all keys have ended, or enough was seen of each; who closes the
 * handle then cancels what is left.
 */
static void watch_all (flux_t *h, struct get *g, int n, char **keys)
{
    struct watched *w = calloc (n, sizeof (w[0]));
    flux_future_t **f = calloc (n, sizeof (f[0]));

    if (!w || !f)
        cmd_die ("out of memory");
    g->pending = n;
    for (int i = 0; i < n; i++) {
        w[i] = (struct watched){ .get = g, .key = keys[i] };
        f[i] = lookup (h, g, keys[i]);
        if (flux_future_then (f[i], -1., watch_cb, &w[i]) < 0)
            get_failed (NULL, keys[i]);
    }
    if (flux_reactor_run (flux_get_reactor (h), 0) < 0)
        cmd_die ("lost connection to Flux: %s", flux_strerror (errno));
    for (int i = 0; i < n; i++)
        flux_future_destroy (f[i]);
    free (f);
    free (w);
}

/* All pieces of one value as they are stored, one a line. */
static void get_stream_treeobj (flux_t *h, struct get *g, const char *key)
{
    flux_future_t *f = lookup (h, g, key);

    while (print_value (f, g, key) == 0)
        flux_future_reset (f);
    if (errno != ENODATA)
        get_failed (f, key);
    flux_future_destroy (f);
}

/* All pieces of one value, then one newline if there were bytes. */
static void get_stream (flux_t *h, struct get *g, const char *key)
{
    flux_future_t *f = lookup (h, g, key);
    const void *data;
    size_t len;
    bool any = false;

    while (flux_kvs_lookup_get_raw (f, &data, &len) == 0) {
        if (g->label && !any)
            printf ("%s=", key);
        if (len > 0)
            fwrite (data, 1, len, stdout);
        any = any || len > 0;
        flux_future_reset (f);
    }
    if (errno != ENODATA)
        get_failed (f, key);
    if (any && !g->raw)
        printf ("\n");
    flux_future_destroy (f);
}

int kvs_get (int argc, char **argv)
{
    struct get g = { 0 };
    int i = opt_parse (&table, argc, argv, set, &g);
    char *at = NULL;
    flux_t *h;

    if (i == argc)
        opt_usage (&table);
    h = cmd_open ();
    if (g.at)
        g.at = at = kvs_at (h, g.ns, g.at);
    if (g.watch)
        watch_all (h, &g, argc - i, argv + i);
    else {
        for (; i < argc; i++) {
            if (g.stream && g.treeobj)
                get_stream_treeobj (h, &g, argv[i]);
            else if (g.stream)
                get_stream (h, &g, argv[i]);
            else {
                flux_future_t *f = lookup (h, &g, argv[i]);

                if (print_value (f, &g, argv[i]) < 0)
                    get_failed (f, argv[i]);
                flux_future_destroy (f);
            }
        }
    }
    free (at);
    flux_close (h);
    return 0;
}
