#include "config.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "live.h"

/* Longer than anything takes; who waits so long waits for ever. */
#define PATIENCE 60.0

flux_t *live_open (void)
{
    flux_t *h = flux_open (NULL, 0);

    if (!h)
        bail_out ("flux_open: %s", strerror (errno));
    return h;
}

flux_t *live_open_guest (uint32_t userid)
{
    flux_t *h = live_open ();
    uint32_t rolemask = FLUX_ROLE_USER;

    if (flux_opt_set (h, FLUX_OPT_TESTING_USERID, &userid, sizeof (userid)) < 0
        || flux_opt_set (h, FLUX_OPT_TESTING_ROLEMASK, &rolemask, sizeof (rolemask)) < 0)
        bail_out ("flux_opt_set: %s", strerror (errno));
    return h;
}

static int add_op (flux_kvs_txn_t *txn, const char *op)
{
    char verb[16], key[256];
    int n = 0;

    if (sscanf (op, "%15s %255s%n", verb, key, &n) != 2)
        return -1;
    op += n + (op[n] == ' ');
    if (strcmp (verb, "put") == 0)
        return flux_kvs_txn_put (txn, 0, key, op);
    if (strcmp (verb, "append") == 0)
        return flux_kvs_txn_put (txn, FLUX_KVS_APPEND, key, op);
    if (strcmp (verb, "unlink") == 0)
        return flux_kvs_txn_unlink (txn, 0, key);
    if (strcmp (verb, "mkdir") == 0)
        return flux_kvs_txn_mkdir (txn, 0, key);
    if (strcmp (verb, "link") == 0)
        return flux_kvs_txn_symlink (txn, 0, key, NULL, op);
    if (strcmp (verb, "treeobj") == 0)
        return flux_kvs_txn_put_treeobj (txn, 0, key, op);
    return -1;
}

static flux_future_t *commit (flux_t *h, const char *ns, int flags, flux_kvs_txn_t *txn)
{
    flux_future_t *f = flux_kvs_commit (h, ns, flags, txn);

    if (!f)
        bail_out ("flux_kvs_commit: %s", strerror (errno));
    flux_kvs_txn_destroy (txn);
    return f;
}

void live_finish (flux_future_t *f, const char *what)
{
    if (!f || flux_future_wait_for (f, PATIENCE) < 0 || flux_future_get (f, NULL) < 0)
        bail_out ("%s: %s", what, flux_future_error_string (f));
    flux_future_destroy (f);
}

void live_commit (flux_t *h, const char *ns, ...)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    const char *op;
    va_list ap;

    va_start (ap, ns);
    while ((op = va_arg (ap, const char *))) {
        if (!txn || add_op (txn, op) < 0)
            bail_out ("operation %s: %s", op, strerror (errno));
    }
    va_end (ap);
    live_finish (commit (h, ns, 0, txn), "commit");
}

flux_future_t *live_commit_begin (flux_t *h, const char *ns, int flags, const char *op)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    if (!txn || add_op (txn, op) < 0)
        bail_out ("operation %s: %s", op, strerror (errno));
    return commit (h, ns, flags, txn);
}

void live_create (flux_t *h, const char *ns, uint32_t owner)
{
    live_finish (flux_kvs_namespace_create (h, ns, owner, 0), "namespace create");
}

void live_remove (flux_t *h, const char *ns)
{
    live_finish (flux_kvs_namespace_remove (h, ns), "namespace remove");
}

flux_future_t *live_watch (flux_t *h, const char *ns, int flags, const char *key)
{
    flux_future_t *f = flux_kvs_lookup (h, ns, flags, key);

    if (!f)
        bail_out ("flux_kvs_lookup: %s", strerror (errno));
    return f;
}

static bool is_event_watch (flux_future_t *f)
{
    return flux_kvs_lookup_get_key (f) == NULL;
}

/* The response as a string that the caller frees; NULL: errno. */
static char *response (flux_future_t *f)
{
    const char *s;
    const void *data;
    size_t len;

    if (flux_future_wait_for (f, PATIENCE) < 0)
        return NULL;
    if (is_event_watch (f)) {
        if (flux_job_event_watch_get (f, &s) < 0)
            return NULL;
        return strdup (s ? s : "");
    }
    if (flux_kvs_lookup_get_raw (f, &data, &len) == 0)
        return strndup (data ? data : "", len);
    if (flux_kvs_lookup_get_treeobj (f, &s) == 0)
        return strdup (s);
    return NULL;
}

void next_is (flux_future_t *f, const char *value, const char *name)
{
    char *s = response (f);

    if (!s)
        diag ("%s", strerror (errno));
    is (s, value, "%s", name);
    free (s);
    flux_future_reset (f);
}

void next_is_empty (flux_future_t *f, const char *name)
{
    next_is (f, "", name);
}

void end_is (flux_future_t *f, int errnum, const char *text, const char *name)
{
    char *s = response (f);
    int got = s ? 0 : errno;

    if (s)
        diag ("it brought %s", s);
    is_int (got, errnum, "%s", name);
    if (text)
        is (flux_future_error_string (f), text, "and says so");
    free (s);
    flux_future_destroy (f);
}

void cancel_ends (flux_future_t *f, const char *name)
{
    int rc =
        is_event_watch (f) ? flux_job_event_watch_cancel (f) : flux_kvs_lookup_cancel (f);

    if (rc < 0)
        bail_out ("cancel: %s", strerror (errno));
    end_is (f, ENODATA, NULL, name);
}

void rpc_fails (flux_t *h,
                const char *topic,
                int flags,
                const char *payload,
                int errnum,
                const char *text,
                const char *name)
{
    flux_future_t *f = flux_rpc (h, topic, payload, FLUX_NODEID_ANY, flags);
    int got = 0;

    if (!f || flux_future_wait_for (f, PATIENCE) < 0 || flux_rpc_get (f, NULL) < 0)
        got = errno;
    is_int (got, errnum, "%s", name);
    if (text)
        is (flux_future_error_string (f), text, "and says why");
    flux_future_destroy (f);
}

const char *live_result (flux_future_t *f)
{
    static char *last;
    const char *s;

    free (last);
    if (flux_future_wait_for (f, PATIENCE) == 0 && flux_rpc_get (f, &s) == 0)
        last = strdup (s ? s : "");
    else if (asprintf (&last, "%d %s", errno, flux_future_error_string (f)) < 0)
        bail_out ("out of memory");
    return last;
}

long long stats_get (flux_t *h, const char *name, const char *path)
{
    char topic[64];
    flux_future_t *f;
    json_t *o, *v;
    char *copy = strdup (path), *save = NULL;
    long long value = -2;

    snprintf (topic, sizeof (topic), "%s.stats-get", name);
    if (!copy || !(f = flux_rpc (h, topic, NULL, FLUX_NODEID_ANY, 0))
        || flux_future_wait_for (f, PATIENCE) < 0 || flux_rpc_get_unpack (f, "o", &o) < 0)
        bail_out ("%s: %s", topic, strerror (errno));
    v = o;
    for (char *p = strtok_r (copy, "/", &save); p; p = strtok_r (NULL, "/", &save))
        v = json_object_get (v, p);
    if (json_is_integer (v))
        value = json_integer_value (v);
    flux_future_destroy (f);
    free (copy);
    return value;
}
