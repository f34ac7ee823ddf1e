/* alloc-check - a guard: no resource is given to two jobs at a time. */

#include "config.h"
#include <jansson.h>

#include <flux/jobtap.h>

#include "common/rset.h"
#include "common/util.h"

struct check {
    struct rset *taken;
};

static void check_free (void *arg)
{
    struct check *c = arg;

    rset_free (c->taken);
    free (c);
}

static int R_of (flux_plugin_arg_t *args, struct rset **R)
{
    json_t *o;

    return flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:o}", "R", &o) < 0
                   || rset_parse (o, R, NULL) < 0
               ? -1
               : 0;
}

static void take (struct check *c, struct rset *sum)
{
    rset_free (c->taken);
    c->taken = sum;
}

static int
new_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    return flux_jobtap_job_subscribe (p, FLUX_JOBTAP_CURRENT_JOB);
}

static int
alloc_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct rset *R = NULL, *common = NULL, *sum = NULL;
    struct check *c = data;
    int rc = -1;

    if (R_of (args, &R) < 0 || rset_intersect (c->taken, R, &common) < 0)
        flux_log (flux_jobtap_get_flux (p), LOG_ERR, "alloc-check: R cannot be checked");
    else if (rset_nnodes (common) > 0)
        rc = flux_jobtap_raise_exception (p, FLUX_JOBTAP_CURRENT_JOB, "alloc-check", 0,
                                          "resources already allocated");
    else if ((rc = rset_union (c->taken, R, &sum)) == 0) {
        take (c, sum);
        rc = flux_jobtap_job_aux_set (p, FLUX_JOBTAP_CURRENT_JOB, "counted", c, NULL);
    }
    rset_free (common);
    rset_free (R);
    return rc < 0 ? -1 : 0;
}

/* What was refused was not counted. */
static int
free_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct rset *R = NULL, *rest = NULL;
    struct check *c = data;

    if (!flux_jobtap_job_aux_get (p, FLUX_JOBTAP_CURRENT_JOB, "counted"))
        return 0;
    flux_jobtap_job_aux_set (p, FLUX_JOBTAP_CURRENT_JOB, "counted", NULL, NULL);
    if (R_of (args, &R) == 0 && rset_difference (c->taken, R, &rest) == 0)
        take (c, rest);
    rset_free (R);
    return 0;
}

int flux_plugin_init (flux_plugin_t *p)
{
    struct check *c = calloc (1, sizeof (*c));

    if (!c || !(c->taken = rset_new ()) || flux_plugin_aux_set (p, NULL, c, check_free) < 0) {
        if (c)
            check_free (c);
        return -1;
    }
    if (flux_plugin_set_name (p, "alloc-check") < 0
        || flux_plugin_add_handler (p, "job.new", new_cb, c) < 0
        || flux_plugin_add_handler (p, "job.event.alloc", alloc_cb, c) < 0
        || flux_plugin_add_handler (p, "job.event.free", free_cb, c) < 0)
        return -1;
    return 0;
}
