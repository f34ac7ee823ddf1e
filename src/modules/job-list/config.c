/* [job-list] max_comparisons; [access] private-mode; [queues] names and parents.
 * A configuration that is refused leaves everything as it was.
 */

#include "config.h"
#include <jansson.h>

#include "common/errprintf.h"

#include "service.h"

#define MAX_COMPARISONS_DEFAULT 1000000

static int check_queues (json_t *queues, flux_error_t *error)
{
    const char *name;
    json_t *q, *parent;

    if (queues && !json_is_object (queues))
        return errprintf (error, "error unpacking [queues] config table");
    json_object_foreach (queues, name, q)
    {
        if ((parent = json_object_get (q, "parent")) && !json_is_string (parent))
            return errprintf (error, "queues.%s: 'parent' must be a string", name);
    }
    return 0;
}

static int set_queues (struct service *s, json_t *queues)
{
    const char *name;
    json_t *q;

    jl_queues_reset (s->jl);
    json_object_foreach (queues, name, q)
    {
        if (jl_queue_configure (s->jl, name,
                                json_string_value (json_object_get (q, "parent")))
            < 0)
            return -1;
    }
    return 0;
}

int service_configure (struct service *s, const flux_conf_t *conf, flux_error_t *error)
{
    json_int_t max = MAX_COMPARISONS_DEFAULT;
    int private_mode = 0;
    json_t *queues = NULL;
    flux_error_t e;

    if (conf) {
        if (flux_conf_unpack (conf, &e, "{s?{s?I}}", "job-list", "max_comparisons", &max)
            < 0)
            return errprintf (error, "error reading config for job-list: %s", e.text);
        if (max < 0)
            return errprintf (error, "job-list.max_comparisons must be >= 0");
        if (flux_conf_unpack (conf, &e, "{s?{s?b}}", "access", "private-mode",
                              &private_mode)
            < 0)
            return errprintf (error, "error reading [access] config: %s", e.text);
        if (flux_conf_unpack (conf, &e, "{s?o}", "queues", &queues) < 0
            || check_queues (queues, error) < 0)
            return -1;
    }
    if (set_queues (s, queues) < 0)
        return errprintf (error, "out of memory");
    s->max_comparisons = max;
    s->private_mode = private_mode;
    return 0;
}

void config_reload_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct service *s = arg;
    flux_conf_t *conf;
    flux_error_t error = { "" };

    if (flux_module_config_request_decode (msg, &conf) < 0) {
        service_refuse (s, msg, EPROTO, NULL);
        return;
    }
    if (service_configure (s, conf, &error) < 0) {
        flux_conf_decref (conf);
        service_refuse (s, msg, EINVAL, error.text);
    }
    else if (flux_set_conf_new (h, conf) < 0) {
        flux_conf_decref (conf);
        service_refuse (s, msg, errno, NULL);
    }
    else if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "config-reload response");
}
