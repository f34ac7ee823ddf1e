/* attach_output.h - put what a job's tasks wrote (RFC 24) where it belongs.
 *
 * Output comes as the text of whole entries, as they lie in the KVS, and is
 * decoded straight into the stream: no JSON tree is built of it.
 */

#ifndef MILLRACE_CMD_ATTACH_OUTPUT_H
#define MILLRACE_CMD_ATTACH_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct attach_output {
    FILE *out; /* where the tasks' stdout goes */
    FILE *err;
    const char *prefix; /* stands before labels: whose output it is; or NULL */
    bool label_io;      /* prefix lines with "RANK: " */
    const char *label;  /* ... or with this, %r being the rank; NULL: as above */
    bool quiet;         /* no log entries and redirections */
    bool show_place;    /* say where in the source a log entry arose */
    bool timeless;      /* do not say when */
    bool repeats;       /* heed "repeat": data that came so many times in a row */
    double t0;          /* what times are counted from */
    bool have_header;   /* it has been seen, or does not matter */
};

/* Write the entries in data.  An entry that is not understood is reported; data
 * before the header end the program.
 */
void attach_output (struct attach_output *o, const char *data, size_t len);

#endif /* !MILLRACE_CMD_ATTACH_OUTPUT_H */
