/* job-exec/call.c - RPCs that belong to a job. */
#include "config.h"
#include "common/util.h"
#include "exec.h"

struct call {
    struct list link;
    struct job *job;
    flux_future_t *f;
    call_f done;
    size_t arg;
};

static void call_free (struct call *c)
{
    list_del (&c->link);
    flux_future_destroy (c->f);
    free (c);
}

/* The job may be gone when done () returns: the call, too. */
static void continuation (flux_future_t *f, void *arg)
{
    struct call *c = arg;
    flux_future_t *keep = c->f;

    c->f = NULL;
    list_del (&c->link);
    c->done (c->job, keep, c->arg);
    flux_future_destroy (keep);
    free (c);
}

void job_call (struct job *job, flux_future_t *f, call_f done, size_t arg)
{
    struct call *c;

    if (!f || !(c = calloc (1, sizeof (*c)))) {
        int saved_errno = errno;

        flux_future_destroy (f);
        errno = saved_errno;
        done (job, NULL, arg);
        return;
    }
    *c = (struct call){ .job = job, .f = f, .done = done, .arg = arg };
    list_append (&job->calls, &c->link);
    if (flux_future_then (f, -1., continuation, c) < 0) {
        int saved_errno = errno;

        call_free (c);
        errno = saved_errno;
        done (job, NULL, arg);
    }
}

void job_calls_cancel (struct job *job)
{
    struct call *c;

    list_foreach (&job->calls, c, link)
        call_free (c);
}
