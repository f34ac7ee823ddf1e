#include "config.h"
#include <math.h>

#include <flux/core.h>

#include "common/errprintf.h"
#include "common/util.h"

static double until (double expiration)
{
    double left;

    if (expiration == 0.)
        return INFINITY;
    left = expiration - flux_reactor_time ();
    return left > 0. ? left : 0.;
}

/* Of the job that this process belongs to. */
static int job_timeleft (flux_t *h,
                         const char *jobid,
                         flux_error_t *errp,
                         double *timeleft)
{
    flux_jobid_t id;
    flux_future_t *f;
    double expiration = 0.;
    int state;
    int rc = -1;

    if (flux_job_id_parse (jobid, &id) < 0)
        return errprintf (errp, "error parsing FLUX_JOB_ID: %s", jobid);
    if (!(f = flux_job_list_id (h, id, "[\"expiration\",\"state\"]")))
        return errprintf (errp, "%s", strerror (errno));
    if (flux_rpc_get_unpack (f,
                             "{s:{s?F s:i}}",
                             "job",
                             "expiration",
                             &expiration,
                             "state",
                             &state)
        < 0) {
        if (errno == ENOENT)
            errprintf (errp, "%s: no such jobid", jobid);
        else
            errprintf (errp, "%s", future_strerror (f, errno));
    }
    else if (state & (FLUX_JOB_STATE_NEW | FLUX_JOB_STATE_PENDING)) {
        errno = EINVAL;
        errprintf (errp, "job %s has not started", jobid);
    }
    else {
        *timeleft = state == FLUX_JOB_STATE_RUN ? until (expiration) : 0.;
        rc = 0;
    }
    flux_future_destroy (f);
    return rc;
}

/* Of the instance: its resources may expire. */
static int instance_timeleft (flux_t *h, flux_error_t *errp, double *timeleft)
{
    flux_future_t *f;
    double expiration = 0.;
    int rc = -1;

    if (!(f = flux_rpc (h, "resource.status", NULL, 0, 0)))
        return errprintf (errp, "%s", strerror (errno));
    if (flux_rpc_get_unpack (f,
                             "{s:{s:{s?F}}}",
                             "R",
                             "execution",
                             "expiration",
                             &expiration)
        < 0)
        errprintf (errp, "%s", future_strerror (f, errno));
    else {
        *timeleft = until (expiration);
        rc = 0;
    }
    flux_future_destroy (f);
    return rc;
}

int flux_job_timeleft (flux_t *h, flux_error_t *errp, double *timeleft)
{
    const char *jobid = getenv ("FLUX_JOB_ID");

    if (!h || !timeleft) {
        errno = EINVAL;
        return errprintf (errp, "%s", strerror (errno));
    }
    if (jobid)
        return job_timeleft (h, jobid, errp, timeleft);
    return instance_timeleft (h, errp, timeleft);
}
