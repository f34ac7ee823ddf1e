/* Our place in the tree: the exchange of keys through PMI, and the links.
 *
 * Each broker publishes its card, the line "uuid key hostname uri": its name
 * in route stacks, its public key, and where it listens: for child N at
 * uri-N.
 */

#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <flux/hostlist.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "overlay_private.h"

struct card {
    char uuid[UUID_TEXT_SIZE];
    char key[TRANSPORT_KEY_SIZE];
    char host[256];
    char uri[256];
};

static int load_plugin (struct overlay *ov, flux_error_t *error)
{
    if (!(ov->dso = dlopen (ov->args.plugin, RTLD_NOW | RTLD_LOCAL))
        || !(ov->plugin = dlsym (ov->dso, TRANSPORT_SYMBOL))) {
        errprintf (error, "overlay: %s", dlerror ());
        errno = ENOENT;
        return -1;
    }
    if (!(ov->transport = ov->plugin->create (ov->reactor, error)))
        return -1;
    return 0;
}

static int place (struct overlay *ov, flux_error_t *error)
{
    const char *topo = attrs_get (ov->args.attrs, "tbon.topo");
    const char *fanout = attrs_get (ov->args.attrs, "tbon.fanout");
    char buf[32];

    if (fanout) { /* the older way to say it */
        snprintf (buf, sizeof (buf), "kary:%.16s", fanout);
        topo = buf;
    }
    if (topology_parse (topo ? topo : "", ov->args.pmi->size, &ov->topology) < 0) {
        errno = EINVAL;
        return errprintf (error, "tbon.topo: '%s' is not kary:K", topo ? topo : "");
    }
    return 0;
}

static void peer_init (struct overlay *ov, struct peer *p, uint32_t rank)
{
    p->ov = ov;
    p->rank = rank;
    p->health = HEALTH_OFFLINE;
    p->since = flux_reactor_time ();
    snprintf (p->name, sizeof (p->name), "rank %u", (unsigned int)rank);
}

static int make_peers (struct overlay *ov)
{
    uint32_t first = 0;

    if (ov->rank > 0) {
        if (!(ov->parent = calloc (1, sizeof (*ov->parent))))
            return -1;
        peer_init (ov, ov->parent, topology_parent (&ov->topology, ov->rank));
    }
    ov->nchildren = topology_children (&ov->topology, ov->rank, &first);
    if (!(ov->children = calloc (ov->nchildren + 1, sizeof (ov->children[0]))))
        return -1;
    for (uint32_t i = 0; i < ov->nchildren; i++)
        peer_init (ov, &ov->children[i], first + i);
    return 0;
}

/* Before anybody can know our card. */
static int listen_all (struct overlay *ov, const char *base, flux_error_t *error)
{
    char uri[300];

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        struct peer *p = &ov->children[i];

        snprintf (uri, sizeof (uri), "%s-%u", base, (unsigned int)p->rank);
        if (!(p->link = ov->plugin->listen (ov->transport, uri, &overlay_child_ops, p)))
            return errprintf (error, "overlay: %s: %s", uri, strerror (errno));
    }
    return 0;
}

static int card_put (struct overlay *ov, const char *base, flux_error_t *error)
{
    char key[32], value[PMI_VALLEN_MAX];

    snprintf (key, sizeof (key), "broker.%u", (unsigned int)ov->rank);
    if (snprintf (value,
                  sizeof (value),
                  "%s %s %s %s",
                  ov->args.uuid,
                  ov->plugin->key (ov->transport),
                  attrs_get (ov->args.attrs, "hostname"),
                  base)
        >= (int)sizeof (value)) {
        errno = EOVERFLOW;
        return errprintf (error, "overlay: what this broker has to say is too long");
    }
    return pmi_client_put (ov->args.pmi, key, value, error);
}

static int card_get (struct overlay *ov,
                     uint32_t rank,
                     struct card *card,
                     flux_error_t *error)
{
    char key[32], value[PMI_VALLEN_MAX];

    snprintf (key, sizeof (key), "broker.%u", (unsigned int)rank);
    if (pmi_client_get (ov->args.pmi, key, value, error) < 0)
        return -1;
    if (sscanf (value,
                "%36s %64s %255s %255s",
                card->uuid,
                card->key,
                card->host,
                card->uri)
        != 4) {
        errno = EPROTO;
        return errprintf (error, "overlay: rank %u does not say who it is", rank);
    }
    return 0;
}

static int connect_parent (struct overlay *ov, flux_error_t *error)
{
    struct peer *p = ov->parent;
    struct card card;
    char uri[300];

    if (card_get (ov, p->rank, &card, error) < 0)
        return -1;
    strcpy (p->uuid, card.uuid);
    snprintf (uri, sizeof (uri), "%s-%u", card.uri, (unsigned int)ov->rank);
    if (!(p->link = ov->plugin->connect (
              ov->transport, uri, card.key, &overlay_parent_ops, p))
        || attrs_set (ov->args.attrs, "tbon.parent-endpoint", uri) < 0)
        return errprintf (error, "overlay: %s: %s", uri, strerror (errno));
    return 0;
}

static int admit_children (struct overlay *ov, flux_error_t *error)
{
    struct card card;

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        struct peer *p = &ov->children[i];

        if (card_get (ov, p->rank, &card, error) < 0)
            return -1;
        strcpy (p->uuid, card.uuid);
        if (ov->plugin->admit (p->link, card.key) < 0)
            return errprintf (error, "overlay: rank %u has no proper key", p->rank);
    }
    return 0;
}

/* All hosts in rank order, unless whoever started us has said so. */
static int get_hostlist (struct overlay *ov, flux_error_t *error)
{
    _cleanup_ (freep) char *s = NULL;
    struct hostlist *hl;
    struct card card;
    int rc = -1;

    if (attrs_is_set (ov->args.attrs, "hostlist"))
        return 0;
    if (!(hl = hostlist_create ()))
        return errprintf (error, "%s", strerror (errno));
    for (uint32_t rank = 0; rank < ov->topology.size; rank++) {
        if (card_get (ov, rank, &card, error) < 0)
            goto done;
        if (hostlist_append (hl, card.host) < 0) {
            errprintf (error, "overlay: '%s' is no host name", card.host);
            goto done;
        }
    }
    if (!(s = hostlist_encode (hl)) || attrs_set (ov->args.attrs, "hostlist", s) < 0) {
        errprintf (error, "%s", strerror (ENOMEM));
        goto done;
    }
    rc = 0;
done:
    hostlist_destroy (hl);
    return rc;
}

static int set_attrs (struct overlay *ov, const char *base)
{
    struct attrs *a = ov->args.attrs;
    struct topology *t = &ov->topology;

    if (attrs_setf (a, "tbon.level", "%u", topology_level (t, ov->rank)) < 0
        || attrs_setf (a, "tbon.maxlevel", "%u", topology_level (t, t->size - 1)) < 0
        || attrs_setf (a, "tbon.descendants", "%u", topology_descendants (t, ov->rank)) < 0
        || (ov->nchildren > 0 && attrs_set (a, "tbon.endpoint", base) < 0))
        return -1;
    return 0;
}

int overlay_join (struct overlay *ov, flux_error_t *error)
{
    struct pmi_client *pmi = ov->args.pmi;
    char base[256];

    if (place (ov, error) < 0 || load_plugin (ov, error) < 0)
        return -1;
    snprintf (
        base, sizeof (base), "ipc://%s/tbon", attrs_get (ov->args.attrs, "rundir"));
    if (make_peers (ov) < 0 || set_attrs (ov, base) < 0)
        return errprintf (error, "%s", strerror (ENOMEM));
    if (listen_all (ov, base, error) < 0 || pmi_client_init (pmi, error) < 0
        || card_put (ov, base, error) < 0 || pmi_client_barrier (pmi, error) < 0
        || (ov->parent && connect_parent (ov, error) < 0)
        || admit_children (ov, error) < 0 || get_hostlist (ov, error) < 0)
        return -1;
    return pmi_client_finalize (pmi, error);
}
