/* fsck.c - flux fsck: is everything there, and whole, that a root of the KVS refers to?
 *
 * Every blob is read from the backing store, once, and hashed: only that tells whether
 * it is what its name says.
 *
 * With --repair a new checkpoint is made in which nothing is missing: what
 * remains of a value goes to lost+found, a directory that cannot be read goes.
 */

#include "config.h"
#include <stdio.h>
#include <time.h>

#include "cmd/cmd.h"
#include "common/table.h"
#include "dump.h"
#include "treeio.h"

#define MAXREQS 16 /* each may bring a blob of any size */

struct bad {
    char *key;
    struct treeobj *rest; /* what remains of a value; NULL: a directory */
};

struct fsck {
    struct treeio io;
    bool verbose;
    bool quiet;
    bool repair;
    bool job_aware;
    const char *rootref;
    struct bad *bad;
    size_t nbad;
    size_t errors;
    struct table whole; /* blobs, and directories with all below: each a copy */
};

static const struct opt opts[] = {
    { 'v', "verbose", OPT_NONE, NULL, "name each blob that is missing or damaged" },
    { 'q', "quiet", OPT_NONE, NULL, "print nothing but errors of the check itself" },
    { 'r', "rootref", OPT_REQUIRED, "REF", "check this root, not the newest checkpoint" },
    { 'R', "repair", OPT_NONE, NULL, "write a checkpoint without what is missing or damaged" },
    { 'j', "job-aware", OPT_NONE, NULL, "with --repair: move damaged jobs as a whole" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-fsck",
    .usage = "[OPTIONS]",
    .summary = "Check that all of the newest checkpoint of the KVS is there, and undamaged.",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct fsck *c = data;

    switch (key) {
        case 'v':
            c->verbose = true;
            break;
        case 'q':
            c->quiet = true;
            break;
        case 'r':
            c->rootref = arg;
            break;
        case 'R':
            c->repair = true;
            break;
        case 'j':
            c->job_aware = true;
            break;
    }
}

/* ---- what is known to be whole ---- */

static bool is_whole (const struct blobref *ref, void *arg)
{
    struct fsck *c = arg;

    return table_get (&c->whole, ref->bytes, blobref_digest_size (ref->kind)) != NULL;
}

static void add_whole (const struct blobref *ref, void *arg)
{
    struct fsck *c = arg;
    struct blobref *copy;

    if (is_whole (ref, c))
        return;
    if (!(copy = malloc (sizeof (*copy))))
        cmd_die ("out of memory");
    *copy = *ref;
    if (table_put (&c->whole, copy->bytes, blobref_digest_size (copy->kind), copy) < 0)
        cmd_die ("out of memory");
}

/* ---- checking ---- */

static void add_bad (struct fsck *c, const char *key, struct treeobj *rest)
{
    c->errors++;
    c->bad = cmd_grow (c->bad, c->nbad, sizeof (c->bad[0]));
    c->bad[c->nbad++] = (struct bad){ cmd_strndup (key, strlen (key)), rest };
}

/* What remains of a value, from the references that are good. */
static struct treeobj *rest_of (const struct blobref *good, size_t n)
{
    struct treeobj *o = NULL;

    if ((n > 0 ? treeobj_valref_new (good, n, &o) : treeobj_val_new ("", 0, &o)) < 0)
        cmd_die ("out of memory");
    return o;
}

/* Is it there, and what it is called?  Says so if it is not; f may be NULL: it is
 * known.
 */
static bool check_blob (struct fsck *c,
                        const char *key,
                        size_t i,
                        flux_future_t *f,
                        const struct blobref *ref,
                        bool *damaged)
{
    const void *data;
    size_t len;

    if (!f)
        return true;
    if (treeio_get (&c->io, f, ref, &data, &len) == 0) {
        add_whole (ref, c);
        return true;
    }
    if (errno == ENOSYS)
        cmd_die ("content-backing.load: %s", flux_strerror (errno));
    if (errno != ENOENT)
        *damaged = true;
    if (c->verbose && errno == ENOENT)
        cmd_warn ("%s: missing blobref index=%zu", key, i);
    else if (c->verbose)
        cmd_warn ("%s: damaged blobref index=%zu: %s", key, i, treeio_error (f, errno));
    return false;
}

static bool check_valref (struct fsck *c, const char *key, const struct treeobj *o)
{
    flux_future_t *f[MAXREQS];
    struct blobref ref[MAXREQS];
    size_t n = treeobj_ref_count (o), sent = 0, good = 0, pos = 0;
    struct blobref *refs = calloc (n, sizeof (refs[0]));
    bool damaged = false;

    if (!refs)
        cmd_die ("out of memory");
    for (size_t i = 0; i < n; i++) {
        for (size_t k; sent < n && sent < i + MAXREQS; sent++) {
            k = sent % MAXREQS;
            treeobj_ref_next (o, &pos, &ref[k]);
            f[k] = is_whole (&ref[k], c) ? NULL : treeio_load (&c->io, &ref[k]);
        }
        if (check_blob (c, key, i, f[i % MAXREQS], &ref[i % MAXREQS], &damaged))
            refs[good++] = ref[i % MAXREQS];
        flux_future_destroy (f[i % MAXREQS]);
    }
    if (good < n) {
        if (!c->verbose && !c->quiet)
            cmd_warn ("%s: %s blobref(s)", key, damaged ? "damaged" : "missing");
        add_bad (c, key, rest_of (refs, good));
    }
    free (refs);
    return good == n;
}

static bool
check_value (const char *key, const struct treeobj *o, flux_future_t *f, void *arg)
{
    return treeobj_type (o) != TREEOBJ_VALREF || check_valref (arg, key, o);
}

static void bad_dir (const char *key, int errnum, void *arg)
{
    struct fsck *c = arg;

    if (errnum == ENOSYS)
        cmd_die ("content-backing.load: %s", flux_strerror (errnum));
    if (!c->quiet)
        cmd_warn ("%s: %s", key,
                  errnum == EINVAL   ? "invalid dirref"
                  : errnum == ENOENT ? "missing dirref blobref"
                                     : "damaged dirref blobref");
    add_bad (c, key, NULL);
}

static void check (struct fsck *c, const struct checkpoint *cp)
{
    static const struct walk_ops ops = {
        .separator = '.',
        .known = is_whole,
        .whole = add_whole,
        .value = check_value,
        .bad_dir = bad_dir,
    };
    time_t t = cp->time;
    struct blobref *ref;
    char when[64] = "N/A";
    struct tm tm;

    if (!c->rootref && !c->quiet) {
        if (cp->time > 0 && gmtime_r (&t, &tm))
            strftime (when, sizeof (when), "%FT%TZ", &tm);
        cmd_warn ("Checking integrity of checkpoint from %s", when);
    }
    treeio_walk (&c->io, &cp->root, &ops, c);
    while ((ref = table_pop (&c->whole)))
        free (ref);
    table_fini (&c->whole);
    if (!c->quiet)
        cmd_warn ("Total errors: %zu", c->errors);
}

/* ---- repair ---- */

/* Length of the directory of a job in front of a key: job.X.X.X.X, else 0. */
static size_t job_prefix (const char *key)
{
    const char *p = key;

    for (int i = 0; i < 5; i++) {
        size_t len = strcspn (p, ".");

        if (i == 0 ? len != 3 || strncmp (p, "job", 3) != 0
                   : len != 4 || strspn (p, "0123456789abcdef") < 4)
            return 0;
        p += len;
        if (i < 4 && *p++ != '.')
            return 0;
    }
    return p - key;
}

static void
edit (struct fsck *c, struct treeobj **root, const char *key, struct treeobj *obj)
{
    if (treeio_edit (&c->io, root, key, obj) < 0)
        cmd_die ("%s: cannot be repaired: %s", key, flux_strerror (errno));
}

static void file_away (struct fsck *c,
                       struct treeobj **root,
                       const char *key,
                       size_t len,
                       struct treeobj *obj)
{
    char *lost;

    if (asprintf (&lost, "lost+found.%.*s", (int)len, key) < 0)
        cmd_die ("out of memory");
    edit (c, root, lost, obj);
    if (!c->quiet)
        cmd_warn ("%.*s moved to lost+found", (int)len, key);
    free (lost);
}

/* What a key is now; NULL if it is gone. */
static struct treeobj *
find (struct fsck *c, struct treeobj *root, const char *key, size_t len)
{
    struct treeobj *dir = treeobj_get (root), *o = NULL;

    while (dir) {
        size_t n = 0;
        flux_future_t *f;
        struct blobref ref;

        while (n < len && key[n] != '.')
            n++;
        o = treeobj_get (treeobj_dir_find (dir, key, n));
        treeobj_put (dir);
        dir = NULL;
        if (n == len || !o)
            return o;
        if (treeobj_type (o) == TREEOBJ_DIRREF && treeobj_ref_at (o, 0, &ref) == 0) {
            treeio_finish (&c->io); /* it may have been changed just now */
            f = treeio_load (&c->io, &ref);
            dir = treeio_dir (&c->io, f, &ref);
            flux_future_destroy (f);
        }
        treeobj_put (o);
        key += n + 1;
        len -= n + 1;
    }
    return NULL;
}

/* All of a damaged job, which is good by now, goes to the same place. */
static void move_job (struct fsck *c, struct treeobj **root, const char *key, size_t len)
{
    struct treeobj *o = find (c, *root, key, len);
    char *job = cmd_strndup (key, len);

    if (o) {
        edit (c, root, job, NULL);
        file_away (c, root, job, len, o);
    }
    treeobj_put (o);
    free (job);
}

/* In place, whole jobs are moved after that; else what remains is filed away. */
static void repair_one (struct fsck *c, struct treeobj **root, struct bad *b)
{
    if (c->job_aware && job_prefix (b->key)) {
        edit (c, root, b->key, b->rest);
        return;
    }
    edit (c, root, b->key, NULL);
    if (b->rest)
        file_away (c, root, b->key, strlen (b->key), b->rest);
    else if (!c->quiet)
        cmd_warn ("%s unlinked", b->key);
}

static void repair (struct fsck *c, struct checkpoint *cp)
{
    flux_future_t *f = treeio_load (&c->io, &cp->root);
    struct treeobj *root = treeio_dir (&c->io, f, &cp->root), *ref;
    size_t len;

    if (!root)
        cmd_die ("the root itself cannot be read: nothing can be repaired");
    for (size_t i = 0; i < c->nbad; i++) {
        treeio_finish (&c->io);
        repair_one (c, &root, &c->bad[i]);
    }
    for (size_t i = 0; c->job_aware && i < c->nbad; i++) {
        treeio_finish (&c->io);
        if ((len = job_prefix (c->bad[i].key)) > 0)
            move_job (c, &root, c->bad[i].key, len);
    }
    ref = treeio_store_dir (&c->io, root);
    treeobj_ref_at (ref, 0, &cp->root);
    cp->seq++;
    cp->time = flux_reactor_time ();
    treeio_put_checkpoint (&c->io, cp);
    if (!c->quiet)
        cmd_warn ("Updated primary checkpoint to include lost+found");
    treeobj_put (ref);
    treeobj_put (root);
    flux_future_destroy (f);
}

int fsck_main (int argc, char **argv)
{
    struct fsck c = { .verbose = false };
    struct checkpoint *cps = NULL, cp = { .seq = 0 };

    if (opt_parse (&table, argc, argv, set, &c) < argc)
        opt_usage (&table);
    treeio_open (&c.io, true, MAXREQS);
    if (c.repair && treeio_kvs_loaded (&c.io))
        cmd_die ("please unload kvs module before using --repair");
    if (!c.rootref || c.repair) {
        treeio_checkpoints (&c.io, &cps);
        cp = cps[0];
    }
    if (c.rootref) {
        treeio_parse_ref (c.rootref, &cp.root);
        treeio_save (&c.io); /* it may be a root of now */
    }
    check (&c, &cp);
    if (c.repair && c.nbad > 0)
        repair (&c, &cp);
    for (size_t i = 0; i < c.nbad; i++) {
        free (c.bad[i].key);
        treeobj_put (c.bad[i].rest);
    }
    free (c.bad);
    free (cps);
    treeio_close (&c.io);
    return c.errors > 0;
}
