/* job-manager/manager.h - the service around the engine.
 *
 * Decodes requests, checks who asks, feeds the engine, and carries out what
 * the engine says.  No policy here.
 *
 * After every pass of the reactor manager_settle () looks at what has become
 * possible: alloc requests to send, backlog to stream, a commit to begin,
 * drain and idle to answer.
 */

#ifndef MILLRACE_JOB_MANAGER_MANAGER_H
#define MILLRACE_JOB_MANAGER_MANAGER_H

#include <flux/core.h>
#include <jansson.h>

#include "common/kvsops.h"
#include "common/table.h"
#include "common/util.h"

#include "engine.h"

struct manager;

/* An answer that waits for a commit. */
struct deferred {
    const flux_msg_t *msg;
    char *payload; /* NULL: an empty answer */
    void (*call) (struct manager *m); /* instead of an answer */
};

struct manager {
    flux_t *h;
    struct jm *jm;
    uint32_t owner;
    flux_msg_handler_t **handlers;
    flux_watcher_t *prepare;
    flux_watcher_t *idle;
    flux_watcher_t *begin;  /* timer: the next begin-time */
    double begin_armed_for; /* < 0: it is not armed */

    struct list commits; /* in flight (commit.c) */
    size_t ncommits;
    struct kvsops ops;   /* being gathered for the next one */
    double credit;       /* commits of mere events, which may be made at once */
    double credit_time;
    flux_watcher_t *pace; /* timer: until there is one more */
    double batch_timeout; /* seconds before a commit; 0: it is made at once */
    bool batch_due;

    struct list sweeps; /* struct sweep, oldest first */
    size_t nsweeps;
    struct list updates; /* struct update, at the scheduler */
    struct table held;    /* struct holder by job id */
    struct table holders; /* ... by sender */
    struct flux_msglist *drainers;
    struct flux_msglist *idlers;

    char *sched_greeted; /* uuid of who said sched-hello, and not ready yet */
    char *sched_sender; /* uuid of who said sched-ready */
    char *exec_sender;
    char *exec_service;
    flux_msg_handler_t *exec_handler; /* of start responses */

    struct list housekeeping;    /* struct housekeeping */
    struct list housekept;       /* ... that are over */
    json_t *housekeeping_command; /* NULL: none is configured */
    double housekeeping_release_after;
    struct plugins *plugins;
    struct past *history; /* being read; NULL: all is there */
    struct archive *archive;
    char *history_text;      /* in the checkpoint; NULL: nothing is known */
    struct list asides;      /* struct aside: bad jobs on their way out */
    struct policy *policy;             /* limits; NULL: none */
    flux_future_t *lifetime;           /* watches resource.R */
    flux_watcher_t *lifetime_retry;    /* while nobody does that for us */
    double lifetime_delay;
    bool lifetime_known;
    double instance_expiration; /* seconds since the epoch; 0: none */

    struct text scratch; /* a message being written */
    struct text priorities; /* of jobs at the scheduler, which it does not know yet */
    bool private_mode;
    bool stop_queues_on_restart;
    double inactive_age_limit; /* seconds; < 0: none */
    int64_t inactive_num_limit;
    bool failed; /* logged; the reactor is stopping */
};

/* ---- sink.c ----------------------------------------------------------------- */

extern const struct jm_sink manager_sink;

/* Tell the scheduler of the priorities that have changed since the last time. */
void manager_send_priorities (struct manager *m);

/* ---- manager.c: shared by the topics ------------------------------------------ */

/* Log, and end the module with an error. */
void manager_fail (struct manager *m, const char *what);

/* Answer with t's text (and clear it); logs its failure. */
void manager_respond_text (struct manager *m, const flux_msg_t *msg, struct text *t);
void manager_respond (struct manager *m, const flux_msg_t *msg);

/* errno of a negative one from the engine; text may be NULL. */
void manager_refuse (struct manager *m,
                     const flux_msg_t *msg,
                     int errnum,
                     const char *text);

/* As if there were no such method: what served it was taken out. */
void manager_refuse_unknown (struct manager *m, const flux_msg_t *msg);

/* Answer when all that was posted until now is committed. */
void manager_defer (struct manager *m, const flux_msg_t *msg, char *payload);
void manager_deferred_free (struct deferred *d);

/* The same for something to be done then; it is not, if that commit fails. */
int manager_defer_call (struct manager *m, void (*call) (struct manager *m));

/* The request's payload as a checked object.  EPROTO otherwise. */
int manager_decode (const flux_msg_t *msg, struct jview *v);

/* May this requester act on things of that user?  EPERM otherwise. */
int manager_authorize (const flux_msg_t *msg, uint32_t userid);

/* Is this a guest without privileges, in private mode? */
bool manager_is_hidden_from (struct manager *m, const flux_msg_t *msg);

/* A request message that expects responses by topic, not by matchtag. */
int manager_send_request (struct manager *m, const char *topic, const char *payload);

/* Publish an event, expecting nothing. */
int manager_publish (struct manager *m,
                     const char *topic,
                     const char *payload,
                     bool is_private);

/* The event that tells services of an exception. */
void manager_publish_exception (struct manager *m,
                                uint64_t id,
                                const char *type,
                                int severity,
                                int64_t wait_status);

/* Is the departed sender of msg the one with this uuid? */
bool manager_is_sender (const flux_msg_t *msg, const char *uuid);

/* ---- commit.c ------------------------------------------------------------------ */

int manager_commit_init (struct manager *m);
void manager_commit_fini (struct manager *m);

/* Begin a commit if there is something to commit. */
void manager_commit (struct manager *m);

/* Commit everything there is, waiting for it: at the end. */
int manager_commit_all (struct manager *m);
void manager_commit_op (const struct batch_op *op, void *arg);
void set_batch_timeout_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg);

/* ---- restart.c ----------------------------------------------------------------- */

/* Read the jobs that may be active from the KVS, and begin with the others. */
int manager_restart (struct manager *m);
void manager_restart_fini (struct manager *m);

/* A job that cannot be replayed: tell, and move it to job-lost+found. */
void manager_set_aside (struct manager *m, uint64_t id, const char *why);

/* As long as the history is being read: keep a request, and call cb for it when
 * all is there.  False: it can be answered now.  The second form is for requests
 * about one "id": they wait only if that may be still to come.
 */
bool manager_is_late (struct manager *m, const flux_msg_t *msg, flux_msg_handler_f cb);
bool manager_job_is_late (struct manager *m, const flux_msg_t *msg, flux_msg_handler_f cb);
void manager_history_disconnect (struct manager *m, const flux_msg_t *msg);
bool manager_history_cancel (struct manager *m, const flux_msg_t *msg);
void manager_history_fini (struct manager *m);

/* archive.c: nothing in that volume is good any more, of one span. */
void manager_unarchived (uint32_t volume, void *arg);

/* Which jobs are active now, as a member of the checkpoint, with a comma before;
 * NULL: too many.
 */
char *manager_history_text (const struct manager *m);

/* The text of checkpoint.job-manager. */
void manager_put_checkpoint (const struct manager *m, struct text *t);
#define MANAGER_CHECKPOINT_KEY "checkpoint.job-manager"

/* ---- the topics: their handlers -------------------------------------------------- */

#define MANAGER_HANDLER(name) \
    void name (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)

MANAGER_HANDLER (submit_cb);

MANAGER_HANDLER (list_cb); /* query.c */
MANAGER_HANDLER (getattr_cb);
MANAGER_HANDLER (getinfo_cb);
MANAGER_HANDLER (stats_cb);
MANAGER_HANDLER (history_cb);

MANAGER_HANDLER (raise_cb); /* raise.c */
MANAGER_HANDLER (raiseall_cb);

/* sweep.c: something to be done to many jobs. */
struct manager_sweep {
    int dry_run;
    uint32_t userid; /* FLUX_USERID_UNKNOWN: anybody's */
    int states;
    struct jm_exception x; /* texts borrowed from the request */
    int signum;
    int (*act) (struct manager *m, struct job *job, const struct manager_sweep *what);
};

/* Whose jobs, as a request has it: -1 is all users', and so is its other form, 2^32 - 1.
 * Returns -1 for what is no user id.
 */
int manager_sweep_of (struct manager_sweep *what, int64_t userid);

/* Do it, a portion on each pass, and answer with how many there were. */
void manager_sweep (struct manager *m,
                    const flux_msg_t *msg,
                    const struct manager_sweep *what);

/* True if there is more to do. */
bool manager_sweep_pump (struct manager *m, int budget);
void manager_sweep_fini (struct manager *m);

MANAGER_HANDLER (kill_cb); /* kill.c */
MANAGER_HANDLER (killall_cb);

MANAGER_HANDLER (urgency_cb); /* modify.c */
MANAGER_HANDLER (memo_cb);
MANAGER_HANDLER (post_event_cb);

MANAGER_HANDLER (update_cb); /* update.c */
bool manager_update_key_is_valid (const char *key, size_t len);
void manager_update_fini (struct manager *m);

MANAGER_HANDLER (wait_cb); /* waiting.c */
MANAGER_HANDLER (drain_cb);
MANAGER_HANDLER (idle_cb);
void manager_waited (void *token, const struct job *job, const char *why, void *arg);
void manager_check_drain (struct manager *m);
void manager_waiting_disconnect (struct manager *m, const flux_msg_t *msg);
void manager_waiting_fini (struct manager *m);

MANAGER_HANDLER (hold_cb); /* hold.c */
void manager_ended (const struct job *job, void *arg);
void manager_hold_disconnect (struct manager *m, const flux_msg_t *msg);
void manager_hold_fini (struct manager *m);

MANAGER_HANDLER (purge_cb); /* purge.c */
MANAGER_HANDLER (purge_id_cb);
MANAGER_HANDLER (heartbeat_cb);

MANAGER_HANDLER (journal_cb); /* events.c */
MANAGER_HANDLER (journal_cancel_cb);
MANAGER_HANDLER (throttle_cb);
void manager_journal_check (struct manager *m); /* end streams that overran */
void manager_journal_send (void *token, const char *payload, size_t len, void *arg);
void manager_journal_disconnect (struct manager *m, const flux_msg_t *msg);
void manager_journal_fini (struct manager *m);

MANAGER_HANDLER (queue_list_cb); /* queues.c */
MANAGER_HANDLER (queue_status_cb);
MANAGER_HANDLER (queue_enable_cb);
MANAGER_HANDLER (queue_start_cb);

/* queues_conf.c: check [queues] (may be NULL); the result borrows its texts.
 * -1 with a sentence.
 */
int manager_parse_queues (json_t *queues,
                          struct jm_queue_conf **conf,
                          size_t *count,
                          flux_error_t *error);

MANAGER_HANDLER (sched_hello_cb); /* sched.c */
MANAGER_HANDLER (sched_ready_cb);
MANAGER_HANDLER (alloc_query_cb);
MANAGER_HANDLER (resource_status_cb);
MANAGER_HANDLER (alloc_response_cb);
MANAGER_HANDLER (free_response_cb);
void manager_sched_disconnect (struct manager *m, const flux_msg_t *msg);

MANAGER_HANDLER (exec_hello_cb); /* exec.c */
void manager_exec_disconnect (struct manager *m, const flux_msg_t *msg);
void manager_exec_fini (struct manager *m);

MANAGER_HANDLER (jobtap_cb); /* plugins.c */
MANAGER_HANDLER (jobtap_query_cb);
int manager_plugins_init (struct manager *m);
void manager_plugins_fini (struct manager *m);

/* What the configuration says at the start, and what it says now. */
int manager_plugins_load (struct manager *m, flux_error_t *error);
int manager_plugins_configure (struct manager *m,
                               const flux_conf_t *conf,
                               flux_error_t *error);

bool manager_has_plugin (const struct manager *m, const char *name);

/* Has this builtin not been taken out? */
bool manager_builtin_limits (const struct manager *m, bool duration);
bool manager_builtin_lifetime (const struct manager *m);
bool manager_builtin_duration (const struct manager *m);
bool manager_owner_may_exceed (const struct manager *m);
bool manager_builtin_queue (const struct manager *m);

/* policy.c: does this jobspec keep to the limits, and to the lifetime of the
 * instance?  0, or -EINVAL with a sentence.
 */
int manager_check_limits (struct manager *m,
                          const char *jobspec,
                          size_t len,
                          struct text *why);
int manager_policy_parse (const flux_conf_t *conf,
                          struct policy **ret,
                          flux_error_t *error);
void manager_policy_free (struct policy *p);
void manager_policy_fini (struct manager *m);

/* lifetime.c: is there time for it?  0, or -EINVAL with a sentence. */
int manager_check_lifetime (struct manager *m,
                            const char *jobspec,
                            size_t len,
                            struct text *why);
int manager_lifetime_init (struct manager *m);
void manager_lifetime_fini (struct manager *m);

/* housekeeping.c: take care of the resources of a job that needs them no more.
 * False: there is nothing to do with them.
 */
bool manager_housekeeping_take (struct manager *m, const struct job *job);
struct manager_housekeeping {
    json_t *command; /* NULL: none is configured */
    double release_after;
    bool systemd_unit; /* asked for, as it was done once */
};
int manager_housekeeping_parse (const flux_conf_t *conf,
                                struct manager_housekeeping *ret,
                                flux_error_t *error);

/* A scheduler is ready to hear what it gets back. */
void manager_housekeeping_release (struct manager *m);

/* One says hello: what is still held. */
void manager_housekeeping_hello (struct manager *m,
                                 const flux_msg_t *msg,
                                 bool partial_ok);

/* Add what is held to *sum. */
struct rset;
int manager_housekeeping_add (struct manager *m, struct rset **sum);

/* Append an object. */
void manager_housekeeping_stats (struct manager *m, struct text *t);

/* Free what is done with. */
void manager_housekeeping_pump (struct manager *m);
void manager_housekeeping_fini (struct manager *m);
MANAGER_HANDLER (housekeeping_kill_cb);

MANAGER_HANDLER (config_reload_cb); /* config.c */
int manager_configure (struct manager *m, const flux_conf_t *conf, flux_error_t *error);

/* Is the plugin there for what only it acts upon?  Plugins are loaded from the
 * configuration at the start alone, so ask behind that.
 */
int manager_check_perilog (struct manager *m,
                           const flux_conf_t *conf,
                           flux_error_t *error);

#endif /* !MILLRACE_JOB_MANAGER_MANAGER_H */
