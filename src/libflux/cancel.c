#include "config.h"

#include "common/util.h"
#include <flux/core.h>

int flux_msglist_cancel (flux_t *h, struct flux_msglist *l, const flux_msg_t *msg)
{
    const flux_msg_t *pending;

    if (!h || !l || !msg) {
        errno = EINVAL;
        return -1;
    }
    for (pending = flux_msglist_first (l); pending; pending = flux_msglist_next (l)) {
        if (flux_cancel_match (msg, pending)) {
            if (flux_respond_error (h, pending, ENODATA, NULL) < 0)
                return -1;
            flux_msglist_delete (l);
            return 1;
        }
    }
    return 0;
}
