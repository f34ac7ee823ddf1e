/* resource/config.c - [resource], [fake-resources], and reloading them. */
#include "config.h"
#include <jansson.h>

#include <flux/hostlist.h>
#include "common/errprintf.h"
#include "common/util.h"
#include "resource.h"

/* Keys of flux-core that change nothing here: nothing is verified, bound to
 * cores by us, or kept in a journal.
 */
static bool is_for_others (const char *key)
{
    static const char *const names[] = { "norestrict",  "noverify",       "verify",
                                         "rediscover",  "scheduling",     "history",
                                         "journal-max", "no-update-watch" };

    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        if (!strcmp (key, names[i]))
            return true;
    }
    return false;
}

int resource_conf_parse (const flux_conf_t *conf,
                         struct resource_conf *c,
                         flux_error_t *error)
{
    json_t *table = NULL, *value;
    flux_error_t e;
    const char *key;

    *c = (struct resource_conf){ 0 };
    if (!conf)
        return 0;
    if (flux_conf_unpack (conf, &e, "{s?o s?o s?{s?s s?o s?s}}", "resource", &table,
                          "fake-resources", &c->fake, "resource", "path", &c->path,
                          "config", &c->config, "exclude", &c->exclude)
        < 0)
        return errprintf (error, "error parsing [resource] configuration: %s", e.text);
    json_object_foreach (table, key, value)
    {
        if (strcmp (key, "path") && strcmp (key, "config") && strcmp (key, "exclude")
            && !is_for_others (key))
            return errprintf (
                error, "error parsing [resource] configuration: unknown key '%s'", key);
    }
    return 0;
}

/* The ranks of the hosts that s lists. */
static int exclude_hosts (const struct rset *R, const char *s, struct idset *ids)
{
    struct hostlist *hl = hostlist_decode (s);

    if (!hl)
        return -1;
    for (size_t i = 0; i < rset_nnodes (R); i++) {
        const char *host = rset_host_at (R, i);

        if (host && hostlist_find (hl, host) >= 0)
            (void)idset_set (ids, rset_rank_at (R, i));
    }
    hostlist_destroy (hl);
    return 0;
}

struct idset *resource_conf_excluded (const struct resource_conf *c,
                                      const struct rset *R,
                                      flux_error_t *error)
{
    struct idset *ids = NULL;

    if ((c->exclude && (ids = idset_decode (c->exclude))))
        return ids;
    if (!(ids = idset_create (0, IDSET_FLAG_AUTOGROW))) {
        errprintf (error, "out of memory");
        return NULL;
    }
    if (c->exclude && exclude_hosts (R, c->exclude, ids) < 0) {
        idset_destroy (ids);
        errprintf (error, "invalid resource.exclude '%s'", c->exclude);
        errno = EINVAL;
        return NULL;
    }
    return ids;
}

/* The whole new configuration.  What is excluded changes at once; what R is, when
 * the module is loaded again.
 */
static int reload (struct resource *r, flux_conf_t *conf, flux_error_t *error)
{
    struct resource_conf c;
    struct idset *exclude;

    if (resource_conf_parse (conf, &c, error) < 0
        || !(exclude = resource_conf_excluded (&c, r->R, error)))
        return -1;
    if (flux_set_conf_new (r->h, conf) < 0) {
        idset_destroy (exclude);
        return errprintf (error, "%s", strerror (errno));
    }
    resource_exclude (r, exclude);
    return 0;
}

/* resource.config-reload: the whole configuration -> {} */
void resource_reload_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    flux_error_t error = { "" };
    flux_conf_t *conf;
    int rc;

    if (flux_module_config_request_decode (msg, &conf) < 0)
        rc = flux_respond_error (h, msg, EPROTO, NULL);
    else if (reload (arg, conf, &error) < 0) {
        flux_conf_decref (conf);
        rc = flux_respond_error (h, msg, EINVAL, error.text);
    }
    else
        rc = flux_respond (h, msg, NULL);
    if (rc < 0)
        flux_log_error (h, "config-reload response");
}
