/* message_field.c - credentials and the two words that depend on the type. */

#include "config.h"

#include "common/util.h"
#include "message_private.h"

#define REQUEST FLUX_MSGTYPE_REQUEST
#define RESPONSE FLUX_MSGTYPE_RESPONSE
#define EVENT FLUX_MSGTYPE_EVENT
#define CONTROL FLUX_MSGTYPE_CONTROL

static int fail (int errnum)
{
    errno = errnum;
    return -1;
}

/* Credentials */

int flux_msg_set_userid (flux_msg_t *msg, uint32_t userid)
{
    if (!msg)
        return fail (EINVAL);
    msg->userid = userid;
    return 0;
}

int flux_msg_get_userid (const flux_msg_t *msg, uint32_t *userid)
{
    if (!msg)
        return fail (EINVAL);
    if (userid)
        *userid = msg->userid;
    return 0;
}

int flux_msg_set_rolemask (flux_msg_t *msg, uint32_t rolemask)
{
    if (!msg)
        return fail (EINVAL);
    msg->rolemask = rolemask;
    return 0;
}

int flux_msg_get_rolemask (const flux_msg_t *msg, uint32_t *rolemask)
{
    if (!msg)
        return fail (EINVAL);
    if (rolemask)
        *rolemask = msg->rolemask;
    return 0;
}

int flux_msg_get_cred (const flux_msg_t *msg, struct flux_msg_cred *cred)
{
    if (!msg || !cred)
        return fail (EINVAL);
    cred->userid = msg->userid;
    cred->rolemask = msg->rolemask;
    return 0;
}

int flux_msg_set_cred (flux_msg_t *msg, struct flux_msg_cred cred)
{
    if (!msg)
        return fail (EINVAL);
    msg->userid = cred.userid;
    msg->rolemask = cred.rolemask;
    return 0;
}

int flux_msg_cred_authorize (struct flux_msg_cred cred, uint32_t userid)
{
    if (cred.rolemask & FLUX_ROLE_OWNER)
        return 0;
    if ((cred.rolemask & FLUX_ROLE_USER) && cred.userid != FLUX_USERID_UNKNOWN
        && cred.userid == userid)
        return 0;
    return fail (EPERM);
}

int flux_msg_authorize (const flux_msg_t *msg, uint32_t userid)
{
    struct flux_msg_cred cred;

    if (flux_msg_get_cred (msg, &cred) < 0)
        return -1;
    return flux_msg_cred_authorize (cred, userid);
}

bool flux_msg_is_local (const flux_msg_t *msg)
{
    return msg && (msg->rolemask & FLUX_ROLE_LOCAL);
}

/* The type's own words.  Reading what the type lacks is the sender's error
 * (EPROTO), writing it the caller's (EINVAL).
 */

static int set_word (flux_msg_t *msg, int types, uint32_t *word, uint32_t value)
{
    if (!msg || !(msg->type & types))
        return fail (EINVAL);
    *word = value;
    return 0;
}

static int get_check (const flux_msg_t *msg, int types)
{
    if (!msg)
        return fail (EINVAL);
    return (msg->type & types) ? 0 : fail (EPROTO);
}

int flux_msg_set_nodeid (flux_msg_t *msg, uint32_t nodeid)
{
    if (nodeid == FLUX_NODEID_UPSTREAM)
        return fail (EINVAL);
    return set_word (msg, REQUEST, msg ? &msg->aux1 : NULL, nodeid);
}

int flux_msg_get_nodeid (const flux_msg_t *msg, uint32_t *nodeid)
{
    if (get_check (msg, REQUEST) < 0)
        return -1;
    if (nodeid)
        *nodeid = msg->aux1;
    return 0;
}

int flux_msg_set_errnum (flux_msg_t *msg, int errnum)
{
    return set_word (msg, RESPONSE, msg ? &msg->aux1 : NULL, errnum);
}

int flux_msg_get_errnum (const flux_msg_t *msg, int *errnum)
{
    if (get_check (msg, RESPONSE) < 0)
        return -1;
    if (errnum)
        *errnum = msg->aux1;
    return 0;
}

int flux_msg_set_seq (flux_msg_t *msg, uint32_t seq)
{
    return set_word (msg, EVENT, msg ? &msg->aux1 : NULL, seq);
}

int flux_msg_get_seq (const flux_msg_t *msg, uint32_t *seq)
{
    if (get_check (msg, EVENT) < 0)
        return -1;
    if (seq)
        *seq = msg->aux1;
    return 0;
}

int flux_msg_set_control (flux_msg_t *msg, int type, int status)
{
    if (!msg || msg->type != CONTROL)
        return fail (EINVAL);
    msg->aux1 = type;
    msg->aux2 = status;
    return 0;
}

int flux_msg_get_control (const flux_msg_t *msg, int *type, int *status)
{
    if (get_check (msg, CONTROL) < 0)
        return -1;
    if (type)
        *type = msg->aux1;
    if (status)
        *status = msg->aux2;
    return 0;
}

int flux_msg_set_matchtag (flux_msg_t *msg, uint32_t matchtag)
{
    return set_word (msg, REQUEST | RESPONSE, msg ? &msg->aux2 : NULL, matchtag);
}

int flux_msg_get_matchtag (const flux_msg_t *msg, uint32_t *matchtag)
{
    if (get_check (msg, REQUEST | RESPONSE) < 0)
        return -1;
    if (matchtag)
        *matchtag = msg->aux2;
    return 0;
}
