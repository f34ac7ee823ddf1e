/* ops.h - the operations of a transaction, and keys.
 *
 * Layout (spec kvs.md §8.1): [{"key":s,"flags":i,"dirent":treeobj|null}, ...],
 * exactly those members.  What is wrong with one operation is found out when
 * it is decoded but reported when its turn comes: the first failing operation
 * decides the errno of the transaction.
 *
 * Conditions are our extension.  They stand in the same array, before all
 * operations, in forms that a kvs which does not know them refuses (EPROTO):
 *
 *   {"key":s,"if":null}      the key is absent
 *   {"key":s,"if":true}      the key exists
 *   {"key":s,"if":treeobj}   a lookup of the key with TREEOBJ gives this, or
 *                            this is a val whose put would give what it gives
 *   {"rootseq":i}            the root's sequence number is i
 */

#ifndef KVS_OPS_H
#define KVS_OPS_H

#include "common/jpull.h"
#include "common/treeobj.h"

/* Append to the value instead of replacing it (FLUX_KVS_APPEND).  An append of
 * a *valref* is our extension: with KVS_OP_BYREF set as well (the value of
 * FLUX_KVS_TREEOBJ: "the dirent is the object itself"), the blobrefs in it are
 * put behind those of the value.
 */
enum {
    KVS_OP_APPEND = 32,
    KVS_OP_BYREF = 16,
};

enum kvs_condition {
    KVS_COND_NONE, /* an operation */
    KVS_COND_ABSENT,
    KVS_COND_EXISTS,
    KVS_COND_IS, /* dirent */
    KVS_COND_SEQ,
};

struct kvs_operation {
    enum kvs_condition cond;
    const char *key; /* normalised, NUL-terminated */
    size_t keylen;
    int flags;
    int error;              /* 0, -EPROTO or -EINVAL */
    struct treeobj *dirent; /* NULL: unlink */
    int64_t seq;            /* of KVS_COND_SEQ */
};

struct kvs_ops {
    struct kvs_operation *v;
    size_t count, cap;
    struct text keys;
    char *json; /* the text they were decoded from, if asked to keep it */
    size_t jsonlen;
};

/* Decode the next value of s.  Anything but an array counts as no operations.
 * Returns 0, -EPROTO (not JSON) or -ENOMEM.
 */
int kvs_ops_scan (struct jpull *s, bool keep_json, struct kvs_ops **ret);

void kvs_ops_free (struct kvs_ops *ops); /* NULL ok */
void kvs_ops_freep (struct kvs_ops **ops);

/* May a guest commit this?  0, -EPROTO or -EPERM with *why a static text. */
int kvs_ops_check_guest (const struct kvs_ops *ops, const char **why);

/* Normalise len characters of key into dst (which has room for as many and
 * may be key itself): runs of dots become one, then one leading and one
 * trailing dot go if anything else remains.  Returns the new length.
 */
size_t kvs_key_normalize (const char *key, size_t len, char *dst);

#endif /* !KVS_OPS_H */
