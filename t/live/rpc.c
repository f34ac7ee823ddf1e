/* rpc.c - one RPC, for scenarios: rpc [-s] [-N] [-c COUNT] [-u USERID] [-n RANK]
 *         TOPIC [PAYLOAD]
 *
 * Prints the payload of the response; or on failure "ERRNAME: text", exit 1.
 * -s: streaming: all responses, to the end (ENODATA) or COUNT of them; -N: no
 * response; -u: as that guest.
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "live.h"

static void fail (int errnum, const char *text)
{
    printf ("%s: %s\n", strerrorname_np (errnum) ? strerrorname_np (errnum) : "?", text);
    exit (1);
}

/* All responses until the end of the stream. */
static void stream (flux_future_t *f, long count)
{
    const char *s;

    while (flux_rpc_get (f, &s) == 0) {
        if (s)
            puts (s);
        fflush (stdout);
        flux_future_reset (f);
        if (--count == 0)
            return;
    }
    if (errno != ENODATA)
        fail (errno, future_strerror (f, errno));
}

int main (int argc, char *argv[])
{
    uint32_t nodeid = FLUX_NODEID_ANY;
    flux_t *h = NULL;
    flux_future_t *f;
    const char *s = NULL;
    int c, flags = 0;
    long count = 0;

    while ((c = getopt (argc, argv, "sNc:u:n:")) != -1) {
        if (c == 's')
            flags = FLUX_RPC_STREAMING;
        else if (c == 'N')
            flags = FLUX_RPC_NORESPONSE;
        else if (c == 'c')
            count = strtol (optarg, NULL, 10);
        else if (c == 'u')
            h = live_open_guest (strtoul (optarg, NULL, 10));
        else if (c == 'n')
            nodeid = strtoul (optarg, NULL, 10);
        else
            return 2;
    }
    if (optind == argc) {
        fprintf (stderr, "Usage: rpc [-s] [-N] [-c COUNT] [-u USERID] [-n RANK] TOPIC [PAYLOAD]\n");
        return 2;
    }
    if (!h)
        h = live_open ();
    f = flux_rpc (h, argv[optind], argv[optind + 1], nodeid, flags);
    if (!f)
        fail (errno, strerror (errno));
    if (flags == FLUX_RPC_STREAMING)
        stream (f, count);
    else if (flags != FLUX_RPC_NORESPONSE && flux_rpc_get (f, &s) < 0)
        fail (errno, future_strerror (f, errno));
    else if (!flags && s)
        puts (s);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}
