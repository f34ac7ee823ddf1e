#include "config.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "common/errprintf.h"
#include "format_value.h"

static bool is_align (char c)
{
    return c && strchr ("<>^=", c);
}

static size_t character_length (const char *s, size_t len)
{
    size_t n = len > 0;

    while (n < len && (s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* Digits at *s; their value, cut at a bound that no line has. */
static int scan_number (const char **s, const char *end)
{
    int n = 0;

    while (*s < end && isdigit ((unsigned char)**s)) {
        n = n * 10 + (**s - '0');
        if (n > 9999)
            n = 9999;
        (*s)++;
    }
    return n;
}

static const char *scan_align (const char *s, const char *end, struct format_layout *l)
{
    size_t n = character_length (s, end - s);

    if (n > 0 && n < sizeof (l->fill) && s + n < end && is_align (s[n])) {
        memcpy (l->fill, s, n);
        l->fill[n] = '\0';
        l->align = s[n];
        return s + n + 1;
    }
    if (s < end && is_align (*s))
        l->align = *s++;
    return s;
}

int format_layout_parse (const char *s,
                         size_t len,
                         struct format_layout *l,
                         flux_error_t *error)
{
    struct format_layout new = { .fill = " ", .precision = -1, .given = len > 0 };
    const char *p = s, *end = s + len;

    if (p < end && end[-1] == '+') {
        new.mark_cut = true;
        end--;
    }
    if (p < end && end[-1] == 'h') {
        new.hyphen = true;
        end--;
    }
    p = scan_align (p, end, &new);
    if (p < end && strchr ("+- ", *p))
        new.sign = *p++;
    if (p < end && *p == '#') {
        new.alt = true;
        p++;
    }
    if (p < end && *p == '0') {
        p++;
        if (!new.align) {
            strcpy (new.fill, "0");
            new.align = '=';
        }
    }
    new.width = scan_number (&p, end);
    if (p < end && (*p == ',' || *p == '_'))
        new.group = *p++;
    if (p + 1 < end && *p == '.' && isdigit ((unsigned char)p[1])) {
        p++;
        new.precision = scan_number (&p, end);
    }
    if (p < end && strchr ("bcdeEfFgGnosxX%", *p))
        new.type = *p++;
    if (p < end) {
        return errprintf (error,
                          "Invalid format specifier '%.*s' for object of type 'str'",
                          (int)len, s);
    }
    *l = new;
    return 0;
}

static void put_fill (const struct format_layout *l, size_t n, struct text *out)
{
    while (n-- > 0)
        text_puts (out, l->fill);
}

/* Pad head (a sign or prefix) and body to the width. */
static void put_padded (const struct format_layout *l,
                        char align,
                        const char *head,
                        const char *body,
                        struct text *out)
{
    size_t used = strlen (head) + format_text_width (body);
    size_t pad = used < (size_t)l->width ? l->width - used : 0;
    size_t before = align == '>' ? pad : align == '^' ? pad / 2 : 0;
    size_t inside = align == '=' ? pad : 0;

    put_fill (l, before, out);
    text_puts (out, head);
    put_fill (l, inside, out);
    text_puts (out, body);
    put_fill (l, pad - before - inside, out);
}

/* The first n code points, the last of them a '+' if something is missing. */
static void put_cut (struct text *t, const char *s, size_t n, bool mark)
{
    size_t width = format_text_width (s), bytes = 0;

    if (width <= n) {
        text_puts (t, s);
        return;
    }
    for (size_t keep = n - (mark && n > 0); keep > 0; keep--)
        bytes += character_length (s + bytes, strlen (s + bytes));
    text_put (t, s, bytes);
    if (mark && n > 0)
        text_putc (t, '+');
}

static int put_string (const struct format_layout *l,
                       const char *s,
                       struct text *out,
                       flux_error_t *error)
{
    struct text t = TEXT_INIT;
    /* the flag 0 asks for numbers to be filled; text is filled at its end */
    char align = l->align == '=' && strcmp (l->fill, "0") == 0 ? '<' : l->align;

    if (l->type && l->type != 's') {
        return errprintf (error, "Unknown format code '%c' for object of type 'str'",
                          l->type);
    }
    if (l->sign)
        return errprintf (error, "Sign not allowed in string format specifier");
    if (l->alt)
        return errprintf (error,
                          "Alternate form (#) not allowed in string format specifier");
    if (l->group)
        return errprintf (error, "Cannot specify '%c' with 's'.", l->group);
    if (align == '=')
        return errprintf (error, "'=' alignment not allowed in string format specifier");
    if (l->precision >= 0)
        put_cut (&t, s, l->precision, l->mark_cut);
    else
        text_puts (&t, s);
    put_padded (l, align ? align : '<', "", t.buf ? t.buf : "", out);
    text_fini (&t);
    return 0;
}

/* Write separators into the digits before the '.' or exponent. */
static void put_grouped (struct text *t, const char *digits, char group)
{
    size_t n = strspn (digits, "0123456789");

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            text_putc (t, group);
        text_putc (t, digits[i]);
    }
    text_puts (t, digits + n);
}

static void put_binary (struct text *t, unsigned long long n)
{
    int bit = 63;

    while (bit > 0 && !(n >> bit & 1))
        bit--;
    for (; bit >= 0; bit--)
        text_putc (t, '0' + (n >> bit & 1));
}

/* The digits of a magnitude in the base that the type names. */
static void put_integer (struct text *t, unsigned long long n, char type)
{
    switch (type) {
        case 'b':
            put_binary (t, n);
            break;
        case 'o':
            text_printf (t, "%llo", n);
            break;
        case 'x':
            text_printf (t, "%llx", n);
            break;
        case 'X':
            text_printf (t, "%llX", n);
            break;
        default:
            text_put_uint (t, n);
            break;
    }
}

static void put_real (struct text *t, double d, const struct format_layout *l)
{
    int precision = l->precision >= 0 ? l->precision : 6;
    struct format_value shortest = { .type = FORMAT_REAL, .d = d };
    size_t start = t->len;

    switch (l->type) {
        case 'e':
            text_printf (t, "%.*e", precision, d);
            break;
        case 'E':
            text_printf (t, "%.*E", precision, d);
            break;
        case 'f':
        case 'F':
            text_printf (t, "%.*f", precision, d);
            break;
        case 'G':
            text_printf (t, "%.*G", precision, d);
            break;
        case 'g':
        case 'n':
            text_printf (t, "%.*g", precision, d);
            break;
        case '%':
            text_printf (t, "%.*f%%", precision, d * 100);
            break;
        default:
            if (l->precision < 0)
                format_value_put (&shortest, t);
            else {
                text_printf (t, "%.*g", precision, d);
                if (isfinite (d) && t->buf && !strpbrk (t->buf + start, ".e"))
                    text_puts (t, ".0");
            }
            break;
    }
}

static const char *type_name (const struct format_value *v)
{
    static const char *names[] = { "str", "int", "float", "bool" };

    return names[v->type];
}

static int put_number (const struct format_layout *l,
                       const struct format_value *v,
                       struct text *out,
                       flux_error_t *error)
{
    bool integer = v->type != FORMAT_REAL && !(l->type && strchr ("eEfFgG%", l->type));
    long long i = v->type == FORMAT_BOOL ? v->b : v->i;
    double d = format_value_number (v);
    bool negative = integer ? i < 0 : signbit (d);
    struct text raw = TEXT_INIT, body = TEXT_INIT;
    char head[4] = "";

    if (l->type && strchr (integer ? "s" : "sbcdoxX", l->type)) {
        return errprintf (error, "Unknown format code '%c' for object of type '%s'",
                          l->type, type_name (v));
    }
    if (integer && l->precision >= 0)
        return errprintf (error, "Precision not allowed in integer format specifier");
    if (negative)
        strcat (head, "-");
    else if (l->sign && l->sign != '-')
        strncat (head, &l->sign, 1);
    if (integer && l->alt && l->type && strchr ("boxX", l->type)) {
        strcat (head, "0");
        strncat (head, &l->type, 1);
    }
    if (integer && l->type == 'c')
        text_putc (&raw, i >= 0 && i < 128 ? (char)i : '?');
    else if (integer)
        put_integer (&raw, negative ? -(unsigned long long)i : (unsigned long long)i,
                     l->type);
    else
        put_real (&raw, fabs (d), l);
    if (l->group && raw.buf)
        put_grouped (&body, raw.buf, l->group);
    else
        text_puts (&body, raw.buf ? raw.buf : "");
    put_padded (l, l->align ? l->align : '>', head, body.buf ? body.buf : "", out);
    text_fini (&raw);
    text_fini (&body);
    return 0;
}

int format_layout_put (const struct format_layout *l,
                       const struct format_value *v,
                       struct text *out,
                       flux_error_t *error)
{
    struct text t = TEXT_INIT;
    const char *s;
    int r;

    if (!l->given) {
        format_value_put (v, out);
        return 0;
    }
    if (v->type != FORMAT_STRING && !l->hyphen && !l->mark_cut)
        return put_number (l, v, out, error);
    format_value_put (v, &t);
    s = t.buf ? t.buf : "";
    r = put_string (l, l->hyphen && format_text_is_nothing (s) ? "-" : s, out, error);
    text_fini (&t);
    return r;
}
