#include "config.h"
#include <jansson.h>
#include <math.h>

#include "eventlog.h"
#include "tap.h"

static void entries_are_written (void)
{
    struct text t = TEXT_INIT;

    ok (eventlog_append (&t, 42, "foo", NULL) == 0, "an entry without context");
    ok (eventlog_append (&t, 1795258092.0313981, "data", "{\"a\":\"\xc3\xa9\"}") == 0,
        "and one with");
    is (t.buf,
        "{\"timestamp\":42.0,\"name\":\"foo\"}\n"
        "{\"timestamp\":1795258092.0313981,\"name\":\"data\",\"context\":"
        "{\"a\":\"\xc3\xa9\"}}\n",
        "the text is as RFC 18 says");
    eventlog_begin (&t, 1, "x");
    text_puts (&t, ",\"context\":{}");
    eventlog_end (&t);
    ok (eventlog_validate (t.buf, t.len, NULL) == 0, "an entry may be written in parts");
    text_fini (&t);
}

static void what_is_no_entry_is_not_written (void)
{
    struct text t = TEXT_INIT;

    ok (eventlog_append (&t, 1, "", NULL) == -EINVAL, "a name is not empty");
    ok (eventlog_append (&t, 1, NULL, NULL) == -EINVAL, "... nor NULL");
    ok (eventlog_append (&t, 1, "\xff", NULL) == -EINVAL, "... and is UTF-8");
    ok (eventlog_append (&t, -1, "a", NULL) == -EINVAL, "time is not negative");
    ok (eventlog_append (&t, NAN, "a", NULL) == -EINVAL, "... nor NaN");
    ok (eventlog_append (&t, INFINITY, "a", NULL) == -EINVAL, "... nor infinite");
    ok (eventlog_append (&t, 1, "a", "[]") == -EINVAL, "a context is an object");
    ok (eventlog_append (&t, 1, "a", "{") == -EINVAL, "... a whole one");
    ok (eventlog_append (&t, 1, "a", "{\n}") == -EINVAL, "... on one line");
    ok (t.len == 0, "nothing was written");
    text_fini (&t);
}

static void entries_are_read (void)
{
    const char *line = "{\"timestamp\":1.5,\"x\":[1,2],\"name\":\"n\\u0061me\","
                       "\"context\":{\"a\":1}}\n";
    struct eventlog_entry e;

    ok (eventlog_entry_decode (line, strlen (line), &e) == 0, "an entry is read");
    ok (e.timestamp == 1.5 && eventlog_entry_is (&e, "name"), "its time and name");
    ok (e.context.len == 7 && memcmp (e.context.s, "{\"a\":1}", 7) == 0,
        "its context is the text itself");
    line = "{ \"name\" : \"foo\", \"timestamp\" : 2 }\n";
    ok (eventlog_entry_decode (line, strlen (line), &e) == 0 && e.timestamp == 2
            && !jview_present (e.context),
        "order, blanks and integers do not matter");
}

static void what_is_no_entry_is_refused (void)
{
    static const char *const bad[] = {
        "",
        "\n",
        "{}\n",
        "{\"timestamp\":1,\"name\":\"a\"}",
        "{\"timestamp\":1,\"name\":\"a\"}\n\n",
        "{\"timestamp\":1,\"name\":\"a\"} x\n",
        "{\"timestamp\":1,\n\"name\":\"a\"}\n",
        "{\"timestamp\":\"1\",\"name\":\"a\"}\n",
        "{\"timestamp\":-1,\"name\":\"a\"}\n",
        "{\"timestamp\":1}\n",
        "{\"name\":\"a\"}\n",
        "{\"timestamp\":1,\"name\":1}\n",
        "{\"timestamp\":1,\"name\":\"a\",\"context\":[]}\n",
        "{\"timestamp\":1,\"name\":\"a\",\"context\":null}\n",
        "{\"timestamp\":1,\"name\":\"\xff\"}\n",
        "[{\"timestamp\":1,\"name\":\"a\"}]\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        struct eventlog_entry e;

        ok (eventlog_entry_decode (bad[i], strlen (bad[i]), &e) == -EINVAL,
            "bad line %zu is refused",
            i);
    }
}

static void a_log_is_a_sequence_of_lines (void)
{
    const char *log = "{\"timestamp\":1,\"name\":\"a\"}\n"
                      "{\"timestamp\":2,\"name\":\"b\"}\n"
                      "{\"timesta";
    const char *pos = log;
    const char *end = log + strlen (log);
    struct eventlog_entry e;
    const char *line;
    double sum = 0;
    size_t len;
    size_t n;

    while ((line = eventlog_next_line (&pos, end, &len))) {
        must (eventlog_entry_decode (line, len, &e) == 0);
        sum = 10 * sum + e.timestamp;
    }
    ok (sum == 12, "lines come in order, the unfinished one is left");
    ok (eventlog_validate (log, strlen (log), &n) == 0 && n == 2, "the log is valid");
    ok (eventlog_validate ("", 0, &n) == 0 && n == 0, "an empty log is valid");
    ok (eventlog_validate ("{", 1, &n) == -EINVAL, "one without a newline is not");
    ok (eventlog_validate (log, strlen (log) - 9, &n) == 0 && n == 2, "whole lines only");
    ok (eventlog_validate (log + 1, strlen (log) - 1, &n) == -EINVAL,
        "one bad entry spoils it");
}

static void a_tree_and_the_scanner_agree (void)
{
    struct text t = TEXT_INIT;
    bool same = true;

    for (int i = 0; i < 1000 && same; i++) {
        struct eventlog_entry e;
        double ts = 1795258092 + i / 997.;
        json_t *o;

        text_clear (&t);
        must (eventlog_append (&t, ts, "name", "{\"i\":[]}") == 0);
        o = json_loadb (t.buf, t.len, 0, NULL);
        same = eventlog_entry_decode (t.buf, t.len, &e) == 0 && e.timestamp == ts
               && json_number_value (json_object_get (o, "timestamp")) == ts;
        json_decref (o);
    }
    ok (same, "times survive to the last bit");
    text_fini (&t);
}

int main (void)
{
    entries_are_written ();
    what_is_no_entry_is_not_written ();
    entries_are_read ();
    what_is_no_entry_is_refused ();
    a_log_is_a_sequence_of_lines ();
    a_tree_and_the_scanner_agree ();
    return done_testing ();
}
