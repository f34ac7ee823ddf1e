#include "config.h"
#include <errno.h>
#include <limits.h>

#include "lookup.h"
#include "common/base64.h"

static void lookup_step (struct lookup *l);

static void lookup_free (struct lookup *l)
{
    list_del (&l->link);
    waiter_cancel (&l->waiter);
    gather_free (l->gather);
    for (int i = 0; i <= l->depth; i++)
        free (l->frames[i].path);
    treeobj_put (l->at);
    treeobj_put (l->found);
    free (l->nsname);
    free (l->unless);
    free (l->key);
    free (l);
}

void lookup_free_all (struct kvs_engine *e)
{
    struct lookup *l;

    while ((l = list_first (&e->lookups, struct lookup, link))) {
        l->req->cancel = NULL;
        lookup_free (l);
    }
}

static void lookup_cancel (struct kvs_request *req)
{
    struct lookup *l = req->op;

    l->e->pending--;
    lookup_free (l);
}

/* ---- answers ---- */

static void lookup_fail (struct lookup *l, int errnum)
{
    request_end (l->e, l->req, errnum, NULL);
    lookup_free (l);
}

/* The same if a blob may be the reason. */
static void lookup_fail_blob (struct lookup *l, int errnum)
{
    l->req->heap = cache_bad_text (&l->e->cache, errnum);
    request_end (l->e, l->req, errnum, l->req->heap);
    lookup_free (l);
}

/* What follows the value: the rest of the answer. */
static void write_tail (const struct lookup *l, struct text *t)
{
    char ref[BLOBREF_TEXT_SIZE];

    if (l->tag[0] != '\0')
        text_printf (t, ",\"tag\":\"%s\"", l->tag);
    if (l->plus)
        text_printf (t, ",\"rootseq\":%jd,\"rootref\":\"%s\"", (intmax_t)l->seq,
                     blobref_str (&l->root, ref));
    text_putc (t, '}');
}

/* {"val":treeobj} */
static void answer_object (struct lookup *l, const struct treeobj *o)
{
    struct text t = TEXT_INIT;

    text_putc (&t, '{');
    if (l->tailed && treeobj_type (o) == TREEOBJ_VALREF)
        lookup_write_tail (l->tail_blobs ? &l->e->cache : NULL, o, l->tail, &t);
    else {
        text_puts (&t, "\"val\":");
        treeobj_write (o, &t);
    }
    write_tail (l, &t);
    request_end_text (l->e, l->req, &t);
    text_fini (&t);
    lookup_free (l);
}

/* The requester has it. */
static void answer_same (struct lookup *l)
{
    struct text t = TEXT_INIT;

    text_puts (&t, "{\"same\":true");
    write_tail (l, &t);
    request_end_text (l->e, l->req, &t);
    text_fini (&t);
    lookup_free (l);
}

/* lookup-plus reports a missing key, and only that, in a success. */
static void answer_missing (struct lookup *l)
{
    struct text t = TEXT_INIT;

    if (!l->plus) {
        lookup_fail (l, ENOENT);
        return;
    }
    text_printf (&t, "{\"errno\":%d", ENOENT);
    write_tail (l, &t);
    request_end_text (l->e, l->req, &t);
    text_fini (&t);
    lookup_free (l);
}

/* Base64 of the blobs in a row: the bytes that do not fill a group of three
 * are carried over to the next blob.
 */
static void write_blobs (struct text *t, struct blob **blobs, size_t count)
{
    unsigned char carry[3];
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const unsigned char *p = blobs[i]->data;
        size_t len = blobs[i]->len;

        while (len > 0 && n > 0 && n < 3) {
            carry[n++] = *p++;
            len--;
        }
        if (n == 3) {
            text_put_base64 (t, carry, 3);
            n = 0;
        }
        if (len > 0) { /* then nothing is carried */
            text_put_base64 (t, p, len - len % 3);
            memcpy (carry, p + len - len % 3, len % 3);
            n = len % 3;
        }
    }
    text_put_base64 (t, carry, n);
}

static void answer_blobs (struct lookup *l)
{
    struct text t = TEXT_INIT;
    struct blob **blobs;
    size_t count, total = 0;

    blobs = gather_blobs (l->gather, &count);
    for (size_t i = 0; i < count; i++)
        total += blobs[i]->len;
    if (total > INT_MAX) {
        lookup_fail (l, EOVERFLOW);
        return;
    }
    text_reserve (&t, base64_encoded_size (total) + 200);
    text_puts (&t, "{\"val\":{\"data\":\"");
    write_blobs (&t, blobs, count);
    text_puts (&t, "\",\"type\":\"val\",\"ver\":1}");
    write_tail (l, &t);
    request_end_text (l->e, l->req, &t);
    text_fini (&t);
    lookup_free (l);
}

static void gather_done (void *arg, int errnum)
{
    struct lookup *l = arg;

    if (errnum)
        lookup_fail_blob (l, errnum);
    else
        answer_blobs (l);
}

/* ---- walking ---- */

/* The directory at hand: 0, -EAGAIN, or why there is none. */
static int
get_dir (struct lookup *l, struct treeobj *o, bool own_root, struct treeobj **ret)
{
    struct blobref ref;
    int r;

    if (treeobj_type (o) == TREEOBJ_DIR) {
        *ret = o;
        return 0;
    }
    if (treeobj_ref_count (o) != 1)
        return -ENOTRECOVERABLE;
    treeobj_ref_at (o, 0, &ref);
    r = cache_dir (&l->e->cache, &ref, &l->waiter, ret);
    if (r == -EPROTO || r == -EINVAL) {
        if (!own_root || (r == -EINVAL && (l->flags & KVS_READDIR) && l->found))
            return -ENOTRECOVERABLE;
        return -EINVAL;
    }
    return r;
}

static int go_to_root (struct lookup *l, const struct blobref *root)
{
    struct treeobj *o;
    int r;

    if ((r = treeobj_dirref_new (root, &o)) < 0)
        return r;
    treeobj_put (l->at);
    l->at = o;
    return 0;
}

static bool more_components (const struct lookup *l)
{
    return l->frames[l->depth].rest != NULL;
}

/* A path of its own for a frame; "." is the root itself. */
static int frame_set (struct frame *f, const char *path, const struct blobref *root)
{
    if (!(f->path = strdup (path)))
        return -ENOMEM;
    f->rest = strcmp (path, ".") == 0 ? NULL : f->path;
    f->root = *root;
    return 0;
}

/* A link into a namespace: where does it start? */
static int foreign_root (struct lookup *l, const char *name, struct blobref *root)
{
    struct ns *ns;
    int r;

    /* One that is being removed can still be followed into. */
    ns = ns_find (l->e, name);
    if (!ns || ns->state != NS_REMOVED) {
        if ((r = ns_get (l->e, name, &l->waiter, &ns)) < 0)
            return r;
    }
    if ((r = ns_authorize (ns, &l->req->cred)) < 0)
        return r;
    *root = ns->root;
    return 0;
}

/* Resolve the target of a link in a frame of its own. */
static int follow (struct lookup *l, const struct treeobj *link, const char *rest)
{
    const char *ns = treeobj_symlink_namespace (link);
    struct blobref root = l->frames[l->depth].root;
    int r;

    if (l->depth == DEPTH_MAX)
        return -ELOOP;
    if (ns && (r = foreign_root (l, ns, &root)) < 0)
        return r;
    if ((r = frame_set (&l->frames[l->depth + 1], treeobj_symlink_target (link), &root))
        < 0)
        return r;
    l->frames[l->depth].rest = rest;
    l->depth++;
    l->at_root = false;
    return go_to_root (l, &root);
}

/* 'o' is what the frame under way stands for.  Frames that end with it are
 * left; links met further on resolve in the namespace where we are now.
 */
static int resolved (struct lookup *l, struct treeobj *o)
{
    int type = treeobj_type (o);

    while (l->depth > 0 && !more_components (l)) {
        free (l->frames[l->depth].path);
        l->depth--;
        l->frames[l->depth].root = l->frames[l->depth + 1].root;
    }
    if (!more_components (l)) {
        l->found = treeobj_get (o);
        return 0;
    }
    if (type != TREEOBJ_DIR && type != TREEOBJ_DIRREF)
        return -ENOENT;
    treeobj_get (o);
    treeobj_put (l->at);
    l->at = o;
    l->at_root = false;
    return 0;
}

/* Resolve one component.  -ENOENT: there is no such key. */
static int walk (struct lookup *l)
{
    struct frame *f = &l->frames[l->depth];
    const char *dot = strchr (f->rest, '.');
    size_t len = dot ? (size_t)(dot - f->rest) : strlen (f->rest);
    const char *rest = dot ? dot + 1 : NULL;
    struct treeobj *dir, *entry;
    int r;

    if ((r = get_dir (l, l->at, l->at_root, &dir)) < 0)
        return r;
    if (!(entry = treeobj_dir_find (dir, f->rest, len)))
        return -ENOENT;
    if (treeobj_type (entry) == TREEOBJ_SYMLINK) {
        bool final = l->depth == 0 && !rest;

        if (!final || !(l->flags & (KVS_READLINK | KVS_TREEOBJ)))
            return follow (l, entry, rest);
    }
    f->rest = rest;
    return resolved (l, entry);
}

/* ---- the final object ---- */

static void finish_dir (struct lookup *l)
{
    bool own_root = l->at_root && strcmp (l->key, ".") == 0;
    struct treeobj *dir;
    int r;

    if ((r = get_dir (l, l->found, own_root, &dir)) == -EAGAIN)
        return;
    if (r < 0)
        lookup_fail (l, -r);
    else
        answer_object (l, dir);
}

static void finish_value (struct lookup *l)
{
    int r;

    if (treeobj_type (l->found) == TREEOBJ_VAL) {
        answer_object (l, l->found);
        return;
    }
    if ((r = gather_start (&l->e->cache, l->found, gather_done, l, &l->gather)) < 0)
        lookup_fail (l, -r);
    else if (r > 0)
        answer_blobs (l);
}

/* Who is told the name of a directory may come back with it at any time. */
static void keep_found (struct lookup *l)
{
    struct blobref ref;

    if (treeobj_type (l->found) == TREEOBJ_DIRREF
        && treeobj_ref_at (l->found, 0, &ref) == 0)
        engine_keep (l->e, NULL, &ref);
}

/* Spec kvs.md §9, the table of results. */
static void finish (struct lookup *l)
{
    int type = treeobj_type (l->found);
    bool is_dir = type == TREEOBJ_DIR || type == TREEOBJ_DIRREF;
    bool is_root = strcmp (l->key, ".") == 0;

    if (l->unless)
        lookup_tag (l->e->hash, l->found, l->tag);
    if (l->tag[0] != '\0' && strcmp (l->tag, l->unless) == 0)
        answer_same (l);
    else if (l->flags & KVS_TREEOBJ) {
        keep_found (l);
        answer_object (l, l->found);
    }
    else if (l->flags & KVS_READDIR) {
        if (is_dir)
            finish_dir (l);
        else
            lookup_fail (l, ENOTDIR);
    }
    else if (l->flags & KVS_READLINK) {
        if (type == TREEOBJ_SYMLINK)
            answer_object (l, l->found);
        else
            lookup_fail (l, is_root ? EISDIR : EINVAL);
    }
    else if (is_dir)
        lookup_fail (l, EISDIR);
    else
        finish_value (l);
}

/* ---- life ---- */

/* The namespace is known (now): fix the root. */
static int lookup_start (struct lookup *l)
{
    struct ns *ns;
    int r;

    if (l->nsname) {
        if ((r = ns_get (l->e, l->nsname, &l->waiter, &ns)) < 0
            || (r = ns_authorize (ns, &l->req->cred)) < 0)
            return r;
        l->root = ns->root;
        l->seq = ns->seq;
    }
    if ((r = frame_set (&l->frames[0], l->key, &l->root)) < 0
        || (r = go_to_root (l, &l->root)) < 0)
        return r;
    l->at_root = true;
    l->started = true;
    if (!more_components (l))
        l->found = treeobj_get (l->at);
    return 0;
}

static void lookup_step (struct lookup *l)
{
    int r = 0;

    l->e->cache.have_bad = false;
    if (!l->started)
        r = lookup_start (l);
    while (r == 0 && !l->found) {
        /* A frame whose target is the root itself has no components. */
        r = more_components (l) ? walk (l) : resolved (l, l->at);
    }
    if (r == -EAGAIN)
        return;
    if (r == -ENOENT)
        answer_missing (l);
    else if (r < 0)
        lookup_fail_blob (l, -r);
    else
        finish (l);
}

static void lookup_wake (struct waiter *w, int errnum)
{
    struct lookup *l = container_of (w, struct lookup, waiter);

    if (errnum)
        lookup_fail_blob (l, errnum);
    else
        lookup_step (l);
}

static struct lookup *lookup_new (struct kvs_engine *e,
                                  const struct kvs_lookup_args *args)
{
    struct lookup *l = calloc (1, sizeof (*l));
    size_t len;

    if (!l)
        return NULL;
    list_init (&l->link);
    waiter_init (&l->waiter, lookup_wake);
    l->e = e;
    l->flags = args->flags;
    l->plus = args->plus;
    if (!(l->key = malloc (args->keylen + 1))
        || (args->ns && !(l->nsname = strdup (args->ns)))) {
        lookup_free (l);
        return NULL;
    }
    len = kvs_key_normalize (args->key, args->keylen, l->key);
    l->key[len] = '\0';
    if (!args->ns)
        l->root = *args->rootdir;
    if (args->rootseq)
        l->seq = *args->rootseq;
    if (args->plus && args->tail) {
        l->tailed = true;
        l->tail = *args->tail;
        l->tail_blobs = args->tail_blobs;
    }
    if (args->plus && args->unless && !(l->unless = strdup (args->unless))) {
        lookup_free (l);
        return NULL;
    }
    return l;
}

void kvs_engine_lookup (struct kvs_engine *e,
                        struct kvs_request *req,
                        const struct kvs_lookup_args *args)
{
    bool refused = !args->ns && !kvs_engine_may_read (e, &req->cred, args->rootdir);
    struct lookup *l = refused ? NULL : lookup_new (e, args);

    if (!l) {
        request_refuse (e, req, refused ? EPERM : ENOMEM, NULL);
        return;
    }
    l->req = req;
    list_append (&e->lookups, &l->link);
    request_begin (e, req, l, lookup_cancel);
    lookup_step (l);
}
