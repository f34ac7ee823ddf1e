/* job-ingest/complete.c - what the configuration adds to a jobspec: defaults of
 * policy and queues, and what a queue requires (exec.md 2.5).
 *
 *   [policy] jobspec.defaults.system = { queue, duration }
 *   [queues.NAME] requires = [property], policy = the same, parent = NAME
 *   [ingest.frobnicator] disable = true
 */
#include "config.h"
#include <jansson.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "ingest.h"

static json_t *dig (json_t *o, const char *const *path)
{
    for (; o && *path; path++)
        o = json_object_get (o, *path);
    return o;
}

static json_t *defaults_of (json_t *table)
{
    static const char *const path[] = { "policy", "jobspec", "defaults", "system", NULL };

    return dig (table, path);
}

/* A duration in seconds, as a table of defaults may have it. */
static bool get_duration (json_t *defaults, double *seconds)
{
    json_t *o = json_object_get (defaults, "duration");

    if (json_is_number (o)) {
        *seconds = json_number_value (o);
        return true;
    }
    return json_is_string (o) && fsd_parse (json_string_value (o), seconds) == 0;
}

int completion_configure (struct ingest *in, const flux_conf_t *conf, flux_error_t *error)
{
    struct completion *c = &in->completion;
    json_t *all = NULL, *queues = NULL, *name, *requires;
    int disable = 0, no_validator = 0;
    const char *key;

    if (conf
        && flux_conf_unpack (conf, error,
                             "{s?{s?{s?b} s?{s?b}} s?o}",
                             "ingest",
                               "frobnicator",
                                 "disable", &disable,
                               "validator",
                                 "disable", &no_validator,
                             "queues", &queues) < 0)
        return -1;
    if (conf && flux_conf_unpack (conf, error, "o", &all) < 0)
        return -1;
    json_object_foreach (queues, key, requires) {
        json_t *list = json_object_get (requires, "requires");
        size_t i;

        json_array_foreach (list, i, name) {
            if (!json_is_string (name)) {
                errno = EINVAL;
                return errprintf (error, "queues.%s.requires must be an array of strings", key);
            }
        }
    }
    json_decref (c->conf);
    c->conf = json_incref (all);
    c->queues = json_object_get (all, "queues");
    c->defaults = defaults_of (all);
    if (json_object_size (c->queues) == 0)
        c->queues = NULL;
    c->on = !disable && (c->queues || c->defaults);
    in->validate = !in->no_validator && !no_validator;
    return 0;
}

/* The job's queue: as it says, or the default one.  *name may be NULL. */
static int choose_queue (const struct completion *c,
                         json_t *system,
                         const char **name,
                         flux_error_t *error)
{
    json_t *o = json_object_get (system, "queue");
    bool given = o != NULL;

    if (!given)
        o = json_object_get (c->defaults, "queue");
    *name = json_string_value (o);
    if (!o && c->queues)
        return errprintf (error, "no queue specified");
    if (c->queues && (!*name || !json_object_get (c->queues, *name)))
        return errprintf (error, "Invalid queue '%s' specified", *name ? *name : "");
    if (!given && *name && json_object_set (system, "queue", o) < 0)
        return errprintf (error, "out of memory");
    return 0;
}

/* Zero is as good as none. */
static int complete_duration (const struct completion *c,
                              json_t *system,
                              json_t *queue,
                              json_t *parent,
                              flux_error_t *error)
{
    json_t *o = json_object_get (system, "duration");
    double seconds;

    if (o && !(json_is_number (o) && json_number_value (o) == 0))
        return 0;
    if (!get_duration (defaults_of (queue), &seconds)
        && !get_duration (defaults_of (parent), &seconds)
        && !get_duration (c->defaults, &seconds))
        return 0;
    if (json_object_set_new (system, "duration", json_real (seconds)) < 0)
        return errprintf (error, "out of memory");
    return 0;
}

/* All of these properties, in addition to what the job asks for. */
static int require (json_t *system, json_t *properties, flux_error_t *error)
{
    json_t *old = json_object_get (system, "constraints");
    json_t *list = json_object_get (old, "properties");
    int rc;

    if (json_is_array (list))
        rc = json_array_extend (list, properties);
    else if (!old || (json_is_object (old) && json_object_size (old) == 0))
        rc = json_object_set_new (system, "constraints",
                                  json_pack ("{s:O}", "properties", properties));
    else
        rc = json_object_set_new (system, "constraints",
                                  json_pack ("{s:[O,{s:O}]}", "and", old, "properties",
                                             properties));
    return rc < 0 ? errprintf (error, "out of memory") : 0;
}

int completion_apply (const struct completion *c, json_t *jobspec, flux_error_t *error)
{
    json_t *system = json_object_get (json_object_get (jobspec, "attributes"), "system");
    json_t *queue, *parent, *properties;
    const char *name;

    if (!json_is_object (system))
        return 0; /* the validator says what is wrong with that */
    if (choose_queue (c, system, &name, error) < 0)
        return -1;
    queue = name ? json_object_get (c->queues, name) : NULL;
    parent = json_object_get (
        c->queues, json_is_string (json_object_get (queue, "parent"))
                       ? json_string_value (json_object_get (queue, "parent"))
                       : "");
    if (complete_duration (c, system, queue, parent, error) < 0)
        return -1;
    if (!(properties = json_object_get (queue, "requires")))
        properties = json_object_get (parent, "requires");
    return json_array_size (properties) > 0 ? require (system, properties, error) : 0;
}
