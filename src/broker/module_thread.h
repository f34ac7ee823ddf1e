/* broker/module_thread.h - the thread that a module runs in.
 *
 * Purpose: everything that happens on the module's side: take the welcome,
 * set up the handle, run mod_main (), report how it ended.  The thread and
 * the broker share nothing but the message channel, the 'ended' flag and an
 * eventfd that is written when the thread is about to end, however it ends.
 *
 * Ownership: the thread owns its end of the channel and closes it - unless
 * it is cancelled: a cancelled thread may have been anywhere, so what it
 * held is leaked on purpose.
 */

#ifndef MILLRACE_BROKER_MODULE_THREAD_H
#define MILLRACE_BROKER_MODULE_THREAD_H

#include <stdbool.h>
#include <flux/core.h>

struct module_thread;

/* Start the thread.  Takes over h, the module's end of a channel on which a
 * welcome is waiting or will come, also on failure.  ended_fd is an eventfd
 * of the caller's.  NULL with errno.
 */
struct module_thread *module_thread_start (const char *name,
                                           flux_t *h,
                                           mod_main_f *mod_main,
                                           int ended_fd);

/* True once the thread is past touching anything of the module's. */
bool module_thread_ended (const struct module_thread *t);

bool module_thread_was_cancelled (const struct module_thread *t);

/* Ask the thread to stop at its next cancellation point. */
void module_thread_cancel (struct module_thread *t);

/* Wait for the thread and free it.  Call it when the thread has ended, or
 * has said that it is about to: the wait is short then.
 */
void module_thread_join (struct module_thread *t);

#endif /* !MILLRACE_BROKER_MODULE_THREAD_H */
