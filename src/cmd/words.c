#include "config.h"
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "words.h"

/* The word at *p, in its place, without what quotes it.  False: not closed. */
static bool unquote (char **p)
{
    char *in = *p, *out = *p, quote = '\0';

    for (; *in && (quote || !strchr (" \t\r\n", *in)); in++) {
        if (quote ? *in == quote : *in == '\'' || *in == '"')
            quote = quote ? '\0' : *in;
        else {
            if (*in == '\\' && quote != '\'' && in[1])
                in++;
            *out++ = *in;
        }
    }
    *p = in + (*in != '\0');
    *out = '\0';
    return quote == '\0';
}

char **words_split (char *line, int *argc)
{
    char **argv = cmd_grow (NULL, 0, sizeof (argv[0]));
    char *p = line;
    int n = 0;

    for (;;) {
        p += strspn (p, " \t\r\n");
        if (!*p || *p == '#')
            break;
        argv[n++] = p;
        argv = cmd_grow (argv, n, sizeof (argv[0]));
        if (!unquote (&p)) {
            free (argv);
            return NULL;
        }
    }
    argv[n] = NULL;
    *argc = n;
    return argv;
}
