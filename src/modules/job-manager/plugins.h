/* job-manager/plugins.h - jobtap plugins: those loaded, and those built in.
 *
 * Purpose: a plugin is shown what happens to jobs, topic by topic, and has a
 * say in it (flux/jobtap.h is what it may ask for).  What stock flux-core has
 * as builtin plugins the engine and the service do themselves, at their own
 * speed; here those are names, to be listed, queried, taken out and put back.
 *
 * A topic nobody handles costs a search among the handlers of the plugins that
 * are loaded; without any plugin it costs nothing.
 *
 * Invariants
 *  - plugins are called in the order in which they were loaded, one at a time
 *  - a job's record (its items and subscribers) exists only while the job is
 *    active and something is in it
 *  - 'call' is the innermost callback; a plugin is not removed while one runs
 *
 * Ownership: the stack owns its plugins and the records.
 * Bound: records by active jobs, items by what plugins put there.
 *
 * Plugins run in the thread of the module: one that is slow holds all up, so
 * what took longer than PLUGIN_SLOW seconds is logged, with its name.
 */

#ifndef MILLRACE_JOB_MANAGER_PLUGINS_H
#define MILLRACE_JOB_MANAGER_PLUGINS_H

#include <flux/jobtap.h>

#include "manager.h"

#define PLUGIN_SLOW 1.

/* The topic of an event; longer ones are told to nobody. */
#define PLUGIN_TOPIC_MAX 64

#define PRIORITY_UNAVAILABLE (-2)

enum builtin {
    BUILTIN_PRIORITY_DEFAULT,
    BUILTIN_LIMIT_JOB_SIZE,
    BUILTIN_LIMIT_DURATION,
    BUILTIN_DEPENDENCY_AFTER,
    BUILTIN_DEPENDENCY_SINGLETON,
    BUILTIN_BEGIN_TIME,
    BUILTIN_VALIDATE_DURATION,
    BUILTIN_UPDATE_DURATION,
    BUILTIN_HISTORY,
    BUILTIN_POST_EVENT,
    BUILTIN_UPDATE_QUEUE,
    BUILTIN_COUNT,
};

struct plugin {
    struct list node;
    struct plugins *stack;
    flux_plugin_t *p; /* NULL: built in */
    enum builtin builtin;
    int sort;   /* by state when jobs are shown at loading: 1, -1; 0: no */
    char *name; /* as listed */
};

/* A callback that is running. */
struct plugin_call {
    struct plugin_call *outer;
    struct job *job; /* NULL: it is about none */
    json_t *updates; /* of its jobspec, to be posted when it returns */
};

enum offer { OFFER_NONE, OFFER_LATER, OFFER_VALUE };

struct plugin_job {
    uint64_t id;
    struct list items; /* struct plugin_item: named ones first, newest first */
    struct list subscribers;
    enum offer offer; /* of a priority, while in PRIORITY */
    int64_t priority;
};

struct plugins {
    struct manager *m;
    struct list list; /* struct plugin in order of loading */
    size_t loaded;    /* those that are not built in */
    bool builtin[BUILTIN_COUNT];
    bool owner_allow_any; /* .update-duration: beyond all limits */
    struct table jobs; /* struct plugin_job by id */
    struct plugin_call *call;

    /* the last job that arguments were made of */
    uint64_t cached;
    json_t *jobspec;
    json_t *R;
};

/* ---- plugins.c ------------------------------------------------------------------ */

extern const struct jm_hooks plugin_hooks;

int plugins_init (struct plugins *ps, struct manager *m);
void plugins_fini (struct plugins *ps);

/* Load by name, path or as builtin.  conf: an object or NULL.  -1 with errno and
 * a sentence.
 */
int plugins_load (struct plugins *ps,
                  const char *path,
                  json_t *conf,
                  flux_error_t *error);

/* By name, glob, or "all". */
int plugins_remove (struct plugins *ps, const char *what, flux_error_t *error);

/* The handle that a plugin has been given. */
struct plugin *plugin_of (flux_plugin_t *p);

/* ---- plugin_call.c ---------------------------------------------------------------- */

/* Does any plugin (or this one) handle the topic? */
bool plugins_handle (const struct plugins *ps, const char *topic);

/* What is known of a job, as arguments; extra (may be NULL, is not taken) is
 * merged in.  NULL on no memory.
 */
flux_plugin_arg_t *plugin_args (struct plugins *ps, const struct job *job, json_t *extra);

/* Call all that handle the topic, or only one.  Returns how many did, or -1:
 * one failed, and those behind it were not called.
 */
int plugins_call (struct plugins *ps,
                  struct plugin *only,
                  struct job *job,
                  const char *topic,
                  flux_plugin_arg_t *args);

/* plugin_args (), plugins_call (), and what came out takes effect.  *errmsg, if
 * not NULL, becomes what a failed one said (malloced, or NULL).
 */
int plugins_tell (struct plugins *ps,
                  struct plugin *only,
                  struct job *job,
                  const char *topic,
                  json_t *extra,
                  char **errmsg);

/* Ask for the priorities of all pending jobs. */
void plugins_reprioritize (struct plugins *ps);

/* Show an active job to a plugin that has just been loaded. */
void plugins_show (struct plugins *ps, struct plugin *pl, struct job *job);

/* ---- plugin_jobs.c ------------------------------------------------------------------ */

/* NULL: there is none (or, to be made, no memory). */
struct plugin_job *plugin_job (struct plugins *ps, uint64_t id);
struct plugin_job *plugin_job_make (struct plugins *ps, uint64_t id);
void plugin_job_drop (struct plugins *ps, uint64_t id);

/* The plugin goes away. */
void plugin_jobs_forget (struct plugins *ps, struct plugin *pl);

bool plugin_job_subscribes (const struct plugin_job *pj, const struct plugin *pl);
int plugin_job_subscribe (struct plugin_job *pj, struct plugin *pl);
void plugin_job_unsubscribe (struct plugin_job *pj, const struct plugin *pl);

/* As flux_plugin_aux_*. */
int plugin_job_set (struct plugin_job *pj,
                    struct plugin *pl,
                    const char *name,
                    void *val,
                    flux_free_f free_fn);
void *plugin_job_get (struct plugin_job *pj, struct plugin *pl, const char *name);
void plugin_job_delete (struct plugin_job *pj, struct plugin *pl, const void *val);

#endif /* !MILLRACE_JOB_MANAGER_PLUGINS_H */
