#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "private.h"

static const char overwritten[] = "value of key watched with WATCH_APPEND overwritten";
static const char shortened[] = "key watched with WATCH_APPEND shortened";
static const char truncated[] = "key watched with WATCH_APPEND truncated";

void group_free (struct group *g)
{
    if (g) {
        for (size_t i = 0; i < ARRAY_SIZE (g->slots); i++) {
            list_del (&g->slots[i].wait);
            bytes_put (g->slots[i].bytes);
        }
        for (size_t i = g->issued - g->base; i < g->count - g->base; i++)
            bytes_put (g->chunks[i].data);
        list_del (&g->link);
        free (g->chunks);
        free (g);
    }
}

static struct group *group_new (struct topic *t, uint64_t seq)
{
    struct group *g;

    if ((g = calloc (1, sizeof (*g)))) {
        g->topic = t;
        g->seq = seq;
        list_init (&g->watchers);
        for (size_t i = 0; i < ARRAY_SIZE (g->slots); i++) {
            list_init (&g->slots[i].wait);
            g->slots[i].group = g;
        }
        list_append (&t->groups, &g->link);
    }
    return g;
}

static struct slot *group_slot (struct group *g, size_t chunk)
{
    return &g->slots[chunk % WATCH_WINDOW];
}

void group_leave (struct watcher *w)
{
    struct group *g = w->group;

    w->group = NULL;
    g->nwindows -= w->window > 0;
    list_del (&w->link);
    if (list_empty (&g->watchers) && !g->pumping)
        group_free (g);
}

static void group_join (struct group *g, struct list *watchers)
{
    struct watcher *w;

    list_foreach (watchers, w, link) {
        if (w->group)
            w->group->nwindows -= w->window > 0;
        w->group = g;
        g->nwindows += w->window > 0;
    }
    list_splice (&g->watchers, watchers);
}

/* Make room for what there is from g->base on, up to count chunks. */
static int group_reserve (struct group *g, size_t count)
{
    size_t done = g->offset > g->base ? g->offset - g->base : 0;
    struct chunk *chunks;
    size_t cap;

    if (g->offset == g->count) /* those before are done with */
        g->base = g->count;
    else if (done > g->cap / 2) {
        memmove (g->chunks, g->chunks + done,
                 (g->count - g->offset) * sizeof (*g->chunks));
        g->base = g->offset;
    }
    if (count - g->base <= g->cap)
        return 0;
    cap = count - g->base > 2 * g->cap ? count - g->base : 2 * g->cap;
    if (!(chunks = realloc (g->chunks, cap * sizeof (*chunks))))
        return -ENOMEM;
    g->chunks = chunks;
    g->cap = cap;
    return 0;
}

/* Data that came along are kept only for chunks that are due soon: those of a
 * reader who is far behind are loaded when their time comes.
 */
static struct bytes *
result_data (const struct watch_result *result, const struct group *g, size_t chunk)
{
    size_t i = chunk - result->from;

    if (g->paused || i >= result->nblobs || !result->blobs[i] || chunk - g->offset >= ANSWER_BLOBS_MAX)
        return NULL;
    return bytes_get (result->blobs[i]);
}

static size_t result_count (const struct watch_result *result)
{
    return result->from + treeobj_ref_count (result->obj);
}

/* Learn of the chunks up to the last one of a valref.  0 or positive errno. */
static int group_extend (struct group *g, const struct watch_result *result)
{
    size_t count = result_count (result);

    if (result->from > g->count) /* more was left out than asked for */
        return EPROTO;
    if (group_reserve (g, count) < 0)
        return ENOMEM;
    for (size_t i = g->count; i < count; i++) {
        struct chunk *c = &g->chunks[i - g->base];

        must (treeobj_ref_at (result->obj, i - result->from, &c->ref) == 0);
        c->data = result_data (result, g, i);
    }
    g->count = count;
    return 0;
}

/* Loads */

static int load_begin (struct watch_engine *e, const struct blobref *ref, struct slot *s)
{
    struct watch_load *l = table_get (&e->loads, ref, sizeof (*ref));

    if (!l) {
        if (!(l = calloc (1, sizeof (*l))))
            return ENOMEM;
        l->action.type = WATCH_LOAD;
        l->ref = *ref;
        list_init (&l->slots);
        if (table_put (&e->loads, &l->ref, sizeof (l->ref), l) < 0) {
            free (l);
            return ENOMEM;
        }
        list_append (&e->actions, &l->action.link);
    }
    list_append (&l->slots, &s->wait);
    return 0;
}

/* Chunks to keep loading ahead: fewer if they are big. */
static size_t group_window (const struct group *g)
{
    size_t n = g->recent > 0 ? WATCH_WINDOW_BYTES / g->recent : WATCH_WINDOW;

    return n < 2 ? 2 : n > WATCH_WINDOW ? WATCH_WINDOW : n;
}

static void group_load (struct group *g)
{
    struct watch_engine *e = topic_engine (g->topic);
    size_t window = g->paused ? 0 : group_window (g);

    while (g->issued < g->count && g->issued - g->offset < window) {
        struct slot *s = group_slot (g, g->issued);
        struct chunk *c = &g->chunks[g->issued - g->base];

        if (c->data)
            s->bytes = move_ptr (c->data);
        else
            s->errnum = load_begin (e, &c->ref, s);
        g->issued++;
    }
}

static bool window_is_full (const struct watcher *w)
{
    return w->window > 0 && w->unacked >= w->window;
}

/* Those who have enough for now stay behind. */
static void group_heed_windows (struct group *g)
{
    struct watcher *w;

    if (g->nwindows == 0)
        return;
    list_foreach (&g->watchers, w, link) {
        if (window_is_full (w))
            group_pause (w);
    }
}

/* Deliver the next chunk, if it is here. */
static bool group_deliver (struct group *g)
{
    struct slot *s = group_slot (g, g->offset);
    struct watcher *w;

    if (g->paused || g->offset == g->issued || (!s->bytes && !s->errnum))
        return false;
    if (s->errnum) {
        watchers_finish (&g->watchers, s->errnum, NULL);
        return false;
    }
    list_foreach (&g->watchers, w, link) {
        w->unacked += w->window > 0 ? s->bytes->len : 0;
        watcher_deliver (w, WATCH_CHUNK, s->bytes);
    }
    g->recent = s->bytes->len;
    bytes_put (s->bytes);
    s->bytes = NULL;
    g->offset++;
    group_heed_windows (g);
    return true;
}

/* All that there was at the start has been delivered. */
static void group_mark (struct group *g)
{
    struct watcher *w;

    g->marked = true;
    list_foreach (&g->watchers, w, link) {
        if (watcher_has (w, WATCH_F_STREAM))
            watcher_finish (w, ENODATA, NULL);
        else if (watcher_has (w, WATCH_F_SENTINEL) && !w->sentinel_sent) {
            w->sentinel_sent = true;
            watcher_deliver (w, WATCH_SENTINEL, NULL);
        }
    }
}

static bool group_is_idle (const struct group *g)
{
    return g->offset == g->count && g->marked && !g->ended && !g->paused;
}

/* Another group that awaits the same chunk: the two become one.  An inline
 * value counts only the commits after its own root as overwriting it, so
 * there the roots must agree.
 */
static struct group *group_twin (const struct group *g)
{
    struct group *o;

    list_foreach (&g->topic->groups, o, link) {
        if (o != g && group_is_idle (o) && o->count == g->count
            && o->inlined == g->inlined && (!g->inlined || o->seq == g->seq))
            return o;
    }
    return NULL;
}

/* Do what can be done: deliver, load on.  g may be gone after. */
static void group_pump (struct group *g)
{
    struct group *twin = NULL;

    if (g->pumping)
        return;
    g->pumping = true;
    do {
        if (!g->marked && g->offset >= g->mark)
            group_mark (g);
        group_load (g);
    } while (!list_empty (&g->watchers) && group_deliver (g));
    if (g->ended && g->offset == g->count)
        watchers_finish (&g->watchers, g->errnum, g->errtext);
    if (g->offset == g->count && g->cap > WATCH_WINDOW) { /* a long one was caught up */
        free (g->chunks);
        g->chunks = NULL;
        g->cap = 0;
        g->base = g->count;
    }
    if (group_is_idle (g) && (twin = group_twin (g))) {
        if (twin->seq < g->seq)
            twin->seq = g->seq;
        group_join (twin, &g->watchers);
    }
    g->pumping = false;
    if (list_empty (&g->watchers))
        group_free (g);
}

void group_filled (struct slot *s, int errnum, struct bytes *b)
{
    s->errnum = errnum;
    s->bytes = b ? bytes_get (b) : NULL;
    group_pump (s->group);
}

/* Throttled clients */

/* What is known of the chunks from offset on: in g, and in o, which stands at
 * the same offset and has loaded none.  0 or -ENOMEM.
 */
static int group_copy_chunks (const struct group *g, struct group *o)
{
    size_t n = g->count - g->offset;

    if (g->inlined) { /* no blob holds it */
        o->base = o->count = o->issued = g->count;
        o->offset = g->offset;
        if (n > 0)
            o->slots[0].bytes = bytes_get (g->slots[0].bytes);
        return 0;
    }
    if (n > 0 && !(o->chunks = calloc (n, sizeof (*o->chunks))))
        return -ENOMEM;
    o->cap = n;
    o->base = o->offset = o->issued = g->offset;
    o->count = g->count;
    for (size_t i = 0; i < n; i++)
        o->chunks[i].ref = g->chunks[g->offset - g->base + i].ref;
    return 0;
}

static bool group_is_alone (const struct group *g)
{
    return g->watchers.next == g->watchers.prev;
}

/* w stays behind, where its group stands now, in a group of its own.  One that
 * has one already keeps what is being loaded, if it is only for a moment.
 */
void group_pause (struct watcher *w)
{
    struct group *g = w->group;
    struct group *o;

    if (g->paused)
        return;
    if (group_is_alone (g) && !w->sender->throttled) {
        g->paused = true;
        return;
    }
    if (!(o = group_new (g->topic, g->seq)) || group_copy_chunks (g, o) < 0) {
        group_free (o);
        watcher_finish (w, ENOMEM, NULL);
        return;
    }
    o->paused = true;
    o->mark = g->mark;
    o->marked = g->marked;
    o->inlined = g->inlined;
    o->ended = g->ended;
    o->errnum = g->errnum;
    o->errtext = g->errtext;
    o->recent = g->recent;
    group_leave (w);
    w->group = o;
    o->nwindows = w->window > 0;
    list_append (&o->watchers, &w->link);
    group_pump (o);
}

void group_resume (struct watcher *w)
{
    struct group *g = w->group;

    if (g->paused && !window_is_full (w)) {
        g->paused = false;
        group_pump (g);
    }
}

/* No more chunks will be learnt of; end when the known ones are delivered. */
static void group_end (struct group *g, int errnum, const char *errtext)
{
    if (!g->ended) {
        g->ended = true;
        g->errnum = errnum;
        g->errtext = errtext;
        group_pump (g);
    }
}

/* What the key holds now, for those who know of g->count chunks.  A commit
 * that did not name the key cannot end their watch.
 */
static void group_apply (struct group *g, const struct watch_result *result, bool named)
{
    const struct treeobj *o = result->obj;
    size_t count = 0;
    int errnum;

    if (!result->errnum && o && treeobj_type (o) == TREEOBJ_VALREF)
        count = result_count (result);
    if (count >= g->count) {
        g->seq = result->rootseq;
        g->inlined = false;
        if (count > g->count && (errnum = group_extend (g, result)) != 0)
            group_end (g, errnum, NULL);
        else
            group_pump (g);
    }
    else if (!named)
        return;
    else if (result->errnum)
        group_end (g, result->errnum, NULL);
    else if (!o)
        group_end (g, ENOENT, NULL);
    else if (count > 0)
        group_end (g, EINVAL, g->offset > 0 ? shortened : truncated);
    else
        group_end (g, EINVAL, overwritten);
}

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
        watchers_finish (joiners, errnum, from > 0 ? truncated : NULL);
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

void log_end (struct topic *t, int errnum, const char *errtext)
{
    struct group *g;

    list_foreach (&t->groups, g, link)
        group_end (g, errnum, errtext);
}
