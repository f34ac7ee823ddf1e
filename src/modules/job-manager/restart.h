/* job-manager/restart.h - reading back what there was.
 *
 * First, before anything is served, the checkpoint and those jobs that may be
 * active (restart.c); then, while it is served, the history: all others, which
 * are inactive (history.c, from volumes where it can: archive.h).  Without a checkpoint that tells them apart all are
 * read first.
 */

#ifndef MILLRACE_JOB_MANAGER_RESTART_H
#define MILLRACE_JOB_MANAGER_RESTART_H

#include "manager.h"

struct checkpoint {
    uint64_t max_jobid;
    uint64_t before;  /* jobs up to this are inactive; 0: nothing is known */
    uint64_t *active; /* but these */
    size_t count;
};

/* Also brings the queues into the state they had. */
int checkpoint_read (struct manager *m, struct checkpoint *cp);
void checkpoint_fini (struct checkpoint *cp);

int manager_stop_queues (struct manager *m);

/* ---- restart.c: shared with history.c ------------------------------------------------ */

/* Keys of directories. */
struct keys {
    char **v;
    size_t count;
    size_t room;
};

void keys_fini (struct keys *k);
int keys_add (struct keys *k, const char *parent, const char *name);

/* The ids that a directory "job.XXXX..." holds: its lowest and highest.  EINVAL:
 * the name is not one of ours.
 */
int keys_range (const char *key, uint64_t *first, uint64_t *last);

/* Add the directories in what f brings, in order. */
int keys_add_subdirs (flux_future_t *f, const char *parent, struct keys *out);

enum { LOOKUP_EVENTLOG, LOOKUP_JOBSPEC, LOOKUP_R, LOOKUP_COUNT };

/* Look-ups of a job's eventlog, jobspec and R. */
int restart_lookup (struct manager *m, const char *dir, flux_future_t *f[LOOKUP_COUNT]);

/* Restore it from what they brought.  0; -1 with a sentence in why (it is bad)
 * or without one (we are).
 */
int restart_restore (struct manager *m,
                     uint64_t id,
                     flux_future_t *f[LOOKUP_COUNT],
                     struct text *why);

/* ---- history.c ---------------------------------------------------------------------------- */

/* Begin to read the jobs up to 'before' that are not there yet. */
int history_start (struct manager *m, uint64_t before);

#endif /* !MILLRACE_JOB_MANAGER_RESTART_H */
