/* rpc.c - one RPC, for scenarios: rpc [-u USERID] [-n RANK] TOPIC [PAYLOAD]
 *
 * Prints the payload of the response; or on failure "ERRNAME: text", exit 1.
 * -u: as that guest.
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

int main (int argc, char *argv[])
{
    uint32_t nodeid = FLUX_NODEID_ANY;
    flux_t *h = NULL;
    flux_future_t *f;
    const char *s;
    int c;

    while ((c = getopt (argc, argv, "u:n:")) != -1) {
        if (c == 'u')
            h = live_open_guest (strtoul (optarg, NULL, 10));
        else if (c == 'n')
            nodeid = strtoul (optarg, NULL, 10);
        else
            return 2;
    }
    if (optind == argc) {
        fprintf (stderr, "Usage: rpc [-u USERID] [-n RANK] TOPIC [PAYLOAD]\n");
        return 2;
    }
    if (!h)
        h = live_open ();
    f = flux_rpc (h, argv[optind], argv[optind + 1], nodeid, 0);
    if (!f)
        fail (errno, strerror (errno));
    if (flux_rpc_get (f, &s) < 0)
        fail (errno, future_strerror (f, errno));
    if (s)
        puts (s);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}
