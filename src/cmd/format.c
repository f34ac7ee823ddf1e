#include "config.h"
#include <ctype.h>
#include <stdio.h>

#include "cmd.h"
#include "common/errprintf.h"
#include "format_private.h"

const struct format_field *format_find (const struct format_source *source,
                                        const char *name)
{
    for (const struct format_field *f = source->fields; f->name; f++) {
        size_t len = strlen (f->name);

        if (f->name[len - 1] == '*'
                ? strncmp (f->name, name, len - 1) == 0 && name[len - 1]
                : strcmp (f->name, name) == 0)
            return f;
    }
    return NULL;
}

void format_free (struct format *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->ncolumns; i++) {
        free (f->columns[i].before);
        free (f->columns[i].name);
        free (f->columns[i].heading);
        free (f->columns[i].time_format);
    }
    free (f->columns);
    format_drop_keys (f);
    text_fini (&f->scratch);
    text_fini (&f->converted);
    free (f);
}

/* -- parsing -- */

static char *make_heading (const struct format_source *source,
                           const struct format_column *c)
{
    char buf[128];

    if (c->field->heading)
        return cmd_strndup (c->field->heading, strlen (c->field->heading));
    snprintf (buf, sizeof (buf), "%s", c->name);
    for (char *p = buf; *p; p++)
        *p = toupper ((unsigned char)*p);
    if (source->heading && strchr (c->field->name, '*'))
        source->heading (c->name, buf, sizeof (buf));
    return cmd_strndup (buf, strlen (buf));
}

/* The text before a field ends with "?:", "+:" or "?+:". */
static void take_prefix (struct format_column *c)
{
    size_t len = strlen (c->before);
    size_t n = len;

    if (n < 2 || c->before[n - 1] != ':')
        return;
    n--;
    if (c->before[n - 1] == '+') {
        c->widen = true;
        n--;
    }
    if (n > 0 && c->before[n - 1] == '?') {
        c->drop_if_empty = true;
        n--;
    }
    if (n < len - 1)
        c->before[n] = '\0';
}

/* What follows the colon: a layout, or for !d "strftime[::layout]". */
static int take_layout (struct format_column *c,
                        const char *s,
                        size_t len,
                        flux_error_t *error)
{
    if (c->conversion == 'd') {
        const char *sep = memmem (s, len, "::", 2);
        size_t n = sep ? (size_t)(sep - s) : len;

        c->time_format = n ? cmd_strndup (s, n) : cmd_strndup ("%FT%T", 5);
        s += sep ? n + 2 : n;
        len -= sep ? n + 2 : n;
    }
    return format_layout_parse (s, len, &c->layout, error);
}

/* s is what stands between the braces: name[!conversion][:layout]. */
static int parse_field (const struct format_source *source,
                        struct format_column *c,
                        const char *s,
                        size_t len,
                        flux_error_t *error)
{
    size_t n = 0;

    while (n < len && s[n] != '!' && s[n] != ':')
        n++;
    c->name = cmd_strndup (s, n);
    if (!(c->field = format_find (source, c->name)))
        return errprintf (error, "Unknown format field: %s", c->name);
    c->heading = make_heading (source, c);
    if (n < len && s[n] == '!') {
        if (n + 1 == len || s[n + 1] == ':')
            return errprintf (error,
                              "end of string while looking for conversion specifier");
        c->conversion = s[n + 1];
        n += 2;
        if (n < len && s[n] != ':')
            return errprintf (error, "expected ':' after conversion specifier");
    }
    if (n < len)
        n++;
    return take_layout (c, s + n, len - n, error);
}

static struct format_column *add_column (struct format *f)
{
    f->columns = cmd_grow (f->columns, f->ncolumns, sizeof (f->columns[0]));
    return &f->columns[f->ncolumns++];
}

static char *take_text (struct text *t)
{
    char *s;

    if (!(s = text_take (t, NULL)))
        cmd_die ("out of memory");
    return s;
}

static int parse_columns (struct format *f, const char *s, flux_error_t *error)
{
    struct text literal = TEXT_INIT;
    struct format_column *c;
    const char *end;

    while (*s) {
        if ((*s == '{' || *s == '}') && s[1] == *s) {
            text_putc (&literal, *s);
            s += 2;
        }
        else if (*s == '}' || (*s == '{' && s[1] == '\0')) {
            text_fini (&literal);
            return errprintf (error, "Single '%c' encountered in format string", *s);
        }
        else if (*s != '{')
            text_putc (&literal, *s++);
        else {
            c = add_column (f);
            c->before = take_text (&literal);
            if (!(end = strchr (s, '}')))
                return errprintf (error, "expected '}' before end of string");
            if (parse_field (f->source, c, s + 1, end - s - 1, error) < 0)
                return -1;
            take_prefix (c);
            s = end + 1;
        }
    }
    c = add_column (f);
    c->before = take_text (&literal);
    return 0;
}

/* "sort:KEY[,KEY]... " at the very start.  Returns what follows, or NULL. */
static const char *parse_sort (struct format *f, const char *s, flux_error_t *error)
{
    static const char prefix[] = "sort:";
    size_t len;
    char *keys;
    int r;

    if (strncmp (s, prefix, strlen (prefix)) != 0)
        return s;
    s += strlen (prefix);
    len = strcspn (s, " \t{");
    keys = cmd_strndup (s, len);
    r = format_sort_by (f, keys, error);
    free (keys);
    if (r < 0)
        return NULL;
    return s + len + strspn (s + len, " \t");
}

struct format *format_parse (const char *s,
                             const struct format_source *source,
                             flux_error_t *error)
{
    struct format *f = cmd_grow (NULL, 0, sizeof (*f));

    f->source = source;
    if (!(s = parse_sort (f, s, error)) || parse_columns (f, s, error) < 0) {
        format_free (f);
        return NULL;
    }
    return f;
}

void format_fields (const struct format *f,
                    void (*cb) (const struct format_field *field, void *arg),
                    void *arg)
{
    for (size_t i = 0; i < f->ncolumns; i++) {
        if (f->columns[i].field)
            cb (f->columns[i].field, arg);
    }
    for (size_t i = 0; i < f->nkeys; i++)
        cb (f->keys[i].field, arg);
}

/* -- lines -- */

/* The column's value for an item, converted. */
static int column_value (struct format *f,
                         const struct format_column *c,
                         const void *item,
                         struct format_value *v,
                         flux_error_t *error)
{
    struct format_value raw;

    text_clear (&f->scratch);
    c->field->get (item, c->name, &f->scratch, &raw);
    return format_convert (c->conversion, c->time_format, &raw, &f->converted, v, error);
}

/* The value as text, as if the column were as wide as need be.  What cannot
 * be shown counts as empty; format_line () will say why.
 */
static const char *bare_text (struct format *f,
                              const struct format_column *c,
                              const void *item,
                              struct text *t)
{
    struct format_layout bare = c->layout;
    struct format_value v;

    bare.width = 0;
    if (column_value (f, c, item, &v, NULL) < 0)
        return "";
    if (v.type == FORMAT_STRING)
        bare.precision = -1;
    text_clear (t);
    if (format_layout_put (&bare, &v, t, NULL) < 0 || !t->buf)
        return "";
    return t->buf;
}

static void fit_column (struct format *f,
                        struct format_column *c,
                        const void **items,
                        size_t n,
                        bool header)
{
    size_t width = header ? format_text_width (c->heading) : 0;
    struct text t = TEXT_INIT;
    bool empty = true;

    for (size_t i = 0; i < n; i++) {
        const char *s = bare_text (f, c, items[i], &t);
        size_t w = format_text_width (s);

        if (w > width)
            width = w;
        if (!format_text_is_nothing (s) && strcmp (s, "-") != 0)
            empty = false;
    }
    text_fini (&t);
    c->dropped = c->drop_if_empty && empty;
    if (c->widen && width > (size_t)c->layout.width) {
        c->layout.width = width;
        c->layout.given = true;
    }
    if (c->widen && c->layout.precision >= 0 && c->layout.precision < c->layout.width)
        c->layout.precision = c->layout.width;
}

void format_fit (struct format *f, const void **items, size_t n, bool header)
{
    for (size_t i = 0; i < f->ncolumns; i++) {
        struct format_column *c = &f->columns[i];

        if (c->drop_if_empty || c->widen)
            fit_column (f, c, items, n, header);
    }
}

void format_header (const struct format *f, struct text *out)
{
    for (size_t i = 0; i < f->ncolumns; i++) {
        const struct format_column *c = &f->columns[i];
        struct format_layout l = { .fill = " ", .precision = -1, .given = true };
        struct format_value v;

        if (c->dropped)
            continue;
        text_puts (out, c->before);
        if (!c->field)
            continue;
        l.align = c->layout.align == '=' ? 0 : c->layout.align;
        l.width = c->layout.width;
        format_set_string (&v, c->heading);
        format_layout_put (&l, &v, out, NULL);
    }
}

int format_line (struct format *f, const void *item, struct text *out, flux_error_t *error)
{
    for (size_t i = 0; i < f->ncolumns; i++) {
        const struct format_column *c = &f->columns[i];
        struct format_value v;

        if (c->dropped)
            continue;
        text_puts (out, c->before);
        if (c->field
            && (column_value (f, c, item, &v, error) < 0
                || format_layout_put (&c->layout, &v, out, error) < 0))
            return -1;
    }
    return 0;
}
