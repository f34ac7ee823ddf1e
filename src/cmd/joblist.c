#include "config.h"
#include <ctype.h>
#include <pwd.h>
#include <stdio.h>

#include "cmd.h"
#include "common/errprintf.h"
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

bool joblist_parse_user (const char *s, long long *userid)
{
    struct passwd *pw;
    char *end;
    long long uid;

    if (strcmp (s, "all") == 0) {
        *userid = -1;
        return true;
    }
    if ((pw = getpwnam (s))) {
        *userid = pw->pw_uid;
        return true;
    }
    errno = 0;
    uid = strtoll (s, &end, 10);
    if (errno || end == s || *end || uid < 0 || uid > UINT32_MAX)
        return false;
    *userid = uid;
    return true;
}

/* What is to be matched of two masks: nothing, one, or either of them. */
static json_t *states_or_results (int states, int results)
{
    json_t *s = states ? json_pack ("{s:[i]}", "states", states) : NULL;
    json_t *r = results ? json_pack ("{s:[i]}", "results", results) : NULL;

    return s && r ? json_pack ("{s:[o o]}", "or", s, r) : s ? s : r;
}

json_t *joblist_constraint (long long userid, int states, int results)
{
    json_t *and = json_array (), *mask = states_or_results (states, results);

    if (userid >= 0)
        json_array_append_new (and, json_pack ("{s:[I]}", "userid", (json_int_t)userid));
    if (mask)
        json_array_append_new (and, mask);
    return json_pack ("{s:o}", "and", and);
}

int joblist_foreach (flux_t *h,
                     const struct joblist_request *req,
                     void (*cb) (json_t *job, void *arg),
                     void *arg,
                     flux_error_t *error)
{
    flux_future_t *f;
    json_t *jobs, *job;
    int version = 0, result = -1;
    size_t i;

    if (!(f = flux_rpc_pack (h, "job-list.list", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                             "{s:I s:o s:f s:o}", "max_entries",
                             (json_int_t)req->max_entries, "attrs", req->attrs, "since",
                             req->since, "constraint", req->constraint)))
        return errprintf (error, "%s", flux_strerror (errno));
    while (flux_rpc_get_unpack (f, "{s:o s?i}", "jobs", &jobs, "version", &version) == 0) {
        json_array_foreach (jobs, i, job)
            cb (job, arg);
        if (version == 0) { /* an old service answers once */
            result = 0;
            break;
        }
        flux_future_reset (f);
    }
    if (result < 0 && errno == ENODATA)
        result = 0;
    else if (result < 0)
        errprintf (error, "%s", cmd_future_error (f));
    flux_future_destroy (f);
    return result;
}

static void collect (json_t *job, void *arg)
{
    if (json_array_append (arg, job) < 0)
        cmd_die ("out of memory");
}

json_t *joblist_get (flux_t *h, const struct joblist_request *req, flux_error_t *error)
{
    json_t *list = json_array ();

    if (!list || joblist_foreach (h, req, collect, list, error) < 0) {
        json_decref (list);
        return NULL;
    }
    return list;
}
