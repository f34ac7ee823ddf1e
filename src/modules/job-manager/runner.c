/* rexec.exec { "cmd":{ "cwd":s "cmdline":[s] "env":{} "opts":{} "channels":[] }
 *              "flags":i "local_flags":i } (streaming, to that rank)
 *   -> { "type":"started" "pid":i } { "type":"output" "io":{ "stream":s "data"?:s
 *      "encoding"?:s "eof"?:b } } { "type":"finished" "status":i }, ENODATA
 */

#include "config.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#include "runner.h"

enum { FLAG_STDOUT = 1, FLAG_STDERR = 2 };

/* ---- output ------------------------------------------------------------------- */

static void flush (struct runner_rank *r, int n)
{
    struct text *t = &r->line[n];

    if (t->len > 0 && text_error (t) == 0)
        r->runner->ops->output (r, n == 1, t->buf, r->runner->arg);
    text_clear (t);
}

static void add_output (struct runner_rank *r, int n, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' || r->line[n].len == RUNNER_LINE_MAX)
            flush (r, n);
        if (data[i] != '\n' && data[i] != '\0')
            text_putc (&r->line[n], data[i]);
    }
}

static void take_output (struct runner_rank *r, json_t *io)
{
    const char *stream = NULL, *data = NULL, *encoding = NULL;
    size_t len = 0;
    int eof = 0, n;

    if (json_unpack (io, "{s:s s?s% s?s s?b}", "stream", &stream, "data", &data, &len,
                     "encoding", &encoding, "eof", &eof)
        < 0)
        return;
    n = strcmp (stream, "stderr") == 0;
    if (data && !encoding)
        add_output (r, n, data, len);
    if (eof)
        flush (r, n);
}

/* ---- one process ---------------------------------------------------------------- */

static void send_kill (struct runner_rank *r, int signum)
{
    flux_future_t *f =
        flux_rpc_pack (r->runner->h, "rexec.kill", r->rank, FLUX_RPC_NORESPONSE,
                       "{s:i s:i}", "pid", (int)r->pid, "signum", signum);
    flux_future_destroy (f);
}

static void end (struct runner_rank *r, int status, const char *why)
{
    if (r->done)
        return;
    flush (r, 0);
    flush (r, 1);
    r->done = true;
    r->status = status;
    r->why = why;
    r->runner->running--;
    r->runner->ops->done (r, r->runner->arg);
}

static void continuation (flux_future_t *f, void *arg)
{
    struct runner_rank *r = arg;
    const char *type;
    json_t *io = NULL;
    int pid = 0, status = 0;

    if (flux_rpc_get_unpack (f, "{s:s s?i s?i s?o}", "type", &type, "pid", &pid, "status",
                             &status, "io", &io)
        < 0) {
        if (r->finished)
            end (r, r->status, NULL);
        else
            end (r, 127 << 8, errno == ENODATA ? "lost" : flux_future_error_string (f));
        return;
    }
    if (strcmp (type, "started") == 0) {
        r->pid = pid;
        if (r->signum)
            send_kill (r, r->signum);
    }
    else if (strcmp (type, "output") == 0)
        take_output (r, io);
    else if (strcmp (type, "finished") == 0) { /* output may follow */
        r->finished = true;
        r->status = status;
    }
    flux_future_reset (f);
}

/* That of the program: a module that was opened with its own symbols first sees
 * another variable by the name, which nobody sets.
 */
static char **find_environ (void)
{
    void *program = dlopen (NULL, RTLD_LAZY);
    char ***p = program ? dlsym (program, "environ") : NULL;
    char **env = p ? *p : NULL;

    if (program)
        dlclose (program);
    return env;
}

static json_t *make_env (json_t *env)
{
    json_t *o = json_object ();

    for (char **e = find_environ (); o && e && *e; e++) {
        char *eq = strchr (*e, '=');
        char name[256];

        if (!eq || eq - *e >= (long)sizeof (name))
            continue;
        memcpy (name, *e, eq - *e);
        name[eq - *e] = '\0';
        json_object_set_new (o, name, json_string_nocheck (eq + 1));
    }
    if (o)
        json_object_update (o, env);
    return o;
}

static void rank_free (struct runner_rank *r)
{
    list_del (&r->node);
    flux_future_destroy (r->f);
    text_fini (&r->line[0]);
    text_fini (&r->line[1]);
    free (r);
}

int runner_start (struct runner *runner, uint32_t rank, json_t *command, json_t *env)
{
    struct runner_rank *r = calloc (1, sizeof (*r));

    if (!r)
        return -1;
    list_init (&r->node);
    r->runner = runner;
    r->rank = rank;
    r->f = flux_rpc_pack (runner->h, "rexec.exec", rank, FLUX_RPC_STREAMING,
                          "{s:{s:s s:O s:o s:{} s:[]} s:i s:i}", "cmd", "cwd", "/",
                          "cmdline", command, "env", make_env (env), "opts", "channels",
                          "flags", FLAG_STDOUT | FLAG_STDERR, "local_flags", 0);
    if (!r->f || flux_future_then (r->f, -1., continuation, r) < 0) {
        rank_free (r);
        return -1;
    }
    list_append (&runner->ranks, &r->node);
    runner->running++;
    return 0;
}

/* ---- all of them -------------------------------------------------------------------- */

struct runner *runner_new (flux_t *h, const struct runner_ops *ops, void *arg)
{
    struct runner *r = calloc (1, sizeof (*r));

    if (r) {
        r->h = h;
        r->ops = ops;
        r->arg = arg;
        list_init (&r->ranks);
    }
    return r;
}

static void kill_one (struct runner_rank *r, int signum)
{
    if (r->done)
        return;
    if (r->pid > 0) /* if it has finished, what it left behind is of its group */
        send_kill (r, signum);
    else
        r->signum = signum;
}

void runner_kill (struct runner *runner, uint32_t rank, int signum)
{
    struct runner_rank *r = NULL;

    list_foreach (&runner->ranks, r, node) {
        if (r->rank == rank)
            kill_one (r, signum);
    }
}

void runner_kill_all (struct runner *runner, int signum)
{
    struct runner_rank *r = NULL;

    list_foreach (&runner->ranks, r, node)
        kill_one (r, signum);
}

void runner_free (struct runner *runner)
{
    struct runner_rank *r = NULL;

    if (!runner)
        return;
    list_foreach (&runner->ranks, r, node)
        rank_free (r);
    free (runner);
}
