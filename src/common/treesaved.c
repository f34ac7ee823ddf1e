/* treesaved.c - which references of a directory have been dealt with. */

#include "config.h"

#include "treeobj_impl.h"

static const struct dir *as_dir (const struct treeobj *o)
{
    must (o->type == TREEOBJ_DIR);
    return (const struct dir *)o;
}

static bool is_refs (const struct treeobj *o)
{
    return o->type == TREEOBJ_VALREF || o->type == TREEOBJ_DIRREF;
}

/* Where in its text the references begin that are not saved. */
static size_t unsaved_from (const struct treeobj *o)
{
    const struct refs *r = (const struct refs *)o;

    if (!r->vec || r->vec->saved == 0)
        return 0;
    return r->vec->saved >= r->len ? r->len : r->vec->saved + 1; /* behind the comma */
}

bool treeobj_dir_next_unsaved (const struct treeobj *o,
                               struct treeobj_ref_iter *it,
                               struct blobref *ref)
{
    const struct dir *d = as_dir (o);

    for (; it->chunk < d->nchunks; it->chunk++, it->i = it->pos = 0) {
        const struct dirchunk *c = d->chunks[it->chunk];

        if (c->saved)
            continue;
        for (; it->i < c->count; it->i++, it->pos = 0) {
            const struct treeobj *entry = c->ents[it->i]->obj;

            if (!is_refs (entry))
                continue;
            if (it->pos == 0)
                it->pos = unsaved_from (entry);
            if (treeobj_ref_next (entry, &it->pos, ref))
                return true;
        }
    }
    return false;
}

static void chunk_set_saved (struct dirchunk *c)
{
    for (int i = 0; i < c->count; i++) {
        const struct refs *r = (const struct refs *)c->ents[i]->obj;

        if (is_refs (&r->hdr) && r->vec && r->vec->saved < r->len)
            r->vec->saved = r->len;
    }
    c->saved = true;
}

void treeobj_dir_set_saved (struct treeobj *o)
{
    const struct dir *d = as_dir (o);

    for (size_t i = 0; i < d->nchunks; i++) {
        if (!d->chunks[i]->saved)
            chunk_set_saved (d->chunks[i]);
    }
}
