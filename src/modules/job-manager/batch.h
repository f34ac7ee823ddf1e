/* job-manager/batch.h - what goes into the next commit, and who hears of it.
 *
 * Purpose: one KVS commit carries everything that gathered while the one
 * before it was in flight.  An idle manager commits at once.
 *
 * Items are taken in the order they were added.  All events of one job that
 * gathered are one append operation: the bytes are not copied, they are the
 * tail of the job's log.
 *
 * How soon what gathered should be committed depends on who waits for it:
 *   R       jobs cannot start before it is on its way: it need not wait for
 *           commits in flight (those are carried out in order); nor does anybody
 *           wait for a commit of R, so it may be lazy (kvsops.h), and one that is
 *           holds nothing up
 *   tokens  somebody waits for an answer: as soon as none is in flight
 *   events  nobody is held up; a busy manager may let some gather
 *
 * Invariants
 *  - at most BATCH_INFLIGHT_MAX commits are in flight; more than one only
 *    because of R, or if those before are lazy
 *  - a token is released after every item that was added before it is stored
 *
 * Ownership: a job's item is part of the job; others are the batch's.  Tokens
 * belong to whoever added them.
 * Bound: BATCH_MAX_OPS operations or about BATCH_MAX_BYTES per commit; the
 * rest waits for the next one.
 */

#ifndef MILLRACE_JOB_MANAGER_BATCH_H
#define MILLRACE_JOB_MANAGER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"

#define BATCH_MAX_OPS 1024
#define BATCH_MAX_BYTES (4 << 20)
#define BATCH_INFLIGHT_MAX 16

enum batch_kind {
    BATCH_APPEND, /* the unflushed tail of a job's log */
    BATCH_UNLINK, /* the directory of a purged job */
    BATCH_PUT,    /* a value */
    BATCH_R,      /* the R of a job */
    BATCH_TOKEN,  /* tell somebody */
};

struct batch_item {
    struct list node;
    enum batch_kind kind;
    uint32_t number; /* of the commit that it is in, once begun */
};

struct job;

/* One operation of a commit, as handed to the service. */
struct batch_op {
    enum batch_kind kind; /* not TOKEN */
    uint64_t id;          /* APPEND, UNLINK, R: the job */
    struct job *job;      /* APPEND */
    const char *key;      /* PUT */
    const char *data;     /* APPEND, PUT (NULL: unlink), R */
    size_t len;
};

struct batch {
    struct list gathering;
    struct list sent;     /* R of the commit that was begun last */
    struct list inflight; /* jobs held until now, and tokens */
    uint32_t begun;       /* commits */
    uint32_t ended;
    uint32_t awaited; /* the last one begun for whose end somebody waits */
    unsigned int nR;      /* of gathering */
    unsigned int ntokens; /* ... and those that ask for a token, too */
};

void batch_init (struct batch *b);
void batch_fini (struct batch *b);

void batch_item_init (struct batch_item *item, enum batch_kind kind);

/* The log of this job has grown. */
void batch_append (struct batch *b, struct job *job);

/* The job goes away: its bytes are not wanted any more. */
void batch_forget (struct batch *b, struct job *job);

/* 0 or -ENOMEM.  To put NULL is to unlink. */
int batch_unlink (struct batch *b, uint64_t id);
int batch_put (struct batch *b, const char *key, const char *data, size_t len);
int batch_R (struct batch *b, uint64_t id, const char *data, size_t len);
int batch_token (struct batch *b, void *token);

/* Something gathered and may be committed; somebody waits for it. */
static inline bool batch_wanted (const struct batch *b)
{
    bool awaits = (int32_t)(b->awaited - b->ended) > 0;

    return !list_empty (&b->gathering) && b->begun - b->ended < BATCH_INFLIGHT_MAX
           && (b->nR > 0 || !awaits);
}

/* Nobody waits for the end of the commit that was begun last. */
static inline bool batch_lazy (const struct batch *b)
{
    return b->begun != b->awaited;
}

static inline bool batch_urgent (const struct batch *b)
{
    return b->nR > 0 || b->ntokens > 0;
}

/* Begin a commit: op () is called for each operation.  Returns how many. */
size_t batch_begin (struct batch *b,
                    void (*op) (const struct batch_op *op, void *arg),
                    void *arg);

/* The commit that was begun last is on its way: R () for each one in it. */
void batch_sent (struct batch *b, void (*R) (uint64_t id, void *arg), void *arg);

/* The oldest commit in flight is stored.  First released () for each job that was held, then
 * token () for each token, each in order.  Both may add to the batch.
 */
void batch_end (struct batch *b,
                void (*released) (struct job *job, void *arg),
                void (*token) (void *token, void *arg),
                void *arg);

/* Take all tokens back. */
void batch_drop_tokens (struct batch *b,
                        void (*drop) (void *token, void *arg),
                        void *arg);

#endif /* !MILLRACE_JOB_MANAGER_BATCH_H */
