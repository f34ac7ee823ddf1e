/* clock.h - the time that never jumps, in nanoseconds. */

#ifndef MILLRACE_LIBFLUX_CLOCK_H
#define MILLRACE_LIBFLUX_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t monotonic_nsec (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * (int64_t)1000000000 + ts.tv_nsec;
}

#endif /* !MILLRACE_LIBFLUX_CLOCK_H */
