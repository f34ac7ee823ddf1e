/* restore.c - flux restore: an archive becomes a tree of the KVS.
 *
 * Values are stored while the archive is read, directories when all of it was:
 * an archive that ends too early, or this program, changes nothing that anybody
 * can see.
 */

#include "config.h"
#include <archive.h>
#include <archive_entry.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "common/table.h"
#include "common/utf8.h"
#include "dump.h"
#include "treeio.h"

#define INLINE_MAX 71 /* bytes: larger values are blobs */
#define MAXREQS 256
#define MAXREQS_MAX 10000
#define DEPTH_MAX 5000
#define BLOB_MAX 1073741824

enum { CHECKPOINT = 256, KEY, NO_CACHE, SIZE_LIMIT, MAX_REQS, SD_NOTIFY };

/* A name in a directory: a directory itself, or what obj is. */
struct node {
    struct table kids; /* by name */
    struct treeobj *obj;
    size_t len;
    char name[];
};

struct restore {
    struct treeio io;
    struct tell tell;
    bool checkpoint;
    const char *key;
    bool no_cache;
    long long size_limit; /* 0: none */
    long long maxreqs;
    const char *infile;
    struct archive *ar;
    struct node *root;
    double newest; /* mtime */
};

static const struct opt opts[] = {
    { 'v', "verbose", OPT_NONE, NULL, "print the path of each file" },
    { 'q', "quiet", OPT_NONE, NULL, "print no progress" },
    { CHECKPOINT, "checkpoint", OPT_NONE, NULL,
      "to a checkpoint: the kvs must not be loaded" },
    { KEY, "key", OPT_REQUIRED, "KEY", "to this key" },
    { NO_CACHE, "no-cache", OPT_NONE, NULL, "write to the backing store directly" },
    { SIZE_LIMIT, "size-limit", OPT_REQUIRED, "SIZE",
      "skip larger files (1000, 10k, 2M, 1G)" },
    { MAX_REQS, "maxreqs", OPT_REQUIRED, "N", "requests on their way at once (256)" },
    { SD_NOTIFY, "sd-notify", OPT_NONE, NULL, "tell systemd of progress" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-restore",
    .usage = "[OPTIONS] (--checkpoint | --key=KEY) INFILE",
    .summary = "Read an archive, or one on standard input (-), into the KVS.",
    .example = "flux restore --key=backup backup.tgz",
    .opts = opts,
};

static long long parse_size (const char *arg)
{
    static const char units[] = "kMGT";
    char *end;
    double n = strtod (arg, &end);
    const char *unit = *end ? strchr (units, *end == 'K' ? 'k' : *end) : NULL;

    if (unit) {
        for (const char *u = units; u <= unit; u++)
            n *= 1024;
        end++;
    }
    if (end == arg || *end || !(n >= 1) || n >= (double)LLONG_MAX)
        opt_error (&table, "--size-limit: '%s' is not a size", arg);
    return n;
}

static void set (int key, const char *arg, void *data)
{
    struct restore *r = data;

    switch (key) {
        case 'v':
            r->tell.verbose = true;
            break;
        case 'q':
            r->tell.quiet = true;
            break;
        case CHECKPOINT:
            r->checkpoint = true;
            break;
        case KEY:
            r->key = arg;
            break;
        case NO_CACHE:
            r->no_cache = true;
            break;
        case SIZE_LIMIT:
            r->size_limit = parse_size (arg);
            break;
        case MAX_REQS:
            r->maxreqs = opt_number (&table, "maxreqs", arg, 1, MAXREQS_MAX);
            break;
        case SD_NOTIFY:
            r->tell.sd_notify = true;
            break;
    }
}

/* ---- the tree ---- */

static struct node *node_new (const char *name, size_t len)
{
    struct node *n = calloc (1, sizeof (*n) + len + 1);

    if (!n)
        cmd_die ("out of memory");
    table_init (&n->kids);
    memcpy (n->name, name, len);
    n->len = len;
    return n;
}

static struct node *node_sub (struct node *n, const char *name, size_t len)
{
    struct node *kid = table_get (&n->kids, name, len);

    treeobj_put (n->obj); /* a file that becomes a directory: the later counts */
    n->obj = NULL;
    if (!kid) {
        kid = node_new (name, len);
        if (table_put (&n->kids, kid->name, len, kid) < 0)
            cmd_die ("out of memory");
    }
    return kid;
}

static void free_kids (struct node *n)
{
    size_t pos = 0;
    struct node *kid;

    while ((kid = table_next (&n->kids, &pos))) {
        free_kids (kid);
        treeobj_put (kid->obj);
        free (kid);
    }
    table_fini (&n->kids);
    table_init (&n->kids);
}

/* The node of a path, made if need be: both / and . part its components, and
 * empty ones do not count.  NULL if there is no component, or too many.
 */
static struct node *node_at (struct node *n, const char *path)
{
    int depth = 0;

    while (*path) {
        size_t len = strcspn (path, "/.");

        if (len > 0) {
            if (++depth > DEPTH_MAX)
                return NULL;
            n = node_sub (n, path, len);
        }
        path += len + (path[len] != '\0');
    }
    return depth > 0 ? n : NULL;
}

static void put (struct restore *r, const char *path, struct treeobj *obj)
{
    struct node *n = node_at (r->root, path);

    if (!n) {
        cmd_warn ("%s cannot be a key, skipping", path);
        treeobj_put (obj);
        return;
    }
    free_kids (n);
    treeobj_put (n->obj);
    n->obj = obj;
    tell_key (&r->tell);
}

/* Store a directory with all below it. */
static struct treeobj *seal (struct restore *r, struct node *n)
{
    struct treeobj *dir, *ref;
    struct node *kid;
    size_t pos = 0;

    if (treeobj_dir_new (&dir) < 0)
        cmd_die ("out of memory");
    while ((kid = table_next (&n->kids, &pos))) {
        struct treeobj *o = kid->obj ? treeobj_get (kid->obj) : seal (r, kid);

        if (treeobj_dir_set (&dir, kid->name, kid->len, o) < 0)
            cmd_die ("out of memory");
        treeobj_put (o);
    }
    ref = treeio_store_dir (&r->io, dir);
    r->tell.blobs++;
    treeobj_put (dir);
    return ref;
}

/* ---- the archive ---- */

_noreturn_ static void archive_die (struct restore *r)
{
    const char *s = archive_error_string (r->ar);

    cmd_die ("%s: %s", r->infile, s ? s : "cannot be read");
}

static void archive_open (struct restore *r)
{
    const char *file = strcmp (r->infile, "-") == 0 ? NULL : r->infile;

    if (!(r->ar = archive_read_new ()))
        cmd_die ("out of memory");
    /* Not all formats: one of them names files to be read. */
    if (archive_read_support_format_tar (r->ar) < ARCHIVE_WARN
        || archive_read_support_format_cpio (r->ar) < ARCHIVE_WARN
        || archive_read_support_format_zip (r->ar) < ARCHIVE_WARN
        || archive_read_support_format_7zip (r->ar) < ARCHIVE_WARN
        || archive_read_support_format_iso9660 (r->ar) < ARCHIVE_WARN
        || archive_read_support_format_empty (r->ar) < ARCHIVE_WARN
        || archive_read_support_filter_all (r->ar) < ARCHIVE_WARN
        || archive_read_open_filename (r->ar, file, 65536) != ARCHIVE_OK)
        archive_die (r);
}

/* All data of an entry; where the archive says how long it is, it is that long. */
static void read_data (struct restore *r, struct text *t)
{
    char buf[65536];
    ssize_t n;

    while ((n = archive_read_data (r->ar, buf, sizeof (buf))) > 0) {
        text_put (t, buf, n);
        if (t->len > BLOB_MAX)
            cmd_die ("%s: has a file larger than a blob can be", r->infile);
    }
    if (n < 0)
        archive_die (r);
    text_put (t, "", 0);
    if (text_error (t))
        cmd_die ("%s: out of memory", r->infile);
}

static void restore_file (struct restore *r, const char *path, struct archive_entry *e)
{
    struct text t = TEXT_INIT;
    struct treeobj *o;
    struct blobref ref;
    int64_t size = archive_entry_size (e);
    int n;

    if (r->size_limit > 0 && size > r->size_limit) {
        cmd_warn ("%s size %jd exceeds %lld limit, skipping", path, (intmax_t)size,
                  r->size_limit);
        return;
    }
    read_data (r, &t);
    if (t.len <= INLINE_MAX)
        n = treeobj_val_new (t.buf, t.len, &o);
    else {
        treeio_store (&r->io, t.buf, t.len, &ref);
        r->tell.blobs++;
        n = treeobj_valref_new (&ref, 1, &o);
    }
    text_fini (&t);
    if (n < 0)
        cmd_die ("out of memory");
    put (r, path, o);
}

static void restore_symlink (struct restore *r, const char *path, struct archive_entry *e)
{
    const char *target = archive_entry_symlink (e);
    const char *colons;
    struct treeobj *o;
    char *ns = NULL;

    if (!target) {
        cmd_warn ("%s: a link to nowhere, skipping", path);
        return;
    }
    if ((colons = strstr (target, "::"))) {
        ns = cmd_strndup (target, colons - target);
        target = colons + 2;
    }
    if (!utf8_valid (target, strlen (target)) || treeobj_symlink_new (ns, target, &o) < 0)
        cmd_die ("%s: malformed link", path);
    free (ns);
    put (r, path, o);
}

/* Another name of a file that came before. */
static void
restore_hardlink (struct restore *r, const char *path, struct archive_entry *e)
{
    struct node *n = node_at (r->root, archive_entry_hardlink (e));

    if (n && n->obj)
        put (r, path, treeobj_get (n->obj));
    else
        cmd_warn ("%s: a link to a file that is not in the archive, skipping", path);
}

static void restore_entry (struct restore *r, struct archive_entry *e)
{
    const char *path = archive_entry_pathname (e);

    if (!path)
        cmd_die ("%s: an entry has no path", r->infile);
    if (archive_entry_mtime (e) > r->newest)
        r->newest = archive_entry_mtime (e);
    if (archive_entry_filetype (e) == AE_IFDIR)
        return;
    tell_path (&r->tell, path);
    if (!utf8_valid (path, strlen (path)))
        cmd_warn ("%s cannot be a key, skipping", path);
    else if (archive_entry_hardlink (e))
        restore_hardlink (r, path, e);
    else if (archive_entry_filetype (e) == AE_IFREG)
        restore_file (r, path, e);
    else if (archive_entry_filetype (e) == AE_IFLNK)
        restore_symlink (r, path, e);
    else
        cmd_warn ("%s: neither a file nor a link, skipping", path);
}

/* A tar archive ends with a mark, which libarchive reads if it is there and does not
 * miss if not: what was cut between two entries would look whole.
 */
static bool is_cut (struct restore *r, int64_t end_of_entries)
{
    return (archive_format (r->ar) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR
           && archive_filter_bytes (r->ar, 0) == end_of_entries;
}

static void read_archive (struct restore *r)
{
    struct archive_entry *e;
    int64_t end = 0; /* of the entries so far */
    int n;

    archive_open (r);
    while ((n = archive_read_next_header (r->ar, &e)) == ARCHIVE_OK
           || n == ARCHIVE_WARN) {
        restore_entry (r, e);
        if (archive_read_data_skip (r->ar) < ARCHIVE_WARN)
            archive_die (r);
        end = archive_filter_bytes (r->ar, 0);
    }
    if (n != ARCHIVE_EOF)
        archive_die (r);
    if (archive_format (r->ar) == ARCHIVE_FORMAT_EMPTY)
        cmd_die ("%s: is empty, not an archive", r->infile);
    if (is_cut (r, end))
        cmd_die ("%s: ends without the mark of its end: the rest is missing", r->infile);
    archive_read_free (r->ar);
}

/* ---- the target ---- */

static void commit_key (struct restore *r, struct treeobj *dirref)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    char *text = treeobj_text (dirref);
    flux_future_t *f;

    if (!txn || !text)
        cmd_die ("out of memory");
    if (flux_kvs_txn_put_treeobj (txn, 0, r->key, text) < 0)
        cmd_die ("%s: %s", r->key, flux_strerror (errno));
    f = flux_kvs_commit (r->io.h, NULL, 0, txn);
    flux_kvs_txn_destroy (txn);
    free (text);
    if (!f || flux_future_get (f, NULL) < 0)
        cmd_die ("error updating %s: %s", r->key,
                 f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
}

static void write_target (struct restore *r, struct treeobj *dirref)
{
    struct checkpoint cp = { .seq = 0, .time = r->newest };

    treeio_finish (&r->io);
    if (!r->no_cache)
        treeio_save (&r->io);
    if (r->key)
        commit_key (r, dirref);
    else if (treeobj_ref_at (dirref, 0, &cp.root) == 0)
        treeio_put_checkpoint (&r->io, &cp);
}

int restore_main (int argc, char **argv)
{
    struct restore r = { .tell = { .what = "restored" }, .maxreqs = MAXREQS };
    int i = opt_parse (&table, argc, argv, set, &r);
    struct treeobj *dirref;

    if (argc - i != 1)
        opt_usage (&table);
    if (!r.checkpoint == !r.key)
        cmd_die ("Please specify a restore target with --checkpoint or --key");
    r.infile = argv[i];
    r.root = node_new ("", 0);
    treeio_open (&r.io, r.no_cache, r.maxreqs);
    if (r.checkpoint && treeio_kvs_loaded (&r.io))
        cmd_die ("please unload kvs module before using --checkpoint");
    if (!r.no_cache)
        treeio_flush (&r.io); /* a store that cannot take more says so now */
    read_archive (&r);
    dirref = seal (&r, r.root);
    write_target (&r, dirref);
    tell_end (&r.tell);
    treeobj_put (dirref);
    free_kids (r.root);
    free (r.root);
    treeio_close (&r.io);
    return 0;
}
