#include "config.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "common/errprintf.h"
#include "requires.h"

enum { MAX_DEPTH = 100 };

enum token { END, OPEN, CLOSE, AND, OR, NOT, MINUS, TERM };

struct parser {
    const char *start;
    const char *s;   /* behind the token */
    enum token token; /* the next one, not taken yet */
    const char *text; /* of it */
    size_t len;
    int depth;
    flux_error_t *error;
};

static json_t *parse_or (struct parser *p);

static enum token word_token (const char *s, size_t len)
{
    static const struct {
        const char *word;
        enum token token;
    } words[] = { { "and", AND }, { "or", OR }, { "not", NOT } };

    for (size_t i = 0; i < ARRAY_SIZE (words); i++) {
        if (strlen (words[i].word) == len && memcmp (words[i].word, s, len) == 0)
            return words[i].token;
    }
    return TERM;
}

/* Step to the next token. */
static void next (struct parser *p)
{
    p->s += strspn (p->s, " \t\n");
    p->text = p->s;
    p->len = 1;
    switch (*p->s) {
        case '\0':
            p->token = END;
            p->len = 0;
            break;
        case '(':
            p->token = OPEN;
            break;
        case ')':
            p->token = CLOSE;
            break;
        case '&':
        case '|':
            p->token = *p->s == '&' ? AND : OR;
            p->len += p->s[1] == *p->s;
            break;
        case '-':
            p->token = MINUS;
            break;
        default:
            p->len = strcspn (p->s, " \t\n()&|");
            p->token = word_token (p->s, p->len);
            break;
    }
    p->s += p->len;
}

static int position (const struct parser *p)
{
    return p->text - p->start;
}

static json_t *fail (struct parser *p, const char *what)
{
    errprintf (p->error, "%s in position %d", what, position (p));
    return NULL;
}

/* "p,q" to {"properties":["p","q"]}. */
static json_t *properties (const char *s, size_t len)
{
    json_t *list = json_array ();
    const char *end = s + len;

    while (s < end) {
        size_t n = 0;

        while (s + n < end && s[n] != ',')
            n++;
        if (n > 0)
            json_array_append_new (list, json_stringn (s, n));
        s += n + (s + n < end);
    }
    return json_pack ("{s:o}", "properties", list);
}

static json_t *parse_term (struct parser *p)
{
    static const struct {
        const char *prefix;
        const char *operator;
    } operators[] = {
        { "host:", "hostlist" }, { "hosts:", "hostlist" }, { "rank:", "ranks" },
        { "ranks:", "ranks" },
    };
    const char *s = p->text;
    size_t len = p->len;

    for (size_t i = 0; i < ARRAY_SIZE (operators); i++) {
        size_t n = strlen (operators[i].prefix);

        if (len > n && memcmp (s, operators[i].prefix, n) == 0) {
            next (p);
            return json_pack ("{s:[s%]}", operators[i].operator, s + n, len - n);
        }
    }
    if (memchr (s, ':', len))
        return fail (p, "Unknown operator");
    next (p);
    return properties (s, len);
}

static json_t *parse_parenthesis (struct parser *p)
{
    int open = position (p);
    json_t *o;

    next (p);
    if (p->token == END) {
        errprintf (p->error, "Unclosed parenthesis in position %d", open);
        return NULL;
    }
    if (!(o = parse_or (p)))
        return NULL;
    if (p->token != CLOSE) {
        errprintf (p->error, "Unclosed parenthesis in position %d", open);
        json_decref (o);
        return NULL;
    }
    next (p);
    return o;
}

static json_t *parse_unary (struct parser *p)
{
    json_t *o = NULL;

    if (++p->depth > MAX_DEPTH)
        return fail (p, "Too many levels");
    switch (p->token) {
        case NOT:
        case MINUS:
            next (p);
            if ((o = parse_unary (p)))
                o = json_pack ("{s:[o]}", "not", o);
            break;
        case OPEN:
            o = parse_parenthesis (p);
            break;
        case TERM:
            o = parse_term (p);
            break;
        case END:
            fail (p, "Missing term");
            break;
        case CLOSE:
            fail (p, "Unexpected closing parenthesis");
            break;
        default:
            fail (p, "Unexpected operator");
            break;
    }
    p->depth--;
    return o;
}

/* Property terms side by side become one. */
static bool merge_properties (json_t *list, json_t *o)
{
    json_t *last = json_array_get (list, json_array_size (list) - 1);
    json_t *a = json_object_get (last, "properties"),
           *b = json_object_get (o, "properties");

    return a && b && json_array_extend (a, b) == 0;
}

/* One element by itself, several below an operator; steals list. */
static json_t *combine (const char *operator, json_t *list)
{
    json_t *o;

    if (json_array_size (list) == 1) {
        o = json_incref (json_array_get (list, 0));
        json_decref (list);
        return o;
    }
    return json_pack ("{s:o}", operator, list);
}

static bool begins_unary (enum token token)
{
    return token == OPEN || token == NOT || token == MINUS || token == TERM;
}

static json_t *parse_and (struct parser *p)
{
    json_t *list = json_array (), *o;

    do {
        if (json_array_size (list) > 0 && p->token == AND)
            next (p);
        if (!(o = parse_unary (p))) {
            json_decref (list);
            return NULL;
        }
        if (merge_properties (list, o))
            json_decref (o);
        else
            json_array_append_new (list, o);
    } while (p->token == AND || begins_unary (p->token));
    return combine ("and", list);
}

static json_t *parse_or (struct parser *p)
{
    json_t *list = json_array (), *o;

    do {
        if (json_array_size (list) > 0)
            next (p);
        if (!(o = parse_and (p))) {
            json_decref (list);
            return NULL;
        }
        json_array_append_new (list, o);
    } while (p->token == OR);
    return combine ("or", list);
}

json_t *requires_parse (const char *s, flux_error_t *error)
{
    struct parser p = { .start = s, .s = s, .error = error };
    json_t *o;

    next (&p);
    if (!(o = parse_or (&p)))
        return NULL;
    if (p.token != END) {
        json_decref (o);
        return fail (&p, "Unexpected closing parenthesis");
    }
    return o;
}
