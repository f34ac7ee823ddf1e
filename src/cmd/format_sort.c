/* format_sort.c - the order of the lines of a listing. */

#include "config.h"
#include <math.h>

#include "cmd.h"
#include "common/errprintf.h"
#include "format_private.h"

enum sort_class { SORT_UNSET, SORT_NUMBER, SORT_TEXT };

struct sort_key {
    enum sort_class class;
    double number;
    char *text;
};

struct sort_row {
    const void *item;
    size_t place; /* where it was: equal rows stay in order */
    struct sort_key *keys;
    const struct format *format;
};

void format_drop_keys (struct format *f)
{
    for (size_t i = 0; i < f->nkeys; i++)
        free (f->keys[i].name);
    free (f->keys);
    f->keys = NULL;
    f->nkeys = 0;
}

int format_sort_by (struct format *f, const char *keys, flux_error_t *error)
{
    format_drop_keys (f);
    while (*keys) {
        size_t len = strcspn (keys, ",");
        bool reverse = *keys == '-';
        struct format_key *k;

        f->keys = cmd_grow (f->keys, f->nkeys, sizeof (f->keys[0]));
        k = &f->keys[f->nkeys++];
        k->reverse = reverse;
        k->name = cmd_strndup (keys + reverse, len - reverse);
        if (!(k->field = format_find (f->source, k->name)))
            return errprintf (error, "Invalid sort key: %s", k->name);
        keys += len + (keys[len] == ',');
    }
    return 0;
}

static void make_key (struct format *f,
                      const struct format_key *k,
                      const void *item,
                      struct sort_key *key)
{
    struct format_value v;
    char *end;

    text_clear (&f->scratch);
    k->field->get (item, k->name, &f->scratch, &v);
    if (v.type != FORMAT_STRING) {
        key->class = SORT_NUMBER;
        key->number = format_value_number (&v);
        return;
    }
    if (v.s[0] == '\0' || strcmp (v.s, "-") == 0)
        return;
    key->number = strtod (v.s, &end);
    key->class = *end == '\0' && !isnan (key->number) ? SORT_NUMBER : SORT_TEXT;
    if (key->class == SORT_TEXT)
        key->text = cmd_strndup (v.s, strlen (v.s));
}

static int compare_keys (const struct sort_key *a, const struct sort_key *b)
{
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->class == SORT_TEXT)
        return strcmp (a->text, b->text);
    return (a->number > b->number) - (a->number < b->number);
}

static int compare_rows (const void *x, const void *y)
{
    const struct sort_row *a = x, *b = y;

    for (size_t i = 0; i < a->format->nkeys; i++) {
        int r = compare_keys (&a->keys[i], &b->keys[i]);

        if (r != 0)
            return a->format->keys[i].reverse ? -r : r;
    }
    return (a->place > b->place) - (a->place < b->place);
}

void format_sort (struct format *f, const void **items, size_t n)
{
    struct sort_row *rows;
    struct sort_key *keys;

    if (f->nkeys == 0 || n == 0)
        return;
    if (!(rows = calloc (n, sizeof (rows[0])))
        || !(keys = calloc (n * f->nkeys, sizeof (keys[0]))))
        cmd_die ("out of memory");
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct sort_row){ items[i], i, keys + i * f->nkeys, f };
        for (size_t k = 0; k < f->nkeys; k++)
            make_key (f, &f->keys[k], items[i], &rows[i].keys[k]);
    }
    qsort (rows, n, sizeof (rows[0]), compare_rows);
    for (size_t i = 0; i < n; i++)
        items[i] = rows[i].item;
    for (size_t i = 0; i < n * f->nkeys; i++)
        free (keys[i].text);
    free (keys);
    free (rows);
}
