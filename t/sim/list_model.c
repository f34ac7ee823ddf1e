#include "config.h"
#include <stdio.h>
#include <string.h>

#include "list_model.h"

const char *const model_types[] = { "cancel", "timeout", "exec", NULL };

enum { NEW = 1, DEPEND_ = 2, PRIO = 4, SCHED = 8, RUN = 16, CLEANUP = 32, INACTIVE = 64 };

/* ---- what happened, as text ---- */

void model_put_spec (struct text *t, const struct spec *s)
{
    text_puts (t, "{\"version\":1,\"resources\":[");
    if (s->nnodes)
        text_printf (t, "{\"type\":\"node\",\"count\":%d,%s\"with\":[", s->nnodes,
                     s->exclusive ? "\"exclusive\":true," : "");
    text_printf (t,
                 "{\"type\":\"slot\",\"count\":%d,\"label\":\"task\",\"with\":[{\"type\":"
                 "\"core\",\"count\":%d}]}%s],\"tasks\":[{\"command\":[\"/bin/cmd\"]}],"
                 "\"attributes\":{\"system\":{\"duration\":%d",
                 s->nslots, s->cores, s->nnodes ? "]}" : "", s->duration);
    if (s->name >= 0)
        text_printf (t, ",\"job\":{\"name\":\"name%d\"}", s->name);
    if (s->cwd >= 0)
        text_printf (t, ",\"cwd\":\"/dir/%d\"", s->cwd);
    if (s->queue >= 0)
        text_printf (t, ",\"queue\":\"q%d\"", s->queue);
    if (s->project >= 0)
        text_printf (t, ",\"project\":\"p%d\"", s->project);
    if (s->bank >= 0)
        text_printf (t, ",\"bank\":\"b%d\"", s->bank);
    if (s->per > 0)
        text_printf (t,
                     ",\"shell\":{\"options\":{\"per-resource\":{\"type\":\"%s\","
                     "\"count\":2}}}",
                     s->per == 1 ? "node" : "core");
    text_puts (t, "}}}");
}

/* "N" or "N-M" */
static const char *range (char *buf, size_t size, int first, int n)
{
    snprintf (buf, size, n > 1 ? "%d-%d" : "%d", first, first + n - 1);
    return buf;
}

void model_put_R (struct text *t, int nodes, int first, int cores, int expiration)
{
    char ranks[32], ids[32];

    range (ranks, sizeof (ranks), first, nodes);
    range (ids, sizeof (ids), 0, cores);
    text_printf (t,
                 "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"%s\","
                 "\"children\":{\"core\":\"%s\"}}],\"nodelist\":[\"n[%s]\"],"
                 "\"starttime\":0,\"expiration\":%d}}",
                 ranks, ids, ranks, expiration);
}

static void put_context (struct text *t, const struct mjob *j, const struct happened *e)
{
    switch (e->what) {
        case SUBMIT:
            text_printf (t, "{\"userid\":%d,\"urgency\":16,\"flags\":0%s}", j->userid,
                         j->old ? "" : ",\"version\":1");
            break;
        case DEP_ADD:
        case DEP_REMOVE:
            text_printf (t, "{\"description\":\"dep%d\"}", e->a);
            break;
        case PRIORITY_:
            text_printf (t, "{\"priority\":%d}", e->a);
            break;
        case ANNOTATE:
            text_printf (t,
                         e->a < 0 ? "{\"annotations\":null}"
                                  : "{\"annotations\":{\"sched\":{\"x\":%d}}}",
                         e->a);
            break;
        case MEMO:
            text_printf (t, e->b < 0 ? "{\"m%d\":null}" : "{\"m%d\":%d}", e->a, e->b);
            break;
        case URGENCY:
            text_printf (t, "{\"urgency\":%d,\"userid\":1}", e->a);
            break;
        case SET_QUEUE:
            text_printf (t, "{\"attributes.system.queue\":\"q%d\"}", e->a);
            break;
        case SET_DURATION:
            text_printf (t, "{\"attributes.system.duration\":%d}", e->a);
            break;
        case SET_NAME:
            text_printf (t, "{\"attributes.system.job.name\":\"name%d\"}", e->a);
            break;
        case EXPIRE:
            text_printf (t, "{\"expiration\":%d}", e->a);
            break;
        case EXCEPTION:
            text_printf (t, "{\"type\":\"%s\",\"severity\":%d,\"note\":\"note%d\"}",
                         model_types[e->b], e->a, e->b);
            break;
        case FINISH:
            text_printf (t, "{\"status\":%d}", e->a);
            break;
        default:
            text_puts (t, "{\"x\":1}");
    }
}

void model_put_event (struct text *t, const struct mjob *j, const struct happened *e)
{
    static const char *const names[WHAT_COUNT] = {
        "submit",
        "validate",
        "invalidate",
        "dependency-add",
        "dependency-remove",
        "depend",
        "priority",
        "annotations",
        "memo",
        "alloc",
        "urgency",
        "jobspec-update",
        "jobspec-update",
        "jobspec-update",
        "resource-update",
        "exception",
        "finish",
        "clean",
        "flux-restart",
        "site.other",
    };

    text_printf (t, "{\"timestamp\":%.3f,\"name\":\"%s\",\"context\":", e->t,
                 names[e->what]);
    put_context (t, j, e);
    text_putc (t, '}');
}

/* ---- what follows from it ---- */

static void enter (struct now *n, int state, double t)
{
    n->state = state;
    n->history |= state;
    if (state == DEPEND_)
        n->t_depend = t;
    if (state == PRIO && n->t_priority == 0)
        n->t_priority = t;
    if (state == SCHED && n->t_sched == 0)
        n->t_sched = t;
    if (state == RUN)
        n->t_run = t;
    if (state == CLEANUP)
        n->t_cleanup = t;
    if (state == INACTIVE)
        n->t_inactive = t;
}

static void revert (struct now *n, double t)
{
    if (n->state == SCHED) {
        n->history &= ~SCHED;
        enter (n, PRIO, t);
    }
}

static void end (struct now *n)
{
    if (n->success)
        n->result = 1;
    else if (n->type >= 0 && strcmp (model_types[n->type], "cancel") == 0)
        n->result = 4;
    else if (n->type >= 0 && strcmp (model_types[n->type], "timeout") == 0)
        n->result = 8;
    else
        n->result = 2;
}

static void dependency (struct now *n, const struct happened *e)
{
    if (e->what == DEP_ADD && n->dep[e->a] == 0) {
        n->dep[e->a] = 1;
        n->order[n->ndeps++] = e->a;
    }
    else if (e->what == DEP_REMOVE && n->dep[e->a] == 1)
        n->dep[e->a] = 2;
}

static void happen (struct now *n, const struct mjob *j, const struct happened *e)
{
    switch (e->what) {
        case SUBMIT:
            n->t_submit = e->t;
            n->urgency = 16;
            if (j->old)
                enter (n, DEPEND_, e->t);
            break;
        case VALIDATE:
            if (n->state == NEW)
                enter (n, DEPEND_, e->t);
            break;
        case DEP_ADD:
        case DEP_REMOVE:
            dependency (n, e);
            break;
        case DEPEND:
            if (n->state == DEPEND_)
                enter (n, PRIO, e->t);
            break;
        case PRIORITY_:
            n->priority = e->a;
            if (n->state == PRIO)
                enter (n, SCHED, e->t);
            break;
        case ANNOTATE:
            n->sched = e->a;
            for (int i = 0; i < MEMOS; i++)
                n->memo[i] = -1;
            break;
        case MEMO:
            n->memo[e->a] = e->b;
            break;
        case ALLOC:
            n->rnodes = e->a;
            n->rfirst = e->b;
            n->rcores = e->c;
            n->expiration = 500;
            if (n->state < RUN)
                enter (n, RUN, e->t);
            break;
        case URGENCY:
            n->urgency = e->a;
            revert (n, e->t);
            break;
        case SET_QUEUE:
            n->spec.queue = e->a;
            revert (n, e->t);
            break;
        case SET_DURATION:
            n->spec.duration = e->a;
            revert (n, e->t);
            break;
        case SET_NAME:
            n->spec.name = e->a;
            revert (n, e->t);
            break;
        case EXPIRE:
            if (n->rnodes)
                n->expiration = e->a;
            break;
        case EXCEPTION:
            if (n->type < 0 || e->a < n->severity) {
                n->severity = e->a;
                n->type = e->b;
            }
            if (e->a == 0 && n->state < CLEANUP && n->state > NEW)
                enter (n, CLEANUP, e->t);
            break;
        case FINISH:
            n->status = e->a;
            n->success = e->a == 0 && !(n->type >= 0 && n->severity == 0);
            if (n->state < CLEANUP)
                enter (n, CLEANUP, e->t);
            break;
        case CLEAN:
            end (n);
            enter (n, INACTIVE, e->t);
            break;
        case RESTART:
            revert (n, e->t);
            break;
        default:
            break;
    }
}

void model_replay (const struct mjob *j, struct now *n)
{
    *n = (struct now){
        .state = NEW,
        .history = NEW,
        .spec = j->spec,
        .sched = -1,
        .memo = { -1, -1, -1 },
        .type = -1,
        .status = -1,
    };
    for (int i = 0; i < j->n; i++)
        happen (n, j, &j->events[i]);
}

/* ---- as attributes ---- */

static void put (json_t *o, const char *key, bool present, json_t *value)
{
    if (present)
        json_object_set (o, key, value);
    json_decref (value);
}

static json_t *named (const char *format, int i)
{
    char buf[64];

    snprintf (buf, sizeof (buf), format, i);
    return json_string (buf);
}

static json_t *annotations (const struct now *n)
{
    json_t *o = json_object (), *user = json_object ();

    for (int i = 0; i < MEMOS; i++) {
        if (n->memo[i] >= 0) {
            char key[8];

            snprintf (key, sizeof (key), "m%d", i);
            json_object_set_new (user, key, json_integer (n->memo[i]));
        }
    }
    if (n->sched >= 0)
        json_object_set_new (o, "sched", json_pack ("{s:i}", "x", n->sched));
    if (json_object_size (user) > 0)
        json_object_set (o, "user", user);
    json_decref (user);
    return o;
}

static json_t *dependencies (const struct now *n)
{
    json_t *list = json_array ();

    for (int i = 0; i < n->ndeps; i++) {
        if (n->dep[n->order[i]] == 1)
            json_array_append_new (list, named ("dep%d", n->order[i]));
    }
    return list;
}

/* -1: not known */
static void counts (const struct now *n, int *ntasks, int *ncores, int *nnodes)
{
    const struct spec *s = &n->spec;
    int slots = s->nslots * (s->nnodes ? s->nnodes : 1);
    int rcores = n->rnodes * n->rcores;

    *nnodes = n->rnodes ? n->rnodes : s->nnodes ? s->nnodes : -1;
    *ncores = n->rnodes ? rcores : s->nnodes && s->exclusive ? -1 : slots * s->cores;
    if (s->per == 1) /* per node */
        *ntasks = s->nnodes ? 2 * s->nnodes : n->rnodes ? 2 * n->rnodes : -1;
    else if (s->per == 2) /* per core */
        *ntasks = !s->nnodes ? 2 * slots * s->cores : n->rnodes ? 2 * rcores : -1;
    else
        *ntasks = slots;
}

static void put_spec (json_t *o, const struct now *n)
{
    const struct spec *s = &n->spec;
    int ntasks, ncores, nnodes;

    if (n->state == NEW)
        return;
    counts (n, &ntasks, &ncores, &nnodes);
    put (o, "name", true, s->name >= 0 ? named ("name%d", s->name) : json_string ("cmd"));
    put (o, "cwd", s->cwd >= 0, named ("/dir/%d", s->cwd));
    put (o, "queue", s->queue >= 0, named ("q%d", s->queue));
    put (o, "project", s->project >= 0, named ("p%d", s->project));
    put (o, "bank", s->bank >= 0, named ("b%d", s->bank));
    put (o, "ntasks", ntasks >= 0, json_integer (ntasks));
    put (o, "ncores", ncores >= 0, json_integer (ncores));
    put (o, "nnodes", nnodes >= 0, json_integer (nnodes));
    put (o, "duration", true, json_real (s->duration));
}

static void put_R (json_t *o, const struct now *n)
{
    bool known = n->rnodes && (n->history & RUN);
    int last = n->rfirst + n->rnodes - 1;
    char buf[64];

    snprintf (buf, sizeof (buf), n->rnodes == 1 ? "%d" : "[%d-%d]", n->rfirst, last);
    put (o, "ranks", known, json_string (buf));
    snprintf (buf, sizeof (buf), n->rnodes == 1 ? "n%d" : "n[%d-%d]", n->rfirst, last);
    put (o, "nodelist", known, json_string (buf));
    put (o, "expiration", known, json_real (n->expiration > 0 ? n->expiration : 0));
}

static void put_end (json_t *o, const struct now *n)
{
    bool over = n->state == INACTIVE, x = over && n->type >= 0;

    put (o, "success", over, json_boolean (n->success));
    put (o, "exception_occurred", over, json_boolean (n->type >= 0));
    put (o, "exception_type", x, json_string (x ? model_types[n->type] : ""));
    put (o, "exception_severity", x, json_integer (n->severity));
    put (o, "exception_note", x, named ("note%d", n->type));
    put (o, "result", over, json_integer (n->result));
    put (o, "waitstatus", n->status >= 0, json_integer (n->status));
}

json_t *model_attrs (const struct mjob *j, const struct now *n)
{
    json_t *o = json_object ();

    put (o, "id", true, json_integer (j->id));
    put (o, "userid", true, json_integer (j->userid));
    put (o, "urgency", true, json_integer (n->urgency));
    put (o, "priority", n->history & SCHED, json_integer (n->priority));
    put (o, "t_submit", true, json_real (n->t_submit));
    put (o, "t_depend", j->old || (n->history & DEPEND_),
         json_real (j->old ? n->t_submit : n->t_depend));
    put (o, "t_priority", n->t_priority > 0, json_real (n->t_priority));
    put (o, "t_sched", n->t_sched > 0, json_real (n->t_sched));
    put (o, "t_run", n->history & RUN, json_real (n->t_run));
    put (o, "t_cleanup", n->history & CLEANUP, json_real (n->t_cleanup));
    put (o, "t_inactive", n->history & INACTIVE, json_real (n->t_inactive));
    put (o, "state", true, json_integer (n->state));
    put_spec (o, n);
    put_R (o, n);
    put_end (o, n);
    put (o, "annotations",
         n->sched >= 0 || n->memo[0] >= 0 || n->memo[1] >= 0 || n->memo[2] >= 0,
         annotations (n));
    put (o, "dependencies", n->ndeps > 0, dependencies (n));
    return o;
}
