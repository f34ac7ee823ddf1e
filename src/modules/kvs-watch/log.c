/* log.c - topics whose watchers get chunks: who begins, and at which; what a result
 * means to all groups of a topic.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "private.h"

/* A first object that has no chunks. */
static void log_refuse (struct list *watchers, int type)
{
    static const struct {
        int errnum;
        const char *append;
        const char *stream;
    } refusal[] = {
        [TREEOBJ_DIR] = { EISDIR, "dir cannot be watched with WATCH_APPEND",
                          "dir cannot be streamed" },
        [TREEOBJ_DIRREF] = { EISDIR, "dirref cannot be watched with WATCH_APPEND",
                             "dirref cannot be streamed" },
        [TREEOBJ_SYMLINK] = { EINVAL, "symlink cannot be watched with WATCH_APPEND",
                              "symlink cannot be streamed" },
    };
    struct watcher *w;

    list_foreach (watchers, w, link) {
        bool stream = watcher_has (w, WATCH_F_STREAM);

        watcher_finish (w, refusal[type].errnum,
                        stream ? refusal[type].stream : refusal[type].append);
    }
}

/* The key is missing: wait, or end. */
static void log_missing (struct topic *t, struct list *watchers, uint64_t seq)
{
    struct watcher *w;

    list_foreach (watchers, w, link) {
        if (!watcher_has (w, WATCH_F_WAITCREATE) || w->from > 0) {
            watcher_finish (w, ENOENT, NULL);
            continue;
        }
        list_del (&w->link);
        list_append (&t->waitkey, &w->link);
        w->seq = seq;
        if (watcher_has (w, WATCH_F_SENTINEL) && !w->sentinel_sent) {
            w->sentinel_sent = true;
            watcher_deliver (w, WATCH_SENTINEL, NULL);
        }
    }
}

/* An inline value: one chunk. */
static int group_first_inline (struct group *g, const struct treeobj *o, size_t from)
{
    struct slot *s = group_slot (g, 0);
    _cleanup_ (freep)
    void *data = NULL;
    size_t len;
    int r;

    g->mark = g->count = g->issued = g->base = 1;
    g->offset = from;
    g->inlined = true;
    if (from == 1)
        return 0;
    if ((r = treeobj_val_decode (o, &data, &len)) < 0)
        return -r;
    return (s->bytes = bytes_new (data, len)) ? 0 : ENOMEM;
}

/* The chunks there are at the start, without the first 'from'.  0 or positive
 * errno.
 */
static int
group_first (struct group *g, const struct watch_result *result, size_t from)
{
    const struct treeobj *o = result->obj;
    bool inlined = treeobj_type (o) == TREEOBJ_VAL;

    g->mark = inlined ? 1 : result_count (result);
    if (from > g->mark)
        return EINVAL;
    if (inlined)
        return group_first_inline (g, o, from);
    g->count = g->issued = g->offset = g->base = from;
    return group_extend (g, result);
}

/* These start together, all at the same chunk. */
static void
group_start (struct topic *t, struct list *joiners, const struct watch_result *result)
{
    size_t from = list_first (joiners, struct watcher, link)->from;
    struct group *g = group_new (t, result->rootseq);
    struct watcher *w;
    int errnum;

    if (!g) {
        watchers_finish (joiners, ENOMEM, NULL);
        return;
    }
    if ((errnum = group_first (g, result, from)) != 0) {
        watchers_finish (joiners, errnum, from > 0 ? group_truncated : NULL);
        group_free (g);
        return;
    }
    group_join (g, joiners);
    g->pumping = true; /* g must not go with its last watcher */
    list_foreach (&g->watchers, w, link) {
        if (w->sender->throttled)
            group_pause (w);
    }
    g->pumping = false;
    if (list_empty (&g->watchers))
        group_free (g);
    else
        group_pump (g);
}

/* Take those out that start at the same chunk as the first. */
static void take_peers (struct list *joiners, struct list *peers)
{
    size_t from = list_first (joiners, struct watcher, link)->from;
    struct watcher *w;

    list_foreach (joiners, w, link) {
        if (w->from == from) {
            list_del (&w->link);
            list_append (peers, &w->link);
        }
    }
}

/* Those who begin, or whose key has been created, at the root of the result. */
void log_start (struct topic *t, struct list *joiners, const struct watch_result *result)
{
    const struct treeobj *o = result->obj;
    int type = o ? treeobj_type (o) : 0;

    if (list_empty (joiners))
        return;
    if (result->errnum)
        watchers_finish (joiners, result->errnum, NULL);
    else if (!o)
        log_missing (t, joiners, result->rootseq);
    else if (type != TREEOBJ_VAL && type != TREEOBJ_VALREF)
        log_refuse (joiners, type);
    else {
        while (!list_empty (joiners)) {
            struct list peers = LIST_INIT (peers);

            take_peers (joiners, &peers);
            group_start (t, &peers, result);
        }
    }
}

/* A group that merges into another takes its root along, so that no result is
 * missed or applied twice.
 */
void log_apply (struct topic *t, const struct watch_result *result, bool named)
{
    struct group *g;

    list_foreach (&t->groups, g, link) {
        if (!g->ended && (result->errnum || g->seq < result->rootseq))
            group_apply (g, result, named);
    }
}

/* Those who wait for the key need not wait any more. */
void log_created (struct topic *t, const struct watch_result *result)
{
    struct list created = LIST_INIT (created);
    struct watcher *w;

    list_foreach (&t->waitkey, w, link) {
        if (result->errnum || w->seq < result->rootseq) {
            list_del (&w->link);
            list_append (&created, &w->link);
        }
    }
    log_start (t, &created, result);
}

/* Is there anyone who does not know of the root seq? */
bool log_behind (const struct topic *t, uint64_t seq)
{
    struct watcher *w;
    struct group *g;

    list_foreach (&t->groups, g, link) {
        if (!g->ended && g->seq < seq)
            return true;
    }
    list_foreach (&t->waitkey, w, link) {
        if (w->seq < seq)
            return true;
    }
    return false;
}

/* How many references everybody knows already, or has no use for. */
size_t log_tail (const struct topic *t, const struct list *joiners)
{
    size_t tail = SIZE_MAX;
    struct watcher *w;
    struct group *g;

    list_foreach (joiners, w, link) {
        if (w->from < tail)
            tail = w->from;
    }
    list_foreach (&t->groups, g, link) {
        if (!g->ended && g->count < tail)
            tail = g->count;
    }
    return tail == SIZE_MAX || !list_empty (&t->waitkey) ? 0 : tail;
}

/* Would anybody keep data that come along with the references? */
bool log_wants_data (const struct topic *t, const struct list *joiners)
{
    struct group *g;

    if (!list_empty (joiners) || !list_empty (&t->waitkey))
        return true;
    list_foreach (&t->groups, g, link) {
        if (!g->ended && group_wants_data (g))
            return true;
    }
    return false;
}

void log_end (struct topic *t, int errnum, const char *errtext)
{
    struct group *g;

    list_foreach (&t->groups, g, link)
        group_end (g, errnum, errtext);
}
