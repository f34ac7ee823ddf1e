/* job-exec/guest.c - the guest namespace of a job, from creation to graft. */
#include "config.h"
#include <stdio.h>

#include "common/blobref.h"
#include "common/eventlog.h"
#include "common/kvsops.h"
#include "common/util.h"
#include "exec.h"

static flux_future_t *commit (struct job *job, char *payload)
{
    flux_future_t *f = NULL;

    if (payload)
        f = flux_rpc (job->x->h, "kvs.commit", payload, FLUX_NODEID_ANY, 0);
    free_keep_errno (payload);
    return f;
}

static void guest_key (struct job *job, const char *key, char *buf, size_t size)
{
    if (flux_job_kvs_key (buf, size, job->id, key) < 0)
        never ("job key does not fit");
}

/* Once a log cannot be written the job goes on: its tasks may still do what
 * they are for.  It is said once per failure, in the broker's log.
 */
static void log_failure (struct job *job, flux_future_t *f, const char *what)
{
    flux_log (job->x->h,
              LOG_ERR,
              "%s: %s: %s",
              job->f58,
              what,
              f ? future_strerror (f, errno) : strerror (errno));
}

/* The guest directory is in place: the namespace may go, and the job. */
static void graft_done (struct job *job, flux_future_t *f, size_t arg)
{
    flux_future_t *f2;

    if (!f || flux_rpc_get (f, NULL) < 0)
        log_failure (job, f, "graft of the guest namespace");
    /* Nobody waits for the removal; the release that is sent next follows it. */
    f2 = flux_rpc_pack (job->x->h,
                        "kvs.namespace-remove",
                        0,
                        FLUX_RPC_NORESPONSE,
                        "{s:s}",
                        "namespace", job->ns);
    if (!f2)
        log_failure (job, NULL, "namespace-remove");
    flux_future_destroy (f2);
    job_end (job);
}

static void send_graft (struct job *job, const char *rootref)
{
    struct kvsops ops = KVSOPS_INIT;
    char key[64];

    guest_key (job, "guest", key, sizeof (key));
    kvsops_put_dirref (&ops, key, rootref);
    job_call (job,
              commit (job, kvsops_finish (&ops, KVS_PRIMARY_NAMESPACE, 0)),
              graft_done,
              0);
}

static void getroot_done (struct job *job, flux_future_t *f, size_t arg)
{
    const char *ref;

    if (!f || flux_rpc_get_unpack (f, "{s:s}", "rootref", &ref) < 0) {
        if (errno != ENOTSUP) /* there is none: nothing to keep */
            log_failure (job, f, "root of the guest namespace");
        job_end (job);
        return;
    }
    send_graft (job, ref);
}

/* rootref: the root after our last commit, or NULL if there was none. */
void guest_graft (struct job *job, const char *rootref)
{
    job->state = JOB_GRAFTING;
    if (!job->has_namespace)
        job_end (job);
    else if (rootref)
        send_graft (job, rootref);
    else
        job_call (job,
                  flux_rpc_pack (job->x->h,
                                 "kvs.getroot",
                                 FLUX_NODEID_ANY,
                                 0,
                                 "{s:s}",
                                 "namespace", job->ns),
                  getroot_done,
                  0);
}

static void stored (struct job *job, flux_future_t *f, size_t slot)
{
    struct blobref ref;
    char text[BLOBREF_TEXT_SIZE];
    const void *digest;
    size_t len;

    if (f && flux_rpc_get_raw (f, &digest, &len) == 0
        && blobref_from_digest (len == 32 ? BLOBREF_SHA256 : BLOBREF_SHA1, digest, len, &ref)
               == 0)
        guestlog_stored (&job->log, slot, blobref_str (&ref, text));
    else {
        log_failure (job, f, "store of job output");
        guestlog_store_failed (&job->log, slot);
    }
    job_touch (job);
}

/* One of the calls before the tasks is done. */
static void start_done (struct job *job)
{
    if (--job->waiting == 0)
        job_launch (job);
}

static void committed (struct job *job, flux_future_t *f, size_t len)
{
    const char *rootref = NULL;
    bool good = f && flux_rpc_get_unpack (f, "{s:s}", "rootref", &rootref) == 0;

    guestlog_committed (&job->log, len);
    if (!good)
        log_failure (job, f, "commit to the guest namespace");
    if (!job->logs_begun) {
        job->logs_begun = true;
        start_done (job);
    }
    if (job->state == JOB_FINISHING && guestlog_idle (&job->log)) {
        guest_graft (job, rootref);
        return;
    }
    job_resume (job);
    job_touch (job);
}

void guest_flush (struct job *job)
{
    unsigned int slot;
    size_t len;
    char *p;

    while ((p = guestlog_next_store (&job->log, &len, &slot))) {
        flux_future_t *f;

        f = flux_rpc_raw (job->x->h, "content.store", p, len, FLUX_NODEID_ANY, 0);
        free_keep_errno (p);
        job_call (job, f, stored, slot);
    }
    if ((p = guestlog_next_commit (&job->log, job->ns, &len)))
        job_call (job, commit (job, p), committed, len);
    else if (job->state == JOB_FINISHING && guestlog_idle (&job->log))
        guest_graft (job, NULL); /* no memory for the last commit */
}

static void namespace_done (struct job *job, flux_future_t *f, size_t arg)
{
    char note[160];

    if (!f || flux_future_get (f, NULL) < 0) {
        snprintf (note, sizeof (note), "failed to create guest ns: %s", strerror (errno));
        job->doomed = true;
        job_respond_exception (job, 0, "exec", note);
    }
    start_done (job);
}

static void link_done (struct job *job, flux_future_t *f, size_t arg)
{
    if (!f || flux_rpc_get (f, NULL) < 0) {
        log_failure (job, f, "guest link");
        job->doomed = true;
        job_respond_exception (job, 0, "exec", "failed to link the guest namespace");
    }
    start_done (job);
}

/* J alone has the environment; everything else comes from the start request,
 * which has the current jobspec.
 */
static void J_done (struct job *job, flux_future_t *f, size_t arg)
{
    const char *J;
    char *payload = NULL;
    uint32_t signer;
    json_t *env;

    if (f && flux_kvs_lookup_get (f, &J) == 0
        && (payload = flux_unwrap_string (J, true, &signer, NULL)))
        job->J = json_loads (payload, 0, NULL);
    free_keep_errno (payload);
    if (!job->J) {
        log_failure (job, f, "J");
        job->doomed = true;
        job_respond_exception (job, 0, "exec", "failed to read the job request (J)");
    }
    env = json_object_get (json_object_get (json_object_get (job->J, "attributes"), "system"),
                           "environment");
    if (env && !json_is_object (env))
        snprintf (job->refusal,
                  sizeof (job->refusal),
                  "attributes.system.environment must be a mapping");
    start_done (job);
}

static void service_done (struct job *job, flux_future_t *f, size_t arg)
{
    if (!f || flux_future_get (f, NULL) < 0)
        log_failure (job, f, "service registration");
    else
        job->has_service = true;
    start_done (job);
}

/* The first entries of all logs: they leave in one commit. */
void guest_init_logs (struct job *job)
{
    struct text *in = guestlog_text (&job->log, GUESTLOG_INPUT);

    job_event (job, "init", NULL);
    if (mock_fails_init (job))
        return;
    job_event (job, "starting", NULL);
    if (job->mock)
        job_event (job, "recoverable", NULL);
    if (!job->output)
        return;
    output_header (job->output, exec_now ());
    eventlog_begin (in, exec_now (), "header");
    text_puts (in,
               ",\"context\":{\"version\":1,\"encoding\":{\"stdin\":\"UTF-8\"},"
               "\"count\":{\"stdin\":1},\"options\":{}}");
    eventlog_end (in);
    job_event_shell_init (job);
}

/* Everything a job needs before its tasks, in one round trip.  The messages
 * of one sender to one service are handled in order: the commit to the
 * namespace finds it made; the service is there before anyone reads of it in
 * shell.init.
 */
void guest_begin (struct job *job)
{
    struct kvsops ops = KVSOPS_INIT;
    flux_t *h = job->x->h;
    char key[64];

    /* One more than there are: a call that fails at once must not be last. */
    job->waiting = job->output ? 6 : 4;
    job->has_namespace = true;
    job_call (job,
              flux_kvs_namespace_create (h, job->ns, job->userid, 0),
              namespace_done,
              0);
    if (job->output)
        job_call (job, flux_service_register (h, job->service), service_done, 0);
    guest_init_logs (job);
    guest_flush (job);
    guest_key (job, "guest", key, sizeof (key));
    kvsops_symlink (&ops, key, job->ns, ".");
    job_call (job,
              commit (job, kvsops_finish (&ops, KVS_PRIMARY_NAMESPACE, 0)),
              link_done,
              0);
    if (job->output) {
        guest_key (job, "J", key, sizeof (key));
        job_call (job, flux_kvs_lookup (h, NULL, 0, key), J_done, 0);
    }
    start_done (job);
}
