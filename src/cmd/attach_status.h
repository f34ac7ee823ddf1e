/* attach_status.h - one line on a terminal that says what a job waits for.
 *
 * It is shown at once if asked for, and else, if stdin, stdout and stderr are
 * terminals, when the job has not started within two seconds; never if
 * FLUX_ATTACH_NONINTERACTIVE is set.
 */

#ifndef MILLRACE_CMD_ATTACH_STATUS_H
#define MILLRACE_CMD_ATTACH_STATUS_H

#include <flux/core.h>
#include <jansson.h>

struct attach_status;

/* NULL if there will never be a line; the other functions accept that. */
struct attach_status *attach_status_create (flux_t *h,
                                            flux_jobid_t id,
                                            const char *name,
                                            bool forced,
                                            double queue_check_interval);
void attach_status_destroy (struct attach_status *st);

/* Tell of an event of the job's main log. */
void attach_status_event (struct attach_status *st,
                          const char *event,
                          double timestamp,
                          json_t *context);

/* Make room for other output on the terminal. */
void attach_status_clear (struct attach_status *st);

#endif /* !MILLRACE_CMD_ATTACH_STATUS_H */
