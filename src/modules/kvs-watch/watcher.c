/* watcher.c - who watches, and how it ends: each watcher is known by its sender
 * and matchtag.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

void watch_action_free (struct watch_action *a)
{
    if (a->type == WATCH_FINISH) {
        struct watcher *w = container_of (a, struct watcher, finish.action);

        must (list_empty (&w->held));
        bytes_put (w->last);
        free (w);
    }
    else {
        struct watch_delivery *d = container_of (a, struct watch_delivery, action);

        must (a->type != WATCH_LOOKUP && a->type != WATCH_LOAD);
        bytes_put (d->bytes);
        free (d);
    }
}

/* Held values */

/* They are not held any more. */
static void watcher_uncount (struct watcher *w)
{
    w->sender->held_bytes -= w->held_bytes;
    w->nheld = w->held_bytes = 0;
}

void watcher_release (struct watcher *w)
{
    struct watch_engine *e = topic_engine (w->topic);

    list_splice (&e->actions, &w->held);
    watcher_uncount (w);
}

static void watcher_discard (struct watcher *w)
{
    struct watch_delivery *d;

    while ((d = list_first (&w->held, struct watch_delivery, action.link))) {
        list_del (&d->action.link);
        watch_action_free (&d->action);
    }
    watcher_uncount (w);
}

static void watcher_hold (struct watcher *w, struct watch_delivery *d)
{
    size_t len = sizeof (*d) + (d->bytes ? d->bytes->len : 0);

    list_append (&w->held, &d->action.link);
    w->nheld++;
    w->held_bytes += len;
    w->sender->held_bytes += len;
    if (w->nheld > WATCH_BACKLOG || w->sender->held_bytes > WATCH_HELD_BYTES) {
        watcher_discard (w);
        watcher_finish (w, EOVERFLOW, "watcher is too many changes behind");
    }
}

/* If there is no memory for a response the watch ends: a gap is worse. */
void watcher_deliver (struct watcher *w, enum watch_action_type type, struct bytes *b)
{
    struct watch_delivery *d;

    if (!w->topic)
        return;
    if (!(d = calloc (1, sizeof (*d)))) {
        watcher_finish (w, ENOMEM, NULL);
        return;
    }
    d->action.type = type;
    d->client = w->client;
    d->flags = w->flags;
    d->bytes = b ? bytes_get (b) : NULL;
    if (type == WATCH_VALUE && w->sender->throttled && watcher_has (w, WATCH_F_WATCH))
        watcher_hold (w, d);
    else
        list_append (&topic_engine (w->topic)->actions, &d->action.link);
}

static void client_free (struct client *c)
{
    if (c) {
        table_fini (&c->tags);
        free (c->sender);
        free (c);
    }
}

static struct client *client_new (const char *sender)
{
    struct client *c;

    if (!(c = calloc (1, sizeof (*c))))
        return NULL;
    table_init (&c->tags);
    list_init (&c->watchers);
    if (!(c->sender = strdup (sender))) {
        client_free (c);
        return NULL;
    }
    return c;
}

static struct client *client_find (const struct watch_engine *e, const char *sender)
{
    return table_get_str (&e->clients, sender ? sender : "");
}

struct client *client_get (struct watch_engine *e, const char *sender)
{
    struct client *c = client_find (e, sender);

    if (c)
        return c;
    if (!(c = client_new (sender ? sender : "")))
        return NULL;
    if (table_put_str (&e->clients, c->sender, c) < 0) {
        client_free (c);
        return NULL;
    }
    return c;
}

void client_drop_if_unused (struct watch_engine *e, struct client *c)
{
    if (c && list_empty (&c->watchers)) {
        table_del_str (&e->clients, c->sender);
        client_free (c);
    }
}

/* Count w among the watches of its user. */
static int user_enter (struct watch_engine *e, struct watcher *w)
{
    struct user *u;

    if ((w->cred.rolemask & WATCH_ROLE_OWNER))
        return 0;
    if (!(u = table_get_u64 (&e->users, w->cred.userid))) {
        if (!(u = calloc (1, sizeof (*u))))
            return -ENOMEM;
        u->userid = w->cred.userid;
        if (table_put_u64 (&e->users, u->userid, u) < 0) {
            free (u);
            return -ENOMEM;
        }
    }
    if (u->nwatchers == WATCH_USER_MAX)
        return -EDQUOT;
    u->nwatchers++;
    w->user = u;
    return 0;
}

static void user_leave (struct watch_engine *e, struct watcher *w)
{
    struct user *u = w->user;

    if (u && --u->nwatchers == 0) {
        table_del_u64 (&e->users, u->userid);
        free (u);
    }
    w->user = NULL;
}

void watcher_finish (struct watcher *w, int errnum, const char *errtext)
{
    struct topic *t = w->topic;
    struct watch_engine *e;

    if (!t)
        return;
    e = topic_engine (t);
    watcher_release (w);
    w->topic = NULL;
    if (w->group)
        group_leave (w);
    list_del (&w->link);
    list_del (&w->client_link);
    table_del_u64 (&w->sender->tags, w->matchtag);
    client_drop_if_unused (e, w->sender);
    user_leave (e, w);

    e->nwatchers--;
    t->key->ns->nwatchers--;
    t->ncompare -= watcher_has (w, WATCH_F_FULL | WATCH_F_UNIQ);
    if (watcher_has (w, WATCH_F_FULL) && --t->nfull == 0)
        list_del (&t->full_link);
    if (--t->nwatchers == 0)
        list_append (&e->idle, &t->idle_link);

    w->finish.action.type = WATCH_FINISH;
    w->finish.client = w->client;
    w->finish.flags = w->flags;
    w->finish.errnum = errnum;
    w->finish.errtext = errtext;
    list_append (&e->actions, &w->finish.action.link);
}

void watchers_finish (struct list *watchers, int errnum, const char *errtext)
{
    struct watcher *w;

    list_foreach (watchers, w, link)
        watcher_finish (w, errnum, errtext);
}

int watcher_new (struct watch_engine *e,
                 const struct watch_request *req,
                 struct watcher **ret)
{
    struct watcher *w;
    int r;

    if (!(w = calloc (1, sizeof (*w))))
        return -ENOMEM;
    list_init (&w->link);
    list_init (&w->client_link);
    list_init (&w->held);
    w->matchtag = req->matchtag;
    w->cred = req->cred;
    w->flags = req->flags;
    w->from = req->from;
    w->window = req->window;
    w->client = req->client;
    if (watcher_has (w, WATCH_F_APPEND)) /* neither adds anything to chunks */
        w->flags &= ~(WATCH_F_FULL | WATCH_F_UNIQ);
    if ((r = user_enter (e, w)) < 0) {
        free (w);
        return r;
    }
    *ret = w;
    return 0;
}

void watcher_free (struct watch_engine *e, struct watcher *w)
{
    if (w) {
        user_leave (e, w);
        free (w);
    }
}

void watcher_link (struct watcher *w, struct client *c, struct topic *t)
{
    w->sender = c;
    w->topic = t;
    list_append (&c->watchers, &w->client_link);
    topic_engine (t)->nwatchers++;
    t->key->ns->nwatchers++;
    t->nwatchers++;
    t->ncompare += watcher_has (w, WATCH_F_FULL | WATCH_F_UNIQ);
    if (watcher_has (w, WATCH_F_FULL) && t->nfull++ == 0)
        list_append (&t->key->ns->full, &t->full_link);
}

/* The owner may act for everyone, a user for itself. */
static bool authorized (struct watch_cred cred, const struct watcher *w)
{
    return (cred.rolemask & WATCH_ROLE_OWNER) || cred.userid == w->cred.userid;
}

/* NULL: there is none. */
static struct watcher *
watcher_find (const struct watch_engine *e, const char *sender, uint32_t matchtag)
{
    struct client *c = client_find (e, sender);

    return c ? table_get_u64 (&c->tags, matchtag) : NULL;
}

/* It ends now, without what was held for it. */
static void watcher_cut (struct watch_engine *e, struct watcher *w, int errnum)
{
    watcher_discard (w);
    watcher_finish (w, errnum, NULL);
    engine_sweep (e);
}

void watch_engine_cancel (struct watch_engine *e,
                          const char *sender,
                          uint32_t matchtag,
                          struct watch_cred cred)
{
    struct watcher *w = watcher_find (e, sender, matchtag);

    if (w && authorized (cred, w))
        watcher_cut (e, w, ENODATA);
}

void watch_engine_fail (struct watch_engine *e,
                        const char *sender,
                        uint32_t matchtag,
                        int errnum)
{
    struct watcher *w = watcher_find (e, sender, matchtag);

    if (w)
        watcher_cut (e, w, errnum);
}

/* End the watches of c.  The last one takes c with it. */
static void client_finish (struct client *c, const struct watch_cred *cred, int errnum)
{
    struct watcher *w;
    size_t n = table_count (&c->tags);
    struct list *pos = c->watchers.next;

    while (n-- > 0) {
        w = list_entry (pos, struct watcher, client_link);
        pos = pos->next;
        if (!cred || authorized (*cred, w)) {
            if (errnum == 0)
                watcher_discard (w);
            watcher_finish (w, errnum, NULL);
        }
    }
}

void watch_engine_ack (struct watch_engine *e,
                       const char *sender,
                       uint32_t matchtag,
                       size_t bytes)
{
    struct watcher *w = watcher_find (e, sender, matchtag);

    if (w) {
        w->unacked -= bytes < w->unacked ? bytes : w->unacked;
        if (w->group && !w->sender->throttled && w->unacked <= w->window / 2)
            group_resume (w);
        engine_sweep (e);
    }
}

/* What is delivered now may end watches of c, and the last takes c with it. */
void watch_engine_throttle (struct watch_engine *e, const char *sender, bool on)
{
    struct client *c = client_find (e, sender);
    struct list *pos;
    struct watcher *w;
    size_t n;

    if (!c || c->throttled == on)
        return;
    c->throttled = on;
    n = table_count (&c->tags);
    pos = c->watchers.next;
    while (n-- > 0) {
        w = list_entry (pos, struct watcher, client_link);
        pos = pos->next;
        if (on && w->group)
            group_pause (w);
        else if (!on && w->group)
            group_resume (w);
        else if (!on)
            watcher_release (w);
    }
    engine_sweep (e);
}

void watch_engine_disconnect (struct watch_engine *e,
                              const char *sender,
                              struct watch_cred cred)
{
    struct client *c = client_find (e, sender);

    if (c) {
        client_finish (c, &cred, 0);
        engine_sweep (e);
    }
}

void watch_engine_shutdown (struct watch_engine *e, int errnum)
{
    struct client *c;

    while ((c = table_pop (&e->clients)))
        client_finish (c, NULL, errnum);
    engine_sweep (e);
}
