#include "config.h"
#include <stdio.h>

#include "common/util.h"
#include "message_test.h"

static const int types[] = {
    FLUX_MSGTYPE_REQUEST,
    FLUX_MSGTYPE_RESPONSE,
    FLUX_MSGTYPE_EVENT,
    FLUX_MSGTYPE_CONTROL,
};

static void creation (void)
{
    static const int bad[] = { 0, 3, 15, 16, -1, 257 };
    int type;

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        errno = 0;
        ok (!flux_msg_create (bad[i]) && errno == EINVAL, "type %d is none", bad[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE (types); i++) {
        flux_msg_t *msg = create (types[i]);
        struct flux_msg_cred cred;

        ok (flux_msg_get_type (msg, &type) == 0 && type == types[i]
                && flux_msg_get_cred (msg, &cred) == 0
                && cred.userid == FLUX_USERID_UNKNOWN && cred.rolemask == FLUX_ROLE_NONE
                && !flux_msg_has_flag (msg, 0xff) && !flux_msg_has_payload (msg),
            "a new %s is empty", flux_msg_typestr (type));
        flux_msg_destroy (msg);
    }
    is (flux_msg_typestr (FLUX_MSGTYPE_ANY), "request", "the lowest bit names the type");
    is (flux_msg_typestr (0), "unknown", "no bit, no name");
    flux_msg_destroy (NULL);
    flux_msg_decref (NULL);
    errno = 0;
    ok (!flux_msg_incref (NULL) && errno == EINVAL, "incref of nothing");
    errno = 0;
    ok (!flux_msg_copy (NULL, true) && errno == EINVAL, "copy of nothing");
}

/* Which type has what: getters say EPROTO, setters EINVAL for the others. */
static void words (void)
{
    for (size_t i = 0; i < ARRAY_SIZE (types); i++) {
        flux_msg_t *msg = create (types[i]);
        bool req = types[i] == FLUX_MSGTYPE_REQUEST;
        bool rsp = types[i] == FLUX_MSGTYPE_RESPONSE;
        bool ev = types[i] == FLUX_MSGTYPE_EVENT;
        bool ctl = types[i] == FLUX_MSGTYPE_CONTROL;
        const char *name = flux_msg_typestr (types[i]);
        uint32_t u = 0;
        int n = 0, m = 0;

        errno = 0;
        ok ((flux_msg_set_nodeid (msg, 7) == 0) == req && (req || errno == EINVAL),
            "%s: set nodeid", name);
        errno = 0;
        ok ((flux_msg_get_nodeid (msg, &u) == 0) == req
                && (req ? u == 7 : errno == EPROTO),
            "%s: get nodeid", name);
        errno = 0;
        ok ((flux_msg_set_matchtag (msg, 8) == 0) == (req || rsp)
                && (req || rsp || errno == EINVAL),
            "%s: set matchtag", name);
        errno = 0;
        ok ((flux_msg_get_matchtag (msg, &u) == 0) == (req || rsp)
                && (req || rsp ? u == 8 : errno == EPROTO),
            "%s: get matchtag", name);
        errno = 0;
        ok ((flux_msg_set_errnum (msg, 9) == 0) == rsp && (rsp || errno == EINVAL),
            "%s: set errnum", name);
        errno = 0;
        ok ((flux_msg_get_errnum (msg, &n) == 0) == rsp
                && (rsp ? n == 9 : errno == EPROTO),
            "%s: get errnum", name);
        errno = 0;
        ok ((flux_msg_set_seq (msg, 10) == 0) == ev && (ev || errno == EINVAL),
            "%s: set seq", name);
        errno = 0;
        ok ((flux_msg_get_seq (msg, &u) == 0) == ev && (ev ? u == 10 : errno == EPROTO),
            "%s: get seq", name);
        errno = 0;
        ok ((flux_msg_set_control (msg, 11, -1) == 0) == ctl && (ctl || errno == EINVAL),
            "%s: set control", name);
        errno = 0;
        ok ((flux_msg_get_control (msg, &n, &m) == 0) == ctl
                && (ctl ? n == 11 && m == -1 : errno == EPROTO),
            "%s: get control", name);
        errno = 0;
        ok ((flux_msg_set_topic (msg, "a.b") == 0) == !ctl && (!ctl || errno == EINVAL),
            "%s: set topic", name);
        flux_msg_destroy (msg);
    }
    fails (flux_msg_set_nodeid (NULL, 0), EINVAL, "nodeid of nothing");
    fails (flux_msg_get_nodeid (NULL, NULL), EINVAL, "nodeid of nothing");
    fails (flux_msg_set_matchtag (NULL, 0), EINVAL, "matchtag of nothing");
    fails (flux_msg_get_matchtag (NULL, NULL), EINVAL, "matchtag of nothing");
    fails (flux_msg_set_errnum (NULL, 0), EINVAL, "errnum of nothing");
    fails (flux_msg_set_seq (NULL, 0), EINVAL, "seq of nothing");
    fails (flux_msg_set_control (NULL, 0, 0), EINVAL, "control of nothing");
    fails (flux_msg_get_control (NULL, NULL, NULL), EINVAL, "control of nothing");
}

static void set_type (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    uint32_t u;
    int n;

    flux_msg_set_matchtag (msg, 42);
    flux_msg_set_nodeid (msg, 3);
    ok (flux_msg_set_type (msg, FLUX_MSGTYPE_RESPONSE) == 0
            && flux_msg_get_matchtag (msg, &u) == 0 && u == 42
            && flux_msg_get_errnum (msg, &n) == 0 && n == 0,
        "request to response keeps the matchtag, errnum 0");
    ok (flux_msg_set_type (msg, FLUX_MSGTYPE_REQUEST) == 0
            && flux_msg_get_nodeid (msg, &u) == 0 && u == FLUX_NODEID_ANY
            && flux_msg_get_matchtag (msg, &u) == 0 && u == 0,
        "anything to request starts afresh");
    fails (flux_msg_set_type (msg, FLUX_MSGTYPE_ANY), EINVAL, "ANY is no type");
    fails (flux_msg_set_type (NULL, FLUX_MSGTYPE_EVENT), EINVAL, "type of nothing");
    fails (flux_msg_set_nodeid (msg, FLUX_NODEID_UPSTREAM), EINVAL, "UPSTREAM is a flag");
    flux_msg_destroy (msg);
}

static void flags (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);

    ok (flux_msg_set_streaming (msg) == 0 && flux_msg_is_streaming (msg)
            && flux_msg_set_noresponse (msg) == 0 && flux_msg_is_noresponse (msg)
            && !flux_msg_is_streaming (msg) && flux_msg_set_streaming (msg) == 0
            && !flux_msg_is_noresponse (msg),
        "streaming and noresponse exclude each other");
    fails (flux_msg_set_flag (msg, FLUX_MSGFLAG_STREAMING | FLUX_MSGFLAG_NORESPONSE),
           EINVAL, "... and cannot be set together");
    fails (flux_msg_set_flag (msg, 0x100), EINVAL, "there are eight flags");
    fails (flux_msg_clear_flag (msg, 0x100), EINVAL, "... to clear as well");
    ok (flux_msg_set_flag (msg, FLUX_MSGFLAG_USER1) == 0
            && flux_msg_has_flag (msg, FLUX_MSGFLAG_USER1)
            && flux_msg_clear_flag (msg, FLUX_MSGFLAG_USER1) == 0
            && !flux_msg_has_flag (msg, FLUX_MSGFLAG_USER1),
        "user1 is the user's");
    ok (!flux_msg_is_private (msg) && flux_msg_set_private (msg) == 0
            && flux_msg_is_private (msg),
        "private");
    ok (flux_msg_is_private (NULL) && flux_msg_is_streaming (NULL)
            && flux_msg_is_noresponse (NULL) && !flux_msg_has_payload (NULL)
            && !flux_msg_has_flag (NULL, 0xff) && !flux_msg_is_local (NULL),
        "what NULL is");
    fails (flux_msg_set_flag (msg, FLUX_MSGFLAG_PAYLOAD), EINVAL, "a claim of a payload");
    flux_msg_set_string (msg, "x");
    ok (flux_msg_clear_flag (msg, FLUX_MSGFLAG_PAYLOAD) == 0
            && !flux_msg_has_payload (msg),
        "a payload goes with its flag");
    fails (flux_msg_set_private (NULL), EINVAL, "flag of nothing");
    flux_msg_destroy (msg);
}

static void topics (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_EVENT);
    char longtopic[1000];
    const char *topic;

    memset (longtopic, 'x', sizeof (longtopic) - 1);
    longtopic[sizeof (longtopic) - 1] = '\0';
    fails (flux_msg_get_topic (msg, &topic), EPROTO, "no topic yet");
    fails (flux_msg_get_topic (msg, NULL), EINVAL, "nowhere to put it");
    for (size_t len = 45; len < 50; len++) {
        ok (flux_msg_set_topic (msg, longtopic + sizeof (longtopic) - 1 - len) == 0
                && flux_msg_get_topic (msg, &topic) == 0 && strlen (topic) == len,
            "a topic of %zu characters", len);
    }
    ok (flux_msg_set_topic (msg, longtopic) == 0 && flux_msg_get_topic (msg, &topic) == 0
            && strcmp (topic, longtopic) == 0,
        "a topic of 999");
    ok (flux_msg_set_topic (msg, topic + 990) == 0
            && flux_msg_get_topic (msg, &topic) == 0 && strcmp (topic, "xxxxxxxxx") == 0,
        "the tail of the topic as the topic");
    ok (flux_msg_set_topic (msg, topic + 5) == 0 && flux_msg_get_topic (msg, &topic) == 0
            && strcmp (topic, "xxxx") == 0,
        "again");
    ok (flux_msg_set_topic (msg, NULL) == 0 && flux_msg_get_topic (msg, &topic) < 0
            && !flux_msg_has_flag (msg, FLUX_MSGFLAG_TOPIC),
        "NULL removes it");
    fails (flux_msg_set_topic (NULL, "x"), EINVAL, "topic of nothing");
    flux_msg_destroy (msg);
}

static void copies (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST), *cpy;
    const void *buf, *buf2;
    const char *s;
    size_t size;

    flux_msg_set_topic (msg, "a.b");
    flux_msg_pack (msg, "{s:s}", "a", "b");
    flux_msg_route_enable (msg);
    for (int i = 0; i < 10; i++) {
        char id[40];

        snprintf (id, sizeof (id), "%035d%d", 0, i);
        flux_msg_route_push (msg, id);
    }
    flux_msg_aux_set (msg, "x", "y", NULL);
    flux_msg_get_payload (msg, &buf, &size);
    cpy = flux_msg_copy (msg, true);
    ok (flux_msg_get_payload (cpy, &buf2, &size) == 0 && buf == buf2,
        "a copy shares the payload");
    ok (flux_msg_route_count (cpy) == 10 && flux_msg_route_match_first (msg, cpy),
        "... has the routes");
    ok (!flux_msg_aux_get (cpy, "x") && errno == ENOENT, "... and not the aux");
    flux_msg_destroy (msg);
    ok (flux_msg_unpack (cpy, "{s:s}", "a", &s) == 0 && strcmp (s, "b") == 0,
        "it outlives the original");
    msg = flux_msg_copy (cpy, false);
    ok (!flux_msg_has_payload (msg) && !flux_msg_has_flag (msg, FLUX_MSGFLAG_PAYLOAD)
            && flux_msg_get_topic (msg, &s) == 0,
        "a copy without payload has the rest");
    flux_msg_destroy (msg);
    flux_msg_destroy (cpy);
}

static void roles (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    struct flux_msg_cred cred = { 100, FLUX_ROLE_USER };

    flux_msg_set_cred (msg, cred);
    ok (flux_msg_authorize (msg, 100) == 0, "a user may touch what is his");
    fails (flux_msg_authorize (msg, 101), EPERM, "... not another's");
    fails (flux_msg_authorize (msg, FLUX_USERID_UNKNOWN), EPERM, "... nor nobody's");
    flux_msg_set_rolemask (msg, FLUX_ROLE_OWNER);
    ok (flux_msg_authorize (msg, FLUX_USERID_UNKNOWN) == 0, "the owner may touch all");
    flux_msg_set_rolemask (msg, FLUX_ROLE_ADMIN | FLUX_ROLE_LOCAL);
    fails (flux_msg_authorize (msg, 100), EPERM, "admin alone is not user");
    ok (flux_msg_is_local (msg), "local is a role");
    flux_msg_set_userid (msg, FLUX_USERID_UNKNOWN);
    flux_msg_set_rolemask (msg, FLUX_ROLE_USER);
    fails (flux_msg_authorize (msg, FLUX_USERID_UNKNOWN), EPERM, "nobody owns nothing");
    fails (flux_msg_authorize (NULL, 0), EINVAL, "authorize nothing");
    fails (flux_msg_get_cred (msg, NULL), EINVAL, "nowhere to put it");
    flux_msg_destroy (msg);
}

static bool matches (const flux_msg_t *msg, int typemask, uint32_t tag, const char *glob)
{
    return flux_msg_cmp (msg, flux_match_init (typemask, tag, glob));
}

static void match (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_RESPONSE);
    struct flux_match m = FLUX_MATCH_ANY;

    flux_msg_set_matchtag (msg, 5);
    ok (matches (msg, 0, 0, NULL) && matches (msg, 0, 0, "") && matches (msg, 0, 0, "*"),
        "anything matches a message without topic");
    ok (!matches (msg, 0, 0, "a") && !matches (msg, 0, 0, "a*"), "a topic does not");
    flux_msg_set_topic (msg, "a.b.c");
    ok (matches (msg, 0, 0, "a.b.c") && !matches (msg, 0, 0, "a.b")
            && !matches (msg, 0, 0, "A.b.c"),
        "topics match exactly");
    ok (matches (msg, 0, 0, "a.*") && matches (msg, 0, 0, "*c")
            && matches (msg, 0, 0, "a.?.c") && matches (msg, 0, 0, "a.[bB].c")
            && !matches (msg, 0, 0, "b.*"),
        "globs cross dots");
    ok (matches (msg, FLUX_MSGTYPE_RESPONSE | FLUX_MSGTYPE_EVENT, 0, NULL)
            && !matches (msg, FLUX_MSGTYPE_REQUEST, 0, NULL),
        "types match by bit");
    ok (matches (msg, 0, 5, NULL) && !matches (msg, 0, 6, NULL), "matchtags");
    flux_msg_route_enable (msg);
    ok (matches (msg, 0, 5, NULL), "... with an empty route stack");
    flux_msg_route_push (msg, "x");
    ok (!matches (msg, 0, 5, NULL) && matches (msg, 0, 0, NULL),
        "... but not with a route: it is somebody else's");
    ok (!matches (NULL, 0, 0, NULL) && !flux_msg_cmp_matchtag (NULL, 0),
        "NULL: no match");
    ok (flux_match_asprintf (&m, "%s.%d", "x", 1) == 0
            && strcmp (m.topic_glob, "x.1") == 0,
        "a topic can be formatted");
    flux_match_free (m);
    fails (flux_match_asprintf (NULL, "x"), EINVAL, "... not into nothing");
    flux_msg_destroy (msg);
}

static void routes (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST), *other;
    char id[300];
    char *s;
    bool good = true;

    fails (flux_msg_route_push (msg, "a"), EPROTO, "routes are not enabled");
    fails (flux_msg_route_count (msg), EPROTO, "... nor counted");
    fails (flux_msg_route_delete_last (msg), EPROTO, "... nor removed");
    errno = 0;
    ok (!flux_msg_route_string (msg) && errno == EPROTO, "... nor shown");
    ok (!flux_msg_route_first (msg) && !flux_msg_route_last (msg), "none first or last");
    flux_msg_route_enable (msg);
    fails (flux_msg_route_push (msg, NULL), EINVAL, "NULL is no id");
    fails (flux_msg_route_push (msg, ""), EINVAL, "nor is an empty one");
    ok (flux_msg_route_count (msg) == 0 && flux_msg_route_delete_last (msg) == 0,
        "an empty stack loses nothing");
    s = flux_msg_route_string (msg);
    is (s, "", "an empty stack as a string");
    free (s);
    flux_msg_route_push (msg, "0123456789abcdef");
    flux_msg_route_push (msg, "s");
    is (flux_msg_route_first (msg), "0123456789abcdef", "first is the sender");
    is (flux_msg_route_last (msg), "s", "last is the latest hop");
    s = flux_msg_route_string (msg);
    is (s, "01234567!s", "sender first, each cut to eight");
    free (s);
    other = flux_msg_copy (msg, true);
    ok (flux_msg_route_match_first (msg, other), "a copy has the same sender");
    flux_msg_route_clear (other);
    ok (flux_msg_route_count (other) == 0 && !flux_msg_route_match_first (msg, other),
        "clear empties the stack");
    flux_msg_route_disable (other);
    ok (flux_msg_route_count (other) < 0, "disable removes it");
    flux_msg_destroy (other);
    other = create (FLUX_MSGTYPE_REQUEST);
    flux_msg_route_clear (msg);
    ok (flux_msg_route_match_first (msg, other), "none equals none");
    flux_msg_destroy (other);

    /* ids of all lengths, across builtin and heap buffer, short and long form */
    for (int i = 1; i < 300; i++) {
        memset (id, 'a' + i % 26, i);
        id[i] = '\0';
        if (flux_msg_route_push (msg, id) < 0
            || strcmp (flux_msg_route_last (msg), id) != 0)
            good = false;
    }
    {
        ssize_t size = flux_msg_encode_size (msg);
        _cleanup_ (freep)
        char *buf = malloc (size);

        other = NULL;
        good = good && flux_msg_encode (msg, buf, size) == 0
               && (other = flux_msg_decode (buf, size));
    }
    for (int i = 299; i > 0; i--) {
        memset (id, 'a' + i % 26, i);
        id[i] = '\0';
        if (!other || strcmp (flux_msg_route_last (other), id) != 0
            || flux_msg_route_delete_last (other) < 0)
            good = false;
    }
    ok (good && flux_msg_route_count (other) == 0, "299 routes there and back");
    flux_msg_destroy (other);
    flux_msg_destroy (msg);
}

static void encoding (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    char buf[64];

    ok (flux_msg_encode_size (msg) == 21, "the least message has 21 bytes");
    fails (flux_msg_encode (msg, buf, 20), EINVAL, "20 are not enough");
    ok (flux_msg_encode (msg, buf, sizeof (buf)) == 0, "more are no harm");
    fails (flux_msg_encode (NULL, buf, sizeof (buf)), EINVAL, "encode nothing");
    fails (flux_msg_encode (msg, NULL, sizeof (buf)), EINVAL, "encode into nothing");
    fails (flux_msg_encode_size (NULL), EINVAL, "size of nothing");
    errno = 0;
    ok (!flux_msg_decode (buf, 0) && errno == EPROTO, "an empty buffer is no message");
    flux_msg_destroy (msg);
}

static char *printed (const flux_msg_t *msg, double ts)
{
    char *buf = NULL;
    size_t size;
    FILE *f = open_memstream (&buf, &size);

    flux_msg_fprint_ts (f, msg, ts);
    fclose (f);
    return buf;
}

static void printing (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    char raw[100];
    char *s;

    flux_msg_set_topic (msg, "kvs.commit");
    flux_msg_pack (msg, "{s:s}", "namespace", "primary");
    flux_msg_route_enable (msg);
    flux_msg_set_matchtag (msg, 1);
    s = printed (msg, -1);
    is (s,
        "--------------------------------------\n"
        "> kvs.commit\n"
        "> flags=topic,payload,route userid=unknown rolemask=none nodeid=any matchtag=1\n"
        "> {\"namespace\":\"primary\"}\n",
        "a request");
    free (s);
    flux_msg_route_push (msg, "562688eb-1234");
    flux_msg_route_push (msg, "4f423fef-1234");
    flux_msg_set_type (msg, FLUX_MSGTYPE_RESPONSE);
    flux_msg_set_errnum (msg, 2);
    flux_msg_set_userid (msg, 100);
    flux_msg_set_rolemask (msg, 0x35);
    memset (raw, 0xab, sizeof (raw));
    flux_msg_set_payload (msg, raw, 100);
    s = printed (msg, 0.00178);
    is (s,
        "--------------------------------------\n"
        "< 0.00178\n"
        "< kvs.commit\n"
        "< flags=topic,payload,route userid=100 rolemask=owner,local,0x30 errnum=2 "
        "matchtag=1\n"
        "< |562688eb!4f423fef|\n"
        "< ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB...\n",
        "a response with routes and bytes");
    free (s);
    flux_msg_destroy (msg);
    msg = create (FLUX_MSGTYPE_EVENT);
    flux_msg_set_seq (msg, 9);
    flux_msg_set_rolemask (msg, FLUX_ROLE_ALL);
    flux_msg_set_string (msg, "\033[2J");
    s = printed (msg, -1);
    is (s,
        "--------------------------------------\n"
        "e flags=payload userid=unknown rolemask=all sequence=9\n"
        "e 1B5B324A00\n",
        "an event; a terminal is not at a sender's mercy");
    free (s);
    flux_msg_destroy (msg);
    msg = create (FLUX_MSGTYPE_CONTROL);
    flux_msg_set_control (msg, 3, -1);
    s = printed (msg, -1);
    is (s,
        "--------------------------------------\n"
        "c flags=none userid=unknown rolemask=none type=3 status=-1\n",
        "a control message");
    free (s);
    flux_msg_destroy (msg);
}

int main (void)
{
    creation ();
    words ();
    set_type ();
    flags ();
    topics ();
    copies ();
    roles ();
    match ();
    routes ();
    encoding ();
    printing ();
    return done_testing ();
}
