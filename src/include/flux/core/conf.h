/* flux/core/conf.h - configuration: one JSON object, shared read-only.
 *
 * Reference counted; not thread safe.  Values borrowed by flux_conf_unpack ()
 * live as long as the conf, or until it is updated.
 *
 * Functions that can fail return -1 or NULL with errno, and say why in error
 * if that is not NULL.
 */

#ifndef _FLUX_CORE_CONF_H
#define _FLUX_CORE_CONF_H

#include <stdarg.h>
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct flux_conf flux_conf_t;

/* An empty one, or a copy that can be updated. */
flux_conf_t *flux_conf_create (void);
flux_conf_t *flux_conf_copy (const flux_conf_t *conf);

const flux_conf_t *flux_conf_incref (const flux_conf_t *conf);
void flux_conf_decref (const flux_conf_t *conf); /* NULL ok; keeps errno */

/* Read a .json file, or all of a directory in the order of their names, merged
 * deeply: later ones win.  ENOENT, or EINVAL with "FILE:LINE: what".
 * (TOML files are refused with a sentence.)
 */
flux_conf_t *flux_conf_parse (const char *path, flux_error_t *error);

/* Merge value into conf.  It is a JSON object, or KEY=VAL (KEY a dotted path,
 * VAL JSON or else a string), or else the path of a file.  A failed update
 * changes nothing.
 */
int flux_conf_update (flux_conf_t *conf, const char *value, flux_error_t *error);

/* Jansson formats.  EINVAL on any mismatch. */
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
