#include "config.h"
#include <errno.h>
#include <string.h>

#include "common/tap.h"
#include "patch.h"

#define AT(n, name, context) \
    "{\"timestamp\":" #n ".0,\"name\":\"" name "\",\"context\":" context "}\n"

static void applied (const char *key,
                     const char *obj,
                     const char *log,
                     const char *want,
                     const char *name)
{
    json_t *o = json_loads (obj, 0, NULL);
    char *got = NULL;

    if (patch_apply_log (key, o, log, strlen (log)) == 0)
        got = json_dumps (o, JSON_COMPACT);
    is (got, want, "%s", name);
    free (got);
    json_decref (o);
}

int main (void)
{
    static const char R[] = "{\"version\":1,\"execution\":{\"expiration\":0.0}}";

    applied ("R", R, "", "{\"version\":1,\"execution\":{\"expiration\":0.0}}",
             "an empty log changes nothing");
    applied ("R", R,
             AT (1, "resource-update", "{\"expiration\":100.5}")
                 AT (2, "jobspec-update", "{\"attributes.x\":1}")
                     AT (3, "resource-update", "{\"expiration\":200.0,\"other\":1}"),
             "{\"version\":1,\"execution\":{\"expiration\":200.0}}",
             "the last expiration counts, and nothing else");
    applied ("jobspec", "{\"attributes\":{\"system\":{\"duration\":1}}}",
             AT (1, "jobspec-update",
                 "{\"attributes.system.duration\":2,\"attributes.user.a.b\":\"c\"}")
                 AT (2, "resource-update", "{\"expiration\":3}"),
             "{\"attributes\":{\"system\":{\"duration\":2},"
             "\"user\":{\"a\":{\"b\":\"c\"}}}}",
             "paths are set, objects made on the way");
    applied ("R", R, "no log", NULL, "what is no log is an error");
    applied ("R", R, "{}\n", NULL, "so is an odd entry");
    applied ("R", R, "{\"timestamp\":1,\"name\":\"resource-update\"}\n",
             "{\"version\":1,\"execution\":{\"expiration\":0.0}}",
             "an update without a context changes nothing");
    ok (patch_key ("R") && patch_key ("jobspec") && !patch_key ("J"),
        "R and jobspec can be updated");
    return done_testing ();
}
