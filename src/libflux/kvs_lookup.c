/* kvs_lookup.c - values, directories and links from the KVS.
 *
 * A response is {"val":<tree object>}, read as text: no JSON tree is made, and
 * a value's base64 is decoded once, straight from the message, when it is
 * first asked for.
 *
 * Results are made on demand and belong to the future.  They are kept until a
 * response with another value is read.
 */

#include "config.h"
#include <jansson.h>
#include <limits.h>

#include <flux/core.h>

#include "common/base64.h"
#include "common/jview.h"
#include "common/text.h"
#include "common/treeobj.h"
#include "common/utf8.h"
#include "common/util.h"
#include "kvs_private.h"

#define WATCH_MODIFIERS                                                       \
    (FLUX_KVS_WATCH_FULL | FLUX_KVS_WATCH_UNIQ | FLUX_KVS_WATCH_APPEND        \
     | FLUX_KVS_WATCH_INITIAL_SENTINEL)

/* What makes kvs-watch answer instead of kvs. */
#define WATCH_KIND (FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE | FLUX_KVS_STREAM)

struct lookup {
    flux_t *h;
    char *key;
    char *at; /* lookupat: the snapshot, as text */
    int flags;

    const flux_msg_t *msg; /* the response that was read; holds 'val' */
    struct jview val;      /* the tree object; absent: sentinel */

    char *data; /* the value and a NUL; NULL: not decoded yet */
    size_t datalen;
    json_t *json;
    char *treeobj;
    struct treeobj *symlink;
    flux_kvsdir_t *dir;
};

static const char auxkey[] = "flux::kvs_lookup";

/* Drop what was made from a response. */
static void drop_results (struct lookup *ctx)
{
    free (ctx->data);
    json_decref (ctx->json);
    free (ctx->treeobj);
    treeobj_put (ctx->symlink);
    flux_kvsdir_destroy (ctx->dir);
    ctx->data = NULL;
    ctx->json = NULL;
    ctx->treeobj = NULL;
    ctx->symlink = NULL;
    ctx->dir = NULL;
}

static void lookup_destroy (void *arg)
{
    struct lookup *ctx = arg;

    if (ctx) {
        int saved_errno = errno;
        drop_results (ctx);
        flux_msg_decref (ctx->msg);
        free (ctx->key);
        free (ctx->at);
        free (ctx);
        errno = saved_errno;
    }
}

static struct lookup *lookup_new (flux_t *h, int flags, const char *key, const char *at)
{
    struct lookup *ctx = calloc (1, sizeof (*ctx));

    if (!ctx)
        return NULL;
    ctx->h = h;
    ctx->flags = flags;
    if (!(ctx->key = strdup (key)) || (at && !(ctx->at = strdup (at)))) {
        lookup_destroy (ctx);
        return NULL;
    }
    return ctx;
}

static bool valid_flags (int flags)
{
    if ((flags & WATCH_MODIFIERS) && !(flags & FLUX_KVS_WATCH))
        return false;
    switch (flags & ~(WATCH_KIND | WATCH_MODIFIERS)) {
        case 0:
        case FLUX_KVS_TREEOBJ:
        case FLUX_KVS_READDIR:
        case FLUX_KVS_READDIR | FLUX_KVS_TREEOBJ:
        case FLUX_KVS_READLINK:
            return true;
    }
    return false;
}

/* Send a request and hang ctx on its future; ctx is taken over. */
static flux_future_t *send_lookup (struct lookup *ctx,
                                   const char *topic,
                                   const struct text *request)
{
    bool streaming = ctx->flags & (FLUX_KVS_WATCH | FLUX_KVS_STREAM);
    flux_future_t *f = NULL;

    if (text_error (request) < 0)
        errno = ENOMEM;
    else
        f = flux_rpc (ctx->h,
                      topic,
                      request->buf,
                      FLUX_NODEID_ANY,
                      streaming ? FLUX_RPC_STREAMING : 0);
    if (!f || flux_future_aux_set (f, auxkey, ctx, lookup_destroy) < 0) {
        lookup_destroy (ctx);
        flux_future_destroy (f);
        return NULL;
    }
    return f;
}

/* {"key":s "namespace":s "flags":i} */
flux_future_t *flux_kvs_lookup (flux_t *h, const char *ns, int flags, const char *key)
{
    struct text t = TEXT_INIT;
    struct lookup *ctx;
    flux_future_t *f = NULL;

    if (!h || !key || !*key || !valid_flags (flags)) {
        errno = EINVAL;
        return NULL;
    }
    text_puts (&t, "{\"key\":");
    if (kvs_put_string (&t, key) < 0)
        goto done;
    text_puts (&t, ",\"namespace\":");
    if (kvs_put_string (&t, kvs_namespace (ns)) < 0)
        goto done;
    text_printf (&t, ",\"flags\":%d}", flags);
    if ((ctx = lookup_new (h, flags, key, NULL)))
        f = send_lookup (ctx, flags & WATCH_KIND ? "kvs-watch.lookup" : "kvs.lookup", &t);
done:
    text_fini (&t);
    return f;
}

/* {"key":s "flags":i "rootdir":o} */
flux_future_t *flux_kvs_lookupat (flux_t *h,
                                  int flags,
                                  const char *key,
                                  const char *treeobj)
{
    struct text t = TEXT_INIT;
    struct lookup *ctx;
    struct jview v;
    flux_future_t *f = NULL;

    if (!h || !key || !*key || !treeobj || !valid_flags (flags) || (flags & WATCH_KIND)
        || jview_parse (treeobj, strlen (treeobj), &v) < 0
        || (!jview_is (v, JVIEW_OBJECT) && !jview_is (v, JVIEW_ARRAY))) {
        errno = EINVAL;
        return NULL;
    }
    text_puts (&t, "{\"key\":");
    if (kvs_put_string (&t, key) < 0)
        goto done;
    text_printf (&t, ",\"flags\":%d,\"rootdir\":", flags);
    jview_put (&t, v);
    text_putc (&t, '}');
    if ((ctx = lookup_new (h, flags, key, treeobj)))
        f = send_lookup (ctx, "kvs.lookup", &t);
done:
    text_fini (&t);
    return f;
}

static struct lookup *lookup_get (flux_future_t *f)
{
    struct lookup *ctx = f ? flux_future_aux_get (f, auxkey) : NULL;

    if (!ctx)
        errno = EINVAL;
    return ctx;
}

/* The tree object in a response; val is NULL for a sentinel. */
static int find_val (struct lookup *ctx, flux_future_t *f, struct jview *val)
{
    static const char *const keys[] = { "val" };
    const char *s;

    if (flux_rpc_get (f, &s) < 0)
        return -1;
    if (!s && (ctx->flags & FLUX_KVS_WATCH_INITIAL_SENTINEL)) {
        *val = JVIEW_ABSENT;
        return 0;
    }
    if (!s || jview_parse_pick (s, strlen (s), false, 1, keys, val) < 0
        || !jview_is (*val, JVIEW_OBJECT)) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

/* Read the future's current response, unless that was done. */
static struct lookup *lookup_read (flux_future_t *f)
{
    struct lookup *ctx = lookup_get (f);
    const void *msg;
    struct jview val;

    if (!ctx || flux_future_get (f, &msg) < 0)
        return NULL;
    if (msg == ctx->msg)
        return ctx;
    if (find_val (ctx, f, &val) < 0)
        return NULL;
    if (!ctx->msg || !val.s || !ctx->val.s || val.len != ctx->val.len
        || memcmp (val.s, ctx->val.s, val.len) != 0)
        drop_results (ctx);
    flux_msg_decref (ctx->msg);
    ctx->msg = flux_msg_incref (msg);
    ctx->val = val;
    return ctx;
}

/* The data of {"data":s "type":"val" "ver":1}.  EPROTO if that is no tree
 * object, EINVAL if it is not a val.
 */
static int scan_val (const struct lookup *ctx, struct jview *data)
{
    struct jview key, value;
    struct jiter it;
    bool is_val = false;
    struct treeobj *o;
    int found = 0;
    int64_t ver;

    *data = JVIEW_ABSENT;
    jiter_init (&it, ctx->val);
    while (jiter_next (&it, &key, &value)) {
        if (jview_equal (key, "data")) {
            *data = value;
            found |= 1;
        }
        else if (jview_equal (key, "type")) {
            is_val = jview_equal (value, "val");
            found |= 2;
        }
        else if (jview_equal (key, "ver") && jview_int (value, &ver) == 0 && ver == 1)
            found |= 4;
        else
            found |= 8;
    }
    if (is_val && found == 7 && jview_is (*data, JVIEW_STRING))
        return 0;
    if (!is_val && treeobj_parse (ctx->val.s, ctx->val.len, &o) == 0) {
        treeobj_put (o);
        errno = EINVAL;
    }
    else
        errno = EPROTO;
    return -1;
}

static int decode_base64 (struct lookup *ctx, const char *s, size_t len)
{
    char *buf;
    ssize_t n;

    if (!(buf = malloc (base64_decoded_max (len) + 1)))
        return -1;
    if ((n = base64_decode (buf, s, len)) < 0) {
        free (buf);
        errno = EPROTO;
        return -1;
    }
    buf[n] = '\0';
    ctx->data = buf;
    ctx->datalen = n;
    return 0;
}

/* Make the value, unless that was done. */
static int decode_value (struct lookup *ctx)
{
    struct text t = TEXT_INIT;
    struct jview data;
    const char *s;
    size_t len;
    int rc;

    if (ctx->data)
        return 0;
    if (!ctx->val.s)
        return decode_base64 (ctx, "", 0);
    if (scan_val (ctx, &data) < 0)
        return -1;
    if (jview_plain (data, &s, &len))
        return decode_base64 (ctx, s, len);
    if (jview_string (data, &t) < 0) {
        text_fini (&t);
        errno = ENOMEM;
        return -1;
    }
    rc = decode_base64 (ctx, t.buf, t.len);
    text_fini (&t);
    return rc;
}

int flux_kvs_lookup_get_raw (flux_future_t *f, const void **data, size_t *len)
{
    struct lookup *ctx = lookup_read (f);

    if (!ctx || decode_value (ctx) < 0)
        return -1;
    if (data)
        *data = ctx->datalen > 0 ? ctx->data : NULL;
    if (len)
        *len = ctx->datalen;
    return 0;
}

int flux_kvs_lookup_get (flux_future_t *f, const char **value)
{
    const void *data;

    if (flux_kvs_lookup_get_raw (f, &data, NULL) < 0)
        return -1;
    if (value)
        *value = data;
    return 0;
}

int flux_kvs_lookup_get_unpack (flux_future_t *f, const char *fmt, ...)
{
    struct lookup *ctx = lookup_read (f);
    va_list ap;
    int rc;

    if (!ctx || decode_value (ctx) < 0)
        return -1;
    if (!fmt || !*fmt) {
        errno = EINVAL;
        return -1;
    }
    if (!ctx->json
        && !(ctx->json = json_loadb (ctx->data,
                                     ctx->datalen,
                                     JSON_DECODE_ANY | JSON_ALLOW_NUL,
                                     NULL))) {
        errno = EINVAL;
        return -1;
    }
    va_start (ap, fmt);
    rc = json_vunpack_ex (ctx->json, NULL, 0, fmt, ap);
    va_end (ap);
    if (rc < 0)
        errno = EINVAL;
    return rc < 0 ? -1 : 0;
}

/* The response's tree object in native form, for the caller to put. */
static struct treeobj *parse_treeobj (struct lookup *ctx)
{
    struct treeobj *o;
    int rc;

    if (!ctx->val.s) {
        errno = EPROTO;
        return NULL;
    }
    if ((rc = treeobj_parse (ctx->val.s, ctx->val.len, &o)) < 0) {
        errno = rc == -ENOMEM ? ENOMEM : EPROTO;
        return NULL;
    }
    return o;
}

/* Make the canonical text, unless that was done. */
static int encode_treeobj (struct lookup *ctx)
{
    struct treeobj *o;

    if (ctx->treeobj)
        return 0;
    if (!(o = parse_treeobj (ctx)))
        return -1;
    ctx->treeobj = treeobj_text (o);
    treeobj_put (o);
    if (!ctx->treeobj) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

int flux_kvs_lookup_get_treeobj (flux_future_t *f, const char **treeobj)
{
    struct lookup *ctx = lookup_read (f);

    if (!ctx || encode_treeobj (ctx) < 0)
        return -1;
    if (treeobj)
        *treeobj = ctx->treeobj;
    return 0;
}

int flux_kvs_lookup_get_dir (flux_future_t *f, const flux_kvsdir_t **dir)
{
    struct lookup *ctx = lookup_read (f);

    if (!ctx || encode_treeobj (ctx) < 0)
        return -1;
    if (!ctx->dir
        && !(ctx->dir = flux_kvsdir_create (ctx->h, ctx->at, ctx->key, ctx->treeobj)))
        return -1;
    if (dir)
        *dir = ctx->dir;
    return 0;
}

int flux_kvs_lookup_get_symlink (flux_future_t *f, const char **ns, const char **target)
{
    struct lookup *ctx = lookup_read (f);
    struct treeobj *o;

    if (!ctx)
        return -1;
    if (!ctx->symlink) {
        if (!(o = parse_treeobj (ctx)))
            return -1;
        if (treeobj_type (o) != TREEOBJ_SYMLINK) {
            treeobj_put (o);
            errno = EINVAL;
            return -1;
        }
        ctx->symlink = o;
    }
    if (ns)
        *ns = treeobj_symlink_namespace (ctx->symlink);
    if (target)
        *target = treeobj_symlink_target (ctx->symlink);
    return 0;
}

const char *flux_kvs_lookup_get_key (flux_future_t *f)
{
    struct lookup *ctx = lookup_get (f);

    return ctx ? ctx->key : NULL;
}

/* kvs-watch.cancel {"matchtag":i}, no response */
int flux_kvs_lookup_cancel (flux_future_t *f)
{
    struct lookup *ctx = lookup_get (f);
    flux_future_t *cancel;

    if (!ctx)
        return -1;
    if (!(ctx->flags & WATCH_KIND)) {
        errno = EINVAL;
        return -1;
    }
    if (!(cancel = flux_rpc_pack (ctx->h,
                                  "kvs-watch.cancel",
                                  FLUX_NODEID_ANY,
                                  FLUX_RPC_NORESPONSE,
                                  "{s:i}",
                                  "matchtag",
                                  (int)flux_rpc_get_matchtag (f))))
        return -1;
    flux_future_destroy (cancel);
    return 0;
}
