#include "config.h"
#include <ctype.h>
#include <pwd.h>
#include <stdio.h>

#include "cmd.h"
#include "joblist.h"

const char *joblist_parse_filter (const char *list, int *states, int *results)
{
    static char bad[64];
    _cleanup_ (freep) char *copy = strdup (list);
    flux_job_state_t state;
    flux_job_result_t result;

    for (char *p = copy; p && *p; p++)
        *p = toupper ((unsigned char)*p);
    for (char *w = strtok (copy, ","); w; w = strtok (NULL, ",")) {
        if (flux_job_strtostate (w, &state) == 0)
            *states |= state;
        else if (results && flux_job_strtoresult (w, &result) == 0)
            *results |= result;
        else {
            snprintf (bad, sizeof (bad), "%.*s", (int)strlen (w), list + (w - copy));
            return bad;
        }
    }
    return NULL;
}

long long joblist_parse_user (const char *s)
{
    struct passwd *pw;
    char *end;
    long long uid;

    if (strcmp (s, "all") == 0)
        return -1;
    if ((pw = getpwnam (s)))
        return pw->pw_uid;
    errno = 0;
    uid = strtoll (s, &end, 10);
    if (errno || end == s || *end || uid < 0 || uid > UINT32_MAX)
        cmd_die ("unknown user %s", s);
    return uid;
}

json_t *joblist_constraint (long long userid, int states, int results)
{
    json_t *and = json_array (), *or = json_array ();

    if (userid >= 0)
        json_array_append_new (and, json_pack ("{s:[I]}", "userid", (json_int_t)userid));
    if (states)
        json_array_append_new (or, json_pack ("{s:[i]}", "states", states));
    if (results)
        json_array_append_new (or, json_pack ("{s:[i]}", "results", results));
    if (json_array_size (or) > 0)
        json_array_append_new (and, json_pack ("{s:o}", "or", or));
    else
        json_decref (or);
    return json_pack ("{s:o}", "and", and);
}

void joblist_foreach (flux_t *h,
                      long long max_entries,
                      json_t *attrs,
                      json_t *constraint,
                      void (*cb) (json_t *job, void *arg),
                      void *arg)
{
    flux_future_t *f;
    json_t *jobs, *job;
    size_t i;

    if (!(f = flux_rpc_pack (h, "job-list.list", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                             "{s:I s:o s:o}", "max_entries", (json_int_t)max_entries, "attrs",
                             attrs, "constraint", constraint)))
        cmd_die ("job-list.list: %s", flux_strerror (errno));
    while (flux_rpc_get_unpack (f, "{s:o}", "jobs", &jobs) == 0) {
        json_array_foreach (jobs, i, job)
            cb (job, arg);
        flux_future_reset (f);
    }
    if (errno != ENODATA)
        cmd_die ("%s", cmd_future_error (f));
    flux_future_destroy (f);
}
