/* format_value.h - one value on its way into a listing, and how it is laid out.
 *
 * A value is a number, a truth value or text.  A layout is what may follow the
 * colon in "{field:LAYOUT}": that of Python's format (),
 *     [[fill]align][sign][#][0][width][,|_][.precision][type]
 * and two suffixes of our own: "h" prints "-" for what is empty or zero, "+"
 * marks text that the precision has cut.
 *
 * Widths count code points, not columns: the same on every terminal.
 */

#ifndef MILLRACE_CMD_FORMAT_VALUE_H
#define MILLRACE_CMD_FORMAT_VALUE_H

#include <flux/core/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

enum format_type { FORMAT_STRING, FORMAT_INT, FORMAT_REAL, FORMAT_BOOL };

struct format_value {
    enum format_type type;
    union {
        long long i;
        double d;
        bool b;
    };
    const char *s; /* FORMAT_STRING: the text, never NULL; FORMAT_INT: its name, or NULL */
};

static inline void format_set_string (struct format_value *v, const char *s)
{
    *v = (struct format_value){ .type = FORMAT_STRING, .s = s ? s : "" };
}

static inline void format_set_int (struct format_value *v, long long i)
{
    *v = (struct format_value){ .type = FORMAT_INT, .i = i };
}

static inline void format_set_real (struct format_value *v, double d)
{
    *v = (struct format_value){ .type = FORMAT_REAL, .d = d };
}

static inline void format_set_bool (struct format_value *v, bool b)
{
    *v = (struct format_value){ .type = FORMAT_BOOL, .b = b };
}

/* Is it text with nothing in it? */
bool format_value_empty (const struct format_value *v);

/* The value as a number; 0 for text. */
double format_value_number (const struct format_value *v);

/* Append the value as it is shown without a layout: 1, 1.5, True, text. */
void format_value_put (const struct format_value *v, struct text *out);

struct format_layout {
    char fill[8];  /* one UTF-8 character */
    char align;    /* < > ^ =, 0: not given */
    char sign;     /* + - or blank, 0: not given */
    bool alt;      /* # */
    int width;     /* 0: not given */
    char group;    /* , or _, 0: not given */
    int precision; /* -1: not given */
    char type;     /* 0: not given */
    bool hyphen;   /* suffix h */
    bool mark_cut; /* suffix + */
    bool given;    /* the layout was not empty */
};

/* Returns 0, or -1 with a sentence. */
int format_layout_parse (const char *s,
                         size_t len,
                         struct format_layout *l,
                         flux_error_t *error);

/* Append the value laid out.  Returns 0, or -1 with a sentence if this
 * layout is none for this kind of value; then nothing is appended.
 */
int format_layout_put (const struct format_layout *l,
                       const struct format_value *v,
                       struct text *out,
                       flux_error_t *error);

/* A conversion, what may follow "!": s r d D F H P (0: none).  time_format is
 * that of strftime, for d.  The text of *out lives in scratch.  Returns 0, or
 * -1 with a sentence.
 */
int format_convert (char conversion,
                    const char *time_format,
                    const struct format_value *in,
                    struct text *scratch,
                    struct format_value *out,
                    flux_error_t *error);

/* What "h" shows as "-": "", 0s, 0.0, 0:00:00 and the epoch. */
bool format_text_is_nothing (const char *s);

/* The number of code points. */
size_t format_text_width (const char *s);

#endif /* !MILLRACE_CMD_FORMAT_VALUE_H */
