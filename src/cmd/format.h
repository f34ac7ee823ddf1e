/* format.h - the format strings of the listing commands (flux jobs -o).
 *
 * Purpose: "{id.f58:>12} ?:{queue:<8.8} {name}" says which fields a line has
 * and how they are laid out.  What follows a field's name is
 * [!conversion][:layout] (format_value.h); before a field, "?:" leaves its
 * column out if it is empty in all lines, "+:" makes it wide enough for all
 * its values, "?+:" does both.  "sort:KEY,-KEY " at the start orders the lines.
 * "{{" and "}}" stand for braces.
 *
 * Ownership: a format owns what it has parsed; items are the caller's.  A
 * value's text need only live until the next call of get ().
 */

#ifndef MILLRACE_CMD_FORMAT_H
#define MILLRACE_CMD_FORMAT_H

#include "format_value.h"

struct format_field {
    const char *name;    /* "x.*" stands for all names that begin with "x." */
    const char *heading; /* NULL: the name in upper case, or source.heading */
    /* Set *v; its text may be built in scratch, which is empty. */
    void (*get) (const void *item,
                 const char *name,
                 struct text *scratch,
                 struct format_value *v);
    const char *needs; /* the caller's business; see format_fields () */
};

struct format_source {
    const struct format_field *fields; /* ends with a NULL name */
    void (*heading) (const char *name, char *buf, size_t size); /* for "x.*" */
};

struct format;

/* NULL with a sentence: no such field, braces that do not match, ... */
struct format *format_parse (const char *s,
                             const struct format_source *source,
                             flux_error_t *error);
void format_free (struct format *f);

/* Order by these keys instead of those in the format string: "KEY,-KEY".
 * Returns 0, or -1 with a sentence.
 */
int format_sort_by (struct format *f, const char *keys, flux_error_t *error);

/* Call cb for each field that the format or its order looks at. */
void format_fields (const struct format *f,
                    void (*cb) (const struct format_field *field, void *arg),
                    void *arg);

/* Order the items: what is unset first, then numbers, then text.  Equal items
 * keep their places.  Nothing happens without sort keys.
 */
void format_sort (struct format *f, const void **items, size_t n);

/* Settle "?:" and "+:" for these items; a header counts if it is shown. */
void format_fit (struct format *f, const void **items, size_t n, bool header);

/* Append a line, without newline. */
void format_header (const struct format *f, struct text *out);

/* Returns 0, or -1 with a sentence if a layout does not fit the value. */
int format_line (struct format *f,
                 const void *item,
                 struct text *out,
                 flux_error_t *error);

#endif /* !MILLRACE_CMD_FORMAT_H */
