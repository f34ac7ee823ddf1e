/* [queues]: { NAME: { "requires"?:[s] "policy"?:o "parent"?:s } }
 *
 * A parent is a configured queue that has none itself; a queue with one is
 * virtual and requires nothing of its own.  What queues require is put into
 * jobspecs by those who take jobs in; here it is only checked.
 */

#include "config.h"
#include <jansson.h>

#include "common/errprintf.h"

#include "manager.h"

static bool is_property (json_t *o)
{
    const char *s = json_string_value (o);
    return s && *s && !strpbrk (s, " \t!&'\"`|()");
}

static const char *check_requires (json_t *requires)
{
    size_t i;
    json_t *o;

    if (requires && !json_is_array (requires))
        return "'requires' must be an array of property strings (RFC 20)";
    json_array_foreach (requires, i, o)
    {
        if (!is_property (o))
            return "'requires' must be an array of property strings (RFC 20)";
    }
    return NULL;
}

static int check_parent (json_t *queues,
                         const char *name,
                         json_t *parent,
                         json_t *requires,
                         flux_error_t *error)
{
    const char *s = json_string_value (parent);
    json_t *other = s ? json_object_get (queues, s) : NULL;
    const char *why = NULL;

    if (!s)
        why = "'parent' must be a string";
    else if (strcmp (s, name) == 0)
        why = "parent queue is itself";
    else if (requires)
        why = "a virtual queue must not set 'requires'";
    if (why)
        return errprintf (error, "error parsing [queues.%s] config table: %s", name, why);
    if (!other)
        return errprintf (error,
                          "error parsing [queues.%s] config table: parent queue '%s' is "
                          "not configured",
                          name, s);
    if (json_object_get (other, "parent"))
        return errprintf (error,
                          "error parsing [queues.%s] config table: parent queue '%s' is "
                          "itself a virtual queue",
                          name, s);
    return 0;
}

static int parse_queue (json_t *queues,
                        const char *name,
                        json_t *o,
                        struct jm_queue_conf *conf,
                        flux_error_t *error)
{
    json_t *requires = NULL, *policy = NULL, *parent = NULL;
    json_error_t e;
    const char *why;

    if (json_unpack_ex (o, &e, 0, "{s?o s?o s?o !}", "requires", &requires, "policy",
                        &policy, "parent", &parent)
        < 0)
        return errprintf (error, "error parsing [queues.%s] config table: %s", name,
                          e.text);
    if (!*name)
        return errprintf (error, "error parsing [queues] config table: a name is empty");
    if ((why = check_requires (requires)))
        return errprintf (error, "error parsing [queues.%s] config table: %s", name, why);
    if (parent && check_parent (queues, name, parent, requires, error) < 0)
        return -1;
    conf->name = name;
    conf->parent = json_string_value (parent);
    return 0;
}

int manager_parse_queues (json_t *queues,
                          struct jm_queue_conf **conf,
                          size_t *count,
                          flux_error_t *error)
{
    struct jm_queue_conf *v;
    const char *name;
    size_t n = 0;
    json_t *o;

    if (queues && !json_is_object (queues))
        return errprintf (error, "error parsing [queues] config table: not a table");
    if (!(v = calloc (json_object_size (queues) + 1, sizeof (*v))))
        return errprintf (error, "out of memory");
    json_object_foreach (queues, name, o)
    {
        if (parse_queue (queues, name, o, &v[n++], error) < 0) {
            free (v);
            return -1;
        }
    }
    *conf = v;
    *count = n;
    return 0;
}
