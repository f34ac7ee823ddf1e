#include "config.h"
#include <flux/core.h>

#include "common/util.h"

flux_msg_t *flux_control_encode (int type, int status)
{
    flux_msg_t *msg;

    if (!(msg = flux_msg_create (FLUX_MSGTYPE_CONTROL)))
        return NULL;
    if (flux_msg_set_control (msg, type, status) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}

int flux_control_decode (const flux_msg_t *msg, int *type, int *status)
{
    int t;
    int s;

    /* EPROTO if it is not a control message */
    if (flux_msg_get_control (msg, &t, &s) < 0)
        return -1;
    if (type)
        *type = t;
    if (status)
        *status = s;
    return 0;
}
