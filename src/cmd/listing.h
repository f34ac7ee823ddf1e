/* listing.h - print items as the lines of a format. */

#ifndef MILLRACE_CMD_LISTING_H
#define MILLRACE_CMD_LISTING_H

#include "format.h"

struct listing {
    struct format *format;
    bool no_header;
    int width; /* longer lines are cut; 0: not */
    /* The escape sequence that colours an item's line, or NULL. */
    const char *(*color) (const void *item);
};

/* Parse a format (a name or a string); dies with "Error in user format: ...". */
struct format *listing_format (const char *s, const struct format_source *source);

/* Sort the items in place and print them.  Dies if a value cannot be shown. */
void listing_print (const struct listing *l, const void **items, size_t n);

/* The argument of --color, NULL meaning always; false if it is none. */
bool listing_color (const char *arg, bool *color);

/* Columns of the terminal on stdout; 0 if it is none. */
int listing_terminal_width (void);

#endif /* !MILLRACE_CMD_LISTING_H */
