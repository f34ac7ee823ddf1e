#include "config.h"

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

void environ_free (char **env)
{
    if (env) {
        for (int i = 0; env[i]; i++)
            free (env[i]);
        free (env);
    }
}

static int add (char **env, int *count, const char *name, const char *value)
{
    if (asprintf (&env[*count], "%s%s%s", name, value ? "=" : "", value ? value : "")
        < 0) {
        env[*count] = NULL;
        return -1;
    }
    (*count)++;
    return 0;
}

char **environ_for_children (char *const env[], const char *uri, const char *jobid)
{
    int count = 0, size = 0;
    char **copy;

    while (env[size])
        size++;
    if (!(copy = calloc (size + 3, sizeof (*copy))))
        return NULL;
    for (int i = 0; i < size; i++) {
        if (add (copy, &count, env[i], NULL) < 0)
            goto error;
    }
    if (add (copy, &count, "FLUX_URI", uri) < 0
        || (jobid && add (copy, &count, "FLUX_ENCLOSING_ID", jobid) < 0))
        goto error;
    return copy;
error:
    environ_free (copy);
    return NULL;
}
