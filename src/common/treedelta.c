/* treedelta.c - what two versions of a directory have in common.
 *
 * Versions share chunks, entries and arrays of references; what they share need
 * not be looked at.
 */

#include "config.h"

#include "treeobj_impl.h"

/* ---- writing from some place on ---- */

struct sink {
    struct text *out;
    size_t skip; /* bytes that are not wanted */
};

static void sink_put (struct sink *s, const char *data, size_t len)
{
    if (s->skip >= len) {
        s->skip -= len;
        return;
    }
    text_put (s->out, data + s->skip, len - s->skip);
    s->skip = 0;
}

static void sink_puts (struct sink *s, const char *str)
{
    sink_put (s, str, strlen (str));
}

/* Is all of it unwanted? */
static bool sink_skips (struct sink *s, size_t size)
{
    if (s->skip < size)
        return false;
    s->skip -= size;
    return true;
}

/* Part of something small: written aside. */
static void sink_object (struct sink *s, const struct treeobj *o)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;

    treeobj_write (o, &t);
    if (text_error (&t))
        s->out->error = -ENOMEM;
    else
        sink_put (s, t.buf, t.len);
}

static void sink_name (struct sink *s, const struct dirent *e)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;

    text_put_json_string (&t, e->name, e->namelen);
    text_putc (&t, ':');
    if (text_error (&t))
        s->out->error = -ENOMEM;
    else
        sink_put (s, t.buf, t.len);
}

static void sink_entry (struct sink *s, const struct dirent *e)
{
    const struct refs *r = (const struct refs *)e->obj;

    if (sink_skips (s, treeobj_entry_size (e)))
        return;
    sink_name (s, e);
    if (e->obj->type != TREEOBJ_VALREF) {
        sink_object (s, e->obj);
        return;
    }
    sink_puts (s, DATA_HEAD "[");
    sink_put (s, treeobj_refs_text (r), r->len);
    sink_puts (s, "]" VALREF_TAIL);
}

void treeobj_dir_write_from (const struct treeobj *dir, size_t offset, struct text *out)
{
    const struct dir *d = (const struct dir *)dir;
    struct sink s = { out, offset };

    must (dir->type == TREEOBJ_DIR);
    sink_puts (&s, DATA_HEAD "{");
    for (size_t i = 0; i < d->nchunks; i++) {
        struct dirchunk *c = d->chunks[i];

        if (i > 0)
            sink_puts (&s, ",");
        if (sink_skips (&s, treeobj_chunk_size (c)))
            continue;
        for (int j = 0; j < c->count; j++) {
            if (j > 0)
                sink_puts (&s, ",");
            sink_entry (&s, c->ents[j]);
        }
    }
    sink_puts (&s, "}" DIR_TAIL);
}

/* ---- comparing ---- */

static size_t common_refs (const struct refs *a, const struct refs *b)
{
    size_t n = a->len < b->len ? a->len : b->len;

    if ((a->vec && a->vec == b->vec)
        || memcmp (treeobj_refs_text (a), treeobj_refs_text (b), n) == 0)
        return n;
    return 0;
}

/* Of two entries that are not the same. */
static size_t common_entry (const struct dirent *a, const struct dirent *b)
{
    size_t n;

    if (a->namelen != b->namelen || memcmp (a->name, b->name, a->namelen) != 0)
        return 0;
    n = text_json_string_size (a->name, a->namelen) + 1;
    if (a->obj->type != TREEOBJ_VALREF || b->obj->type != TREEOBJ_VALREF)
        return n;
    return n + LITERAL_SIZE (DATA_HEAD "[")
           + common_refs ((const struct refs *)a->obj, (const struct refs *)b->obj);
}

static bool same_entry (const struct dirent *a, const struct dirent *b)
{
    return a == b
           || (a->obj == b->obj && a->namelen == b->namelen
               && memcmp (a->name, b->name, a->namelen) == 0);
}

static size_t common_chunk (const struct dirchunk *a, const struct dirchunk *b)
{
    size_t n = 0;

    for (int i = 0; i < a->count && i < b->count; i++) {
        if (i > 0)
            n++;
        if (!same_entry (a->ents[i], b->ents[i]))
            return n + common_entry (a->ents[i], b->ents[i]);
        n += treeobj_entry_size (a->ents[i]);
    }
    return n;
}

size_t treeobj_dir_common (const struct treeobj *x, const struct treeobj *y)
{
    const struct dir *a = (const struct dir *)x;
    const struct dir *b = (const struct dir *)y;
    size_t n = LITERAL_SIZE (DATA_HEAD "{");

    must (x->type == TREEOBJ_DIR && y->type == TREEOBJ_DIR);
    for (size_t i = 0; i < a->nchunks && i < b->nchunks; i++) {
        if (i > 0)
            n++;
        if (a->chunks[i] != b->chunks[i])
            return n + common_chunk (a->chunks[i], b->chunks[i]);
        n += treeobj_chunk_size (a->chunks[i]);
    }
    return n;
}
