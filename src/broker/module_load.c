#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>

#include "common/errprintf.h"
#include "common/jwords.h"
#include "common/util.h"

#include "module_dso.h"
#include "module_host_private.h"

/* What never changes, for the module to keep. */
static json_t *immutable_attrs (const struct attrs *attrs)
{
    json_t *o = json_object ();
    const char *name, *value;
    size_t pos = 0;

    while (o && (name = attrs_next (attrs, &pos, &value))) {
        if (!value || !(attrs_flags (attrs, name) & ATTR_IMMUTABLE))
            continue;
        if (json_object_set_new (o, name, json_string (value)) < 0) {
            json_decref (o);
            return NULL;
        }
    }
    return o;
}

/* NAME: welcome
 *   { "args":[s...] "attrs":{name:s...} "conf":o "name":s "uuid":s }
 */
static int send_welcome (struct module_host *mh, struct module *m, json_t *args)
{
    const flux_conf_t *conf = flux_get_conf (mh->h);
    json_t *attrs = immutable_attrs (mh->attrs);
    json_t *o = NULL;
    flux_msg_t *msg = NULL;
    int rc = -1;

    if (!attrs || !conf || flux_conf_unpack (conf, NULL, "o", &o) < 0
        || !(msg = flux_request_encode ("welcome", NULL))
        || flux_msg_pack (msg,
                          "{s:O s:O s:O s:s s:s}",
                          "args", args,
                          "attrs", attrs,
                          "conf", o,
                          "name", m->name,
                          "uuid", m->uuid)
               < 0
        || flux_msg_set_userid (msg, getuid ()) < 0
        || flux_msg_set_rolemask (msg, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL) < 0)
        goto done;
    flux_msg_route_enable (msg);
    router_enter (mh->router);
    if (flux_msg_route_push (msg, mh->self->route) == 0
        && m->ep.deliver (&m->ep, &msg) == 0)
        rc = 0;
    router_leave (mh->router);
done:
    flux_msg_decref (msg);
    json_decref (attrs);
    return rc;
}

static int install (struct module_host *mh,
                    struct module *m,
                    json_t *args,
                    flux_error_t *error)
{
    int r;

    if ((r = router_attach (mh->router, &m->ep)) == 0) {
        router_enter (mh->router);
        r = service_add (mh->services, m->name, &m->ep);
        router_leave (mh->router);
        if (r < 0)
            router_detach (mh->router, &m->ep);
    }
    if (r < 0) {
        errno = -r;
        return errprintf (error, "%s", strerror (errno));
    }
    if (send_welcome (mh, m, args) < 0 || module_start (m, &mh->exec, mh->ended_fd) < 0) {
        int saved_errno = errno;

        router_detach (mh->router, &m->ep);
        errno = saved_errno;
        return errprintf (error, "%s: %s", m->name, strerror (errno));
    }
    list_append (&mh->modules, &m->node);
    flux_log (mh->h, LOG_DEBUG, "insmod %s", m->name);
    return 0;
}

/* What is asked for; the messages of the error are those of module.load. */
struct load {
    const char *target; /* a name or a path */
    const char *name;   /* NULL: that of the target */
    const char *loader; /* NULL: what the path's suffix says */
    int exec;           /* in a process of its own */
    json_t *args;
};

/* 0, or -1 with errno. */
static int check_name (struct module_host *mh, const char *name)
{
    bool taken;

    if (!*name || strchr (name, '.')) {
        errno = EINVAL;
        return -1;
    }
    router_enter (mh->router);
    taken = module_host_find (mh, name) || service_find (mh->services, name);
    router_leave (mh->router);
    errno = EEXIST;
    return taken ? -1 : 0;
}

/* *loader is NULL if the module is to run in a thread. */
static int choose_loader (const struct load *l,
                          const char *path,
                          const char **loader,
                          flux_error_t *error)
{
    bool threads = false;

    if (!(*loader = l->loader) && !(*loader = module_loader (path, &threads, error)))
        return -1;
    if (threads && !l->exec)
        *loader = NULL;
    if (*loader && access (path, R_OK) < 0)
        return errprintf (error, "%s: %s", path, strerror (errno));
    return 0;
}

/* Returns the module, whose thread runs now, or NULL with errno; *error is
 * empty if there is nothing to add to that.
 */
static struct module *load (struct module_host *mh,
                            const struct load *l,
                            flux_error_t *error)
{
    _cleanup_ (freep) char *path = NULL;
    _cleanup_ (freep) char *base = NULL;
    const char *name = l->name;
    const char *loader;
    struct module *m;

    error->text[0] = '\0';
    if (!name) {
        if (!(base = strchr (l->target, '/') ? module_name_from_path (l->target)
                                             : strdup (l->target)))
            return NULL;
        name = base;
    }
    if (check_name (mh, name) < 0
        || !(path = module_find (l->target, mh->searchpath, error))
        || choose_loader (l, path, &loader, error) < 0
        || !(m = module_new (name, path, loader, mh->reactor, mh->router,
                             &module_host_module_ops, mh, error)))
        return NULL;
    m->traces = mh->traces;
    if (install (mh, m, l->args, error) < 0) {
        module_free (m);
        return NULL;
    }
    return m;
}

static bool is_builtin (const struct module_host *mh, const char *name)
{
    for (int i = 0; mh->builtins && mh->builtins[i]; i++) {
        if (strcmp (mh->builtins[i], name) == 0)
            return true;
    }
    return false;
}

/* module.load
 *   { "path":s "args":[s...] "name"?:s "exec"?:b "loader"?:s } -> {}
 */
void module_host_load_cb (flux_t *h,
                          flux_msg_handler_t *mh_,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct module_host *mh = arg;
    struct load l = { 0 };
    struct module *m;
    flux_error_t error;

    if (flux_request_unpack (msg,
                             NULL,
                             "{s:s s:o s?s s?b s?s}",
                             "path", &l.target,
                             "args", &l.args,
                             "name", &l.name,
                             "exec", &l.exec,
                             "loader", &l.loader)
            < 0
        || !jwords_valid (l.args)) {
        (void)flux_respond_error (h, msg, EPROTO, NULL);
        return;
    }
    if (l.loader && !strchr (l.target, '/')) {
        (void)flux_respond_error (
            h, msg, EINVAL, "module loader may only be specified with module path");
        return;
    }
    if (l.exec && is_builtin (mh, l.target)) {
        (void)flux_respond_error (
            h, msg, EINVAL, "built-in modules cannot execute in a separate process");
        return;
    }
    if (!(m = load (mh, &l, &error))) {
        (void)flux_respond_error (h, msg, errno, error.text[0] ? error.text : NULL);
        return;
    }
    m->load_request = flux_msg_incref (msg);
}
