/* attr.c - broker attributes, and the handle's cache of those that never
 * change.
 *
 * Invariant: an entry that is 'cached' answers without the broker; the others
 * only keep the string last returned alive.
 * Bound: one entry per name ever asked for.
 */

#include "config.h"
#include <inttypes.h>
#include <stdio.h>

#include <flux/core.h>

#include "common/errprintf.h"
#include "common/list.h"
#include "common/table.h"
#include "common/util.h"

#define ATTR_FLAG_IMMUTABLE 1

struct attr {
    struct list node;
    bool cached;
    char *value;
    char name[];
};

struct attr_cache {
    struct table by_name;
    struct list attrs; /* oldest first */
    struct list *cursor;
};

static void attr_destroy (struct attr *attr)
{
    free (attr->value);
    free (attr);
}

static void cache_destroy (void *arg)
{
    struct attr_cache *cache = arg;
    struct attr *attr;
    int saved_errno = errno;

    list_foreach (&cache->attrs, attr, node)
        attr_destroy (attr);
    table_fini (&cache->by_name);
    free (cache);
    errno = saved_errno;
}

static struct attr_cache *cache_get (flux_t *h)
{
    static const char name[] = "flux::attr_cache";
    struct attr_cache *cache = flux_aux_get (h, name);

    if (cache)
        return cache;
    if (!(cache = calloc (1, sizeof (*cache))))
        return NULL;
    list_init (&cache->attrs);
    cache->cursor = &cache->attrs;
    if (flux_aux_set (h, name, cache, cache_destroy) < 0) {
        cache_destroy (cache);
        return NULL;
    }
    return cache;
}

static void cache_drop (struct attr_cache *cache, const char *name)
{
    struct attr *attr = table_del_str (&cache->by_name, name);

    if (attr) {
        if (cache->cursor == &attr->node)
            cache->cursor = attr->node.prev;
        list_del (&attr->node);
        attr_destroy (attr);
    }
}

static struct attr *attr_create (const char *name)
{
    size_t size = strlen (name) + 1;
    struct attr *attr;

    if ((attr = calloc (1, sizeof (*attr) + size))) {
        list_init (&attr->node);
        memcpy (attr->name, name, size);
    }
    return attr;
}

/* Remember a value; returns our copy of it. */
static const char *cache_put (struct attr_cache *cache,
                              const char *name,
                              const char *value,
                              bool cached)
{
    struct attr *attr = table_get_str (&cache->by_name, name);
    char *cpy = strdup (value);

    if (!cpy)
        return NULL;
    if (!attr) {
        int rc;

        if (!(attr = attr_create (name))) {
            free (cpy);
            return NULL;
        }
        if ((rc = table_put_str (&cache->by_name, attr->name, attr)) < 0) {
            attr_destroy (attr);
            free (cpy);
            errno = -rc;
            return NULL;
        }
        list_append (&cache->attrs, &attr->node);
    }
    free (attr->value);
    attr->value = cpy;
    attr->cached = cached;
    return cpy;
}

/* attr.get {"name":s} -> {"value":s "flags":i} */
static const char *attr_fetch (flux_t *h, struct attr_cache *cache, const char *name)
{
    const char *result = NULL;
    const char *value;
    flux_future_t *f;
    int flags;

    if (!(f = flux_rpc_pack (h, "attr.get", FLUX_NODEID_ANY, 0, "{s:s}", "name", name)))
        return NULL;
    if (flux_rpc_get_unpack (f, "{s:s s:i}", "value", &value, "flags", &flags) == 0)
        result = cache_put (cache, name, value, flags & ATTR_FLAG_IMMUTABLE);
    flux_future_destroy (f);
    return result;
}

/* What the user should see of a value: behind a proxy the parent's local
 * socket is on another host.
 */
static const char *attr_localize (struct attr_cache *cache,
                                  const char *name,
                                  const char *value)
{
    static const char local[] = "local://";
    const char *remote;
    const char *result;
    char *uri;

    if (!value || strcmp (name, "parent-uri") != 0
        || strncmp (value, local, strlen (local)) != 0
        || !(remote = getenv ("FLUX_PROXY_REMOTE")))
        return value;
    if (asprintf (&uri, "ssh://%s%s", remote, value + strlen (local)) < 0)
        return NULL;
    result = cache_put (cache, name, uri, true);
    free (uri);
    return result;
}

const char *flux_attr_get (flux_t *h, const char *name)
{
    struct attr_cache *cache;
    struct attr *attr;

    if (!h || !name) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cache = cache_get (h)))
        return NULL;
    if ((attr = table_get_str (&cache->by_name, name)) && attr->cached)
        return attr_localize (cache, name, attr->value);
    return attr_localize (cache, name, attr_fetch (h, cache, name));
}

int flux_attr_set_ex (flux_t *h,
                      const char *name,
                      const char *val,
                      bool force,
                      flux_error_t *errp)
{
    flux_future_t *f;
    int rc = -1;

    if (!h || !name || !val) {
        errno = EINVAL;
        return errprintf (errp, "%s", strerror (errno));
    }
    f = force ? flux_rpc_pack (h,
                               "attr.set",
                               FLUX_NODEID_ANY,
                               0,
                               "{s:s s:s s:b}",
                               "name",
                               name,
                               "value",
                               val,
                               "force",
                               1)
              : flux_rpc_pack (h,
                               "attr.set",
                               FLUX_NODEID_ANY,
                               0,
                               "{s:s s:s}",
                               "name",
                               name,
                               "value",
                               val);
    if (!f)
        return errprintf (errp, "%s", strerror (errno));
    if ((rc = flux_rpc_get (f, NULL)) < 0)
        errprintf (errp, "%s", future_strerror (f, errno));
    else if (cache_get (h))
        cache_drop (cache_get (h), name);
    flux_future_destroy (f);
    return rc;
}

int flux_attr_set (flux_t *h, const char *name, const char *val)
{
    return flux_attr_set_ex (h, name, val, false, NULL);
}

int flux_attr_set_cacheonly (flux_t *h, const char *name, const char *val)
{
    struct attr_cache *cache;

    if (!h || !name) {
        errno = EINVAL;
        return -1;
    }
    if (!(cache = cache_get (h)))
        return -1;
    if (!val) {
        cache_drop (cache, name);
        return 0;
    }
    return cache_put (cache, name, val, true) ? 0 : -1;
}

const char *flux_attr_cache_next (flux_t *h)
{
    struct attr_cache *cache = h ? cache_get (h) : NULL;

    if (!cache)
        return NULL;
    while (cache->cursor->next != &cache->attrs) {
        struct attr *attr = list_entry (cache->cursor->next, struct attr, node);

        cache->cursor = &attr->node;
        if (attr->cached)
            return attr->name;
    }
    return NULL;
}

const char *flux_attr_cache_first (flux_t *h)
{
    struct attr_cache *cache = h ? cache_get (h) : NULL;

    if (!cache)
        return NULL;
    cache->cursor = &cache->attrs;
    return flux_attr_cache_next (h);
}

static int get_uint32 (flux_t *h, const char *name, uint32_t *value)
{
    unsigned long n;
    const char *s;
    char *end;

    if (!h || !value) {
        errno = EINVAL;
        return -1;
    }
    if (!(s = flux_attr_get (h, name)))
        return -1;
    errno = 0;
    n = strtoul (s, &end, 10);
    if (errno != 0 || end == s || *end || n > UINT32_MAX || *s == '-') {
        errno = EINVAL;
        return -1;
    }
    *value = n;
    return 0;
}

int flux_get_rank (flux_t *h, uint32_t *rank)
{
    return get_uint32 (h, "rank", rank);
}

int flux_get_size (flux_t *h, uint32_t *size)
{
    return get_uint32 (h, "size", size);
}

/* The leader's answer counts: each broker has a start time of its own. */
int flux_get_instance_starttime (flux_t *h, double *starttime)
{
    flux_future_t *f;
    const char *s;
    char *end;
    double t;
    int rc = -1;

    if (!h || !starttime) {
        errno = EINVAL;
        return -1;
    }
    if (!(f = flux_rpc_pack (h, "attr.get", 0, 0, "{s:s}", "name", "broker.starttime")))
        return -1;
    if (flux_rpc_get_unpack (f, "{s:s}", "value", &s) == 0) {
        errno = 0;
        t = strtod (s, &end);
        if (errno != 0 || end == s || *end)
            errno = EINVAL;
        else {
            *starttime = t;
            rc = 0;
        }
    }
    flux_future_destroy (f);
    return rc;
}
