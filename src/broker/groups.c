#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/table.h"
#include "common/util.h"

#include "groups.h"

struct group {
    char *name; /* the key */
    struct idset *members;         /* on rank 0 */
    struct flux_msglist *watchers; /* streaming groups.get */
    bool member;                   /* this rank is in it */
    const flux_msg_t *joined;      /* who asked for that; NULL: the broker itself */
};

struct groups {
    flux_t *h;
    uint32_t rank;
    uint32_t size;
    struct table table; /* name => struct group */
    groups_changed_f changed;
    void *arg;
    flux_msg_handler_t **handlers;
};

static void group_free (struct group *gr)
{
    if (gr) {
        flux_msg_decref (gr->joined);
        flux_msglist_destroy (gr->watchers);
        idset_destroy (gr->members);
        free (gr->name);
        free (gr);
    }
}

/* Find or make; NULL with errno. */
static struct group *get (struct groups *g, const char *name)
{
    struct group *gr = table_get_str (&g->table, name);

    if (gr)
        return gr;
    if (table_count (&g->table) >= GROUPS_MAX) {
        errno = ENOSPC;
        return NULL;
    }
    if (!(gr = calloc (1, sizeof (*gr))) || !(gr->name = strdup (name))
        || !(gr->members = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(gr->watchers = flux_msglist_create ())
        || table_put_str (&g->table, gr->name, gr) < 0) {
        group_free (gr);
        errno = ENOMEM;
        return NULL;
    }
    return gr;
}

static void respond_members (struct groups *g, const flux_msg_t *msg, struct group *gr)
{
    _cleanup_ (freep) char *s = idset_encode (gr->members, IDSET_FLAG_RANGE);

    if (!s || flux_respond_pack (g->h, msg, "{s:s}", "members", s) < 0)
        (void)flux_respond_error (g->h, msg, errno, NULL);
}

static void tell (struct groups *g, struct group *gr)
{
    const flux_msg_t *msg;

    for (msg = flux_msglist_first (gr->watchers); msg;
         msg = flux_msglist_next (gr->watchers))
        respond_members (g, msg, gr);
    if (g->changed)
        g->changed (gr->name, g->arg);
}

static void change (struct groups *g,
                    struct group *gr,
                    const struct idset *ranks,
                    bool in)
{
    size_t before = idset_count (gr->members);

    if (in)
        (void)idset_add (gr->members, ranks);
    else
        (void)idset_subtract (gr->members, ranks);
    if (idset_count (gr->members) != before)
        tell (g, gr);
}

static void change_all (struct groups *g, const struct idset *ranks)
{
    size_t pos = 0;
    struct group *gr;

    while ((gr = table_next (&g->table, &pos)))
        change (g, gr, ranks, false);
}

void groups_set (struct groups *g, const char *name, const struct idset *ranks, bool in)
{
    _cleanup_ (freep) char *s = NULL;
    struct group *gr;
    flux_future_t *f;

    if (g->rank == 0) {
        if (!name)
            change_all (g, ranks);
        else if ((gr = get (g, name)))
            change (g, gr, ranks, in);
        return;
    }
    if (!(s = idset_encode (ranks, IDSET_FLAG_RANGE))
        || !(f = flux_rpc_pack (g->h,
                                "groups.update",
                                0,
                                FLUX_RPC_NORESPONSE,
                                "{s:{s:[{s:s s:b}]}}",
                                "update",
                                name ? name : "",
                                "ranks", s,
                                "set", (int)in))) {
        flux_log_error (g->h, "groups.update");
        return;
    }
    flux_future_destroy (f);
}

static void set_own (struct groups *g, struct group *gr, bool in)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);

    gr->member = in;
    if (ids && idset_set (ids, g->rank) == 0)
        groups_set (g, gr->name, ids, in);
    idset_destroy (ids);
}

void groups_join (struct groups *g, const char *name)
{
    struct group *gr = get (g, name);

    if (gr)
        set_own (g, gr, true);
    else
        flux_log_error (g->h, "group %s", name);
}

const struct idset *groups_members (const struct groups *g, const char *name)
{
    struct group *gr = table_get_str (&g->table, name);

    return gr ? gr->members : NULL;
}

void groups_watch (struct groups *g, groups_changed_f cb, void *arg)
{
    g->changed = cb;
    g->arg = arg;
}

/* groups.get (streaming: again on each change)
 *   { "name":s } -> { "members":s }
 */
static void get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct groups *g = arg;
    const char *name;
    struct group *gr;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if (g->rank > 0)
        (void)flux_respond_error (
            h, msg, EPROTO, "this RPC is only available on rank 0");
    else if (!(gr = get (g, name))
             || (flux_msg_is_streaming (msg)
                 && flux_msglist_append (gr->watchers, msg) < 0))
        (void)flux_respond_error (h, msg, errno, NULL);
    else
        respond_members (g, msg, gr);
}

/* Who asks to join or leave must be on this rank.  NULL after responding. */
static struct group *local_request (struct groups *g,
                                    const flux_msg_t *msg,
                                    const char *what)
{
    uint32_t rolemask;
    struct group *gr;
    const char *name;
    char text[80];

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0
        || flux_msg_get_rolemask (msg, &rolemask) < 0) {
        (void)flux_respond_error (g->h, msg, EPROTO, NULL);
        return NULL;
    }
    if (!(rolemask & FLUX_ROLE_LOCAL)) {
        snprintf (
            text, sizeof (text), "groups.%s is restricted to the local broker", what);
        (void)flux_respond_error (g->h, msg, EPROTO, text);
        return NULL;
    }
    if (!(gr = get (g, name)))
        (void)flux_respond_error (g->h, msg, errno, NULL);
    return gr;
}

/* groups.join
 *   { "name":s } -> {}
 */
static void join_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct groups *g = arg;
    struct group *gr = local_request (g, msg, "join");
    char text[160];

    if (!gr)
        return;
    if (gr->member) {
        snprintf (text,
                  sizeof (text),
                  "rank %u is already a member of %s",
                  (unsigned int)g->rank,
                  gr->name);
        (void)flux_respond_error (h, msg, EEXIST, text);
        return;
    }
    gr->joined = flux_msg_incref (msg);
    set_own (g, gr, true);
    (void)flux_respond (h, msg, NULL);
}

static void leave (struct groups *g, struct group *gr)
{
    flux_msg_decref (gr->joined);
    gr->joined = NULL;
    set_own (g, gr, false);
}

/* groups.leave
 *   { "name":s } -> {}
 */
static void leave_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct groups *g = arg;
    struct group *gr = local_request (g, msg, "leave");
    char text[160];

    if (!gr)
        return;
    if (!gr->member) {
        snprintf (text,
                  sizeof (text),
                  "rank %u is not a member of %s",
                  (unsigned int)g->rank,
                  gr->name);
        (void)flux_respond_error (h, msg, ENOENT, text);
        return;
    }
    leave (g, gr);
    (void)flux_respond (h, msg, NULL);
}

static void update_one (struct groups *g, const char *name, json_t *o)
{
    struct idset *ids = NULL;
    const char *ranks;
    struct group *gr;
    int in;

    if (json_unpack (o, "{s:s s:b}", "ranks", &ranks, "set", &in) < 0
        || !(ids = idset_decode (ranks))
        || (idset_count (ids) > 0 && idset_last (ids) >= g->size))
        flux_log (g->h, LOG_ERR, "groups.update: bad ranks for '%s'", name);
    else if (!*name && !in)
        change_all (g, ids);
    else if ((gr = get (g, name)))
        change (g, gr, ids, in);
    idset_destroy (ids);
}

/* groups.update, no response
 *   { "update":{name:[{ "ranks":idset "set":b }...]} }; no name: all groups
 */
static void update_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct groups *g = arg;
    json_t *update, *changes, *o;
    const char *name;
    size_t i;

    if (g->rank > 0
        || flux_request_unpack (msg, NULL, "{s:o}", "update", &update) < 0) {
        flux_log (h, LOG_ERR, "groups.update: malformed, or not on rank 0");
        return;
    }
    json_object_foreach (update, name, changes) {
        json_array_foreach (changes, i, o)
            update_one (g, name, o);
    }
}

/* groups.stats-get
 *   -> { "subtree":{group:idset} }
 */
static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct groups *g = arg;
    json_t *o = json_object ();
    size_t pos = 0;
    struct group *gr;

    while (o && (gr = table_next (&g->table, &pos))) {
        _cleanup_ (freep) char *s = idset_encode (gr->members, IDSET_FLAG_RANGE);

        (void)json_object_set_new (o, gr->name, json_string (s ? s : ""));
    }
    if (!o || flux_respond_pack (h, msg, "{s:O}", "subtree", o) < 0)
        (void)flux_respond_error (h, msg, o ? errno : ENOMEM, NULL);
    json_decref (o);
}

static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct groups *g = arg;
    size_t pos = 0;
    struct group *gr;

    while ((gr = table_next (&g->table, &pos))) {
        (void)flux_msglist_disconnect (gr->watchers, msg);
        if (gr->joined && flux_disconnect_match (msg, gr->joined))
            leave (g, gr);
    }
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "groups.get", get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "groups.join", join_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "groups.leave", leave_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "groups.update", update_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "groups.stats-get", stats_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "groups.disconnect", disconnect_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

struct groups *groups_serve (struct self *self,
                             struct service_table *services,
                             uint32_t rank,
                             uint32_t size)
{
    struct groups *g = calloc (1, sizeof (*g));

    if (!g)
        return NULL;
    table_init (&g->table);
    g->h = self_handle (self);
    g->rank = rank;
    g->size = size;
    if (service_add (services, "groups", self_endpoint (self)) < 0
        || flux_msg_handler_addvec (g->h, htab, g, &g->handlers) < 0) {
        groups_unserve (g);
        return NULL;
    }
    return g;
}

void groups_unserve (struct groups *g)
{
    int saved_errno = errno;
    struct group *gr;

    if (!g)
        return;
    flux_msg_handler_delvec (g->handlers);
    while ((gr = table_pop (&g->table)))
        group_free (gr);
    table_fini (&g->table);
    free (g);
    errno = saved_errno;
}
