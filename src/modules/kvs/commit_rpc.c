#include "config.h"
#include <errno.h>

#include "service.h"

struct commit_request {
    struct text ns;
    struct text name; /* relaycommit only */
    int64_t flags;
    struct kvs_ops *ops;
    bool have_flags;
    bool keep_json; /* of the operations: they are passed on */
};

static void commit_request_fini (struct commit_request *c)
{
    text_fini (&c->ns);
    text_fini (&c->name);
    kvs_ops_free (c->ops);
}

static int commit_member (struct jpull *s, const char *name, size_t len, void *arg)
{
    struct commit_request *c = arg;

    if (jpull_is (name, len, "namespace"))
        return request_string (s, &c->ns);
    if (jpull_is (name, len, "name"))
        return request_string (s, &c->name);
    if (jpull_is (name, len, "flags")) {
        c->have_flags = true;
        return jpull_int (s, &c->flags);
    }
    if (jpull_is (name, len, "ops")) {
        kvs_ops_free (move_ptr (c->ops));
        return kvs_ops_scan (s, c->keep_json, &c->ops);
    }
    return jpull_skip (s);
}

/* Returns 0, -EPROTO or -ENOMEM. */
static int decode (const flux_msg_t *msg, struct commit_request *c)
{
    int r;

    if ((r = request_scan (msg, commit_member, c)) < 0)
        return r;
    return c->ns.buf && c->have_flags && c->ops ? 0 : -EPROTO;
}

static void
commit_again (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

static void commit (struct service *s, const flux_msg_t *msg)
{
    _cleanup_ (commit_request_fini)
    struct commit_request c = { 0 };
    struct request *req;
    int r;

    c.keep_json = s->rank > 0;
    if ((r = decode (msg, &c)) < 0) {
        respond_error (s, msg, -r, NULL);
        return;
    }
    if (strcmp (c.ns.buf, "primary") == 0 && turn_wait (s, msg, commit_again))
        return;
    if ((req = request_new (s, msg)))
        kvs_engine_commit (s->e, &req->r, c.ns.buf, c.flags, move_ptr (c.ops));
}

/* It had to wait for its turn.  Who says that runs the engine. */
static void
commit_again (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    commit (arg, msg);
}

/* kvs.commit
 *   { "namespace":s "flags":i "ops":[...] }  (ops: see ops.h)
 *   -> { "rootref":s "rootseq":i }
 */
void commit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;

    commit (s, msg);
    service_run_gathered (s);
}

/* kvs.relaycommit, from another rank
 *   { "ops":[...] "name":s "namespace":s "flags":i } -> { }: it was taken
 * (ours; a stock kvs neither asks for the response nor sends it)
 */
void relaycommit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (commit_request_fini)
    struct commit_request c = { 0 };
    struct service *s = arg;
    int r;

    if ((r = decode (msg, &c)) == 0 && !c.name.buf)
        r = -EPROTO;
    if (r == 0 && s->rank > 0)
        r = -EINVAL;
    if (r == 0)
        r = kvs_engine_relayed (s->e, c.name.buf, c.ns.buf, c.flags, move_ptr (c.ops));
    if (r < 0)
        respond_error (s, msg, -r, NULL);
    else
        respond_empty (s, msg);
    service_run_gathered (s);
}
