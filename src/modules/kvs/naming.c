#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "naming.h"

/* What is remembered with a directory: the state after so many bytes. */
struct memo {
    struct blobhash_state *state;
    size_t pos;
};

static void memo_free (void *arg)
{
    struct memo *m = arg;

    blobhash_state_free (m->state);
    free (m);
}

/* Remember the state of now.  Without memory the next version costs more. */
static void remember (struct blobhash *hash, struct treeobj *dir, size_t pos)
{
    struct memo *m = calloc (1, sizeof (*m));

    if (!m)
        return;
    m->pos = pos;
    if (blobhash_save (hash, &m->state) < 0)
        free (m);
    else
        treeobj_dir_set_memo (dir, m, memo_free);
}

/* Hash text that begins at byte pos, and remember where it parts from base. */
static void hash_from (struct blobhash *hash,
                       struct treeobj *dir,
                       const struct text *t,
                       size_t pos,
                       size_t common,
                       struct blobref *ref)
{
    blobhash_update (hash, t->buf, common - pos);
    remember (hash, dir, common);
    blobhash_update (hash, t->buf + (common - pos), t->len - (common - pos));
    blobhash_end (hash, ref);
}

static int name_all (struct blobhash *hash,
                     struct treeobj *base,
                     struct treeobj *dir,
                     struct text *t,
                     struct blobref *ref,
                     size_t *size)
{
    size_t common;

    treeobj_write (dir, t);
    if (text_error (t))
        return -ENOMEM;
    *size = t->len;
    if (t->len < NAMING_MIN || base == dir
        || (common = treeobj_dir_common (base, dir)) < t->len / 2) {
        blobhash_sum (hash, t->buf, t->len, ref);
        return 0;
    }
    blobhash_begin (hash);
    hash_from (hash, dir, t, 0, common, ref);
    return 0;
}

int naming_version (struct blobhash *hash,
                    struct treeobj *base,
                    struct treeobj *dir,
                    struct text *t,
                    struct blobref *ref,
                    size_t *size)
{
    const struct memo *m = base == dir ? NULL : treeobj_dir_memo (base);
    size_t common;

    text_clear (t);
    if (!m || (*size = treeobj_size (dir)) < NAMING_MIN
        || m->pos > (common = treeobj_dir_common (base, dir))
        || *size - m->pos > *size / 4)
        return name_all (hash, base, dir, t, ref, size);
    treeobj_dir_write_from (dir, m->pos, t);
    if (text_error (t) || blobhash_resume (hash, m->state) < 0)
        return -ENOMEM;
    hash_from (hash, dir, t, m->pos, common, ref);
    return 0;
}
