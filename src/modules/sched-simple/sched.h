/* sched-simple/sched.h - the scheduler service: what its files share.
 *
 * A pending job waits in the order of priority, id.  It is answered as soon as
 * it has resources; the job manager stores its R.
 *
 * Bound: what the job manager sends, by default at most 8 requests at a time.
 */

#ifndef MILLRACE_SCHED_H
#define MILLRACE_SCHED_H

#include <flux/core.h>

#include "common/list.h"
#include "common/table.h"
#include "common/text.h"
#include "common/treap.h"
#include "pool.h"

struct sched_job {
    struct treap_node node; /* in pending */
    uint64_t id;
    int64_t priority;
    const flux_msg_t *msg; /* the alloc request, for answers */
    struct jobspec_request req;
    struct constraint *constraint; /* may be NULL */
    double duration;
    bool oversubscribe; /* fewer slots will do */
    bool annotated; /* has annotations that success must clear */
};

/* What a job was given, and the text of it: it comes back as the same text. */
struct sched_grant {
    struct rset *R;
    size_t len;
    char text[];
};

struct sched {
    flux_t *h;
    flux_msg_handler_t **handlers;
    enum pool_policy policy;
    int limit;    /* outstanding alloc requests; 0: unlimited */
    bool partial_ok;
    struct pool *pool; /* NULL until resources are known */

    /* start-up handshake (hello.c) */
    flux_future_t *f_acquire;
    flux_future_t *f_hello;
    flux_future_t *f_ready;
    struct list lookups; /* running jobs whose R is still to come */
    struct list raises;  /* running jobs that are being told they are lost */
    bool hello_ended;
    struct flux_msglist *early; /* requests that came before the pool */

    /* allocation (alloc.c) */
    struct treap pending;
    struct table by_id; /* pending jobs */
    struct table grants; /* struct sched_grant by job id */
    struct text scratch; /* the answer being written */
    struct text resources; /* of the last jobspec, and what it asks for: many jobs */
    struct jobspec_request req; /* ... ask for the same */
    uint64_t passes;
};

/* Debug bits (flux module debug). */
enum {
    DEBUG_FAIL_ALLOC = 1,
    DEBUG_ANNOTATE = 2,
    DEBUG_FAIL_EXPIRATION = 4,
};

/* hello.c: resources, running jobs, ready.  Failure later on is logged and
 * stops the reactor.
 */
int sched_start (struct sched *s);
void sched_start_init (struct sched *s);
/* At any time: what is still to come is forgotten. */
void sched_start_fini (struct sched *s);

/* alloc.c */
void sched_alloc_init (struct sched *s);
void sched_alloc_fini (struct sched *s);
void sched_alloc_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void sched_free_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void sched_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void sched_prioritize_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg);
/* Resources came back or up: try the queue from its head. */
void sched_pass (struct sched *s);

/* main.c: handle a deferred request now. */
void sched_dispatch (struct sched *s, const flux_msg_t *msg);

#endif /* !MILLRACE_SCHED_H */
