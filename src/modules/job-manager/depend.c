/* Dependencies: their schemes, when they are decided, and what follows. */

#include "config.h"
#include <math.h>
#include <stdio.h>

#include "common/fluid.h"

#include "engine_private.h"

/* ---- records ------------------------------------------------------------------- */

int jm_begin_order (const struct treap_node *na, const struct treap_node *nb)
{
    const struct tie *a = container_of (na, struct tie, timed);
    const struct tie *b = container_of (nb, struct tie, timed);

    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->job->id < b->job->id ? -1 : a->job->id > b->job->id;
}

static struct ties *ties_of (struct job *job)
{
    if (!job->ties && (job->ties = calloc (1, sizeof (*job->ties)))) {
        list_init (&job->ties->own);
        list_init (&job->ties->dependents);
    }
    return job->ties;
}

static struct tie *
tie_new (struct jm *jm, struct job *job, enum scheme scheme, struct itext *description)
{
    struct ties *ties = ties_of (job);
    struct tie *tie;

    if (!ties || !(tie = calloc (1, sizeof (*tie))))
        return NULL;
    list_init (&tie->own);
    list_init (&tie->place);
    treap_node_init (&tie->timed);
    tie->job = job;
    tie->scheme = scheme;
    tie->description = intern_ref (description);
    list_append (&ties->own, &tie->own);
    return tie;
}

/* Out of wherever it waits. */
static void tie_leave (struct jm *jm, struct tie *tie)
{
    if (treap_linked (&tie->timed))
        treap_remove (&jm->moments, &tie->timed);
    if (tie->scheme == SCHEME_SINGLETON && tie->outcome == OUTCOME_OPEN
        && list_linked (&tie->place))
        tie->job->ties->namesakes->waiting--;
    list_del (&tie->place);
}

static void tie_free (struct jm *jm, struct tie *tie)
{
    tie_leave (jm, tie);
    list_del (&tie->own);
    intern_put (&jm->pool, tie->description);
    free (tie);
}

static void decide (struct jm *jm, struct tie *tie, enum outcome outcome)
{
    tie_leave (jm, tie);
    tie->outcome = outcome;
    list_append (&jm->decided, &tie->place);
}

/* ---- namesakes -------------------------------------------------------------------- */

/* When all that are active wait for each other, the first may go. */
static void release_next (struct jm *jm, struct namesakes *n)
{
    if (n->waiting > 0 && n->waiting == n->active)
        decide (jm, list_first (&n->line, struct tie, place), OUTCOME_SATISFIED);
}

static void leave_namesakes (struct jm *jm, struct ties *ties)
{
    struct namesakes *n = move_ptr (ties->namesakes);

    if (!n)
        return;
    if (--n->active > 0)
        release_next (jm, n);
    else {
        table_del (&jm->namesakes, n->key, n->len);
        free (n);
    }
}

int jm_depend_join (struct jm *jm, struct job *job, struct jview name)
{
    _cleanup_ (text_fini) struct text key = TEXT_INIT;
    struct namesakes *n;
    int r;

    if (!jview_is (name, JVIEW_STRING))
        return 0;
    text_printf (&key, "%lu:", (unsigned long)job->userid);
    jview_string (name, &key);
    if (text_error (&key) || !ties_of (job))
        return -ENOMEM;
    if (!(n = table_get (&jm->namesakes, key.buf, key.len))) {
        if (!(n = calloc (1, sizeof (*n) + key.len)))
            return -ENOMEM;
        list_init (&n->line);
        n->len = key.len;
        memcpy (n->key, key.buf, key.len);
        if ((r = table_put (&jm->namesakes, n->key, n->len, n)) < 0) {
            free (n);
            return r;
        }
    }
    n->active++;
    job->ties->namesakes = n;
    return 0;
}

/* ---- how an antecedent did ----------------------------------------------------------- */

static enum outcome judge_end (const struct job *job, enum scheme scheme)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    struct entry e;
    bool success;

    if (job_end_event (job, &t, &e) < 0)
        return OUTCOME_NEVER;
    success = e.ev == EV_FINISH && e.status == 0;
    switch (scheme) {
        case SCHEME_OK:
            return success ? OUTCOME_SATISFIED : OUTCOME_NEVER;
        case SCHEME_NOTOK:
            return success ? OUTCOME_NEVER : OUTCOME_SATISFIED;
        default:
            return e.ev == EV_EXCEPTION ? OUTCOME_SATISFIED : OUTCOME_NEVER;
    }
}

/* OUTCOME_OPEN as long as the job may still go either way. */
static enum outcome judge (const struct job *job, enum scheme scheme)
{
    if (scheme == SCHEME_START && job->started)
        return OUTCOME_SATISFIED;
    if (job->state != STATE_INACTIVE)
        return OUTCOME_OPEN;
    if (scheme == SCHEME_ANY)
        return OUTCOME_SATISFIED;
    if (!job->allocated || scheme == SCHEME_START)
        return OUTCOME_NEVER_STARTED;
    return judge_end (job, scheme);
}

static void judge_dependents (struct jm *jm, struct job *job)
{
    struct tie *tie = NULL;

    list_foreach (&job->ties->dependents, tie, place) {
        enum outcome outcome = judge (job, tie->scheme);

        if (outcome != OUTCOME_OPEN)
            decide (jm, tie, outcome);
    }
}

void jm_depend_started (struct jm *jm, struct job *job)
{
    if (job->ties)
        judge_dependents (jm, job);
}

void jm_depend_ended (struct jm *jm, struct job *job)
{
    if (job->ties) {
        judge_dependents (jm, job);
        jm_depend_drop (jm, job);
    }
}

void jm_depend_drop (struct jm *jm, struct job *job)
{
    struct tie *tie = NULL;

    if (!job->ties)
        return;
    list_foreach (&job->ties->own, tie, own)
        tie_free (jm, tie);
    list_foreach (&job->ties->dependents, tie, place)
        list_del (&tie->place);
    leave_namesakes (jm, job->ties);
    free (move_ptr (job->ties));
}

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

static int
post (struct jm *jm, struct job *job, enum event ev, const struct itext *description)
{
    _cleanup_ (text_fini) struct text context = TEXT_INIT;

    text_puts (&context, "{\"description\":");
    text_put_json_string (&context, description->s, description->len);
    text_putc (&context, '}');
    return jm_post_event (jm, job, ev, &context);
}

static void raise_on (struct jm *jm, struct job *job, int severity, const char *note)
{
    struct jm_exception x = { "dependency", severity, note, jm->owner, -1 };
    uint64_t id = job->id;

    if (jm_raise (jm, job, &x) == 0)
        jm->sink->raised (id, x.type, severity, jm->arg);
}

/* Its description goes into the log, unless it is there. */
static int announce (struct jm *jm, struct job *job, const struct wish *w)
{
    int r;

    if (job_dependency (job, w->description))
        return 0;
    if ((r = post (jm, job, EV_DEPENDENCY_ADD, w->description)) < 0)
        return r;
    if (strcmp (w->name, "after") == 0)
        raise_on (jm, job, 3,
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
    outcome = judge (other, w->scheme);
    if (outcome > OUTCOME_SATISFIED && job->state == STATE_NEW) {
        put_unsatisfied (why, w, outcome);
        return -EINVAL;
    }
    if ((r = announce (jm, job, w)) < 0)
        return r;
    if (outcome == OUTCOME_SATISFIED)
        return post (jm, job, EV_DEPENDENCY_REMOVE, w->description);
    if (!(tie = tie_new (jm, job, w->scheme, w->description)))
        return -ENOMEM;
    if (outcome != OUTCOME_OPEN)
        decide (jm, tie, outcome);
    else if (!ties_of (other))
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
    if (!(tie = tie_new (jm, job, w->scheme, w->description)))
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
    if (!(tie = tie_new (jm, job, w->scheme, w->description)))
        return -ENOMEM;
    list_append (&n->line, &tie->place);
    n->waiting++;
    release_next (jm, n);
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
            raise_on (jm, job, 4, why.buf);
    }
}

/* ---- what follows ------------------------------------------------------------------------- */

double jm_next_begin (const struct jm *jm)
{
    struct treap_node *n = treap_first (&jm->moments);

    return n ? container_of (n, struct tie, timed)->begin : -1.;
}

static void decide_what_is_due (struct jm *jm, unsigned int *budget)
{
    struct treap_node *n;
    double now;

    if (treap_count (&jm->moments) == 0)
        return;
    now = jm->sink->now (jm->arg);
    while (*budget > 0 && (n = treap_first (&jm->moments))
           && container_of (n, struct tie, timed)->begin <= now) {
        decide (jm, container_of (n, struct tie, timed), OUTCOME_SATISFIED);
        --*budget;
    }
}

/* Somebody else may have removed the dependency, or moved the job on. */
static void conclude (struct jm *jm, struct job *job, struct itext *description,
                      enum outcome outcome)
{
    _cleanup_ (text_fini) struct text note = TEXT_INIT;
    const struct dependency *d = job_dependency (job, description);

    if (!d || !d->outstanding || !(job->state & (STATE_NEW | STATE_DEPEND)))
        return;
    if (outcome == OUTCOME_SATISFIED) {
        jm_fail (jm, post (jm, job, EV_DEPENDENCY_REMOVE, description));
        return;
    }
    text_puts (&note, "dependency ");
    text_put (&note, description->s, description->len);
    text_puts (&note, outcome == OUTCOME_NEVER_STARTED ? " job never started"
                                                       : " can never be satisfied");
    if (text_error (&note) < 0)
        jm_fail (jm, -ENOMEM);
    else
        raise_on (jm, job, 0, note.buf);
}

bool jm_depend_pump (struct jm *jm, unsigned int budget)
{
    unsigned int due = budget;
    struct tie *tie;

    decide_what_is_due (jm, &due);
    while (budget > 0 && (tie = list_first (&jm->decided, struct tie, place))) {
        struct itext *description = intern_ref (tie->description);
        enum outcome outcome = tie->outcome;
        struct job *job = tie->job;

        tie_free (jm, tie);
        conclude (jm, job, description, outcome);
        intern_put (&jm->pool, description);
        budget--;
    }
    return due == 0 || !list_empty (&jm->decided);
}

/* ---- what is asked about it ----------------------------------------------------------------- */

void jm_depend_know (struct jm *jm, bool after, bool singleton, bool begin_time)
{
    jm->unknown_schemes = (after ? 0 : 1 << SCHEME_START | 1 << SCHEME_ANY | 1 << SCHEME_OK
                                           | 1 << SCHEME_NOTOK | 1 << SCHEME_EXCEPT)
                          | (singleton ? 0 : 1 << SCHEME_SINGLETON)
                          | (begin_time ? 0 : 1 << SCHEME_BEGIN_TIME);
}

/* of describes the antecedent: prefix, '=', its id as it was given. */
static void put_tie (struct text *t, const struct job *on, const struct tie *tie)
{
    const char *type = tie->description->s;

    text_printf (t, "{\"id\":%lld,\"depid\":%lld,\"type\":", (long long)tie->job->id,
                 (long long)on->id);
    text_put_json_string (t, type, strcspn (type, "="));
    text_puts (t, ",\"description\":");
    text_put_json_string (t, tie->description->s, tie->description->len);
    text_putc (t, '}');
}

void jm_depend_tell (const struct jm *jm, struct text *t)
{
    const struct job *job = NULL;
    struct tie *tie = NULL;
    bool first = true;

    text_puts (t, ",\"dependencies\":[");
    while ((job = jm_next_active (jm, job))) {
        if (!job->ties)
            continue;
        list_foreach (&job->ties->dependents, tie, place) {
            if (!first)
                text_putc (t, ',');
            first = false;
            put_tie (t, job, tie);
        }
    }
    text_putc (t, ']');
}

void jm_singletons_tell (const struct jm *jm, struct text *t)
{
    for (size_t i = 0; jm->namesakes.slots && i <= jm->namesakes.mask; i++) {
        const struct namesakes *n = jm->namesakes.slots[i].value;
        struct tie *tie = NULL;
        bool first = true;

        if (!n)
            continue;
        text_putc (t, ',');
        text_put_json_string (t, n->key, n->len);
        text_printf (t, ":{\"count\":%zu,\"singletons\":[", n->active);
        list_foreach (&n->line, tie, place) {
            text_printf (t, first ? "%lld" : ",%lld", (long long)tie->job->id);
            first = false;
        }
        text_puts (t, "]}");
    }
}
