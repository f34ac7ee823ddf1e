#include "config.h"
#include <stdio.h>

#include <flux/hostlist.h>
#include <flux/idset.h>
#include "constraint.h"
#include "errprintf.h"
#include "util.h"

#define fail(error, ...) (errprintf ((error), __VA_ARGS__), -EINVAL)

enum constraint_op {
    OP_TRUE, /* empty object */
    OP_PROPERTIES,
    OP_HOSTLIST,
    OP_RANKS,
    OP_AND,
    OP_OR,
    OP_NOT,
};

static const struct {
    const char *name;
    enum constraint_op op;
} operators[] = {
    { "properties", OP_PROPERTIES },
    { "hostlist", OP_HOSTLIST },
    { "ranks", OP_RANKS },
    { "and", OP_AND },
    { "or", OP_OR },
    { "not", OP_NOT },
};

struct constraint {
    enum constraint_op op;
    size_t count;
    union {
        char **names;              /* OP_PROPERTIES */
        struct constraint **nodes; /* OP_AND, OP_OR, OP_NOT */
    };
    struct hostlist *hosts; /* OP_HOSTLIST */
    struct idset *ranks;    /* OP_RANKS */
};

void constraint_free (struct constraint *c)
{
    if (!c)
        return;
    if (c->op == OP_PROPERTIES) {
        for (size_t i = 0; i < c->count; i++)
            free (c->names[i]);
        free (c->names);
    }
    else if (c->op >= OP_AND) {
        for (size_t i = 0; i < c->count; i++)
            constraint_free (c->nodes[i]);
        free (c->nodes);
    }
    hostlist_destroy (c->hosts);
    idset_destroy (c->ranks);
    free (c);
}

static int parse_properties (struct constraint *c, json_t *args, flux_error_t *error)
{
    const char *s = json_string_value (args);
    size_t max = s ? strlen (s) : json_array_size (args);

    if (max > 0 && !(c->names = calloc (max, sizeof (c->names[0]))))
        return -ENOMEM;
    if (s) { /* a string is the sequence of its characters */
        while (*s) {
            size_t n = 1;

            while ((s[n] & 0xc0) == 0x80)
                n++;
            if (!(c->names[c->count] = strndup (s, n)))
                return -ENOMEM;
            c->count++;
            s += n;
        }
        return 0;
    }
    for (size_t i = 0; i < max; i++) {
        const char *name = json_string_value (json_array_get (args, i));

        if (!name)
            return fail (error, "property is not a string");
        if (!(c->names[i] = strdup (name)))
            return -ENOMEM;
        c->count++;
    }
    return 0;
}

static int parse_hostlist (struct constraint *c, json_t *args, flux_error_t *error)
{
    json_t *o;
    size_t i;

    if (!(c->hosts = hostlist_create ()))
        return -ENOMEM;
    json_array_foreach (args, i, o) {
        const char *s = json_string_value (o);

        if (!s || hostlist_append (c->hosts, s) < 0)
            return fail (error, "invalid hostlist in constraint");
    }
    return 0;
}

static int parse_ranks (struct constraint *c, json_t *args, flux_error_t *error)
{
    json_t *o;
    size_t i;

    if (!(c->ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -ENOMEM;
    json_array_foreach (args, i, o) {
        const char *s = json_string_value (o);
        struct idset *ids = s ? idset_decode (s) : NULL;
        int r = ids ? idset_add (c->ranks, ids) : 0;

        if (!ids)
            return fail (error, "invalid idset in constraint ranks");
        idset_destroy (ids);
        if (r < 0)
            return -ENOMEM;
    }
    return 0;
}

static int parse_nodes (struct constraint *c, json_t *args, flux_error_t *error)
{
    size_t max = json_array_size (args);
    int r;

    if (c->op == OP_NOT && max > 1)
        max = 1;
    if (max > 0 && !(c->nodes = calloc (max, sizeof (c->nodes[0]))))
        return -ENOMEM;
    while (c->count < max) {
        r = constraint_parse (json_array_get (args, c->count),
                              &c->nodes[c->count],
                              error);
        if (r < 0)
            return r;
        c->count++;
    }
    return 0;
}

static int parse_args (struct constraint *c, json_t *args, flux_error_t *error)
{
    if (!json_is_array (args) && !(json_is_string (args) && c->op == OP_PROPERTIES))
        return fail (error, "constraint operator arguments must be a list");
    switch (c->op) {
        case OP_PROPERTIES:
            return parse_properties (c, args, error);
        case OP_HOSTLIST:
            return parse_hostlist (c, args, error);
        case OP_RANKS:
            return parse_ranks (c, args, error);
        default:
            return parse_nodes (c, args, error);
    }
}

int constraint_parse (json_t *o, struct constraint **ret, flux_error_t *error)
{
    struct constraint *c;
    json_t *args = NULL;
    int r = 0;

    if (!json_is_object (o))
        return fail (error, "constraint must be an object");
    if (!(c = calloc (1, sizeof (*c))))
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE (operators) && !args; i++) {
        if ((args = json_object_get (o, operators[i].name)))
            c->op = operators[i].op;
    }
    if (args)
        r = parse_args (c, args, error);
    else if (json_object_size (o) > 0)
        r = fail (error,
                  "unknown constraint operator '%s'",
                  json_object_iter_key (json_object_iter (o)));
    if (r < 0) {
        constraint_free (c);
        return r;
    }
    *ret = c;
    return 0;
}

static bool match_properties (const struct constraint *c,
                              const struct constraint_target *t)
{
    for (size_t i = 0; i < c->count; i++) {
        const char *name = c->names[i];
        bool want = true;

        if (*name == '^') {
            want = false;
            name++;
        }
        if (t->has_property (t->arg, t->rank, name) != want)
            return false;
    }
    return true;
}

bool constraint_match (const struct constraint *c, const struct constraint_target *t)
{
    if (!c)
        return true;
    switch (c->op) {
        case OP_TRUE:
            return true;
        case OP_PROPERTIES:
            return match_properties (c, t);
        case OP_HOSTLIST:
            return t->host && hostlist_find (c->hosts, t->host) >= 0;
        case OP_RANKS:
            return idset_test (c->ranks, t->rank);
        case OP_AND:
            for (size_t i = 0; i < c->count; i++) {
                if (!constraint_match (c->nodes[i], t))
                    return false;
            }
            return true;
        case OP_OR:
            for (size_t i = 0; i < c->count; i++) {
                if (constraint_match (c->nodes[i], t))
                    return true;
            }
            return c->count == 0;
        case OP_NOT:
            return c->count == 0 || !constraint_match (c->nodes[0], t);
    }
    never ("constraint operator");
}
