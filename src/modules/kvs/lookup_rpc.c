#include "config.h"
#include <errno.h>

#include "service.h"

struct lookup_request {
    struct text key;
    struct text ns;
    struct text unless;
    int64_t flags, rootseq, tail;
    struct treeobj *rootdir;
    bool have_flags, have_rootseq, have_rootdir, have_tail;
    bool blobs; /* of a tail */
};

static void lookup_request_fini (struct lookup_request *l)
{
    text_fini (&l->key);
    text_fini (&l->ns);
    text_fini (&l->unless);
    treeobj_put (l->rootdir);
}

static int scan_int (struct jpull *s, int64_t *i, bool *have)
{
    *have = true;
    return jpull_int (s, i);
}

/* What is wrong with it is not a matter of protocol. */
static int scan_rootdir (struct jpull *s, struct lookup_request *l)
{
    int r;

    treeobj_put (l->rootdir);
    l->rootdir = NULL;
    l->have_rootdir = true;
    r = treeobj_scan (s, &l->rootdir);
    return r == -EINVAL ? 0 : r;
}

static int lookup_member (struct jpull *s, const char *name, size_t len, void *arg)
{
    struct lookup_request *l = arg;

    if (jpull_is (name, len, "key"))
        return request_string (s, &l->key);
    if (jpull_is (name, len, "namespace"))
        return request_string (s, &l->ns);
    if (jpull_is (name, len, "flags"))
        return scan_int (s, &l->flags, &l->have_flags);
    if (jpull_is (name, len, "rootseq"))
        return scan_int (s, &l->rootseq, &l->have_rootseq);
    if (jpull_is (name, len, "tail"))
        return scan_int (s, &l->tail, &l->have_tail);
    if (jpull_is (name, len, "blobs"))
        return jpull_bool (s, &l->blobs);
    if (jpull_is (name, len, "unless"))
        return request_string (s, &l->unless);
    if (jpull_is (name, len, "rootdir"))
        return scan_rootdir (s, l);
    return jpull_skip (s);
}

/* Returns 0, -EPROTO, -EINVAL (rootdir) or -ENOMEM. */
static int decode (const flux_msg_t *msg, bool plus, struct lookup_request *l)
{
    int r;

    if ((r = request_scan (msg, lookup_member, l)) < 0)
        return r;
    if (!l->key.buf || !l->have_flags || (!l->ns.buf && !l->have_rootdir)
        || (plus && l->have_rootdir && !l->have_rootseq) || (l->have_tail && l->tail < 0))
        return -EPROTO;
    if (l->have_rootdir
        && (!l->rootdir || treeobj_type (l->rootdir) != TREEOBJ_DIRREF
            || treeobj_ref_count (l->rootdir) != 1))
        return -EINVAL;
    return 0;
}

/* ---- a root that is not known here ---- */

/* A guest's lookup that rank 0 answers. */
struct forward {
    struct call call;
    const flux_msg_t *msg;
    bool answered; /* or else this module leaves */
};

static void forward_free (void *arg)
{
    struct forward *fw = arg;

    if (!fw->answered)
        respond_error (fw->call.s, fw->msg, ENOSYS, NULL);
    flux_msg_decref (fw->msg);
    free_keep_errno (fw);
}

static void forward_continuation (flux_future_t *f, void *arg)
{
    struct forward *fw = arg;
    struct service *s = fw->call.s;
    const char *payload;

    if (flux_rpc_get (f, &payload) < 0)
        respond_error (s, fw->msg, errno, future_strerror (f, errno));
    else if (flux_respond (s->h, fw->msg, payload) < 0)
        flux_log_error (s->h, "error responding");
    fw->answered = true;
    call_returned (&fw->call);
    flux_future_destroy (f);
}

static flux_future_t *send_forward (struct service *s, const flux_msg_t *msg, bool plus)
{
    struct flux_msg_cred cred;
    flux_future_t *f = NULL;
    flux_msg_t *copy = NULL;
    const char *text;

    if (flux_request_decode (msg, NULL, &text) == 0 && flux_msg_get_cred (msg, &cred) == 0
        && (copy = flux_request_encode (plus ? "kvs.lookup-plus" : "kvs.lookup", text))
        && flux_msg_set_cred (copy, cred) == 0)
        f = flux_rpc_message (s->h, copy, 0, 0);
    flux_msg_destroy (copy);
    return f;
}

static void forward (struct service *s, const flux_msg_t *msg, bool plus)
{
    struct forward *fw = calloc (1, sizeof (*fw));
    if (!fw) {
        respond_error (s, msg, ENOMEM, NULL);
        return;
    }
    fw->msg = flux_msg_incref (msg);
    /* Answered by forward_free () if this fails. */
    call_then (s, &fw->call, forward_free, send_forward (s, msg, plus),
               forward_continuation);
}

static bool
elsewhere (struct service *s, const flux_msg_t *msg, const struct blobref *root)
{
    struct kvs_cred cred;

    return s->rank > 0 && request_cred (msg, &cred) == 0
           && !kvs_engine_may_read (s->e, &cred, root);
}

static void lookup (struct service *s, const flux_msg_t *msg, bool plus)
{
    _cleanup_ (lookup_request_fini) struct lookup_request l = { .blobs = true };
    struct kvs_lookup_args args = { .plus = plus };
    struct blobref rootdir;
    struct request *req;
    int r;

    if ((r = decode (msg, plus, &l)) < 0) {
        respond_error (s, msg, -r, NULL);
        return;
    }
    args.key = l.key.buf;
    args.keylen = l.key.len;
    args.flags = l.flags;
    if (l.rootdir) {
        treeobj_ref_at (l.rootdir, 0, &rootdir);
        args.rootdir = &rootdir;
    }
    else
        args.ns = l.ns.buf;
    if (l.have_rootseq)
        args.rootseq = &l.rootseq;
    if (l.have_tail)
        args.tail = &l.tail;
    args.tail_blobs = l.blobs;
    args.unless = l.unless.buf;
    if (args.rootdir && elsewhere (s, msg, args.rootdir)) {
        forward (s, msg, plus);
        return;
    }
    /* Who names a sequence number wants that root or one that is newer. */
    if (!args.rootdir && !args.rootseq) {
        if (turn_wait (s, msg, plus ? lookup_plus_cb : lookup_cb))
            return;
        service_look (s);
    }
    if (!(req = request_new (s, msg)))
        return;
    kvs_engine_lookup (s->e, &req->r, &args);
    service_run (s);
}

/* kvs.lookup
 *   { "key":s "flags":i "namespace"?s "rootdir"?o "rootseq"?i }
 *   -> { "val":o }
 */
void lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    lookup (arg, msg, false);
}

/* kvs.lookup-plus: the same, and (ours) "tail"?i "blobs"?b "unless"?s
 *   -> { "val":o "rootseq":i "rootref":s }
 *   -> { "val":o "from":i "blobs"?[s|null...] "rootseq":i "rootref":s }
 *   -> { "val":o or "same":true "tag"?s "rootseq":i "rootref":s }
 *   -> { "errno":2 "rootseq":i "rootref":s }  there is no such key
 */
void lookup_plus_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    lookup (arg, msg, true);
}
