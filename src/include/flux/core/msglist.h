/* flux/core/msglist.h - a list of messages, with a cursor.
 *
 * Bound: none; the owner bounds what it adds.
 */

#ifndef _FLUX_CORE_MSGLIST_H
#define _FLUX_CORE_MSGLIST_H

#include "message.h"

#ifdef __cplusplus
extern "C" {
#endif

struct flux_msglist *flux_msglist_create (void);

/* Drops the references; NULL is accepted, errno kept. */
void flux_msglist_destroy (struct flux_msglist *l);

/* Add at the head, or at the tail, taking a reference.  The cursor is gone
 * after.  EINVAL for NULL.
 */
int flux_msglist_push (struct flux_msglist *l, const flux_msg_t *msg);
int flux_msglist_append (struct flux_msglist *l, const flux_msg_t *msg);

/* Remove the message at the cursor.  pop hands its reference to the caller;
 * without a cursor it takes the first message, NULL if there is none.  After
 * either one the cursor sits before the removed message: next () continues
 * with its successor.
 */
void flux_msglist_delete (struct flux_msglist *l);
const flux_msg_t *flux_msglist_pop (struct flux_msglist *l);

/* Move the cursor; the message returned is borrowed.  NULL at the end, and
 * from next () without a cursor.
 */
const flux_msg_t *flux_msglist_first (struct flux_msglist *l);
const flux_msg_t *flux_msglist_next (struct flux_msglist *l);
const flux_msg_t *flux_msglist_last (struct flux_msglist *l);

/* 0 for NULL. */
int flux_msglist_count (struct flux_msglist *l);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MSGLIST_H */
