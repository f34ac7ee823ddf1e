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

/* All that a configuration says to this module. */
struct settings {
    struct policy *policy;
    struct manager_housekeeping housekeeping;
    struct jm_queue_conf *queues; /* borrows texts */
    size_t nqueues;
    int private_mode;
    int stop_queues;
    double age_limit;
    json_int_t num_limit;
};

static void settings_fini (struct settings *s)
{
    manager_policy_free (s->policy);
    json_decref (s->housekeeping.command);
    free (s->queues);
}

static int parse_limits (const flux_conf_t *conf,
                         struct settings *s,
                         json_t **queues,
                         flux_error_t *error)
{
    const char *age = NULL;
    json_int_t num = INT64_MIN;
    flux_error_t e;

    if (flux_conf_unpack (conf, &e, "{s?{s?s s?I s?b} s?o}", "job-manager",
                          "inactive-age-limit", &age, "inactive-num-limit", &num,
                          "stop-queues-on-restart", &s->stop_queues, "queues", queues)
        < 0)
        return errprintf (error, "job-manager.max-inactive-*: %s", e.text);
    s->age_limit = -1.;
    if (age && fsd_parse (age, &s->age_limit) < 0)
        return errprintf (error, "job-manager.inactive-age-limit: invalid FSD");
    if (num < 0 && num != INT64_MIN)
        return errprintf (error, "job-manager.inactive-num-limit: must be >= 0");
    s->num_limit = num < 0 ? -1 : num;
    if (flux_conf_unpack (conf, &e, "{s?{s?b}}", "access", "private-mode",
                          &s->private_mode)
        < 0)
        return errprintf (error, "error reading [access] config: %s", e.text);
    return 0;
}

static int parse (const flux_conf_t *conf, struct settings *s, flux_error_t *error)
{
    json_t *queues = NULL;

    if (manager_policy_parse (conf, &s->policy, error) < 0
        || manager_housekeeping_parse (conf, &s->housekeeping, error) < 0
        || parse_limits (conf, s, &queues, error) < 0)
        return -1;
    return manager_parse_queues (queues, &s->queues, &s->nqueues, error);
}

/* What plugins were told of a configuration that was refused is not so. */
static void tell_plugins_again (struct manager *m)
{
    flux_error_t error = { "" };
    const flux_conf_t *conf = flux_get_conf (m->h);

    if (conf && manager_plugins_configure (m, conf, &error) < 0)
        flux_log (m->h, LOG_ERR, "going back to the old configuration: %s", error.text);
}

/* Nothing can go wrong any more once it begins to change things. */
static int apply (struct manager *m, struct settings *s, flux_error_t *error)
{
    if (jm_queues_configure (m->jm, s->queues, s->nqueues) < 0)
        return errprintf (error, "out of memory");
    manager_policy_free (m->policy);
    m->policy = move_ptr (s->policy);
    json_decref (m->housekeeping_command);
    m->housekeeping_command = move_ptr (s->housekeeping.command);
    m->housekeeping_release_after = s->housekeeping.release_after;
    if (s->housekeeping.systemd_unit)
        flux_log (m->h, LOG_WARNING, "job-manager.housekeeping.use-systemd-unit is "
                                     "deprecated: ignored");
    m->stop_queues_on_restart = s->stop_queues;
    m->inactive_age_limit = s->age_limit;
    m->inactive_num_limit = s->num_limit;
    m->private_mode = s->private_mode;
    return 0;
}

int manager_configure (struct manager *m, const flux_conf_t *conf, flux_error_t *error)
{
    struct settings s = { .policy = NULL };
    int rc;

    if (!conf)
        return 0;
    if ((rc = parse (conf, &s, error)) == 0
        && ((rc = manager_plugins_configure (m, conf, error)) < 0
            || (rc = apply (m, &s, error)) < 0))
        tell_plugins_again (m);
    settings_fini (&s);
    return rc;
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
