/* kvs_txn.c - a transaction: operations that gather until they are committed.
 *
 * Values are kept as the caller's bytes, one behind the other in one buffer,
 * and become base64 and JSON once, when the request is written.
 *
 * Invariant: op.data .. + op.len is within txn->data.
 */

#include "config.h"
#include <jansson.h>

#include <flux/core.h>

#include "common/table.h"
#include "common/text.h"
#include "common/treeobj.h"
#include "common/utf8.h"
#include "common/util.h"
#include "kvs_private.h"

enum op_kind {
    OP_VAL,    /* data is a value */
    OP_DIRENT, /* data is the text of a tree object, or null */
};

struct op {
    enum op_kind kind;
    int flags;
    char *key;
    size_t data; /* offset */
    size_t len;
};

struct flux_kvs_txn {
    struct op *ops;
    size_t count;
    size_t cap;
    struct text data;
};

flux_kvs_txn_t *flux_kvs_txn_create (void)
{
    return calloc (1, sizeof (flux_kvs_txn_t));
}

int flux_kvs_txn_clear (flux_kvs_txn_t *txn)
{
    if (!txn) {
        errno = EINVAL;
        return -1;
    }
    for (size_t i = 0; i < txn->count; i++)
        free (txn->ops[i].key);
    txn->count = 0;
    text_clear (&txn->data);
    return 0;
}

void flux_kvs_txn_destroy (flux_kvs_txn_t *txn)
{
    if (txn) {
        int saved_errno = errno;
        flux_kvs_txn_clear (txn);
        free (txn->ops);
        text_fini (&txn->data);
        free (txn);
        errno = saved_errno;
    }
}

bool flux_kvs_txn_is_empty (flux_kvs_txn_t *txn)
{
    return !txn || txn->count == 0;
}

static int check_args (flux_kvs_txn_t *txn, int flags, int allowed, const char *key)
{
    if (!txn || !key || !*key || (flags & ~allowed) || !utf8_valid (key, strlen (key))) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

/* Add an operation on a key, with its data.  A failure changes nothing. */
static int add_op (flux_kvs_txn_t *txn,
                   enum op_kind kind,
                   int flags,
                   const char *key,
                   const void *data,
                   size_t len)
{
    struct op op = { .kind = kind, .flags = flags, .data = txn->data.len, .len = len };

    if (txn->count == txn->cap) {
        size_t cap = txn->cap ? 2 * txn->cap : 4;
        struct op *ops = reallocarray (txn->ops, cap, sizeof (*ops));

        if (!ops)
            return -1;
        txn->ops = ops;
        txn->cap = cap;
    }
    if (!(op.key = strdup (key)))
        return -1;
    text_put (&txn->data, data, len);
    if (text_error (&txn->data) < 0) {
        txn->data.error = 0; /* what is there is whole */
        free (op.key);
        errno = ENOMEM;
        return -1;
    }
    txn->ops[txn->count++] = op;
    return 0;
}

int flux_kvs_txn_put_raw (flux_kvs_txn_t *txn,
                          int flags,
                          const char *key,
                          const void *data,
                          size_t len)
{
    if (check_args (txn, flags, FLUX_KVS_APPEND, key) < 0)
        return -1;
    if (!data && len > 0) {
        errno = EINVAL;
        return -1;
    }
    return add_op (txn, OP_VAL, flags, key, data, len);
}

int flux_kvs_txn_put (flux_kvs_txn_t *txn,
                      int flags,
                      const char *key,
                      const char *value)
{
    return flux_kvs_txn_put_raw (txn, flags, key, value, value ? strlen (value) : 0);
}

int flux_kvs_txn_vpack (flux_kvs_txn_t *txn,
                        int flags,
                        const char *key,
                        const char *fmt,
                        va_list ap)
{
    json_t *o;
    char *s;
    int rc;

    if (check_args (txn, flags, FLUX_KVS_APPEND, key) < 0)
        return -1;
    if (!fmt || !*fmt || !(o = json_vpack_ex (NULL, 0, fmt, ap))) {
        errno = EINVAL;
        return -1;
    }
    s = json_dumps (o, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref (o);
    if (!s) {
        errno = ENOMEM;
        return -1;
    }
    rc = add_op (txn, OP_VAL, flags, key, s, strlen (s));
    free_keep_errno (s);
    return rc;
}

int flux_kvs_txn_pack (flux_kvs_txn_t *txn,
                       int flags,
                       const char *key,
                       const char *fmt,
                       ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_kvs_txn_vpack (txn, flags, key, fmt, ap);
    va_end (ap);
    return rc;
}

int flux_kvs_txn_put_treeobj (flux_kvs_txn_t *txn,
                              int flags,
                              const char *key,
                              const char *treeobj)
{
    struct treeobj *o;
    size_t len;
    int rc;

    if (check_args (txn, flags, 0, key) < 0)
        return -1;
    if (!treeobj) {
        errno = EINVAL;
        return -1;
    }
    len = strlen (treeobj);
    if ((rc = treeobj_parse (treeobj, len, &o)) < 0) {
        errno = rc == -ENOMEM ? ENOMEM : EPROTO;
        return -1;
    }
    treeobj_put (o);
    return add_op (txn, OP_DIRENT, flags, key, treeobj, len);
}

static int add_dirent (flux_kvs_txn_t *txn, int flags, const char *key, const char *text)
{
    if (check_args (txn, flags, 0, key) < 0)
        return -1;
    return add_op (txn, OP_DIRENT, flags, key, text, strlen (text));
}

int flux_kvs_txn_mkdir (flux_kvs_txn_t *txn, int flags, const char *key)
{
    return add_dirent (txn, flags, key, "{\"data\":{},\"type\":\"dir\",\"ver\":1}");
}

int flux_kvs_txn_unlink (flux_kvs_txn_t *txn, int flags, const char *key)
{
    return add_dirent (txn, flags, key, "null");
}

int flux_kvs_txn_symlink (flux_kvs_txn_t *txn,
                          int flags,
                          const char *key,
                          const char *ns,
                          const char *target)
{
    struct text t = TEXT_INIT;
    int rc = -1;

    if (!target) {
        errno = EINVAL;
        return -1;
    }
    text_puts (&t, "{\"data\":{");
    if (ns) {
        text_puts (&t, "\"namespace\":");
        if (kvs_put_string (&t, ns) < 0)
            goto done;
        text_putc (&t, ',');
    }
    text_puts (&t, "\"target\":");
    if (kvs_put_string (&t, target) < 0)
        goto done;
    text_puts (&t, "},\"type\":\"symlink\",\"ver\":1}");
    if (text_error (&t) < 0)
        errno = ENOMEM;
    else
        rc = add_dirent (txn, flags, key, t.buf);
done:
    text_fini (&t);
    return rc;
}

int kvs_txn_write (const flux_kvs_txn_t *txn, struct text *t)
{
    text_putc (t, '[');
    for (size_t i = 0; i < txn->count; i++) {
        const struct op *op = &txn->ops[i];
        const char *data = txn->data.buf + op->data;

        text_puts (t, i > 0 ? ",{\"key\":" : "{\"key\":");
        text_put_json_string (t, op->key, strlen (op->key));
        text_puts (t, ",\"flags\":");
        text_put_int (t, op->flags);
        text_puts (t, ",\"dirent\":");
        if (op->kind == OP_VAL) {
            text_puts (t, "{\"data\":\"");
            text_put_base64 (t, data, op->len);
            text_puts (t, "\",\"type\":\"val\",\"ver\":1}");
        }
        else
            text_put (t, data, op->len);
        text_putc (t, '}');
    }
    text_putc (t, ']');
    if (text_error (t) < 0) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

/* Which append each operation is to be joined to. */
struct plan {
    struct table first; /* key -> the first append to it */
    size_t *next;       /* [i]: the next append to the key of ops[i], or 0 */
    bool *joined;       /* [i]: ops[i] is part of an earlier one */
    size_t *last;       /* [i], for a first append: the last one so far */
};

static void plan_fini (struct plan *plan)
{
    table_fini (&plan->first);
    free (plan->next);
    free (plan->joined);
    free (plan->last);
}

static int plan_make (struct plan *plan, flux_kvs_txn_t *txn)
{
    size_t n = txn->count;

    *plan = (struct plan){ .first = TABLE_INIT };
    if (!(plan->next = calloc (n, sizeof (*plan->next)))
        || !(plan->joined = calloc (n, sizeof (*plan->joined)))
        || !(plan->last = calloc (n, sizeof (*plan->last))))
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct op *op = &txn->ops[i];
        struct op *first = table_get_str (&plan->first, op->key);

        if (!(op->flags & FLUX_KVS_APPEND)) {
            if (first)
                return -EINVAL;
        }
        else if (first) {
            plan->next[plan->last[first - txn->ops]] = i;
            plan->last[first - txn->ops] = i;
            plan->joined[i] = true;
        }
        else {
            int rc = table_put_str (&plan->first, op->key, op);

            if (rc < 0)
                return rc;
            plan->last[i] = i;
        }
    }
    return 0;
}

/* Write the data anew, in the order of the operations that stay. */
static int plan_data (const struct plan *plan, flux_kvs_txn_t *txn, struct text *data)
{
    text_reserve (data, txn->data.len);
    for (size_t i = 0; i < txn->count; i++) {
        if (plan->joined[i])
            continue;
        for (size_t k = i;; k = plan->next[k]) {
            text_put (data, txn->data.buf + txn->ops[k].data, txn->ops[k].len);
            if (plan->next[k] == 0)
                break;
        }
    }
    return text_error (data);
}

/* Drop the operations that were joined, and say where the data is now. */
static void plan_apply (const struct plan *plan, flux_kvs_txn_t *txn)
{
    size_t offset = 0;
    size_t kept = 0;

    for (size_t i = 0; i < txn->count; i++) {
        struct op op = txn->ops[i];

        if (plan->joined[i])
            continue;
        op.data = offset;
        for (size_t k = i; plan->next[k] != 0; k = plan->next[k])
            op.len += txn->ops[plan->next[k]].len;
        offset += op.len;
        txn->ops[kept++] = op;
    }
    txn->count = kept;
}

/* All appends to one key become one, at the place of the first.  -1 with errno
 * EINVAL (nothing changes) if something else follows an append to a key.
 */
int kvs_txn_compact (flux_kvs_txn_t *txn)
{
    struct text data = TEXT_INIT;
    struct plan plan;
    int rc;

    if (txn->count < 2)
        return 0;
    if ((rc = plan_make (&plan, txn)) == 0 && (rc = plan_data (&plan, txn, &data)) == 0) {
        for (size_t i = 0; i < txn->count; i++) {
            if (plan.joined[i])
                free (txn->ops[i].key);
        }
        plan_apply (&plan, txn);
        text_fini (&txn->data);
        txn->data = data;
    }
    else {
        text_fini (&data);
        errno = -rc;
    }
    plan_fini (&plan);
    return rc < 0 ? -1 : 0;
}
