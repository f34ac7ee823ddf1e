#include "config.h"
#include <stdio.h>
#include <flux/core.h>

#include "common/util.h"
#include "dispatch_private.h"

void msg_handler_decref (flux_msg_handler_t *mh)
{
    if (mh && --mh->refcount == 0) {
        int saved_errno = errno;

        free ((char *)mh->match.topic_glob);
        free (mh);
        errno = saved_errno;
    }
}

static bool is_glob (const char *s)
{
    return strpbrk (s, "*?[") != NULL;
}

/* Topics */

static int topic_add (struct dispatch *d, flux_msg_handler_t *mh)
{
    const char *name = mh->match.topic_glob;
    struct topic *topic;
    int r;

    if (!(topic = table_get_str (&d->topics, name))) {
        if (!(topic = calloc (1, sizeof (*topic))))
            return -1;
        list_init (&topic->handlers);
        if (!(topic->name = strdup (name))
            || (r = table_put_str (&d->topics, topic->name, topic)) < 0) {
            free (topic->name);
            free (topic);
            errno = ENOMEM;
            return -1;
        }
    }
    list_prepend (&topic->handlers, &mh->node);
    mh->topic = topic;
    return 0;
}

static void topic_remove (struct dispatch *d, flux_msg_handler_t *mh)
{
    struct topic *topic = move_ptr (mh->topic);

    list_del (&mh->node);
    if (list_empty (&topic->handlers)) {
        table_del_str (&d->topics, topic->name);
        free (topic->name);
        free (topic);
    }
}

/* Responses to one matchtag */

static bool sink_accept (struct response_sink *s, const flux_msg_t *msg)
{
    flux_msg_handler_t *mh = container_of (s, flux_msg_handler_t, sink);

    return mh->running && flux_msg_cmp (msg, mh->match);
}

static void sink_receive (struct response_sink *s, const flux_msg_t *msg)
{
    flux_msg_handler_t *mh = container_of (s, flux_msg_handler_t, sink);

    mh->refcount++;
    msg_handler_deliver (mh, msg);
    msg_handler_decref (mh);
}

/* Put it where dispatch looks for it: see dispatch_private.h. */
static int msg_handler_register (struct dispatch *d, flux_msg_handler_t *mh)
{
    const struct flux_match *m = &mh->match;

    if (m->typemask == FLUX_MSGTYPE_RESPONSE && m->matchtag != FLUX_MATCHTAG_NONE) {
        mh->sink.accept = sink_accept;
        mh->sink.receive = sink_receive;
        return response_sink_add (d, m->matchtag, &mh->sink);
    }
    if (m->typemask == FLUX_MSGTYPE_REQUEST && m->topic_glob && m->topic_glob[0]
        && !is_glob (m->topic_glob))
        return topic_add (d, mh);
    list_prepend (&d->others, &mh->node);
    return 0;
}

/* Life */

flux_msg_handler_t *flux_msg_handler_create (flux_t *h,
                                             const struct flux_match match,
                                             flux_msg_handler_f cb,
                                             void *arg)
{
    flux_msg_handler_t *mh;
    struct dispatch *d;

    if (!h || !cb) {
        errno = EINVAL;
        return NULL;
    }
    if (!(d = dispatch_get (h)) || dispatch_need_watcher (d) < 0)
        return NULL;
    if (!(mh = calloc (1, sizeof (*mh))))
        return NULL;
    mh->refcount = 1;
    mh->match = match;
    mh->rolemask = FLUX_ROLE_OWNER;
    mh->cb = cb;
    mh->arg = arg;
    list_init (&mh->node);
    if (match.topic_glob && !(mh->match.topic_glob = strdup (match.topic_glob)))
        goto error;
    if (msg_handler_register (d, mh) < 0)
        goto error;
    mh->d = d;
    d->refcount++;
    return mh;
error:
    msg_handler_decref (mh);
    return NULL;
}

void flux_msg_handler_start (flux_msg_handler_t *mh)
{
    if (mh && mh->d && !mh->running) {
        mh->running = true;
        dispatch_ref_running (mh->d);
    }
}

void flux_msg_handler_stop (flux_msg_handler_t *mh)
{
    if (mh && mh->running) {
        mh->running = false;
        dispatch_unref_running (mh->d);
    }
}

void flux_msg_handler_destroy (flux_msg_handler_t *mh)
{
    int saved_errno = errno;

    if (!mh || !mh->d)
        return;
    flux_msg_handler_stop (mh);
    if (mh->topic)
        topic_remove (mh->d, mh);
    list_del (&mh->node);
    response_sink_remove (&mh->sink);
    dispatch_decref (move_ptr (mh->d));
    msg_handler_decref (mh);
    errno = saved_errno;
}

void flux_msg_handler_allow_rolemask (flux_msg_handler_t *mh, uint32_t rolemask)
{
    if (mh)
        mh->rolemask |= rolemask;
}

void flux_msg_handler_deny_rolemask (flux_msg_handler_t *mh, uint32_t rolemask)
{
    if (mh) {
        mh->rolemask &= ~rolemask;
        mh->rolemask |= FLUX_ROLE_OWNER; /* cannot be denied */
    }
}

/* Delivery */

static void refuse (flux_msg_handler_t *mh, const flux_msg_t *msg)
{
    int type;

    if (flux_msg_get_type (msg, &type) < 0 || type != FLUX_MSGTYPE_REQUEST
        || flux_msg_is_noresponse (msg))
        return;
    (void)flux_respond_error (mh->d->h, msg, EPERM,
                              mh->rolemask == FLUX_ROLE_OWNER
                                  ? "Request requires owner credentials"
                                  : "Request rejected due to insufficient privilege");
}

void msg_handler_deliver (flux_msg_handler_t *mh, const flux_msg_t *msg)
{
    uint32_t rolemask;

    if (!mh->d || !mh->d->h || !mh->running || flux_msg_get_rolemask (msg, &rolemask) < 0)
        return;
    if (rolemask & mh->rolemask)
        mh->cb (mh->d->h, mh, msg, mh->arg);
    else
        refuse (mh, msg);
}

/* Tables of handlers */

static bool is_table_end (const struct flux_msg_handler_spec *spec)
{
    return !spec->typemask && !spec->topic_glob && !spec->cb;
}

void flux_msg_handler_delvec (flux_msg_handler_t *msg_handlers[])
{
    int saved_errno = errno;

    if (!msg_handlers)
        return;
    for (int i = 0; msg_handlers[i]; i++)
        flux_msg_handler_destroy (msg_handlers[i]);
    free (msg_handlers);
    errno = saved_errno;
}

static flux_msg_handler_t *create_from_spec (flux_t *h,
                                             const char *service_name,
                                             const struct flux_msg_handler_spec *spec,
                                             void *arg)
{
    struct flux_match match = FLUX_MATCH_ANY;
    _cleanup_ (freep)
    char *topic = NULL;
    flux_msg_handler_t *mh;

    match.typemask = spec->typemask;
    match.topic_glob = spec->topic_glob;
    if (service_name && spec->topic_glob) {
        if (asprintf (&topic, "%s.%s", service_name, spec->topic_glob) < 0) {
            topic = NULL;
            errno = ENOMEM;
            return NULL;
        }
        match.topic_glob = topic;
    }
    if (!(mh = flux_msg_handler_create (h, match, spec->cb, arg)))
        return NULL;
    flux_msg_handler_allow_rolemask (mh, spec->rolemask);
    flux_msg_handler_start (mh);
    return mh;
}

int flux_msg_handler_addvec_ex (flux_t *h,
                                const char *service_name,
                                const struct flux_msg_handler_spec tab[],
                                void *arg,
                                flux_msg_handler_t **hp[])
{
    flux_msg_handler_t **v;
    int count = 0;

    if (!h || !tab || !hp) {
        errno = EINVAL;
        return -1;
    }
    while (!is_table_end (&tab[count]))
        count++;
    if (!(v = calloc (count + 1, sizeof (*v))))
        return -1;
    for (int i = 0; i < count; i++) {
        if (!(v[i] = create_from_spec (h, service_name, &tab[i], arg))) {
            flux_msg_handler_delvec (v);
            return -1;
        }
    }
    *hp = v;
    return 0;
}

int flux_msg_handler_addvec (flux_t *h,
                             const struct flux_msg_handler_spec tab[],
                             void *arg,
                             flux_msg_handler_t **msg_handlers[])
{
    return flux_msg_handler_addvec_ex (h, NULL, tab, arg, msg_handlers);
}
