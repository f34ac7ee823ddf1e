/* broker/module_thread.h - the thread that a module runs in.
 *
 * Purpose: run the module (module_run.h), or stand in for one that runs in a
 * process of its own (module_process.h).  The thread and the broker share
 * nothing but the message channel, the 'ended' flag and an eventfd that is
 * written when the thread is about to end, however it ends.
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
struct module_process;

/* What the thread is to do: one of the two. */
struct module_body {
    mod_main_f *mod_main;
    struct module_process *process; /* the caller's, until after the join */
};

/* Start the thread.  Takes over h, the module's end of a channel on which a
 * welcome is waiting or will come, also on failure.  ended_fd is an eventfd
 * of the caller's.  NULL with errno.
 */
struct module_thread *module_thread_start (const char *name,
                                           flux_t *h,
                                           const struct module_body *body,
                                           int ended_fd);

/* True once the thread is past touching anything of the module's. */
bool module_thread_ended (const struct module_thread *t);

/* Have the thread stop at its next cancellation point; a process is killed. */
void module_thread_cancel (struct module_thread *t);

/* Wait for the thread and free it.  Call it when the thread has ended, or
 * has said that it is about to: the wait is short then.
 */
void module_thread_join (struct module_thread *t);

#endif /* !MILLRACE_BROKER_MODULE_THREAD_H */
