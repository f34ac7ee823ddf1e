#include "config.h"
#include <fnmatch.h>

#include "common/util.h"
#include "message_private.h"

/* Life */

int msg_type_check (int type)
{
    switch (type) {
        case FLUX_MSGTYPE_REQUEST:
        case FLUX_MSGTYPE_RESPONSE:
        case FLUX_MSGTYPE_EVENT:
        case FLUX_MSGTYPE_CONTROL:
            return 0;
        default:
            errno = EINVAL;
            return -1;
    }
}

static void type_words_init (flux_msg_t *msg)
{
    msg->aux1 = msg->type == FLUX_MSGTYPE_REQUEST ? FLUX_NODEID_ANY : 0;
    msg->aux2 = 0;
}

flux_msg_t *flux_msg_create (int type)
{
    flux_msg_t *msg;

    if (msg_type_check (type) < 0 || !(msg = malloc (sizeof (*msg))))
        return NULL;
    memset (msg, 0, offsetof (struct flux_msg, routes));
    msg_routes_init (&msg->routes);
    atomic_init (&msg->refcount, 1);
    msg->type = type;
    msg->userid = FLUX_USERID_UNKNOWN;
    msg->rolemask = FLUX_ROLE_NONE;
    type_words_init (msg);
    return msg;
}

static void topic_clear (flux_msg_t *msg)
{
    if (msg->topic != msg->topic_buf)
        free (msg->topic);
    msg->topic = NULL;
    msg->flags &= ~FLUX_MSGFLAG_TOPIC;
}

static void msg_free (flux_msg_t *msg)
{
    int saved_errno = errno;

    aux_destroy (&msg->aux);
    json_decref (msg->json);
    msg_payload_decref (msg->payload);
    msg_routes_fini (&msg->routes);
    topic_clear (msg);
    free (msg->last_error);
    free (msg);
    errno = saved_errno;
}

const flux_msg_t *flux_msg_incref (const flux_msg_t *const_msg)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;

    if (!msg) {
        errno = EINVAL;
        return NULL;
    }
    atomic_fetch_add_explicit (&msg->refcount, 1, memory_order_relaxed);
    return msg;
}

void flux_msg_decref (const flux_msg_t *const_msg)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;

    if (msg && atomic_fetch_sub_explicit (&msg->refcount, 1, memory_order_acq_rel) == 1)
        msg_free (msg);
}

bool msg_is_exclusive (const flux_msg_t *msg)
{
    return atomic_load_explicit (&((flux_msg_t *)msg)->refcount, memory_order_acquire)
           == 1;
}

void flux_msg_destroy (flux_msg_t *msg)
{
    flux_msg_decref (msg);
}

flux_msg_t *flux_msg_copy (const flux_msg_t *msg, bool payload)
{
    flux_msg_t *cpy;

    if (!msg) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cpy = flux_msg_create (msg->type)))
        return NULL;
    if (msg_routes_copy (&cpy->routes, &msg->routes) < 0
        || (msg->topic && msg_topic_set (cpy, msg->topic, strlen (msg->topic)) < 0)) {
        flux_msg_destroy (cpy);
        return NULL;
    }
    cpy->flags = msg->flags & ~FLUX_MSGFLAG_PAYLOAD;
    cpy->userid = msg->userid;
    cpy->rolemask = msg->rolemask;
    cpy->aux1 = msg->aux1;
    cpy->aux2 = msg->aux2;
    if (payload && flux_msg_has_payload (msg)) {
        if (!msg_payload_get (msg)) {
            flux_msg_destroy (cpy);
            return NULL;
        }
        msg_payload_attach (cpy, msg_payload_incref (msg->payload));
    }
    return cpy;
}

int flux_msg_aux_set (const flux_msg_t *msg,
                      const char *name,
                      void *aux,
                      flux_free_f destroy)
{
    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    return aux_set (&((flux_msg_t *)msg)->aux, name, aux, destroy);
}

void *flux_msg_aux_get (const flux_msg_t *msg, const char *name)
{
    if (!msg) {
        errno = EINVAL;
        return NULL;
    }
    return aux_get (msg->aux, name);
}

/* Type and flags */

int flux_msg_set_type (flux_msg_t *msg, int type)
{
    uint32_t matchtag;
    bool keep;

    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (msg_type_check (type) < 0)
        return -1;
    keep = msg->type == FLUX_MSGTYPE_REQUEST && type == FLUX_MSGTYPE_RESPONSE;
    matchtag = msg->aux2;
    msg->type = type;
    type_words_init (msg);
    if (keep)
        msg->aux2 = matchtag;
    return 0;
}

int flux_msg_get_type (const flux_msg_t *msg, int *type)
{
    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (type)
        *type = msg->type;
    return 0;
}

bool flux_msg_has_flag (const flux_msg_t *msg, int flag)
{
    return msg && (msg->flags & flag) != 0;
}

int flux_msg_set_flag (flux_msg_t *msg, int flag)
{
    const int exclusive = FLUX_MSGFLAG_STREAMING | FLUX_MSGFLAG_NORESPONSE;
    const int content = FLUX_MSGFLAG_TOPIC | FLUX_MSGFLAG_PAYLOAD;

    /* A topic or payload cannot be claimed: the encoding would lie. */
    if (!msg || (flag & ~0xff) || (flag & exclusive) == exclusive
        || (flag & content & ~msg->flags)) {
        errno = EINVAL;
        return -1;
    }
    if (flag & exclusive)
        msg->flags &= ~exclusive;
    msg->flags |= flag;
    return 0;
}

int flux_msg_clear_flag (flux_msg_t *msg, int flag)
{
    if (!msg || (flag & ~0xff)) {
        errno = EINVAL;
        return -1;
    }
    /* What a flag announces goes with it. */
    if (flag & FLUX_MSGFLAG_TOPIC)
        topic_clear (msg);
    if (flag & FLUX_MSGFLAG_PAYLOAD)
        msg_payload_attach (msg, NULL);
    if (flag & FLUX_MSGFLAG_ROUTE)
        flux_msg_route_disable (msg);
    msg->flags &= ~flag;
    return 0;
}

int flux_msg_set_private (flux_msg_t *msg)
{
    return flux_msg_set_flag (msg, FLUX_MSGFLAG_PRIVATE);
}

bool flux_msg_is_private (const flux_msg_t *msg)
{
    return !msg || flux_msg_has_flag (msg, FLUX_MSGFLAG_PRIVATE);
}

int flux_msg_set_streaming (flux_msg_t *msg)
{
    return flux_msg_set_flag (msg, FLUX_MSGFLAG_STREAMING);
}

bool flux_msg_is_streaming (const flux_msg_t *msg)
{
    return !msg || flux_msg_has_flag (msg, FLUX_MSGFLAG_STREAMING);
}

int flux_msg_set_noresponse (flux_msg_t *msg)
{
    return flux_msg_set_flag (msg, FLUX_MSGFLAG_NORESPONSE);
}

bool flux_msg_is_noresponse (const flux_msg_t *msg)
{
    return !msg || flux_msg_has_flag (msg, FLUX_MSGFLAG_NORESPONSE);
}

/* Topic */

int msg_topic_set (flux_msg_t *msg, const char *topic, size_t len)
{
    char *buf = msg->topic_buf;

    len = strnlen (topic, len);
    if (len >= sizeof (msg->topic_buf) && !(buf = malloc (len + 1)))
        return -1;
    /* The new topic may lie in the old one. */
    memmove (buf, topic, len);
    buf[len] = '\0';
    if (msg->topic != buf)
        topic_clear (msg);
    msg->topic = buf;
    msg->flags |= FLUX_MSGFLAG_TOPIC;
    return 0;
}

int flux_msg_set_topic (flux_msg_t *msg, const char *topic)
{
    if (!msg || msg->type == FLUX_MSGTYPE_CONTROL) {
        errno = EINVAL;
        return -1;
    }
    if (topic)
        return msg_topic_set (msg, topic, strlen (topic));
    topic_clear (msg);
    return 0;
}

int flux_msg_get_topic (const flux_msg_t *msg, const char **topic)
{
    if (!msg || !topic) {
        errno = EINVAL;
        return -1;
    }
    if (!msg->topic || msg->type == FLUX_MSGTYPE_CONTROL) {
        errno = EPROTO;
        return -1;
    }
    *topic = msg->topic;
    return 0;
}

/* Match */

struct flux_match
flux_match_init (int typemask, uint32_t matchtag, const char *topic_glob)
{
    struct flux_match m = { typemask, matchtag, topic_glob };

    return m;
}

void flux_match_free (struct flux_match m)
{
    free_keep_errno ((char *)m.topic_glob);
}

int flux_match_asprintf (struct flux_match *m, const char *topic_glob_fmt, ...)
{
    va_list ap;
    char *glob;
    int r;

    if (!m || !topic_glob_fmt) {
        errno = EINVAL;
        return -1;
    }
    va_start (ap, topic_glob_fmt);
    r = vasprintf (&glob, topic_glob_fmt, ap);
    va_end (ap);
    if (r < 0)
        return -1;
    m->topic_glob = glob;
    return 0;
}

bool flux_msg_cmp_matchtag (const flux_msg_t *msg, uint32_t matchtag)
{
    uint32_t tag;

    return flux_msg_get_matchtag (msg, &tag) == 0 && tag == matchtag
           && msg->routes.count == 0;
}

static bool topic_matches (const flux_msg_t *msg, const char *glob)
{
    const char *topic;

    if (!glob || glob[0] == '\0' || strcmp (glob, "*") == 0)
        return true;
    if (flux_msg_get_topic (msg, &topic) < 0)
        return false;
    if (strpbrk (glob, "*?["))
        return fnmatch (glob, topic, 0) == 0;
    return strcmp (glob, topic) == 0;
}

bool flux_msg_cmp (const flux_msg_t *msg, struct flux_match match)
{
    if (!msg)
        return false;
    if (match.typemask != 0 && !(match.typemask & msg->type))
        return false;
    if (match.matchtag != FLUX_MATCHTAG_NONE
        && !flux_msg_cmp_matchtag (msg, match.matchtag))
        return false;
    return topic_matches (msg, match.topic_glob);
}
