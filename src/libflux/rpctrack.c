#include "config.h"

#include "common/table.h"
#include "common/util.h"
#include "rpctrack.h"

struct rpctrack {
    struct table requests; /* by matchtag */
};

struct rpctrack *rpctrack_create (void)
{
    struct rpctrack *rt;

    if ((rt = malloc (sizeof (*rt))))
        table_init (&rt->requests);
    return rt;
}

void rpctrack_destroy (struct rpctrack *rt)
{
    flux_msg_t *msg;

    if (!rt)
        return;
    while ((msg = table_pop (&rt->requests)))
        flux_msg_destroy (msg);
    table_fini (&rt->requests);
    free_keep_errno (rt);
}

static int track (struct rpctrack *rt, const flux_msg_t *msg, uint32_t matchtag)
{
    flux_msg_t *cpy;
    int r;

    if (flux_msg_is_noresponse (msg))
        return 0;
    if (!(cpy = flux_msg_copy (msg, false)))
        return -ENOMEM;
    if ((r = table_put_u64 (&rt->requests, matchtag, cpy)) < 0)
        flux_msg_destroy (cpy);
    return r == -EEXIST ? 0 : r;
}

static void untrack (struct rpctrack *rt, const flux_msg_t *msg, uint32_t matchtag)
{
    int errnum;

    /* A stream ends with an error. */
    if (flux_msg_is_streaming (msg) && flux_msg_get_errnum (msg, &errnum) == 0
        && errnum == 0)
        return;
    flux_msg_destroy (table_del_u64 (&rt->requests, matchtag));
}

int rpctrack_update (struct rpctrack *rt, const flux_msg_t *msg)
{
    uint32_t matchtag;
    int type;

    /* With routes it is somebody else's RPC, or the answer to one. */
    if (flux_msg_get_matchtag (msg, &matchtag) < 0 || matchtag == FLUX_MATCHTAG_NONE
        || flux_msg_route_first (msg) || flux_msg_get_type (msg, &type) < 0)
        return 0;
    if (type == FLUX_MSGTYPE_REQUEST)
        return track (rt, msg, matchtag);
    untrack (rt, msg, matchtag);
    return 0;
}

flux_msg_t *rpctrack_abort_next (struct rpctrack *rt)
{
    /* The role lets the response pass any handler. */
    struct flux_msg_cred cred = { getuid (), FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL };
    flux_msg_t *msg;

    if (!(msg = table_pop (&rt->requests)))
        return NULL;
    if (flux_msg_set_type (msg, FLUX_MSGTYPE_RESPONSE) < 0
        || flux_msg_set_errnum (msg, ECONNRESET) < 0 || flux_msg_set_cred (msg, cred) < 0
        || flux_msg_set_string (msg, "RPC aborted due to broker reconnect") < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}
