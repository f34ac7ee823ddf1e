#include "config.h"
#include <errno.h>

#include "common/util.h"

#include "spans.h"

void spans_init (struct spans *s, void (*left) (uint32_t volume, void *arg), void *arg)
{
    *s = (struct spans){ .left = left, .arg = arg };
    table_init (&s->table);
    list_init (&s->due);
}

void spans_fini (struct spans *s)
{
    must (table_count (&s->table) == 0);
    table_fini (&s->table);
}

struct span *spans_find (struct spans *s, uint64_t number)
{
    if (!s->last || s->last->number != number) {
        struct span *span = table_get_u64 (&s->table, number);

        if (!span)
            return NULL;
        s->last = span;
    }
    return s->last;
}

static struct span *make (struct spans *s, uint64_t number)
{
    struct span *span = calloc (1, sizeof (*span));

    if (!span)
        return NULL;
    span->number = number;
    list_init (&span->jobs);
    list_init (&span->due);
    if (table_put_u64 (&s->table, number, span) < 0) {
        free (span);
        return NULL;
    }
    s->last = span;
    return span;
}

static void not_due (struct spans *s, struct span *span)
{
    if (list_linked (&span->due)) {
        list_del (&span->due);
        s->ndue -= span->inactive;
    }
}

void spans_give_back (struct spans *s, struct span *span)
{
    if (span->active == 0 && span->inactive > 0 && !list_linked (&span->due)) {
        list_append (&s->due, &span->due);
        s->ndue += span->inactive;
    }
}

/* What was known of it is not true any more. */
static void change (struct spans *s, struct span *span)
{
    uint32_t volume = span->volume;

    not_due (s, span);
    span->version = ++s->version;
    span->volume = 0;
    if (volume > 0 && s->left)
        s->left (volume, s->arg);
}

static void append (struct span *span, struct job *job)
{
    list_append (&span->jobs, &job->running);
    span->inactive++;
}

int spans_enter (struct spans *s, struct job *job)
{
    uint64_t number = span_number (job->id);
    struct span *span = spans_find (s, number);

    if (!span && !(span = make (s, number)))
        return -ENOMEM;
    change (s, span);
    job->span = span;
    if (job->state == STATE_INACTIVE)
        append (span, job);
    else
        span->active++;
    spans_give_back (s, span);
    return 0;
}

void spans_end (struct spans *s, struct job *job)
{
    struct span *span = job->span;

    change (s, span);
    span->active--;
    append (span, job);
    spans_give_back (s, span);
}

/* What is left of a span that was in a volume is looked at when all is read again: to
 * write it anew at every purge would cost more.
 */
void spans_leave (struct spans *s, struct job *job)
{
    struct span *span = move_ptr (job->span);
    bool again;

    if (!span)
        return;
    again = job->state != STATE_INACTIVE || list_linked (&span->due);
    change (s, span);
    if (job->state == STATE_INACTIVE) {
        list_del (&job->running);
        span->inactive--;
    }
    else
        span->active--;
    if (span->active + span->inactive > 0) {
        if (again)
            spans_give_back (s, span);
        return;
    }
    table_del_u64 (&s->table, span->number);
    if (s->last == span)
        s->last = NULL;
    free (span);
}

struct span *spans_take (struct spans *s)
{
    struct span *span = list_first (&s->due, struct span, due);

    if (span)
        not_due (s, span);
    return span;
}

void spans_stored (struct spans *s, struct span *span, uint32_t volume)
{
    not_due (s, span);
    span->volume = volume;
}
