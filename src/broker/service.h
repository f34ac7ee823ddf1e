/* broker/service.h - which endpoint answers to which service name.
 *
 * A service is the first word of a request's topic (wire.md section 6.1).
 *
 * Invariant: a name has at most one endpoint; an endpoint may have many.
 * Ownership: names are copied; endpoints are borrowed, and unregistered with
 * service_remove_all () before they go.
 * Bound: SERVICES_PER_ENDPOINT names for one client, none for the broker and
 * its modules.
 */

#ifndef MILLRACE_BROKER_SERVICE_H
#define MILLRACE_BROKER_SERVICE_H

#include <stddef.h>
#include <flux/core.h>

#include "endpoint.h"

enum { SERVICES_PER_ENDPOINT = 4096 };

struct service_table;

struct service_table *service_table_new (void);
void service_table_free (struct service_table *st);

/* Returns 0, -EINVAL (empty, or contains '.'), -EEXIST, -ENOSPC (bound),
 * -ENOMEM.
 */
int service_add (struct service_table *st, const char *name, struct endpoint *ep);

/* Returns 0, -ENOENT (nobody has it), -EINVAL (somebody else has it). */
int service_remove (struct service_table *st, const char *name, struct endpoint *ep);

void service_remove_all (struct service_table *st, struct endpoint *ep);

/* Who has exactly this name; NULL if nobody. */
struct endpoint *service_find (const struct service_table *st, const char *name);

/* Who answers to this topic; NULL if nobody. */
struct endpoint *service_lookup (const struct service_table *st, const char *topic);

/* The names of ep, in the order they were added: start with prev = NULL. */
const char *service_next (const struct endpoint *ep, const char *prev);

/* May somebody with this credential register or remove the name?  Yes for the
 * owner, and for "<userid>-..." names.  Returns 0 or -EPERM.
 */
int service_authorize (const char *name, struct flux_msg_cred cred);

#endif /* !MILLRACE_BROKER_SERVICE_H */
