#include "config.h"
#include <jansson.h>
#include <stdlib.h>

#include "common/util.h"
#include "message_test.h"

static void payloads (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    const void *buf;
    const char *s;
    size_t size;

    fails (flux_msg_get_payload (msg, &buf, &size), EPROTO, "no payload yet");
    ok (flux_msg_get_string (msg, &s) == 0 && !s, "... which is no string");
    ok (flux_msg_set_payload (msg, "0123456789", 10) == 0
            && flux_msg_get_payload (msg, &buf, &size) == 0 && size == 10,
        "ten bytes");
    fails (flux_msg_get_string (msg, &s), EPROTO, "without NUL no string");
    ok (flux_msg_set_payload (msg, buf, size) == 0, "the payload as the payload");
    fails (flux_msg_set_payload (msg, (char *)buf + 1, 2), EINVAL, "a part of it");
    fails (flux_msg_set_payload (msg, buf, 9), EINVAL, "its beginning");
    ok (flux_msg_set_payload (msg, "abc", 3) == 0
            && flux_msg_get_payload (msg, &buf, &size) == 0 && size == 3
            && memcmp (buf, "abc", 3) == 0,
        "a smaller payload is as small as it is");
    ok (flux_msg_set_payload (msg, NULL, 0) == 0 && !flux_msg_has_payload (msg)
            && !flux_msg_has_flag (msg, FLUX_MSGFLAG_PAYLOAD),
        "NULL removes it");
    ok (flux_msg_set_string (msg, "") == 0 && flux_msg_get_payload (msg, &buf, &size) == 0
            && size == 1 && flux_msg_get_string (msg, &s) == 0 && strcmp (s, "") == 0,
        "the empty string is one NUL");
    ok (flux_msg_set_string (msg, NULL) == 0 && !flux_msg_has_payload (msg),
        "no string is no payload");
    fails (flux_msg_set_payload (NULL, "x", 1), EINVAL, "payload of nothing");
    fails (flux_msg_get_payload (NULL, &buf, &size), EINVAL, "payload of nothing");
    fails (flux_msg_get_string (NULL, &s), EINVAL, "string of nothing");
    flux_msg_destroy (msg);
}

static void json (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    const char *s, *again;
    json_t *o;
    int n;

    fails (flux_msg_unpack (msg, "{s:i}", "a", &n), EPROTO, "nothing to unpack");
    is (flux_msg_last_error (msg), "message does not have a string payload", "said so");
    is (flux_msg_last_error (NULL), "msg object is NULL", "NULL has its own sentence");
    ok (flux_msg_pack (msg, "{s:i s:s s:[i,i] s:{s:b}}", "a", 1, "b", "x\xc3\xa9", "c", 2,
                       3, "d", "e", 1)
            == 0,
        "an object is packed");
    is (flux_msg_last_error (msg), "", "without error");
    ok (flux_msg_get_string (msg, &s) == 0, "it is a string");
    is (s, "{\"a\":1,\"b\":\"x\xc3\xa9\",\"c\":[2,3],\"d\":{\"e\":true}}", "compact");
    ok (flux_msg_unpack (msg, "{s:i s:s s:o}", "a", &n, "b", &s, "c", &o) == 0 && n == 1
            && strcmp (s, "x\xc3\xa9") == 0 && json_array_size (o) == 2,
        "and unpacked");
    ok (flux_msg_unpack (msg, "{s:s}", "b", &again) == 0 && s == again,
        "it is decoded once: borrowed values stay");
    fails (flux_msg_unpack (msg, "{s:s}", "a", &s), EPROTO, "a wrong type");
    is (flux_msg_last_error (msg), "Expected string, got integer", "said so");
    fails (flux_msg_unpack (msg, "{s:i}", "z", &n), EPROTO, "a missing key");
    fails (flux_msg_unpack (msg, ""), EINVAL, "an empty format");
    fails (flux_msg_unpack (msg, NULL), EINVAL, "no format");
    fails (flux_msg_unpack (NULL, "{}"), EINVAL, "unpack of nothing");
    fails (flux_msg_pack (NULL, "{}"), EINVAL, "pack of nothing");
    fails (flux_msg_pack (msg, ""), EINVAL, "pack with an empty format");
    fails (flux_msg_pack (msg, "[i]", 1), EINVAL, "an array is no payload");
    is (flux_msg_last_error (msg), "payload is not a JSON object", "said so");
    fails (flux_msg_pack (msg, "{s:s}", "a", "\xff"), EINVAL, "text that is not UTF-8");
    ok (flux_msg_unpack (msg, "{s:i}", "a", &n) == 0 && n == 1,
        "a failed pack leaves the payload");
    ok (flux_msg_pack (msg, "{s:i}", "a", 2) == 0
            && flux_msg_unpack (msg, "{s:i}", "a", &n) == 0 && n == 2,
        "a new payload is decoded anew");
    flux_msg_set_string (msg, "[1]");
    fails (flux_msg_unpack (msg, "[i]", &n), EPROTO, "an array is not accepted");
    is (flux_msg_last_error (msg), "payload is not a JSON object", "said so");
    flux_msg_set_string (msg, "{\"a\":1");
    fails (flux_msg_unpack (msg, "{s:i}", "a", &n), EPROTO, "half an object");
    flux_msg_set_payload (msg, "{\"a\" : \"x\\u0000y\"}\0junk", 24);
    {
        size_t len;

        ok (flux_msg_unpack (msg, "{s:s%}", "a", &s, &len) == 0 && len == 3,
            "escaped NULs are values, text after the first NUL is none");
    }
    flux_msg_destroy (msg);
}

/* What does not fit the first buffer, and what JSON cannot say. */
static void big_json (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST);
    json_t *a = json_array ();
    const char *s;
    char *want;
    json_t *o;

    for (int i = 0; i < 20000; i++)
        json_array_append_new (a, json_sprintf ("item %d", i));
    ok (flux_msg_pack (msg, "{s:O}", "a", a) == 0 && flux_msg_get_string (msg, &s) == 0,
        "a big object");
    o = json_pack ("{s:O}", "a", a);
    want = json_dumps (o, JSON_COMPACT);
    ok (strcmp (s, want) == 0, "... is encoded in one piece");
    free (want);
    json_decref (o);
    json_decref (a);
    flux_msg_destroy (msg);
}

/* An object that was packed stays one until its text is wanted. */
static void put_off_text (void)
{
    flux_msg_t *msg = create (FLUX_MSGTYPE_REQUEST), *cpy;
    json_t *shared = json_string ("before"), *o, *deep = json_array ();
    const char *s;

    ok (flux_msg_pack (msg, "{s:O}", "a", shared) == 0, "a value that others hold");
    json_string_set (shared, "after");
    ok (flux_msg_unpack (msg, "{s:s}", "a", &s) == 0 && strcmp (s, "before") == 0,
        "... is packed as it was");
    json_decref (shared);
    flux_msg_pack (msg, "{s:{s:i}}", "a", "b", 1);
    ok (flux_msg_unpack (msg, "{s:o}", "a", &o) == 0
            && json_object_set_new (o, "b", json_integer (2)) == 0
            && flux_msg_get_string (msg, &s) == 0 && strcmp (s, "{\"a\":{\"b\":1}}") == 0,
        "changing a borrowed value does not change the payload");
    flux_msg_pack (msg, "{s:s}", "a", "b");
    cpy = flux_msg_copy (msg, true);
    ok (cpy && flux_msg_get_string (cpy, &s) == 0 && strcmp (s, "{\"a\":\"b\"}") == 0,
        "a copy has the text");
    flux_msg_destroy (cpy);
    flux_msg_pack (msg, "{s:s}", "a", "c");
    cpy = flux_msg_copy (msg, false);
    ok (cpy && !flux_msg_has_payload (cpy) && flux_msg_get_string (cpy, &s) == 0 && !s,
        "one without payload has not");
    flux_msg_destroy (cpy);
    ok (flux_msg_has_payload (msg) && flux_msg_encode_size (msg) == 1 + 10 + 21,
        "it counts in the encoded size");
    ok (flux_msg_set_payload (msg, NULL, 0) == 0 && !flux_msg_has_payload (msg)
            && flux_msg_unpack (msg, "{s:s}", "a", &s) < 0 && errno == EPROTO,
        "it can be removed");
    for (int i = 0; i < 200; i++) {
        o = json_array ();
        json_array_append_new (o, deep);
        deep = o;
    }
    ok (flux_msg_pack (msg, "{s:o}", "a", deep) == 0 && flux_msg_get_string (msg, &s) == 0
            && strlen (s) == 5 + 402 + 1,
        "a deep one is written at once");
    o = json_object ();
    json_object_set_new (o, "a", json_string_nocheck ("\xff"));
    fails (flux_msg_pack (msg, "{s:o}", "x", o), EINVAL,
           "what cannot be text is refused");
    flux_msg_destroy (msg);
}

int main (void)
{
    payloads ();
    json ();
    big_json ();
    put_off_text ();
    return done_testing ();
}
