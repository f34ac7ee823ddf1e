/* message_print.c - a message for people (libflux.md section 5, "Print"). */

#include "config.h"

#include "common/utf8.h"
#include "common/util.h"
#include "message_private.h"

/* Columns that a hex dump may fill, its prefix included. */
#define HEX_COLUMNS 78

struct bitname {
    uint32_t bit;
    const char *name;
};

static const struct bitname flag_names[] = {
    { FLUX_MSGFLAG_TOPIC, "topic" },           { FLUX_MSGFLAG_PAYLOAD, "payload" },
    { FLUX_MSGFLAG_NORESPONSE, "noresponse" }, { FLUX_MSGFLAG_ROUTE, "route" },
    { FLUX_MSGFLAG_UPSTREAM, "upstream" },     { FLUX_MSGFLAG_PRIVATE, "private" },
    { FLUX_MSGFLAG_STREAMING, "streaming" },   { FLUX_MSGFLAG_USER1, "user1" },
};

static const struct bitname role_names[] = {
    { FLUX_ROLE_OWNER, "owner" },
    { FLUX_ROLE_USER, "user" },
    { FLUX_ROLE_LOCAL, "local" },
    { FLUX_ROLE_ADMIN, "admin" },
};

const char *flux_msg_typestr (int type)
{
    if (type & FLUX_MSGTYPE_REQUEST)
        return "request";
    if (type & FLUX_MSGTYPE_RESPONSE)
        return "response";
    if (type & FLUX_MSGTYPE_EVENT)
        return "event";
    if (type & FLUX_MSGTYPE_CONTROL)
        return "control";
    return "unknown";
}

static const char *type_prefix (int type)
{
    switch (type) {
        case FLUX_MSGTYPE_REQUEST:
            return ">";
        case FLUX_MSGTYPE_RESPONSE:
            return "<";
        case FLUX_MSGTYPE_EVENT:
            return "e";
        default:
            return "c";
    }
}

/* "name,name", with what has no name in hex, or "none". */
static void print_bits (FILE *f, uint32_t bits, const struct bitname *names, size_t count)
{
    const char *sep = "";

    if (bits == 0)
        fputs ("none", f);
    for (size_t i = 0; i < count; i++) {
        if (bits & names[i].bit) {
            fprintf (f, "%s%s", sep, names[i].name);
            bits &= ~names[i].bit;
            sep = ",";
        }
    }
    if (bits)
        fprintf (f, "%s0x%x", sep, bits);
}

static void print_cred (FILE *f, const flux_msg_t *msg)
{
    if (msg->userid == FLUX_USERID_UNKNOWN)
        fputs (" userid=unknown rolemask=", f);
    else
        fprintf (f, " userid=%u rolemask=", msg->userid);
    if (msg->rolemask == FLUX_ROLE_ALL)
        fputs ("all", f);
    else
        print_bits (f, msg->rolemask, role_names, ARRAY_SIZE (role_names));
}

static void print_words (FILE *f, const flux_msg_t *msg)
{
    switch (msg->type) {
        case FLUX_MSGTYPE_REQUEST:
            if (msg->aux1 == FLUX_NODEID_ANY)
                fputs (" nodeid=any", f);
            else if (msg->aux1 == FLUX_NODEID_UPSTREAM)
                fputs (" nodeid=upstream", f);
            else
                fprintf (f, " nodeid=%u", msg->aux1);
            fprintf (f, " matchtag=%u", msg->aux2);
            break;
        case FLUX_MSGTYPE_RESPONSE:
            fprintf (f, " errnum=%d matchtag=%u", (int)msg->aux1, msg->aux2);
            break;
        case FLUX_MSGTYPE_EVENT:
            fprintf (f, " sequence=%u", msg->aux1);
            break;
        case FLUX_MSGTYPE_CONTROL:
            fprintf (f, " type=%d status=%d", (int)msg->aux1, (int)msg->aux2);
            break;
    }
}

/* Payloads come from anyone and go to a terminal: only text without control
 * characters is shown as text.
 */
static bool printable (const struct msg_payload *p)
{
    if (p->size == 0 || p->data[p->size - 1] != '\0'
        || !utf8_valid (p->data, p->size - 1))
        return false;
    for (size_t i = 0; i + 1 < p->size; i++) {
        unsigned char c = p->data[i];

        if (c == 0x7f || (c < 0x20 && c != '\n' && c != '\t'))
            return false;
    }
    return true;
}

static void print_payload (FILE *f, const char *prefix, const struct msg_payload *p)
{
    size_t max = (HEX_COLUMNS - strlen (prefix) - 1) / 2;

    fprintf (f, "%s ", prefix);
    if (printable (p))
        fputs (p->data, f);
    else if (p->size <= max) {
        for (size_t i = 0; i < p->size; i++)
            fprintf (f, "%02X", (unsigned char)p->data[i]);
    }
    else {
        max = (HEX_COLUMNS - strlen (prefix) - 1 - 3) / 2;
        for (size_t i = 0; i < max; i++)
            fprintf (f, "%02X", (unsigned char)p->data[i]);
        fputs ("...", f);
    }
    fputc ('\n', f);
}

void flux_msg_fprint_ts (FILE *f, const flux_msg_t *msg, double timestamp)
{
    const struct msg_payload *p;
    const char *prefix;
    const char *topic;

    if (!f)
        return;
    fputs ("--------------------------------------\n", f);
    if (!msg) {
        fputs ("NULL\n", f);
        return;
    }
    prefix = type_prefix (msg->type);
    if (timestamp >= 0.)
        fprintf (f, "%s %.5f\n", prefix, timestamp);
    if (flux_msg_get_topic (msg, &topic) == 0)
        fprintf (f, "%s %s\n", prefix, topic);
    fprintf (f, "%s flags=", prefix);
    print_bits (f, msg->flags, flag_names, ARRAY_SIZE (flag_names));
    print_cred (f, msg);
    print_words (f, msg);
    fputc ('\n', f);
    if (msg->routes.count > 0) {
        _cleanup_ (freep)
        char *s = flux_msg_route_string (msg);

        fprintf (f, "%s |%s|\n", prefix, s ? s : "");
    }
    if (flux_msg_has_payload (msg) && (p = msg_payload_get (msg)))
        print_payload (f, prefix, p);
}

void flux_msg_fprint (FILE *f, const flux_msg_t *msg)
{
    flux_msg_fprint_ts (f, msg, -1.);
}
