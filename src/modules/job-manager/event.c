#include "config.h"

#include "common/table.h"
#include "common/util.h"

#include "event.h"

/* ---- names --------------------------------------------------------------- */

#define NAME(name) .s = (name), .len = sizeof (name) - 1

static const struct {
    const char *s;
    size_t len;
} names[EV_COUNT] = {
    [EV_OTHER] = { NAME ("") },
    [EV_SUBMIT] = { NAME ("submit") },
    [EV_SET_FLAGS] = { NAME ("set-flags") },
    [EV_DEPENDENCY_ADD] = { NAME ("dependency-add") },
    [EV_DEPENDENCY_REMOVE] = { NAME ("dependency-remove") },
    [EV_VALIDATE] = { NAME ("validate") },
    [EV_INVALIDATE] = { NAME ("invalidate") },
    [EV_DEPEND] = { NAME ("depend") },
    [EV_PRIORITY] = { NAME ("priority") },
    [EV_URGENCY] = { NAME ("urgency") },
    [EV_ANNOTATIONS] = { NAME ("annotations") },
    [EV_MEMO] = { NAME ("memo") },
    [EV_JOBSPEC_UPDATE] = { NAME ("jobspec-update") },
    [EV_RESOURCE_UPDATE] = { NAME ("resource-update") },
    [EV_ALLOC] = { NAME ("alloc") },
    [EV_PROLOG_START] = { NAME ("prolog-start") },
    [EV_PROLOG_FINISH] = { NAME ("prolog-finish") },
    [EV_START] = { NAME ("start") },
    [EV_FINISH] = { NAME ("finish") },
    [EV_EPILOG_START] = { NAME ("epilog-start") },
    [EV_EPILOG_FINISH] = { NAME ("epilog-finish") },
    [EV_RELEASE] = { NAME ("release") },
    [EV_FREE] = { NAME ("free") },
    [EV_CLEAN] = { NAME ("clean") },
    [EV_EXCEPTION] = { NAME ("exception") },
    [EV_FLUX_RESTART] = { NAME ("flux-restart") },
};

/* Two dozen short names: a length and a first letter decide almost always. */
enum event event_number (const char *name, size_t len)
{
    for (int ev = EV_OTHER + 1; ev < EV_COUNT; ev++) {
        if (names[ev].len == len && names[ev].s[0] == name[0]
            && memcmp (names[ev].s, name, len) == 0)
            return ev;
    }
    return EV_OTHER;
}

const char *event_name (enum event ev)
{
    return names[ev].s;
}

bool event_is_volatile (enum event ev)
{
    return ev == EV_ANNOTATIONS || ev == EV_INVALIDATE;
}

/* ---- the state machine --------------------------------------------------- */

/* RFC 21.  The first row that matches; none: the state stays.  An exception
 * counts here only with severity 0.
 */
static const struct transition {
    int from; /* states, or'ed */
    enum event ev;
    enum job_state to;
} transitions[] = {
    { STATE_NEW, EV_VALIDATE, STATE_DEPEND },
    { STATE_DEPEND, EV_DEPEND, STATE_PRIORITY },
    { STATE_PRIORITY, EV_PRIORITY, STATE_SCHED },
    { STATE_SCHED, EV_URGENCY, STATE_PRIORITY },
    { STATE_SCHED, EV_JOBSPEC_UPDATE, STATE_PRIORITY },
    { STATE_SCHED, EV_FLUX_RESTART, STATE_PRIORITY },
    { STATE_SCHED, EV_ALLOC, STATE_RUN },
    { STATE_RUN, EV_FINISH, STATE_CLEANUP },
    { STATE_PENDING | STATE_RUN, EV_EXCEPTION, STATE_CLEANUP },
    { STATE_CLEANUP, EV_CLEAN, STATE_INACTIVE },
};

enum job_state state_after (enum job_state state, const struct entry *e)
{
    if (e->ev == EV_EXCEPTION && e->severity > 0)
        return state;
    /* eventlogs older than flux-core 0.41.1 have no validate event */
    if (e->ev == EV_SUBMIT && e->version == 0 && state == STATE_NEW)
        return STATE_DEPEND;
    for (size_t i = 0; i < ARRAY_SIZE (transitions); i++) {
        if (transitions[i].ev == e->ev && (transitions[i].from & state))
            return transitions[i].to;
    }
    return state;
}

/* ---- contexts ------------------------------------------------------------ */

static int get_int (struct jview v, int64_t min, int64_t max, int64_t *value)
{
    int64_t i;

    if (jview_int (v, &i) < 0 || i < min || i > max)
        return -EPROTO;
    *value = i;
    return 0;
}

static int decode_submit (struct entry *e)
{
    static const char *const keys[] = { "userid", "urgency", "flags", "version" };
    struct jview v[4];

    jview_pick (e->context, 4, keys, v);
    if (get_int (v[0], 0, UINT32_MAX, &e->userid) < 0
        || get_int (v[1], 0, URGENCY_MAX, &e->urgency) < 0
        || get_int (v[2], 0, INT32_MAX, &e->flags) < 0)
        return -EPROTO;
    if (jview_present (v[3]))
        return get_int (v[3], 0, INT32_MAX, &e->version);
    return 0;
}

static int decode_urgency (struct entry *e)
{
    static const char *const keys[] = { "userid", "urgency" };
    struct jview v[2];

    jview_pick (e->context, 2, keys, v);
    if (jview_present (v[0]) && get_int (v[0], 0, UINT32_MAX, &e->userid) < 0)
        return -EPROTO;
    return get_int (v[1], 0, URGENCY_MAX, &e->urgency);
}

static int decode_exception (struct entry *e)
{
    static const char *const keys[] = { "type", "severity", "note" };
    struct jview v[3];

    jview_pick (e->context, 3, keys, v);
    e->type = v[0];
    e->note = v[2];
    if (!jview_is (e->type, JVIEW_STRING)
        || (jview_present (e->note) && !jview_is (e->note, JVIEW_STRING)))
        return -EPROTO;
    return get_int (v[1], 0, 7, &e->severity);
}

static int decode_set_flags (struct entry *e)
{
    struct jview flags = jview_get (e->context, "flags");
    struct jview flag;
    struct jiter it;

    if (!jview_is (flags, JVIEW_ARRAY))
        return -EPROTO;
    e->flags = 0;
    jiter_init (&it, flags);
    while (jiter_next (&it, NULL, &flag)) {
        if (jview_equal (flag, "debug"))
            e->flags |= JOB_DEBUG;
        else if (jview_equal (flag, "alloc-bypass"))
            e->flags |= JOB_ALLOC_BYPASS;
        else if (jview_equal (flag, "immutable"))
            e->flags |= JOB_IMMUTABLE;
        else
            return -EPROTO;
    }
    return 0;
}

/* Other keys than expiration have no meaning yet, so they are refused. */
static int decode_resource_update (struct entry *e)
{
    struct jview key, value;
    struct jiter it;

    e->expiration = -1.;
    jiter_init (&it, e->context);
    while (jiter_next (&it, &key, &value)) {
        if (!jview_equal (key, "expiration") || jview_number (value, &e->expiration) < 0
            || e->expiration < 0.)
            return -EPROTO;
    }
    return jview_is (e->context, JVIEW_OBJECT) ? 0 : -EPROTO;
}

static int decode_annotations (struct entry *e)
{
    e->value = jview_get (e->context, "annotations");
    return jview_is (e->value, JVIEW_OBJECT) || jview_is (e->value, JVIEW_NULL) ? 0
                                                                                : -EPROTO;
}

static int decode_context (struct entry *e)
{
    switch (e->ev) {
        case EV_SUBMIT:
            return decode_submit (e);
        case EV_URGENCY:
            return decode_urgency (e);
        case EV_EXCEPTION:
            return decode_exception (e);
        case EV_SET_FLAGS:
            return decode_set_flags (e);
        case EV_RESOURCE_UPDATE:
            return decode_resource_update (e);
        case EV_ANNOTATIONS:
            return decode_annotations (e);
        case EV_PRIORITY:
            return get_int (jview_get (e->context, "priority"), 0, PRIORITY_MAX,
                            &e->priority);
        case EV_FINISH:
            return get_int (jview_get (e->context, "status"), INT32_MIN, INT32_MAX,
                            &e->status);
        case EV_RELEASE:
            return jview_bool (jview_get (e->context, "final"), &e->final) < 0 ? -EPROTO
                                                                               : 0;
        case EV_DEPENDENCY_ADD:
        case EV_DEPENDENCY_REMOVE:
            e->value = jview_get (e->context, "description");
            return jview_is (e->value, JVIEW_STRING) ? 0 : -EPROTO;
        case EV_MEMO:
        case EV_JOBSPEC_UPDATE:
            return jview_is (e->context, JVIEW_OBJECT) ? 0 : -EPROTO;
        default:
            return 0;
    }
}

int entry_init (struct entry *e,
                const char *name,
                size_t namelen,
                double timestamp,
                struct jview context)
{
    struct entry new = {
        .ev = event_number (name, namelen),
        .timestamp = timestamp,
        .name = name,
        .namelen = namelen,
        .context = context,
    };
    int r;

    if (namelen == 0 || (jview_present (context) && !jview_is (context, JVIEW_OBJECT)))
        return -EPROTO;
    if ((r = decode_context (&new)) < 0)
        return r;
    *e = new;
    return 0;
}

int entry_parse (struct entry *e, const char *s, size_t len, const char **next)
{
    static const char *const keys[] = { "timestamp", "name", "context" };
    const char *eol = memchr (s, '\n', len);
    struct jview line, v[3];
    const char *name;
    size_t namelen;
    double timestamp;
    int r;

    if (!eol || jview_parse_object (s, eol - s, &line) < 0)
        return -EINVAL;
    jview_pick (line, 3, keys, v);
    if (jview_number (v[0], &timestamp) < 0 || !jview_plain (v[1], &name, &namelen)
        || (jview_present (v[2]) && !jview_is (v[2], JVIEW_OBJECT)))
        return -EINVAL;
    if ((r = entry_init (e, name, namelen, timestamp, v[2])) < 0) {
        e->name = name;
        e->namelen = namelen;
        return r;
    }
    *next = eol + 1;
    return 0;
}

void entry_write (struct text *t, const struct entry *e)
{
    text_puts (t, "{\"timestamp\":");
    text_put_real (t, e->timestamp);
    text_puts (t, ",\"name\":\"");
    text_put (t, e->name, e->namelen);
    text_putc (t, '"');
    if (jview_present (e->context)) {
        text_puts (t, ",\"context\":");
        jview_put_compact (t, e->context);
    }
    text_puts (t, "}\n");
}
