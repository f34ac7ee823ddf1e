/* broker/access.h - the configuration table [access]: who may connect.
 *
 *   allow-guest-user, allow-root-owner, private-mode: booleans
 *   roles.admin.users, roles.admin.groups: names
 *
 * A guest who is named, or is in a group that is, has the role ADMIN too.
 *
 * Names are looked up when the table is read; later changes of the user data base
 * do not count until it is read again.
 */

#ifndef MILLRACE_BROKER_ACCESS_H
#define MILLRACE_BROKER_ACCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

struct access {
    bool allow_guest_user;
    bool allow_root_owner;
    struct idset *admins; /* userids; NULL: none */
};

/* Read the table of conf; what it was before stays if that fails: -1 with errno
 * EINVAL and a sentence.  Names that nobody has are logged to h.
 */
int access_configure (struct access *a,
                      flux_t *h,
                      const flux_conf_t *conf,
                      flux_error_t *error);
void access_fini (struct access *a);

/* The roles of a userid that connects; 0: none. */
uint32_t access_roles (const struct access *a, uint32_t owner, uint32_t userid);

#endif /* !MILLRACE_BROKER_ACCESS_H */
