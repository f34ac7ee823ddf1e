/* job-manager/volume.h - inactive jobs of some spans (spans.h), kept together in one
 * value of the KVS.
 *
 * Purpose: a restart with many inactive jobs need not look at each of them.  What
 * is kept of a job is what the engine keeps of it in memory, in the same form: so
 * nothing is replayed or compressed anew.
 *
 * A span comes with the reference of the directory that has its jobs.  It says
 * nothing unless that directory is still the same, to the last bit of what is below it:
 * then the jobs in the volume are exactly those in the directory, and each as it is there.
 * A volume that is missing, broken, of another machine or of another version of
 * this program is no volume; its jobs are read one by one.
 *
 * Bound: VOLUME_JOBS, VOLUME_SPANS, about VOLUME_BYTES; but one span always fits.
 */

#ifndef MILLRACE_JOB_MANAGER_VOLUME_H
#define MILLRACE_JOB_MANAGER_VOLUME_H

#include "spans.h"

#define VOLUME_JOBS 1024
#define VOLUME_SPANS 256
#define VOLUME_BYTES (1 << 20)

/* Begin a volume in t; add a span, whose directory has this reference.  Errors
 * stick to t.  -EAGAIN: a job of it has not been packed, t is as before.
 */
void volume_begin (struct text *t);
int volume_add (struct text *t, const struct span *span, const char *ref);

struct volume_reader {
    const char *p;
    const char *end;
    const char *next; /* span; NULL: the first one */
    uint64_t number;
    uint32_t jobs;        /* of the span that are still to come */
    struct jview jobspec; /* of the job before */
};

struct volume_span {
    uint64_t number;
    const char *ref; /* not terminated */
    size_t reflen;
    uint32_t jobs;
};

/* What is kept of a job, followed by its jobspec and its block (pack.h). */
struct volume_job {
    uint64_t id;
    double t_submit;
    double t_clean;
    int64_t priority;
    uint32_t userid;
    uint32_t flags;
    uint32_t end_offset;
    uint32_t end_len;
    uint32_t jobspec_len; /* VOLUME_SAME: that of the job before */
    uint32_t size;        /* of the block */
    uint32_t loglen;
    uint32_t Rlen;
    uint8_t urgency;
    uint8_t bits; /* enum volume_bit */
    uint8_t none[6];
};

/* -EINVAL: this is no volume. */
int volume_read (struct volume_reader *r, const char *data, size_t len);

/* 1: the next span, whatever was left of the one before is skipped; 0: there is none;
 * -EINVAL: there is, but what follows makes no sense.
 */
int volume_next_span (struct volume_reader *r, struct volume_span *span);

/* 1: a new job of the span, INACTIVE, its texts in the pool; 0: there is none;
 * -EINVAL, -ENOMEM.  'scratch' is for texts that are looked at.
 */
int volume_next_job (struct volume_reader *r,
                     struct intern *pool,
                     struct text *scratch,
                     struct job **ret);

#endif /* !MILLRACE_JOB_MANAGER_VOLUME_H */
