/* queue.h - flux queue: what its files share. */

#ifndef MILLRACE_CMD_QUEUE_H
#define MILLRACE_CMD_QUEUE_H

#include <flux/core.h>
#include <jansson.h>

/* The names of the queues (a new array); empty: only the anonymous one. */
json_t *queue_names (flux_t *h);

/* What job-manager says of a queue (a new object); NULL is the anonymous one. */
json_t *queue_status (flux_t *h, const char *name);

int queue_list (int argc, char **argv);

#endif /* !MILLRACE_CMD_QUEUE_H */
