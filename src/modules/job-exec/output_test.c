#include "config.h"
#include <stdio.h>
#include <jansson.h>

#include "common/base64.h"
#include "common/tap.h"
#include "common/util.h"
#include "output.h"

static struct text log_text;

static struct output *make (uint32_t ntasks, bool unbuffered, uint64_t limit)
{
    struct output_config config = { .ntasks = ntasks };
    struct output *o;

    for (int s = 0; s < OUTPUT_STREAMS; s++) {
        config.stream[s].unbuffered = unbuffered;
        config.stream[s].limit = limit;
        config.stream[s].limit_text = "L";
    }
    text_clear (&log_text);
    if (output_create (&config, &log_text, &o) < 0)
        bail_out ("no output");
    return o;
}

static void say (struct output *o, uint32_t task, const char *s)
{
    output_data (o, 1.5, task, OUTPUT_STDOUT, s, strlen (s));
}

static void is_log (const char *want, const char *name)
{
    is (log_text.len ? log_text.buf : "", want, "%s", name);
    text_clear (&log_text);
}

#define DATA(rank, data)                                                      \
    "{\"timestamp\":1.5,\"name\":\"data\",\"context\":{\"stream\":\"stdout\"," \
    "\"rank\":\"" rank "\"," data "}}\n"

static void header_and_eof (void)
{
    struct output *o = make (2, false, 0);

    output_header (o, 1.5);
    is_log ("{\"timestamp\":1.5,\"name\":\"header\",\"context\":{\"version\":1,"
            "\"encoding\":{\"stdout\":\"UTF-8\",\"stderr\":\"UTF-8\"},\"count\":"
            "{\"stdout\":2,\"stderr\":2},\"options\":{}}}\n",
            "the header");
    output_eof (o, 1.5, 1, OUTPUT_STDOUT);
    is_log (DATA ("1", "\"eof\":true"), "EOF is an entry of its own");
    output_redirect (o, 2.0, OUTPUT_STDERR, "[0-1]", "f \"x\"");
    is_log ("{\"timestamp\":2.0,\"name\":\"redirect\",\"context\":{\"stream\":\"stderr\","
            "\"rank\":\"[0-1]\",\"path\":\"f \\\"x\\\"\"}}\n",
            "a redirection");
    output_log (o, 2.0, 0, NULL, "no\n");
    is_log ("{\"timestamp\":2.0,\"name\":\"log\",\"context\":{\"rank\":0,\"level\":0,"
            "\"message\":\"no\\n\"}}\n",
            "a message");
    output_destroy (o);
}

static void lines (void)
{
    struct output *o = make (2, false, 0);

    say (o, 0, "a\nb\nc");
    is_log (DATA ("0", "\"data\":\"a\\n\"") DATA ("0", "\"data\":\"b\\n\""),
            "a few lines are entries of their own");
    say (o, 1, "x\n");
    is_log (DATA ("1", "\"data\":\"x\\n\""), "another task is not held up");
    say (o, 0, "d");
    is_log ("", "a part of a line waits");
    say (o, 0, "e\nf");
    is_log (DATA ("0", "\"data\":\"cde\\n\""), "for its end");
    say (o, 0, "\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\nf");
    is_log (DATA ("0",
                  "\"data\":\"f\\n1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\\n9\\n10\\n11\\n12\\n13\\n14"
                  "\\n15\\n16\\n\""),
            "many lines of one read share an entry");
    output_eof (o, 1.5, 0, OUTPUT_STDOUT);
    is_log (DATA ("0", "\"data\":\"f\"") DATA ("0", "\"eof\":true"), "or for EOF");
    output_destroy (o);

    o = make (1, true, 0);
    say (o, 0, "abc");
    is_log (DATA ("0", "\"data\":\"abc\""), "unbuffered, a part comes at once");
    say (o, 0, "d\ne");
    is_log (DATA ("0", "\"data\":\"d\\n\"") DATA ("0", "\"data\":\"e\""),
            "and is cut after a newline");
    output_destroy (o);
}

static void bytes (void)
{
    struct output *o = make (1, false, 0);

    say (o, 0, "a\xff\x62\n");
    is_log (DATA ("0", "\"encoding\":\"base64\",\"data\":\"Yf9iCg==\""), "not UTF-8: base64");
    output_data (o, 1.5, 0, OUTPUT_STDOUT, "a\0b\n", 4);
    is_log (DATA ("0", "\"data\":\"a\\u0000b\\n\""), "NUL is text");
    say (o, 0, "\"\\\t\x01\n");
    is_log (DATA ("0", "\"data\":\"\\\"\\\\\\t\\u0001\\n\""), "escapes");
    say (o, 0, "\xc6");
    say (o, 0, "\x92\n");
    is_log (DATA ("0", "\"data\":\"\xc6\x92\\n\""), "a character cut by a read is mended");
    output_destroy (o);

    o = make (1, true, 0);
    say (o, 0, "x\xf0\x9f");
    is_log (DATA ("0", "\"data\":\"x\""), "unbuffered: the start of a character waits");
    say (o, 0, "\x98\x83!");
    is_log (DATA ("0", "\"data\":\"\xf0\x9f\x98\x83!\""), "for its rest");
    say (o, 0, "\xf0\x9f");
    output_eof (o, 1.5, 0, OUTPUT_STDOUT);
    is_log (DATA ("0", "\"encoding\":\"base64\",\"data\":\"8J8=\"")
                DATA ("0", "\"eof\":true"),
            "or for EOF");
    output_destroy (o);
}

static void long_lines_are_cut (void)
{
    struct output *o = make (1, false, 0);
    char *x = malloc (OUTPUT_LINE_MAX);
    size_t n;

    memset (x, 'x', OUTPUT_LINE_MAX);
    output_data (o, 1.5, 0, OUTPUT_STDOUT, x, OUTPUT_LINE_MAX - 1);
    ok (log_text.len == 0, "a line of almost 4 MiB waits");
    output_data (o, 1.5, 0, OUTPUT_STDOUT, "\xc6\x92z", 3);
    n = log_text.len;
    ok (n > OUTPUT_LINE_MAX - 1 && n < OUTPUT_LINE_MAX + 200
            && !strstr (log_text.buf, "base64"),
        "a longer one is cut, not inside a character");
    text_clear (&log_text);
    output_eof (o, 1.5, 0, OUTPUT_STDOUT);
    is_log (DATA ("0", "\"data\":\"\xc6\x92z\"") DATA ("0", "\"eof\":true"), "the rest follows");
    output_destroy (o);
    free (x);
}

static void limits (void)
{
    struct output *o = make (2, false, 5);

    say (o, 0, "1234\n");
    text_clear (&log_text);
    say (o, 1, "abc\n");
    is_log ("{\"timestamp\":1.5,\"name\":\"log\",\"context\":{\"rank\":0,\"level\":4,"
            "\"component\":\"output\",\"message\":"
            "\"stdout will be truncated, L limit exceeded\"}}\n",
            "beyond the limit there is a warning");
    say (o, 0, "abcde\n");
    is_log ("", "once");
    output_eof (o, 1.5, 0, OUTPUT_STDOUT);
    is_log (DATA ("0", "\"eof\":true"), "EOF still comes");
    output_finish (o, 1.5);
    ok (strstr (log_text.buf, "stdout: 10 of 15 bytes truncated") != NULL,
        "and a sum at the end");
    output_destroy (o);
}

static void labels (void)
{
    struct output *o = make (2, false, 0);
    struct text out = TEXT_INIT;

    output_label (o, 0, OUTPUT_STDOUT, "a\nb", 3, false, &out);
    output_label (o, 1, OUTPUT_STDOUT, "x\n", 2, false, &out);
    output_label (o, 0, OUTPUT_STDOUT, "c\n\n", 3, false, &out);
    output_label (o, 1, OUTPUT_STDOUT, "end", 3, false, &out);
    output_label (o, 1, OUTPUT_STDOUT, "", 0, true, &out);
    is (out.buf, "0: a\n1: x\n0: bc\n0: \n1: end", "every line of a file has its label");
    text_fini (&out);
    output_destroy (o);
}

/* Random bytes in random pieces: what a reader puts together is what was
 * written.
 */
static void nothing_is_lost (bool unbuffered, unsigned int seed)
{
    static const char *const pieces[] = { "a",   "line\n", "\xc6\x92", "\xff",
                                          "\n",  "\"\\",   "\xf0\x9f\x98\x83" };
    struct output *o = make (1, unbuffered, 0);
    struct text want = TEXT_INIT, got = TEXT_INIT;
    char *line, *save = NULL;
    bool good = true;
    size_t pos = 0;

    srand (seed);
    while (want.len < 100000)
        text_puts (&want, pieces[rand () % ARRAY_SIZE (pieces)]);
    while (pos < want.len) {
        size_t n = 1 + rand () % 40;

        n = n < want.len - pos ? n : want.len - pos;
        output_data (o, 1.5, 0, OUTPUT_STDOUT, want.buf + pos, n);
        pos += n;
    }
    output_eof (o, 1.5, 0, OUTPUT_STDOUT);
    for (line = strtok_r (log_text.buf, "\n", &save); line && good;
         line = strtok_r (NULL, "\n", &save)) {
        json_t *e = json_loads (line, 0, NULL);
        json_t *c = json_object_get (e, "context");
        json_t *d = json_object_get (c, "data");
        const char *s = json_string_value (d);
        size_t len = json_string_length (d);

        good = e != NULL;
        if (json_object_get (c, "encoding")) {
            char *p = text_reserve (&got, base64_decoded_max (len));
            text_commit (&got, base64_decode (p, s, len));
        }
        else if (s)
            text_put (&got, s, len);
        json_decref (e);
    }
    ok (good && got.len == want.len && !memcmp (got.buf, want.buf, got.len),
        "%s: %zu bytes arrive (seed %u)",
        unbuffered ? "unbuffered" : "lines",
        got.len,
        seed);
    text_fini (&want);
    text_fini (&got);
    output_destroy (o);
}

int main (void)
{
    header_and_eof ();
    lines ();
    bytes ();
    long_lines_are_cut ();
    limits ();
    labels ();
    nothing_is_lost (false, 1);
    nothing_is_lost (true, 2);
    text_fini (&log_text);
    return done_testing ();
}
