/* flux/core/conf.h - part of the public interface of libflux. */

#ifndef _FLUX_CORE_CONF_H
#define _FLUX_CORE_CONF_H

#include <stdarg.h>
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct flux_conf flux_conf_t;
flux_conf_t *flux_conf_create (void);
flux_conf_t *flux_conf_copy (const flux_conf_t *conf);
const flux_conf_t *flux_conf_incref (const flux_conf_t *conf);
void flux_conf_decref (const flux_conf_t *conf);
flux_conf_t *flux_conf_parse (const char *path, flux_error_t *error);
int flux_conf_update (flux_conf_t *conf, const char *value, flux_error_t *error);
int flux_conf_vunpack (const flux_conf_t *conf,
                       flux_error_t *error,
                       const char *fmt,
                       va_list ap);
int flux_conf_unpack (const flux_conf_t *conf,
                      flux_error_t *error,
                      const char *fmt,
                      ...);
flux_conf_t *flux_conf_vpack (const char *fmt, va_list ap);
flux_conf_t *flux_conf_pack (const char *fmt, ...);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONF_H */
