/* alloc-bypass - a job may bring its resources along: for the instance owner,
 * attributes.system.alloc-bypass.R takes the place of the scheduler's answer.
 */

#include "config.h"
#include <jansson.h>

#include <flux/jobtap.h>

#include "common/rset.h"

#define AUX_KEY "alloc-bypass::R"

static const char R_format[] = "{s:{s?{s?{s?{s?o}}}}}";

static json_t *find_R (flux_plugin_arg_t *args)
{
    json_t *R = NULL;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, R_format, "jobspec",
                                "attributes", "system", "alloc-bypass", "R", &R)
        < 0)
        return NULL;
    return R;
}

static void R_free (void *arg)
{
    json_decref (arg);
}

/* Nobody else looks at it before the tasks are spread over it. */
static int
validate_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    json_t *R = find_R (args);
    json_int_t userid = -1;
    flux_error_t error = { "" };
    struct rset *rset = NULL;

    if (!R)
        return 0;
    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I}", "userid", &userid) < 0
        || userid != (json_int_t)getuid ())
        return flux_jobtap_reject_job (p, args, "Guest user cannot use alloc bypass");
    if (rset_parse (R, &rset, &error) < 0)
        return flux_jobtap_reject_job (p, args, "alloc-bypass: invalid R: %s", error.text);
    rset_free (rset);
    if (flux_jobtap_job_set_flag (p, FLUX_JOBTAP_CURRENT_JOB, "alloc-bypass") < 0
        || flux_jobtap_job_aux_set (p, FLUX_JOBTAP_CURRENT_JOB, AUX_KEY, json_incref (R),
                                    R_free)
               < 0)
        return flux_jobtap_reject_job (p, args, "alloc-bypass: %s", flux_strerror (errno));
    return 0;
}

static void alloc_continuation (flux_future_t *f, void *arg)
{
    flux_plugin_t *p = arg;
    const flux_jobid_t *id = flux_future_aux_get (f, "id");

    if (flux_future_get (f, NULL) < 0)
        flux_jobtap_raise_exception (p, *id, "alloc", 0, "alloc-bypass: commit of R: %s",
                                     flux_strerror (errno));
    else
        flux_jobtap_event_post_pack (p, *id, "alloc", "{s:b}", "bypass", 1);
    flux_plugin_aux_delete_value (p, f);
}

static void future_free (void *arg)
{
    flux_future_destroy (arg);
}

/* R must be in the KVS before anybody hears of it. */
static int commit_R (flux_plugin_t *p, flux_jobid_t id, json_t *R)
{
    flux_t *h = flux_jobtap_get_flux (p);
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_jobid_t *copy = malloc (sizeof (*copy));
    flux_future_t *f = NULL;
    char key[64];
    int rc = -1;

    if (txn && copy && flux_job_kvs_key (key, sizeof (key), id, "R") >= 0
        && flux_kvs_txn_pack (txn, 0, key, "O", R) == 0
        && (f = flux_kvs_commit (h, NULL, 0, txn))
        && flux_future_aux_set (f, "id", copy, free) == 0) {
        *copy = id;
        copy = NULL;
        if (flux_future_then (f, -1., alloc_continuation, p) == 0
            && flux_plugin_aux_set (p, NULL, f, future_free) == 0) {
            f = NULL;
            rc = 0;
        }
    }
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
    free (copy);
    return rc;
}

static int
sched_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    json_t *R = flux_jobtap_job_aux_get (p, FLUX_JOBTAP_CURRENT_JOB, AUX_KEY);
    flux_jobid_t id;

    if (!R)
        return 0;
    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I}", "id", &id) < 0
        || commit_R (p, id, R) < 0) {
        flux_jobtap_raise_exception (p, FLUX_JOBTAP_CURRENT_JOB, "alloc", 0,
                                     "alloc-bypass: commit of R: %s",
                                     flux_strerror (errno));
        return -1;
    }
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:O}", "R", R);
}

static const struct flux_plugin_handler handlers[] = {
    { "job.validate", validate_cb, NULL },
    { "job.state.sched", sched_cb, NULL },
    { NULL, NULL, NULL },
};

int flux_plugin_init (flux_plugin_t *p)
{
    return flux_plugin_register (p, "alloc-bypass", handlers);
}
