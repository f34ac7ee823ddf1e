/* future_composite.c - wait for all, or for any, of several futures.
 *
 * Invariants
 *  - ready = children whose ready_fn was called at least once
 *  - children have no continuation of their own: the composite has taken them
 *    over, and follows it from one context to another
 *
 * Ownership: the composite (in its aux) owns its children.
 */

#include "config.h"
#include <stdio.h>
#include <flux/core.h>

#include "common/table.h"
#include "common/util.h"
#include "future_private.h"

#define COMPOSITE_AUX "flux::composite"

struct composite {
    flux_future_t *cf;
    bool any;
    bool answered;        /* wait_all was fulfilled once */
    struct list children; /* in the order they came */
    struct table names;
    size_t ready;
    struct child *cursor; /* of first_child, next_child */
};

struct child {
    struct list node;
    struct composite *c;
    flux_future_t *f;
    char *name;
    bool ready;
};

static void child_destroy (struct child *child)
{
    if (!child)
        return;
    if (child->f) {
        child->f->ready_fn = NULL;
        future_unref (child->f);
    }
    free (child->name);
    free (child);
}

static void composite_destroy (void *arg)
{
    struct composite *c = arg;
    struct child *child;
    int saved_errno = errno;

    while ((child = list_first (&c->children, struct child, node))) {
        list_del (&child->node);
        child_destroy (child);
    }
    table_fini (&c->names);
    free (c);
    errno = saved_errno;
}

/* All are ready: success, or the errnum of one that failed. */
static void fulfill_all (struct composite *c)
{
    struct child *child;

    c->answered = true;
    list_foreach (&c->children, child, node) {
        int errnum = future_errnum (child->f);

        if (errnum != 0) {
            flux_future_fulfill_error (c->cf, errnum, NULL);
            return;
        }
    }
    flux_future_fulfill (c->cf, NULL, NULL);
}

static bool all_ready (struct composite *c)
{
    struct child *child;

    if (c->ready < table_count (&c->names))
        return false;
    if (c->answered) { /* a second round: children were reset meanwhile */
        list_foreach (&c->children, child, node)
            if (!flux_future_is_ready (child->f))
                return false;
    }
    return true;
}

static void child_ready (flux_future_t *f, void *arg)
{
    struct child *child = arg;
    struct composite *c = child->c;
    int errnum = future_errnum (f);

    if (!child->ready) {
        child->ready = true;
        c->ready++;
    }
    if (!c->any) {
        if (all_ready (c))
            fulfill_all (c);
    }
    else if (errnum != 0)
        flux_future_fulfill_error (c->cf, errnum, future_errstr (f));
    else
        flux_future_fulfill (c->cf, NULL, NULL);
}

static void child_attach (struct child *child)
{
    flux_future_t *f = child->f;

    future_clear_continuation (f);
    future_bind (f, child->c->cf);
    f->ready_fn = child_ready;
    f->ready_arg = child;
    if (!flux_future_is_ready (f))
        future_start (f);
    if (flux_future_is_ready (f) && !child->ready)
        child_ready (f, child);
}

static void composite_init (flux_future_t *cf, void *arg)
{
    struct composite *c = arg;
    struct child *child;

    if (!c->any && list_empty (&c->children) && !c->answered)
        fulfill_all (c);
    list_foreach (&c->children, child, node)
        child_attach (child);
}

static flux_future_t *composite_create (bool any)
{
    struct composite *c;

    if (!(c = calloc (1, sizeof (*c))))
        return NULL;
    c->any = any;
    list_init (&c->children);
    table_init (&c->names);
    if (!(c->cf = flux_future_create (composite_init, c))
        || flux_future_aux_set (c->cf, COMPOSITE_AUX, c, composite_destroy) < 0) {
        flux_future_destroy (c->cf);
        composite_destroy (c);
        return NULL;
    }
    c->cf->rebind = true;
    return c->cf;
}

flux_future_t *flux_future_wait_all_create (void)
{
    return composite_create (false);
}

flux_future_t *flux_future_wait_any_create (void)
{
    return composite_create (true);
}

/* Not what shows through from an embedded composite. */
static struct composite *get_composite (flux_future_t *cf)
{
    struct composite *c = cf ? aux_get (cf->aux, COMPOSITE_AUX) : NULL;

    if (!c)
        errno = EINVAL;
    return c;
}

static struct child *child_create (struct composite *c, const char *name)
{
    struct child *child;
    int rc;

    if (!(child = calloc (1, sizeof (*child))))
        return NULL;
    list_init (&child->node);
    child->c = c;
    if (name)
        rc = (child->name = strdup (name)) ? 0 : -1;
    else
        rc = asprintf (&child->name, "%zu", table_count (&c->names));
    if (rc < 0) {
        child->name = NULL;
        child_destroy (child);
        errno = ENOMEM;
        return NULL;
    }
    return child;
}

int flux_future_push (flux_future_t *cf, const char *name, flux_future_t *f)
{
    struct composite *c;
    struct child *child;
    int r;

    if (!(c = get_composite (cf)))
        return -1;
    if (!f || f == cf) {
        errno = EINVAL;
        return -1;
    }
    if (!(child = child_create (c, name)))
        return -1;
    if ((r = table_put_str (&c->names, child->name, child)) < 0) {
        child_destroy (child);
        errno = -r; /* EEXIST */
        return -1;
    }
    list_append (&c->children, &child->node);
    child->f = f;
    if (future_was_started (cf))
        child_attach (child);
    return 0;
}

flux_future_t *flux_future_get_child (flux_future_t *cf, const char *name)
{
    struct composite *c = get_composite (cf);
    struct child *child;

    if (!c)
        return NULL;
    if (!name) {
        errno = EINVAL;
        return NULL;
    }
    if (!(child = table_get_str (&c->names, name))) {
        errno = ENOENT;
        return NULL;
    }
    return child->f;
}

const char *flux_future_first_child (flux_future_t *cf)
{
    struct composite *c = get_composite (cf);

    if (!c)
        return NULL;
    c->cursor = list_first (&c->children, struct child, node);
    return c->cursor ? c->cursor->name : NULL;
}

const char *flux_future_next_child (flux_future_t *cf)
{
    struct composite *c = get_composite (cf);

    if (!c || !c->cursor)
        return NULL;
    if (c->cursor->node.next == &c->children)
        c->cursor = NULL;
    else
        c->cursor = list_entry (c->cursor->node.next, struct child, node);
    return c->cursor ? c->cursor->name : NULL;
}
