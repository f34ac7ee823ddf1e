#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "madeup.h"

flux_t *h;
flux_jobid_t last_id = 0x123456000000;

char *job_key (flux_jobid_t id, const char *name)
{
    static char key[256];

    if (flux_job_kvs_key (key, sizeof (key), id, name) < 0)
        bail_out ("flux_job_kvs_key: %s", strerror (errno));
    return key;
}

char *job_ns (flux_jobid_t id)
{
    static char ns[64];

    if (flux_job_kvs_namespace (ns, sizeof (ns), id) < 0)
        bail_out ("flux_job_kvs_namespace: %s", strerror (errno));
    return ns;
}

/* verb is put or append. */
void
job_write (flux_jobid_t id, const char *verb, const char *name, const char *value)
{
    char op[1024];

    snprintf (op, sizeof (op), "%s %s %s", verb, job_key (id, name), value);
    live_commit (h, NULL, op, NULL);
}

void event (flux_jobid_t id, const char *entry)
{
    job_write (id, "append", "eventlog", entry);
}

flux_jobid_t job_new (uint32_t userid)
{
    char entry[128];

    last_id += 0x1000000;
    snprintf (entry, sizeof (entry),
              "{\"timestamp\":1.0,\"name\":\"submit\",\"context\":{\"userid\":%d}}\n",
              (int)userid);
    event (last_id, entry);
    return last_id;
}

const char *submit_of (uint32_t userid)
{
    static char entry[128];

    snprintf (entry, sizeof (entry),
              "{\"timestamp\":1.0,\"name\":\"submit\",\"context\":{\"userid\":%d}}\n",
              (int)userid);
    return entry;
}

/* The guest namespace: made, written, moved. */

void guest_create (flux_jobid_t id)
{
    char op[512];

    live_create (h, job_ns (id), getuid ());
    snprintf (op, sizeof (op),
              "treeobj %s {\"ver\":1,\"type\":\"symlink\",\"data\":"
              "{\"namespace\":\"%s\",\"target\":\".\"}}",
              job_key (id, "guest"), job_ns (id));
    live_commit (h, NULL, op, NULL);
}

void guest_append (flux_jobid_t id, const char *key, const char *entry)
{
    char op[1024];

    snprintf (op, sizeof (op), "append %s %s", key, entry);
    live_commit (h, job_ns (id), op, NULL);
}

void guest_copy (flux_jobid_t id)
{
    flux_future_t *f =
        flux_kvs_copy (h, job_ns (id), ".", NULL, job_key (id, "guest"), 0);

    if (!f || flux_future_get (f, NULL) < 0)
        bail_out ("flux_kvs_copy: %s", strerror (errno));
    flux_future_destroy (f);
}

flux_future_t *watch_on (flux_t *who, flux_jobid_t id, const char *path, int flags)
{
    flux_future_t *f = flux_job_event_watch (who, id, path, flags);

    if (!f)
        bail_out ("flux_job_event_watch: %s", strerror (errno));
    return f;
}

flux_future_t *watch (flux_jobid_t id, const char *path, int flags)
{
    return watch_on (h, id, path, flags);
}
