#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "errprintf.h"
#include "jobspec.h"
#include "jwords.h"
#include "util.h"

#define fail(error, ...) (errprintf ((error), __VA_ARGS__), -EINVAL)

/* What the walk over the resource graph has seen; the last vertex of a type
 * wins.
 */
struct walk {
    int64_t nodes;
    int64_t slots;
    int64_t cores;
    int64_t gpus;
    bool exclusive;
};

static bool is_true (json_t *o)
{
    return json_is_true (o) || json_integer_value (o) != 0;
}

static int walk_resources (json_t *list,
                           int64_t above,
                           struct walk *w,
                           flux_error_t *error)
{
    json_t *res, *with;
    size_t i;
    int r;

    json_array_foreach (list, i, res) {
        const char *type = json_string_value (json_object_get (res, "type"));
        json_t *o = json_object_get (res, "count");
        int64_t count = json_integer_value (o);
        int64_t product;

        if (!type)
            return fail (error, "resource has no type");
        if (!json_is_integer (o))
            return fail (error, "RFC 14 count: only integers are supported");
        if (count < 1)
            return fail (error,
                         "RFC 14 count: integer count must be >= 1, got %lld",
                         (long long)count);
        if (__builtin_mul_overflow (above, count, &product) || product > UINT32_MAX)
            return fail (error, "RFC 14 count: %s count is too large", type);
        if (!strcmp (type, "node"))
            w->nodes = product;
        else if (!strcmp (type, "slot"))
            w->slots = count;
        else if (!strcmp (type, "core"))
            w->cores = count;
        else if (!strcmp (type, "gpu"))
            w->gpus = count;
        if ((!strcmp (type, "node") || !strcmp (type, "slot"))
            && is_true (json_object_get (res, "exclusive")))
            w->exclusive = true;
        if ((with = json_object_get (res, "with"))
            && (r = walk_resources (with, product, w, error)) < 0)
            return r;
    }
    return 0;
}

int jobspec_decode_request (json_t *resources,
                            struct jobspec_request *req,
                            flux_error_t *error)
{
    struct walk w = { 0 };
    int r;

    if (!json_is_array (resources) || json_array_size (resources) == 0)
        return fail (error, "jobspec has no resources");
    if ((r = walk_resources (resources, 1, &w, error)) < 0)
        return r;
    if (w.slots == 0)
        return fail (error, "Unable to determine slot count");
    if (w.cores == 0)
        return fail (error, "Unable to determine slot size");
    req->nnodes = w.nodes;
    req->nslots = w.slots;
    req->slot_cores = w.cores;
    req->slot_gpus = w.gpus;
    req->exclusive = w.exclusive;
    return 0;
}

static int decode_per_resource (struct jobspec *js, flux_error_t *error)
{
    json_t *o = jobspec_option (js, "per-resource");
    const char *type;
    int count = 1;

    if (!o)
        return 0;
    if (json_unpack (o, "{s:s s?i}", "type", &type, "count", &count) < 0 || count < 1)
        return fail (error, "invalid per-resource option");
    if (!strcmp (type, "node"))
        js->per_resource = JOBSPEC_PER_NODE;
    else if (!strcmp (type, "core"))
        js->per_resource = JOBSPEC_PER_CORE;
    else
        return fail (error, "invalid per-resource type '%s'", type);
    js->per_resource_count = count;
    return 0;
}

static int decode_task (struct jobspec *js, json_t *tasks, flux_error_t *error)
{
    json_t *task = json_array_get (tasks, 0);
    json_t *count = json_object_get (task, "count");

    js->command = json_object_get (task, "command");
    if (!json_is_array (js->command) || json_array_size (js->command) == 0)
        return fail (error, "jobspec has no task");
    if (!jwords_valid (js->command))
        return fail (error, "command must be a list of strings");
    js->ntasks_total = json_integer_value (json_object_get (count, "total"));
    js->per_slot = json_integer_value (json_object_get (count, "per_slot"));
    if (js->ntasks_total < 0 || js->per_slot < 0
        || (js->ntasks_total == 0 && js->per_slot == 0))
        return fail (error, "jobspec has no task count");
    return decode_per_resource (js, error);
}

/* Set *value to an object of system, NULL if it is absent. */
static int get_object (json_t *system,
                       const char *key,
                       json_t **value,
                       flux_error_t *error)
{
    json_t *o = json_object_get (system, key);

    if (o && !json_is_object (o))
        return fail (error, "attributes.system.%s must be a mapping", key);
    *value = o;
    return 0;
}

static int decode_system (struct jobspec *js, json_t *system, flux_error_t *error)
{
    json_t *shell, *exec, *job, *o;
    int r;

    if (!(o = json_object_get (system, "duration")) || !json_is_number (o))
        return fail (error, "getting duration: Object item not found: system|duration");
    if ((js->duration = json_number_value (o)) < 0)
        js->duration = 0;
    if ((r = get_object (system, "environment", &js->environment, error)) < 0
        || (r = get_object (system, "constraints", &js->constraints, error)) < 0
        || (r = get_object (system, "files", &js->files, error)) < 0
        || (r = get_object (system, "shell", &shell, error)) < 0
        || (r = get_object (system, "exec", &exec, error)) < 0
        || (r = get_object (system, "job", &job, error)) < 0
        || (r = get_object (shell, "options", &js->options, error)) < 0
        || (r = get_object (exec, "test", &js->exec_test, error)) < 0)
        return r;
    if ((o = json_object_get (system, "cwd")) && !(js->cwd = json_string_value (o)))
        return fail (error, "attributes.system.cwd must be a string");
    js->job_name = json_string_value (json_object_get (job, "name"));
    return 0;
}

int jobspec_decode (json_t *doc, struct jobspec **ret, flux_error_t *error)
{
    struct jobspec *js;
    json_t *system;
    int r;

    if (!(js = calloc (1, sizeof (*js))))
        return -ENOMEM;
    js->doc = json_incref (doc);
    system = json_object_get (json_object_get (doc, "attributes"), "system");
    if ((r = decode_system (js, system, error)) < 0
        || (r = decode_task (js, json_object_get (doc, "tasks"), error)) < 0
        || (r = jobspec_decode_request (json_object_get (doc, "resources"),
                                        &js->request,
                                        error)) < 0) {
        jobspec_free (js);
        return r;
    }
    *ret = js;
    return 0;
}

void jobspec_free (struct jobspec *js)
{
    if (js) {
        int saved_errno = errno;
        json_decref (js->doc);
        free (js);
        errno = saved_errno;
    }
}

json_t *jobspec_option (const struct jobspec *js, const char *path)
{
    json_t *o = js->options;

    while (o && *path) {
        size_t len = strcspn (path, ".");
        char key[64];

        if (len >= sizeof (key))
            return NULL;
        memcpy (key, path, len);
        key[len] = '\0';
        o = json_object_get (o, key);
        path += len + (path[len] == '.');
    }
    return o;
}

const char *jobspec_option_string (const struct jobspec *js,
                                   const char *path,
                                   const char *def)
{
    const char *s = json_string_value (jobspec_option (js, path));

    return s ? s : def;
}
