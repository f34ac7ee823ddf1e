#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "common/table.h"
#include "common/util.h"

#include "attr.h"

struct attr_spec {
    const char *name; /* ending in ".*" it stands for all names below */
    int flags;
};

#define C ATTR_CLI
#define R ATTR_RUNTIME
#define I ATTR_IMMUTABLE

static const struct attr_spec specs[] = {
    { "rank", I },
    { "size", I },
    { "version", 0 },
    { "rundir", C },
    { "rundir-cleanup", C | I },
    { "statedir", C },
    { "statedir-cleanup", C | I },
    { "security.owner", I },
    { "local-uri", C | I },
    { "parent-uri", I },
    { "parent-kvs-namespace", I },
    { "instance-level", I },
    { "jobid", I },
    { "jobid-path", I },
    { "hostlist", C | I },
    { "hostname", C | I },
    { "broker.mapping", I },
    { "broker.critical-ranks", C | I },
    { "broker.boot-method", C | I },
    { "broker.pid", I },
    { "broker.uuid", I },
    { "broker.starttime", I },
    { "broker.quorum", C | I },
    { "broker.quorum-warn", C | I },
    { "broker.shutdown-warn", C | I },
    { "broker.shutdown-timeout", C | I },
    { "broker.sd-stop-timeout", C | I },
    { "broker.cleanup-timeout", C },
    { "broker.unload-builtins-timeout", C },
    { "broker.rc1_path", C },
    { "broker.rc3_path", C },
    { "broker.rc2_none", C },
    { "broker.rc2_pgrp", C },
    { "broker.recovery-mode", C },
    { "broker.exit-norestart", C },
    { "broker.sd-notify", C },
    { "broker.exit-restart", C | R },
    { "broker.module-nopanic", C | R },
    { "broker.module-unload-timeout", C | I },
    { "conf.shell_initrc", C | R },
    { "conf.shell_pluginpath", C | R },
    { "config.path", C | I },
    { "log-ring-size", C | I },
    { "log-level", C | I },
    { "log-forward-level", C | I },
    { "log-critical-level", C | I },
    { "log-syslog-level", C | I },
    { "log-syslog-enable", C | I },
    { "log-stderr-mode", C | I },
    { "log-stderr-level", C | R },
    { "log-filename", C },
    { "content.hash", C | I },
    { "content.backing-module", C },
    { "content.dump", C | R },
    { "content.restore", C | R },
    { "cron.directory", C },
    { "tbon.fanout", C },
    { "tbon.prefertcp", C },
    { "tbon.topo", C },
    { "tbon.zmqdebug", C },
    { "tbon.zmq_io_threads", C },
    { "tbon.child_rcvhwm", C },
    { "tbon.torpid_min", C },
    { "tbon.torpid_max", C },
    { "tbon.tcp_user_timeout", C },
    { "tbon.connect_timeout", C },
    { "tbon.interface-hint", C | R | I },
    { "tbon.descendants", 0 },
    { "tbon.level", 0 },
    { "tbon.maxlevel", 0 },
    { "tbon.endpoint", 0 },
    { "tbon.parent-endpoint", 0 },
    { "test.*", C | R },
    { "test-ro.*", C },
    { "test-nr.*", C },
    { "test-im.*", C | I },
    { "test-rd.*", C | R },
    { "vendor.*", C | I },
};

#undef C
#undef R
#undef I

struct attr {
    char *name; /* the key in the table */
    char *value;
    int flags;
};

struct attrs {
    struct table table; /* name => struct attr: those that are set */
};

static bool spec_fits (const struct attr_spec *spec, const char *name)
{
    size_t len = strlen (spec->name);

    if (len > 2 && spec->name[len - 1] == '*')
        return strncmp (spec->name, name, len - 1) == 0 && name[len - 1] != '\0';
    return strcmp (spec->name, name) == 0;
}

static int spec_flags (const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE (specs); i++) {
        if (spec_fits (&specs[i], name))
            return specs[i].flags;
    }
    return -ENOENT;
}

static void attr_free (struct attr *at)
{
    if (at) {
        free (at->name);
        free (at->value);
        free (at);
    }
}

struct attrs *attrs_new (void)
{
    struct attrs *a = calloc (1, sizeof (*a));

    if (a)
        table_init (&a->table);
    return a;
}

void attrs_free (struct attrs *a)
{
    struct attr *at;

    if (!a)
        return;
    while ((at = table_pop (&a->table)))
        attr_free (at);
    table_fini (&a->table);
    free (a);
}

static struct attr *attr_find (const struct attrs *a, const char *name)
{
    return table_get_str (&a->table, name);
}

int attrs_flags (const struct attrs *a, const char *name)
{
    struct attr *at = attr_find (a, name);

    return at ? at->flags : spec_flags (name);
}

const char *attrs_get (const struct attrs *a, const char *name)
{
    struct attr *at = attr_find (a, name);

    return at ? at->value : NULL;
}

int attrs_duration (const struct attrs *a,
                    const char *name,
                    double *seconds,
                    flux_error_t *error)
{
    const char *s = attrs_get (a, name);
    double value = -1.;

    if (s && strcmp (s, "none") != 0 && fsd_parse (s, &value) < 0) {
        errno = EINVAL;
        return errprintf (error, "Error parsing %s attribute", name);
    }
    *seconds = value;
    return 0;
}

bool attrs_is_set (const struct attrs *a, const char *name)
{
    return attr_find (a, name) != NULL;
}

static int attr_insert (struct attrs *a, const char *name, int flags, char *value)
{
    struct attr *at = calloc (1, sizeof (*at));

    if (!at || !(at->name = strdup (name))
        || table_put_str (&a->table, at->name, at) < 0) {
        attr_free (at);
        return -ENOMEM;
    }
    at->flags = flags;
    at->value = value;
    return 0;
}

int attrs_set (struct attrs *a, const char *name, const char *value)
{
    _cleanup_ (freep) char *copy = NULL;
    struct attr *at = attr_find (a, name);
    int r;

    if (value && !(copy = strdup (value)))
        return -ENOMEM;
    if (!at) {
        int flags = spec_flags (name);

        if (flags < 0)
            return flags;
        if ((r = attr_insert (a, name, flags, copy)) == 0)
            copy = NULL;
        return r;
    }
    free (at->value);
    at->value = move_ptr (copy);
    return 0;
}

int attrs_setf (struct attrs *a, const char *name, const char *fmt, ...)
{
    _cleanup_ (freep) char *value = NULL;
    va_list ap;
    int n;

    va_start (ap, fmt);
    n = vasprintf (&value, fmt, ap);
    va_end (ap);
    if (n < 0) {
        value = NULL;
        return -ENOMEM;
    }
    return attrs_set (a, name, value);
}

int attrs_set_default (struct attrs *a, const char *name, const char *value)
{
    return attrs_is_set (a, name) ? 0 : attrs_set (a, name, value);
}

int attrs_set_cmdline (struct attrs *a, const char *arg, flux_error_t *error)
{
    const char *eq = strchr (arg, '=');
    _cleanup_ (freep) char *name = eq ? strndup (arg, eq - arg) : strdup (arg);
    int flags;

    if (!name)
        return -ENOMEM;
    if ((flags = spec_flags (name)) < 0) {
        errprintf (error, "%s: unknown attribute", name);
        return -ENOENT;
    }
    if (!(flags & ATTR_CLI)) {
        errprintf (error, "%s: attribute may not be set on the command line", name);
        return -EPERM;
    }
    return attrs_set (a, name, eq ? eq + 1 : NULL);
}

int attrs_may_set (const struct attrs *a,
                   const char *name,
                   bool force,
                   flux_error_t *error)
{
    int flags = attrs_flags (a, name);

    if (flags < 0) {
        errprintf (error, "unknown attribute");
        return -ENOENT;
    }
    if (!attrs_is_set (a, name))
        return 0;
    if ((flags & ATTR_IMMUTABLE)) {
        errprintf (error, "attribute is immutable");
        return -EPERM;
    }
    if (!(flags & ATTR_RUNTIME) && !force) {
        errprintf (error, "attribute may not be updated");
        return -EINVAL;
    }
    return 0;
}

int attrs_update (struct attrs *a,
                  const char *name,
                  const char *value,
                  bool force,
                  flux_error_t *error)
{
    int r;

    if ((r = attrs_may_set (a, name, force, error)) < 0)
        return r;
    if ((r = attrs_set (a, name, value)) < 0)
        errprintf (error, "%s", strerror (-r));
    return r;
}

int attrs_remove (struct attrs *a, const char *name)
{
    struct attr *at = attr_find (a, name);

    if (!at)
        return 0;
    if ((at->flags & ATTR_IMMUTABLE))
        return -EPERM;
    table_del_str (&a->table, name);
    attr_free (at);
    return 0;
}

const char *attrs_next (const struct attrs *a, size_t *pos, const char **value)
{
    struct attr *at = table_next (&a->table, pos);

    if (!at)
        return NULL;
    *value = at->value;
    return at->name;
}
