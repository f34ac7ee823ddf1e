/* hosts.c - which host a rank is on: attribute "hostlist", index = rank. */

#include "config.h"
#include <flux/core.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "common/errprintf.h"
#include "common/util.h"

/* The attribute as it was, and as a list. */
struct hostmap {
    char *text;
    struct hostlist *hl;
};

static void hostmap_destroy (void *arg)
{
    struct hostmap *map = arg;

    if (map) {
        hostlist_destroy (map->hl);
        free_keep_errno (map->text);
        free_keep_errno (map);
    }
}

/* The list of hosts, decoded anew only if the attribute has changed. */
static struct hostlist *hostmap_get (flux_t *h)
{
    static const char name[] = "flux::hostmap";
    struct hostmap *map;
    const char *text;

    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!(text = flux_attr_get (h, "hostlist")))
        return NULL;
    if ((map = flux_aux_get (h, name)) && strcmp (map->text, text) == 0)
        return map->hl;
    if (!(map = calloc (1, sizeof (*map))) || !(map->text = strdup (text))
        || !(map->hl = hostlist_decode (text))
        || flux_aux_set (h, name, map, hostmap_destroy) < 0) {
        hostmap_destroy (map);
        return NULL;
    }
    return map->hl;
}

const char *flux_get_hostbyrank (flux_t *h, uint32_t rank)
{
    struct hostlist *hl;
    const char *host = NULL;

    if (rank == FLUX_NODEID_ANY)
        return "any";
    if (rank == FLUX_NODEID_UPSTREAM)
        return "upstream";
    if ((hl = hostmap_get (h)) && rank <= INT32_MAX)
        host = hostlist_nth (hl, rank);
    return host ? host : "(null)";
}

int flux_get_rankbyhost (flux_t *h, const char *host)
{
    struct hostlist *hl;

    if (!host) {
        errno = EINVAL;
        return -1;
    }
    if (!(hl = hostmap_get (h)))
        return -1;
    return hostlist_find (hl, host);
}

/* Hosts of the ranks of ids. */
static char *ranks_to_hosts (struct hostlist *map,
                             const struct idset *ids,
                             flux_error_t *errp)
{
    struct hostlist *hosts;
    char *result = NULL;
    unsigned int rank;

    if (!(hosts = hostlist_create ()))
        goto error;
    rank = idset_first (ids);
    for (; rank != IDSET_INVALID_ID; rank = idset_next (ids, rank)) {
        const char *host = hostlist_nth (map, rank);

        if (!host && errno == ENOENT) {
            errprintf (errp, "rank %u is not in host map", rank);
            goto done;
        }
        if (!host || hostlist_append (hosts, host) < 0)
            goto error;
    }
    if ((result = hostlist_encode (hosts)))
        goto done;
error:
    errprintf (errp, "%s", strerror (errno));
done:
    hostlist_destroy (hosts);
    return result;
}

/* Lowest ranks of the hosts named. */
static char *hosts_to_ranks (struct hostlist *map,
                             struct hostlist *hosts,
                             flux_error_t *errp)
{
    struct idset *ids;
    char *result = NULL;
    const char *host;

    if (!(ids = idset_create (0, IDSET_FLAG_AUTOGROW)))
        goto error;
    for (host = hostlist_first (hosts); host; host = hostlist_next (hosts)) {
        int rank = hostlist_find (map, host);

        if (rank < 0) {
            errprintf (errp, "host %s not found in host map", host);
            goto done;
        }
        if (idset_set (ids, rank) < 0)
            goto error;
    }
    if ((result = idset_encode (ids, IDSET_FLAG_RANGE)))
        goto done;
error:
    errprintf (errp, "%s", strerror (errno));
done:
    idset_destroy (ids);
    return result;
}

char *flux_hostmap_lookup (flux_t *h, const char *targets, flux_error_t *errp)
{
    struct hostlist *map;
    struct hostlist *hosts;
    struct idset *ids;
    char *result;

    if (!h || !targets) {
        errprintf (errp, "%s", strerror (EINVAL));
        errno = EINVAL;
        return NULL;
    }
    if (!(map = hostmap_get (h))) {
        errprintf (errp, "failed to get hostlist attribute: %s", strerror (errno));
        return NULL;
    }
    if ((ids = idset_decode (targets))) {
        result = ranks_to_hosts (map, ids, errp);
        idset_destroy (ids);
        return result;
    }
    if (errno != ENOMEM && (hosts = hostlist_decode (targets))) {
        result = hosts_to_ranks (map, hosts, errp);
        hostlist_destroy (hosts);
        return result;
    }
    if (errno == ENOMEM) {
        errprintf (errp, "%s", strerror (errno));
        return NULL;
    }
    errprintf (errp, "target must be a valid idset or hostlist");
    errno = EINVAL;
    return NULL;
}
