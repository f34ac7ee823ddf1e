/* The golden messages, decoded and encoded: t/vectors/messages*.json and the
 * captured sessions of t/vectors/local-session.json.
 */

#include "config.h"
#include <stdio.h>
#include <flux/core.h>
#include <jansson.h>

#include "common/tap.h"
#include "common/util.h"

static json_t *load (const char *name)
{
    const char *srcdir = getenv ("SRCDIR");
    char path[4096];
    json_error_t error;
    json_t *o;

    snprintf (path, sizeof (path), "%s/t/vectors/%s", srcdir ? srcdir : "..", name);
    if (!(o = json_load_file (path, 0, &error)))
        bail_out ("%s: %s", path, error.text);
    return o;
}

static int nibble (char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static unsigned char *unhex (const char *hex, size_t *len)
{
    unsigned char *buf = malloc (strlen (hex) / 2 + 1);

    if (!buf)
        bail_out ("out of memory");
    *len = strlen (hex) / 2;
    for (size_t i = 0; i < *len; i++)
        buf[i] = nibble (hex[2 * i]) << 4 | nibble (hex[2 * i + 1]);
    return buf;
}

static bool encodes_to (const flux_msg_t *msg, const void *want, size_t len)
{
    ssize_t size = flux_msg_encode_size (msg);
    _cleanup_ (freep)
    char *buf = malloc (size + 1);

    return size == (ssize_t)len && flux_msg_encode (msg, buf, size) == 0
           && memcmp (buf, want, len) == 0;
}

/* True if the field is absent (null) exactly when its getter says EPROTO, and
 * else has the getter's value.
 */
static bool word_agrees (json_t *fields, const char *key, int rc, uint32_t value)
{
    json_t *o = json_object_get (fields, key);

    if (!o || json_is_null (o))
        return rc < 0;
    return rc == 0 && (uint32_t)json_integer_value (o) == value;
}

static bool words_agree (json_t *fields, const flux_msg_t *msg)
{
    uint32_t u = 0;
    int type = 0, i = 0, status = 0, rc;

    if (flux_msg_get_type (msg, &type) < 0
        || type != json_integer_value (json_object_get (fields, "type_value"))
        || strcmp (flux_msg_typestr (type),
                   json_string_value (json_object_get (fields, "type"))))
        return false;
    rc = flux_msg_get_userid (msg, &u);
    if (!word_agrees (fields, "userid", rc, u))
        return false;
    rc = flux_msg_get_rolemask (msg, &u);
    if (!word_agrees (fields, "rolemask", rc, u))
        return false;
    rc = flux_msg_get_nodeid (msg, &u);
    if (!word_agrees (fields, "nodeid", rc, u))
        return false;
    rc = flux_msg_get_matchtag (msg, &u);
    if (!word_agrees (fields, "matchtag", rc, u))
        return false;
    rc = flux_msg_get_seq (msg, &u);
    if (!word_agrees (fields, "sequence", rc, u))
        return false;
    rc = flux_msg_get_errnum (msg, &i);
    if (!word_agrees (fields, "errnum", rc, i))
        return false;
    if (type != FLUX_MSGTYPE_CONTROL)
        return true;
    rc = flux_msg_get_control (msg, &i, &status);
    return !json_object_get (fields, "control_type")
           || (word_agrees (fields, "control_type", rc, i)
               && word_agrees (fields, "control_status", rc, status));
}

static bool payload_agrees (json_t *fields, const flux_msg_t *msg)
{
    const char *hex = json_string_value (json_object_get (fields, "payload_hex"));
    const char *text = json_string_value (json_object_get (fields, "payload"));
    _cleanup_ (freep)
    unsigned char *want = NULL;
    const void *buf;
    const char *s;
    size_t len, size;

    if (!hex)
        return !flux_msg_has_payload (msg);
    want = unhex (hex, &len);
    if (flux_msg_get_payload (msg, &buf, &size) < 0 || size != len
        || memcmp (buf, want, len) != 0)
        return false;
    return !text || (flux_msg_get_string (msg, &s) == 0 && strcmp (s, text) == 0);
}

/* The vectors list routes as on the wire: last pushed first. */
static bool routes_agree (json_t *fields, const flux_msg_t *msg)
{
    json_t *routes = json_object_get (fields, "routes");
    size_t n = json_array_size (routes);
    const char *first = flux_msg_route_first (msg);
    const char *last = flux_msg_route_last (msg);

    if (!json_is_array (routes))
        return flux_msg_route_count (msg) < 0 && errno == EPROTO;
    if (flux_msg_route_count (msg) != (int)n)
        return false;
    if (n == 0)
        return !first && !last;
    return strcmp (first, json_string_value (json_array_get (routes, n - 1))) == 0
           && strcmp (last, json_string_value (json_array_get (routes, 0))) == 0;
}

static bool topic_agrees (json_t *fields, const flux_msg_t *msg)
{
    const char *want = json_string_value (json_object_get (fields, "topic"));
    const char *topic = NULL;
    int type;

    if (flux_msg_get_type (msg, &type) == 0 && type == FLUX_MSGTYPE_CONTROL)
        return flux_msg_get_topic (msg, &topic) < 0 && errno == EPROTO;
    if (!want)
        return flux_msg_get_topic (msg, &topic) < 0 && errno == EPROTO;
    return flux_msg_get_topic (msg, &topic) == 0 && strcmp (topic, want) == 0;
}

static void compare (const char *name, json_t *fields, const flux_msg_t *msg)
{
    json_int_t flags = json_integer_value (json_object_get (fields, "flags"));
    bool flags_agree = true;

    for (int bit = 1; bit < 256; bit <<= 1) {
        if (flux_msg_has_flag (msg, bit) != ((flags & bit) != 0))
            flags_agree = false;
    }
    ok (flags_agree && words_agree (fields, msg) && payload_agrees (fields, msg)
            && routes_agree (fields, msg) && topic_agrees (fields, msg),
        "%s: all fields are as captured", name);
}

/* Build the message of 'fields' through the setters alone. */
static flux_msg_t *build (json_t *fields)
{
    int type = json_integer_value (json_object_get (fields, "type_value"));
    int flags = json_integer_value (json_object_get (fields, "flags"));
    const char *topic = json_string_value (json_object_get (fields, "topic"));
    const char *hex = json_string_value (json_object_get (fields, "payload_hex"));
    json_t *routes = json_object_get (fields, "routes");
    json_t *o, *id;
    flux_msg_t *msg = flux_msg_create (type);
    size_t i;

    if (!msg || (topic && flux_msg_set_topic (msg, topic) < 0))
        goto error;
    if (hex) {
        size_t len;
        _cleanup_ (freep)
        unsigned char *buf = unhex (hex, &len);

        if (flux_msg_set_payload (msg, buf, len) < 0)
            goto error;
    }
    if (json_is_array (routes))
        flux_msg_route_enable (msg);
    for (i = json_array_size (routes); i > 0; i--) {
        id = json_array_get (routes, i - 1);
        if (flux_msg_route_push (msg, json_string_value (id)) < 0)
            goto error;
    }
    flags &= ~(FLUX_MSGFLAG_TOPIC | FLUX_MSGFLAG_PAYLOAD);
    if (flux_msg_set_flag (msg, flags) < 0)
        goto error;
    flux_msg_set_userid (msg, json_integer_value (json_object_get (fields, "userid")));
    flux_msg_set_rolemask (msg,
                           json_integer_value (json_object_get (fields, "rolemask")));
    if (json_is_integer ((o = json_object_get (fields, "nodeid"))))
        flux_msg_set_nodeid (msg, json_integer_value (o));
    if (json_is_integer ((o = json_object_get (fields, "matchtag"))))
        flux_msg_set_matchtag (msg, json_integer_value (o));
    if (json_is_integer ((o = json_object_get (fields, "errnum"))))
        flux_msg_set_errnum (msg, json_integer_value (o));
    if (json_is_integer ((o = json_object_get (fields, "sequence"))))
        flux_msg_set_seq (msg, json_integer_value (o));
    if (json_is_integer ((o = json_object_get (fields, "control_type"))))
        flux_msg_set_control (
            msg, json_integer_value (o),
            json_integer_value (json_object_get (fields, "control_status")));
    return msg;
error:
    flux_msg_destroy (msg);
    return NULL;
}

static void both_ways (const char *name, const char *hex, json_t *fields)
{
    size_t len;
    _cleanup_ (freep)
    unsigned char *buf = unhex (hex, &len);
    flux_msg_t *msg = flux_msg_decode (buf, len);
    flux_msg_t *cpy;

    if (!ok (msg != NULL, "%s: decodes", name))
        return;
    compare (name, fields, msg);
    ok (encodes_to (msg, buf, len), "%s: encodes to the same bytes", name);
    cpy = flux_msg_copy (msg, true);
    ok (encodes_to (cpy, buf, len), "%s: so does a copy", name);
    flux_msg_destroy (cpy);
    flux_msg_destroy (msg);
    msg = build (fields);
    ok (msg && encodes_to (msg, buf, len), "%s: so does one built by hand", name);
    flux_msg_destroy (msg);
}

static void golden_messages (void)
{
    json_t *vectors = load ("messages.json");
    json_t *v;
    size_t i;

    json_array_foreach (vectors, i, v)
    {
        both_ways (json_string_value (json_object_get (v, "name")),
                   json_string_value (json_object_get (v, "hex")),
                   json_object_get (v, "fields"));
    }
    ok (i > 10, "there were %zu golden messages", i);
    json_decref (vectors);
}

static void decoder_rules (void)
{
    json_t *vectors = load ("messages-decode.json");
    json_t *v;
    size_t i;

    json_array_foreach (vectors, i, v)
    {
        const char *name = json_string_value (json_object_get (v, "name"));
        const char *hex = json_string_value (json_object_get (v, "hex"));
        json_t *fields = json_object_get (v, "fields");
        json_t *again = json_object_get (v, "reencoded_hex");
        size_t len;
        _cleanup_ (freep)
        unsigned char *buf = unhex (hex, &len);
        flux_msg_t *msg = flux_msg_decode (buf, len);

        if (!fields) {
            ok (!msg && errno == json_integer_value (json_object_get (v, "errno")),
                "%s: refused with %s", name,
                json_string_value (json_object_get (v, "error")));
        }
        else if (ok (msg != NULL, "%s: accepted", name)) {
            compare (name, fields, msg);
            if (again) {
                size_t wlen;
                _cleanup_ (freep)
                unsigned char *want = unhex (json_string_value (again), &wlen);

                ok (encodes_to (msg, want, wlen), "%s: encodes in short form", name);
            }
        }
        flux_msg_destroy (msg);
    }
    ok (i > 10, "there were %zu decoder vectors", i);
    json_decref (vectors);
}

static void captured_sessions (void)
{
    json_t *o = load ("local-session.json");
    json_t *session, *step;
    size_t i, j, count = 0;

    json_array_foreach (json_object_get (o, "sessions"), i, session)
    {
        json_array_foreach (json_object_get (session, "steps"), j, step)
        {
            const char *kind = json_string_value (json_object_get (step, "kind"));
            const char *hex = json_string_value (json_object_get (step, "hex"));
            char name[128];

            if (strcmp (kind, "message") != 0)
                continue;
            snprintf (name, sizeof (name), "session %s step %zu",
                      json_string_value (json_object_get (session, "name")), j);
            /* 8 bytes of stream prefix are not the message's */
            both_ways (name, hex + 16, json_object_get (step, "fields"));
            count++;
        }
    }
    ok (count > 5, "there were %zu captured messages", count);
    json_decref (o);
}

/* Any prefix and any single changed byte of a message must be survived. */
static void damaged_messages (void)
{
    json_t *vectors = load ("messages.json");
    json_t *v;
    size_t i;
    int decoded = 0, refused = 0;

    json_array_foreach (vectors, i, v)
    {
        size_t len;
        _cleanup_ (freep)
        unsigned char *buf = unhex (json_string_value (json_object_get (v, "hex")), &len);

        if (len > 500)
            continue;
        for (size_t n = 0; n < len; n++) {
            for (int c = 0; c < 256; c += 5) {
                unsigned char old = buf[n];
                /* exactly as long as claimed, for the address sanitizer */
                size_t cut = c == 0 ? n : len;
                _cleanup_ (freep)
                unsigned char *copy = malloc (cut + !cut);
                flux_msg_t *msg;

                buf[n] = c;
                memcpy (copy, buf, cut);
                buf[n] = old;
                if ((msg = flux_msg_decode (copy, cut))) {
                    decoded++;
                    if (flux_msg_encode_size (msg) < 0)
                        bail_out ("a decoded message cannot be encoded");
                }
                else if (errno == EINVAL || errno == EPROTO)
                    refused++;
                flux_msg_destroy (msg);
            }
        }
    }
    ok (decoded > 1000 && refused > 1000,
        "damage is decoded (%d) or refused (%d), never worse", decoded, refused);
    json_decref (vectors);
}

int main (void)
{
    golden_messages ();
    decoder_rules ();
    captured_sessions ();
    damaged_messages ();
    return done_testing ();
}
