#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tap.h"
#include "modules/job-list/attrs.h"
#include "modules/job-list/match.h"

#include "list_judge.h"

void list_broke (struct list_world *w, const char *what, int job)
{
    if (!w->broken) {
        w->broken = what;
        w->broken_job = job;
    }
}

static int roll (struct list_world *w, int n)
{
    return rand_r (&w->seed) % n;
}

static struct jview view (const char *s)
{
    struct jview v = JVIEW_ABSENT;

    jview_parse (s, strlen (s), &v);
    return v;
}

/* ---- one job ---- */

void list_check_job (struct list_world *w, const struct mjob *j)
{
    struct record *rec = jl_lookup (w->jl, j->id);
    struct text t = TEXT_INIT;
    json_t *got, *want;
    struct attrs a;

    if ((rec != NULL) != j->there)
        list_broke (w, "a job is there that should not be, or not", j->id);
    if (!rec || !j->there)
        return;
    attrs_init (&a, view ("[\"all\"]"));
    attrs_put_record (&a, &t, rec);
    attrs_fini (&a);
    got = json_loads (t.buf, 0, NULL);
    want = model_attrs (j, &w->now[j->id]);
    if (!got || !json_equal (got, want)) {
        char *s = json_dumps (want, JSON_COMPACT);

        diag ("index:  %s", t.buf);
        diag ("replay: %s", s);
        free (s);
        list_broke (w, "attributes differ", j->id);
    }
    json_decref (got);
    json_decref (want);
    text_fini (&t);
}

/* ---- lists ---- */

static const struct list_world *sorting;

static int less (double a, double b)
{
    return a < b ? -1 : a > b;
}

static int by_list (const void *pa, const void *pb)
{
    int a = *(const int *)pa, b = *(const int *)pb, r;
    const struct now *na = &sorting->now[a], *nb = &sorting->now[b];

    if (na->state & STATE_PENDING)
        return (r = -less (na->priority, nb->priority)) ? r : less (a, b);
    if (na->state & STATE_RUNNING)
        return (r = -less (na->t_run, nb->t_run)) ? r : less (a, b);
    return (r = -less (na->t_inactive, nb->t_inactive)) ? r : -less (a, b);
}

/* The ids of the jobs in these states, in order. */
static int sorted (const struct list_world *w, int states, int *ids)
{
    int n = 0;

    for (int id = 1; id <= w->njobs; id++) {
        if (w->jobs[id].there && (w->now[id].state & states))
            ids[n++] = id;
    }
    sorting = w;
    qsort (ids, n, sizeof (ids[0]), by_list);
    return n;
}

static const int list_states[LIST_COUNT] = { STATE_PENDING, STATE_RUNNING,
                                             STATE_INACTIVE };

void list_check_lists (struct list_world *w)
{
    int ids[LIST_MAXJOBS];

    for (int l = 0; l < LIST_COUNT; l++) {
        int n = sorted (w, list_states[l], ids), i = 0;
        struct record *rec;

        for (rec = jl_first (w->jl, l); rec; rec = jl_next (rec)) {
            if (i == n || (int)rec->id != ids[i])
                list_broke (w, "a list is not in order", rec->id);
            i++;
        }
        if (i != n)
            list_broke (w, "a list is not complete", l);
    }
}

/* ---- counters ---- */

/* queue -1: of all */
static json_t *count (const struct list_world *w, int queue, int purged)
{
    int states[7] = { 0 }, results[4] = { 0 }, total = 0;

    for (int id = 1; id <= w->njobs; id++) {
        const struct now *n = &w->now[id];

        if (!w->jobs[id].there || n->state == STATE_NEW
            || (queue >= 0 && n->spec.queue != queue))
            continue;
        total++;
        states[__builtin_ctz (n->state)]++;
        if (n->state == STATE_INACTIVE)
            results[__builtin_ctz (n->result)]++;
    }
    return json_pack ("{s:{s:i s:i s:i s:i s:i s:i s:i} s:i s:i s:i s:i s:i}",
                      "job_states", "depend", states[1], "priority", states[2], "sched",
                      states[3], "run", states[4], "cleanup", states[5], "inactive",
                      states[6], "total", total, "successful", results[0], "failed",
                      results[1], "canceled", results[2], "timeout", results[3],
                      "inactive_purged", purged);
}

static void check_queue (struct list_world *w, json_t *queues, int queue)
{
    json_t *want = count (w, queue, w->queue_purged[queue]), *none, *o, *found = NULL;
    char name[8];
    size_t i;

    snprintf (name, sizeof (name), "q%d", queue);
    none = count (w, QUEUES, 0);
    json_array_foreach (queues, i, o)
    {
        if (strcmp (json_string_value (json_object_get (o, "name")), name) == 0)
            found = o;
    }
    json_object_set_new (found ? found : none, "name", json_string (name));
    json_object_set_new (want, "name", json_string (name));
    if (!json_equal (found ? found : none, want))
        list_broke (w, "the counters of a queue", queue);
    json_decref (want);
    json_decref (none);
}

void list_check_counters (struct list_world *w)
{
    struct text t = TEXT_INIT;
    json_t *got, *want = count (w, -1, w->purged), *queues;

    jl_put_stats (w->jl, &t);
    got = json_loads (t.buf, 0, NULL);
    queues = json_incref (json_object_get (got, "queues"));
    json_object_del (got, "queues");
    if (!json_equal (got, want))
        list_broke (w, "the counters", 0);
    for (int q = 0; q < QUEUES; q++)
        check_queue (w, queues, q);
    json_decref (queues);
    json_decref (got);
    json_decref (want);
    text_fini (&t);
}

/* ---- constraints ---- */

static const char *const times[] = { "t_submit", "t_depend",  "t_priority", "t_sched",
                                     "t_run",    "t_cleanup", "t_inactive" };

static void make_leaf (struct list_world *w, struct text *t)
{
    static const char *const compare[] = { ">", "<", ">=", "<=" };

    switch (roll (w, 8)) {
        case 0:
            text_printf (t, "{\"userid\":[%d,%d]}", roll (w, 2), 99 + roll (w, 4));
            break;
        case 1:
            text_printf (t, "{\"name\":[\"name%d\",\"%s\"]}", roll (w, 4),
                         roll (w, 2) ? "cmd" : "x");
            break;
        case 2:
            text_printf (t, "{\"queue\":[\"q%d\"]}", roll (w, QUEUES));
            break;
        case 3:
            text_printf (t, "{\"states\":[%d]}", 1 + roll (w, 127));
            break;
        case 4:
            text_printf (t, "{\"results\":[%d]}", 1 + roll (w, 15));
            break;
        case 5:
            text_printf (t, "{\"hostlist\":[\"n%d\",\"x\"]}", roll (w, 8));
            break;
        case 6:
            text_printf (t, "{\"ranks\":[\"%d\"]}", roll (w, 8));
            break;
        default:
            text_printf (t, "{\"%s\":[\"%s%d.125\"]}", times[roll (w, 7)],
                         compare[roll (w, 4)], 1000 + roll (w, 300));
    }
}

static void make (struct list_world *w, struct text *t, int depth)
{
    static const char *const ops[] = { "and", "or", "not" };
    int n = roll (w, 4);

    if (depth == 0 || roll (w, 3) == 0) {
        make_leaf (w, t);
        return;
    }
    text_printf (t, "{\"%s\":[", ops[roll (w, 3)]);
    for (int i = 0; i < n; i++) {
        if (i > 0)
            text_putc (t, ',');
        make (w, t, depth - 1);
    }
    text_puts (t, "]}");
}

static bool compare_time (const char *s, double t)
{
    double limit = strtod (s + strcspn (s, "0123456789"), NULL);

    if (t == 0)
        return false;
    if (s[1] == '=')
        return s[0] == '>' ? t >= limit : t <= limit;
    return s[0] == '>' ? t > limit : t < limit;
}

/* Is one of the words (of numbers: as text) that? */
static bool one_of (json_t *values, const char *s)
{
    json_t *v;
    size_t i;

    json_array_foreach (values, i, v)
    {
        if (strcmp (json_string_value (v), s) == 0)
            return true;
    }
    return false;
}

static bool on_node (const struct now *n, json_t *values, const char *format)
{
    char buf[16];

    for (int i = 0; i < n->rnodes; i++) {
        snprintf (buf, sizeof (buf), format, n->rfirst + i);
        if (one_of (values, buf))
            return true;
    }
    return false;
}

static bool in_queue (const struct now *n, json_t *values)
{
    char buf[16];

    snprintf (buf, sizeof (buf), "q%d", n->spec.queue);
    return n->spec.queue >= 0
           && (one_of (values, buf) || (n->spec.queue == 3 && one_of (values, "q0")));
}

static bool has_name (const struct now *n, json_t *values)
{
    char buf[16];

    snprintf (buf, sizeof (buf), "name%d", n->spec.name);
    return one_of (values, n->spec.name >= 0 ? buf : "cmd");
}

static bool of_user (const struct mjob *j, json_t *values)
{
    return json_integer_value (json_array_get (values, 0)) == j->userid
           || json_integer_value (json_array_get (values, 1)) == j->userid;
}

static bool selects (json_t *constraint, const struct mjob *j, const struct now *n);

/* How many of the children select the job. */
static size_t selecting (json_t *values, const struct mjob *j, const struct now *n)
{
    size_t i, k = 0;
    json_t *v;

    json_array_foreach (values, i, v) k += selects (v, j, n);
    return k;
}

static bool selects (json_t *constraint, const struct mjob *j, const struct now *n)
{
    const char *op = json_object_iter_key (json_object_iter (constraint));
    json_t *values = json_object_get (constraint, op);
    size_t size = json_array_size (values);
    int mask = json_integer_value (json_array_get (values, 0));
    const double t[] = { n->t_submit, n->t_depend,  n->t_priority, n->t_sched,
                         n->t_run,    n->t_cleanup, n->t_inactive };

    if (strcmp (op, "and") == 0)
        return selecting (values, j, n) == size;
    if (strcmp (op, "or") == 0)
        return size == 0 || selecting (values, j, n) > 0;
    if (strcmp (op, "not") == 0)
        return selecting (values, j, n) != size;
    if (strcmp (op, "userid") == 0)
        return of_user (j, values);
    if (strcmp (op, "name") == 0)
        return has_name (n, values);
    if (strcmp (op, "queue") == 0)
        return in_queue (n, values);
    if (strcmp (op, "states") == 0)
        return n->state & mask;
    if (strcmp (op, "results") == 0)
        return n->state == STATE_INACTIVE && (n->result & mask);
    if (strcmp (op, "hostlist") == 0)
        return on_node (n, values, "n%d");
    if (strcmp (op, "ranks") == 0)
        return on_node (n, values, "%d");
    for (int i = 0; i < 7; i++) {
        if (strcmp (op, times[i]) == 0)
            return compare_time (json_string_value (json_array_get (values, 0)), t[i]);
    }
    return false;
}

static void
compare_list (struct list_world *w, struct match *m, json_t *constraint, int list)
{
    bool looked_at = match_states (m, list_states[list]);
    struct record *rec;
    uint64_t cost = 0;

    for (rec = jl_first (w->jl, list); rec; rec = jl_next (rec)) {
        bool got = looked_at && match_record (m, rec, &cost);

        if (got != selects (constraint, &w->jobs[rec->id], &w->now[rec->id]))
            list_broke (w, "a constraint selects what it should not, or does not",
                        rec->id);
    }
}

void list_check_constraint (struct list_world *w)
{
    struct text t = TEXT_INIT, why = TEXT_INIT;
    bool before = w->broken;
    json_t *constraint;
    struct match *m;

    make (w, &t, 3);
    constraint = json_loads (t.buf, 0, NULL);
    if (match_compile (&m, w->jl, view (t.buf), 1024, &why) < 0)
        list_broke (w, "a constraint is refused", 0);
    else {
        for (int l = 0; l < LIST_COUNT; l++)
            compare_list (w, m, constraint, l);
        match_free (m, w->jl);
    }
    if (w->broken && !before)
        diag ("constraint: %s", t.buf);
    json_decref (constraint);
    text_fini (&t);
    text_fini (&why);
}
