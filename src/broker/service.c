#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#include "service.h"

struct service {
    struct endpoint *ep;
    struct list node; /* in ep->services */
    char name[];
};

struct service_table {
    struct table names; /* name => struct service */
};

struct service_table *service_table_new (void)
{
    struct service_table *st = calloc (1, sizeof (*st));

    if (st)
        table_init (&st->names);
    return st;
}

void service_table_free (struct service_table *st)
{
    struct service *svc;

    if (!st)
        return;
    while ((svc = table_pop (&st->names))) {
        list_del (&svc->node);
        free (svc);
    }
    table_fini (&st->names);
    free (st);
}

static bool at_bound (const struct endpoint *ep)
{
    const struct list *n;
    int count = 0;

    if (ep->kind != ENDPOINT_CLIENT)
        return false;
    for (n = ep->services.next; n != &ep->services; n = n->next)
        count++;
    return count >= SERVICES_PER_ENDPOINT;
}

int service_add (struct service_table *st, const char *name, struct endpoint *ep)
{
    struct service *svc;
    size_t len = strlen (name);
    int r;

    if (len == 0 || strchr (name, '.'))
        return -EINVAL;
    if (table_get (&st->names, name, len))
        return -EEXIST;
    if (at_bound (ep))
        return -ENOSPC;
    if (!(svc = malloc (sizeof (*svc) + len + 1)))
        return -ENOMEM;
    memcpy (svc->name, name, len + 1);
    svc->ep = ep;
    if ((r = table_put (&st->names, svc->name, len, svc)) < 0) {
        free (svc);
        return r;
    }
    list_append (&ep->services, &svc->node);
    return 0;
}

static void service_free (struct service_table *st, struct service *svc)
{
    table_del_str (&st->names, svc->name);
    list_del (&svc->node);
    free (svc);
}

int service_remove (struct service_table *st, const char *name, struct endpoint *ep)
{
    struct service *svc = table_get_str (&st->names, name);

    if (!svc)
        return -ENOENT;
    if (svc->ep != ep)
        return -EINVAL;
    service_free (st, svc);
    return 0;
}

void service_remove_all (struct service_table *st, struct endpoint *ep)
{
    struct service *svc;

    while ((svc = list_first (&ep->services, struct service, node)))
        service_free (st, svc);
}

struct endpoint *service_find (const struct service_table *st, const char *name)
{
    struct service *svc = table_get_str (&st->names, name);

    return svc ? svc->ep : NULL;
}

struct endpoint *service_lookup (const struct service_table *st, const char *topic)
{
    struct service *svc = table_get (&st->names, topic, strcspn (topic, "."));

    return svc ? svc->ep : NULL;
}

const char *service_next (const struct endpoint *ep, const char *prev)
{
    const struct list *n = ep->services.next;

    if (prev)
        n = container_of (prev, struct service, name)->node.next;
    return n == &ep->services ? NULL : list_entry (n, struct service, node)->name;
}

int service_authorize (const char *name, struct flux_msg_cred cred)
{
    char prefix[16];

    if ((cred.rolemask & FLUX_ROLE_OWNER))
        return 0;
    snprintf (prefix, sizeof (prefix), "%u-", (unsigned int)cred.userid);
    if (cred.userid == FLUX_USERID_UNKNOWN
        || strncmp (name, prefix, strlen (prefix)) != 0)
        return -EPERM;
    return 0;
}
