/* batch_script.c - options that a batch script has in comments at its top.
 *
 *   # flux: -n 4 --job-name="my job"    # a comment
 *
 * Such lines have one and the same beginning before "flux:" and follow the
 * first line, or blank ones; the first other line ends them.
 */

#include "config.h"
#include <ctype.h>
#include <stdio.h>

#include "batch.h"
#include "cmd.h"
#include "words.h"

struct line {
    char *s;
    size_t len;
    int number; /* from 1 */
};

/* Where the options of a directive begin, 0 if the line is none: signs that
 * begin a comment, blanks, "flux:".
 */
static size_t directive (const struct line *l)
{
    size_t i = 0;

    while (i < l->len && ispunct ((unsigned char)l->s[i]))
        i++;
    if (i == 0)
        return 0;
    while (i < l->len && l->s[i] == ' ')
        i++;
    return l->len - i >= 5 && !strncasecmp (l->s + i, "flux:", 5) ? i + 5 : 0;
}

static bool is_blank (const struct line *l)
{
    for (size_t i = 0; i < l->len; i++) {
        if (!isspace ((unsigned char)l->s[i]))
            return false;
    }
    return true;
}

static bool next_line (char **p, struct line *l)
{
    if (!**p)
        return false;
    l->s = *p;
    l->len = strcspn (*p, "\n");
    l->number++;
    *p += l->len + ((*p)[l->len] == '\n');
    return true;
}

static void take (const struct opt_table *table,
                  struct line *l,
                  size_t from,
                  opt_set_f set,
                  void *data)
{
    int argc, i;
    char **words, **argv;

    l->s[l->len] = '\0';
    words = words_split (l->s + from, &argc);
    argv = calloc (words ? argc + 2 : 1, sizeof (argv[0]));
    if (!words)
        cmd_die ("ERROR: line %d: a quote is not closed", l->number);
    if (!argv)
        cmd_die ("ERROR: out of memory");
    argv[0] = (char *)table->prog;
    memcpy (argv + 1, words, argc * sizeof (argv[0]));
    i = opt_parse (table, argc + 1, argv, set, data);
    if (i <= argc)
        cmd_die ("ERROR: line %d: unexpected argument '%s'", l->number, argv[i]);
    free (words);
    free (argv);
}

void batch_directives (const struct opt_table *table,
                       char *script,
                       opt_set_f set,
                       void *data)
{
    struct line l = { .number = 0 }, first = { .s = NULL };
    size_t from, prefix = 0;
    bool over = false;

    (void)next_line (&script, &l); /* #! */
    while (next_line (&script, &l)) {
        if ((from = directive (&l)) == 0) {
            over = over || !is_blank (&l);
            continue;
        }
        if (over)
            cmd_die ("ERROR: line %d: a directive behind the first line that is none",
                     l.number);
        if (first.s && (from != prefix || memcmp (first.s, l.s, prefix) != 0))
            cmd_die ("ERROR: line %d: '%.*s' is not how line %d begins", l.number, (int)from,
                     l.s, first.number);
        if (!first.s) {
            first = l;
            prefix = from;
        }
        take (table, &l, from, set, data);
    }
}
