/* flux/core/message.h - messages (RFC 3): what moves between clients, modules
 * and brokers.
 *
 * Four types: request, response, event, control.  Errors: -1 or NULL and
 * errno.
 */

#ifndef _FLUX_CORE_MESSAGE_H
#define _FLUX_CORE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Types (exactly one bit in a message, any in a match), header flags, and the
 * values that mean "none", "any" or "unknown" (RFC 3).
 */
enum {
    FLUX_MSGTYPE_REQUEST = 1,
    FLUX_MSGTYPE_RESPONSE = 2,
    FLUX_MSGTYPE_EVENT = 4,
    FLUX_MSGTYPE_CONTROL = 8,
    FLUX_MSGTYPE_ANY = 15,
    FLUX_MSGTYPE_MASK = 15,
    FLUX_MSGFLAG_TOPIC = 1,
    FLUX_MSGFLAG_PAYLOAD = 2,
    FLUX_MSGFLAG_NORESPONSE = 4,
    FLUX_MSGFLAG_ROUTE = 8,
    FLUX_MSGFLAG_UPSTREAM = 16,
    FLUX_MSGFLAG_PRIVATE = 32,
    FLUX_MSGFLAG_STREAMING = 64,
    FLUX_MSGFLAG_USER1 = 128,
    FLUX_NODEID_ANY = 0xffffffff,
    FLUX_NODEID_UPSTREAM = 0xfffffffe,
    FLUX_USERID_UNKNOWN = 0xffffffff,
    FLUX_ROLE_NONE = 0,
    FLUX_ROLE_OWNER = 1,
    FLUX_ROLE_USER = 2,
    FLUX_ROLE_LOCAL = 4,
    FLUX_ROLE_ADMIN = 8,
    FLUX_ROLE_ALL = 0xffffffff,
    FLUX_MATCHTAG_NONE = 0,
};

/* Not a role, a mask: those who may act for others (RFC 12). */
#define FLUX_ROLE_PRIVILEGED (FLUX_ROLE_OWNER | FLUX_ROLE_ADMIN)

/* What a receiver wants.  typemask 0: any type.  matchtag NONE: any; else the
 * message must have that tag and no routes.  topic_glob NULL, "" or "*": any;
 * with '*', '?' or '[' a glob in which '*' crosses dots; else exact.
 */
struct flux_match {
    int typemask;
    uint32_t matchtag;
    const char *topic_glob;
};

#define FLUX_MATCH_ANY flux_match_init (FLUX_MSGTYPE_ANY, FLUX_MATCHTAG_NONE, NULL)
#define FLUX_MATCH_EVENT flux_match_init (FLUX_MSGTYPE_EVENT, FLUX_MATCHTAG_NONE, NULL)
#define FLUX_MATCH_REQUEST \
    flux_match_init (FLUX_MSGTYPE_REQUEST, FLUX_MATCHTAG_NONE, NULL)
#define FLUX_MATCH_RESPONSE \
    flux_match_init (FLUX_MSGTYPE_RESPONSE, FLUX_MATCHTAG_NONE, NULL)

struct flux_match flux_match_init (int typemask,
                                   uint32_t matchtag,
                                   const char *topic_glob);

/* topic_glob becomes a formatted string, which flux_match_free () frees. */
int flux_match_asprintf (struct flux_match *m, const char *topic_glob_fmt, ...);
void flux_match_free (struct flux_match m);

/* A new message with one reference; userid UNKNOWN, rolemask NONE, no flags,
 * nodeid ANY, everything else 0.  EINVAL if type is not one of the four.
 */
flux_msg_t *flux_msg_create (int type);

/* References are counted, from any thread; nothing else in a message is safe
 * to share.  A message with several holders must not be modified.  destroy
 * and decref are the same: NULL is accepted, errno kept.
 */
void flux_msg_destroy (flux_msg_t *msg);
const flux_msg_t *flux_msg_incref (const flux_msg_t *msg);
void flux_msg_decref (const flux_msg_t *msg);

/* Named values that die with the message, set even on a const one.  They are
 * not copied and not sent.
 */
int flux_msg_aux_set (const flux_msg_t *msg,
                      const char *name,
                      void *aux,
                      flux_free_f destroy);
void *flux_msg_aux_get (const flux_msg_t *msg, const char *name);

/* A message with one reference and all but the aux of msg; the payload's bytes
 * are shared, so the cost does not depend on its size.  payload false: without
 * it.
 */
flux_msg_t *flux_msg_copy (const flux_msg_t *msg, bool payload);

/* The bytes of RFC 3, frame by frame.  encode: EINVAL if size is less than
 * encode_size; EMSGSIZE above the 32 bits of a frame's length.  decode: EINVAL
 * if a frame does not fit in the buffer, EPROTO if it is no message.
 */
ssize_t flux_msg_encode_size (const flux_msg_t *msg);
int flux_msg_encode (const flux_msg_t *msg, void *buf, size_t size);
flux_msg_t *flux_msg_decode (const void *buf, size_t size);

/* Getters and setters.  EINVAL for a NULL message.  Getting what a type lacks
 * is EPROTO (the sender's fault), setting it EINVAL (the caller's).  A pointer
 * from a getter is good until that field changes or the message dies.
 *
 * set_type starts the fields of the new type afresh, except that a request
 * which becomes a response keeps its matchtag.
 */
int flux_msg_set_type (flux_msg_t *msg, int type);
int flux_msg_get_type (const flux_msg_t *msg, int *type);

/* STREAMING and NORESPONSE exclude each other: setting one clears the other.
 * The questions answer true for NULL.
 */
int flux_msg_set_private (flux_msg_t *msg);
bool flux_msg_is_private (const flux_msg_t *msg);
int flux_msg_set_streaming (flux_msg_t *msg);
bool flux_msg_is_streaming (const flux_msg_t *msg);
int flux_msg_set_noresponse (flux_msg_t *msg);
bool flux_msg_is_noresponse (const flux_msg_t *msg);

/* NULL removes; EINVAL for a control message.  get: EPROTO if there is none. */
int flux_msg_set_topic (flux_msg_t *msg, const char *topic);
int flux_msg_get_topic (const flux_msg_t *msg, const char **topic);

/* Raw payload, size in bytes.  set copies; NULL or size 0 removes; EINVAL if
 * buf is a part of the present payload.  get: EPROTO if there is none.
 */
int flux_msg_get_payload (const flux_msg_t *msg, const void **buf, size_t *size);
int flux_msg_set_payload (flux_msg_t *msg, const void *buf, size_t size);
bool flux_msg_has_payload (const flux_msg_t *msg);

/* EINVAL for bits beyond the eight, for NORESPONSE with STREAMING, and for
 * claiming a topic or payload that is not there.  Clearing TOPIC, PAYLOAD or
 * ROUTE drops what the flag announces.
 */
bool flux_msg_has_flag (const flux_msg_t *msg, int flag);
int flux_msg_set_flag (flux_msg_t *msg, int flag);
int flux_msg_clear_flag (flux_msg_t *msg, int flag);

/* Payload that is a string, stored with its NUL; NULL removes.  get: no
 * payload is *s NULL, one without final NUL is EPROTO.
 */
int flux_msg_set_string (flux_msg_t *msg, const char *);
int flux_msg_get_string (const flux_msg_t *msg, const char **s);

/* Payload that is a JSON object, in Jansson's formats.  pack: EINVAL if the
 * value is not an object.  unpack: EPROTO if the payload is not an object or
 * does not fit fmt.  The payload is decoded once: strings and objects borrowed
 * from it live as long as it does.
 */
int flux_msg_pack (flux_msg_t *msg, const char *fmt, ...);
int flux_msg_vpack (flux_msg_t *msg, const char *fmt, va_list ap);
int flux_msg_unpack (const flux_msg_t *msg, const char *fmt, ...);
int flux_msg_vunpack (const flux_msg_t *msg, const char *fmt, va_list ap);

/* What the last pack or unpack had to complain about, "" if nothing. */
const char *flux_msg_last_error (const flux_msg_t *msg);

/* Rank addressed, or FLUX_NODEID_ANY; UPSTREAM is EINVAL, it is a flag. */
int flux_msg_set_nodeid (flux_msg_t *msg, uint32_t nodeid);
int flux_msg_get_nodeid (const flux_msg_t *msg, uint32_t *nodeid);

/* Who sent it and in which role (RFC 12), as stamped where it came in. */
int flux_msg_set_userid (flux_msg_t *msg, uint32_t userid);
int flux_msg_get_userid (const flux_msg_t *msg, uint32_t *userid);
int flux_msg_set_rolemask (flux_msg_t *msg, uint32_t rolemask);
int flux_msg_get_rolemask (const flux_msg_t *msg, uint32_t *rolemask);
struct flux_msg_cred {
    uint32_t userid;
    uint32_t rolemask;
};

int flux_msg_get_cred (const flux_msg_t *msg, struct flux_msg_cred *cred);
int flux_msg_set_cred (flux_msg_t *msg, struct flux_msg_cred cred);

/* 0 if the credential is the owner's, or a user's and userid is that user;
 * else -1 and EPERM.  With userid UNKNOWN: owner only.
 */
int flux_msg_cred_authorize (struct flux_msg_cred cred, uint32_t userid);
int flux_msg_authorize (const flux_msg_t *msg, uint32_t userid);
bool flux_msg_is_local (const flux_msg_t *msg);

int flux_msg_set_errnum (flux_msg_t *msg, int errnum);
int flux_msg_get_errnum (const flux_msg_t *msg, int *errnum);
int flux_msg_set_seq (flux_msg_t *msg, uint32_t seq);
int flux_msg_get_seq (const flux_msg_t *msg, uint32_t *seq);
int flux_msg_set_control (flux_msg_t *msg, int type, int status);
int flux_msg_get_control (const flux_msg_t *msg, int *type, int *status);
int flux_msg_set_matchtag (flux_msg_t *msg, uint32_t matchtag);
int flux_msg_get_matchtag (const flux_msg_t *msg, uint32_t *matchtag);

/* True if the tag is equal and the message has no routes. */
bool flux_msg_cmp_matchtag (const flux_msg_t *msg, uint32_t matchtag);
bool flux_msg_cmp (const flux_msg_t *msg, struct flux_match match);

/* For people.  ts: seconds, shown unless negative. */
void flux_msg_fprint (FILE *f, const flux_msg_t *msg);
void flux_msg_fprint_ts (FILE *f, const flux_msg_t *msg, double timestamp);

/* "request", "response", "event", "control" (the lowest bit set), "unknown". */
const char *flux_msg_typestr (int type);

/* A stack of sender ids: first is who sent the message, last the latest hop.
 * push: EINVAL if id is NULL or empty; EPROTO from those that return an error
 * if routes are not enabled.  delete_last of an empty stack does nothing.
 */
void flux_msg_route_enable (flux_msg_t *msg);
void flux_msg_route_disable (flux_msg_t *msg);
void flux_msg_route_clear (flux_msg_t *msg);
int flux_msg_route_push (flux_msg_t *msg, const char *id);
int flux_msg_route_delete_last (flux_msg_t *msg);
const char *flux_msg_route_first (const flux_msg_t *msg);
const char *flux_msg_route_last (const flux_msg_t *msg);
int flux_msg_route_count (const flux_msg_t *msg);

/* "first!...!last", each id cut to 8 characters; the caller frees it. */
char *flux_msg_route_string (const flux_msg_t *msg);

/* True if both have the same sender, or both have none. */
bool flux_msg_route_match_first (const flux_msg_t *msg1, const flux_msg_t *msg2);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MESSAGE_H */
