/* tagpool.h - the matchtags of one connection.
 *
 * Purpose: a matchtag names an outstanding RPC; the lowest free number is
 * used, so that numbers stay small and traces readable.
 *
 * Bound: 2^31 - 1 tags; the pool starts with 1023 and grows by doubling.
 * Tag 0 means none and is never given out.
 */

#ifndef MILLRACE_LIBFLUX_TAGPOOL_H
#define MILLRACE_LIBFLUX_TAGPOOL_H

#include <stdbool.h>
#include <stdint.h>

struct tagpool;

struct tagpool *tagpool_create (void);
void tagpool_destroy (struct tagpool *t);

/* The lowest free tag, or 0 with errno ENOMEM or EBUSY (all are taken).
 * *grown_from is the former number of tags if the pool had to grow, else 0.
 */
uint32_t tagpool_alloc (struct tagpool *t, uint32_t *grown_from);

/* Give a tag back; one that is not out is ignored. */
void tagpool_free (struct tagpool *t, uint32_t tag);

uint32_t tagpool_size (const struct tagpool *t);
uint32_t tagpool_avail (const struct tagpool *t);

/* The next tag that is out after 'tag' (start with 0), 0 at the end. */
uint32_t tagpool_next (const struct tagpool *t, uint32_t tag);

#endif /* !MILLRACE_LIBFLUX_TAGPOOL_H */
