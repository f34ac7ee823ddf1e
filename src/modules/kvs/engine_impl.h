/* engine_impl.h - what the files of the engine share.
 *
 *   engine.c    life, requests, actions, statistics
 *   ns.c        namespaces, versions, access
 *   txn.c       transactions come, and are answered
 *   commit.c    rank 0: the queue of a namespace and the commit under way
 *   cond.c      rank 0: the conditions of transactions
 *   publish.c   rank 0: what becomes of a commit, and events
 *   follower.c  ranks > 0: fetching, relaying, events
 *   rootlog.c   the roots that a namespace has had
 *   lookup.c    lookups; gather.c: values of many blobs
 *   hold.c      rank 0: what is not stored; settle.c: how it is
 *   naming.c    the name of a directory that grows at one place
 */

#ifndef KVS_ENGINE_IMPL_H
#define KVS_ENGINE_IMPL_H

#include "common/blobhash.h"
#include "common/table.h"
#include "common/text.h"
#include "common/treap.h"
#include "cache.h"
#include "engine.h"
#include "hold.h"
#include "rootlog.h"
#include "worktree.h"

#define STORE_WINDOW 256
#define LOAD_WINDOW 256
#define MERGE_OPS_MAX 10000
#define RUN_BUDGET 1000      /* operations and directories per run */
#define NS_FORGET_AGE 3600.0 /* seconds, on ranks > 0 */

struct kvs_engine {
    struct kvs_config cfg;
    struct blobhash *hash;
    struct cache cache;
    struct hold hold;
    struct list settles; /* struct settle */
    struct list flushes; /* struct flush (settle.c) */
    struct text scratch; /* for what is written only to be hashed */
    struct list actions;
    struct table namespaces; /* by name */
    struct list removed;     /* namespaces whose record waits for a tick */
    struct list ready;       /* namespaces whose queue can go on */
    struct list lazy;        /* ... could, but may wait for company (KVS_LAZY) */
    struct list starved;     /* ... whose commit waits for room (settle.h) */
    struct table commits;    /* by id: those that wait for answers */
    struct table relays;     /* by name: transactions other ranks answer */
    struct list lookups;
    uint64_t next_name;
    uint64_t next_id;
    size_t storing;
    size_t pending;
    struct kvs_tally opcount;
    struct blobref kept;  /* ranks > 0: the last one that rank 0 was told to keep */
    int64_t checkpointed; /* sequence of the last periodic checkpoint, or -1 */
};

enum ns_state {
    NS_FETCHING, /* ranks > 0: asked upstream, nothing known yet */
    NS_ACTIVE,
    NS_REMOVED, /* gone for everybody; the record goes when it is idle */
};

struct ns {
    struct kvs_engine *e;
    enum ns_state state;
    char *name;
    uint32_t owner;
    int flags;
    struct blobref root;
    int64_t seq;
    struct rootlog log;       /* rank 0 */
    struct cache_entry *warm; /* the root's, if it is in the cache */
    double used;
    struct list removed_link;
    /* rank 0 */
    struct list queue; /* struct txn */
    size_t queued;
    struct commit *commit;
    struct list ready_link;
    struct list lazy_link;
    struct list held; /* finished requests, while paused */
    struct list gens; /* struct hold_gen, and ... */
    struct list closed_gens;
    struct hold_gen *gen; /* the one that what is made next goes into, or NULL */
    /* ranks > 0 */
    struct kvs_fetch fetch;
    struct list fetch_waiters;
    bool raced; /* an event told of a root while it was fetched: */
    struct blobref raced_root;
    int64_t raced_seq;
    bool removed_meanwhile; /* ... or of its removal */
    struct list events;     /* struct held_event, while paused */
    /* everywhere */
    bool paused;
    bool unannounced; /* rank 0: nobody was told of it; its first root is */
    struct kvs_publish *farewell; /* rank 0: of the last root, goes with the removal */
    struct treap waits; /* struct version_wait, lowest first */
    size_t unanswered;  /* commits of this rank */
    uint64_t noop_stores;
};

/* One client's transaction. */
struct txn {
    struct list link; /* in its namespace's queue, or its commit's members */
    struct ns *ns;
    struct kvs_request *req; /* NULL: relayed, internal, or the client left */
    char *name;
    int flags;
    bool lazy;       /* KVS_LAZY, which is not in flags */
    bool counted;    /* in ns->unanswered */
    bool alone;      /* not to be merged (again) */
    bool checkpoint; /* internal: no operations, no new sequence */
    bool refused;    /* a condition is not met (cond.c) */
    char *refusal;   /* ... that one; may be NULL */
    struct kvs_ops *ops;
    /* ranks > 0: until the namespace is known */
    struct waiter waiter;
    struct kvs_engine *e;
    char *nsname;
};

/* ---- engine.c ---- */

/* Begin and finish a request; finished ones become actions. */
void request_begin (struct kvs_engine *e,
                    struct kvs_request *req,
                    void *op,
                    void (*cancel) (struct kvs_request *));
void request_end (struct kvs_engine *e,
                  struct kvs_request *req,
                  int errnum,
                  const char *errtext);

/* Finish with what is in text, or ENOMEM if that failed. */
void request_end_text (struct kvs_engine *e, struct kvs_request *req, struct text *text);

/* Finish with {"rootref":s,"rootseq":i}, the answer to commit and wait-version.
 * Does not fail.
 */
void request_end_root (struct kvs_engine *e,
                       struct kvs_request *req,
                       const struct blobref *root,
                       int64_t seq);

/* Finish one that request_begin () has not seen. */
void request_refuse (struct kvs_engine *e,
                     struct kvs_request *req,
                     int errnum,
                     const char *errtext);

/* Somebody is told the name of a root of ns, or (NULL) of a directory: rank 0 is to keep
 * it.  Without memory for that it can be read as long as it is in the log.
 */
void engine_keep (struct kvs_engine *e, struct ns *ns, const struct blobref *ref);

/* An action of which the service becomes the owner.  Takes the content of both
 * texts (topic may be NULL).
 */
struct kvs_publish *
publish_new (enum kvs_action_type type, struct text *topic, struct text *payload);
void tally_add (struct kvs_tally *t, double value);

/* ---- ns.c ---- */

struct ns *ns_new (struct kvs_engine *e, const char *name);
void ns_free (struct ns *ns);
struct ns *ns_find (struct kvs_engine *e, const char *name);

/* The namespace, if it can be used: 0, -EOPNOTSUPP, -ENOMEM, or, on ranks > 0,
 * -EAGAIN: w is woken when more is known.
 */
int ns_get (struct kvs_engine *e, const char *name, struct waiter *w, struct ns **ret);

/* May cred use the namespace?  0 or -EPERM. */
int ns_authorize (const struct ns *ns, const struct kvs_cred *cred);

/* Move the root on and answer who waited for that. */
void ns_set_root (struct ns *ns, const struct blobref *root, int64_t seq);

/* Keep the root in the cache, now that it is there. */
void ns_warm (struct ns *ns);

/* Nobody can use it any more.  Its transactions and waiters get ENOTSUP. */
void ns_remove (struct ns *ns);
void ns_forget (struct ns *ns);
void ns_tick (struct kvs_engine *e);

/* ---- txn.c ---- */

struct txn *txn_new (struct kvs_engine *e, struct kvs_request *req, int flags);
void txn_free (struct txn *t);
int txn_make_name (struct txn *t);
void txn_set_ns (struct txn *t, struct ns *ns);

/* Its end: answer the client, if there is one. */
void txn_end (struct txn *t, int errnum);

/* The same with a sentence, which is copied; NULL for none. */
void txn_end_text (struct txn *t, int errnum, const char *text);

/* Its end for good, which other ranks learn from an event. */
void txn_fail (struct txn *t, int errnum);

size_t txn_opcount (const struct txn *t);

/* ---- commit.c ---- */

void commit_queue (struct ns *ns, struct txn *t);
void commit_abort (struct ns *ns, int errnum); /* the one under way and the queue */

/* What it waited for (settle.h): all that its root needs is stored; there is room
 * again.  Or errnum says why not.
 */
void commit_settled (struct kvs_engine *e, uint64_t id, uint64_t upto, int errnum);
void commit_starved (struct kvs_engine *e, int errnum);

/* ---- publish.c ---- */

/* The events of rank 0; NULL: no memory. */
struct kvs_publish *
setroot_event (struct ns *ns, struct list *txns, const struct blobref *root, int64_t seq);
struct kvs_publish *
error_event (const char *ns, const char *name, int errnum, const char *text);
struct kvs_publish *
created_event (struct ns *ns, const struct blobref *root, int64_t seq);
struct kvs_publish *removed_event (struct ns *ns);

/* ---- follower.c ---- */

int follower_fetch (struct kvs_engine *e, const char *name, struct ns **ret);
void follower_commit (struct txn *t, const char *ns);
void follower_unpause (struct ns *ns);
void follower_drop_events (struct ns *ns);

/* ---- lookup.c ---- */

void lookup_free_all (struct kvs_engine *e);

#endif /* !KVS_ENGINE_IMPL_H */
