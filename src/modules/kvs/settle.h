/* settle.h - what can be reached from a root goes to content.
 *
 * Purpose: before a root is checkpointed, or to make room, what is held of it
 * (hold.h) is stored: only what is still part of it, in messages of many blobs.
 * Commits go on meanwhile.
 *
 * Three reasons: SPACE, too much is held; SAVE, somebody wants the root of the
 * moment on disk (kvs_engine_save ()); SYNC, a commit or a periodic checkpoint
 * waits, whose root is not published yet.
 *
 * Bound: SETTLE_WINDOW messages are out at a time.
 */

#ifndef KVS_SETTLE_H
#define KVS_SETTLE_H

#include "hold.h"

#define SETTLE_WINDOW 4
#define SETTLE_RETRY 1. /* seconds after a failure */
#define SETTLE_BATCH_COUNT 4096
#define SETTLE_BATCH_BYTES (512 * 1024)

struct commit;

enum settle_why {
    SETTLE_SPACE,
    SETTLE_SAVE,
    SETTLE_SYNC,
};

struct settle {
    struct list link; /* in e->settles */
    struct kvs_engine *e;
    struct ns *ns; /* NULL: removed meanwhile */
    enum settle_why why;
    uint64_t id;
    uint64_t upto; /* generations */
    struct blobref root;
    int64_t seq;
    struct hold_set set;     /* what is to be stored */
    size_t next;             /* in set */
    size_t out;              /* messages */
    int errnum;              /* the first that failed */
    struct kvs_saved *saved; /* SAVE: the action at the end */
    uint64_t commit;         /* SYNC: its id */
};

/* Settle the current root of a namespace, or (SYNC) that of a commit.  0 or
 * -ENOMEM.  It may be over when this returns.
 */
int settle_start (struct ns *ns, enum settle_why why, const struct commit *c);

/* See to the bounds of what is held.  Returns 0; -EAGAIN: there is no room, and
 * ready_starved () will be called when there is, or an error; or -ENOMEM.
 */
int settle_for_room (struct kvs_engine *e);

/* A namespace goes. */
void settle_forget_ns (struct ns *ns);
void settle_free_all (struct kvs_engine *e);

#endif /* !KVS_SETTLE_H */
