#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/errprintf.h"
#include "common/text.h"
#include "common/util.h"

#include "command.h"

static void free_strings (char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free (list[i]);
    free (list);
}

void command_free (struct command *cmd)
{
    if (!cmd)
        return;
    free (cmd->child.argv); /* its strings are in the object */
    free_strings (cmd->child.envp);
    free ((void *)cmd->child.channels);
    free ((char *)cmd->line);
    json_decref (cmd->o);
    free (cmd);
}

/* A NULL-terminated array of the strings of a JSON array. */
static int get_words (json_t *a, char ***ret)
{
    char **list;
    json_t *o;
    size_t i;

    if (!json_is_array (a))
        return -EPROTO;
    if (!(list = calloc (json_array_size (a) + 1, sizeof (list[0]))))
        return -ENOMEM;
    json_array_foreach (a, i, o) {
        if (!(list[i] = (char *)json_string_value (o))) {
            free (list);
            return -EPROTO;
        }
    }
    *ret = list;
    return 0;
}

static int join (char *const *words, const char **ret)
{
    struct text t = TEXT_INIT;

    for (size_t i = 0; words[i]; i++)
        text_printf (&t, "%s%s", i ? " " : "", words[i]);
    return (*ret = text_take (&t, NULL)) ? 0 : -ENOMEM;
}

static int add_env (char **envp, size_t *n, const char *name, const char *value)
{
    if (asprintf (&envp[*n], "%s=%s", name, value) < 0) {
        envp[*n] = NULL;
        return -ENOMEM;
    }
    (*n)++;
    return 0;
}

static int get_env (struct command *cmd, json_t *env, const char *uri)
{
    size_t nchannels = 0, n = 0;
    const char *name;
    json_t *o;
    int r = 0;

    while (cmd->child.channels && cmd->child.channels[nchannels])
        nchannels++;
    cmd->child.envp = calloc (json_object_size (env) + nchannels + 2,
                              sizeof (cmd->child.envp[0]));
    if (!cmd->child.envp)
        return -ENOMEM;
    json_object_foreach (env, name, o) {
        if (!json_is_string (o) || !*name || strchr (name, '='))
            return -EPROTO;
        if (strcmp (name, "FLUX_URI") == 0)
            continue;
        if ((r = add_env (cmd->child.envp, &n, name, json_string_value (o))) < 0)
            return r;
    }
    if (uri)
        r = add_env (cmd->child.envp, &n, "FLUX_URI", uri);
    for (size_t i = 0; r == 0 && i < nchannels; i++) {
        char fd[16];

        snprintf (fd, sizeof (fd), "%d", (int)i + 3);
        r = add_env (cmd->child.envp, &n, cmd->child.channels[i], fd);
    }
    return r;
}

/* "4096", "64k", "4M", "1G" */
static int parse_size (const char *s, size_t *size)
{
    static const char suffixes[] = "kMGT";
    char *end;
    unsigned long long n = strtoull (s, &end, 10);
    const char *p = *end ? strchr (*end == 'K' ? "K" : suffixes, *end) : NULL;
    int shift = !*end ? 0 : *end == 'K' ? 10 : p ? 10 * (int)(p - suffixes + 1) : -1;

    if (end == s || *s == '-' || shift < 0 || (*end && end[1]) || n == 0
        || n > ((1ULL << 40) >> shift))
        return -EINVAL;
    *size = n << shift;
    return 0;
}

static int get_opts (struct command *cmd, json_t *opts, flux_error_t *error)
{
    json_t *o;
    const char *s;

    if ((o = json_object_get (opts, "stdin_BUFSIZE"))
        && (!(s = json_string_value (o))
            || parse_size (s, &cmd->child.stdin_size) < 0)) {
        errprintf (error, "stdin_BUFSIZE: invalid size");
        return -EINVAL;
    }
    s = json_string_value (json_object_get (opts, "stdout_LINE_BUFFER"));
    if (s && strcmp (s, "false") == 0)
        cmd->child.flags |= CHILD_CHUNKS_STDOUT;
    s = json_string_value (json_object_get (opts, "stderr_LINE_BUFFER"));
    if (s && strcmp (s, "false") == 0)
        cmd->child.flags |= CHILD_CHUNKS_STDERR;
    return 0;
}

static int decode (struct command *cmd,
                   json_t *o,
                   int local_flags,
                   const char *uri,
                   flux_error_t *error)
{
    json_t *cmdline, *env = NULL, *opts = NULL, *channels = NULL, *msgchan = NULL;
    int r;

    if (json_unpack (o,
                     "{s?s s?s s:o s?o s?o s?o s?o}",
                     "cwd", &cmd->child.cwd,
                     "label", &cmd->label,
                     "cmdline", &cmdline,
                     "env", &env,
                     "opts", &opts,
                     "channels", &channels,
                     "msgchan", &msgchan)
        < 0) {
        errprintf (error, "malformed command");
        return -EPROTO;
    }
    if (json_array_size (msgchan) > 0) {
        errprintf (error, "there are no message channels here");
        return -EINVAL;
    }
    if (channels && (r = get_words (channels, (char ***)&cmd->child.channels)) < 0)
        return r;
    if ((r = get_words (cmdline, &cmd->child.argv)) < 0
        || (r = join (cmd->child.argv, &cmd->line)) < 0
        || (r = get_env (cmd, env, uri)) < 0
        || (r = get_opts (cmd, opts, error)) < 0)
        return r;
    if (!cmd->child.argv[0] || (cmd->label && !*cmd->label)) {
        errprintf (error, cmd->label ? "empty label" : "empty command line");
        return -EINVAL;
    }
    if ((local_flags & COMMAND_NO_SETPGRP))
        cmd->child.flags |= CHILD_SHARE_GROUP;
    if ((local_flags & COMMAND_STDIO_FALLTHROUGH))
        cmd->child.flags |= CHILD_SHARE_STDIO;
    return 0;
}

int command_decode (json_t *o,
                    int local_flags,
                    const char *uri,
                    struct command **ret,
                    flux_error_t *error)
{
    struct command *cmd = calloc (1, sizeof (*cmd));
    int r;

    if (!cmd) {
        errprintf (error, "out of memory");
        return -ENOMEM;
    }
    cmd->o = json_incref (o);
    errprintf (error, "malformed command");
    if ((r = decode (cmd, o, local_flags, uri, error)) < 0) {
        command_free (cmd);
        return r;
    }
    *ret = cmd;
    return 0;
}
