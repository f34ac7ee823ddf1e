#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#include "disconnect.h"

/* All open requests of one sender: its disconnect message must not have to
 * look at those of everybody else.
 */
struct sender {
    struct table tags; /* matchtag => struct open */
    struct list open;  /* in the order they came */
    struct list link;  /* in ep->open_list */
    size_t len;
    char route[];
};

/* A request that is open, without payload. */
struct open {
    flux_msg_t *msg;
    struct sender *sender;
    uint32_t matchtag;
    struct list node; /* in sender->open */
};

/* A message under the key that it is found by. */
struct note {
    flux_msg_t *msg;
    bool streams; /* a stream was asked for */
    size_t keylen;
    char key[];
};

enum {
    KEY_MAX = 320,
    SENDERS_KEPT = 256, /* with nothing open, until they disconnect */
};

/* Length of the topic up to and with its last dot; 0 without a dot. */
static size_t topic_prefix (const char *topic)
{
    const char *dot = strrchr (topic, '.');

    return dot ? dot + 1 - topic : 0;
}

static int note_put (struct table *t,
                     const char *key,
                     size_t keylen,
                     flux_msg_t *msg,
                     struct note **ret)
{
    struct note *n = malloc (sizeof (*n) + keylen);
    int r;

    if (!n)
        return -ENOMEM;
    n->streams = false;
    n->msg = msg;
    n->keylen = keylen;
    memcpy (n->key, key, keylen);
    if ((r = table_put (t, n->key, keylen, n)) < 0)
        free (n);
    else if (ret)
        *ret = n;
    return r;
}

/* Remove n from the table and hand out its message. */
static flux_msg_t *note_take (struct table *t, struct note *n)
{
    flux_msg_t *msg = n->msg;

    table_del (t, n->key, n->keylen);
    free (n);
    return msg;
}

static flux_msg_t *note_pop (struct table *t)
{
    struct note *n = table_pop (t);
    flux_msg_t *msg;

    if (!n) {
        table_fini (t);
        return NULL;
    }
    msg = n->msg;
    free (n);
    return msg;
}

static flux_msg_t *disconnect_encode (const flux_msg_t *request,
                                      const char *topic,
                                      size_t prefix)
{
    char buf[KEY_MAX];
    flux_msg_t *msg;

    memcpy (buf, topic, prefix);
    strcpy (buf + prefix, "disconnect");
    if (!(msg = flux_msg_copy (request, false)))
        return NULL;
    if (flux_msg_set_topic (msg, buf) < 0 || flux_msg_set_noresponse (msg) < 0) {
        flux_msg_decref (msg);
        return NULL;
    }
    return msg;
}

/* What a sender has to be told of: topic prefix, nodeid, UPSTREAM; behind
 * another broker there are many senders.  Returns the length of the key, or a
 * negative errno.
 */
static ssize_t disconnect_key (const struct endpoint *ep,
                               const flux_msg_t *msg,
                               char key[KEY_MAX])
{
    const char *topic, *sender = "";
    size_t prefix, len;
    uint32_t nodeid;

    if (flux_msg_get_topic (msg, &topic) < 0 || flux_msg_get_nodeid (msg, &nodeid) < 0)
        return -EPROTO;
    if (ep->kind == ENDPOINT_PEER && !(sender = flux_msg_route_first (msg)))
        return -EPROTO;
    prefix = topic_prefix (topic);
    len = strlen (sender);
    if (prefix + len + sizeof (nodeid) + 1 + 16 > KEY_MAX)
        return -EINVAL;
    memcpy (key, &nodeid, sizeof (nodeid));
    key[sizeof (nodeid)] = flux_msg_has_flag (msg, FLUX_MSGFLAG_UPSTREAM);
    memcpy (key + sizeof (nodeid) + 1, topic, prefix);
    memcpy (key + sizeof (nodeid) + 1 + prefix, sender, len);
    return sizeof (nodeid) + 1 + prefix + len;
}

int disconnect_note (struct endpoint *ep, const flux_msg_t *msg, size_t max)
{
    char key[KEY_MAX];
    const char *topic;
    ssize_t keylen;
    flux_msg_t *disconnect;
    struct note *n;
    int r;

    if (flux_msg_is_noresponse (msg))
        return 0;
    if ((keylen = disconnect_key (ep, msg, key)) < 0)
        return keylen;
    if ((n = table_get (&ep->disconnects, key, keylen))) {
        n->streams |= flux_msg_is_streaming (msg);
        return 0;
    }
    if (table_count (&ep->disconnects) >= max)
        return -ENOSPC;
    if (flux_msg_get_topic (msg, &topic) < 0
        || !(disconnect = disconnect_encode (msg, topic, topic_prefix (topic))))
        return -ENOMEM;
    if ((r = note_put (&ep->disconnects, key, keylen, disconnect, &n)) < 0)
        flux_msg_decref (disconnect);
    else
        n->streams = flux_msg_is_streaming (msg);
    return r;
}

void disconnect_forget (struct endpoint *ep, const flux_msg_t *disconnect)
{
    char key[KEY_MAX];
    ssize_t keylen = disconnect_key (ep, disconnect, key);
    struct note *n = keylen < 0 ? NULL : table_get (&ep->disconnects, key, keylen);

    if (n)
        flux_msg_decref (note_take (&ep->disconnects, n));
}

flux_msg_t *disconnect_pop (struct endpoint *ep)
{
    return note_pop (&ep->disconnects);
}

/* X.throttle, from X.disconnect. */
static flux_msg_t *throttle_encode (const flux_msg_t *disconnect, bool on)
{
    char buf[KEY_MAX + 16];
    const char *topic;
    size_t prefix;
    flux_msg_t *msg;

    if (flux_msg_get_topic (disconnect, &topic) < 0
        || (prefix = topic_prefix (topic)) > KEY_MAX
        || !(msg = flux_msg_copy (disconnect, false)))
        return NULL;
    memcpy (buf, topic, prefix);
    strcpy (buf + prefix, "throttle");
    if (flux_msg_set_topic (msg, buf) < 0 || flux_msg_pack (msg, "{s:b}", "on", on) < 0) {
        flux_msg_decref (msg);
        return NULL;
    }
    return msg;
}

flux_msg_t *disconnect_throttle (struct endpoint *ep, size_t *pos, bool on)
{
    struct note *n;

    do {
        n = table_next (&ep->disconnects, pos);
    } while (n && !n->streams);
    return n ? throttle_encode (n->msg, on) : NULL;
}

bool disconnect_is (const flux_msg_t *msg)
{
    const char *topic;

    return flux_msg_is_noresponse (msg) && flux_msg_get_topic (msg, &topic) == 0
           && strcmp (topic + topic_prefix (topic), "disconnect") == 0;
}

/* What is open of one sender.  Open requests are known by who sent them and the
 * sender's matchtag.
 */
static struct sender *sender_find (struct endpoint *ep, const flux_msg_t *msg)
{
    const char *route = flux_msg_route_first (msg);

    return table_get_str (&ep->open_senders, route ? route : "");
}

/* The same, made if it is not there; NULL without memory. */
static struct sender *sender_get (struct endpoint *ep, const flux_msg_t *msg)
{
    struct sender *s = sender_find (ep, msg);
    const char *route = flux_msg_route_first (msg);
    size_t len = route ? strlen (route) : 0;

    if (s || !(s = malloc (sizeof (*s) + len + 1)))
        return s;
    table_init (&s->tags);
    list_init (&s->open);
    list_init (&s->link);
    s->len = len;
    memcpy (s->route, route ? route : "", len + 1);
    if (table_put (&ep->open_senders, s->route, len, s) < 0) {
        free (s);
        return NULL;
    }
    list_append (&ep->open_list, &s->link);
    return s;
}

static void sender_put (struct endpoint *ep, struct sender *s)
{
    if (list_empty (&s->open)) {
        table_del (&ep->open_senders, s->route, s->len);
        list_del (&s->link);
        table_fini (&s->tags);
        free (s);
    }
}

static struct open *open_find (struct endpoint *ep, const flux_msg_t *msg)
{
    struct sender *s = sender_find (ep, msg);
    uint32_t matchtag = 0;

    (void)flux_msg_get_matchtag (msg, &matchtag);
    return s ? table_get_u64 (&s->tags, matchtag) : NULL;
}

/* It is no longer open: its message, which is the caller's. */
static flux_msg_t *open_take (struct endpoint *ep, struct open *o)
{
    flux_msg_t *msg = o->msg;

    list_del (&o->node);
    table_del_u64 (&o->sender->tags, o->matchtag);
    ep->nopen--;
    free (o);
    return msg;
}

static void open_drop (struct endpoint *ep, struct open *o)
{
    struct sender *s = o->sender;

    flux_msg_decref (open_take (ep, o));
    /* one that asks again and again is soon back */
    if (table_count (&ep->open_senders) > SENDERS_KEPT)
        sender_put (ep, s);
}

static int open_add (struct sender *s, flux_msg_t *msg)
{
    struct open *o = malloc (sizeof (*o));
    int r;

    if (!o)
        return -ENOMEM;
    *o = (struct open){ .msg = msg, .sender = s };
    list_init (&o->node);
    (void)flux_msg_get_matchtag (msg, &o->matchtag);
    if ((r = table_put_u64 (&s->tags, o->matchtag, o)) < 0) {
        free (o);
        return r;
    }
    list_append (&s->open, &o->node);
    return 0;
}

int open_note (struct endpoint *ep, const flux_msg_t *request, size_t max)
{
    struct sender *s;
    flux_msg_t *copy;
    int r;

    if (flux_msg_is_noresponse (request))
        return 0;
    if (ep->nopen >= max)
        return -ENOSPC;
    if (!(copy = flux_msg_copy (request, false)))
        return -ENOMEM;
    if (!(s = sender_get (ep, request))) {
        flux_msg_decref (copy);
        return -ENOMEM;
    }
    if ((r = open_add (s, copy)) < 0) {
        flux_msg_decref (copy);
        sender_put (ep, s);
        return r;
    }
    ep->nopen++;
    return 0;
}

static flux_msg_t *answer_encode (const flux_msg_t *request, const flux_msg_t *response)
{
    struct flux_msg_cred cred;
    flux_msg_t *msg;
    const void *data = NULL;
    size_t size = 0;
    int errnum;

    if (flux_msg_get_errnum (response, &errnum) < 0
        || flux_msg_get_cred (response, &cred) < 0
        || !(msg = flux_response_derive (request, errnum)))
        return NULL;
    if (flux_msg_has_payload (response)
        && (flux_msg_get_payload (response, &data, &size) < 0
            || flux_msg_set_payload (msg, data, size) < 0))
        goto error;
    if (flux_msg_set_cred (msg, cred) < 0)
        goto error;
    return msg;
error:
    flux_msg_decref (msg);
    return NULL;
}

static bool ends (const flux_msg_t *request, const flux_msg_t *response)
{
    int errnum;

    return flux_msg_get_errnum (response, &errnum) < 0 || errnum != 0
           || !flux_msg_is_streaming (request);
}

flux_msg_t *open_answer (struct endpoint *ep, const flux_msg_t *response)
{
    struct open *o = open_find (ep, response);
    flux_msg_t *answer;

    if (!o) {
        errno = ENOENT;
        return NULL;
    }
    if (!(answer = answer_encode (o->msg, response)))
        return NULL;
    if (ends (o->msg, response))
        open_drop (ep, o);
    return answer;
}

void open_answered (struct endpoint *ep, const flux_msg_t *response)
{
    struct open *o = open_find (ep, response);

    if (o && ends (o->msg, response))
        open_drop (ep, o);
}

void open_cancel (struct endpoint *ep, const flux_msg_t *request)
{
    struct open *o = open_find (ep, request);

    if (o)
        open_drop (ep, o);
}

void open_forget (struct endpoint *ep, const flux_msg_t *disconnect)
{
    struct sender *s = sender_find (ep, disconnect);
    const char *topic, *t;
    struct open *o;
    size_t prefix;

    if (!s || flux_msg_get_topic (disconnect, &topic) < 0)
        return;
    prefix = topic_prefix (topic);
    list_foreach (&s->open, o, node) {
        if (flux_msg_get_topic (o->msg, &t) == 0 && strncmp (t, topic, prefix) == 0)
            flux_msg_decref (open_take (ep, o));
    }
    sender_put (ep, s);
}

flux_msg_t *open_pop (struct endpoint *ep)
{
    struct sender *s;
    struct open *o;
    flux_msg_t *msg;

    while ((s = list_first (&ep->open_list, struct sender, link))) {
        o = list_first (&s->open, struct open, node);
        msg = o ? open_take (ep, o) : NULL;
        sender_put (ep, s);
        if (msg)
            return msg;
    }
    table_fini (&ep->open_senders);
    return NULL;
}
