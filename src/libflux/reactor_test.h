/* reactor_test.h - what tests of the reactor and of its watchers share. */

#ifndef MILLRACE_LIBFLUX_REACTOR_TEST_H
#define MILLRACE_LIBFLUX_REACTOR_TEST_H

#include <flux/core.h>

#include "common/tap.h"

/* What ran, in order: one letter per callback. */
static char trace[64];

static inline void mark (char c)
{
    size_t n = strlen (trace);

    if (n + 1 < sizeof (trace)) {
        trace[n] = c;
        trace[n + 1] = '\0';
    }
}

static inline void clear (void)
{
    trace[0] = '\0';
}

/* arg: a string whose first letter is noted. */
static inline void mark_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    mark (*(const char *)arg);
}

static inline void mark_stop_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    mark (*(const char *)arg);
    flux_watcher_stop (w);
}

static inline void stop_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    mark (*(const char *)arg);
    flux_reactor_stop (r);
}

#endif /* !MILLRACE_LIBFLUX_REACTOR_TEST_H */
