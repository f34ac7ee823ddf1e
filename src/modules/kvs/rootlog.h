/* rootlog.h - the roots that a namespace has had, newest last.
 *
 * Purpose: a published root is a snapshot.  Who came late asks for the log
 * (kvs.root-log, rank 0) and looks up at the roots in it.
 *
 * Invariants
 *  - sequences increase
 *  - the current root is the last
 *  - what is in the log can be read; a root leaves it before its blobs may go
 *
 * Bound: ROOTLOG_MAX per namespace; the oldest go.
 */

#ifndef KVS_ROOTLOG_H
#define KVS_ROOTLOG_H

#include <stdbool.h>

#include "common/blobref.h"
#include "common/text.h"

#define ROOTLOG_MAX 100000

struct root_record {
    int64_t seq;
    double time; /* seconds since the epoch */
    struct blobref ref;
};

struct rootlog {
    struct root_record last;
    struct root_record *v; /* before the last: a ring of cap places ... */
    size_t cap;            /* (a power of two, or 0) */
    size_t first, count;   /* ... of which these are in use */
};

void rootlog_init (struct rootlog *log, int64_t seq, double time, const struct blobref *ref);
void rootlog_fini (struct rootlog *log);

/* Make sure that the next rootlog_add () does not fail: 0 or -ENOMEM. */
int rootlog_reserve (struct rootlog *log);

/* A new root.  Without memory that was reserved, the one before is forgotten. */
void rootlog_add (struct rootlog *log,
                  int64_t seq,
                  double time,
                  const struct blobref *ref);

/* Forget those before seq, but never the last. */
void rootlog_forget (struct rootlog *log, int64_t seq);

/* Is it one of them?  O(roots). */
bool rootlog_has (const struct rootlog *log, const struct blobref *ref);

size_t rootlog_count (const struct rootlog *log);

/* [[seq,time,"rootref"],...] from sequence since on, or, if that is negative, the last
 * -since of them; at most limit (0: all).
 */
void rootlog_write (const struct rootlog *log,
                    int64_t since,
                    size_t limit,
                    struct text *out);

#endif /* !KVS_ROOTLOG_H */
