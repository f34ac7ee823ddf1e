/* future_test.h - what tests of futures share. */

#ifndef MILLRACE_LIBFLUX_FUTURE_TEST_H
#define MILLRACE_LIBFLUX_FUTURE_TEST_H

#include <flux/core.h>

#include "common/tap.h"
#include "future_private.h"

static int freed;

static inline void free_cb (void *arg)
{
    freed++;
}

static inline bool get_is (flux_future_t *f, const char *want)
{
    const void *p = NULL;

    return flux_future_get (f, &p) == 0 && p && !strcmp (p, want);
}

static inline bool get_fails (flux_future_t *f, int errnum)
{
    const void *p = f;

    errno = 0;
    return flux_future_get (f, &p) < 0 && errno == errnum && p == f;
}

/* What continuations saw, in order: "text" or "!errnum", each with a blank. */
static char trace[256];

static inline void note_cb (flux_future_t *f, void *arg)
{
    const void *p;
    size_t n = strlen (trace);

    if (flux_future_get (f, &p) < 0)
        snprintf (trace + n, sizeof (trace) - n, "!%d ", errno);
    else
        snprintf (trace + n, sizeof (trace) - n, "%s ", p ? (const char *)p : "NULL");
    if (arg && !strcmp (arg, "reset"))
        flux_future_reset (f);
    if (arg && !strcmp (arg, "destroy"))
        flux_future_destroy (f);
}

/* A future that fulfills itself by a timer, and counts its contexts. */
struct ticker {
    int inits;
    flux_reactor_t *reactors[4];
    int errnum;
    bool held; /* it does not tick before the test starts w */
    flux_watcher_t *w;
};

static inline void tick_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_future_fulfill (arg, "tick", NULL);
}

static inline void ticker_init (flux_future_t *f, void *arg)
{
    struct ticker *t = arg;
    flux_reactor_t *r = flux_future_get_reactor (f);

    t->reactors[t->inits++] = r;
    if (t->errnum) {
        flux_future_fulfill_error (f, t->errnum, "init failed");
        return;
    }
    t->w = flux_timer_watcher_create (r, 0.02, 0., tick_cb, f);
    if (!t->held)
        flux_watcher_start (t->w);
    flux_future_aux_set (f, NULL, t->w, (flux_free_f)flux_watcher_destroy);
}

#endif /* !MILLRACE_LIBFLUX_FUTURE_TEST_H */
