#include "config.h"

#include <pwd.h>
#include <string.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "common/tap.h"
#include "common/util.h"

#include "access.h"

enum { OWNER = 4711, GUEST = 4712 };

static flux_t *h;

static int configure (struct access *a, const char *json, flux_error_t *error)
{
    flux_conf_t *conf = flux_conf_create ();
    int rc;

    must (flux_conf_update (conf, json, error) == 0);
    rc = access_configure (a, h, conf, error);
    flux_conf_decref (conf);
    return rc;
}

static void nobody_but_the_owner (void)
{
    struct access a = { 0 };
    flux_error_t error;

    ok (access_roles (&a, OWNER, OWNER) == FLUX_ROLE_OWNER, "the owner may connect");
    ok (access_roles (&a, OWNER, GUEST) == 0, "a guest may not");
    ok (access_roles (&a, OWNER, 0) == 0, "nor root");
    ok (configure (&a, "{}", &error) == 0 && access_roles (&a, OWNER, GUEST) == 0,
        "a configuration that does not mention it changes nothing");
    access_fini (&a);
}

static void others_may_be_allowed (void)
{
    struct access a = { 0 };
    flux_error_t error;

    ok (configure (&a, "{\"access\":{\"allow-root-owner\":true}}", &error) == 0
            && access_roles (&a, OWNER, 0) == FLUX_ROLE_OWNER
            && access_roles (&a, OWNER, GUEST) == 0,
        "allow-root-owner: root is as good as the owner");
    ok (configure (&a, "{\"access\":{\"allow-guest-user\":true,\"private-mode\":true}}",
                   &error)
                == 0
            && access_roles (&a, OWNER, GUEST) == FLUX_ROLE_USER
            && access_roles (&a, OWNER, 0) == FLUX_ROLE_USER,
        "allow-guest-user: everybody is a user");
    access_fini (&a);
}

static void admins_are_named (void)
{
    struct passwd *pw = getpwnam ("daemon");
    struct access a = { 0 };
    flux_error_t error;
    uint32_t daemon = pw ? pw->pw_uid : 1;

    ok (configure (&a,
                   "{\"access\":{\"allow-guest-user\":true,\"roles\":{\"admin\":{"
                   "\"users\":[\"daemon\",\"no such user\"],\"groups\":[\"no such group\"]}}}}",
                   &error)
                == 0
            && access_roles (&a, OWNER, daemon) == (FLUX_ROLE_USER | FLUX_ROLE_ADMIN),
        "a user who is named is an admin; names that nobody has are skipped");
    ok (access_roles (&a, OWNER, GUEST) == FLUX_ROLE_USER, "others are not");
    ok (configure (&a,
                   "{\"access\":{\"allow-guest-user\":true,\"roles\":{\"admin\":{"
                   "\"groups\":[\"daemon\"]}}}}",
                   &error)
                == 0
            && access_roles (&a, OWNER, daemon) == (FLUX_ROLE_USER | FLUX_ROLE_ADMIN),
        "so is who is in a group that is named");
    ok (configure (&a, "{\"access\":{\"roles\":{\"admin\":{\"users\":[\"daemon\"]}}}}",
                   &error)
                == 0
            && access_roles (&a, OWNER, daemon) == 0,
        "but only where guests are allowed");
    access_fini (&a);
}

static void mistakes_are_refused (void)
{
    static const struct {
        const char *conf;
        const char *text;
    } tab[] = {
        { "{\"access\":{\"foo\":1}}",
          "error parsing [access] configuration: 1 object item(s) left unpacked: foo" },
        { "{\"access\":{\"allow-guest-user\":1}}", "Expected true or false, got integer" },
        { "{\"access\":{\"roles\":{\"king\":{}}}}",
          "unknown role 'king' in [access.roles]" },
        { "{\"access\":{\"roles\":[]}}", "[access.roles] is not a table" },
        { "{\"access\":{\"roles\":{\"admin\":{\"x\":1}}}}", "left unpacked: x" },
        { "{\"access\":{\"roles\":{\"admin\":{\"users\":\"me\"}}}}", "are names" },
        { "{\"access\":{\"roles\":{\"admin\":{\"groups\":[1]}}}}", "are names" },
        { "{\"access\":1}", "Expected object" },
    };
    struct access a = { .allow_guest_user = true };
    flux_error_t error;

    for (size_t i = 0; i < ARRAY_SIZE (tab); i++) {
        error.text[0] = '\0';
        errno = 0;
        ok (configure (&a, tab[i].conf, &error) < 0 && errno == EINVAL
                && strstr (error.text, tab[i].text),
            "%s: %s",
            tab[i].conf,
            error.text);
    }
    ok (a.allow_guest_user, "what was before stays");
    access_fini (&a);
}

int main (void)
{
    must ((h = flux_open ("loop://", 0)) != NULL);
    nobody_but_the_owner ();
    others_may_be_allowed ();
    admins_are_named ();
    mistakes_are_refused ();
    flux_close (h);
    return done_testing ();
}
