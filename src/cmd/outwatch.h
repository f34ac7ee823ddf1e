/* outwatch.h - follow what a job's tasks write, as the text of whole entries.
 *
 * Output is asked for as raw entries, an addition of our job-info (see
 * doc/architecture.md); a service that does not know the flag says EPROTO and
 * is asked again without.
 *
 * Ownership: the owner destroys it, in or after end ().
 */

#ifndef MILLRACE_CMD_OUTWATCH_H
#define MILLRACE_CMD_OUTWATCH_H

#include <flux/core.h>

struct outwatch_ops {
    void (*data) (const char *s, size_t len, void *arg);
    void (*sentinel) (void *arg); /* all that was there has come; may be NULL */
    /* The stream is over; errnum is ENODATA if that is as it should be. */
    void (*end) (int errnum, const char *text, void *arg);
};

struct outwatch;

/* Waits for the log if it is not there yet.  Dies if that cannot be asked. */
struct outwatch *outwatch_create (flux_t *h,
                                  flux_jobid_t id,
                                  const struct outwatch_ops *ops,
                                  void *arg);
void outwatch_destroy (struct outwatch *w);

/* Ask for the end; it still comes.  No-op on NULL. */
void outwatch_cancel (struct outwatch *w);

/* The same for any watch of a job's log. */
void eventwatch_cancel (flux_t *h, flux_future_t *f);

#endif /* !MILLRACE_CMD_OUTWATCH_H */
