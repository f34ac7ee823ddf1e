/* Plugins: handlers by topic, auxiliary items, configuration, shared objects. */

#include "config.h"
#include <dlfcn.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include <flux/core.h>

#include "common/list.h"
#include "common/util.h"

#include "aux.h"

#define ALL_FLAGS                                                             \
    (FLUX_PLUGIN_RTLD_LAZY | FLUX_PLUGIN_RTLD_NOW | FLUX_PLUGIN_RTLD_GLOBAL   \
     | FLUX_PLUGIN_RTLD_DEEPBIND)

struct handler {
    struct list node;
    flux_plugin_f cb;
    void *data;
    char topic[];
};

struct flux_plugin {
    char *name;
    char *path; /* of the shared object */
    void *dso;
    int flags;
    struct list handlers;
    struct aux_item *aux;
    char *conf_text;
    json_t *conf;
    char uuid[37];
    char error[256];
};

/* ---- life ------------------------------------------------------------------- */

static int make_uuid (char *s)
{
    unsigned char b[16];

    if (getrandom (b, sizeof (b), 0) != sizeof (b))
        return -1;
    b[6] = (b[6] & 0x0f) | 0x40; /* RFC 4122, version 4 */
    b[8] = (b[8] & 0x3f) | 0x80;
    for (int i = 0; i < 16; i++)
        s += sprintf (s, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
    return 0;
}

flux_plugin_t *flux_plugin_create (void)
{
    flux_plugin_t *p = calloc (1, sizeof (*p));

    if (!p)
        return NULL;
    list_init (&p->handlers);
    p->flags = FLUX_PLUGIN_RTLD_LAZY;
    if (make_uuid (p->uuid) < 0) {
        free_keep_errno (p);
        return NULL;
    }
    return p;
}

/* Auxiliary items go first: their destructors may be the object's. */
void flux_plugin_destroy (flux_plugin_t *p)
{
    struct handler *h = NULL;
    int saved_errno = errno;

    if (!p)
        return;
    aux_destroy (&p->aux);
    list_foreach (&p->handlers, h, node)
        free (h);
    json_decref (p->conf);
    free (p->conf_text);
    free (p->name);
    free (p->path);
#ifndef WITH_SANITIZERS /* their reports need the symbols */
    if (p->dso)
        dlclose (p->dso);
#endif
    free (p);
    errno = saved_errno;
}

static int fail (flux_plugin_t *p, int errnum, const char *fmt, ...) _printf_ (3, 4);

static int fail (flux_plugin_t *p, int errnum, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (p->error, sizeof (p->error), fmt, ap);
    va_end (ap);
    errno = errnum;
    return -1;
}

/* The plugin's last error belongs to the call before this one. */
static int check (flux_plugin_t *p, bool valid)
{
    if (!p) {
        errno = EINVAL;
        return -1;
    }
    p->error[0] = '\0';
    return valid ? 0 : fail (p, EINVAL, "%s", strerror (EINVAL));
}

const char *flux_plugin_strerror (flux_plugin_t *p)
{
    if (!p) {
        errno = EINVAL;
        return NULL;
    }
    return p->error;
}

int flux_plugin_get_flags (flux_plugin_t *p)
{
    return check (p, true) < 0 ? -1 : p->flags;
}

int flux_plugin_set_flags (flux_plugin_t *p, int flags)
{
    if (check (p, (flags & ~ALL_FLAGS) == 0) < 0)
        return -1;
    p->flags = flags;
    return 0;
}

/* ---- texts ------------------------------------------------------------------- */

static int set_text (flux_plugin_t *p, char **slot, const char *s)
{
    char *copy = strdup (s);

    if (!copy)
        return fail (p, ENOMEM, "out of memory");
    free (*slot);
    *slot = copy;
    return 0;
}

int flux_plugin_set_name (flux_plugin_t *p, const char *name)
{
    return check (p, name != NULL) < 0 ? -1 : set_text (p, &p->name, name);
}

const char *flux_plugin_get_name (flux_plugin_t *p)
{
    return check (p, true) < 0 ? NULL : p->name;
}

const char *flux_plugin_get_uuid (flux_plugin_t *p)
{
    return check (p, true) < 0 ? NULL : p->uuid;
}

const char *flux_plugin_get_path (flux_plugin_t *p)
{
    return check (p, true) < 0 ? NULL : p->path;
}

/* ---- handlers ----------------------------------------------------------------- */

static struct handler *find_handler (const flux_plugin_t *p, const char *topic)
{
    struct handler *h = NULL;

    list_foreach (&p->handlers, h, node) {
        if (strcmp (h->topic, topic) == 0)
            return h;
    }
    return NULL;
}

static struct handler *match_handler (const flux_plugin_t *p, const char *topic)
{
    struct handler *h = NULL;

    list_foreach (&p->handlers, h, node) {
        if (fnmatch (h->topic, topic, 0) == 0)
            return h;
    }
    return NULL;
}

int flux_plugin_remove_handler (flux_plugin_t *p, const char *topic)
{
    struct handler *h;

    if (check (p, topic != NULL) < 0)
        return -1;
    if ((h = find_handler (p, topic))) {
        list_del (&h->node);
        free (h);
    }
    return 0;
}

int flux_plugin_add_handler (flux_plugin_t *p,
                             const char *topic,
                             flux_plugin_f cb,
                             void *arg)
{
    struct handler *h;

    if (check (p, topic != NULL) < 0)
        return -1;
    if (!cb)
        return flux_plugin_remove_handler (p, topic);
    if (!(h = malloc (sizeof (*h) + strlen (topic) + 1)))
        return fail (p, ENOMEM, "out of memory");
    list_init (&h->node);
    h->cb = cb;
    h->data = arg;
    strcpy (h->topic, topic);
    list_append (&p->handlers, &h->node);
    return 0;
}

flux_plugin_f flux_plugin_get_handler (flux_plugin_t *p, const char *topic)
{
    struct handler *h;

    if (check (p, topic != NULL) < 0)
        return NULL;
    h = find_handler (p, topic);
    return h ? h->cb : NULL;
}

flux_plugin_f flux_plugin_match_handler (flux_plugin_t *p, const char *topic)
{
    struct handler *h;

    if (check (p, topic != NULL) < 0)
        return NULL;
    h = match_handler (p, topic);
    return h ? h->cb : NULL;
}

int flux_plugin_register (flux_plugin_t *p,
                          const char *name,
                          const struct flux_plugin_handler t[])
{
    if (check (p, t != NULL) < 0 || (name && flux_plugin_set_name (p, name) < 0))
        return -1;
    for (; t->topic; t++) {
        if (flux_plugin_add_handler (p, t->topic, t->cb, t->data) < 0)
            return -1;
    }
    return 0;
}

int flux_plugin_call (flux_plugin_t *p, const char *name, flux_plugin_arg_t *args)
{
    struct handler *h;

    if (check (p, name != NULL) < 0)
        return -1;
    if (!(h = match_handler (p, name)))
        return 0;
    return h->cb (p, name, args, h->data) < 0 ? -1 : 1;
}

/* ---- auxiliary items -------------------------------------------------------------- */

int flux_plugin_aux_set (flux_plugin_t *p,
                         const char *key,
                         void *val,
                         flux_free_f free_fn)
{
    return check (p, true) < 0 ? -1 : aux_set (&p->aux, key, val, free_fn);
}

void *flux_plugin_aux_get (flux_plugin_t *p, const char *key)
{
    return check (p, true) < 0 ? NULL : aux_get (p->aux, key);
}

void flux_plugin_aux_delete_value (flux_plugin_t *p, const void *val)
{
    if (p)
        aux_delete_value (&p->aux, val);
}

void flux_plugin_aux_delete (flux_plugin_t *p, const void *val)
{
    flux_plugin_aux_delete_value (p, val);
}

/* ---- configuration ------------------------------------------------------------------ */

int flux_plugin_set_conf (flux_plugin_t *p, const char *json_str)
{
    json_error_t error;
    json_t *o;

    if (check (p, json_str != NULL) < 0)
        return -1;
    if (!(o = json_loads (json_str, JSON_ALLOW_NUL, &error)))
        return fail (p, EINVAL, "parse error: col %d: %s", error.column, error.text);
    if (set_text (p, &p->conf_text, json_str) < 0) {
        json_decref (o);
        return -1;
    }
    json_decref (p->conf);
    p->conf = o;
    return 0;
}

const char *flux_plugin_get_conf (flux_plugin_t *p)
{
    return check (p, true) < 0 ? NULL : p->conf_text;
}

int flux_plugin_conf_unpack (flux_plugin_t *p, const char *fmt, ...)
{
    json_error_t error;
    va_list ap;
    int rc;

    if (check (p, fmt != NULL) < 0)
        return -1;
    if (!p->conf)
        return fail (p, ENOENT, "No plugin conf set");
    va_start (ap, fmt);
    rc = json_vunpack_ex (p->conf, &error, 0, fmt, ap);
    va_end (ap);
    return rc < 0 ? fail (p, EINVAL, "unpack error: %s", error.text) : 0;
}

/* ---- shared objects ------------------------------------------------------------------- */

static int dlopen_flags (int flags)
{
    const char *s = getenv ("FLUX_LOAD_WITH_DEEPBIND");
    int rtld = flags & FLUX_PLUGIN_RTLD_NOW ? RTLD_NOW : RTLD_LAZY;

    if (flags & FLUX_PLUGIN_RTLD_GLOBAL)
        rtld |= RTLD_GLOBAL;
#ifndef WITH_SANITIZERS /* theirs must come first */
    if (s ? strcmp (s, "0") != 0 : flags & FLUX_PLUGIN_RTLD_DEEPBIND)
        rtld |= RTLD_DEEPBIND;
#else
    (void)s;
#endif
    return rtld;
}

int flux_plugin_load_dso (flux_plugin_t *p, const char *path)
{
    flux_plugin_init_f init;

    if (check (p, path != NULL) < 0)
        return -1;
    if (access (path, R_OK) < 0)
        return fail (p, errno, "%s: %s", path, strerror (errno));
    dlerror ();
    if (!(p->dso = dlopen (path, dlopen_flags (p->flags))))
        return fail (p, EINVAL, "%s", dlerror ());
    if (set_text (p, &p->path, path) < 0
        || (!p->name && set_text (p, &p->name, path) < 0))
        return -1;
    if ((init = (flux_plugin_init_f)dlsym (p->dso, "flux_plugin_init")) && init (p) < 0)
        return fail (p, errno ? errno : EINVAL, "%s: flux_plugin_init failed", path);
    return 0;
}
