/* job-exec/parts.c - leader: what other brokers do for a job (member.c has the
 * protocol).
 *
 * Everything that a member says goes the way of what happens here: task.c,
 * kill.c and pmi_service.c do not know the difference.
 *
 * Ownership: a job owns its parts; none outlives it.
 */
#include "config.h"
#include <stdio.h>
#include <sys/wait.h>

#include "common/util.h"
#include "exec.h"
#include "talk.h"

#define ACK_SIZE (128 << 10)

struct part {
    struct job *job;
    uint32_t node; /* index in the layout */
    uint32_t rank; /* of its broker */
    flux_future_t *f;
    bool ended;
    bool started;
    bool gathered; /* in a PMI barrier */
    size_t owed;   /* bytes of output to acknowledge */
};

static bool is_live (const struct part *p)
{
    return p && p->f && !p->ended;
}

static void tell (struct part *p, const char *data, size_t len, const char *fmt, ...)
    _printf_ (4, 5);

static void tell (struct part *p, const char *data, size_t len, const char *fmt, ...)
{
    flux_t *h = p->job->x->h;
    struct talk t = { .data = data, .len = len };
    struct text payload = TEXT_INIT;
    flux_future_t *f = NULL;
    va_list ap;

    va_start (ap, fmt);
    talk_vprintf (&t, fmt, ap);
    va_end (ap);
    if (talk_encode (&t, &payload) < 0
        || !(f = flux_rpc_raw (h, "job-tasks.tell", payload.buf, payload.len, p->rank,
                               FLUX_RPC_NORESPONSE)))
        flux_log_error (h, "%s: rank %u: %.16s", p->job->f58, p->rank, t.line);
    flux_future_destroy (f);
    text_fini (&payload);
}

static unsigned long long id_of (const struct part *p)
{
    return p->job->id;
}

int parts_create (struct job *job)
{
    for (uint32_t i = 0; i < job->layout.nnodes; i++) {
        uint32_t rank = rset_rank_at (job->R, i);
        struct part *p;

        if (rank == job->x->rank || job->layout.ppn[i] == 0)
            continue;
        if (!job->parts
            && !(job->parts = calloc (job->layout.nnodes, sizeof (job->parts[0]))))
            return -ENOMEM;
        if (!(p = job->parts[i] = calloc (1, sizeof (*p))))
            return -ENOMEM;
        *p = (struct part){ .job = job, .node = i, .rank = rank };
    }
    return 0;
}

void parts_free (struct job *job)
{
    for (uint32_t i = 0; job->parts && i < job->layout.nnodes; i++) {
        struct part *p = job->parts[i];

        if (!p)
            continue;
        if (is_live (p))
            tell (p, NULL, 0, "forget %llu", id_of (p));
        flux_future_destroy (p->f);
        free (p);
    }
    free (job->parts);
    job->parts = NULL;
}

/* It will say no more: what its tasks were about to do they have not done. */
static void end_part (struct part *p)
{
    struct job *job = p->job;

    p->ended = true;
    for (uint32_t i = 0; i < job->ntasks; i++) {
        struct task *task = &job->tasks[i];

        if (task->node != p->node)
            continue;
        if (!task->exited) {
            if (job->exit_code == 0)
                job->exit_code = 1;
            task->exited = true;
            task->status = 1 << 8;
        }
        for (int s = 0; s < OUTPUT_STREAMS; s++) {
            if (task->stream[s].away)
                task_eof (task, s);
        }
        task_check_complete (task);
    }
    input_read (job);
}

void parts_lose (struct job *job, uint32_t node)
{
    if (job->parts && is_live (job->parts[node]))
        end_part (job->parts[node]);
}

static void failed (struct part *p, int errnum, const char *why)
{
    struct job *job = p->job;
    const char *host = rset_host_at (job->R, p->node);

    if (errnum == EHOSTUNREACH)
        job_node_lost (job, p->node);
    else
        job_fatal (job, "exec", "job shell exec error on broker %s (rank %u): %s",
                   host ? host : "unknown", p->rank, why);
    if (!p->ended)
        end_part (p);
}

/* ---- what a member says ---------------------------------------------------------- */

struct word {
    struct part *part;
    struct task *task; /* if the first number is the rank of one of its tasks */
    unsigned int n[4];
    const char *data;
    size_t len;
};

static void hear_start (struct word *w)
{
    char *pids = strndup (w->data, w->len);

    if (pids)
        proctable_set_pids (w->part->job, w->part->node, pids);
    free (pids);
    if (!w->part->started)
        job_launched (w->part->job);
    w->part->started = true;
}

/* The bytes as a string. */
static const char *get_string (const struct word *w, char *buf, size_t size)
{
    snprintf (buf, size, "%.*s", (int)w->len, w->data);
    return buf;
}

static void hear_failed (struct word *w)
{
    char buf[256];

    if (w->task && !w->part->job->doomed) /* they usually fail everywhere */
        job_start_failed (w->part->job, w->n[0], get_string (w, buf, sizeof (buf)),
                          -(int)w->n[1]);
}

static void hear_data (struct word *w)
{
    struct part *p = w->part;

    if (!w->task || w->n[1] >= OUTPUT_STREAMS || !w->task->stream[w->n[1]].away)
        return;
    task_data (w->task, w->n[1], w->data, w->len);
    p->owed += w->len;
    if (p->owed >= ACK_SIZE)
        parts_ack (p->job);
}

static void hear_eof (struct word *w)
{
    if (!w->task || w->n[1] >= OUTPUT_STREAMS || !w->task->stream[w->n[1]].away)
        return;
    task_eof (w->task, w->n[1]);
    task_check_complete (w->task);
}

static void hear_exit (struct word *w)
{
    if (!w->task || w->task->exited)
        return;
    w->task->pid = w->n[1];
    w->task->left = w->n[3];
    task_exited (w->task, w->n[2]);
    task_check_complete (w->task);
}

static void hear_read (struct word *w)
{
    if (!w->task)
        return;
    w->task->stdin_read = w->n[1];
    if (!w->n[2]) {
        w->task->stdin_shut = true;
        w->task->stdin_read = w->task->stdin_count;
    }
    input_read (w->part->job);
}

static void hear_barrier (struct word *w)
{
    w->part->gathered = true;
    text_put (&w->part->job->pmi_pairs, w->data, w->len);
    pmi_service_check (w->part->job);
}

static void hear_abort (struct word *w)
{
    char buf[512];

    if (w->task)
        pmi_service_abort (w->part->job, w->n[0], w->n[1],
                           get_string (w, buf, sizeof (buf)));
}

static void hear_nonsense (struct word *w)
{
    pmi_service_nonsense (w->part->job);
}

static void hear_log (struct word *w)
{
    char buf[512];

    job_log (w->part->job, w->n[0], "%s", get_string (w, buf, sizeof (buf)));
}

static void hear_fatal (struct word *w)
{
    struct job *job = w->part->job;
    char buf[512];

    if (job->exit_code == 0)
        job->exit_code = 1;
    job_fatal (job, "exec", "%s", get_string (w, buf, sizeof (buf)));
}

static const struct {
    const char *name;
    void (*carry_out) (struct word *w);
} words[] = {
    { "data", hear_data },     { "eof", hear_eof },         { "exit", hear_exit },
    { "read", hear_read },     { "barrier", hear_barrier }, { "start", hear_start },
    { "failed", hear_failed }, { "abort", hear_abort },     { "nonsense", hear_nonsense },
    { "log", hear_log },       { "fatal", hear_fatal },
};

static void hear (struct part *p, const char *payload, size_t len)
{
    struct job *job = p->job;
    struct word w = { .part = p };
    struct talk t;
    char verb[16];

    if (talk_decode (&t, payload, len) < 0
        || sscanf (t.line, "%15s %u %u %u %u", verb, &w.n[0], &w.n[1], &w.n[2], &w.n[3])
               < 1)
        return;
    w.data = t.data;
    w.len = t.len;
    if (w.n[0] < job->ntasks && job->tasks[w.n[0]].node == p->node)
        w.task = &job->tasks[w.n[0]];
    for (size_t i = 0; i < ARRAY_SIZE (words); i++) {
        if (!strcmp (verb, words[i].name)) {
            words[i].carry_out (&w);
            return;
        }
    }
}

static void heard_cb (flux_future_t *f, void *arg)
{
    struct part *p = arg;
    const void *data;
    size_t len;

    if (p->job->state > JOB_RUNNING || p->ended)
        return;
    if (flux_rpc_get_raw (f, &data, &len) == 0) {
        hear (p, data, len);
        flux_future_reset (f);
    }
    else if (errno == ENODATA)
        end_part (p);
    else {
        int errnum = errno;

        failed (p, errnum, future_strerror (f, errnum));
    }
}

/* ---- what it is told ------------------------------------------------------------- */

static flux_future_t *request (struct part *p)
{
    struct job *job = p->job;
    _cleanup_ (freep)
    char *cores = cores_of_rank (job->x, p->rank);
    json_t *system, *env, *jobspec, *R;
    struct text map = TEXT_INIT;
    flux_future_t *f;

    if (flux_request_unpack (job->msg, NULL, "{s:o s:o}", "jobspec", &jobspec, "R", &R)
        < 0)
        return NULL;
    system = json_object_get (json_object_get (job->J, "attributes"), "system");
    env = json_object_get (system, "environment");
    layout_taskmap (&job->layout, &map);
    if (text_error (&map)) {
        errno = ENOMEM;
        return NULL;
    }
    f = flux_rpc_pack (job->x->h, "job-tasks.start", p->rank, FLUX_RPC_STREAMING,
                       "{s:I s:I s:b s:s s:s s:O s:o s:O}", "id", (json_int_t)job->id,
                       "userid", (json_int_t)job->userid, "followed", job->followed,
                       "cores", cores ? cores : "", "map", map.buf, "jobspec", jobspec,
                       "environment", env ? json_incref (env) : json_object (), "R", R);
    text_fini (&map);
    return f;
}

/* Output that goes to a file of all tasks comes here first. */
static int open_files (struct task *task, int cwd)
{
    for (int s = 0; s < OUTPUT_STREAMS; s++) {
        int r;

        if (files_shared (task->job, s)
            && (r = files_open (task->job, task, s, cwd, &task->stream[s].file)) < 0)
            return r;
        task->stream[s].away = true;
    }
    return 0;
}

int parts_start (struct job *job, int cwd)
{
    int r;

    job->unstarted = 1;
    for (uint32_t i = 0; job->parts && i < job->ntasks; i++) {
        if (job->tasks[i].away && (r = open_files (&job->tasks[i], cwd)) < 0)
            return r;
    }
    for (uint32_t i = 0; job->parts && i < job->layout.nnodes; i++) {
        struct part *p = job->parts[i];

        if (!p)
            continue;
        job->nactive += job->layout.ppn[i];
        job->unstarted++;
        if (!(p->f = request (p)) || flux_future_then (p->f, -1., heard_cb, p) < 0) {
            r = -errno;
            failed (p, -r, strerror (-r));
            return r;
        }
    }
    for (uint32_t i = 0; job->parts && i < job->ntasks; i++) {
        struct task *task = &job->tasks[i];

        if (task->away && (task->stdin_buf.len > 0 || task->stdin_eof))
            parts_stdin (task, task->stdin_buf.buf, task->stdin_buf.len, task->stdin_eof);
        if (task->away)
            text_fini (&task->stdin_buf);
    }
    return 0;
}

void parts_signal (struct job *job, int signum)
{
    for (uint32_t i = 0; job->parts && i < job->layout.nnodes; i++) {
        if (is_live (job->parts[i]))
            tell (job->parts[i], NULL, 0, "signal %llu %d", id_of (job->parts[i]),
                  signum);
    }
}

void parts_stdin (struct task *task, const char *data, size_t len, bool eof)
{
    struct part *p = task->job->parts[task->node];

    if (!is_live (p))
        return;
    task->stdin_count++;
    tell (p, data, len, "stdin %llu %u %d", id_of (p), task->rank, eof);
}

void parts_ack (struct job *job)
{
    for (uint32_t i = 0; job->parts && i < job->layout.nnodes; i++) {
        struct part *p = job->parts[i];

        if (!is_live (p) || p->owed == 0 || job->paused)
            continue;
        tell (p, NULL, 0, "ack %llu %zu", id_of (p), p->owed);
        p->owed = 0;
    }
}

bool parts_gathered (const struct job *job)
{
    for (uint32_t i = 0; job->parts && i < job->layout.nnodes; i++) {
        if (job->parts[i] && !job->parts[i]->gathered)
            return false;
    }
    return true;
}

void parts_release (struct job *job)
{
    for (uint32_t i = 0; job->parts && i < job->layout.nnodes; i++) {
        struct part *p = job->parts[i];

        if (!is_live (p))
            continue;
        p->gathered = false;
        tell (p, job->pmi_pairs.buf, job->pmi_pairs.len, "release %llu", id_of (p));
    }
}
