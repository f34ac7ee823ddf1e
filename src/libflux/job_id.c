/* job_id.c - spellings of job ids, and where a job's data is in the KVS. */

#include "config.h"
#include <langinfo.h>
#include <stdio.h>

#include <flux/core.h>

#include "common/fluid.h"
#include "common/util.h"

int flux_job_id_parse (const char *s, flux_jobid_t *id)
{
    int rc;

    if (!s || !id) {
        errno = EINVAL;
        return -1;
    }
    if ((rc = fluid_decode (s, id)) < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

/* May the prefix be a letter beyond ASCII? */
static bool utf8_output (void)
{
    return !getenv ("FLUX_F58_FORCE_ASCII")
           && strcmp (nl_langinfo (CODESET), "UTF-8") == 0;
}

int flux_job_id_encode (flux_jobid_t id, const char *type, char *buf, size_t bufsz)
{
    enum fluid_type t;
    int rc;

    if (!buf) {
        errno = EINVAL;
        return -1;
    }
    if ((rc = fluid_type_parse (type, &t)) == 0) {
        if (t == FLUID_F58 && !utf8_output ())
            t = FLUID_F58PLAIN;
        rc = fluid_encode (buf, bufsz, id, t);
    }
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

/* What snprintf returned, as these functions do. */
static int fits (int n, int bufsz)
{
    if (n < 0 || n >= bufsz) {
        errno = EOVERFLOW;
        return -1;
    }
    return n;
}

static int check_buf (const char *buf, int bufsz)
{
    if (!buf || bufsz < 0) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

/* job.<dothex><middle>[.<key>] */
static int job_key (char *buf,
                    int bufsz,
                    flux_jobid_t id,
                    const char *middle,
                    const char *key)
{
    char dir[FLUID_BUFSIZE];

    must (fluid_encode (dir, sizeof (dir), id, FLUID_KVS) > 0);
    return fits (snprintf (buf,
                           bufsz,
                           "%s%s%s%s",
                           dir,
                           middle,
                           key ? "." : "",
                           key ? key : ""),
                 bufsz);
}

int flux_job_kvs_key (char *buf, int bufsz, flux_jobid_t id, const char *key)
{
    if (check_buf (buf, bufsz) < 0)
        return -1;
    return job_key (buf, bufsz, id, "", key);
}

int flux_job_kvs_guest_key (char *buf, int bufsz, flux_jobid_t id, const char *key)
{
    if (check_buf (buf, bufsz) < 0)
        return -1;
    if (getenv ("FLUX_KVS_NAMESPACE"))
        return fits (snprintf (buf, bufsz, "%s", key ? key : "."), bufsz);
    return job_key (buf, bufsz, id, ".guest", key);
}

int flux_job_kvs_namespace (char *buf, int bufsz, flux_jobid_t id)
{
    if (check_buf (buf, bufsz) < 0)
        return -1;
    return fits (snprintf (buf, bufsz, "job-%llu", (unsigned long long)id), bufsz);
}
