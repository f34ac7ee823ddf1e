/* [job-manager] inactive-age-limit, inactive-num-limit, stop-queues-on-restart;
 * [access] private-mode; [queues].
 * [policy] is in policy.c, [job-manager] housekeeping in housekeeping.c.  What is
 * for perilog.so is refused without it: an instance must not run without the prolog
 * that it was given.  Other keys are left to those who know them.
 */

#include "config.h"
#include <jansson.h>

#include "common/errprintf.h"
#include "common/fsd.h"

#include "manager.h"

#define PERILOG "perilog.so"

static bool says_nothing (json_t *o)
{
    return !o || json_is_null (o) || json_is_false (o)
           || (json_is_object (o) && json_object_size (o) == 0);
}

int manager_check_perilog (struct manager *m,
                           const flux_conf_t *conf,
                           flux_error_t *error)
{
    static const char *const keys[] = { "prolog", "epilog", "perilog" };
    json_t *table = NULL;
    flux_error_t e;

    if (!conf || manager_has_plugin (m, PERILOG))
        return 0;
    if (flux_conf_unpack (conf, &e, "{s?o}", "job-manager", &table) < 0)
        return errprintf (error, "%s", e.text);
    for (size_t i = 0; i < ARRAY_SIZE (keys); i++) {
        if (!says_nothing (json_object_get (table, keys[i])))
            return errprintf (
                error, "job-manager.%s needs the plugin " PERILOG ", which is not loaded",
                keys[i]);
    }
    return 0;
}

int manager_configure (struct manager *m, const flux_conf_t *conf, flux_error_t *error)
{
    const char *age = NULL;
    json_int_t num = INT64_MIN;
    int private_mode = 0, stop_queues = 0;
    double age_limit = -1.;
    struct jm_queue_conf *queue_conf;
    json_t *queues = NULL;
    size_t nqueues;
    flux_error_t e;
    int r;

    if (!conf)
        return 0;
    if (manager_policy_configure (m, conf, error) < 0
        || manager_housekeeping_configure (m, conf, error) < 0
        || manager_plugins_configure (m, conf, error) < 0)
        return -1;
    if (flux_conf_unpack (conf, &e, "{s?{s?s s?I s?b} s?o}", "job-manager",
                          "inactive-age-limit", &age, "inactive-num-limit", &num,
                          "stop-queues-on-restart", &stop_queues, "queues", &queues)
        < 0)
        return errprintf (error, "job-manager.max-inactive-*: %s", e.text);
    if (age && fsd_parse (age, &age_limit) < 0)
        return errprintf (error, "job-manager.inactive-age-limit: invalid FSD");
    if (num < 0 && num != INT64_MIN)
        return errprintf (error, "job-manager.inactive-num-limit: must be >= 0");
    if (flux_conf_unpack (conf, &e, "{s?{s?b}}", "access", "private-mode", &private_mode)
        < 0)
        return errprintf (error, "error reading [access] config: %s", e.text);
    if (manager_parse_queues (queues, &queue_conf, &nqueues, error) < 0)
        return -1;
    r = jm_queues_configure (m->jm, queue_conf, nqueues);
    free (queue_conf);
    if (r < 0)
        return errprintf (error, "out of memory");
    m->stop_queues_on_restart = stop_queues;
    m->inactive_age_limit = age_limit;
    m->inactive_num_limit = num < 0 ? -1 : num;
    m->private_mode = private_mode;
    return 0;
}

/* A configuration was refused when some of it was in force already, and plugins
 * had heard of it.
 */
static void restore_conf (struct manager *m)
{
    flux_error_t error = { "" };

    if (manager_configure (m, flux_get_conf (m->h), &error) < 0)
        flux_log (m->h, LOG_ERR, "going back to the old configuration: %s", error.text);
}

/* The payload is the whole new configuration. */
void config_reload_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct manager *m = arg;
    flux_conf_t *conf;
    flux_error_t error;

    if (flux_module_config_request_decode (msg, &conf) < 0)
        manager_refuse (m, msg, errno, NULL);
    else if (manager_check_perilog (m, conf, &error) < 0
             || manager_configure (m, conf, &error) < 0) {
        restore_conf (m);
        flux_conf_decref (conf);
        manager_refuse (m, msg, EINVAL, error.text);
    }
    else if (flux_set_conf_new (h, conf) < 0) {
        flux_conf_decref (conf);
        manager_refuse (m, msg, errno, NULL);
    }
    else
        manager_respond (m, msg);
}
