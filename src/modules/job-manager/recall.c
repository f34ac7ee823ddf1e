/* Inactive jobs go into volumes, and come back from them. */

#include "config.h"

#include "engine_private.h"

size_t jm_archive_due (const struct jm *jm)
{
    return jm->spans.ndue;
}

size_t jm_archive_take (struct jm *jm, struct jm_span spans[VOLUME_SPANS])
{
    struct span *span;
    size_t n = 0, jobs = 0;

    while (n < VOLUME_SPANS && jobs < VOLUME_JOBS && (span = spans_take (&jm->spans))) {
        spans[n++] = (struct jm_span){ span->number, span->version };
        jobs += span->inactive;
    }
    return n;
}

/* NULL: it is not what it was. */
static struct span *unchanged (struct jm *jm, const struct jm_span *span)
{
    struct span *s = spans_find (&jm->spans, span->number);

    return s && s->version == span->version ? s : NULL;
}

int jm_archive_add (struct jm *jm,
                    const struct jm_span *span,
                    const char *ref,
                    struct text *t)
{
    struct span *s = unchanged (jm, span);

    return s ? volume_add (t, s, ref) : -EAGAIN;
}

int jm_archived (struct jm *jm, const struct jm_span *span, uint32_t volume)
{
    struct span *s = unchanged (jm, span);

    if (!s)
        return -EAGAIN;
    spans_stored (&jm->spans, s, volume);
    return 0;
}

void jm_archive_give_back (struct jm *jm, const struct jm_span *span)
{
    struct span *s = spans_find (&jm->spans, span->number);

    if (s && s->volume == 0)
        spans_give_back (&jm->spans, s);
}

/* 1: it was restored; 0: it is there, or not wanted. */
static int restore (struct jm *jm, struct job *job, uint64_t before)
{
    int r = job->id > before || jm_lookup (jm, job->id) ? -EEXIST
                                                        : jm_add_inactive (jm, job);

    if (r < 0)
        job_free (job, &jm->pool);
    return r == -EEXIST ? 0 : r < 0 ? r : 1;
}

int jm_recall (struct jm *jm,
               struct volume_reader *r,
               const struct volume_span *span,
               uint64_t before,
               uint32_t volume,
               size_t *restored)
{
    struct job *job;
    struct span *s;
    int rc, n;

    *restored = 0;
    while ((rc = volume_next_job (r, &jm->pool, &jm->line, &job)) > 0) {
        if ((n = restore (jm, job, before)) < 0)
            return n;
        *restored += n;
    }
    if (rc < 0)
        return rc;
    s = spans_find (&jm->spans, span->number);
    if (!s || s->active > 0 || s->inactive != span->jobs)
        return 0;
    spans_stored (&jm->spans, s, volume);
    return 1;
}
