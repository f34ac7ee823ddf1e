#include "config.h"

#include "attach_tail.h"
#include "cmd.h"
#include "common/eventlog.h"

struct entry {
    char *text;
    size_t len;
};

/* A ring: entry number i of all that were added is at i % max. */
struct attach_tail {
    struct entry *entries;
    size_t max;
    size_t added;
};

struct attach_tail *attach_tail_create (size_t max)
{
    struct attach_tail *t = calloc (1, sizeof (*t));

    if (!t || !(t->entries = calloc (max + 1, sizeof (t->entries[0]))))
        cmd_die ("out of memory");
    t->max = max;
    return t;
}

void attach_tail_destroy (struct attach_tail *t)
{
    if (t) {
        for (size_t i = 0; i < t->max; i++)
            free (t->entries[i].text);
        free (t->entries);
        free (t);
    }
}

static bool counts (const char *line, size_t len)
{
    struct eventlog_entry e;

    if (eventlog_entry_decode (line, len, &e) < 0)
        return false;
    if (eventlog_entry_is (&e, "data"))
        return jview_present (jview_get (e.context, "data"));
    return eventlog_entry_is (&e, "log");
}

static void keep (struct attach_tail *t, const char *line, size_t len)
{
    struct entry *e = &t->entries[t->added++ % t->max];

    free (e->text);
    if (!(e->text = malloc (len)))
        cmd_die ("out of memory");
    memcpy (e->text, line, len);
    e->len = len;
}

void attach_tail_add (struct attach_tail *t, const char *data, size_t len)
{
    const char *end = data + len, *line;
    size_t linelen;

    while (t->max > 0 && (line = eventlog_next_line (&data, end, &linelen))) {
        if (counts (line, linelen))
            keep (t, line, linelen);
    }
}

void attach_tail_each (const struct attach_tail *t,
                       void (*f) (const char *entry, size_t len, void *arg),
                       void *arg)
{
    for (size_t i = t->added > t->max ? t->added - t->max : 0; i < t->added; i++)
        f (t->entries[i % t->max].text, t->entries[i % t->max].len, arg);
}
