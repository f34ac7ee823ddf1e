/* flux/core/module.h - part of the public interface of libflux. */

#ifndef _FLUX_CORE_MODULE_H
#define _FLUX_CORE_MODULE_H

#include <stdbool.h>
#include "handle.h"
#include "conf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A module may say under which name alone it can be loaded. */
#define MOD_NAME(x) const char *mod_name = x

/* What a module's shared object exports.  Returns >= 0, or -1 with errno.
 * argv holds the arguments only; it may be NULL when argc is 0.
 */
typedef int (mod_main_f) (flux_t *h, int argc, char *argv[]);

bool flux_module_debug_test (flux_t *h, int flag, bool clear);
int flux_module_set_running (flux_t *h);
int flux_module_config_request_decode (const flux_msg_t *msg, flux_conf_t **conf);
int flux_module_initialize (flux_t *h, char **args, flux_error_t *error);
int flux_module_register_handlers (flux_t *h, flux_error_t *error);
int flux_module_finalize (flux_t *h, int errnum, flux_error_t *error);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MODULE_H */
