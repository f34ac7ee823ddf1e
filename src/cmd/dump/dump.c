/* dump.c - flux dump: a tree of the KVS as an archive.
 *
 * The archive appears under its name when it is complete: until then it is a
 * file beside it, which goes if the dump fails.
 */

#include "config.h"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "dump.h"
#include "treeio.h"

#define KEEP (64 * 1024 * 1024) /* bytes of a value that are not loaded twice */
#define MAXREQS 2
#define MAXREQS_MAX 10000

enum { CHECKPOINT = 256, NO_CACHE, IGNORE_FAILED, MAX_REQS, SD_NOTIFY };

struct dump {
    struct treeio io;
    struct tell tell;
    bool checkpoint;
    bool no_cache;
    bool ignore_failed;
    long long maxreqs;
    struct archive *ar;
    time_t mtime; /* of values that are blobs */
    const char *outfile;
    char *tmp; /* removed if the dump fails */
};

static const struct opt opts[] = {
    { 'v', "verbose", OPT_NONE, NULL, "print the path of each key" },
    { 'q', "quiet", OPT_NONE, NULL, "print no progress" },
    { CHECKPOINT, "checkpoint", OPT_NONE, NULL,
      "of the newest checkpoint, not the current root" },
    { NO_CACHE, "no-cache", OPT_NONE, NULL, "read from the backing store directly" },
    { IGNORE_FAILED, "ignore-failed-read", OPT_NONE, NULL,
      "leave out what cannot be read" },
    { MAX_REQS, "maxreqs", OPT_REQUIRED, "N", "requests on their way at once (2)" },
    { SD_NOTIFY, "sd-notify", OPT_NONE, NULL, "tell systemd of progress" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-dump",
    .usage = "[OPTIONS] OUTFILE",
    .summary =
        "Write the KVS to an archive: its kind is that of the name; - is pax on stdout.",
    .example = "flux dump backup.tgz",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct dump *d = data;

    switch (key) {
        case 'v':
            d->tell.verbose = true;
            break;
        case 'q':
            d->tell.quiet = true;
            break;
        case CHECKPOINT:
            d->checkpoint = true;
            break;
        case NO_CACHE:
            d->no_cache = true;
            break;
        case IGNORE_FAILED:
            d->ignore_failed = true;
            break;
        case MAX_REQS:
            d->maxreqs = opt_number (&table, "maxreqs", arg, 1, MAXREQS_MAX);
            break;
        case SD_NOTIFY:
            d->tell.sd_notify = true;
            break;
    }
}

/* ---- the archive ---- */

static char *unfinished; /* removed at exit */

static void remove_unfinished (void)
{
    if (unfinished)
        unlink (unfinished);
}

_noreturn_ static void archive_die (struct dump *d)
{
    const char *s = archive_error_string (d->ar);
    int errnum = archive_errno (d->ar); /* of the system, or negative */

    cmd_die ("%s: %s%s%s", d->outfile, s ? s : "cannot be written",
             errnum > 0 ? ": " : "", errnum > 0 ? strerror (errnum) : "");
}

static void archive_open (struct dump *d)
{
    bool to_stdout = strcmp (d->outfile, "-") == 0;
    int fd = STDOUT_FILENO;

    if (!(d->ar = archive_write_new ()))
        cmd_die ("out of memory");
    if (to_stdout) {
        if (archive_write_set_format_pax (d->ar) != ARCHIVE_OK)
            archive_die (d);
    }
    else if (archive_write_set_format_filter_by_ext (d->ar, d->outfile) != ARCHIVE_OK)
        cmd_die ("%s: no known kind of archive has a name like this", d->outfile);
    if (!to_stdout) {
        if (asprintf (&d->tmp, "%s.XXXXXX", d->outfile) < 0)
            cmd_die ("out of memory");
        if ((fd = mkostemp (d->tmp, O_CLOEXEC)) < 0)
            cmd_die ("%s: %s", d->tmp, strerror (errno));
        fchmod (fd, 0600); /* it has what only the owner may read */
        unfinished = d->tmp;
        atexit (remove_unfinished);
    }
    if (archive_write_set_bytes_in_last_block (d->ar, 1) != ARCHIVE_OK
        || archive_write_open_fd (d->ar, fd) != ARCHIVE_OK)
        archive_die (d);
}

static void archive_finish (struct dump *d)
{
    int fd;

    if (archive_write_close (d->ar) != ARCHIVE_OK)
        archive_die (d);
    archive_write_free (d->ar);
    if (!d->tmp)
        return;
    if ((fd = open (d->tmp, O_RDONLY | O_CLOEXEC)) < 0 || fsync (fd) < 0
        || rename (d->tmp, d->outfile) < 0)
        cmd_die ("%s: %s", d->outfile, strerror (errno));
    close (fd);
    unfinished = NULL;
    free (d->tmp);
}

static struct archive_entry *entry_new (const char *path, mode_t mode, time_t mtime)
{
    struct archive_entry *e = archive_entry_new ();

    if (!e)
        cmd_die ("out of memory");
    archive_entry_set_pathname (e, path);
    archive_entry_set_filetype (e, mode & S_IFMT);
    archive_entry_set_perm (e, mode & 07777);
    archive_entry_set_mtime (e, mtime, 0);
    return e;
}

static void entry_begin (struct dump *d, struct archive_entry *e)
{
    if (archive_write_header (d->ar, e) < ARCHIVE_WARN)
        archive_die (d);
    archive_entry_free (e);
}

static void write_data (struct dump *d, const void *data, size_t len)
{
    if (len > 0 && archive_write_data (d->ar, data, len) != (ssize_t)len)
        archive_die (d);
}

/* ---- values ---- */

static void dump_val (struct dump *d, const char *path, const struct treeobj *o)
{
    struct archive_entry *e;
    void *data;
    size_t len;

    if (treeobj_val_decode (o, &data, &len) < 0) { /* the kvs takes what is short unseen */
        cmd_warn ("%s: the value is not base64", path);
        if (!d->ignore_failed)
            exit (1);
        return;
    }
    e = entry_new (path, S_IFREG | 0644, 0);
    archive_entry_set_size (e, len);
    entry_begin (d, e);
    write_data (d, data, len);
    free (data);
}

static void dump_symlink (struct dump *d, const char *path, const struct treeobj *o)
{
    struct archive_entry *e = entry_new (path, S_IFLNK | 0777, 0);
    const char *ns = treeobj_symlink_namespace (o);
    char *target;

    if (asprintf (&target, "%s%s%s", ns ? ns : "", ns ? "::" : "",
                  treeobj_symlink_target (o))
        < 0)
        cmd_die ("out of memory");
    archive_entry_set_symlink (e, target);
    archive_entry_set_size (e, 0); /* cpio wants to know */
    entry_begin (d, e);
    free (target);
}

/* The blobs of a value: an archive wants to know the size before the data, so
 * all are loaded; what is not kept meanwhile is loaded once more.
 */
struct pieces {
    struct blobref *refs;
    flux_future_t **f; /* on their way, or kept */
    size_t n, sent;
    size_t size;
};

static flux_future_t *piece (struct dump *d, struct pieces *p, size_t i)
{
    while (p->sent < p->n && p->sent < i + d->maxreqs) {
        if (!p->f[p->sent])
            p->f[p->sent] = treeio_load (&d->io, &p->refs[p->sent]);
        p->sent++;
    }
    return p->f[i];
}

static void drop (struct pieces *p, size_t i)
{
    flux_future_destroy (p->f[i]);
    p->f[i] = NULL;
}

/* Returns -1 if the value is to be left out. */
static int measure (struct dump *d, const char *path, struct pieces *p)
{
    const void *data;
    size_t len;

    for (size_t i = 0; i < p->n; i++) {
        if (treeio_get (&d->io, piece (d, p, i), &p->refs[i], &data, &len) < 0) {
            cmd_warn ("%s: missing blobref %zu: %s", path, i,
                      treeio_error (p->f[i], errno));
            if (!d->ignore_failed)
                exit (1);
            return -1;
        }
        p->size += len;
        if (p->size > KEEP)
            drop (p, i);
    }
    return 0;
}

static void write_pieces (struct dump *d, const char *path, struct pieces *p)
{
    const void *data;
    size_t len;

    p->sent = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (treeio_get (&d->io, piece (d, p, i), &p->refs[i], &data, &len) < 0)
            cmd_die ("%s: missing blobref %zu: %s", path, i,
                     treeio_error (p->f[i], errno));
        write_data (d, data, len);
        drop (p, i);
    }
}

static void dump_valref (struct dump *d,
                         const char *path,
                         const struct treeobj *o,
                         flux_future_t *first)
{
    struct pieces p = { .n = treeobj_ref_count (o) };
    struct archive_entry *e;
    size_t pos = 0;

    p.refs = calloc (p.n, sizeof (p.refs[0]));
    p.f = calloc (p.n, sizeof (p.f[0]));
    if (!p.refs || !p.f)
        cmd_die ("out of memory");
    for (size_t i = 0; i < p.n; i++)
        treeobj_ref_next (o, &pos, &p.refs[i]);
    flux_future_incref (first); /* the walk's */
    p.f[0] = first;
    if (measure (d, path, &p) == 0) {
        e = entry_new (path, S_IFREG | 0644, d->mtime);
        archive_entry_set_size (e, p.size);
        entry_begin (d, e);
        write_pieces (d, path, &p);
        tell_key (&d->tell);
    }
    for (size_t i = 0; i < p.n; i++)
        drop (&p, i);
    free (p.f);
    free (p.refs);
}

static bool
dump_value (const char *path, const struct treeobj *o, flux_future_t *f, void *arg)
{
    struct dump *d = arg;

    tell_path (&d->tell, path);
    switch (treeobj_type (o)) {
        case TREEOBJ_VALREF:
            dump_valref (d, path, o, f);
            return true;
        case TREEOBJ_SYMLINK:
            dump_symlink (d, path, o);
            break;
        default:
            dump_val (d, path, o);
    }
    tell_key (&d->tell);
    return true;
}

static void bad_dir (const char *path, int errnum, void *arg)
{
    struct dump *d = arg;

    cmd_warn ("%s: %s: %s", path,
              errnum == EINVAL ? "bad directory" : "missing dirref blobref",
              flux_strerror (errnum));
    if (!d->ignore_failed)
        exit (1);
}

/* ---- the whole ---- */

static void find_root (struct dump *d, struct blobref *root)
{
    struct checkpoint *cp;
    int64_t seq;

    d->mtime = time (NULL);
    if (d->checkpoint) {
        treeio_checkpoints (&d->io, &cp);
        *root = cp[0].root;
        d->mtime = cp[0].time;
        free (cp);
        return;
    }
    if (treeio_root (&d->io, "primary", root, &seq) < 0)
        cmd_die ("error getting the root of the KVS: %s", flux_strerror (errno));
    if (d->no_cache)
        treeio_save (&d->io);
}

int dump_main (int argc, char **argv)
{
    static const struct walk_ops ops = {
        .separator = '/',
        .blobs = true,
        .value = dump_value,
        .bad_dir = bad_dir,
    };
    struct dump d = { .tell = { .what = "archived" }, .maxreqs = MAXREQS };
    int i = opt_parse (&table, argc, argv, set, &d);
    struct blobref root;

    if (argc - i != 1)
        opt_usage (&table);
    d.outfile = argv[i];
    treeio_open (&d.io, d.no_cache, d.maxreqs);
    find_root (&d, &root);
    archive_open (&d);
    treeio_walk (&d.io, &root, &ops, &d);
    archive_finish (&d);
    tell_end (&d.tell);
    treeio_close (&d.io);
    return 0;
}
