/* job-manager/pack.h - two texts of an inactive job, compressed into one block.
 *
 * Purpose: nobody looks at most of a million inactive jobs; their eventlogs and
 * R are a quarter of the size when packed.  They are much alike, so they are
 * compressed against a dictionary of what such texts look like.
 *
 * The format is of this program only: who keeps blocks for another process notes
 * with which dictionary they can be read.
 *
 * Ownership: a block is malloced and the caller's.
 */

#ifndef MILLRACE_JOB_MANAGER_PACK_H
#define MILLRACE_JOB_MANAGER_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "common/jview.h"
#include "common/text.h"

struct packed {
    uint32_t size; /* of bytes */
    uint32_t len[2];
    char bytes[];
};

struct packer;

struct packer *packer_new (void);
void packer_free (struct packer *p);

/* Returns 0; -ENOMEM; -EFBIG: nothing is gained by packing these. */
int packer_pack (struct packer *p,
                 const char *a,
                 size_t alen,
                 const char *b,
                 size_t blen,
                 struct packed **ret);

/* What stands for the dictionary: blocks can be read with the same one only. */
uint64_t pack_dictionary (void);

/* A block that was kept somewhere, or claims so.  NULL: no memory. */
struct packed *packed_new (const char *bytes, uint32_t size, uint32_t alen, uint32_t blen);

/* Append both texts to t; the views are valid until it changes.  An empty text
 * is absent.  Returns 0; -ENOMEM; -EIO: this is no block.
 */
int unpack (const struct packed *block, struct text *t, struct jview *a, struct jview *b);

#endif /* !MILLRACE_JOB_MANAGER_PACK_H */
