#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "common/util.h"
#include "info.h"

/* Owners: one slot per hash of the id, the newest wins. */

static struct owner *owner_slot (struct job_info *ji, flux_jobid_t id)
{
    return &ji->owners[(id * 0x9e3779b97f4a7c15ULL) >> 56];
}

_Static_assert(OWNER_CACHE_SIZE == 1 << 8, "owner_slot () yields 8 bits");

bool job_owner_known (struct job_info *ji, flux_jobid_t id, uint32_t *userid)
{
    const struct owner *o = owner_slot (ji, id);

    if (!o->valid || o->id != id)
        return false;
    *userid = o->userid;
    return true;
}

void job_owner_learn (struct job_info *ji, flux_jobid_t id, uint32_t userid)
{
    *owner_slot (ji, id) = (struct owner){ id, userid, true };
}

static void job_free (struct job *job)
{
    if (job) {
        source_close (job->source);
        mainlog_fini (&job->log);
        free (job);
    }
}

static void job_unlist (struct job *job)
{
    if (job->listed) {
        table_del_u64 (&job->ji->jobs, job->id);
        job->listed = false;
    }
}

/* Nobody uses the job now.  The log of an inactive one is worth keeping for a
 * while: who reads it will ask for the guest data next.
 */
static void job_idle (struct job *job)
{
    struct job_info *ji = job->ji;

    if (!job->listed || !job->log.clean) {
        job_unlist (job);
        job_free (job);
        return;
    }
    list_append (&ji->cached, &job->link);
    if (++ji->ncached > JOB_CACHE_MAX) {
        job = list_first (&ji->cached, struct job, link);
        list_del (&job->link);
        ji->ncached--;
        job_unlist (job);
        job_free (job);
    }
}

static void job_hold (struct job *job)
{
    if (job->users++ == 0 && list_linked (&job->link)) {
        list_del (&job->link);
        job->ji->ncached--;
    }
}

static void job_release (struct job *job)
{
    if (--job->users == 0)
        job_idle (job);
}

void job_cache_flush (struct job_info *ji)
{
    struct job *job;

    while ((job = list_first (&ji->cached, struct job, link))) {
        list_del (&job->link);
        job_unlist (job);
        job_free (job);
    }
    ji->ncached = 0;
    for (size_t i = 0; i < ARRAY_SIZE (ji->owners); i++)
        ji->owners[i].valid = false;
}

/* In a callback followers may come and go; those who come have looked. */
static void job_changed (struct job *job)
{
    struct list todo = LIST_INIT (todo);
    struct follower *f;

    job_hold (job);
    list_splice (&todo, &job->followers);
    while ((f = list_first (&todo, struct follower, link))) {
        list_del (&f->link);
        list_append (&job->followers, &f->link);
        f->changed (f);
    }
    job_release (job);
}

static void job_end (struct job *job, int errnum)
{
    source_close (job->source);
    job->source = NULL;
    job->errnum = errnum;
    job_unlist (job); /* whoever asks from now on shall look for himself */
}

static void log_data (void *arg, const char *data, size_t len)
{
    struct job *job = arg;
    int r;

    if ((r = mainlog_feed (&job->log, data, len)) < 0) {
        job->errtext = len == 0 ? "illegal append of zero bytes" : NULL;
        job_end (job, -r);
    }
    else if (job->log.clean) {
        mainlog_complete (&job->log);
        source_close (job->source);
        job->source = NULL;
    }
    if (job->log.known)
        job_owner_learn (job->ji, job->id, job->log.userid);
    job_changed (job);
}

static void log_sentinel (void *arg)
{
    struct job *job = arg;

    mainlog_complete (&job->log);
    job_changed (job);
}

static void log_end (void *arg, int errnum)
{
    struct job *job = arg;

    job_end (job, errnum);
    job_changed (job);
}

static const struct source_ops log_ops = { log_data, log_sentinel, log_end, NULL };

static struct job *job_new (struct job_info *ji, flux_jobid_t id, bool listed)
{
    const int flags = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND | FLUX_KVS_WAITCREATE
                      | FLUX_KVS_WATCH_INITIAL_SENTINEL;
    struct job *job;
    char key[64];

    if (flux_job_kvs_key (key, sizeof (key), id, "eventlog") < 0
        || !(job = calloc (1, sizeof (*job))))
        return NULL;
    job->ji = ji;
    job->id = id;
    list_init (&job->link);
    list_init (&job->followers);
    mainlog_init (&job->log);
    job->source = source_open (ji, KVS_PRIMARY_NAMESPACE, key, flags, 0, &log_ops,
                               job);
    if (!job->source) {
        job_free (job);
        return NULL;
    }
    if (listed && table_put_u64 (&ji->jobs, id, job) < 0) {
        job_free (job);
        errno = ENOMEM;
        return NULL;
    }
    job->listed = listed;
    return job;
}

bool job_absent (const struct job *job)
{
    return job->log.complete && !mainlog_exists (&job->log);
}

/* One who does not want to wait for the job must not rely on another's older
 * finding that there is none.
 */
int job_follow (struct job_info *ji, flux_jobid_t id, bool waitcreate, struct follower *f)
{
    struct job *job = table_get_u64 (&ji->jobs, id);
    bool usable = job && (waitcreate || !job_absent (job));

    if (!usable && !(job = job_new (ji, id, !job)))
        return -1;
    job_follow_too (job, f);
    return 0;
}

void job_follow_too (struct job *job, struct follower *f)
{
    job_hold (job);
    f->job = job;
    list_append (&job->followers, &f->link);
}

void job_unfollow (struct follower *f)
{
    struct job *job = f->job;

    if (job) {
        f->job = NULL;
        list_del (&f->link);
        job_release (job);
    }
}

int job_authorize (struct job *job, const flux_msg_t *msg)
{
    if (mainlog_exists (&job->log)) {
        if (flux_msg_authorize (msg, FLUX_USERID_UNKNOWN) == 0)
            return 1; /* the instance owner */
        if (!job->log.known) {
            errno = EPROTO;
            return -1;
        }
        return flux_msg_authorize (msg, job->log.userid) < 0 ? -1 : 1;
    }
    if (job->errnum || job_absent (job)) {
        errno = job->errnum ? job->errnum : ENOENT;
        return -1;
    }
    return 0;
}
