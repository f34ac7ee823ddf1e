/* job-ingest/batch.c - jobs on their way through the KVS to the job manager. */
#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "common/kvsops.h"
#include "common/util.h"
#include "ingest.h"

struct ingest_batch {
    struct ingest *in;
    struct list link; /* in ingest.batches */
    struct list jobs;
    struct table by_id;
    flux_future_t *f; /* the commit, then the submit, then the save */
    flux_future_t *submitted; /* errors of jobs are in it */
};

static void flush (struct ingest *in);

void ingest_job_free (struct ingest_job *job)
{
    if (job) {
        int saved_errno = errno;

        flux_msg_decref (job->msg);
        free (job->J);
        free (job->jobspec);
        free (job);
        errno = saved_errno;
    }
}

static void batch_free (struct ingest_batch *b)
{
    struct ingest_job *job;

    list_foreach (&b->jobs, job, link) {
        list_del (&job->link);
        b->in->count--;
        ingest_job_free (job);
    }
    table_fini (&b->by_id);
    list_del (&b->link);
    flux_future_destroy (b->f);
    flux_future_destroy (b->submitted);
    free (b);
}

static void respond_error (struct ingest *in,
                           struct ingest_job *job,
                           int errnum,
                           const char *text)
{
    in->stats.errors++;
    if (flux_respond_error (in->h, job->msg, errnum, text) < 0)
        flux_log_error (in->h, "submit response");
}

static void cleanup_continuation (flux_future_t *f, void *arg)
{
    struct ingest *in = arg;

    if (flux_rpc_get (f, NULL) < 0)
        flux_log (in->h, LOG_ERR, "unlink of refused jobs: %s", future_strerror (f, errno));
    flux_future_destroy (f);
}

/* Nobody waits for this. */
static void unlink_jobs (struct ingest *in, struct kvsops *ops)
{
    flux_future_t *f = NULL;
    char *payload;

    if (kvsops_empty (ops))
        return;
    payload = kvsops_finish (ops, KVS_PRIMARY_NAMESPACE, 0);
    if (!payload || !(f = flux_rpc (in->h, "kvs.commit", payload, FLUX_NODEID_ANY, 0))
        || flux_future_then (f, -1., cleanup_continuation, in) < 0) {
        flux_log_error (in->h, "unlink of refused jobs");
        flux_future_destroy (f);
    }
    free (payload);
}

static void unlink_job (struct kvsops *ops, const struct ingest_job *job)
{
    char key[64];

    if (flux_job_kvs_key (key, sizeof (key), job->id, NULL) < 0)
        never ("job key does not fit");
    kvsops_unlink (ops, key);
}

/* The whole batch failed. */
static void batch_fail (struct ingest_batch *b, int errnum, const char *text, bool stored)
{
    struct kvsops ops = KVSOPS_INIT;
    struct ingest_job *job;

    list_foreach (&b->jobs, job, link) {
        respond_error (b->in, job, errnum, text);
        if (stored)
            unlink_job (&ops, job);
    }
    unlink_jobs (b->in, &ops);
    batch_free (b);
}

static int note_errors (struct ingest_batch *b, json_t *errors)
{
    struct ingest_job *job;
    json_t *entry;
    json_int_t id;
    const char *text;
    size_t i;

    json_array_foreach (errors, i, entry) {
        if (json_unpack (entry, "[I,s]", &id, &text) < 0) {
            errno = EPROTO;
            return -1;
        }
        if ((job = table_get_u64 (&b->by_id, id)))
            job->error = text;
    }
    return 0;
}

/* Tell the clients, and take back what was refused. */
static void batch_finish (struct ingest_batch *b)
{
    struct ingest *in = b->in;
    struct kvsops ops = KVSOPS_INIT;
    struct ingest_job *job;

    list_foreach (&b->jobs, job, link) {
        if (job->error) {
            respond_error (in, job, EINVAL, job->error);
            unlink_job (&ops, job);
        }
        else if (flux_respond_pack (in->h, job->msg, "{s:I}", "id", (json_int_t)job->id)
                 < 0)
            flux_log_error (in->h, "submit response");
    }
    unlink_jobs (in, &ops);
    batch_free (b);
}

/* kvs.save -> { } : the jobs will be there even after a crash.  If they cannot
 * be saved they are there all the same, and run: their clients must know.
 */
static void save_continuation (flux_future_t *f, void *arg)
{
    struct ingest_batch *b = arg;

    if (flux_rpc_get (f, NULL) < 0 && errno != ENOSYS)
        flux_log (b->in->h, LOG_ERR, "jobs are accepted but not saved: %s",
                  future_strerror (f, errno));
    batch_finish (b);
}

/* job-manager.submit -> { "errors":[[id,"text"],...] } */
static void submit_continuation (flux_future_t *f, void *arg)
{
    struct ingest_batch *b = arg;
    struct ingest *in = b->in;
    json_t *errors;

    if (flux_rpc_get_unpack (f, "{s:o}", "errors", &errors) < 0
        || note_errors (b, errors) < 0) {
        batch_fail (b, errno, future_strerror (f, errno), true);
        return;
    }
    if (!in->saves) {
        batch_finish (b);
        return;
    }
    b->submitted = f;
    if (!(b->f = flux_rpc (in->h, "kvs.save", NULL, 0, 0))
        || flux_future_then (b->f, -1., save_continuation, b) < 0) {
        flux_log_error (in->h, "kvs.save");
        batch_finish (b);
    }
}

/* { "jobs":[ { "id":I "userid":i "urgency":i "t_submit":f "flags":i "jobspec":o } ] } */
static flux_future_t *submit (struct ingest_batch *b)
{
    struct text t = TEXT_INIT;
    struct ingest_job *job;
    flux_future_t *f = NULL;
    bool first = true;

    text_puts (&t, "{\"jobs\":[");
    list_foreach (&b->jobs, job, link) {
        text_puts (&t, first ? "{\"id\":" : ",{\"id\":");
        text_put_uint (&t, job->id);
        text_printf (&t,
                     ",\"userid\":%u,\"urgency\":%d,\"t_submit\":",
                     job->userid,
                     job->urgency);
        text_put_real (&t, job->t_submit);
        text_printf (&t, ",\"flags\":%d,\"jobspec\":", job->flags);
        text_puts (&t, job->jobspec);
        text_putc (&t, '}');
        first = false;
    }
    text_puts (&t, "]}");
    if (text_error (&t))
        errno = ENOMEM;
    else
        f = flux_rpc (b->in->h, "job-manager.submit", t.buf, FLUX_NODEID_ANY, 0);
    text_fini (&t);
    return f;
}

/* J and jobspec of the whole batch are in the KVS.  The next batch, which
 * gathered meanwhile, need not wait for the job manager.
 */
static void commit_continuation (flux_future_t *f, void *arg)
{
    struct ingest_batch *b = arg;
    struct ingest *in = b->in;

    in->committing = NULL;
    if (flux_rpc_get (f, NULL) < 0) {
        flux_log (in->h, LOG_ERR, "KVS commit: %s", future_strerror (f, errno));
        batch_fail (b, errno, "KVS commit failed", false);
    }
    else {
        flux_future_destroy (f);
        if (!(b->f = submit (b)) || flux_future_then (b->f, -1., submit_continuation, b) < 0)
            batch_fail (b, errno, NULL, true);
    }
    flush (in);
}

static char *batch_ops (struct ingest_batch *b)
{
    struct kvsops ops = KVSOPS_INIT;
    struct ingest_job *job;
    char key[64];

    list_foreach (&b->jobs, job, link) {
        if (flux_job_kvs_key (key, sizeof (key), job->id, "J") < 0)
            never ("job key does not fit");
        kvsops_put (&ops, key, job->J, strlen (job->J));
        if (flux_job_kvs_key (key, sizeof (key), job->id, "jobspec") < 0)
            never ("job key does not fit");
        kvsops_put (&ops, key, job->jobspec, strlen (job->jobspec));
    }
    return kvsops_finish (&ops, KVS_PRIMARY_NAMESPACE, 0);
}

/* Send what has gathered, unless a commit is in flight. */
static void flush (struct ingest *in)
{
    struct ingest_batch *b;
    struct ingest_job *job;
    char *payload = NULL;

    if (in->committing || list_empty (&in->gathering))
        return;
    if (!(b = calloc (1, sizeof (*b)))) {
        flux_log (in->h, LOG_ERR, "out of memory");
        return;
    }
    b->in = in;
    list_init (&b->jobs);
    list_append (&in->batches, &b->link);
    for (int n = 0; n < BATCH_MAX; n++) {
        if (!(job = list_first (&in->gathering, struct ingest_job, link)))
            break;
        list_del (&job->link);
        list_append (&b->jobs, &job->link);
        if (table_put_u64 (&b->by_id, job->id, job) < 0)
            goto error;
    }
    if (!(payload = batch_ops (b))
        || !(b->f = flux_rpc (in->h, "kvs.commit", payload, FLUX_NODEID_ANY, 0))
        || flux_future_then (b->f, -1., commit_continuation, b) < 0)
        goto error;
    in->committing = b;
    in->stats.batches++;
    free (payload);
    return;
error:
    batch_fail (b, errno, "KVS commit failed", false);
    free (payload);
}

void ingest_job_add (struct ingest *in, struct ingest_job *job)
{
    list_append (&in->gathering, &job->link);
    in->count++;
    flush (in);
}

void ingest_batches_fini (struct ingest *in)
{
    struct ingest_batch *b;
    struct ingest_job *job;

    while ((b = list_first (&in->batches, struct ingest_batch, link)))
        batch_fail (b, ENOSYS, NULL, false);
    list_foreach (&in->gathering, job, link) {
        list_del (&job->link);
        respond_error (in, job, ENOSYS, NULL);
        ingest_job_free (job);
    }
}
