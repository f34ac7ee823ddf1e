#include "config.h"
#include <errno.h>

#include "service.h"

struct commit_request {
    struct text ns;
    struct text name; /* relaycommit only */
    int64_t flags;
    struct kvs_ops *ops;
    bool have_ns, have_name, have_flags;
};

static void commit_request_fini (struct commit_request *c)
{
    text_fini (&c->ns);
    text_fini (&c->name);
    kvs_ops_free (c->ops);
}

static int scan_string (struct jpull *s, struct text *t, bool *have)
{
    const char *str;
    size_t len;
    int r;

    if ((r = jpull_string (s, &str, &len)) < 0)
        return r;
    text_clear (t);
    text_put (t, str, len);
    *have = true;
    return text_error (t);
}

static int scan_ops (struct jpull *s, bool keep_json, struct commit_request *c)
{
    kvs_ops_free (c->ops);
    c->ops = NULL;
    return kvs_ops_scan (s, keep_json, &c->ops);
}

static int scan_members (struct jpull *s, bool keep_json, struct commit_request *c)
{
    const char *member;
    size_t len;
    int n = 0;
    int r;

    if ((r = jpull_object (s)) < 0)
        return r;
    while ((r = jpull_member (s, &n, &member, &len)) > 0) {
        if (jpull_is (member, len, "namespace"))
            r = scan_string (s, &c->ns, &c->have_ns);
        else if (jpull_is (member, len, "name"))
            r = scan_string (s, &c->name, &c->have_name);
        else if (jpull_is (member, len, "flags")) {
            r = jpull_int (s, &c->flags);
            c->have_flags = true;
        }
        else if (jpull_is (member, len, "ops"))
            r = scan_ops (s, keep_json, c);
        else
            r = jpull_skip (s);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : jpull_end (s);
}

/* Returns 0, -EPROTO or -ENOMEM. */
static int decode (const flux_msg_t *msg, bool keep_json, struct commit_request *c)
{
    _cleanup_ (jpull_fini) struct jpull s;
    const char *text;
    size_t len;
    int r;

    jpull_init (&s, "", 0);
    if ((r = request_text (msg, &text, &len)) < 0)
        return r;
    jpull_init (&s, text, len);
    if ((r = scan_members (&s, keep_json, c)) < 0)
        return r == -ENOMEM ? r : -EPROTO;
    return c->have_ns && c->have_flags && c->ops ? 0 : -EPROTO;
}

/* kvs.commit
 *   { "namespace":s "flags":i "ops":[...] }  (ops: see ops.h)
 *   -> { "rootref":s "rootseq":i }
 */
void commit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (commit_request_fini) struct commit_request c = { 0 };
    struct service *s = arg;
    struct request *req;
    int r;

    if ((r = decode (msg, s->rank > 0, &c)) < 0) {
        respond_error (s, msg, -r, NULL);
        return;
    }
    if (!(req = request_new (s, msg)))
        return;
    kvs_engine_commit (s->e, &req->r, c.ns.buf, c.flags, move_ptr (c.ops));
    service_run_gathered (s);
}

/* kvs.relaycommit, from another rank, without response
 *   { "ops":[...] "name":s "namespace":s "flags":i }
 */
void relaycommit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (commit_request_fini) struct commit_request c = { 0 };
    struct service *s = arg;
    int r;

    if ((r = decode (msg, false, &c)) == 0 && !c.have_name)
        r = -EPROTO;
    if (r == 0 && s->rank > 0)
        r = -EINVAL;
    if (r == 0)
        r = kvs_engine_relayed (s->e, c.name.buf, c.ns.buf, c.flags, move_ptr (c.ops));
    if (r < 0) {
        errno = -r;
        flux_log_error (h, "kvs.relaycommit");
    }
    service_run_gathered (s);
}
