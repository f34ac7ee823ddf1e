#include "config.h"

#include "common/util.h"

#include "record.h"

struct record *record_new (uint64_t id)
{
    struct record *rec = calloc (1, sizeof (*rec));

    if (!rec)
        return NULL;
    rec->id = id;
    rec->state = STATE_NEW;
    rec->history = STATE_NEW;
    rec->duration = rec->expiration = -1.;
    rec->ntasks = rec->ncores = rec->nnodes = -1;
    rec->waitstatus = -1;
    list_init (&rec->deps);
    treap_node_init (&rec->order);
    return rec;
}

void record_free (struct record *rec, struct intern *pool)
{
    struct dep *d = NULL;

    if (!rec)
        return;
    must (!treap_linked (&rec->order));
    list_foreach (&rec->deps, d, node) {
        intern_put (pool, d->description);
        free_keep_errno (d);
    }
    intern_put (pool, rec->jobspec);
    intern_put (pool, rec->name);
    intern_put (pool, rec->cwd);
    intern_put (pool, rec->project);
    intern_put (pool, rec->bank);
    intern_put (pool, rec->ranks);
    intern_put (pool, rec->nodelist);
    intern_put (pool, rec->annotations);
    intern_put (pool, rec->exception_type);
    intern_put (pool, rec->exception_note);
    intern_put (pool, rec->queue_name);
    free_keep_errno (rec);
}

/* ---- jobspec ------------------------------------------------------------------ */

/* *slot becomes the string v, nothing if v is no string. */
static int set_string (struct intern *pool, struct itext **slot, struct jview v)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct itext *new = NULL;
    int r;

    if (jview_is (v, JVIEW_STRING)) {
        if ((r = jview_string (v, &t)) < 0)
            return r;
        if (!(new = intern_get (pool, t.buf ? t.buf : "", t.len)))
            return -ENOMEM;
    }
    intern_set (pool, slot, new);
    return 0;
}

/* The last part of the command's path, or all of it if it ends in a slash. */
static int
name_from_command (struct record *rec, struct jview command, struct intern *pool)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct itext *new;
    const char *base;
    int r;

    if ((r = jview_string (command, &t)) < 0)
        return r;
    if (!t.buf)
        text_puts (&t, "");
    if (text_error (&t))
        return -ENOMEM;
    base = strrchr (t.buf, '/');
    base = base && base[1] != '\0' ? base + 1 : t.buf;
    if (!(new = intern_get (pool, base, strlen (base))))
        return -ENOMEM;
    intern_set (pool, &rec->name, new);
    return 0;
}

/* What is looked at in a jobspec, found in one pass over it. */
struct spec {
    struct jview version, resources, tasks, attributes;
    struct jview cwd, queue, duration, project, bank, job, shell; /* of system */
};

static void find_members (struct jview jobspec, struct spec *sp)
{
    static const char *const keys[] = { "version", "resources", "tasks", "attributes" };
    static const char *const system_keys[] = { "cwd",  "queue", "duration", "project",
                                               "bank", "job",   "shell" };
    struct jview v[4], w[7];

    jview_pick (jobspec, 4, keys, v);
    jview_pick (jview_get (v[3], "system"), 7, system_keys, w);
    *sp =
        (struct spec){ v[0], v[1], v[2], v[3], w[0], w[1], w[2], w[3], w[4], w[5], w[6] };
}

static int set_name (struct record *rec,
                     const struct spec *sp,
                     struct intern *pool,
                     const char **why)
{
    struct jview name = jview_get (sp->job, "name");
    struct jview command;

    *why = "attributes is missing";
    if (!jview_is (sp->attributes, JVIEW_OBJECT))
        return -EINVAL;
    *why = "attributes.system.job is invalid";
    if (jview_present (sp->job) && !jview_is (sp->job, JVIEW_OBJECT))
        return -EINVAL;
    if (jview_present (name))
        return jview_is (name, JVIEW_STRING) ? set_string (pool, &rec->name, name)
                                             : -EINVAL;
    *why = "tasks[0].command[0] is not a string";
    command = jview_at (jview_get (jview_at (sp->tasks, 0), "command"), 0);
    return jview_is (command, JVIEW_STRING) ? name_from_command (rec, command, pool)
                                            : -EINVAL;
}

static int set_system (struct record *rec,
                       const struct spec *sp,
                       struct intern *pool,
                       const char **why)
{
    int r;

    if ((r = set_string (pool, &rec->cwd, sp->cwd)) < 0
        || (r = set_string (pool, &rec->queue_name, sp->queue)) < 0)
        return r;
    *why = "attributes.system.duration is not a number";
    if (jview_number (sp->duration, &rec->duration) < 0)
        return -EINVAL;
    if ((r = set_string (pool, &rec->project, sp->project)) < 0)
        return r;
    return set_string (pool, &rec->bank, sp->bank);
}

struct counts {
    int64_t nnodes; /* 0: not asked for */
    int64_t nslots;
    int64_t slot_cores;
    bool exclusive;
};

static int multiply (int64_t a, int64_t b, int64_t *product)
{
    return __builtin_mul_overflow (a, b, product) ? -EINVAL : 0;
}

/* Depth is bounded by jview. */
static int walk (struct jview resources, int64_t product, struct counts *c)
{
    static const char *const keys[] = { "type", "count", "exclusive", "with" };
    struct jview vertex, v[4];
    struct jiter it;

    if (!jview_is (resources, JVIEW_ARRAY))
        return -EINVAL;
    jiter_init (&it, resources);
    while (jiter_next (&it, NULL, &vertex)) {
        int64_t count, here;

        jview_pick (vertex, 4, keys, v);
        if (!jview_is (v[0], JVIEW_STRING) || jview_int (v[1], &count) < 0 || count <= 0
            || multiply (product, count, &here) < 0)
            return -EINVAL;
        if (jview_equal (v[0], "node")) {
            c->nnodes = here;
            c->exclusive = jview_is (v[2], JVIEW_TRUE);
        }
        else if (jview_equal (v[0], "slot"))
            c->nslots = count;
        else if (jview_equal (v[0], "core"))
            c->slot_cores = count;
        if (jview_present (v[3]) && walk (v[3], here, c) < 0)
            return -EINVAL;
    }
    return 0;
}

static int count_resources (const struct spec *sp, struct counts *c)
{
    int64_t version;

    *c = (struct counts){ 0, 0, 0, false };
    if (jview_int (sp->version, &version) < 0 || walk (sp->resources, 1, c) < 0
        || c->nslots == 0 || c->slot_cores == 0)
        return -EINVAL;
    return c->nnodes > 0 ? multiply (c->nslots, c->nnodes, &c->nslots) : 0;
}

/* attributes.system.shell.options.per-resource: 1 if it decides, 0 if not. */
static int
ntasks_per_resource (struct record *rec, struct jview per, const struct counts *c)
{
    struct jview type = jview_get (per, "type");
    struct jview vcount = jview_get (per, "count");
    int64_t count = 1, cores;

    if (!jview_present (per))
        return 0;
    if (!jview_is (type, JVIEW_STRING)
        || (jview_present (vcount) && (jview_int (vcount, &count) < 0 || count < 1)))
        return -EINVAL;
    rec->ntasks_per = count;
    if (jview_equal (type, "node")) {
        if (c->nnodes == 0)
            rec->ntasks_from = NTASKS_PER_NODE;
        else if (multiply (c->nnodes, count, &rec->ntasks) < 0)
            return -EINVAL;
        return 1;
    }
    if (jview_equal (type, "core")) {
        if (c->nnodes > 0)
            rec->ntasks_from = NTASKS_PER_CORE;
        else if (multiply (c->nslots, c->slot_cores, &cores) < 0
                 || multiply (cores, count, &rec->ntasks) < 0)
            return -EINVAL;
        return 1;
    }
    return 0;
}

static int set_ntasks (struct record *rec, const struct spec *sp, const struct counts *c)
{
    struct jview per = jview_path (sp->shell, "options.per-resource");
    struct jview task = jview_at (sp->tasks, 0);
    int64_t total;
    int r;

    rec->ntasks_from = NTASKS_KNOWN;
    if ((r = ntasks_per_resource (rec, per, c)) != 0)
        return r < 0 ? r : 0;
    rec->ntasks =
        jview_int (jview_path (task, "count.total"), &total) == 0 ? total : c->nslots;
    return 0;
}

int record_set_jobspec (struct record *rec,
                        struct jview jobspec,
                        struct intern *pool,
                        const char **why)
{
    struct counts c;
    struct spec sp;
    int r;

    find_members (jobspec, &sp);
    if ((r = set_name (rec, &sp, pool, why)) < 0
        || (r = set_system (rec, &sp, pool, why)) < 0)
        return r;
    *why = "resources are invalid";
    if ((r = count_resources (&sp, &c)) < 0)
        return r;
    if (c.nnodes > 0)
        rec->nnodes = c.nnodes;
    *why = "shell option per-resource is invalid";
    if ((r = set_ntasks (rec, &sp, &c)) < 0)
        return r;
    if (!c.exclusive || c.nnodes == 0)
        return multiply (c.nslots, c.slot_cores, &rec->ncores);
    rec->ncores = -1;
    return 0;
}
