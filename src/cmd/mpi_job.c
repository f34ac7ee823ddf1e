/* The text is written in one go: no JSON tree is built of the environment,
 * which is most of it.
 */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "common/utf8.h"
#include "mpi_job.h"

extern char **environ;

static void put_string (struct text *t, const char *s)
{
    size_t len = strlen (s);

    if (!utf8_valid (s, len))
        mpi_die ("not UTF-8: %s", s);
    text_put_json_string (t, s, len);
}

static void put_comma (struct text *t)
{
    if (t->len > 0 && t->buf[t->len - 1] != '{' && t->buf[t->len - 1] != '[')
        text_putc (t, ',');
}

static void put_key (struct text *t, const char *key)
{
    put_comma (t);
    text_printf (t, "\"%s\":", key);
}

/* ---- environment ---------------------------------------------------------------- */

/* Is this variable set by one of the two lists? */
static bool
is_set (const char *name, size_t len, const struct mpi_vars *vars, size_t from)
{
    for (size_t i = from; vars && i < vars->n; i++) {
        if (!strncmp (vars->v[i].name, name, len) && !vars->v[i].name[len])
            return true;
    }
    return false;
}

/* A jobspec holds text: a value that is none cannot be passed on. */
static void put_var (struct text *t, const char *name, size_t namelen, const char *value)
{
    size_t len = strlen (value);

    if (!utf8_valid (name, namelen) || !utf8_valid (value, len))
        return;
    put_comma (t);
    text_put_json_string (t, name, namelen);
    text_putc (t, ':');
    text_put_json_string (t, value, len);
}

/* Members of an object: vars, of which the last of a name counts, unless
 * 'over' has the name, too.
 */
static void
put_vars (struct text *t, const struct mpi_vars *vars, const struct mpi_vars *over)
{
    for (size_t i = 0; i < vars->n; i++) {
        const struct mpi_var *v = &vars->v[i];
        size_t len = strlen (v->name);

        if (!is_set (v->name, len, vars, i + 1) && !is_set (v->name, len, over, 0))
            put_var (t, v->name, len, v->value);
    }
}

static void
put_environ (struct text *t, const struct mpi_vars *a, const struct mpi_vars *b)
{
    for (char **e = environ; *e; e++) {
        const char *eq = strchr (*e, '=');
        size_t len = eq ? (size_t)(eq - *e) : 0;

        if (len > 0 && !is_set (*e, len, a, 0) && !is_set (*e, len, b, 0))
            put_var (t, *e, len, eq + 1);
    }
}

/* Those of the named variables that we have. */
static void put_listed (struct text *t,
                        const char *list,
                        const struct mpi_vars *a,
                        const struct mpi_vars *b)
{
    char name[256];

    while (*list) {
        size_t len = strcspn (list, ",");

        if (len > 0 && len < sizeof (name) && !is_set (list, len, a, 0)
            && !is_set (list, len, b, 0)) {
            memcpy (name, list, len);
            name[len] = '\0';
            if (getenv (name))
                put_var (t, name, len, getenv (name));
        }
        list += len + (list[len] == ',');
    }
}

/* What applies to a section: its own rule, else that for all. */
static const struct mpi_env *rule (const struct mpi_args *a, const struct mpi_section *s)
{
    return s->env.pass == MPI_PASS_DEFAULT ? &a->env : &s->env;
}

static bool passes_all (const struct mpi_args *a, const struct mpi_section *s)
{
    enum mpi_pass pass = rule (a, s)->pass;

    return pass == MPI_PASS_DEFAULT || pass == MPI_PASS_ALL;
}

/* ---- sections ------------------------------------------------------------------- */

static void put_cwd (struct text *t, const char *wdir)
{
    char *cwd = wdir && *wdir == '/' ? NULL : getcwd (NULL, 0);
    struct text path = TEXT_INIT;

    if (cwd)
        text_puts (&path, cwd);
    if (cwd && wdir)
        text_putc (&path, '/');
    if (wdir)
        text_puts (&path, wdir);
    put_key (t, "cwd");
    put_string (t, path.len ? path.buf : "/");
    text_fini (&path);
    free (cwd);
}

static void put_command (struct text *t, const struct mpi_section *s)
{
    put_key (t, "command");
    text_putc (t, '[');
    for (int i = 0; i < s->argc; i++) {
        put_comma (t);
        put_string (t, s->argv[i]);
    }
    text_putc (t, ']');
}

static void
put_section (struct text *t, const struct mpi_args *a, const struct mpi_section *s)
{
    put_comma (t);
    text_printf (t, "{\"ntasks\":%d", s->n);
    put_command (t, s);
    if (s->wdir)
        put_cwd (t, s->wdir);
    put_key (t, "env");
    text_putc (t, '{');
    if (!passes_all (a, s)) {
        const struct mpi_env *env = rule (a, s);

        if (env->pass == MPI_PASS_LIST)
            put_listed (t, env->list, &a->env.set, &s->env.set);
        put_vars (t, &a->env.set, &s->env.set);
    }
    put_vars (t, &s->env.set, NULL);
    text_putc (t, '}');
    if (!passes_all (a, s))
        text_puts (t, ",\"envnone\":true");
    text_putc (t, '}');
}

/* The only section with processes that the jobspec alone can describe, or NULL. */
static const struct mpi_section *plain_section (const struct mpi_args *a)
{
    const struct mpi_section *found = NULL;

    for (size_t i = 0; i < a->nsections; i++) {
        if (a->sections[i].n == 0)
            continue;
        if (found)
            return NULL;
        found = &a->sections[i];
    }
    return found && passes_all (a, found) ? found : NULL;
}

/* ---- the rest ------------------------------------------------------------------- */

static void put_resources (struct text *t, const struct mpi_args *a)
{
    put_key (t, "resources");
    text_printf (t,
                 "[{\"type\":\"slot\",\"count\":%d,\"label\":\"task\","
                 "\"with\":[{\"type\":\"core\",\"count\":1}",
                 a->size);
    if (a->gpus > 0)
        text_printf (t, ",{\"type\":\"gpu\",\"count\":%d}", a->gpus);
    text_puts (t, "]}]");
}

/* Processes have our limits, not the broker's. */
static void put_limits (struct text *t)
{
    static const struct {
        const char *name;
        int resource;
    } limits[] = {
        { "cpu", RLIMIT_CPU },     { "fsize", RLIMIT_FSIZE }, { "data", RLIMIT_DATA },
        { "stack", RLIMIT_STACK }, { "core", RLIMIT_CORE },   { "nofile", RLIMIT_NOFILE },
        { "as", RLIMIT_AS },       { "rss", RLIMIT_RSS },     { "nproc", RLIMIT_NPROC },
    };
    struct rlimit r;

    put_key (t, "rlimit");
    text_putc (t, '{');
    for (size_t i = 0; i < sizeof (limits) / sizeof (limits[0]); i++) {
        if (getrlimit (limits[i].resource, &r) < 0)
            continue;
        put_key (t, limits[i].name);
        text_put_int (t, r.rlim_cur == RLIM_INFINITY ? -1 : (int64_t)r.rlim_cur);
    }
    text_putc (t, '}');
}

/* Without a label output goes on as it comes, as that of a program does that
 * was started without us; with one it must be whole lines.
 */
static void
put_stream (struct text *t, const struct mpi_args *a, const char *name, const char *path)
{
    put_key (t, name);
    if (path) {
        text_puts (t, "{\"type\":\"file\",\"path\":");
        put_string (t, path);
        text_puts (t, a->label ? ",\"label\":true}" : "}");
    }
    else
        text_printf (t, "{\"type\":\"kvs\",\"buffer\":{\"type\":\"%s\"}}",
                     a->label ? "line" : "none");
}

static void
put_mpiexec (struct text *t, const struct mpi_args *a, const char *token, bool has_stdin)
{
    mode_t mask = umask (0);

    umask (mask);
    put_key (t, "mpiexec");
    text_printf (t, "{\"token\":\"%s\",\"stdin\":\"%s\",\"cleanup\":%s,\"umask\":%d",
                 token, has_stdin ? "0" : "", a->no_cleanup ? "false" : "true",
                 (int)mask);
    if (a->usize > 0)
        text_printf (t, ",\"usize\":%d", a->usize);
    if (a->label && (a->outfile || a->errfile)) {
        put_key (t, "label");
        put_string (t, a->label);
    }
    if (!plain_section (a)) {
        text_puts (t, ",\"sections\":[");
        for (size_t i = 0; i < a->nsections; i++) {
            if (a->sections[i].n > 0)
                put_section (t, a, &a->sections[i]);
        }
        text_putc (t, ']');
    }
    text_putc (t, '}');
}

static void
put_options (struct text *t, const struct mpi_args *a, const char *token, bool has_stdin)
{
    put_key (t, "shell");
    text_puts (t, "{\"options\":{");
    put_limits (t);
    put_key (t, "exit-timeout");
    text_puts (t, "\"none\"");
    put_key (t, "cpu-affinity");
    text_puts (t, a->bind ? "\"per-task\"" : "\"off\"");
    put_key (t, "output");
    text_putc (t, '{');
    put_stream (t, a, "stdout", a->outfile);
    put_stream (t, a, "stderr", a->errfile);
    text_putc (t, '}');
    put_mpiexec (t, a, token, has_stdin);
    text_puts (t, "}}");
}

/* Hosts may have ":slots" behind their names; this machine need not be named. */
static void put_constraint (struct text *t, const char *hosts)
{
    struct text list = TEXT_INIT;
    char host[256] = "";

    (void)gethostname (host, sizeof (host) - 1);
    for (const char *p = hosts; *p;) {
        size_t len = strcspn (p, ","), n = strcspn (p, ",:");

        if (n == 9 && !strncmp (p, "localhost", 9))
            text_printf (&list, "%s%s", list.len ? "," : "", host);
        else if (n > 0)
            text_printf (&list, "%s%.*s", list.len ? "," : "", (int)n, p);
        p += len + (p[len] == ',');
    }
    if (list.len > 0) {
        put_key (t, "constraints");
        text_puts (t, "{\"hostlist\":[");
        put_string (t, list.buf);
        text_puts (t, "]}");
    }
    text_fini (&list);
}

static void put_attributes (struct text *t,
                            const struct mpi_args *a,
                            const char *token,
                            bool has_stdin)
{
    const struct mpi_section *plain = plain_section (a);
    const struct mpi_vars *set = plain ? &plain->env.set : NULL;

    put_key (t, "attributes");
    text_puts (t, "{\"system\":{\"duration\":0");
    put_cwd (t, plain ? plain->wdir : NULL);
    put_key (t, "environment");
    text_putc (t, '{');
    put_environ (t, &a->env.set, set);
    put_vars (t, &a->env.set, set);
    if (set)
        put_vars (t, set, NULL);
    /* A Fortran program's output comes when it is written, as under Hydra. */
    if (!getenv ("GFORTRAN_UNBUFFERED_PRECONNECTED"))
        put_var (t, "GFORTRAN_UNBUFFERED_PRECONNECTED", 32, "y");
    text_putc (t, '}');
    put_key (t, "oversubscribe");
    text_puts (t, "true");
    if (a->hosts)
        put_constraint (t, a->hosts);
    put_options (t, a, token, has_stdin);
    text_puts (t, "}}");
}

char *mpi_jobspec (const struct mpi_args *a, const char *token, bool has_stdin)
{
    const struct mpi_section *first = a->sections;
    struct text t = TEXT_INIT;
    char *s;

    while (first->n == 0)
        first++;
    text_puts (&t, "{\"version\":1");
    put_resources (&t, a);
    put_key (&t, "tasks");
    text_puts (&t, "[{\"slot\":\"task\"");
    put_command (&t, first);
    text_printf (&t, ",\"count\":{\"total\":%d}}]", a->size);
    put_attributes (&t, a, token, has_stdin);
    text_putc (&t, '}');
    if (!(s = text_take (&t, NULL)))
        mpi_die ("out of memory");
    return s;
}
