#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <flux/idset.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "boot.h"

static int check_quorum (struct attrs *attrs, uint32_t size, flux_error_t *error)
{
    const char *s = attrs_get (attrs, "broker.quorum");
    char *end;
    long n;

    if (!s)
        return 0;
    n = strtol (s, &end, 10);
    /* the older way: all ranks, as a set */
    if (end > s && *end == '-' && n == 0 && strtol (end + 1, &end, 10) == (long)size - 1)
        n = size;
    if (!*s || *end || n < 0 || n > (long)size) {
        errno = EINVAL;
        return errprintf (error, "Error parsing broker.quorum attribute");
    }
    return 0;
}

static int check_critical_ranks (struct attrs *attrs, uint32_t size, flux_error_t *error)
{
    const char *s = attrs_get (attrs, "broker.critical-ranks");
    struct idset *ids;
    bool good;

    if (!s)
        return 0;
    ids = idset_decode (s);
    good = ids && (idset_empty (ids) || idset_last (ids) < size);
    idset_destroy (ids);
    if (!good) {
        errno = EINVAL;
        return errprintf (error, "Error parsing broker.critical-ranks attribute");
    }
    return 0;
}

/* What the enclosing instance says about itself.  It may be gone or deaf:
 * then its children count as those of a root instance.
 */
static void ask_parent (const char *uri, int *level, char *path, size_t size)
{
    const char *s;
    flux_t *h;

    *level = 0;
    snprintf (path, size, "/");
    if (!uri || !(h = flux_open (uri, 0)))
        return;
    if ((s = flux_attr_get (h, "instance-level")))
        *level = atoi (s);
    if ((s = flux_attr_get (h, "jobid-path")))
        snprintf (path, size, "%s", s);
    flux_close (h);
}

static int boot_job (struct attrs *attrs, const char *jobid, flux_error_t *error)
{
    const char *uri = getenv ("FLUX_URI");
    const char *ns = getenv ("FLUX_KVS_NAMESPACE");
    char path[1024];
    int level;

    ask_parent (uri, &level, path, sizeof (path));
    if (attrs_set (attrs, "jobid", jobid) < 0 || attrs_set (attrs, "parent-uri", uri) < 0
        || (ns && attrs_set (attrs, "parent-kvs-namespace", ns) < 0)
        || attrs_setf (attrs, "instance-level", "%d", level + 1) < 0
        || attrs_setf (attrs,
                       "jobid-path",
                       "%s/%s",
                       strcmp (path, "/") == 0 ? "" : path,
                       jobid)
               < 0
        || attrs_set_default (attrs, "broker.boot-method", "simple") < 0) {
        errno = ENOMEM;
        return errprintf (error, "%s", strerror (errno));
    }
    return 0;
}

static int boot_root (struct attrs *attrs, uint32_t size, flux_error_t *error)
{
    const char *method = size > 1 ? "simple" : "single";

    if (attrs_set (attrs, "parent-uri", NULL) < 0
        || attrs_set (attrs, "instance-level", "0") < 0
        || attrs_set (attrs, "jobid-path", "/") < 0
        || attrs_set_default (attrs, "broker.boot-method", method) < 0) {
        errno = ENOMEM;
        return errprintf (error, "%s", strerror (errno));
    }
    return 0;
}

/* What follows from there being one rank only. */
static int boot_single (struct attrs *attrs)
{
    return attrs_set_default (attrs, "hostlist", attrs_get (attrs, "hostname")) < 0
                   || attrs_set (attrs, "tbon.level", "0") < 0
                   || attrs_set (attrs, "tbon.maxlevel", "0") < 0
                   || attrs_set (attrs, "tbon.descendants", "0") < 0
               ? -1
               : 0;
}

int boot_attrs (struct attrs *attrs,
                uint32_t rank,
                uint32_t size,
                flux_error_t *error)
{
    const char *jobid = getenv ("FLUX_JOB_ID");
    char host[256] = "";
    bool is_task = getenv ("PMI_FD") || getenv ("PMI_RANK");
    char text[16];

    if (check_quorum (attrs, size, error) < 0
        || check_critical_ranks (attrs, size, error) < 0)
        return -1;
    if ((jobid && is_task ? boot_job (attrs, jobid, error)
                          : boot_root (attrs, size, error))
        < 0)
        return -1;
    if (gethostname (host, sizeof (host) - 1) < 0)
        return errprintf (error, "gethostname: %s", strerror (errno));
    snprintf (text, sizeof (text), "%u", (unsigned int)size);
    if (attrs_setf (attrs, "rank", "%u", (unsigned int)rank) < 0
        || attrs_set (attrs, "size", text) < 0
        || attrs_set_default (attrs, "hostname", host) < 0
        || attrs_set_default (attrs, "broker.quorum", text) < 0
        || attrs_set_default (attrs, "broker.critical-ranks", "0") < 0
        || attrs_setf (attrs, "broker.mapping", "[[0,1,%s,1]]", text) < 0
        || (size == 1 && boot_single (attrs) < 0)) {
        errno = ENOMEM;
        return errprintf (error, "%s", strerror (errno));
    }
    return 0;
}
