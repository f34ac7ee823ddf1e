#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "module_host.h"
#include "services.h"

/* A change on its way through the modules. */
struct update {
    const flux_msg_t *request; /* NULL: the leader's has changed */
    json_t *conf;      /* what is being sent */
    json_t *old;       /* what was before */
    char **names;      /* of the modules that were loaded when it began */
    size_t count;
    size_t next;       /* index of the next one to be told */
    bool reverting;    /* names[next - 1] ... names[0] get the old one back */
    int errnum;        /* why */
    char text[256];
    flux_future_t *f;  /* the module that is being told */
};

struct config_service {
    flux_t *h;
    const struct attrs *attrs;
    struct module_host *modules;
    config_apply_f apply;
    void *arg;
    struct flux_msglist *watchers; /* streaming config.get requests */
    struct update *update;
    uint32_t rank;
    flux_future_t *leader; /* the parent's config.get, on ranks > 0 */
    json_t *next;          /* what it said while an update was going on */
    config_synced_f synced;
    void *synced_arg;
    flux_msg_handler_t **handlers;
};

static json_t *current (struct config_service *cs)
{
    json_t *o = NULL;

    (void)flux_conf_unpack (flux_get_conf (cs->h), NULL, "o", &o);
    return o;
}

/* Update */

static void update_free (struct update *u)
{
    if (!u)
        return;
    flux_future_destroy (u->f);
    flux_msg_decref (u->request);
    json_decref (u->conf);
    json_decref (u->old);
    for (size_t i = 0; i < u->count; i++)
        free (u->names[i]);
    free (u->names);
    free (u);
}

static void add_name (const char *name, void *arg)
{
    struct update *u = arg;
    char **names = reallocarray (u->names, u->count + 1, sizeof (names[0]));

    /* with no memory a module is not told: it keeps what it has */
    if (!names)
        return;
    u->names = names;
    if ((names[u->count] = strdup (name)))
        u->count++;
}

static struct update *update_new (struct config_service *cs,
                                  const flux_msg_t *request,
                                  json_t *conf)
{
    struct update *u = calloc (1, sizeof (*u));

    if (!u || !(u->conf = json_deep_copy (conf))
        || !(u->old = json_deep_copy (current (cs)))) {
        update_free (u);
        errno = ENOMEM;
        return NULL;
    }
    u->request = request ? flux_msg_incref (request) : NULL;
    if (cs->modules)
        module_host_foreach (cs->modules, add_name, u);
    return u;
}

static void tell_watchers (struct config_service *cs, json_t *conf)
{
    const flux_msg_t *msg;

    for (msg = flux_msglist_first (cs->watchers); msg;
         msg = flux_msglist_next (cs->watchers))
        (void)flux_respond_pack (cs->h, msg, "O", conf);
}

static void update_begin (struct config_service *cs, const flux_msg_t *msg, json_t *conf);

static void update_done (struct config_service *cs)
{
    struct update *u = move_ptr (cs->update);
    _cleanup_ (json_decrefp) json_t *next = move_ptr (cs->next);

    if (!u->errnum)
        tell_watchers (cs, u->conf);
    if (!u->request && u->errnum)
        flux_log (cs->h, LOG_ERR, "%s", u->text);
    else if (u->errnum)
        (void)flux_respond_error (cs->h, u->request, u->errnum, u->text);
    else if (u->request)
        (void)flux_respond (cs->h, u->request, NULL);
    update_free (u);
    if (next)
        update_begin (cs, NULL, next);
}

/* Take the new configuration, or the old one again, for ourselves. */
static int install (struct config_service *cs, json_t *o, flux_error_t *error)
{
    json_t *copy = json_deep_copy (o);
    flux_conf_t *conf;

    if (!copy || !(conf = flux_conf_pack ("o", copy))) {
        errno = ENOMEM;
        return errprintf (error, "%s", strerror (errno));
    }
    if (cs->apply && cs->apply (conf, error, cs->arg) < 0) {
        flux_conf_decref (conf);
        return -1;
    }
    return flux_set_conf_new (cs->h, conf);
}

static void explain (struct update *u, const char *name, const char *text)
{
    snprintf (u->text, sizeof (u->text), "error updating %s: %s", name, text);
}

static void update_step (struct config_service *cs);

static void begin_revert (struct config_service *cs, int errnum, const char *text)
{
    struct update *u = cs->update;
    flux_error_t ignored;

    u->reverting = true;
    u->errnum = errnum;
    u->next--; /* the one that refused has not changed */
    explain (u, u->names[u->next], text);
    (void)install (cs, u->old, &ignored); /* it was good before */
}

/* A module has answered.  Modules may have come and gone meanwhile: one that
 * came has the new configuration from its welcome, one that went is ENOSYS.
 */
static void answered (flux_future_t *f, void *arg)
{
    struct config_service *cs = arg;
    struct update *u = cs->update;

    if (flux_future_get (f, NULL) < 0 && errno != ENOSYS && !u->reverting)
        begin_revert (cs, errno, future_strerror (f, errno));
    flux_future_destroy (f);
    u->f = NULL;
    update_step (cs);
}

static int send_to (struct config_service *cs, const char *name, json_t *conf)
{
    struct update *u = cs->update;
    char topic[256];

    if (snprintf (topic, sizeof (topic), "%s.config-reload", name)
        >= (int)sizeof (topic))
        return 0; /* too long to be a topic's first word */
    if (!(u->f = flux_rpc_pack (cs->h, topic, FLUX_NODEID_ANY, 0, "O", conf))
        || flux_future_then (u->f, -1., answered, cs) < 0) {
        flux_future_destroy (u->f);
        u->f = NULL;
        return -1;
    }
    return 1;
}

/* Tell the next module. */
static void update_step (struct config_service *cs)
{
    struct update *u = cs->update;
    int r;

    for (;;) {
        if (u->next == (u->reverting ? 0 : u->count))
            break;
        if (u->reverting)
            r = send_to (cs, u->names[--u->next], u->old);
        else
            r = send_to (cs, u->names[u->next++], u->conf);
        if (r > 0)
            return; /* to be continued in answered () */
        if (r < 0 && !u->reverting)
            begin_revert (cs, errno, strerror (errno));
    }
    update_done (cs);
}

static void answer (struct config_service *cs,
                    const flux_msg_t *msg,
                    int errnum,
                    const char *text)
{
    if (!msg && errnum)
        flux_log (cs->h, LOG_ERR, "configuration: %s", text ? text : strerror (errnum));
    else if (errnum)
        (void)flux_respond_error (cs->h, msg, errnum, text);
    else if (msg)
        (void)flux_respond (cs->h, msg, NULL);
}

/* msg NULL: the leader's configuration has changed. */
static void update_begin (struct config_service *cs, const flux_msg_t *msg, json_t *conf)
{
    flux_error_t error;

    if (cs->update)
        answer (cs, msg, EAGAIN, "a configuration update is in progress");
    else if (json_equal (conf, current (cs)))
        answer (cs, msg, 0, NULL);
    else if (!(cs->update = update_new (cs, msg, conf)))
        answer (cs, msg, errno, NULL);
    else if (install (cs, conf, &error) < 0) {
        cs->update->errnum = errno;
        explain (cs->update, "connector-local", error.text);
        update_done (cs);
    }
    else
        update_step (cs);
}

/* Other ranks have what rank 0 has. */

static void leader_cb (flux_future_t *f, void *arg)
{
    struct config_service *cs = arg;
    config_synced_f synced = move_ptr (cs->synced);
    json_t *conf = NULL;
    int errnum = 0;

    if (flux_rpc_get_unpack (f, "o", &conf) < 0)
        errnum = errno;
    else if (cs->update) {
        json_decref (cs->next);
        cs->next = json_deep_copy (conf);
    }
    else
        update_begin (cs, NULL, conf);
    if (!errnum)
        flux_future_reset (f);
    if (synced)
        synced (errnum, cs->synced_arg);
}

int config_follow_leader (struct config_service *cs, config_synced_f cb, void *arg)
{
    cs->synced = cb;
    cs->synced_arg = arg;
    if (!(cs->leader = flux_rpc (
              cs->h, "config.get", NULL, FLUX_NODEID_UPSTREAM, FLUX_RPC_STREAMING))
        || flux_future_then (cs->leader, -1., leader_cb, cs) < 0)
        return -1;
    return 0;
}

/* Requests */

static bool refuse_follower (struct config_service *cs, const flux_msg_t *msg)
{
    if (cs->rank > 0)
        answer (cs, msg, EINVAL, "configuration can only be changed on rank 0");
    return cs->rank > 0;
}

/* config.load
 *   the new configuration -> {}
 */
static void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *conf;

    if (flux_request_unpack (msg, NULL, "o", &conf) < 0)
        (void)flux_respond_error (
            h, msg, EPROTO, "error decoding config.load request");
    else if (!refuse_follower (arg, msg))
        update_begin (arg, msg, conf);
}

/* config.reload
 *   -> {}
 */
static void reload_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct config_service *cs = arg;
    const char *path = attrs_get (cs->attrs, "config.path");
    flux_error_t reason;
    flux_conf_t *conf;
    json_t *o;

    if (refuse_follower (cs, msg))
        return;
    if (!path)
        (void)flux_respond (h, msg, NULL);
    else if (!(conf = flux_conf_parse (path, &reason))) {
        char text[200];

        snprintf (text, sizeof (text), "Config file error: %s", reason.text);
        (void)flux_respond_error (h, msg, errno, text);
    }
    else {
        if (flux_conf_unpack (conf, NULL, "o", &o) == 0)
            update_begin (cs, msg, o);
        else
            (void)flux_respond_error (h, msg, errno, NULL);
        flux_conf_decref (conf);
    }
}

/* config.get
 *   -> the configuration; a streaming request stays open for changes
 */
static void get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct config_service *cs = arg;
    json_t *o = current (cs);

    if (!o || flux_respond_pack (h, msg, "O", o) < 0
        || (flux_msg_is_streaming (msg) && flux_msglist_append (cs->watchers, msg) < 0))
        (void)flux_respond_error (h, msg, errno, NULL);
}

static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct config_service *cs = arg;

    (void)flux_msglist_disconnect (cs->watchers, msg);
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct config_service *cs = arg;

    (void)flux_msglist_cancel (h, cs->watchers, msg);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "config.get", get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "config.load", load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config.reload", reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config.disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "config.cancel", cancel_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

struct config_service *config_serve (struct self *self,
                                     struct service_table *services,
                                     const struct attrs *attrs,
                                     uint32_t rank)
{
    struct config_service *cs = calloc (1, sizeof (*cs));

    if (!cs)
        return NULL;
    cs->h = self_handle (self);
    cs->attrs = attrs;
    cs->rank = rank;
    if (!(cs->watchers = flux_msglist_create ())
        || service_add (services, "config", self_endpoint (self)) < 0
        || flux_msg_handler_addvec (cs->h, htab, cs, &cs->handlers) < 0) {
        config_unserve (cs);
        return NULL;
    }
    return cs;
}

void config_set_targets (struct config_service *cs,
                         struct module_host *modules,
                         config_apply_f apply,
                         void *arg)
{
    cs->modules = modules;
    cs->apply = apply;
    cs->arg = arg;
}

void config_unserve (struct config_service *cs)
{
    int saved_errno = errno;

    if (cs) {
        flux_msg_handler_delvec (cs->handlers);
        flux_msglist_destroy (cs->watchers);
        flux_future_destroy (cs->leader);
        json_decref (cs->next);
        update_free (cs->update);
        free (cs);
    }
    errno = saved_errno;
}
