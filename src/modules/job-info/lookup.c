/* lookup.c - job-info.lookup and job-info.update-lookup
 *
 * All keys are looked up at the same time, and the main log with them when it
 * is needed: to know whose job it is, or to bring R and jobspec up to date.
 * The answer is written as text; stored objects are put into it as they are.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/errprintf.h"
#include "common/jview.h"
#include "common/jwords.h"
#include "common/utf8.h"
#include "common/util.h"
#include "info.h"
#include "patch.h"

struct lookup_key {
    char *name;
    flux_future_t *f;
};

struct lookup {
    struct list link; /* ji->lookups */
    struct job_info *ji;
    const flux_msg_t *msg;
    flux_jobid_t id;
    int flags;
    flux_future_t *log; /* NULL: not needed */
    struct lookup_key *keys;
    size_t nkeys;
    size_t pending;
};

static void lookup_free (struct lookup *l)
{
    if (l) {
        int saved_errno = errno;

        list_del (&l->link);
        l->ji->nlookups--;
        for (size_t i = 0; i < l->nkeys; i++) {
            flux_future_destroy (l->keys[i].f);
            free (l->keys[i].name);
        }
        free (l->keys);
        flux_future_destroy (l->log);
        flux_msg_decref (l->msg);
        free (l);
        errno = saved_errno;
    }
}

void lookup_end_all (struct job_info *ji, int errnum)
{
    struct lookup *l;

    while ((l = list_first (&ji->lookups, struct lookup, link))) {
        if (errnum)
            (void)flux_respond_error (ji->h, l->msg, errnum, NULL);
        lookup_free (l);
    }
}

/* Values are C strings: they end at the first NUL. */
static int value_get (flux_future_t *f, const char **value, size_t *len)
{
    const void *data;

    if (flux_kvs_lookup_get_raw (f, &data, len) < 0)
        return -1;
    *value = data ? data : "";
    *len = strnlen (*value, *len);
    return 0;
}

static bool wants (const struct lookup *l, int flag)
{
    return (l->flags & flag) != 0;
}

/* The value of key, updated from the log.  Allocated; NULL: errno. */
static char *value_current (struct lookup *l, const char *key, const char *s, size_t len)
{
    json_t *o = json_loadb (s, len, 0, NULL);
    const char *log;
    size_t loglen;
    char *text = NULL;
    int r;

    errno = EINVAL;
    if (!json_is_object (o) || value_get (l->log, &log, &loglen) < 0)
        goto done;
    if ((r = patch_apply_log (key, o, log, loglen)) < 0) {
        errno = -r;
        goto done;
    }
    errno = ENOMEM;
    text = json_dumps (o, wants (l, FLUX_JOB_LOOKUP_JSON_DECODE) ? JSON_COMPACT : 0);
done:
    json_decref (o);
    return text;
}

/* Append "KEY":VALUE. */
static int
value_put (struct lookup *l, const char *key, const char *s, size_t len, struct text *t)
{
    struct jview v;
    bool object = wants (l, FLUX_JOB_LOOKUP_JSON_DECODE) && patch_key (key);

    if (!utf8_valid (s, len) || !utf8_valid (key, strlen (key))
        || (object && jview_parse (s, len, &v) < 0)) {
        errno = ENOMEM;
        return -1;
    }
    text_putc (t, ',');
    text_put_json_string (t, key, strlen (key));
    text_putc (t, ':');
    if (object)
        text_put (t, s, len);
    else
        text_put_json_string (t, s, len);
    return 0;
}

static int
lookup_put_key (struct lookup *l, struct lookup_key *k, struct text *t, flux_error_t *e)
{
    _cleanup_ (freep)
    char *current = NULL;
    const char *s;
    size_t len;

    if (value_get (k->f, &s, &len) < 0) {
        if (errno == ENOENT)
            return errprintf (e, "%s: key not found", k->name);
        return errprintf (e, "%s: %s", k->name, flux_strerror (errno));
    }
    if (len == 0) {
        errno = EPROTO;
        return errprintf (e, "%s: value is unexpectedly empty", k->name);
    }
    if (wants (l, FLUX_JOB_LOOKUP_CURRENT) && patch_key (k->name)) {
        if (!(current = value_current (l, k->name, s, len)))
            return errprintf (e, "%s: error applying eventlog to original value: %s",
                              k->name, flux_strerror (errno));
        s = current;
        len = strlen (s);
    }
    if (value_put (l, k->name, s, len, t) < 0)
        return errprintf (e, "%s: error adding value to response", k->name);
    return 0;
}

/* Does the job exist, and may the requester see it? */
static int lookup_authorize (struct lookup *l, flux_error_t *e)
{
    const char *log;
    size_t len;
    uint32_t userid;

    if (l->log) {
        if (value_get (l->log, &log, &len) < 0) {
            if (errno == ENOENT)
                return errprintf (e, "invalid job id");
            return errprintf (e, "%s", flux_strerror (errno));
        }
        if (mainlog_owner (log, len, &userid) < 0) {
            errno = EPROTO;
            return errprintf (e, "error parsing eventlog");
        }
        job_owner_learn (l->ji, l->id, userid);
    }
    else if (!job_owner_known (l->ji, l->id, &userid)) {
        errno = ENOENT; /* it was purged meanwhile */
        return errprintf (e, "invalid job id");
    }
    if (flux_msg_authorize (l->msg, userid) < 0)
        return errprintf (e, "access is restricted to job/instance owner");
    return 0;
}

/* All is here: answer. */
static void lookup_respond (struct lookup *l)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    flux_t *h = l->ji->h;
    flux_error_t error;
    int rc;

    if (lookup_authorize (l, &error) < 0)
        goto error;
    text_puts (&t, "{\"id\":");
    text_put_int (&t, (int64_t)l->id);
    for (size_t i = 0; i < l->nkeys; i++) {
        if (lookup_put_key (l, &l->keys[i], &t, &error) < 0)
            goto error;
    }
    text_putc (&t, '}');
    if (text_error (&t) < 0) {
        errno = ENOMEM;
        rc = flux_respond_error (h, l->msg, ENOMEM, NULL);
    }
    else
        rc = flux_respond (h, l->msg, t.buf);
    goto done;
error:
    rc = flux_respond_error (h, l->msg, errno, error.text);
done:
    if (rc < 0)
        flux_log_error (h, "error responding to lookup");
    lookup_free (l);
}

static void value_cb (flux_future_t *f, void *arg)
{
    struct lookup *l = arg;

    if (--l->pending == 0)
        lookup_respond (l);
}

static flux_future_t *lookup_ask (struct lookup *l, const char *name)
{
    _cleanup_ (freep)
    char *key = NULL;
    int size = strlen (name) + 64;
    flux_future_t *f;

    if (!(key = malloc (size)) || flux_job_kvs_key (key, size, l->id, name) < 0
        || !(f = flux_kvs_lookup (l->ji->h, KVS_PRIMARY_NAMESPACE, 0, key)))
        return NULL;
    if (flux_future_then (f, -1, value_cb, l) < 0) {
        flux_future_destroy (f);
        return NULL;
    }
    l->pending++;
    return f;
}

static struct lookup *lookup_new (struct job_info *ji,
                                  const flux_msg_t *msg,
                                  flux_jobid_t id,
                                  int flags,
                                  size_t nkeys)
{
    struct lookup *l;

    if (!(l = calloc (1, sizeof (*l))))
        return NULL;
    l->ji = ji;
    l->msg = flux_msg_incref (msg);
    l->id = id;
    l->flags = flags;
    list_append (&ji->lookups, &l->link);
    ji->nlookups++;
    if (!(l->keys = calloc (nkeys + 1, sizeof (l->keys[0])))) {
        lookup_free (l);
        return NULL;
    }
    return l;
}

static int lookup_add_key (struct lookup *l, const char *name)
{
    struct lookup_key *k = &l->keys[l->nkeys];

    if (!(k->name = strdup (name)))
        return -1;
    l->nkeys++;
    return (k->f = lookup_ask (l, name)) ? 0 : -1;
}

static int lookup_add_keys (struct lookup *l, json_t *keys)
{
    struct table seen = TABLE_INIT;
    int rc = 0;
    size_t i;
    json_t *o;

    json_array_foreach (keys, i, o)
    {
        const char *name = json_string_value (o);
        int r = table_put_str (&seen, name, (void *)name);

        if (r == -EEXIST)
            continue;
        if (r < 0 || lookup_add_key (l, name) < 0) {
            rc = -1;
            break;
        }
    }
    table_fini (&seen);
    return rc;
}

/* Ask for all that is needed. */
static int lookup_start (struct lookup *l, json_t *keys)
{
    uint32_t userid;
    bool current = false;

    if (lookup_add_keys (l, keys) < 0)
        return -1;
    for (size_t i = 0; i < l->nkeys; i++)
        current |= wants (l, FLUX_JOB_LOOKUP_CURRENT) && patch_key (l->keys[i].name);
    if ((current || l->nkeys == 0 || !job_owner_known (l->ji, l->id, &userid))
        && !(l->log = lookup_ask (l, "eventlog")))
        return -1;
    return 0;
}

static void lookup_begin (struct job_info *ji,
                          const flux_msg_t *msg,
                          flux_jobid_t id,
                          json_t *keys,
                          int flags)
{
    struct lookup *l = lookup_new (ji, msg, id, flags, json_array_size (keys));

    if (!l || lookup_start (l, keys) < 0) {
        if (flux_respond_error (ji->h, msg, errno, NULL) < 0)
            flux_log_error (ji->h, "error responding to lookup");
        lookup_free (l);
    }
}

/* job-info.lookup
 *   { "id":I "keys":[s...] "flags":i }
 *   -> { "id":I KEY:s|o ... }
 */
void lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const int known = FLUX_JOB_LOOKUP_JSON_DECODE | FLUX_JOB_LOOKUP_CURRENT;
    const char *errtext = NULL;
    json_int_t id;
    json_t *keys;
    int flags;

    if (flux_request_unpack (msg, NULL, "{s:I s:o s:i}", "id", &id, "keys", &keys,
                             "flags", &flags)
        < 0)
        goto error;
    errno = EPROTO;
    if ((flags & ~known)) {
        errtext = "lookup request rejected with invalid flag";
        goto error;
    }
    if (!jwords_valid (keys))
        goto error;
    if (json_array_size (keys) > LOOKUP_KEYS_MAX) {
        errno = EINVAL;
        errtext = "too many keys in one lookup";
        goto error;
    }
    lookup_begin (arg, msg, id, keys, flags);
    return;
error:
    if (flux_respond_error (h, msg, errno, errtext) < 0)
        flux_log_error (h, "error responding to lookup");
}

/* job-info.update-lookup
 *   { "id":I "key":"R" "flags":0 }
 *   -> { "id":I "R":o }
 */
void update_lookup_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    const char *errtext = NULL;
    const char *key;
    json_int_t id;
    json_t *keys;
    int flags;

    if (flux_request_unpack (msg, NULL, "{s:I s:s s:i}", "id", &id, "key", &key, "flags",
                             &flags)
        < 0)
        goto error;
    errno = EPROTO;
    if (flags != 0) {
        errtext = "update-lookup request rejected with invalid flag";
        goto error;
    }
    errno = EINVAL;
    if (strcmp (key, "R") != 0) {
        errtext = "update-lookup unsupported key specified";
        goto error;
    }
    if (!(keys = json_pack ("[s]", key))) {
        errno = ENOMEM;
        goto error;
    }
    flags = FLUX_JOB_LOOKUP_JSON_DECODE | FLUX_JOB_LOOKUP_CURRENT;
    lookup_begin (arg, msg, id, keys, flags);
    json_decref (keys);
    return;
error:
    if (flux_respond_error (h, msg, errno, errtext) < 0)
        flux_log_error (h, "error responding to update-lookup");
}
