/* lookup.h - a lookup under way, and gathering the blobs of a value.
 *
 * A lookup is a continuation: it walks down from its root until it misses a
 * blob, and goes on from there when the blob is in.  Its root was fixed when
 * it started, so what changes while it sleeps does not concern it; only a
 * symlink into another namespace looks at that namespace's root of the moment.
 *
 * Symlinks nest: resolving the target of a link is a frame of its own on top
 * of the frame that met the link, at most DEPTH_MAX of them.
 */

#ifndef KVS_LOOKUP_H
#define KVS_LOOKUP_H

#include "engine_impl.h"

#define DEPTH_MAX 10
#define LOOKUP_TAG_SIZE (BLOBREF_TEXT_SIZE + 2)

struct frame {
    char *path;          /* own; components that remain are ... */
    const char *rest;    /* ... here; NULL: none */
    struct blobref root; /* where plain links start */
};

struct gather;

struct lookup {
    struct list link; /* in e->lookups */
    struct kvs_engine *e;
    struct kvs_request *req;
    struct waiter waiter;
    int flags;
    bool plus;
    bool tailed; /* of a valref only what comes from 'tail' on is wanted */
    size_t tail;
    bool tail_blobs; /* and the data of small blobs that are at hand */
    char *unless; /* the tag of what the requester has; NULL: does not care */
    char tag[LOOKUP_TAG_SIZE]; /* of what was found, if somebody cares */
    bool started; /* root and seq are set */
    bool at_root; /* 'at' is the root that the lookup was given */
    char *nsname;
    char *key;
    struct blobref root;
    int64_t seq;
    struct frame frames[DEPTH_MAX + 1];
    int depth;             /* the frame under way */
    struct treeobj *at;    /* dir or dirref that the next component is in */
    struct treeobj *found; /* the final object, if not NULL */
    struct gather *gather;
};

/* The members that answer a lookup with a tail: "val", "from" and, if there
 * are any, "blobs"; cache NULL: without these.
 */
void lookup_write_tail (struct cache *cache,
                        const struct treeobj *valref,
                        size_t tail,
                        struct text *t);

/* What o is called, if it is stored by reference: else "". */
void lookup_tag (struct blobhash *hash, const struct treeobj *o, char tag[LOOKUP_TAG_SIZE]);

/* Load all blobs of a valref, LOAD_WINDOW at a time, and call done () with
 * errnum 0 and them, in order (borrowed), or with the first error.  done () is
 * not called from within gather_start ().
 * gather_start () returns 1 if all were at hand: gather_blobs () has them.
 */
typedef void (*gather_f) (void *arg, int errnum);

int gather_start (struct cache *cache,
                  const struct treeobj *valref,
                  gather_f done,
                  void *arg,
                  struct gather **ret);
struct blob **gather_blobs (struct gather *g, size_t *count);
void gather_free (struct gather *g); /* NULL ok */

#endif /* !KVS_LOOKUP_H */
