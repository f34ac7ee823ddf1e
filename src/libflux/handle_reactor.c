/* handle_reactor.c - the reactor and the configuration of a handle.
 *
 * How to let go of them is remembered with them, so that a program that uses
 * neither links neither.
 */

#include "config.h"

#include "common/util.h"
#include "handle_private.h"

flux_reactor_t *flux_get_reactor (flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!h->reactor && (h->reactor = flux_reactor_create (0)))
        h->reactor_release = flux_reactor_destroy;
    return h->reactor;
}

int flux_set_reactor (flux_t *h, flux_reactor_t *r)
{
    if (!h) {
        errno = EINVAL;
        return -1;
    }
    if (h->reactor) {
        errno = EEXIST;
        return -1;
    }
    h->reactor = r;
    return 0;
}

int flux_set_conf_new (flux_t *h, const flux_conf_t *conf)
{
    if (!h) {
        errno = EINVAL;
        return -1;
    }
    if (h->conf)
        h->conf_release (h->conf);
    h->conf = conf;
    h->conf_release = flux_conf_decref;
    return 0;
}

/* A clone without a configuration of its own sees that of its parent. */
const flux_conf_t *flux_get_conf (flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!h->conf && h->parent)
        return flux_get_conf (h->parent);
    if (!h->conf && (h->conf = flux_conf_create ()))
        h->conf_release = flux_conf_decref;
    return h->conf;
}
