/* list.h - intrusive doubly linked list.
 *
 * A list is a ring through its head.  A node embeds a struct list; an
 * unlinked node points to itself, so list_del () twice is harmless and
 * list_linked () is cheap.  The list owns nothing.
 */

#ifndef MILLRACE_LIST_H
#define MILLRACE_LIST_H

#include <stdbool.h>
#include "util.h"

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init (struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty (const struct list *head)
{
    return head->next == head;
}

/* True if node n is on some list. */
static inline bool list_linked (const struct list *n)
{
    return n->next != n;
}

/* Insert n before pos; with the head as pos that appends. */
static inline void list_insert_before (struct list *pos, struct list *n)
{
    n->prev = pos->prev;
    n->next = pos;
    pos->prev->next = n;
    pos->prev = n;
}

static inline void list_append (struct list *head, struct list *n)
{
    list_insert_before (head, n);
}

static inline void list_prepend (struct list *head, struct list *n)
{
    list_insert_before (head->next, n);
}

static inline void list_del (struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init (n);
}

/* Append all of src to dst in order; src becomes empty. */
static inline void list_splice (struct list *dst, struct list *src)
{
    if (list_empty (src))
        return;
    src->next->prev = dst->prev;
    dst->prev->next = src->next;
    src->prev->next = dst;
    dst->prev = src->prev;
    list_init (src);
}

#define list_entry(ptr, type, member) container_of (ptr, type, member)

/* First or last entry, NULL if the list is empty. */
#define list_first(head, type, member)                                        \
    (list_empty (head) ? NULL : list_entry ((head)->next, type, member))
#define list_last(head, type, member)                                         \
    (list_empty (head) ? NULL : list_entry ((head)->prev, type, member))

/* The current entry may be unlinked or freed in the body; no other. */
#define list_foreach(head, var, member)                                       \
    for (__typeof__ (var) _next, _unused_ _once = (var = NULL);               \
         var = var ? _next                                                    \
                   : list_entry ((head)->next, __typeof__ (*var), member),    \
         &var->member != (head)                                               \
         && (_next = list_entry (var->member.next, __typeof__ (*var), member),\
             1);)

#endif /* !MILLRACE_LIST_H */
