/* broker/module_run.h - a module's life, from its own side (wire.md 8.2).
 *
 * Purpose: the same for a module in a thread of the broker and for one in a
 * process of its own (module_exec.c): take the welcome, set up the handle, run
 * mod_main (), report how it ended.
 */

#ifndef MILLRACE_BROKER_MODULE_RUN_H
#define MILLRACE_BROKER_MODULE_RUN_H

#include <flux/core.h>

/* Returns when the module has said that it has EXITED, or could not.  h stays
 * open.  With mod_main NULL it is looked for in the object at path, once the
 * name of the module is known.
 */
void module_run (flux_t *h, mod_main_f *mod_main, const char *path);

#endif /* !MILLRACE_BROKER_MODULE_RUN_H */
