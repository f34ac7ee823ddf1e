/* What each event of the journal changes (job-list.md 2.2). */

#include "config.h"
#include <syslog.h>

#include "common/fluid.h"
#include "common/util.h"

#include "engine_private.h"

/* One journal entry, and what came with it. */
struct event {
    struct jview name;
    double t;
    struct jview context;
    struct jview jobspec;
    struct jview R;
    const char *why; /* of -EPROTO */
};

/* A job's id as people write it. */
struct f58 {
    char s[32];
};

static struct f58 f58 (uint64_t id)
{
    struct f58 f = { "?" };

    fluid_encode (f.s, sizeof (f.s), id, FLUID_F58);
    return f;
}

static struct jview itext_view (const struct itext *t)
{
    return t ? (struct jview){ t->s, t->len } : JVIEW_ABSENT;
}

static int refuse (struct event *ev, const char *why)
{
    ev->why = why;
    return -EPROTO;
}

static int64_t get_int (struct jview obj, const char *key, int64_t min, int64_t max)
{
    int64_t i;

    if (jview_int (jview_get (obj, key), &i) < 0 || i < min || i > max)
        return INT64_MIN;
    return i;
}

/* *slot = the pooled text t; nothing of an empty object. */
static int set_annotations (struct jl *jl, struct record *rec, struct text *t)
{
    struct itext *new = NULL;

    if (text_error (t))
        return -ENOMEM;
    if (t->len > 2 && !(new = intern_get (&jl->pool, t->buf, t->len)))
        return -ENOMEM;
    intern_set (&jl->pool, &rec->annotations, new);
    return 0;
}

/* A job can be in each of these once, and never leaves CLEANUP backwards. */
static void enter_once (struct jl *jl, struct record *rec, enum job_state state, double t)
{
    if (!(rec->history & state) && rec->state < state)
        jl_enter (jl, rec, state, t);
}

/* ---- the events ------------------------------------------------------------------- */

static int read_jobspec (struct jl *jl, struct record *rec)
{
    const struct record before = *rec;
    const char *why = "";
    int r = record_set_jobspec (rec, itext_view (rec->jobspec), &jl->pool, &why);

    record_keep_R (rec, &before);
    if (r == -EINVAL) {
        jl_log (jl, LOG_ERR, "job %s: invalid jobspec: %s", f58 (rec->id).s, why);
        r = 0;
    }
    return r < 0 ? r : jl_queue_assign (jl, rec);
}

static int ev_validate (struct jl *jl, struct record *rec, struct event *ev)
{
    int r;

    if (rec->history & STATE_DEPEND)
        return 0;
    if ((r = read_jobspec (jl, rec)) < 0)
        return r;
    enter_once (jl, rec, STATE_DEPEND, ev->t);
    return 0;
}

/* The first event makes the record. */
static int new_record (struct jl *jl, uint64_t id, struct event *ev)
{
    int64_t userid = get_int (ev->context, "userid", 0, UINT32_MAX);
    int64_t urgency = get_int (ev->context, "urgency", 0, 31);
    int64_t version = get_int (ev->context, "version", 1, INT32_MAX);
    struct record *rec;

    if (userid < 0 || urgency < 0)
        return refuse (ev, "submit context is invalid");
    if (!(rec = record_new (id)))
        return -ENOMEM;
    rec->userid = userid;
    rec->urgency = urgency;
    rec->t_submit = ev->t;
    if ((jview_present (ev->jobspec)
         && !(rec->jobspec = intern_get (&jl->pool, ev->jobspec.s, ev->jobspec.len)))
        || table_put_u64 (&jl->jobs, id, rec) < 0) {
        record_free (rec, &jl->pool);
        return -ENOMEM;
    }
    if (version < 0) {
        rec->old_eventlog = 1;
        return ev_validate (jl, rec, ev);
    }
    return 0;
}

static int ev_invalidate (struct jl *jl, struct record *rec, struct event *ev)
{
    uint64_t id = rec->id;

    jl_count_out (jl, rec);
    jl_forget (jl, rec);
    jl_wake_gone (jl, id);
    return 0;
}

static struct dep *find_dep (const struct record *rec, const struct itext *description)
{
    struct dep *d = NULL;

    list_foreach (&rec->deps, d, node) {
        if (d->description == description)
            return d;
    }
    return NULL;
}

static int add_dep (struct record *rec, struct itext *description)
{
    struct dep *d;

    if (find_dep (rec, description))
        return 0;
    if (!(d = calloc (1, sizeof (*d))))
        return -ENOMEM;
    list_init (&d->node);
    d->outstanding = true;
    d->description = intern_ref (description);
    list_append (&rec->deps, &d->node);
    rec->had_deps = 1;
    return 0;
}

static int ev_dependency (struct jl *jl, struct record *rec, struct event *ev)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct itext *description;
    struct dep *d;
    int r = 0;

    if (jview_string (jview_get (ev->context, "description"), &t) < 0)
        return text_error (&t) ? -ENOMEM : refuse (ev, "dependency context is invalid");
    if (!(description = intern_get (&jl->pool, t.buf ? t.buf : "", t.len)))
        return -ENOMEM;
    if (jview_equal (ev->name, "dependency-add"))
        r = add_dep (rec, description);
    else if (!jview_equal (ev->name, "dependency-remove"))
        r = refuse (ev, "unknown dependency event");
    else if ((d = find_dep (rec, description)) && d->outstanding)
        d->outstanding = false;
    else
        jl_log (jl, LOG_DEBUG, "job %s: dependency-remove '%s' not found",
                f58 (rec->id).s, description->s);
    intern_put (&jl->pool, description);
    return r;
}

static int ev_depend (struct jl *jl, struct record *rec, struct event *ev)
{
    if (rec->state == STATE_DEPEND)
        jl_enter (jl, rec, STATE_PRIORITY, ev->t);
    return 0;
}

static int ev_priority (struct jl *jl, struct record *rec, struct event *ev)
{
    int64_t priority = get_int (ev->context, "priority", 0, UINT32_MAX);

    if (priority < 0)
        return refuse (ev, "priority context is invalid");
    jl_set_priority (jl, rec, priority);
    if (rec->state == STATE_PRIORITY)
        jl_enter (jl, rec, STATE_SCHED, ev->t);
    return 0;
}

static int ev_annotations (struct jl *jl, struct record *rec, struct event *ev)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct jview v = jview_get (ev->context, "annotations");

    if (!jview_present (v))
        return refuse (ev, "annotations context is invalid");
    if (jview_is (v, JVIEW_OBJECT))
        jview_put_compact (&t, v);
    return set_annotations (jl, rec, &t);
}

static int ev_memo (struct jl *jl, struct record *rec, struct event *ev)
{
    _cleanup_ (text_fini)
    struct text patch = TEXT_INIT;
    _cleanup_ (text_fini)
    struct text merged = TEXT_INIT;

    if (!jview_is (ev->context, JVIEW_OBJECT))
        return refuse (ev, "memo context is missing");
    text_puts (&patch, "{\"user\":");
    jview_put_compact (&patch, ev->context);
    text_putc (&patch, '}');
    if (text_error (&patch))
        return -ENOMEM;
    jview_put_merge (&merged, itext_view (rec->annotations),
                     (struct jview){ patch.buf, patch.len });
    return set_annotations (jl, rec, &merged);
}

static int ev_alloc (struct jl *jl, struct record *rec, struct event *ev)
{
    const char *why = "it is missing";
    int r = jview_present (ev->R) ? record_set_R (rec, ev->R, &jl->pool, &why) : -EINVAL;

    if (r == -EINVAL)
        jl_log (jl, LOG_ERR, "job %s: invalid R: %s", f58 (rec->id).s, why);
    else if (r < 0)
        return r;
    enter_once (jl, rec, STATE_RUN, ev->t);
    return 0;
}

static int ev_urgency (struct jl *jl, struct record *rec, struct event *ev)
{
    int64_t urgency = get_int (ev->context, "urgency", 0, 31);

    if (urgency < 0)
        return refuse (ev, "urgency context is invalid");
    rec->urgency = urgency;
    jl_revert (jl, rec, ev->t);
    return 0;
}

static bool may_update (struct jl *jl, const struct record *rec, const char *key)
{
    static const char *const roots[] = { "attributes", "resources", "tasks" };

    for (size_t i = 0; i < ARRAY_SIZE (roots); i++) {
        size_t len = strlen (roots[i]);

        if (strncmp (key, roots[i], len) == 0 && (key[len] == '.' || key[len] == '\0'))
            return true;
    }
    jl_log (jl, LOG_INFO, "job %s: invalid update key: %s", f58 (rec->id).s, key);
    return false;
}

/* One key of an update; a path that cannot be set is passed over. */
static int
update_key (struct jl *jl, struct record *rec, struct jview key, struct jview value)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    _cleanup_ (freep)
    char *path = NULL;
    struct itext *new;
    int r;

    if ((r = jview_strdup (key, &path)) < 0)
        return r;
    if (!may_update (jl, rec, path))
        return 0;
    if ((r = jview_put_set (&t, itext_view (rec->jobspec), path, value)) < 0)
        return r == -EINVAL ? 0 : r;
    if (!(new = intern_get (&jl->pool, t.buf, t.len)))
        return -ENOMEM;
    intern_set (&jl->pool, &rec->jobspec, new);
    return 0;
}

static int ev_jobspec_update (struct jl *jl, struct record *rec, struct event *ev)
{
    struct jview key, value;
    struct jiter it;
    int r;

    if (!jview_is (ev->context, JVIEW_OBJECT))
        return refuse (ev, "jobspec-update context is missing");
    if (!rec->jobspec) {
        jl_log (jl, LOG_ERR, "job %s: jobspec-update without jobspec", f58 (rec->id).s);
        return 0;
    }
    jiter_init (&it, ev->context);
    while (jiter_next (&it, &key, &value)) {
        if ((r = update_key (jl, rec, key, value)) < 0)
            return r;
    }
    if ((rec->history & STATE_DEPEND) && (r = read_jobspec (jl, rec)) < 0)
        return r;
    jl_revert (jl, rec, ev->t);
    return 0;
}

static int ev_resource_update (struct jl *jl, struct record *rec, struct event *ev)
{
    double expiration;

    if (!jview_is (ev->context, JVIEW_OBJECT))
        return refuse (ev, "resource-update context is missing");
    if (!rec->R_valid)
        jl_log (jl, LOG_ERR, "job %s: resource-update without R", f58 (rec->id).s);
    else if (jview_number (jview_get (ev->context, "expiration"), &expiration) == 0)
        rec->expiration = expiration > 0. ? expiration : 0.;
    return 0;
}

static int set_string (struct jl *jl, struct itext **slot, struct jview v)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct itext *new;

    if (jview_string (v, &t) < 0
        || !(new = intern_get (&jl->pool, t.buf ? t.buf : "", t.len)))
        return -ENOMEM;
    intern_set (&jl->pool, slot, new);
    return 0;
}

/* The most severe one is remembered, the first of equals. */
static int ev_exception (struct jl *jl, struct record *rec, struct event *ev)
{
    int64_t severity = get_int (ev->context, "severity", 0, 7);
    struct jview type = jview_get (ev->context, "type");
    struct jview note = jview_get (ev->context, "note");

    if (severity < 0 || !jview_is (type, JVIEW_STRING) || !jview_is (note, JVIEW_STRING))
        return refuse (ev, "exception context is invalid");
    if (!rec->exception_occurred || severity < rec->exception_severity) {
        if (set_string (jl, &rec->exception_type, type) < 0
            || set_string (jl, &rec->exception_note, note) < 0)
            return -ENOMEM;
        rec->exception_severity = severity;
        rec->exception_occurred = 1;
    }
    if (severity == 0 && rec->state != STATE_NEW)
        enter_once (jl, rec, STATE_CLEANUP, ev->t);
    return 0;
}

static int ev_finish (struct jl *jl, struct record *rec, struct event *ev)
{
    int64_t status = get_int (ev->context, "status", INT32_MIN, INT32_MAX);

    if (status == INT64_MIN)
        return refuse (ev, "finish context is invalid");
    rec->waitstatus = status;
    rec->success =
        status == 0 && !(rec->exception_occurred && rec->exception_severity == 0);
    enter_once (jl, rec, STATE_CLEANUP, ev->t);
    return 0;
}

static enum job_result result_of (const struct record *rec)
{
    if (rec->success)
        return RESULT_COMPLETED;
    if (rec->exception_type && strcmp (rec->exception_type->s, "cancel") == 0)
        return RESULT_CANCELED;
    if (rec->exception_type && strcmp (rec->exception_type->s, "timeout") == 0)
        return RESULT_TIMEOUT;
    return RESULT_FAILED;
}

static int ev_clean (struct jl *jl, struct record *rec, struct event *ev)
{
    if (rec->state == STATE_NEW)
        return 0;
    rec->result = result_of (rec);
    enter_once (jl, rec, STATE_INACTIVE, ev->t);
    if (rec->purged)
        jl_purge (jl, rec->id);
    return 0;
}

static int ev_flux_restart (struct jl *jl, struct record *rec, struct event *ev)
{
    jl_revert (jl, rec, ev->t);
    return 0;
}

static int ev_ignore (struct jl *jl, struct record *rec, struct event *ev)
{
    return 0;
}

typedef int (*event_f) (struct jl *jl, struct record *rec, struct event *ev);

static event_f handler (struct jview name)
{
    static const struct {
        const char *name;
        size_t len;
        event_f f;
    } events[] = {
#define EVENT(name, f) { name, sizeof (name) - 1, f }
        EVENT ("validate", ev_validate),
        EVENT ("invalidate", ev_invalidate),
        EVENT ("depend", ev_depend),
        EVENT ("priority", ev_priority),
        EVENT ("annotations", ev_annotations),
        EVENT ("memo", ev_memo),
        EVENT ("alloc", ev_alloc),
        EVENT ("urgency", ev_urgency),
        EVENT ("jobspec-update", ev_jobspec_update),
        EVENT ("resource-update", ev_resource_update),
        EVENT ("exception", ev_exception),
        EVENT ("finish", ev_finish),
        EVENT ("clean", ev_clean),
        EVENT ("flux-restart", ev_flux_restart),
#undef EVENT
    };
    const char *s;
    size_t len;

    if (!jview_plain (name, &s, &len))
        return ev_ignore;
    for (size_t i = 0; i < ARRAY_SIZE (events); i++) {
        if (events[i].len == len && memcmp (events[i].name, s, len) == 0)
            return events[i].f;
    }
    if (len > 11 && memcmp (s, "dependency-", 11) == 0)
        return ev_dependency;
    return ev_ignore;
}

/* An event of a job that was never heard of. */
static int stray (struct jl *jl, uint64_t id, const struct event *ev)
{
    const char *name = ev->name.s;
    size_t len = ev->name.len;

    (void)jview_plain (ev->name, &name, &len); /* else as it was written */
    jl_log (jl, LOG_ERR, "event %.*s: job %s not in hash", (int)len, name,
            f58 (id).s);
    return 0;
}

static int dispatch (struct jl *jl, uint64_t id, struct event *ev)
{
    struct record *rec = jl_lookup (jl, id);
    event_f f;

    if (jview_equal (ev->name, "submit"))
        return rec ? refuse (ev, "second submit event of a job")
                   : new_record (jl, id, ev);
    f = handler (ev->name);
    if (!rec)
        return f == ev_invalidate ? 0 : stray (jl, id, ev);
    return f (jl, rec, ev);
}

int jl_event (struct jl *jl,
              uint64_t id,
              struct jview entry,
              struct jview jobspec,
              struct jview R,
              const char **why)
{
    static const char *const keys[] = { "timestamp", "name", "context" };
    struct event ev = { .jobspec = jobspec, .R = R };
    struct jview v[3];
    int r;

    jview_pick (entry, 3, keys, v);
    ev.name = v[1];
    ev.context = v[2];
    if (jview_number (v[0], &ev.t) < 0 || !jview_is (v[1], JVIEW_STRING)
        || (jview_present (v[2]) && !jview_is (v[2], JVIEW_OBJECT))) {
        *why = "malformed event";
        return -EPROTO;
    }
    if ((r = dispatch (jl, id, &ev)) == -EPROTO)
        *why = ev.why;
    return r;
}

int jl_message (struct jl *jl,
                const char *s,
                size_t len,
                bool *sentinel,
                const char **why)
{
    static const char *const keys[] = { "id", "events", "jobspec", "R" };
    struct jview v[4], entry;
    struct jiter it;
    int64_t id;
    int r;

    if ((r = jview_parse_pick (s, len, false, 4, keys, v)) == -ENOMEM)
        return r;
    if (r < 0 || jview_int (v[0], &id) < 0 || !jview_is (v[1], JVIEW_ARRAY)) {
        *why = "malformed journal message";
        return -EPROTO;
    }
    *sentinel = id == -1;
    jiter_init (&it, v[1]);
    while (jiter_next (&it, NULL, &entry)) {
        if ((r = jl_event (jl, id, entry, v[2], v[3], why)) < 0)
            return r;
    }
    return 0;
}
