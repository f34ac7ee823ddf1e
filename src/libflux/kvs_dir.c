/* kvs_dir.c - what is in a directory, from a tree object. */

#include "config.h"
#include <limits.h>
#include <stdio.h>

#include <flux/core.h>

#include "common/treeobj.h"
#include "common/util.h"

struct flux_kvsdir {
    int refs;
    flux_t *h;
    char *rootref; /* NULL: not a snapshot */
    char *key;
    struct treeobj *dir;
};

struct flux_kvsitr {
    const flux_kvsdir_t *dir;
    struct treeobj_iter it;
    bool end;
};

static flux_kvsdir_t *kvsdir_new (flux_t *h, const char *rootref, const char *key)
{
    flux_kvsdir_t *dir = calloc (1, sizeof (*dir));

    if (!dir)
        return NULL;
    dir->refs = 1;
    dir->h = h;
    if (!(dir->key = strdup (key)) || (rootref && !(dir->rootref = strdup (rootref)))) {
        flux_kvsdir_destroy (dir);
        return NULL;
    }
    return dir;
}

flux_kvsdir_t *flux_kvsdir_create (flux_t *handle,
                                   const char *rootref,
                                   const char *key,
                                   const char *json_str)
{
    flux_kvsdir_t *dir;
    int rc;

    if (!key || !json_str) {
        errno = EINVAL;
        return NULL;
    }
    if (!(dir = kvsdir_new (handle, rootref, key)))
        return NULL;
    if ((rc = treeobj_parse (json_str, strlen (json_str), &dir->dir)) < 0
        || treeobj_type (dir->dir) != TREEOBJ_DIR) {
        flux_kvsdir_destroy (dir);
        errno = rc == -ENOMEM ? ENOMEM : EINVAL;
        return NULL;
    }
    return dir;
}

void flux_kvsdir_destroy (flux_kvsdir_t *dir)
{
    if (dir && --dir->refs == 0) {
        int saved_errno = errno;
        treeobj_put (dir->dir);
        free (dir->rootref);
        free (dir->key);
        free (dir);
        errno = saved_errno;
    }
}

void flux_kvsdir_incref (flux_kvsdir_t *dir)
{
    if (dir)
        dir->refs++;
}

flux_kvsdir_t *flux_kvsdir_copy (const flux_kvsdir_t *dir)
{
    flux_kvsdir_t *cpy;

    if (!dir) {
        errno = EINVAL;
        return NULL;
    }
    if ((cpy = kvsdir_new (dir->h, dir->rootref, dir->key)))
        cpy->dir = treeobj_get (dir->dir);
    return cpy;
}

int flux_kvsdir_get_size (const flux_kvsdir_t *dir)
{
    size_t count;

    if (!dir) {
        errno = EINVAL;
        return -1;
    }
    count = treeobj_dir_count (dir->dir);
    return count > INT_MAX ? INT_MAX : (int)count;
}

/* The type of an entry, 0 if there is none. */
static int entry_type (const flux_kvsdir_t *dir, const char *name)
{
    struct treeobj *o = NULL;

    if (dir && name)
        o = treeobj_dir_find (dir->dir, name, strlen (name));
    return o ? treeobj_type (o) : 0;
}

bool flux_kvsdir_exists (const flux_kvsdir_t *dir, const char *name)
{
    return entry_type (dir, name) != 0;
}

bool flux_kvsdir_isdir (const flux_kvsdir_t *dir, const char *name)
{
    int type = entry_type (dir, name);

    return type == TREEOBJ_DIR || type == TREEOBJ_DIRREF;
}

bool flux_kvsdir_issymlink (const flux_kvsdir_t *dir, const char *name)
{
    return entry_type (dir, name) == TREEOBJ_SYMLINK;
}

const char *flux_kvsdir_key (const flux_kvsdir_t *dir)
{
    return dir ? dir->key : NULL;
}

void *flux_kvsdir_handle (const flux_kvsdir_t *dir)
{
    return dir ? dir->h : NULL;
}

const char *flux_kvsdir_rootref (const flux_kvsdir_t *dir)
{
    return dir ? dir->rootref : NULL;
}

char *flux_kvsdir_key_at (const flux_kvsdir_t *dir, const char *key)
{
    size_t len;
    char *s;

    if (!dir || !key) {
        errno = EINVAL;
        return NULL;
    }
    if (strcmp (dir->key, ".") == 0)
        return strdup (key);
    len = strlen (dir->key);
    if (asprintf (&s,
                  "%s%s%s",
                  dir->key,
                  len > 0 && dir->key[len - 1] == '.' ? "" : ".",
                  key)
        < 0) {
        errno = ENOMEM;
        return NULL;
    }
    return s;
}

flux_kvsitr_t *flux_kvsitr_create (const flux_kvsdir_t *dir)
{
    flux_kvsitr_t *itr;

    if (!dir) {
        errno = EINVAL;
        return NULL;
    }
    if ((itr = calloc (1, sizeof (*itr))))
        itr->dir = dir;
    return itr;
}

void flux_kvsitr_destroy (flux_kvsitr_t *itr)
{
    free_keep_errno (itr);
}

const char *flux_kvsitr_next (flux_kvsitr_t *itr)
{
    struct treeobj *o;
    const char *name;
    size_t len;

    if (!itr || itr->end)
        return NULL;
    if (!treeobj_dir_next (itr->dir->dir, &itr->it, &name, &len, &o)) {
        itr->end = true;
        return NULL;
    }
    return name;
}

void flux_kvsitr_rewind (flux_kvsitr_t *itr)
{
    if (itr) {
        memset (&itr->it, 0, sizeof (itr->it));
        itr->end = false;
    }
}
