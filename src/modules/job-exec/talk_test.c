#include "config.h"
#include <errno.h>

#include "common/tap.h"
#include "common/util.h"
#include "talk.h"

static void say (struct talk *t, const char *fmt, ...) _printf_ (2, 3);

static void say (struct talk *t, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    talk_vprintf (t, fmt, ap);
    va_end (ap);
}

static void what_is_said_is_heard (const char *data, size_t len)
{
    struct talk said = { .data = data, .len = len }, heard;
    struct text t = TEXT_INIT;

    say (&said, "stdin %d %u %d", 7, 2u, 1);
    ok (talk_encode (&said, &t) == 0 && talk_decode (&heard, t.buf, t.len) == 0,
        "a line and %zu bytes", len);
    is (heard.line, "stdin 7 2 1", "... the line");
    ok (heard.len == len && (len == 0 || memcmp (heard.data, data, len) == 0),
        "... the bytes");
    text_fini (&t);
}

static void lines_have_a_bound (void)
{
    char payload[TALK_LINE + 2], want[TALK_LINE];
    struct talk said = { .data = "x", .len = 1 }, heard;
    struct text t = TEXT_INIT;

    memset (payload, 'a', sizeof (payload));
    payload[TALK_LINE] = '\n';
    ok (talk_decode (&heard, payload, sizeof (payload)) == -EPROTO,
        "a line that is too long is refused");
    payload[TALK_LINE - 1] = '\n';
    memset (want, 'a', sizeof (want));
    want[TALK_LINE - 1] = '\0';
    ok (talk_decode (&heard, payload, TALK_LINE) == 0 && heard.len == 0,
        "the longest line is not");
    is (heard.line, want, "... and is all there");

    payload[TALK_LINE + 1] = '\0';
    payload[TALK_LINE - 1] = 'a';
    payload[TALK_LINE] = 'a';
    say (&said, "%s", payload);
    ok (talk_encode (&said, &t) == 0 && talk_decode (&heard, t.buf, t.len) == 0,
        "what is cut when it is written can be read");
    is (heard.line, want, "... as far as it goes");
    ok (heard.len == 1 && *heard.data == 'x', "... with its bytes");
    text_fini (&t);
}

static void not_a_line (void)
{
    struct talk t;

    ok (talk_decode (&t, NULL, 0) == -EPROTO, "no payload");
    ok (talk_decode (&t, "", 0) == -EPROTO, "an empty payload");
    ok (talk_decode (&t, "start", 5) == -EPROTO, "a line that does not end");
    ok (talk_decode (&t, "\n", 1) == 0 && t.line[0] == '\0' && t.len == 0,
        "an empty line is one");
}

int main (void)
{
    what_is_said_is_heard (NULL, 0);
    what_is_said_is_heard ("abc", 3);
    what_is_said_is_heard ("a\nb\n\0c", 6);
    lines_have_a_bound ();
    not_a_line ();
    return done_testing ();
}
