#include "config.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd.h"
#include "common/text.h"
#include "mpi_args.h"
#include "words.h"

void mpi_die (const char *fmt, ...)
{
    va_list ap;

    fflush (stdout);
    fprintf (stderr, "%s: ", cmd_name);
    va_start (ap, fmt);
    vfprintf (stderr, fmt, ap);
    va_end (ap);
    fprintf (stderr, "\n");
    exit (MPI_EXIT_FAILURE);
}

enum key {
    ARG_N,
    ARG_ENV,
    ARG_ENVLIST,
    ARG_ENVNONE,
    ARG_ENVALL,
    ARG_GENV,
    ARG_GENVLIST,
    ARG_GENVNONE,
    ARG_GENVALL,
    ARG_WDIR,
    ARG_HOSTS,
    ARG_HOSTFILE,
    ARG_CONFIGFILE,
    ARG_LABEL,
    ARG_PREPEND,
    ARG_OUTFILE,
    ARG_ERRFILE,
    ARG_EXITCODES,
    ARG_NO_CLEANUP,
    ARG_BIND,
    ARG_USIZE,
    ARG_GPUS,
    ARG_VERBOSE,
    ARG_VERSION,
    ARG_HELP,
    ARG_IGNORED,
};

static const struct option {
    const char *name;
    int nargs;
    enum key key;
} options[] = {
    { "n", 1, ARG_N },
    { "np", 1, ARG_N },
    { "env", 2, ARG_ENV },
    { "envlist", 1, ARG_ENVLIST },
    { "envnone", 0, ARG_ENVNONE },
    { "envall", 0, ARG_ENVALL },
    { "genv", 2, ARG_GENV },
    { "genvlist", 1, ARG_GENVLIST },
    { "genvnone", 0, ARG_GENVNONE },
    { "genvall", 0, ARG_GENVALL },
    { "wdir", 1, ARG_WDIR },
    { "wd", 1, ARG_WDIR },
    { "host", 1, ARG_HOSTS },
    { "hosts", 1, ARG_HOSTS },
    { "f", 1, ARG_HOSTFILE },
    { "hostfile", 1, ARG_HOSTFILE },
    { "machine", 1, ARG_HOSTS },
    { "machinefile", 1, ARG_HOSTFILE },
    { "configfile", 1, ARG_CONFIGFILE },
    { "l", 0, ARG_LABEL },
    { "prepend-rank", 0, ARG_LABEL },
    { "prepend-pattern", 1, ARG_PREPEND },
    { "outfile-pattern", 1, ARG_OUTFILE },
    { "errfile-pattern", 1, ARG_ERRFILE },
    { "print-all-exitcodes", 0, ARG_EXITCODES },
    { "disable-auto-cleanup", 0, ARG_NO_CLEANUP },
    { "bind-to", 1, ARG_BIND },
    { "binding", 1, ARG_BIND },
    { "usize", 1, ARG_USIZE },
    { "gpus-per-proc", 1, ARG_GPUS },
    { "verbose", 0, ARG_VERBOSE },
    { "v", 0, ARG_VERBOSE },
    { "info", 0, ARG_VERSION },
    { "version", 0, ARG_VERSION },
    { "h", 0, ARG_HELP },
    { "help", 0, ARG_HELP },
    { "ppn", 1, ARG_IGNORED },
    { "map-by", 1, ARG_IGNORED },
    { "membind", 1, ARG_IGNORED },
    { "topolib", 1, ARG_IGNORED },
    { "launcher", 1, ARG_IGNORED },
    { "launcher-exec", 1, ARG_IGNORED },
    { "bootstrap", 1, ARG_IGNORED },
    { "bootstrap-exec", 1, ARG_IGNORED },
    { "rmk", 1, ARG_IGNORED },
    { "demux", 1, ARG_IGNORED },
    { "iface", 1, ARG_IGNORED },
    { "nameserver", 1, ARG_IGNORED },
    { "order-nodes", 1, ARG_IGNORED },
    { "localhost", 1, ARG_IGNORED },
    { "enable-x", 0, ARG_IGNORED },
    { "disable-x", 0, ARG_IGNORED },
    { "profile", 0, ARG_IGNORED },
    { "pmi-port", 0, ARG_IGNORED },
    { "skip-launch-node", 0, ARG_IGNORED },
    { "disable-hostname-propagation", 0, ARG_IGNORED },
};

static const char help_text[] =
    "Usage: flux mpiexec [OPTIONS] PROGRAM [ARGS...] [ : [OPTIONS] PROGRAM ...]\n"
    "Run MPI programs as one job: their output is ours, and so is their exit code.\n"
    "\n"
    "  -n N, -np N                number of processes (1)\n"
    "  -env NAME VALUE            set a variable for this program; -genv: for all\n"
    "  -envlist A,B, -envnone, -envall\n"
    "                             pass these variables, none, all (default);\n"
    "                             -genvlist, -genvnone, -genvall: for all programs\n"
    "  -wdir DIR                  working directory of this program\n"
    "  -hosts A,B; -f FILE        run on these hosts\n"
    "  -configfile FILE           one program on each line\n"
    "  -l                         begin lines with \"[RANK] \"\n"
    "  -prepend-pattern P         begin lines with P; %r is the rank, %h the host\n"
    "  -outfile-pattern P, -errfile-pattern P\n"
    "                             write to files\n"
    "  -print-all-exitcodes       print the exit code of each process\n"
    "  -disable-auto-cleanup      a process that is killed does not end the others\n"
    "  -bind-to core              bind processes to the job's cores (default: none)\n"
    "  -gpus-per-proc N, -usize N\n"
    "  -verbose, -version, -help\n"
    "\n"
    "MPIEXEC_TIMEOUT=SECONDS in the environment limits the run.\n"
    "Exit status: the codes of all processes or'ed; the signal that ended one;\n"
    "255 if the job could not be run.\n"
    "\n"
    "Example: flux mpiexec -n 1 ./master : -n 3 ./worker\n";

static const struct option *find_option (const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE (options); i++) {
        if (strlen (options[i].name) == len && !strncmp (options[i].name, name, len))
            return &options[i];
    }
    return NULL;
}

static void *grow (void *array, size_t n, size_t size)
{
    void *p = realloc (array, (n + 1) * size);

    if (!p)
        mpi_die ("out of memory");
    memset ((char *)p + n * size, 0, size);
    return p;
}

static int number (const char *option, const char *arg, int lo)
{
    char *end;
    long n;

    errno = 0;
    n = strtol (arg, &end, 10);
    if (errno || end == arg || *end || n < lo || n > INT_MAX)
        mpi_die ("-%s: '%s' is not a number from %d on", option, arg, lo);
    return n;
}

/* value NULL: name is "NAME=VALUE", which is parted. */
static void set_var (struct mpi_vars *vars, char *name, const char *value)
{
    char *eq = value ? NULL : strchr (name, '=');

    if (eq) {
        *eq = '\0';
        value = eq + 1;
    }
    if (!*name || strchr (name, '='))
        mpi_die ("'%s' is not the name of a variable", name);
    vars->v = grow (vars->v, vars->n, sizeof (vars->v[0]));
    vars->v[vars->n++] = (struct mpi_var){ name, value };
}

/* "-env NAME=VALUE" stands for "-env NAME VALUE". */
static bool has_both (enum key key, const char *arg)
{
    return (key == ARG_ENV || key == ARG_GENV) && strchr (arg, '=');
}

/* What Hydra knows to bind to: some parts of a machine, as many as ":N" says. */
static void check_binding (const char *option, const char *what)
{
    static const char *const words[] = { "none", "rr", "user", "machine", "numa",
                                         "socket", "package", "core", "hwthread", "pci" };
    static const char *const heads[] = { "l1", "l2", "l3", "l4", "l5",
                                         "gpu", "ib", "en", "eth", "hfi" };
    size_t len = strcspn (what, ":");

    for (size_t i = 0; i < ARRAY_SIZE (words); i++) {
        if (strlen (words[i]) == len && !strncmp (what, words[i], len))
            return;
    }
    for (size_t i = 0; i < ARRAY_SIZE (heads); i++) {
        if (!strncmp (what, heads[i], strlen (heads[i])))
            return;
    }
    mpi_die ("-%s: '%s' is nothing to bind to; none, core, socket, numa... are", option,
             what);
}

static void set_list (struct mpi_env *env, const char *list)
{
    env->pass = MPI_PASS_LIST;
    env->list = list;
}

static char *read_file (const char *path)
{
    FILE *f = fopen (path, "re");
    char *s;

    if (!f)
        mpi_die ("%s: %s", path, strerror (errno));
    s = cmd_read_all (f, path);
    fclose (f);
    return s;
}

/* The first words of a file's lines (what follows a ':' is a number of slots),
 * with commas between them.
 */
static char *read_hosts (const char *path)
{
    char *text = read_file (path), *save = NULL;
    struct text t = TEXT_INIT;

    for (char *line = strtok_r (text, "\n", &save); line;
         line = strtok_r (NULL, "\n", &save)) {
        line += strspn (line, " \t\r");
        line[strcspn (line, "# \t\r:")] = '\0';
        if (*line)
            text_printf (&t, "%s%s", t.len ? "," : "", line);
    }
    free (text);
    if (t.len == 0)
        mpi_die ("%s: no hosts", path);
    return text_take (&t, NULL);
}

/* %r is left to whoever prints; the rest is the same for all.  In a label
 * the host is ours: a label costs no lookup of where each rank runs.
 */
static char *expand_label (const char *pattern)
{
    struct text t = TEXT_INIT;
    char host[256] = "localhost";

    (void)gethostname (host, sizeof (host) - 1);
    for (const char *p = pattern; *p; p++) {
        if (*p != '%')
            text_putc (&t, *p);
        else if (*++p == 'g' || *p == 'p')
            text_putc (&t, '0');
        else if (*p == 'h')
            text_puts (&t, host);
        else if (*p == 'r' || *p == '%')
            text_printf (&t, "%%%c", *p);
        else
            mpi_die ("-prepend-pattern: '%%%c' is none of %%r %%g %%p %%h %%%%", *p);
    }
    return text_take (&t, NULL);
}

/* The same for names of files, in the language of the job's own tags. */
static char *expand_path (const char *option, const char *pattern)
{
    struct text t = TEXT_INIT;
    char *cwd = *pattern == '/' ? NULL : getcwd (NULL, 0);

    if (!*pattern)
        mpi_die ("-%s: an empty name", option);
    if (cwd)
        text_printf (&t, "%s/", cwd);
    free (cwd);
    for (const char *p = pattern; *p; p++) {
        if (*p != '%')
            text_putc (&t, *p);
        else if (*++p == 'r')
            text_puts (&t, "{{task.id}}");
        else if (*p == 'g')
            text_putc (&t, '0');
        else if (*p == 'p')
            text_puts (&t, "{{node.id}}");
        else if (*p == 'h')
            text_puts (&t, "{{node.name}}");
        else if (*p == '%')
            text_putc (&t, '%');
        else
            mpi_die ("-%s: '%%%c' is none of %%r %%g %%p %%h %%%%", option, *p);
    }
    return text_take (&t, NULL);
}

static void version (void)
{
    printf ("flux mpiexec, of %s\n", PACKAGE_STRING);
    exit (0);
}

static void help (void)
{
    fputs (help_text, stdout);
    exit (0);
}

/* The environment of the section, or of all. */
static void
apply_env (struct mpi_args *a, struct mpi_section *s, enum key key, char **arg)
{
    switch (key) {
        case ARG_ENV:
            set_var (&s->env.set, arg[0], arg[1]);
            break;
        case ARG_ENVLIST:
            set_list (&s->env, arg[0]);
            break;
        case ARG_ENVNONE:
            s->env.pass = MPI_PASS_NONE;
            break;
        case ARG_ENVALL:
            s->env.pass = MPI_PASS_ALL;
            break;
        case ARG_GENV:
            set_var (&a->env.set, arg[0], arg[1]);
            break;
        case ARG_GENVLIST:
            set_list (&a->env, arg[0]);
            break;
        case ARG_GENVNONE:
            a->env.pass = MPI_PASS_NONE;
            break;
        default:
            a->env.pass = MPI_PASS_ALL;
            break;
    }
}

static void parse_configfile (struct mpi_args *a, const char *path);

/* What 'a' points into, until mpi_args_fini (). */
static void *keep (struct mpi_args *a, void *p)
{
    a->kept = grow (a->kept, a->nkept, sizeof (a->kept[0]));
    a->kept[a->nkept++] = p;
    return p;
}

static void
apply (struct mpi_args *a, struct mpi_section *s, const struct option *o, char **arg)
{
    switch (o->key) {
        case ARG_N:
            s->n = number (o->name, arg[0], 0);
            break;
        case ARG_WDIR:
            s->wdir = arg[0];
            break;
        case ARG_HOSTS:
            a->hosts = arg[0];
            break;
        case ARG_HOSTFILE:
            a->hosts = keep (a, read_hosts (arg[0]));
            break;
        case ARG_CONFIGFILE:
            parse_configfile (a, arg[0]);
            break;
        case ARG_LABEL:
            a->label = "[%r] ";
            break;
        case ARG_PREPEND:
            a->label = keep (a, expand_label (arg[0]));
            break;
        case ARG_OUTFILE:
            a->outfile = keep (a, expand_path (o->name, arg[0]));
            break;
        case ARG_ERRFILE:
            a->errfile = keep (a, expand_path (o->name, arg[0]));
            break;
        case ARG_EXITCODES:
            a->print_exitcodes = true;
            break;
        case ARG_NO_CLEANUP:
            a->no_cleanup = true;
            break;
        case ARG_BIND:
            check_binding (o->name, arg[0]);
            a->bind = strcmp (arg[0], "none") != 0;
            break;
        case ARG_USIZE:
            if (strcasecmp (arg[0], "SYSTEM") && strcasecmp (arg[0], "INFINITE"))
                a->usize = number (o->name, arg[0], 0);
            break;
        case ARG_GPUS:
            a->gpus = strcasecmp (arg[0], "auto") ? number (o->name, arg[0], 0) : 0;
            break;
        case ARG_VERBOSE:
            a->verbose = true;
            break;
        case ARG_VERSION:
            version ();
            break;
        case ARG_HELP:
            help ();
            break;
        case ARG_IGNORED:
            break;
        default:
            apply_env (a, s, o->key, arg);
            break;
    }
}

/* argv[i] is an option.  Returns the index of the word after it. */
static int
parse_option (struct mpi_args *a, struct mpi_section *s, int argc, char **argv, int i)
{
    char *word = argv[i];
    char *name = word + 1 + (word[1] == '-');
    char *eq = strchr (name, '=');
    const struct option *o = find_option (name, eq ? (size_t)(eq - name) : strlen (name));
    char *arg[2] = { NULL, NULL };
    int n = 0;

    if (!o)
        mpi_die ("unknown option %s; try -help", word);
    if (eq && o->nargs > 0)
        arg[n++] = eq + 1;
    else if (eq)
        mpi_die ("option -%s takes no value", o->name);
    i++;
    while (n < o->nargs) {
        if (n == 1 && has_both (o->key, arg[0]))
            break;
        if (i == argc)
            mpi_die ("option -%s needs %s", o->name,
                     o->nargs > 1 ? "a name and a value" : "a value");
        arg[n++] = argv[i++];
    }
    apply (a, s, o, arg);
    return i;
}

static void add_section (struct mpi_args *a, const struct mpi_section *s)
{
    a->sections = grow (a->sections, a->nsections, sizeof (a->sections[0]));
    a->sections[a->nsections++] = *s;
    if (s->n > INT_MAX - a->size)
        mpi_die ("too many processes");
    a->size += s->n;
}

/* Options, a program and its arguments, up to a ":" or the end.  Returns the
 * index of what ended them.  A line may have options only, for all.
 */
static int parse_section (struct mpi_args *a, int argc, char **argv, int i)
{
    struct mpi_section s = { .n = 1 };
    size_t before = a->nsections;

    while (i < argc && argv[i][0] == '-')
        i = parse_option (a, &s, argc, argv, i);
    s.argv = argv + i;
    while (i < argc && strcmp (argv[i], ":") != 0) {
        s.argc++;
        i++;
    }
    if (s.argc > 0)
        add_section (a, &s);
    else if (a->nsections == before || i < argc)
        mpi_die ("the program to run is missing; try -help");
    return i;
}

static void parse_words (struct mpi_args *a, int argc, char **argv)
{
    int i = parse_section (a, argc, argv, 0);

    while (i < argc)
        i = parse_section (a, argc, argv, i + 1);
}

static void parse_configfile (struct mpi_args *a, const char *path)
{
    char *save = NULL;

    /* Words of the file are in use as long as the arguments are. */
    for (char *line = strtok_r (keep (a, read_file (path)), "\n", &save); line;
         line = strtok_r (NULL, "\n", &save)) {
        int argc;
        char **argv = words_split (line, &argc);

        if (!argv)
            mpi_die ("%s: a quote is not closed", path);
        (void)keep (a, argv);
        if (argc > 0)
            parse_words (a, argc, argv);
    }
    if (a->nsections == 0)
        mpi_die ("%s: no programs", path);
}

static double get_timeout (void)
{
    const char *s = getenv ("MPIEXEC_TIMEOUT");
    char *end;
    double seconds;

    if (!s || !*s)
        return 0;
    seconds = strtod (s, &end);
    if (*end || !isfinite (seconds))
        mpi_die ("MPIEXEC_TIMEOUT: '%s' is not a number of seconds", s);
    return seconds > 0 ? seconds : 0; /* -1 is no limit, as ever */
}

void mpi_args_parse (struct mpi_args *a, int argc, char **argv)
{
    *a = (struct mpi_args){ .timeout = get_timeout () };
    parse_words (a, argc - 1, argv + 1);
}

void mpi_args_fini (struct mpi_args *a)
{
    for (size_t i = 0; i < a->nsections; i++)
        free (a->sections[i].env.set.v);
    free (a->sections);
    free (a->env.set.v);
    for (size_t i = 0; i < a->nkept; i++)
        free (a->kept[i]);
    free (a->kept);
}
