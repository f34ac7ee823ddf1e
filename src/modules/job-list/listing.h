/* job-list/listing.h - the jobs that a request has found, on their way.
 *
 * Ownership: a listing belongs to whoever made it until listing_send ().
 */

#ifndef MILLRACE_JOB_LIST_LISTING_H
#define MILLRACE_JOB_LIST_LISTING_H

#include "attrs.h"
#include "service.h"

struct listing {
    struct list node; /* in s->listings, s->stopped or s->answers */
    const flux_msg_t *msg;
    bool streaming;
    uint64_t *ids;
    size_t count;
    size_t room;
    size_t next; /* those before it have been sent */
    struct attrs attrs;
    struct text text; /* not streaming: the answer so far */
};

struct listing *listing_new (const flux_msg_t *msg, struct jview attrs);
void listing_free (struct listing *l);

/* 0 or -ENOMEM. */
int listing_add (struct listing *l, uint64_t id);

/* Send it all, now or bit by bit. */
void listing_send (struct service *s, struct listing *l);

/* Do so many jobs wait to be sent that no request should add to them? */
bool listing_is_full (struct service *s);

#endif /* !MILLRACE_JOB_LIST_LISTING_H */
