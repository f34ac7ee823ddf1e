/* format_toml.c - the TOML that a file of formats needs, and no more. */

#include "config.h"
#include <ctype.h>
#include <stdbool.h>

#include "common/errprintf.h"
#include "common/text.h"
#include "format_names.h"

static const char *skip_blanks (const char *s)
{
    return s + strspn (s, " \t");
}

/* Nothing but a comment may follow. */
static bool at_end (const char *s)
{
    s = skip_blanks (s);
    return *s == '\0' || *s == '#' || *s == '\n' || *s == '\r';
}

/* A string in double quotes, which is one of JSON too, or in single quotes,
 * which has no escapes.  Sets *end behind it; NULL if it is none.
 */
static json_t *scan_string (const char *s, const char **end)
{
    const char *p = s + 1;
    json_t *o;

    if (*s == '\'') {
        p += strcspn (p, "'\n");
        if (*p != '\'')
            return NULL;
        *end = p + 1;
        return json_stringn (s + 1, p - s - 1);
    }
    if (*s != '"')
        return NULL;
    while (*p && *p != '"' && *p != '\n')
        p += p[0] == '\\' && p[1] ? 2 : 1;
    if (*p != '"')
        return NULL;
    *end = p + 1;
    o = json_loadb (s, *end - s, JSON_DECODE_ANY, NULL);
    return o;
}

/* A bare or quoted key; a new string, or NULL. */
static json_t *scan_key (const char *s, const char **end)
{
    const char *p = s;

    if (*s == '"' || *s == '\'')
        return scan_string (s, end);
    while (isalnum ((unsigned char)*p) || *p == '_' || *p == '-')
        p++;
    if (p == s)
        return NULL;
    *end = p;
    return json_stringn (s, p - s);
}

/* The object at key, made if it is not there; NULL if something else is. */
static json_t *enter (json_t *o, json_t *key)
{
    json_t *next = json_object_get (o, json_string_value (key));

    if (!next) {
        json_object_set_new (o, json_string_value (key), json_object ());
        next = json_object_get (o, json_string_value (key));
    }
    return json_is_object (next) ? next : NULL;
}

/* "[a.b]": the table it names, or NULL. */
static json_t *scan_table (json_t *root, const char *s)
{
    json_t *table = root;

    do {
        json_t *key = scan_key (skip_blanks (s + 1), &s);

        table = key ? enter (table, key) : NULL;
        json_decref (key);
        if (!table)
            return NULL;
        s = skip_blanks (s);
    } while (*s == '.');
    return *s == ']' && at_end (s + 1) ? table : NULL;
}

static bool scan_pair (json_t *table, const char *s)
{
    json_t *key = scan_key (s, &s), *value = NULL;
    bool good = false;

    if (key) {
        s = skip_blanks (s);
        if (*s == '=')
            value = scan_string (skip_blanks (s + 1), &s);
        good = value && at_end (s) && !json_object_get (table, json_string_value (key));
    }
    if (good)
        json_object_set (table, json_string_value (key), value);
    json_decref (key);
    json_decref (value);
    return good;
}

json_t *format_names_toml (const char *text, flux_error_t *error)
{
    json_t *root = json_object (), *table = root;

    for (int line = 1; *text; line++) {
        const char *s = skip_blanks (text);
        bool good = true;

        if (*s == '[')
            good = (table = scan_table (root, s));
        else if (!at_end (s))
            good = scan_pair (table, s);
        if (!good) {
            json_decref (root);
            errprintf (error, "line %d: expected [formats.NAME] or KEY = \"STRING\"",
                       line);
            return NULL;
        }
        text += strcspn (text, "\n");
        text += *text == '\n';
    }
    return root;
}
