/* job-exec/input.c - what attached clients send to the tasks' stdin. */
#include "config.h"
#include <ctype.h>
#include <stdio.h>

#include "common/base64.h"
#include "common/eventlog.h"
#include "common/util.h"
#include "exec.h"

#define INPUT_LIMIT "10M"
#define INPUT_LIMIT_MAX (32 << 20)

/* Bytes with an optional k, M or G. */
static int parse_size (const char *s, uint64_t *size)
{
    static const char units[] = "kMG";
    char *end;
    double value = strtod (s, &end);
    const char *unit;

    if (end == s || value < 0)
        return -EINVAL;
    if (*end) {
        char c = *end == 'K' ? 'k' : *end;

        if (end[1] || !(unit = strchr (units, c)))
            return -EINVAL;
        value *= 1ULL << (10 * (unit - units + 1));
    }
    if (value >= 1e18)
        return -EINVAL;
    *size = value;
    return 0;
}

int size_option (const struct job *job,
                 const char *path,
                 const char *def,
                 uint64_t max,
                 const char **text,
                 uint64_t *size)
{
    json_t *o = jobspec_option (job->js, path);

    *text = jobspec_option_string (job->js, path, def);
    if (json_is_integer (o)) {
        *text = "0";
        if (json_integer_value (o) < 1)
            return -EINVAL;
        *size = json_integer_value (o);
    }
    else if (parse_size (*text, size) < 0)
        return -EINVAL;
    return *size >= 1 && *size <= max ? 0 : -EINVAL;
}

bool job_reads_stdin (const struct job *job, uint32_t rank)
{
    return !job->stdin_ranks || idset_test (job->stdin_ranks, rank);
}

struct stdin_request {
    const char *rank;
    struct idset *ranks; /* NULL: all */
    const char *encoding; /* of data, or NULL */
    json_t *data;         /* string, or NULL */
    int eof;
};

static int decode (const flux_msg_t *msg, struct stdin_request *req)
{
    const char *stream;

    *req = (struct stdin_request){ 0 };
    if (flux_request_unpack (msg,
                             NULL,
                             "{s:s s:s s?o s?s s?b}",
                             "stream", &stream,
                             "rank", &req->rank,
                             "data", &req->data,
                             "encoding", &req->encoding,
                             "eof", &req->eof) < 0)
        return -1;
    if (strcmp (stream, "stdin") || (req->data && !json_is_string (req->data))
        || (!req->data && !req->eof)
        || (req->encoding && strcmp (req->encoding, "base64")
            && strcasecmp (req->encoding, "UTF-8"))) {
        errno = EPROTO;
        return -1;
    }
    if (strcmp (req->rank, "all") && !(req->ranks = idset_decode (req->rank))) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

/* The bytes of a request, malloced if they were encoded. */
static int get_data (const struct stdin_request *req, const char **data, size_t *len, char **mem)
{
    const char *s = json_string_value (req->data);
    ssize_t n;

    *data = s ? s : "";
    *len = json_string_length (req->data);
    *mem = NULL;
    if (!s || !req->encoding || strcmp (req->encoding, "base64"))
        return 0;
    if (!(*mem = malloc (base64_decoded_max (*len) + 1)))
        return -ENOMEM;
    if ((n = base64_decode (*mem, s, *len)) < 0) {
        free (*mem);
        return -EPROTO;
    }
    *data = *mem;
    *len = n;
    return 0;
}

/* The request as it came becomes an entry of the guest's "input". */
static void log_input (struct job *job, const struct stdin_request *req)
{
    struct text *t = guestlog_text (&job->log, GUESTLOG_INPUT);

    eventlog_begin (t, exec_now (), "data");
    text_puts (t, ",\"context\":{\"stream\":\"stdin\",\"rank\":");
    text_put_json_string (t, req->rank, strlen (req->rank));
    if (req->data) {
        if (req->encoding)
            text_printf (t, ",\"encoding\":\"%s\"", req->encoding);
        text_puts (t, ",\"data\":");
        text_put_json_string (t,
                              json_string_value (req->data),
                              json_string_length (req->data));
    }
    if (req->eof)
        text_puts (t, ",\"eof\":true");
    text_putc (t, '}');
    eventlog_end (t);
    job_touch (job);
}

static bool is_target (const struct stdin_request *req, const struct task *task)
{
    return (!req->ranks || idset_test (req->ranks, task->rank))
           && job_reads_stdin (task->job, task->rank);
}

/* Has every task that is meant closed its stdin? */
static bool is_in_vain (const struct job *job, const struct stdin_request *req)
{
    for (uint32_t i = 0; i < job->ntasks; i++) {
        if (is_target (req, &job->tasks[i])
            && (job->state == JOB_STARTING || task_takes_stdin (&job->tasks[i])))
            return false;
    }
    return true;
}

/* Nothing is written unless all targets can take it.  What a follower sends is
 * its own business: it is not kept, and there may be any amount of it.
 */
static int deliver (struct job *job, const struct stdin_request *req)
{
    const char *data;
    size_t len;
    char *mem;
    int r;

    for (uint32_t i = 0; i < job->ntasks; i++) {
        if (is_target (req, &job->tasks[i]) && job->tasks[i].stdin_eof)
            return -EPIPE;
    }
    if (job->follower && is_in_vain (job, req))
        return -EPIPE;
    if ((r = get_data (req, &data, &len, &mem)) < 0)
        return r;
    if (!job->follower) {
        job->input_bytes += len;
        log_input (job, req);
    }
    for (uint32_t i = 0; i < job->ntasks; i++) {
        if (is_target (req, &job->tasks[i]))
            (void)task_write_stdin (&job->tasks[i], data, len, req->eof);
    }
    free (mem);
    return 0;
}

static bool within_limit (struct job *job)
{
    const char *text;
    uint64_t limit;

    if (size_option (job, "input.limit", INPUT_LIMIT, INPUT_LIMIT_MAX, &text, &limit) < 0)
        limit = 10 << 20;
    if (job->input_bytes <= limit)
        return true;
    if (job->doomed) /* more of it was under way */
        return false;
    if (job->exit_code == 0)
        job->exit_code = 1;
    job_fatal (job,
               "exec",
               "stdin exceeds %s limit. Try file input (flux submit --input=FILE) or "
               "redirect input to your command to avoid the KVS for large amounts of "
               "input",
               text);
    return false;
}

/* Who sends is answered when the tasks have read it: how much he may have under
 * way bounds what is in memory here.  For a follower, whose input has no limit,
 * that is all of them.  Others wait for one at least: of many tasks often one
 * reads and the rest never does, and what these are sent is bounded by input.limit.
 */
static bool is_read (const struct job *job)
{
    bool unread = false;

    for (uint32_t i = 0; i < job->ntasks; i++) {
        const struct task *task = &job->tasks[i];

        if (task_has_unread (task)) {
            if (job->follower)
                return false;
            unread = true;
        }
        else if (task_takes_stdin (task) && !job->follower)
            return true;
    }
    return !unread;
}

void input_read (struct job *job)
{
    const flux_msg_t *msg;

    if (flux_msglist_count (job->unread) < 1
        || (job->state <= JOB_RUNNING && !is_read (job)))
        return;
    while ((msg = flux_msglist_pop (job->unread))) {
        if (flux_respond (job->x->h, msg, NULL) < 0)
            flux_log_error (job->x->h, "stdin response");
        flux_msg_decref (msg);
    }
}

/* The job of a topic <userid>-shell-<f58plain>.<method> */
struct job *job_of_topic (struct exec *x, const flux_msg_t *msg)
{
    const char *topic, *id, *dot;
    flux_jobid_t jobid;
    struct job *job;
    char buf[64];

    if (flux_msg_get_topic (msg, &topic) < 0 || !(id = strstr (topic, "-shell-"))
        || !(dot = strchr (id, '.')) || (size_t)(dot - id - 7) >= sizeof (buf))
        return NULL;
    memcpy (buf, id + 7, dot - id - 7);
    buf[dot - id - 7] = '\0';
    if (flux_job_id_parse (buf, &jobid) < 0 || !(job = job_find (x, jobid)))
        return NULL;
    return strncmp (topic, job->service, dot - topic) ? NULL : job;
}

/* <userid>-shell-<f58plain>.stdin
 *   { "stream":"stdin" "rank":"all"|idset "data"?:s "encoding"?:s "eof"?:true } -> {}
 */
void input_stdin_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exec *x = arg;
    struct job *job = job_of_topic (x, msg);
    struct stdin_request req = { 0 };
    int rc, r;

    if (!job || job->state >= JOB_FINISHING || !job->output || files_stdin (job))
        rc = flux_respond_error (h, msg, ENOSYS, NULL);
    else if (flux_msg_authorize (msg, job->userid) < 0 || decode (msg, &req) < 0)
        rc = flux_respond_error (h, msg, errno, NULL);
    else if ((r = deliver (job, &req)) < 0)
        rc = flux_respond_error (h, msg, -r, NULL);
    else {
        if (within_limit (job) && !is_read (job))
            rc = flux_msglist_append (job->unread, msg);
        else
            rc = flux_respond (h, msg, NULL);
    }
    if (rc < 0)
        flux_log_error (h, "stdin response");
    idset_destroy (req.ranks);
}
