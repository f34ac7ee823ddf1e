/* slab.h - memory for many small objects, by default that of malloc ().
 *
 * Purpose: a tree of the KVS is hundreds of thousands of objects of some tens of
 * bytes, each freed long after it was made.  malloc () joins and splits what such
 * objects leave behind, and so touches memory that has long left the caches of the
 * processor.  Here objects of one class of size share blocks; what was freed last is
 * the first to be given out; a block without objects is given back to malloc ().
 *
 * That is for a thread which says so, and frees itself what it allocates; for others
 * an object may be made in one thread and freed in another, as ever.
 *
 * Bound: what is free in blocks that are in use, and SLAB_KEEP objects of each class: at
 * worst each of these holds a block, 2 MiB for a class.
 * In a build with sanitizers it is malloc (), so that they see each object.
 */

#ifndef MILLRACE_SLAB_H
#define MILLRACE_SLAB_H

#include <stddef.h>

#define SLAB_SIZE_MAX 576 /* bytes; larger objects are malloc ()ed */
#define SLAB_KEEP 64

/* Not initialized.  NULL: no memory, with errno. */
void *slab_alloc (size_t size);

/* The size must be that which it was allocated with.  Keeps errno.  NULL is allowed. */
void slab_free (void *object, size_t size);

/* Between these two what the calling thread allocates comes from blocks of its own: it
 * has freed all that it has from here, or has nothing yet, at either.
 */
void slab_begin (void);
void slab_end (void);

#endif /* !MILLRACE_SLAB_H */
