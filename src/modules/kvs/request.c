#include "config.h"
#include <errno.h>

#include "service.h"

/* One sender and its requests, so that those of a client that leaves are found
 * without looking at all others.
 */
struct client {
    struct list requests;
    char route[];
};

void respond_error (struct service *s,
                    const flux_msg_t *msg,
                    int errnum,
                    const char *text)
{
    if (flux_respond_error (s->h, msg, errnum, text) < 0)
        flux_log_error (s->h, "error responding");
}

void respond_empty (struct service *s, const flux_msg_t *msg)
{
    if (flux_respond (s->h, msg, NULL) < 0)
        flux_log_error (s->h, "error responding");
}

int request_text (const flux_msg_t *msg, const char **text, size_t *len)
{
    const void *buf;
    size_t size;

    if (flux_msg_get_payload (msg, &buf, &size) < 0 || size == 0
        || ((const char *)buf)[size - 1] != '\0')
        return -EPROTO;
    *text = buf;
    *len = size - 1;
    return 0;
}

int request_scan (const flux_msg_t *msg, jpull_member_f member, void *arg)
{
    struct jpull s;
    const char *text;
    size_t len;
    int r;

    if ((r = request_text (msg, &text, &len)) < 0)
        return r;
    jpull_init (&s, text, len);
    if ((r = jpull_members (&s, member, arg)) == 0)
        r = jpull_end (&s);
    jpull_fini (&s);
    return r == 0 || r == -ENOMEM ? r : -EPROTO;
}

int request_string (struct jpull *s, struct text *t)
{
    const char *str;
    size_t len;
    int r;

    if ((r = jpull_string (s, &str, &len)) < 0)
        return r;
    text_clear (t);
    text_put (t, str, len);
    return text_error (t);
}

/* ---- clients ---- */

static const char *sender (const flux_msg_t *msg)
{
    const char *route = flux_msg_route_first (msg);

    return route ? route : "";
}

static struct client *client_get (struct service *s, const char *route)
{
    struct client *c = table_get_str (&s->clients, route);
    size_t len = strlen (route);

    if (c)
        return c;
    if (!(c = malloc (sizeof (*c) + len + 1)))
        return NULL;
    list_init (&c->requests);
    memcpy (c->route, route, len + 1);
    if (table_put (&s->clients, c->route, len, c) < 0) {
        free (c);
        return NULL;
    }
    return c;
}

static void client_leave (struct service *s, struct request *req)
{
    struct client *c = req->client;

    list_del (&req->client_link);
    if (c && list_empty (&c->requests)) {
        table_del_str (&s->clients, c->route);
        free (c);
    }
}

/* ---- those that wait ---- */

/* How many a guest has: the table has that number for its userid. */
static int count_set (struct service *s, uint32_t userid, uintptr_t count)
{
    table_del_u64 (&s->waits, userid);
    return count > 0 ? table_put_u64 (&s->waits, userid, (void *)count) : 0;
}

int request_will_wait (struct request *req)
{
    struct service *s = req->s;
    uint32_t userid = req->r.cred.userid;
    uintptr_t count = (uintptr_t)table_get_u64 (&s->waits, userid);
    int r;

    if (req->r.cred.owner)
        return 0;
    if (count == WAITS_MAX)
        return -EDQUOT;
    if ((r = count_set (s, userid, count + 1)) == 0)
        req->waits = true;
    return r;
}

static void request_waited (struct request *req)
{
    struct service *s = req->s;
    uint32_t userid = req->r.cred.userid;

    if (req->waits) /* it fits: one like it has just been there */
        count_set (s, userid, (uintptr_t)table_get_u64 (&s->waits, userid) - 1);
}

/* ---- requests ---- */

static void request_free (struct request *req)
{
    if (req) {
        request_waited (req);
        kvs_request_fini (&req->r);
        guest_free (req->guest);
        client_leave (req->s, req);
        list_del (&req->link);
        flux_msg_decref (req->msg);
        free_keep_errno (req);
    }
}

int request_cred (const flux_msg_t *msg, struct kvs_cred *cred)
{
    struct flux_msg_cred c;

    if (flux_msg_get_cred (msg, &c) < 0)
        return -1;
    cred->userid = c.userid;
    cred->owner = c.rolemask & FLUX_ROLE_OWNER;
    cred->user = (c.rolemask & FLUX_ROLE_USER) && c.userid != FLUX_USERID_UNKNOWN;
    return 0;
}

struct request *request_new (struct service *s, const flux_msg_t *msg)
{
    struct request *req = calloc (1, sizeof (*req));
    struct kvs_cred cred;

    if (!req)
        goto error;
    req->s = s;
    req->msg = flux_msg_incref (msg);
    list_init (&req->link);
    list_init (&req->client_link);
    if (request_cred (msg, &cred) < 0)
        goto error;
    kvs_request_init (&req->r, &cred);
    if (!(req->client = client_get (s, sender (msg)))) {
        errno = ENOMEM;
        goto error;
    }
    list_append (&req->client->requests, &req->client_link);
    list_append (&s->requests, &req->link);
    return req;
error:
    respond_error (s, msg, errno, NULL);
    request_free (req);
    return NULL;
}

void request_reject (struct request *req, int errnum, const char *text)
{
    respond_error (req->s, req->msg, errnum, text);
    request_free (req);
}

static void answer (const struct request *req)
{
    struct service *s = req->s;

    if (req->r.errnum)
        respond_error (s, req->msg, req->r.errnum, req->r.errtext);
    else if (flux_respond (s->h, req->msg, req->r.payload) < 0)
        flux_log_error (s->h, "error responding");
}

void request_respond (struct request *req)
{
    if (req->guest && guest_goes_on (req))
        return;
    if (req->client) /* it is still there */
        answer (req);
    request_free (req);
}

void requests_refuse_all (struct service *s)
{
    struct request *req;

    while ((req = list_first (&s->requests, struct request, link))) {
        if (req->client)
            respond_error (s, req->msg, ENOSYS, NULL);
        request_free (req);
    }
}

/* kvs.disconnect: what this client waits for is of no use any more. */
void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct client *c = table_get_str (&s->clients, sender (msg));
    struct list requests = LIST_INIT (requests);
    struct request *req;

    savers_disconnect (s, msg);
    if (!c)
        return;
    list_foreach (&c->requests, req, client_link) {
        /* The client goes with its last request: do not look at it again. */
        if (flux_disconnect_match (msg, req->msg)) {
            list_del (&req->client_link);
            list_append (&requests, &req->client_link);
        }
    }
    if (list_empty (&c->requests)) {
        table_del_str (&s->clients, c->route);
        free (c);
    }
    while ((req = list_first (&requests, struct request, client_link))) {
        list_del (&req->client_link);
        req->client = NULL;
        if (!req->guest) /* that is carried out all the same */
            request_free (req);
    }
    service_run (s);
}
