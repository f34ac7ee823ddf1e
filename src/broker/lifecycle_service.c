/* state-machine.*, runat.push and shutdown.start (wire.md section 9.3). */

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/util.h"

#include "lifecycle_private.h"
#include "sd_notify.h"

static const char surpassed[] = "broker has surpassed RUN state";

/* state-machine.get
 *   -> { "state":s "duration":f }
 */
static void get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct lifecycle *lc = arg;
    double duration = flux_reactor_time () - state_machine_since (lc->sm);

    if (flux_respond_pack (h,
                           msg,
                           "{s:s s:f}",
                           "state", broker_state_name (state_machine_state (lc->sm)),
                           "duration", duration)
        < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

/* state-machine.wait
 *   -> {} once the state is run
 */
static void wait_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct lifecycle *lc = arg;
    enum broker_state state = state_machine_state (lc->sm);

    if (state > STATE_RUN)
        (void)flux_respond_error (h, msg, ENOENT, surpassed);
    else if (state == STATE_RUN)
        (void)flux_respond (h, msg, NULL);
    else if (flux_msglist_append (lc->waiters, msg) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

/* Returns true if the monitor wants to hear more. */
static bool tell_monitor (flux_t *h, const flux_msg_t *msg, enum broker_state state)
{
    int final = STATE_EXIT;

    (void)flux_request_unpack (msg, NULL, "{s?i}", "final", &final);
    if ((int)state <= final) {
        (void)flux_respond_pack (h, msg, "{s:i}", "state", (int)state);
        if (!flux_msg_is_streaming (msg))
            return false;
    }
    if ((int)state >= final) {
        (void)flux_respond_error (h, msg, ENODATA, NULL);
        return false;
    }
    return true;
}

/* state-machine.monitor
 *   { "final"?:i } -> { "state":i }, if streaming on each change; ENODATA
 */
static void monitor_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    struct lifecycle *lc = arg;
    int final;

    if (flux_msg_has_payload (msg)
        && flux_request_unpack (msg, NULL, "{s?i}", "final", &final) < 0)
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if (tell_monitor (h, msg, state_machine_state (lc->sm))
             && flux_msglist_append (lc->monitors, msg) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static void monitor_disconnect_cb (flux_t *h,
                                   flux_msg_handler_t *mh,
                                   const flux_msg_t *msg,
                                   void *arg)
{
    struct lifecycle *lc = arg;

    (void)flux_msglist_disconnect (lc->monitors, msg);
    (void)flux_msglist_disconnect (lc->waiters, msg);
}

/* state-machine.post
 *   { "event":s "error"?:b }, no response
 */
static void post_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct lifecycle *lc = arg;
    const char *event;
    int error = 0;

    if (!flux_msg_is_noresponse (msg)
        || flux_request_unpack (msg, NULL, "{s:s s?b}", "event", &event, "error", &error)
               < 0) {
        (void)flux_respond_error (h, msg, EPROTO, NULL);
        return;
    }
    if (error)
        lifecycle_note_exit (lc, 1);
    lifecycle_post (lc, event);
}

static void tell_waiters (struct lifecycle *lc, int errnum, const char *text)
{
    const flux_msg_t *msg;

    while (flux_msglist_first (lc->waiters) && (msg = flux_msglist_pop (lc->waiters))) {
        if (errnum)
            (void)flux_respond_error (lc->h, msg, errnum, text);
        else
            (void)flux_respond (lc->h, msg, NULL);
        flux_msg_decref (msg);
    }
}

static void tell_systemd (struct lifecycle *lc, enum broker_state state)
{
    if (state == STATE_RUN)
        sd_notify_send (lc->args.notify, "READY=1\nSTATUS=Running");
    else if (state == STATE_CLEANUP)
        sd_notify_send (lc->args.notify, "STOPPING=1\nSTATUS=Entering cleanup");
    else
        sd_notify_send (
            lc->args.notify, "STATUS=Entering %s", broker_state_name (state));
}

/* state-machine.sd-notify, no response
 *   { "status"?:s }
 */
static void sd_notify_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct lifecycle *lc = arg;
    const char *status = NULL;

    if (flux_request_unpack (msg, NULL, "{s?s}", "status", &status) < 0)
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if (status)
        sd_notify_send (lc->args.notify, "STATUS=%s", status);
}

void lifecycle_tell (struct lifecycle *lc, enum broker_state state)
{
    const flux_msg_t *msg;

    tell_systemd (lc, state);

    if (state == STATE_RUN)
        tell_waiters (lc, 0, NULL);
    else if (state > STATE_RUN)
        tell_waiters (lc, ENOENT, surpassed);
    for (msg = flux_msglist_first (lc->monitors); msg;
         msg = flux_msglist_next (lc->monitors)) {
        if (!tell_monitor (lc->h, msg, state))
            flux_msglist_delete (lc->monitors);
    }
    if (state == STATE_GOODBYE && lc->shutdown) {
        (void)flux_respond_error (lc->h, lc->shutdown, ENODATA, NULL);
        flux_msg_decref (lc->shutdown);
        lc->shutdown = NULL;
    }
}

/* runat.push
 *   { "name":s "commands":[s...] } -> {}
 */
static int push (struct lifecycle *lc, json_t *commands, const char **text)
{
    size_t i;
    json_t *o;
    int r;

    json_array_foreach (commands, i, o) {
        const char *s = json_string_value (o);

        if (!s)
            return -EPROTO;
        if (s[strspn (s, " \t\n")] == '\0') {
            *text = "cannot push an empty command line";
            return -EPROTO;
        }
    }
    json_array_foreach (commands, i, o) {
        if ((r = phase_push (lc->cleanup, json_string_value (o))) < 0)
            return r;
    }
    return 0;
}

static void push_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct lifecycle *lc = arg;
    const char *name, *text = NULL;
    json_t *commands;
    int r;

    if (flux_request_unpack (
            msg, NULL, "{s:s s:o}", "name", &name, "commands", &commands)
            < 0
        || !json_is_array (commands))
        r = -EPROTO;
    else if (json_array_size (commands) == 0) {
        text = "commands array is empty";
        r = -EPROTO;
    }
    else if (strcmp (name, phase_name (lc->cleanup)) != 0) {
        text = "commands may be pushed to 'cleanup' only";
        r = -EINVAL;
    }
    else if (state_machine_state (lc->sm) >= STATE_CLEANUP) {
        text = "cleanup has begun already";
        r = -EINVAL;
    }
    else
        r = push (lc, commands, &text);
    if (r < 0)
        (void)flux_respond_error (h, msg, -r, text);
    else
        (void)flux_respond (h, msg, NULL);
}

/* Pass a log entry on to whoever started the shutdown. */
static void shutdown_follow (const char *buf, size_t len, void *arg)
{
    struct lifecycle *lc = arg;
    _cleanup_ (freep) char *line = NULL;
    struct log_entry e;

    if (!lc->shutdown)
        return;
    log_entry_parse (&e, buf, len);
    if (e.severity > lc->shutdown_loglevel
        || asprintf (&line,
                     "%.*s.%s[%u]: %.*s\n",
                     (int)e.app_len,
                     e.app,
                     log_severity_name (e.severity),
                     (unsigned int)e.rank,
                     (int)e.text_len,
                     e.text)
               < 0) {
        line = NULL;
        return;
    }
    (void)flux_respond_pack (lc->h, lc->shutdown, "{s:s}", "log", line);
}

/* shutdown.start
 *   { "loglevel"?:i } -> {}; if streaming { "log":s }..., ENODATA after rc3
 */
static void shutdown_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    struct lifecycle *lc = arg;
    enum broker_state state = state_machine_state (lc->sm);
    int loglevel = LOG_ERR;
    char text[128];

    if (flux_msg_has_payload (msg)
        && flux_request_unpack (msg, NULL, "{s?i}", "loglevel", &loglevel) < 0) {
        (void)flux_respond_error (h, msg, EPROTO, NULL);
        return;
    }
    if (lc->args.rank > 0 || lc->shutdown_started || state != STATE_RUN) {
        if (lc->args.rank > 0)
            snprintf (text, sizeof (text), "shutdown may only be initiated on rank 0");
        else if (lc->shutdown_started)
            snprintf (text, sizeof (text), "shutdown is already in progress");
        else
            snprintf (text,
                      sizeof (text),
                      "shutdown cannot be initiated in state %s",
                      broker_state_name (state));
        (void)flux_respond_error (h, msg, EINVAL, text);
        return;
    }
    lc->shutdown_started = true;
    lc->norestart = true;
    if (flux_msg_is_streaming (msg)) {
        lc->shutdown = flux_msg_incref (msg);
        lc->shutdown_loglevel = loglevel;
    }
    else
        (void)flux_respond (h, msg, NULL);
    lifecycle_shutdown (lc, SIGHUP);
}

static void shutdown_disconnect_cb (flux_t *h,
                                    flux_msg_handler_t *mh,
                                    const flux_msg_t *msg,
                                    void *arg)
{
    struct lifecycle *lc = arg;

    if (lc->shutdown && flux_disconnect_match (msg, lc->shutdown)) {
        flux_msg_decref (lc->shutdown);
        lc->shutdown = NULL;
    }
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "state-machine.get", get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "state-machine.wait", wait_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "state-machine.monitor", monitor_cb, 0 },
    { FLUX_MSGTYPE_REQUEST,
      "state-machine.disconnect",
      monitor_disconnect_cb,
      FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "state-machine.post", post_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "state-machine.sd-notify", sd_notify_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "runat.push", push_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "shutdown.start", shutdown_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "shutdown.disconnect", shutdown_disconnect_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

int lifecycle_serve (struct lifecycle *lc)
{
    static const char *const names[] = { "state-machine", "runat", "shutdown" };
    int r;

    if (!(lc->waiters = flux_msglist_create ())
        || !(lc->monitors = flux_msglist_create ()))
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        if ((r = service_add (
                 lc->args.services, names[i], self_endpoint (lc->args.self)))
            < 0) {
            errno = -r;
            return -1;
        }
    }
    if ((r = logger_add_follower (lc->args.logger, shutdown_follow, lc)) < 0) {
        errno = -r;
        return -1;
    }
    return flux_msg_handler_addvec (lc->h, htab, lc, &lc->handlers);
}

void lifecycle_unserve (struct lifecycle *lc)
{
    logger_remove_follower (lc->args.logger, shutdown_follow, lc);
    flux_msg_handler_delvec (lc->handlers);
    flux_msglist_destroy (lc->waiters);
    flux_msglist_destroy (lc->monitors);
    flux_msg_decref (lc->shutdown);
}
