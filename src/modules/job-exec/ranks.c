/* job-exec/ranks.c - brokers come and go.
 *
 * A job that was given resources of a broker must not go on as if these were
 * still there, unless it has said that it can do without (critical-ranks).
 */
#include "config.h"

#include "common/util.h"
#include "exec.h"

/* The index of a node of the job whose loss is new to it, or -1. */
static ssize_t find_lost (struct job *job, const struct idset *lost)
{
    if (job->mock)
        return -1;
    for (size_t i = 0; i < rset_nnodes (job->R); i++) {
        if (idset_test (lost, rset_rank_at (job->R, i))
            && !(job->lost && idset_test (job->lost, i)))
            return i;
    }
    return -1;
}

void job_node_lost (struct job *job, uint32_t node)
{
    const char *host = rset_host_at (job->R, node);
    uint32_t rank = rset_rank_at (job->R, node);
    char note[256];

    if ((!job->lost && !(job->lost = idset_create (0, IDSET_FLAG_AUTOGROW)))
        || idset_test (job->lost, node))
        return;
    (void)idset_set (job->lost, node);
    snprintf (note, sizeof (note), "node failure on %s (rank %u)", host ? host : "unknown",
              rank);
    if (!job->doomed && (!job->critical || idset_test (job->critical, node)))
        job_fatal (job, "exec", "%s", note);
    else if (!job->doomed) {
        job_log (job, 3, "%s", note);
        job_respond_exception (job, 2, "node-failure", note);
    }
    parts_lose (job, node);
}

/* One job: the table may be another one when it has been told. */
static bool fail_one (struct exec *x, const struct idset *lost)
{
    struct job *job;
    size_t pos = 0;
    ssize_t i;

    while ((job = table_next (&x->jobs, &pos))) {
        if ((i = find_lost (job, lost)) >= 0) {
            job_node_lost (job, i);
            return true;
        }
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
