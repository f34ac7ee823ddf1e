#include "config.h"
#include "mustache.h"

void mustache_render (const char *tmpl, mustache_f value, void *arg, struct text *out)
{
    const char *open, *close;
    char tag[64];

    while ((open = strstr (tmpl, "{{")) && (close = strstr (open, "}}"))) {
        size_t len = close - open - 2;

        text_put (out, tmpl, open - tmpl);
        if (len < sizeof (tag)) {
            memcpy (tag, open + 2, len);
            tag[len] = '\0';
        }
        if (len >= sizeof (tag) || !value (arg, tag, out))
            text_put (out, open, len + 4);
        tmpl = close + 2;
    }
    text_puts (out, tmpl);
}
