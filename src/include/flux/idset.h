/* flux/idset.h - sets of small nonnegative integers (RFC 22): ranks, cores.
 *
 * Ids run from 0 to 2^31 - 1.  A set has a universe: the ids it can hold,
 * 0 .. size - 1; with IDSET_FLAG_AUTOGROW it doubles as needed.
 *
 * Memory follows what is in the set, not its universe, and sets made of few
 * ranges are cheap whatever their size.  Not thread safe.
 *
 * Functions that can fail return -1 or NULL with errno: EINVAL for NULL sets,
 * invalid ids and wrong flags, ERANGE above 2^31, ENOMEM.  Strings returned
 * are freed by the caller.
 */

#ifndef _FLUX_IDSET_H
#define _FLUX_IDSET_H

#include <sys/types.h>
#include <sys/param.h>
#include <stdbool.h>
#include <limits.h>

#ifdef __cplusplus
extern "C" {
#endif

enum idset_flags {
    IDSET_FLAG_AUTOGROW = 1,    /* the universe grows as needed */
    IDSET_FLAG_BRACKETS = 2,    /* encode: "[0-3]", if more than one id */
    IDSET_FLAG_RANGE = 4,       /* encode: "0-3", not "0,1,2,3" */
    IDSET_FLAG_INITFULL = 8,    /* create: every id of the universe is in */
    IDSET_FLAG_COUNT_LAZY = 16, /* accepted; counting is always free */
    IDSET_FLAG_ALLOC_RR = 32,   /* alloc: go round instead of lowest first */
};

#define IDSET_INVALID_ID (UINT_MAX - 1)
#define IDSET_MAX_UNIVERSE (((size_t) 1) << 31)

/* Remove every member. */
#define idset_clear_all(x) idset_subtract ((x), (x))

typedef struct {
    char text[160];
} idset_error_t;

/* size 0 is 1024.  Flags: AUTOGROW, INITFULL, COUNT_LAZY, ALLOC_RR. */
struct idset *idset_create (size_t size, int flags);
void idset_destroy (struct idset *idset);
size_t idset_universe_size (const struct idset *idset); /* NULL: 0 */
struct idset *idset_copy (const struct idset *idset);

/* Text of the set; flags RANGE and BRACKETS. The empty set is "". */
char *idset_encode (const struct idset *idset, int flags);

/* Read text: ids or ranges in ascending order, separated by commas, in
 * brackets or not; "" is the empty set.  len -1: s ends in NUL.  size: as for
 * idset_create, or -1 for just enough (then the empty set is refused without
 * AUTOGROW).  On failure error says what was wrong.
 */
struct idset *idset_decode (const char *s);
struct idset *idset_ndecode (const char *s, size_t len);
struct idset *idset_decode_ex (const char *s,
                               ssize_t len,
                               ssize_t size,
                               int flags,
                               idset_error_t *error);

/* True if s is a valid text of the empty set (or NULL). */
bool idset_decode_empty (const char *s, ssize_t len);

/* What is in the text, without making a set.  Outputs may be NULL; maxid is
 * IDSET_INVALID_ID for the empty set.
 */
int idset_decode_info (const char *s,
                       ssize_t len,
                       size_t *count,
                       unsigned int *maxid,
                       idset_error_t *error);

/* Add or remove the ids of a text; a bad text changes nothing. */
int idset_decode_add (struct idset *idset,
                      const char *s,
                      ssize_t len,
                      idset_error_t *error);
int idset_decode_subtract (struct idset *idset,
                           const char *s,
                           ssize_t len,
                           idset_error_t *error);

/* Make ids members, or not; lo and hi are included, in either order.  Outside
 * the universe: set grows it (AUTOGROW) or fails with EINVAL, clear does
 * nothing.  With INITFULL it is the other way round, as if the ids beyond were
 * members.
 */
int idset_set (struct idset *idset, unsigned int id);
int idset_range_set (struct idset *idset, unsigned int lo, unsigned int hi);
int idset_clear (struct idset *idset, unsigned int id);
int idset_range_clear (struct idset *idset, unsigned int lo, unsigned int hi);
bool idset_test (const struct idset *idset, unsigned int id);

/* Iterate: IDSET_INVALID_ID when there is none, or the set is NULL. */
unsigned int idset_first (const struct idset *idset);
unsigned int idset_next (const struct idset *idset, unsigned int id);
unsigned int idset_last (const struct idset *idset);
unsigned int idset_prev (const struct idset *idset, unsigned int id);

size_t idset_count (const struct idset *idset); /* NULL: 0 */
bool idset_empty (const struct idset *idset);   /* NULL: true */

/* Same members?  Universe and flags do not matter; false if either is NULL. */
bool idset_equal (const struct idset *a, const struct idset *);

/* New sets.  a must not be NULL; b may be, but for idset_intersect.  A union
 * has AUTOGROW.
 */
struct idset *idset_union (const struct idset *a, const struct idset *b);
struct idset *idset_difference (const struct idset *a, const struct idset *b);
struct idset *idset_intersect (const struct idset *a, const struct idset *b);

/* The same in place, by the rules of idset_set and idset_clear. */
int idset_add (struct idset *a, const struct idset *b);
int idset_subtract (struct idset *a, const struct idset *b);
bool idset_has_intersection (const struct idset *a, const struct idset *b);

/* The set as a pool of free ids; it must have INITFULL.  alloc takes the
 * lowest member (with ALLOC_RR the next after the one taken last); an empty
 * pool grows (AUTOGROW) or fails with EINVAL.  free_check fails with EEXIST if
 * the id is there already, EINVAL if it is outside the universe; free ignores
 * errors.
 */
int idset_alloc (struct idset *idset, unsigned int *val);
void idset_free (struct idset *idset, unsigned int val);
int idset_free_check (struct idset *idset, unsigned int val);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_IDSET_H */
