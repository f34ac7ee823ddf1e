/* kept.c - what has been loaded for readers of a log that are paused.
 *
 * One that stops for a moment, or reads slower than the log grows, goes on with
 * what was loaded for it, so that nothing is loaded twice.  One that stays away
 * has it until all that is kept so exceeds the bound (what several have counts
 * once): then who was paused first lets go, and keeps only its place.
 */

#include "config.h"

#include "private.h"

void watch_engine_set_kept_max (struct watch_engine *e, size_t bytes)
{
    e->kept_max = bytes;
}

/* Where the data of chunk i is, if it is here. */
static struct bytes **group_held (struct group *g, size_t i)
{
    if (i < g->issued)
        return &group_slot (g, i)->bytes;
    return &g->chunks[i - g->base].data;
}

/* No chunk from this one on has data. */
static size_t group_held_end (const struct group *g)
{
    size_t end = g->offset + 2 * ANSWER_BLOBS_MAX;

    return end < g->count ? end : g->count;
}

static void bytes_keep (struct watch_engine *e, struct bytes *b)
{
    if (b && b->keepers++ == 0)
        e->counters.kept += b->len;
}

static void bytes_unkeep (struct watch_engine *e, struct bytes *b)
{
    if (b && --b->keepers == 0)
        e->counters.kept -= b->len;
}

/* Let go of what has been loaded, and of what is being loaded.  (An inline value
 * cannot be had again.)
 */
static void group_forget (struct group *g)
{
    struct watch_engine *e = topic_engine (g->topic);
    size_t first = g->offset > g->base ? g->offset : g->base;
    size_t end = group_held_end (g);

    kept_end (g);
    for (size_t i = first; i < end; i++) {
        struct bytes **held = group_held (g, i);
        struct slot *s = i < g->issued ? group_slot (g, i) : NULL;

        e->counters.forgotten += s || *held;
        bytes_put (*held);
        *held = NULL;
        if (s) {
            list_del (&s->wait);
            s->errnum = 0;
        }
    }
    g->issued = first;
}

void kept_trim (struct watch_engine *e)
{
    struct group *g;

    while (e->counters.kept > e->kept_max
           && (g = list_first (&e->keeping, struct group, kept_link)))
        group_forget (g);
}

void kept_begin (struct group *g)
{
    struct watch_engine *e = topic_engine (g->topic);

    list_append (&e->keeping, &g->kept_link);
    for (size_t i = g->offset; i < group_held_end (g); i++)
        bytes_keep (e, *group_held (g, i));
    kept_trim (e);
}

void kept_add (struct group *g, struct bytes *b)
{
    struct watch_engine *e = topic_engine (g->topic);

    if (list_linked (&g->kept_link))
        bytes_keep (e, b);
}

void kept_end (struct group *g)
{
    struct watch_engine *e = topic_engine (g->topic);

    if (!list_linked (&g->kept_link))
        return;
    list_del (&g->kept_link);
    for (size_t i = g->offset; i < group_held_end (g); i++)
        bytes_unkeep (e, *group_held (g, i));
}
