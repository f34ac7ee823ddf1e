#include "config.h"

#include <jansson.h>

#include "common/util.h"
#include <flux/core.h>

bool flux_disconnect_match (const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    uint32_t userid;

    /* Both without routes also counts as the same sender: a program that
     * talks to itself has none.
     */
    return msg1 && msg2 && flux_msg_route_match_first (msg1, msg2)
           && flux_msg_get_userid (msg2, &userid) == 0
           && flux_msg_authorize (msg1, userid) == 0;
}

int flux_msglist_disconnect (struct flux_msglist *l, const flux_msg_t *msg)
{
    const flux_msg_t *pending;
    int count = 0;

    if (!l || !msg) {
        errno = EINVAL;
        return -1;
    }
    for (pending = flux_msglist_first (l); pending; pending = flux_msglist_next (l)) {
        if (flux_disconnect_match (msg, pending)) {
            flux_msglist_delete (l);
            count++;
        }
    }
    return count;
}

bool flux_cancel_match (const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    json_int_t matchtag;
    uint32_t tag;

    return flux_msg_unpack (msg1, "{s:I}", "matchtag", &matchtag) == 0
           && flux_msg_get_matchtag (msg2, &tag) == 0 && matchtag == (json_int_t)tag
           && flux_disconnect_match (msg1, msg2);
}
