/* job-exec/pmi_service.c - the sockets of the PMI server. */
#include "config.h"
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/util.h"
#include "exec.h"

#define LEVEL_TRACE 7

/* A client has at most one answer to read; one that lets them pile up until
 * the socket is full does not speak the protocol.
 */
static void send_line (void *arg, uint32_t rank, const char *line, size_t len)
{
    struct job *job = arg;
    struct task *task = &job->tasks[rank];

    if (task->pmi_fd < 0)
        return;
    if (job->verbose >= 2)
        job_log (job, LEVEL_TRACE, "pmi: %u: S: %.*s", rank, (int)len - 1, line);
    if (send (task->pmi_fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len) {
        flux_watcher_stop (task->w_pmi);
        shutdown (task->pmi_fd, SHUT_RDWR);
    }
}

/* Flux ignores the exit code; whoever follows the job wants to know it, and is
 * kept waiting no longer than need be.
 */
void pmi_service_abort (struct job *job, uint32_t rank, int code, const char *message)
{
    if (job->follower) {
        follow_note_abort (job, rank, code, message);
        job->exception_status = (code & 0xff) << 8;
    }
    job_fatal (job, "exec", "PMI_Abort: %s", message);
    if (job->follower)
        job_signal (job, SIGKILL);
}

static void on_abort (void *arg, uint32_t rank, int code, const char *message)
{
    struct job *job = arg;

    if (job->member)
        member_say (job, message, strlen (message), "abort %u %d", rank, code);
    else
        pmi_service_abort (job, rank, code, message);
}

static uint32_t appnum (void *arg, uint32_t rank)
{
    struct job *job = arg;
    uint32_t i = 0;

    while (rank >= job->programs[i].first + job->programs[i].ntasks)
        i++;
    return i;
}

void pmi_service_nonsense (struct job *job)
{
    if (job->doomed) /* an abort is in progress */
        return;
    if (job->exit_code == 0)
        job->exit_code = 1;
    job_fatal (job, "exec", "PMI-1 wire protocol error");
}

static void on_protocol_error (void *arg, uint32_t rank, const char *line)
{
    struct job *job = arg;

    if (job->member)
        member_say (job, NULL, 0, "nonsense");
    else
        pmi_service_nonsense (job);
}

/* All tasks that are here are in a barrier; some are elsewhere. */
static void on_gathered (void *arg)
{
    struct job *job = arg;

    job->pmi_gathered = true;
    pmi_take (job->pmi, &job->pmi_pairs);
    if (job->member) {
        member_say (job, job->pmi_pairs.buf, job->pmi_pairs.len, "barrier");
        text_clear (&job->pmi_pairs);
    }
    else
        pmi_service_check (job);
}

void pmi_service_check (struct job *job)
{
    if ((job->pmi && !job->pmi_gathered) || !parts_gathered (job))
        return;
    parts_release (job);
    if (job->pmi)
        pmi_service_release (job, job->pmi_pairs.buf, job->pmi_pairs.len);
    text_clear (&job->pmi_pairs);
}

void pmi_service_release (struct job *job, const char *pairs, size_t len)
{
    int r;

    if (!job->pmi || !job->pmi_gathered)
        return;
    job->pmi_gathered = false;
    if ((r = pmi_add (job->pmi, pairs, len)) < 0)
        job_log (job, 3, "pmi: exchange: %s", strerror (-r));
    pmi_release (job->pmi, r < 0 ? -1 : 0);
}

static const struct pmi_ops ops = { send_line, on_abort, on_protocol_error };

/* "simple" and its aliases, or a list that has one of them. */
static bool is_wanted (struct job *job)
{
    const char *list = jobspec_option_string (job->js, "pmi", "simple");

    while (*list) {
        size_t len = strcspn (list, ",");

        if ((len == 6 && !strncmp (list, "simple", 6))
            || (len == 4 && (!strncmp (list, "pmi1", 4) || !strncmp (list, "pmi2", 4))))
            return true;
        list += len + (list[len] == ',');
    }
    return false;
}

/* Option pmi-simple: { "exchange"?:o "nomap"?:i "kvs"?:s }.  How keys are exchanged
 * is our business.
 */
static int check_options (struct job *job)
{
    const char *name;
    json_t *value;

    json_object_foreach (jobspec_option (job->js, "pmi-simple"), name, value)
    {
        if (strcmp (name, "exchange") && strcmp (name, "nomap") && strcmp (name, "kvs")) {
            job_log (job, 3, "pmi-simple: unknown option %s", name);
            return -EINVAL;
        }
    }
    return 0;
}

static int preset_mapping (struct job *job)
{
    struct text t = TEXT_INIT;
    int r = 0;

    if (!jobspec_option (job->js, "pmi-simple.nomap")) {
        layout_pmi_mapping (&job->layout, &t);
        if (text_error (&t))
            r = -ENOMEM;
        else if ((r = pmi_preset (job->pmi, "PMI_process_mapping", t.buf)) == -EINVAL) {
            job_log (job, 4, "pmi: PMI_process_mapping is too long and left out");
            r = 0;
        }
    }
    text_clear (&t);
    text_puts (&t, "{\"version\":1,\"map\":");
    layout_taskmap (&job->layout, &t);
    text_putc (&t, '}');
    if (r == 0 && text_error (&t))
        r = -ENOMEM;
    if (r == 0 && pmi_preset (job->pmi, "flux.taskmap", t.buf) == -ENOMEM)
        r = -ENOMEM;
    text_fini (&t);
    return r;
}

int pmi_service_init (struct job *job)
{
    const char *level = job->x->attrs.instance_level;
    const char *hint = job->x->attrs.interface_hint;
    json_int_t usize = json_integer_value (jobspec_option (job->js, "mpiexec.usize"));
    uint32_t nlocal = 0;
    char buf[16];
    int r;

    if (!is_wanted (job))
        return 0;
    if ((r = check_options (job)) < 0)
        return r;
    if ((r = pmi_create (job->layout.ntasks, job->f58, &ops, job, &job->pmi)) < 0
        || (r = preset_mapping (job)) < 0)
        return r;
    pmi_set_appnum (job->pmi, appnum);
    for (uint32_t i = 0; i < job->ntasks; i++)
        nlocal += !job->tasks[i].away;
    if (nlocal < job->ntasks)
        pmi_set_exchange (job->pmi, nlocal, on_gathered);
    if (usize > 0 && usize <= INT_MAX)
        pmi_set_universe (job->pmi, usize);
    snprintf (buf, sizeof (buf), "%d", level ? atoi (level) + 1 : 1);
    if ((r = pmi_preset (job->pmi, "flux.instance-level", buf)) < 0)
        return r;
    if (hint && pmi_preset (job->pmi, "flux.tbon-interface-hint", hint) == -ENOMEM)
        return -ENOMEM;
    return 0;
}

/* Read once.  False: nothing more for now, or ever (EOF without finalize is no
 * error).
 */
static bool read_pmi (struct task *task)
{
    char buf[4096];
    ssize_t n = recv (task->pmi_fd, buf, sizeof (buf), MSG_DONTWAIT);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return errno == EINTR;
    if (n <= 0) {
        flux_watcher_stop (task->w_pmi);
        return false;
    }
    if (task->job->verbose >= 2)
        job_log (task->job, LEVEL_TRACE, "pmi: %u: C: %.*s", task->rank,
                 (int)n - (buf[n - 1] == '\n'), buf);
    pmi_input (task->job->pmi, task->rank, buf, n);
    if (pmi_is_finalized (task->job->pmi, task->rank))
        topology_missed (task->job);
    return true;
}

static void pmi_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)read_pmi (arg);
}

void pmi_service_drain (struct task *task)
{
    enum { READS_MAX = 16 }; /* who has forked may leave the other end open */

    for (int i = 0; i < READS_MAX && task->pmi_fd >= 0 && read_pmi (task); i++)
        ;
    task->left = task->job->pmi && pmi_is_open (task->job->pmi, task->rank);
}

int pmi_service_attach (struct task *task)
{
    if (task->pmi_fd < 0)
        return 0;
    task->w_pmi = flux_fd_watcher_create (task->job->x->reactor,
                                          task->pmi_fd,
                                          FLUX_POLLIN,
                                          pmi_cb,
                                          task);
    if (!task->w_pmi)
        return -ENOMEM;
    flux_watcher_start (task->w_pmi);
    return 0;
}
