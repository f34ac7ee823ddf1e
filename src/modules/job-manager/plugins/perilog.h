/* job-manager/plugins/perilog.h - a command before a job's shells start, and one
 * after they ended: what perilog.c, perilog_proc.c and perilog_conf.c share.
 *
 * The prolog runs from RUN on, before the start request; the epilog from what
 * tells that nothing of the job runs any more: finish, or release if nothing was
 * started, or the end of a prolog that did not let the job start, or a fatal exception
 * when no exec service has the job, so that nobody will tell.  Each runs on
 * rank 0, or on every rank of R ("per-rank").
 *
 *   RUNNING --all done--> ENDED --ranks drained--> its finish event
 *     |  timeout, or a fatal exception: SIGTERM      ^
 *     +--> KILLING --all done, or kill-timeout------+
 *
 * What a job-manager that starts again finds under way is run again: whether it
 * was done is not known.
 *
 * Ownership: the plugin owns those that run; a job's item points to its own.
 * Bound: one at a time for each job with resources.
 */

#ifndef MILLRACE_JOB_MANAGER_PERILOG_H
#define MILLRACE_JOB_MANAGER_PERILOG_H

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>

#include <flux/core.h>
#include <flux/jobtap.h>

#include "common/list.h"

enum perilog { PROLOG, EPILOG, PERILOG_COUNT };

struct perilog_command {
    json_t *argv; /* NULL: there is none */
    bool per_rank;
    bool cancel_on_exception;
    bool exit_on_first_error;
    double timeout;      /* seconds; <= 0: none */
    double kill_timeout; /* after the signal that is to end it */
};

struct perilog_conf {
    struct perilog_command command[PERILOG_COUNT];
    regex_t *ignore; /* lines of output that are not logged */
    size_t nignore;
};

/* "prolog", "epilog"; what their events are described as. */
const char *perilog_name (enum perilog which);
const char *perilog_description (enum perilog which);

/* ---- perilog_conf.c ------------------------------------------------------------- */

/* conf is the whole configuration.  0, or -1 with a sentence and what was there
 * before.
 */
int perilog_conf_parse (struct perilog_conf *pc, json_t *conf, flux_error_t *error);
void perilog_conf_fini (struct perilog_conf *pc);

bool perilog_conf_ignores (const struct perilog_conf *pc, const char *line);

/* ---- perilog_proc.c --------------------------------------------------------------- */

struct proc;

struct ctx {
    flux_plugin_t *p;
    flux_t *h;
    struct perilog_conf conf;
    struct list procs;   /* struct proc */
    struct list lookups; /* struct lookup */
    flux_future_t *monitor;
    bool shutdown; /* of the instance: no epilog is begun any more */
};

/* The job's item that points to its proc, while there is one. */
#define PERILOG_PROC "perilog::proc"

/* Run what is configured; its start event has been posted. */
int proc_start (struct ctx *ctx,
                enum perilog which,
                flux_jobid_t id,
                json_int_t userid,
                json_t *R);

/* A fatal exception came. */
void proc_cancel (struct proc *proc);

/* Post the event that tells of its end. */
int proc_post_finish (struct ctx *ctx, enum perilog which, flux_jobid_t id, int status);

/* Add an object for each that runs. */
void procs_tell (const struct ctx *ctx, json_t *procs);

/* End them all, telling nobody. */
void procs_fini (struct ctx *ctx);

#endif /* !MILLRACE_JOB_MANAGER_PERILOG_H */
