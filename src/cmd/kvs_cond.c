#include "config.h"
#include <stdint.h>

#include "cmd.h"
#include "common/treeobj.h"
#include "kvs.h"
#include "kvs_cond.h"

struct kvs_cond {
    int option;
    char *key;         /* NULL: all of the command */
    const char *value; /* from the command line; a tree object: canonical, ours */
    char *heap;
    int64_t seq;
};

void kvs_conds_fini (struct kvs_conds *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free (c->v[i].key);
        free (c->v[i].heap);
    }
    free (c->v);
    c->v = NULL;
    c->count = 0;
}

static void
set_key_value (struct kvs_cond *c, const struct opt_table *table, const char *arg)
{
    const char *eq = strchr (arg, '=');

    if (!eq || eq == arg)
        opt_error (table, "--if: '%s' is not KEY=VALUE", arg);
    c->key = cmd_strndup (arg, eq - arg);
    c->value = eq + 1;
}

static void
set_treeobj (struct kvs_cond *c, const struct opt_table *table, const char *arg)
{
    struct treeobj *o;

    if (treeobj_parse (arg, strlen (arg), &o) < 0)
        opt_error (table, "--if-treeobj: '%s' is not a tree object", arg);
    if (!(c->value = c->heap = treeobj_text (o)))
        cmd_die ("out of memory");
    treeobj_put (o);
}

bool kvs_conds_set (struct kvs_conds *conds,
                    const struct opt_table *table,
                    int key,
                    const char *arg)
{
    struct kvs_cond *c;

    if (key < KVS_IF || key > KVS_IF_SEQ)
        return false;
    conds->v = cmd_grow (conds->v, conds->count, sizeof (conds->v[0]));
    c = &conds->v[conds->count++];
    c->option = key;
    switch (key) {
        case KVS_IF_ABSENT:
        case KVS_IF_EXISTS:
            c->key = arg ? cmd_strndup (arg, strlen (arg)) : NULL;
            break;
        case KVS_IF_VALUE:
            c->value = arg;
            break;
        case KVS_IF_TREEOBJ:
            set_treeobj (c, table, arg);
            break;
        case KVS_IF:
            set_key_value (c, table, arg);
            break;
        case KVS_IF_SEQ:
            c->seq = opt_number (table, "if-seq", arg, 0, INT64_MAX);
            break;
    }
    return true;
}

bool kvs_conds_looked_up (const struct kvs_conds *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->v[i].option == KVS_IF || c->v[i].option == KVS_IF_VALUE)
            return true;
    }
    return false;
}

_noreturn_ static void not_met (const char *key, const char *why)
{
    cmd_warn ("condition not met: %s %s", key, why);
    exit (KVS_EXIT_CONDITION);
}

/* Does the key have this value in that root?  Then, as which object? */
static char *find_value (flux_t *h, const char *root, const char *key, const char *value)
{
    flux_future_t *f = flux_kvs_lookupat (h, FLUX_KVS_TREEOBJ, key, root);
    flux_future_t *f2 = flux_kvs_lookupat (h, 0, key, root);
    const char *obj;
    const void *data;
    char *result;
    size_t len;

    if (!f || !f2 || flux_kvs_lookup_get_treeobj (f, &obj) < 0) {
        if (f && errno == ENOENT)
            not_met (key, "does not exist");
        kvs_die (key, f);
    }
    if (strstr (obj, "\"type\":\"symlink\""))
        cmd_die ("%s: is a symbolic link: name what it points to", key);
    if (flux_kvs_lookup_get_raw (f2, &data, &len) < 0)
        kvs_die (key, f2);
    if (len != strlen (value) || (len > 0 && memcmp (data, value, len) != 0))
        not_met (key, "has another value");
    result = cmd_strndup (obj, strlen (obj));
    flux_future_destroy (f);
    flux_future_destroy (f2);
    return result;
}

static void write_value (const struct kvs_cond *c,
                         flux_t *h,
                         const char *ns,
                         const char *key,
                         struct kvsops *ops)
{
    flux_future_t *f = flux_kvs_getroot (h, ns, 0);
    const char *root;
    char *obj;

    if (!f || flux_kvs_getroot_get_treeobj (f, &root) < 0)
        kvs_die (key, f);
    obj = find_value (h, root, key, c->value);
    kvsops_if_treeobj (ops, key, obj);
    free (obj);
    flux_future_destroy (f);
}

static void write_one (const struct kvs_cond *c,
                       flux_t *h,
                       const char *ns,
                       const char *key,
                       struct kvsops *ops)
{
    switch (c->option) {
        case KVS_IF_ABSENT:
            kvsops_if_absent (ops, key);
            break;
        case KVS_IF_EXISTS:
            kvsops_if_exists (ops, key);
            break;
        case KVS_IF_TREEOBJ:
            kvsops_if_treeobj (ops, key, c->value);
            break;
        default:
            write_value (c, h, ns, key, ops);
    }
}

void kvs_conds_write (const struct kvs_conds *conds,
                      flux_t *h,
                      const char *ns,
                      size_t n,
                      char **keys,
                      struct kvsops *ops)
{
    for (size_t i = 0; i < conds->count; i++) {
        const struct kvs_cond *c = &conds->v[i];

        if (c->option == KVS_IF_SEQ)
            kvsops_if_seq (ops, c->seq);
        else if (c->key)
            write_one (c, h, ns, c->key, ops);
        else {
            for (size_t k = 0; k < n; k++)
                write_one (c, h, ns, keys[k], ops);
        }
    }
}
