#include "config.h"
#include <stdarg.h>
#include <stdio.h>

#include "errprintf.h"

int errprintf_buf (char *buf, size_t size, const char *fmt, ...)
{
    int saved_errno = errno;
    va_list ap;
    int n;

    va_start (ap, fmt);
    n = vsnprintf (buf, size, fmt, ap);
    va_end (ap);
    if (n >= 0 && (size_t)n >= size && size > 1)
        buf[size - 2] = '+';
    errno = saved_errno;
    return -1;
}
