/* Who may come in: ZeroMQ asks for each client (ZAP), by the domain of the link
 * and the key that the client has proved to have.
 */

#include "config.h"

#include <string.h>

#include "zmq_private.h"

/* A ZAP request: version, id, domain, address, identity, mechanism, and for
 * CURVE the client's key.  Returns how many frames there were, 0 if none.
 */
struct zap_request {
    char id[64];
    int id_len;
    char domain[32];
    unsigned char key[KEY];
    int key_len;
};

static int zap_read (struct transport *t, struct zap_request *req)
{
    unsigned char buf[256];
    int n, count = 0, more = 1;
    size_t size;

    memset (req, 0, sizeof (*req));
    while (more) {
        if ((n = zmq_recv (t->zap, buf, sizeof (buf), ZMQ_DONTWAIT)) < 0)
            return 0;
        if (count == 1 && n <= (int)sizeof (req->id)) {
            memcpy (req->id, buf, n);
            req->id_len = n;
        }
        else if (count == 2 && n < (int)sizeof (req->domain))
            memcpy (req->domain, buf, n);
        else if (count == 6 && n == KEY) {
            memcpy (req->key, buf, KEY);
            req->key_len = KEY;
        }
        count++;
        size = sizeof (more);
        if (zmq_getsockopt (t->zap, ZMQ_RCVMORE, &more, &size) < 0)
            return 0;
    }
    return count;
}

static bool zap_allows (struct transport *t, const struct zap_request *req)
{
    struct link *l;

    list_foreach (&t->links, l, node) {
        if (!link_is_closed (l) && l->admits && strcmp (l->domain, req->domain) == 0)
            return req->key_len == KEY && sodium_memcmp (l->peer_key, req->key, KEY) == 0;
    }
    return false;
}

void transport_zap_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct transport *t = arg;
    struct zap_request req;

    while (zap_read (t, &req) > 0) {
        const char *status = zap_allows (t, &req) ? "200" : "400";

        zmq_send (t->zap, "1.0", 3, ZMQ_SNDMORE);
        zmq_send (t->zap, req.id, req.id_len, ZMQ_SNDMORE);
        zmq_send (t->zap, status, 3, ZMQ_SNDMORE);
        zmq_send (t->zap, "", 0, ZMQ_SNDMORE); /* status text */
        zmq_send (t->zap, "", 0, ZMQ_SNDMORE); /* user id */
        zmq_send (t->zap, "", 0, 0);           /* metadata */
    }
}
