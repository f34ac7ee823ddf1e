/* job-exec/output.h - what tasks write, as RFC 24 eventlog text.
 *
 * Purpose: bytes read from the tasks' stdout and stderr come in, lines of the
 * guest's "output" eventlog go out into one text.  One pass, no JSON tree.
 *
 * Rules
 *  - an entry holds bytes of one task and one stream; with line buffering it
 *    holds whole lines, so that a label per line is always possible; a last
 *    partial line comes at its EOF
 *  - a read of few lines makes an entry of each, as readers expect that label
 *    entries; more lines (bulk) share one entry
 *  - without it, an entry is what a read returned, but nothing shares an entry
 *    with a line that ended before it
 *  - data is text if it is UTF-8, else base64 in that entry.  A read that ends
 *    inside a character keeps those bytes for the next one
 *  - beyond the limit of a stream data is dropped and counted, EOF is not
 *
 * Ownership: the text belongs to the caller, who takes what is in it.
 * Bound: OUTPUT_LINE_MAX bytes of an unfinished line per task and stream;
 * a longer line is cut there.  The caller bounds the text, by not reading.
 */

#ifndef MILLRACE_EXEC_OUTPUT_H
#define MILLRACE_EXEC_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

#define OUTPUT_LINE_MAX (4 << 20)
#define OUTPUT_SPLIT_MAX 16 /* lines of one read that get entries of their own */

enum output_stream {
    OUTPUT_STDOUT,
    OUTPUT_STDERR,
    OUTPUT_STREAMS,
};

struct output_config {
    uint32_t ntasks;
    const char *label; /* of lines in files: "%r" is the rank; NULL: "%r: " */
    struct {
        bool unbuffered; /* "none": entries as reads come */
        uint64_t limit;  /* bytes, all tasks together; 0: none */
        const char *limit_text; /* as the user wrote it, for messages */
    } stream[OUTPUT_STREAMS];
};

struct output;

/* log: where entries are appended.  Returns 0 or -ENOMEM. */
int output_create (const struct output_config *config,
                   struct text *log,
                   struct output **ret);
void output_destroy (struct output *o);

const char *output_stream_name (enum output_stream stream);

/* The first entry. */
void output_header (struct output *o, double now);

/* Bytes of one task; never after its EOF. */
void output_data (struct output *o,
                  double now,
                  uint32_t task,
                  enum output_stream stream,
                  const char *data,
                  size_t len);
void output_eof (struct output *o, double now, uint32_t task, enum output_stream stream);

/* Stream goes to a file; ranks is an idset, path a template. */
void output_redirect (struct output *o,
                      double now,
                      enum output_stream stream,
                      const char *ranks,
                      const char *path);

/* A message of ours; level as in syslog(3), 0 is fatal.  component may be
 * NULL.
 */
void output_log (struct output *o,
                 double now,
                 int level,
                 const char *component,
                 const char *message);

/* The same into any text. */
void output_log_to (struct text *log,
                    double now,
                    int level,
                    const char *component,
                    const char *message);

/* After the last EOF: say what was dropped. */
void output_finish (struct output *o, double now);

/* For labelled files: append the whole lines in data to out, each with
 * "TASK: " in front; the rest waits for more, or for eof.
 */
void output_label (struct output *o,
                   uint32_t task,
                   enum output_stream stream,
                   const char *data,
                   size_t len,
                   bool eof,
                   struct text *out);

#endif /* !MILLRACE_EXEC_OUTPUT_H */
