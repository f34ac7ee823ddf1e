/* mainlog.h - the main eventlog of one job, as far as it is known.
 *
 * Purpose: one watch of the log serves all who follow it, and those who only
 * need to know whose job it is or how far it has come.
 *
 * Invariants
 *  - text holds whole entries, in order, up to `clean` at most: what comes
 *    after that is never shown to anybody
 *  - what the entries say (owner, started, ...) is never taken back
 *
 * Bound: the log itself; it is dropped when nobody is interested in the job.
 * No I/O here: chunks go in, facts come out.
 */

#ifndef JOB_INFO_MAINLOG_H
#define JOB_INFO_MAINLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

struct mainlog {
    struct text text;
    size_t initial; /* length of text when the log was first read to its end */
    bool complete;  /* it was */
    bool known;     /* the first entry told whose job this is */
    uint32_t userid;
    bool started; /* `start`: the guest namespace exists, or did */
    bool final;   /* the last `release`: the guest namespace has been moved */
    bool clean;   /* the last entry */
};

void mainlog_init (struct mainlog *ml);
void mainlog_fini (struct mainlog *ml);

/* What one blob of the log holds: whole entries; text after the last newline
 * is dropped.  Returns 0, -EINVAL (nothing at all is an illegal append) or
 * -ENOMEM.
 */
int mainlog_feed (struct mainlog *ml, const void *data, size_t len);

/* All that there was at the start has been fed. */
void mainlog_complete (struct mainlog *ml);

/* Is there an entry?  The first one is what decides on access. */
static inline bool mainlog_exists (const struct mainlog *ml)
{
    return ml->text.len > 0;
}

/* The owner, as the first entry of the log has it: 0 or -EPROTO. */
int mainlog_owner (const char *log, size_t len, uint32_t *userid);

/* The length of the whole entries in len bytes. */
size_t mainlog_whole (const char *data, size_t len);

#endif /* !JOB_INFO_MAINLOG_H */
