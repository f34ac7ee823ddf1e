/* lookup_same.c - a value that the requester has already.
 *
 * Who watches a key across roots that do not name it mostly finds there what it was
 * before.  A lookup-plus with "unless":TAG is told in "tag" what the object is
 * called that the key leads to, and gets no value if that is TAG:
 *
 *   { "val":o "tag":s "rootseq":i "rootref":s }
 *   { "same":true "tag":s "rootseq":i "rootref":s }
 *
 * So an unchanged value is neither loaded nor sent.  Only what is stored by
 * reference has a tag: 'd' for a directory or 'v' for a value, and the name of its
 * blob, or of all names of its blobs in a row.  What lies in the directory itself is
 * at hand, and small.
 */

#include "config.h"
#include "lookup.h"

/* The name of the names, if they are several. */
static void sum_refs (struct blobhash *hash, const struct treeobj *o, struct blobref *sum)
{
    struct blobref ref;

    blobhash_begin (hash);
    for (size_t i = 0; treeobj_ref_at (o, i, &ref) == 0; i++)
        blobhash_update (hash, ref.bytes, blobref_digest_size (ref.kind));
    blobhash_end (hash, sum);
}

void lookup_tag (struct blobhash *hash, const struct treeobj *o, char tag[LOOKUP_TAG_SIZE])
{
    int type = treeobj_type (o);
    size_t count;
    struct blobref ref;

    tag[0] = '\0';
    if ((type != TREEOBJ_VALREF && type != TREEOBJ_DIRREF)
        || (count = treeobj_ref_count (o)) == 0)
        return;
    if (count > 1)
        sum_refs (hash, o, &ref);
    else
        treeobj_ref_at (o, 0, &ref);
    tag[0] = type == TREEOBJ_DIRREF ? 'd' : 'v';
    tag[1] = count > 1 ? '+' : '-';
    blobref_str (&ref, tag + 2);
}
