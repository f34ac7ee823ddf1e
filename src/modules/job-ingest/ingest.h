/* job-ingest/ingest.h - the door for jobs: what its files share.
 *
 * A job is checked (submit.c), joins the gathering batch, and travels with it
 * (batch.c): one KVS commit of J and jobspec, one job-manager.submit, answers.
 *
 * Batching: a batch is what gathered while the last commit was in flight; the
 * first job of an idle instance leaves at once.  There is no timer.
 *
 * Bounds: BATCH_MAX jobs in one commit; INGEST_MAX jobs in all, more get EAGAIN.
 */

#ifndef MILLRACE_INGEST_H
#define MILLRACE_INGEST_H

#include <flux/core.h>
#include <flux/hostlist.h>
#include <jansson.h>

#include "common/fluid.h"
#include "common/list.h"
#include "common/table.h"

#define BATCH_MAX 1024
#define INGEST_MAX 1000000

struct ingest_job {
    struct list link; /* in gathering, or in its batch */
    uint64_t id;
    uint32_t userid;
    int urgency;
    int flags;
    double t_submit;
    const flux_msg_t *msg; /* the request, for the answer */
    char *J;
    char *jobspec;         /* compact, without environment */
    const char *error;     /* from job-manager; in its response */
};

/* What the configuration adds to jobspecs (complete.c). */
struct completion {
    bool on;
    json_t *conf;     /* the whole of it; the others are in it, or NULL */
    json_t *queues;
    json_t *defaults;
};

struct ingest {
    flux_t *h;
    flux_msg_handler_t **handlers;
    struct fluid_generator ids;
    uint32_t owner; /* of the instance */
    bool allow_root;
    bool no_validator; /* by module argument */
    bool validate;
    struct completion completion;
    bool saves; /* the state directory outlives the instance */
    struct hostlist *hosts; /* of the instance; NULL: not checked */
    struct list gathering;
    struct list batches; /* in flight, oldest first */
    struct ingest_batch *committing;
    size_t count; /* jobs in gathering and batches */
    struct {
        uint64_t requests;
        uint64_t errors;
        uint64_t batches;
    } stats;
};

/* submit.c */
void ingest_submit_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg);
uint64_t ingest_clock_ms (void);

/* complete.c: take over a configuration; -1 with a sentence. */
int completion_configure (struct ingest *in, const flux_conf_t *conf, flux_error_t *error);

/* Only if it is on.  -1 with a sentence: the job is refused. */
int completion_apply (const struct completion *c, json_t *jobspec, flux_error_t *error);

/* batch.c: take over a checked job. */
void ingest_job_add (struct ingest *in, struct ingest_job *job);
void ingest_job_free (struct ingest_job *job);
/* The module ends: everything still under way is answered ENOSYS. */
void ingest_batches_fini (struct ingest *in);

#endif /* !MILLRACE_INGEST_H */
