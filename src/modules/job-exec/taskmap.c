/* job-exec/taskmap.c - the numbers of tasks: schemes and encodings (RFC 34).
 *
 *   block             node 0 has the first ids, node 1 the next (layout_create)
 *   cyclic[:N]        one task (N) of each node in turn, full nodes left out
 *   hostfile:FILE     in the order of the hosts in it (layout_remap_hosts)
 *   manual:MAP        [[nodeid,nnodes,ppn,repeat],...], or {"version":1,"map":it}
 */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>

#include <flux/hostlist.h>
#include "common/errprintf.h"
#include "common/jview.h"
#include "common/util.h"
#include "layout.h"

#define fail(error, ...) (errprintf ((error), __VA_ARGS__), -EINVAL)

static int remap_cyclic (struct layout *l, const char *value, flux_error_t *error)
{
    uint32_t *left, task = 0;
    long stride = 1;
    char *end;

    if (*value) {
        stride = strtol (value, &end, 10);
        if (*end || stride < 1 || stride > LAYOUT_TASKS_MAX)
            return fail (error, "invalid cyclic value: %s", value);
    }
    if (!(left = calloc (l->nnodes, sizeof (left[0]))))
        return -ENOMEM;
    memcpy (left, l->ppn, l->nnodes * sizeof (left[0]));
    for (uint32_t node = 0; task < l->ntasks; node = (node + 1) % l->nnodes) {
        for (long i = 0; i < stride && left[node] > 0; i++, left[node]--)
            l->nodeid[task++] = node;
    }
    free (left);
    return 0;
}

/* One block.  Appends what fits to nodeid and always counts. */
static int
add_block (const struct layout *l, struct jview block, uint32_t *nodeid, uint64_t *n, uint64_t *nnodes)
{
    int64_t v[4];

    if (jview_count (block) != ARRAY_SIZE (v))
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_SIZE (v); i++) {
        if (jview_int (jview_at (block, i), &v[i]) < 0 || v[i] < (i > 0)
            || v[i] > LAYOUT_TASKS_MAX)
            return -EINVAL;
    }
    if (v[1] * v[2] > LAYOUT_TASKS_MAX || v[1] * v[2] * v[3] + *n > LAYOUT_TASKS_MAX)
        return -EINVAL;
    if ((uint64_t)(v[0] + v[1]) > *nnodes)
        *nnodes = v[0] + v[1];
    for (int64_t i = 0; i < v[1] * v[2] * v[3]; i++, (*n)++) {
        if (*n < l->ntasks)
            nodeid[*n] = v[0] + i / v[2] % v[1];
    }
    return 0;
}

static int read_map (const struct layout *l, struct jview map, uint32_t *nodeid, flux_error_t *error)
{
    uint64_t ntasks = 0, nnodes = 0;
    struct jview block;
    struct jiter it;

    jiter_init (&it, map);
    while (jiter_next (&it, NULL, &block)) {
        if (add_block (l, block, nodeid, &ntasks, &nnodes) < 0)
            return fail (error, "invalid taskmap: a block is not [nodeid,nnodes,ppn,repeat]");
    }
    if (nnodes != l->nnodes)
        return fail (error, "invalid taskmap: got %llu nodes, expected %u",
                     (unsigned long long)nnodes, l->nnodes);
    if (ntasks != l->ntasks)
        return fail (error, "invalid taskmap: got %llu total tasks, expected %u",
                     (unsigned long long)ntasks, l->ntasks);
    return 0;
}

/* Makes it so; takes nodeid. */
static void renumber (struct layout *l, uint32_t *nodeid)
{
    free (l->nodeid);
    l->nodeid = nodeid;
    memset (l->ppn, 0, l->nnodes * sizeof (l->ppn[0]));
    for (uint32_t i = 0; i < l->ntasks; i++)
        l->ppn[nodeid[i]]++;
}

static int remap_manual (struct layout *l, const char *value, flux_error_t *error)
{
    uint32_t *nodeid;
    struct jview map;
    int r;

    if (jview_parse (value, strlen (value), &map) < 0)
        return fail (error, "invalid taskmap: %s", value);
    if (jview_is (map, JVIEW_OBJECT))
        map = jview_get (map, "map");
    if (!jview_is (map, JVIEW_ARRAY))
        return fail (error, "invalid taskmap: %s", value);
    if (!(nodeid = calloc (l->ntasks, sizeof (nodeid[0]))))
        return -ENOMEM;
    if ((r = read_map (l, map, nodeid, error)) < 0) {
        free (nodeid);
        return r;
    }
    renumber (l, nodeid);
    return 0;
}

/* The node of a host, or nnodes. */
static uint32_t find_node (const struct layout *l, const struct rset *R, const char *host)
{
    for (uint32_t i = 0; i < l->nnodes; i++) {
        const char *name = rset_host_at (R, i);

        if (name && !strcmp (name, host))
            return i;
    }
    return l->nnodes;
}

/* All lines as one list. */
static struct hostlist *read_hosts (const char *text)
{
    struct hostlist *all = hostlist_create ();

    while (all && *text) {
        size_t len = strcspn (text, "\n"), skip = strspn (text, " \t");
        char *line = strndup (text + skip, len > skip ? len - skip : 0);

        if (line)
            line[strcspn (line, " \t\r#")] = '\0';
        if (!line || (*line && hostlist_append (all, line) < 0)) {
            hostlist_destroy (all);
            all = NULL;
        }
        free (line);
        text += len + (text[len] == '\n');
    }
    return all;
}

int layout_remap_hosts (struct layout *l,
                        const struct rset *R,
                        const char *text,
                        flux_error_t *error)
{
    struct hostlist *hosts = read_hosts (text);
    uint32_t *nodeid = calloc (l->ntasks, sizeof (nodeid[0]));
    const char *host = hosts ? hostlist_first (hosts) : NULL;
    int r = nodeid ? 0 : -ENOMEM;

    if (!host)
        r = fail (error, "taskmap.hostfile: no hosts, or no hostlist");
    for (uint32_t i = 0; i < l->ntasks && r == 0; i++) {
        if ((nodeid[i] = find_node (l, R, host)) == l->nnodes)
            r = fail (error, "taskmap.hostfile: host %s is not of this job", host);
        else if (!(host = hostlist_next (hosts)))
            host = hostlist_first (hosts);
    }
    hostlist_destroy (hosts);
    if (r < 0)
        free (nodeid);
    else
        renumber (l, nodeid);
    return r;
}

int layout_remap (struct layout *l, const char *scheme, const char *value, flux_error_t *error)
{
    if (!strcmp (scheme, "block")) {
        if (*value)
            return fail (error, "block taskmap does not accept a value (got %s)", value);
        return 0;
    }
    if (!strcmp (scheme, "cyclic"))
        return remap_cyclic (l, value, error);
    if (!strcmp (scheme, "manual"))
        return remap_manual (l, value, error);
    return fail (error, "failed to map tasks with scheme=%s", scheme);
}

/* ---- encodings ------------------------------------------------------------------ */

/* Successive tasks: ppn of each of nnodes nodes that follow each other. */
struct block {
    uint32_t node;
    uint32_t nnodes;
    uint32_t ppn;
};

static uint32_t count_same (const struct layout *l, uint32_t task)
{
    uint32_t n = 1;

    while (task + n < l->ntasks && l->nodeid[task + n] == l->nodeid[task])
        n++;
    return n;
}

/* The block that begins with a task; returns the first task behind it. */
static uint32_t get_block (const struct layout *l, uint32_t task, struct block *b)
{
    *b = (struct block){ l->nodeid[task], 1, count_same (l, task) };
    task += b->ppn;
    while (task < l->ntasks && l->nodeid[task] == b->node + b->nnodes
           && count_same (l, task) == b->ppn) {
        b->nnodes++;
        task += b->ppn;
    }
    return task;
}

static bool same_block (const struct block *a, const struct block *b)
{
    return a->node == b->node && a->nnodes == b->nnodes && a->ppn == b->ppn;
}

void layout_taskmap (const struct layout *l, struct text *out)
{
    struct block b, next;
    uint32_t task = 0;

    text_putc (out, '[');
    while (task < l->ntasks) {
        uint32_t repeat = 1, end;

        task = get_block (l, task, &b);
        while (task < l->ntasks && (end = get_block (l, task, &next))
               && same_block (&b, &next)) {
            repeat++;
            task = end;
        }
        text_printf (out, "[%u,%u,%u,%u]%s", b.node, b.nnodes, b.ppn, repeat,
                     task < l->ntasks ? "," : "");
    }
    text_putc (out, ']');
}

void layout_pmi_mapping (const struct layout *l, struct text *out)
{
    uint32_t task = 0;
    struct block b;

    text_puts (out, "(vector");
    while (task < l->ntasks) {
        task = get_block (l, task, &b);
        text_printf (out, ",(%u,%u,%u)", b.node, b.nnodes, b.ppn);
    }
    text_putc (out, ')');
}
