#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"

#include "runat.h"

/* Characters that mean nothing to any shell, wherever they stand in a word.
 * ('=' may make an assignment of the first word, '~' a home directory.)
 */
static bool is_plain (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || (c && strchr ("_-./,:+@", c));
}

void command_free_argv (char **argv)
{
    if (argv) {
        for (int i = 0; argv[i]; i++)
            free (argv[i]);
        free (argv);
    }
}

static void argv_freep (char ***argv)
{
    command_free_argv (*argv);
}

static bool is_program (const char *path)
{
    struct stat st;

    return stat (path, &st) == 0 && S_ISREG (st.st_mode) && access (path, X_OK) == 0;
}

static bool found_in_path (const char *name, const char *path)
{
    if (strchr (name, '/'))
        return is_program (name);
    while (path && *path) {
        size_t len = strcspn (path, ":");
        char buf[4096];

        if (snprintf (buf, sizeof (buf), "%.*s/%s", (int)len, len ? path : ".", name)
                < (int)sizeof (buf)
            && is_program (buf))
            return true;
        path += len + (path[len] == ':');
    }
    return false;
}

/* Words that are programs too, but that a shell takes for itself. */
static bool is_shell_word (const char *word)
{
    static const char *const words[] = {
        "time", "cd", "exec", "eval", "command", "wait", "trap", "ulimit", "umask",
        "alias", "unalias", "bg", "fg", "jobs", "hash", "type", "read", "getopts",
        "fc", "if", "for", "while", "until", "case", "function", "select", "coproc",
    };

    for (size_t i = 0; i < ARRAY_SIZE (words); i++) {
        if (strcmp (words[i], word) == 0)
            return true;
    }
    return false;
}

char **command_split_plain (const char *line, const char *path)
{
    _cleanup_ (argv_freep) char **argv = calloc (strlen (line) / 2 + 2, sizeof (*argv));
    int argc = 0;

    if (!argv)
        return NULL;
    for (;;) {
        size_t len = 0;

        line += strspn (line, " \t");
        while (is_plain (line[len]))
            len++;
        if (len == 0)
            break;
        if (!(argv[argc++] = strndup (line, len)))
            return NULL;
        line += len;
        if (*line != '\0' && *line != ' ' && *line != '\t')
            break;
    }
    if (*line != '\0' || argc == 0 || is_shell_word (argv[0])
        || !found_in_path (argv[0], path))
        return NULL;
    return move_ptr (argv);
}
