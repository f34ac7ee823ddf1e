/* job-manager/service_world.h - for the test of the service: everything around
 * it.
 *
 * The module runs in a thread of its own; the test plays broker and KVS on the
 * other end of an interthread channel, and keeps what the module sends to
 * scheduler, exec service and everybody.
 */

#ifndef MILLRACE_JOB_MANAGER_SERVICE_WORLD_H
#define MILLRACE_JOB_MANAGER_SERVICE_WORLD_H

#include <flux/core.h>
#include <pthread.h>

#include "common/table.h"
#include "common/tap.h"
#include "common/text.h"
#include "common/util.h"

struct value {
    char *key;
    struct text text;
};

struct world {
    flux_t *h;
    flux_msg_handler_t **handlers;
    pthread_t thread;
    int rc;
    bool ended;
    struct table kvs; /* struct value by key; survives a restart */
    int commits;
    struct text heard;       /* requests and events of the module */
    struct text logged;      /* "SEVERITY MESSAGE" lines: what it logs */
    const char *rank;        /* that it is told it is on; NULL: 0 */
    bool full;               /* the KVS takes no more commits */
    const flux_msg_t *alloc; /* the last request of each kind */
    const flux_msg_t *start;
    const flux_msg_t *expiration;
};

extern struct world w;

/* Start the module; end it, its last commit served.  The KVS stays.
 * Or: it does not start, or ends by itself, with an error.
 */
void world_start_module (void);
void world_launch_module (void);
void world_module_fails (const char *why);
void world_stop_module (void);
void world_fini (void);

/* The two steps of its end: answers to requests can be had between them. */
void world_end_module (void);
void world_forget_module (void);

/* A value of the KVS; NULL if there is none and it is not to be made. */
struct value *world_value_get (const char *key, bool make);
void world_put (const char *key, const char *s);

/* The names in the eventlog stored in that directory below job. */
const char *world_stored (const char *dir);

/* What came back to a request as the owner, or as a guest with that id: the
 * payload, or "ERRNO text".  Valid until the next one.
 */
const char *world_rpc (const char *method, const char *payload);
const char *
world_rpc_as (uint32_t userid, const char *method, const char *payload, int flags);
const char *world_result_of (flux_future_t *f);

/* Everything the module has to say to what it was told was said. */
void world_settle (void);

/* What the module sent since the last call. */
const char *world_heard (void);

/* Run until there is a request of that kind (w.alloc ...); forget one that has come. */
void world_awaits (const flux_msg_t **slot);
void world_forget (const flux_msg_t **slot);

/* ok if it has logged this line since the last call, sooner or later. */
void world_logs (const char *want, const char *why);

/* ok if what it sends next, sooner or later, is this. */
void world_hears (const char *want, const char *why);

/* Answer a request of the module's. */
void world_respond (const flux_msg_t *msg, const char *payload);

#endif /* !MILLRACE_JOB_MANAGER_SERVICE_WORLD_H */
