/* job-manager.purge (owner)
 *   { "age_limit":f "num_limit":i "batch":i "force":b } -> { "count":i }
 * job-manager.purge-id (owner)
 *   { "id":I "force":i } -> { "count":i }
 * Answered when the commit that unlinks is stored.  Event job-purge-inactive
 * { "jobs":[I] } goes out at once.
 */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "manager.h"

#define PURGE_BATCH_MAX 100

struct limits {
    double age;  /* seconds; < 0: any */
    int64_t num; /* jobs kept; < 0: any number */
};

static double now (struct manager *m)
{
    return manager_sink.now (m);
}

/* The oldest inactive job, if it is over a limit. */
static struct job *eligible (struct manager *m, const struct limits *l, size_t inactive)
{
    struct job *job = jm_next_inactive (m->jm, NULL);

    if (!job)
        return NULL;
    if (l->age >= 0. && now (m) - job->t_clean > l->age)
        return job;
    return l->num >= 0 && inactive > (size_t)l->num ? job : NULL;
}

static size_t count_eligible (struct manager *m, const struct limits *l, size_t inactive)
{
    struct job *job = NULL;
    double t = now (m);
    size_t n = 0;

    while ((job = jm_next_inactive (m->jm, job))
           && ((l->age >= 0. && t - job->t_clean > l->age)
               || (l->num >= 0 && inactive - n > (size_t)l->num)))
        n++;
    return n;
}

/* Purge one, and name it in the list of ids for the event. */
static int purge_job (struct manager *m, struct job *job, struct text *ids)
{
    struct text *t = &m->scratch;
    uint64_t id = job->id;
    struct jm_counts c;
    int r;

    if ((r = jm_purge (m->jm, job)) < 0)
        return r;
    text_puts (ids, ids->len > 0 ? "," : "{\"jobs\":[");
    text_put_int (ids, (int64_t)id);
    jm_count (m->jm, &c);
    if (id != c.max_jobid)
        return 0;
    /* nothing in the KVS would tell the highest id any more */
    text_clear (t);
    manager_put_checkpoint (m, t);
    r = text_error (t) < 0 ? -ENOMEM
                           : jm_put (m->jm, MANAGER_CHECKPOINT_KEY, t->buf, t->len);
    text_clear (t);
    return r;
}

static void publish (struct manager *m, struct text *ids)
{
    if (ids->len == 0)
        return;
    text_puts (ids, "]}");
    if (text_error (ids) == 0)
        manager_publish (m, "job-purge-inactive", ids->buf, false);
}

/* Purge what is over the limits, at most 'batch' jobs.  Returns how many. */
static size_t purge (struct manager *m, const struct limits *l, size_t batch)
{
    _cleanup_ (text_fini) struct text ids = TEXT_INIT;
    struct jm_counts c;
    struct job *job;
    size_t n = 0;

    jm_count (m->jm, &c);
    while (n < batch && (job = eligible (m, l, c.inactive - n))) {
        if (purge_job (m, job, &ids) < 0)
            break;
        n++;
    }
    publish (m, &ids);
    return n;
}

static void answer (struct manager *m, const flux_msg_t *msg, size_t count)
{
    char buf[48];
    char *payload;

    snprintf (buf, sizeof (buf), "{\"count\":%zu}", count);
    if ((payload = strdup (buf)))
        manager_defer (m, msg, payload);
    else
        manager_refuse (m, msg, ENOMEM, NULL);
}

void purge_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct limits l;
    struct jm_counts c;
    json_int_t num;
    int batch, force;

    if (manager_is_late (arg, msg, purge_cb))
        return;
    if (flux_request_unpack (msg, NULL, "{s:f s:I s:i s:b}", "age_limit", &l.age,
                             "num_limit", &num, "batch", &batch, "force", &force)
        < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    l.num = num;
    jm_count (m->jm, &c);
    if (l.age < 0. && l.age != -1.)
        manager_refuse (m, msg, EINVAL, "if set, age limit must be >= 0");
    else if (l.num < -1)
        manager_refuse (m, msg, EINVAL, "if set, num limit must be >= 0");
    else if (batch < 1 || batch > PURGE_BATCH_MAX)
        manager_refuse (m, msg, EINVAL, "batch must be >= 1 and <= 100");
    else if (!force)
        answer (m, msg, count_eligible (m, &l, c.inactive));
    else
        answer (m, msg, purge (m, &l, batch));
}

void purge_id_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    _cleanup_ (text_fini) struct text ids = TEXT_INIT;
    flux_jobid_t id;
    struct job *job;
    int force, r = 0;

    if (manager_job_is_late (arg, msg, purge_id_cb))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:i}", "id", &id, "force", &force) < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else if (id == FLUX_JOBID_ANY)
        manager_refuse (m, msg, EINVAL, NULL);
    else if (!(job = jm_lookup (m->jm, id)))
        manager_refuse (m, msg, ENOENT, "id not found");
    else if (job->state != STATE_INACTIVE)
        manager_refuse (m, msg, EINVAL, "cannot purge active job");
    else if (force && (r = purge_job (m, job, &ids)) < 0)
        manager_refuse (m, msg, -r, NULL);
    else {
        publish (m, &ids);
        answer (m, msg, 1);
    }
}

/* The configured limits hold by themselves: one portion per heartbeat, once it is
 * known what there is.
 */
void heartbeat_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct limits l = { m->inactive_age_limit, m->inactive_num_limit };

    if (!m->history && (l.age >= 0. || l.num >= 0))
        purge (m, &l, PURGE_BATCH_MAX);
}
