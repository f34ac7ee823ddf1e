#include "config.h"
#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#include <flux/idset.h>
#include "errprintf.h"
#include "jobspec.h"
#include "jwords.h"
#include "util.h"

/* The sentences below are facts of the protocol: users and their tools match
 * them (vectors jobspec-invalid.json).
 */
#define fail(error, ...) (errprintf ((error), __VA_ARGS__), -EINVAL)

static int require_keys (json_t *o,
                         const char *const *keys,
                         size_t count,
                         flux_error_t *error)
{
    for (size_t i = 0; i < count; i++) {
        if (!json_object_get (o, keys[i]))
            return fail (error, "Missing key (%s)", keys[i]);
    }
    return 0;
}

static int allow_keys (json_t *o,
                       const char *const *keys,
                       size_t count,
                       flux_error_t *error)
{
    const char *key;
    json_t *value;

    json_object_foreach (o, key, value) {
        bool known = false;

        for (size_t i = 0; i < count && !known; i++)
            known = !strcmp (key, keys[i]);
        if (!known)
            return fail (error, "Extraneous key (%s)", key);
    }
    return 0;
}

/* RFC 14 range in one string: N, N+, N-M, each with an optional :operand and
 * :operator.  An idset is legal, too.
 */
static bool count_string_valid (const char *s)
{
    struct idset *ids;
    char *end;
    long long min, max, operand = 1;
    char op = '+';

    if ((ids = idset_decode (s))) {
        bool good = !idset_empty (ids);
        idset_destroy (ids);
        return good;
    }
    if (!isdigit ((unsigned char)*s))
        return false;
    errno = 0;
    min = strtoll (s, &end, 10);
    max = min;
    if (*end == '+') {
        max = LLONG_MAX;
        end++;
    }
    else if (*end == '-' && isdigit ((unsigned char)end[1]))
        max = strtoll (end + 1, &end, 10);
    if (*end == ':' && isdigit ((unsigned char)end[1])) {
        operand = strtoll (end + 1, &end, 10);
        if (*end == ':' && end[1]) {
            op = end[1];
            end += 2;
        }
    }
    if (errno || *end || min < 1 || max < min || operand < 1)
        return false;
    if (!strchr ("+*^", op) || (op != '+' && operand < 2))
        return false;
    return op != '^' || min > 1;
}

static int check_count_range (json_t *range, flux_error_t *error)
{
    static const char *const keys[] = { "min", "max", "operand", "operator" };
    json_t *min = json_object_get (range, "min");
    json_t *max = json_object_get (range, "max");
    json_t *operand = json_object_get (range, "operand");
    json_t *opobj = json_object_get (range, "operator");
    const char *op;
    int r;

    if (!min)
        return fail (error, "min must be in range");
    if ((r = allow_keys (range, keys, ARRAY_SIZE (keys), error)) < 0)
        return r;
    if (!json_is_integer (min))
        return fail (error, "min must be an int");
    if (json_integer_value (min) < 1)
        return fail (error, "min must be > 0");
    if (max && !json_is_integer (max))
        return fail (error, "max must be an int");
    if (max && json_integer_value (max) < json_integer_value (min))
        return fail (error, "max must be >= min");
    if (!operand != !opobj)
        return fail (error, "operand and operator must both be in range if either is");
    if (!operand)
        return 0;
    if (!json_is_integer (operand))
        return fail (error, "operand must be an int");
    if (!(op = json_string_value (opobj)) || strlen (op) != 1)
        return fail (error, "operator must be a single character str");
    if (!strchr ("+*^", *op))
        return fail (error, "operator must be one of ['+', '*', '^']");
    if (json_integer_value (operand) < 1)
        return fail (error, "operand must be > 0");
    if (*op != '+' && json_integer_value (operand) < 2)
        return fail (error, "operand must be > 1 for '*' or '^' operator");
    if (*op == '^' && json_integer_value (min) < 2)
        return fail (error, "min must be > 1 for '^' operator");
    return 0;
}

static int check_count (json_t *count, const char *type, flux_error_t *error)
{
    if (json_is_object (count))
        return check_count_range (count, error);
    if (json_is_string (count)) {
        if (!count_string_valid (json_string_value (count)))
            return fail (error, "count string must be a valid idset or range");
        return 0;
    }
    if (!json_is_integer (count))
        return fail (error, "count must be an int or mapping");
    if (!strcmp (type, "node") || !strcmp (type, "slot") || !strcmp (type, "core")) {
        if (json_integer_value (count) < 1)
            return fail (error, "node, slot, or core count must be > 0");
    }
    else if (json_integer_value (count) < 0)
        return fail (error, "count must be >= 0");
    return 0;
}

static bool is_boolean (json_t *o)
{
    return json_is_boolean (o)
           || (json_is_integer (o) && json_integer_value (o) >= 0
               && json_integer_value (o) <= 1);
}

static int check_vertex (json_t *res, flux_error_t *error)
{
    static const char *const strings[] = { "id", "unit", "label" };
    json_t *type, *count, *o;
    int r;

    if (!json_is_object (res))
        return fail (error, "resource must be a mapping");
    if (!(type = json_object_get (res, "type")))
        return fail (error, "type is a required key for resources");
    if (!json_is_string (type))
        return fail (error, "type must be a string");
    if (!(count = json_object_get (res, "count")))
        return fail (error, "count is a required key for resources");
    if ((r = check_count (count, json_string_value (type), error)) < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE (strings); i++) {
        if ((o = json_object_get (res, strings[i])) && !json_is_string (o))
            return fail (error, "%s must be a string", strings[i]);
    }
    if ((o = json_object_get (res, "exclusive")) && !is_boolean (o))
        return fail (error, "exclusive must be a boolean");
    if (!strcmp (json_string_value (type), "slot") && !json_object_get (res, "label"))
        return fail (error, "slots must have labels");
    return 0;
}

static int check_resources (json_t *list, flux_error_t *error)
{
    json_t *res, *with;
    size_t i;
    int r;

    /* Whatever can be walked but is no list holds something that is no mapping. */
    if (!json_is_array (list))
        return fail (error, "resource must be a mapping");
    json_array_foreach (list, i, res) {
        if ((r = check_vertex (res, error)) < 0)
            return r;
        if ((with = json_object_get (res, "with"))
            && (r = check_resources (with, error)) < 0)
            return r;
    }
    return 0;
}

/* V1 has no ranges. */
static int check_resources_v1 (json_t *list, flux_error_t *error)
{
    json_t *res, *with;
    size_t i;
    int r;

    json_array_foreach (list, i, res) {
        json_t *count = json_object_get (res, "count");

        if (!json_is_integer (count))
            return fail (error,
                         "resource count must be an integer for type '%s' (got '%s')",
                         json_string_value (json_object_get (res, "type")),
                         json_is_object (count) ? "dict" : "str");
        if ((with = json_object_get (res, "with"))
            && (r = check_resources_v1 (with, error)) < 0)
            return r;
    }
    return 0;
}

static int check_task_count (json_t *count, flux_error_t *error)
{
    static const char *const keys[] = { "per_slot", "total" };
    bool known = json_object_get (count, "per_resource") != NULL;

    if (!json_is_object (count))
        return fail (error, "count must be a mapping");
    if (json_object_size (count) != 1)
        return fail (error, "count must have exactly one key set");
    for (size_t i = 0; i < ARRAY_SIZE (keys); i++) {
        json_t *n = json_object_get (count, keys[i]);

        if (!n)
            continue;
        known = true;
        if (!json_is_integer (n))
            return fail (error, "count %s must be an int", keys[i]);
        if (json_integer_value (n) < 1)
            return fail (error, "count %s must be > 0", keys[i]);
    }
    if (!known)
        return fail (error, "count per_slot, per_resource, or total must be set");
    return 0;
}

static int check_command (json_t *command, flux_error_t *error)
{
    if (!jwords_valid (command))
        return fail (error, "command must be a list of strings");
    if (!jwords_command (command))
        return fail (error, "command array cannot have length of zero");
    return 0;
}

static int check_task (json_t *task, flux_error_t *error)
{
    static const char *const keys[] = { "command", "slot", "count" };
    json_t *o;
    int r;

    if (!json_is_object (task))
        return fail (error, "task must be a mapping");
    if ((r = require_keys (task, keys, ARRAY_SIZE (keys), error)) < 0
        || (r = check_task_count (json_object_get (task, "count"), error)) < 0)
        return r;
    if (!json_is_string (json_object_get (task, "slot")))
        return fail (error, "slot must be a string");
    if ((o = json_object_get (task, "attributes")) && !json_is_object (o))
        return fail (error, "attributes must be a mapping");
    return check_command (json_object_get (task, "command"), error);
}

static int check_dependencies (json_t *deps, flux_error_t *error)
{
    static const char *const keys[] = { "scheme", "value" };
    json_t *dep;
    size_t i;
    int r;

    if (!json_is_array (deps))
        return fail (error, "attributes.system.dependencies must be a list");
    json_array_foreach (deps, i, dep) {
        if (!json_is_object (dep))
            return fail (error, "dependency must be a mapping");
        if ((r = require_keys (dep, keys, ARRAY_SIZE (keys), error)) < 0)
            return r;
        for (size_t k = 0; k < ARRAY_SIZE (keys); k++) {
            if (!json_is_string (json_object_get (dep, keys[k])))
                return fail (error, "dependency %s must be a string", keys[k]);
        }
    }
    return 0;
}

static int check_property (const char *name, flux_error_t *error)
{
    const char *p = *name == '^' ? name + 1 : name;

    if (!*p || strpbrk (p, "&'\"`|()"))
        return fail (error, "invalid character in property '%s'", name);
    return 0;
}

static int check_hosts (const char *list, struct hostlist *hosts, flux_error_t *error)
{
    struct hostlist *hl;
    const char *host;
    int r = 0;

    if (!(hl = hostlist_decode (list)))
        return fail (error, "Invalid hostlist: '%s'", list);
    for (host = hostlist_first (hl); host && hosts && r == 0; host = hostlist_next (hl)) {
        if (hostlist_find (hosts, host) < 0)
            r = fail (error,
                      "host constraint contains invalid hosts: host '%s' not found",
                      host);
    }
    hostlist_destroy (hl);
    return r;
}

static int check_ranks (const char *ranks, flux_error_t *error)
{
    struct idset *ids;

    if (!(ids = idset_decode (ranks)))
        return fail (error, "IDset(): Invalid argument: %s", ranks);
    idset_destroy (ids);
    return 0;
}

static int check_leaf (const char *op,
                       const char *arg,
                       struct hostlist *hosts,
                       flux_error_t *error)
{
    switch (*op) {
        case 'p':
            return check_property (arg, error);
        case 'h':
            return check_hosts (arg, hosts, error);
        default:
            return check_ranks (arg, error);
    }
}

/* A string counts as the sequence of its characters. */
static int check_leaf_string (const char *op,
                              const char *s,
                              struct hostlist *hosts,
                              flux_error_t *error)
{
    int r = 0;

    while (*s && r == 0) {
        char c[5] = { *s++ };

        for (int n = 1; n < 4 && (*s & 0xc0) == 0x80; n++)
            c[n] = *s++;
        r = check_leaf (op, c, hosts, error);
    }
    return r;
}

static int check_operator (const char *op,
                           json_t *args,
                           struct hostlist *hosts,
                           flux_error_t *error)
{
    bool recurse = !strcmp (op, "and") || !strcmp (op, "or") || !strcmp (op, "not");
    json_t *arg;
    size_t i;
    int r;

    if (!recurse && strcmp (op, "properties") && strcmp (op, "hostlist")
        && strcmp (op, "ranks"))
        return fail (error, "unknown constraint operator '%s'", op);
    if (!json_is_array (args) && !json_is_string (args))
        return fail (error, "argument to constraint %s must be a sequence", op);
    if (json_is_string (args)) {
        if (!recurse)
            return check_leaf_string (op, json_string_value (args), hosts, error);
        if (json_string_length (args) > 0)
            return fail (error, "constraints must be a mapping");
    }
    json_array_foreach (args, i, arg) {
        if (recurse)
            r = jobspec_validate_constraint (arg, hosts, error);
        else if (!json_is_string (arg))
            r = fail (error, "argument to constraint %s must be a list of strings", op);
        else
            r = check_leaf (op, json_string_value (arg), hosts, error);
        if (r < 0)
            return r;
    }
    return 0;
}

int jobspec_validate_constraint (json_t *constraint,
                                 struct hostlist *hosts,
                                 flux_error_t *error)
{
    const char *op;
    json_t *args;
    int r;

    if (!json_is_object (constraint))
        return fail (error, "constraints must be a mapping");
    json_object_foreach (constraint, op, args) {
        if ((r = check_operator (op, args, hosts, error)) < 0)
            return r;
    }
    return 0;
}

static int check_attributes (json_t *attributes,
                             struct hostlist *hosts,
                             flux_error_t *error)
{
    static const char *const keys[] = { "system", "user" };
    json_t *system, *o;
    int r;

    if ((r = allow_keys (attributes, keys, ARRAY_SIZE (keys), error)) < 0)
        return r;
    system = json_object_get (attributes, "system");
    if ((o = json_object_get (system, "dependencies"))
        && (r = check_dependencies (o, error)) < 0)
        return r;
    if ((o = json_object_get (system, "constraints"))
        && (r = jobspec_validate_constraint (o, hosts, error)) < 0)
        return r;
    if (!system)
        return fail (error, "attributes.system is a required key");
    if (!json_is_object (system))
        return fail (error, "attributes.system must be a mapping");
    if (!(o = json_object_get (system, "duration")))
        return fail (error, "attributes.system.duration is a required key");
    if (!json_is_number (o))
        return fail (error, "attributes.system.duration must be a number");
    return 0;
}

static int check_version (json_t *version, flux_error_t *error)
{
    if (json_is_real (version) && json_real_value (version) == 1.0)
        return fail (error, "version must be an integer");
    if (!json_is_integer (version) || json_integer_value (version) != 1)
        return fail (error, "version must be 1");
    return 0;
}

static int check_tasks (json_t *tasks, flux_error_t *error)
{
    json_t *task;
    size_t i;
    int r;

    json_array_foreach (tasks, i, task) {
        if ((r = check_task (task, error)) < 0)
            return r;
    }
    return 0;
}

static int check_tasks_v1 (json_t *tasks, flux_error_t *error)
{
    json_t *task;
    size_t i;

    json_array_foreach (tasks, i, task) {
        if (json_object_get (json_object_get (task, "count"), "per_resource"))
            return fail (error, "count per_slot or total must be set");
    }
    return 0;
}

int jobspec_validate (json_t *jobspec, struct hostlist *hosts, flux_error_t *error)
{
    static const char *const keys[] = { "resources", "tasks", "attributes", "version" };
    json_t *resources, *tasks, *attributes;
    int r;

    if (!json_is_object (jobspec))
        return fail (error, "jobspec must be a mapping");
    if ((r = require_keys (jobspec, keys, ARRAY_SIZE (keys), error)) < 0
        || (r = allow_keys (jobspec, keys, ARRAY_SIZE (keys), error)) < 0
        || (r = check_version (json_object_get (jobspec, "version"), error)) < 0)
        return r;
    resources = json_object_get (jobspec, "resources");
    tasks = json_object_get (jobspec, "tasks");
    attributes = json_object_get (jobspec, "attributes");
    if (!json_is_array (resources) && !json_is_string (resources))
        return fail (error, "resources must be a sequence");
    if (!json_is_array (tasks))
        return fail (error, "tasks must be a sequence");
    if (!json_is_object (attributes))
        return fail (error, "attributes must be a mapping");
    if ((r = check_resources (resources, error)) < 0
        || (r = check_tasks (tasks, error)) < 0
        || (r = check_attributes (attributes, hosts, error)) < 0
        || (r = check_tasks_v1 (tasks, error)) < 0)
        return r;
    return check_resources_v1 (resources, error);
}
