/* main.c - the module job-info: read access to jobs for their owners. */

#include "config.h"
#include <errno.h>
#include <flux/core.h>
#include <jansson.h>

#include "common/util.h"
#include "info.h"

/* job-info.eventlog-watch-cancel, job-info.update-watch-cancel
 *   { "matchtag":i }, no response
 */
static void
cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct client_item *item = client_find (arg, msg);

    if (item)
        item->end (item, ENODATA);
}

/* job-info.disconnect, no payload, no response */
static void
disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    client_disconnect (arg, msg);
}

/* job-info.throttle { "on":b }, no response: sent by the broker for a client
 * that does not read what it is sent.
 */
static void
throttle_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int on;

    if (flux_request_unpack (msg, NULL, "{s:b}", "on", &on) == 0)
        client_throttle (arg, msg, on);
}

static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct job_info *ji = arg;

    if (flux_respond_pack (h, msg, "{s:I s:I s:I s:i s:I}", "lookups",
                           (json_int_t)ji->nlookups, "watchers",
                           (json_int_t)ji->nwatchers, "guest_watchers",
                           (json_int_t)ji->nguests, "update_lookups", 0,
                           "update_watchers", (json_int_t)ji->nupdates)
        < 0)
        flux_log_error (h, "error responding to stats-get");
}

/* Job data has been deleted: what is remembered may be about it. */
static void purge_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    job_cache_flush (arg);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "job-info.lookup", lookup_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-info.update-lookup", update_lookup_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-info.eventlog-watch", watch_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-info.eventlog-watch-cancel", cancel_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-info.update-watch", update_watch_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-info.update-watch-cancel", cancel_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-info.disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-info.throttle", throttle_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-info.stats-get", stats_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "job-purge-inactive", purge_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void job_info_init (struct job_info *ji, flux_t *h)
{
    memset (ji, 0, sizeof (*ji));
    ji->h = h;
    table_init (&ji->jobs);
    table_init (&ji->clients);
    table_init (&ji->users);
    list_init (&ji->cached);
    list_init (&ji->lookups);
    list_init (&ji->paused);
    text_init (&ji->scratch);
}

/* Everybody who waits is told that nothing will come. */
static void job_info_fini (struct job_info *ji)
{
    client_end_all (ji, ENOSYS);
    lookup_end_all (ji, ENOSYS);
    job_cache_flush (ji);
    must (table_count (&ji->jobs) == 0);
    table_fini (&ji->jobs);
    table_fini (&ji->clients);
    table_fini (&ji->users);
    text_fini (&ji->scratch);
}

int mod_main (flux_t *h, int argc, char *argv[])
{
    flux_msg_handler_t **vec = NULL;
    struct job_info ji;
    int rc = -1;

    if (argc > 0) {
        flux_log (h, LOG_ERR, "Unknown option `%s'", argv[0]);
        errno = EINVAL;
        return -1;
    }
    job_info_init (&ji, h);
    if (flux_event_subscribe (h, "job-purge-inactive") < 0
        || flux_msg_handler_addvec (h, handlers, &ji, &vec) < 0) {
        flux_log_error (h, "initialization failed");
        goto done;
    }
    if ((rc = flux_reactor_run (flux_get_reactor (h), 0)) < 0)
        flux_log_error (h, "flux_reactor_run");
done:
    flux_msg_handler_delvec (vec);
    job_info_fini (&ji);
    return rc < 0 ? -1 : 0;
}
