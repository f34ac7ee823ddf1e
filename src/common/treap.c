#include "config.h"
#include <stdint.h>

#include "treap.h"
#include "util.h"

/* The heap order: a node's address, well stirred (splitmix64's finaliser). */
static uint64_t weight (const struct treap_node *n)
{
    uint64_t x = (uintptr_t)n;

    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    x ^= x >> 31;
    return x;
}

void treap_init (struct treap *t, treap_cmp_f cmp)
{
    *t = (struct treap){ .cmp = cmp };
}

void treap_node_init (struct treap_node *n)
{
    n->parent = n;
    n->left = n->right = NULL;
}

/* What points down at n: its parent's link or the root. */
static struct treap_node **link_of (struct treap *t, struct treap_node *n)
{
    if (!n->parent)
        return &t->root;
    return n->parent->left == n ? &n->parent->left : &n->parent->right;
}

/* n takes the place of its parent, which becomes its child. */
static void rotate_up (struct treap *t, struct treap_node *n)
{
    struct treap_node *p = n->parent;
    struct treap_node *orphan;

    *link_of (t, p) = n;
    n->parent = p->parent;
    if (p->left == n) {
        orphan = n->right;
        p->left = orphan;
        n->right = p;
    }
    else {
        orphan = n->left;
        p->right = orphan;
        n->left = p;
    }
    if (orphan)
        orphan->parent = p;
    p->parent = n;
}

void treap_insert (struct treap *t, struct treap_node *n)
{
    struct treap_node **link = &t->root;
    struct treap_node *parent = NULL;
    uint64_t w = weight (n);

    must (!treap_linked (n));
    while (*link) {
        parent = *link;
        link = t->cmp (n, parent) < 0 ? &parent->left : &parent->right;
    }
    n->parent = parent;
    *link = n;
    while (n->parent && w > weight (n->parent))
        rotate_up (t, n);
    t->count++;
}

void treap_remove (struct treap *t, struct treap_node *n)
{
    struct treap_node *child;

    must (treap_linked (n));
    while (n->left && n->right)
        rotate_up (t, weight (n->left) > weight (n->right) ? n->left : n->right);
    child = n->left ? n->left : n->right;
    *link_of (t, n) = child;
    if (child)
        child->parent = n->parent;
    treap_node_init (n);
    t->count--;
}

static struct treap_node *leftmost (struct treap_node *n)
{
    while (n && n->left)
        n = n->left;
    return n;
}

static struct treap_node *rightmost (struct treap_node *n)
{
    while (n && n->right)
        n = n->right;
    return n;
}

struct treap_node *treap_first (const struct treap *t)
{
    return leftmost (t->root);
}

struct treap_node *treap_last (const struct treap *t)
{
    return rightmost (t->root);
}

struct treap_node *treap_next (const struct treap_node *n)
{
    if (n->right)
        return leftmost (n->right);
    while (n->parent && n->parent->right == n)
        n = n->parent;
    return n->parent;
}

struct treap_node *treap_prev (const struct treap_node *n)
{
    if (n->left)
        return rightmost (n->left);
    while (n->parent && n->parent->left == n)
        n = n->parent;
    return n->parent;
}

struct treap_node *treap_seek (const struct treap *t, const struct treap_node *key)
{
    struct treap_node *n = t->root;
    struct treap_node *found = NULL;

    while (n) {
        if (t->cmp (n, key) < 0)
            n = n->right;
        else {
            found = n;
            n = n->left;
        }
    }
    return found;
}
