/* The stack of plugins: loading, removing, listing.
 *
 * job-manager.jobtap (owner)
 *   { "load"?:s "conf"?:o "remove"?:s "query_only"?:b }
 *   -> {} or { "plugins":[s] }
 * job-manager.jobtap-query (owner)  { "name":s } -> { "name":s "path":s ... }
 * [job-manager] plugins = [ { load=s conf?={} remove?=s } ]
 */

#include "config.h"
#include <dlfcn.h>
#include <fnmatch.h>
#include <stdio.h>

#include "common/errprintf.h"

#include "plugins.h"

static const char *const builtin_names[BUILTIN_COUNT] = {
    [BUILTIN_PRIORITY_DEFAULT] = ".priority-default",
    [BUILTIN_LIMIT_JOB_SIZE] = ".limit-job-size",
    [BUILTIN_LIMIT_DURATION] = ".limit-duration",
    [BUILTIN_DEPENDENCY_AFTER] = ".dependency-after",
    [BUILTIN_DEPENDENCY_SINGLETON] = ".dependency-singleton",
    [BUILTIN_BEGIN_TIME] = ".begin-time",
    [BUILTIN_VALIDATE_DURATION] = ".validate-duration",
    [BUILTIN_UPDATE_DURATION] = ".update-duration",
    [BUILTIN_HISTORY] = ".history",
    [BUILTIN_POST_EVENT] = ".post-event",
    [BUILTIN_UPDATE_QUEUE] = ".update-queue",
};

#define AUX_KEY "millrace::plugin"

struct plugin *plugin_of (flux_plugin_t *p)
{
    struct plugin *pl = p ? flux_plugin_aux_get (p, AUX_KEY) : NULL;

    if (!pl)
        errno = EINVAL;
    return pl;
}

/* ---- what is built in -------------------------------------------------------------- */

/* The engine does not know a scheme that was taken out. */
static void tell_engine (struct plugins *ps)
{
    jm_depend_know (ps->m->jm, ps->builtin[BUILTIN_DEPENDENCY_AFTER],
                    ps->builtin[BUILTIN_DEPENDENCY_SINGLETON],
                    ps->builtin[BUILTIN_BEGIN_TIME]);
}

static struct plugin *plugin_new (struct plugins *ps, const char *name)
{
    struct plugin *pl = calloc (1, sizeof (*pl));

    if (!pl || !(pl->name = strdup (name))) {
        free (pl);
        return NULL;
    }
    pl->stack = ps;
    list_init (&pl->node);
    return pl;
}

static int add_builtin (struct plugins *ps, enum builtin builtin)
{
    struct plugin *pl = plugin_new (ps, builtin_names[builtin]);

    if (!pl)
        return -1;
    pl->builtin = builtin;
    ps->builtin[builtin] = true;
    list_append (&ps->list, &pl->node);
    return 0;
}

/* The one setting that one of them has. */
static void configure_builtin (struct plugins *ps, enum builtin builtin, json_t *conf)
{
    json_t *o = json_object_get (conf, "owner-allow-any");

    if (builtin == BUILTIN_UPDATE_DURATION)
        ps->owner_allow_any =
            !o
            || !(json_is_false (o)
                 || (json_is_integer (o) && json_integer_value (o) == 0));
}

static int
load_builtin (struct plugins *ps, const char *name, json_t *conf, flux_error_t *error)
{
    for (int i = 0; i < BUILTIN_COUNT; i++) {
        if (strcmp (builtin_names[i], name) != 0)
            continue;
        if (ps->builtin[i]) {
            errprintf (error, "%s already loaded", name);
            errno = EEXIST;
            return -1;
        }
        if (add_builtin (ps, i) < 0)
            return errprintf (error, "out of memory");
        configure_builtin (ps, i, conf);
        tell_engine (ps);
        plugins_reprioritize (ps);
        return 0;
    }
    errprintf (error, "%s: No such plugin found", name);
    errno = ENOENT;
    return -1;
}

/* ---- removing ------------------------------------------------------------------------ */

/* Its items on jobs go first: their destructors are the plugin's. */
static void plugin_free (struct plugin *pl)
{
    struct plugins *ps = pl->stack;

    list_del (&pl->node);
    if (pl->p) {
        plugin_jobs_forget (ps, pl);
        ps->loaded--;
        flux_plugin_destroy (pl->p);
    }
    else
        ps->builtin[pl->builtin] = false;
    free (pl->name);
    free (pl);
}

static bool is_meant (const struct plugin *pl, const char *what)
{
    if (strcmp (what, "all") == 0)
        return pl->name[0] != '.';
    return fnmatch (what, pl->name, FNM_PERIOD) == 0;
}

int plugins_remove (struct plugins *ps, const char *what, flux_error_t *error)
{
    struct plugin *pl = NULL;
    int count = 0;

    list_foreach (&ps->list, pl, node) {
        if (is_meant (pl, what)) {
            plugin_free (pl);
            count++;
        }
    }
    tell_engine (ps);
    plugins_reprioritize (ps);
    if (count > 0 || strcmp (what, "all") == 0)
        return 0;
    errprintf (error, "Failed to find plugin to remove");
    errno = ENOENT;
    return -1;
}

/* ---- loading --------------------------------------------------------------------------- */

/* What plugins call is exported by this very object, which its host may have
 * opened for itself alone.
 */
static void show_symbols (void)
{
    Dl_info info;

    if (dladdr (builtin_names, &info) != 0 && info.dli_fname)
        dlopen (info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
}

/* The path to open: as given if it names a directory, else along the search
 * path.
 */
static char *find (const char *name)
{
    const char *dir = flux_conf_builtin_get ("jobtap_pluginpath", FLUX_CONF_AUTO);
    char *path = NULL;

    if (name[0] == '/' || strncmp (name, "./", 2) == 0)
        return access (name, R_OK) == 0 ? strdup (name) : NULL;
    while (dir && *dir) {
        size_t len = strcspn (dir, ":");

        if (len > 0 && asprintf (&path, "%.*s/%s", (int)len, dir, name) >= 0) {
            if (access (path, R_OK) == 0)
                return path;
            free (move_ptr (path));
        }
        dir += len + (dir[len] == ':');
    }
    errno = ENOENT;
    return NULL;
}

static bool is_loaded (const struct plugins *ps, const char *name)
{
    struct plugin *pl = NULL;

    list_foreach (&ps->list, pl, node) {
        if (strcmp (pl->name, name) == 0)
            return true;
    }
    return false;
}

/* The configuration of all, for this one. */
static int
tell_conf (struct plugins *ps, struct plugin *pl, json_t *conf, flux_error_t *error)
{
    _cleanup_ (freep)
    char *errmsg = NULL;
    json_t *extra = json_pack ("{s:O}", "conf", conf);
    int rc = -1;

    if (extra)
        rc = plugins_tell (ps, pl, NULL, "conf.update", extra, &errmsg);
    json_decref (extra);
    if (rc < 0) {
        errprintf (error, "%s", errmsg ? errmsg : "conf.update: plugin failed");
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static json_t *conf_of (struct plugins *ps)
{
    const flux_conf_t *conf = flux_get_conf (ps->m->h);
    json_t *o = NULL;

    if (conf && flux_conf_unpack (conf, NULL, "o", &o) == 0)
        return json_incref (o);
    return json_object ();
}

static int set_conf (struct plugin *pl, json_t *conf, flux_error_t *error)
{
    _cleanup_ (freep)
    char *s = NULL;

    if (!conf)
        return 0;
    if (!json_is_object (conf)) {
        errprintf (error, "jobptap: plugin conf must be a JSON object");
        errno = EINVAL;
        return -1;
    }
    if (!(s = json_dumps (conf, JSON_COMPACT)))
        return -1;
    return flux_plugin_set_conf (pl->p, s);
}

static int
init_plugin (struct plugin *pl, const char *path, json_t *conf, flux_error_t *error)
{
    struct plugins *ps = pl->stack;
    json_t *all;
    int rc;

    if (!(pl->p = flux_plugin_create ()))
        return -1;
    ps->loaded++;
    if (set_conf (pl, conf, error) < 0
        || flux_plugin_aux_set (pl->p, AUX_KEY, pl, NULL) < 0
        || flux_plugin_set_flags (pl->p, FLUX_PLUGIN_RTLD_NOW) < 0)
        return -1;
    errno = 0;
    if (flux_plugin_load_dso (pl->p, path) < 0) {
        const char *why = flux_plugin_strerror (pl->p);

        errprintf (error, "%s", why && *why ? why : "plugin failed to load");
        if (errno == 0)
            errno = EINVAL;
        return -1;
    }
    if (!(all = conf_of (ps)))
        return -1;
    rc = tell_conf (ps, pl, all, error);
    json_decref (all);
    return rc;
}

/* ---- active jobs are shown to it --------------------------------------------------------- */

static int sort_sign;

static int by_state (const void *pa, const void *pb)
{
    const struct job *a = *(struct job *const *)pa, *b = *(struct job *const *)pb;

    if (sort_sign && a->state != b->state)
        return (a->state < b->state ? -1 : 1) * sort_sign;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Callbacks change no set of jobs: what they post waits (in_hook). */
static void show_all (struct plugins *ps, struct plugin *pl)
{
    struct jm_counts c;
    struct job **jobs, *job;
    size_t n = 0;

    jm_count (ps->m->jm, &c);
    if (c.active == 0 || !(jobs = calloc (c.active, sizeof (jobs[0]))))
        return;
    for (job = jm_next_active (ps->m->jm, NULL); job && n < c.active;
         job = jm_next_active (ps->m->jm, job))
        jobs[n++] = job;
    sort_sign = pl->sort;
    qsort (jobs, n, sizeof (jobs[0]), by_state);
    jm_hook_enter (ps->m->jm);
    for (size_t i = 0; i < n; i++)
        plugins_show (ps, pl, jobs[i]);
    jm_hook_leave (ps->m->jm);
    free (jobs);
    plugins_reprioritize (ps);
}

int plugins_load (struct plugins *ps, const char *name, json_t *conf, flux_error_t *error)
{
    const char *base = strrchr (name, '/') ? strrchr (name, '/') + 1 : name;
    _cleanup_ (freep)
    char *path = NULL;
    struct plugin *pl;

    if (error)
        error->text[0] = '\0';
    if (name[0] == '.' && !strchr (name, '/'))
        return load_builtin (ps, name, conf, error);
    if (is_loaded (ps, base)) {
        errprintf (error, "%s already loaded", base);
        errno = EEXIST;
        return -1;
    }
    if (!(path = find (name))) {
        errprintf (error, "%s: No such plugin found", name);
        return -1;
    }
    show_symbols ();
    if (!(pl = plugin_new (ps, base)))
        return errprintf (error, "out of memory");
    list_append (&ps->list, &pl->node);
    if (init_plugin (pl, path, conf, error) < 0) {
        int saved_errno = errno ? errno : EINVAL;

        plugin_free (pl);
        errno = saved_errno;
        return -1;
    }
    show_all (ps, pl);
    return 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

int plugins_init (struct plugins *ps, struct manager *m)
{
    ps->m = m;
    list_init (&ps->list);
    table_init (&ps->jobs);
    for (int i = 0; i < BUILTIN_COUNT; i++) {
        if (add_builtin (ps, i) < 0)
            return -1;
        configure_builtin (ps, i, NULL);
    }
    jm_set_hooks (m->jm, &plugin_hooks, m);
    return 0;
}

void plugins_fini (struct plugins *ps)
{
    struct plugin *pl = NULL;
    struct plugin_job *pj;

    if (!ps)
        return;
    while ((pj = table_pop (&ps->jobs))) {
        if (table_put_u64 (&ps->jobs, pj->id, pj) == 0)
            plugin_job_drop (ps, pj->id);
    }
    list_foreach (&ps->list, pl, node)
        plugin_free (pl);
    table_fini (&ps->jobs);
    json_decref (ps->jobspec);
    json_decref (ps->R);
    free (ps);
}

int manager_plugins_init (struct manager *m)
{
    if (!(m->plugins = calloc (1, sizeof (*m->plugins))))
        return -1;
    return plugins_init (m->plugins, m);
}

void manager_plugins_fini (struct manager *m)
{
    if (m->jm)
        jm_set_hooks (m->jm, NULL, NULL);
    plugins_fini (move_ptr (m->plugins));
}

/* ---- configuration ------------------------------------------------------------------------------ */

static int load_entry (struct plugins *ps, json_t *o, size_t i, flux_error_t *error)
{
    const char *load = NULL, *remove = NULL;
    json_t *conf = NULL;
    json_error_t jerror;
    flux_error_t e;

    if (json_unpack_ex (o, &jerror, 0, "{s?s s?o s?s !}", "load", &load, "conf", &conf,
                        "remove", &remove)
        < 0)
        return errprintf (error, "[job-manager.plugins][%zu]: %s", i, jerror.text);
    if (remove && plugins_remove (ps, remove, &e) < 0)
        return errprintf (error, "[job-manager.plugins][%zu]: remove %s: %s", i, remove,
                          e.text);
    if (load && plugins_load (ps, load, conf, &e) < 0)
        return errprintf (error, "[job-manager.plugins][%zu]: load: %s", i, e.text);
    return 0;
}

int manager_plugins_load (struct manager *m, flux_error_t *error)
{
    json_t *plugins = NULL, *o;
    flux_error_t e;
    size_t i;

    if (!flux_get_conf (m->h))
        return 0;
    if (flux_conf_unpack (flux_get_conf (m->h), &e, "{s?{s?o}}", "job-manager", "plugins",
                          &plugins)
        < 0)
        return errprintf (error, "%s", e.text);
    if (!plugins)
        return 0;
    if (!json_is_array (plugins))
        return errprintf (error, "[job-manager.plugins] config must be an array");
    json_array_foreach (plugins, i, o)
    {
        if (load_entry (m->plugins, o, i, error) < 0)
            return -1;
    }
    return 0;
}

int manager_plugins_configure (struct manager *m,
                               const flux_conf_t *conf,
                               flux_error_t *error)
{
    struct plugin *pl = NULL;
    json_t *o = NULL;

    if (!m->plugins || m->plugins->loaded == 0)
        return 0;
    if (flux_conf_unpack (conf, error, "o", &o) < 0)
        return -1;
    list_foreach (&m->plugins->list, pl, node) {
        if (pl->p && tell_conf (m->plugins, pl, o, error) < 0)
            return -1;
    }
    return 0;
}

bool manager_has_plugin (const struct manager *m, const char *name)
{
    return is_loaded (m->plugins, name);
}

bool manager_builtin_limits (const struct manager *m, bool duration)
{
    return m->plugins
        ->builtin[duration ? BUILTIN_LIMIT_DURATION : BUILTIN_LIMIT_JOB_SIZE];
}

bool manager_builtin_lifetime (const struct manager *m)
{
    return m->plugins->builtin[BUILTIN_VALIDATE_DURATION];
}

bool manager_owner_may_exceed (const struct manager *m)
{
    return m->plugins->owner_allow_any;
}

bool manager_builtin_duration (const struct manager *m)
{
    return m->plugins->builtin[BUILTIN_UPDATE_DURATION];
}

bool manager_builtin_queue (const struct manager *m)
{
    return m->plugins->builtin[BUILTIN_UPDATE_QUEUE];
}

/* ---- requests -------------------------------------------------------------------------------------- */

static void list_plugins (struct manager *m, const flux_msg_t *msg)
{
    struct text *t = &m->scratch;
    struct plugin *pl = NULL;
    bool first = true;

    text_clear (t);
    text_puts (t, "{\"plugins\":[");
    list_foreach (&m->plugins->list, pl, node) {
        if (!first)
            text_putc (t, ',');
        first = false;
        text_put_json_string (t, pl->name, strlen (pl->name));
    }
    text_puts (t, "]}");
    manager_respond_text (m, msg, t);
}

void jobtap_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const char *load = NULL, *remove = NULL;
    flux_error_t error = { "" };
    json_t *conf = NULL;
    int query_only = 0;

    if (flux_request_unpack (msg, NULL, "{s?s s?o s?s s?b}", "load", &load, "conf", &conf,
                             "remove", &remove, "query_only", &query_only)
        < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else if (query_only)
        list_plugins (m, msg);
    else if ((remove && plugins_remove (m->plugins, remove, &error) < 0)
             || (load && plugins_load (m->plugins, load, conf, &error) < 0))
        manager_refuse (m, msg, errno, error.text[0] ? error.text : NULL);
    else if (flux_respond (h, msg, "{}") < 0)
        flux_log_error (h, "jobtap response");
}

static struct plugin *find_plugin (struct plugins *ps, const char *name)
{
    struct plugin *pl = NULL;

    list_foreach (&ps->list, pl, node) {
        if (strcmp (pl->name, name) == 0)
            return pl;
    }
    return NULL;
}

/* What the engine does for those built in is told from its records. */
static void
query_builtin (struct manager *m, const flux_msg_t *msg, const struct plugin *pl)
{
    struct text *t = &m->scratch;

    text_clear (t);
    text_puts (t, "{\"name\":");
    text_put_json_string (t, pl->name, strlen (pl->name));
    text_puts (t, ",\"path\":\"builtin\"");
    if (pl->builtin == BUILTIN_DEPENDENCY_AFTER)
        jm_depend_tell (m->jm, t);
    else if (pl->builtin == BUILTIN_DEPENDENCY_SINGLETON)
        jm_singletons_tell (m->jm, t);
    text_putc (t, '}');
    manager_respond_text (m, msg, t);
}

static void query_plugin (struct manager *m, const flux_msg_t *msg, struct plugin *pl)
{
    flux_plugin_arg_t *args = plugin_args (m->plugins, NULL, NULL);
    json_t *o = NULL;

    if (!args
        || flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s s:s}", "name", pl->name,
                                 "path", flux_plugin_get_path (pl->p))
               < 0)
        manager_refuse (m, msg, ENOMEM, NULL);
    else if (plugins_call (m->plugins, pl, NULL, "plugin.query", args) < 0)
        manager_refuse (m, msg, EINVAL, "plugin.query failed");
    else if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "o", &o) < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else if (flux_respond_pack (m->h, msg, "O", o) < 0)
        flux_log_error (m->h, "jobtap-query response");
    flux_plugin_arg_destroy (args);
}

void jobtap_query_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct plugin *pl;
    const char *name;
    char why[256];

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else if (!(pl = find_plugin (m->plugins, name))) {
        snprintf (why, sizeof (why), "%s: plugin not found", name);
        manager_refuse (m, msg, EINVAL, why);
    }
    else if (pl->p)
        query_plugin (m, msg, pl);
    else
        query_builtin (m, msg, pl);
}
