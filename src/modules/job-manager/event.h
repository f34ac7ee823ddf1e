/* job-manager/event.h - the events of RFC 21: their names, what their contexts
 * hold, and which state each leads to.
 *
 * Purpose: one decoder for every source of events (our own, requests, the
 * eventlog replayed at restart), so that what is refused is refused before
 * anybody has seen it.
 *
 * A job's state is a function of its eventlog.  States and the one transition
 * table live here; what else an event changes in a job's record is in job.h.
 *
 * Ownership: an entry borrows the text it was decoded from.
 */

#ifndef MILLRACE_JOB_MANAGER_EVENT_H
#define MILLRACE_JOB_MANAGER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/jview.h"
#include "common/text.h"

/* Values are those of flux_job_state_t. */
enum job_state {
    STATE_NEW = 1,
    STATE_DEPEND = 2,
    STATE_PRIORITY = 4,
    STATE_SCHED = 8,
    STATE_RUN = 16,
    STATE_CLEANUP = 32,
    STATE_INACTIVE = 64,

    STATE_PENDING = 14,
    STATE_RUNNING = 48,
    STATE_ACTIVE = 62,
    STATE_ANY = 127,
};

enum event {
    EV_OTHER, /* any name not below */
    EV_SUBMIT,
    EV_SET_FLAGS,
    EV_DEPENDENCY_ADD,
    EV_DEPENDENCY_REMOVE,
    EV_VALIDATE,
    EV_INVALIDATE,
    EV_DEPEND,
    EV_PRIORITY,
    EV_URGENCY,
    EV_ANNOTATIONS,
    EV_MEMO,
    EV_JOBSPEC_UPDATE,
    EV_RESOURCE_UPDATE,
    EV_ALLOC,
    EV_PROLOG_START,
    EV_PROLOG_FINISH,
    EV_START,
    EV_FINISH,
    EV_EPILOG_START,
    EV_EPILOG_FINISH,
    EV_RELEASE,
    EV_FREE,
    EV_CLEAN,
    EV_EXCEPTION,
    EV_FLUX_RESTART,
    EV_COUNT,
};

/* Flags that set-flags gives a job; its bits in a job's flags are above those
 * of submission (FLUX_JOB_*).
 */
enum job_flag {
    JOB_DEBUG = 2,
    JOB_WAITABLE = 4,
    JOB_NOVALIDATE = 8,
    JOB_ALLOC_BYPASS = 256,
    JOB_IMMUTABLE = 512,
};

#define PRIORITY_MAX 4294967295LL
#define PRIORITY_NONE (-1LL)
#define URGENCY_MAX 31

/* One event, decoded. */
struct entry {
    enum event ev;
    double timestamp;
    const char *name; /* namelen bytes */
    size_t namelen;
    struct jview context; /* absent, or an object */

    /* of the context, as the event has them */
    int64_t userid;     /* submit, urgency */
    int64_t urgency;    /* submit, urgency */
    int64_t flags;      /* submit; set-flags (enum job_flag) */
    int64_t version;    /* submit; 0 = absent */
    int64_t priority;   /* priority */
    int64_t status;     /* finish */
    int64_t severity;   /* exception */
    struct jview type;  /* exception */
    struct jview note;  /* exception; may be absent */
    struct jview value; /* dependency-*: description; annotations: the dictionary */
    double expiration;  /* resource-update */
    bool final;         /* release */
};

/* The number of a name, EV_OTHER if it has none. */
enum event event_number (const char *name, size_t len);
const char *event_name (enum event ev);

/* Never stored, only journalled. */
bool event_is_volatile (enum event ev);

/* Decode an event given as name and context (absent or any value).  Returns 0
 * or -EPROTO: the context is not what this event needs.
 */
int entry_init (struct entry *e,
                const char *name,
                size_t namelen,
                double timestamp,
                struct jview context);

/* Decode one RFC 18 entry from the head of the text: up to its newline, whose
 * end is stored in *next.  Returns 0, -EINVAL (not an eventlog line) or
 * -EPROTO (as above; the name is set, so that it can be told).
 */
int entry_parse (struct entry *e, const char *s, size_t len, const char **next);

/* Append the entry as one line. */
void entry_write (struct text *t, const struct entry *e);

/* The state after e in 'state'; the same one if e does not lead out of it. */
enum job_state state_after (enum job_state state, const struct entry *e);

#endif /* !MILLRACE_JOB_MANAGER_EVENT_H */
