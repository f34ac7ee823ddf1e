/* flux/core/conf_builtin.h - where the parts of this installation are. */

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

/* The value of key: confdir libexecdir datadir lua_cpath_add lua_path_add
 * python_path python_wrapper man_path exec_path connector_path module_path
 * rc1_path rc3_path cmdhelp_pattern pmi_library_path shell_path
 * shell_pluginpath shell_initrc jobtap_pluginpath upmi_pluginpath no_docs_path
 * rundir.  Values of what we do not have are "".
 *
 * AUTO: the build tree if this library was loaded from one, else as installed.
 * The string is static.  NULL with errno EINVAL for any other key.
 */
const char *flux_conf_builtin_get (const char *key, enum flux_conf_builtin_hint hint);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONF_BUILTIN_H */
