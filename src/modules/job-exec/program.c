/* job-exec/program.c - what the tasks run: the command of the jobspec, or with
 * option mpiexec.sections one program for each of several runs of ranks.
 *
 *   [ { "ntasks":i "command":[s...] "cwd"?:s "env"?:{name:s|null} "envnone"?:b } ... ]
 *
 * env changes the job's environment (null unsets); envnone begins with none.
 */
#include "config.h"
#include <fcntl.h>
#include <stdio.h>

#include "common/errprintf.h"
#include "common/jwords.h"
#include "common/util.h"
#include "exec.h"
#include "mustache.h"

static bool is_environment (json_t *o)
{
    const char *name;
    json_t *value;

    json_object_foreach (o, name, value)
    {
        if (!json_is_string (value) && !json_is_null (value))
            return false;
    }
    return !o || json_is_object (o);
}

static int decode_section (json_t *o, struct program *p)
{
    json_int_t ntasks;
    int envnone = 0;

    if (json_unpack (o, "{s:I s:o s?s s?o s?b}", "ntasks", &ntasks, "command",
                     &p->command, "cwd", &p->cwd, "env", &p->env, "envnone", &envnone)
            < 0
        || ntasks < 1 || ntasks > LAYOUT_TASKS_MAX || !jwords_command (p->command)
        || !is_environment (p->env))
        return -EINVAL;
    p->ntasks = ntasks;
    p->envnone = envnone;
    return 0;
}

static int decode_sections (struct job *job, json_t *sections, flux_error_t *error)
{
    uint64_t total = 0;
    json_t *o;
    size_t i;

    json_array_foreach (sections, i, o)
    {
        struct program *p = &job->programs[i];

        if (decode_section (o, p) < 0) {
            errprintf (error, "mpiexec.sections[%zu] is malformed", i);
            return -EINVAL;
        }
        p->first = total;
        total += p->ntasks;
    }
    if (total != job->layout.ntasks) {
        errprintf (error, "mpiexec.sections have %llu tasks, the job has %u",
                   (unsigned long long)total, job->layout.ntasks);
        return -EINVAL;
    }
    return 0;
}

int programs_create (struct job *job, flux_error_t *error)
{
    json_t *sections = jobspec_option (job->js, "mpiexec.sections");

    job->nprograms = sections ? json_array_size (sections) : 1;
    if (!(job->programs = calloc (job->nprograms + 1, sizeof (job->programs[0]))))
        return -ENOMEM;
    for (size_t i = 0; i < job->nprograms; i++)
        job->programs[i].cwd_fd = -1;
    if (sections)
        return decode_sections (job, sections, error);
    job->programs[0].ntasks = job->layout.ntasks;
    job->programs[0].command = job->js->command;
    return 0;
}

void programs_destroy (struct job *job)
{
    for (size_t i = 0; job->programs && i < job->nprograms; i++)
        program_close (&job->programs[i]);
    free (job->programs);
}

/* A followed job runs where its user said, or not at all; others go to /tmp as
 * Flux jobs do.
 */
static int open_cwd (struct job *job, struct program *p)
{
    const char *cwd = p->cwd ? p->cwd : job->js->cwd;
    int e;

    if (cwd && (p->cwd_fd = open (cwd, O_PATH | O_DIRECTORY | O_CLOEXEC)) >= 0)
        return 0;
    e = errno;
    if (cwd && job->followed) {
        job_fatal (job, "exec", "Could not change dir to %s: %s", cwd, strerror (e));
        return -e;
    }
    if (cwd)
        job_log (job, 3, "host %s: Could not change dir to %s: %s. Going to /tmp instead",
                 job->x->hostname, cwd, strerror (e));
    if ((p->cwd_fd = open ("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
        e = errno;
        job_fatal (job, "exec", "Could not change dir to /tmp: %s", strerror (e));
        return -e;
    }
    return 0;
}

static int get_argv (struct program *p)
{
    bool tags = false;

    p->argc = json_array_size (p->command);
    if (!(p->argv = calloc (p->argc + 1, sizeof (p->argv[0]))))
        return -ENOMEM;
    for (size_t i = 0; i < p->argc; i++) {
        p->argv[i] = (char *)json_string_value (json_array_get (p->command, i));
        tags = tags || mustache_has_tags (p->argv[i]);
    }
    if (tags && !(p->rendered = calloc (p->argc, sizeof (p->rendered[0]))))
        return -ENOMEM;
    return 0;
}

int program_open (struct job *job, struct program *p)
{
    int r;

    if ((r = open_cwd (job, p)) < 0)
        return r;
    if ((r = get_argv (p)) < 0 || (r = env_create (job, p, p->node, &p->env_block)) < 0)
        job_fatal (job, "exec", "shell_init: %s", strerror (-r));
    return r;
}

int program_set_task (struct job *job, struct program *p, const struct task *task)
{
    int r;

    if (task->node != p->node) {
        env_fini (&p->env_block);
        p->node = task->node;
        if ((r = env_create (job, p, p->node, &p->env_block)) < 0)
            return r;
    }
    if ((r = env_set_task (job, &p->env_block, task)) < 0)
        return r;
    for (size_t i = 0; p->rendered && i < p->argc; i++) {
        text_clear (&p->rendered[i]);
        job_render (job, task, json_string_value (json_array_get (p->command, i)),
                    &p->rendered[i]);
        if (text_error (&p->rendered[i]))
            return -ENOMEM;
        p->argv[i] = p->rendered[i].buf ? p->rendered[i].buf : "";
    }
    return 0;
}

void program_close (struct program *p)
{
    for (size_t i = 0; p->rendered && i < p->argc; i++)
        text_fini (&p->rendered[i]);
    free (move_ptr (p->rendered));
    free (move_ptr (p->argv));
    env_fini (&p->env_block);
    if (p->cwd_fd >= 0)
        close (p->cwd_fd);
    p->cwd_fd = -1;
}
