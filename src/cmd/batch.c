/* batch.c - flux batch, and what it shares with flux alloc. */

#include "config.h"
#include <stdio.h>
#include <sys/stat.h>

#include "addfile.h"
#include "batch.h"
#include "cmd.h"
#include "jsonpath.h"

/* ---- what both have --------------------------------------------------------------- */

void batch_init (struct batch *b, const struct opt_table *table)
{
    *b = (struct batch){ .conf = submission_checked (json_object ()) };
    submission_init (&b->s, table);
}

void batch_fini (struct batch *b)
{
    submission_fini (&b->s);
    json_decref (b->conf);
    free (b->broker_opts);
}

static void add_broker_opt (struct batch *b, const char *word)
{
    b->broker_opts = cmd_grow (b->broker_opts, b->nbroker_opts, sizeof (b->broker_opts[0]));
    b->broker_opts[b->nbroker_opts++] = (char *)word;
}

/* JSON, KEY=VAL, or the name of a file of JSON; TOML goes along as it is. */
static void add_conf (struct batch *b, const char *arg)
{
    const char *eq = strchr (arg, '='), *dot = strrchr (arg, '.');
    json_error_t error;
    json_t *o;

    if (arg[0] != '{' && eq) {
        submission_set_key_value (b->conf, "", arg);
        return;
    }
    if (arg[0] != '{' && dot && strcmp (dot, ".toml") == 0) {
        _cleanup_ (freep) char *spec = NULL;

        if (asprintf (&spec, "conf.toml=%s", arg) < 0)
            cmd_die ("ERROR: out of memory");
        addfile (b->s.files, spec);
        add_broker_opt (b, "-c{{tmpdir}}/conf.toml");
        return;
    }
    o = arg[0] == '{' ? json_loads (arg, 0, &error) : json_load_file (arg, 0, &error);
    if (!json_is_object (o) || json_object_update_recursive (b->conf, o) < 0)
        cmd_die ("ERROR: --conf=%s: %s", arg, o ? "not an object" : error.text);
    json_decref (o);
}

bool batch_option (struct batch *b, int key, const char *arg)
{
    switch (key) {
        case BATCH_CONF:
            add_conf (b, arg);
            return true;
        case BATCH_BROKER_OPTS: {
            char *copy = cmd_strndup (arg, strlen (arg)); /* the words stay in it */

            for (char *w = strtok (copy, ","); w; w = strtok (NULL, ","))
                add_broker_opt (b, w);
            return true;
        }
        case BATCH_DUMP:
            b->dump = arg ? arg : "flux-{{jobid}}-dump.tgz";
            return true;
        default:
            return submission_option (&b->s, key, arg);
    }
}

static void put_conf (struct batch *b)
{
    struct text t = TEXT_INIT;
    char *s;

    if (json_object_size (b->conf) == 0)
        return;
    if (!(s = json_dumps (b->conf, JSON_COMPACT)))
        cmd_die ("ERROR: out of memory");
    text_puts (&t, s);
    addfile_text (b->s.files, "conf.json", S_IFREG | 0600, &t);
    text_fini (&t);
    free (s);
    add_broker_opt (b, "-c{{tmpdir}}/conf.json");
}

json_t *batch_jobspec (struct batch *b, int argc, char **argv)
{
    char *dump = NULL, **words;
    json_t *jobspec;
    int n = 0;

    if (b->s.ntasks == 0 && b->s.nnodes == 0)
        cmd_die ("ERROR: Number of slots to allocate must be specified");
    put_conf (b);
    if (b->dump && asprintf (&dump, "-Scontent.dump=%s", b->dump) < 0)
        cmd_die ("ERROR: out of memory");
    submission_set_path (b->s.shell_options, "per-resource",
                         submission_checked (json_pack ("{s:s}", "type", "node")));
    submission_set_path (b->s.shell_options, "mpi", json_string ("none"));
    submission_set_path (b->s.shell_options, "exit-timeout", json_string ("none"));
    if (!(words = calloc (b->nbroker_opts + argc + 4, sizeof (words[0]))))
        cmd_die ("ERROR: out of memory");
    words[n++] = "flux";
    words[n++] = "broker";
    for (size_t i = 0; i < b->nbroker_opts; i++)
        words[n++] = b->broker_opts[i];
    if (dump)
        words[n++] = dump;
    for (int i = 0; i < argc; i++)
        words[n++] = argv[i];
    jobspec = submission_jobspec (&b->s, n, words);
    free (words);
    free (dump);
    return jobspec;
}

flux_jobid_t batch_submit (flux_t **h, struct batch *b, json_t *jobspec)
{
    char *text = json_dumps (jobspec, b->s.dry_run ? 0 : JSON_COMPACT);
    flux_future_t *f;
    flux_jobid_t id = 0;

    json_decref (jobspec);
    if (!text)
        cmd_die ("ERROR: out of memory");
    if (b->s.dry_run)
        printf ("%s\n", text);
    else {
        *h = cmd_open_for ("ERROR: ");
        if (!(f = flux_job_submit (*h, text, b->s.urgency, b->s.flags))
            || flux_job_submit_get_id (f, &id) < 0)
            cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
        flux_future_destroy (f);
    }
    free (text);
    return id;
}

/* ---- flux batch ------------------------------------------------------------------- */

static const struct opt opts[] = {
    BATCH_OPTS,
    { BATCH_WRAP, "wrap", OPT_NONE, NULL, "the words are a command, not the name of a script" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux batch",
    .usage = "[OPTIONS] SCRIPT [ARGS...] | --wrap COMMAND...",
    .summary = "Submit a script that runs in a Flux instance of its own, and print the job's\n"
               "id.  Without SCRIPT it is read from standard input.",
    .example = "flux batch -N2 ./script.sh",
    .opts = opts,
    .error_exit = 2,
};

/* The command line counts after what the script says: it is kept until then. */
struct command_line {
    struct {
        int key;
        const char *arg;
    } *options;
    size_t n;
    bool wrap;
};

static void keep (int key, const char *arg, void *data)
{
    struct command_line *c = data;

    if (key == BATCH_WRAP)
        c->wrap = true;
    c->options = cmd_grow (c->options, c->n, sizeof (c->options[0]));
    c->options[c->n].key = key;
    c->options[c->n++].arg = arg;
}

static void set (int key, const char *arg, void *data)
{
    (void)batch_option (data, key, arg);
}

static char *wrapped (int argc, char **argv)
{
    _cleanup_ (freep) char *words = cmd_join (argc, argv);
    char *s;

    if (asprintf (&s, "#!/bin/sh\n%s\n", words) < 0)
        cmd_die ("ERROR: out of memory");
    return s;
}

/* The script's text; *name is what to call it. */
static char *read_script (const struct command_line *c, int argc, char **argv, const char **name)
{
    char *s;
    FILE *f;

    *name = "batch";
    if (c->wrap && argc == 0)
        cmd_die ("ERROR: --wrap needs a command");
    if (c->wrap)
        return wrapped (argc, argv);
    if (argc == 0)
        s = cmd_read_all (stdin, "stdin");
    else {
        const char *slash = strrchr (argv[0], '/');

        *name = slash ? slash + 1 : argv[0];
        if (!(f = fopen (argv[0], "r")))
            cmd_die ("ERROR: %s: %s", argv[0], strerror (errno));
        s = cmd_read_all (f, argv[0]);
        fclose (f);
    }
    if (strncmp (s, "#!", 2) != 0)
        cmd_die ("ERROR: %s does not appear to start with '#!'", argc ? argv[0] : "stdin");
    return s;
}

static void print_id (flux_jobid_t id)
{
    char name[64];

    if (flux_job_id_encode (id, "f58", name, sizeof (name)) < 0)
        cmd_die ("ERROR: job id: %s", flux_strerror (errno));
    printf ("%s\n", name);
}

int cmd_batch (int argc, char **argv)
{
    struct command_line c = { .n = 0 };
    struct text t = TEXT_INIT;
    const char *name;
    struct batch b;
    flux_t *h = NULL;
    flux_jobid_t id;
    char *script;
    int i = opt_parse (&table, argc, argv, keep, &c);

    batch_init (&b, &table);
    script = read_script (&c, argc - i, argv + i, &name);
    text_puts (&t, script);
    batch_directives (&table, script, set, &b);
    for (size_t k = 0; k < c.n; k++)
        set (c.options[k].key, c.options[k].arg, &b);
    addfile_text (b.s.files, "script", S_IFREG | 0700, &t);
    if (!b.s.job_name)
        b.s.job_name = name;
    if (!b.s.output)
        b.s.output = "flux-{{id}}.out";
    if (i == argc || c.wrap)
        argv[i = argc - 1] = "{{tmpdir}}/script";
    else
        argv[i] = "{{tmpdir}}/script";
    id = batch_submit (&h, &b, batch_jobspec (&b, argc - i, argv + i));
    if (id != 0 && !b.s.quiet)
        print_id (id);
    text_fini (&t);
    free (script);
    free (c.options);
    batch_fini (&b);
    flux_close (h);
    return 0;
}
