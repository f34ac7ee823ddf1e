#include "config.h"
#include <stdio.h>

#include "attach_output.h"
#include "cmd.h"
#include "common/base64.h"
#include "common/eventlog.h"

/* Where the bytes of one entry are put together; kept from entry to entry. */
static struct text decoded = TEXT_INIT;

/* The members of a context that some entry has. */
enum {
    STREAM,
    RANK,
    DATA,
    END_OF_FILE,
    REPEAT,
    ENCODING,
    PATH,
    LEVEL,
    MESSAGE,
    COMPONENT,
    SOURCE_FILE,
    LINE,
    MEMBERS,
};

static const char *const members[MEMBERS] = {
    [STREAM] = "stream",       [RANK] = "rank",        [DATA] = "data",
    [END_OF_FILE] = "eof",     [REPEAT] = "repeat",    [ENCODING] = "encoding",
    [PATH] = "path",           [LEVEL] = "level",      [MESSAGE] = "message",
    [COMPONENT] = "component", [SOURCE_FILE] = "file", [LINE] = "line",
};

/* Decode the escapes of a string into 'decoded'. */
static void decode_string (struct jview v)
{
    text_clear (&decoded);
    if (jview_string (v, &decoded) == -ENOMEM)
        cmd_die ("out of memory");
}

/* Print the string, in place if it has no escapes. */
static void print_string (struct jview v, FILE *out)
{
    const char *s;
    size_t len;

    if (jview_plain (v, &s, &len))
        fwrite (s, 1, len, out);
    else if (jview_is (v, JVIEW_STRING)) {
        decode_string (v);
        fputs (decoded.buf, out);
    }
    else if (jview_present (v))
        fwrite (v.s, 1, v.len, out);
}

/* A label of the user's own: "%r" is the rank, "%%" is '%'. */
static void print_label (const char *label, struct jview rank, FILE *out)
{
    for (; *label; label++) {
        if (label[0] != '%' || !label[1])
            fputc (*label, out);
        else if (*++label == 'r')
            print_string (rank, out);
        else
            fputc (*label, out);
    }
}

/* The label stands before each line, and an entry may hold many. */
static void print_labelled (const struct attach_output *o,
                            struct jview rank,
                            const char *s,
                            size_t len,
                            FILE *out)
{
    while (len > 0) {
        const char *nl = memchr (s, '\n', len);
        size_t n = nl ? (size_t)(nl - s) + 1 : len;

        if (o->prefix)
            fprintf (out, "%s: ", o->prefix);
        print_label (o->label ? o->label : "%r: ", rank, out);
        fwrite (s, 1, n, out);
        s += n;
        len -= n;
    }
}

/* Decode base64 text into 'decoded'.  -EINVAL if it is none. */
static int decode_base64 (const char *s, size_t len)
{
    char *p;
    ssize_t n;

    text_clear (&decoded);
    if (!(p = text_reserve (&decoded, base64_decoded_max (len))))
        return -ENOMEM;
    if ((n = base64_decode (p, s, len)) < 0)
        return n;
    text_commit (&decoded, n);
    return 0;
}

static int output_data (const struct attach_output *o, const struct jview c[])
{
    FILE *out = jview_equal (c[STREAM], "stderr") ? o->err : o->out;
    bool base64 = jview_equal (c[ENCODING], "base64");
    int64_t times = 1;
    bool plain;
    const char *s;
    size_t len;
    int r;

    if (!jview_present (c[DATA]))
        return jview_is (c[END_OF_FILE], JVIEW_TRUE) ? 0 : -EPROTO;
    if (!jview_is (c[DATA], JVIEW_STRING))
        return -EINVAL;
    plain = jview_plain (c[DATA], &s, &len);
    if (base64) {
        if (!plain)
            return -EINVAL;
        if ((r = decode_base64 (s, len)) < 0)
            return r;
    }
    else if (!plain)
        decode_string (c[DATA]);
    if (base64 || !plain) {
        s = decoded.buf;
        len = decoded.len;
    }
    if (o->repeats)
        (void)jview_int (c[REPEAT], &times);
    for (; times > 0 && len > 0; times--) {
        if (o->label_io)
            print_labelled (o, c[RANK], s, len, out);
        else
            fwrite (s, 1, len, out);
    }
    return 0;
}

static void output_log (const struct attach_output *o, double t, const struct jview c[])
{
    static const char *labels[] = { "FATAL", "FATAL", "FATAL", "ERROR",
                                    " WARN", NULL,    "DEBUG", "TRACE" };
    int64_t level = 5;

    if (o->quiet)
        return;
    fflush (o->out);
    if (!o->timeless)
        fprintf (o->err, "%.3fs: ", t);
    fputs ("flux-shell", o->err);
    if (jview_present (c[RANK])) {
        fputc ('[', o->err);
        print_string (c[RANK], o->err);
        fputc (']', o->err);
    }
    fputs (": ", o->err);
    if (jview_int (c[LEVEL], &level) == 0 && level >= 0
        && level < (int64_t)ARRAY_SIZE (labels) && labels[level])
        fprintf (o->err, "%s: ", labels[level]);
    if (jview_present (c[COMPONENT])) {
        print_string (c[COMPONENT], o->err);
        fputs (": ", o->err);
    }
    if (jview_present (c[SOURCE_FILE]) && o->show_place) {
        print_string (c[SOURCE_FILE], o->err);
        fputc (':', o->err);
        print_string (c[LINE], o->err);
        fputs (": ", o->err);
    }
    print_string (c[MESSAGE], o->err);
    fputc ('\n', o->err);
}

static void output_redirect (const struct attach_output *o, const struct jview c[])
{
    if (o->quiet)
        return;
    fflush (o->out);
    if (o->prefix)
        fprintf (o->err, "%s: ", o->prefix);
    print_string (c[RANK], o->err);
    fputs (": ", o->err);
    print_string (c[STREAM], o->err);
    fputs (" redirected", o->err);
    if (jview_present (c[PATH])) {
        fputs (" to ", o->err);
        print_string (c[PATH], o->err);
    }
    fputc ('\n', o->err);
}

static void die_headless (void)
{
    fflush (stdout);
    fprintf (stderr, "flux-job: stream data read before header\n");
    exit (1);
}

static int output_entry (struct attach_output *o, const char *line, size_t len)
{
    struct eventlog_entry e;
    struct jview c[MEMBERS];
    int r;

    if ((r = eventlog_entry_decode (line, len, &e)) < 0)
        return r;
    jview_pick (e.context, MEMBERS, members, c);
    if (eventlog_entry_is (&e, "data")) {
        if (!o->have_header)
            die_headless ();
        return output_data (o, c);
    }
    if (eventlog_entry_is (&e, "log"))
        output_log (o, e.timestamp - o->t0, c);
    else if (eventlog_entry_is (&e, "redirect"))
        output_redirect (o, c);
    else if (eventlog_entry_is (&e, "header"))
        o->have_header = true;
    return 0;
}

void attach_output (struct attach_output *o, const char *data, size_t len)
{
    const char *end = data + len, *line;
    size_t linelen;

    while ((line = eventlog_next_line (&data, end, &linelen))) {
        if (output_entry (o, line, linelen) < 0) {
            fflush (stdout);
            fprintf (stderr,
                     "flux-job: an entry of the output log is not understood: %.*s\n",
                     linelen > 60 ? 60 : (int)linelen - 1, line);
        }
    }
}
