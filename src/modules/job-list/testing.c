#include "config.h"
#include <stdio.h>

#include "attrs.h"
#include "testing.h"

static struct text told;

static void on_waited (void *token, const struct record *rec, void *arg)
{
    if (rec)
        text_printf (&told, "%s:%d/%d ", (char *)token, (int)rec->id, rec->state);
    else
        text_printf (&told, "%s:gone ", (char *)token);
}

static void on_log (int level, const char *message, void *arg)
{
    text_printf (&told, "log:%s ", message);
}

static const struct jl_sink sink = { .waited = on_waited, .log = on_log };

struct jl *new_jl (void)
{
    struct jl *jl = jl_create (&sink, NULL);

    if (!jl)
        bail_out ("out of memory");
    text_clear (&told);
    return jl;
}

const char *heard (void)
{
    static char *last;

    free (last);
    return last = text_take (&told, NULL);
}

struct jview view (const char *s)
{
    struct jview v;

    if (jview_parse (s, strlen (s), &v) < 0)
        bail_out ("test text is not JSON: %s", s);
    return v;
}

/* One event; context may be NULL. */
int event_full (struct jl *jl,
                uint64_t id,
                double t,
                const char *name,
                const char *context,
                struct jview spec,
                struct jview R)
{
    _cleanup_ (text_fini)
    struct text e = TEXT_INIT;
    const char *why = "";
    int r;

    text_printf (&e, "{\"timestamp\":%.3f,\"name\":\"%s\"", t, name);
    if (context)
        text_printf (&e, ",\"context\":%s", context);
    text_putc (&e, '}');
    if ((r = jl_event (jl, id, view (e.buf), spec, R, &why)) < 0)
        text_printf (&told, "error:%s ", why);
    return r;
}

int event (struct jl *jl, uint64_t id, double t, const char *name, const char *context)
{
    return event_full (jl, id, t, name, context, view (SPEC), JVIEW_ABSENT);
}

void alloc (struct jl *jl, uint64_t id, double t, const char *rank, const char *host)
{
    char R[256];

    snprintf (R, sizeof (R),
              "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"%s\",\"children\":"
              "{\"core\":\"0-1\"}}],\"nodelist\":[\"%s\"],\"expiration\":500.0}}",
              rank, host);
    event_full (jl, id, t, "alloc", NULL, JVIEW_ABSENT, view (R));
}

void submit (struct jl *jl, uint64_t id, double t, const char *spec)
{
    event_full (jl, id, t, "submit",
                "{\"userid\":100,\"urgency\":16,\"flags\":0,\"version\":1}", view (spec),
                JVIEW_ABSENT);
}

/* Up to SCHED, with that priority. */
void pending (struct jl *jl, uint64_t id, double t, int priority)
{
    char context[64];

    snprintf (context, sizeof (context), "{\"priority\":%d}", priority);
    submit (jl, id, t, SPEC);
    event (jl, id, t + .25, "validate", NULL);
    event (jl, id, t + .5, "depend", NULL);
    event (jl, id, t + .75, "priority", context);
}

void ended (struct jl *jl, uint64_t id, double t, int status)
{
    char context[64];

    snprintf (context, sizeof (context), "{\"status\":%d}", status);
    event (jl, id, t, "finish", context);
    event (jl, id, t + .25, "clean", NULL);
}

/* The ids of a list, in order. */
const char *listed (struct jl *jl, enum list_id list)
{
    static struct text t;
    struct record *rec;

    text_clear (&t);
    text_puts (&t, "");
    for (rec = jl_first (jl, list); rec; rec = jl_next (rec))
        text_printf (&t, "%d ", (int)rec->id);
    return t.buf;
}

const char *shown (struct jl *jl, uint64_t id, const char *names)
{
    static struct text t;
    struct attrs a;

    text_clear (&t);
    attrs_init (&a, view (names));
    if (a.error)
        text_puts (&t, a.error);
    else
        attrs_put_record (&a, &t, jl_lookup (jl, id));
    attrs_fini (&a);
    return t.buf;
}

void testing_fini (void)
{
    heard ();
    text_fini (&told);
}
