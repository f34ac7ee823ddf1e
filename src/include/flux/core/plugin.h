/* flux/core/plugin.h - plugins: named sets of callbacks, found by topic, in a
 * shared object or built in.
 *
 * Not thread safe.  Functions that can fail return -1 or NULL with errno; those
 * of a plugin and of arguments leave a sentence for their strerror functions.
 */

#ifndef _FLUX_CORE_PLUGIN_H
#define _FLUX_CORE_PLUGIN_H

#include <stdarg.h>
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct flux_plugin flux_plugin_t;
typedef struct flux_plugin_arg flux_plugin_arg_t;

/* Returns 0, or < 0: it failed. */
typedef int (*flux_plugin_f) (flux_plugin_t *p,
                              const char *topic,
                              flux_plugin_arg_t *args,
                              void *data);

/* What a shared object may export as flux_plugin_init. */
typedef int (*flux_plugin_init_f) (flux_plugin_t *p);

struct flux_plugin_handler {
    const char *topic; /* a glob (fnmatch); NULL ends a table */
    flux_plugin_f cb;
    void *data;
};

/* How a shared object is opened. */
enum {
    FLUX_PLUGIN_RTLD_LAZY = 1,
    FLUX_PLUGIN_RTLD_NOW = 2,
    FLUX_PLUGIN_RTLD_GLOBAL = 4,
    FLUX_PLUGIN_RTLD_DEEPBIND = 8,
};

flux_plugin_t *flux_plugin_create (void);
void flux_plugin_destroy (flux_plugin_t *p); /* NULL ok; keeps errno */

/* EINVAL: other bits than those above. */
int flux_plugin_get_flags (flux_plugin_t *p);
int flux_plugin_set_flags (flux_plugin_t *p, int flags);

/* What went wrong last; "" if nothing did. */
const char *flux_plugin_strerror (flux_plugin_t *p);

/* Texts are the plugin's.  path: NULL unless it is a shared object. */
int flux_plugin_set_name (flux_plugin_t *p, const char *name);
const char *flux_plugin_get_name (flux_plugin_t *p);
const char *flux_plugin_get_uuid (flux_plugin_t *p);
const char *flux_plugin_get_path (flux_plugin_t *p);

/* Handlers are tried in the order in which they were added: the first whose
 * topic matches is called.  A NULL cb removes the one of that very topic.
 */
int flux_plugin_add_handler (flux_plugin_t *p,
                             const char *topic,
                             flux_plugin_f cb,
                             void *arg);
int flux_plugin_remove_handler (flux_plugin_t *p, const char *topic);
flux_plugin_f flux_plugin_get_handler (flux_plugin_t *p, const char *topic);
flux_plugin_f flux_plugin_match_handler (flux_plugin_t *p, const char *topic);

/* Set the name (may be NULL: leave it) and add all handlers of a table. */
int flux_plugin_register (flux_plugin_t *p,
                          const char *name,
                          const struct flux_plugin_handler t[]);

int flux_plugin_aux_set (flux_plugin_t *p,
                         const char *key,
                         void *val,
                         flux_free_f free_fn);
void *flux_plugin_aux_get (flux_plugin_t *p, const char *key);
void flux_plugin_aux_delete_value (flux_plugin_t *p, const void *val);
void flux_plugin_aux_delete (flux_plugin_t *p, const void *val); /* deprecated */

/* Configuration: a JSON object as text. */
int flux_plugin_set_conf (flux_plugin_t *p, const char *json_str);
const char *flux_plugin_get_conf (flux_plugin_t *p);
int flux_plugin_conf_unpack (flux_plugin_t *p, const char *fmt, ...);

/* Arguments of a call: two JSON objects, in and out.  Setting merges into what
 * is there, top-level key by key, unless REPLACE is given.
 */
enum {
    FLUX_PLUGIN_ARG_IN = 0,
    FLUX_PLUGIN_ARG_OUT = 1,
    FLUX_PLUGIN_ARG_REPLACE = 2,
};

flux_plugin_arg_t *flux_plugin_arg_create ();
void flux_plugin_arg_destroy (flux_plugin_arg_t *args);
const char *flux_plugin_arg_strerror (flux_plugin_arg_t *args);
int flux_plugin_arg_set (flux_plugin_arg_t *args, int flags, const char *json_str);

/* *json_str is malloced. */
int flux_plugin_arg_get (flux_plugin_arg_t *args, int flags, char **json_str);

/* Jansson formats. */
int flux_plugin_arg_pack (flux_plugin_arg_t *args, int flags, const char *fmt, ...);
int flux_plugin_arg_vpack (flux_plugin_arg_t *args,
                           int flags,
                           const char *fmt,
                           va_list ap);
int flux_plugin_arg_unpack (flux_plugin_arg_t *args, int flags, const char *fmt, ...);
int flux_plugin_arg_vunpack (flux_plugin_arg_t *args,
                             int flags,
                             const char *fmt,
                             va_list ap);

/* Returns 1: a handler ran; 0: there is none for that topic; -1: it failed. */
int flux_plugin_call (flux_plugin_t *p, const char *name, flux_plugin_arg_t *args);

/* Open a shared object and call its flux_plugin_init (), if it has one. */
int flux_plugin_load_dso (flux_plugin_t *p, const char *path);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_PLUGIN_H */
