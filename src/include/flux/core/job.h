/* flux/core/job.h - jobs: their ids, names and keys, and requests about them.
 *
 * Functions that return a future return NULL with errno EINVAL for NULL
 * handles and bad arguments.  Strings that getters return belong to the future.
 */

#ifndef _FLUX_CORE_JOB_H
#define _FLUX_CORE_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include "handle.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

enum job_submit_flags {
    FLUX_JOB_PRE_SIGNED = 1,
    FLUX_JOB_DEBUG = 2,
    FLUX_JOB_WAITABLE = 4,
    FLUX_JOB_NOVALIDATE = 8,
};

enum job_event_watch_flags {
    FLUX_JOB_EVENT_WATCH_WAITCREATE = 1,
    FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL = 2,
};

enum job_lookup_flags {
    FLUX_JOB_LOOKUP_JSON_DECODE = 1,
    FLUX_JOB_LOOKUP_CURRENT = 2,
};

enum job_urgency {
    FLUX_JOB_URGENCY_MIN = 0,
    FLUX_JOB_URGENCY_HOLD = 0,
    FLUX_JOB_URGENCY_DEFAULT = 16,
    FLUX_JOB_URGENCY_MAX = 31,
    FLUX_JOB_URGENCY_EXPEDITE = 31,
};

enum job_queue_priority {
    FLUX_JOB_PRIORITY_MIN = 0,
    FLUX_JOB_PRIORITY_MAX = 0xffffffff,
};

typedef enum {
    FLUX_JOB_STATE_NEW = 1,
    FLUX_JOB_STATE_DEPEND = 2,
    FLUX_JOB_STATE_PRIORITY = 4,
    FLUX_JOB_STATE_SCHED = 8,
    FLUX_JOB_STATE_RUN = 16,
    FLUX_JOB_STATE_CLEANUP = 32,
    FLUX_JOB_STATE_INACTIVE = 64,

    /* unions of the above */
    FLUX_JOB_STATE_PENDING = 14,
    FLUX_JOB_STATE_RUNNING = 48,
    FLUX_JOB_STATE_ACTIVE = 62,
} flux_job_state_t;

typedef enum {
    FLUX_JOB_RESULT_COMPLETED = 1,
    FLUX_JOB_RESULT_FAILED = 2,
    FLUX_JOB_RESULT_CANCELED = 4,
    FLUX_JOB_RESULT_TIMEOUT = 8,
} flux_job_result_t;

typedef uint64_t flux_jobid_t;

#define FLUX_JOBID_ANY 0xffffffffffffffffULL
#define FLUX_JOB_NR_STATES 7

/* Ids as text (RFC 19): "dec" (also type NULL), "hex", "dothex", "kvs", "f58"
 * (its prefix is not ASCII in a UTF-8 locale, unless FLUX_F58_FORCE_ASCII is
 * set), "f58plain".  parse accepts all of these.  EINVAL, ERANGE; EPROTO: no
 * such type; EOVERFLOW: buf is too small.  ("words", "emoji": EINVAL.)
 */
int flux_job_id_parse (const char *s, flux_jobid_t *id);
int flux_job_id_encode (flux_jobid_t id, const char *type, char *buf, size_t bufsz);
/* Names: fmt "L" DEPEND (also NULL), "l" depend, "S" D, "s" d.  The other way
 * all four are accepted; EINVAL.
 */
const char *flux_job_statetostr (flux_job_state_t state, const char *fmt);
int flux_job_strtostate (const char *s, flux_job_state_t *state);
const char *flux_job_resulttostr (flux_job_result_t result, const char *fmt);
int flux_job_strtoresult (const char *s, flux_job_result_t *result);
/* Submit jobspec (JSON text), signed with mechanism none as this user, or, with
 * FLUX_JOB_PRE_SIGNED, signed by the caller.
 */
flux_future_t *flux_job_submit (flux_t *h, const char *jobspec, int urgency, int flags);
int flux_job_submit_get_id (flux_future_t *f, flux_jobid_t *id);
/* Wait for a job that was submitted with FLUX_JOB_WAITABLE, or for any one.
 * ECHILD.
 */
flux_future_t *flux_job_wait (flux_t *h, flux_jobid_t id);
int flux_job_wait_get_status (flux_future_t *f, bool *success, const char **errstr);
int flux_job_wait_get_id (flux_future_t *f, flux_jobid_t *id);
/* What job-list knows: attrs_json_str is a JSON array of attribute names,
 * states a mask (0: all), userid may be FLUX_USERID_UNKNOWN (all).
 */
flux_future_t *flux_job_list (flux_t *, int, const char *, uint32_t, int);
flux_future_t *flux_job_list_inactive (flux_t *, int, double, const char *);
flux_future_t *flux_job_list_id (flux_t *h,
                                 flux_jobid_t id,
                                 const char *attrs_json_str);
/* Raise an exception (severity 0 ends the job; note may be NULL), send a signal
 * to its tasks, change its urgency.
 */
flux_future_t *flux_job_raise (flux_t *h,
                               flux_jobid_t id,
                               const char *type,
                               int severity,
                               const char *note);
flux_future_t *flux_job_cancel (flux_t *h, flux_jobid_t id, const char *reason);
flux_future_t *flux_job_kill (flux_t *h, flux_jobid_t id, int signum);
flux_future_t *flux_job_set_urgency (flux_t *h, flux_jobid_t id, int urgency);
/* Where its data is in the KVS: "job.<dothex>[.key]"; the guest's part (inside
 * the job just key, or "."); its guest namespace.  Returns the length; -1 with
 * errno EOVERFLOW or EINVAL.
 */
int flux_job_kvs_key (char *buf, int bufsz, flux_jobid_t id, const char *key);
int flux_job_kvs_guest_key (char *buf, int bufsz, flux_jobid_t id, const char *key);
int flux_job_kvs_namespace (char *buf, int bufsz, flux_jobid_t id);
/* Its eventlog (path "eventlog", "guest.output", ...) as it grows: a stream of
 * entries, each a line, to its end (ENODATA).  *event is NULL for the initial
 * sentinel.
 */
flux_future_t *flux_job_event_watch (flux_t *h,
                                     flux_jobid_t id,
                                     const char *path,
                                     int flags);
int flux_job_event_watch_get (flux_future_t *f, const char **event);
int flux_job_event_watch_cancel (flux_future_t *f);
/* How it ended: an object with id, result, exception_occurred, and what else
 * is known of t_submit, t_run, t_cleanup, waitstatus, exception_type,
 * exception_severity, exception_note.  flags 0.
 */
flux_future_t *flux_job_result (flux_t *h, flux_jobid_t id, int flags);
int flux_job_result_get (flux_future_t *f, const char **json_str);
int flux_job_result_get_unpack (flux_future_t *f, const char *fmt, ...);
/* Seconds left to the job that this process is in ($FLUX_JOB_ID), or else to
 * the instance; INFINITY if there is no limit.  Blocks.
 */
int flux_job_timeleft (flux_t *h, flux_error_t *errp, double *timeleft);
/* The payload of a string signed with mechanism none, for the caller to free,
 * and who it is from (userid may be NULL).  Nothing proves that, with or
 * without verify.  EINVAL, said in error.
 */
char *flux_unwrap_string (const char *in,
                          bool verify,
                          uint32_t *userid,
                          flux_error_t *error);
/* The exit code that stands for a wait(2) status, said in errp ("" for 0); -1
 * with errno EINVAL if it is no final status.
 */
int flux_job_waitstatus_to_exitcode (int waitstatus, flux_error_t *errp);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_JOB_H */
