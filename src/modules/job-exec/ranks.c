/* job-exec/ranks.c - brokers come and go.
 *
 * Tasks of all brokers are started here, so that none depends on another
 * broker being alive; but a job that was given resources of a broker must not
 * go on as if these were still there.
 */
#include "config.h"

#include "common/util.h"
#include "exec.h"

/* The index of a lost node in a job that does not end already, or -1. */
static ssize_t find_lost (struct job *job, const struct idset *lost)
{
    if (job->mock || job->doomed)
        return -1;
    for (size_t i = 0; i < rset_nnodes (job->R); i++) {
        if (idset_test (lost, rset_rank_at (job->R, i)))
            return i;
    }
    return -1;
}

/* One job: the table may be another one when it has been told. */
static bool fail_one (struct exec *x, const struct idset *lost)
{
    struct job *job;
    size_t pos = 0;
    ssize_t i;

    while ((job = table_next (&x->jobs, &pos))) {
        const char *host;

        if ((i = find_lost (job, lost)) < 0)
            continue;
        host = rset_host_at (job->R, i);
        job_fatal (job,
                   "exec",
                   "node failure on %s (rank %u)",
                   host ? host : "unknown",
                   rset_rank_at (job->R, i));
        return true;
    }
    return false;
}

static void online_cb (flux_future_t *f, void *arg)
{
    struct exec *x = arg;
    struct idset *now, *lost;
    const char *members;

    if (flux_rpc_get_unpack (f, "{s:s}", "members", &members) < 0) {
        flux_log_error (x->h, "groups.get broker.online");
        return; /* the last word on it */
    }
    if ((now = idset_decode (members))) {
        if (x->online && (lost = idset_difference (x->online, now))) {
            while (fail_one (x, lost))
                ;
            idset_destroy (lost);
        }
        idset_destroy (x->online);
        x->online = now;
    }
    flux_future_reset (f);
}

int ranks_watch (struct exec *x)
{
    if (x->size == 1)
        return 0;
    if (!(x->f_online = flux_rpc_pack (x->h,
                                       "groups.get",
                                       0,
                                       FLUX_RPC_STREAMING,
                                       "{s:s}",
                                       "name", "broker.online"))
        || flux_future_then (x->f_online, -1., online_cb, x) < 0)
        return -1;
    return 0;
}

void ranks_unwatch (struct exec *x)
{
    flux_future_destroy (x->f_online);
    idset_destroy (x->online);
}
