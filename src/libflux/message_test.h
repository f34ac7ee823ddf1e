/* message_test.h - what tests of messages share. */

#ifndef MILLRACE_LIBFLUX_MESSAGE_TEST_H
#define MILLRACE_LIBFLUX_MESSAGE_TEST_H

#include <flux/core.h>

#include "common/tap.h"

#define fails(expr, e, ...)                           \
    do {                                              \
        errno = 0;                                    \
        ok ((expr) < 0 && errno == (e), __VA_ARGS__); \
    } while (0)

static inline flux_msg_t *create (int type)
{
    flux_msg_t *msg = flux_msg_create (type);

    if (!msg)
        bail_out ("flux_msg_create: %s", strerror (errno));
    return msg;
}

#endif /* !MILLRACE_LIBFLUX_MESSAGE_TEST_H */
