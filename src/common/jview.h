/* jview.h - read JSON text where it lies: no tree, no copies.
 *
 * Purpose: jobspecs, R and events pass through our modules as text.  What is
 * needed of them (an id, a queue name, a status) is read from that text; what
 * is only handed on (a whole jobspec) is a span of it.
 *
 * (Its counterpart is jpull.h: formats that are known to the last member are
 * pulled into native form in one pass.)
 *
 * A view is the text of one JSON value, without blanks around it.  Text from
 * outside becomes a view through jview_parse (), which checks all of it once
 * (RFC 8259, valid UTF-8, no \u0000, numbers fit an int64_t or a double,
 * nesting at most JSON_MAX_DEPTH).  Everything else relies on that check: views
 * of parts are well-formed by construction.
 *
 * Duplicate keys: the last one counts, as with jansson.
 *
 * Ownership: a view borrows its text.
 */

#ifndef MILLRACE_JVIEW_H
#define MILLRACE_JVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "text.h"

enum jview_type {
    JVIEW_NONE, /* absent */
    JVIEW_OBJECT,
    JVIEW_ARRAY,
    JVIEW_STRING,
    JVIEW_INTEGER,
    JVIEW_REAL,
    JVIEW_TRUE,
    JVIEW_FALSE,
    JVIEW_NULL,
};

struct jview {
    const char *s; /* NULL: absent */
    size_t len;
};

#define JVIEW_ABSENT ((struct jview){ NULL, 0 })

/* Check that the len bytes are exactly one JSON value, blanks around it
 * allowed.  Returns 0 or -EINVAL.
 */
int jview_parse (const char *s, size_t len, struct jview *v);

/* As jview_parse (), and the value must be an object. */
int jview_parse_object (const char *s, size_t len, struct jview *v);

/* As jview_parse (), but with \u0000 and numbers of any size: for event logs,
 * whose data may hold NUL bytes.  jview_strdup () cuts there.
 */
int jview_parse_lax (const char *s, size_t len, struct jview *v);

enum jview_type jview_type (struct jview v);

static inline bool jview_is (struct jview v, enum jview_type type)
{
    return jview_type (v) == type;
}

static inline bool jview_present (struct jview v)
{
    return v.s != NULL;
}

/* The members of an object or the elements of an array, in order.  Of
 * anything else there are none.
 */
struct jiter {
    const char *p;
    const char *end;
    bool object;
};

void jiter_init (struct jiter *it, struct jview container);
bool jiter_next (struct jiter *it, struct jview *key, struct jview *value);

/* The member 'key' (plain ASCII) of an object; absent if there is none or
 * obj is no object.
 */
struct jview jview_get (struct jview obj, const char *key);

/* Several members in one pass: out[i] is the member keys[i] or absent. */
void jview_pick (struct jview obj,
                 size_t n,
                 const char *const keys[],
                 struct jview out[]);

/* The same of text from outside, while it is checked: as jview_parse_object ()
 * or, lax, jview_parse_lax (), and jview_pick (), in one pass.  After an error
 * out is undefined.
 */
int jview_parse_pick (const char *s,
                      size_t len,
                      bool lax,
                      size_t n,
                      const char *const keys[],
                      struct jview out[]);

/* jview_get () along a path of keys separated by dots. */
struct jview jview_path (struct jview obj, const char *path);

/* Element number i of an array, or absent. */
struct jview jview_at (struct jview array, size_t i);

size_t jview_count (struct jview container);

/* Typed reading.  0, -ENOENT if v is absent, -EINVAL if it is of another
 * type.  A number is an integer or a real.  In lax text an integer may be too
 * large (-EINVAL), and any number (-ERANGE).
 */
int jview_int (struct jview v, int64_t *value);
int jview_number (struct jview v, double *value);
int jview_bool (struct jview v, bool *value);

/* Append the bytes of a string, escapes decoded.  Returns 0, -ENOENT,
 * -EINVAL, or -ENOMEM.
 */
int jview_string (struct jview v, struct text *t);

/* The same as an allocated string. */
int jview_strdup (struct jview v, char **s);

/* Is v a string equal to these bytes, or to s? */
bool jview_equal_bytes (struct jview v, const char *s, size_t len);

static inline bool jview_equal (struct jview v, const char *s)
{
    return jview_equal_bytes (v, s, strlen (s));
}

/* The bytes between the quotes of a string without escapes.  False if v is no
 * string or has escapes: then jview_string () is the way.
 */
bool jview_plain (struct jview v, const char **s, size_t *len);

/* Writing: the text of v as it is ("null" if absent). */
void jview_put (struct text *t, struct jview v);

/* The same without blanks outside of strings: fit for one line. */
void jview_put_compact (struct text *t, struct jview v);

/* The members of obj but 'key', compact up to the values. */
void jview_put_without (struct text *t, struct jview obj, const char *key);

/* obj with the value at the dotted path replaced or added; objects missing on
 * the way are created, and what is in the way but no object is replaced.
 * Returns 0, or -EINVAL if obj is no object or the path has an empty part.
 */
int jview_put_set (struct text *t,
                   struct jview obj,
                   const char *path,
                   struct jview value);

/* RFC 7396-like merge of patch into base: objects merge key by key, null
 * deletes, any other value replaces; objects that become empty vanish.  base
 * may be absent.  An empty result is "{}".
 */
void jview_put_merge (struct text *t, struct jview base, struct jview patch);

#endif /* !MILLRACE_JVIEW_H */
