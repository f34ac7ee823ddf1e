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
#include <jansson.h>

#include "common/list.h"
#include "common/rset.h"
#include "common/util.h"
#include "drain.h"

struct resource {
    flux_t *h;
    flux_msg_handler_t **handlers;
    uint32_t size;       /* brokers */
    struct rset *R;      /* inventory */
    uint32_t nranks;     /* 1 + highest rank of R */
    struct idset *online;
    struct idset *exclude; /* by configuration */
    struct idset *omitted; /* those of them that the scheduler has not in its R */
    struct idset *torpid;  /* brokers not heard of for a while */
    struct drain *drain;
    struct list asked;         /* requests that wait for others (asked.c) */
    const flux_msg_t *acquire; /* the scheduler's request, or NULL */
    bool force_up;             /* all of R is up, whatever the brokers are */
    bool replayed;             /* drain state is known */
    flux_future_t *f_replay;
    flux_future_t *f_online; /* which brokers are there; NULL: all of R is up */
    flux_future_t *f_torpid;
    flux_t *parent; /* the instance around us, if R is from there; else NULL */
    flux_future_t *f_parent;
};

/* Ranks that may be used now: online, not excluded, not drained.  NULL: ENOMEM. */
struct idset *resource_up (const struct resource *r);

/* asked.c: msg waits for f, which is taken over and may be NULL: errno says why.
 * answer () responds to it.  0, or -1 with errno.
 */
typedef void (*resource_answer_f) (struct resource *r,
                                   flux_future_t *f,
                                   const flux_msg_t *msg);
int resource_ask (struct resource *r,
                  const flux_msg_t *msg,
                  flux_future_t *f,
                  resource_answer_f answer);
/* We go: those that wait are left to the broker, which answers ENOSYS. */
void resource_forget_asked (struct resource *r);

/* config.c: [resource] and [fake-resources]; what it points to is the configuration's.
 * Errors are EINVAL, with a text.
 */
struct resource_conf {
    const char *path;
    const char *exclude;
    json_t *config;
    json_t *fake;
};

int resource_conf_parse (const flux_conf_t *conf,
                         struct resource_conf *c,
                         flux_error_t *error);
/* What 'exclude' means: an idset, or hosts of R. */
struct idset *resource_conf_excluded (const struct resource_conf *c,
                                      const struct rset *R,
                                      flux_error_t *error);
void resource_reload_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg);

/* parent.c: R of the job that we are.  0, or -ENOENT: R is not to be had there. */
int resource_ask_parent (struct resource *r);
void resource_forget_parent (struct resource *r);

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
/* R expires at another time. */
void resource_acquire_expiration (struct resource *r);
/* Ranks went up or down. */
void resource_acquire_update (struct resource *r, const struct idset *ranks, bool up);

/* online.c: follow broker.online and broker.torpid, if there are several brokers. */
int resource_watch_online (struct resource *r);
/* These are excluded now; takes 'ranks'. */
void resource_exclude (struct resource *r, struct idset *ranks);

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
