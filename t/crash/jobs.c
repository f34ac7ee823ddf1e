/* jobs.c - every job whose id was printed is there, once, and ends with its output. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "common/table.h"
#include "common/util.h"
#include "crash.h"

#define WAITS_MAX 64

struct job {
    flux_jobid_t id;
    bool listed;
};

struct jobs {
    flux_t *h;
    struct table by_id;
    size_t next; /* position in by_id */
    int waiting;
};

static void read_ids (struct jobs *jobs)
{
    FILE *f = crash_open ("ids", "a+");
    char line[128];

    while (fgets (line, sizeof (line), f)) {
        struct job *job;

        if (!strchr (line, '\n')) /* it was cut off */
            break;
        line[strcspn (line, "\n")] = '\0';
        must ((job = calloc (1, sizeof (*job))) != NULL);
        if (flux_job_id_parse (line, &job->id) < 0)
            crash_wrong ("flux submit printed '%s'", line);
        if (table_put_u64 (&jobs->by_id, job->id, job) < 0)
            crash_wrong ("flux submit printed %s twice", line);
    }
    fclose (f);
}

static void wait_more (struct jobs *jobs);

static void ended (flux_future_t *f, void *arg)
{
    struct jobs *jobs = arg;
    const char *id = flux_future_aux_get (f, "id");

    if (flux_rpc_get (f, NULL) < 0)
        crash_failed ("job %s was acknowledged: %s", id, future_strerror (f, errno));
    flux_future_destroy (f);
    jobs->waiting--;
    wait_more (jobs);
    if (jobs->waiting == 0)
        flux_reactor_stop (flux_get_reactor (jobs->h));
}

static void wait_more (struct jobs *jobs)
{
    struct job *job;

    while (jobs->waiting < WAITS_MAX && (job = table_next (&jobs->by_id, &jobs->next))) {
        char *id = malloc (32);
        flux_future_t *f;

        must (id && flux_job_id_encode (job->id, "f58plain", id, 32) == 0);
        f = flux_rpc_pack (jobs->h, "job-list.list-id", FLUX_NODEID_ANY, 0,
                           "{s:I s:[s] s:i}", "id", (json_int_t)job->id, "attrs", "state",
                           "state", FLUX_JOB_STATE_INACTIVE);
        if (!f)
            crash_failed ("job-list.list-id: %s", strerror (errno));
        must (flux_future_aux_set (f, "id", id, free) == 0);
        must (flux_future_then (f, -1., ended, jobs) == 0);
        jobs->waiting++;
    }
}

/* One list of all jobs has each once. */
static void check_list (struct jobs *jobs)
{
    flux_future_t *f = flux_job_list (jobs->h, 0, "[\"state\"]", FLUX_USERID_UNKNOWN, 0);
    json_t *list, *o;
    struct job *job;
    size_t i, pos = 0;

    if (!f || flux_rpc_get_unpack (f, "{s:o}", "jobs", &list) < 0)
        crash_failed ("job list: %s", strerror (errno));
    json_array_foreach (list, i, o)
    {
        json_int_t id = json_integer_value (json_object_get (o, "id"));

        job = table_get_u64 (&jobs->by_id, id);
        if (job && job->listed)
            crash_wrong ("job %lld is listed twice", (long long)id);
        if (job)
            job->listed = true;
    }
    while ((job = table_next (&jobs->by_id, &pos))) {
        if (!job->listed)
            crash_wrong ("job %llu is not listed", (unsigned long long)job->id);
    }
    flux_future_destroy (f);
}

/* Its last words are there if it ended well, and not in one life after the other. */
static void check_output (flux_t *h, flux_jobid_t id, const char *log)
{
    const char *output = "";
    flux_future_t *f;
    char key[64];

    if (strstr (log, "\"exception\"") || strstr (log, "\"flux-restart\"")
        || !strstr (log, "\"finish\""))
        return;
    must (flux_job_kvs_key (key, sizeof (key), id, "guest.output") > 0);
    f = flux_kvs_lookup (h, NULL, 0, key);
    if (!f || flux_kvs_lookup_get (f, &output) < 0)
        crash_failed ("%s of a job that has ended: %s\n%s", key, strerror (errno), log);
    if (!output || !strstr (output, CRASH_WORDS))
        crash_wrong ("%s of a job that has ended: '%s'\n%s", key, output ? output : "",
                     log);
    flux_future_destroy (f);
}

/* It begins with submit, and nothing comes behind clean.  True if that is there. */
static bool log_is_good (const char *key, const char *log)
{
    _cleanup_ (freep) char *copy = strdup (log);
    int submits = 0, cleans = 0;
    char *line, *save = NULL;

    must (copy != NULL);
    for (line = strtok_r (copy, "\n", &save); line; line = strtok_r (NULL, "\n", &save)) {
        json_t *o = json_loads (line, 0, NULL);
        const char *name = json_string_value (json_object_get (o, "name"));

        if (!name)
            crash_wrong ("%s: '%s' is no event", key, line);
        if (cleans > 0 || (submits == 0) != (strcmp (name, "submit") == 0))
            crash_wrong ("%s: event %s in the wrong place:\n%s", key, name, log);
        submits += strcmp (name, "submit") == 0;
        cleans += strcmp (name, "clean") == 0;
        json_decref (o);
    }
    return cleans == 1;
}

/* That a job has ended is known a moment before its last events are committed. */
static void check_eventlog (flux_t *h, flux_jobid_t id)
{
    double end = crash_now () + 30;
    char key[64];
    bool good;

    must (flux_job_kvs_key (key, sizeof (key), id, "eventlog") > 0);
    do {
        flux_future_t *f = flux_kvs_lookup (h, NULL, 0, key);
        const char *log;

        if (!f || flux_kvs_lookup_get (f, &log) < 0)
            crash_failed ("%s: %s", key, strerror (errno));
        good = log_is_good (key, log);
        if (good)
            check_output (h, id, log);
        if (!good && crash_now () > end)
            crash_wrong ("%s does not end with clean:\n%s", key, log);
        flux_future_destroy (f);
    } while (!good);
}

void crash_check_jobs (flux_t *h)
{
    struct jobs jobs = { .h = h };
    struct job *job;
    size_t pos = 0;

    read_ids (&jobs);
    if (table_count (&jobs.by_id) > 0) {
        wait_more (&jobs);
        flux_reactor_run (flux_get_reactor (h), 0);
        check_list (&jobs);
    }
    while ((job = table_next (&jobs.by_id, &pos)))
        check_eventlog (h, job->id);
    while ((job = table_pop (&jobs.by_id)))
        free (job);
    table_fini (&jobs.by_id);
}
