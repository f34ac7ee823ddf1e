/* guest_rpc.c - the namespace of a job, from one message to the next.
 *
 * A job needs a namespace with something in it and a link to it, and in the end
 * a directory in its place.  Done step by step that is half a dozen requests;
 * here each end is one, whose steps follow each other as if their sender had
 * waited for each (ours: job-exec asks).  Of the first root the event
 * "created" tells, of the last one "removed", which then has what a setroot event
 * has: two messages less that all subscribers must be woken for.
 *
 * What was begun is carried out to its end, whoever leaves: nobody else would.
 */

#include "config.h"
#include <errno.h>

#include "common/kvsops.h"
#include "service.h"

/* What remains to be done once the namespace has its content. */
struct guest {
    struct text ns;
    struct text key; /* in the primary namespace: of the link, or the directory */
    struct kvs_ops *ops;
    int64_t owner;
    bool graft;       /* and remove; or else link */
    bool lazy;        /* nobody waits for the link */
    bool ahead;       /* its sender does not wait before it tells others */
    bool filled;      /* the primary namespace is being changed */
    int errnum;       /* what went wrong before */
    struct turn turn; /* of that change */
    struct request *req;
};

void guest_free (struct guest *g)
{
    if (g) {
        list_del (&g->turn.link);
        text_fini (&g->ns);
        text_fini (&g->key);
        kvs_ops_free (g->ops);
        free_keep_errno (g);
    }
}

static int guest_member (struct jpull *s, const char *name, size_t len, void *arg)
{
    struct guest *g = arg;

    if (jpull_is (name, len, "namespace"))
        return request_string (s, &g->ns);
    if (jpull_is (name, len, "key"))
        return request_string (s, &g->key);
    if (jpull_is (name, len, "owner"))
        return jpull_int (s, &g->owner);
    if (jpull_is (name, len, "lazy"))
        return jpull_bool (s, &g->lazy);
    if (jpull_is (name, len, "ahead"))
        return jpull_bool (s, &g->ahead);
    if (jpull_is (name, len, "ops")) {
        kvs_ops_free (move_ptr (g->ops));
        return kvs_ops_scan (s, false, &g->ops);
    }
    return jpull_skip (s);
}

/* 0, -EPROTO or -ENOMEM. */
static int decode (const flux_msg_t *msg, struct guest *g)
{
    int r;

    if ((r = request_scan (msg, guest_member, g)) < 0)
        return r;
    return g->ns.len > 0 && g->key.len > 0 && g->ops ? 0 : -EPROTO;
}

/* The one operation in the primary namespace. */
static int primary_ops (const struct guest *g, const char *ref, struct kvs_ops **ops)
{
    _cleanup_ (kvsops_fini)
    struct kvsops op = KVSOPS_INIT;
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    _cleanup_ (jpull_fini)
    struct jpull s;

    jpull_init (&s, "", 0);
    if (g->graft)
        kvsops_put_dirref (&op, g->key.buf, ref);
    else
        kvsops_symlink (&op, g->key.buf, g->ns.buf, ".");
    text_putc (&t, '[');
    text_put (&t, op.text.buf, op.text.len);
    text_putc (&t, ']');
    if (text_error (&op.text) || text_error (&t))
        return -ENOMEM;
    jpull_init (&s, t.buf, t.len);
    return kvs_ops_scan (&s, false, ops);
}

/* The namespace has its content: put what points to it.  What was there before
 * is kept even if the last words could not be added.
 */
static int change_primary (struct request *req)
{
    struct guest *g = req->guest;
    struct service *s = req->s;
    struct kvs_cred cred = req->r.cred;
    char ref[BLOBREF_TEXT_SIZE];
    struct kvs_ops *ops = NULL;
    struct blobref root;
    int64_t seq;
    int r = 0;

    if (g->errnum && !g->graft)
        return -g->errnum;
    if (kvs_engine_root (s->e, g->ns.buf, &root, &seq) < 0)
        return g->errnum ? -g->errnum : -EOPNOTSUPP;
    if ((r = primary_ops (g, blobref_str (&root, ref), &ops)) < 0)
        return r;
    kvs_request_fini (&req->r);
    kvs_request_init (&req->r, &cred);
    kvs_engine_commit (s->e, &req->r, "primary", g->lazy ? KVS_LAZY : 0, ops);
    return 0;
}

static void take_turn (struct turn *t)
{
    struct guest *g = container_of (t, struct guest, turn);
    int r;

    g->filled = true;
    if ((r = change_primary (g->req)) < 0) {
        g->errnum = -r;
        request_respond (g->req);
    }
}

bool guest_goes_on (struct request *req)
{
    struct guest *g = req->guest;
    int r;

    if (!g->errnum)
        g->errnum = req->r.errnum;
    if (!g->graft && (r = kvs_engine_ns_announce (req->s->e, g->ns.buf)) < 0
        && !g->errnum)
        g->errnum = -r;
    if (!g->filled) {
        if (!list_linked (&g->turn.link))
            turn_queue (req->s, &g->turn);
        g->turn.ready = true;
        turns_go (req->s);
        return true;
    }
    if (g->graft) {
        if ((r = kvs_engine_ns_remove (req->s->e, g->ns.buf)) < 0 && !g->errnum)
            g->errnum = -r;
        namespace_was_removed (req->s);
    }
    req->r.errnum = g->errnum;
    return false;
}

static int create (struct service *s, const struct guest *g)
{
    return kvs_engine_ns_create (
        s->e, g->ns.buf, (uint32_t)g->owner == FLUX_USERID_UNKNOWN ? s->owner : g->owner,
        0, &s->empty_dir, 0, KVS_NS_WITH_CONTENT);
}

static void begin (struct service *s, const flux_msg_t *msg, bool graft)
{
    struct guest *g = calloc (1, sizeof (*g));
    struct request *req;
    int r = -ENOMEM;

    if (g) {
        list_init (&g->turn.link);
        g->turn.go = take_turn;
        g->graft = graft;
    }
    if (!g || (r = decode (msg, g)) < 0 || (s->rank > 0 && (r = -EINVAL) < 0)
        || (!graft && (r = create (s, g)) < 0)) {
        guest_free (g);
        service_run (s);
        respond_error (s, msg, -r, NULL);
        return;
    }
    if (!(req = request_new (s, msg))) {
        guest_free (g);
        return;
    }
    req->guest = g;
    g->req = req;
    if (graft && g->ahead)
        turn_queue (s, &g->turn);
    req->r.prelude = true;
    kvs_engine_commit (s->e, &req->r, g->ns.buf, 0, move_ptr (g->ops));
    service_run (s);
}

/* kvs.guest-begin (owner, rank 0)
 *   { "namespace":s "owner":i "ops":[...] "key":s "lazy"?b } -> { "rootref":s "rootseq":i }
 * Create the namespace, commit ops to it, put a link to it at key; that one as with
 * KVSOPS_LAZY if lazy.
 */
void guest_begin_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    begin (arg, msg, false);
}

/* kvs.guest-end (owner, rank 0)
 *   { "namespace":s "ops":[...] "key":s "ahead"?b } -> { "rootref":s "rootseq":i }
 * Commit ops to the namespace, put its root at key, remove it; the answer is the
 * primary namespace's.  With ahead, what is committed to that later is published later,
 * and who looks there later finds the ops (turns.c).
 */
void guest_end_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    begin (arg, msg, true);
}
