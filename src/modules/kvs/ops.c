#include "config.h"
#include <errno.h>

#include "ops.h"

size_t kvs_key_normalize (const char *key, size_t len, char *dst)
{
    char *p = dst;

    for (size_t i = 0; i < len; i++) {
        if (key[i] != '.' || p == dst || p[-1] != '.')
            *p++ = key[i];
    }
    if (p - dst > 1 && p[-1] == '.')
        p--;
    if (p - dst > 1 && dst[0] == '.') {
        p--;
        memmove (dst, dst + 1, p - dst);
    }
    return p - dst;
}

void kvs_ops_free (struct kvs_ops *ops)
{
    if (ops) {
        for (size_t i = 0; i < ops->count; i++)
            treeobj_put (ops->v[i].dirent);
        free (ops->v);
        free (ops->json);
        text_fini (&ops->keys);
        free_keep_errno (ops);
    }
}

void kvs_ops_freep (struct kvs_ops **ops)
{
    kvs_ops_free (*ops);
}

static struct kvs_operation *ops_add (struct kvs_ops *ops)
{
    if (ops->count == ops->cap) {
        size_t cap = ops->cap ? ops->cap * 2 : 4;
        struct kvs_operation *v = realloc (ops->v, cap * sizeof (*v));

        if (!v)
            return NULL;
        ops->v = v;
        ops->cap = cap;
    }
    ops->v[ops->count] = (struct kvs_operation){ 0 };
    return &ops->v[ops->count++];
}

/* The key goes to the common text; until that is complete op->keylen alone
 * says where.
 */
static int
scan_key (struct jpull *s, struct kvs_ops *ops, size_t start, struct kvs_operation *op)
{
    const char *str;
    size_t len;
    char *p;
    int r;

    if ((r = jpull_string (s, &str, &len)) < 0)
        return r;
    ops->keys.len = start; /* of two members of that name the last counts */
    if (!(p = text_reserve (&ops->keys, len + 1)))
        return -ENOMEM;
    op->keylen = kvs_key_normalize (str, len, p);
    p[op->keylen] = '\0';
    text_commit (&ops->keys, op->keylen + 1);
    return 0;
}

static int scan_dirent (struct jpull *s, struct kvs_operation *op)
{
    int r;

    treeobj_put (op->dirent);
    op->dirent = NULL;
    if ((r = jpull_null (s)) != -EINVAL)
        return r;
    if ((r = treeobj_scan (s, &op->dirent)) == -EINVAL) {
        op->error = -EINVAL;
        return 0;
    }
    return r;
}

static int scan_flags (struct jpull *s, struct kvs_operation *op)
{
    int64_t i;
    int r;

    if ((r = jpull_int (s, &i)) < 0)
        return r;
    op->flags = i;
    return 0;
}

static int scan_if (struct jpull *s, struct kvs_operation *op)
{
    bool exists;
    int r;

    treeobj_put (op->dirent);
    op->dirent = NULL;
    if ((r = jpull_null (s)) != -EINVAL) {
        op->cond = KVS_COND_ABSENT;
        return r;
    }
    if ((r = jpull_bool (s, &exists)) != -EINVAL) {
        op->cond = KVS_COND_EXISTS;
        return r < 0 ? r : exists ? 0 : -EINVAL;
    }
    op->cond = KVS_COND_IS;
    return treeobj_scan (s, &op->dirent);
}

enum {
    HAVE_KEY = 1,
    HAVE_FLAGS = 2,
    HAVE_DIRENT = 4,
    HAVE_ALL = 7,
    /* conditions */
    HAVE_IF = 8,
    HAVE_SEQ = 16,
};

/* The members of one operation.  Returns -EINVAL for a wrong one. */
static int scan_members (struct jpull *s, struct kvs_ops *ops, struct kvs_operation *op)
{
    size_t start = ops->keys.len;
    const char *name;
    size_t len;
    int have = 0;
    int n = 0;
    int r;

    if ((r = jpull_object (s)) < 0)
        return r;
    while ((r = jpull_member (s, &n, &name, &len)) > 0) {
        if (jpull_is (name, len, "key")) {
            have |= HAVE_KEY;
            r = scan_key (s, ops, start, op);
        }
        else if (jpull_is (name, len, "flags")) {
            have |= HAVE_FLAGS;
            r = scan_flags (s, op);
        }
        else if (jpull_is (name, len, "dirent")) {
            have |= HAVE_DIRENT;
            r = scan_dirent (s, op);
        }
        else if (jpull_is (name, len, "if")) {
            have |= HAVE_IF;
            r = scan_if (s, op);
        }
        else if (jpull_is (name, len, "rootseq")) {
            have |= HAVE_SEQ;
            op->cond = KVS_COND_SEQ;
            r = jpull_int (s, &op->seq);
        }
        else
            r = -EINVAL;
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    if (have == HAVE_SEQ) { /* operations have keys */
        text_put (&ops->keys, "", 1);
        return text_error (&ops->keys);
    }
    return have == HAVE_ALL || have == (HAVE_KEY | HAVE_IF) ? 0 : -EINVAL;
}

/* Conditions are about the root that the operations find. */
static bool out_of_place (const struct kvs_ops *ops)
{
    return ops->count > 1 && ops->v[ops->count - 1].cond
           && !ops->v[ops->count - 2].cond;
}

static int scan_op (struct jpull *s, struct kvs_ops *ops)
{
    struct kvs_operation *op = ops_add (ops);
    const char *start = s->p;
    int depth = s->depth;
    size_t keys = ops->keys.len;
    int r;

    if (!op)
        return -ENOMEM;
    if ((r = scan_members (s, ops, op)) == 0 && out_of_place (ops))
        r = -EINVAL;
    if (r != -EINVAL)
        return r;
    /* A malformed operation; is it at least JSON? */
    s->p = start;
    s->depth = depth;
    if ((r = jpull_skip (s)) < 0)
        return r;
    op->error = -EPROTO;
    op->cond = KVS_COND_NONE;
    op->keylen = 0;
    ops->keys.len = keys;
    text_put (&ops->keys, "", 1);
    return text_error (&ops->keys);
}

static int scan_array (struct jpull *s, struct kvs_ops *ops)
{
    int n = 0;
    int r;

    if ((r = jpull_array (s)) < 0)
        return r == -EINVAL ? jpull_skip (s) : r;
    while ((r = jpull_element (s, &n)) > 0) {
        if ((r = scan_op (s, ops)) < 0)
            return r;
    }
    return r;
}

static int keep_text (struct kvs_ops *ops, const char *start, const char *end)
{
    ops->jsonlen = end - start;
    if (!(ops->json = malloc (ops->jsonlen + 1)))
        return -ENOMEM;
    memcpy (ops->json, start, ops->jsonlen);
    ops->json[ops->jsonlen] = '\0';
    return 0;
}

int kvs_ops_scan (struct jpull *s, bool keep_json, struct kvs_ops **ret)
{
    _cleanup_ (kvs_ops_freep) struct kvs_ops *ops = NULL;
    const char *start;
    const char *key;
    int r;

    if (!(ops = calloc (1, sizeof (*ops))))
        return -ENOMEM;
    if ((r = jpull_peek (s)) < 0)
        return r;
    start = s->p;
    if ((r = scan_array (s, ops)) < 0)
        return r;
    if (keep_json && (r = keep_text (ops, start, s->p)) < 0)
        return r;
    key = ops->keys.buf;
    for (size_t i = 0; i < ops->count; i++) {
        ops->v[i].key = key;
        key += ops->v[i].keylen + 1;
    }
    *ret = move_ptr (ops);
    return 0;
}

static const char *guest_refusal (const struct kvs_operation *op)
{
    if (op->error == -EINVAL)
        return "guests may not commit ??? objects";
    if (!op->dirent || op->cond)
        return NULL;
    switch (treeobj_type (op->dirent)) {
        case TREEOBJ_VAL:
            return NULL;
        case TREEOBJ_DIR:
            return treeobj_dir_count (op->dirent) == 0
                       ? NULL
                       : "guests may not commit non-empty dir objects";
        case TREEOBJ_VALREF:
            return "guests may not commit valref objects";
        case TREEOBJ_DIRREF:
            return "guests may not commit dirref objects";
        case TREEOBJ_SYMLINK:
            return "guests may not commit symlink objects";
    }
    never ("a tree object of no known type");
}

int kvs_ops_check_guest (const struct kvs_ops *ops, const char **why)
{
    for (size_t i = 0; i < ops->count; i++) {
        if (ops->v[i].error == -EPROTO) {
            *why = "could not decode commit operation";
            return -EPROTO;
        }
        if ((*why = guest_refusal (&ops->v[i])))
            return -EPERM;
    }
    return 0;
}
