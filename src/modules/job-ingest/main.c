/* job-ingest - takes submissions.
 *
 * Module arguments: disable-validator, allow-root-jobs,
 * max-fluid-generator-id=N.  Validation is in process, so arguments about
 * validator processes (validator-plugins=, validator-args=, buffer-size=,
 * batch-count=) are refused like any unknown one.
 */
#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "common/util.h"
#include "ingest.h"

/* job-ingest.getinfo -> { "timestamp":I }: the clock of ids, for other ranks */
static void getinfo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct ingest *in = arg;
    uint64_t now = ingest_clock_ms () - in->ids.clock0 + in->ids.offset;

    if (now < in->ids.timestamp)
        now = in->ids.timestamp;
    if (flux_respond_pack (h, msg, "{s:I}", "timestamp", (json_int_t)now) < 0)
        flux_log_error (h, "getinfo response");
}

/* There are no helper processes; the keys stay for those who look at them. */
static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct ingest *in = arg;

    if (flux_respond_pack (h,
                           msg,
                           "{s:{s:{s:i s:I s:I s:i s:i s:[]}} s:I s:I}",
                           "pipeline",
                             "validator",
                               "running", 0,
                               "requests", (json_int_t)in->stats.requests,
                               "errors", (json_int_t)in->stats.errors,
                               "trash", 0,
                               "backlog", 0,
                               "pids",
                           "batches", (json_int_t)in->stats.batches,
                           "jobs", (json_int_t)in->count) < 0)
        flux_log_error (h, "stats-get response");
}

/* job-ingest.config-reload { whole configuration } -> {} */
static void reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct ingest *in = arg;
    flux_error_t error = { "" };
    flux_conf_t *conf;
    int rc;

    if (flux_module_config_request_decode (msg, &conf) < 0)
        rc = flux_respond_error (h, msg, EPROTO, NULL);
    else if (completion_configure (in, conf, &error) < 0) {
        flux_conf_decref (conf);
        rc = flux_respond_error (h, msg, EINVAL, error.text);
    }
    else if (flux_set_conf_new (h, conf) < 0) {
        flux_conf_decref (conf);
        rc = flux_respond_error (h, msg, errno, NULL);
    }
    else
        rc = flux_respond (h, msg, NULL);
    if (rc < 0)
        flux_log_error (h, "config-reload response");
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "job-ingest.config-reload", reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-ingest.submit", ingest_submit_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-ingest.getinfo", getinfo_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-ingest.stats-get", stats_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

/* The least timestamp that no id has had yet. */
static int get_offset (flux_t *h, uint32_t rank, uint64_t *offset)
{
    flux_future_t *f;
    json_int_t value;
    int rc;

    if (rank == 0) {
        f = flux_rpc (h, "job-manager.getinfo", NULL, FLUX_NODEID_ANY, 0);
        rc = f ? flux_rpc_get_unpack (f, "{s:I}", "max_jobid", &value) : -1;
        if (rc < 0)
            flux_log (h, LOG_ERR, "job-manager must be loaded first");
        else
            *offset = fluid_timestamp (value) + 1;
    }
    else {
        f = flux_rpc (h, "job-ingest.getinfo", NULL, FLUX_NODEID_UPSTREAM, 0);
        rc = f ? flux_rpc_get_unpack (f, "{s:I}", "timestamp", &value) : -1;
        if (rc < 0)
            flux_log_error (h, "job-ingest.getinfo");
        else
            *offset = value;
    }
    flux_future_destroy (f);
    return rc;
}

static int parse_args (struct ingest *in, int argc, char **argv, uint32_t *max_id)
{
    for (int i = 0; i < argc; i++) {
        char *end;

        if (!strcmp (argv[i], "disable-validator"))
            in->no_validator = true;
        else if (!strcmp (argv[i], "allow-root-jobs"))
            in->allow_root = true;
        else if (!strncmp (argv[i], "max-fluid-generator-id=", 23)) {
            unsigned long n = strtoul (argv[i] + 23, &end, 10);

            if (end == argv[i] + 23 || *end || n > FLUID_GENERATOR_MAX)
                goto inval;
            *max_id = n;
        }
        else
            goto inval;
        continue;
    inval:
        flux_log (in->h, LOG_ERR, "Invalid option: %s", argv[i]);
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static int start (struct ingest *in, uint32_t rank)
{
    const char *s;
    uint64_t offset = 0;
    flux_error_t error = { "" };
    int r;

    if (completion_configure (in, flux_get_conf (in->h), &error) < 0) {
        flux_log (in->h, LOG_ERR, "%s", error.text);
        return -1;
    }
    if (get_offset (in->h, rank, &offset) < 0)
        return -1;
    if ((r = fluid_generator_init (&in->ids, rank, offset, ingest_clock_ms ())) < 0) {
        errno = -r;
        return -1;
    }
    in->owner = getuid ();
    if ((s = flux_attr_get (in->h, "security.owner")))
        in->owner = strtoul (s, NULL, 10);
    in->saves =
        flux_attr_get (in->h, "statedir")
        && (!(s = flux_attr_get (in->h, "statedir-cleanup")) || strcmp (s, "1") != 0);
    if ((s = flux_attr_get (in->h, "hostlist")))
        in->hosts = hostlist_decode (s);
    return flux_msg_handler_addvec (in->h, handlers, in, &in->handlers);
}

int mod_main (flux_t *h, int argc, char **argv)
{
    struct ingest in = { .h = h };
    uint32_t max_id = FLUID_GENERATOR_MAX;
    uint32_t rank;
    int rc = -1;

    list_init (&in.gathering);
    list_init (&in.batches);
    if (parse_args (&in, argc, argv, &max_id) < 0 || flux_get_rank (h, &rank) < 0)
        return -1;
    if (rank > max_id) /* such ranks let requests travel upstream */
        return 0;
    if (start (&in, rank) == 0)
        rc = flux_reactor_run (flux_get_reactor (h), 0) < 0 ? -1 : 0;
    ingest_batches_fini (&in);
    flux_msg_handler_delvec (in.handlers);
    hostlist_destroy (in.hosts);
    json_decref (in.completion.conf);
    return rc;
}
