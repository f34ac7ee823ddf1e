#include "config.h"
#include <errno.h>

#include "common/util.h"

#include "volume.h"

#define VOLUME_SAME UINT32_MAX

enum volume_bit {
    VOLUME_STARTED = 1,
    VOLUME_FINISHED = 2,
    VOLUME_ALLOCATED = 4,
    VOLUME_HAD_DEPENDENCIES = 8,
};

/* Native: it says which machine and which program it is of. */
struct head {
    char magic[8];
    uint32_t order;
    uint32_t job_size;
    uint64_t dictionary;
};

struct span_head {
    uint64_t number;
    uint32_t bytes; /* of its jobs */
    uint32_t jobs;
    uint32_t reflen;
    uint32_t none;
};

static void init_head (struct head *h)
{
    *h = (struct head){
        .magic = "jobs v1",
        .order = 0x01020304,
        .job_size = sizeof (struct volume_job),
        .dictionary = pack_dictionary (),
    };
}

/* ---- writing --------------------------------------------------------------------- */

void volume_begin (struct text *t)
{
    struct head h;

    init_head (&h);
    text_put (t, &h, sizeof (h));
}

static uint8_t bits_of (const struct job *job)
{
    return (job->started ? VOLUME_STARTED : 0) | (job->finished ? VOLUME_FINISHED : 0)
           | (job->allocated ? VOLUME_ALLOCATED : 0)
           | (job->had_dependencies ? VOLUME_HAD_DEPENDENCIES : 0);
}

static void put_job (struct text *t, const struct job *job, bool same_jobspec)
{
    struct volume_job v = {
        .id = job->id,
        .t_submit = job->t_submit,
        .t_clean = job->t_clean,
        .priority = job->priority,
        .userid = job->userid,
        .flags = job->flags,
        .end_offset = job->end_offset,
        .end_len = job->end_len,
        .jobspec_len = same_jobspec ? VOLUME_SAME : job->jobspec->len,
        .size = job->packed->size,
        .loglen = job->packed->len[0],
        .Rlen = job->packed->len[1],
        .urgency = job->urgency,
        .bits = bits_of (job),
    };

    text_put (t, &v, sizeof (v));
    if (!same_jobspec)
        text_put (t, job->jobspec->s, job->jobspec->len);
    text_put (t, job->packed->bytes, job->packed->size);
}

static bool is_packed (const struct span *span)
{
    struct job *job = NULL;

    list_foreach (&span->jobs, job, running) {
        if (!job->packed || job->has_resources)
            return false;
    }
    return true;
}

int volume_add (struct text *t, const struct span *span, const char *ref)
{
    struct span_head h = { .number = span->number,
                           .jobs = span->inactive,
                           .reflen = strlen (ref) };
    const struct job *job = NULL;
    const struct itext *jobspec = NULL;
    size_t at = t->len, begin;

    if (!is_packed (span))
        return -EAGAIN;
    text_put (t, &h, sizeof (h));
    text_put (t, ref, h.reflen);
    begin = t->len;
    list_foreach (&span->jobs, job, running) {
        put_job (t, job, job->jobspec == jobspec);
        jobspec = job->jobspec;
    }
    if (text_error (t))
        return -ENOMEM;
    h.bytes = t->len - begin;
    memcpy (t->buf + at, &h, sizeof (h));
    return 0;
}

/* ---- reading ---------------------------------------------------------------------- */

/* The next len bytes, or NULL. */
static const char *pull (struct volume_reader *r, size_t len)
{
    const char *p = r->p;

    if (len > (size_t)(r->end - p))
        return NULL;
    r->p += len;
    return p;
}

int volume_read (struct volume_reader *r, const char *data, size_t len)
{
    struct head h;

    init_head (&h);
    *r = (struct volume_reader){ .p = data, .end = data + len };
    if (len < sizeof (h) || memcmp (pull (r, sizeof (h)), &h, sizeof (h)) != 0)
        return -EINVAL;
    return 0;
}

int volume_next_span (struct volume_reader *r, struct volume_span *span)
{
    struct span_head h;
    const char *p;

    if (r->next)
        r->p = r->next;
    if (r->p == r->end)
        return 0;
    if (!(p = pull (r, sizeof (h))))
        return -EINVAL;
    memcpy (&h, p, sizeof (h));
    if (!(p = pull (r, h.reflen)) || h.bytes > (size_t)(r->end - r->p)
        || h.jobs > h.bytes / sizeof (struct volume_job))
        return -EINVAL;
    *span = (struct volume_span){
        .number = h.number,
        .ref = p,
        .reflen = h.reflen,
        .jobs = h.jobs,
    };
    r->number = h.number;
    r->jobs = h.jobs;
    r->jobspec = JVIEW_ABSENT;
    r->next = r->p + h.bytes;
    return 1;
}

static struct job *make_job (const struct volume_job *v)
{
    struct job *job = job_new (v->id);

    if (!job)
        return NULL;
    job->state = STATE_INACTIVE;
    job->t_submit = v->t_submit;
    job->t_clean = v->t_clean;
    job->priority = v->priority;
    job->userid = v->userid;
    job->flags = v->flags;
    job->urgency = v->urgency;
    job->started = (v->bits & VOLUME_STARTED) != 0;
    job->finished = (v->bits & VOLUME_FINISHED) != 0;
    job->allocated = (v->bits & VOLUME_ALLOCATED) != 0;
    job->had_dependencies = (v->bits & VOLUME_HAD_DEPENDENCIES) != 0;
    job->end_offset = v->end_offset;
    job->end_len = v->end_len;
    job->loglen = job->flushed = v->loglen;
    return job;
}

/* A log is lines, and R is an object.  They were when they were written: who wrote
 * this is one of us, or else the head would differ.
 */
static int check_texts (const struct job *job, struct text *t)
{
    struct jview log, R;
    int r;

    if ((r = job_texts (job, t, &log, &R)) < 0)
        return r == -ENOMEM ? r : -EINVAL;
    if (log.len == 0 || log.s[log.len - 1] != '\n' || job->end_offset > log.len
        || job->end_len > log.len - job->end_offset)
        return -EINVAL;
    return !jview_present (R) || jview_parse_object (R.s, R.len, &R) == 0 ? 0 : -EINVAL;
}

static int take_jobspec (struct volume_reader *r,
                         const struct volume_job *v,
                         struct intern *pool,
                         struct itext **ret)
{
    struct jview spec;
    const char *p;

    if (v->jobspec_len != VOLUME_SAME) {
        if (!(p = pull (r, v->jobspec_len))
            || jview_parse_object (p, v->jobspec_len, &spec) < 0)
            return -EINVAL;
        r->jobspec = (struct jview){ p, v->jobspec_len };
    }
    if (!jview_present (r->jobspec))
        return -EINVAL;
    return (*ret = intern_get (pool, r->jobspec.s, r->jobspec.len)) ? 0 : -ENOMEM;
}

static int fill (struct volume_reader *r,
                 const struct volume_job *v,
                 struct intern *pool,
                 struct text *scratch,
                 struct job *job)
{
    const char *p;
    int rc;

    if ((rc = take_jobspec (r, v, pool, &job->jobspec)) < 0)
        return rc;
    if (v->loglen > JOB_LOG_MAX || v->Rlen > JOB_LOG_MAX || !(p = pull (r, v->size)))
        return -EINVAL;
    if (!(job->packed = packed_new (p, v->size, v->loglen, v->Rlen)))
        return -ENOMEM;
    return check_texts (job, scratch);
}

int volume_next_job (struct volume_reader *r,
                     struct intern *pool,
                     struct text *scratch,
                     struct job **ret)
{
    struct volume_job v;
    struct job *job;
    const char *p;
    int rc;

    if (r->jobs == 0)
        return r->p == r->next ? 0 : -EINVAL;
    if (!(p = pull (r, sizeof (v))))
        return -EINVAL;
    memcpy (&v, p, sizeof (v));
    if (span_number (v.id) != r->number)
        return -EINVAL;
    if (!(job = make_job (&v)))
        return -ENOMEM;
    if ((rc = fill (r, &v, pool, scratch, job)) < 0) {
        job_free (job, pool);
        return rc;
    }
    r->jobs--;
    *ret = job;
    return 1;
}
