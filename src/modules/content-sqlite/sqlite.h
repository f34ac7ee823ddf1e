/* content-sqlite/sqlite.h - the backing store: what its files share.
 *
 *   main.c       life, configuration, checkpoints, statistics
 *   store_rpc.c  content-backing.load, .store, .store-batch, .validate
 *   gc_rpc.c     content-backing.gc-info, .mark, .sweep
 *
 * Stores that have gathered while others were written are written together: one
 * SQLite transaction, at most about BATCH_COUNT blobs and BATCH_BYTES, and answered
 * when that is committed.  Hashes are random: each commit writes nearly as many
 * pages of their index as there are blobs in it, unless there are many.
 *
 * All of it is done in the module's thread.  That thread has no
 * other work: it is the worker that a database needs, and its only client
 * writes back and does not wait.  Between slices of a transaction loads are served (they
 * see what is in it), so a load waits for a slice, a few milliseconds, or for a commit;
 * a second thread with the same connection would have to wait as long for SQLite's lock.
 */

#ifndef CONTENT_SQLITE_SQLITE_H
#define CONTENT_SQLITE_SQLITE_H

#include <flux/core.h>

#include "common/blobhash.h"
#include "common/list.h"
#include "db.h"

#define BATCH_COUNT 16384
#define BATCH_BYTES (16 * 1024 * 1024)
#define SLICE_COUNT 512
#define SLICE_BYTES (4 * 1024 * 1024)

/* Durations in milliseconds. */
struct timing {
    uint64_t count;
    double sum, sumsq, min, max;
};

void timing_add (struct timing *t, double ms);

struct sqlite {
    flux_t *h;
    struct db *db;
    struct blobhash *hash;
    struct list queue; /* struct store_request */
    size_t queued;     /* blobs */
    size_t queued_bytes;
    struct list writing; /* the same: in the transaction that is open */
    size_t written;      /* blobs; 0: none is open */
    size_t written_bytes;
    double writing_ms;
    flux_watcher_t *idle;
    struct timing load_time;
    struct timing store_time;
    flux_msg_handler_t **handlers;
    bool registered;
    /* configuration */
    char *path;
    char *journal_mode;
    char *synchronous;
    int max_checkpoints;
    bool truncate;
};

void respond_error (struct sqlite *s,
                    const flux_msg_t *msg,
                    int errnum,
                    const char *text);

/* store_rpc.c */
void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void store_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void store_batch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void validate_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void store_idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);
void store_all (struct sqlite *s); /* write what is queued */

/* gc_rpc.c */
void gc_info_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void mark_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void sweep_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

#endif /* !CONTENT_SQLITE_SQLITE_H */
