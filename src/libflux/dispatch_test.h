/* dispatch_test.h - what tests of the dispatcher share. */

#ifndef MILLRACE_LIBFLUX_DISPATCH_TEST_H
#define MILLRACE_LIBFLUX_DISPATCH_TEST_H

#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"

/* Messages go through loop://: what a handle sends it receives itself. */

static char trace[256];

static inline void clear (void)
{
    trace[0] = '\0';
}

/* arg is noted. */
static inline void note_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    strncat (trace, arg, sizeof (trace) - strlen (trace) - 1);
}

static inline flux_t *loop_open (void)
{
    flux_t *h = flux_open ("loop://", 0);

    if (!h)
        bail_out ("flux_open loop://: %s", strerror (errno));
    return h;
}

static inline void run (flux_t *h)
{
    /* With loop:// nothing blocks for long: what is there is there. */
    for (int i = 0; i < 20; i++)
        must (flux_reactor_run (flux_get_reactor (h), FLUX_REACTOR_NOWAIT) >= 0);
}

static inline void send_event (flux_t *h, const char *topic)
{
    flux_msg_t *msg = flux_event_encode (topic, NULL);

    must (msg && flux_send_new (h, &msg, 0) == 0);
}

static inline flux_msg_handler_t *handle (flux_t *h, int type, const char *glob, char *arg)
{
    struct flux_match match = flux_match_init (type, FLUX_MATCHTAG_NONE, glob);
    flux_msg_handler_t *mh = flux_msg_handler_create (h, match, note_cb, arg);

    if (!mh)
        bail_out ("flux_msg_handler_create: %s", strerror (errno));
    flux_msg_handler_start (mh);
    return mh;
}

#endif /* !MILLRACE_LIBFLUX_DISPATCH_TEST_H */
