/* Dependencies: what the jobspec says, and the ties that are made of it. */

#include "config.h"
#include <math.h>

#include "common/fluid.h"

#include "depend_private.h"

/* ---- establishing one ------------------------------------------------------------------ */

/* One element of the jobspec's array. */
struct wish {
    const char *name; /* of the scheme */
    enum scheme scheme;
    struct text value;
    struct itext *description;
};

static const struct {
    const char *name;
    enum scheme scheme;
    const char *prefix; /* of the description */
} schemes[] = {
    { "after", SCHEME_START, "after-start=" },
    { "afterstart", SCHEME_START, "after-start=" },
    { "afterany", SCHEME_ANY, "after-finish=" },
    { "afterok", SCHEME_OK, "after-success=" },
    { "afternotok", SCHEME_NOTOK, "after-failure=" },
    { "afterexcept", SCHEME_EXCEPT, "after-except=" },
    { "begin-time", SCHEME_BEGIN_TIME, "begin-time=" },
    { "singleton", SCHEME_SINGLETON, "singleton" },
};

/* Its description goes into the log, unless it is there. */
static int announce (struct jm *jm, struct job *job, const struct wish *w)
{
    int r;

    if (job_dependency (job, w->description))
        return 0;
    if ((r = jm_depend_post (jm, job, EV_DEPENDENCY_ADD, w->description)) < 0)
        return r;
    if (strcmp (w->name, "after") == 0)
        jm_depend_raise (jm, job, 3,
                  "dependency scheme 'after' is deprecated, use 'afterstart'");
    return 0;
}

static void put_value (struct text *t, const struct wish *w)
{
    text_put (t, w->value.buf, w->value.len);
}

static void put_unsatisfied (struct text *why, const struct wish *w, enum outcome outcome)
{
    static const char *const texts[] = {
        [SCHEME_OK] = " failed or was canceled",
        [SCHEME_NOTOK] = " succeeded",
        [SCHEME_EXCEPT] = ": no exception",
    };

    if (outcome == OUTCOME_NEVER_STARTED) {
        text_puts (why, "dependency: after: ");
        put_value (why, w);
        text_puts (why, " never started");
        return;
    }
    text_printf (why, "dependency: %s: job ", w->name);
    put_value (why, w);
    text_puts (why, texts[w->scheme]);
}

static int
find_antecedent (struct jm *jm, struct job *job, struct wish *w, struct text *why,
                 struct job **ret)
{
    struct job *other;
    uint64_t id;

    if (fluid_decode (w->value.buf, &id) < 0) {
        text_printf (why, "dependency: %s: \"", w->name);
        put_value (why, w);
        text_puts (why, "\" is not a valid jobid");
        return -EINVAL;
    }
    if (!(other = jm_lookup (jm, id)) || other == job) {
        text_printf (why, "dependency: %s: id ", w->name);
        put_value (why, w);
        text_puts (why, ": job not found");
        return -EINVAL;
    }
    if (other->userid != job->userid) {
        text_printf (why, "%s: Permission denied for job ", w->name);
        put_value (why, w);
        return -EINVAL;
    }
    *ret = other;
    return 0;
}

/* How the antecedent did while the job was already waiting for it (we were
 * down meanwhile) is decided as if we had been there.
 */
static int
establish_after (struct jm *jm, struct job *job, struct wish *w, struct text *why)
{
    struct job *other = NULL;
    enum outcome outcome;
    struct tie *tie;
    int r;

    if ((r = find_antecedent (jm, job, w, why, &other)) < 0)
        return r;
    outcome = jm_depend_judge (other, w->scheme);
    if (outcome > OUTCOME_SATISFIED && job->state == STATE_NEW) {
        put_unsatisfied (why, w, outcome);
        return -EINVAL;
    }
    if ((r = announce (jm, job, w)) < 0)
        return r;
    if (outcome == OUTCOME_SATISFIED)
        return jm_depend_post (jm, job, EV_DEPENDENCY_REMOVE, w->description);
    if (!(tie = jm_tie_new (jm, job, w->scheme, w->description)))
        return -ENOMEM;
    if (outcome != OUTCOME_OPEN)
        jm_tie_decide (jm, tie, outcome);
    else if (!jm_ties_of (other))
        return -ENOMEM; /* the tie goes with its job */
    else
        list_append (&other->ties->dependents, &tie->place);
    return 0;
}

static int parse_time (const struct text *value, double *t)
{
    char *end;

    *t = strtod (value->buf, &end);
    return value->len > 0 && end == value->buf + value->len && isfinite (*t) && *t >= 0.
               ? 0
               : -EINVAL;
}

static int establish_begin (struct jm *jm, struct job *job, struct wish *w)
{
    struct tie *tie;
    double t;
    int r;

    if ((r = parse_time (&w->value, &t)) < 0 || (r = announce (jm, job, w)) < 0)
        return r;
    if (!(tie = jm_tie_new (jm, job, w->scheme, w->description)))
        return -ENOMEM;
    tie->begin = t;
    treap_insert (&jm->moments, &tie->timed);
    return 0;
}

static int
establish_singleton (struct jm *jm, struct job *job, struct wish *w, struct text *why)
{
    struct namesakes *n = job->ties ? job->ties->namesakes : NULL;
    struct tie *tie = NULL;
    int r;

    if (!n) {
        text_puts (why, "singleton jobs require a job name");
        return -EINVAL;
    }
    list_foreach (&job->ties->own, tie, own) {
        if (tie->scheme == SCHEME_SINGLETON) /* named twice */
            return 0;
    }
    if ((r = announce (jm, job, w)) < 0)
        return r;
    if (!(tie = jm_tie_new (jm, job, w->scheme, w->description)))
        return -ENOMEM;
    list_append (&n->line, &tie->place);
    n->waiting++;
    jm_namesakes_release (jm, n);
    return 0;
}

/* ---- reading the jobspec ----------------------------------------------------------------- */

static int put_unsupported (struct jview dep, struct text *why)
{
    text_puts (why, "dependency scheme \"");
    jview_string (jview_get (dep, "scheme"), why);
    text_puts (why, "\" not supported");
    return -EINVAL;
}

/* Its number, or -ENOSYS: it is not one of ours. */
static int decode_scheme (const struct jm *jm, struct jview name, struct wish *w)
{
    for (size_t i = 0; i < ARRAY_SIZE (schemes); i++) {
        if (jview_equal (name, schemes[i].name)
            && !(jm->unknown_schemes & 1 << schemes[i].scheme)) {
            w->name = schemes[i].name;
            w->scheme = schemes[i].scheme;
            return i;
        }
    }
    return -ENOSYS;
}

static int describe (struct jm *jm, struct wish *w, const char *prefix, struct text *why)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    double begin;

    text_puts (&t, prefix);
    if (w->scheme == SCHEME_BEGIN_TIME) {
        if (parse_time (&w->value, &begin) < 0) {
            text_puts (why, "Invalid begin-time=");
            put_value (why, w);
            return -EINVAL;
        }
        text_printf (&t, "%.3f", begin);
    }
    else if (w->scheme != SCHEME_SINGLETON)
        put_value (&t, w);
    if (text_error (&t) || !(w->description = intern_get (&jm->pool, t.buf, t.len)))
        return -ENOMEM;
    return 0;
}

/* A value is a string; a number is taken as the text it is. */
static int
decode_wish (struct jm *jm, struct jview dep, size_t i, struct wish *w, struct text *why)
{
    static const char *const keys[] = { "scheme", "value" };
    struct jview f[2];
    int r;

    jview_pick (dep, 2, keys, f);
    if (!jview_is (f[0], JVIEW_STRING)) {
        text_printf (why, "dependency[%zu] missing string scheme", i);
        return -EINVAL;
    }
    if ((r = decode_scheme (jm, f[0], w)) < 0)
        return r;
    if (jview_present (f[1]) && jview_string (f[1], &w->value) == -EINVAL)
        jview_put_compact (&w->value, f[1]);
    text_puts (&w->value, "");
    if (text_error (&w->value))
        return -ENOMEM;
    return describe (jm, w, schemes[r].prefix, why);
}

/* What has been announced and is done, or is announced twice in one jobspec,
 * needs nothing more.
 */
static bool is_settled (const struct job *job, const struct wish *w)
{
    const struct dependency *d = job_dependency (job, w->description);

    return d && (!d->outstanding || job->state == STATE_NEW);
}

static int
establish (struct jm *jm, struct job *job, struct jview dep, size_t i, struct text *why)
{
    struct wish w = { .value = TEXT_INIT };
    int r = decode_wish (jm, dep, i, &w, why);
    bool known = r == 0;

    if (r == 0 && !is_settled (job, &w)) {
        if (w.scheme == SCHEME_BEGIN_TIME)
            r = establish_begin (jm, job, &w);
        else if (w.scheme == SCHEME_SINGLETON)
            r = establish_singleton (jm, job, &w, why);
        else
            r = establish_after (jm, job, &w, why);
    }
    intern_put (&jm->pool, w.description);
    text_fini (&w.value);
    if (r < 0 && r != -ENOSYS)
        return r;
    if ((r = jm_hook_dependency (jm, job, dep, known, why)) != -ENOENT)
        return r;
    return known ? 0 : put_unsupported (dep, why);
}

int jm_depend_establish (struct jm *jm,
                         struct job *job,
                         struct jview dependencies,
                         struct text *why)
{
    struct jview dep;
    struct jiter it;
    size_t i = 0;
    int r = 0;

    if (!jview_present (dependencies))
        return 0;
    if (!jview_is (dependencies, JVIEW_ARRAY)) {
        text_puts (why, "dependencies object must be an array");
        return -EINVAL;
    }
    jiter_init (&it, dependencies);
    while (r == 0 && jiter_next (&it, NULL, &dep))
        r = establish (jm, job, dep, i++, why);
    if (r < 0 && r != -ENOMEM && why->len == 0)
        text_puts (why, "rejected by job-manager dependency plugin");
    return r;
}

void jm_depend_restore (struct jm *jm, struct job *job, struct jview dependencies)
{
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    int r = jm_depend_establish (jm, job, dependencies, &why);

    if (r == -ENOMEM)
        jm_fail (jm, r);
    else if (r < 0) {
        text_puts (&why, " (job may be stuck in DEPEND state)");
        if (text_error (&why) == 0)
            jm_depend_raise (jm, job, 4, why.buf);
    }
}
