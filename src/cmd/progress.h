/* progress.h - how far a number of jobs has come, in the last line of a
 * terminal:
 *     PD:3    R:2    CD:10   F:1    │█████████▌        │  68.8%  0:00:07
 *
 * Whoever prints something else calls progress_hide () before; the line comes
 * back with progress_draw ().
 */

#ifndef MILLRACE_CMD_PROGRESS_H
#define MILLRACE_CMD_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum progress_state {
    PROGRESS_PENDING,
    PROGRESS_RUNNING,
    PROGRESS_COMPLETED,
    PROGRESS_FAILED
};

struct progress;

/* For 'total' jobs, all pending.  jps: show jobs per second instead of the
 * time.  Dies if out of memory.
 */
struct progress *progress_create (FILE *out, size_t total, bool jps, double now);

/* Leaves the line as it is, and ends it.  NULL is accepted here and below. */
void progress_destroy (struct progress *p);

/* One job goes from one state to another. */
void progress_move (struct progress *p, enum progress_state from, enum progress_state to);

/* Put the line in text, 'columns' wide; valid until the next call. */
const char *progress_line (struct progress *p, double now, int columns);

void progress_draw (struct progress *p, double now);
void progress_hide (struct progress *p);

#endif /* !MILLRACE_CMD_PROGRESS_H */
