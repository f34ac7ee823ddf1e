/* kvs_put.c - flux kvs put, unlink, link, mkdir, copy, move, sync: all that
 * commits.  Each is one transaction.
 */

#include "config.h"
#include <stdio.h>

#include "cmd.h"
#include "common/kvsops.h"
#include "common/text.h"
#include "common/treeobj.h"
#include "common/utf8.h"
#include "kvs.h"
#include "kvs_cond.h"

struct put {
    const char *ns;
    bool print_treeobj;
    bool print_blobref;
    bool print_sequence;
    bool raw;
    bool treeobj;
    bool append;
    bool recursive;
    bool force;
    const char *target_ns;
    const char *src_ns;
    const char *dst_ns;
    int commit_flags;
    const struct opt_table *table; /* whose options they are */
    struct kvs_conds conds;
};

#define COMMIT_OPTS                                                                  \
    { 'N', "namespace", OPT_REQUIRED, "NAME", "KVS namespace" },                     \
        { 'O', "treeobj-root", OPT_NONE, NULL, "print the new root's tree object" }, \
        { 'b', "blobref", OPT_NONE, NULL, "print the new root's blobref" },          \
    {                                                                                \
        's', "sequence", OPT_NONE, NULL, "print the new root's sequence number"      \
    }

static void set (int key, const char *arg, void *data)
{
    struct put *p = data;

    if (kvs_conds_set (&p->conds, p->table, key, arg))
        return;
    switch (key) {
        case 'N':
            p->ns = arg;
            break;
        case 'O':
            p->print_treeobj = true;
            break;
        case 'b':
            p->print_blobref = true;
            break;
        case 's':
            p->print_sequence = true;
            break;
        case 'r':
            p->raw = true;
            break;
        case 't':
            p->treeobj = true;
            break;
        case 'A':
            p->append = true;
            break;
        case 'n':
            p->commit_flags |= FLUX_KVS_NO_MERGE;
            break;
        case 'R':
            p->recursive = true;
            break;
        case 'f':
            p->force = true;
            break;
        case 'T':
            p->target_ns = arg;
            break;
        case 'D':
            p->dst_ns = arg;
            break;
        case 'S': /* put's has no argument */
            p->src_ns = arg;
            if (!arg)
                p->commit_flags |= FLUX_KVS_SYNC;
            break;
    }
}

/* A transaction on its way. */
struct txn {
    struct kvsops ops;
    char **keys; /* what options without a key of their own are about */
    size_t nkeys;
};

static void check_key (const char *what, const char *key)
{
    if (!*key || !utf8_valid (key, strlen (key)))
        cmd_die ("%s'%s': %s", what, key, flux_strerror (EINVAL));
}

static char *commit_request (flux_t *h, const struct put *p, const struct txn *txn)
{
    struct kvsops ops = KVSOPS_INIT;
    char *payload;

    kvs_conds_write (&p->conds, h, p->ns, txn->nkeys, txn->keys, &ops);
    kvsops_concat (&ops, &txn->ops);
    if (!(payload = kvsops_finish (&ops, kvs_ns_name (p->ns), p->commit_flags)))
        cmd_die ("out of memory");
    return payload;
}

_noreturn_ static void commit_failed (const struct put *p, flux_future_t *f)
{
    if (!f)
        kvs_die ("flux_kvs_commit", NULL);
    if (errno == KVSOPS_ECONDITION && p->conds.count > 0) {
        cmd_warn ("%s", cmd_future_error (f));
        exit (KVS_EXIT_CONDITION);
    }
    if (errno == EPROTO && p->conds.count > 0)
        cmd_die ("the kvs module of this instance does not know conditions");
    kvs_die ("flux_kvs_commit", f);
}

/* When it was refused: a value that was looked up may be kept as another object
 * by now.  Look again; only if that makes another request is it worth a try.
 */
static bool
look_again (flux_t *h, const struct put *p, const struct txn *txn, char **payload)
{
    char *again;
    bool other;

    if (errno != KVSOPS_ECONDITION || !kvs_conds_looked_up (&p->conds))
        return false;
    again = commit_request (h, p, txn);
    other = strcmp (again, *payload) != 0;
    free (*payload);
    *payload = again;
    errno = KVSOPS_ECONDITION;
    return other;
}

/* Commit, wait, and print what was asked for. */
static void commit (flux_t *h, struct put *p, struct txn *txn)
{
    char *payload = commit_request (h, p, txn);
    flux_future_t *f;
    const char *ref;
    int seq;

    while (!(f = flux_rpc (h, "kvs.commit", payload, FLUX_NODEID_ANY, 0))
           || flux_rpc_get_unpack (f, "{s:s s:i}", "rootref", &ref, "rootseq", &seq)
                  < 0) {
        if (!f || !look_again (h, p, txn, &payload))
            commit_failed (p, f);
        flux_future_destroy (f);
    }
    free (payload);
    if (p->print_treeobj)
        printf ("{\"data\":[\"%s\"],\"type\":\"dirref\",\"ver\":1}\n", ref);
    else if (p->print_blobref)
        printf ("%s\n", ref);
    else if (p->print_sequence)
        printf ("%d\n", seq);
    flux_future_destroy (f);
    kvsops_fini (&txn->ops);
    kvs_conds_fini (&p->conds);
}

/* -- put -- */

static const struct opt put_opts[] = {
    COMMIT_OPTS,
    KVS_COND_OPTS,
    { 'r', "raw", OPT_NONE, NULL, "VALUE - is all of standard input" },
    { 't', "treeobj", OPT_NONE, NULL, "VALUE is a tree object (RFC 11)" },
    { 'n', "no-merge", OPT_NONE, NULL, "do not merge with other commits" },
    { 'A', "append", OPT_NONE, NULL, "append to the value" },
    { 'S', "sync", OPT_NONE, NULL, "wait until it is on disk" },
    OPT_END,
};

static const struct opt_table put_table = {
    .prog = "flux-kvs put",
    .usage = "[OPTIONS] KEY=VALUE...",
    .summary = "Set values, all in one transaction.",
    .example = "flux kvs put a.b=42 c=x",
    .opts = put_opts,
};

/* Standard input can be read once; a second "-" gets nothing. */
static void read_stdin (struct text *t)
{
    char buf[65536];
    size_t n;

    while ((n = fread (buf, 1, sizeof (buf), stdin)) > 0)
        text_put (t, buf, n);
    if (ferror (stdin))
        cmd_die ("stdin: %s", strerror (errno));
    text_put (t, "", 0);
    if (text_error (t) < 0)
        cmd_die ("out of memory");
}

static void put_treeobj (struct txn *txn, const char *key, const struct text *t)
{
    struct treeobj *o;
    char *text;

    if (treeobj_parse (t->buf, t->len, &o) < 0)
        cmd_die ("%s: %s", key, flux_strerror (EPROTO));
    if (!(text = treeobj_text (o)))
        cmd_die ("out of memory");
    kvsops_put_treeobj (&txn->ops, key, text);
    free (text);
    treeobj_put (o);
}

/* The key is one of the transaction's. */
static void put_one (struct put *p, struct txn *txn, const char *arg)
{
    const char *eq = strchr (arg, '=');
    struct text t = TEXT_INIT;
    char *key;

    if (!eq)
        cmd_die ("put: you must specify a value as key=value");
    key = txn->keys[txn->nkeys++] = cmd_strndup (arg, eq - arg);
    check_key ("", key);
    if ((p->raw || p->treeobj) && strcmp (eq + 1, "-") == 0)
        read_stdin (&t);
    else
        text_puts (&t, eq + 1);
    if (p->treeobj)
        put_treeobj (txn, key, &t);
    else if (p->append)
        kvsops_append (&txn->ops, key, t.buf, t.len);
    else
        kvsops_put (&txn->ops, key, t.buf, t.len);
    text_fini (&t);
}

int kvs_put (int argc, char **argv)
{
    struct put p = { .table = &put_table };
    int i = opt_parse (&put_table, argc, argv, set, &p);
    struct txn txn = { KVSOPS_INIT, argv + i, 0 };
    flux_t *h;

    if (i == argc)
        opt_usage (&put_table);
    for (; i < argc; i++)
        put_one (&p, &txn, argv[i]);
    h = cmd_open ();
    commit (h, &p, &txn);
    while (txn.nkeys > 0)
        free (txn.keys[--txn.nkeys]);
    flux_close (h);
    return 0;
}

/* -- unlink -- */

static const struct opt unlink_opts[] = {
    COMMIT_OPTS,
    KVS_COND_OPTS,
    { 'R', "recursive", OPT_NONE, NULL, "directories with all that is in them" },
    { 'f', "force", OPT_NONE, NULL, "a key that does not exist is no error" },
    OPT_END,
};

static const struct opt_table unlink_table = {
    .prog = "flux-kvs unlink",
    .usage = "[OPTIONS] KEY...",
    .summary = "Remove keys, all in one transaction.",
    .opts = unlink_opts,
};

/* Returns true if the key is there and may go.  A directory may if it is
 * empty or -R is given.
 */
static bool may_unlink (flux_t *h, const struct put *p, const char *key)
{
    flux_future_t *f =
        flux_kvs_lookup (h, p->ns, FLUX_KVS_READDIR | FLUX_KVS_TREEOBJ, key);
    const flux_kvsdir_t *dir;
    flux_future_t *f2;
    bool there = true;

    if (!f || flux_future_get (f, NULL) < 0) {
        there = false;
        if (!f || errno != ENOENT || !p->force)
            cmd_die ("cannot unlink '%s': %s", key,
                     f ? cmd_future_error (f) : flux_strerror (errno));
    }
    flux_future_destroy (f);
    if (!there || p->recursive)
        return there;
    f2 = flux_kvs_lookup (h, p->ns, FLUX_KVS_READLINK, key);
    if (f2 && flux_future_get (f2, NULL) == 0) { /* a link itself, not what it names */
        flux_future_destroy (f2);
        return true;
    }
    flux_future_destroy (f2);
    f = flux_kvs_lookup (h, p->ns, FLUX_KVS_READDIR, key);
    if (f && flux_kvs_lookup_get_dir (f, &dir) == 0 && flux_kvsdir_get_size (dir) > 0)
        cmd_die ("cannot unlink '%s': %s", key, flux_strerror (ENOTEMPTY));
    flux_future_destroy (f);
    return true;
}

int kvs_unlink (int argc, char **argv)
{
    struct put p = { .table = &unlink_table };
    int i = opt_parse (&unlink_table, argc, argv, set, &p);
    struct txn txn = { KVSOPS_INIT, argv + i, argc - i };
    flux_t *h;

    if (i == argc)
        opt_usage (&unlink_table);
    h = cmd_open ();
    for (; i < argc; i++) {
        check_key ("cannot unlink ", argv[i]);
        if (may_unlink (h, &p, argv[i]))
            kvsops_unlink (&txn.ops, argv[i]);
    }
    commit (h, &p, &txn);
    flux_close (h);
    return 0;
}

/* -- link, mkdir -- */

static const struct opt link_opts[] = {
    COMMIT_OPTS,
    KVS_COND_OPTS,
    { 'T', "target-namespace", OPT_REQUIRED, "NAME", "namespace of the target" },
    OPT_END,
};

static const struct opt_table link_table = {
    .prog = "flux-kvs link",
    .usage = "[OPTIONS] TARGET LINKNAME",
    .summary = "Make a symbolic link.",
    .opts = link_opts,
};

int kvs_link (int argc, char **argv)
{
    struct put p = { .table = &link_table };
    int i = opt_parse (&link_table, argc, argv, set, &p);
    struct txn txn = { KVSOPS_INIT, argv + i + 1, 1 };
    flux_t *h;

    if (argc - i != 2)
        opt_usage (&link_table);
    check_key ("", argv[i + 1]);
    kvsops_symlink (&txn.ops, argv[i + 1], p.target_ns, argv[i]);
    h = cmd_open ();
    commit (h, &p, &txn);
    flux_close (h);
    return 0;
}

static const struct opt mkdir_opts[] = { COMMIT_OPTS, KVS_COND_OPTS, OPT_END };

static const struct opt_table mkdir_table = {
    .prog = "flux-kvs mkdir",
    .usage = "[OPTIONS] KEY...",
    .summary = "Make empty directories.",
    .opts = mkdir_opts,
};

int kvs_mkdir (int argc, char **argv)
{
    struct put p = { .table = &mkdir_table };
    int i = opt_parse (&mkdir_table, argc, argv, set, &p);
    struct txn txn = { KVSOPS_INIT, argv + i, argc - i };
    flux_t *h;

    if (i == argc)
        opt_usage (&mkdir_table);
    for (; i < argc; i++) {
        check_key ("", argv[i]);
        kvsops_mkdir (&txn.ops, argv[i]);
    }
    h = cmd_open ();
    commit (h, &p, &txn);
    flux_close (h);
    return 0;
}

/* -- copy, move -- */

static const struct opt copy_opts[] = {
    { 'S', "src-namespace", OPT_REQUIRED, "NAME", "namespace of SRC" },
    { 'D', "dst-namespace", OPT_REQUIRED, "NAME", "namespace of DST" },
    OPT_END,
};

static const struct opt_table copy_table = {
    .prog = "flux-kvs copy",
    .usage = "[OPTIONS] SRC DST",
    .summary = "Copy a key, directories included; no data is moved.",
    .opts = copy_opts,
};

static const struct opt_table move_table = {
    .prog = "flux-kvs move",
    .usage = "[OPTIONS] SRC DST",
    .summary = "Move a key: copy it, then remove SRC.",
    .opts = copy_opts,
};

typedef flux_future_t *(
    *copy_f) (flux_t *, const char *, const char *, const char *, const char *, int);

static int copy_or_move (const struct opt_table *t,
                         const char *what,
                         copy_f f_copy,
                         int argc,
                         char **argv)
{
    struct put p = { 0 };
    int i = opt_parse (t, argc, argv, set, &p);
    flux_future_t *f;
    flux_t *h;

    if (argc - i != 2)
        cmd_die ("%s: specify srckey dstkey", argv[0]);
    h = cmd_open ();
    f = f_copy (h, p.src_ns, argv[i], p.dst_ns, argv[i + 1], 0);
    if (!f || flux_future_get (f, NULL) < 0)
        kvs_die (what, f);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

int kvs_copy (int argc, char **argv)
{
    return copy_or_move (&copy_table, "flux_kvs_copy", flux_kvs_copy, argc, argv);
}

int kvs_move (int argc, char **argv)
{
    return copy_or_move (&move_table, "flux_kvs_move", flux_kvs_move, argc, argv);
}

/* -- sync -- */

static const struct opt_table sync_table = {
    .prog = "flux-kvs sync",
    .usage = "",
    .summary = "Wait until everything committed so far is on disk.",
};

int kvs_sync (int argc, char **argv)
{
    struct put p = { .commit_flags = FLUX_KVS_SYNC };
    struct txn txn = { KVSOPS_INIT, NULL, 0 };
    flux_t *h;

    if (opt_parse (&sync_table, argc, argv, NULL, NULL) < argc)
        opt_usage (&sync_table);
    h = cmd_open ();
    commit (h, &p, &txn);
    flux_close (h);
    return 0;
}
