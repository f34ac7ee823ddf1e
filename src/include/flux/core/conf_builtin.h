/* flux/core/conf_builtin.h - part of the public interface of libflux. */

#ifndef _FLUX_CORE_CONF_BUILTIN_H
#define _FLUX_CORE_CONF_BUILTIN_H

#ifdef __cplusplus
extern "C" {
#endif

enum flux_conf_builtin_hint {
    FLUX_CONF_INSTALLED = 0,
    FLUX_CONF_INTREE = 1,
    FLUX_CONF_AUTO = 2,
};

const char *flux_conf_builtin_get (const char *key, enum flux_conf_builtin_hint hint);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONF_BUILTIN_H */
