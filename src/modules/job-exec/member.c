/* job-exec/member.c - rank > 0: the tasks of one node of a job that rank 0 leads.
 *
 *   job-tasks.start (streaming)
 *     { "id":I "userid":i "followed":b "cores":s "map":s "jobspec":o "environment":o
 *       "R":o }
 *     -> raw: a line, then bytes; lines are
 *          start                  all tasks of the node run; bytes: their pids
 *          failed RANK ERRNO      this one does not; bytes: its program
 *          data RANK STREAM       bytes: what it wrote
 *          eof RANK STREAM
 *          exit RANK PID STATUS LEFT    LEFT 1: without finalizing PMI
 *          read RANK COUNT OPEN   so many pieces of stdin; OPEN 0: no more of them
 *          barrier                all are in a PMI barrier; bytes: new pairs
 *          abort RANK CODE        bytes: why
 *          nonsense               a task does not speak PMI
 *          log LEVEL              bytes: message
 *          fatal                  bytes: why the job cannot go on
 *     ... ENODATA when all tasks have ended
 *   job-tasks.tell, no response
 *     raw: a line, then bytes; lines are
 *          signal ID SIGNUM
 *          stdin ID RANK EOF      bytes: a piece
 *          ack ID BYTES           so much output has been passed on
 *          release ID             of the barrier; bytes: what the others have put
 *          forget ID              of its tasks, whatever they do
 *
 * Ownership: the module owns member jobs like others.
 * Bound: MEMBER_WINDOW bytes of output that the leader has not acknowledged; what
 * a task does not read of its stdin is bounded by who sends it (input.c).
 */
#include "config.h"
#include <signal.h>
#include <stdio.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "exec.h"
#include "talk.h"

#define MEMBER_WINDOW (1 << 20)

void member_say (struct job *job, const char *data, size_t len, const char *fmt, ...)
{
    struct talk t = { .data = data, .len = len };
    struct text payload = TEXT_INIT;
    va_list ap;

    va_start (ap, fmt);
    talk_vprintf (&t, fmt, ap);
    va_end (ap);
    if (talk_encode (&t, &payload) < 0
        || flux_respond_raw (job->x->h, job->msg, payload.buf, payload.len) < 0)
        flux_log_error (job->x->h, "%s: start response", job->f58plain);
    if (!strncmp (t.line, "data ", 5))
        job->sent += len;
    text_fini (&payload);
}

bool member_full (const struct job *job)
{
    return job->sent >= MEMBER_WINDOW;
}

bool member_has_room (const struct job *job)
{
    return job->sent < MEMBER_WINDOW / 2;
}

void member_end (struct job *job)
{
    if (flux_respond_error (job->x->h, job->msg, ENODATA, NULL) < 0)
        flux_log_error (job->x->h, "start response");
    job_retire (job);
}

/* The jobspec as the leader has it, with the environment that it keeps apart. */
static int
decode (struct job *job, json_t *jobspec, json_t *env, json_t *R, flux_error_t *error)
{
    json_t *system;
    int r;

    if (!(job->J = json_deep_copy (jobspec)))
        return -ENOMEM;
    system = json_object_get (json_object_get (job->J, "attributes"), "system");
    if (json_is_object (env) && json_object_set (system, "environment", env) < 0)
        return -ENOMEM;
    if ((r = rset_parse (R, &job->R, error)) < 0
        || (r = jobspec_decode (job->J, &job->js, error)) < 0)
        return r;
    return job_prepare (job, error);
}

static void start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exec *x = arg;
    json_t *jobspec, *env, *R;
    flux_error_t error = { "" };
    json_int_t id, userid;
    struct job *job = NULL;
    int followed, r;
    const char *cores, *map;

    if (flux_request_unpack (msg, NULL, "{s:I s:I s:b s:s s:s s:o s:o s:o}", "id", &id,
                             "userid", &userid, "followed", &followed, "cores", &cores,
                             "map", &map, "jobspec", &jobspec, "environment", &env, "R",
                             &R)
        < 0)
        r = -errno;
    else if (job_find (x, id) || !flux_msg_is_streaming (msg))
        r = -EPROTO;
    else if ((*cores && cores_set_ids (x, cores) < 0)
             || !(job = job_create (x, msg, id, userid)))
        r = -errno;
    else {
        job->member = true;
        job->followed = followed;
        job->map = map;
        r = decode (job, jobspec, env, R, &error);
    }
    if (r == 0) {
        job_launch (job);
        return;
    }
    if (flux_respond_error (h, msg, -r, error.text[0] ? error.text : NULL) < 0)
        flux_log_error (h, "start response");
    job_free (job);
}

static void take_stdin (struct job *job, const char *args, const char *data, size_t len)
{
    unsigned int rank;
    int eof;

    if (sscanf (args, "%u %d", &rank, &eof) != 2 || rank >= job->ntasks
        || job->tasks[rank].away)
        return;
    job->tasks[rank].stdin_count++;
    if (task_write_stdin (&job->tasks[rank], data, len, eof) < 0
        || !task_takes_stdin (&job->tasks[rank]))
        task_close_stdin (&job->tasks[rank]); /* which says so */
}

static void carry_out (struct job *job,
                       const char *verb,
                       const char *args,
                       const char *data,
                       size_t len)
{
    long n = strtol (args, NULL, 10);

    if (!strcmp (verb, "signal") && n > 0 && n < NSIG)
        job_signal (job, n);
    else if (!strcmp (verb, "stdin"))
        take_stdin (job, args, data, len);
    else if (!strcmp (verb, "release"))
        pmi_service_release (job, data, len);
    else if (!strcmp (verb, "forget"))
        member_end (job);
    else if (!strcmp (verb, "ack") && n > 0) {
        job->sent -= (size_t)n < job->sent ? (size_t)n : job->sent;
        job_resume (job);
    }
}

static void tell_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exec *x = arg;
    unsigned long long id;
    const void *payload;
    char verb[16];
    struct talk t;
    struct job *job;
    size_t len;
    int n = 0;

    if (flux_request_decode_raw (msg, NULL, &payload, &len) < 0
        || talk_decode (&t, payload, len) < 0
        || sscanf (t.line, "%15s %llu%n", verb, &id, &n) < 2 || n == 0)
        return;
    if ((job = job_find (x, id)) && job->member)
        carry_out (job, verb, t.line + n, t.data, t.len);
}

/* Without its leader nobody would end them. */
static void
disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exec *x = arg;
    struct job *job;
    size_t pos = 0;

    while ((job = table_next (&x->jobs, &pos))) {
        if (flux_disconnect_match (msg, job->msg)) {
            job_signal (job, SIGKILL);
            x->forsaken = true;
        }
    }
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "job-tasks.start", start_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-tasks.tell", tell_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-tasks.disconnect", disconnect_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

int member_addvec (struct exec *x)
{
    return flux_msg_handler_addvec (x->h, handlers, x, &x->handlers);
}
