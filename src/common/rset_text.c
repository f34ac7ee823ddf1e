/* rset_text.c - resource sets from and to JSON. */
#include "config.h"
#include <stdio.h>

#include <flux/hostlist.h>
#include "errprintf.h"
#include "rset_private.h"

#define fail(error, ...) (errprintf ((error), __VA_ARGS__), -EINVAL)

/* *total counts nodes, and kinds of children on each, over the whole text. */
static int parse_children (struct rset *r,
                           const struct idset *ranks,
                           json_t *children,
                           uint64_t *total,
                           flux_error_t *error)
{
    const char *type;
    json_t *o;
    unsigned int rank;
    int rc = 0;

    if (!json_is_object (children))
        return fail (error, "children is not an object");
    *total += idset_count (ranks) * (1 + json_object_size (children));
    if (*total > RSET_PARSE_MAX)
        return fail (error, "too many ranks and resources");
    for (rank = idset_first (ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank)) {
        if (!rset_get_node (r, rank))
            return -ENOMEM;
    }
    json_object_foreach (children, type, o) {
        const char *s = json_string_value (o);
        struct idset *ids = s ? idset_decode (s) : NULL;

        if (!ids)
            return fail (error, "%s ids are not a valid idset", type);
        for (rank = idset_first (ranks); rank != IDSET_INVALID_ID && rc == 0;
             rank = idset_next (ranks, rank))
            rc = rset_node_add (rset_get_node (r, rank), type, ids);
        idset_destroy (ids);
        if (rc == -EEXIST)
            return fail (error, "a %s id appears twice on one rank", type);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int parse_R_lite (struct rset *r, json_t *list, flux_error_t *error)
{
    uint64_t total = 0;
    json_t *entry;
    size_t i;

    if (!json_is_array (list))
        return fail (error, "R_lite is not an array");
    json_array_foreach (list, i, entry) {
        json_error_t jerror;
        json_t *children;
        const char *s;
        struct idset *ranks;
        int rc;

        rc = json_unpack_ex (entry, &jerror, 0, "{s:s s:o}", "rank", &s, "children", &children);
        if (rc < 0)
            return fail (error, "%s", jerror.text);
        if (!(ranks = idset_decode (s)))
            return fail (error, "rank is not a valid idset");
        rc = parse_children (r, ranks, children, &total, error);
        idset_destroy (ranks);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int assign_hosts (struct rset *r, struct hostlist *hl, flux_error_t *error)
{
    const char *host = hostlist_first (hl);

    if ((size_t)hostlist_count (hl) != r->count)
        return fail (error, "nodelist does not have one host per rank");
    for (size_t i = 0; i < r->count; i++) {
        if (!(r->nodes[i].host = strdup (host)))
            return -ENOMEM;
        host = hostlist_next (hl);
    }
    return 0;
}

static int parse_nodelist (struct rset *r, json_t *list, flux_error_t *error)
{
    struct hostlist *hl;
    json_t *o;
    size_t i;
    int rc = 0;

    if (!list)
        return 0;
    if (!json_is_array (list))
        return fail (error, "nodelist is not an array");
    if (!(hl = hostlist_create ()))
        return -ENOMEM;
    json_array_foreach (list, i, o) {
        const char *s = json_string_value (o);

        if (!s || hostlist_append (hl, s) < 0) {
            rc = fail (error, "nodelist is not a valid hostlist");
            break;
        }
    }
    if (rc == 0)
        rc = assign_hosts (r, hl, error);
    hostlist_destroy (hl);
    return rc;
}

static int parse_properties (struct rset *r, json_t *properties, flux_error_t *error)
{
    const char *name;
    json_t *o;

    if (properties && !json_is_object (properties))
        return fail (error, "properties is not an object");
    json_object_foreach (properties, name, o) {
        const char *s = json_string_value (o);
        struct idset *ranks = s ? idset_decode (s) : NULL;
        int rc;

        if (!ranks)
            return fail (error, "property %s does not have a valid idset", name);
        rc = rset_add_property (r, name, ranks, error);
        idset_destroy (ranks);
        if (rc < 0)
            return rc == -ENOENT ? -EINVAL : rc;
    }
    return 0;
}

static int parse_into (struct rset *r, json_t *o, flux_error_t *error)
{
    json_t *R_lite, *nodelist = NULL, *properties = NULL, *scheduling = NULL;
    double starttime = 0, expiration = 0;
    json_int_t nslots = 0;
    json_error_t jerror;
    int version, rc;

    rc = json_unpack_ex (o,
                         &jerror,
                         0,
                         "{s:i s:{s:o s?F s?F s?I s?o s?o} s?o}",
                         "version", &version,
                         "execution",
                           "R_lite", &R_lite,
                           "starttime", &starttime,
                           "expiration", &expiration,
                           "nslots", &nslots,
                           "nodelist", &nodelist,
                           "properties", &properties,
                         "scheduling", &scheduling);
    if (rc < 0)
        return fail (error, "%s", jerror.text);
    if (version != 1)
        return fail (error, "invalid version=%d", version);
    if ((rc = parse_R_lite (r, R_lite, error)) < 0
        || (rc = parse_nodelist (r, nodelist, error)) < 0
        || (rc = parse_properties (r, properties, error)) < 0)
        return rc;
    rset_set_times (r, starttime, expiration);
    rset_set_nslots (r, nslots > 0 ? nslots : 0);
    if (scheduling && !json_is_null (scheduling))
        rset_set_scheduling (r, scheduling);
    return 0;
}

int rset_parse (json_t *o, struct rset **ret, flux_error_t *error)
{
    struct rset *r;
    int rc;

    if (!(r = rset_new ()))
        return -ENOMEM;
    if ((rc = parse_into (r, o, error)) < 0) {
        rset_free (r);
        return rc;
    }
    *ret = r;
    return 0;
}

int rset_parse_text (const char *s, size_t len, struct rset **ret, flux_error_t *error)
{
    json_error_t jerror;
    json_t *o;
    int rc;

    if (!(o = json_loadb (s, len, 0, &jerror)))
        return fail (error, "%s", jerror.text);
    rc = rset_parse (o, ret, error);
    json_decref (o);
    return rc;
}

static bool same_children (const struct rset_node *a, const struct rset_node *b)
{
    if (a->nchildren != b->nchildren)
        return false;
    for (size_t i = 0; i < a->nchildren; i++) {
        if (strcmp (a->children[i].type, b->children[i].type)
            || !idset_equal (a->children[i].ids, b->children[i].ids))
            return false;
    }
    return true;
}

static void put_ids (struct text *out, const struct idset *ids, int flags)
{
    char *s = idset_encode (ids, IDSET_FLAG_RANGE | flags);

    if (!s)
        out->error = -ENOMEM;
    else
        text_puts (out, s);
    free (s);
}

/* Call put () for each group of nodes with equal children.  The usual set is
 * one group or few; the inner loop compares against group heads only.
 */
typedef void (*put_group_f) (struct text *out,
                             const struct rset_node *n,
                             const struct idset *ranks,
                             bool first);

struct group {
    const struct rset_node *head;
    struct idset *ranks;
};

static void put_groups (const struct rset *r, struct text *out, put_group_f put)
{
    struct group *groups = NULL;
    size_t count = 0, cap = 0, g;

    for (size_t i = 0; i < r->count; i++) {
        const struct rset_node *n = &r->nodes[i];

        if (n->nchildren == 0)
            continue;
        for (g = 0; g < count && !same_children (groups[g].head, n); g++)
            ;
        if (g == count) {
            if (count == cap) {
                void *p = realloc (groups, (cap ? cap * 2 : 4) * sizeof (*groups));

                if (!p)
                    goto nomem;
                cap = cap ? cap * 2 : 4;
                groups = p;
            }
            groups[g].head = n;
            if (!(groups[g].ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
                goto nomem;
            count++;
        }
        if (idset_set (groups[g].ranks, n->rank) < 0)
            goto nomem;
    }
    for (g = 0; g < count; g++)
        put (out, groups[g].head, groups[g].ranks, g == 0);
    goto done;
nomem:
    out->error = -ENOMEM;
done:
    for (g = 0; g < count; g++)
        idset_destroy (groups[g].ranks);
    free (groups);
}

static void put_group_json (struct text *out,
                            const struct rset_node *n,
                            const struct idset *ranks,
                            bool first)
{
    text_puts (out, first ? "{\"rank\":\"" : ",{\"rank\":\"");
    put_ids (out, ranks, 0);
    text_puts (out, "\",\"children\":{");
    for (size_t i = 0; i < n->nchildren; i++) {
        const char *type = n->children[i].type;

        if (i > 0)
            text_putc (out, ',');
        text_put_json_string (out, type, strlen (type));
        text_puts (out, ":\"");
        put_ids (out, n->children[i].ids, 0);
        text_putc (out, '"');
    }
    text_puts (out, "}}");
}

static void put_group_short (struct text *out,
                             const struct rset_node *n,
                             const struct idset *ranks,
                             bool first)
{
    text_puts (out, first ? "rank" : " rank");
    put_ids (out, ranks, IDSET_FLAG_BRACKETS);
    for (size_t i = 0; i < n->nchildren; i++) {
        text_putc (out, i == 0 ? '/' : ',');
        text_puts (out, n->children[i].type);
        put_ids (out, n->children[i].ids, IDSET_FLAG_BRACKETS);
    }
}

void rset_dumps (const struct rset *r, struct text *out)
{
    put_groups (r, out, put_group_short);
}

static bool has_hosts (const struct rset *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!r->nodes[i].host)
            return false;
    }
    return true;
}

static void put_properties (const struct rset *r, struct text *out)
{
    text_puts (out, ",\"properties\":{");
    for (size_t i = 0; i < r->nproperties; i++) {
        const struct rset_property *p = &r->properties[i];

        if (i > 0)
            text_putc (out, ',');
        text_put_json_string (out, p->name, strlen (p->name));
        text_puts (out, ":\"");
        put_ids (out, p->ranks, 0);
        text_putc (out, '"');
    }
    text_putc (out, '}');
}

void rset_encode (const struct rset *r, struct text *out)
{
    struct text hosts = TEXT_INIT;

    text_puts (out, "{\"version\":1,\"execution\":{\"R_lite\":[");
    put_groups (r, out, put_group_json);
    text_puts (out, "],\"starttime\":");
    text_put_real (out, r->starttime);
    text_puts (out, ",\"expiration\":");
    text_put_real (out, r->expiration);
    if (r->nslots > 0) {
        text_puts (out, ",\"nslots\":");
        text_put_int (out, r->nslots);
    }
    if (has_hosts (r)) {
        if (rset_nodelist (r, &hosts) < 0)
            out->error = -ENOMEM;
        text_puts (out, ",\"nodelist\":[");
        text_put_json_string (out, hosts.buf ? hosts.buf : "", hosts.len);
        text_putc (out, ']');
    }
    if (r->nproperties > 0)
        put_properties (r, out);
    text_putc (out, '}');
    if (r->scheduling) {
        char *s = json_dumps (r->scheduling, JSON_COMPACT | JSON_ENCODE_ANY);

        text_puts (out, ",\"scheduling\":");
        if (s)
            text_puts (out, s);
        else
            out->error = -ENOMEM;
        free (s);
    }
    text_putc (out, '}');
    if (text_error (&hosts))
        out->error = -ENOMEM;
    text_fini (&hosts);
}
