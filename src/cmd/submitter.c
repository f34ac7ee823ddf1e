#include "config.h"
#include <stdio.h>

#include "cmd.h"
#include "common/text.h"
#include "jsonpath.h"
#include "progress.h"
#include "submitter.h"

void submitter_init (struct submitter *s, const struct opt_table *table, bool cc_only)
{
    *s = (struct submitter){ .table = table, .cc_only = cc_only };
}

void submitter_fini (struct submitter *s)
{
    free (s->options);
    idset_destroy (s->cc);
    json_decref (s->shared);
    jobwatch_destroy (s->watcher);
    progress_destroy (s->watch.progress);
    free (s->ring);
    for (size_t i = 0; i < s->nlogs; i++) {
        fclose (s->logs[i].f);
        free (s->logs[i].name);
    }
    free (s->logs);
    flux_close (s->h);
}

/* -- options -- */

/* "N-N" is no range, but what a script that counts to N asks for if N is one: it is
 * taken as N.
 */
static struct idset *decode_ids (const char *arg)
{
    struct text t = TEXT_INIT;
    struct idset *ids;
    const char *p = arg;

    if (*p == '[')
        text_putc (&t, *p++);
    while (*p) {
        size_t digits = strspn (p, "0123456789"), len = strcspn (p, ",]");

        if (p[digits] == '-' && len == 2 * digits + 1
            && strncmp (p, p + digits + 1, digits) == 0)
            text_put (&t, p, digits);
        else
            text_put (&t, p, len);
        p += len;
        if (*p)
            text_putc (&t, *p++);
    }
    ids = idset_decode (t.buf ? t.buf : "");
    text_fini (&t);
    return ids;
}

static void set_cc (struct submitter *s, const char *arg, bool in_environment)
{
    if (s->cc && s->set_cc != in_environment)
        cmd_die ("ERROR: specify only one of --cc or --bcc");
    idset_destroy (s->cc);
    if (!(s->cc = decode_ids (arg)))
        cmd_die ("ERROR: --%s: '%s' is not an idset", in_environment ? "cc" : "bcc", arg);
    s->cc_arg = arg;
    s->set_cc = in_environment;
}

static void keep_option (struct submitter *s, int key, const char *arg)
{
    s->dry_run = s->dry_run || key == SK_DRY_RUN;
    s->quiet = s->quiet || key == SK_QUIET;
    s->label_io = s->label_io || key == 'l';
    s->options_vary = s->options_vary || (arg && subst_wanted (arg, s->cc_only));
    s->options = cmd_grow (s->options, s->noptions, sizeof (s->options[0]));
    s->options[s->noptions++] = (struct submitter_option){ key, arg };
}

void submitter_option (struct submitter *s, int key, const char *arg)
{
    switch (key) {
        case SUBMITTER_CC:
        case SUBMITTER_BCC:
            set_cc (s, arg, key == SUBMITTER_CC);
            break;
        case SUBMITTER_WAIT:
            s->wait = true;
            break;
        case SUBMITTER_WAIT_EVENT:
            s->wait = true;
            s->watch.wait_event = arg;
            break;
        case SUBMITTER_WATCH:
            s->wait = s->watch.output = true;
            break;
        case SUBMITTER_JPS:
            s->jps = true;
            break;
        case SUBMITTER_PROGRESS:
            s->progress = true;
            break;
        case SUBMITTER_LOG:
            s->log = arg;
            break;
        case SUBMITTER_LOG_STDERR:
            s->log_stderr = arg;
            break;
        case 'v':
            s->watch.verbose++;
            break;
        default:
            keep_option (s, key, arg);
            break;
    }
}

/* -- one job's jobspec -- */

static char *expand (const char *word, const struct subst *v, const char *where)
{
    flux_error_t error;
    char *e = subst_expand (word, v, &error);

    if (!e)
        cmd_die ("ERROR: Invalid replacement string in %s: %s", where, error.text);
    return e;
}

/* The words of the command, expanded; freed by free_words (). */
static char **expand_command (const struct submitter *s, const struct subst *v)
{
    char **words = calloc (s->argc + 1, sizeof (words[0]));

    if (!words)
        cmd_die ("ERROR: out of memory");
    for (int i = 0; i < s->argc; i++)
        words[i] = expand (s->argv[i], v, "command");
    return words;
}

static void free_words (char **words)
{
    for (char **w = words; *w; w++)
        free (*w);
    free (words);
}

/* Make the jobspec from the options. */
static json_t *build (struct submitter *s, const struct subst *v, char **words)
{
    struct submission sub;
    char **args = calloc (s->noptions + 1, sizeof (args[0]));
    json_t *jobspec;

    if (!args)
        cmd_die ("ERROR: out of memory");
    submission_init (&sub, s->table);
    for (size_t i = 0; i < s->noptions; i++) {
        const struct submitter_option *o = &s->options[i];

        if (o->arg)
            args[i] = expand (o->arg, v, "options");
        submission_option (&sub, o->key, args[i]);
    }
    if (sub.stdin_ranks)
        cmd_die ("ERROR: per-task input not supported for submit");
    jobspec = submission_jobspec (&sub, s->argc, words);
    s->urgency = sub.urgency;
    s->flags = sub.flags;
    submission_fini (&sub);
    for (size_t i = 0; i < s->noptions; i++)
        free (args[i]);
    free (args);
    return jobspec;
}

static void set_command (json_t *jobspec, int argc, char **words)
{
    json_t *task = json_array_get (json_object_get (jobspec, "tasks"), 0);
    json_t *command = json_array ();

    for (int i = 0; i < argc; i++) {
        if (json_array_append_new (command, json_string (words[i])) < 0)
            cmd_die ("ERROR: out of memory, or '%s' is not UTF-8", words[i]);
    }
    json_object_set_new (task, "command", command);
}

/* The jobspec with these values in place, a new reference. */
static json_t *make_jobspec (struct submitter *s, const struct subst *v)
{
    char **words = expand_command (s, v);
    json_t *jobspec;

    if (s->shared) {
        set_command (s->shared, s->argc, words);
        jobspec = json_incref (s->shared);
    }
    else {
        jobspec = build (s, v, words);
        if (!s->options_vary)
            s->shared = json_incref (jobspec);
    }
    if (s->set_cc) {
        json_object_set_new (jsonpath_get (jobspec, "attributes.system.environment"),
                             "FLUX_JOB_CC", json_string (v->cc));
    }
    free_words (words);
    return jobspec;
}

/* -- logs -- */

static FILE *open_log (struct submitter *s, const char *pattern, const struct subst *v)
{
    char *name = expand (pattern, v, "options");
    FILE *f;

    for (size_t i = 0; i < s->nlogs; i++) {
        if (strcmp (s->logs[i].name, name) == 0) {
            free (name);
            return s->logs[i].f;
        }
    }
    if (!(f = fopen (name, "w")))
        cmd_die ("ERROR: %s: %s", name, strerror (errno));
    setvbuf (f, NULL, _IOLBF, BUFSIZ);
    s->logs = cmd_grow (s->logs, s->nlogs, sizeof (s->logs[0]));
    s->logs[s->nlogs++] = (struct submitter_log){ name, f };
    return f;
}

/* -- requests and answers -- */

static void draw_progress (struct submitter *s)
{
    double now = flux_reactor_time ();

    if (s->watch.progress && now - s->drawn > 0.25) {
        progress_draw (s->watch.progress, now);
        s->drawn = now;
    }
}

static void print_id (struct submitter *s,
                      const struct submitter_request *r,
                      flux_jobid_t id)
{
    char name[64];

    if (s->quiet || flux_job_id_encode (id, "f58", name, sizeof (name)) < 0)
        return;
    progress_hide (s->watch.progress);
    fprintf (r->out, "%s\n", name);
}

/* Print the id that the service gave, or why it gave none. */
static void collect (struct submitter *s, struct submitter_request *r)
{
    flux_jobid_t id;

    if (flux_job_submit_get_id (r->f, &id) < 0) {
        int errnum = errno;

        progress_hide (s->watch.progress);
        fflush (r->out);
        fprintf (r->err, "%s[Errno %d] %s\n", r->prefix ? r->prefix : "", errnum,
                 cmd_future_error (r->f));
        s->failed = true;
        progress_move (s->watch.progress, PROGRESS_PENDING, PROGRESS_FAILED);
    }
    else {
        print_id (s, r, id);
        if (s->watcher)
            jobwatch_add (s->watcher, id, r->out, r->err);
        else
            progress_move (s->watch.progress, PROGRESS_PENDING, PROGRESS_COMPLETED);
    }
    draw_progress (s);
    flux_future_destroy (r->f);
    free (r->prefix);
}

static void collect_first (struct submitter *s)
{
    struct submitter_request *r = &s->ring[s->first];

    s->first = (s->first + 1) % SUBMIT_WINDOW;
    s->count--;
    collect (s, r);
}

static void send (struct submitter *s, const struct subst *v)
{
    json_t *jobspec = make_jobspec (s, v);
    struct submitter_request r = { .out = stdout, .err = stderr };
    char *text;

    if (s->dry_run) {
        json_dumpf (jobspec, stdout, 0);
        printf ("\n");
        json_decref (jobspec);
        return;
    }
    if (s->log)
        r.out = r.err = open_log (s, s->log, v);
    if (s->log_stderr)
        r.err = open_log (s, s->log_stderr, v);
    if (v->cc && asprintf (&r.prefix, "cc=%s: ", v->cc) < 0)
        cmd_die ("ERROR: out of memory");
    if (!(text = json_dumps (jobspec, JSON_COMPACT)))
        cmd_die ("ERROR: out of memory");
    if (!(r.f = flux_job_submit (s->h, text, s->urgency, s->flags)))
        cmd_die ("ERROR: %s", flux_strerror (errno));
    free (text);
    json_decref (jobspec);
    if (s->count == SUBMIT_WINDOW)
        collect_first (s);
    s->ring[(s->first + s->count++) % SUBMIT_WINDOW] = r;
}

/* -- from begin to end -- */

static void begin_progress (struct submitter *s, size_t njobs)
{
    if (!s->progress && !s->jps)
        return;
    if (!isatty (STDOUT_FILENO)) {
        fprintf (stderr, "flux: WARNING: stdout is not a tty. Ignoring --%s option\n",
                 s->progress ? "progress" : "jps");
        return;
    }
    s->watch.progress = progress_create (stdout, njobs, s->jps, flux_reactor_time ());
}

void submitter_begin (struct submitter *s, int argc, char **argv, size_t ninputs)
{
    s->argc = argc;
    s->argv = argv;
    s->watch.label_io = s->label_io;
    if (s->dry_run)
        return;
    if (!(s->ring = calloc (SUBMIT_WINDOW, sizeof (s->ring[0]))))
        cmd_die ("ERROR: out of memory");
    s->h = cmd_open_for ("ERROR: ");
    begin_progress (s, ninputs * (s->cc ? idset_count (s->cc) : 1));
    if (s->wait)
        s->watcher = jobwatch_create (s->h, &s->watch);
}

void submitter_add (struct submitter *s, const struct subst *v)
{
    struct subst copy = *v;
    char buf[16];

    copy.cc_only = s->cc_only;
    copy.cc = NULL;
    if (!s->cc) {
        send (s, &copy);
        return;
    }
    for (unsigned int id = idset_first (s->cc); id != IDSET_INVALID_ID;
         id = idset_next (s->cc, id)) {
        snprintf (buf, sizeof (buf), "%u", id);
        copy.cc = buf;
        send (s, &copy);
        if (s->dry_run)
            break;
    }
}

int submitter_finish (struct submitter *s)
{
    int exit_code = 0;

    while (s->count > 0)
        collect_first (s);
    fflush (stdout);
    if (s->watcher)
        exit_code = jobwatch_run (s->watcher);
    else if (s->watch.progress)
        progress_draw (s->watch.progress, flux_reactor_time ());
    return s->failed && exit_code == 0 ? 1 : exit_code;
}
