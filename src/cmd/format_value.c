#include "config.h"
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "format_value.h"

bool format_value_empty (const struct format_value *v)
{
    return v->type == FORMAT_STRING && v->s[0] == '\0';
}

/* The shortest text that reads back as d; always with a '.' or an 'e'. */
static void put_shortest (struct text *out, double d)
{
    char buf[64];

    if (!isfinite (d)) {
        text_puts (out, isnan (d) ? "nan" : d < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf (buf, sizeof (buf), "%.*g", digits, d);
        if (strtod (buf, NULL) == d)
            break;
    }
    text_puts (out, buf);
    if (!strpbrk (buf, ".e"))
        text_puts (out, ".0");
}

void format_value_put (const struct format_value *v, struct text *out)
{
    switch (v->type) {
        case FORMAT_STRING:
            text_puts (out, v->s);
            break;
        case FORMAT_INT:
            if (v->s)
                text_puts (out, v->s);
            else
                text_put_int (out, v->i);
            break;
        case FORMAT_REAL:
            put_shortest (out, v->d);
            break;
        case FORMAT_BOOL:
            text_puts (out, v->b ? "True" : "False");
            break;
    }
}

size_t format_text_width (const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

bool format_text_is_nothing (const char *s)
{
    static const char *nothing[] = { "", "0s", "0.0", "0:00:00", "1970-01-01T00:00:00" };

    for (size_t i = 0; i < ARRAY_SIZE (nothing); i++) {
        if (strcmp (s, nothing[i]) == 0)
            return true;
    }
    return false;
}

/* Text as a program would write it: quoted, with escapes. */
static void put_repr (const struct format_value *v, struct text *out)
{
    bool has_quote;

    if (v->type != FORMAT_STRING) {
        format_value_put (v, out);
        return;
    }
    has_quote = strchr (v->s, '\'') && !strchr (v->s, '"');
    text_putc (out, has_quote ? '"' : '\'');
    for (const char *p = v->s; *p; p++) {
        if (*p == '\\' || (*p == '\'' && !has_quote))
            text_printf (out, "\\%c", *p);
        else if (*p == '\n')
            text_puts (out, "\\n");
        else if (*p == '\t')
            text_puts (out, "\\t");
        else
            text_putc (out, *p);
    }
    text_putc (out, has_quote ? '"' : '\'');
}

double format_value_number (const struct format_value *v)
{
    switch (v->type) {
        case FORMAT_REAL:
            return v->d;
        case FORMAT_INT:
            return v->i;
        case FORMAT_BOOL:
            return v->b;
        default:
            return 0;
    }
}

/* The epoch stands for "not yet": it becomes empty text. */
static void put_time (struct text *out, double t, const char *time_format)
{
    time_t seconds = t;
    char buf[256];
    struct tm tm;

    if (seconds == 0 || !localtime_r (&seconds, &tm))
        return;
    if (strftime (buf, sizeof (buf), time_format, &tm) > 0)
        text_puts (out, buf);
}

int format_convert (char conversion,
                    const char *time_format,
                    const struct format_value *in,
                    struct text *scratch,
                    struct format_value *out,
                    flux_error_t *error)
{
    char buf[FSD_BUFSIZE];

    if (conversion == 0 || format_value_empty (in)) {
        *out = *in;
        return 0;
    }
    text_clear (scratch);
    if (conversion == 's')
        format_value_put (in, scratch);
    else if (conversion == 'r')
        put_repr (in, scratch);
    else if (in->type == FORMAT_STRING)
        return errprintf (error, "Conversion !%c needs a number, not '%s'",
                            conversion, in->s);
    else if (conversion == 'd' || conversion == 'D')
        put_time (scratch, format_value_number (in),
                  conversion == 'd' ? time_format : "%FT%T");
    else if (fsd_pyformat (buf, sizeof (buf), format_value_number (in), conversion) >= 0)
        text_puts (scratch, buf);
    else
        return errprintf (error, "Unknown conversion specifier '!%c'", conversion);
    format_set_string (out, scratch->buf);
    return 0;
}
