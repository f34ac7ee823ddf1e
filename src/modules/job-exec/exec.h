/* job-exec/exec.h - the execution service: what its files share.
 *
 * A job walks through these states, forwards only:
 *
 *   STARTING   namespace, first log entries, guest link and J are under way,
 *              all at once; no task before all of them are done
 *   RUNNING    tasks were started; until each has exited and closed its output
 *   FINISHING  output is still being stored
 *   GRAFTING   the last entries are under way, the guest namespace becomes a
 *              directory of the job
 *   ENDED      after the final release
 *
 * A job that has ended stays in memory until the reactor is about to sleep, so
 * that no callback finds its job gone under its feet.
 *
 * A job that cannot start goes from STARTING to FINISHING without "finish".
 *
 * Who starts what: rank 0 leads all jobs.  The tasks of its own node it starts
 * itself, those of another node that rank's job-exec does (module job-tasks), for
 * which the job is a member job: it has tasks, PMI and files, but no logs, no
 * timers and no word with anybody but its leader (member.c, parts.c).
 *
 * Ownership: the module owns its jobs by id, a job its tasks and its calls.
 * Continuations of a job run only while it lives (call.c).
 * Bounds: per job see guestlog.h and output.h; stdin is bounded by
 * input.limit; PMI by pmi.h.
 *
 * Timers exist only where a time was asked for: expiration, kill escalation,
 * exit-timeout, mock run time.
 */

#ifndef MILLRACE_EXEC_H
#define MILLRACE_EXEC_H

#include <flux/core.h>
#include <jansson.h>

#include "common/coremap.h"
#include "common/jobspec.h"
#include "common/list.h"
#include "common/pmi.h"
#include "common/rset.h"
#include "common/table.h"
#include "common/text.h"
#include "guestlog.h"
#include "layout.h"
#include "output.h"
#include "spawn.h"

enum job_state {
    JOB_STARTING,
    JOB_RUNNING,
    JOB_FINISHING,
    JOB_GRAFTING,
    JOB_ENDED,
};

struct exec_config {
    double kill_timeout; /* seconds */
    int term_signal;
    int kill_signal;
    int max_kill_count;
    double max_kill_timeout; /* seconds; instead of the count; 0: not set */
    double max_start_delay; /* percent of the duration */
    bool testexec_guests;
};

struct exec {
    flux_t *h;
    flux_reactor_t *reactor;
    flux_msg_handler_t **handlers;
    flux_watcher_t *prepare; /* flushes dirty jobs before the reactor sleeps */
    struct list dirty;
    struct list late;        /* jobs that have nothing but events to commit */
    flux_watcher_t *w_late;  /* timer: they have waited for long enough */
    double credit;           /* commits of mere events that may be made at once */
    double credit_time;
    struct list ended;   /* jobs to be freed when the reactor sleeps */
    struct list grafts;  /* guest-ends under way (guest.c) */
    struct list launching;    /* jobs whose tasks are to be started ... */
    flux_watcher_t *w_launch; /* ... when the reactor comes by ... */
    flux_watcher_t *w_busy;   /* ... which it does without sleeping */
    struct list orphans; /* processes that belong to no job */
    struct table jobs;
    struct table followers; /* by token (follow.c) */
    struct table senders;   /* the same, by who sent the request */
    struct spawner *spawner;
    struct {
        char *path;          /* NULL: no place for it */
        bool ready;          /* it is there */
        bool tried;          /* to make it */
        pid_t pid;           /* of who makes it */
        int pidfd;           /* ... or -1 */
        flux_watcher_t *w;
    } topology; /* topology.c */
    unsigned int nspares; /* directories for jobs that are at hand (tmpdir.c) */
    int guard_fd; /* what guard.c holds open; -1: no guard */
    int guard_pidfd;
    bool forsaken; /* member: some leader left while its jobs ran */
    struct coremap cores;   /* cpus that we may use */
    struct rset *inventory; /* rank 0 of an instance in a job: its R; else NULL */
    struct idset *core_ids; /* what R calls the cores, if not 0, 1, ...; or NULL */
    struct exec_config config;
    uint32_t rank;
    uint32_t size;         /* brokers */
    struct idset *online;  /* brokers that are there; NULL if there is but one */
    flux_future_t *f_online;
    uint32_t owner; /* of the instance */
    char *hostname;
    struct {
        char *name; /* that was asked for last; NULL: none */
        bool utf8;
    } locale;
    struct exec_attrs {
        char *local_uri;
        char *rundir;
        char *jobid_path;
        char *instance_level;
        char *interface_hint;
    } attrs; /* of the broker, NULL if unset; asked for once, at the start */
    char *buf; /* READ_SIZE bytes: what is being read from a task */
    size_t launched; /* jobs, since the start */
};

#define READ_SIZE 65536

struct task {
    struct job *job;
    uint32_t rank;    /* in the job */
    uint32_t node;    /* index in the layout */
    uint32_t localid; /* on that node */
    bool away;        /* another broker starts it */
    pid_t pid;        /* also its process group; 0: not started */
    int pidfd;
    flux_watcher_t *w_pid;
    bool exited;
    bool complete; /* ... and will not be heard of again */
    int status;    /* wait status, once exited */
    bool left;     /* ... and had not finalized PMI */
    struct task_stream {
        int fd; /* read end, or -1 */
        int file; /* where it is to go by way of us, or -1 */
        bool away; /* another broker reads it, and there was no EOF yet */
        flux_watcher_t *w;
    } stream[OUTPUT_STREAMS];
    int stdin_fd; /* write end, or -1 */
    flux_watcher_t *w_stdin;
    struct text stdin_buf;
    size_t stdin_pos; /* of stdin_buf: written already */
    unsigned int stdin_count; /* pieces of it; of a task that is away: sent there */
    unsigned int stdin_read;  /* of a task that is away: read there */
    bool stdin_eof;   /* close when the buffer is written */
    bool stdin_shut;  /* of a task that is away: it reads no more, which is no error */
    bool pty;         /* stdin and stdout are the same terminal */
    int pmi_fd;
    flux_watcher_t *w_pmi;
};

/* The variables of a task. */
struct env {
    char **vars; /* for execve */
    size_t count;
    char *base; /* the memory of those that all tasks of a program share */
    char *task; /* ... and of the others */
    struct text *expanded; /* of option env-expand, for the task at hand */
    size_t nexpanded;
    struct text gpus; /* CUDA_VISIBLE_DEVICES of that task, if it has its own */
    char **gpus_var;  /* its place in vars, or NULL */
    const char *path; /* value of PATH, or NULL */
};

/* What ntasks ranks from first on run.  Strings and objects are the jobspec's. */
struct program {
    uint32_t first;
    uint32_t ntasks;
    json_t *command;
    const char *cwd; /* NULL: the job's */
    json_t *env;     /* changes of the job's environment, or NULL */
    bool envnone;    /* ... or instead of it */
    /* while tasks are started: */
    uint32_t node; /* which env_block is for */
    struct env env_block;
    int cwd_fd; /* directory, or -1 */
    char **argv;
    struct text *rendered; /* one per argument; NULL: no argument has tags */
    size_t argc;
};

struct job {
    struct exec *x;
    struct list dirty; /* in exec.dirty (or late): log entries to flush */
    struct list calls; /* RPCs under way */
    struct list launching; /* in exec.launching */
    uint64_t id;
    uint32_t userid;
    const flux_msg_t *msg; /* the start request */
    enum job_state state;
    bool started;  /* "start" was sent: there will be a "finish" */
    bool finished; /* "finish" was sent */
    bool doomed;   /* a fatal exception happened */
    bool has_namespace;
    bool late;       /* in exec.late */
    bool overdue;    /* was there for long enough */
    double output_time; /* when output was sent last */
    bool logs_begun; /* the first commit is done */
    bool has_service;
    int waiting; /* start-up calls under way */

    struct jobspec *js;
    struct rset *R;
    json_t *J; /* the whole jobspec, with environment */
    struct layout layout;

    char ns[32];
    char f58[32];
    char f58plain[32];
    char service[64];
    char *tmpdir; /* made, to be removed; NULL: none */

    struct guestlog log;
    struct output *output; /* NULL: mock job, or refused */
    char refusal[160];     /* why there is no shell for this jobspec; or "" */
    char misfit[160];      /* ... why a shell would give up on it; or "" */
    struct list files;     /* open output files (files.c) */
    bool paused;           /* tasks are not read: log is full */
    struct pmi *pmi;       /* of the tasks that are here */
    bool pmi_gathered;     /* these are in a barrier */
    bool topology_missed;  /* they would have used a file that was not there */
    struct text pmi_pairs; /* what is new in it */

    bool member;         /* rank 0 leads it, msg is its request */
    const char *map;     /* member: how tasks are numbered; of msg */
    int verbose;         /* option: what is said of a job beyond what it must know */
    size_t sent;         /* member: output that it has not acknowledged */
    struct part **parts; /* leader: of other nodes, by index; NULL: none */
    uint32_t unstarted;  /* of these (and of what is here) */
    struct idset *critical; /* nodes that it cannot do without; NULL: all */
    struct idset *lost;     /* nodes whose broker is gone; NULL: none */

    struct program *programs; /* at least one, in the order of ranks */
    size_t nprograms;
    struct idset *stdin_ranks; /* who reads the client's stdin; NULL: all */
    bool auto_cleanup;         /* a task that is killed ends the job */

    bool followed;             /* by a client that is to its tasks what mpiexec is */
    struct follower *follower; /* NULL: nobody; from here on if there is one */
    struct text fresh;         /* output for the follower, then for the log */
    struct text notes;         /* for the follower only */
    uint64_t kept;             /* bytes of output that went to the log */
    uint64_t keep_limit;

    struct task *tasks;
    uint32_t ntasks;
    uint32_t nactive; /* of these, not complete yet */
    bool task_exit_logged;
    int exit_code;        /* largest of all tasks */
    int exception_status; /* wait status that overrides, or -1 */
    int status;           /* finish status */

    uint64_t input_bytes;
    struct flux_msglist *unread; /* stdin requests of the follower, unanswered */
    double start_delay; /* from allocation to start, in seconds */
    flux_watcher_t *w_expiration;
    flux_watcher_t *w_warning; /* option signal: before the job expires */
    flux_watcher_t *w_exit_timeout;
    flux_watcher_t *w_kill;
    int kill_count;
    double kill_delay;
    double kill_end; /* when it is given up, if max_kill_timeout is set */
    struct mock *mock; /* NULL: real tasks */
};

double exec_now (void);

/* main.c: collect a process that belongs to no job when it exits.  Takes over
 * the pidfd.
 */
void exec_adopt (struct exec *x, int pidfd);

/* job.c */
void job_start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
struct job *job_find (struct exec *x, uint64_t id);
struct job *job_create (struct exec *x, const flux_msg_t *msg, uint64_t id, uint32_t userid);
/* What needs no I/O, when js and R are there.  0, or -errno with a sentence. */
int job_prepare (struct job *job, flux_error_t *error);
void job_free (struct job *job);
/* No callback will find it any more; freed soon. */
void job_retire (struct job *job);
/* The final release; the job is freed soon. */
void job_end (struct job *job);
/* Entries were appended to a log of the job. */
void job_touch (struct job *job);
/* Send what is ready; called by the prepare watcher. */
void job_flush (struct job *job);
/* All tasks (or the mock) are done. */
void job_complete (struct job *job);
/* "start" goes to the job manager, the expiration timer is armed. */
void job_started (struct job *job);

/* protocol.c: what the job manager hears */
void job_respond_start (struct job *job);
void job_respond_finish (struct job *job);
void job_respond_release (struct job *job);
void job_respond_exception (struct job *job, int severity, const char *type, const char *note);

/* events.c: exec.eventlog.  members: text inside the braces, or NULL. */
void job_event (struct job *job, const char *name, const char *members);
void job_event_shell_init (struct job *job);
void job_event_shell_start (struct job *job);
void job_event_task_exit (struct job *job, const struct task *task);
void job_event_exit (struct job *job);
/* A message in the job's output; level as in syslog(3). */
void job_log (struct job *job, int level, const char *fmt, ...) _printf_ (3, 4);

/* main.c: may this job, whose log has nothing but events to commit, do so now?
 * Else that is seen to later.
 */
bool exec_may_commit_events (struct exec *x, struct job *job);

/* The same for output: not if there was some a moment ago, then it gathers. */
bool exec_may_commit_output (struct exec *x, struct job *job);

/* call.c: RPCs of a job.  f may be NULL (its request failed); then and on any
 * failure to wait the continuation runs at once with f NULL and errno set.
 * The future is destroyed after the continuation; a job's calls end with it.
 */
typedef void (*call_f) (struct job *job, flux_future_t *f, size_t arg);
void job_call (struct job *job, flux_future_t *f, call_f done, size_t arg);
void job_calls_cancel (struct job *job);

/* guest.c: the guest namespace */
void guest_begin (struct job *job);
void guest_flush (struct job *job);
void guest_graft (struct job *job);

/* At unload: until those under way have been answered, GRAFT_WAIT_MAX seconds at most, so
 * that what fails is logged, and kvs, which may be unloaded next, has done them.
 */
#define GRAFT_WAIT_MAX 5.
void grafts_wait (struct exec *x);
void guest_init_logs (struct job *job);

/* launch.c: start the tasks; on failure the job is doomed and completes. */
void job_launch (struct job *job);
int launch_init_watchers (struct exec *x); /* -1 with errno */
void launch_fini_watchers (struct exec *x);

/* A task that could not be started ends the job; r is why. */
void job_start_failed (struct job *job, uint32_t rank, const char *argv0, int r);
/* What was started here or elsewhere: one less to wait for. */
void job_launched (struct job *job);

/* program.c: what the tasks run.  programs_create () returns 0 or -errno with a
 * sentence; program_open () gets everything ready to start tasks, and on
 * failure has told the job.
 */
int programs_create (struct job *job, flux_error_t *error);
void programs_destroy (struct job *job);
int program_open (struct job *job, struct program *p);
int program_set_task (struct job *job, struct program *p, const struct task *task);
void program_close (struct program *p);

/* follow.c */
void follow_attach_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void follow_ack_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void follow_disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg);
/* Find the job's follower.  False: it should have one, and has not. */
bool follow_begin (struct job *job);
/* What the follower did not acknowledge is too much; is little again. */
bool follow_full (const struct job *job);
bool follow_has_room (const struct job *job);
/* Notes to the follower, if there is one; members as for job_event (). */
void follow_note (struct job *job, const char *name, const char *members);
void follow_note_abort (struct job *job, uint32_t rank, int code, const char *note);
void follow_note_exception (struct job *job, int severity, const char *type, const char *note);
void follow_flush (struct job *job);
void follow_end (struct job *job);
void follow_fini (struct exec *x);

/* env.c */
void env_name_job (struct job *job); /* f58, as the job's locale can show it */
int env_create (struct job *job,
                const struct program *program,
                uint32_t node,
                struct env *env);
/* Set the variables that differ from task to task.  0 or -ENOMEM. */
int env_set_task (struct job *job, struct env *env, const struct task *task);
void env_fini (struct env *env);

/* topology.c: a file for HWLOC_XMLFILE, or NULL. */
int topology_init (struct exec *x);
void topology_fini (struct exec *x);
const char *topology_path (struct job *job, json_t *environment);
/* A task of the job, which may have had none, is done with MPI. */
void topology_missed (struct job *job);

/* tmpdir.c */
void tmpdir_make (struct job *job, uint32_t shell_rank);
void tmpdir_remove (struct job *job);
void tmpdir_fini (struct exec *x);

/* cores.c: cores by the ids that R has for them. */
int cores_init (struct exec *x);
void cores_fini (struct exec *x);
int cores_set_ids (struct exec *x, const char *ids);
/* The ids of another rank, for the caller to free; NULL: they need not be told. */
char *cores_of_rank (const struct exec *x, uint32_t rank);
void cores_get (const struct exec *x, unsigned int core, cpu_set_t *set);

/* stage.c: attributes.system.files.  On failure the job has been told. */
int stage_files (struct job *job);

/* tags.c: mustache tags of a job; task may be NULL. */
void job_render (struct job *job, const struct task *task, const char *tmpl, struct text *out);

/* files.c: redirected output and input.  cwd is a directory; descriptors of
 * output files belong to the job, those of input files to the caller.
 * files_init reports failures itself; all return 0 or -errno.
 */
int files_init (struct job *job, int cwd);
void files_fini (struct job *job);
bool files_redirected (const struct job *job, enum output_stream stream);
bool files_labelled (const struct job *job, enum output_stream stream);
bool files_stdin (const struct job *job);
/* One file for all tasks: the leader of the job opens it. */
bool files_shared (const struct job *job, enum output_stream stream);
int files_open (struct job *job, struct task *task, enum output_stream stream, int cwd, int *fd);
int files_open_stdin (struct job *job, struct task *task, int cwd, int *fd);

/* task.c */
int task_begin (struct task *task); /* watch a started task */
void task_fini (struct task *task);
void task_close_stdin (struct task *task);
int task_write_stdin (struct task *task, const char *data, size_t len, bool eof);
bool task_takes_stdin (const struct task *task);
bool task_has_unread (const struct task *task);
/* What becomes known of a task, here or elsewhere. */
void task_data (struct task *task, int stream, const char *data, size_t len);
void task_eof (struct task *task, int stream);
void task_exited (struct task *task, int status);
void task_check_complete (struct task *task);
void job_resume (struct job *job); /* read from tasks again */
void job_signal (struct job *job, int signum);

/* input.c */
bool job_reads_stdin (const struct job *job, uint32_t rank);
/* A task has read all its input, or will read no more. */
void input_read (struct job *job);
/* The job whose service the topic names, or NULL. */
struct job *job_of_topic (struct exec *x, const flux_msg_t *msg);
void input_stdin_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

/* proctable.c */

void proctable_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
/* The pids of the tasks here, as text; of those of a node, as it told them. */
void proctable_get_pids (const struct job *job, struct text *pids);
void proctable_set_pids (struct job *job, uint32_t node, const char *pids);

/* The size that shell.options.NAME.limit says, at most max.  0 or -EINVAL. */
int size_option (const struct job *job,
                 const char *path,
                 const char *def,
                 uint64_t max,
                 const char **text,
                 uint64_t *size);

/* pty.c: the task's ends of a terminal in place of pipes.  0 or -errno. */
bool pty_wanted (const struct job *job, const struct task *task);
int pty_make (struct task *task, int fds[3]);

/* pmi_service.c */
int pmi_service_init (struct job *job);
int pmi_service_attach (struct task *task);
/* The last words of a task that has exited: it may have aborted, or finalized. */
void pmi_service_drain (struct task *task);
void pmi_service_abort (struct job *job, uint32_t rank, int code, const char *message);
void pmi_service_nonsense (struct job *job);
/* Leader: are all in the barrier now?  Then let them go. */
void pmi_service_check (struct job *job);
/* Member and leader: what all others have put, and go. */
void pmi_service_release (struct job *job, const char *pairs, size_t len);

/* member.c: rank > 0.  What it says goes to the leader of the job. */
int member_addvec (struct exec *x);
void member_end (struct job *job);
bool member_full (const struct job *job);
bool member_has_room (const struct job *job);
void member_say (struct job *job, const char *data, size_t len, const char *fmt, ...)
    _printf_ (4, 5);

/* parts.c: what other brokers do for a job.  parts_create () when the layout is
 * known, parts_start () when everything else is ready.
 */
int parts_create (struct job *job);
int parts_start (struct job *job, int cwd);
void parts_free (struct job *job);
void parts_signal (struct job *job, int signum);
void parts_stdin (struct task *task, const char *data, size_t len, bool eof);
void parts_ack (struct job *job);
bool parts_gathered (const struct job *job);
void parts_release (struct job *job);
/* The node is lost; nothing if that was known, or it had no tasks. */
void parts_lose (struct job *job, uint32_t node);

/* kill.c */
void kill_event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void exception_event_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg);
void expiration_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
/* A fatal exception of ours: report it, then end the job. */
void job_fatal (struct job *job, const char *type, const char *fmt, ...) _printf_ (3, 4);
/* After so many seconds tasks that cannot be killed are given up. */
double exec_max_kill_timeout (const struct exec_config *config);
/* End the job: signal now, SIGKILL later. */
void job_cancel (struct job *job, int signum);
void job_arm_expiration (struct job *job);
void job_first_exit (struct job *job, const struct task *task);
/* A task was killed, or left without finalizing PMI: the others shall not wait for it. */
void job_task_lost (struct job *job, const struct task *task);

/* guard.c: who ends the tasks if the broker is killed */
void guard_start (struct exec *x);
/* sweep: jobs ended without a word; what they have started ends with them. */
void guard_stop (struct exec *x, bool sweep);

/* ranks.c: brokers come and go; a job that has one that went fails, if it cannot
 * do without it.
 */
void job_node_lost (struct job *job, uint32_t node);
int ranks_watch (struct exec *x);
void ranks_unwatch (struct exec *x);

/* mock.c: attributes.system.exec.test */
int mock_create (struct job *job, flux_error_t *error);
void mock_destroy (struct mock *mock);
bool mock_fails_init (const struct job *job);
void mock_run (struct job *job);
void mock_signal (struct job *job, int signum);
void mock_override_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg);

#endif /* !MILLRACE_EXEC_H */
