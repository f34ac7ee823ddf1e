#include "config.h"

#include "common/list.h"
#include "common/util.h"
#include <flux/core.h>

struct entry {
    struct list node;
    const flux_msg_t *msg;
};

/* The cursor is the entry that first/next/last returned last.  When that one
 * is removed the cursor steps back onto its predecessor, or onto the list
 * head when it was the first, so that next continues with its successor:
 * 'between' tells that the cursor is not on a message then.
 */
struct flux_msglist {
    struct list entries;
    struct list *cursor; /* an entry, the head, or NULL: no cursor */
    bool between;
    int count;
};

struct flux_msglist *flux_msglist_create (void)
{
    struct flux_msglist *l;

    if (!(l = calloc (1, sizeof (*l))))
        return NULL;
    list_init (&l->entries);
    return l;
}

static const flux_msg_t *entry_detach (struct flux_msglist *l, struct list *node)
{
    struct entry *entry = list_entry (node, struct entry, node);
    const flux_msg_t *msg = entry->msg;

    list_del (node);
    l->count--;
    free (entry);
    return msg;
}

void flux_msglist_destroy (struct flux_msglist *l)
{
    int saved_errno = errno;

    if (!l)
        return;
    while (!list_empty (&l->entries))
        flux_msg_decref (entry_detach (l, l->entries.next));
    free (l);
    errno = saved_errno;
}

static int insert_before (struct flux_msglist *l, struct list *pos, const flux_msg_t *msg)
{
    struct entry *entry;

    if (!(entry = malloc (sizeof (*entry))))
        return -1;
    entry->msg = flux_msg_incref (msg);
    list_insert_before (pos, &entry->node);
    l->count++;
    l->cursor = NULL;
    l->between = false;
    return 0;
}

int flux_msglist_append (struct flux_msglist *l, const flux_msg_t *msg)
{
    if (!l || !msg) {
        errno = EINVAL;
        return -1;
    }
    return insert_before (l, &l->entries, msg);
}

int flux_msglist_push (struct flux_msglist *l, const flux_msg_t *msg)
{
    if (!l || !msg) {
        errno = EINVAL;
        return -1;
    }
    return insert_before (l, l->entries.next, msg);
}

/* Put the cursor on node; the head means that there is none. */
static const flux_msg_t *cursor_set (struct flux_msglist *l, struct list *node)
{
    l->between = false;
    if (node == &l->entries) {
        l->cursor = NULL;
        return NULL;
    }
    l->cursor = node;
    return list_entry (node, struct entry, node)->msg;
}

const flux_msg_t *flux_msglist_first (struct flux_msglist *l)
{
    return l ? cursor_set (l, l->entries.next) : NULL;
}

const flux_msg_t *flux_msglist_last (struct flux_msglist *l)
{
    return l ? cursor_set (l, l->entries.prev) : NULL;
}

const flux_msg_t *flux_msglist_next (struct flux_msglist *l)
{
    return l && l->cursor ? cursor_set (l, l->cursor->next) : NULL;
}

/* Detach the message at the cursor and step back before it. */
static const flux_msg_t *cursor_detach (struct flux_msglist *l)
{
    struct list *node = l->cursor;

    l->cursor = node->prev;
    l->between = true;
    return entry_detach (l, node);
}

const flux_msg_t *flux_msglist_pop (struct flux_msglist *l)
{
    if (!l || list_empty (&l->entries))
        return NULL;
    if (l->cursor && !l->between)
        return cursor_detach (l);
    /* If the cursor stays behind the first entry, it need not move. */
    if (l->cursor == l->entries.next)
        l->cursor = &l->entries;
    return entry_detach (l, l->entries.next);
}

void flux_msglist_delete (struct flux_msglist *l)
{
    if (l && l->cursor && !l->between)
        flux_msg_decref (cursor_detach (l));
}

int flux_msglist_count (struct flux_msglist *l)
{
    return l ? l->count : 0;
}
