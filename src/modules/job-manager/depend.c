/* Dependencies: when they are decided, and what follows. */

#include "config.h"

#include "depend_private.h"

/* ---- records ------------------------------------------------------------------- */

int jm_begin_order (const struct treap_node *na, const struct treap_node *nb)
{
    const struct tie *a = container_of (na, struct tie, timed);
    const struct tie *b = container_of (nb, struct tie, timed);

    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->job->id < b->job->id ? -1 : a->job->id > b->job->id;
}

struct ties *jm_ties_of (struct job *job)
{
    if (!job->ties && (job->ties = calloc (1, sizeof (*job->ties)))) {
        list_init (&job->ties->own);
        list_init (&job->ties->dependents);
    }
    return job->ties;
}

struct tie *
jm_tie_new (struct jm *jm, struct job *job, enum scheme scheme, struct itext *description)
{
    struct ties *ties = jm_ties_of (job);
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

void jm_tie_decide (struct jm *jm, struct tie *tie, enum outcome outcome)
{
    tie_leave (jm, tie);
    tie->outcome = outcome;
    list_append (&jm->decided, &tie->place);
}

/* ---- namesakes -------------------------------------------------------------------- */

void jm_namesakes_release (struct jm *jm, struct namesakes *n)
{
    if (n->waiting > 0 && n->waiting == n->active)
        jm_tie_decide (jm, list_first (&n->line, struct tie, place), OUTCOME_SATISFIED);
}

static void leave_namesakes (struct jm *jm, struct ties *ties)
{
    struct namesakes *n = move_ptr (ties->namesakes);

    if (!n)
        return;
    if (--n->active > 0)
        jm_namesakes_release (jm, n);
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
    if (text_error (&key) || !jm_ties_of (job))
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

enum outcome jm_depend_judge (const struct job *job, enum scheme scheme)
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
        enum outcome outcome = jm_depend_judge (job, tie->scheme);

        if (outcome != OUTCOME_OPEN)
            jm_tie_decide (jm, tie, outcome);
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

/* ---- what follows ------------------------------------------------------------------------- */

int
jm_depend_post (struct jm *jm, struct job *job, enum event ev, const struct itext *description)
{
    _cleanup_ (text_fini) struct text context = TEXT_INIT;

    text_puts (&context, "{\"description\":");
    text_put_json_string (&context, description->s, description->len);
    text_putc (&context, '}');
    return jm_post_event (jm, job, ev, &context);
}

void jm_depend_raise (struct jm *jm, struct job *job, int severity, const char *note)
{
    struct jm_exception x = { "dependency", severity, note, jm->owner, -1 };
    uint64_t id = job->id;

    if (jm_raise (jm, job, &x) == 0)
        jm->sink->raised (id, x.type, severity, jm->arg);
}

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
        jm_tie_decide (jm, container_of (n, struct tie, timed), OUTCOME_SATISFIED);
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
        jm_fail (jm, jm_depend_post (jm, job, EV_DEPENDENCY_REMOVE, description));
        return;
    }
    text_puts (&note, "dependency ");
    text_put (&note, description->s, description->len);
    text_puts (&note, outcome == OUTCOME_NEVER_STARTED ? " job never started"
                                                       : " can never be satisfied");
    if (text_error (&note) < 0)
        jm_fail (jm, -ENOMEM);
    else
        jm_depend_raise (jm, job, 0, note.buf);
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
