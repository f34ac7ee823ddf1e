/* submit.c - flux submit: hand jobs over and print their ids. */

#include "config.h"
#include <flux/idset.h>
#include <stdio.h>

#include "cmd.h"
#include "common/text.h"
#include "submission.h"

enum { KEY_CC = SUBMISSION_KEY_LAST, KEY_BCC, KEY_WAIT };

static const struct opt opts[] = {
    SUBMISSION_OPTS,
    { KEY_CC, "cc", OPT_REQUIRED, "IDSET", "submit a copy for each id; {cc} is the id" },
    { KEY_BCC, "bcc", OPT_REQUIRED, "IDSET", "as --cc, but FLUX_JOB_CC is not set" },
    { KEY_WAIT, "wait", OPT_NONE, NULL, "wait for the jobs; exit with the highest code" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux submit",
    .usage = "[OPTIONS] COMMAND [ARGS...]",
    .summary = "Submit COMMAND as a job and print the job's id.",
    .example = "flux submit --cc=1-100 --wait ./step {cc}",
    .opts = opts,
    .error_exit = 2,
};

struct submit {
    struct submission s;
    const char *cc;
    const char *bcc;
    bool wait;
    bool failed;
    int exit_code;
    size_t unfinished;
};

static void set (int key, const char *arg, void *data)
{
    struct submit *sub = data;

    switch (key) {
        case KEY_CC:
            sub->cc = arg;
            break;
        case KEY_BCC:
            sub->bcc = arg;
            break;
        case KEY_WAIT:
            sub->wait = true;
            break;
        default:
            submission_option (&sub->s, key, arg);
            break;
    }
}

/* The jobspec's text with the id in place of every "{cc}". */
static char *for_cc (const char *jobspec, unsigned int id)
{
    struct text t = TEXT_INIT;
    const char *p;
    char *s;

    while ((p = strstr (jobspec, "{cc}"))) {
        text_put (&t, jobspec, p - jobspec);
        text_put_uint (&t, id);
        jobspec = p + 4;
    }
    text_puts (&t, jobspec);
    if (!(s = text_take (&t, NULL)))
        cmd_die ("ERROR: out of memory");
    return s;
}

static void finished (flux_future_t *f, void *arg)
{
    struct submit *sub = arg;
    int status = -1, code = 1;
    bool exception = false;
    int severity = 7;

    if (flux_job_result_get_unpack (f, "{s?i s:b s?i}", "waitstatus", &status,
                                    "exception_occurred", &exception, "exception_severity",
                                    &severity)
        < 0)
        cmd_warn ("%s", cmd_future_error (f));
    else if (status >= 0) {
        code = flux_job_waitstatus_to_exitcode (status, NULL);
        if (code == 0 && exception && severity == 0)
            code = 1;
    }
    if (code > sub->exit_code)
        sub->exit_code = code;
    sub->unfinished--;
    flux_future_destroy (f);
}

/* Print the id that the service gave, or why it gave none. */
static void collect (struct submit *sub, flux_t *h, flux_future_t *f, const char *prefix)
{
    flux_jobid_t id;
    char name[64];
    flux_future_t *result;

    if (flux_job_submit_get_id (f, &id) < 0) {
        fprintf (stderr, "%s[Errno %d] %s\n", prefix, errno, cmd_future_error (f));
        sub->failed = true;
    }
    else {
        if (!sub->s.quiet && flux_job_id_encode (id, "f58", name, sizeof (name)) == 0)
            printf ("%s\n", name);
        if (sub->wait) {
            if (!(result = flux_job_result (h, id, 0))
                || flux_future_then (result, -1., finished, sub) < 0)
                cmd_die ("ERROR: %s", flux_strerror (errno));
            sub->unfinished++;
        }
    }
    flux_future_destroy (f);
}

static flux_future_t *send (struct submit *sub, flux_t *h, const char *jobspec)
{
    flux_future_t *f = flux_job_submit (h, jobspec, sub->s.urgency, sub->s.flags);

    if (!f)
        cmd_die ("ERROR: %s", flux_strerror (errno));
    return f;
}

/* All requests go out before the first answer is awaited, so that the
 * services can take them together.
 */
static void submit_copies (struct submit *sub, flux_t *h, const char *jobspec)
{
    const char *ids = sub->cc ? sub->cc : sub->bcc;
    struct idset *set = idset_decode (ids);
    flux_future_t **futures;
    unsigned int id;
    size_t n = 0;
    char prefix[32];

    if (!set)
        cmd_die ("ERROR: --%s: '%s' is not an idset", sub->cc ? "cc" : "bcc", ids);
    if (!(futures = calloc (idset_count (set) + 1, sizeof (futures[0]))))
        cmd_die ("ERROR: out of memory");
    for (id = idset_first (set); id != IDSET_INVALID_ID; id = idset_next (set, id)) {
        _cleanup_ (freep) char *text = for_cc (jobspec, id);

        futures[n++] = send (sub, h, text);
    }
    n = 0;
    for (id = idset_first (set); id != IDSET_INVALID_ID; id = idset_next (set, id)) {
        snprintf (prefix, sizeof (prefix), "cc=%u: ", id);
        collect (sub, h, futures[n++], prefix);
    }
    free (futures);
    idset_destroy (set);
}

int cmd_submit (int argc, char **argv)
{
    struct submit sub = { .wait = false };
    json_t *jobspec;
    char *text;
    flux_t *h;
    int i;

    submission_init (&sub.s, &table);
    i = opt_parse (&table, argc, argv, set, &sub);
    if (i == argc)
        opt_error (&table, "ERROR: job command and arguments are missing");
    if (sub.cc && sub.bcc)
        cmd_die ("ERROR: specify only one of --cc or --bcc");
    if (sub.cc)
        json_object_set_new (sub.s.env, "FLUX_JOB_CC", json_string ("{cc}"));
    jobspec = submission_jobspec (&sub.s, argc - i, argv + i);
    if (sub.s.dry_run) {
        json_dumpf (jobspec, stdout, 0);
        printf ("\n");
        json_decref (jobspec);
        submission_fini (&sub.s);
        return 0;
    }
    if (!(text = json_dumps (jobspec, JSON_COMPACT)))
        cmd_die ("ERROR: out of memory");
    h = cmd_open ();
    if (sub.cc || sub.bcc)
        submit_copies (&sub, h, text);
    else
        collect (&sub, h, send (&sub, h, text), "");
    fflush (stdout);
    while (sub.unfinished > 0) {
        if (flux_reactor_run (flux_get_reactor (h), FLUX_REACTOR_ONCE) < 0)
            cmd_die ("ERROR: lost connection to Flux: %s", flux_strerror (errno));
    }
    free (text);
    json_decref (jobspec);
    submission_fini (&sub.s);
    flux_close (h);
    return sub.failed && sub.exit_code == 0 ? 1 : sub.exit_code;
}
