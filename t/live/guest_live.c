/* guest_live.c - what a guest tries in order to get at what is not its own.
 *
 * The victim is another guest's namespace, and the instance's primary one; both
 * have a secret.  The guest has a namespace of its own, with links out of it that
 * the owner made.  Every attack must fail as it should, nothing that comes back
 * may have the secret in it, and afterwards everything is as it was.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "common/base64.h"
#include "live.h"

#define GUEST 1234
#define OTHER 4321
#define SECRET "the-secret-of-somebody-else"

static flux_t *h; /* the owner */
static flux_t *guest;
static char secret64[100];
static char victim_root[100], primary_root[100], past_root[100], own_root[100];

static void root_of (const char *ns, char *buf, size_t size)
{
    flux_future_t *f = flux_kvs_getroot (h, ns, 0);
    const char *ref;

    if (!f || flux_kvs_getroot_get_blobref (f, &ref) < 0)
        bail_out ("getroot %s: %s", ns, strerror (errno));
    snprintf (buf, size, "%s", ref);
    flux_future_destroy (f);
}

static void prepare (void)
{
    base64_encode (secret64, SECRET, strlen (SECRET));
    secret64[strlen (secret64) - 1] = '\0'; /* padding, and the bits before it */
    live_create (h, "victim", OTHER);
    live_create (h, "own", GUEST);
    live_commit (h, "victim", "put d.secret " SECRET, "append log " SECRET, "put x 1",
                 NULL);
    live_commit (h, NULL, "put guest.secret " SECRET, NULL);
    root_of ("victim", past_root, sizeof (past_root));
    live_commit (h, "victim", "put x 2", NULL);
    root_of ("victim", victim_root, sizeof (victim_root));
    root_of (NULL, primary_root, sizeof (primary_root));
    live_commit (h, "own", "put mine 1",
                 "treeobj tov "
                 "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"namespace\":\"victim\","
                 "\"target\":\"d\"}}",
                 "treeobj top "
                 "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"namespace\":\"primary\","
                 "\"target\":\"guest\"}}",
                 "link chain tov", NULL);
    root_of ("own", own_root, sizeof (own_root));
}

/* What came back, success or not. */
static bool leaks (const char *s)
{
    return s && (strstr (s, SECRET) || strstr (s, secret64));
}

/* Any request; ok if it fails like this and tells nothing.  0: it succeeds, and
 * still tells nothing.
 */
static void attack (const char *topic, int errnum, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));

static void attack (const char *topic, int errnum, const char *fmt, ...)
{
    bool watch = strcmp (topic, "kvs-watch.lookup") == 0;
    char payload[2000];
    flux_future_t *f;
    const char *s = NULL;
    va_list ap;
    int r;

    va_start (ap, fmt);
    vsnprintf (payload, sizeof (payload), fmt, ap);
    va_end (ap);
    f = flux_rpc (guest, topic, payload, FLUX_NODEID_ANY, watch ? FLUX_RPC_STREAMING : 0);
    if (!f || flux_future_wait_for (f, 60.) < 0)
        bail_out ("%s: %s", topic, strerror (errno));
    r = flux_rpc_get (f, &s);
    errno = r < 0 ? errno : 0;
    if (errno != errnum)
        diag ("%s, not %s: %s", strerror (errno), strerror (errnum), s ? s : "");
    ok (errno == errnum && !leaks (s) && !leaks (future_strerror (f, errno)), "%s %s: %s",
        topic, payload, errnum ? strerror (errnum) : "nothing of others");
    flux_future_destroy (f);
}

/* ---- by name ---- */

static void namespaces_of_others (void)
{
    static const char *const ns[] = { "victim", "primary" };
    static const char *const topics[] = { "kvs.lookup", "kvs.lookup-plus",
                                          "kvs-watch.lookup" };
    static const char *const keys[] = { "d.secret", "guest.secret", "log", ".",
                                        "nosuch" };
    static const int flags[] = { 0, FLUX_KVS_READDIR, FLUX_KVS_TREEOBJ,
                                 FLUX_KVS_READLINK };

    for (size_t n = 0; n < ARRAY_SIZE (ns); n++) {
        for (size_t t = 0; t < ARRAY_SIZE (topics); t++) {
            for (size_t k = 0; k < ARRAY_SIZE (keys); k++) {
                for (size_t i = 0; i < ARRAY_SIZE (flags); i++)
                    attack (topics[t], EPERM,
                            "{\"namespace\":\"%s\",\"key\":\"%s\",\"flags\":%d}", ns[n],
                            keys[k], flags[i] | (t == 2 ? FLUX_KVS_WATCH : 0));
            }
        }
        attack ("kvs-watch.lookup", EPERM,
                "{\"namespace\":\"%s\",\"key\":\"log\",\"flags\":%d}", ns[n],
                FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND);
        attack ("kvs-watch.lookup", EPERM,
                "{\"namespace\":\"%s\",\"key\":\"nosuch\",\"flags\":%d}", ns[n],
                FLUX_KVS_WAITCREATE);
        attack ("kvs-watch.lookup", EPERM,
                "{\"namespace\":\"%s\",\"key\":\"log\",\"flags\":%d}", ns[n],
                FLUX_KVS_STREAM);
        attack ("kvs-watch.lookup", EPERM,
                "{\"namespace\":\"%s\",\"key\":\"log\",\"flags\":%d}", ns[n],
                FLUX_KVS_WATCH | 65536);
        attack ("kvs.getroot", EPERM, "{\"namespace\":\"%s\",\"flags\":0}", ns[n]);
        attack ("kvs.wait-version", EPERM, "{\"namespace\":\"%s\",\"rootseq\":1}", ns[n]);
        attack ("kvs.wait-version", EPERM, "{\"namespace\":\"%s\",\"rootseq\":99999}",
                ns[n]);
        attack ("kvs.setroot-pause", EPERM, "{\"namespace\":\"%s\"}", ns[n]);
        attack ("kvs.setroot-unpause", EPERM, "{\"namespace\":\"%s\"}", ns[n]);
    }
}

static void past_roots_of_others (void)
{
    static const char *const ns[] = { "victim", "primary" };

    for (size_t n = 0; n < ARRAY_SIZE (ns); n++) {
        flux_future_t *f =
            flux_rpc_pack (guest, "kvs.root-log", 0, 0, "{s:s}", "namespace", ns[n]);

        ok (f && flux_rpc_get (f, NULL) < 0 && errno == EPERM,
            "the log of roots of %s is not for guests", ns[n]);
        flux_future_destroy (f);
    }
}

/* ---- by links ---- */

static void links_out (void)
{
    static const char *const keys[] = { "tov.secret", "top.secret", "chain.secret", "tov",
                                        "chain" };

    for (size_t k = 0; k < ARRAY_SIZE (keys); k++) {
        attack ("kvs.lookup", EPERM,
                "{\"namespace\":\"own\",\"key\":\"%s\",\"flags\":%d}", keys[k],
                k < 3 ? 0 : FLUX_KVS_READDIR);
        attack ("kvs.lookup-plus", EPERM,
                "{\"namespace\":\"own\",\"key\":\"%s\",\"flags\":%d}", keys[k],
                k < 3 ? 0 : FLUX_KVS_READDIR);
        attack ("kvs-watch.lookup", EPERM,
                "{\"namespace\":\"own\",\"key\":\"%s\",\"flags\":%d}", keys[k],
                FLUX_KVS_WATCH | (k < 3 ? 0 : FLUX_KVS_READDIR));
    }
    attack ("kvs-watch.lookup", EPERM,
            "{\"namespace\":\"own\",\"key\":\"tov.new\",\"flags\":%d}",
            FLUX_KVS_WAITCREATE);
    attack ("kvs.lookup", EPERM,
            "{\"namespace\":\"own\",\"key\":\"tov.secret\",\"flags\":%d}",
            FLUX_KVS_TREEOBJ);
    attack ("kvs.lookup", 0, "{\"namespace\":\"own\",\"key\":\"tov\",\"flags\":%d}",
            FLUX_KVS_READLINK);
    attack (
        "kvs.commit", EINVAL,
        "{\"namespace\":\"own\",\"flags\":0,\"ops\":[{\"key\":\"tov.secret\",\"flags\":0,"
        "\"dirent\":{\"ver\":1,\"type\":\"val\",\"data\":\"MQ==\"}}]}");
    attack ("kvs.commit", EINVAL,
            "{\"namespace\":\"own\",\"flags\":0,\"ops\":[{\"key\":\"chain.secret\","
            "\"flags\":0,"
            "\"dirent\":null}]}");
    attack ("kvs.commit", EINVAL,
            "{\"namespace\":\"own\",\"flags\":0,\"ops\":[{\"key\":\"tov.secret\",\"if\":"
            "true}]}");
}

/* ---- by reference ---- */

static void roots_of_others (void)
{
    const char *roots[] = { victim_root, past_root, primary_root };

    for (size_t i = 0; i < ARRAY_SIZE (roots); i++) {
        const char *key = i < 2 ? "d.secret" : "guest.secret";

        attack ("kvs.lookup", EPERM,
                "{\"key\":\"%s\",\"flags\":0,\"rootdir\":{\"ver\":1,\"type\":\"dirref\","
                "\"data\":[\"%s\"]}}",
                key, roots[i]);
        attack ("kvs.lookup", EPERM,
                "{\"key\":\"%s\",\"flags\":0,\"namespace\":\"own\",\"rootdir\":"
                "{\"ver\":1,\"type\":\"dirref\",\"data\":[\"%s\"]}}",
                key, roots[i]);
        attack ("kvs.lookup-plus", EPERM,
                "{\"key\":\".\",\"flags\":1,\"rootseq\":1,\"rootdir\":"
                "{\"ver\":1,\"type\":\"dirref\",\"data\":[\"%s\"]}}",
                roots[i]);
    }
    attack ("kvs.lookup", EPERM,
            "{\"key\":\"tov.secret\",\"flags\":0,\"rootdir\":{\"ver\":1,\"type\":"
            "\"dirref\",\"data\":[\"%s\"]}}",
            own_root);
    attack ("kvs.lookup", 0,
            "{\"key\":\"mine\",\"flags\":0,\"rootdir\":{\"ver\":1,\"type\":\"dirref\","
            "\"data\":[\"%s\"]}}",
            own_root);
}

static void try_object (const char *type, const char *data, int flags)
{
    static const char *const keys[] = { "stolen", "mine", "a.b" };

    for (size_t i = 0; i < ARRAY_SIZE (keys); i++)
        attack (
            "kvs.commit", EPERM,
            "{\"namespace\":\"own\",\"flags\":0,\"ops\":[{\"key\":\"%s\",\"flags\":%d,"
            "\"dirent\":{\"ver\":1,\"type\":\"%s\",\"data\":%s}}]}",
            keys[i], flags, type, data);
}

static void objects_that_refer (void)
{
    char refs[200];

    snprintf (refs, sizeof (refs), "[\"%s\"]", victim_root);
    for (int flags = 0; flags <= 48; flags += 16) { /* put, append, and by reference */
        try_object ("dirref", refs, flags);
        try_object ("valref", refs, flags);
        try_object ("symlink", "{\"namespace\":\"victim\",\"target\":\".\"}", flags);
        try_object ("symlink", "{\"target\":\"mine\"}", flags);
        try_object ("dir", "{\"d\":{\"ver\":1,\"type\":\"dir\",\"data\":{}}}", flags);
    }
    snprintf (refs, sizeof (refs),
              "{\"d\":{\"ver\":1,\"type\":\"dirref\",\"data\":[\"%s\"]}}", victim_root);
    try_object ("dir", refs, 0);
    try_object ("hdir", "{}", 0);
}

/* ---- writing ---- */

static void commits_to_others (void)
{
    static const char *const ns[] = { "victim", "primary" };
    static const char *const ops[] = {
        "",
        "{\"key\":\"d.secret\",\"flags\":0,\"dirent\":null}",
        "{\"key\":\"x\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"val\",\"data\":\"MQ="
        "=\"}}",
        "{\"key\":\"log\",\"flags\":32,\"dirent\":{\"ver\":1,\"type\":\"val\",\"data\":"
        "\"MQ==\"}}",
        "{\"key\":\"d\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"dir\",\"data\":{}}}",
        "{\"key\":\"d.secret\",\"if\":true}",
        "{\"key\":\"nosuch\",\"if\":null}",
        "{\"rootseq\":2}",
    };

    for (size_t n = 0; n < ARRAY_SIZE (ns); n++) {
        for (size_t i = 0; i < ARRAY_SIZE (ops); i++) {
            attack ("kvs.commit", EPERM,
                    "{\"namespace\":\"%s\",\"flags\":0,\"ops\":[%s]}", ns[n], ops[i]);
            attack ("kvs.commit", EPERM,
                    "{\"namespace\":\"%s\",\"flags\":4,\"ops\":[%s]}", ns[n], ops[i]);
        }
    }
}

static void owner_only (void)
{
    static const char *const topics[] = {
        "kvs.namespace-create",
        "kvs.namespace-remove",
        "kvs.namespace-list",
        "kvs.relaycommit",
        "kvs.guest-begin",
        "kvs.guest-end",
        "kvs.save",
        "kvs.held-load",
        "kvs.held-store",
        "kvs.held-keep",
        "kvs.held-limit",
        "kvs.root-forget",
        "kvs.config-reload",
        "kvs.stats-clear",
        "content.load",
        "content.store",
        "content.store-batch",
        "content.store-held",
        "content.flush",
        "content.dropcache",
        "content.checkpoint-get",
        "content.checkpoint-put",
        "content.register-backing",
        "content.unregister-backing",
        "content.register-source",
        "content.unregister-source",
        "content-backing.load",
        "content-backing.store",
        "content-backing.validate",
        "content-backing.checkpoint-get",
        "content-backing.checkpoint-put",
        "content-backing.gc-info",
        "content-backing.mark",
        "content-backing.sweep",
    };

    for (size_t i = 0; i < ARRAY_SIZE (topics); i++) {
        attack (topics[i], EPERM, "{}");
        attack (topics[i], EPERM,
                "{\"namespace\":\"own\",\"owner\":%d,\"rootref\":\"%s\",\"flags\":0,"
                "\"name\":\"x\","
                "\"ops\":[],\"key\":\"k\"}",
                GUEST, victim_root);
    }
    /* Open to all: numbers, but no values. */
    attack ("kvs.stats-get", 0, "{}");
    attack ("kvs-watch.stats-get", 0, "{}");
    attack ("content-sqlite.stats-get", 0, "{}");
}

/* ---- what others do ---- */

static void watches_of_others (void)
{
    flux_future_t *f = live_watch (h, "victim", FLUX_KVS_WATCH, "x");
    flux_future_t *c;

    next_is (f, "2", "the owner watches a key");
    for (int tag = 0; tag < 8; tag++) {
        c = flux_rpc_pack (guest, "kvs-watch.cancel", FLUX_NODEID_ANY,
                           FLUX_RPC_NORESPONSE, "{s:i}", "matchtag", tag);
        flux_future_destroy (c);
    }
    flux_future_destroy (flux_rpc (guest, "kvs-watch.disconnect", NULL, FLUX_NODEID_ANY,
                                   FLUX_RPC_NORESPONSE));
    flux_future_destroy (
        flux_rpc (guest, "kvs.disconnect", NULL, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE));
    attack ("kvs-watch.stats-get", 0, "{}"); /* all of that has arrived */
    live_commit (h, "victim", "put x 3", NULL);
    next_is (f, "3", "... and goes on, whatever a guest cancels");
    cancel_ends (f, "until it cancels it itself");
    live_commit (h, "victim", "put x 2", NULL);
}

/* Publish what rank 0 of the kvs says to the others. */
static void forged_events (void)
{
    static const char *const events[] = {
        "{\"namespace\":\"victim\",\"rootseq\":99999,\"rootref\":\"%s\",\"names\":[],"
        "\"keys\":{\"x\":null},\"owner\":1234}",
        "{\"namespace\":\"victim\",\"rootseq\":0,\"rootref\":\"%s\",\"names\":[],"
        "\"keys\":{},\"owner\":1234}",
    };
    static const char *const topics[] = {
        "kvs.namespace-victim-setroot",
        "kvs.namespace-victim-created",
        "kvs.namespace-victim-removed",
        "kvs.namespace-victim-error",
    };
    char payload[500];
    int before, after;

    if (flux_kvs_get_version (h, "victim", &before) < 0)
        bail_out ("get_version: %s", strerror (errno));
    for (size_t t = 0; t < ARRAY_SIZE (topics); t++) {
        for (size_t i = 0; i < ARRAY_SIZE (events); i++) {
            flux_future_t *f;
            int r;

            snprintf (payload, sizeof (payload), events[i], own_root);
            f = flux_event_publish (guest, topics[t], 0, payload);
            r = f ? flux_future_get (f, NULL) : -1;
            diag ("a guest publishes %s: %s", topics[t],
                  r < 0 ? strerror (errno) : "accepted");
            flux_future_destroy (f);
        }
    }
    live_commit (h, "own", "put z 1", NULL); /* events have gone round */
    ok (flux_kvs_get_version (h, "victim", &after) == 0 && after == before,
        "events of a guest do not move roots");
}

/* ---- afterwards ---- */

static void value_is (const char *ns, const char *key, const char *want)
{
    flux_future_t *f = flux_kvs_lookup (h, ns, 0, key);
    const char *s = NULL;

    ok (f && flux_kvs_lookup_get (f, &s) == 0 && strcmp (s, want) == 0,
        "%s of %s is as it was", key, ns);
    flux_future_destroy (f);
}

static void nothing_happened (void)
{
    flux_future_t *f = flux_rpc (h, "kvs.namespace-list", NULL, FLUX_NODEID_ANY, 0);
    json_t *list, *o;
    bool good = true;
    size_t i;

    value_is ("victim", "d.secret", SECRET);
    value_is ("victim", "log", SECRET);
    value_is ("victim", "x", "2");
    value_is ("primary", "guest.secret", SECRET);
    value_is ("own", "mine", "1");
    if (!f || flux_rpc_get_unpack (f, "{s:o}", "namespaces", &list) < 0)
        bail_out ("namespace-list: %s", strerror (errno));
    json_array_foreach (list, i, o)
    {
        const char *name = json_string_value (json_object_get (o, "namespace"));
        int owner = json_integer_value (json_object_get (o, "owner"));

        good &= strcmp (name, "victim") != 0 || owner == OTHER;
        good &= strcmp (name, "own") != 0 || owner == GUEST;
    }
    ok (good && i >= 3, "the namespaces belong to whom they did");
    flux_future_destroy (f);
    is_int (stats_get (h, "kvs", "pending_requests"), 0, "no request was left behind");
}

int main (void)
{
    h = live_open ();
    guest = live_open_guest (GUEST);
    prepare ();
    namespaces_of_others ();
    past_roots_of_others ();
    links_out ();
    roots_of_others ();
    objects_that_refer ();
    commits_to_others ();
    owner_only ();
    watches_of_others ();
    forged_events ();
    nothing_happened ();
    live_remove (h, "victim");
    live_remove (h, "own");
    flux_close (guest);
    flux_close (h);
    return done_testing ();
}
