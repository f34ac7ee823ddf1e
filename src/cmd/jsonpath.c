#include "config.h"
#include <string.h>

#include "jsonpath.h"

int jsonpath_set (json_t *o, const char *path, size_t len, json_t *value)
{
    const char *dot;

    while ((dot = memchr (path, '.', len))) {
        size_t n = dot - path;
        json_t *next = json_object_getn (o, path, n);

        if (n == 0)
            break;
        if (!json_is_object (next)) {
            next = json_object ();
            json_object_setn_new (o, path, n, next);
        }
        len -= n + 1;
        path = dot + 1;
        o = next;
    }
    if (dot || len == 0) {
        json_decref (value);
        return -1;
    }
    return json_object_setn_new (o, path, len, value);
}

json_t *jsonpath_get (json_t *o, const char *path)
{
    while (o && *path) {
        size_t len = strcspn (path, ".");

        o = json_object_getn (o, path, len);
        path += len + (path[len] == '.');
    }
    return o;
}

json_t *jsonpath_value (const char *s)
{
    json_t *o = json_loads (s, JSON_DECODE_ANY, NULL);

    return o ? o : json_string (s);
}
