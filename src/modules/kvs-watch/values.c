#include "config.h"
#include <errno.h>

#include "private.h"

/* The value goes to w: always, or with UNIQ and FULL if it is not the one
 * that w got last.
 */
static void value_deliver (struct watcher *w, struct bytes *value)
{
    if (watcher_has (w, WATCH_F_UNIQ | WATCH_F_FULL)) {
        watch_equal_f equal = topic_engine (w->topic)->equal;

        if (w->last == value)
            return;
        if (w->last
            && ((w->last->len == value->len
                 && memcmp (w->last->data, value->data, value->len) == 0)
                || equal (w->last->data, value->data)))
            return;
        bytes_put (w->last);
        w->last = bytes_get (value);
    }
    watcher_deliver (w, WATCH_VALUE, value);
    if (!watcher_has (w, WATCH_F_WATCH))
        watcher_finish (w, 0, NULL);
}

void values_start (struct topic *t, struct list *joiners, struct read *r)
{
    struct watcher *w;

    list_foreach (joiners, w, link) {
        w->seq = r->rootseq;
        if (r->value) {
            list_del (&w->link);
            list_append (&t->active, &w->link);
            value_deliver (w, r->value);
        }
        else if (watcher_has (w, WATCH_F_WAITCREATE)) {
            list_del (&w->link);
            list_append (&t->waitkey, &w->link);
        }
        else
            watcher_finish (w, ENOENT, NULL);
    }
}

/* Does this root concern w? */
static bool concerns (const struct watcher *w, const struct read *r)
{
    return w->seq < r->root->seq && (r->named || watcher_has (w, WATCH_F_FULL));
}

void values_apply (struct topic *t, struct read *r)
{
    struct list created = LIST_INIT (created);
    struct watcher *w;

    list_foreach (&t->waitkey, w, link) {
        if (!concerns (w, r))
            continue;
        w->seq = r->root->seq;
        if (r->errnum)
            watcher_finish (w, r->errnum, NULL);
        else if (r->value) {
            list_del (&w->link);
            list_append (&created, &w->link);
        }
    }
    list_foreach (&t->active, w, link) {
        if (!concerns (w, r))
            continue;
        w->seq = r->root->seq;
        if (r->errnum || !r->value)
            watcher_finish (w, r->errnum ? r->errnum : ENOENT, NULL);
        else
            value_deliver (w, r->value);
    }
    while ((w = list_first (&created, struct watcher, link))) {
        list_del (&w->link);
        list_append (&t->active, &w->link);
        value_deliver (w, r->value);
    }
}
