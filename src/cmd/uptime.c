/* uptime.c - flux uptime: one line about the instance. */

#include "config.h"
#include <pwd.h>
#include <stdio.h>
#include <time.h>

#include "cmd.h"
#include "common/fsd.h"
#include "resource.h"

static const struct opt_table table = {
    .prog = "flux-uptime",
    .usage = "",
    .summary = "Print how long the instance has been up, whose it is, and how large.",
};

static const char *attr (flux_t *h, const char *name)
{
    const char *s = flux_attr_get (h, name);

    return s ? s : "";
}

static void print_state (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "state-machine.get", "{}", FLUX_NODEID_ANY, 0);
    const char *state;

    if (!f || flux_rpc_get_unpack (f, "{s:s}", "state", &state) < 0)
        cmd_die ("state-machine.get: %s",
                 f ? cmd_future_error (f) : flux_strerror (errno));
    printf (" %s", state);
    flux_future_destroy (f);
}

static void print_owner (flux_t *h)
{
    const char *owner = attr (h, "security.owner");
    struct passwd *pw = getpwuid (strtoul (owner, NULL, 10));

    printf (",  owner %s", pw ? pw->pw_name : owner);
}

/* Nodes that cannot be used, if there are any and there is a resource module. */
static void print_unusable (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "resource.status", "{}", 0, 0);
    json_t *drain, *value;
    const char *offline, *key;
    struct idset *ids;
    size_t drained = 0;

    if (f
        && flux_rpc_get_unpack (f, "{s:o s:s}", "drain", &drain, "offline", &offline)
               == 0) {
        json_object_foreach (drain, key, value) {
            ids = resource_idset (key);
            drained += idset_count (ids);
            idset_destroy (ids);
        }
        if (drained > 0)
            printf (",  %zu drained", drained);
        ids = resource_idset (offline);
        if (idset_count (ids) > 0)
            printf (",  %zu offline", idset_count (ids));
        idset_destroy (ids);
    }
    flux_future_destroy (f);
}

int cmd_uptime (int argc, char **argv)
{
    time_t now = time (NULL);
    char clock[32] = "", up[FSD_BUFSIZE] = "";
    struct tm tm;
    double seconds;
    flux_t *h;

    if (opt_parse (&table, argc, argv, NULL, NULL) < argc)
        opt_usage (&table);
    h = cmd_open ();
    if (localtime_r (&now, &tm))
        strftime (clock, sizeof (clock), "%T", &tm);
    seconds = flux_reactor_time () - strtod (attr (h, "broker.starttime"), NULL);
    fsd_format_prec (up, sizeof (up), seconds > 0 ? seconds : 0, 2);
    printf (" %s", clock);
    print_state (h);
    printf (" %s", up);
    print_owner (h);
    printf (",  depth %s,  size %s", attr (h, "instance-level"), attr (h, "size"));
    print_unusable (h);
    printf ("\n");
    flux_close (h);
    return 0;
}
