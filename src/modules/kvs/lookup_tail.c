/* lookup_tail.c - the end of a growing log.
 *
 * Who follows a log knows the references it has seen.  A lookup-plus with
 * "tail":N asks, of a valref, only for what comes from number N on:
 *
 *   "val"    a valref of the references from number "from" on
 *   "from"   N, or one less than there are if they are no more than N: so there
 *            is always one, and from + their number tells how many there are
 *   "blobs"  the data of the first of these references in base64, null for those
 *            that are large or not at hand; absent if there is nothing new, or
 *            if the lookup has "blobs":false
 *
 * So an append costs its watcher what was appended, however long the log is,
 * and mostly no second request.  Of any other object the answer is as ever.
 */

#include "config.h"
#include "lookup.h"

#define TAIL_BLOB_MAX 8192       /* bytes of a blob that is sent along */
#define TAIL_BYTES_MAX (1 << 16) /* of all together */
#define TAIL_BLOBS_MAX 64

/* The blob if it can be sent along. */
static struct blob *
small_blob (struct cache *cache, const struct blobref *ref, size_t *left)
{
    struct blob *b = cache_peek (cache, ref);

    if (!b || b->len > TAIL_BLOB_MAX || b->len > *left)
        return NULL;
    *left -= b->len;
    return b;
}

static void write_blobs (struct cache *cache,
                         const struct treeobj *valref,
                         size_t from,
                         struct text *t)
{
    size_t left = TAIL_BYTES_MAX;
    struct blobref ref;

    text_puts (t, ",\"blobs\":[");
    for (size_t i = from; i < from + TAIL_BLOBS_MAX; i++) {
        if (treeobj_ref_at (valref, i, &ref) < 0)
            break;
        struct blob *b = small_blob (cache, &ref, &left);

        if (i > from)
            text_putc (t, ',');
        if (b) {
            text_putc (t, '"');
            text_put_base64 (t, b->data, b->len);
            text_putc (t, '"');
        }
        else
            text_puts (t, "null");
    }
    text_putc (t, ']');
}

void lookup_write_tail (struct cache *cache,
                        const struct treeobj *valref,
                        size_t tail,
                        struct text *t)
{
    size_t count = treeobj_ref_count (valref);
    size_t from = tail < count ? tail : count - 1;

    text_puts (t, "\"val\":");
    treeobj_valref_write_from (valref, from, t);
    text_puts (t, ",\"from\":");
    text_put_uint (t, from);
    if (tail < count && cache)
        write_blobs (cache, valref, from, t);
}
