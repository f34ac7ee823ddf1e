/* heartbeat/listen.h - what a rank other than 0 does about pulses: notice that
 * there are none.
 *
 * A broker whose process has died is noticed by its connection.  One that is
 * stopped, or hangs, keeps its connection: those below it would wait for ever.
 * Any pulse starts the time anew; without one for 'warn' seconds a warning is
 * logged, and without one for 'timeout' seconds the broker is told to leave its
 * parent (overlay.disconnect-parent), after which it ends as if that had died.
 *
 * One timer, which a pulse pushes on: no wake-up but those of the pulses.
 */

#ifndef MILLRACE_HEARTBEAT_LISTEN_H
#define MILLRACE_HEARTBEAT_LISTEN_H

#include <flux/core.h>

/* Listen until the module is asked to end.  warn > 0; timeout 0 or INFINITY: never
 * leave.  Returns the value of mod_main.
 */
int heartbeat_listen (flux_t *h, double warn, double timeout);

#endif
