#include "config.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base64.h"
#include "common/tap.h"
#include "common/util.h"
#include "world_private.h"

#define PATIENCE 60.0

int mod_main (flux_t *h, int argc, char **argv);

static const char uri[] = "interthread://job-exec-test";

static struct {
    int argc;
    char **argv;
} args;

double world_now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1E-9;
}

static void shutdown_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_reactor_stop (flux_get_reactor (h));
}

static void *module_thread (void *arg)
{
    static const struct flux_msg_handler_spec handlers[] = {
        { FLUX_MSGTYPE_REQUEST, "job-exec.shutdown", shutdown_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    struct world *w = arg;
    flux_msg_handler_t **mh = NULL;
    flux_t *h = flux_open (uri, 0);

    if (!h || flux_msg_handler_addvec (h, handlers, NULL, &mh) < 0)
        bail_out ("no handle for the module");
    w->rc = mod_main (h, args.argc, args.argv);
    flux_msg_handler_delvec (mh);
    flux_close (h);
    return NULL;
}

static void answer (struct world *w, const flux_msg_t *msg, const char *s)
{
    if (flux_respond (w->h, msg, s) < 0)
        bail_out ("respond: %s", strerror (errno));
}

static void do_attr (struct world *w, const flux_msg_t *msg)
{
    const char *name, *value = NULL;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        bail_out ("attr.get");
    if (!strcmp (name, "rank"))
        value = "0";
    else if (!strcmp (name, "size"))
        value = "1";
    else if (!strcmp (name, "content.hash"))
        value = "sha1";
    else if (!strcmp (name, "rundir"))
        value = w->rundir.buf;
    else if (!strcmp (name, "jobid-path"))
        value = "/";
    else if (!strcmp (name, "local-uri"))
        value = "local:///test/local-0";
    if (value)
        flux_respond_pack (w->h, msg, "{s:s s:i}", "value", value, "flags", 1);
    else
        flux_respond_error (w->h, msg, ENOENT, NULL);
}

static struct text *log_of (struct world *w, const char *key)
{
    return !strcmp (key, "exec.eventlog") ? &w->job.logs[LOG_EXECLOG]
           : !strcmp (key, "output")      ? &w->job.logs[LOG_OUT]
           : !strcmp (key, "input")       ? &w->job.logs[LOG_IN]
                                          : NULL;
}

static void apply_guest_op (struct world *w, json_t *op)
{
    struct text *t = log_of (w, json_string_value (json_object_get (op, "key")));
    json_t *data = json_object_get (json_object_get (op, "dirent"), "data");

    if (!t)
        bail_out ("unknown key in the guest namespace");
    if (json_is_array (data)) { /* the name of a blob is its number */
        const char *ref = json_string_value (json_array_get (data, 0));
        char hex[9] = { 0 };
        uint32_t n;

        memcpy (hex, ref + strlen ("sha1-"), 8);
        n = strtoul (hex, NULL, 16);
        if (n >= w->nblobs)
            bail_out ("append of a blob that was never stored");
        text_put (t, w->blobs[n], w->blob_lens[n]);
    }
    else {
        size_t len = json_string_length (data);
        char *p = text_reserve (t, base64_decoded_max (len));
        ssize_t n = base64_decode (p, json_string_value (data), len);

        if (n < 0)
            bail_out ("bad base64 in a commit");
        text_commit (t, n);
    }
}

static void apply_guest_ops (struct world *w, const flux_msg_t *msg)
{
    const char *ns;
    json_t *ops, *op;
    size_t i;

    if (flux_request_unpack (msg, NULL, "{s:s s:o}", "namespace", &ns, "ops", &ops) < 0
        || !strcmp (ns, "primary"))
        bail_out ("kvs.commit");
    json_array_foreach (ops, i, op)
        apply_guest_op (w, op);
}

static void answer_root (struct world *w, const flux_msg_t *msg)
{
    answer (w,
            msg,
            "{\"rootref\":\"sha1-1111111111111111111111111111111111111111\","
            "\"rootseq\":1}");
}

static void do_commit (struct world *w, const flux_msg_t *msg)
{
    apply_guest_ops (w, msg);
    w->job.commits++;
    answer_root (w, msg);
}

static void do_guest (struct world *w, const flux_msg_t *msg, bool begin)
{
    const char *key;
    char want[64];

    flux_job_kvs_key (want, sizeof (want), w->job.id, "guest");
    if (flux_request_unpack (msg, NULL, "{s:s}", "key", &key) < 0 || strcmp (key, want))
        bail_out ("key of the guest directory");
    apply_guest_ops (w, msg);
    w->job.commits++;
    if (begin)
        w->job.linked = true;
    else {
        if (w->job.released)
            w->job.order_ok = false;
        w->job.grafted = w->job.removed = true;
    }
    answer_root (w, msg);
}

static void do_store (struct world *w, const flux_msg_t *msg)
{
    uint8_t digest[20] = { 0 };
    uint32_t n = htonl (w->nblobs);
    const void *data;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &data, &len) < 0
        || w->nblobs == ARRAY_SIZE (w->blobs))
        bail_out ("content.store");
    memcpy (digest, &n, sizeof (n));
    w->blobs[w->nblobs] = malloc (len);
    memcpy (w->blobs[w->nblobs], data, len);
    w->blob_lens[w->nblobs++] = len;
    if (flux_respond_raw (w->h, msg, digest, sizeof (digest)) < 0)
        bail_out ("respond_raw");
}

static void do_lookup (struct world *w, const flux_msg_t *msg)
{
    static const char version[] = "version\0i1\0userid"; /* each with its NUL */
    static const char mechanism[] = "mechanism\0snone";
    char *payload = json_dumps (w->J, JSON_COMPACT);
    struct text head = TEXT_INIT, J = TEXT_INIT, val = TEXT_INIT;

    text_put (&head, version, sizeof (version));
    text_printf (&head, "i%u", getuid ());
    text_putc (&head, '\0');
    text_put (&head, mechanism, sizeof (mechanism));
    text_put_base64 (&J, head.buf, head.len);
    text_putc (&J, '.');
    text_put_base64 (&J, payload, strlen (payload));
    text_puts (&J, ".none");
    text_puts (&val, "{\"val\":{\"ver\":1,\"type\":\"val\",\"data\":\"");
    text_put_base64 (&val, J.buf, J.len);
    text_puts (&val, "\"}}");
    answer (w, msg, val.buf);
    text_fini (&head);
    text_fini (&J);
    text_fini (&val);
    free (payload);
}

static void handle_request (struct world *w, const flux_msg_t *msg, const char *topic)
{
    bool kvs = !strcmp (topic, "kvs.commit") || !strcmp (topic, "content.store")
               || !strncmp (topic, "kvs.guest-", 10);

    if (w->hold && kvs)
        flux_msglist_append (w->held, msg);
    else if (!strcmp (topic, "kvs.commit"))
        do_commit (w, msg);
    else if (!strcmp (topic, "content.store"))
        do_store (w, msg);
    else if (!strcmp (topic, "attr.get"))
        do_attr (w, msg);
    else if (!strcmp (topic, "kvs.lookup"))
        do_lookup (w, msg);
    else if (w->begin_errnum && !strncmp (topic, "kvs.guest-", 10))
        flux_respond_error (w->h, msg,
                            strcmp (topic, "kvs.guest-end") ? w->begin_errnum : ENOTSUP,
                            NULL);
    else if (!strcmp (topic, "kvs.guest-begin"))
        do_guest (w, msg, true);
    else if (!strcmp (topic, "kvs.guest-end"))
        do_guest (w, msg, false);
    else
        answer (w, msg, NULL);
}

static void handle_exec_response (struct world *w, const flux_msg_t *msg)
{
    struct world_job *job = &w->job;
    const char *type, *s, *note, *etype;
    json_int_t id;
    json_t *o = NULL;

    if (flux_response_decode (msg, NULL, &s) < 0 || !(o = json_loads (s, 0, NULL))
        || json_unpack (o, "{s:I s:s}", "id", &id, "type", &type) < 0)
        bail_out ("response to start: %s", strerror (errno));
    if ((uint64_t)id != job->id || job->released)
        job->order_ok = false;
    if (!strcmp (type, "start")) {
        job->started = true;
        job->t_start = world_now () - w->t0;
        if (!job->linked)
            job->order_ok = false;
    }
    else if (!strcmp (type, "finish")) {
        job->t_finish = world_now () - w->t0;
        if (!job->started
            || json_unpack (o, "{s:{s:i}}", "data", "status", &job->status) < 0)
            job->order_ok = false;
    }
    else if (!strcmp (type, "release")) {
        job->released = true;
        job->t_release = world_now () - w->t0;
    }
    else if (!strcmp (type, "exception") && !job->type[0]
             && json_unpack (o, "{s:{s:s s:s}}", "data", "type", &etype, "note", &note)
                    == 0) {
        snprintf (job->type, sizeof (job->type), "%s", etype);
        snprintf (job->note, sizeof (job->note), "%s", note);
    }
    json_decref (o);
}

/* "<n>\n", n bytes of output, notes */
static void handle_news (struct world *w, const flux_msg_t *msg)
{
    struct world_job *job = &w->job;
    const void *data;
    size_t len, n;
    char *end;

    if (job->attach_errnum != 0)
        job->news_after_end = true;
    if (flux_response_decode_raw (msg, NULL, &data, &len) < 0) {
        job->attach_errnum = errno;
        return;
    }
    n = strtoul (data, &end, 10);
    if (*end != '\n' || n > len - (end + 1 - (char *)data))
        bail_out ("malformed news");
    text_put (&job->news, end + 1, n);
    text_put (&job->notes, end + 1 + n, len - (end + 1 - (char *)data) - n);
}

/* Ask again until the job is paused. */
static void handle_stats (struct world *w, const flux_msg_t *msg)
{
    json_t *o = NULL, *jobs, *job;
    const char *s, *id;

    if (flux_response_decode (msg, NULL, &s) < 0 || !(o = json_loads (s, 0, NULL))
        || !(jobs = json_object_get (o, "jobs")))
        bail_out ("stats-get");
    json_object_foreach (jobs, id, job)
        w->job.paused = json_is_true (json_object_get (job, "paused"));
    json_decref (o);
    if (!w->job.paused)
        world_ask_stats (w);
}

static void handle (struct world *w, flux_msg_t *msg)
{
    const char *topic = "";
    int type, errnum = 0;

    flux_msg_get_type (msg, &type);
    flux_msg_get_topic (msg, &topic);
    if (type == FLUX_MSGTYPE_REQUEST)
        handle_request (w, msg, topic);
    else if (type == FLUX_MSGTYPE_RESPONSE && !strcmp (topic, "job-exec.start"))
        handle_exec_response (w, msg);
    else if (type == FLUX_MSGTYPE_RESPONSE && !strcmp (topic, "job-exec.stats-get"))
        handle_stats (w, msg);
    else if (type == FLUX_MSGTYPE_RESPONSE && !strcmp (topic, "job-exec.attach"))
        handle_news (w, msg);
    else if (type == FLUX_MSGTYPE_RESPONSE && strstr (topic, ".stdin")) {
        flux_msg_get_errnum (msg, &errnum);
        w->stdin_errnum = errnum;
        w->stdin_responses++;
    }
}

static bool step (struct world *w)
{
    flux_msg_t *msg = flux_recv (w->h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);

    if (!msg)
        return false;
    handle (w, msg);
    flux_msg_destroy (msg);
    return true;
}

void world_step (struct world *w)
{
    if (!step (w))
        sched_yield ();
}

void world_run (struct world *w, bool (*cond) (struct world *w))
{
    double end = world_now () + PATIENCE;

    while (!cond (w)) {
        if (step (w))
            continue;
        if (world_now () > end)
            bail_out ("the module does not do what it should");
        sched_yield ();
    }
}

bool world_released (struct world *w)
{
    return w->job.released;
}

bool world_started (struct world *w)
{
    return w->job.started;
}

void world_init (struct world *w, int argc, char **argv)
{
    *w = (struct world){ 0 };
    args.argc = argc;
    args.argv = argv;
    text_puts (&w->rundir, "/tmp/job-exec-test-XXXXXX");
    if (!mkdtemp (w->rundir.buf) || !(w->held = flux_msglist_create ())
        || !(w->h = flux_open (uri, 0))
        || pthread_create (&w->thread, NULL, module_thread, w) != 0)
        bail_out ("no world: %s", strerror (errno));
}

void world_forget_job (struct world *w)
{
    for (int i = 0; i < LOGS; i++)
        text_fini (&w->job.logs[i]);
    text_fini (&w->job.news);
    text_fini (&w->job.notes);
    while (w->nblobs > 0)
        free (w->blobs[--w->nblobs]);
    w->job = (struct world_job){ .status = -1, .order_ok = true };
    w->stdin_errnum = w->stdin_responses = 0;
}

static bool gone (struct world *w)
{
    return pthread_tryjoin_np (w->thread, NULL) == 0;
}

void world_fini (struct world *w)
{
    world_post (w, world_request ("job-exec.shutdown"));
    world_run (w, gone);
    ok (w->rc == 0, "the module ends well");
    ok (rmdir (w->rundir.buf) == 0, "and leaves nothing behind");
    world_forget_job (w);
    json_decref (w->J);
    flux_msglist_destroy (w->held);
    text_fini (&w->rundir);
    flux_close (w->h);
}

bool world_attach_ended (struct world *w)
{
    return w->job.attach_errnum != 0;
}

void world_let_go (struct world *w)
{
    const flux_msg_t *msg;

    w->hold = false;
    while ((msg = flux_msglist_pop (w->held))) {
        const char *topic;

        flux_msg_get_topic (msg, &topic);
        handle_request (w, msg, topic);
        flux_msg_decref (msg);
    }
}
