/* job-list.list-id (user)
 *   { "id":I "attrs":[s] "state"?:i } -> { "job":o }
 * as soon as the job has been in one of the states, or is inactive.
 *
 * An id that the index does not know may be one that is on its way here.  The
 * job-manager knows every job there is, and what it says arrives behind the
 * events it sent before: so it is asked (getattr of nothing), and if it does
 * not know the job either there is none.  No look-up in the KVS.
 */

#include "config.h"
#include <jansson.h>

#include "attrs.h"
#include "service.h"

/* Who waits. */
struct id_wait {
    struct service *s;
    const flux_msg_t *msg;
    struct attrs attrs;
    bool counted; /* by quota_take () */
};

/* An id asked of the job-manager. */
struct lookup {
    struct list node;
    struct service *s;
    uint64_t id;
    flux_future_t *f;
};

#define NOT_FOUND "No such file or directory"

static void id_wait_free (struct id_wait *w)
{
    if (w) {
        if (w->counted)
            quota_give (w->s, w->msg);
        flux_msg_decref (w->msg);
        attrs_fini (&w->attrs);
        free (w);
    }
}

static void respond (struct id_wait *w, const struct record *rec)
{
    struct service *s = w->s;
    struct text *t = &s->scratch;
    uint32_t userid;

    if (service_restricts (s, w->msg, &userid) && rec->userid != userid) {
        service_refuse (s, w->msg, ENOENT, NOT_FOUND);
        return;
    }
    if (w->attrs.error) {
        service_refuse (s, w->msg, EINVAL, w->attrs.error);
        return;
    }
    text_clear (t);
    text_puts (t, "{\"job\":");
    attrs_put_record (&w->attrs, t, rec);
    text_putc (t, '}');
    service_respond_text (s, w->msg, t);
}

void id_waited (void *token, const struct record *rec, void *arg)
{
    struct id_wait *w = token;

    if (rec)
        respond (w, rec);
    else
        service_refuse (w->s, w->msg, ENOENT, NOT_FOUND);
    id_wait_free (w);
}

/* ---- asking the job-manager ------------------------------------------------------- */

static void lookup_free (struct lookup *l)
{
    list_del (&l->node);
    l->s->nlookups--;
    flux_future_destroy (l->f);
    free (l);
}

struct refusal {
    struct service *s;
    int errnum;
    const char *text;
    const flux_msg_t *msg; /* if not NULL, only who matches that departure */
};

static bool give_up (void *token, void *arg)
{
    struct refusal *r = arg;
    struct id_wait *w = token;

    if (r->msg && !flux_disconnect_match (r->msg, w->msg))
        return false;
    if (!r->msg)
        service_refuse (r->s, w->msg, r->errnum, r->text);
    id_wait_free (w);
    return true;
}

static void lookup_continuation (flux_future_t *f, void *arg)
{
    struct lookup *l = arg;
    struct service *s = l->s;
    struct refusal r = { s, ENOENT, NOT_FOUND, NULL };

    if (flux_rpc_get (f, NULL) < 0) {
        if (errno != EINVAL) {
            r.errnum = errno;
            r.text = future_strerror (f, errno);
        }
        if (!jl_lookup (s->jl, l->id))
            jl_wait_drop (s->jl, &l->id, give_up, &r);
    }
    lookup_free (l);
}

static int ask (struct service *s, uint64_t id)
{
    struct lookup *l = calloc (1, sizeof (*l));

    if (!l)
        return -1;
    list_init (&l->node);
    l->s = s;
    l->id = id;
    l->f = flux_rpc_pack (s->h, "job-manager.getattr", FLUX_NODEID_ANY, 0, "{s:I s:[]}",
                          "id", (json_int_t)id, "attrs");
    s->nlookups++;
    if (!l->f || flux_future_then (l->f, -1., lookup_continuation, l) < 0) {
        lookup_free (l);
        return -1;
    }
    list_append (&s->lookups, &l->node);
    return 0;
}

/* ---- the request -------------------------------------------------------------------- */

struct request {
    uint64_t id;
    int states;
    struct jview attrs;
};

static int decode (struct service *s, const flux_msg_t *msg, struct request *req)
{
    int states = 0;
    json_t *attrs;
    json_int_t id;
    struct jview v;

    if (flux_request_unpack (msg, NULL, "{s:I s:o s?i}", "id", &id, "attrs", &attrs,
                             "state", &states)
            < 0
        || service_decode (msg, &v) < 0) {
        service_refuse_payload (s, msg, flux_msg_last_error (msg));
        return -1;
    }
    req->id = id;
    req->states = states;
    req->attrs = jview_get (v, "attrs");
    if (!jview_is (req->attrs, JVIEW_ARRAY))
        service_refuse_payload (s, msg, "attrs must be an array");
    else if (states & ~STATE_ALL)
        service_refuse_payload (s, msg, "invalid state specified");
    else
        return 0;
    return -1;
}

void list_id_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct request req;
    struct record *rec;
    struct id_wait *w;
    uint32_t userid;

    if (journal_defers (s, msg, list_id_cb) || decode (s, msg, &req) < 0)
        return;
    if (!(w = calloc (1, sizeof (*w)))) {
        service_refuse (s, msg, ENOMEM, NULL);
        return;
    }
    w->s = s;
    w->msg = flux_msg_incref (msg);
    attrs_init (&w->attrs, req.attrs);
    rec = jl_lookup (s->jl, req.id);
    if (rec
        && (jl_satisfies (rec, req.states)
            || (service_restricts (s, msg, &userid) && rec->userid != userid))) {
        respond (w, rec);
        id_wait_free (w);
    }
    else if (!(w->counted = quota_take (s, msg)))
        id_wait_free (w);
    else if (!rec && ask (s, req.id) < 0) {
        service_refuse (s, msg, errno, NULL);
        id_wait_free (w);
    }
    else if (jl_wait (s->jl, req.id, req.states, w) < 0) {
        service_refuse (s, msg, ENOMEM, NULL);
        id_wait_free (w);
    }
}

void id_disconnect (struct service *s, const flux_msg_t *msg)
{
    struct refusal r = { s, 0, NULL, msg };
    jl_wait_drop (s->jl, NULL, give_up, &r);
}

void id_fini (struct service *s)
{
    struct refusal r = { s, ENOSYS, "job-list is unloading", NULL };
    struct lookup *l = NULL;

    jl_wait_drop (s->jl, NULL, give_up, &r);
    list_foreach (&s->lookups, l, node)
        lookup_free (l);
}
