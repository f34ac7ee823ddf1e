/* broker/module_dso.h - find a module's shared object and open it. */

#ifndef MILLRACE_BROKER_MODULE_DSO_H
#define MILLRACE_BROKER_MODULE_DSO_H

#include <flux/core.h>

/* The name a path is loaded under: its basename up to the first dot.
 * malloc'ed; NULL with no memory.
 */
char *module_name_from_path (const char *path);

/* What 'target' means: with a slash a path, else a name to be looked for as
 * NAME.so or NAME.so.* in the colon-separated directories of searchpath, and if
 * none of them has it as NAME.py.
 * Returns a malloc'ed path, or NULL with errno and a sentence.
 */
char *module_find (const char *target, const char *searchpath, flux_error_t *error);

/* The flux command that runs the object at path in a process of its own. *threads
 * is set if the broker can run it as well.  NULL with errno and a sentence.
 */
const char *module_loader (const char *path, bool *threads, flux_error_t *error);

/* Open the object at path and find its mod_main.  If it has a mod_name, that
 * must be 'name'.  Returns the handle for dlclose (), or NULL with errno and
 * a sentence.
 */
void *module_dso_open (const char *path,
                       const char *name,
                       mod_main_f **mod_main,
                       flux_error_t *error);

void module_dso_close (void *dso);

#endif /* !MILLRACE_BROKER_MODULE_DSO_H */
