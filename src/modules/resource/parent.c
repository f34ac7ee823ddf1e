/* resource/parent.c - an instance in a job has the resources of that job.
 *
 * The instance around it knows them (attributes parent-uri and jobid): R of the
 * job, with its nodes numbered as our brokers are, which were started one on
 * each.  Core and GPU ids stay as they are there.  When the job's expiration
 * changes so does that of this instance.
 *
 * Whoever is not asked or does not answer leaves us to look at the machine.
 */
#include "config.h"
#include <jansson.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "resource.h"

/* { "R":R } */
static json_t *get_R (flux_future_t *f)
{
    json_t *R;

    return flux_rpc_get_unpack (f, "{s:o}", "R", &R) < 0 ? NULL : R;
}

static double get_expiration (json_t *R)
{
    return json_number_value (
        json_object_get (json_object_get (R, "execution"), "expiration"));
}

static void update_continuation (flux_future_t *f, void *arg)
{
    struct resource *r = arg;
    json_t *R = get_R (f);
    double expiration;

    if (!R) { /* the job ends, or the instance around us */
        flux_future_destroy (f);
        r->f_parent = NULL;
        return;
    }
    if ((expiration = get_expiration (R)) != rset_expiration (r->R)) {
        rset_set_times (r->R, rset_starttime (r->R), expiration);
        resource_acquire_expiration (r);
    }
    flux_future_reset (f);
}

/* The position of each rank among all. */
static char *renumber (const char *s, const struct idset *all)
{
    struct idset *ids = idset_decode (s);
    struct idset *out = idset_create (0, IDSET_FLAG_AUTOGROW);
    unsigned int i = 0;
    char *text = NULL;

    for (unsigned int rank = idset_first (all); ids && out && rank != IDSET_INVALID_ID;
         rank = idset_next (all, rank), i++) {
        if (idset_test (ids, rank) && idset_set (out, i) < 0)
            break;
    }
    if (ids && out)
        text = idset_encode (out, IDSET_FLAG_RANGE);
    idset_destroy (ids);
    idset_destroy (out);
    return text;
}

static int renumber_member (json_t *o, const char *key, const struct idset *all)
{
    const char *s = json_string_value (json_object_get (o, key));
    char *text = s ? renumber (s, all) : NULL;
    int rc = text ? json_object_set_new (o, key, json_string (text)) : -1;

    free (text);
    return rc;
}

/* R of the job becomes one of an instance. */
static int adapt (json_t *R, const struct idset *all)
{
    json_t *execution = json_object_get (R, "execution");
    json_t *properties = json_object_get (execution, "properties");
    json_t *entry, *value;
    const char *name;
    size_t i;

    (void)json_object_del (execution, "nslots");
    json_array_foreach (json_object_get (execution, "R_lite"), i, entry)
    {
        if (renumber_member (entry, "rank", all) < 0)
            return -ENOMEM;
    }
    json_object_foreach (properties, name, value)
    {
        if (renumber_member (properties, name, all) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int use (struct resource *r, json_t *R, flux_error_t *error)
{
    struct idset *all = NULL;
    struct rset *theirs;
    json_t *copy = NULL;
    int rc;

    if ((rc = rset_parse (R, &theirs, error)) < 0)
        return rc;
    if (rset_nnodes (theirs) != r->size) {
        errprintf (error, "the job has %zu nodes, this instance %u brokers",
                   rset_nnodes (theirs), r->size);
        rc = -EINVAL;
    }
    else if (!(all = rset_ranks (theirs)) || !(copy = json_deep_copy (R)))
        rc = -ENOMEM;
    else if ((rc = adapt (copy, all)) == 0)
        rc = rset_parse (copy, &r->R, error);
    idset_destroy (all);
    json_decref (copy);
    rset_free (theirs);
    return rc;
}

static int ask (struct resource *r, const char *uri, flux_jobid_t id, flux_error_t *error)
{
    json_t *R;
    int rc;

    if (!(r->parent = flux_open (uri, 0))
        || flux_set_reactor (r->parent, flux_get_reactor (r->h)) < 0
        || !(r->f_parent = flux_rpc_pack (
                 r->parent, "job-info.update-watch", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                 "{s:I s:s s:i}", "id", (json_int_t)id, "key", "R", "flags", 0))
        || !(R = get_R (r->f_parent))) {
        rc = -errno;
        errprintf (error, "%s", flux_strerror (errno));
        return rc;
    }
    if ((rc = use (r, R, error)) < 0)
        return rc;
    flux_future_reset (r->f_parent);
    if (flux_future_then (r->f_parent, -1., update_continuation, r) < 0)
        return -errno;
    return 0;
}

int resource_ask_parent (struct resource *r)
{
    const char *uri = flux_attr_get (r->h, "parent-uri");
    const char *jobid = uri ? flux_attr_get (r->h, "jobid") : NULL;
    flux_error_t error = { "" };
    flux_jobid_t id;

    if (!jobid || flux_job_id_parse (jobid, &id) < 0)
        return -ENOENT;
    if (ask (r, uri, id, &error) == 0)
        return 0;
    flux_log (r->h, LOG_INFO, "resources of job %s: %s: looking at this machine", jobid,
              error.text);
    resource_forget_parent (r);
    rset_free (move_ptr (r->R));
    return -ENOENT;
}

void resource_forget_parent (struct resource *r)
{
    flux_future_destroy (move_ptr (r->f_parent));
    flux_close (move_ptr (r->parent));
}
