/* commit.h - a transaction, or several merged ones, being applied on rank 0.
 *
 * A commit is a continuation: each phase goes as far as it can and keeps its
 * place.  While it sleeps (a blob is loaded, stores or a checkpoint are out)
 * its namespace's root does not move, since only commits move it; the
 * namespace may be removed, which aborts the commit.
 */

#ifndef KVS_COMMIT_H
#define KVS_COMMIT_H

#include "engine_impl.h"

enum commit_phase {
    COMMIT_OPEN,   /* get the root directory */
    COMMIT_APPLY,  /* the operations, one after another */
    COMMIT_ROOM,   /* wait until there is some */
    COMMIT_FINISH, /* make blobs, and hold them if that may be */
    COMMIT_STORE,  /* wait for content to have those that are not held */
    COMMIT_SETTLE, /* before a checkpoint: wait for all of the root to be stored */
    COMMIT_SYNC,   /* wait for the checkpoint */
};

struct commit {
    struct ns *ns;
    uint64_t id;
    enum commit_phase phase;
    struct list txns;
    size_t count;
    int flags;
    struct worktree tree;
    struct waiter waiter;
    struct txn *txn; /* where applying goes on */
    size_t op;
    struct blobref root; /* the result */
    struct list *next;   /* store to send, in tree.stores */
    size_t storing;      /* sent and not answered */
    uint64_t settled;    /* generations that need not be held any more */
    struct kvs_checkpoint checkpoint;
};

void commit_free (struct commit *c);

/* cond.c: a condition of the transaction whose turn it is.  0: it is met; 1: do
 * not apply that transaction; -EAGAIN: asleep; else the error.
 */
int commit_check (struct commit *c, const struct kvs_operation *op);
bool commit_all_refused (const struct commit *c);
void txn_unrefuse (struct txn *t);

/* The namespace's queue can go on. */
void ns_ready (struct ns *ns);

/* publish.c: all is stored.  Ends the commit: 0, or -ENOMEM and nothing
 * happened.
 */
int commit_publish (struct commit *c);

#endif /* !KVS_COMMIT_H */
