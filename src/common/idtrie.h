/* idtrie.h - what an idset is made of: a trie of 64-way nodes.
 *
 * A slot at height 0 is a word of 64 ids; at height h it is a node of 64 slots
 * of height h - 1.  At any height 0 means empty and SLOT_FULL means full, and
 * needs no memory: {0, 2147483647} takes a dozen nodes, {0-2147483647} none.
 * A slot does not know its height: the owner does.  Ids are relative to the
 * slot.
 *
 * Invariants
 *  - canonical: a node has a member and a hole; equal slots look alike
 *  - a node's count and summary bits describe its slots
 *
 * Everything but copying is O(height) = O(1) per id, or per range of ids where
 * the operands are made of few ranges.
 *
 * Errors: -ENOMEM leaves a slot valid, with part of the change made.
 */

#ifndef MILLRACE_IDTRIE_H
#define MILLRACE_IDTRIE_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_FULL UINT64_MAX
#define SLOT_MAX_HEIGHT 5 /* 64^6 > 2^31 */

/* Number of ids below a slot of that height. */
static inline uint64_t slot_span (int height)
{
    return UINT64_C (1) << (6 * (height + 1));
}

void slot_free (uint64_t slot, int height);

/* Replace what is there. */
void slot_set (uint64_t *slot, int height, uint64_t value);

/* Put the slot into slot 0 of a new one, one higher; 0 stays 0. */
int slot_raise (uint64_t *slot, int height);

/* The part of a slot of height 'from' that one of height 'to' <= from covers:
 * borrowed.
 */
uint64_t slot_lower (uint64_t slot, int from, int to);

/* Make lo..hi members, or not. */
int slot_range (uint64_t *slot, int height, uint64_t lo, uint64_t hi, bool member);

int slot_copy (uint64_t *out, uint64_t slot, int height);

uint64_t slot_count (uint64_t slot, int height);
bool slot_test (uint64_t slot, int height, uint64_t id);

/* The first id >= from that is a member, or is not; the last member <= from.
 * False if there is none.
 */
bool slot_next (uint64_t slot, int height, uint64_t from, bool member, uint64_t *id);
bool slot_prev (uint64_t slot, int height, uint64_t from, uint64_t *id);

bool slot_equal (uint64_t a, uint64_t b, int height);
bool slot_meets (uint64_t a, uint64_t b, int height);

/* *a |= b;  *a &= ~b;  *out = a & b */
int slot_add (uint64_t *a, uint64_t b, int height);
int slot_subtract (uint64_t *a, uint64_t b, int height);
int slot_intersect (uint64_t *out, uint64_t a, uint64_t b, int height);

#endif /* !MILLRACE_IDTRIE_H */
