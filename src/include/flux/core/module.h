/* flux/core/module.h - services as shared objects in the broker.
 *
 * A module runs in a thread of its own, with a handle that has aux
 * "flux::name" and "flux::uuid", the configuration, and the attributes that
 * cannot change.  It returns from mod_main () when its reactor was stopped by
 * NAME.shutdown.
 */

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

/* Is a bit of the mask set that NAME.debug changes?  clear: and clear it. */
bool flux_module_debug_test (flux_t *h, int flag, bool clear);
/* Say that the module is ready; otherwise its first pass through the reactor
 * says so.  Whoever loads it waits for this.
 */
int flux_module_set_running (flux_t *h);
/* For modules that handle NAME.config-reload themselves: the configuration in
 * it, for the caller to decref, or (conf NULL) just whether it is one.  EPROTO.
 * Install it with flux_set_conf_new () and respond, or respond with an error.
 */
int flux_module_config_request_decode (const flux_msg_t *msg, flux_conf_t **conf);
/* For those who run modules: take the broker's welcome (name, uuid, attributes,
 * configuration; *args are the arguments joined by blanks, to be freed),
 * register the default methods and NAME.shutdown, and, after mod_main (), take
 * leave: refuse what is still queued, tell errnum (0: success).
 */
int flux_module_initialize (flux_t *h, char **args, flux_error_t *error);
int flux_module_register_handlers (flux_t *h, flux_error_t *error);
int flux_module_finalize (flux_t *h, int errnum, flux_error_t *error);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MODULE_H */
