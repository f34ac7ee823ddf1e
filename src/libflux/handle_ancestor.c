/* handle_ancestor.c - the URIs "/", ".", "..", "../..": this instance and
 * those around it, found by walking from broker to broker.
 */

#include "config.h"
#include <limits.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "handle_private.h"

/* How many instances up; INT_MAX for the root; -1 with errno EINVAL. */
static int parse_levels (const char *uri, flux_error_t *error)
{
    const char *cp = uri;
    int levels = 0;

    errno = EINVAL;
    if (uri[0] == '/')
        return uri[1] == '\0' ? INT_MAX : errprintf (error, "%s: invalid URI", uri);
    while (*cp) {
        size_t len = strcspn (cp, "/");

        if (len == 2 && strncmp (cp, "..", 2) == 0)
            levels++;
        else if (len > 0 && !(len == 1 && *cp == '.'))
            return errprintf (error, "%s: invalid URI path element '%.*s'", uri, (int)len,
                              cp);
        cp += len + (cp[len] == '/');
    }
    return levels;
}

/* The URI of the instance around h's (the caller frees it).  NULL with errno
 * ENOENT if h's is the root.
 */
static char *parent_uri (flux_t *h)
{
    const char *s;

    if (!(s = flux_attr_get (h, "instance-level")))
        return NULL;
    if (strcmp (s, "0") == 0) {
        errno = ENOENT;
        return NULL;
    }
    if (!(s = flux_attr_get (h, "parent-uri")))
        return NULL;
    return strdup (s);
}

flux_t *handle_open_ancestor (const char *uri, int flags, flux_error_t *error)
{
    const char *self = getenv ("FLUX_URI");
    flux_t *h;
    int levels;

    if ((levels = parse_levels (uri, error)) < 0)
        return NULL;
    if (self && (*self == '.' || *self == '/')) {
        errprintf (error, "%s: FLUX_URI is relative itself", uri);
        errno = EINVAL;
        return NULL;
    }
    h = flux_open_ex (NULL, flags, error);
    for (; h && levels > 0; levels--) {
        _cleanup_ (freep)
        char *parent = parent_uri (h);

        if (!parent && errno == ENOENT)
            break;
        if (!parent)
            errprintf (error, "%s: cannot get the parent's URI: %s", uri,
                       strerror (errno));
        flux_close (h);
        h = parent ? flux_open_ex (parent, flags, error) : NULL;
    }
    return h;
}
