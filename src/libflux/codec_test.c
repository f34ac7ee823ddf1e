#include "config.h"
#include <flux/core.h>

#include "common/tap.h"

static void requests (void)
{
    flux_msg_t *msg;
    const char *topic = NULL, *s = "unset";
    const void *data = "unset";
    size_t len = 77;
    int type, i;

    errno = 0;
    ok (!flux_request_encode (NULL, "x") && errno == EINVAL, "no topic is EINVAL");
    msg = flux_request_encode ("a.b", NULL);
    ok (msg && flux_msg_get_type (msg, &type) == 0 && type == FLUX_MSGTYPE_REQUEST,
        "a request is encoded");
    is_int (flux_msg_route_count (msg), 0, "with routes enabled, and none");
    ok (!flux_msg_has_payload (msg), "without a payload");
    ok (flux_request_decode (msg, &topic, &s) == 0 && !s, "decodes with a NULL string");
    is (topic, "a.b", "and its topic");
    ok (flux_request_decode (msg, NULL, NULL) == 0, "outputs are optional");
    ok (flux_request_decode_raw (msg, NULL, &data, &len) == 0 && !data && len == 0,
        "raw: no payload is NULL, 0");
    errno = 0;
    ok (flux_request_decode_raw (msg, NULL, NULL, &len) < 0 && errno == EINVAL
            && flux_request_decode_raw (msg, NULL, &data, NULL) < 0 && errno == EINVAL,
        "raw: both outputs are required");
    errno = 0;
    ok (flux_request_unpack (msg, NULL, "{s:i}", "i", &i) < 0 && errno == EPROTO,
        "unpack without payload is EPROTO");
    flux_msg_destroy (msg);

    msg = flux_request_encode ("a.b", "{\"i\":42}");
    ok (flux_request_decode (msg, NULL, &s) == 0, "with a payload");
    is (s, "{\"i\":42}", "it comes back");
    ok (flux_request_unpack (msg, &topic, "{s:i}", "i", &i) == 0 && i == 42, "unpack");
    topic = "unset";
    errno = 0;
    ok (flux_request_unpack (msg, &topic, "{s:s}", "i", &s) < 0 && errno == EPROTO,
        "a mismatch is EPROTO");
    is (topic, "unset", "and writes no output");
    flux_msg_destroy (msg);

    msg = flux_request_encode_raw ("a.b", "xyz", 3);
    ok (flux_request_decode_raw (msg, NULL, &data, &len) == 0 && len == 3
            && !memcmp (data, "xyz", 3),
        "raw payload comes back");
    errno = 0;
    ok (flux_request_decode (msg, NULL, &s) < 0 && errno == EPROTO, "it is no string");
    flux_msg_destroy (msg);

    msg = flux_event_encode ("a", NULL);
    errno = 0;
    ok (flux_request_decode (msg, NULL, NULL) < 0 && errno == EPROTO,
        "another type is EPROTO");
    ok (flux_request_decode (NULL, NULL, NULL) < 0 && errno == EINVAL, "NULL is EINVAL");
    flux_msg_destroy (msg);
    msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    errno = 0;
    ok (flux_request_decode (msg, NULL, NULL) < 0 && errno == EPROTO,
        "no topic is EPROTO");
    flux_msg_destroy (msg);
}

static void responses (void)
{
    flux_msg_t *msg;
    const char *topic, *s;
    const void *data = "unset";
    size_t len = 77;
    int errnum;

    msg = flux_response_encode ("a.b", "hi");
    ok (flux_response_decode (msg, &topic, &s) == 0, "a response decodes");
    is (topic, "a.b", "topic");
    is (s, "hi", "payload");
    errno = 0;
    ok (flux_response_decode_error (msg, &s) < 0 && errno == ENOENT,
        "a success has no error text");
    flux_msg_destroy (msg);

    errno = 0;
    ok (!flux_response_encode_error ("a", 0, "x") && errno == EINVAL,
        "an error response needs an errnum");
    msg = flux_response_encode_error ("a", EXDEV, "crossed");
    errno = 0;
    ok (flux_response_decode (msg, &topic, &s) < 0 && errno == EXDEV,
        "its errno comes out");
    errno = 0;
    ok (flux_response_decode_raw (msg, &topic, &data, &len) < 0 && errno == EXDEV,
        "from raw, too");
    ok (flux_response_decode_error (msg, &s) == 0, "and its text");
    is (s, "crossed", "as given");
    flux_msg_destroy (msg);
    msg = flux_response_encode_error ("a", EXDEV, NULL);
    errno = 0;
    ok (flux_response_decode_error (msg, &s) < 0 && errno == ENOENT, "without: ENOENT");
    ok (flux_msg_get_errnum (msg, &errnum) == 0 && errnum == EXDEV, "errnum is set");
    flux_msg_destroy (msg);

    msg = flux_response_encode_raw ("a", "xyz", 3);
    ok (flux_response_decode_raw (msg, NULL, NULL, NULL) == 0,
        "raw outputs are optional");
    ok (flux_response_decode_raw (msg, NULL, &data, &len) == 0 && len == 3,
        "raw payload");
    flux_msg_destroy (msg);
}

static void derived (void)
{
    flux_msg_t *req = flux_request_encode ("a.b", "payload");
    flux_msg_t *msg;
    struct flux_msg_cred cred = { 42, FLUX_ROLE_OWNER };
    uint32_t matchtag;
    const char *topic;
    int errnum, type;

    must (flux_msg_set_cred (req, cred) == 0 && flux_msg_set_matchtag (req, 5) == 0);
    must (flux_msg_route_push (req, "one") == 0 && flux_msg_route_push (req, "two") == 0);
    must (flux_msg_set_streaming (req) == 0);
    msg = flux_response_derive (req, EPERM);
    ok (flux_msg_get_type (msg, &type) == 0 && type == FLUX_MSGTYPE_RESPONSE, "derive");
    ok (flux_msg_get_topic (msg, &topic) == 0 && !strcmp (topic, "a.b"), "same topic");
    ok (flux_msg_get_matchtag (msg, &matchtag) == 0 && matchtag == 5, "same matchtag");
    is_int (flux_msg_route_count (msg), 2, "same routes");
    is (flux_msg_route_first (msg), "one", "in order");
    ok (flux_msg_is_streaming (msg) && !flux_msg_has_payload (msg),
        "flags but the payload");
    ok (flux_msg_get_errnum (msg, &errnum) == 0 && errnum == EPERM, "errnum");
    ok (flux_msg_get_cred (msg, &cred) == 0 && cred.userid == FLUX_USERID_UNKNOWN
            && cred.rolemask == FLUX_ROLE_NONE,
        "the credential is unset");
    errno = 0;
    ok (!flux_response_derive (NULL, 0) && errno == EINVAL, "from NULL: EINVAL");
    errno = 0;
    ok (!flux_response_derive (msg, 0) && errno == EINVAL, "from a response: EINVAL");
    flux_msg_destroy (msg);
    must (flux_msg_set_noresponse (req) == 0);
    errno = 0;
    ok (!flux_response_derive (req, 0) && errno == EINVAL, "from NORESPONSE: EINVAL");
    flux_msg_destroy (req);
}

static void responding (flux_t *h)
{
    flux_msg_t *req = flux_request_encode ("a.b", NULL);
    flux_msg_t *msg;
    int i, errnum;
    const void *data;
    size_t len;

    errno = 0;
    ok (flux_respond (NULL, req, NULL) < 0 && errno == EINVAL
            && flux_respond (h, NULL, NULL) < 0 && errno == EINVAL
            && flux_respond_error (h, NULL, EPERM, NULL) < 0 && errno == EINVAL
            && flux_respond_pack (NULL, req, "{}") < 0 && errno == EINVAL
            && flux_respond_raw (NULL, req, NULL, 0) < 0 && errno == EINVAL
            && flux_respond_raw (h, req, "x", -1) < 0 && errno == EINVAL,
        "respond: no handle, no request or a negative length is EINVAL");
    ok (flux_respond_error (h, req, 0, NULL) == 0, "errnum 0 is accepted");
    msg = flux_recv (h, FLUX_MATCH_ANY, 0);
    ok (flux_msg_get_errnum (msg, &errnum) == 0 && errnum == EINVAL,
        "and sent as EINVAL");
    flux_msg_destroy (msg);
    ok (flux_respond_pack (h, req, "{s:i}", "i", 3) == 0, "respond_pack");
    msg = flux_recv (h, FLUX_MATCH_ANY, 0);
    ok (flux_msg_unpack (msg, "{s:i}", "i", &i) == 0 && i == 3, "arrives");
    flux_msg_destroy (msg);
    ok (flux_respond_raw (h, req, "abc", 3) == 0, "respond_raw");
    msg = flux_recv (h, FLUX_MATCH_ANY, 0);
    ok (flux_response_decode_raw (msg, NULL, &data, &len) == 0 && len == 3, "arrives");
    flux_msg_destroy (msg);
    errno = 0;
    ok (flux_respond_pack (h, req, "[i]", 3) < 0 && errno == EINVAL,
        "a payload that is no object is EINVAL");
    must (flux_msg_set_noresponse (req) == 0);
    ok (flux_respond (h, req, NULL) == 0 && flux_respond_error (h, req, 1, NULL) == 0
            && flux_respond_pack (h, req, "{}") == 0
            && flux_respond_raw (h, req, "", 1) == 0,
        "to NORESPONSE nothing is sent, and that is success");
    ok (!flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK), "nothing, indeed");
    flux_msg_destroy (req);
}

static void events (void)
{
    flux_msg_t *msg = flux_event_encode ("a.b", NULL);
    const char *topic, *s = "unset";
    const void *data;
    size_t len;
    int i;

    ok (flux_event_decode (msg, &topic, &s) == 0 && !s, "an event may be a topic only");
    is (topic, "a.b", "which comes back");
    errno = 0;
    ok (flux_event_unpack (msg, NULL, "{s:i}", "i", &i) < 0 && errno == EPROTO,
        "then unpack is EPROTO");
    ok (flux_event_decode_raw (msg, NULL, &data, &len) == 0 && !data && len == 0,
        "and raw NULL, 0");
    errno = 0;
    ok (flux_event_decode_raw (msg, NULL, NULL, NULL) < 0 && errno == EINVAL,
        "raw outputs are required");
    flux_msg_destroy (msg);
    msg = flux_event_pack ("a.b", "{s:i}", "i", 9);
    ok (flux_event_unpack (msg, &topic, "{s:i}", "i", &i) == 0 && i == 9, "pack, unpack");
    is_int (flux_msg_route_count (msg), 0, "events have routes enabled, and none");
    flux_msg_destroy (msg);
    msg = flux_event_encode_raw ("a.b", "xy", 2);
    ok (flux_event_decode_raw (msg, NULL, &data, &len) == 0 && len == 2, "raw");
    flux_msg_destroy (msg);
    errno = 0;
    ok (!flux_event_encode (NULL, NULL) && errno == EINVAL
            && !flux_event_pack (NULL, "{}") && errno == EINVAL
            && !flux_event_pack ("a", NULL) && errno == EINVAL,
        "no topic or format is EINVAL");
}

static void controls (void)
{
    flux_msg_t *msg = flux_control_encode (3, 4);
    int type = 0, status = 0;

    ok (flux_control_decode (msg, &type, &status) == 0 && type == 3 && status == 4,
        "control messages");
    ok (flux_control_decode (msg, NULL, NULL) == 0, "outputs are optional");
    flux_msg_destroy (msg);
    msg = flux_event_encode ("a", NULL);
    errno = 0;
    ok (flux_control_decode (msg, &type, &status) < 0 && errno == EPROTO, "else EPROTO");
    flux_msg_destroy (msg);
    errno = 0;
    ok (flux_control_decode (NULL, NULL, NULL) < 0 && errno == EINVAL, "NULL is EINVAL");
}

/* Publishing: what goes to the event service. */
static void publishing (flux_t *h)
{
    flux_future_t *f;
    flux_msg_t *msg;
    const char *topic, *name, *payload;
    uint32_t nodeid;
    int flags, seq;

    errno = 0;
    ok (!flux_event_publish (NULL, "a", 0, NULL) && errno == EINVAL
            && !flux_event_publish (h, NULL, 0, NULL) && errno == EINVAL
            && !flux_event_publish (h, "a", 4, NULL) && errno == EINVAL
            && !flux_event_publish_pack (h, "a", 0, "[i]", 1) && errno == EINVAL,
        "publish: no handle, no topic, unknown flags, no object: EINVAL");
    f = flux_event_publish (h, "ev", FLUX_EVENT_PRIVATE, "foo");
    ok (f != NULL, "publish a string");
    msg = flux_recv (h, FLUX_MATCH_REQUEST, 0);
    ok (flux_request_unpack (msg, &topic, "{s:s s:i s:s}", "topic", &name, "flags",
                             &flags, "payload", &payload)
            == 0,
        "the request has the keys");
    is (topic, "event.publish", "to event.publish");
    is (name, "ev", "topic");
    is (payload, "Zm9vAA==", "payload with its NUL, base64");
    is_int (flags, FLUX_MSGFLAG_PRIVATE, "PRIVATE is what brokers know");
    ok (flux_msg_get_nodeid (msg, &nodeid) == 0 && nodeid == 0, "to rank 0");
    must (flux_respond_pack (h, msg, "{s:i}", "seq", 12) == 0);
    ok (flux_event_publish_get_seq (f, &seq) == 0 && seq == 12, "the sequence number");
    flux_msg_destroy (msg);
    flux_future_destroy (f);

    f = flux_event_publish (h, "ev", 0, NULL);
    msg = flux_recv (h, FLUX_MATCH_REQUEST, 0);
    errno = 0;
    ok (flux_request_unpack (msg, NULL, "{s:s}", "payload", &payload) < 0,
        "no payload, no key");
    must (flux_respond_pack (h, msg, "{s:i}", "seq", 13) == 0);
    ok (flux_event_publish_get_seq (f, NULL) == 0, "seq is optional");
    flux_msg_destroy (msg);
    flux_future_destroy (f);

    f = flux_event_publish_pack (h, "ev", 0, "{s:i}", "i", 1);
    msg = flux_recv (h, FLUX_MATCH_REQUEST, 0);
    ok (flux_request_unpack (msg, NULL, "{s:s}", "payload", &payload) == 0, "packed");
    is (payload, "eyJpIjoxfQA=", "as compact JSON");
    must (flux_respond_pack (h, msg, "{s:i}", "seq", 14) == 0);
    ok (flux_future_get (f, NULL) == 0, "and answered");
    flux_msg_destroy (msg);
    flux_future_destroy (f);
}

static void subscribing (flux_t *h)
{
    flux_future_t *f;
    flux_msg_t *msg;
    const char *topic, *name;

    errno = 0;
    ok (flux_event_subscribe (NULL, "a") < 0 && errno == EINVAL
            && flux_event_subscribe (h, NULL) < 0 && errno == EINVAL
            && flux_event_unsubscribe (h, NULL) < 0 && errno == EINVAL,
        "subscribe: NULL is EINVAL");
    f = flux_event_subscribe_ex (h, "foo", FLUX_RPC_NORESPONSE);
    ok (f && flux_future_get (f, NULL) == 0, "subscribe without waiting");
    flux_future_destroy (f);
    msg = flux_recv (h, FLUX_MATCH_REQUEST, 0);
    ok (flux_request_unpack (msg, &topic, "{s:s}", "topic", &name) == 0, "is a request");
    is (topic, "event.subscribe", "to event.subscribe");
    is (name, "foo", "for that prefix");
    flux_msg_destroy (msg);
    f = flux_event_unsubscribe_ex (h, "foo", FLUX_RPC_NORESPONSE);
    flux_future_destroy (f);
    msg = flux_recv (h, FLUX_MATCH_REQUEST, 0);
    ok (flux_request_decode (msg, &topic, NULL) == 0, "and so is unsubscribe");
    is (topic, "event.unsubscribe", "to event.unsubscribe");
    flux_msg_destroy (msg);
    flux_flags_set (h, FLUX_O_TEST_NOSUB);
    ok (flux_event_subscribe (h, "foo") == 0 && flux_event_unsubscribe (h, "foo") == 0,
        "with TEST_NOSUB both are nothing");
    ok (!flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK), "nothing was sent");
}

int main (void)
{
    flux_t *h = flux_open ("loop://", 0);

    if (!h)
        bail_out ("flux_open loop://: %s", strerror (errno));
    requests ();
    responses ();
    derived ();
    responding (h);
    events ();
    controls ();
    publishing (h);
    subscribing (h);
    flux_close (h);
    return done_testing ();
}
