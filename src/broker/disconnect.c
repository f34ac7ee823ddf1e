#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#include "disconnect.h"

/* A message under the key that it is found by. */
struct note {
    flux_msg_t *msg;
    size_t keylen;
    char key[];
};

enum { KEY_MAX = 320 };

/* Length of the topic up to and with its last dot; 0 without a dot. */
static size_t topic_prefix (const char *topic)
{
    const char *dot = strrchr (topic, '.');

    return dot ? dot + 1 - topic : 0;
}

static int note_put (struct table *t, const char *key, size_t keylen, flux_msg_t *msg)
{
    struct note *n = malloc (sizeof (*n) + keylen);
    int r;

    if (!n)
        return -ENOMEM;
    n->msg = msg;
    n->keylen = keylen;
    memcpy (n->key, key, keylen);
    if ((r = table_put (t, n->key, keylen, n)) < 0)
        free (n);
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

int disconnect_note (struct endpoint *ep, const flux_msg_t *msg, size_t max)
{
    char key[KEY_MAX];
    const char *topic;
    size_t prefix, keylen;
    uint32_t nodeid;
    flux_msg_t *disconnect;
    int r;

    if (flux_msg_is_noresponse (msg))
        return 0;
    if (flux_msg_get_topic (msg, &topic) < 0 || flux_msg_get_nodeid (msg, &nodeid) < 0)
        return -EPROTO;
    if ((prefix = topic_prefix (topic)) + sizeof (nodeid) + 1 + 16 > sizeof (key))
        return -EINVAL;
    memcpy (key, topic, prefix);
    memcpy (key + prefix, &nodeid, sizeof (nodeid));
    keylen = prefix + sizeof (nodeid);
    key[keylen++] = flux_msg_has_flag (msg, FLUX_MSGFLAG_UPSTREAM);
    if (table_get (&ep->disconnects, key, keylen))
        return 0;
    if (table_count (&ep->disconnects) >= max)
        return -ENOSPC;
    if (!(disconnect = disconnect_encode (msg, topic, prefix)))
        return -ENOMEM;
    if ((r = note_put (&ep->disconnects, key, keylen, disconnect)) < 0)
        flux_msg_decref (disconnect);
    return r;
}

flux_msg_t *disconnect_pop (struct endpoint *ep)
{
    return note_pop (&ep->disconnects);
}

bool disconnect_is (const flux_msg_t *msg)
{
    const char *topic;

    return flux_msg_is_noresponse (msg) && flux_msg_get_topic (msg, &topic) == 0
           && strcmp (topic + topic_prefix (topic), "disconnect") == 0;
}

/* Open requests are known by who sent them and the sender's matchtag. */
static size_t open_key (const flux_msg_t *msg, char key[KEY_MAX])
{
    const char *sender = flux_msg_route_first (msg);
    uint32_t matchtag = 0;
    size_t len = sender ? strlen (sender) : 0;

    if (len > KEY_MAX - sizeof (matchtag))
        len = KEY_MAX - sizeof (matchtag);
    (void)flux_msg_get_matchtag (msg, &matchtag);
    memcpy (key, &matchtag, sizeof (matchtag));
    if (len)
        memcpy (key + sizeof (matchtag), sender, len);
    return sizeof (matchtag) + len;
}

int open_note (struct endpoint *ep, const flux_msg_t *request, size_t max)
{
    char key[KEY_MAX];
    size_t keylen;
    flux_msg_t *copy;
    int r;

    if (flux_msg_is_noresponse (request))
        return 0;
    if (table_count (&ep->open) >= max)
        return -ENOSPC;
    if (!(copy = flux_msg_copy (request, false)))
        return -ENOMEM;
    keylen = open_key (request, key);
    if ((r = note_put (&ep->open, key, keylen, copy)) < 0)
        flux_msg_decref (copy);
    return r;
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

flux_msg_t *open_answer (struct endpoint *ep, const flux_msg_t *response)
{
    char key[KEY_MAX];
    size_t keylen = open_key (response, key);
    struct note *n = table_get (&ep->open, key, keylen);
    flux_msg_t *answer;
    int errnum;

    if (!n) {
        errno = ENOENT;
        return NULL;
    }
    if (!(answer = answer_encode (n->msg, response)))
        return NULL;
    if (flux_msg_get_errnum (response, &errnum) < 0 || errnum != 0
        || !flux_msg_is_streaming (n->msg))
        flux_msg_decref (note_take (&ep->open, n));
    return answer;
}

void open_cancel (struct endpoint *ep, const flux_msg_t *request)
{
    char key[KEY_MAX];
    size_t keylen = open_key (request, key);
    struct note *n = table_get (&ep->open, key, keylen);

    if (n)
        flux_msg_decref (note_take (&ep->open, n));
}

/* The next open request of this sender below this topic prefix. */
static struct note *find_open (struct table *t,
                               const flux_msg_t *disconnect,
                               const char *topic,
                               size_t prefix)
{
    size_t pos = 0;
    struct note *n;

    while ((n = table_next (t, &pos))) {
        const char *s;

        if (flux_msg_route_match_first (n->msg, disconnect)
            && flux_msg_get_topic (n->msg, &s) == 0 && strncmp (s, topic, prefix) == 0)
            return n;
    }
    return NULL;
}

void open_forget (struct endpoint *ep, const flux_msg_t *disconnect)
{
    const char *topic;
    struct note *n;

    if (flux_msg_get_topic (disconnect, &topic) < 0)
        return;
    while ((n = find_open (&ep->open, disconnect, topic, topic_prefix (topic))))
        flux_msg_decref (note_take (&ep->open, n));
}

flux_msg_t *open_pop (struct endpoint *ep)
{
    return note_pop (&ep->open);
}
