/* exec.c - flux exec: run a command on many ranks. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "cmd.h"
#include "exec.h"

extern char **environ;

/* Flags of rexec.exec. */
enum { WANT_OUTPUT = 3, WANT_CREDIT = 8, WAITABLE = 16 };

enum { OPT_BG = 256, OPT_WAITABLE, OPT_LABEL };

struct exec_args {
    struct exec_opts run;
    const char *ranks;
    const char *exclude;
    const char *dir;
    const char *jobid;
    bool background;
    bool waitable;
    const char *label;
};

static const struct opt opts[] = {
    { 'r', "rank", OPT_REQUIRED, "IDSET", "run on these ranks (all)" },
    { 'x', "exclude", OPT_REQUIRED, "IDSET", "... but not on these" },
    { 'j', "jobid", OPT_REQUIRED, "JOBID",
      "the ranks are those of a job, counted from 0" },
    { 'd', "dir", OPT_REQUIRED, "DIR", "working directory (the current one)" },
    { 'l', "label-io", OPT_NONE, NULL, "begin each line of output with its rank" },
    { 'n', "noinput", OPT_NONE, NULL, "standard input is empty" },
    { 'q', "quiet", OPT_NONE, NULL, "do not tell exit codes other than 0" },
    { 'v', "verbose", OPT_NONE, NULL, "tell what happens" },
    { OPT_BG, "bg", OPT_NONE, NULL, "leave it running: print the process ids" },
    { OPT_WAITABLE, "waitable", OPT_NONE, NULL, "with --bg: keep output and exit code" },
    { OPT_LABEL, "label", OPT_REQUIRED, "NAME", "with --bg: a name for it" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-exec",
    .usage = "[OPTIONS] COMMAND [ARGS...]",
    .summary = "Run COMMAND by the brokers of some ranks; exit with the highest code.",
    .example = "flux exec -l -r 0-3 hostname",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct exec_args *a = data;

    switch (key) {
        case 'r':
            a->ranks = arg;
            break;
        case 'x':
            a->exclude = arg;
            break;
        case 'j':
            a->jobid = arg;
            break;
        case 'd':
            a->dir = arg;
            break;
        case 'l':
            a->run.labelled = true;
            break;
        case 'n':
            a->run.noinput = true;
            break;
        case 'q':
            a->run.quiet = true;
            break;
        case 'v':
            a->run.verbose = true;
            break;
        case OPT_BG:
            a->background = true;
            break;
        case OPT_WAITABLE:
            a->waitable = true;
            break;
        case OPT_LABEL:
            a->label = arg;
            break;
    }
}

/* Which ranks */

static struct idset *decode (const char *name, const char *s)
{
    struct idset *ids = idset_decode (s);

    if (!ids)
        cmd_die ("--%s: '%s' is not a set of ranks", name, s);
    return ids;
}

static struct idset *all_ranks (flux_t *h)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    uint32_t size;

    if (!ids || flux_get_size (h, &size) < 0
        || idset_range_set (ids, 0, size - 1) < 0)
        cmd_die ("size: %s", flux_strerror (errno));
    return ids;
}

static struct idset *job_ranks (flux_t *h, const char *jobid)
{
    flux_jobid_t id = cmd_jobid (jobid);
    flux_future_t *f;
    const char *ranks = NULL;
    struct idset *ids;
    int state;

    if (!(f = flux_rpc_pack (h, "job-list.list-id", 0, 0, "{s:I s:[ss]}", "id",
                             (json_int_t)id, "attrs", "ranks", "state"))
        || flux_rpc_get_unpack (f, "{s:{s:i s?s}}", "job", "state", &state, "ranks",
                                &ranks)
               < 0)
        cmd_die ("job %s: %s", jobid, f ? cmd_future_error (f) : flux_strerror (errno));
    if (state != FLUX_JOB_STATE_RUN || !ranks)
        cmd_die ("job %s is not currently running", jobid);
    ids = decode ("jobid", ranks);
    flux_future_destroy (f);
    return ids;
}

static void die_invalid (const struct idset *bad)
{
    char *s = idset_encode (bad, IDSET_FLAG_RANGE);

    cmd_die ("One or more invalid --ranks specified: %s", s ? s : "");
}

/* The members of 'from' at the places in 'which'. */
static struct idset *pick (const struct idset *from, struct idset *which)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    unsigned int place = 0, id;

    for (id = idset_first (from); ids && id != IDSET_INVALID_ID;
         id = idset_next (from, id), place++) {
        if (idset_test (which, place))
            (void)idset_set (ids, id);
        (void)idset_clear (which, place);
    }
    if (!ids || idset_count (which) > 0)
        die_invalid (which);
    return ids;
}

static struct idset *choose_ranks (flux_t *h, const struct exec_args *a)
{
    struct idset *ids = a->jobid ? job_ranks (h, a->jobid) : all_ranks (h);

    if (a->ranks && strcmp (a->ranks, "all") != 0) {
        struct idset *which = decode ("rank", a->ranks);
        struct idset *picked = pick (ids, which);

        idset_destroy (which);
        idset_destroy (ids);
        ids = picked;
    }
    if (a->exclude) {
        struct idset *not = decode ("exclude", a->exclude);

        (void)idset_subtract (ids, not );
        idset_destroy (not );
    }
    if (idset_count (ids) == 0)
        cmd_die ("No ranks specified");
    return ids;
}

/* The request */

static json_t *env_object (void)
{
    json_t *o = json_object ();

    for (char **e = environ; o && *e; e++) {
        const char *eq = strchr (*e, '=');

        if (eq && eq > *e) {
            char *name = cmd_strndup (*e, eq - *e);

            /* what is not UTF-8 cannot be told */
            (void)json_object_set_new (o, name, json_string (eq + 1));
            free (name);
        }
    }
    return o;
}

static char *make_payload (const struct exec_args *a, int argc, char **argv)
{
    _cleanup_ (freep) char *cwd = a->dir ? strdup (a->dir) : getcwd (NULL, 0);
    json_t *words = json_array ();
    json_t *cmd;
    char *s;

    for (int i = 0; i < argc; i++) {
        if (json_array_append_new (words, json_string (argv[i])) < 0)
            cmd_die ("arguments must be UTF-8");
    }
    if (!cwd)
        cmd_die ("working directory: %s", strerror (errno));
    cmd = json_pack ("{s:s s:o s:o s:{} s:[]}", "cwd", cwd, "cmdline", words, "env",
                     env_object (), "opts", "channels");
    if (cmd && a->label)
        json_object_set_new (cmd, "label", json_string (a->label));
    cmd = json_pack ("{s:o s:i s:i}", "cmd", cmd, "flags",
                     a->background ? (a->waitable ? WAITABLE : 0)
                                   : WANT_OUTPUT | WANT_CREDIT,
                     "local_flags", 0);
    if (!cmd || !(s = json_dumps (cmd, JSON_COMPACT)))
        cmd_die ("out of memory");
    json_decref (cmd);
    return s;
}

/* Start it everywhere, do not wait for its end. */
static int background (flux_t *h,
                       const struct exec_args *a,
                       const char *payload,
                       const struct idset *ranks)
{
    flux_future_t **f;
    unsigned int rank;
    size_t n = 0;
    int rc = 0, pid;

    if (!(f = calloc (idset_count (ranks), sizeof (f[0]))))
        cmd_die ("out of memory");
    for (rank = idset_first (ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank)) {
        if (!(f[n++] = flux_rpc (h, "rexec.exec", payload, rank, 0)))
            cmd_die ("rexec.exec: %s", flux_strerror (errno));
    }
    n = 0;
    for (rank = idset_first (ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank)) {
        if (flux_rpc_get_unpack (f[n], "{s:i}", "pid", &pid) < 0) {
            cmd_warn ("Error: rank %u: %s: %s", rank, a->run.command,
                      cmd_future_error (f[n]));
            rc = 1;
        }
        else if (!a->run.quiet)
            printf ("%u: %d\n", rank, pid);
        flux_future_destroy (f[n++]);
    }
    free (f);
    return rc;
}

static int foreground (flux_t *h,
                       const struct exec_args *a,
                       const char *payload,
                       const struct idset *ranks)
{
    struct exec_run *run = exec_run_new (h, &a->run, payload, ranks);
    int rc = exec_run_wait (run);

    exec_run_free (run);
    return rc;
}

int cmd_exec (int argc, char **argv)
{
    struct exec_args a = { 0 };
    int i = opt_parse (&table, argc, argv, set, &a);
    struct idset *ranks;
    char *payload;
    flux_t *h;
    int rc;

    if (i == argc)
        opt_usage (&table);
    if (!a.background && (a.waitable || a.label))
        opt_error (&table, "--waitable and --label need --bg");
    a.run.command = argv[i];
    h = cmd_open ();
    ranks = choose_ranks (h, &a);
    payload = make_payload (&a, argc - i, argv + i);
    rc = a.background ? background (h, &a, payload, ranks)
                      : foreground (h, &a, payload, ranks);
    free (payload);
    idset_destroy (ranks);
    flux_close (h);
    return rc;
}
