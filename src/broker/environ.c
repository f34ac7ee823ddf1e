#include "config.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

#include "environ.h"

static const char *const blocked[] = {
    "FLUX_JOB_ID",
    "FLUX_JOB_ID_PATH",
    "FLUX_ENCLOSING_ID",
    "FLUX_JOB_SIZE",
    "FLUX_JOB_NNODES",
    "FLUX_JOB_TMPDIR",
    "FLUX_TASK_RANK",
    "FLUX_TASK_LOCAL_ID",
    "FLUX_URI",
    "FLUX_KVS_NAMESPACE",
    "FLUX_PROXY_REMOTE",
    "PMI_*",
    "PMIX_*",
    "FLUX_PMI_LIBRARY_PATH",
    "I_MPI_PMI_LIBRARY",
    "SLURM_*",
    "NOTIFY_SOCKET",
    "PALS_*",
};

/* The name of a blocked entry in name[], or false. */
static bool is_blocked (const char *entry, char *name, size_t size)
{
    size_t len = strcspn (entry, "=");

    if (len >= size)
        return false;
    memcpy (name, entry, len);
    name[len] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE (blocked); i++) {
        if (fnmatch (blocked[i], name, 0) == 0)
            return true;
    }
    return false;
}

void environ_clean (void)
{
    char name[128];

    for (char **e = environ; *e;) {
        if (is_blocked (*e, name, sizeof (name)))
            unsetenv (name); /* what was behind it is here now */
        else
            e++;
    }
}

void child_env_free (struct child_env *env)
{
    if (!env)
        return;
    for (int i = 0; i < env->count; i++)
        free (env->v[i]);
    free (env->v);
    free (env);
}

/* Where name is; count if it is not there. */
static int find (const struct child_env *env, const char *name)
{
    size_t len = strlen (name);
    int i = 0;

    while (i < env->count
           && (strncmp (env->v[i], name, len) != 0 || env->v[i][len] != '='))
        i++;
    return i;
}

const char *child_env_get (const struct child_env *env, const char *name)
{
    int i = find (env, name);

    return i < env->count ? env->v[i] + strlen (name) + 1 : NULL;
}

/* Take the entry over as number i, which may be a new one. */
static int put (struct child_env *env, int i, char *entry)
{
    char **v;

    if (!entry)
        return -ENOMEM;
    if (i == env->count) {
        if (!(v = reallocarray (env->v, i + 2, sizeof (v[0])))) {
            free (entry);
            return -ENOMEM;
        }
        env->v = v;
        v[env->count++] = NULL;
        v[env->count] = NULL;
    }
    free (env->v[i]);
    env->v[i] = entry;
    return 0;
}

int child_env_set (struct child_env *env, const char *name, const char *value)
{
    int i = find (env, name);
    char *entry;

    if (!value) {
        if (i < env->count) {
            free (env->v[i]);
            env->v[i] = env->v[--env->count];
            env->v[env->count] = NULL;
        }
        return 0;
    }
    if (asprintf (&entry, "%s=%s", name, value) < 0)
        entry = NULL;
    return put (env, i, entry);
}

struct child_env *child_env_new (char *const env[], const char *uri, const char *jobid)
{
    struct child_env *copy = calloc (1, sizeof (*copy));
    int r = copy ? 0 : -ENOMEM;

    for (int i = 0; r == 0 && env[i]; i++)
        r = put (copy, copy->count, strdup (env[i]));
    if (r < 0 || child_env_set (copy, "FLUX_URI", uri) < 0
        || (jobid && child_env_set (copy, "FLUX_ENCLOSING_ID", jobid) < 0)) {
        child_env_free (copy);
        return NULL;
    }
    return copy;
}
