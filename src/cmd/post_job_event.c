/* post_job_event.c - flux post-job-event: an event for a job, from its owner. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "cmd.h"
#include "jsonpath.h"

static const struct opt_table table = {
    .prog = "flux-post-job-event",
    .usage = "ID NAME [KEY=VALUE...]",
    .summary = "Post an event to the event log of an active job.  VALUE is JSON or a string.",
    .example = "flux post-job-event ƒAbC checkpoint step=12",
    .error_exit = 2,
};

static void add_member (json_t **context, const char *arg)
{
    const char *eq = strchr (arg, '=');
    json_t *value;

    if (!eq || eq == arg)
        opt_error (&table, "'%s' is not KEY=VALUE", arg);
    if (!*context && !(*context = json_object ()))
        cmd_die ("ERROR: out of memory");
    value = jsonpath_value (eq + 1);
    if (!value || json_object_setn_new (*context, arg, eq - arg, value) < 0)
        cmd_die ("ERROR: '%s' is not UTF-8", arg);
}

int cmd_post_job_event (int argc, char **argv)
{
    int i = opt_parse (&table, argc, argv, NULL, NULL);
    json_t *context = NULL;
    flux_future_t *f;
    flux_jobid_t id;
    flux_t *h;

    if (argc - i < 2)
        opt_usage (&table);
    id = cmd_jobid (argv[i]);
    for (int n = i + 2; n < argc; n++)
        add_member (&context, argv[n]);
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.post-event.post", FLUX_NODEID_ANY, 0,
                       "{s:I s:s s:o*}", "id", (json_int_t)id, "name", argv[i + 1],
                       "context", context);
    if (!f || flux_rpc_get (f, NULL) < 0) {
        if (errno == ENOENT)
            cmd_die ("ERROR: No such job %s", argv[i]);
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}
