#include "config.h"
#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "patch.h"

bool patch_key (const char *key)
{
    return strcmp (key, "R") == 0 || strcmp (key, "jobspec") == 0;
}

bool patch_concerns (const char *key, const struct eventlog_entry *e)
{
    if (strcmp (key, "R") == 0)
        return eventlog_entry_is (e, "resource-update");
    if (strcmp (key, "jobspec") == 0)
        return eventlog_entry_is (e, "jobspec-update");
    return false;
}

/* Set the value at a dotted path; objects missing on the way are made. */
static int path_set (json_t *obj, const char *path, json_t *value)
{
    _cleanup_ (freep)
    char *copy = strdup (path);
    char *name = copy;
    char *dot;

    if (!copy)
        return -ENOMEM;
    for (; (dot = strchr (name, '.')); name = dot + 1) {
        json_t *next;

        *dot = '\0';
        next = json_object_get (obj, name);
        if (!json_is_object (next)) {
            next = json_object ();
            if (json_object_set_new (obj, name, next) < 0)
                return -ENOMEM;
        }
        obj = next;
    }
    return json_object_set (obj, name, value) < 0 ? -ENOMEM : 0;
}

static void json_decrefpp (json_t **o)
{
    json_decref (*o);
}

int patch_apply (const char *key, json_t *obj, const struct eventlog_entry *e)
{
    _cleanup_ (json_decrefpp)
    json_t *context = NULL;
    const char *name;
    json_t *value;
    int r = 0;

    if (!jview_present (e->context))
        return 0;
    if (!(context = json_loadb (e->context.s, e->context.len, 0, NULL)))
        return -EINVAL;
    if (strcmp (key, "R") == 0) {
        if ((value = json_object_get (context, "expiration")))
            r = path_set (obj, "execution.expiration", value);
        return r;
    }
    json_object_foreach (context, name, value)
    {
        if ((r = path_set (obj, name, value)) < 0)
            break;
    }
    return r;
}

int patch_apply_log (const char *key, json_t *obj, const char *log, size_t len)
{
    const char *pos = log, *end = log + len;
    struct eventlog_entry e;
    const char *line;
    int r;

    if (len > 0 && !memchr (log, '\n', len))
        return -EINVAL;
    while ((line = eventlog_next_line (&pos, end, &len))) {
        if (eventlog_entry_decode (line, len, &e) < 0)
            return -EINVAL;
        if (patch_concerns (key, &e) && (r = patch_apply (key, obj, &e)) < 0)
            return r;
    }
    return 0;
}
