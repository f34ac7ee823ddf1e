/* testbed.h - an engine with a content store in memory, for tests.
 *
 * tb_pump () carries out the engine's actions at once and in order;
 * the simulator takes them one by one instead (tb_take ()).
 */

#ifndef KVS_TESTBED_H
#define KVS_TESTBED_H

#include "common/blobhash.h"
#include "common/table.h"
#include "engine.h"

struct tb_blob {
    struct blobref ref;
    size_t len;
    char data[];
};

/* Nonzero while the testbed itself allocates: for tests of what happens without
 * memory, which is not the testbed's to suffer.
 */
extern int tb_busy;

/* A configuration in which all is held, and for long. */
extern const struct kvs_hold tb_hold;

/* A content store, perhaps shared by several engines. */
struct tb_store {
    struct table blobs;
    struct blobhash *hash;
    int fail_store; /* errno for all stores, if not 0 */
    int fail_checkpoint;
};

struct tb_event {
    struct list link;
    char *topic;
    char *payload;
};

struct testbed {
    struct kvs_engine *e;
    struct tb_store *store;
    struct kvs_engine *provider; /* asked for what the store lacks, if not NULL */
    struct list events;          /* published, oldest first */
    size_t loads, stores, checkpoints;
    size_t saves; /* SAVED actions, and the last of them */
    struct kvs_saved saved;
};

/* A request and its answer. */
struct tb_req {
    struct kvs_request r;
    bool done;
    bool sync; /* the test's */
};

void tb_store_init (struct tb_store *s, int hash);
void tb_store_fini (struct tb_store *s);
void tb_store_put (struct tb_store *s, const void *data, size_t len, struct blobref *ref);
size_t tb_store_batch (struct tb_store *s, const struct kvs_batch *b); /* how many */
const struct tb_blob *tb_store_get (struct tb_store *s, const struct blobref *ref);
void tb_store_forget (struct tb_store *s, const struct blobref *ref);

void tb_init (struct testbed *tb, struct tb_store *store, const struct kvs_config *cfg);
void tb_fini (struct testbed *tb);
void tb_empty_root (struct testbed *tb, struct blobref *ref);

/* Carry out one action; RELAY and FETCH are for the test itself. */
void tb_do (struct testbed *tb, struct kvs_action *a);
void tb_pump (struct testbed *tb);

struct tb_event *tb_event_take (struct testbed *tb); /* or NULL */
void tb_event_free (struct tb_event *ev);

struct tb_req *tb_req_new (bool owner, uint32_t userid);
void tb_req_free (struct tb_req *req);

/* Send a commit as owner (or as guest userid, if not 0) and do not wait. */
struct tb_req *tb_commit (struct testbed *tb,
                          const char *ns,
                          int flags,
                          uint32_t userid,
                          const char *ops);

/* The same with one op, pumped; returns errno. */
int tb_put (struct testbed *tb, const char *ns, const char *key, const char *value);
int tb_append (struct testbed *tb, const char *ns, const char *key, const char *value);

/* A lookup, not pumped. */
struct tb_req *tb_lookup (struct testbed *tb,
                          const char *ns,
                          int flags,
                          uint32_t userid,
                          const char *key);

/* Text of an operation, for the caller to free. */
char *tb_op (const char *key, int flags, const char *value);

/* From JSON text; bails out if that is malformed. */
struct kvs_ops *tb_ops (const char *json);

#endif /* !KVS_TESTBED_H */
