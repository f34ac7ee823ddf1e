#include "config.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "eventfmt.h"
#include "listing.h"

#define GREEN "\033[32m"
#define BOLD_GREEN "\033[1m\033[32m"
#define YELLOW "\033[33m"
#define BOLD_RED "\033[1m\033[31m"
#define BLUE "\033[34m"
#define GREY "\033[37m"
#define MAGENTA "\033[35m"
#define RESET "\033[0m"

bool eventfmt_set_time (struct eventfmt *e, const char *arg)
{
    if (strcasecmp (arg, "raw") == 0)
        e->time = EVENTFMT_RAW;
    else if (strcasecmp (arg, "iso") == 0)
        e->time = EVENTFMT_ISO;
    else if (strcasecmp (arg, "offset") == 0)
        e->time = EVENTFMT_OFFSET;
    else if (strcasecmp (arg, "human") == 0 || strcasecmp (arg, "reltime") == 0)
        e->time = EVENTFMT_HUMAN;
    else
        return false;
    return true;
}

bool eventfmt_set_format (struct eventfmt *e, const char *arg)
{
    if (strcasecmp (arg, "text") == 0)
        e->json = false;
    else if (strcasecmp (arg, "json") == 0)
        e->json = true;
    else
        return false;
    return true;
}

bool eventfmt_set_color (struct eventfmt *e, const char *arg)
{
    return listing_color (arg, &e->color);
}

static void colored (struct eventfmt *e, FILE *out, const char *color, const char *s)
{
    if (e->color)
        fprintf (out, "%s%s%s", color, s, RESET);
    else
        fputs (s, out);
}

/* Microseconds are cut, not rounded: a second must not change. */
static void format_iso (double t, char *buf, size_t size)
{
    time_t seconds = t;
    struct tm tm;
    size_t n;

    localtime_r (&seconds, &tm);
    n = strftime (buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
    n += snprintf (buf + n, size - n, ".%06d", (int)((t - (double)seconds) * 1e6));
    if (tm.tm_gmtoff == 0)
        snprintf (buf + n, size - n, "Z");
    else {
        long min = labs (tm.tm_gmtoff) / 60;

        snprintf (buf + n, size - n, "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+', min / 60,
                  min % 60);
    }
}

static void start_at (struct eventfmt *e, double t)
{
    if (!e->started) {
        e->started = true;
        e->t0 = t;
    }
}

static void print_time (struct eventfmt *e, double t, FILE *out)
{
    time_t seconds = t;
    char buf[64];
    struct tm tm;

    switch (e->time) {
        case EVENTFMT_RAW:
            snprintf (buf, sizeof (buf), "%lf", t);
            break;
        case EVENTFMT_ISO:
            format_iso (t, buf, sizeof (buf));
            break;
        case EVENTFMT_OFFSET:
            start_at (e, t);
            snprintf (buf, sizeof (buf), "%lf", t - e->t0);
            break;
        case EVENTFMT_HUMAN:
            if (seconds / 60 + 1 != e->minute) {
                e->minute = seconds / 60 + 1;
                e->t0 = t;
                strftime (buf, sizeof (buf), "[%b%d %R]", localtime_r (&seconds, &tm));
                colored (e, out, BOLD_GREEN, buf);
                return;
            }
            snprintf (buf, sizeof (buf), "[%+11.6f]", t - e->t0);
            break;
    }
    colored (e, out, GREEN, buf);
}

void eventfmt_skip (struct eventfmt *e, json_t *entry)
{
    start_at (e, json_number_value (json_object_get (entry, "timestamp")));
}

void eventfmt_print (struct eventfmt *e, json_t *entry, FILE *out)
{
    const char *name = "", *key;
    double timestamp = 0;
    json_t *context = NULL, *value;

    if (e->json) {
        json_dumpf (entry, out, JSON_COMPACT);
        fputc ('\n', out);
        return;
    }
    json_unpack (entry, "{s:F s:s s?o}", "timestamp", &timestamp, "name", &name, "context",
                 &context);
    print_time (e, timestamp, out);
    fputc (' ', out);
    colored (e, out, strcmp (name, "exception") == 0 ? BOLD_RED : YELLOW, name);
    json_object_foreach (context, key, value) {
        char *s = json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY);

        fputc (' ', out);
        colored (e, out, BLUE, key);
        fputc ('=', out);
        colored (e, out, json_is_number (value) ? GREY : MAGENTA, s ? s : "");
        free (s);
    }
    fputc ('\n', out);
}

json_t *eventfmt_decode_entry (const char *s, size_t len)
{
    json_t *o = json_loadb (s, len, JSON_ALLOW_NUL, NULL);
    json_t *context = json_object_get (o, "context");

    if (!json_is_number (json_object_get (o, "timestamp"))
        || !json_is_string (json_object_get (o, "name"))
        || (context && !json_is_object (context))) {
        json_decref (o);
        return NULL;
    }
    return o;
}

json_t *eventfmt_decode (const char *log)
{
    json_t *array = json_array ();
    const char *nl;

    if (*log && !strchr (log, '\n'))
        goto error;
    for (; (nl = strchr (log, '\n')); log = nl + 1) {
        json_t *entry = eventfmt_decode_entry (log, nl - log);

        if (!entry || json_array_append_new (array, entry) < 0)
            goto error;
    }
    return array;
error:
    json_decref (array);
    return NULL;
}
