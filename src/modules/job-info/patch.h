/* patch.h - R and jobspec as the updates in the main log have made them.
 *
 *   resource-update  context member expiration -> R.execution.expiration
 *   jobspec-update   every context member is a dotted path in the jobspec
 *
 * Updates are rare and their objects small: JSON trees will do.
 */

#ifndef JOB_INFO_PATCH_H
#define JOB_INFO_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "common/eventlog.h"

/* Is key one of the two? */
bool patch_key (const char *key);

/* Does the entry update key? */
bool patch_concerns (const char *key, const struct eventlog_entry *e);

/* Apply an entry that does.  0, -EINVAL or -ENOMEM. */
int patch_apply (const char *key, json_t *obj, const struct eventlog_entry *e);

/* Apply a whole log.  -EINVAL: it is none. */
int patch_apply_log (const char *key, json_t *obj, const char *log, size_t len);

#endif /* !JOB_INFO_PATCH_H */
