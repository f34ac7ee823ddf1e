/* What the module has written: event logs, output, notes. */
#include "config.h"
#include <stdio.h>
#include <string.h>

#include "common/tap.h"
#include "world.h"

/* The entries of a log, one JSON object at a time. */
static json_t *next_entry (const char **p)
{
    json_error_t error;
    json_t *o;

    if (!*p || !**p)
        return NULL;
    if (!(o = json_loads (*p, JSON_DISABLE_EOF_CHECK, &error)))
        bail_out ("not an entry: %.80s", *p);
    *p = strchr (*p, '\n');
    *p = *p ? *p + 1 : NULL;
    return o;
}

static const char *names_of (const struct text *log)
{
    static char buf[4096];
    const char *p = log->buf;
    json_t *o;

    buf[0] = '\0';
    while ((o = next_entry (&p))) {
        if (strlen (buf) < sizeof (buf) - 64) {
            strcat (buf, buf[0] ? " " : "");
            strcat (buf, json_string_value (json_object_get (o, "name")));
        }
        json_decref (o);
    }
    return buf;
}

const char *world_names (struct world *w, int log)
{
    return names_of (&w->job.logs[log]);
}

const char *world_note_names (struct world *w)
{
    return names_of (&w->job.notes);
}

static const char *data_of (const struct text *log, const char *stream, int rank, size_t *len)
{
    static struct text t;
    const char *p = log->buf;
    char want[16];
    json_t *o;

    text_clear (&t);
    text_puts (&t, "");
    snprintf (want, sizeof (want), "%d", rank);
    while ((o = next_entry (&p))) {
        json_t *c = json_object_get (o, "context");
        const char *s = json_string_value (json_object_get (c, "stream"));
        const char *r = json_string_value (json_object_get (c, "rank"));
        json_t *d = json_object_get (c, "data");

        if (s && r && d && !strcmp (s, stream) && !strcmp (r, want))
            text_put (&t, json_string_value (d), json_string_length (d));
        json_decref (o);
    }
    if (len)
        *len = t.len;
    return t.buf ? t.buf : "";
}

const char *world_data (struct world *w, const char *stream, int rank, size_t *len)
{
    return data_of (&w->job.logs[LOG_OUT], stream, rank, len);
}

const char *world_news (struct world *w, const char *stream, int rank, size_t *len)
{
    return data_of (&w->job.news, stream, rank, len);
}
