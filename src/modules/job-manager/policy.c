/* [policy], and that of [queues.NAME]: who may ask for how much.
 *
 *   policy = { jobspec = { defaults = { system = { duration=s queue=s } } }
 *              limits = { duration=s
 *                         job-size = { max|min = { nnodes=i ncores=i ngpus=i } } }
 *              access = { allow-user=b allow-group=b } scheduler=... }
 *
 * A queue's limit takes the place of its parent's, that of the general one; -1
 * is no limit, and a duration of 0 is none either.  Defaults are put into
 * jobspecs by those who take jobs in; here they are only checked.
 */

#include "config.h"
#include <jansson.h>
#include <math.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "common/jobspec.h"

#include "manager.h"

enum { NNODES, NCORES, NGPUS, NSIZES };

static const char *const size_names[NSIZES] = { "nnodes", "ncores", "ngpus" };

#define NO_LIMIT (-1)
#define NOT_SET INT64_MIN

struct limits {
    const char *queue;  /* borrowed from doc; NULL: the general ones */
    const char *parent; /* NULL: it has none */
    double duration;    /* 0: no limit; < 0: not set */
    int64_t max[NSIZES];
    int64_t min[NSIZES];
};

struct policy {
    json_t *queues; /* what names are borrowed from */
    size_t count;
    bool limited; /* any limit at all */
    struct limits limits[]; /* the general ones first */
};

void manager_policy_free (struct policy *p)
{
    if (p) {
        json_decref (p->queues);
        free (p);
    }
}

void manager_policy_fini (struct manager *m)
{
    manager_policy_free (move_ptr (m->policy));
}

/* ---- reading it -------------------------------------------------------------------- */

static int parse_size (json_t *o, int64_t *sizes, flux_error_t *error)
{
    json_error_t e;

    if (o
        && json_unpack_ex (o, &e, 0, "{s?I s?I s?I !}", "nnodes", &sizes[NNODES],
                           "ncores", &sizes[NCORES], "ngpus", &sizes[NGPUS])
               < 0)
        return errprintf (error, "%s", e.text);
    for (int i = 0; i < NSIZES; i++) {
        if (sizes[i] < NO_LIMIT && sizes[i] != NOT_SET)
            return errprintf (error, "values must be >= -1");
    }
    return 0;
}

static int parse_limits (json_t *o, struct limits *l, flux_error_t *error)
{
    json_t *duration = NULL, *max = NULL, *min = NULL;
    json_error_t e;

    l->duration = -1.;
    for (int i = 0; i < NSIZES; i++)
        l->max[i] = l->min[i] = NOT_SET;
    if (!o)
        return 0;
    if (json_unpack_ex (o, &e, 0, "{s?o s?{s?o s?o !} !}", "duration", &duration,
                        "job-size", "max", &max, "min", &min)
        < 0)
        return errprintf (error, "%s", e.text);
    if (duration
        && (!json_is_string (duration)
            || fsd_parse (json_string_value (duration), &l->duration) < 0))
        return errprintf (error, "'duration' is not a valid FSD");
    if (isinf (l->duration))
        l->duration = 0.;
    if (parse_size (max, l->max, error) < 0)
        return -1;
    return parse_size (min, l->min, error);
}

static int check_access (json_t *o, flux_error_t *error)
{
    json_t *user = NULL, *group = NULL;
    json_error_t e;

    if (!o)
        return 0;
    if (json_unpack_ex (o, &e, 0, "{s?o s?o !}", "allow-user", &user, "allow-group",
                        &group)
        < 0)
        return errprintf (error, "%s", e.text);
    if ((user && !json_is_boolean (user)) || (group && !json_is_boolean (group)))
        return errprintf (error, "values must be boolean");
    return 0;
}

static int check_defaults (json_t *o, json_t **queue, flux_error_t *error)
{
    json_t *duration = NULL;
    json_error_t e;
    double seconds;

    *queue = NULL;
    if (!o)
        return 0;
    if (json_unpack_ex (o, &e, 0, "{s?{s?{s?o s?o !} !} !}", "defaults", "system",
                        "duration", &duration, "queue", queue)
        < 0)
        return errprintf (error, "%s", e.text);
    if (duration
        && (!json_is_string (duration)
            || fsd_parse (json_string_value (duration), &seconds) < 0))
        return errprintf (error, "'duration' is not a valid FSD");
    if (*queue && !json_is_string (*queue))
        return errprintf (error, "'queue' must be a string");
    return 0;
}

/* One policy table, of 'where' ("policy", "queues.NAME.policy"). */
static int parse_policy (json_t *o,
                         const char *where,
                         struct limits *l,
                         json_t **queue,
                         flux_error_t *error)
{
    json_t *jobspec = NULL, *limits = NULL, *access = NULL, *scheduler = NULL;
    json_error_t e;
    flux_error_t why;

    if (o
        && json_unpack_ex (o, &e, 0, "{s?o s?o s?o s?o !}", "jobspec", &jobspec,
                           "limits", &limits, "access", &access, "scheduler", &scheduler)
               < 0)
        return errprintf (error, "error parsing [%s] config table: %s", where, e.text);
    if (parse_limits (limits, l, &why) < 0)
        return errprintf (error, "error parsing [%s.limits] config table: %s", where,
                          why.text);
    if (check_access (access, &why) < 0)
        return errprintf (error, "error parsing [%s.access] config table: %s", where,
                          why.text);
    if (check_defaults (jobspec, queue, &why) < 0)
        return errprintf (error, "error parsing [%s.jobspec] config table: %s", where,
                          why.text);
    return 0;
}

static bool has_limits (const struct limits *l)
{
    bool any = l->duration > 0.;

    for (int i = 0; i < NSIZES; i++)
        any = any || l->max[i] >= 0 || l->min[i] >= 0;
    return any;
}

static int parse_queue (struct policy *p, const char *name, json_t *o, flux_error_t *error)
{
    struct limits *l = &p->limits[p->count++];
    json_t *policy = json_object_get (o, "policy"), *queue = NULL;
    _cleanup_ (text_fini) struct text where = TEXT_INIT;

    text_printf (&where, "queues.%s.policy", name);
    if (text_error (&where))
        return errprintf (error, "out of memory");
    l->queue = name;
    l->parent = json_string_value (json_object_get (o, "parent"));
    if (parse_policy (policy, where.buf, l, &queue, error) < 0)
        return -1;
    if (queue)
        return errprintf (error,
                          "error parsing [queues.%s] config table: 'policy' must not "
                          "define a default queue!",
                          name);
    if (l->parent && json_object_get (policy, "scheduler"))
        return errprintf (error,
                          "error parsing [queues.%s] config table: a virtual queue must "
                          "not set 'policy.scheduler'",
                          name);
    p->limited = p->limited || has_limits (l);
    return 0;
}

static int parse_all (struct policy *p, json_t *policy, flux_error_t *error)
{
    json_t *queue = NULL, *o;
    const char *name;

    p->count = 1;
    if (parse_policy (policy, "policy", &p->limits[0], &queue, error) < 0)
        return -1;
    if (queue && !json_object_get (p->queues, json_string_value (queue)))
        return errprintf (error,
                          "the [policy] config table defines a default queue %s that is "
                          "not in [queues] table",
                          json_string_value (queue));
    p->limited = has_limits (&p->limits[0]);
    json_object_foreach (p->queues, name, o)
    {
        if (parse_queue (p, name, o, error) < 0)
            return -1;
    }
    return 0;
}

int manager_policy_parse (const flux_conf_t *conf,
                          struct policy **ret,
                          flux_error_t *error)
{
    json_t *policy = NULL, *queues = NULL;
    struct policy *p;
    flux_error_t e;

    if (flux_conf_unpack (conf, &e, "{s?o s?o}", "policy", &policy, "queues", &queues) < 0)
        return errprintf (error, "%s", e.text);
    p = calloc (1, sizeof (*p)
                       + (json_object_size (queues) + 1) * sizeof (p->limits[0]));
    if (!p)
        return errprintf (error, "out of memory");
    p->queues = json_incref (queues);
    if (parse_all (p, policy, error) < 0) {
        manager_policy_free (p);
        return -1;
    }
    *ret = p;
    return 0;
}

/* ---- asking it ------------------------------------------------------------------------ */

static const struct limits *find (const struct policy *p, const char *queue)
{
    for (size_t i = 1; queue && i < p->count; i++) {
        if (strcmp (p->limits[i].queue, queue) == 0)
            return &p->limits[i];
    }
    return NULL;
}

/* Own, of the parent, general: the first that is set counts. */
struct chain {
    const struct limits *l[3];
};

static struct chain chain_of (const struct policy *p, const char *queue)
{
    const struct limits *own = find (p, queue);
    const struct limits *parent = own ? find (p, own->parent) : NULL;

    return (struct chain){ { own, parent, &p->limits[0] } };
}

static double duration_limit (const struct chain *c)
{
    for (int i = 0; i < 3; i++) {
        if (c->l[i] && c->l[i]->duration >= 0.)
            return c->l[i]->duration;
    }
    return 0.;
}

static int64_t size_limit (const struct chain *c, int which, bool max)
{
    for (int i = 0; i < 3; i++) {
        int64_t v = !c->l[i] ? NOT_SET : max ? c->l[i]->max[which] : c->l[i]->min[which];

        if (v != NOT_SET)
            return v;
    }
    return NO_LIMIT;
}

static void put_queue (struct text *why, const char *queue)
{
    if (queue)
        text_printf (why, " for queue %s", queue);
}

static int check_duration (const struct chain *c,
                           struct jview duration,
                           const char *queue,
                           struct text *why)
{
    char asked[FSD_BUFSIZE] = "unlimited", max[FSD_BUFSIZE] = "?";
    double limit = duration_limit (c), seconds = 0.;

    if (jview_number (duration, &seconds) < 0)
        seconds = 0.;
    if (limit <= 0. || (seconds > 0. && seconds <= limit))
        return 0;
    if (seconds > 0.)
        fsd_format (asked, sizeof (asked), seconds);
    fsd_format (max, sizeof (max), limit);
    text_printf (why, "requested duration (%s) exceeds policy limit of %s", asked, max);
    put_queue (why, queue);
    return -EINVAL;
}

static int check_size (const struct chain *c,
                       const int64_t *asked,
                       bool max,
                       const char *queue,
                       struct text *why)
{
    for (int i = 0; i < NSIZES; i++) {
        int64_t limit = size_limit (c, i, max);

        if (limit < 0 || (max ? asked[i] <= limit : asked[i] >= limit))
            continue;
        text_printf (why, "requested %s (%lld) %s policy limit of %lld", size_names[i],
                     (long long)asked[i], max ? "exceeds" : "is under", (long long)limit);
        put_queue (why, queue);
        return -EINVAL;
    }
    return 0;
}

static int check_sizes (const struct chain *c,
                        struct jview resources,
                        const char *queue,
                        struct text *why)
{
    struct jobspec_request r;
    flux_error_t error = { "" };
    int64_t asked[NSIZES], slots;
    json_t *o;
    int rc;

    if (!jview_present (resources) || !(o = json_loadb (resources.s, resources.len, 0, NULL)))
        return 0;
    rc = jobspec_decode_request (o, &r, &error);
    json_decref (o);
    if (rc < 0) {
        text_puts (why, error.text);
        return -EINVAL;
    }
    slots = (int64_t)r.nslots * (r.nnodes > 0 ? r.nnodes : 1);
    asked[NNODES] = r.nnodes > 0 ? r.nnodes : r.exclusive ? r.nslots : 0;
    asked[NCORES] = slots * r.slot_cores;
    asked[NGPUS] = slots * r.slot_gpus;
    if ((rc = check_size (c, asked, true, queue, why)) < 0)
        return rc;
    return check_size (c, asked, false, queue, why);
}

static int
check_policy (struct manager *m, const char *jobspec, size_t len, struct text *why)
{
    static const char *const keys[] = { "queue", "duration" };
    struct jview doc = { jobspec, len }, f[2];
    _cleanup_ (freep) char *queue = NULL;
    struct chain c;
    int r;

    if (!m->policy || !m->policy->limited)
        return 0;
    jview_pick (jview_path (doc, "attributes.system"), 2, keys, f);
    if (jview_strdup (f[0], &queue) == -ENOMEM)
        return -ENOMEM;
    c = chain_of (m->policy, queue);
    if (manager_builtin_limits (m, false)
        && (r = check_sizes (&c, jview_get (doc, "resources"), queue, why)) < 0)
        return r;
    if (manager_builtin_limits (m, true)
        && (r = check_duration (&c, f[1], queue, why)) < 0)
        return r;
    return 0;
}

int manager_check_limits (struct manager *m,
                          const char *jobspec,
                          size_t len,
                          struct text *why)
{
    int r = check_policy (m, jobspec, len, why);

    return r < 0 ? r : manager_check_lifetime (m, jobspec, len, why);
}
