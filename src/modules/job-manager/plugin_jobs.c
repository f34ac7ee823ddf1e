/* What plugins keep of jobs. */

#include "config.h"

#include "plugins.h"

struct plugin_item {
    struct list node;
    struct plugin *plugin;
    void *val;
    flux_free_f free_fn;
    char name[]; /* "": it has none */
};

struct subscriber {
    struct list node;
    const struct plugin *plugin;
};

struct plugin_job *plugin_job (struct plugins *ps, uint64_t id)
{
    return table_get_u64 (&ps->jobs, id);
}

struct plugin_job *plugin_job_make (struct plugins *ps, uint64_t id)
{
    struct plugin_job *pj = plugin_job (ps, id);
    int r;

    if (pj || !(pj = calloc (1, sizeof (*pj))))
        return pj;
    pj->id = id;
    list_init (&pj->items);
    list_init (&pj->subscribers);
    if ((r = table_put_u64 (&ps->jobs, id, pj)) < 0) {
        free (pj);
        errno = -r;
        return NULL;
    }
    return pj;
}

/* Its destructor may ask for other items of the job. */
static void item_free (struct plugin_item *item)
{
    list_del (&item->node);
    if (item->free_fn)
        item->free_fn (item->val);
    free (item);
}

static void subscriber_free (struct subscriber *s)
{
    list_del (&s->node);
    free (s);
}

static void record_free (struct plugin_job *pj)
{
    struct subscriber *s = NULL;
    struct plugin_item *item;

    while ((item = list_first (&pj->items, struct plugin_item, node)))
        item_free (item);
    list_foreach (&pj->subscribers, s, node)
        subscriber_free (s);
    free (pj);
}

void plugin_job_drop (struct plugins *ps, uint64_t id)
{
    struct plugin_job *pj = plugin_job (ps, id);

    if (pj) {
        table_del_u64 (&ps->jobs, id);
        record_free (pj);
    }
}

static struct plugin_item *first_of (struct plugin_job *pj, const struct plugin *pl)
{
    struct plugin_item *item = NULL;

    list_foreach (&pj->items, item, node) {
        if (item->plugin == pl)
            return item;
    }
    return NULL;
}

void plugin_jobs_forget (struct plugins *ps, struct plugin *pl)
{
    for (size_t i = 0; ps->jobs.slots && i <= ps->jobs.mask; i++) {
        struct plugin_job *pj = ps->jobs.slots[i].value;
        struct plugin_item *item;

        if (!pj)
            continue;
        while ((item = first_of (pj, pl)))
            item_free (item);
        plugin_job_unsubscribe (pj, pl);
    }
}

static struct subscriber *find (const struct plugin_job *pj, const struct plugin *pl)
{
    struct subscriber *s = NULL;

    list_foreach (&pj->subscribers, s, node) {
        if (s->plugin == pl)
            return s;
    }
    return NULL;
}

bool plugin_job_subscribes (const struct plugin_job *pj, const struct plugin *pl)
{
    return find (pj, pl) != NULL;
}

int plugin_job_subscribe (struct plugin_job *pj, struct plugin *pl)
{
    struct subscriber *s;

    if (find (pj, pl))
        return 0;
    if (!(s = malloc (sizeof (*s))))
        return -1;
    s->plugin = pl;
    list_init (&s->node);
    list_append (&pj->subscribers, &s->node);
    return 0;
}

void plugin_job_unsubscribe (struct plugin_job *pj, const struct plugin *pl)
{
    struct subscriber *s = find (pj, pl);

    if (s)
        subscriber_free (s);
}

static struct plugin_item *
find_item (struct plugin_job *pj, const struct plugin *pl, const char *name)
{
    struct plugin_item *item = NULL;

    list_foreach (&pj->items, item, node) {
        if (item->plugin == pl && *name && strcmp (item->name, name) == 0)
            return item;
    }
    return NULL;
}

int plugin_job_set (struct plugin_job *pj,
                    struct plugin *pl,
                    const char *name,
                    void *val,
                    flux_free_f free_fn)
{
    struct plugin_item *item, *old;

    if ((!name && !val) || (!val && free_fn) || (!name && !free_fn)) {
        errno = EINVAL;
        return -1;
    }
    old = find_item (pj, pl, name ? name : "");
    if (!val) {
        if (old)
            item_free (old);
        return 0;
    }
    if (!(item = calloc (1, sizeof (*item) + (name ? strlen (name) : 0) + 1)))
        return -1;
    item->plugin = pl;
    item->val = val;
    item->free_fn = free_fn;
    list_init (&item->node);
    if (name)
        strcpy (item->name, name);
    if (old)
        item_free (old);
    if (name)
        list_prepend (&pj->items, &item->node);
    else
        list_append (&pj->items, &item->node);
    return 0;
}

void *plugin_job_get (struct plugin_job *pj, struct plugin *pl, const char *name)
{
    struct plugin_item *item = find_item (pj, pl, name);

    if (!item)
        errno = ENOENT;
    return item ? item->val : NULL;
}

void plugin_job_delete (struct plugin_job *pj, struct plugin *pl, const void *val)
{
    struct plugin_item *item = NULL;

    list_foreach (&pj->items, item, node) {
        if (item->plugin == pl && item->val == val) {
            item_free (item);
            return;
        }
    }
}
