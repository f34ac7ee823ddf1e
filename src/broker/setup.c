#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "boot.h"
#include "setup.h"

/* Log */

static int set_log_attr (struct attrs *attrs,
                         struct logger *logger,
                         const char *name,
                         const char *value,
                         flux_error_t *error)
{
    flux_error_t reason;
    int r;

    if (attrs_set_default (attrs, name, value) < 0) {
        errno = ENOMEM;
        return errprintf (error, "%s", strerror (errno));
    }
    if (strcmp (name, "log-filename") == 0 && !attrs_get (attrs, name))
        return 0;
    if ((r = logger_set (logger, name, attrs_get (attrs, name), &reason)) < 0) {
        errno = -r;
        return errprintf (error, "%s: %s", name, reason.text);
    }
    return 0;
}

int setup_log (struct attrs *attrs, struct logger *logger, int v, flux_error_t *error)
{
    const struct {
        const char *name;
        const char *value;
    } defaults[] = {
        { "log-ring-size", "1024" },
        { "log-level", "7" },
        { "log-forward-level", "3" },
        { "log-critical-level", "2" },
        { "log-syslog-level", "3" },
        { "log-syslog-enable", "0" },
        { "log-stderr-mode", v ? "local" : "leader" },
        { "log-stderr-level", v > 1 ? "7" : v == 1 ? "6" : "3" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (defaults); i++) {
        if (set_log_attr (attrs, logger, defaults[i].name, defaults[i].value, error) < 0)
            return -1;
    }
    if (attrs_is_set (attrs, "log-filename"))
        return set_log_attr (attrs, logger, "log-filename", NULL, error);
    return 0;
}

/* Attributes */

int setup_attrs (struct attrs *a,
                 const char *uuid,
                 uint32_t rank,
                 uint32_t size,
                 flux_error_t *error)
{
    const struct {
        const char *name;
        const char *value;
    } defaults[] = {
        { "version", flux_core_version_string () },
        { "broker.uuid", uuid },
        { "broker.rc1_path", "flux modprobe rc1" },
        { "broker.rc3_path", "flux modprobe rc3" },
        { "broker.quorum-warn", "1m" },
        { "broker.shutdown-warn", "1m" },
        { "broker.shutdown-timeout", "none" },
        { "broker.sd-stop-timeout", "none" },
        { "broker.cleanup-timeout", "none" },
        { "broker.unload-builtins-timeout", "1m" },
        { "broker.module-unload-timeout", "1m" },
        { "tbon.topo", "kary:32" },
        { "tbon.torpid_min", "5s" },
        { "tbon.torpid_max", "30s" },
        { "tbon.connect_timeout", "30s" },
        { "tbon.tcp_user_timeout", "20s" },
        { "conf.shell_initrc", flux_conf_builtin_get ("shell_initrc", FLUX_CONF_AUTO) },
        { "conf.shell_pluginpath",
          flux_conf_builtin_get ("shell_pluginpath", FLUX_CONF_AUTO) },
        { "tbon.interface-hint", "default-route" },
    };

    if (boot_attrs (a, rank, size, error) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE (defaults); i++) {
        if (attrs_set_default (a, defaults[i].name, defaults[i].value) < 0)
            goto nomem;
    }
    if (attrs_setf (a, "security.owner", "%u", (unsigned int)getuid ()) < 0
        || attrs_setf (a, "broker.pid", "%d", (int)getpid ()) < 0
        || attrs_setf (a, "broker.starttime", "%.2f", flux_reactor_time ()) < 0)
        goto nomem;
    return 0;
nomem:
    errno = ENOMEM;
    return errprintf (error, "%s", strerror (errno));
}

/* Configuration */

int setup_config (flux_t *h,
                  struct attrs *attrs,
                  const char *path,
                  const char *const values[],
                  flux_error_t *error)
{
    flux_error_t reason;
    flux_conf_t *conf;

    if (!path)
        path = getenv ("FLUX_CONF_DIR");
    if (path) {
        if (!(conf = flux_conf_parse (path, &reason)))
            return errprintf (error, "Config file error: %s", reason.text);
        if (attrs_set (attrs, "config.path", path) < 0)
            goto nomem;
    }
    else if (!(conf = flux_conf_create ()))
        return errprintf (error, "%s", strerror (errno));
    for (int i = 0; values[i]; i++) {
        if (flux_conf_update (conf, values[i], &reason) < 0) {
            flux_conf_decref (conf);
            return errprintf (error, "Config file error: %s", reason.text);
        }
    }
    if (flux_set_conf_new (h, conf) < 0)
        goto nomem;
    return 0;
nomem:
    flux_conf_decref (conf);
    return errprintf (error, "%s", strerror (errno));
}
