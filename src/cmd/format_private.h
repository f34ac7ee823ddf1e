/* format_private.h - what format.c and format_sort.c share. */

#ifndef MILLRACE_CMD_FORMAT_PRIVATE_H
#define MILLRACE_CMD_FORMAT_PRIVATE_H

#include "format.h"

struct format_column {
    char *before;  /* the text before the field */
    char *name;    /* NULL: text only, the end of the line */
    char *heading;
    const struct format_field *field;
    char conversion;
    char *time_format; /* for !d */
    struct format_layout layout;
    bool drop_if_empty;
    bool widen;
    bool dropped;
};

struct format_key {
    char *name;
    const struct format_field *field;
    bool reverse;
};

struct format {
    const struct format_source *source;
    struct format_column *columns;
    size_t ncolumns;
    struct format_key *keys;
    size_t nkeys;
    struct text scratch; /* for get () */
    struct text converted;
};

const struct format_field *format_find (const struct format_source *source,
                                        const char *name);
void format_drop_keys (struct format *f);

#endif /* !MILLRACE_CMD_FORMAT_PRIVATE_H */
