#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "idtrie.h"
#include "util.h"

struct node {
    uint64_t any;  /* bit i: slot i is not empty */
    uint64_t full; /* bit i: slot i is full */
    uint64_t count;
    uint64_t slot[64];
};

static struct node *node_of (uint64_t slot)
{
    return (struct node *)(uintptr_t)slot;
}

static bool is_node (uint64_t slot, int height)
{
    return height > 0 && slot != 0 && slot != SLOT_FULL;
}

uint64_t slot_count (uint64_t slot, int height)
{
    if (slot == 0)
        return 0;
    if (slot == SLOT_FULL)
        return slot_span (height);
    return height == 0 ? (uint64_t)__builtin_popcountll (slot) : node_of (slot)->count;
}

void slot_free (uint64_t slot, int height)
{
    struct node *node;
    uint64_t nodes;

    if (!is_node (slot, height))
        return;
    node = node_of (slot);
    if (height > 1) {
        for (nodes = node->any & ~node->full; nodes; nodes &= nodes - 1)
            slot_free (node->slot[__builtin_ctzll (nodes)], height - 1);
    }
    free (node);
}

void slot_set (uint64_t *slot, int height, uint64_t value)
{
    slot_free (*slot, height);
    *slot = value;
}

/* The node of an empty or full slot, made if need be. */
static struct node *slot_expand (uint64_t *slot)
{
    struct node *node;

    if (*slot != 0 && *slot != SLOT_FULL)
        return node_of (*slot);
    if (!(node = calloc (1, sizeof (*node))))
        return NULL;
    if (*slot == SLOT_FULL) {
        memset (node->slot, 0xff, sizeof (node->slot));
        node->any = node->full = SLOT_FULL;
    }
    *slot = (uintptr_t)node;
    return node;
}

/* After slot i of the node has changed: describe it anew. */
static void node_note (struct node *node, unsigned int i)
{
    uint64_t bit = UINT64_C (1) << i;

    node->any = node->slot[i] != 0 ? node->any | bit : node->any & ~bit;
    node->full = node->slot[i] == SLOT_FULL ? node->full | bit : node->full & ~bit;
}

/* After a change below: an empty or full node becomes a plain slot. */
static void slot_collapse (uint64_t *slot, int height)
{
    struct node *node = node_of (*slot);

    if (node->any == 0)
        slot_set (slot, height, 0);
    else if (node->full == SLOT_FULL)
        slot_set (slot, height, SLOT_FULL);
    else {
        node->count = 0;
        for (uint64_t any = node->any; any; any &= any - 1) {
            unsigned int i = __builtin_ctzll (any);

            node->count += slot_count (node->slot[i], height - 1);
        }
    }
}

/* As slot_collapse, when the members below changed by delta only. */
static void slot_collapse_by (uint64_t *slot, int height, uint64_t delta)
{
    struct node *node = node_of (*slot);

    if (node->any == 0)
        slot_set (slot, height, 0);
    else if (node->full == SLOT_FULL)
        slot_set (slot, height, SLOT_FULL);
    else
        node->count += delta;
}

static uint64_t mask_of (unsigned int lo, unsigned int hi)
{
    return (SLOT_FULL << lo) & (SLOT_FULL >> (63 - hi));
}

/* Make lo..hi (relative to the slot) members, or not.  -ENOMEM leaves the
 * slot valid, with part of the change made.
 */
int slot_range (uint64_t *slot, int height, uint64_t lo, uint64_t hi, bool member)
{
    uint64_t goal = member ? SLOT_FULL : 0;
    struct node *node;
    uint64_t delta = 0;
    unsigned int shift = 6 * height;
    int rc = 0;

    if (*slot == goal)
        return 0;
    if (lo == 0 && hi == slot_span (height) - 1) {
        slot_set (slot, height, goal);
        return 0;
    }
    if (height == 0) {
        *slot = member ? *slot | mask_of (lo, hi) : *slot & ~mask_of (lo, hi);
        return 0;
    }
    if (*slot == SLOT_FULL)
        delta = slot_span (height); /* what the new node does not count yet */
    if (!(node = slot_expand (slot)))
        return -ENOMEM;
    for (uint64_t i = lo >> shift; i <= hi >> shift && rc == 0; i++) {
        uint64_t from = i == lo >> shift ? lo & (slot_span (height - 1) - 1) : 0;
        uint64_t to = i == hi >> shift ? hi & (slot_span (height - 1) - 1)
                                       : slot_span (height - 1) - 1;

        delta -= slot_count (node->slot[i], height - 1);
        rc = slot_range (&node->slot[i], height - 1, from, to, member);
        delta += slot_count (node->slot[i], height - 1);
        node_note (node, i);
    }
    slot_collapse_by (slot, height, delta);
    return rc;
}

int slot_copy (uint64_t *out, uint64_t slot, int height)
{
    struct node *node;

    if (!is_node (slot, height)) {
        *out = slot;
        return 0;
    }
    if (!(node = malloc (sizeof (*node))))
        return -ENOMEM;
    *node = *node_of (slot);
    if (height > 1) {
        uint64_t nodes = node->any & ~node->full;

        for (; nodes; nodes &= nodes - 1) {
            unsigned int i = __builtin_ctzll (nodes);

            if (slot_copy (&node->slot[i], node->slot[i], height - 1) < 0) {
                /* those from i on still belong to the original */
                for (uint64_t rest = nodes; rest; rest &= rest - 1)
                    node->slot[__builtin_ctzll (rest)] = 0;
                node->any &= ~nodes;
                slot_free ((uintptr_t)node, height);
                return -ENOMEM;
            }
        }
    }
    *out = (uintptr_t)node;
    return 0;
}

bool slot_test (uint64_t slot, int height, uint64_t id)
{
    while (is_node (slot, height)) {
        slot = node_of (slot)->slot[id >> (6 * height) & 63];
        height--;
    }
    return slot == SLOT_FULL || (slot >> (id & 63) & 1);
}

/* The first id >= from (relative to the slot) that is a member, or is not. */
bool slot_next (uint64_t slot, int height, uint64_t from, bool member, uint64_t *id)
{
    struct node *node;
    unsigned int shift = 6 * height;
    uint64_t candidates;

    if (slot == (member ? 0 : SLOT_FULL))
        return false;
    if (slot == (member ? SLOT_FULL : 0)) {
        *id = from;
        return true;
    }
    if (height == 0)
        candidates = member ? slot : ~slot;
    else {
        node = node_of (slot);
        candidates = member ? node->any : ~node->full;
    }
    candidates &= SLOT_FULL << (from >> shift);
    if (height == 0) {
        if (candidates)
            *id = __builtin_ctzll (candidates);
        return candidates != 0;
    }
    for (; candidates; candidates &= candidates - 1) {
        uint64_t i = __builtin_ctzll (candidates);
        uint64_t start = i == from >> shift ? from & (slot_span (height - 1) - 1) : 0;

        if (slot_next (node->slot[i], height - 1, start, member, id)) {
            *id += i << shift;
            return true;
        }
    }
    return false;
}

/* The last member <= from (relative to the slot). */
bool slot_prev (uint64_t slot, int height, uint64_t from, uint64_t *id)
{
    unsigned int shift = 6 * height;
    uint64_t candidates;

    if (slot == 0)
        return false;
    if (slot == SLOT_FULL) {
        *id = from;
        return true;
    }
    candidates = height == 0 ? slot : node_of (slot)->any;
    candidates &= SLOT_FULL >> (63 - (from >> shift));
    while (candidates) {
        uint64_t i = 63 - __builtin_clzll (candidates);
        uint64_t start = i == from >> shift ? from & (slot_span (height - 1) - 1)
                                            : slot_span (height - 1) - 1;

        if (height == 0) {
            *id = i;
            return true;
        }
        if (slot_prev (node_of (slot)->slot[i], height - 1, start, id)) {
            *id += i << shift;
            return true;
        }
        candidates &= ~(UINT64_C (1) << i);
    }
    return false;
}

bool slot_equal (uint64_t a, uint64_t b, int height)
{
    const struct node *na = node_of (a);
    const struct node *nb = node_of (b);

    if (!is_node (a, height) || !is_node (b, height))
        return a == b;
    if (na->any != nb->any || na->full != nb->full || na->count != nb->count)
        return false;
    for (uint64_t some = na->any & ~na->full; some; some &= some - 1) {
        unsigned int i = __builtin_ctzll (some);

        if (!slot_equal (na->slot[i], nb->slot[i], height - 1))
            return false;
    }
    return true;
}

bool slot_meets (uint64_t a, uint64_t b, int height)
{
    if (a == 0 || b == 0)
        return false;
    if (a == SLOT_FULL || b == SLOT_FULL)
        return true;
    if (height == 0)
        return (a & b) != 0;
    for (uint64_t both = node_of (a)->any & node_of (b)->any; both; both &= both - 1) {
        unsigned int i = __builtin_ctzll (both);

        if (slot_meets (node_of (a)->slot[i], node_of (b)->slot[i], height - 1))
            return true;
    }
    return false;
}

/* *a |= b.  On -ENOMEM part of b has been added. */
int slot_add (uint64_t *a, uint64_t b, int height)
{
    struct node *node;
    int rc = 0;

    if (b == 0 || *a == SLOT_FULL)
        return 0;
    if (*a == 0)
        return slot_copy (a, b, height);
    if (b == SLOT_FULL) {
        slot_set (a, height, SLOT_FULL);
        return 0;
    }
    if (height == 0) {
        *a |= b;
        return 0;
    }
    node = node_of (*a);
    for (uint64_t any = node_of (b)->any; any && rc == 0; any &= any - 1) {
        unsigned int i = __builtin_ctzll (any);

        rc = slot_add (&node->slot[i], node_of (b)->slot[i], height - 1);
        node_note (node, i);
    }
    slot_collapse (a, height);
    return rc;
}

/* *a &= ~b.  On -ENOMEM part of b has been removed. */
int slot_subtract (uint64_t *a, uint64_t b, int height)
{
    struct node *node;
    int rc = 0;

    if (*a == 0 || b == 0)
        return 0;
    if (b == SLOT_FULL) {
        slot_set (a, height, 0);
        return 0;
    }
    if (height == 0) {
        *a &= ~b;
        return 0;
    }
    if (!(node = slot_expand (a)))
        return -ENOMEM;
    for (uint64_t any = node_of (b)->any; any && rc == 0; any &= any - 1) {
        unsigned int i = __builtin_ctzll (any);

        rc = slot_subtract (&node->slot[i], node_of (b)->slot[i], height - 1);
        node_note (node, i);
    }
    slot_collapse (a, height);
    return rc;
}

/* *out = a & b. */
int slot_intersect (uint64_t *out, uint64_t a, uint64_t b, int height)
{
    struct node *node;
    uint64_t result = 0;

    if (a == 0 || b == 0) {
        *out = 0;
        return 0;
    }
    if (a == SLOT_FULL || b == SLOT_FULL)
        return slot_copy (out, a == SLOT_FULL ? b : a, height);
    if (height == 0) {
        *out = a & b;
        return 0;
    }
    if (!(node = slot_expand (&result)))
        return -ENOMEM;
    for (uint64_t both = node_of (a)->any & node_of (b)->any; both; both &= both - 1) {
        unsigned int i = __builtin_ctzll (both);

        if (slot_intersect (&node->slot[i],
                            node_of (a)->slot[i],
                            node_of (b)->slot[i],
                            height - 1)
            < 0) {
            slot_free (result, height);
            return -ENOMEM;
        }
        node_note (node, i);
    }
    slot_collapse (&result, height);
    *out = result;
    return 0;
}

/* The part of a root of height 'from' that a lower root covers. */
uint64_t slot_lower (uint64_t slot, int from, int to)
{
    for (; from > to && is_node (slot, from); from--)
        slot = node_of (slot)->slot[0];
    return slot;
}

int slot_raise (uint64_t *slot, int height)
{
    uint64_t root = 0;
    struct node *node;

    if (*slot == 0)
        return 0;
    if (!(node = slot_expand (&root)))
        return -ENOMEM;
    node->slot[0] = *slot;
    node->count = slot_count (*slot, height);
    node_note (node, 0);
    *slot = root;
    return 0;
}
