/* flux/core/flog.h - log to the broker.
 *
 * Levels are those of syslog(3).  errno is preserved by all of these.  With a
 * NULL handle "LEVEL: text" goes to stderr.  Text of several lines makes one
 * entry per line; lines are never cut (but to 2048 by flux_log_error ()).
 */

#ifndef _FLUX_CORE_FLOG_H
#define _FLUX_CORE_FLOG_H

#include <syslog.h>
#include <errno.h>
#include <stdarg.h>
#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An entry as it would be sent; buf does not end in NUL at len. */
typedef void (*flux_log_f)(const char *buf, int len, void *arg);
/* What entries say about their sender: program name (48 characters), process
 * id (128) and host name (255; NULL or "": the rank).
 */
void flux_log_set_appname (flux_t *h, const char *s);
void flux_log_set_procid (flux_t *h, const char *s);
void flux_log_set_hostname (flux_t *h, const char *s);
/* Nobody waits for the broker; -1 with errno if the entry cannot be sent. */
int flux_vlog (flux_t *h, int level, const char *fmt, va_list ap);
int flux_log (flux_t *h, int level, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));
/* As LOG_ERR, with ": " and the text of errno appended. */
void flux_log_verror (flux_t *h, const char *fmt, va_list ap);
void flux_log_error (flux_t *h, const char *fmt, ...)
    __attribute__ ((format (printf, 2, 3)));
/* Entries go to fun instead of the broker; NULL undoes that. */
void flux_log_set_redirect (flux_t *h, flux_log_f fun, void *arg);
/* Log strerror (errno) with the place where it happened. */
#define FLUX_LOG_ERROR(h) \
    (void)flux_log_error ((h), "%s::%d[%s]", __FILE__, __LINE__, __FUNCTION__)

const char *flux_strerror (int errnum);
/* For interfaces that log through a callback: arg is the handle. */
void flux_llog (void *arg,
                const char *file,
                int line,
                const char *func,
                const char *subsys,
                int level,
                const char *fmt,
                va_list ap);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_FLOG_H */
