/* job-exec/world_private.h - what the files of the world share (world.h).
 *
 *   world.c       its life, and how it answers the module
 *   world_send.c  requests and events to the module
 *   world_logs.c  what the module has written
 */

#ifndef MILLRACE_EXEC_WORLD_PRIVATE_H
#define MILLRACE_EXEC_WORLD_PRIVATE_H

#include "world.h"

double world_now (void); /* seconds, monotonic */

/* Both bail out on errors; post takes the message. */
flux_msg_t *world_request (const char *topic);
void world_post (struct world *w, flux_msg_t *msg);

/* Be ready for another one. */
void world_forget_job (struct world *w);

#endif /* !MILLRACE_EXEC_WORLD_PRIVATE_H */
