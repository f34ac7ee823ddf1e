/* bulk.h - memory for large payloads.
 *
 * Purpose: what a job prints goes in buffers of some 100 KiB through half a dozen
 * threads, and content keeps many of them.  malloc has an arena for each
 * thread, and what is freed into one of them neither serves another nor goes
 * back to the kernel as long as anything above it is in use: a broker then keeps
 * what each of its threads had at most, all together.  Buffers from here are
 * mapped one by one and shared by all threads: what is free is used again
 * by whoever asks next, or unmapped.
 *
 * Invariants
 *  - a buffer is of one of BULK_STEPS classes per power of two, so that at most a
 *    quarter of it is not asked for (and is not touched, until used again)
 *  - free buffers are kept, warm, to save the page faults: the newest of
 *    each class is taken first, the oldest of all given back first
 *
 * Bound: BULK_KEEP_MAX bytes that are free; buffers above BULK_KEEP_SIZE are never
 * kept.  In use: whatever is asked for.
 *
 * Any thread may free what another got.  With AddressSanitizer all this is
 * malloc, which knows the ends of a buffer.
 */

#ifndef MILLRACE_LIBFLUX_BULK_H
#define MILLRACE_LIBFLUX_BULK_H

#include <stddef.h>

#define BULK_MIN (32 << 10) /* below that malloc does better */
#define BULK_STEPS 4
#define BULK_KEEP_SIZE (8 << 20)
#define BULK_KEEP_MAX (16 << 20)

/* At least size bytes, aligned for anything.  NULL: out of memory. */
void *bulk_alloc (size_t size);
void bulk_free (void *p); /* NULL ok; errno is kept */

/* For tests. */
struct bulk_stats {
    size_t mapped; /* bytes, in use or kept */
    size_t kept;   /* bytes that are free */
};

void bulk_stats (struct bulk_stats *st);

#endif /* !MILLRACE_LIBFLUX_BULK_H */
