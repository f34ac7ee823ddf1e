/* bulksubmit.c - flux bulksubmit: a job for each combination of inputs. */

#include "config.h"
#include <stdio.h>
#include <sys/random.h>

#include "cmd.h"
#include "common/text.h"
#include "submitter.h"

enum { KEY_SEP = SUBMITTER_KEY_LAST, KEY_SHUFFLE, KEY_DEFINE };

static const struct opt opts[] = {
    SUBMISSION_OPTS,
    SUBMITTER_OPTS,
    { KEY_SEP, "sep", OPT_REQUIRED, "STRING",
      "inputs are separated by this (newline); none: blanks" },
    { KEY_SHUFFLE, "shuffle", OPT_NONE, NULL, "submit in random order" },
    { KEY_DEFINE, "define", OPT_REQUIRED, "NAME=CODE", NULL },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux bulksubmit",
    .usage = "[OPTIONS] [COMMAND...] [::: INPUTS...]...",
    .summary =
        "Submit a job for each input, which takes the place of {} in COMMAND and "
        "options.\n"
        "Inputs are lines of standard input, or follow ::: (with several, {0} {1}: all\n"
        "combinations) or :::+ (taken along with those before); :::: FILE reads them.",
    .example = "flux bulksubmit -n{1} ./sim {0} ::: a.in b.in ::: 2 4 8",
    .opts = opts,
    .error_exit = 2,
};

/* Words after ":::", or the lines of a file. */
struct inputs {
    char **words;
    size_t count;
    bool linked; /* to the list before: both step together */
};

struct bulk {
    struct submitter s;
    const char *sep;
    bool shuffle;
    struct inputs *lists;
    size_t nlists;
    struct submitter_option *given; /* all options, for --dry-run */
    size_t ngiven;
};

static void set (int key, const char *arg, void *data)
{
    struct bulk *b = data;

    switch (key) {
        case KEY_SEP:
            b->sep = arg;
            return;
        case KEY_SHUFFLE:
            b->shuffle = true;
            return;
        case KEY_DEFINE:
            cmd_die ("ERROR: --define is not supported: there is no interpreter here");
    }
    submitter_option (&b->s, key, arg);
    if (key != SK_DRY_RUN) {
        b->given = cmd_grow (b->given, b->ngiven, sizeof (b->given[0]));
        b->given[b->ngiven++] = (struct submitter_option){ key, arg };
    }
}

/* -- inputs -- */

static struct inputs *add_list (struct bulk *b, bool linked)
{
    struct inputs *l;

    b->lists = cmd_grow (b->lists, b->nlists, sizeof (b->lists[0]));
    l = &b->lists[b->nlists++];
    l->linked = linked;
    return l;
}

static void add_word (struct inputs *l, const char *s, size_t len)
{
    l->words = cmd_grow (l->words, l->count, sizeof (l->words[0]));
    l->words[l->count++] = cmd_strndup (s, len);
}

static void split_blanks (struct inputs *l, const char *s)
{
    static const char blanks[] = " \t\r\n\v\f";

    for (s += strspn (s, blanks); *s; s += strspn (s, blanks)) {
        size_t len = strcspn (s, blanks);

        add_word (l, s, len);
        s += len;
    }
}

/* Split at each separator; a newline at the end of the last one is dropped. */
static void split (struct inputs *l, const char *s, const char *sep)
{
    size_t n = strlen (sep);
    const char *end;

    if (n == 0)
        cmd_die ("ERROR: --sep: empty separator");
    while ((end = strstr (s, sep))) {
        add_word (l, s, end - s);
        s = end + n;
    }
    n = strcspn (s, "\n");
    if (n > 0)
        add_word (l, s, n);
}

static void read_inputs (const struct bulk *b, struct inputs *l, const char *name)
{
    FILE *f = strcmp (name, "-") == 0 ? stdin : fopen (name, "r");
    _cleanup_ (freep) char *text = NULL;

    if (!f)
        cmd_die ("ERROR: %s: %s", name, strerror (errno));
    text = cmd_read_all (f, name);
    if (f != stdin)
        fclose (f);
    if (b->sep && strcmp (b->sep, "none") == 0)
        split_blanks (l, text);
    else
        split (l, text, b->sep ? b->sep : "\n");
}

/* Is the word ":::", "::::", or one of them with a '+'? */
static bool is_marker (const char *word)
{
    size_t n = strspn (word, ":");

    return (n == 3 || n == 4) && (word[n] == '\0' || strcmp (word + n, "+") == 0);
}

/* Take the lists behind the command.  Returns how many words that has. */
static int parse_lists (struct bulk *b, int argc, char **argv)
{
    int i = 0, n;

    while (i < argc && !is_marker (argv[i]))
        i++;
    n = i;
    while (i < argc) {
        bool from_files = strncmp (argv[i], "::::", 4) == 0;
        bool linked = strchr (argv[i], '+') != NULL;
        struct inputs *l;

        if (linked && b->nlists == 0)
            cmd_die ("ERROR: %s: there is no list before it", argv[i]);
        l = add_list (b, linked);
        for (i++; i < argc && !is_marker (argv[i]); i++) {
            if (from_files)
                read_inputs (b, l, argv[i]);
            else
                add_word (l, argv[i], strlen (argv[i]));
        }
    }
    if (b->nlists == 0)
        read_inputs (b, add_list (b, false), "-");
    return n;
}

/* How many combinations there are: linked lists add none. */
static size_t combinations (const struct bulk *b)
{
    size_t n = 1;

    for (size_t i = 0; i < b->nlists; i++) {
        if (b->lists[i].count == 0)
            return 0;
        if (!b->lists[i].linked && __builtin_mul_overflow (n, b->lists[i].count, &n))
            cmd_die ("ERROR: too many combinations of inputs");
    }
    return n;
}

/* The inputs of combination k; the last list varies fastest. */
static void choose (const struct bulk *b, size_t k, const char **values)
{
    for (size_t i = b->nlists; i-- > 0;) {
        const struct inputs *l = &b->lists[i];
        size_t leader = i, at;

        while (b->lists[leader].linked)
            leader--;
        at = k % b->lists[leader].count;
        values[i] = l->words[at % l->count];
        if (leader == i)
            k /= l->count;
    }
}

/* The numbers 0 .. n - 1, in order or not. */
static size_t *make_order (const struct bulk *b, size_t n)
{
    size_t *order = calloc (n + 1, sizeof (order[0]));

    if (!order)
        cmd_die ("ERROR: out of memory");
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; b->shuffle && i > 1; i--) {
        size_t random, swap;

        if (getrandom (&random, sizeof (random), 0) != sizeof (random))
            cmd_die ("ERROR: getrandom: %s", strerror (errno));
        random %= i;
        swap = order[random];
        order[random] = order[i - 1];
        order[i - 1] = swap;
    }
    return order;
}

/* -- dry run -- */

static void put_word (struct text *t, const char *word, const struct subst *v)
{
    flux_error_t error;
    char *s = subst_expand (word, v, &error);

    if (!s)
        cmd_die ("ERROR: Invalid replacement string in command: %s", error.text);
    text_puts (t, s);
    free (s);
}

static const struct opt *find_option (int key)
{
    const struct opt *o = opts;

    while (o->key != key)
        o++;
    return o;
}

static void print_command (const struct bulk *b, const struct subst *v)
{
    struct text t = TEXT_INIT;

    text_puts (&t, "bulksubmit: submit");
    for (size_t i = 0; i < b->ngiven; i++) {
        const struct opt *o = find_option (b->given[i].key);

        if (o->key < 256)
            text_printf (&t, " -%c", o->key);
        else
            text_printf (&t, " --%s%s", o->name, b->given[i].arg ? "=" : "");
        if (b->given[i].arg)
            put_word (&t, b->given[i].arg, v);
    }
    for (int i = 0; i < b->s.argc; i++) {
        text_putc (&t, ' ');
        put_word (&t, b->s.argv[i], v);
    }
    if (text_error (&t) < 0)
        cmd_die ("ERROR: out of memory");
    puts (t.buf);
    text_fini (&t);
}

/* -- all together -- */

static void submit_all (struct bulk *b, size_t n)
{
    const char **values = calloc (b->nlists, sizeof (values[0]));
    size_t *order = make_order (b, n);

    if (!values)
        cmd_die ("ERROR: out of memory");
    for (size_t i = 0; i < n; i++) {
        struct subst v = { .inputs = values, .ninputs = b->nlists, .seq = i };

        choose (b, order[i], values);
        if (b->s.dry_run)
            print_command (b, &v);
        else
            submitter_add (&b->s, &v);
    }
    free (order);
    free (values);
}

static void bulk_fini (struct bulk *b)
{
    submitter_fini (&b->s);
    for (size_t i = 0; i < b->nlists; i++) {
        for (size_t k = 0; k < b->lists[i].count; k++)
            free (b->lists[i].words[k]);
        free (b->lists[i].words);
    }
    free (b->lists);
    free (b->given);
}

int cmd_bulksubmit (int argc, char **argv)
{
    static char *just_input[] = { "{}", NULL };
    struct bulk b = { .sep = NULL };
    int i, nwords, exit_code = 0;
    size_t n;

    submitter_init (&b.s, &table, false);
    i = opt_parse (&table, argc, argv, set, &b);
    nwords = parse_lists (&b, argc - i, argv + i);
    n = combinations (&b);
    if (nwords > 0)
        submitter_begin (&b.s, nwords, argv + i, n);
    else
        submitter_begin (&b.s, 1, just_input, n);
    submit_all (&b, n);
    if (!b.s.dry_run)
        exit_code = submitter_finish (&b.s);
    bulk_fini (&b);
    return exit_code;
}
