/* table.h - hash table from u64 or byte-string keys to pointers.
 *
 * Purpose: one fast table for the hot paths (jobs by id, blobs by digest,
 * watchers by key).  Open addressing, linear probing, deletion by backward
 * shift: no tombstones, so a table that shrinks stays fast.
 *
 * Invariants
 *  - every key in one table is of one kind: use either the _u64 functions or
 *    the byte-string ones on it
 *  - load factor <= 3/4
 *
 * Ownership: keys given as bytes are borrowed and must stay valid and
 * unchanged until the entry is removed (usually they live inside the value).
 * Values are borrowed.  NULL is not a value.
 * Bound: none of its own; the owner bounds what it puts in.
 */

#ifndef MILLRACE_TABLE_H
#define MILLRACE_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct table_slot {
    uint64_t hash;   /* of a byte key; the key itself for u64 */
    const void *key; /* NULL for u64 */
    uint32_t keylen;
    void *value; /* NULL: free slot */
};

struct table {
    struct table_slot *slots; /* NULL until the first insertion */
    size_t mask;              /* number of slots - 1 */
    size_t count;
    size_t hint; /* where table_pop looks first, so that draining is O(n) */
};

#define TABLE_INIT { NULL, 0, 0, 0 }

void table_init (struct table *t);

/* Free the slots, not the values.  The table is empty and usable after. */
void table_fini (struct table *t);

static inline size_t table_count (const struct table *t)
{
    return t->count;
}

/* Insert.  Returns 0, -EEXIST (nothing changes), -ENOMEM or -EINVAL (NULL
 * value, key of 4 GiB or more).
 */
int table_put_u64 (struct table *t, uint64_t key, void *value);
int table_put (struct table *t, const void *key, size_t len, void *value);

/* The value, or NULL. */
void *table_get_u64 (const struct table *t, uint64_t key);
void *table_get (const struct table *t, const void *key, size_t len);

/* Remove; returns the value that was there, or NULL. */
void *table_del_u64 (struct table *t, uint64_t key);
void *table_del (struct table *t, const void *key, size_t len);

static inline int table_put_str (struct table *t, const char *key, void *value)
{
    return table_put (t, key, strlen (key), value);
}

static inline void *table_get_str (const struct table *t, const char *key)
{
    return table_get (t, key, strlen (key));
}

static inline void *table_del_str (struct table *t, const char *key)
{
    return table_del (t, key, strlen (key));
}

/* Iterate in no particular order: start with *pos = 0, NULL at the end.
 * The table must not change during the iteration.
 */
void *table_next (const struct table *t, size_t *pos);

/* Remove and return any one value, NULL when empty: the way to drain a table
 * whose values are freed one by one.
 */
void *table_pop (struct table *t);

#endif /* !MILLRACE_TABLE_H */
