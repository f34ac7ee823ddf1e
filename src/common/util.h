/* util.h - the handful of words that every room uses.
 *
 * Assert words: must () states a programming error, never () an impossible
 * branch; both are always compiled in.  Neither is ever applied to data from
 * outside: that is an error return.
 */

#ifndef MILLRACE_UTIL_H
#define MILLRACE_UTIL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Run f (&var) when var leaves its scope. */
#define _cleanup_(f) __attribute__ ((cleanup (f)))
#define _unused_ __attribute__ ((unused))
#define _noreturn_ __attribute__ ((noreturn))
#define _printf_(fmt, first) __attribute__ ((format (printf, fmt, first)))

#define ARRAY_SIZE(a) (sizeof (a) / sizeof ((a)[0]))
#define container_of(ptr, type, member)                                       \
    ((type *)((char *)(ptr)-offsetof (type, member)))

/* The value of *pp; *pp becomes NULL: ownership moves. */
#define move_ptr(p)                                                           \
    ({                                                                        \
        __typeof__ (p) _ptr = (p);                                            \
        (p) = NULL;                                                           \
        _ptr;                                                                 \
    })

_noreturn_ void must_failed (const char *expr, const char *file, int line);
_noreturn_ void never_reached (const char *why, const char *file, int line);

#define must(expr)                                                            \
    do {                                                                      \
        if (__builtin_expect (!(expr), 0))                                    \
            must_failed (#expr, __FILE__, __LINE__);                          \
    } while (0)
#define never(why) never_reached ((why), __FILE__, __LINE__)

static inline void freep (void *p)
{
    free (*(void **)p);
}

static inline void closep (int *fd)
{
    if (*fd >= 0)
        close (*fd);
}

/* free () that keeps errno, for destructors. */
static inline void free_keep_errno (void *p)
{
    int saved_errno = errno;
    free (p);
    errno = saved_errno;
}

#endif /* !MILLRACE_UTIL_H */
