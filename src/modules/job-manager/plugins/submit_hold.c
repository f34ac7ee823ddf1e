/* submit-hold - jobs are held when they come in, until somebody says go. */

#include "config.h"

#include <flux/jobtap.h>

static int
depend_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    return flux_jobtap_event_post_pack (p, FLUX_JOBTAP_CURRENT_JOB, "urgency", "{s:i}",
                                        "urgency", FLUX_JOB_URGENCY_HOLD);
}

static const struct flux_plugin_handler handlers[] = {
    { "job.state.depend", depend_cb, NULL },
    { NULL, NULL, NULL },
};

int flux_plugin_init (flux_plugin_t *p)
{
    return flux_plugin_register (p, "submit-hold", handlers);
}
