/* job-exec/tags.c - what {{tag}} means in a job (exec.md 8.4). */
#include "config.h"
#include <stdio.h>

#include "common/util.h"
#include "exec.h"
#include "mustache.h"

struct tag_arg {
    struct job *job;
    const struct task *task;
};

static void put_name (struct job *job, struct text *out)
{
    const char *name = job->js->job_name;
    const char *slash;

    if (!name) {
        name = json_string_value (json_array_get (job->js->command, 0));
        if ((slash = strrchr (name, '/')))
            name = slash + 1;
    }
    text_puts (out, name);
}

static bool put_id (struct job *job, const char *type, struct text *out)
{
    char buf[64];

    if (flux_job_id_encode (job->id, type, buf, sizeof (buf)) < 0)
        return false;
    text_puts (out, buf);
    return true;
}

static void put_idset (const struct idset *ids, struct text *out)
{
    char *s = ids ? idset_encode (ids, IDSET_FLAG_RANGE) : NULL;

    if (s)
        text_puts (out, s);
    free (s);
}

static void put_taskids (struct job *job, uint32_t node, struct text *out)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);

    for (uint32_t i = 0; ids && i < job->layout.ntasks; i++) {
        if (job->layout.nodeid[i] == node)
            (void)idset_set (ids, i);
    }
    put_idset (ids, out);
    idset_destroy (ids);
}

static bool put_node (struct job *job, uint32_t node, const char *tag, struct text *out)
{
    const struct idset *cores = rset_ids_at (job->R, node, RSET_CORE);
    const struct idset *gpus = rset_ids_at (job->R, node, RSET_GPU);
    const char *host = rset_host_at (job->R, node);

    if (!strcmp (tag, "id"))
        text_put_uint (out, node);
    else if (!strcmp (tag, "name"))
        text_puts (out, host ? host : job->x->hostname);
    else if (!strcmp (tag, "broker_rank"))
        text_put_uint (out, rset_rank_at (job->R, node));
    else if (!strcmp (tag, "ncores"))
        text_put_uint (out, idset_count (cores));
    else if (!strcmp (tag, "ntasks"))
        text_put_uint (out, job->layout.ppn[node]);
    else if (!strcmp (tag, "taskids"))
        put_taskids (job, node, out);
    else if (!strcmp (tag, "cores"))
        put_idset (cores, out);
    else if (!strcmp (tag, "gpus"))
        put_idset (gpus, out);
    else
        return false;
    return true;
}

static bool put_tag (void *arg, const char *tag, struct text *out)
{
    struct tag_arg *a = arg;
    struct job *job = a->job;

    if (!strcmp (tag, "id") || !strcmp (tag, "jobid") || !strcmp (tag, "id.f58")) {
        text_puts (out, job->f58);
        return true;
    }
    if (!strncmp (tag, "id.", 3))
        return put_id (job, tag + 3, out);
    if (!strcmp (tag, "name"))
        put_name (job, out);
    else if (!strcmp (tag, "nnodes"))
        text_put_uint (out, job->layout.nnodes);
    else if (!strcmp (tag, "size") || !strcmp (tag, "ntasks"))
        text_put_uint (out, job->layout.ntasks);
    else if (!strcmp (tag, "tmpdir") && job->tmpdir)
        text_puts (out, job->tmpdir);
    else if (!strncmp (tag, "node.", 5))
        return put_node (job, a->task ? a->task->node : 0, tag + 5, out);
    else if (a->task
             && (!strcmp (tag, "task.id") || !strcmp (tag, "task.rank")
                 || !strcmp (tag, "taskid")))
        text_put_uint (out, a->task->rank);
    else if (a->task && (!strcmp (tag, "task.index") || !strcmp (tag, "task.localid")))
        text_put_uint (out, a->task->localid);
    else
        return false;
    return true;
}

void job_render (struct job *job, const struct task *task, const char *tmpl, struct text *out)
{
    struct tag_arg arg = { job, task };

    mustache_render (tmpl, put_tag, &arg, out);
}
