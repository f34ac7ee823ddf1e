#include "config.h"
#include <stdio.h>

#include "engine_testbed.h"

struct text bed_told;
struct text bed_commits;
static double clock_now = 1000.;

static double now (void *arg)
{
    return clock_now += 0.5;
}

static void on_journal (void *token, const char *payload, size_t len, void *arg)
{
    text_printf (&bed_told, "[%s]%s\n", (char *)token, payload);
}

static void on_alloc (const struct job *job, void *arg)
{
    text_printf (&bed_told, "alloc %d p=%d\n", (int)job->id, (int)job->priority);
}

static void on_cancel (const struct job *job, void *arg)
{
    text_printf (&bed_told, "cancel %d\n", (int)job->id);
}

static void on_prioritize (const struct job *job, void *arg)
{
    text_printf (&bed_told, "prioritize %d p=%d\n", (int)job->id, (int)job->priority);
}

static void on_give_back (uint64_t id, const char *R, size_t len, void *arg)
{
    text_printf (&bed_told, "give-back %d %.*s\n", (int)id, (int)len, R);
}

static void on_start (const struct job *job, void *arg)
{
    text_printf (&bed_told, "start %d reattach=%d\n", (int)job->id, job->started);
}

static void on_expiration (const struct job *job, double expiration, void *arg)
{
    text_printf (&bed_told, "expiration %d %g\n", (int)job->id, expiration);
}

static void on_commit_op (const struct batch_op *op, void *arg)
{
    if (op->kind == BATCH_APPEND)
        text_printf (&bed_commits, "append %d %.*s", (int)op->id, (int)op->len, op->data);
    else if (op->kind == BATCH_UNLINK)
        text_printf (&bed_commits, "unlink %d\n", (int)op->id);
    else if (op->kind == BATCH_R)
        text_printf (&bed_commits, "R %d\n", (int)op->id);
    else
        text_printf (&bed_commits, "put %s=%.*s\n", op->key, (int)op->len, op->data);
}

static void on_deferred (void *token, void *arg)
{
    text_printf (&bed_told, "deferred %s\n", (char *)token);
}

static void on_waited (void *token, const struct job *job, const char *why, void *arg)
{
    if (job)
        text_printf (&bed_told, "waited %s job %d\n", (char *)token, (int)job->id);
    else
        text_printf (&bed_told, "waited %s: %s\n", (char *)token, why);
}

static void on_raised (uint64_t id, const char *type, int severity, void *arg)
{
    text_printf (&bed_told, "raised %d %s %d\n", (int)id, type, severity);
}

static void on_ended (const struct job *job, void *arg)
{
    if (job->state != STATE_INACTIVE)
        text_printf (&bed_told, "ended job %d too early\n", (int)job->id);
}

static void on_unarchived (uint32_t volume, void *arg)
{
    text_printf (&bed_told, "unarchived %u\n", (unsigned int)volume);
}

static void on_log (int level, const char *message, void *arg)
{
    text_printf (&bed_told, "log %s\n", message);
}

static const struct jm_sink sink = {
    .now = now,
    .journal = on_journal,
    .alloc = on_alloc,
    .cancel = on_cancel,
    .prioritize = on_prioritize,
    .give_back = on_give_back,
    .start = on_start,
    .expiration = on_expiration,
    .commit_op = on_commit_op,
    .deferred = on_deferred,
    .waited = on_waited,
    .raised = on_raised,
    .ended = on_ended,
    .unarchived = on_unarchived,
    .log = on_log,
};

struct jm *bed_new_jm (void)
{
    struct jm *jm = jm_create (&sink, NULL, 42);

    if (!jm)
        bail_out ("out of memory");
    clock_now = 1000.;
    text_clear (&bed_told);
    text_clear (&bed_commits);
    return jm;
}

struct jview bed_view (const char *s)
{
    struct jview v;

    if (jview_parse (s, strlen (s), &v) < 0)
        bail_out ("test text is not JSON: %s", s);
    return v;
}

/* What was told since the last call. */
const char *bed_heard (void)
{
    static char *last;

    free (last);
    return last = text_take (&bed_told, NULL);
}

void bed_heard_is (const char *want, const char *why)
{
    is (bed_heard (), want, "%s", why);
}

int bed_submit_full (struct jm *jm,
                     uint64_t id,
                     int urgency,
                     int flags,
                     const char *jobspec)
{
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    struct jm_submission s = {
        .id = id,
        .userid = 100,
        .urgency = urgency,
        .flags = flags,
        .t_submit = 999.25,
        .jobspec = bed_view (jobspec),
    };
    int r = jm_submit (jm, &s, &why);

    if (r < 0)
        text_printf (&bed_told, "rejected %d: %s\n", (int)id, why.buf);
    return r;
}

void bed_submit (struct jm *jm, uint64_t id, int urgency)
{
    if (bed_submit_full (jm, id, urgency, 0, "{\"v\":1}") < 0)
        bail_out ("job %d was rejected", (int)id);
}

/* One commit, stored at once. */
size_t bed_commit (struct jm *jm)
{
    size_t n = 0;

    if (jm_commit_wanted (jm)) {
        n = jm_commit_begin (jm);
        jm_commit_sent (jm);
        jm_commit_end (jm);
    }
    return n;
}

void bed_commit_all (struct jm *jm)
{
    while (jm_commit_wanted (jm))
        bed_commit (jm);
}

/* The names in a job's log, blanks between them. */
const char *bed_events (struct jm *jm, uint64_t id)
{
    static struct text names;
    static struct text unpacked;
    struct job *job = jm_lookup (jm, id);
    struct jview log, R;
    const char *p, *next;
    struct entry e;

    text_clear (&names);
    text_puts (&names, "");
    if (!job)
        return "no such job";
    if (job_texts (job, &unpacked, &log, &R) < 0)
        return "no texts";
    for (p = log.s; p < log.s + log.len; p = next) {
        if (entry_parse (&e, p, log.s + log.len - p, &next) < 0)
            return "malformed log";
        if (names.len > 0)
            text_putc (&names, ' ');
        text_put (&names, e.name, e.namelen);
    }
    return names.buf;
}

void bed_run_to_end (struct jm *jm, uint64_t id)
{
    struct jm_exception x = { "cancel", 0, NULL, 7, -1 };
    jm_raise (jm, jm_lookup (jm, id), &x);
}
