#include "config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>
#include <jansson.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "access.h"

static int refuse (flux_error_t *error, const char *why)
{
    errprintf (error, "error parsing [access] configuration: %s", why);
    errno = EINVAL;
    return -1;
}

static void add_user (flux_t *h, struct idset *admins, const char *name)
{
    struct passwd *pw = getpwnam (name);

    if (!pw || idset_set (admins, pw->pw_uid) < 0)
        flux_log (h, LOG_WARNING, "[access.roles.admin] unknown user '%s'", name);
}

/* Its members by name, and those whose own group it is. */
static void add_group (flux_t *h, struct idset *admins, const char *name)
{
    struct group *gr = getgrnam (name);
    struct passwd *pw;
    gid_t gid;

    if (!gr) {
        flux_log (h, LOG_WARNING, "[access.roles.admin] unknown group '%s'", name);
        return;
    }
    gid = gr->gr_gid;
    for (char **member = gr->gr_mem; *member; member++) {
        if ((pw = getpwnam (*member)))
            (void)idset_set (admins, pw->pw_uid);
    }
    setpwent ();
    while ((pw = getpwent ())) {
        if (pw->pw_gid == gid)
            (void)idset_set (admins, pw->pw_uid);
    }
    endpwent ();
}

static int add_names (flux_t *h,
                      struct idset *admins,
                      json_t *names,
                      void (*add) (flux_t *h, struct idset *admins, const char *name))
{
    size_t i;
    json_t *o;

    if (names && !json_is_array (names))
        return -1;
    json_array_foreach (names, i, o) {
        if (!json_is_string (o))
            return -1;
        add (h, admins, json_string_value (o));
    }
    return 0;
}

static int read_admins (flux_t *h,
                        json_t *admin,
                        struct idset *admins,
                        flux_error_t *error)
{
    json_t *users = NULL, *groups = NULL;
    json_error_t jerror;

    if (json_unpack_ex (
            admin, &jerror, 0, "{s?o s?o !}", "users", &users, "groups", &groups)
        < 0)
        return refuse (error, jerror.text);
    if (add_names (h, admins, users, add_user) < 0
        || add_names (h, admins, groups, add_group) < 0)
        return refuse (error, "users and groups of [access.roles.admin] are names");
    return 0;
}

static int read_roles (flux_t *h,
                       json_t *roles,
                       struct idset *admins,
                       flux_error_t *error)
{
    char text[100];
    const char *name;
    json_t *o;

    if (!json_is_object (roles))
        return refuse (error, "[access.roles] is not a table");
    json_object_foreach (roles, name, o) {
        if (strcmp (name, "admin") != 0) {
            snprintf (text, sizeof (text), "unknown role '%.40s' in [access.roles]", name);
            return refuse (error, text);
        }
        if (read_admins (h, o, admins, error) < 0)
            return -1;
    }
    return 0;
}

int access_configure (struct access *a,
                      flux_t *h,
                      const flux_conf_t *conf,
                      flux_error_t *error)
{
    int guest = 0, root = 0, private_mode = 0;
    json_t *o = NULL, *roles = NULL;
    struct idset *admins;
    flux_error_t reason;
    json_error_t jerror;

    if (flux_conf_unpack (conf, &reason, "{s?o}", "access", &o) < 0)
        return refuse (error, reason.text);
    if (o
        && json_unpack_ex (o,
                           &jerror,
                           0,
                           "{s?b s?b s?b s?o !}",
                           "allow-guest-user", &guest,
                           "allow-root-owner", &root,
                           "private-mode", &private_mode,
                           "roles", &roles)
               < 0)
        return refuse (error, jerror.text);
    if (!(admins = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return refuse (error, strerror (errno));
    if (roles && read_roles (h, roles, admins, error) < 0) {
        idset_destroy (admins);
        errno = EINVAL;
        return -1;
    }
    idset_destroy (a->admins);
    a->admins = admins;
    a->allow_guest_user = guest;
    a->allow_root_owner = root;
    return 0;
}

void access_fini (struct access *a)
{
    idset_destroy (a->admins);
    a->admins = NULL;
}

uint32_t access_roles (const struct access *a, uint32_t owner, uint32_t userid)
{
    if (userid == owner || (userid == 0 && a->allow_root_owner))
        return FLUX_ROLE_OWNER;
    if (!a->allow_guest_user)
        return FLUX_ROLE_NONE;
    if (a->admins && idset_test (a->admins, userid))
        return FLUX_ROLE_USER | FLUX_ROLE_ADMIN;
    return FLUX_ROLE_USER;
}
