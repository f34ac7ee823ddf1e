#include "config.h"
#include <math.h>
#include <stdio.h>

#include "base64.h"
#include "text.h"

#define TEXT_MIN_CAP 128

void text_init (struct text *t)
{
    *t = (struct text)TEXT_INIT;
}

void text_fini (struct text *t)
{
    if (t) {
        free_keep_errno (t->buf);
        text_init (t);
    }
}

void text_clear (struct text *t)
{
    t->len = 0;
    t->error = 0;
    if (t->buf)
        t->buf[0] = '\0';
}

char *text_take (struct text *t, size_t *len)
{
    char *buf;

    if (!t->buf)
        text_reserve (t, 0);
    if (t->error)
        return NULL;
    t->buf[t->len] = '\0';
    if (len)
        *len = t->len;
    buf = t->buf;
    text_init (t);
    return buf;
}

bool text_grow (struct text *t, size_t n)
{
    size_t cap = t->cap ? t->cap : TEXT_MIN_CAP;
    char *buf;

    if (t->error)
        return false;
    if (n > SIZE_MAX / 2 - t->len)
        goto nomem;
    while (cap < t->len + n + 1)
        cap *= 2;
    if (cap != t->cap) {
        if (!(buf = realloc (t->buf, cap)))
            goto nomem;
        t->buf = buf;
        t->cap = cap;
    }
    return true;
nomem:
    t->error = -ENOMEM;
    return false;
}

void text_vprintf (struct text *t, const char *fmt, va_list ap)
{
    va_list again;
    char *p;
    int n;

    va_copy (again, ap);
    n = vsnprintf (NULL, 0, fmt, again);
    va_end (again);
    must (n >= 0);
    if ((p = text_reserve (t, n))) {
        vsnprintf (p, n + 1, fmt, ap);
        text_commit (t, n);
    }
}

void text_printf (struct text *t, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    text_vprintf (t, fmt, ap);
    va_end (ap);
}

void text_put_uint (struct text *t, uint64_t value)
{
    char digits[20];
    char *p = digits + sizeof (digits);

    do {
        *--p = '0' + value % 10;
        value /= 10;
    } while (value > 0);
    text_put (t, p, digits + sizeof (digits) - p);
}

void text_put_int (struct text *t, int64_t value)
{
    if (value < 0) {
        text_putc (t, '-');
        text_put_uint (t, -(uint64_t)value);
    }
    else
        text_put_uint (t, value);
}

/* e+07 -> e7, e-07 -> e-7 */
static void shorten_exponent (char *e)
{
    char *digits = e + (*e == '+' || *e == '-');
    char *first = digits + strspn (digits, "0");

    if (*e == '-')
        e++;
    memmove (e, first, strlen (first) + 1);
}

/* What "%.17g" gives for 10 digits before the point: seven behind it, rounded
 * to even, less the zeros at the end.  Exact: 53 bits times 10^7 fit in 128.
 */
static void put_epoch_seconds (struct text *t, double value)
{
    char digits[7];
    int exp;
    uint64_t mantissa = ldexp (frexp (value, &exp), 53);
    int shift = 53 - exp; /* 19 .. 23 */
    unsigned __int128 product = (unsigned __int128)mantissa * 10000000;
    uint64_t scaled = product >> shift;
    uint64_t rest = product & ((UINT64_C (1) << shift) - 1);
    uint64_t half = UINT64_C (1) << (shift - 1);
    uint64_t fraction;
    int n = sizeof (digits);

    if (rest > half || (rest == half && (scaled & 1)))
        scaled++;
    text_put_uint (t, scaled / 10000000);
    fraction = scaled % 10000000;
    for (int i = n - 1; i >= 0; i--, fraction /= 10)
        digits[i] = '0' + fraction % 10;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    text_putc (t, '.');
    text_put (t, digits, n);
}

void text_put_real (struct text *t, double value)
{
    char buf[40];
    char *e;

    if (!isfinite (value))
        value = 0.0;
    if (value >= 1E9 && value < 9999999999.) { /* every event has a time */
        put_epoch_seconds (t, value);
        return;
    }
    snprintf (buf, sizeof (buf), "%.17g", value);
    if ((e = strchr (buf, 'e')))
        shorten_exponent (e + 1);
    text_puts (t, buf);
    if (!e && !strchr (buf, '.'))
        text_puts (t, ".0");
}

/* What follows the backslash: 0 = the byte stands for itself, 'u' = \u00XX. */
static const char escape[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
    ['\t'] = 't', [0x00] = 'u',  [0x01] = 'u', [0x02] = 'u', [0x03] = 'u', [0x04] = 'u',
    [0x05] = 'u', [0x06] = 'u',  [0x07] = 'u', [0x0b] = 'u', [0x0e] = 'u', [0x0f] = 'u',
    [0x10] = 'u', [0x11] = 'u',  [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',
    [0x16] = 'u', [0x17] = 'u',  [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u',
    [0x1c] = 'u', [0x1d] = 'u',  [0x1e] = 'u', [0x1f] = 'u',
};

/* Write n bytes, escaped, to p, where there is room for 6 n.  Returns the end. */
static char *json_escape (char *p, const char *s, size_t n)
{
    static const char hex[] = "0123456789ABCDEF";

    for (const char *end = s + n; s < end; s++) {
        unsigned char c = *s;

        if (!escape[c]) {
            *p++ = c;
            continue;
        }
        *p++ = '\\';
        *p++ = escape[c];
        if (escape[c] == 'u') {
            *p++ = '0';
            *p++ = '0';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 15];
        }
    }
    return p;
}

/* By blocks, so that the room for the worst case stays small. */
void text_put_json_string (struct text *t, const char *s, size_t len)
{
    enum { BLOCK = 512 };

    text_putc (t, '"');
    while (len > 0) {
        size_t n = len < BLOCK ? len : BLOCK;
        char *p = text_reserve (t, 6 * n);

        if (!p)
            return;
        text_commit (t, json_escape (p, s, n) - p);
        s += n;
        len -= n;
    }
    text_putc (t, '"');
}

size_t text_json_string_size (const char *s, size_t len)
{
    size_t size = len + 2;

    for (size_t i = 0; i < len; i++) {
        char e = escape[(unsigned char)s[i]];

        size += e == 'u' ? 5 : e ? 1 : 0;
    }
    return size;
}

void text_put_base64 (struct text *t, const void *data, size_t len)
{
    char *p = text_reserve (t, base64_encoded_size (len));

    if (p)
        text_commit (t, base64_encode (p, data, len));
}
