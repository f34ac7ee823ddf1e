/* ended_live.c - ended_live URI...: who hears of the end of a job finds what it wrote.
 *
 * By job-list, which hears of it before anything of that end is committed.  At each of
 * these brokers: real jobs with output, and simulated ones.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "live.h"

enum { COUNT = 100 };

/* The same for all jobs of one kind. */
struct kind {
    const char *name;
    const char *key; /* in the directory of a job */
    const char *last_words;
    char *jobspec;
    flux_t *h;
    int waiting;
    int missing;
    int cut;
};

struct look {
    struct kind *kind;
    flux_jobid_t id;
};

/* What is in attributes.system: takes it over. */
static char *jobspec (json_t *system)
{
    json_t *o = json_pack (
        "{s:i s:[{s:s s:i s:s s:[{s:s s:i}]}] s:[{s:[sss] s:s s:{s:i}}] s:{s:o}}",
        "version", 1, "resources", "type", "slot", "count", 1, "label", "task", "with",
        "type", "core", "count", 1, "tasks", "command", "sh", "-c",
        "echo one; echo the-last-words", "slot", "task", "count", "per_slot", 1,
        "attributes", "system", system);
    char *s = o ? json_dumps (o, 0) : NULL;

    if (!s)
        bail_out ("no memory");
    json_decref (o);
    return s;
}

static void looked (flux_future_t *f, void *arg)
{
    struct kind *k = arg;
    const char *value = NULL;

    if (flux_kvs_lookup_get (f, &value) < 0) {
        diag ("%s: %s", k->key, future_strerror (f, errno));
        k->missing++;
    }
    else if (!value || !strstr (value, k->last_words))
        k->cut++;
    flux_future_destroy (f);
    if (--k->waiting == 0)
        flux_reactor_stop (flux_get_reactor (k->h));
}

static void ended (flux_future_t *f, void *arg)
{
    struct look *l = arg;
    struct kind *k = l->kind;
    char key[100];

    if (flux_rpc_get (f, NULL) < 0)
        bail_out ("list-id: %s", future_strerror (f, errno));
    flux_job_kvs_key (key, sizeof (key), l->id, k->key);
    flux_future_destroy (f);
    free (l);
    f = flux_kvs_lookup (k->h, NULL, 0, key);
    if (!f || flux_future_then (f, -1., looked, k) < 0)
        bail_out ("lookup: %s", strerror (errno));
}

static void submitted (flux_future_t *f, void *arg)
{
    struct look *l = calloc (1, sizeof (*l));

    if (!l || flux_job_submit_get_id (f, &l->id) < 0)
        bail_out ("submit: %s", future_strerror (f, errno));
    l->kind = arg;
    flux_future_destroy (f);
    f = flux_rpc_pack (l->kind->h, "job-list.list-id", FLUX_NODEID_ANY, 0,
                       "{s:I s:[s] s:i}", "id", (json_int_t)l->id, "attrs", "state",
                       "state", FLUX_JOB_STATE_INACTIVE);
    if (!f || flux_future_then (f, -1., ended, l) < 0)
        bail_out ("list-id: %s", strerror (errno));
}

static void run (flux_t *h, struct kind *k)
{
    k->h = h;
    k->waiting = COUNT;
    k->missing = k->cut = 0;
    for (int i = 0; i < COUNT; i++) {
        flux_future_t *f = flux_job_submit (h, k->jobspec, FLUX_JOB_URGENCY_DEFAULT, 0);

        if (!f || flux_future_then (f, -1., submitted, k) < 0)
            bail_out ("submit: %s", strerror (errno));
    }
    if (flux_reactor_run (flux_get_reactor (h), 0) < 0)
        bail_out ("reactor: %s", strerror (errno));
    is_int (k->missing, 0, "what %s jobs wrote is there when they have ended", k->name);
    is_int (k->cut, 0, "with their last words");
}

int main (int argc, char *argv[])
{
    struct kind real = { .name = "real",
                         .key = "guest.output",
                         .last_words = "the-last-words",
                         .jobspec = jobspec (json_pack ("{s:i s:{s:s}}", "duration", 0,
                                                        "environment", "PATH",
                                                        getenv ("PATH"))) };
    struct kind mock = { .name = "simulated",
                         .key = "guest.exec.eventlog",
                         .last_words = "\"done\"",
                         .jobspec = jobspec (json_pack ("{s:i s:{s:{s:s}}}", "duration",
                                                        0, "exec", "test", "run_duration",
                                                        "0.001s")) };

    for (int i = 1; i < argc; i++) {
        flux_t *h = flux_open (argv[i], 0);

        if (!h)
            bail_out ("flux_open %s", argv[i]);
        run (h, &real);
        run (h, &mock);
        flux_close (h);
    }
    free (real.jobspec);
    free (mock.jobspec);
    return done_testing ();
}
