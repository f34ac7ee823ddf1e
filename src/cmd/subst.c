#include "config.h"
#include <ctype.h>

#include "common/errprintf.h"
#include "common/text.h"
#include "subst.h"

/* What stands between braces: a name, or an input and what is done to it. */
struct place {
    const char *name; /* not terminated */
    size_t len;
};

/* Step to the next "{...}" at or behind *s that is not doubled.  Copies what
 * lies before it to out, unless that is NULL.  Returns false at the end.
 */
static bool next_place (const char **s, struct text *out, struct place *place)
{
    const char *start = *s, *p = *s;
    bool found = false;

    while (*p) {
        const char *close;

        if (p[0] == '{' && p[1] == '{') {
            close = strstr (p, "}}");
            p = close ? close + 2 : p + strlen (p);
        }
        else if (p[0] == '{' && (close = strchr (p, '}'))) {
            *place = (struct place){ p + 1, close - p - 1 };
            *s = close + 1;
            found = true;
            break;
        }
        else
            p++;
    }
    if (out)
        text_put (out, start, p - start);
    if (!found)
        *s = p;
    return found;
}

static bool place_is (const struct place *p, const char *name)
{
    return p->len == strlen (name) && memcmp (p->name, name, p->len) == 0;
}

bool subst_wanted (const char *s, bool cc_only)
{
    struct place p;

    while (next_place (&s, NULL, &p)) {
        if (!cc_only || place_is (&p, "cc"))
            return true;
    }
    return false;
}

/* Cut a path as the letters behind the dot say. */
static void put_cut (struct text *t, const char *s, bool dir, bool base, bool stem)
{
    const char *slash = strrchr (s, '/');
    const char *file = slash ? slash + 1 : s;
    const char *dot = strrchr (file, '.');
    const char *end = s + strlen (s);

    if (dir) {
        text_put (t, s, slash ? (slash == s ? 1 : slash - s) : 0);
        return;
    }
    if (stem && dot && dot != file)
        end = dot;
    if (base)
        s = file;
    text_put (t, s, end - s);
}

/* N, N.%, N./, N.//, N./% where N may be missing.  Returns false if it is
 * none of these, or there is no such input.
 */
static bool put_input (struct text *t, const struct place *p, const struct subst *v)
{
    const char *s = p->name, *end = p->name + p->len;
    size_t n = 0, left;

    for (; s < end && isdigit ((unsigned char)*s); s++) {
        if ((n = n * 10 + (*s - '0')) > 1000000)
            return false;
    }
    if (n >= v->ninputs)
        return false;
    left = end - s;
    if (left == 0)
        text_puts (t, v->inputs[n]);
    else if (left == 2 && memcmp (s, ".%", 2) == 0)
        put_cut (t, v->inputs[n], false, false, true);
    else if (left == 2 && memcmp (s, "./", 2) == 0)
        put_cut (t, v->inputs[n], false, true, false);
    else if (left == 3 && memcmp (s, ".//", 3) == 0)
        put_cut (t, v->inputs[n], true, false, false);
    else if (left == 3 && memcmp (s, "./%", 3) == 0)
        put_cut (t, v->inputs[n], false, true, true);
    else
        return false;
    return true;
}

static bool put_value (struct text *t, const struct place *p, const struct subst *v)
{
    bool cc = place_is (p, "cc");

    if (cc && v->cc)
        text_puts (t, v->cc);
    else if (cc || v->cc_only)
        text_printf (t, "{%.*s}", (int)p->len, p->name);
    else if (place_is (p, "seq"))
        text_put_uint (t, v->seq);
    else if (place_is (p, "seq1"))
        text_put_uint (t, v->seq + 1);
    else
        return put_input (t, p, v);
    return true;
}

char *subst_expand (const char *s, const struct subst *v, flux_error_t *error)
{
    struct text t = TEXT_INIT;
    struct place p;
    char *result;

    while (next_place (&s, &t, &p)) {
        if (!put_value (&t, &p, v)) {
            errprintf (error, "'{%.*s}'", (int)p.len, p.name);
            text_fini (&t);
            return NULL;
        }
    }
    if (!(result = text_take (&t, NULL)))
        errprintf (error, "out of memory");
    return result;
}
