/* naming.h - the name of a directory that grows at one place.
 *
 * Purpose: a directory with a log of n blobs is some 50 n bytes of text; to write
 * and hash all of it for each append makes logs cost O(n^2).  Versions of such
 * a directory have everything up to the end of the old references in common.
 * So the hash state at that place is remembered with each version, and the next
 * one is named from there.
 */

#ifndef KVS_NAMING_H
#define KVS_NAMING_H

#include "common/blobhash.h"
#include "common/text.h"
#include "common/treeobj.h"

#define NAMING_MIN (16 * 1024) /* bytes of text: smaller ones are just hashed */

/* The name of dir, a version of base that nobody will change, and the size of its
 * text, which is only written (to scratch) if it must be.  0 or -ENOMEM.
 */
int naming_version (struct blobhash *hash,
                    struct treeobj *base,
                    struct treeobj *dir,
                    struct text *scratch,
                    struct blobref *ref,
                    size_t *size);

#endif /* !KVS_NAMING_H */
