/* Sending what a request has found.
 *
 * A few jobs are sent at once.  More than fill one message are sent in portions,
 * one each time the reactor has nothing else to do, and those who are sent to
 * take turns: other requests are served in between, and a job is shown as it is
 * when its turn comes.  An answer that must be one message is put together in
 * the same way, one answer at a time.
 *
 * Bound: LISTED_MAX jobs may wait to be sent.  Past it, those who do not read
 * (throttle) are ended with EOVERFLOW; if there are none, requests wait until
 * others are done (listing_is_full ()).
 */

#include "config.h"

#include "listing.h"

/* Bytes of one portion. */
#define PORTION (64 << 10)

/* Ids of jobs that wait to be sent: 128 MiB. */
#define LISTED_MAX (16 << 20)

struct listing *listing_new (const flux_msg_t *msg, struct jview attrs)
{
    struct listing *l = calloc (1, sizeof (*l));

    if (!l)
        return NULL;
    list_init (&l->node);
    l->msg = flux_msg_incref (msg);
    l->streaming = flux_msg_is_streaming (msg);
    attrs_init (&l->attrs, attrs);
    return l;
}

void listing_free (struct listing *l)
{
    if (!l)
        return;
    list_del (&l->node);
    flux_msg_decref (l->msg);
    attrs_fini (&l->attrs);
    text_fini (&l->text);
    free (l->ids);
    free (l);
}

int listing_add (struct listing *l, uint64_t id)
{
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 64;
        uint64_t *ids = realloc (l->ids, room * sizeof (ids[0]));

        if (!ids)
            return -ENOMEM;
        l->ids = ids;
        l->room = room;
    }
    l->ids[l->count++] = id;
    return 0;
}

/* It is done with, and no longer counts. */
static void finish (struct service *s, struct listing *l)
{
    s->nlisted -= l->count;
    listing_free (l);
}

/* One more portion of "{"jobs":[...]".  True if these were the last. */
static bool put_jobs (struct service *s, struct listing *l, struct text *t)
{
    size_t limit = t->len + PORTION;
    bool first = t->len == 0;

    if (first)
        text_puts (t, "{\"jobs\":[");
    while (l->next < l->count && !text_error (t) && t->len < limit) {
        struct record *rec = jl_lookup (s->jl, l->ids[l->next++]);

        if (!rec) /* purged meanwhile */
            continue;
        if (!first)
            text_putc (t, ',');
        first = false;
        attrs_put_record (&l->attrs, t, rec);
    }
    return l->next == l->count || text_error (t) < 0;
}

/* The next portion of what is one message.  True: it was sent. */
static bool step_answer (struct service *s, struct listing *l)
{
    if (!put_jobs (s, l, &l->text))
        return false;
    text_puts (&l->text, "]}");
    service_respond_text (s, l->msg, &l->text);
    return true;
}

/* The next message of a stream.  True: it has ended. */
static bool step_stream (struct service *s, struct listing *l)
{
    struct text *t = &s->scratch;
    bool first = l->next == 0;

    if (l->next < l->count) {
        text_clear (t);
        put_jobs (s, l, t);
        text_puts (t, first ? "],\"version\":1}" : "]}");
        service_respond_text (s, l->msg, t);
    }
    if (l->next < l->count)
        return false;
    service_refuse (s, l->msg, ENODATA, NULL);
    return true;
}

static bool step (struct service *s, struct listing *l)
{
    return l->streaming ? step_stream (s, l) : step_answer (s, l);
}

void listing_send (struct service *s, struct listing *l)
{
    s->nlisted += l->count;
    if (step (s, l))
        finish (s, l);
    else
        list_append (l->streaming ? &s->listings : &s->answers, &l->node);
}

bool listing_pump (struct service *s)
{
    struct listing *l;

    if ((l = list_first (&s->listings, struct listing, node))) {
        list_del (&l->node);
        if (step (s, l))
            finish (s, l);
        else
            list_append (&s->listings, &l->node);
    }
    if ((l = list_first (&s->answers, struct listing, node)) && step (s, l))
        finish (s, l);
    return !list_empty (&s->listings) || !list_empty (&s->answers);
}

bool listing_is_full (struct service *s)
{
    struct listing *l;

    while (s->nlisted >= LISTED_MAX
           && (l = list_first (&s->stopped, struct listing, node))) {
        service_refuse (s, l->msg, EOVERFLOW, "jobs are not read");
        finish (s, l);
    }
    return s->nlisted >= LISTED_MAX;
}

/* An answer in one message goes whatever the client does: it is on its way. */
void listing_throttle (struct service *s, const flux_msg_t *msg, bool on)
{
    struct list *from = on ? &s->listings : &s->stopped;
    struct list *to = on ? &s->stopped : &s->listings;
    struct listing *l = NULL;

    list_foreach (from, l, node) {
        if (flux_disconnect_match (msg, l->msg)) {
            list_del (&l->node);
            list_append (to, &l->node);
        }
    }
}

static void disconnect_from (struct service *s, struct list *list, const flux_msg_t *msg)
{
    struct listing *l = NULL;

    list_foreach (list, l, node) {
        if (flux_disconnect_match (msg, l->msg))
            finish (s, l);
    }
}

void listing_disconnect (struct service *s, const flux_msg_t *msg)
{
    disconnect_from (s, &s->listings, msg);
    disconnect_from (s, &s->stopped, msg);
    disconnect_from (s, &s->answers, msg);
}

static void end_all (struct service *s, struct list *list)
{
    struct listing *l = NULL;

    list_foreach (list, l, node) {
        service_refuse (s, l->msg, ENOSYS, "job-list is unloading");
        finish (s, l);
    }
}

void listing_fini (struct service *s)
{
    end_all (s, &s->listings);
    end_all (s, &s->stopped);
    end_all (s, &s->answers);
}
