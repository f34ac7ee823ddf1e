/* Questions about jobs. */

#include "config.h"
#include <stdio.h>

#include "archive.h"

/* ---- list (owner): { "max_entries":i } -> { "jobs":[...] } ---------------------- */

static void put_dependencies (struct text *t, const struct job *job)
{
    struct dependency *d = NULL;
    bool first = true;

    if (!job->had_dependencies)
        return;
    text_puts (t, ",\"dependencies\":[");
    list_foreach (&job->dependencies, d, node) {
        if (d->outstanding) {
            if (!first)
                text_putc (t, ',');
            first = false;
            text_put_json_string (t, d->description->s, d->description->len);
        }
    }
    text_putc (t, ']');
}

static void put_job (struct text *t, const struct job *job)
{
    if (t->len > 0 && t->buf[t->len - 1] == '}')
        text_putc (t, ',');
    text_printf (
        t, "{\"id\":%lld,\"userid\":%lu,\"urgency\":%d,\"priority\":%lld,\"t_submit\":",
        (long long)job->id, (unsigned long)job->userid, job->urgency,
        (long long)job->priority);
    text_put_real (t, job->t_submit);
    text_printf (t, ",\"state\":%d", job->state);
    if (job->annotations) {
        text_puts (t, ",\"annotations\":");
        text_put (t, job->annotations->s, job->annotations->len);
    }
    put_dependencies (t, job);
    text_putc (t, '}');
}

void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct text *t = &m->scratch;
    struct job *job = NULL;
    struct jview v;
    int64_t max, n = 0;

    if (manager_is_late (arg, msg, list_cb))
        return;
    if (manager_decode (msg, &v) < 0 || jview_int (jview_get (v, "max_entries"), &max) < 0
        || max < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    text_clear (t);
    text_puts (t, "{\"jobs\":[");
    while ((max == 0 || n < max) && (job = jm_next_waiting (m->jm, job))) {
        put_job (t, job);
        n++;
    }
    job = NULL;
    while ((max == 0 || n < max) && (job = jm_next_active (m->jm, job))) {
        if (jm_is_waiting (job))
            continue;
        put_job (t, job);
        n++;
    }
    for (job = jm_next_zombie (m->jm, NULL); job; job = jm_next_zombie (m->jm, job))
        put_job (t, job);
    text_puts (t, "]}");
    manager_respond_text (m, msg, t);
}

/* ---- getattr (user): { "id":I "attrs":[s] } -> the attributes --------------------- */

/* The log's lines as an array. */
static void put_eventlog (struct text *t, struct jview log)
{
    const char *p = log.s, *end = log.s + log.len;

    text_putc (t, '[');
    while (p < end) {
        const char *eol = memchr (p, '\n', end - p);

        text_put (t, p, eol - p);
        p = eol + 1;
        if (p < end)
            text_putc (t, ',');
    }
    text_putc (t, ']');
}

/* Append one attribute; or say why not (0: appended). */
static int
put_attr (struct text *t, const struct job *job, struct jview name, struct text *why)
{
    _cleanup_ (text_fini)
    struct text unpacked = TEXT_INIT;
    struct jview log, R;

    if (!jview_is (name, JVIEW_STRING)) {
        text_puts (why, "attribute list contains non-string");
        return EPROTO;
    }
    if (job_texts (job, &unpacked, &log, &R) < 0)
        return ENOMEM;
    if (t->buf[t->len - 1] != '{')
        text_putc (t, ',');
    jview_put (t, name);
    text_putc (t, ':');
    if (jview_equal (name, "eventlog"))
        put_eventlog (t, log);
    else if (jview_equal (name, "jobspec"))
        text_put (t, job->jobspec->s, job->jobspec->len);
    else if (!jview_equal (name, "R")) {
        text_puts (why, "unknown attr ");
        jview_string (name, why);
        return ENOENT;
    }
    else if (!jview_present (R)) {
        text_puts (why, "R is NULL");
        return ENOENT;
    }
    else
        jview_put (t, R);
    return 0;
}

void getattr_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    _cleanup_ (text_fini)
    struct text why = TEXT_INIT;
    struct text *t = &m->scratch;
    struct jview v, attrs, name;
    struct jiter it;
    struct job *job;
    int64_t id;
    int errnum = 0;

    if (manager_job_is_late (arg, msg, getattr_cb))
        return;
    if (manager_decode (msg, &v) < 0 || jview_int (jview_get (v, "id"), &id) < 0
        || !jview_is (attrs = jview_get (v, "attrs"), JVIEW_ARRAY)) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (!(job = jm_lookup (m->jm, id))) {
        if (manager_is_hidden_from (m, msg))
            manager_refuse (m, msg, EPERM, NULL);
        else
            manager_refuse (m, msg, EINVAL, "unknown job");
        return;
    }
    if (manager_authorize (msg, job->userid) < 0) {
        manager_refuse (m, msg, EPERM,
                        manager_is_hidden_from (m, msg)
                            ? NULL
                            : "guests can only access their own jobs");
        return;
    }
    text_clear (t);
    text_putc (t, '{');
    jiter_init (&it, attrs);
    while (errnum == 0 && !text_error (t) && jiter_next (&it, NULL, &name))
        errnum = put_attr (t, job, name, &why);
    text_putc (t, '}');
    if (errnum != 0)
        manager_refuse (m, msg, errnum, why.buf);
    else
        manager_respond_text (m, msg, t);
}

/* ---- getinfo, stats-get (user) ------------------------------------------------------- */

void getinfo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct text *t = &m->scratch;
    struct jm_counts c;

    if (manager_is_hidden_from (m, msg)) {
        manager_refuse (m, msg, EPERM, NULL);
        return;
    }
    jm_count (m->jm, &c);
    text_clear (t);
    text_printf (t, "{\"max_jobid\":%lld}", (long long)c.max_jobid);
    manager_respond_text (m, msg, t);
}

void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct text *t = &m->scratch;
    struct jm_counts c;

    if (manager_is_hidden_from (m, msg)) {
        manager_refuse (m, msg, EPERM, NULL);
        return;
    }
    jm_count (m->jm, &c);
    text_clear (t);
    text_printf (t,
                 "{\"journal\":{\"listeners\":%zu,\"events\":%llu},\"active_jobs\":%zu,"
                 "\"inactive_jobs\":%zu,\"max_jobid\":%lld,\"housekeeping\":",
                 c.journal_consumers, (unsigned long long)c.journal_events, c.active,
                 c.inactive, (long long)c.max_jobid);
    manager_housekeeping_stats (m, t);
    text_printf (t,
                 ",\"text_bytes\":%zu,\"memory\":{\"records\":%zu,\"packed\":%zu,"
                 "\"texts\":%zu},\"archive\":",
                 c.text_bytes, c.record_bytes, c.packed_bytes, c.text_bytes);
    archive_stats (m, t);
    text_putc (t, '}');
    manager_respond_text (m, msg, t);
}

/* ---- history.get (user): { "slice":s } -> { "jobs":[I] }, newest first --------------- */

/* The newest of a user's jobs; with keep > 0 only that many of them, however
 * many jobs there are.
 */
struct history {
    const struct job **jobs;
    size_t count;
    size_t room;
    size_t keep;  /* 0: all */
    size_t total; /* jobs of the user */
};

static int newest_first (const void *x, const void *y)
{
    const struct job *a = *(const struct job *const *)x,
                     *b = *(const struct job *const *)y;

    if (a->t_submit != b->t_submit)
        return a->t_submit > b->t_submit ? -1 : 1;
    return a->id > b->id ? -1 : a->id < b->id;
}

static void history_sort (struct history *hist)
{
    if (hist->count > 0)
        qsort (hist->jobs, hist->count, sizeof (hist->jobs[0]), newest_first);
    if (hist->keep > 0 && hist->count > hist->keep)
        hist->count = hist->keep;
}

static int history_add (struct history *hist, const struct job *job)
{
    hist->total++;
    if (hist->keep > 0 && hist->count >= 2 * hist->keep + 64)
        history_sort (hist);
    if (hist->count == hist->room) {
        size_t room = hist->room ? hist->room * 2 : 64;
        const struct job **jobs = realloc (hist->jobs, room * sizeof (jobs[0]));

        if (!jobs)
            return -1;
        hist->jobs = jobs;
        hist->room = room;
    }
    hist->jobs[hist->count++] = job;
    return 0;
}

static int history_collect (struct manager *m, uint32_t userid, struct history *hist)
{
    struct job *job;

    for (job = jm_next_active (m->jm, NULL); job; job = jm_next_active (m->jm, job)) {
        if (job->userid == userid && history_add (hist, job) < 0)
            return -1;
    }
    for (job = jm_next_inactive (m->jm, NULL); job; job = jm_next_inactive (m->jm, job)) {
        if (job->userid == userid && history_add (hist, job) < 0)
            return -1;
    }
    history_sort (hist);
    return 0;
}

/* "[start:stop:step]" as Python has it, or "[i]". */
struct slice {
    int64_t v[3];
    bool given[3];
    bool single;
};

/* One number, or nothing. */
static bool slice_part (const char **s, int64_t *value, bool *given)
{
    char *end;

    errno = 0;
    *value = strtoll (*s, &end, 10);
    *given = end != *s;
    *s = end;
    return errno == 0;
}

static int slice_parse (const char *s, struct slice *sl)
{
    int n = 0;

    *sl = (struct slice){ .v = { 0, 0, 1 } };
    if (*s++ != '[')
        return -1;
    for (;;) {
        if (!slice_part (&s, &sl->v[n], &sl->given[n]))
            return -1;
        if (*s != ':' || n == 2)
            break;
        s++;
        n++;
    }
    sl->single = n == 0;
    if (!sl->given[2])
        sl->v[2] = 1;
    if (strcmp (s, "]") != 0 || sl->v[2] == 0 || (sl->single && !sl->given[0]))
        return -1;
    return 0;
}

/* How many of the newest jobs are enough; 0: that depends on how many there are. */
static size_t slice_needs (const struct slice *sl)
{
    int64_t end = sl->single ? sl->v[0] : sl->v[1];

    if (sl->v[0] < 0 || sl->v[2] < 0 || end < 0 || end > INT32_MAX)
        return 0;
    return sl->single ? end + 1 : sl->given[1] ? end : 0;
}

static int64_t slice_index (int64_t i, int64_t len, int64_t low, int64_t high)
{
    if (i < 0)
        i += len;
    return i < low ? low : i > high ? high : i;
}

struct range {
    int64_t start, stop, step;
};

/* What the slice means for len elements. */
static struct range slice_range (const struct slice *sl, int64_t len)
{
    const int64_t *v = sl->v;
    struct range r = { .step = v[2] };

    if (sl->single) {
        int64_t i = v[0] < 0 ? v[0] + len : v[0];

        return i >= 0 && i < len ? (struct range){ i, i + 1, 1 }
                                 : (struct range){ 0, 0, 1 };
    }
    if (r.step > 0) {
        r.start = sl->given[0] ? slice_index (v[0], len, 0, len) : 0;
        r.stop = sl->given[1] ? slice_index (v[1], len, 0, len) : len;
    }
    else {
        r.start = sl->given[0] ? slice_index (v[0], len, -1, len - 1) : len - 1;
        r.stop = sl->given[1] ? slice_index (v[1], len, -1, len - 1) : -1;
    }
    return r;
}

static void put_history (struct text *t, const struct history *hist, struct range r)
{
    bool first = true;

    text_puts (t, "{\"jobs\":[");
    for (int64_t i = r.start; r.step > 0 ? i < r.stop : i > r.stop; i += r.step) {
        if (!first)
            text_putc (t, ',');
        first = false;
        text_put_int (t, (int64_t)hist->jobs[i]->id);
    }
    text_puts (t, "]}");
}

void history_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct history hist = { .count = 0 };
    struct slice slice;
    const char *s;
    uint32_t userid;

    if (!manager_has_plugin (m, ".history")) {
        manager_refuse_unknown (m, msg);
        return;
    }
    if (manager_is_late (m, msg, history_cb))
        return;
    if (flux_request_unpack (msg, NULL, "{s:s}", "slice", &s) < 0
        || flux_msg_get_userid (msg, &userid) < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (slice_parse (s, &slice) < 0) {
        manager_refuse (m, msg, EINVAL, "could not parse python-style slice expression");
        return;
    }
    hist.keep = slice_needs (&slice);
    if (history_collect (m, userid, &hist) < 0)
        manager_refuse (m, msg, ENOMEM, NULL);
    else {
        text_clear (&m->scratch);
        put_history (&m->scratch, &hist, slice_range (&slice, hist.total));
        manager_respond_text (m, msg, &m->scratch);
    }
    free (hist.jobs);
}
