/* job-exec/world.h - for the test of the service: everything around it.
 *
 * The module runs in a thread of its own; the test plays broker, KVS, content
 * store and job manager on the other end of an interthread channel.  It can
 * hold back the KVS, to see what the module does meanwhile.
 */

#ifndef MILLRACE_EXEC_WORLD_H
#define MILLRACE_EXEC_WORLD_H

#include <flux/core.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

enum { LOG_EXECLOG, LOG_OUT, LOG_IN, LOGS };

struct world_job {
    uint64_t id;
    struct text logs[LOGS];
    bool linked;  /* guest symlink was made */
    bool grafted; /* became a directory */
    bool removed; /* namespace */
    bool started;
    bool released;
    bool paused;  /* its tasks are not read */
    int status;        /* of finish; -1: none */
    char note[300];    /* of the first exception */
    char type[32];     /* ... its type */
    int commits;       /* to the namespace */
    bool order_ok;     /* nothing came before what it must follow */
    double t_start, t_finish, t_release; /* seconds after the request */
    struct text news;  /* output that the follower got */
    struct text notes; /* notes that it got */
    bool news_after_end;
    int attach_errnum; /* that ended the follower's stream; 0: goes on */
};

struct world {
    flux_t *h;
    pthread_t thread;
    int rc; /* of mod_main */
    json_t *J;          /* what lookups of J get */
    struct text rundir;
    char *blobs[4096];
    size_t blob_lens[4096];
    uint32_t nblobs;
    bool hold;          /* commits are not answered */
    struct flux_msglist *held;
    struct world_job job; /* the one under test */
    int begin_errnum;     /* why no namespace is made; 0: they are */
    int stdin_errnum;     /* of the last stdin response */
    int stdin_responses;
    double t0;
};

void world_init (struct world *w, int argc, char **argv);
void world_fini (struct world *w);

/* Start a job.  system: JSON members of attributes.system beyond duration, cwd
 * and environment, or NULL; command: a JSON array; R: members of R.execution.
 */
struct world_start {
    const char *command;
    const char *system;
    const char *environment;
    const char *cwd;
    int ntasks;       /* total; 0: 1 */
    double duration;
    double expiration; /* seconds from now, 0: none */
    bool reattach;
    const char *raw_count; /* instead of {"total":ntasks} */
};
void world_start (struct world *w, const struct world_start *start);

/* Handle messages until cond () is true; bails out after a long time. */
void world_run (struct world *w, bool (*cond) (struct world *w));
/* Handle a message if there is one. */
void world_step (struct world *w);
bool world_released (struct world *w);
bool world_started (struct world *w);

void world_event_kill (struct world *w, int signum);
void world_event_exception (struct world *w, int severity);
void world_stdin (struct world *w, const char *json);
/* Follow the next job whose token is this; acknowledge that much output; leave. */
void world_attach (struct world *w, const char *token);
void world_ack (struct world *w, const char *token, size_t bytes);
void world_disconnect (struct world *w);
bool world_attach_ended (struct world *w);
/* The notes' names, blank-separated. */
const char *world_note_names (struct world *w);
/* The data of one stream and rank that the follower got. */
const char *world_news (struct world *w, const char *stream, int rank, size_t *len);

/* Ask the module whether the job is paused, until it is. */
void world_ask_stats (struct world *w);
/* Answer what was held back. */
void world_let_go (struct world *w);

/* Names of the entries of a log, blank-separated; all data of one stream and
 * rank put together.  Valid until the next call.
 */
const char *world_names (struct world *w, int log);
const char *world_data (struct world *w, const char *stream, int rank, size_t *len);

#endif /* !MILLRACE_EXEC_WORLD_H */
