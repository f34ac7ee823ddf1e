#include "config.h"

#include "jlex.h"
#include "jpull.h"
#include "utf8.h"

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

int jpull_peek (struct jpull *s)
{
    s->p = jlex_blanks (s->p, s->end);
    return s->p < s->end ? (unsigned char)*s->p : -EPROTO;
}

int jpull_end (struct jpull *s)
{
    s->p = jlex_blanks (s->p, s->end);
    return s->p == s->end ? 0 : -EPROTO;
}

int jpull_string (struct jpull *s, const char **str, size_t *len)
{
    const char *start, *end;
    unsigned int seen = 0;
    int c;

    if ((c = jpull_peek (s)) < 0)
        return c;
    if (c != '"')
        return -EINVAL;
    start = s->p + 1;
    if (!(s->p = jlex_string (s->p, s->end, &seen)))
        return -EPROTO;
    end = s->p - 1;
    if ((seen & JLEX_NUL) || ((seen & JLEX_WIDE) && !utf8_valid (start, end - start)))
        return -EPROTO;
    if (seen & JLEX_ESCAPE) {
        text_clear (&s->scratch);
        jlex_decode (start, end - start, &s->scratch);
        if (text_error (&s->scratch))
            return text_error (&s->scratch);
        *str = s->scratch.buf;
        *len = s->scratch.len;
    }
    else {
        *str = start;
        *len = end - start;
    }
    return 0;
}

static bool starts_number (int c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

/* s->p is at '-' or a digit: the end of the number, or NULL. */
static const char *number (struct jpull *s, bool *real)
{
    unsigned int seen = 0;
    const char *end = jlex_number (s->p, s->end, &seen);

    *real = seen & JLEX_REAL;
    return seen & JLEX_RANGE ? NULL : end;
}

int jpull_int (struct jpull *s, int64_t *value)
{
    const char *end;
    bool real;
    int c;

    if ((c = jpull_peek (s)) < 0)
        return c;
    if (!starts_number (c))
        return -EINVAL;
    if (!(end = number (s, &real)))
        return -EPROTO;
    if (real)
        return -EINVAL;
    jlex_int (s->p, end - s->p, value);
    s->p = end;
    return 0;
}

static int word (struct jpull *s, const char *w)
{
    const char *end = jlex_word (s->p, s->end, w);

    if (!end)
        return -EPROTO;
    s->p = end;
    return 0;
}

int jpull_bool (struct jpull *s, bool *value)
{
    int c, r;

    if ((c = jpull_peek (s)) < 0)
        return c;
    if (c != 't' && c != 'f')
        return -EINVAL;
    if ((r = word (s, c == 't' ? "true" : "false")) < 0)
        return r;
    *value = c == 't';
    return 0;
}

int jpull_null (struct jpull *s)
{
    int c;

    if ((c = jpull_peek (s)) < 0)
        return c;
    return c == 'n' ? word (s, "null") : -EINVAL;
}

static int enter (struct jpull *s, char bracket)
{
    int c;

    if ((c = jpull_peek (s)) < 0)
        return c;
    if (c != bracket)
        return -EINVAL;
    if (++s->depth > JSON_MAX_DEPTH)
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

int jpull_members (struct jpull *s, jpull_member_f member, void *arg)
{
    const char *name;
    size_t len;
    int n = 0;
    int r;

    if ((r = jpull_object (s)) < 0)
        return r;
    while ((r = jpull_member (s, &n, &name, &len)) > 0) {
        if ((r = member (s, name, len, arg)) < 0)
            return r;
    }
    return r;
}

int jpull_skip (struct jpull *s)
{
    unsigned int seen = 0;
    const char *start, *end;

    if (jpull_peek (s) < 0)
        return -EPROTO;
    start = s->p;
    end = jlex_value (start, s->end, JSON_MAX_DEPTH - s->depth, &seen);
    if (!end || (seen & (JLEX_NUL | JLEX_RANGE))
        || ((seen & JLEX_WIDE) && !utf8_valid (start, end - start)))
        return -EPROTO;
    s->p = end;
    return 0;
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
    _cleanup_ (members_fini)
    struct members m = { 0 };
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
    const char *end;
    int64_t i;
    double d;
    bool real;
    int r;

    if (!(end = number (s, &real)))
        return -EPROTO;
    if (real) {
        if ((r = jlex_real (s->p, end - s->p, &d)) < 0)
            return r;
        text_put_real (out, d);
    }
    else {
        jlex_int (s->p, end - s->p, &i);
        text_put_int (out, i);
    }
    s->p = end;
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
