/* conf_private.h - for the files that read a configuration.
 *
 * All return new objects, or NULL with errno and a sentence that names the file
 * (or what is given for one) and the line.
 */

#ifndef MILLRACE_CONF_PRIVATE_H
#define MILLRACE_CONF_PRIVATE_H

#include <flux/core.h>
#include <jansson.h>
#include <stddef.h>

/* conf_builtin.c: where the object is that reads TOML. */
const char *conf_toml_path (void);

/* conf_read.c */
json_t *conf_read_json (const char *text, const char *name, flux_error_t *error);
json_t *conf_read_toml (const char *text,
                        size_t len,
                        const char *name,
                        flux_error_t *error);

/* A .json file, another file (TOML), or a directory of *.toml and *.json, which
 * are merged in this order, each kind by name.
 */
json_t *conf_read_path (const char *path, flux_error_t *error);

/* Merge from into to: tables are merged, other values replaced.  Returns 0, or
 * -1 with errno ENOMEM.
 */
int conf_merge (json_t *to, json_t *from);

#endif /* !MILLRACE_CONF_PRIVATE_H */
