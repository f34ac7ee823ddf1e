#include "config.h"
#include <math.h>

#include "eventlog.h"
#include "utf8.h"

void eventlog_begin (struct text *t, double timestamp, const char *name)
{
    text_puts (t, "{\"timestamp\":");
    text_put_real (t, timestamp);
    text_puts (t, ",\"name\":");
    text_put_json_string (t, name, strlen (name));
}

void eventlog_end (struct text *t)
{
    text_puts (t, "}\n");
}

int eventlog_append (struct text *t,
                     double timestamp,
                     const char *name,
                     const char *context)
{
    struct jview v = JVIEW_ABSENT;
    size_t namelen;

    if (!name || (namelen = strlen (name)) == 0 || !utf8_valid (name, namelen))
        return -EINVAL;
    if (!(timestamp >= 0) || !isfinite (timestamp))
        return -EINVAL;
    if (context
        && (jview_parse_lax (context, strlen (context), &v) < 0
            || !jview_is (v, JVIEW_OBJECT) || memchr (v.s, '\n', v.len)))
        return -EINVAL;
    eventlog_begin (t, timestamp, name);
    if (context) {
        text_puts (t, ",\"context\":");
        jview_put (t, v);
    }
    eventlog_end (t);
    return 0;
}

const char *eventlog_next_line (const char **pos, const char *end, size_t *len)
{
    const char *line = *pos;
    const char *newline;

    if (line == end || !(newline = memchr (line, '\n', end - line)))
        return NULL;
    *len = newline + 1 - line;
    *pos = newline + 1;
    return line;
}

int eventlog_entry_decode (const char *line, size_t len, struct eventlog_entry *entry)
{
    static const char *const keys[] = { "timestamp", "name", "context" };
    struct jview f[ARRAY_SIZE (keys)];
    double timestamp;

    if (len < 2 || memchr (line, '\n', len) != line + len - 1 || line[0] != '{'
        || line[len - 2] != '}'
        || jview_parse_pick (line, len, true, ARRAY_SIZE (keys), keys, f) < 0)
        return -EINVAL;
    if (jview_number (f[0], &timestamp) < 0 || timestamp < 0
        || !jview_is (f[1], JVIEW_STRING)
        || (jview_present (f[2]) && !jview_is (f[2], JVIEW_OBJECT)))
        return -EINVAL;
    *entry = (struct eventlog_entry){ timestamp, f[1], f[2] };
    return 0;
}

int eventlog_validate (const char *s, size_t len, size_t *count)
{
    const char *end = s + len;
    struct eventlog_entry entry;
    const char *line;
    size_t n = 0;
    size_t linelen;

    while ((line = eventlog_next_line (&s, end, &linelen))) {
        if (eventlog_entry_decode (line, linelen, &entry) < 0)
            return -EINVAL;
        n++;
    }
    if (n == 0 && len > 0)
        return -EINVAL;
    if (count)
        *count = n;
    return 0;
}
