/* RPCs through loop://, whose requests the test takes and answers itself. */

#include "config.h"
#include <errno.h>
#include <unistd.h>
#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"

/* A response without any role is not taken. */
static void rolemask_none (void)
{
    flux_t *h = flux_open ("loop://", 0);
    uint32_t rolemask = FLUX_ROLE_NONE;
    flux_future_t *f = flux_rpc (h, "x", NULL, FLUX_NODEID_ANY, 0);
    flux_msg_t *msg = flux_recv (h, FLUX_MATCH_REQUEST, 0);

    ok (msg && flux_respond (h, msg, NULL) == 0, "a request through loop://");
    flux_msg_destroy (msg);
    msg = flux_recv (h, FLUX_MATCH_RESPONSE, 0);
    must (flux_msg_set_rolemask (msg, rolemask) == 0);
    must (flux_requeue (h, msg, FLUX_RQ_HEAD) == 0);
    ok (flux_future_wait_for (f, 0.01) < 0, "whose response has no role");
    must (flux_msg_set_rolemask (msg, FLUX_ROLE_USER) == 0);
    must (flux_requeue (h, msg, FLUX_RQ_HEAD) == 0);
    ok (flux_future_wait_for (f, 5.) == 0, "any role will do");
    flux_msg_destroy (msg);
    flux_future_destroy (f);
    flux_close (h);
}

/* What the request looks like on the wire. */
static void encoded (void)
{
    flux_t *h = flux_open ("loop://", 0);
    flux_future_t *f;
    flux_msg_t *msg;
    uint32_t nodeid = 0;
    uint32_t matchtag = 99;

    must (flux_attr_set_cacheonly (h, "rank", "3") == 0);
    f = flux_rpc (h, "x", NULL, FLUX_NODEID_UPSTREAM, FLUX_RPC_STREAMING);
    msg = flux_recv (h, FLUX_MATCH_REQUEST, 0);
    ok (flux_msg_has_flag (msg, FLUX_MSGFLAG_UPSTREAM)
            && flux_msg_get_nodeid (msg, &nodeid) == 0 && nodeid == 3,
        "UPSTREAM is a flag, beside the rank of the sender");
    ok (flux_msg_is_streaming (msg) && !flux_msg_is_noresponse (msg), "STREAMING is one");
    is_int (flux_msg_route_count (msg), 0, "routes are enabled, and none");
    is_int (flux_rpc_get_nodeid (f), FLUX_NODEID_UPSTREAM, "the future has it as given");
    ok (flux_msg_get_matchtag (msg, &matchtag) == 0
            && matchtag == flux_rpc_get_matchtag (f) && matchtag == 1,
        "and the matchtag of the request");
    flux_msg_destroy (msg);
    flux_future_destroy (f);
    f = flux_rpc (h, "x", NULL, 7, FLUX_RPC_NORESPONSE);
    msg = flux_recv (h, FLUX_MATCH_REQUEST, 0);
    ok (flux_msg_is_noresponse (msg) && flux_msg_get_matchtag (msg, &matchtag) == 0
            && matchtag == FLUX_MATCHTAG_NONE,
        "NORESPONSE goes without matchtag");
    ok (flux_msg_get_nodeid (msg, &nodeid) == 0 && nodeid == 7, "to the rank");
    flux_msg_destroy (msg);
    flux_future_destroy (f);
    flux_close (h);
}

static void matchdebug (void)
{
    char buf[128] = "";
    int fds[2];
    int saved = dup (STDERR_FILENO);
    flux_t *h = flux_open ("loop://", FLUX_O_MATCHDEBUG);
    flux_future_t *f = flux_rpc (h, "some.topic", NULL, FLUX_NODEID_ANY, 0);

    must (saved >= 0 && pipe (fds) == 0 && dup2 (fds[1], STDERR_FILENO) >= 0);
    flux_future_destroy (f);
    must (dup2 (saved, STDERR_FILENO) >= 0);
    must (read (fds[0], buf, sizeof (buf) - 1) > 0);
    is (buf, "MATCHDEBUG: some.topic leaks matchtag=1\n", "MATCHDEBUG tells of a leak");
    close (fds[0]);
    close (fds[1]);
    close (saved);
    flux_close (h);
}

int main (void)
{
    rolemask_none ();
    matchdebug ();
    encoded ();
    return done_testing ();
}
