/* treap.h - intrusive ordered set: insert, remove and re-key in O(log n),
 * walk in order from either end or from any key.
 *
 * Purpose: queues of a million jobs that must stay sorted while jobs come,
 * go and change their priority (alloc queue, job lists, purge order).
 *
 * A binary search tree on the caller's order which is at the same time a heap
 * on a hash of the nodes' addresses: its depth is O(log n) whatever the order
 * of insertion, and a node needs no room for a balance.
 *
 * Invariants
 *  - cmp () is a total order in which no two members are equal
 *  - what cmp () looks at does not change while a node is linked: to re-key,
 *    remove, change, insert
 *  - a node is in at most one set at a time; an unlinked node knows that it is
 *
 * Ownership: nodes are embedded in and owned by the caller's objects.
 * Bound: none of its own.  Nothing here allocates, so nothing can fail.
 */

#ifndef MILLRACE_TREAP_H
#define MILLRACE_TREAP_H

#include <stdbool.h>
#include <stddef.h>

struct treap_node {
    struct treap_node *parent; /* itself: not linked; NULL: the root */
    struct treap_node *left;
    struct treap_node *right;
};

/* < 0: a comes before b. */
typedef int (*treap_cmp_f) (const struct treap_node *a, const struct treap_node *b);

struct treap {
    struct treap_node *root;
    size_t count;
    treap_cmp_f cmp;
};

void treap_init (struct treap *t, treap_cmp_f cmp);
void treap_node_init (struct treap_node *n);

static inline bool treap_linked (const struct treap_node *n)
{
    return n->parent != n;
}

static inline size_t treap_count (const struct treap *t)
{
    return t->count;
}

/* n must be unlinked. */
void treap_insert (struct treap *t, struct treap_node *n);

/* n must be in t. */
void treap_remove (struct treap *t, struct treap_node *n);

/* NULL at the end. */
struct treap_node *treap_first (const struct treap *t);
struct treap_node *treap_last (const struct treap *t);
struct treap_node *treap_next (const struct treap_node *n);
struct treap_node *treap_prev (const struct treap_node *n);

/* The first member that does not come before key (which need not be linked),
 * or NULL.
 */
struct treap_node *treap_seek (const struct treap *t, const struct treap_node *key);

#endif /* !MILLRACE_TREAP_H */
