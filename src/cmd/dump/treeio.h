/* treeio.h - KVS trees as the blobs they are, without the kvs.
 *
 * Purpose: dump, restore, fsck and gc read and write trees of any root, also
 * when the kvs module is not loaded.
 *
 * Blobs go to and come from the content cache of this rank, or straight the
 * backing store of rank 0 (no_cache).  What cannot be sent or stored is fatal:
 * these functions then say so and exit.
 *
 * Bound: maxreqs requests on their way; a walk holds the directories on its
 * path and as many blobs ahead as that.  Of what is stored content holds about
 * 2 * TREEIO_FLUSH_BYTES that are not on disk: who stores much learns of a full disk
 * before content, which waits for room, makes him wait.
 */

#ifndef MILLRACE_DUMP_TREEIO_H
#define MILLRACE_DUMP_TREEIO_H

#include <flux/core.h>

#include "common/blobhash.h"
#include "common/text.h"
#include "common/treeobj.h"

#define TREEIO_FLUSH_BYTES (16 * 1024 * 1024)

struct treeio {
    flux_t *h;
    bool no_cache;
    size_t maxreqs;
    struct blobhash *hash;
    flux_future_t **stores; /* a ring: those on their way, oldest first */
    size_t first, count;
    size_t unflushed;     /* bytes: stored since .. */
    flux_future_t *flush; /* .. the last one, which is on its way, or NULL */
};

void treeio_open (struct treeio *io, bool no_cache, size_t maxreqs);
void treeio_close (struct treeio *io);

/* ---- blobs ---- */

flux_future_t *treeio_load (struct treeio *io, const struct blobref *ref);
flux_future_t *treeio_validate (struct treeio *io, const struct blobref *ref);

/* The blob that was loaded, which lasts as long as f.  -1 with errno: ENOENT it is not
 * there, EIO it cannot be read or is not what it is called, others; the sentence is
 * that of treeio_error ().
 */
int treeio_get (struct treeio *io,
                flux_future_t *f,
                const struct blobref *ref,
                const void **data,
                size_t *len);
const char *treeio_error (flux_future_t *f, int errnum);

/* The directory that was loaded; NULL with errno as above, EINVAL if it is no
 * directory.
 */
struct treeobj *
treeio_dir (struct treeio *io, flux_future_t *f, const struct blobref *ref);

/* Store a blob, and learn its name at once. */
void treeio_store (struct treeio *io, const void *data, size_t len, struct blobref *ref);

/* What content has goes to disk: wait for it.  Nothing to do without a backing store. */
void treeio_flush (struct treeio *io);

/* Store a directory: the reference to it.  Wait for all stores. */
struct treeobj *treeio_store_dir (struct treeio *io, const struct treeobj *dir);
void treeio_finish (struct treeio *io);

/* Replace what a key is, or remove it (obj NULL), in a directory that is not
 * stored yet; those below that are on the way are.  -1 with errno if one cannot
 * be read.
 */
int treeio_edit (struct treeio *io,
                 struct treeobj **dir,
                 const char *key,
                 struct treeobj *obj);

/* ---- roots ---- */

struct checkpoint {
    struct blobref root;
    int64_t seq;
    double time;
};

/* All there are, newest first, malloced; returns how many (at least 1). */
size_t treeio_checkpoints (struct treeio *io, struct checkpoint **ret);
void treeio_put_checkpoint (struct treeio *io, const struct checkpoint *cp);

/* The current root of a namespace: -1 with errno. */
int treeio_root (struct treeio *io, const char *ns, struct blobref *root, int64_t *seq);

/* Is the kvs loaded? */
bool treeio_kvs_loaded (struct treeio *io);

/* All that the kvs holds in memory goes to content; what content has, to disk.
 * A service that does not know it has nothing to do.
 */
void treeio_save (struct treeio *io);

/* A directory that is bad, or a parsed blobref: all die with a message. */
void treeio_parse_ref (const char *s, struct blobref *ref);

/* ---- walking ---- */

struct walk_ops {
    char separator; /* between the components of a path */
    bool blobs;     /* load the first blob of each valref ahead */

    /* About to load a directory, often long before its turn: false skips it.  May
     * be NULL.
     */
    bool (*enter) (const struct blobref *ref, void *arg);

    /* Its turn has come: true skips it.  And: nothing below it was bad.  Both may be
     * NULL.
     */
    bool (*known) (const struct blobref *ref, void *arg);
    void (*whole) (const struct blobref *ref, void *arg);

    /* A val, valref or symlink; f has the first blob of a valref, if asked for.  false:
     * it is bad.
     */
    bool (*value) (const char *path,
                   const struct treeobj *obj,
                   flux_future_t *f,
                   void *arg);

    /* A directory that cannot be read; errnum as from treeio_dir (). */
    void (*bad_dir) (const char *path, int errnum, void *arg);
};

/* Everything below a root in order of names; a bad root itself has path ".". */
void treeio_walk (struct treeio *io,
                  const struct blobref *root,
                  const struct walk_ops *ops,
                  void *arg);

#endif /* !MILLRACE_DUMP_TREEIO_H */
