/* job-exec/guestlog.h - the eventlogs of one job on their way to the KVS.
 *
 * Purpose: entries of a job's exec.eventlog, output and input gather here as
 * text and leave in as few commits as possible, without a timer: what came
 * while one commit was in flight is the next one.  Big pieces of output go to
 * the content store raw and are appended by reference.
 *
 * Invariants
 *  - each log reaches the KVS whole and in order
 *  - one commit is in flight at most; two once the log is closed, so that the
 *    last words need not wait
 *  - what is in one commit was in one text at one time: entries appended
 *    together are seen together
 *
 * Ownership: the log owns its text until an action hands it out.
 * Bound: GUESTLOG_FULL bytes of output that the KVS has not acknowledged;
 * guestlog_full () tells the caller to stop reading from the tasks.
 *
 * No I/O here: the caller asks for the next action until there is none, and
 * tells when it is done.
 */

#ifndef MILLRACE_EXEC_GUESTLOG_H
#define MILLRACE_EXEC_GUESTLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/blobref.h"
#include "common/text.h"

#define GUESTLOG_BIG (8 << 10) /* output from this size on goes by reference */
#define GUESTLOG_BATCH (128 << 10) /* less may wait for more while a job prints on */
#define GUESTLOG_FULL (8 << 20)
#define GUESTLOG_STORES 4       /* content.store requests at a time */

enum guestlog_key {
    GUESTLOG_EXEC,
    GUESTLOG_OUTPUT,
    GUESTLOG_INPUT,
    GUESTLOG_KEYS,
};

struct guestlog_store {
    size_t len;
    bool done;
    char ref[BLOBREF_TEXT_SIZE];
};

struct guestlog {
    struct text pending[GUESTLOG_KEYS];
    struct guestlog_store stores[GUESTLOG_STORES]; /* ring, oldest first */
    unsigned int first;                            /* of the ring */
    unsigned int nstores;
    unsigned int ncommits; /* in flight */
    size_t unacked;        /* bytes of output in stores and commits */
    bool closed;
};

void guestlog_init (struct guestlog *g);
void guestlog_fini (struct guestlog *g);

/* Where to append entries of one log. */
static inline struct text *guestlog_text (struct guestlog *g, enum guestlog_key key)
{
    return &g->pending[key];
}

/* Nothing more will be appended after the next commit. */
void guestlog_close (struct guestlog *g);

/* A blob to store: its bytes, for the caller to free, and the slot that
 * guestlog_stored () wants back.  NULL: none now, or no memory.
 */
char *guestlog_next_store (struct guestlog *g, size_t *len, unsigned int *slot);
void guestlog_stored (struct guestlog *g, unsigned int slot, const char *blobref);

/* The store failed: its output is lost, the rest goes on. */
void guestlog_store_failed (struct guestlog *g, unsigned int slot);

/* A kvs.commit payload for namespace ns, for the caller to free; *len is what
 * guestlog_committed () wants back.  NULL: none now, or no memory.
 */
char *guestlog_next_commit (struct guestlog *g, const char *ns, size_t *len);
void guestlog_committed (struct guestlog *g, size_t len);

/* Too much is waiting: read no more; enough room again. */
bool guestlog_full (const struct guestlog *g);
bool guestlog_has_room (const struct guestlog *g);

/* Is there output to send, but so little that it may wait for more?  And is
 * nothing under way, at whose end it is looked at again anyhow?
 */
bool guestlog_small_output (const struct guestlog *g);
bool guestlog_quiet (const struct guestlog *g);

/* Nothing is in flight, and pending are events of exec.eventlog alone. */
bool guestlog_only_events (const struct guestlog *g);

/* Everything is in the KVS. */
bool guestlog_idle (const struct guestlog *g);

#endif /* !MILLRACE_EXEC_GUESTLOG_H */
