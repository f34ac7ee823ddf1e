/* Inactive jobs go into volumes and come back as they were. */

#include "config.h"

#include "engine_testbed.h"
#include "engine_private.h"

#define LINE(name) "{\"timestamp\":1.0,\"name\":\"" name "\"}\n"
#define LINEC(name, context) \
    "{\"timestamp\":1.0,\"name\":\"" name "\",\"context\":" context "}\n"
#define BEGIN(userid, flags)                                                             \
    LINEC ("submit", "{\"userid\":" userid ",\"urgency\":3,\"flags\":" flags             \
                     ",\"version\":1}")                                                  \
    LINE ("validate") LINE ("depend") LINEC ("priority", "{\"priority\":3}")
#define DONE LINE ("alloc") LINE ("start") LINEC ("finish", "{\"status\":256}") \
    LINEC ("release", "{\"ranks\":\"all\",\"final\":true}") LINE ("free") LINE ("clean")
#define CANCELED \
    LINEC ("exception", "{\"type\":\"cancel\",\"severity\":0,\"note\":\"\"}") LINE ("clean")

#define SPAN(n) ((uint64_t)(n) << 32)
#define REF "sha1-1234"

static void put_job (struct jm *jm, uint64_t id, const char *log, const char *jobspec)
{
    _cleanup_ (text_fini) struct text why = TEXT_INIT;

    if (jm_restore (jm, id, log, strlen (log), bed_view (jobspec), bed_view (BED_R), &why)
        < 0)
        bail_out ("%s", why.buf);
}

/* An engine with two spans of inactive jobs and one with an active one, too. */
static struct jm *new_jm (void)
{
    struct jm *jm = bed_new_jm ();

    put_job (jm, SPAN (1) + 1, BEGIN ("5", "0") DONE, "{\"a\":1}");
    put_job (jm, SPAN (1) + 2, BEGIN ("6", "4") DONE, "{\"a\":1}");
    put_job (jm, SPAN (1) + 3, BEGIN ("5", "0") CANCELED, "{\"a\":2}");
    put_job (jm, SPAN (2) + 1, BEGIN ("5", "0") DONE, "{\"a\":2}");
    put_job (jm, SPAN (3) + 1, BEGIN ("5", "0") DONE, "{\"a\":1}");
    put_job (jm, SPAN (3) + 2, BEGIN ("5", "0"), "{\"a\":1}");
    jm_restore_finish (jm, 0, false);
    bed_heard ();
    return jm;
}

/* Its spans in t, as volume 7. */
static size_t write_volume (struct jm *jm, struct text *t)
{
    struct jm_span span[VOLUME_SPANS];
    size_t n = jm_archive_take (jm, span);

    volume_begin (t);
    for (size_t i = 0; i < n; i++) {
        if (jm_archive_add (jm, &span[i], REF, t) < 0 || jm_archived (jm, &span[i], 7) < 0)
            bail_out ("a span does not go into the volume");
    }
    return n;
}

/* Bring back what there is; as jm_recall () of the last span. */
static int read_volume (struct jm *jm, const char *data, size_t len, size_t *jobs)
{
    struct volume_reader r;
    struct volume_span span;
    int rc, good = 0;
    size_t n;

    *jobs = 0;
    if ((rc = volume_read (&r, data, len)) < 0)
        return rc;
    while ((rc = volume_next_span (&r, &span)) > 0) {
        rc = jm_recall (jm, &r, &span, UINT64_MAX, 7, &n);
        *jobs += n;
        if (rc < 0)
            return rc;
        good += rc;
    }
    return rc < 0 ? rc : good;
}

/* All that anybody can see of a job. */
static void describe (struct jm *jm, uint64_t id, struct text *t)
{
    _cleanup_ (text_fini) struct text texts = TEXT_INIT;
    struct job *job = jm_lookup (jm, id);
    struct jview log, R;
    struct entry e;

    if (!job || job_texts (job, &texts, &log, &R) < 0) {
        text_puts (t, "nothing");
        return;
    }
    text_printf (t, "%d %u %u %d %d %d%d%d%d %.3f %.3f\n", job->state, job->userid,
                 job->flags, (int)job->priority, job->urgency, job->started,
                 job->finished, job->allocated, job->had_dependencies, job->t_submit,
                 job->t_clean);
    text_put (t, job->jobspec->s, job->jobspec->len);
    text_put (t, log.s, log.len);
    jview_put (t, R);
    if (job_end_event (job, &texts, &e) == 0)
        text_put (t, e.name, e.namelen);
}

static void same_job (struct jm *a, struct jm *b, uint64_t id)
{
    _cleanup_ (text_fini) struct text was = TEXT_INIT, is = TEXT_INIT;

    describe (a, id, &was);
    describe (b, id, &is);
    is (is.buf, was.buf, "job %u of span %u is as it was", (unsigned int)id,
        (unsigned int)(id >> 32));
}

static void there_and_back (void)
{
    struct jm *jm = new_jm (), *next = bed_new_jm ();
    struct text t = TEXT_INIT;
    struct jm_counts c;
    size_t jobs;

    is_int (jm_archive_due (jm), 4, "jobs are due whose spans have no active ones");
    is_int (write_volume (jm, &t), 2, "these spans go into a volume");
    is_int (jm_archive_due (jm), 0, "and are not due any more");
    is_int (read_volume (next, t.buf, t.len, &jobs), 2, "both come back");
    is_int (jobs, 4, "with all their jobs");
    for (int i = 1; i <= 3; i++)
        same_job (jm, next, SPAN (1) + i);
    same_job (jm, next, SPAN (2) + 1);
    jm_count (next, &c);
    is_int (c.inactive, 4, "they are inactive");
    ok (jm_next_zombie (next, NULL) == jm_lookup (next, SPAN (1) + 2),
        "who may be waited for still may");
    is_int (jm_archive_due (next), 0, "they need not be written again");
    is_int (read_volume (next, t.buf, t.len, &jobs), 2, "read once more,");
    is_int (jobs, 0, "no job is there twice");
    bed_heard ();
    jm_purge (next, jm_lookup (next, SPAN (2) + 1));
    bed_heard_is ("unarchived 7\n", "a purge makes a span worthless");
    jm_purge (next, jm_lookup (next, SPAN (1) + 1));
    bed_heard_is ("unarchived 7\n", "that is said");
    jm_purge (next, jm_lookup (next, SPAN (1) + 2));
    bed_heard_is ("", "once");
    text_fini (&t);
    jm_destroy (jm);
    jm_destroy (next);
}

static void what_changes_is_not_written (void)
{
    struct jm *jm = new_jm ();
    struct jm_span span[VOLUME_SPANS];
    struct text t = TEXT_INIT;
    size_t n = jm_archive_take (jm, span);

    jm_purge (jm, jm_lookup (jm, SPAN (1) + 1));
    is_int (jm_archive_add (jm, &span[0], REF, &t), -EAGAIN,
            "a span with a job less does not go into a volume");
    jm_archive_give_back (jm, &span[0]);
    is_int (jm_archive_due (jm), 2, "it is due again");
    is_int (jm_archive_add (jm, &span[1], REF, &t), 0, "another one does");
    put_job (jm, SPAN (2) + 9, BEGIN ("5", "0"), "{\"a\":1}");
    is_int (jm_archived (jm, &span[1], 7), -EAGAIN,
            "and is not in it when it has got a job meanwhile");
    is_int (n, 2, "there were two");
    text_fini (&t);
    jm_destroy (jm);
}

static void jobs_that_are_not_wanted (void)
{
    struct jm *jm = new_jm (), *next = bed_new_jm ();
    struct text t = TEXT_INIT;
    struct volume_reader r;
    struct volume_span span;
    size_t jobs = 0;

    write_volume (jm, &t);
    put_job (next, SPAN (1) + 1, BEGIN ("9", "0"), "{\"a\":1}");
    volume_read (&r, t.buf, t.len);
    volume_next_span (&r, &span);
    is_int (jm_recall (next, &r, &span, SPAN (1) + 2, 7, &jobs), 0,
            "a span with other jobs is not what the volume has");
    is_int (jobs, 1, "it gives those that are not there, up to the highest wanted");
    is_int (jm_lookup (next, SPAN (1) + 1)->userid, 9, "what is there stays");
    ok (!jm_lookup (next, SPAN (1) + 3), "what is not wanted stays away");
    text_fini (&t);
    jm_destroy (jm);
    jm_destroy (next);
}

/* Whatever a volume says, nothing but jobs come of it, each of them readable. */
static bool reads_safely (const char *data, size_t len)
{
    struct jm *jm = bed_new_jm ();
    struct job *job = NULL;
    struct text t = TEXT_INIT;
    bool good = true;
    size_t jobs;

    read_volume (jm, data, len, &jobs);
    while ((job = jm_next_inactive (jm, job))) {
        struct jview log, R;

        good = good && job_texts (job, &t, &log, &R) == 0 && log.s[log.len - 1] == '\n'
               && job->jobspec;
    }
    text_fini (&t);
    jm_destroy (jm);
    bed_heard ();
    return good;
}

static void damage (void)
{
    struct jm *jm = new_jm (), *next = bed_new_jm ();
    struct text t = TEXT_INIT;
    bool cut = true, flipped = true;
    size_t jobs;

    write_volume (jm, &t);
    for (size_t len = 0; len < t.len; len++)
        cut = reads_safely (t.buf, len) && cut;
    ok (cut, "a volume that ends early gives good jobs or none");
    for (size_t i = 0; i < t.len * 8; i++) {
        t.buf[i / 8] ^= 1 << i % 8;
        flipped = reads_safely (t.buf, t.len) && flipped;
        t.buf[i / 8] ^= 1 << i % 8;
    }
    ok (flipped, "so does one with a wrong bit");
    is_int (read_volume (next, t.buf, t.len - 1, &jobs), -EINVAL, "the end is missed");
    is_int (read_volume (next, "jobs v0", 8, &jobs), -EINVAL,
            "what is no volume is not read");
    text_fini (&t);
    jm_destroy (jm);
    jm_destroy (next);
}

void volumes (void)
{
    there_and_back ();
    what_changes_is_not_written ();
    jobs_that_are_not_wanted ();
    damage ();
}
