/* content/content.h - the content service: what its files share.
 *
 *   main.c        life, arguments, heartbeat, statistics
 *   load.c        content.load, content.dropcache
 *   store.c       content.store, content.store-batch, -held (common/blobbatch.h)
 *   writeback.c   to the backing store
 *   flush.c       content.flush
 *   checkpoint.c  content.checkpoint-get and -put
 *   backing.c     the backing store comes and goes; the source
 *
 * Rank 0 answers stores from memory and writes them back to the service
 * "content-backing": at the latest WRITEBACK_DELAY after a store if the
 * instance is meant to last, else only when much has gathered or somebody asks
 * (a checkpoint always does).  Nothing is lost by that: after a crash only what
 * a checkpoint refers to counts.  Other ranks pass stores and loads upstream.
 */

#ifndef CONTENT_CONTENT_H
#define CONTENT_CONTENT_H

#include <flux/core.h>

#include "cache.h"
#include "common/blobhash.h"

#define WRITEBACK_DELAY 0.1 /* seconds */
#define TICK_MAX 10.        /* seconds between purges without a heartbeat */
#define TICK_MIN 1.
#define SOURCE "kvs" /* ... this one: asked without having registered, after a reload */

struct content {
    flux_t *h;
    uint32_t rank;
    struct blobhash *hash;
    struct cache cache;
    /* arguments */
    size_t purge_target;
    double purge_age;
    size_t batch_limit;
    size_t blob_limit;
    /* the backing store, rank 0 */
    bool backing;
    bool assumed;            /* ... that it is still there: we have been reloaded */
    unsigned int generation; /* counts registrations */
    char *backing_name;      /* the only one that may register, if not NULL */
    char *source;            /* service that holds blobs of its own, if it is not ... */
    bool lasting;            /* the state directory outlives the instance */
    bool writing;            /* write back all there is */
    bool no_batches;         /* it takes them one by one */
    size_t forwards;         /* checkpoint requests that are out */
    size_t requests;         /* stores that are out */
    size_t request_bytes;
    flux_watcher_t *timer;
    struct list flushes; /* struct flush */
    struct list held;    /* struct held: answers to stores held back */
    struct list outgoing;
    flux_future_t *heartbeat;
    flux_msg_handler_t **handlers;
};

/* An RPC that is out: what its continuation gets begins with this. */
struct outgoing {
    struct list link; /* in c->outgoing */
    flux_future_t *f;
    struct content *c;
    const flux_msg_t *msg; /* a request that is answered when it comes back, or NULL: it
                            * is told if we end before; released by out_free () */
};

/* Send it: cb gets out, which is freed with the future by out_free ().  f is
 * taken over, may be NULL: errno says why.  0, or -1 with errno.
 */
int outgoing_send (struct content *c,
                   struct outgoing *out,
                   flux_future_t *f,
                   flux_free_f out_free,
                   flux_continuation_f cb);

/* First thing in a continuation: it has come back. */
void outgoing_returned (struct outgoing *out);

/* A request that waits. */
struct waiter {
    struct list link;
    const flux_msg_t *msg;
};

/* Put a request on a list; -1 with errno. */
int waiter_add (struct list *list, const flux_msg_t *msg);
void waiter_free (struct waiter *w);

/* Waits until nothing is dirty; done () gets 0 or the first error, and frees. */
struct flush {
    struct list link;
    struct content *c;
    const flux_msg_t *msg;
    int errnum;
    void (*done) (struct flush *fl, int errnum);
};

void respond_error (struct content *c,
                    const flux_msg_t *msg,
                    int errnum,
                    const char *text);
void respond_empty (struct content *c, const flux_msg_t *msg);
void respond_blob (struct content *c, const flux_msg_t *msg, const struct blob *blob);

/* load.c */
void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void dropcache_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void answer_loads (struct content *c, struct entry *e);

/* store.c */
void store_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void store_batch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void store_held_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void respond_digest (struct content *c, const flux_msg_t *msg, const struct blobref *ref);
void release_held (struct content *c); /* if there is room again */
void refuse_held (struct content *c, int errnum);

/* writeback.c */
void writeback_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);
bool all_written (const struct content *c);
void writeback (struct content *c);     /* go on */
void writeback_all (struct content *c); /* start, and go on until all is clean */

/* flush.c */
void flush_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void flush_note_failure (struct content *c, int errnum); /* of a store */
void flush_start (struct content *c,
                  const flux_msg_t *msg,
                  void (*done) (struct flush *fl, int errnum));
void flush_end_all (struct content *c, int errnum);

/* checkpoint.c */
void checkpoint_get_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg);
void checkpoint_put_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg);

/* backing.c */
const char *source_name (const struct content *c);
int source_greet (struct content *c);
void backing_absent (struct content *c); /* it was only assumed to be there */
void register_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void unregister_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void register_source_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg);
void unregister_source_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg);

#endif /* !CONTENT_CONTENT_H */
