/* treedir.c - directories: sorted runs of entries, shared between versions.
 *
 * A directory is an array of chunks of up to CHUNK_MAX entries.  A changed
 * version copies the array and the one chunk that changes.  A chunk caches its
 * canonical text, so that writing a big directory again is a few large copies.
 */

#include "config.h"

#include "slab.h"
#include "treeobj_impl.h"

#define CHUNK_MAX 64
#define CHUNK_MERGE (CHUNK_MAX / 4) /* look for a neighbour below this */
#define CHUNK_TEXT_MAX (16 * 1024)  /* do not cache longer text */

static struct dir *as_dir (const struct treeobj *o)
{
    must (o->type == TREEOBJ_DIR);
    return (struct dir *)o;
}

/* ---- entries ---- */

static size_t dirent_bytes (size_t namelen)
{
    return sizeof (struct dirent) + namelen + 1;
}

static struct dirent *dirent_new (const char *name, size_t len, struct treeobj *obj)
{
    struct dirent *e;

    if (len >= UINT32_MAX || !(e = slab_alloc (dirent_bytes (len))))
        return NULL;
    e->refcount = 1;
    e->namelen = len;
    e->obj = treeobj_get (obj);
    memcpy (e->name, name, len);
    e->name[len] = '\0';
    return e;
}

static void dirent_put (struct dirent *e)
{
    if (--e->refcount == 0) {
        treeobj_put (e->obj);
        slab_free (e, dirent_bytes (e->namelen));
    }
}

static int name_cmp (const char *a, size_t alen, const struct dirent *e)
{
    int c = memcmp (a, e->name, alen < e->namelen ? alen : e->namelen);

    if (c == 0)
        c = alen < e->namelen ? -1 : alen > e->namelen;
    return c;
}

/* ---- chunks ---- */

/* It changes. */
static void chunk_touch (struct dirchunk *c)
{
    free (c->text);
    c->text = NULL;
    c->size = 0;
    c->saved = false;
}

static size_t chunk_bytes (size_t cap)
{
    return sizeof (struct dirchunk) + cap * sizeof (struct dirent *);
}

static struct dirchunk *chunk_new (size_t cap)
{
    struct dirchunk *c = slab_alloc (chunk_bytes (cap));

    if (c)
        *c = (struct dirchunk){ .refcount = 1, .cap = cap };
    return c;
}

static void chunk_put (struct dirchunk *c)
{
    if (--c->refcount > 0)
        return;
    for (int i = 0; i < c->count; i++)
        dirent_put (c->ents[i]);
    free (c->text);
    slab_free (c, chunk_bytes (c->cap));
}

static struct dirchunk *chunk_copy (const struct dirchunk *c)
{
    struct dirchunk *new = chunk_new (c->cap);

    if (!new)
        return NULL;
    for (int i = 0; i < c->count; i++) {
        new->ents[i] = c->ents[i];
        new->ents[i]->refcount++;
    }
    new->count = c->count;
    return new;
}

/* Room for cap entries in a chunk that nobody else has. */
static int chunk_reserve (struct dirchunk **chunk, size_t cap)
{
    struct dirchunk *c = *chunk;
    struct dirchunk *bigger;

    must (c->refcount == 1);
    if (cap <= c->cap)
        return 0;
    if (!(bigger = slab_alloc (chunk_bytes (cap))))
        return -ENOMEM;
    memcpy (bigger, c, chunk_bytes (c->count));
    bigger->cap = cap;
    slab_free (c, chunk_bytes (c->cap));
    *chunk = bigger;
    return 0;
}

/* Room for one entry more: there is less than a full chunk. */
static int chunk_grow (struct dirchunk **chunk)
{
    const struct dirchunk *c = *chunk;

    must (c->count < CHUNK_MAX);
    if (c->count < c->cap)
        return 0;
    return chunk_reserve (chunk, c->cap * 2 < CHUNK_MAX ? c->cap * 2 : CHUNK_MAX);
}

/* Where name is, or belongs. */
static int
chunk_find (const struct dirchunk *c, const char *name, size_t len, bool *found)
{
    int lo = 0;
    int hi = c->count;

    *found = false;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        int cmp = name_cmp (name, len, c->ents[mid]);

        if (cmp == 0) {
            *found = true;
            return mid;
        }
        if (cmp < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* There is room. */
static void chunk_insert (struct dirchunk *c, int i, struct dirent *e)
{
    memmove (&c->ents[i + 1], &c->ents[i], (c->count - i) * sizeof (c->ents[0]));
    c->ents[i] = e;
    c->count++;
    chunk_touch (c);
}

/* ---- directories ---- */

int treeobj_dir_new (struct treeobj **ret)
{
    struct dir *d = treeobj_alloc (TREEOBJ_DIR, sizeof (*d));

    if (!d)
        return -ENOMEM;
    d->has_ref = false;
    d->memo = NULL;
    d->count = d->nchunks = 0;
    d->cap = 1;
    d->size_hint = 0;
    d->chunks = &d->one;
    *ret = &d->hdr;
    return 0;
}

static void dir_forget_memo (struct dir *d)
{
    if (d->memo)
        d->memo_free (d->memo);
    d->memo = NULL;
}

/* It changed. */
static void dir_touch (struct dir *d)
{
    d->has_ref = false;
    dir_forget_memo (d);
}

void treeobj_dir_free (struct dir *d)
{
    dir_forget_memo (d);
    for (size_t i = 0; i < d->nchunks; i++)
        chunk_put (d->chunks[i]);
    if (d->chunks != &d->one)
        free (d->chunks);
}

size_t treeobj_dir_count (const struct treeobj *o)
{
    return as_dir (o)->count;
}

/* The last chunk that begins at or before name; chunk 0 if none does. */
static size_t dir_locate (const struct dir *d, const char *name, size_t len)
{
    size_t lo = 0;
    size_t hi = d->nchunks;

    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;

        if (name_cmp (name, len, d->chunks[mid]->ents[0]) < 0)
            hi = mid;
        else
            lo = mid;
    }
    return lo;
}

struct treeobj *treeobj_dir_find (const struct treeobj *o, const char *name, size_t len)
{
    const struct dir *d = as_dir (o);
    const struct dirchunk *c;
    bool found;
    int i;

    if (d->nchunks == 0)
        return NULL;
    c = d->chunks[dir_locate (d, name, len)];
    i = chunk_find (c, name, len, &found);
    return found ? c->ents[i]->obj : NULL;
}

static int dir_reserve (struct dir *d)
{
    if (d->nchunks == d->cap) {
        size_t cap = d->cap * 2;
        struct dirchunk **old = d->chunks == &d->one ? NULL : d->chunks;
        struct dirchunk **chunks = realloc (old, cap * sizeof (chunks[0]));

        if (!chunks)
            return -ENOMEM;
        if (!old)
            chunks[0] = d->one;
        d->chunks = chunks;
        d->cap = cap;
    }
    return 0;
}

/* There is room. */
static void dir_insert_chunk (struct dir *d, size_t ci, struct dirchunk *c)
{
    memmove (&d->chunks[ci + 1], &d->chunks[ci],
             (d->nchunks - ci) * sizeof (d->chunks[0]));
    d->chunks[ci] = c;
    d->nchunks++;
}

/* Make *dir the caller's alone; only a copy of the chunk array is made. */
static int dir_unshare (struct treeobj **dir, struct dir **ret)
{
    struct dir *d = as_dir (*dir);
    struct treeobj *copy;
    struct dir *new;
    int r;

    if (d->hdr.refcount > 1) {
        if ((r = treeobj_dir_new (&copy)) < 0)
            return r;
        new = as_dir (copy);
        if (d->nchunks > 1) {
            struct dirchunk **chunks = malloc ((d->nchunks + 1) * sizeof (chunks[0]));

            if (!chunks) {
                treeobj_put (copy);
                return -ENOMEM;
            }
            new->chunks = chunks;
            new->cap = d->nchunks + 1;
        }
        for (size_t i = 0; i < d->nchunks; i++) {
            new->chunks[i] = d->chunks[i];
            new->chunks[i]->refcount++;
        }
        new->nchunks = d->nchunks;
        new->count = d->count;
        new->size_hint = d->size_hint;
        treeobj_put (*dir);
        *dir = copy;
        d = new;
    }
    *ret = d;
    return 0;
}

static int chunk_unshare (struct dir *d, size_t ci)
{
    struct dirchunk *c = d->chunks[ci];

    if (c->refcount > 1) {
        struct dirchunk *copy = chunk_copy (c);

        if (!copy)
            return -ENOMEM;
        chunk_put (c);
        d->chunks[ci] = copy;
    }
    return 0;
}

/* Chunk ci is full: make room for an entry at its position *i.  Entries that
 * arrive in order leave full chunks behind.
 */
static int chunk_split (struct dir *d, size_t *ci, int *i)
{
    struct dirchunk *c = d->chunks[*ci];
    int keep = *i == c->count && *ci + 1 == d->nchunks ? c->count : c->count / 2;
    struct dirchunk *right;

    if (dir_reserve (d) < 0 || !(right = chunk_new (CHUNK_MAX)))
        return -ENOMEM;
    right->count = c->count - keep;
    memcpy (right->ents, &c->ents[keep], right->count * sizeof (right->ents[0]));
    c->count = keep;
    chunk_touch (c);
    dir_insert_chunk (d, *ci + 1, right);
    if (*i > keep || keep == CHUNK_MAX) {
        *ci += 1;
        *i -= keep;
    }
    return 0;
}

static int dir_insert (struct dir *d, size_t ci, int i, struct dirent *e)
{
    int r;

    if (d->chunks[ci]->count == CHUNK_MAX) {
        if ((r = chunk_split (d, &ci, &i)) < 0)
            return r;
    }
    if ((r = chunk_grow (&d->chunks[ci])) < 0)
        return r;
    chunk_insert (d->chunks[ci], i, e);
    d->count++;
    return 0;
}

static int dir_first_entry (struct dir *d, struct dirent *e)
{
    struct dirchunk *c;

    if (dir_reserve (d) < 0 || !(c = chunk_new (4)))
        return -ENOMEM;
    dir_insert_chunk (d, 0, c);
    chunk_insert (c, 0, e);
    d->count++;
    return 0;
}

static int dir_set (struct dir *d, struct dirent *e)
{
    size_t ci;
    bool found;
    int i, r;

    if (d->nchunks == 0)
        return dir_first_entry (d, e);
    ci = dir_locate (d, e->name, e->namelen);
    if ((r = chunk_unshare (d, ci)) < 0)
        return r;
    i = chunk_find (d->chunks[ci], e->name, e->namelen, &found);
    if (!found)
        return dir_insert (d, ci, i, e);
    dirent_put (d->chunks[ci]->ents[i]);
    d->chunks[ci]->ents[i] = e;
    chunk_touch (d->chunks[ci]);
    return 0;
}

int treeobj_dir_set (struct treeobj **dir,
                     const char *name,
                     size_t len,
                     struct treeobj *obj)
{
    struct dirent *e;
    struct dir *d;
    int r;

    if ((r = dir_unshare (dir, &d)) < 0)
        return r;
    if (!(e = dirent_new (name, len, obj)))
        return -ENOMEM;
    if ((r = dir_set (d, e)) < 0) {
        dirent_put (e);
        return r;
    }
    dir_touch (d);
    return 0;
}

static void dir_remove_chunk (struct dir *d, size_t ci)
{
    d->nchunks--;
    memmove (&d->chunks[ci], &d->chunks[ci + 1],
             (d->nchunks - ci) * sizeof (d->chunks[0]));
}

/* Chunk ci has become small: join it to the one before if both fit well.
 * That it stays small when memory is short does no harm.
 */
static void dir_merge (struct dir *d, size_t ci)
{
    struct dirchunk *c = d->chunks[ci];
    struct dirchunk *left = ci > 0 ? d->chunks[ci - 1] : NULL;

    if (c->count > 0) {
        if (!left || left->count + c->count > CHUNK_MAX / 2
            || chunk_unshare (d, ci - 1) < 0)
            return;
        if (left->count + c->count > d->chunks[ci - 1]->cap
            && chunk_reserve (&d->chunks[ci - 1], CHUNK_MAX) < 0)
            return;
        left = d->chunks[ci - 1];
        memcpy (&left->ents[left->count], c->ents, c->count * sizeof (c->ents[0]));
        left->count += c->count;
        chunk_touch (left);
        c->count = 0; /* the entries have moved */
    }
    dir_remove_chunk (d, ci);
    chunk_put (c);
}

int treeobj_dir_del (struct treeobj **dir, const char *name, size_t len)
{
    struct dirchunk *c;
    struct dir *d;
    size_t ci;
    bool found;
    int i, r;

    if (!treeobj_dir_find (*dir, name, len))
        return -ENOENT;
    if ((r = dir_unshare (dir, &d)) < 0)
        return r;
    ci = dir_locate (d, name, len);
    if ((r = chunk_unshare (d, ci)) < 0)
        return r;
    c = d->chunks[ci];
    i = chunk_find (c, name, len, &found);
    dirent_put (c->ents[i]);
    c->count--;
    memmove (&c->ents[i], &c->ents[i + 1], (c->count - i) * sizeof (c->ents[0]));
    chunk_touch (c);
    d->count--;
    dir_touch (d);
    if (c->count < CHUNK_MERGE)
        dir_merge (d, ci);
    return 0;
}

bool treeobj_dir_next (const struct treeobj *o,
                       struct treeobj_iter *it,
                       const char **name,
                       size_t *len,
                       struct treeobj **obj)
{
    const struct dir *d = as_dir (o);
    const struct dirent *e;

    while (it->chunk < d->nchunks && it->i == d->chunks[it->chunk]->count) {
        it->chunk++;
        it->i = 0;
    }
    if (it->chunk >= d->nchunks)
        return false;
    e = d->chunks[it->chunk]->ents[it->i++];
    *name = e->name;
    *len = e->namelen;
    *obj = e->obj;
    return true;
}

void treeobj_dir_set_ref (struct treeobj *dir, const struct blobref *ref)
{
    as_dir (dir)->ref = *ref;
    as_dir (dir)->has_ref = true;
}

const struct blobref *treeobj_dir_ref (const struct treeobj *dir)
{
    return as_dir (dir)->has_ref ? &as_dir (dir)->ref : NULL;
}

void treeobj_dir_set_memo (struct treeobj *dir, void *memo, void (*memo_free) (void *))
{
    dir_forget_memo (as_dir (dir));
    as_dir (dir)->memo = memo;
    as_dir (dir)->memo_free = memo_free;
}

void *treeobj_dir_memo (const struct treeobj *dir)
{
    return as_dir (dir)->memo;
}

size_t treeobj_dir_size_hint (const struct treeobj *dir)
{
    return as_dir (dir)->size_hint;
}

/* ---- writing ---- */

size_t treeobj_entry_size (const struct dirent *e)
{
    return text_json_string_size (e->name, e->namelen) + 1 + treeobj_size (e->obj);
}

size_t treeobj_chunk_size (struct dirchunk *c)
{
    if (c->size == 0) {
        size_t size = c->count - 1;

        for (int i = 0; i < c->count; i++)
            size += treeobj_entry_size (c->ents[i]);
        c->size = size;
    }
    return c->size;
}

size_t treeobj_dir_size (struct dir *d)
{
    size_t size = LITERAL_SIZE (DATA_HEAD "{}" DIR_TAIL);

    for (size_t i = 0; i < d->nchunks; i++)
        size += treeobj_chunk_size (d->chunks[i]) + (i > 0);
    return size;
}

/* Its text is kept if another version has it, too: then it is likely to be written again.
 * What just changed will change again, and versions that stay would each have such a text.
 */
static bool chunk_is_steady (const struct dirchunk *c)
{
    return c->refcount > 1 && c->size <= CHUNK_TEXT_MAX;
}

static void chunk_write (struct dirchunk *c, struct text *out, bool keep)
{
    size_t start = out->len;

    if (c->text) {
        text_put (out, c->text, c->size);
        return;
    }
    for (int i = 0; i < c->count; i++) {
        if (i > 0)
            text_putc (out, ',');
        text_put_json_string (out, c->ents[i]->name, c->ents[i]->namelen);
        text_putc (out, ':');
        treeobj_write (c->ents[i]->obj, out);
    }
    if (text_error (out))
        return;
    c->size = out->len - start;
    if (keep && chunk_is_steady (c) && (c->text = malloc (c->size)))
        memcpy (c->text, out->buf + start, c->size);
}

void treeobj_dir_write (const struct dir *d, struct text *out)
{
    size_t start = out->len;

    text_reserve (out, d->size_hint + 256);
    text_puts (out, DATA_HEAD "{");
    for (size_t i = 0; i < d->nchunks; i++) {
        if (i > 0)
            text_putc (out, ',');
        chunk_write (d->chunks[i], out, d->nchunks > 1);
    }
    text_puts (out, "}" DIR_TAIL);
    ((struct dir *)d)->size_hint = out->len - start;
}
