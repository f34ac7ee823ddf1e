/* submitter.h - hand over many jobs of one kind, print their ids, follow them.
 *
 * The options of flux submit and bulksubmit are kept as they were given, since
 * they may hold placeholders (subst.h); if they do, each job's jobspec is made
 * from them anew, else the jobs share one and differ in their command.
 *
 * Bound: SUBMIT_WINDOW requests are unanswered at most; then the oldest answer
 * is awaited.  All of a smaller number go out before the first is, so that the
 * services can take them together.
 */

#ifndef MILLRACE_CMD_SUBMITTER_H
#define MILLRACE_CMD_SUBMITTER_H

#include <flux/core.h>
#include <flux/idset.h>

#include "jobwatch.h"
#include "submission.h"
#include "subst.h"

enum { SUBMIT_WINDOW = 16384 };

enum submitter_key {
    SUBMITTER_CC = SUBMISSION_KEY_LAST,
    SUBMITTER_BCC,
    SUBMITTER_WAIT,
    SUBMITTER_WAIT_EVENT,
    SUBMITTER_WATCH,
    SUBMITTER_PROGRESS,
    SUBMITTER_JPS,
    SUBMITTER_LOG,
    SUBMITTER_LOG_STDERR,
    SUBMITTER_KEY_LAST,
};

#define SUBMITTER_OPTS                                                                    \
    { SUBMITTER_CC, "cc", OPT_REQUIRED, "IDSET", "a copy for each id; {cc} is the id" },  \
    { SUBMITTER_BCC, "bcc", OPT_REQUIRED, "IDSET",                                        \
      "as --cc, but FLUX_JOB_CC is not set" },                                            \
    { SUBMITTER_WAIT, "wait", OPT_NONE, NULL,                                             \
      "wait for the jobs; exit with the highest code" },                                  \
    { SUBMITTER_WAIT_EVENT, "wait-event", OPT_REQUIRED, "NAME",                           \
      "wait for this event of each" },                                                    \
    { SUBMITTER_WATCH, "watch", OPT_NONE, NULL, "show their output, and wait" },          \
    { SUBMITTER_PROGRESS, "progress", OPT_NONE, NULL, "show how far they have come" },    \
    { SUBMITTER_JPS, "jps", OPT_NONE, NULL, "the same, with jobs per second" },           \
    { SUBMITTER_LOG, "log", OPT_REQUIRED, "FILE", "write ids and output to FILE" },       \
    { SUBMITTER_LOG_STDERR, "log-stderr", OPT_REQUIRED, "FILE", "the same for stderr" },  \
    { 'v', "verbose", OPT_NONE, NULL, "when waiting, say how jobs end; twice: all events" }

struct submitter_option {
    int key;
    const char *arg;
};

struct submitter_request {
    flux_future_t *f;
    char *prefix; /* of messages about it */
    FILE *out;
    FILE *err;
};

struct submitter_log {
    char *name;
    FILE *f;
};

struct submitter {
    const struct opt_table *table;
    struct submitter_option *options; /* those of the submission */
    size_t noptions;
    bool options_vary; /* one of them has a placeholder */
    bool cc_only;      /* placeholders are those of copies */
    struct idset *cc;  /* NULL: one job each */
    const char *cc_arg;
    bool set_cc; /* in the environment */
    bool dry_run;
    bool quiet;
    bool label_io;
    bool wait;
    bool progress;
    bool jps;
    const char *log;
    const char *log_stderr;
    struct jobwatch_opts watch;

    int argc; /* the command */
    char **argv;
    json_t *shared; /* the jobspec, if options do not vary */
    int urgency;    /* of the latest jobspec */
    int flags;
    flux_t *h; /* NULL: dry run */
    struct jobwatch *watcher;
    double drawn; /* when the progress line was, last */
    struct submitter_request *ring; /* a queue of requests, oldest at 'first' */
    size_t first;
    size_t count;
    struct submitter_log *logs;
    size_t nlogs;
    bool failed;
};

void submitter_init (struct submitter *s, const struct opt_table *table, bool cc_only);
void submitter_fini (struct submitter *s);

/* Take one option. */
void submitter_option (struct submitter *s, int key, const char *arg);

/* All options are known: connect, and expect so many inputs. */
void submitter_begin (struct submitter *s, int argc, char **argv, size_t ninputs);

/* Submit the job, or its copies.  v->cc is not looked at. */
void submitter_add (struct submitter *s, const struct subst *v);

/* Wait for what is to be waited for; returns the exit code. */
int submitter_finish (struct submitter *s);

#endif /* !MILLRACE_CMD_SUBMITTER_H */
