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
    struct jvalue v;
    size_t namelen;

    if (!name || (namelen = strlen (name)) == 0 || !utf8_valid (name, namelen))
        return -EINVAL;
    if (!(timestamp >= 0) || !isfinite (timestamp))
        return -EINVAL;
    if (context) {
        size_t len = strlen (context);

        if (jscan_text (context, len, &v) < 0 || v.type != JSCAN_OBJECT
            || memchr (v.text, '\n', v.len) || !utf8_valid (v.text, v.len))
            return -EINVAL;
    }
    eventlog_begin (t, timestamp, name);
    if (context) {
        text_puts (t, ",\"context\":");
        text_put (t, v.text, v.len);
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
    struct jscan it = JSCAN_INIT (line, len);
    struct jvalue key, value;
    struct eventlog_entry e = { .timestamp = -1 };
    int rc;

    if (len == 0 || memchr (line, '\n', len) != line + len - 1 || line[0] != '{'
        || !utf8_valid (line, len))
        return -EINVAL;
    while ((rc = jscan_next (&it, &key, &value)) > 0) {
        if (jvalue_is (&key, "timestamp")) {
            if (jvalue_real (&value, &e.timestamp) < 0)
                return -EINVAL;
        }
        else if (jvalue_is (&key, "name"))
            e.name = value;
        else if (jvalue_is (&key, "context"))
            e.context = value;
    }
    if (rc < 0 || it.p != line + len - 1)
        return -EINVAL;
    if (e.timestamp < 0 || !e.name.text || e.name.type != JSCAN_STRING)
        return -EINVAL;
    if (e.context.text && e.context.type != JSCAN_OBJECT)
        return -EINVAL;
    *entry = e;
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
