#include "config.h"

#include "common/util.h"
#include "aux.h"

struct aux_item {
    struct aux_item *next;
    void *val;
    flux_free_f free_fn;
    char name[]; /* empty, or "=NAME" */
};

/* One list: named items newest first, then anonymous ones oldest first, the
 * order in which they die.
 */
static bool is_anonymous (const struct aux_item *item)
{
    return item->name[0] == '\0';
}

static bool is_named (const struct aux_item *item, const char *name)
{
    return !is_anonymous (item) && strcmp (item->name + 1, name) == 0;
}

static void item_destroy (struct aux_item *item)
{
    int saved_errno = errno;

    if (item->free_fn)
        item->free_fn (item->val);
    free (item);
    errno = saved_errno;
}

static struct aux_item *item_create (const char *name, void *val, flux_free_f free_fn)
{
    size_t size = name ? strlen (name) + 2 : 1;
    struct aux_item *item;

    if (!(item = calloc (1, sizeof (*item) + size)))
        return NULL;
    item->val = val;
    item->free_fn = free_fn;
    if (name) {
        item->name[0] = '=';
        memcpy (item->name + 1, name, size - 2);
    }
    return item;
}

int aux_set (struct aux_item **aux, const char *name, void *val, flux_free_f free_fn)
{
    struct aux_item *item = NULL;
    struct aux_item *old = NULL;
    struct aux_item **pp;

    if ((!name && (!val || !free_fn)) || (!val && free_fn)) {
        errno = EINVAL;
        return -1;
    }
    if (val && !(item = item_create (name, val, free_fn)))
        return -1;
    if (name) {
        for (pp = aux; *pp; pp = &(*pp)->next) {
            if (is_named (*pp, name)) {
                old = *pp;
                *pp = old->next;
                break;
            }
        }
        if (item) {
            item->next = *aux;
            *aux = item;
        }
    }
    else {
        for (pp = aux; *pp; pp = &(*pp)->next)
            ;
        *pp = item;
    }
    /* The list is whole again before foreign code runs. */
    if (old)
        item_destroy (old);
    return 0;
}

void *aux_get (const struct aux_item *aux, const char *name)
{
    if (!name) {
        errno = EINVAL;
        return NULL;
    }
    for (; aux; aux = aux->next) {
        if (is_named (aux, name))
            return aux->val;
    }
    errno = ENOENT;
    return NULL;
}

void aux_delete_value (struct aux_item **aux, const void *val)
{
    for (; *aux; aux = &(*aux)->next) {
        struct aux_item *item = *aux;

        if (item->val == val) {
            *aux = item->next;
            item_destroy (item);
            return;
        }
    }
}

void aux_destroy (struct aux_item **aux)
{
    /* A destructor may look at what is left, or even add: take one by one. */
    while (*aux) {
        struct aux_item *item = *aux;

        *aux = item->next;
        item_destroy (item);
    }
}
