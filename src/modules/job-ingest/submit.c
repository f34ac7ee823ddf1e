/* job-ingest/submit.c - one submission: is it allowed, is it a jobspec? */
#include "config.h"
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "common/errprintf.h"
#include "common/jobspec.h"
#include "common/jview.h"
#include "common/util.h"
#include "ingest.h"

#define FLAGS_ALLOWED (FLUX_JOB_DEBUG | FLUX_JOB_WAITABLE | FLUX_JOB_NOVALIDATE)

uint64_t ingest_clock_ms (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Checks that look at the request only, in the order of exec.md 2.1.  Returns
 * 0, or -1 with errno and a sentence.
 */
static int check_request (struct ingest *in,
                          struct ingest_job *job,
                          struct flux_msg_cred cred,
                          flux_error_t *error)
{
    bool owner = cred.rolemask & FLUX_ROLE_OWNER;

    if (job->flags & ~FLAGS_ALLOWED) {
        errprintf (error, "invalid job flags");
        errno = EPROTO;
        return -1;
    }
    if (!owner && (job->flags & FLUX_JOB_NOVALIDATE)) {
        errprintf (error,
                   "only the instance owner can submit with FLUX_JOB_NOVALIDATE");
        errno = EPERM;
        return -1;
    }
    errno = EINVAL;
    if (job->urgency < FLUX_JOB_URGENCY_MIN || job->urgency > FLUX_JOB_URGENCY_MAX)
        return errprintf (error, "urgency range is [0:31]");
    if (!owner && job->urgency > FLUX_JOB_URGENCY_DEFAULT)
        return errprintf (error, "only the instance owner can submit with urgency >16");
    if (!owner && (job->flags & FLUX_JOB_WAITABLE))
        return errprintf (error,
                          "only the instance owner can submit with FLUX_JOB_WAITABLE");
    return 0;
}

/* J to its payload, and may this requestor sign so? */
static char *unwrap (struct ingest *in,
                     struct ingest_job *job,
                     struct flux_msg_cred cred,
                     flux_error_t *error)
{
    uint32_t signer;
    char *s;

    if (!(s = flux_unwrap_string (job->J, true, &signer, NULL))) {
        errprintf (error, "could not unwrap jobspec: %s", strerror (EINVAL));
        errno = EINVAL;
        return NULL;
    }
    errno = EPERM;
    if (signer != cred.userid)
        errprintf (error, "signer=%u != requestor=%u", signer, cred.userid);
    else if (!(cred.rolemask & FLUX_ROLE_OWNER))
        errprintf (error, "only instance owner can use sign-type=none");
    else
        return s;
    free (s);
    errno = EPERM;
    return NULL;
}

/* The members of obj but that at the end of path, compact. */
static void put_without (struct text *t, struct jview obj, const char *const *path)
{
    struct jview key, value;
    struct jiter it;
    bool first = true;

    text_putc (t, '{');
    jiter_init (&it, obj);
    while (jiter_next (&it, &key, &value)) {
        bool on_path = jview_equal (key, path[0]);

        if (on_path && !path[1])
            continue;
        if (!first)
            text_putc (t, ',');
        first = false;
        jview_put (t, key);
        text_putc (t, ':');
        if (on_path && jview_is (value, JVIEW_OBJECT))
            put_without (t, value, path + 1);
        else
            jview_put_compact (t, value);
    }
    text_putc (t, '}');
}

/* The jobspec as it is stored: without the environment, which only J keeps.  That
 * is most of it, so it is cut out before a tree is built of the rest.  Anything
 * but an object is left alone.
 */
static int redact (struct ingest_job *job, const char *payload)
{
    static const char *const path[] = { "attributes", "system", "environment", NULL };
    struct text t = TEXT_INIT;
    struct jview v;

    if (jview_parse (payload, strlen (payload), &v) < 0)
        text_puts (&t, payload); /* jansson will say what is wrong with it */
    else if (jview_is (v, JVIEW_OBJECT))
        put_without (&t, v, path);
    else
        jview_put_compact (&t, v);
    if (!(job->jobspec = text_take (&t, NULL))) {
        text_fini (&t);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

/* What is stored is the completed jobspec. */
static int complete (struct ingest *in,
                     struct ingest_job *job,
                     json_t *jobspec,
                     flux_error_t *error)
{
    char *s;

    if (completion_apply (&in->completion, jobspec, error) < 0)
        return -1;
    if (!(s = json_dumps (jobspec, JSON_COMPACT)))
        return errprintf (error, "out of memory");
    free (job->jobspec);
    job->jobspec = s;
    return 0;
}

static int check_jobspec (struct ingest *in,
                          struct ingest_job *job,
                          const char *payload,
                          flux_error_t *error)
{
    json_error_t jerror;
    json_t *jobspec;
    int rc = -1;
    int r;

    if (redact (job, payload) < 0)
        return -1;
    if (!(jobspec = json_loads (job->jobspec, 0, &jerror))) {
        errprintf (error, "jobspec: invalid JSON: %s", jerror.text);
        errno = EINVAL;
        return -1;
    }
    if (in->owner != 0 && job->userid == 0 && !in->allow_root) {
        errprintf (error, "submission of jobs as user root not supported");
        errno = EPERM;
    }
    else if (in->completion.on && complete (in, job, jobspec, error) < 0)
        errno = EPERM;
    else if (in->validate && !(job->flags & FLUX_JOB_NOVALIDATE)
             && (r = jobspec_validate (jobspec, in->hosts, error)) < 0)
        errno = r == -ENOMEM ? ENOMEM : EPERM;
    else
        rc = 0;
    json_decref (jobspec);
    return rc;
}

/* Out of the range of an int it is out of any that is allowed. */
static int get_int (struct jview v, int *value)
{
    int64_t i;

    if (jview_int (v, &i) < 0)
        return -1;
    *value = i == (int)i ? (int)i : -1;
    return 0;
}

static int decode (struct ingest_job *job)
{
    static const char *const keys[] = { "J", "urgency", "flags" };
    struct jview v[3];
    const char *s;

    if (flux_request_decode (job->msg, NULL, &s) < 0 || !s
        || jview_parse_pick (s, strlen (s), false, 3, keys, v) < 0
        || !jview_is (v[0], JVIEW_STRING) || get_int (v[1], &job->urgency) < 0
        || get_int (v[2], &job->flags) < 0)
        return -1;
    return jview_strdup (v[0], &job->J) < 0 ? -1 : 0;
}

static int check (struct ingest *in, struct ingest_job *job, flux_error_t *error)
{
    struct flux_msg_cred cred;
    char *payload;
    int rc;

    if (decode (job) < 0 || flux_msg_get_cred (job->msg, &cred) < 0) {
        errprintf (error, "error decoding job request: %s", strerror (EPROTO));
        errno = EPROTO;
        return -1;
    }
    job->userid = cred.userid;
    if (check_request (in, job, cred, error) < 0)
        return -1;
    if (in->count >= INGEST_MAX) {
        errno = EAGAIN;
        return errprintf (error, "too many jobs are being submitted at once");
    }
    if (!(payload = unwrap (in, job, cred, error)))
        return -1;
    rc = check_jobspec (in, job, payload, error);
    free_keep_errno (payload);
    if (rc == 0 && (rc = fluid_generate (&in->ids, ingest_clock_ms (), &job->id)) < 0) {
        errno = -rc;
        rc = -1;
    }
    return rc;
}

/* job-ingest.submit { "J":s "urgency":i "flags":i } -> { "id":I } */
void ingest_submit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct ingest *in = arg;
    struct ingest_job *job;
    flux_error_t error = { "" };

    in->stats.requests++;
    if (!(job = calloc (1, sizeof (*job))))
        goto error;
    list_init (&job->link);
    job->msg = flux_msg_incref (msg);
    if (check (in, job, &error) < 0)
        goto error;
    job->t_submit = flux_reactor_time ();
    ingest_job_add (in, job);
    return;
error:
    in->stats.errors++;
    if (flux_respond_error (h, msg, errno, error.text[0] ? error.text : NULL) < 0)
        flux_log_error (h, "submit response");
    ingest_job_free (job);
}
