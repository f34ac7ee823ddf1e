#include "config.h"

#include "common/util.h"

#include "attrs.h"

/* In the order of list-attrs. */
enum attr {
    ATTR_USERID,
    ATTR_URGENCY,
    ATTR_PRIORITY,
    ATTR_T_SUBMIT,
    ATTR_T_DEPEND,
    ATTR_T_PRIORITY,
    ATTR_T_SCHED,
    ATTR_T_RUN,
    ATTR_T_CLEANUP,
    ATTR_T_INACTIVE,
    ATTR_STATE,
    ATTR_NAME,
    ATTR_CWD,
    ATTR_QUEUE,
    ATTR_PROJECT,
    ATTR_BANK,
    ATTR_NTASKS,
    ATTR_NCORES,
    ATTR_DURATION,
    ATTR_NNODES,
    ATTR_RANKS,
    ATTR_NODELIST,
    ATTR_SUCCESS,
    ATTR_EXCEPTION_OCCURRED,
    ATTR_EXCEPTION_TYPE,
    ATTR_EXCEPTION_SEVERITY,
    ATTR_EXCEPTION_NOTE,
    ATTR_RESULT,
    ATTR_EXPIRATION,
    ATTR_ANNOTATIONS,
    ATTR_WAITSTATUS,
    ATTR_DEPENDENCIES,
    ATTR_COUNT,
};

static const char *const names[ATTR_COUNT] = {
    "userid",
    "urgency",
    "priority",
    "t_submit",
    "t_depend",
    "t_priority",
    "t_sched",
    "t_run",
    "t_cleanup",
    "t_inactive",
    "state",
    "name",
    "cwd",
    "queue",
    "project",
    "bank",
    "ntasks",
    "ncores",
    "duration",
    "nnodes",
    "ranks",
    "nodelist",
    "success",
    "exception_occurred",
    "exception_type",
    "exception_severity",
    "exception_note",
    "result",
    "expiration",
    "annotations",
    "waitstatus",
    "dependencies",
};

_Static_assert(ATTR_COUNT == ATTRS_MAX, "every attribute has room in a request");

static void add (struct attrs *a, enum attr attr)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->list[i] == attr)
            return;
    }
    a->list[a->count++] = attr;
}

static bool add_named (struct attrs *a, struct jview name)
{
    if (jview_equal (name, "all")) {
        for (int attr = 0; attr < ATTR_COUNT; attr++)
            add (a, attr);
        return true;
    }
    for (int attr = 0; attr < ATTR_COUNT; attr++) {
        if (jview_equal (name, names[attr])) {
            add (a, attr);
            return true;
        }
    }
    return false;
}

void attrs_init (struct attrs *a, struct jview array)
{
    struct jview name;
    struct jiter it;

    *a = (struct attrs){ .count = 0 };
    text_init (&a->text);
    jiter_init (&it, array);
    while (!a->error && jiter_next (&it, NULL, &name)) {
        if (!jview_is (name, JVIEW_STRING))
            a->error = "attr has no string value";
        else if (!add_named (a, name)) {
            jview_string (name, &a->text);
            text_puts (&a->text, " is not a valid attribute");
            a->error = text_error (&a->text) ? "not a valid attribute" : a->text.buf;
        }
    }
}

void attrs_fini (struct attrs *a)
{
    text_fini (&a->text);
}

/* ---- values ---------------------------------------------------------------------- */

static void put_key (struct text *t, enum attr attr)
{
    text_puts (t, ",\"");
    text_puts (t, names[attr]);
    text_puts (t, "\":");
}

static void put_int (struct text *t, enum attr attr, bool present, int64_t value)
{
    if (present) {
        put_key (t, attr);
        text_put_int (t, value);
    }
}

static void put_real (struct text *t, enum attr attr, bool present, double value)
{
    if (present) {
        put_key (t, attr);
        text_put_real (t, value);
    }
}

static void put_bool (struct text *t, enum attr attr, bool present, bool value)
{
    if (present) {
        put_key (t, attr);
        text_puts (t, value ? "true" : "false");
    }
}

static void
put_string (struct text *t, enum attr attr, bool present, const struct itext *s)
{
    if (present && s) {
        put_key (t, attr);
        text_put_json_string (t, s->s, s->len);
    }
}

static void put_json (struct text *t, enum attr attr, const struct itext *json)
{
    if (json) {
        put_key (t, attr);
        text_put (t, json->s, json->len);
    }
}

static void put_dependencies (struct text *t, const struct record *rec)
{
    struct dep *d = NULL;
    bool first = true;

    if (!rec->had_deps)
        return;
    put_key (t, ATTR_DEPENDENCIES);
    text_putc (t, '[');
    list_foreach (&rec->deps, d, node) {
        if (d->outstanding) {
            if (!first)
                text_putc (t, ',');
            first = false;
            text_put_json_string (t, d->description->s, d->description->len);
        }
    }
    text_putc (t, ']');
}

static void put_time (struct text *t, enum attr attr, const struct record *rec)
{
    switch (attr) {
        case ATTR_T_SUBMIT:
            put_real (t, attr, true, rec->t_submit);
            break;
        case ATTR_T_DEPEND:
            if (rec->old_eventlog)
                put_real (t, attr, true, rec->t_submit);
            else
                put_real (t, attr, rec->history & STATE_DEPEND, rec->t_depend);
            break;
        case ATTR_T_PRIORITY:
            put_real (t, attr, rec->t_priority > 0., rec->t_priority);
            break;
        case ATTR_T_SCHED:
            put_real (t, attr, rec->t_sched > 0., rec->t_sched);
            break;
        case ATTR_T_RUN:
            put_real (t, attr, rec->history & STATE_RUN, rec->t_run);
            break;
        case ATTR_T_CLEANUP:
            put_real (t, attr, rec->history & STATE_CLEANUP, rec->t_cleanup);
            break;
        default:
            put_real (t, attr, rec->history & STATE_INACTIVE, rec->t_inactive);
    }
}

static void put_outcome (struct text *t, enum attr attr, const struct record *rec)
{
    bool over = rec->state == STATE_INACTIVE;
    bool exception = over && rec->exception_occurred;

    switch (attr) {
        case ATTR_SUCCESS:
            put_bool (t, attr, over, rec->success);
            break;
        case ATTR_EXCEPTION_OCCURRED:
            put_bool (t, attr, over, rec->exception_occurred);
            break;
        case ATTR_EXCEPTION_TYPE:
            put_string (t, attr, exception, rec->exception_type);
            break;
        case ATTR_EXCEPTION_SEVERITY:
            put_int (t, attr, exception, rec->exception_severity);
            break;
        case ATTR_EXCEPTION_NOTE:
            put_string (t, attr, exception, rec->exception_note);
            break;
        default:
            put_int (t, attr, over, rec->result);
    }
}

/* What is known from R shows from RUN on. */
static void put_resources (struct text *t, enum attr attr, const struct record *rec)
{
    bool known = (rec->history & STATE_RUN) && rec->R_valid;

    if (attr == ATTR_RANKS)
        put_string (t, attr, known, rec->ranks);
    else if (attr == ATTR_NODELIST)
        put_string (t, attr, known, rec->nodelist);
    else
        put_real (t, attr, known, rec->expiration);
}

static void put_attr (struct text *t, enum attr attr, const struct record *rec)
{
    switch (attr) {
        case ATTR_USERID:
            put_int (t, attr, true, rec->userid);
            break;
        case ATTR_URGENCY:
            put_int (t, attr, true, rec->urgency);
            break;
        case ATTR_PRIORITY:
            put_int (t, attr, rec->history & STATE_SCHED, rec->priority);
            break;
        case ATTR_STATE:
            put_int (t, attr, true, rec->state);
            break;
        case ATTR_NAME:
            put_string (t, attr, true, rec->name);
            break;
        case ATTR_CWD:
            put_string (t, attr, true, rec->cwd);
            break;
        case ATTR_QUEUE:
            put_string (t, attr, true, rec->queue_name);
            break;
        case ATTR_PROJECT:
            put_string (t, attr, true, rec->project);
            break;
        case ATTR_BANK:
            put_string (t, attr, true, rec->bank);
            break;
        case ATTR_NTASKS:
            put_int (t, attr, rec->ntasks >= 0, rec->ntasks);
            break;
        case ATTR_NCORES:
            put_int (t, attr, rec->ncores >= 0, rec->ncores);
            break;
        case ATTR_NNODES:
            put_int (t, attr, rec->nnodes >= 0, rec->nnodes);
            break;
        case ATTR_DURATION:
            put_real (t, attr, rec->duration >= 0., rec->duration);
            break;
        case ATTR_RANKS:
        case ATTR_NODELIST:
        case ATTR_EXPIRATION:
            put_resources (t, attr, rec);
            break;
        case ATTR_ANNOTATIONS:
            put_json (t, attr, rec->annotations);
            break;
        case ATTR_WAITSTATUS:
            put_int (t, attr, rec->waitstatus >= 0, rec->waitstatus);
            break;
        case ATTR_DEPENDENCIES:
            put_dependencies (t, rec);
            break;
        case ATTR_T_SUBMIT:
        case ATTR_T_DEPEND:
        case ATTR_T_PRIORITY:
        case ATTR_T_SCHED:
        case ATTR_T_RUN:
        case ATTR_T_CLEANUP:
        case ATTR_T_INACTIVE:
            put_time (t, attr, rec);
            break;
        default:
            put_outcome (t, attr, rec);
    }
}

void attrs_put_record (const struct attrs *a, struct text *t, const struct record *rec)
{
    text_puts (t, "{\"id\":");
    text_put_int (t, (int64_t)rec->id);
    for (size_t i = 0; i < a->count; i++)
        put_attr (t, a->list[i], rec);
    text_putc (t, '}');
}

void attrs_put_names (struct text *t)
{
    text_puts (t, "{\"attrs\":[");
    for (int attr = 0; attr < ATTR_COUNT; attr++) {
        text_putc (t, '"');
        text_puts (t, names[attr]);
        text_puts (t, "\",");
    }
    text_puts (t, "\"all\"]}");
}
