/* kvs/service.h - the kvs service: what its files share.
 *
 *   main.c        life and arguments
 *   request.c     requests and their answers, clients that leave
 *   actions.c     what the engine asks for: loads, events, other ranks
 *   stores.c      ... stores
 *   commit_rpc.c  kvs.commit, kvs.relaycommit
 *   lookup_rpc.c  kvs.lookup, kvs.lookup-plus
 *   root_rpc.c    kvs.getroot, kvs.root-log, kvs.wait-version, kvs.setroot-pause, -unpause
 *   namespace_rpc.c  kvs.namespace-create, -remove, -list
 *   guest_rpc.c   kvs.guest-begin, -end
 *   turns.c       ... and who waits for the second
 *   follow.c      events, on ranks > 0
 *   checkpoint.c  restart and checkpoints
 *   held_rpc.c    kvs.held-load
 *   durability.c  what a crash may cost; configuration
 *   stats.c       kvs.stats-get, kvs.stats-clear
 *
 * Every handler decodes, calls the engine (engine.h, where all policy is) and
 * ends with service_run (), which carries out what the engine asks for.
 */

#ifndef KVS_SERVICE_H
#define KVS_SERVICE_H

#include <flux/core.h>

#include "common/jpull.h"
#include "common/table.h"
#include "engine.h"

#define TICK_MIN 1.  /* seconds between periodic work, at least */
#define TICK_MAX 30. /* ... without a heartbeat */

/* What of the primary namespace a crash may cost. */
enum durability {
    DURABILITY_NONE,    /* all since the last checkpoint somebody asked for */
    DURABILITY_RELAXED, /* the last DURABILITY_WINDOW seconds */
    DURABILITY_SYNC,    /* nothing that was answered */
};

#define DURABILITY_WINDOW 0.1
#define ROOT_LOG_LIMIT (64 * 1024 * 1024) /* bytes */
#define WAITS_MAX 65536 /* of a guest, for versions to come: then EDQUOT */
#define GATHER_MAX 512                    /* messages that a commit lets pass */
#define LAZY_MAX 0.002                    /* seconds that a lazy commit waits for others */
#define DURABILITY_RETRY 1.               /* after a failure: trying costs */

struct service {
    flux_t *h;
    uint32_t rank;
    uint32_t owner;
    int hash;
    struct blobref empty_dir;
    struct kvs_engine *e;
    struct table clients;      /* struct client, by the sender's route */
    struct list requests;      /* all of them */
    struct table waits;        /* numbers of requests that wait, by userid of guests */
    struct list calls;         /* RPCs that are out (actions.c) */
    struct store_batch *batch; /* stores that go out together */
    bool no_batches;           /* content does not take them */
    flux_watcher_t *clock;
    struct list turns;          /* in the order in which they came (turns.c) ... */
    bool in_turn;               /* ... and one of them is being done */
    flux_watcher_t *lazy_timer; /* runs out while lazy commits wait, or after */
    flux_watcher_t *idle;  /* goes on with a transaction that yielded, or gathers */
    unsigned int gathered; /* how often commits have waited for their fellows */
    flux_future_t *heartbeat;
    flux_watcher_t *tick_timer; /* after a removal: do not wait for a beat */
    flux_watcher_t *checkpoint_timer;
    double checkpoint_period; /* seconds, 0: off */
    bool lasting;             /* the state directory outlives the instance */
    bool keeps_all;           /* the backing store has no rolling checkpoints */
    bool durability_given;    /* by configuration */
    enum durability durability;
    flux_watcher_t *window_timer;
    bool saving;               /* a rolling checkpoint is out */
    double save_started;       /* when */
    double save_cost;          /* seconds that the last one took */
    struct list savers;        /* who asked for one (durability.c) */
    bool save_failed;          /* the last one failed */
    bool save_later;           /* ... and is tried again before that is told */
    bool store_seen;           /* a backing store has given or taken a checkpoint */
    unsigned int syncing;      /* checkpoints of commits that are out */
    int64_t saved_seq;         /* the last checkpoint of any kind: its sequence ... */
    struct blobref saved_root; /* ... and root */
    flux_msg_handler_t **handlers;
    /* arguments */
    bool merge;
    bool holding; /* content asks us for what is held, and takes no larger blobs than */
    size_t blob_limit;
    size_t root_log_limit; /* configured: bytes for past roots */
    const char *initial_rootref;
};

/* Carry out what the engine asks for; go on with transactions. */
void service_run (struct service *s);

/* Before somebody sees a namespace as it is: what is lazy is published. */
void service_look (struct service *s);

/* service_run () when a commit was queued: first see what else is there already, so
 * that those which are waiting to be heard are merged with it.
 */
void service_run_gathered (struct service *s);
void service_idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);
void service_lazy_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

/* Forget what is out. */
void calls_drop_all (struct service *s);

/* An RPC whose answer goes back to the engine: the beginning of what its
 * continuation gets.
 */
struct call {
    struct service *s;
    struct list link; /* in s->calls */
    flux_future_t *f;
};

/* Takes over f (which may be NULL: errno says why) and call, which is freed by
 * call_free () with the future.  Returns 0 or a positive errno: the
 * continuation will not be called.
 */
int call_then (struct service *s,
               struct call *call,
               flux_free_f call_free,
               flux_future_t *f,
               flux_continuation_f cb);

/* First thing in a continuation: the future may live on, but it is no longer
 * out.
 */
void call_returned (struct call *call);

/* ---- stores.c ---- */

/* Send a store, or remember it until stores_send (), which follows. */
void store_add (struct service *s, const struct kvs_store *store);
void stores_send (struct service *s);

/* A batch of what was held; the second blocks and returns 0 or errno. */
void batch_send (struct service *s, struct kvs_batch *b); /* takes it over */
int batch_send_now (struct service *s, struct kvs_batch *b);

/* ---- request.c ---- */

struct client;

struct request {
    struct kvs_request r;
    const flux_msg_t *msg;
    struct service *s;
    struct list link; /* in s->requests */
    struct client *client; /* NULL: it left */
    struct list client_link;
    struct guest *guest; /* guest_rpc.c; or NULL */
    bool waits;          /* counts as one that does */
};

/* Who asks: -1 with errno if the message does not say. */
int request_cred (const flux_msg_t *msg, struct kvs_cred *cred);

/* NULL: the client was told so.  Freed by request_respond (). */
struct request *request_new (struct service *s, const flux_msg_t *msg);
void request_respond (struct request *req); /* its RESPOND action came */
void request_reject (struct request *req, int errnum, const char *text); /* before */

/* It may wait for ever: -EDQUOT if its user, a guest, has too many of these. */
int request_will_wait (struct request *req);

void respond_error (struct service *s,
                    const flux_msg_t *msg,
                    int errnum,
                    const char *text);
void respond_empty (struct service *s, const flux_msg_t *msg);

/* The text of a JSON payload: 0 or -EPROTO. */
int request_text (const flux_msg_t *msg, const char **text, size_t *len);

/* Read the members of a payload that is an object, of a request or an event.
 * Returns 0, -EPROTO or -ENOMEM.
 */
int request_scan (const flux_msg_t *msg, jpull_member_f member, void *arg);

/* For member (): a string replaces what is in t, which then has a buffer. */
int request_string (struct jpull *s, struct text *t);

void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

/* Answer all with ENOSYS. */
void requests_refuse_all (struct service *s);

/* ---- namespace_rpc.c ---- */

/* Its memory is given back soon. */
void namespace_was_removed (struct service *s);

/* ---- guest_rpc.c ---- */

/* A step of the request is done.  True if another one follows. */
bool guest_goes_on (struct request *req);
void guest_free (struct guest *g);

/* ---- turns.c ---- */

/* What is to change the primary namespace in its turn. */
struct turn {
    struct list link; /* in s->turns; not linked: it has been, or need not wait */
    bool ready;
    void (*go) (struct turn *t); /* takes it over */
};

/* Behind all that is there. */
void turn_queue (struct service *s, struct turn *t);

/* True: the message waits for its turn, and cb () is called then. */
bool turn_wait (struct service *s, const flux_msg_t *msg, flux_msg_handler_f cb);

/* Whatever is ready, until one that is not.  service_run () must follow. */
void turns_go (struct service *s);

/* At unload: all of them. */
void turns_hurry (struct service *s);

/* ---- the others: message handlers ---- */

void guest_begin_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void guest_end_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

void save_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void commit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void relaycommit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void lookup_plus_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void getroot_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void root_log_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void root_forget_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void wait_version_cb (flux_t *h,
                      flux_msg_handler_t *mh,
                      const flux_msg_t *msg,
                      void *arg);
void pause_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void unpause_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void ns_create_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void ns_remove_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void ns_list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void namespace_event_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg);
void config_reload_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg);
void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void stats_clear_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void stats_clear_event_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg);

/* ---- held_rpc.c ---- */

/* Offer content what is held: only then anything is. */
int held_offer (struct service *s);
void held_withdraw (struct service *s);
void held_configure (struct service *s, size_t root_log_limit);
void held_store_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void held_keep_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void held_limit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void held_load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

/* ---- checkpoint.c ---- */

/* What content.checkpoint-put wants. */
flux_future_t *
checkpoint_put (struct service *s, const struct blobref *root, int64_t seq, bool rolling);

/* Rank 0: the primary namespace, from a checkpoint or new; blocks. */
int restart (struct service *s);

/* The engine wants one, before it goes on with a commit. */
void checkpoint_sync (struct service *s, const struct kvs_checkpoint *cp);

/* Rank 0, the last thing: blocks. */
int checkpoint_final (struct service *s);

/* actions.c */
void event_send (struct service *s, const struct kvs_publish *p);

/* ---- durability.c ---- */

/* From the handle's configuration: kvs.durability, kvs.checkpoint-period. */
int configure (struct service *s, const flux_conf_t *conf, flux_error_t *error);

/* What is in force: "none", "relaxed" or "sync". */
const char *durability_name (const struct service *s);

/* Something may have been published: see that it is saved in time. */
void durability_check (struct service *s);

/* What a save needed is stored, or why not.  Frees it. */
void durability_saved (struct service *s, struct kvs_saved *saved);

/* Answer all kvs.save requests with ENOSYS; forget those of who went. */
void savers_refuse_all (struct service *s);
void savers_disconnect (struct service *s, const flux_msg_t *msg);
void window_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

#endif /* !KVS_SERVICE_H */
