/* resource/resource.h - the resource service: what its files share.
 *
 * R is known when the module starts to serve.  Drain state is replayed from
 * resource.eventlog, and every change of it is committed there before it is
 * answered.
 *
 * Bound: one scheduler holds resource.acquire; a second one gets EBUSY.
 */

#ifndef MILLRACE_RESOURCE_H
#define MILLRACE_RESOURCE_H

#include <flux/core.h>

#include "common/rset.h"
#include "drain.h"

struct resource {
    flux_t *h;
    flux_msg_handler_t **handlers;
    uint32_t size;       /* brokers */
    struct rset *R;      /* inventory */
    uint32_t nranks;     /* 1 + highest rank of R */
    struct idset *online;
    struct idset *exclude;
    struct drain *drain;
    const flux_msg_t *acquire; /* the scheduler's request, or NULL */
    bool force_up;             /* all of R is up, whatever the brokers are */
    bool replayed;             /* drain state is known */
    flux_future_t *f_replay;
    flux_future_t *f_online; /* which brokers are there; NULL: all of R is up */
};

/* Ranks that may be used now: online, not drained.  NULL: ENOMEM. */
struct idset *resource_up (const struct resource *r);

/* status.c */
void resource_status_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg);
void resource_sched_status_cb (flux_t *h,
                               flux_msg_handler_t *mh,
                               const flux_msg_t *msg,
                               void *arg);

/* acquire.c */
void resource_acquire_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg);
void resource_disconnect_cb (flux_t *h,
                             flux_msg_handler_t *mh,
                             const flux_msg_t *msg,
                             void *arg);
/* The first response, once all is known. */
void resource_acquire_begin (struct resource *r);
/* Ranks went up or down. */
void resource_acquire_update (struct resource *r, const struct idset *ranks, bool up);

/* online.c: follow broker.online, if there are several brokers. */
int resource_watch_online (struct resource *r);

/* drain_service.c */
void resource_drain_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg);
void resource_undrain_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg);
/* Apply resource.eventlog. */
void resource_replay (struct resource *r, const char *log, size_t len);

#endif /* !MILLRACE_RESOURCE_H */
