/* madeup.h - jobs that are made up, to test job-info with.
 *
 * Their logs and their guest namespaces are written by the test, so that each step
 * of their lives happens when it says so.
 */

#ifndef T_LIVE_MADEUP_H
#define T_LIVE_MADEUP_H

#include "live.h"

#define EV(name) "{\"timestamp\":1.0,\"name\":\"" name "\"}\n"
#define EVC(name, context) \
    "{\"timestamp\":1.0,\"name\":\"" name "\",\"context\":" context "}\n"
#define RELEASE EVC ("release", "{\"ranks\":\"all\",\"final\":true}")

enum {
    WAIT = FLUX_JOB_EVENT_WATCH_WAITCREATE,
    SENTINEL = FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL,
    RAW = 1 << 16,
};

extern flux_t *h;
extern flux_jobid_t last_id; /* of the newest job; the next has 0x1000000 more */

/* Static buffers, good until the next call. */
char *job_key (flux_jobid_t id, const char *name);
char *job_ns (flux_jobid_t id);
const char *submit_of (uint32_t userid);

/* verb is put or append. */
void job_write (flux_jobid_t id, const char *verb, const char *name, const char *value);
void event (flux_jobid_t id, const char *entry);

/* A job with a submit event. */
flux_jobid_t job_new (uint32_t userid);

/* Its guest namespace: made, written, moved (live_remove () is due then). */
void guest_create (flux_jobid_t id);
void guest_append (flux_jobid_t id, const char *key, const char *entry);
void guest_copy (flux_jobid_t id);

/* job-info.eventlog-watch, as somebody or as ourselves. */
flux_future_t *watch_on (flux_t *who, flux_jobid_t id, const char *path, int flags);
flux_future_t *watch (flux_jobid_t id, const char *path, int flags);

#endif /* !T_LIVE_MADEUP_H */
