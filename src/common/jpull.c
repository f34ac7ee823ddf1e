#include "config.h"
#include <math.h>

#include "jpull.h"
#include "utf8.h"

/* Bytes that end the plain run of a string: quote, backslash, controls. */
static const bool special[256] = {
    [0x00] = true, [0x01] = true, [0x02] = true, [0x03] = true, [0x04] = true,
    [0x05] = true, [0x06] = true, [0x07] = true, [0x08] = true, [0x09] = true,
    [0x0a] = true, [0x0b] = true, [0x0c] = true, [0x0d] = true, [0x0e] = true,
    [0x0f] = true, [0x10] = true, [0x11] = true, [0x12] = true, [0x13] = true,
    [0x14] = true, [0x15] = true, [0x16] = true, [0x17] = true, [0x18] = true,
    [0x19] = true, [0x1a] = true, [0x1b] = true, [0x1c] = true, [0x1d] = true,
    [0x1e] = true, [0x1f] = true, ['"'] = true,  ['\\'] = true,
};

void jpull_init (struct jpull *s, const char *text, size_t len)
{
    s->p = text;
    s->end = text + len;
    s->depth = 0;
    text_init (&s->scratch);
}

void jpull_fini (struct jpull *s)
{
    text_fini (&s->scratch);
}

static void skip_blanks (struct jpull *s)
{
    while (s->p < s->end
           && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

int jpull_peek (struct jpull *s)
{
    skip_blanks (s);
    return s->p < s->end ? (unsigned char)*s->p : -EPROTO;
}

int jpull_end (struct jpull *s)
{
    skip_blanks (s);
    return s->p == s->end ? 0 : -EPROTO;
}

/* Four hex digits at p, or -1. */
static int hex4 (const char *p, const char *end)
{
    int v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9')
            v = v << 4 | (c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v = v << 4 | ((c | 32) - 'a' + 10);
        else
            return -1;
    }
    return v;
}

static void put_utf8 (struct text *t, int c)
{
    if (c < 0x80)
        text_putc (t, c);
    else if (c < 0x800) {
        text_putc (t, 0xc0 | c >> 6);
        text_putc (t, 0x80 | (c & 63));
    }
    else if (c < 0x10000) {
        text_putc (t, 0xe0 | c >> 12);
        text_putc (t, 0x80 | (c >> 6 & 63));
        text_putc (t, 0x80 | (c & 63));
    }
    else {
        text_putc (t, 0xf0 | c >> 18);
        text_putc (t, 0x80 | (c >> 12 & 63));
        text_putc (t, 0x80 | (c >> 6 & 63));
        text_putc (t, 0x80 | (c & 63));
    }
}

/* s->p is after "\u".  Two escapes may make one character. */
static int unicode_escape (struct jpull *s)
{
    int c = hex4 (s->p, s->end);

    if (c <= 0 || (c >= 0xdc00 && c < 0xe000))
        return -EPROTO;
    s->p += 4;
    if (c >= 0xd800 && c < 0xdc00) {
        int low;

        if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
            return -EPROTO;
        low = hex4 (s->p + 2, s->end);
        if (low < 0xdc00 || low >= 0xe000)
            return -EPROTO;
        s->p += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8 (&s->scratch, c);
    return 0;
}

/* s->p is at a backslash. */
static int escape (struct jpull *s)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *e;

    if (s->end - s->p < 2)
        return -EPROTO;
    s->p += 2;
    if (s->p[-1] == 'u')
        return unicode_escape (s);
    if (s->p[-1] == '\0' || !(e = strchr (from, s->p[-1])))
        return -EPROTO;
    text_putc (&s->scratch, to[e - from]);
    return 0;
}

/* The rest of a string that has escapes; start is after its quote. */
static int string_slow (struct jpull *s, const char *start, const char **str, size_t *len)
{
    text_clear (&s->scratch);
    for (;;) {
        int r;

        text_put (&s->scratch, start, s->p - start);
        if (s->p == s->end || (unsigned char)*s->p < 0x20)
            return -EPROTO;
        if (*s->p == '"')
            break;
        if ((r = escape (s)) < 0)
            return r;
        start = s->p;
        while (s->p < s->end && !special[(unsigned char)*s->p])
            s->p++;
    }
    if (text_error (&s->scratch))
        return text_error (&s->scratch);
    s->p++;
    *str = s->scratch.buf;
    *len = s->scratch.len;
    return 0;
}

int jpull_string (struct jpull *s, const char **str, size_t *len)
{
    const char *start;
    unsigned char all = 0;
    int c, r;

    if ((c = jpull_peek (s)) < 0)
        return c;
    if (c != '"')
        return -EINVAL;
    start = ++s->p;
    while (s->p < s->end && !special[(unsigned char)*s->p])
        all |= (unsigned char)*s->p++;
    if (s->p < s->end && *s->p == '"') {
        *str = start;
        *len = s->p++ - start;
    }
    else {
        if ((r = string_slow (s, start, str, len)) < 0)
            return r;
        all = 0x80;
    }
    if ((all & 0x80) && !utf8_valid (*str, *len))
        return -EPROTO;
    return 0;
}

struct number {
    bool real;
    int64_t i;
    double d;
};

static const char *digits (const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* Find the end of the number at s->p; NULL if it is malformed. */
static const char *number_end (struct jpull *s, bool *real)
{
    const char *p = s->p;
    const char *q;

    if (p < s->end && *p == '-')
        p++;
    if ((q = digits (p, s->end)) == p || (*p == '0' && q - p > 1))
        return NULL;
    *real = false;
    if (q < s->end && *q == '.') {
        *real = true;
        p = q + 1;
        if ((q = digits (p, s->end)) == p)
            return NULL;
    }
    if (q < s->end && (*q == 'e' || *q == 'E')) {
        *real = true;
        p = q + 1;
        if (p < s->end && (*p == '+' || *p == '-'))
            p++;
        if ((q = digits (p, s->end)) == p)
            return NULL;
    }
    return q;
}

/* s->p is at '-' or a digit. */
static int scan_number (struct jpull *s, struct number *n)
{
    const char *end = number_end (s, &n->real);

    if (!end)
        return -EPROTO;
    /* The text need not be NUL-terminated: strto*() get a copy. */
    text_clear (&s->scratch);
    text_put (&s->scratch, s->p, end - s->p);
    if (text_error (&s->scratch))
        return text_error (&s->scratch);
    errno = 0;
    if (n->real) {
        n->d = strtod (s->scratch.buf, NULL);
        if (!isfinite (n->d))
            return -EPROTO;
    }
    else {
        n->i = strtoll (s->scratch.buf, NULL, 10);
        if (errno == ERANGE)
            return -EPROTO;
    }
    s->p = end;
    return 0;
}

static bool starts_number (int c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

int jpull_int (struct jpull *s, int64_t *value)
{
    struct number n;
    const char *start;
    int c, r;

    if ((c = jpull_peek (s)) < 0)
        return c;
    if (!starts_number (c))
        return -EINVAL;
    start = s->p;
    if ((r = scan_number (s, &n)) < 0)
        return r;
    if (n.real) {
        s->p = start;
        return -EINVAL;
    }
    *value = n.i;
    return 0;
}

static int word (struct jpull *s, const char *w, size_t len)
{
    if ((size_t)(s->end - s->p) < len || memcmp (s->p, w, len) != 0)
        return -EPROTO;
    s->p += len;
    return 0;
}

int jpull_bool (struct jpull *s, bool *value)
{
    int c, r;

    if ((c = jpull_peek (s)) < 0)
        return c;
    if (c != 't' && c != 'f')
        return -EINVAL;
    if ((r = c == 't' ? word (s, "true", 4) : word (s, "false", 5)) < 0)
        return r;
    *value = c == 't';
    return 0;
}

int jpull_null (struct jpull *s)
{
    int c;

    if ((c = jpull_peek (s)) < 0)
        return c;
    return c == 'n' ? word (s, "null", 4) : -EINVAL;
}

static int enter (struct jpull *s, char bracket)
{
    int c;

    if ((c = jpull_peek (s)) < 0)
        return c;
    if (c != bracket)
        return -EINVAL;
    if (++s->depth > JPULL_DEPTH_MAX)
        return -EPROTO;
    s->p++;
    return 0;
}

/* Before element *n: 1 if there is one, 0 if the bracket closes here. */
static int next (struct jpull *s, int *n, char close)
{
    int c;

    if ((c = jpull_peek (s)) < 0)
        return c;
    if (c == close) {
        s->p++;
        s->depth--;
        return 0;
    }
    if ((*n)++ > 0) {
        if (c != ',')
            return -EPROTO;
        s->p++;
    }
    return 1;
}

int jpull_object (struct jpull *s)
{
    return enter (s, '{');
}

int jpull_array (struct jpull *s)
{
    return enter (s, '[');
}

int jpull_element (struct jpull *s, int *n)
{
    return next (s, n, ']');
}

int jpull_member (struct jpull *s, int *n, const char **name, size_t *len)
{
    int r;

    if ((r = next (s, n, '}')) <= 0)
        return r;
    if ((r = jpull_string (s, name, len)) < 0)
        return r == -EINVAL ? -EPROTO : r;
    if (jpull_peek (s) != ':')
        return -EPROTO;
    s->p++;
    return 1;
}

static int skip_object (struct jpull *s)
{
    const char *name;
    size_t len;
    int n = 0;
    int r;

    if ((r = jpull_object (s)) < 0)
        return r;
    while ((r = jpull_member (s, &n, &name, &len)) > 0) {
        if ((r = jpull_skip (s)) < 0)
            return r;
    }
    return r;
}

static int skip_array (struct jpull *s)
{
    int n = 0;
    int r;

    if ((r = jpull_array (s)) < 0)
        return r;
    while ((r = jpull_element (s, &n)) > 0) {
        if ((r = jpull_skip (s)) < 0)
            return r;
    }
    return r;
}

int jpull_skip (struct jpull *s)
{
    struct number number;
    const char *str;
    size_t len;
    bool b;

    switch (jpull_peek (s)) {
        case '{':
            return skip_object (s);
        case '[':
            return skip_array (s);
        case '"':
            return jpull_string (s, &str, &len);
        case 't':
        case 'f':
            return jpull_bool (s, &b);
        case 'n':
            return jpull_null (s);
        case '-':
        case '0' ... '9':
            return scan_number (s, &number);
    }
    return -EPROTO;
}

/* Members of an object being sorted: offsets into one text that holds each
 * name and each canonical value.
 */
struct member {
    size_t name, namelen;
    size_t value, valuelen;
    int order;
};

struct members {
    struct text text;
    struct member *v;
    size_t count, cap;
};

static void members_fini (struct members *m)
{
    text_fini (&m->text);
    free_keep_errno (m->v);
}

static struct member *members_add (struct members *m)
{
    if (m->count == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 8;
        struct member *v = realloc (m->v, cap * sizeof (*v));

        if (!v)
            return NULL;
        m->v = v;
        m->cap = cap;
    }
    return &m->v[m->count++];
}

static int member_cmp (const void *a, const void *b, void *arg)
{
    const struct member *x = a, *y = b;
    const char *buf = arg;
    size_t n = x->namelen < y->namelen ? x->namelen : y->namelen;
    int c = memcmp (buf + x->name, buf + y->name, n);

    if (c != 0)
        return c;
    if (x->namelen != y->namelen)
        return x->namelen < y->namelen ? -1 : 1;
    return x->order - y->order;
}

static bool same_name (const struct members *m, size_t i, size_t j)
{
    return m->v[i].namelen == m->v[j].namelen
           && memcmp (m->text.buf + m->v[i].name, m->text.buf + m->v[j].name,
                      m->v[i].namelen)
                  == 0;
}

static int members_read (struct jpull *s, struct members *m)
{
    const char *name;
    size_t len;
    int n = 0;
    int r;

    while ((r = jpull_member (s, &n, &name, &len)) > 0) {
        struct member *e = members_add (m);

        if (!e)
            return -ENOMEM;
        *e = (struct member){ .name = m->text.len, .namelen = len, .order = n };
        text_put (&m->text, name, len);
        e->value = m->text.len;
        if ((r = jpull_canon (s, &m->text)) < 0)
            return r;
        e->valuelen = m->text.len - e->value;
    }
    return r < 0 ? r : text_error (&m->text);
}

static int canon_object (struct jpull *s, struct text *out)
{
    _cleanup_ (members_fini) struct members m = { 0 };
    bool first = true;
    int r;

    if ((r = jpull_object (s)) < 0 || (r = members_read (s, &m)) < 0)
        return r;
    if (m.count > 0)
        qsort_r (m.v, m.count, sizeof (m.v[0]), member_cmp, m.text.buf);
    text_putc (out, '{');
    for (size_t i = 0; i < m.count; i++) {
        if (i + 1 < m.count && same_name (&m, i, i + 1))
            continue;
        if (!first)
            text_putc (out, ',');
        first = false;
        text_put_json_string (out, m.text.buf + m.v[i].name, m.v[i].namelen);
        text_putc (out, ':');
        text_put (out, m.text.buf + m.v[i].value, m.v[i].valuelen);
    }
    text_putc (out, '}');
    return text_error (out);
}

static int canon_array (struct jpull *s, struct text *out)
{
    int n = 0;
    int r;

    if ((r = jpull_array (s)) < 0)
        return r;
    text_putc (out, '[');
    while ((r = jpull_element (s, &n)) > 0) {
        if (n > 1)
            text_putc (out, ',');
        if ((r = jpull_canon (s, out)) < 0)
            return r;
    }
    text_putc (out, ']');
    return r < 0 ? r : text_error (out);
}

static int canon_number (struct jpull *s, struct text *out)
{
    struct number n;
    int r;

    if ((r = scan_number (s, &n)) < 0)
        return r;
    if (n.real)
        text_put_real (out, n.d);
    else
        text_put_int (out, n.i);
    return text_error (out);
}

int jpull_canon (struct jpull *s, struct text *out)
{
    const char *str;
    size_t len;
    int c, r;

    switch ((c = jpull_peek (s))) {
        case '{':
            return canon_object (s, out);
        case '[':
            return canon_array (s, out);
        case '"':
            if ((r = jpull_string (s, &str, &len)) < 0)
                return r;
            text_put_json_string (out, str, len);
            return text_error (out);
        case '-':
        case '0' ... '9':
            return canon_number (s, out);
    }
    /* true, false, null: already canonical */
    str = s->p;
    if ((r = jpull_skip (s)) < 0)
        return r;
    text_put (out, str, s->p - str);
    return text_error (out);
}
