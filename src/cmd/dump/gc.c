/* gc.c - flux gc: remove from the backing store what nothing refers to.
 *
 * Blobs have an epoch, that of the checkpoint they were stored or last marked
 * in.  What is reachable is marked with the epoch of now; then what is older
 * goes.  The order of the roots matters: what is committed meanwhile moves from
 * checkpoints and namespaces towards the live root, which comes last.
 */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "common/table.h"
#include "dump.h"
#include "treeio.h"

#define MAXREQS 2
#define MAXREQS_MAX 10000
#define BATCH 100 /* blobrefs per mark request */
#define SWEEP_CAP 1000
#define SWEEP_WINDOW 100000

enum { NO_CACHE = 256, MAX_REQS };

struct gc {
    struct treeio io;
    bool verbose;
    bool no_cache;
    long long maxreqs;
    json_int_t epoch, high_water;
    struct table seen; /* digests, each a copy */
    json_t *batch;
    flux_future_t *marking; /* the batch before */
    size_t marked, reclaimed;
};

static const struct opt opts[] = {
    { 'v', "verbose", OPT_NONE, NULL, "say what is done" },
    { NO_CACHE, "no-cache", OPT_NONE, NULL, "read from the backing store directly" },
    { MAX_REQS, "maxreqs", OPT_REQUIRED, "N", "requests on their way at once (2)" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-gc",
    .usage = "[OPTIONS]",
    .summary = "Remove what nothing refers to from the backing store.",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct gc *g = data;

    switch (key) {
        case 'v':
            g->verbose = true;
            break;
        case NO_CACHE:
            g->no_cache = true;
            break;
        case MAX_REQS:
            g->maxreqs = opt_number (&table, "maxreqs", arg, 1, MAXREQS_MAX);
            break;
    }
}

_noreturn_ static void failed (const char *what, flux_future_t *f)
{
    cmd_die ("%s: %s", what, f ? cmd_future_error (f) : flux_strerror (errno));
}

/* ---- marking ---- */

static void wait_mark (struct gc *g)
{
    int n;

    if (!g->marking)
        return;
    if (flux_rpc_get_unpack (g->marking, "{s:i}", "marked", &n) < 0)
        failed ("error marking blobs", g->marking);
    g->marked += n;
    flux_future_destroy (g->marking);
    g->marking = NULL;
}

/* One batch is on its way while the next one gathers. */
static void send_batch (struct gc *g)
{
    wait_mark (g);
    if (json_array_size (g->batch) == 0)
        return;
    if (!(g->marking = flux_rpc_pack (g->io.h, "content-backing.mark", 0, 0, "{s:I s:O}",
                                      "epoch", g->epoch, "hashes", g->batch)))
        failed ("error marking blobs", NULL);
    json_array_clear (g->batch);
}

/* Returns false if it was marked before. */
static bool mark (struct gc *g, const struct blobref *ref)
{
    size_t len = blobref_digest_size (ref->kind);
    char text[BLOBREF_TEXT_SIZE];
    void *copy;

    if (table_get (&g->seen, ref->bytes, len))
        return false;
    if (!(copy = malloc (len)))
        cmd_die ("out of memory");
    memcpy (copy, ref->bytes, len);
    if (table_put (&g->seen, copy, len, copy) < 0
        || json_array_append_new (g->batch, json_string (blobref_str (ref, text))) < 0)
        cmd_die ("out of memory");
    if (json_array_size (g->batch) == BATCH)
        send_batch (g);
    return true;
}

static bool mark_dir (const struct blobref *ref, void *arg)
{
    return mark (arg, ref);
}

static bool
mark_value (const char *key, const struct treeobj *o, flux_future_t *f, void *arg)
{
    struct blobref ref;
    size_t pos = 0;

    if (treeobj_type (o) == TREEOBJ_VALREF) {
        while (treeobj_ref_next (o, &pos, &ref))
            mark (arg, &ref);
    }
    return true;
}

/* What is below it cannot be known, so nothing may go. */
static void bad_dir (const char *key, int errnum, void *arg)
{
    cmd_die ("%s: cannot be read: %s: nothing is removed; see flux fsck", key,
             flux_strerror (errnum));
}

static void mark_root (struct gc *g, const struct blobref *root, const char *what)
{
    static const struct walk_ops ops = {
        .separator = '.',
        .enter = mark_dir,
        .value = mark_value,
        .bad_dir = bad_dir,
    };

    if (g->verbose)
        cmd_warn ("marking %s", what);
    treeio_walk (&g->io, root, &ops, g);
}

static void mark_checkpoints (struct gc *g)
{
    struct checkpoint *cp;
    size_t n = treeio_checkpoints (&g->io, &cp);
    char what[64];

    for (size_t i = 0; i < n; i++) {
        snprintf (what, sizeof (what), "checkpoint %zu, sequence %jd", i,
                  (intmax_t)cp[i].seq);
        mark_root (g, &cp[i].root, what);
    }
    free (cp);
}

/* A namespace that is removed meanwhile needs nothing. */
static void mark_namespace (struct gc *g, const char *ns)
{
    struct blobref root;
    int64_t seq;

    if (treeio_root (&g->io, ns, &root, &seq) == 0)
        mark_root (g, &root, ns);
    else if (errno != EOPNOTSUPP)
        cmd_die ("%s: %s", ns, flux_strerror (errno));
}

static void mark_namespaces (struct gc *g)
{
    flux_future_t *f = flux_rpc (g->io.h, "kvs.namespace-list", NULL, 0, 0);
    json_t *list, *o;
    size_t i;

    if (!f || flux_rpc_get_unpack (f, "{s:o}", "namespaces", &list) < 0) {
        if (f && errno == ENOSYS) { /* the kvs is not loaded */
            flux_future_destroy (f);
            return;
        }
        failed ("kvs.namespace-list", f);
    }
    json_array_foreach (list, i, o)
    {
        const char *name = json_string_value (json_object_get (o, "namespace"));

        if (name && strcmp (name, "primary") != 0)
            mark_namespace (g, name);
    }
    mark_namespace (g, "primary");
    flux_future_destroy (f);
}

/* ---- sweeping ---- */

static void get_info (struct gc *g)
{
    flux_future_t *f = flux_rpc_pack (g->io.h, "content-backing.gc-info", 0, 0, "{s:I}",
                                      "epoch", (json_int_t)0);

    if (!f
        || flux_rpc_get_unpack (f, "{s:I s:I}", "current_epoch", &g->epoch, "high_water",
                                &g->high_water)
               < 0) {
        if (f && errno == ENOSYS)
            cmd_die ("the backing store of this instance has no garbage collection");
        failed ("content-backing.gc-info", f);
    }
    flux_future_destroy (f);
}

/* The kvs forgets past roots: they can not be read any more. */
static void forget_roots (struct gc *g)
{
    flux_future_t *f = flux_rpc (g->io.h, "kvs.root-forget", "{}", 0, 0);

    if (!f || (flux_rpc_get (f, NULL) < 0 && errno != ENOSYS))
        failed ("kvs.root-forget", f);
    flux_future_destroy (f);
}

static void sweep (struct gc *g)
{
    json_int_t cursor = 0, deleted;

    while (cursor < g->high_water) {
        flux_future_t *f = flux_rpc_pack (
            g->io.h, "content-backing.sweep", 0, 0, "{s:I s:I s:I s:i s:i}", "epoch",
            g->epoch, "cursor", cursor, "high_water", g->high_water, "delete_cap",
            SWEEP_CAP, "window", SWEEP_WINDOW);

        if (!f
            || flux_rpc_get_unpack (f, "{s:I s:I}", "deleted", &deleted, "cursor",
                                    &cursor)
                   < 0)
            failed ("content-backing.sweep", f);
        g->reclaimed += deleted;
        flux_future_destroy (f);
        if (g->verbose)
            cmd_warn ("swept up to row %jd of %jd", (intmax_t)cursor,
                      (intmax_t)g->high_water);
    }
}

int gc_main (int argc, char **argv)
{
    struct gc g = { .maxreqs = MAXREQS };
    void *copy;

    if (opt_parse (&table, argc, argv, set, &g) < argc)
        opt_usage (&table);
    if (!(g.batch = json_array ()))
        cmd_die ("out of memory");
    treeio_open (&g.io, g.no_cache, g.maxreqs);
    forget_roots (&g);
    treeio_save (&g.io); /* what is in memory only has no row to mark */
    get_info (&g);
    mark_checkpoints (&g);
    mark_namespaces (&g);
    send_batch (&g);
    wait_mark (&g);
    forget_roots (&g); /* those that were current meanwhile, too */
    sweep (&g);
    printf ("gc complete: marked %zu, reclaimed %zu blobs (horizon epoch %jd)\n",
            g.marked, g.reclaimed, (intmax_t)g.epoch);
    while ((copy = table_pop (&g.seen)))
        free (copy);
    table_fini (&g.seen);
    json_decref (g.batch);
    treeio_close (&g.io);
    return 0;
}
