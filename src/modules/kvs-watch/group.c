/* group.c - watchers of a log that stand at the same chunk, and what is loaded for
 * them.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "private.h"

static const char overwritten[] = "value of key watched with WATCH_APPEND overwritten";
const char group_truncated[] = "key watched with WATCH_APPEND truncated";
static const char shortened[] = "key watched with WATCH_APPEND shortened";

void group_free (struct group *g)
{
    if (g) {
        kept_end (g);
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

struct group *group_new (struct topic *t, uint64_t seq)
{
    struct group *g;

    if ((g = calloc (1, sizeof (*g)))) {
        g->topic = t;
        g->seq = seq;
        list_init (&g->watchers);
        list_init (&g->kept_link);
        for (size_t i = 0; i < ARRAY_SIZE (g->slots); i++) {
            list_init (&g->slots[i].wait);
            g->slots[i].group = g;
        }
        list_append (&t->groups, &g->link);
    }
    return g;
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

void group_join (struct group *g, struct list *watchers)
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

/* Paused, and what was loaded for it given up: only its place is left. */
static bool group_keeps (const struct group *g)
{
    return !g->paused || list_linked (&g->kept_link);
}

/* Data that come along are kept for who is near the end: those of a reader who is
 * far behind are loaded when their time comes.
 */
bool group_wants_data (const struct group *g)
{
    return group_keeps (g) && g->count - g->offset < ANSWER_BLOBS_MAX;
}

static struct bytes *
result_data (const struct watch_result *result, const struct group *g, size_t chunk)
{
    size_t i = chunk - result->from;

    if (i >= result->nblobs || !result->blobs[i] || !group_wants_data (g))
        return NULL;
    return bytes_get (result->blobs[i]);
}

size_t result_count (const struct watch_result *result)
{
    return result->from + treeobj_ref_count (result->obj);
}

/* Learn of the chunks up to the last one of a valref.  0 or positive errno. */
int group_extend (struct group *g, const struct watch_result *result)
{
    size_t count = result_count (result);
    size_t known = g->count;

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
    for (size_t i = known; i < count; i++)
        kept_add (g, g->chunks[i - g->base].data);
    kept_trim (topic_engine (g->topic));
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
void group_pump (struct group *g)
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
    kept_add (s->group, b);
    kept_trim (topic_engine (s->group->topic));
    group_pump (s->group);
}

/* Paused watchers */

/* What g has loaded, or is loading, belongs to o, too, which stands where g does.
 * 0 or -ENOMEM.
 */
static int group_share_slots (struct group *g, struct group *o)
{
    struct watch_engine *e = topic_engine (g->topic);

    for (size_t i = g->offset; i < g->issued; i++) {
        struct slot *from = group_slot (g, i), *to = group_slot (o, i);

        if (from->bytes)
            to->bytes = bytes_get (from->bytes);
        else if (from->errnum)
            to->errnum = from->errnum;
        else if (load_begin (e, &g->chunks[i - g->base].ref, to) != 0)
            return -ENOMEM;
    }
    o->issued = g->issued;
    return 0;
}

/* o is to know of the chunks from offset on what g does.  (An inline value has
 * no reference: it stands before the first.)  0 or -ENOMEM.
 */
static int group_copy (struct group *g, struct group *o)
{
    size_t first = g->offset > g->base ? g->offset : g->base;
    size_t n = g->count - first;

    if (n > 0 && !(o->chunks = calloc (n, sizeof (*o->chunks))))
        return -ENOMEM;
    o->cap = n;
    o->base = o->issued = first;
    o->count = g->count;
    o->offset = g->offset;
    o->mark = g->mark;
    o->marked = g->marked;
    o->inlined = g->inlined;
    o->ended = g->ended;
    o->errnum = g->errnum;
    o->errtext = g->errtext;
    o->recent = g->recent;
    for (size_t i = 0; i < n; i++) {
        struct chunk *c = &g->chunks[first + i - g->base];

        o->chunks[i].ref = c->ref;
        if (first + i >= g->issued && c->data)
            o->chunks[i].data = bytes_get (c->data);
    }
    return group_share_slots (g, o);
}

static bool group_is_alone (const struct group *g)
{
    return g->watchers.next == g->watchers.prev;
}

/* w stays behind, where its group stands now, in a group of its own. */
void group_pause (struct watcher *w)
{
    struct group *g = w->group;
    struct group *o;

    if (g->paused)
        return;
    if (group_is_alone (g)) {
        g->paused = true;
        kept_begin (g);
        return;
    }
    if (!(o = group_new (g->topic, g->seq)) || group_copy (g, o) < 0) {
        group_free (o);
        watcher_finish (w, ENOMEM, NULL);
        return;
    }
    o->paused = true;
    group_leave (w);
    w->group = o;
    o->nwindows = w->window > 0;
    list_append (&o->watchers, &w->link);
    kept_begin (o);
    group_pump (o);
}

void group_resume (struct watcher *w)
{
    struct group *g = w->group;

    if (g->paused && !window_is_full (w)) {
        g->paused = false;
        kept_end (g);
        group_pump (g);
    }
}

/* No more chunks will be learnt of; end when the known ones are delivered. */
void group_end (struct group *g, int errnum, const char *errtext)
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
void group_apply (struct group *g, const struct watch_result *result, bool named)
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
        group_end (g, EINVAL, g->offset > 0 ? shortened : group_truncated);
    else
        group_end (g, EINVAL, overwritten);
}

