#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "request.h"

int watch_flags_check (int flags, bool streaming, const char **text)
{
    const int modifiers = WATCH_F_FULL | WATCH_F_UNIQ | WATCH_F_APPEND | WATCH_F_SENTINEL;

    if ((flags & WATCH_F_WATCH) && !streaming) {
        *text = "KVS watch request rejected without streaming RPC flag";
        return -EPROTO;
    }
    if ((flags & WATCH_F_STREAM) && !streaming) {
        *text = "KVS stream request rejected without streaming RPC flag";
        return -EPROTO;
    }
    if ((flags & WATCH_F_WATCH) && (flags & WATCH_F_STREAM)) {
        *text = "Cannot KVS watch and stream at the same time";
        return -EINVAL;
    }
    if ((flags & modifiers) && !(flags & WATCH_F_WATCH)) {
        *text = "Must set KVS watch flag with other watch flags";
        return -EINVAL;
    }
    if ((flags & WATCH_F_SENTINEL) && !(flags & WATCH_F_APPEND)) {
        *text = "Must set KVS watch append flag with initial sentinel flag";
        return -EINVAL;
    }
    return 0;
}

char *watch_key_normalize (const char *key)
{
    size_t len = strlen (key);
    char *norm = malloc (len + 1);
    size_t n = 0;

    if (!norm)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        if (key[i] != '.' || n == 0 || norm[n - 1] != '.')
            norm[n++] = key[i];
    }
    if (n > 1 && norm[n - 1] == '.')
        n--;
    norm[n] = '\0';
    if (n > 1 && norm[0] == '.')
        memmove (norm, norm + 1, n);
    return norm;
}
