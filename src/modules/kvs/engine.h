/* engine.h - the KVS without I/O: namespaces, transactions, lookups.
 *
 * Purpose: all policy of the kvs service, driven by inputs (requests, blobs
 * that arrived, events, the time) and answering in actions (load this, store
 * that, publish, respond).  Same inputs, same outputs.  The service carries
 * out the actions; the simulator delivers inputs in any legal order.
 *
 * Model (spec kvs.md §6): a namespace is a root blobref and a sequence number.
 * Rank 0 owns all roots and applies transactions; other ranks follow setroot
 * events, fetch namespaces they meet for the first time, and relay commits.
 *
 * Invariants
 *  - per namespace, transactions are applied in order of arrival, each whole
 *    or not at all; a failed one blocks none behind it
 *  - a root is published only after every blob it needs was acknowledged, or is
 *    held here; a checkpoint is asked for only after all were acknowledged
 *  - every request is answered exactly once, unless it is cancelled
 *  - a transaction or lookup that misses a blob keeps its place and goes on
 *    from there when the blob is in
 *
 * Bounds: see cache.h for blobs; a transaction has at most STORE_WINDOW stores
 * out, a lookup at most LOAD_WINDOW loads.  Requests are bounded by what the
 * clients have in flight.
 *
 * No flux_t, no jansson, no clock.  Functions return 0 or a negative errno.
 */

#ifndef KVS_ENGINE_H
#define KVS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/blobref.h"
#include "common/list.h"
#include "common/blob.h"
#include "ops.h"

struct kvs_engine;

/* Values of the kvs API that the engine understands. */
enum {
    KVS_READDIR = 1,
    KVS_READLINK = 2,
    KVS_TREEOBJ = 16,
    KVS_NO_MERGE = 1,
    KVS_SYNC = 4,
    KVS_LAZY = 0x10000, /* ours: common/kvsops.h */
};

/* A condition of a transaction is not met.  No other error of the kvs, so that
 * nobody takes it for one that goes away when the same is tried again.
 */
#define KVS_ECONDITION EBADE

/* Who asks (RFC 12). */
struct kvs_cred {
    uint32_t userid;
    bool owner; /* has the owner role: may do everything */
    bool user;  /* has the user role: may use what is userid's */
};

/* What is held instead of being stored (hold.h); rank 0. */
struct kvs_hold {
    bool on;
    size_t blob_max;   /* bytes: larger values are stored before they are published */
    size_t blob_limit; /* content takes no larger ones; 0: not known */
    size_t open_max;   /* bytes that may be the only copy, before they are stored */
    size_t full;       /* ... before commits wait for that */
    size_t log_max;    /* bytes that only past roots need, before the oldest go */
};

struct kvs_config {
    uint32_t rank;
    uint32_t owner; /* uid of the instance owner */
    int hash;       /* enum blobref_kind */
    bool merge;     /* may waiting transactions be merged? */
    bool sync;      /* each commit to primary is checkpointed before it is answered */
    struct kvs_hold hold;
    uint64_t first_name; /* number of the first transaction named here; names
                           * must not repeat when the module is reloaded */
};

/* ---- actions ---- */

enum kvs_action_type {
    KVS_ACTION_LOAD,       /* struct kvs_load: answer with kvs_engine_loaded () */
    KVS_ACTION_STORE,      /* struct kvs_store: kvs_engine_stored () */
    KVS_ACTION_BATCH,      /* struct kvs_batch: kvs_engine_batch_stored () */
    KVS_ACTION_SAVED,      /* struct kvs_saved: how kvs_engine_save () ended */
    KVS_ACTION_CHECKPOINT, /* struct kvs_checkpoint: kvs_engine_checkpointed () */
    KVS_ACTION_FETCH,      /* struct kvs_fetch: kvs_engine_fetched () */
    KVS_ACTION_RELAY,      /* struct kvs_publish: a kvs.relaycommit to rank 0 */
    KVS_ACTION_KEEP,       /* struct kvs_keep: a kvs.held-keep to rank 0 */
    KVS_ACTION_EVENT,      /* struct kvs_publish: a private event */
    KVS_ACTION_RESPOND,    /* struct kvs_request: is finished */
};

struct kvs_action {
    struct list link;
    enum kvs_action_type type;
};

/* The next action, NULL if there is none.  It is valid until the next call of
 * any engine function; what it asks for may be answered from within.
 */
struct kvs_action *kvs_engine_next (struct kvs_engine *e);

struct kvs_load {
    struct kvs_action action;
    struct blobref ref;
};

struct kvs_store {
    struct kvs_action action;
    uint64_t id; /* goes back with the answer */
    struct blobref ref;
    struct blob *blob;
};

/* Several blobs at once.  For the service to release with kvs_batch_free (). */
struct kvs_batch {
    struct kvs_action action;
    uint64_t id;         /* goes back with the answer */
    struct text blobs;   /* as in common/blobbatch.h */
    struct text digests; /* the answer that is expected */
};

void kvs_batch_free (struct kvs_batch *b);

/* What can be reached from that root of the primary namespace is in content, or
 * errnum says why not.  For the service to free ().
 */
struct kvs_saved {
    struct kvs_action action;
    struct blobref root;
    int64_t seq;
    int errnum;
};

struct kvs_checkpoint {
    struct kvs_action action;
    uint64_t id;
    struct blobref ref;
    int64_t seq;
};

struct kvs_fetch {
    struct kvs_action action;
    const char *ns;
};

/* Somebody was told that name.  For the service to free (). */
struct kvs_keep {
    struct kvs_action action;
    struct blobref ref;
};

/* For the service to release with kvs_publish_free (). */
struct kvs_publish {
    struct kvs_action action;
    char *topic; /* of a relay: the name of the transaction */
    char *payload;
    size_t len; /* without the NUL that is there */
};

void kvs_publish_free (struct kvs_publish *p);

/* {"rootref":s,"rootseq":i} and a NUL */
#define KVS_ROOT_SIZE 160

/* A request: embedded in the service's own record, which must live until the
 * RESPOND action came out or the request was cancelled.
 */
struct kvs_request {
    struct kvs_action action; /* of type RESPOND once it is finished */
    struct kvs_cred cred;     /* set by the service */
    bool prelude; /* ... of a commit to a namespace that is only one half of what was
                   * asked for: created for it, or removed behind it.  It is not
                   * counted, and the event of the removal tells of it. */
    int errnum;               /* the answer: 0, or errno and perhaps ... */
    const char *errtext;      /* ... a sentence (static, or in heap), or NULL */
    const char *payload;      /* NUL-terminated; NULL: none, or an error */
    size_t len;
    char *heap;               /* where the payload is: here ... */
    char root[KVS_ROOT_SIZE]; /* ... or here, so that a commit that was applied needs no
                               * memory to be answered */
    void *op;                 /* the engine's: what will answer it */
    void (*cancel) (struct kvs_request *req);
};

void kvs_request_init (struct kvs_request *req, const struct kvs_cred *cred);

/* Release what the engine put in; cancel it if it is still pending. */
void kvs_request_fini (struct kvs_request *req);

/* ---- life ---- */

int kvs_engine_new (const struct kvs_config *cfg, struct kvs_engine **ret);

/* Pending requests are dropped unanswered: the service answers them ENOSYS. */
void kvs_engine_free (struct kvs_engine *e);

/* What time it is, in seconds since the epoch: before inputs, when it moved. */
void kvs_engine_set_time (struct kvs_engine *e, double now);

/* Change kvs_config.sync, kvs_config.hold.  What is held is not let go. */
void kvs_engine_set_sync (struct kvs_engine *e, bool sync);
void kvs_engine_set_hold (struct kvs_engine *e, const struct kvs_hold *hold);

/* Periodic work: forget blobs and namespaces that are no longer used. */
void kvs_engine_tick (struct kvs_engine *e);

/* Go on with transactions.  Long ones yield: true means call again (after
 * looking at what else came in).
 */
bool kvs_engine_run (struct kvs_engine *e);

/* ---- requests ---- */

struct kvs_lookup_args {
    const char *key; /* keylen bytes, as in the request */
    size_t keylen;
    int flags;
    bool plus;                     /* kvs.lookup-plus */
    const char *ns;                /* or NULL, and then: */
    const struct blobref *rootdir; /* a snapshot */
    const int64_t *rootseq;        /* echoed by lookup-plus, may be NULL */
    const int64_t *tail;           /* lookup-plus, see lookup_tail.c; may be NULL */
    bool tail_blobs;               /* and their data */
    const char *unless;            /* lookup-plus, see lookup_same.c; may be NULL */
};

/* The owner may read any root; a guest those that are, or were, roots of its own
 * namespaces (ranks > 0 know only what is current there).  What a root is called
 * is no secret.
 */
bool kvs_engine_may_read (struct kvs_engine *e,
                          const struct kvs_cred *cred,
                          const struct blobref *root);

/* Ask for what the requester may not read, and the answer is EPERM. */
void kvs_engine_lookup (struct kvs_engine *e,
                        struct kvs_request *req,
                        const struct kvs_lookup_args *args);

/* Takes over ops (NULL stands for no operations). */
void kvs_engine_commit (struct kvs_engine *e,
                        struct kvs_request *req,
                        const char *ns,
                        int flags,
                        struct kvs_ops *ops);

/* Transactions with KVS_LAZY wait for another one that does not; and these for
 * kvs_engine_hurry (), after which kvs_engine_run () goes on with them.
 */
bool kvs_engine_lazy (const struct kvs_engine *e); /* there are some */
void kvs_engine_hurry (struct kvs_engine *e);

void kvs_engine_getroot (struct kvs_engine *e, struct kvs_request *req, const char *ns);

/* Rank 0: the roots that a namespace has had and that can still be read, from
 * sequence since on (negative: the last -since), oldest first, the current one last; at
 * most limit (0: all).
 */
void kvs_engine_root_log (struct kvs_engine *e,
                          struct kvs_request *req,
                          const char *ns,
                          int64_t since,
                          size_t limit);

/* Rank 0: forget those but the current ones, of all namespaces: what they need
 * may go.
 */
void kvs_engine_root_forget (struct kvs_engine *e);

void kvs_engine_wait_version (struct kvs_engine *e,
                              struct kvs_request *req,
                              const char *ns,
                              int64_t seq);

/* Hold back setroot events of a namespace, or let them through again. */
void kvs_engine_pause (struct kvs_engine *e,
                       struct kvs_request *req,
                       const char *ns,
                       bool pause);

/* Rank 0: a transaction from another rank, under the name given there.  Takes
 * over ops.
 */
int kvs_engine_relayed (struct kvs_engine *e,
                        const char *name,
                        const char *ns,
                        int flags,
                        struct kvs_ops *ops);

/* Ranks > 0: rank 0 did not take the transaction of that name. */
void kvs_engine_relay_refused (struct kvs_engine *e, const char *name, int errnum);

/* Rank 0, at the end: no commit that is under way or waits will be made; other ranks
 * are to hear of theirs (EVENT).
 */
void kvs_engine_abort (struct kvs_engine *e, int errnum);

/* Are others told of a new namespace: now, or with its first commit? */
enum kvs_ns_announce {
    KVS_NS_SILENT,
    KVS_NS_NOW,
    KVS_NS_WITH_CONTENT,
};

/* Rank 0: -EEXIST, -EAGAIN (exists, but is being removed), -ENOMEM. */
int kvs_engine_ns_create (struct kvs_engine *e,
                          const char *ns,
                          uint32_t owner,
                          int flags,
                          const struct blobref *root,
                          int64_t seq,
                          enum kvs_ns_announce announce);

/* If they were to be told with the first commit, and there is none: now.  0 or
 * -ENOMEM.
 */
int kvs_engine_ns_announce (struct kvs_engine *e, const char *ns);

/* Rank 0: -EOPNOTSUPP for the primary one; an unknown one is fine. */
int kvs_engine_ns_remove (struct kvs_engine *e, const char *ns);

/* Rank 0: checkpoint the primary root once all that was committed before is
 * in; nothing happens if it was not changed since the last time.
 */
int kvs_engine_checkpoint (struct kvs_engine *e);

/* ---- answers to actions; errnum is 0 or a positive errno ---- */

/* The blob is only borrowed. */
void kvs_engine_loaded (struct kvs_engine *e,
                        const struct blobref *ref,
                        int errnum,
                        struct blob *blob);
void kvs_engine_stored (struct kvs_engine *e, uint64_t id, int errnum);
void kvs_engine_batch_stored (struct kvs_engine *e, uint64_t id, int errnum);
void kvs_engine_checkpointed (struct kvs_engine *e, uint64_t id, int errnum);
void kvs_engine_fetched (struct kvs_engine *e,
                         const char *ns,
                         int errnum,
                         uint32_t owner,
                         int flags,
                         const struct blobref *root,
                         int64_t seq);

/* ---- what is held (rank 0, hold.h) ---- */

/* Write the bytes of a blob that is held: 0, -ENOENT or -ENOMEM. */
int kvs_engine_held_load (struct kvs_engine *e,
                          const struct blobref *ref,
                          struct text *out);

/* Somebody was told the name of a root or directory: it will stay, even if nothing
 * else needs it.
 */
void kvs_engine_held_keep (struct kvs_engine *e, const struct blobref *ref);

/* Store all that current roots need, of all namespaces, and what is to be kept. */
void kvs_engine_store_held (struct kvs_engine *e, struct kvs_request *req);

/* Store all that the root of the primary namespace needs; a SAVED action follows.
 * 0, -ENOENT or -ENOMEM.
 */
int kvs_engine_save (struct kvs_engine *e);

/* ---- events, on ranks > 0 ---- */

struct kvs_names {
    const char **v;
    size_t count;
};

void kvs_engine_setroot_event (struct kvs_engine *e,
                               const char *ns,
                               const struct blobref *root,
                               int64_t seq,
                               const struct kvs_names *names);
void kvs_engine_error_event (struct kvs_engine *e,
                             const char *ns,
                             int errnum,
                             const char *text, /* or NULL */
                             const struct kvs_names *names);
void kvs_engine_removed_event (struct kvs_engine *e, const char *ns);

/* ---- looking in ---- */

/* The root of a namespace: 0, -ENOENT. */
int kvs_engine_root (struct kvs_engine *e,
                     const char *ns,
                     struct blobref *root,
                     int64_t *seq);

struct kvs_ns_stats {
    const char *name;
    uint32_t owner;
    int flags;
    bool removed;
    int64_t seq;
    size_t version_waiters;
    size_t transactions; /* commits from this rank that are not answered */
    size_t ready;        /* transactions waiting to be applied */
    uint64_t noop_stores;
};

/* Iterate: start with *pos = 0, false at the end; nothing may change. */
bool kvs_engine_ns_next (struct kvs_engine *e, size_t *pos, struct kvs_ns_stats *stats);

/* Sums from which count, mean and deviation follow. */
struct kvs_tally {
    uint64_t count;
    double sum, sumsq;
    double min, max;
};

struct kvs_stats {
    size_t cache_bytes;
    struct kvs_tally blob_bytes; /* of cached blobs */
    size_t loading;              /* blobs being loaded */
    size_t storing;              /* ... stored */
    uint64_t faults;             /* loads asked for */
    struct kvs_tally opcount;    /* operations per transaction */
    size_t held;                 /* blobs held instead of stored */
    size_t open_bytes;           /* what those that may be needed count for ... */
    size_t log_bytes;            /* ... and those of past roots alone */
    size_t pending;              /* unfinished lookups, waits, commits */
};

void kvs_engine_stats (struct kvs_engine *e, struct kvs_stats *stats);
void kvs_engine_stats_clear (struct kvs_engine *e);

#endif /* !KVS_ENGINE_H */
