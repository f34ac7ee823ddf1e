/* job-exec/env.c - the environment of tasks (exec.md 8.4).
 *
 * The job's own environment from J, with what we set instead; nothing of the
 * broker's.  One block of memory for all tasks, and a few strings that change
 * from task to task.
 */
#include "config.h"
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include "common/util.h"
#include "exec.h"

#define TASK_VARS 4
#define TASK_VAR_SIZE 40

/* The last two are not in all jobs. */
static const char *const task_vars[TASK_VARS] = {
    "FLUX_TASK_RANK",
    "FLUX_TASK_LOCAL_ID",
    "PMI_RANK",        /* with PMI */
    "MPI_LOCALRANKID", /* under mpiexec, which has PMI */
};

static size_t count_task_vars (const struct job *job)
{
    return !job->pmi ? 2 : !job->followed ? 3 : 4;
}

/* Option gpu-affinity: "on", "off", "per-task", "map:A;B..." */
static const char *gpu_affinity (const struct job *job)
{
    return jobspec_option_string (job->js, "gpu-affinity", "on");
}

/* Does each task have GPUs of its own? */
static bool has_own_gpus (const struct job *job)
{
    const char *how = gpu_affinity (job);

    return !strcmp (how, "per-task") || !strncmp (how, "map:", 4);
}

/* Variables that a job may bring along and must not keep. */
static bool is_removed (const struct job *job, const char *name)
{
    static const char *const names[] = {
        "FLUX_PROXY_REMOTE",
        "PMI_FD",
        "PMI_SIZE",
        "MPI_LOCALNRANKS",
    };

    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        if (!strcmp (name, names[i]))
            return true;
    }
    for (size_t i = 0; i < TASK_VARS; i++) {
        if (!strcmp (name, task_vars[i]))
            return true;
    }
    return !strcmp (name, "CUDA_VISIBLE_DEVICES") && has_own_gpus (job);
}

/* Variables that we set for the whole job, as a JSON object's worth of text:
 * NAME=value, NUL, ... and how many.
 */
struct block {
    struct text text;
    size_t count;
};

static void put (struct block *b, const char *name, const char *value)
{
    text_puts (&b->text, name);
    text_putc (&b->text, '=');
    text_puts (&b->text, value);
    text_putc (&b->text, '\0');
    b->count++;
}

static void put_uint (struct block *b, const char *name, uint64_t value)
{
    char buf[24];

    snprintf (buf, sizeof (buf), "%llu", (unsigned long long)value);
    put (b, name, buf);
}

static void put_gpus (struct block *b, struct job *job, uint32_t node)
{
    const struct idset *gpus = rset_ids_at (job->R, node, RSET_GPU);
    char *s = NULL;

    if (!strcmp (gpu_affinity (job), "off"))
        return;
    put (b, "CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    if (has_own_gpus (job))
        return;
    if (gpus)
        s = idset_encode (gpus, 0);
    put (b, "CUDA_VISIBLE_DEVICES", s ? s : "-1");
    free (s);
}

/* A task's share of the GPUs of its node; the first of them get what is left over. */
static void put_share (struct job *job, const struct task *task, struct text *t)
{
    const struct idset *gpus = rset_ids_at (job->R, task->node, RSET_GPU);
    uint32_t total = gpus ? idset_count (gpus) : 0, ntasks = job->layout.ppn[task->node];
    uint32_t share = total / ntasks, more = total % ntasks, n = 0;
    uint32_t first = task->localid * share + (task->localid < more ? task->localid : more);
    uint32_t last = first + share + (task->localid < more);
    bool any = false;

    for (unsigned int id = total > 0 ? idset_first (gpus) : IDSET_INVALID_ID;
         id != IDSET_INVALID_ID; id = idset_next (gpus, id), n++) {
        if (n >= first && n < last) {
            text_printf (t, "%s%u", any ? "," : "", id);
            any = true;
        }
    }
    if (!any)
        text_puts (t, "-1");
}

/* The task's part of the map, which begins anew for tasks beyond its end. */
static void put_mapped (const char *map, const struct task *task, struct text *t)
{
    const char *p = map;
    struct idset *ids;
    char part[256], *s;

    for (uint32_t i = 0; i < task->localid; i++)
        p = strchr (p, ';') ? strchr (p, ';') + 1 : map;
    snprintf (part, sizeof (part), "%.*s", (int)strcspn (p, ";"), p);
    ids = idset_decode (part);
    s = ids ? idset_encode (ids, 0) : NULL;
    if (!s)
        job_log (task->job, 3, "gpu-affinity: invalid map: %s", map);
    text_puts (t, s && *s ? s : "-1");
    idset_destroy (ids);
    free (s);
}

static int set_gpus (struct job *job, struct env *env, const struct task *task)
{
    const char *how = gpu_affinity (job);
    struct text *t = &env->gpus;

    if (!env->gpus_var)
        return 0;
    text_clear (t);
    text_puts (t, "CUDA_VISIBLE_DEVICES=");
    if (!strcmp (how, "per-task"))
        put_share (job, task, t);
    else
        put_mapped (how + strlen ("map:"), task, t);
    if (text_error (t))
        return -ENOMEM;
    *env->gpus_var = t->buf;
    return 0;
}

static json_t *environment (const struct job *job)
{
    json_t *system = json_object_get (json_object_get (job->J, "attributes"), "system");

    return json_object_get (system, "environment");
}

static void put_ours (struct block *b, struct job *job, uint32_t node)
{
    const char *parent = job->x->attrs.jobid_path, *path;
    char buf[256];

    put (b, "FLUX_JOB_ID", job->f58);
    snprintf (buf,
              sizeof (buf),
              "%s%s%s",
              parent ? parent : "",
              parent && !strcmp (parent, "/") ? "" : "/",
              job->f58);
    put (b, "FLUX_JOB_ID_PATH", buf);
    put_uint (b, "FLUX_JOB_SIZE", job->layout.ntasks);
    put_uint (b, "FLUX_JOB_NNODES", job->layout.nnodes);
    put (b, "FLUX_KVS_NAMESPACE", job->ns);
    put (b, "FLUX_TERMINUS_SESSION", "0");
    if (job->x->attrs.local_uri)
        put (b, "FLUX_URI", job->x->attrs.local_uri);
    if (job->tmpdir) {
        put (b, "FLUX_JOB_TMPDIR", job->tmpdir);
        put (b, "OMPI_MCA_btl_vader_backing_directory", job->tmpdir);
    }
    if (job->pmi) {
        put_uint (b, "PMI_FD", SPAWN_EXTRA_FD);
        put_uint (b, "PMI_SIZE", job->layout.ntasks);
        if (job->followed)
            put_uint (b, "MPI_LOCALNRANKS", job->layout.ppn[node]);
    }
    put_gpus (b, job, node);
    if ((path = topology_path (job, environment (job)))) {
        put (b, "HWLOC_XMLFILE", path);
        put (b, "HWLOC_THISSYSTEM", "1");
    }
}

/* Is name one of the first count variables of the block? */
static bool is_ours (const struct block *b, size_t count, const char *name)
{
    const char *p = b->text.buf;
    size_t len = strlen (name);

    while (count-- > 0) {
        if (!strncmp (p, name, len) && p[len] == '=')
            return true;
        p += strlen (p) + 1;
    }
    return false;
}

/* Variables from a jobspec, unless we set them, or 'over' or 'expand' has them,
 * too.
 */
static void put_vars (struct block *b,
                      const struct job *job,
                      size_t ours,
                      json_t *vars,
                      json_t *over,
                      json_t *expand)
{
    const char *name;
    json_t *value;

    json_object_foreach (vars, name, value) {
        const char *s = json_string_value (value);

        if (!s || is_removed (job, name) || json_object_get (over, name)
            || json_object_get (expand, name) || is_ours (b, ours, name))
            continue;
        put (b, name, strcmp (name, "HOSTNAME") ? s : job->x->hostname);
    }
}

/* Does a locale of this name write UTF-8?  Jobs of one user have the same. */
static bool is_utf8 (struct exec *x, const char *name)
{
    locale_t locale;

    if (!x->locale.name || strcmp (x->locale.name, name) != 0) {
        free (x->locale.name);
        x->locale.name = strdup (name);
        x->locale.utf8 = false;
        if ((locale = newlocale (LC_CTYPE_MASK, name, (locale_t)0)) != (locale_t)0) {
            x->locale.utf8 = !strcmp (nl_langinfo_l (CODESET, locale), "UTF-8");
            freelocale (locale);
        }
    }
    return x->locale.utf8;
}

/* As the command that submitted the job has printed it, if it had the job's
 * environment: with a letter beyond ASCII where that can be shown.
 */
void env_name_job (struct job *job)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    json_t *env = environment (job);
    const char *name = NULL;

    for (size_t i = 0; i < ARRAY_SIZE (names) && (!name || !*name); i++)
        name = json_string_value (json_object_get (env, names[i]));
    if (name && *name && !json_object_get (env, "FLUX_F58_FORCE_ASCII")
        && is_utf8 (job->x, name))
        snprintf (job->f58, sizeof (job->f58), "\u0192%s", job->f58plain + 1);
    else
        snprintf (job->f58, sizeof (job->f58), "%s", job->f58plain);
}

int env_create (struct job *job,
                const struct program *program,
                uint32_t node,
                struct env *env)
{
    json_t *expand = jobspec_option (job->js, "env-expand");
    struct block b = { 0 };
    size_t ours;
    char *p;

    put_ours (&b, job, node);
    ours = b.count;
    if (!text_error (&b.text) && !program->envnone)
        put_vars (&b, job, ours, environment (job), program->env, expand);
    if (!text_error (&b.text))
        put_vars (&b, job, ours, program->env, NULL, expand);
    env->nexpanded = json_object_size (expand);
    env->count = b.count + count_task_vars (job) + env->nexpanded;
    env->vars = calloc (env->count + 2, sizeof (env->vars[0]));
    env->task = calloc (TASK_VARS, TASK_VAR_SIZE);
    env->expanded = calloc (env->nexpanded + 1, sizeof (env->expanded[0]));
    if (text_error (&b.text) || !env->vars || !env->task || !env->expanded) {
        text_fini (&b.text);
        return -ENOMEM;
    }
    p = env->base = text_take (&b.text, NULL);
    for (size_t i = 0; i < b.count; i++) {
        env->vars[i] = p;
        if (!strncmp (p, "PATH=", 5))
            env->path = p + 5;
        p += strlen (p) + 1;
    }
    for (size_t i = b.count; i < env->count - env->nexpanded; i++)
        env->vars[i] = env->task + (i - b.count) * TASK_VAR_SIZE;
    if (has_own_gpus (job))
        env->gpus_var = &env->vars[env->count];
    return 0;
}

/* Option env-expand: { name: template ... } */
static int expand (struct job *job, struct env *env, const struct task *task)
{
    json_t *templates = jobspec_option (job->js, "env-expand"), *value;
    size_t i = 0, first = env->count - env->nexpanded;
    const char *name;

    json_object_foreach (templates, name, value) {
        struct text *t = &env->expanded[i];

        text_clear (t);
        text_printf (t, "%s=", name);
        if (json_is_string (value))
            job_render (job, task, json_string_value (value), t);
        if (text_error (t))
            return -ENOMEM;
        env->vars[first + i++] = t->buf;
        if (!strcmp (name, "PATH"))
            env->path = t->buf + 5;
    }
    return 0;
}

int env_set_task (struct job *job, struct env *env, const struct task *task)
{
    const uint32_t values[TASK_VARS] = { task->rank, task->localid, task->rank,
                                         task->localid };
    int r;

    for (size_t i = 0; i < TASK_VARS; i++)
        snprintf (env->task + i * TASK_VAR_SIZE,
                  TASK_VAR_SIZE,
                  "%s=%u",
                  task_vars[i],
                  values[i]);
    if ((r = set_gpus (job, env, task)) < 0)
        return r;
    return expand (job, env, task);
}

void env_fini (struct env *env)
{
    free (env->vars);
    free (env->base);
    free (env->task);
    for (size_t i = 0; env->expanded && i < env->nexpanded; i++)
        text_fini (&env->expanded[i]);
    free (env->expanded);
    text_fini (&env->gpus);
    memset (env, 0, sizeof (*env));
}
