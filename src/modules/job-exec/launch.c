/* job-exec/launch.c - from a job that is ready to tasks that run. */
#include "config.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/text.h"
#include "common/util.h"
#include "exec.h"
#include "mustache.h"

#define NLIMITS 16

/* What all tasks of a job share while they are started. */
struct launch {
    struct job *job;
    bool here;     /* some of the tasks are on this node */
    uint32_t node; /* which cpus are for, or UINT32_MAX */
    int cwd;       /* where relative paths of files begin; a program's */
    enum { BIND_NOT, BIND_ALL, BIND_EACH, BIND_MAP } bind;
    const char *map; /* BIND_MAP: cpus of each local task, "0-1;2,3;..." */
    cpu_set_t cpus; /* of all tasks of the node, or of the one being started */
    int umask;      /* or -1 */
    struct spawn_limit limits[NLIMITS];
    size_t nlimits;
};

static const struct {
    const char *name;
    int resource;
} limit_names[] = {
    { "cpu", RLIMIT_CPU },       { "fsize", RLIMIT_FSIZE },
    { "data", RLIMIT_DATA },     { "stack", RLIMIT_STACK },
    { "core", RLIMIT_CORE },     { "nofile", RLIMIT_NOFILE },
    { "as", RLIMIT_AS },         { "rss", RLIMIT_RSS },
    { "nproc", RLIMIT_NPROC },   { "memlock", RLIMIT_MEMLOCK },
    { "ofile", RLIMIT_NOFILE },  { "msgqueue", RLIMIT_MSGQUEUE },
    { "nice", RLIMIT_NICE },     { "rtprio", RLIMIT_RTPRIO },
    { "rttime", RLIMIT_RTTIME }, { "sigpending", RLIMIT_SIGPENDING },
};

static void set_limit (struct launch *l, const char *name, int resource, json_int_t value)
{
    struct spawn_limit *s = &l->limits[l->nlimits];
    rlim_t soft = value < 0 ? RLIM_INFINITY : (rlim_t)value;

    if (l->nlimits == NLIMITS || getrlimit (resource, &s->limit) < 0)
        return;
    if (s->limit.rlim_max != RLIM_INFINITY
        && (soft == RLIM_INFINITY || soft > s->limit.rlim_max)) {
        if (soft != RLIM_INFINITY)
            job_log (l->job, 4, "rlimit: %s exceeds current max, using max", name);
        soft = s->limit.rlim_max;
    }
    if (soft == s->limit.rlim_cur)
        return; /* inherited already */
    s->limit.rlim_cur = soft;
    s->resource = resource;
    l->nlimits++;
}

static int get_limits (struct launch *l)
{
    json_t *o = jobspec_option (l->job->js, "rlimit");
    const char *name;
    json_t *value;

    json_object_foreach (o, name, value) {
        bool known = false;

        for (size_t i = 0; i < ARRAY_SIZE (limit_names); i++) {
            if (strcmp (name, limit_names[i].name))
                continue;
            known = true;
            if (!json_is_integer (value)) {
                job_fatal (l->job, "exec", "shell_init: invalid rlimit %s", name);
                return -EINVAL;
            }
            set_limit (l, name, limit_names[i].resource, json_integer_value (value));
        }
        if (!known)
            job_log (l->job, 4, "rlimit: invalid limit specified: %s", name);
    }
    return 0;
}

/* The cpus of count cores of the node, from the nth on, round and round. */
static void add_cores (struct launch *l, unsigned int n, unsigned int count)
{
    struct job *job = l->job;
    const struct idset *cores = rset_ids_at (job->R, l->node, RSET_CORE);
    unsigned int total = idset_count (cores), i = 0;

    for (unsigned int core = idset_first (cores); core != IDSET_INVALID_ID;
         core = idset_next (cores, core), i++) {
        if ((i + total - n % total) % total < count)
            cores_get (job->x, core, &l->cpus);
    }
}

/* Option cpu-affinity, without the words that say how much to tell of it. */
static const char *affinity (const struct job *job)
{
    static const char verbose[] = "verbose,", dry_run[] = "dry-run,";
    const char *how = jobspec_option_string (job->js, "cpu-affinity", "on");

    if (!strcmp (how, "verbose"))
        return "on";
    if (!strncmp (how, verbose, sizeof (verbose) - 1))
        how += sizeof (verbose) - 1;
    return !strcmp (how, "dry-run") || !strncmp (how, dry_run, sizeof (dry_run) - 1) ? "off"
                                                                                    : how;
}

/* What follows is for tasks of this node: bind them to the job's cores there,
 * unless these are all there are, or not ours.
 */
static void bind_node (struct launch *l, uint32_t node)
{
    struct job *job = l->job;
    const char *how = affinity (job);
    unsigned int total = idset_count (rset_ids_at (job->R, node, RSET_CORE));

    l->node = node;
    l->bind = BIND_NOT;
    if (!strcmp (how, "off") || total == 0)
        return;
    if (!strncmp (how, "map:", 4)) {
        l->bind = BIND_MAP;
        l->map = how + 4;
    }
    else if (!strcmp (how, "per-task"))
        l->bind = BIND_EACH;
    else if (total < coremap_count (&job->x->cores)) {
        CPU_ZERO (&l->cpus);
        add_cores (l, 0, total);
        if (CPU_COUNT (&l->cpus) > 0)
            l->bind = BIND_ALL;
    }
}

/* The task's part of the map, which begins anew for tasks beyond its end.  A
 * part that is no list of cpus binds nothing.
 */
static const cpu_set_t *map_cpus (struct launch *l, const struct task *task)
{
    const char *p = l->map;
    struct idset *ids;
    char part[256];
    size_t len;

    for (uint32_t i = 0; i < task->localid; i++)
        p = strchr (p, ';') ? strchr (p, ';') + 1 : l->map;
    len = strcspn (p, ";");
    snprintf (part, sizeof (part), "%.*s", (int)len, p);
    if (len >= sizeof (part) || !(ids = idset_decode (part))) {
        job_log (l->job, 3, "cpu-affinity: invalid map: %s", l->map);
        return NULL;
    }
    CPU_ZERO (&l->cpus);
    for (unsigned int cpu = idset_first (ids); cpu < CPU_SETSIZE; cpu = idset_next (ids, cpu))
        CPU_SET (cpu, &l->cpus);
    idset_destroy (ids);
    return CPU_COUNT (&l->cpus) > 0 ? &l->cpus : NULL;
}

/* The task's share of the cores; with more tasks than cores they take turns. */
static const cpu_set_t *get_cpus (struct launch *l, const struct task *task)
{
    unsigned int total, ntasks, share;

    if (l->bind == BIND_MAP)
        return map_cpus (l, task);
    if (l->bind != BIND_EACH)
        return l->bind == BIND_ALL ? &l->cpus : NULL;
    total = idset_count (rset_ids_at (l->job->R, task->node, RSET_CORE));
    ntasks = l->job->layout.ppn[task->node];
    share = total > ntasks ? total / ntasks : 1;
    CPU_ZERO (&l->cpus);
    add_cores (l, task->localid * share, share);
    return CPU_COUNT (&l->cpus) > 0 ? &l->cpus : NULL;
}

static bool is_set (const struct job *job, const char *name)
{
    json_t *o = jobspec_option (job->js, name);

    return o && !json_is_false (o) && !(json_is_integer (o) && json_integer_value (o) == 0);
}

static int get_umask (const struct job *job)
{
    json_t *o = jobspec_option (job->js, "mpiexec.umask");

    return json_is_integer (o) ? (int)(json_integer_value (o) & 0777) : -1;
}

/* The number of our node in the job, which is that of its shell. */
static uint32_t here (const struct job *job)
{
    uint32_t i = 0;

    while (i < job->layout.nnodes && rset_rank_at (job->R, i) != job->x->rank)
        i++;
    return i;
}

static bool has_tasks_here (const struct job *job)
{
    uint32_t i = here (job);

    return i < job->layout.nnodes && job->layout.ppn[i] > 0;
}

static void launch_fini (struct launch *l)
{
    struct job *job = l->job;

    for (size_t i = 0; i < job->nprograms; i++)
        program_close (&job->programs[i]);
    json_decref (move_ptr (job->J)); /* was for the environment only */
}

/* As upstream's shell words it: what is wrong with a map of the user's own is a
 * message, its consequence the exception.
 */
static int give_up (struct job *job)
{
    bool map = !strncmp (job->misfit, "invalid taskmap:", 16);

    if (map)
        job_log (job, 3, "%s", job->misfit);
    job_fatal (job, "exec", "%s", map ? "failed to set new shell taskmap" : job->misfit);
    return -EINVAL;
}

/* What only tasks need. */
static int init_node (struct launch *l)
{
    struct job *job = l->job;
    int r;

    tmpdir_make (job, here (job));
    if ((r = stage_files (job)) < 0)
        return r;
    if ((r = pmi_service_init (job)) < 0) {
        job_fatal (job, "exec", "shell_init: %s", strerror (-r));
        return r;
    }
    l->umask = get_umask (job);
    return get_limits (l);
}

/* Returns 0, or negative after the job was told why not. */
static int launch_init (struct launch *l)
{
    struct job *job = l->job;
    int r;

    env_name_job (job);
    if (job->misfit[0])
        return give_up (job);
    l->here = has_tasks_here (job);
    if (l->here && (r = init_node (l)) < 0)
        return r;
    if (!l->here && !files_shared (job, OUTPUT_STDOUT) && !files_shared (job, OUTPUT_STDERR))
        return 0;
    for (size_t i = 0; i < job->nprograms; i++) {
        if ((r = program_open (job, &job->programs[i])) < 0)
            return r;
    }
    l->cwd = job->programs[0].cwd_fd;
    return files_init (job, l->cwd);
}

/* A pipe; the end that stays here does not block. */
static int make_pipe (int *ours, int *theirs, bool we_read)
{
    int p[2];

    if (pipe2 (p, O_CLOEXEC) < 0)
        return -errno;
    *ours = p[we_read ? 0 : 1];
    *theirs = p[we_read ? 1 : 0];
    if (fcntl (*ours, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

/* A stream of a task: the job's log, a file, or a file by way of us. */
static int make_stream (struct launch *l, struct task *task, int s, int *fd)
{
    struct job *job = l->job;
    int r;

    if (files_redirected (job, s) && !files_labelled (job, s))
        return files_open (job, task, s, l->cwd, fd);
    if (files_redirected (job, s)
        && (r = files_open (job, task, s, l->cwd, &task->stream[s].file)) < 0)
        return r;
    return make_pipe (&task->stream[s].fd, fd, true);
}

static int make_stdin (struct launch *l, struct task *task, int *fd)
{
    if (files_stdin (l->job))
        return files_open_stdin (l->job, task, l->cwd, fd);
    if (job_reads_stdin (l->job, task->rank))
        return make_pipe (&task->stdin_fd, fd, false);
    if ((*fd = open ("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return -errno;
    return 0;
}

static int make_stdio (struct launch *l, struct task *task, struct spawn_command *cmd)
{
    int r;

    if (pty_wanted (l->job, task)) {
        cmd->tty = cmd->newsession = true;
        return pty_make (task, cmd->fds);
    }
    if ((r = make_stdin (l, task, &cmd->fds[0])) < 0
        || (r = make_stream (l, task, OUTPUT_STDOUT, &cmd->fds[1])) < 0)
        return r;
    return make_stream (l, task, OUTPUT_STDERR, &cmd->fds[2]);
}

static int make_pmi (struct task *task, int *fd)
{
    int sv[2];

    if (!task->job->pmi)
        return 0;
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
        return -errno;
    task->pmi_fd = sv[0];
    *fd = sv[1];
    return 0;
}

/* The child's ends are ours only until it has them.  Files without labels
 * are shared by all tasks and stay open.
 */
static void close_theirs (struct launch *l, struct spawn_command *cmd)
{
    for (int i = 0; i < 3; i++) {
        bool shared = i > 0 && files_redirected (l->job, i - 1)
                      && !files_labelled (l->job, i - 1);

        if (cmd->fds[i] >= 0 && !shared)
            close (cmd->fds[i]);
    }
    if (cmd->extra >= 0)
        close (cmd->extra);
}

static int start_task (struct launch *l, struct program *p, struct task *task)
{
    struct spawn_command cmd = {
        .argv = p->argv,
        .cwd = p->cwd_fd,
        .fds = { -1, -1, -1 },
        .extra = -1,
        .umask = l->umask,
        .mortal = true,
        .newsession = !is_set (l->job, "nosetpgrp"),
        .stop = is_set (l->job, "stop-tasks-in-exec"),
        .limits = l->limits,
        .nlimits = l->nlimits,
    };
    int r;

    if (task->node != l->node)
        bind_node (l, task->node);
    r = program_set_task (l->job, p, task);
    cmd.envp = p->env_block.vars;
    cmd.path = p->env_block.path;
    cmd.cpus = get_cpus (l, task);
    if (r == 0 && (r = make_stdio (l, task, &cmd)) == 0
        && (r = make_pmi (task, &cmd.extra)) == 0)
        r = spawn (l->job->x->spawner, &cmd, &task->pid, &task->pidfd);
    close_theirs (l, &cmd);
    if (r < 0) {
        task->pid = 0;
        return r;
    }
    if ((r = task_begin (task)) < 0 || (r = pmi_service_attach (task)) < 0) {
        (void)spawn_signal (task->pidfd, SIGKILL);
        exec_adopt (l->job->x, task->pidfd);
        task->pidfd = -1;
        task->pid = 0;
        return r;
    }
    l->job->nactive++;
    job_log (l->job, 6, "task %u: pid %d: %s", task->rank, (int)task->pid, p->argv[0]);
    return 0;
}

/* One task could not be started: that is the end of all (exec.md 8.12). */
void job_start_failed (struct job *job, uint32_t rank, const char *argv0, int r)
{
    int code = r == -ENOENT                                      ? 127
               : r == -EPERM || r == -EACCES || r == -ENOEXEC ? 126
                                                                : 1;

    const char *host;

    if (job->member) {
        member_say (job, argv0, strlen (argv0), "failed %u %d", rank, -r);
        job_signal (job, SIGKILL);
        return;
    }
    host = rset_host_at (job->R, job->tasks[rank].node);
    job->exception_status = code << 8; /* whatever becomes of those that run */
    job_fatal (job,
               "exec",
               "task %u (host %s): start failed: %s: %s",
               rank,
               host ? host : job->x->hostname,
               argv0,
               strerror (-r));
    job_signal (job, SIGKILL);
}

static int start_tasks (struct launch *l)
{
    struct job *job = l->job;
    struct program *p = job->programs;
    int r;

    for (uint32_t i = 0; i < job->ntasks; i++) {
        struct task *task = &job->tasks[i];

        if (task->away)
            continue;
        while (task->rank >= p->first + p->ntasks)
            p++;
        if ((r = start_task (l, p, task)) < 0) {
            job_start_failed (job, task->rank, p->argv[0], r);
            return r;
        }
    }
    return 0;
}

void job_launched (struct job *job)
{
    struct text pids = TEXT_INIT;

    if (job->member) {
        proctable_get_pids (job, &pids);
        member_say (job, pids.buf, pids.len, "start");
        text_fini (&pids);
    }
    else if (--job->unstarted == 0)
        job_event_shell_start (job);
}

static void launch_tasks (struct job *job)
{
    struct launch l = { .job = job, .node = UINT32_MAX, .cwd = -1, .umask = -1 };

    job->state = JOB_RUNNING;
    if (launch_init (&l) == 0) {
        if (parts_start (job, l.cwd) == 0 && start_tasks (&l) == 0)
            job_launched (job);
    }
    else if (job->exit_code == 0)
        job->exit_code = 1;
    launch_fini (&l);
    job->x->launched++;
    if (job->nactive == 0)
        job_complete (job);
}

/* A jobspec without a shell that could run it: what upstream's shell would say
 * on its stderr goes where that goes.
 */
static void launch_refused (struct job *job)
{
    struct text t = TEXT_INIT;

    job->state = JOB_RUNNING;
    job_started (job);
    text_printf (&t,
                 "\"component\":\"flux-shell\",\"stream\":\"stderr\",\"rank\":\"%u\","
                 "\"data\":",
                 job->x->rank);
    text_puts (&t, "\"flux-shell[0]: FATAL: ");
    for (const char *s = job->refusal; *s; s++) {
        if (*s == '"' || *s == '\\')
            text_putc (&t, '\\');
        text_putc (&t, (unsigned char)*s < ' ' ? ' ' : *s);
    }
    text_puts (&t, "\\n\"");
    if (!text_error (&t))
        job_event (job, "log", t.buf);
    text_fini (&t);
    follow_note_exception (job, 0, "exec", job->refusal);
    job->exit_code = 1;
    job_complete (job);
}

/* Whom this thread sends to is woken when it has done, and to start tasks takes
 * longer than all else that it does.  So that the news of the start need not wait
 * for that, tasks are started on the next pass.
 */
static void launch_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct exec *x = arg;
    struct job *job;

    while ((job = list_first (&x->launching, struct job, launching))) {
        list_del (&job->launching);
        if (job->doomed)
            job_complete (job);
        else
            launch_tasks (job);
    }
    flux_watcher_stop (x->w_launch);
    flux_watcher_stop (x->w_busy);
}

static void launch_soon (struct job *job)
{
    struct exec *x = job->x;

    list_append (&x->launching, &job->launching);
    flux_watcher_start (x->w_launch);
    flux_watcher_start (x->w_busy);
}

int launch_init_watchers (struct exec *x)
{
    if (!(x->w_launch = flux_check_watcher_create (x->reactor, launch_cb, x))
        || !(x->w_busy = flux_idle_watcher_create (x->reactor, NULL, NULL)))
        return -1;
    return 0;
}

void launch_fini_watchers (struct exec *x)
{
    flux_watcher_destroy (x->w_launch);
    flux_watcher_destroy (x->w_busy);
}

void job_launch (struct job *job)
{
    if (job->doomed)
        job_complete (job);
    else if (job->refusal[0])
        launch_refused (job);
    else if (job->mock)
        mock_run (job);
    else if (job->member)
        launch_tasks (job);
    else {
        job_started (job);
        launch_soon (job);
    }
}
