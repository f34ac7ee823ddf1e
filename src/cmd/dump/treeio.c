#include "config.h"
#include <jansson.h>

#include "cmd/cmd.h"
#include "treeio.h"

#define DEPTH_MAX 5000 /* components of a key that is edited */
#define FLUSH "content.flush"

void treeio_open (struct treeio *io, bool no_cache, size_t maxreqs)
{
    const char *name;

    *io = (struct treeio){ .no_cache = no_cache, .maxreqs = maxreqs };
    io->h = cmd_open ();
    if (!(name = flux_attr_get (io->h, "content.hash")))
        cmd_die ("content.hash: %s", flux_strerror (errno));
    if (blobhash_new (blobref_kind_parse (name), &io->hash) < 0)
        cmd_die ("content.hash: %s: unknown hash", name);
    if (!(io->stores = calloc (maxreqs, sizeof (io->stores[0]))))
        cmd_die ("out of memory");
}

void treeio_close (struct treeio *io)
{
    treeio_finish (io);
    flux_future_destroy (io->flush);
    blobhash_free (io->hash);
    free (io->stores);
    flux_close (io->h);
}

/* ---- blobs ---- */

static flux_future_t *request (struct treeio *io,
                               const char *method,
                               const void *data,
                               size_t len,
                               bool backing)
{
    char topic[64];
    flux_future_t *f;

    snprintf (topic, sizeof (topic), "%s.%s", backing ? "content-backing" : "content",
              method);
    if (!(f = flux_rpc_raw (io->h, topic, len > 0 ? data : NULL, len,
                            backing ? 0 : FLUX_NODEID_ANY, 0)))
        cmd_die ("%s: %s", topic, flux_strerror (errno));
    return f;
}

flux_future_t *treeio_load (struct treeio *io, const struct blobref *ref)
{
    return request (io, "load", ref->bytes, blobref_digest_size (ref->kind),
                    io->no_cache);
}

flux_future_t *treeio_validate (struct treeio *io, const struct blobref *ref)
{
    return request (io, "validate", ref->bytes, blobref_digest_size (ref->kind), true);
}

/* content looks whether a blob is what it is called, the backing store does not. */
int treeio_get (struct treeio *io,
                flux_future_t *f,
                const struct blobref *ref,
                const void **data,
                size_t *len)
{
    struct blobref is;

    if (flux_rpc_get_raw (f, data, len) < 0) {
        if (errno == EINVAL) /* SQLite: what it has does not make sense */
            errno = EIO;
        return -1;
    }
    if (io->no_cache) {
        blobhash_sum (io->hash, *data, *len, &is);
        if (!blobref_equal (&is, ref)) {
            errno = EIO;
            return -1;
        }
    }
    return 0;
}

const char *treeio_error (flux_future_t *f, int errnum)
{
    if (flux_future_get (f, NULL) == 0)
        return "the blob that was loaded has another digest";
    return errnum == ENOENT ? flux_strerror (errnum) : future_strerror (f, errnum);
}

struct treeobj *
treeio_dir (struct treeio *io, flux_future_t *f, const struct blobref *ref)
{
    struct treeobj *dir;
    const void *data;
    size_t len;

    if (treeio_get (io, f, ref, &data, &len) < 0)
        return NULL;
    if (treeobj_parse (data, len, &dir) < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (treeobj_type (dir) != TREEOBJ_DIR) {
        treeobj_put (dir);
        errno = EINVAL;
        return NULL;
    }
    return dir;
}

static void wait_store (struct treeio *io)
{
    flux_future_t *f = io->stores[io->first];

    if (flux_rpc_get_raw (f, NULL, NULL) < 0)
        cmd_die ("error storing blob: %s", cmd_future_error (f));
    flux_future_destroy (f);
    io->first = (io->first + 1) % io->maxreqs;
    io->count--;
}

/* Of a service that may not be there: then it has nothing to do. */
static void end_request (flux_future_t *f, const char *topic)
{
    if (!f || (flux_rpc_get (f, NULL) < 0 && errno != ENOSYS))
        cmd_die ("%s: %s", topic, f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
}

void treeio_flush (struct treeio *io)
{
    if (io->flush)
        end_request (move_ptr (io->flush), FLUSH);
    end_request (flux_rpc (io->h, FLUSH, NULL, 0, 0), FLUSH);
}

/* Let it begin to flush, when it has done so with what came before. */
static void flush_some (struct treeio *io)
{
    if (io->flush)
        end_request (io->flush, FLUSH);
    if (!(io->flush = flux_rpc (io->h, FLUSH, NULL, 0, 0)))
        cmd_die (FLUSH ": %s", flux_strerror (errno));
    io->unflushed = 0;
}

void treeio_store (struct treeio *io, const void *data, size_t len, struct blobref *ref)
{
    blobhash_sum (io->hash, data, len, ref);
    if (io->count == io->maxreqs)
        wait_store (io);
    io->stores[(io->first + io->count++) % io->maxreqs] =
        request (io, "store", data, len, io->no_cache);
    io->unflushed += len;
    if (io->unflushed >= TREEIO_FLUSH_BYTES && !io->no_cache)
        flush_some (io);
}

void treeio_finish (struct treeio *io)
{
    while (io->count > 0)
        wait_store (io);
}

struct treeobj *treeio_store_dir (struct treeio *io, const struct treeobj *dir)
{
    struct treeobj *result;
    struct text t = TEXT_INIT;
    struct blobref ref;

    treeobj_write (dir, &t);
    if (text_error (&t))
        cmd_die ("out of memory");
    treeio_store (io, t.buf, t.len, &ref);
    text_fini (&t);
    if (treeobj_dirref_new (&ref, &result) < 0)
        cmd_die ("out of memory");
    return result;
}

/* ---- editing ---- */

/* The directory of that name, to be changed: a new one if there is none. */
static struct treeobj *
sub_dir (struct treeio *io, const struct treeobj *dir, const char *name, size_t len)
{
    struct treeobj *o = treeobj_dir_find (dir, name, len);
    struct treeobj *sub = NULL;
    struct blobref ref;
    flux_future_t *f;

    if (o && treeobj_type (o) == TREEOBJ_DIR)
        return treeobj_get (o);
    if (!o || treeobj_type (o) != TREEOBJ_DIRREF) {
        if (treeobj_dir_new (&sub) < 0)
            cmd_die ("out of memory");
        return sub;
    }
    if (treeobj_ref_at (o, 0, &ref) < 0) {
        errno = EINVAL;
        return NULL;
    }
    f = treeio_load (io, &ref);
    sub = treeio_dir (io, f, &ref);
    flux_future_destroy (f);
    return sub;
}

static int set (struct treeobj **dir, const char *name, size_t len, struct treeobj *obj)
{
    int r =
        obj ? treeobj_dir_set (dir, name, len, obj) : treeobj_dir_del (dir, name, len);

    if (r == -ENOMEM)
        cmd_die ("out of memory");
    return 0;
}

static int edit (struct treeio *io,
                 struct treeobj **dir,
                 const char *key,
                 struct treeobj *obj,
                 int depth)
{
    size_t len = strcspn (key, ".");
    struct treeobj *sub, *ref;

    if (key[len] == '\0')
        return set (dir, key, len, obj);
    if (depth == DEPTH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (!(sub = sub_dir (io, *dir, key, len)))
        return -1;
    if (edit (io, &sub, key + len + 1, obj, depth + 1) < 0) {
        treeobj_put (sub);
        return -1;
    }
    ref = treeio_store_dir (io, sub);
    set (dir, key, len, ref);
    treeobj_put (ref);
    treeobj_put (sub);
    return 0;
}

int treeio_edit (struct treeio *io,
                 struct treeobj **dir,
                 const char *key,
                 struct treeobj *obj)
{
    return edit (io, dir, key, obj, 0);
}

/* ---- roots ---- */

void treeio_parse_ref (const char *s, struct blobref *ref)
{
    if (blobref_parse (s, strlen (s), ref) < 0)
        cmd_die ("%s: invalid blobref", s);
}

static void unpack_checkpoint (json_t *o, struct checkpoint *cp)
{
    json_int_t seq = 0;
    int version;
    const char *ref;

    cp->time = 0;
    if (json_unpack (o, "{s:i s:s s?I s?F}", "version", &version, "rootref", &ref,
                     "sequence", &seq, "timestamp", &cp->time)
            < 0
        || blobref_parse (ref, strlen (ref), &cp->root) < 0)
        cmd_die ("error parsing checkpoint: %s", flux_strerror (EPROTO));
    if (version != 0 && version != 1)
        cmd_die ("error parsing checkpoint: version %d is not known", version);
    cp->seq = seq;
}

size_t treeio_checkpoints (struct treeio *io, struct checkpoint **ret)
{
    flux_future_t *f = request (io, "checkpoint-get", NULL, 0, io->no_cache);
    struct checkpoint *v;
    json_t *value, *list, *o;
    size_t i, n;

    if (flux_rpc_get_unpack (f, "{s:o}", "value", &value) < 0)
        cmd_die ("error fetching checkpoints: %s", cmd_future_error (f));
    list = json_is_array (value) ? json_incref (value) : json_pack ("[O]", value);
    if ((n = json_array_size (list)) == 0)
        cmd_die ("error fetching checkpoints: %s", flux_strerror (ENOENT));
    if (!(v = calloc (n, sizeof (v[0]))))
        cmd_die ("out of memory");
    json_array_foreach (list, i, o) unpack_checkpoint (o, &v[i]);
    json_decref (list);
    flux_future_destroy (f);
    *ret = v;
    return n;
}

void treeio_put_checkpoint (struct treeio *io, const struct checkpoint *cp)
{
    const char *topic =
        io->no_cache ? "content-backing.checkpoint-put" : "content.checkpoint-put";
    char ref[BLOBREF_TEXT_SIZE];
    flux_future_t *f;

    treeio_finish (io);
    f = flux_rpc_pack (io->h, topic, 0, 0, "{s:{s:i s:s s:I s:f}}", "value", "version", 1,
                       "rootref", blobref_str (&cp->root, ref), "sequence",
                       (json_int_t)cp->seq, "timestamp", cp->time);
    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die ("error updating checkpoint: %s",
                 f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
}

int treeio_root (struct treeio *io, const char *ns, struct blobref *root, int64_t *seq)
{
    flux_future_t *f = flux_rpc_pack (io->h, "kvs.getroot", 0, 0, "{s:s s:i}",
                                      "namespace", ns, "flags", 0);
    const char *ref;
    json_int_t n;

    if (!f || flux_rpc_get_unpack (f, "{s:s s:I}", "rootref", &ref, "rootseq", &n) < 0) {
        int saved = errno;

        flux_future_destroy (f);
        errno = saved;
        return -1;
    }
    treeio_parse_ref (ref, root);
    *seq = n;
    flux_future_destroy (f);
    return 0;
}

bool treeio_kvs_loaded (struct treeio *io)
{
    struct blobref root;
    int64_t seq;

    return treeio_root (io, "primary", &root, &seq) == 0 || errno != ENOSYS;
}

void treeio_save (struct treeio *io)
{
    treeio_finish (io);
    end_request (flux_rpc (io->h, "kvs.save", "{}", 0, 0), "kvs.save");
    treeio_flush (io);
}

/* ---- walking ---- */

/* What an entry that needs a blob will find: NULL if the directory is skipped. */
struct ahead {
    struct ahead *next;
    flux_future_t *f;
};

struct frame {
    struct frame *up;
    struct treeobj *dir;
    struct treeobj_iter it, ahead_it;
    bool ahead_end;
    struct ahead *head, **tail;
    size_t pathlen; /* of the directory itself */
    struct blobref ref;
    bool is_ref;     /* it has a blob of its own */
    size_t bad_then; /* w->bad when it was entered */
};

struct walk {
    struct treeio *io;
    const struct walk_ops *ops;
    void *arg;
    struct frame *top;
    size_t out; /* blobs asked for ahead and not used yet */
    size_t bad; /* values and directories */
    struct text path;
};

static void push (struct walk *w, struct treeobj *dir, const struct blobref *ref)
{
    struct frame *fr = calloc (1, sizeof (*fr));

    if (!fr)
        cmd_die ("out of memory");
    fr->up = w->top;
    fr->dir = dir;
    fr->tail = &fr->head;
    fr->pathlen = w->path.len;
    if ((fr->is_ref = ref != NULL))
        fr->ref = *ref;
    fr->bad_then = w->bad;
    w->top = fr;
}

static void pop (struct walk *w)
{
    struct frame *fr = w->top;

    w->top = fr->up;
    if (fr->is_ref && fr->bad_then == w->bad && w->ops->whole)
        w->ops->whole (&fr->ref, w->arg);
    treeobj_put (fr->dir);
    free (fr);
}

static bool needs_blob (const struct walk *w, const struct treeobj *o)
{
    return (treeobj_type (o) == TREEOBJ_DIRREF && treeobj_ref_count (o) == 1)
           || (treeobj_type (o) == TREEOBJ_VALREF && w->ops->blobs);
}

/* Ask for the blob of the next entry that needs one.  false: there is none. */
static bool look_ahead (struct walk *w)
{
    struct frame *fr = w->top;
    struct blobref ref;
    struct treeobj *o;
    struct ahead *a;
    const char *name;
    size_t len;

    do {
        if (!treeobj_dir_next (fr->dir, &fr->ahead_it, &name, &len, &o))
            return false;
    } while (!needs_blob (w, o));
    if (!(a = calloc (1, sizeof (*a))))
        cmd_die ("out of memory");
    treeobj_ref_at (o, 0, &ref);
    if (treeobj_type (o) == TREEOBJ_VALREF || !w->ops->enter
        || w->ops->enter (&ref, w->arg)) {
        a->f = treeio_load (w->io, &ref);
        w->out++;
    }
    *fr->tail = a;
    fr->tail = &a->next;
    return true;
}

static flux_future_t *take (struct walk *w)
{
    struct frame *fr = w->top;
    struct ahead *a;
    flux_future_t *f;

    while (!fr->ahead_end && (!fr->head || w->out < w->io->maxreqs))
        fr->ahead_end = !look_ahead (w);
    a = fr->head;
    if (!(fr->head = a->next))
        fr->tail = &fr->head;
    f = a->f;
    free (a);
    if (f)
        w->out--;
    return f;
}

static void bad_dir (struct walk *w, int errnum)
{
    w->bad++;
    w->ops->bad_dir (w->path.len > 0 ? w->path.buf : ".", errnum, w->arg);
}

static void visit_dir (struct walk *w, flux_future_t *f, const struct blobref *ref)
{
    struct treeobj *dir;

    if (w->ops->known && w->ops->known (ref, w->arg))
        ;
    else if ((dir = treeio_dir (w->io, f, ref)))
        push (w, dir, ref);
    else
        bad_dir (w, errno);
    flux_future_destroy (f);
}

static void visit (struct walk *w, struct treeobj *o)
{
    flux_future_t *f = needs_blob (w, o) ? take (w) : NULL;
    struct blobref ref;

    switch (treeobj_type (o)) {
        case TREEOBJ_DIR:
            push (w, treeobj_get (o), NULL);
            break;
        case TREEOBJ_DIRREF:
            if (f && treeobj_ref_at (o, 0, &ref) == 0)
                visit_dir (w, f, &ref);
            else if (treeobj_ref_count (o) != 1)
                bad_dir (w, EINVAL);
            break;
        default:
            if (!w->ops->value (w->path.buf, o, f, w->arg))
                w->bad++;
            flux_future_destroy (f);
    }
}

void treeio_walk (struct treeio *io,
                  const struct blobref *root,
                  const struct walk_ops *ops,
                  void *arg)
{
    struct walk w = { .io = io, .ops = ops, .arg = arg, .path = TEXT_INIT };
    struct treeobj *o;
    const char *name;
    size_t len;

    if (!ops->enter || ops->enter (root, arg))
        visit_dir (&w, treeio_load (io, root), root);
    while (w.top) {
        if (!treeobj_dir_next (w.top->dir, &w.top->it, &name, &len, &o)) {
            pop (&w);
            continue;
        }
        w.path.len = w.top->pathlen;
        if (w.path.len > 0)
            text_putc (&w.path, ops->separator);
        text_put (&w.path, name, len);
        if (text_error (&w.path))
            cmd_die ("out of memory");
        visit (&w, o);
    }
    text_fini (&w.path);
}
