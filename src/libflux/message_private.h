/* message_private.h - what a message is made of, for the files that are it.
 *
 * Purpose: a message is passed from thread to thread by pointer, copied
 * without its bulk, and encoded only when it leaves the process.
 *
 * Invariants
 *  - flag TOPIC is set iff topic is not NULL, flag PAYLOAD iff payload or
 *    json is not, flag ROUTE iff routes are enabled; ROUTE clear: no routes
 *  - a payload buffer never changes once it is attached; any number of
 *    messages, in any threads, share it
 *  - json, if set, is the decoded payload; it is this message's alone.  With
 *    no payload beside it, it is the payload, whose text nobody wanted yet
 *
 * Ownership: counted; the count is atomic, nothing else is: a message that
 * more than one thread can see must not be touched except for its count.
 *
 * Bounds: topic, routes and payload are bounded by what the caller or the
 * frame (usock.h) brought.
 */

#ifndef MILLRACE_LIBFLUX_MESSAGE_PRIVATE_H
#define MILLRACE_LIBFLUX_MESSAGE_PRIVATE_H

#include <stdatomic.h>
#include <jansson.h>
#include <flux/core.h>

#include "aux.h"

struct msg_payload {
    atomic_int refcount;
    bool bulk; /* from bulk.h, not from malloc */
    size_t size;
    char data[];
};

/* Route ids, first pushed first, each with its NUL.  Most messages have at
 * most three routes, and an id is the 36 characters of a UUID.
 */
struct msg_routes {
    uint32_t count;
    uint32_t len;
    uint32_t cap;
    char *buf; /* builtin or heap */
    char builtin[112];
};

struct flux_msg {
    atomic_int refcount;
    uint8_t type;
    uint8_t flags;
    uint32_t userid;
    uint32_t rolemask;
    uint32_t aux1; /* nodeid | errnum | seq | control type */
    uint32_t aux2; /* matchtag | control status */
    char *topic;   /* topic_buf or heap */
    struct msg_payload *payload;
    json_t *json;
    size_t json_size; /* about the length of the text that was put off */
    char *last_error;
    struct aux_item *aux;
    struct flux_msg *next; /* link of the queue that owns this message */
    struct msg_routes routes;
    char topic_buf[48];
};

/* About how many bytes of payload it has. */
static inline size_t msg_bulk (const flux_msg_t *msg)
{
    return msg->payload ? msg->payload->size : msg->json_size;
}

/* message_payload.c */

/* A buffer of size bytes with one reference, content undefined. */
struct msg_payload *msg_payload_create (size_t size);
struct msg_payload *msg_payload_incref (struct msg_payload *p);
void msg_payload_decref (struct msg_payload *p);

/* Another size, of one that nobody shares; NULL: p is as it was. */
struct msg_payload *msg_payload_resize (struct msg_payload *p, size_t size);

/* The payload's bytes, NULL if there is none or with errno ENOMEM. */
const struct msg_payload *msg_payload_get (const flux_msg_t *msg);

/* Make p (or NULL: none) the payload; the message takes over the reference. */
void msg_payload_attach (flux_msg_t *msg, struct msg_payload *p);

/* message_json.c */

/* The compact text of o and its NUL; NULL with errno EINVAL or ENOMEM. */
struct msg_payload *msg_payload_from_json (const json_t *o);

/* message_route.c */

void msg_routes_init (struct msg_routes *routes);
void msg_routes_fini (struct msg_routes *routes);
int msg_routes_copy (struct msg_routes *dst, const struct msg_routes *src);

/* Add a counted id; errno EINVAL if it is empty.  Cut at the first NUL. */
int msg_routes_push (struct msg_routes *routes, const char *id, size_t len);

/* message.c */

/* Set a counted topic (cut at the first NUL), of any message type. */
int msg_topic_set (flux_msg_t *msg, const char *topic, size_t len);

/* True if the caller's reference is the only one. */
bool msg_is_exclusive (const flux_msg_t *msg);

/* -1 and EINVAL if type is not one of the four. */
int msg_type_check (int type);

#endif /* !MILLRACE_LIBFLUX_MESSAGE_PRIVATE_H */
