/* jobview_instance.c - the fields instance.*: what goes on inside a job that is an
 * instance itself.
 *
 * Each such job of a listing is asked once, when the first of these fields is
 * shown; of one that cannot be reached, and of any other job, they are empty.
 */

#include "config.h"
#include <stdio.h>

#include "cmd.h"
#include "common/rset.h"
#include "common/table.h"
#include "jobview.h"

enum set { SET_ALL, SET_DOWN, SET_ALLOCATED, SET_UP, SET_FREE, SET_COUNT };

static const char *const set_names[SET_COUNT] = { "all", "down", "allocated", "up",
                                                  "free" };

struct instance {
    bool has_stats, has_resources;
    int pending, running, completed, failed, total, inactive;
    struct amount {
        long long nnodes, ncores, ngpus;
    } amount[SET_COUNT];
};

/* ---- asking ---- */

static flux_t *open_instance (const struct jobview *job)
{
    const char *uri = json_string_value (jobview_annotation (job, "user.uri"));
    struct text t = TEXT_INIT;
    flux_t *h = NULL;

    if (uri && jobview_state (job) == FLUX_JOB_STATE_RUN) {
        jobview_put_local_uri (&t, uri);
        h = t.buf ? flux_open (t.buf, 0) : NULL;
    }
    text_fini (&t);
    return h;
}

static void get_stats (flux_t *h, struct instance *in)
{
    flux_future_t *f = flux_rpc (h, "job-list.job-stats", "{}", FLUX_NODEID_ANY, 0);
    int depend, priority, sched, run, cleanup, failed, canceled, timeout;

    if (f
        && flux_rpc_get_unpack (f, "{s:{s:i s:i s:i s:i s:i s:i s:i} s:i s:i s:i s:i}",
                                "job_states", "depend", &depend, "priority", &priority,
                                "sched", &sched, "run", &run, "cleanup", &cleanup,
                                "inactive", &in->inactive, "total", &in->total,
                                "successful", &in->completed, "failed", &failed,
                                "canceled", &canceled, "timeout", &timeout)
               == 0) {
        in->pending = depend + priority + sched;
        in->running = run + cleanup;
        in->failed = failed + canceled + timeout;
        in->has_stats = true;
    }
    flux_future_destroy (f);
}

static bool get_amount (json_t *R, struct amount *a)
{
    flux_error_t error;
    struct rset *r;

    if (!R || rset_parse (R, &r, &error) < 0)
        return false;
    a->nnodes = rset_nnodes (r);
    a->ncores = rset_count (r, "core");
    a->ngpus = rset_count (r, "gpu");
    rset_free (r);
    return true;
}

static struct amount minus (struct amount a, const struct amount *b)
{
    a.nnodes -= b->nnodes;
    a.ncores -= b->ncores;
    a.ngpus -= b->ngpus;
    return a;
}

/* The nodes that are free are those that nobody has a part of. */
static void get_resources (flux_t *h, struct instance *in)
{
    flux_future_t *f = flux_rpc (h, "resource.sched-status", "{}", 0, 0);
    json_t *o;

    in->has_resources = f && flux_rpc_get_unpack (f, "o", &o) == 0;
    for (int i = SET_ALL; i <= SET_ALLOCATED && in->has_resources; i++)
        in->has_resources = get_amount (json_object_get (o, set_names[i]), &in->amount[i]);
    flux_future_destroy (f);
    in->amount[SET_UP] = minus (in->amount[SET_ALL], &in->amount[SET_DOWN]);
    in->amount[SET_FREE] = minus (in->amount[SET_UP], &in->amount[SET_ALLOCATED]);
}

static const struct instance *get_instance (const struct jobview *job)
{
    static struct table known = TABLE_INIT;
    struct instance *in = table_get_u64 (&known, jobview_id (job));
    flux_t *h;

    if (in)
        return in;
    if (!(in = calloc (1, sizeof (*in)))
        || table_put_u64 (&known, jobview_id (job), in) < 0)
        cmd_die ("ERROR: out of memory");
    if ((h = open_instance (job))) {
        get_stats (h, in);
        get_resources (h, in);
        flux_close (h);
    }
    return in;
}

/* ---- fields ---- */

JOBVIEW_GETTER (jobview_get_instance_stats)
{
    const struct instance *in = get_instance (item);

    if (in->has_stats)
        text_printf (t, "PD:%d R:%d CD:%d F:%d", in->pending, in->running, in->completed,
                     in->failed);
    format_set_string (v, in->has_stats ? t->buf : "");
}

JOBVIEW_GETTER (jobview_get_instance_total)
{
    const struct instance *in = get_instance (item);

    if (in->has_stats)
        format_set_int (v, in->total);
    else
        format_set_string (v, "");
}

/* A part of a whole, empty if there is no whole. */
static void set_part (struct format_value *v, double part, double whole)
{
    if (whole > 0)
        format_set_real (v, part / whole);
    else
        format_set_string (v, "");
}

JOBVIEW_GETTER (jobview_get_instance_progress)
{
    const struct instance *in = get_instance (item);

    set_part (v, in->inactive, in->total);
}

JOBVIEW_GETTER (jobview_get_instance_utilization)
{
    const struct instance *in = get_instance (item);
    const struct amount *all = &in->amount[SET_ALL], *used = &in->amount[SET_ALLOCATED];

    if (strstr (name, "gpu"))
        set_part (v, used->ngpus, all->ngpus);
    else
        set_part (v, used->ncores, all->ncores);
}

/* instance.resources.SET.WHAT */
JOBVIEW_GETTER (jobview_get_instance_resources)
{
    const struct instance *in = get_instance (item);
    const char *set = name + strlen ("instance.resources.");
    const char *what = strchr (set, '.');

    format_set_string (v, "");
    for (int i = 0; i < SET_COUNT && what && in->has_resources; i++) {
        size_t len = strlen (set_names[i]);

        if ((size_t)(what - set) != len || strncmp (set, set_names[i], len) != 0)
            continue;
        if (strcmp (what, ".nnodes") == 0)
            format_set_int (v, in->amount[i].nnodes);
        else if (strcmp (what, ".ncores") == 0)
            format_set_int (v, in->amount[i].ncores);
        else if (strcmp (what, ".ngpus") == 0)
            format_set_int (v, in->amount[i].ngpus);
    }
}
