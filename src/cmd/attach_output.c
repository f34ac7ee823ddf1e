#include "config.h"
#include <stdio.h>

#include "attach_output.h"
#include "cmd.h"
#include "common/base64.h"
#include "common/eventlog.h"

/* Where the bytes of one entry are put together; kept from entry to entry. */
static struct text decoded = TEXT_INIT;

/* The members of a context that some entry has. */
struct context {
    struct jvalue stream;
    struct jvalue rank;
    struct jvalue data;
    struct jvalue encoding;
    struct jvalue path;
    struct jvalue level;
    struct jvalue message;
    struct jvalue component;
    struct jvalue file;
    struct jvalue line;
};

static int context_scan (const struct jvalue *v, struct context *c)
{
    static const struct {
        const char *name;
        size_t offset;
    } members[] = {
        { "stream", offsetof (struct context, stream) },
        { "rank", offsetof (struct context, rank) },
        { "data", offsetof (struct context, data) },
        { "encoding", offsetof (struct context, encoding) },
        { "path", offsetof (struct context, path) },
        { "level", offsetof (struct context, level) },
        { "message", offsetof (struct context, message) },
        { "component", offsetof (struct context, component) },
        { "file", offsetof (struct context, file) },
        { "line", offsetof (struct context, line) },
    };
    struct jscan it = JSCAN_INIT (v->text, v->len);
    struct jvalue key, value;
    int r;

    memset (c, 0, sizeof (*c));
    if (!v->text)
        return 0;
    while ((r = jscan_next (&it, &key, &value)) > 0) {
        for (size_t i = 0; i < ARRAY_SIZE (members); i++) {
            if (jvalue_is (&key, members[i].name)) {
                *(struct jvalue *)((char *)c + members[i].offset) = value;
                break;
            }
        }
    }
    return r;
}

/* The string's bytes, "" if it is absent; valid until the next call. */
static const char *string_of (const struct jvalue *v)
{
    text_clear (&decoded);
    if (v->text && jvalue_unescape (v, &decoded) < 0)
        text_clear (&decoded);
    text_put (&decoded, "", 0);
    if (text_error (&decoded))
        cmd_die ("out of memory");
    return decoded.buf;
}

/* Print the string, in place if it has no escapes. */
static void print_string (const struct jvalue *v, FILE *out)
{
    if (!v->text)
        return;
    if (v->type == JSCAN_STRING && v->escaped)
        fputs (string_of (v), out);
    else
        fwrite (v->text, 1, v->len, out);
}

/* The label stands before each line, and an entry may hold many. */
static void print_labelled (const struct attach_output *o,
                            const struct jvalue *rank,
                            const char *s,
                            size_t len,
                            FILE *out)
{
    while (len > 0) {
        const char *nl = memchr (s, '\n', len);
        size_t n = nl ? (size_t)(nl - s) + 1 : len;

        if (o->prefix)
            fprintf (out, "%s: ", o->prefix);
        print_string (rank, out);
        fputs (": ", out);
        fwrite (s, 1, n, out);
        s += n;
        len -= n;
    }
}

/* Decode base64 text into 'decoded'.  -EINVAL if it is none. */
static int decode_base64 (const struct jvalue *v)
{
    char *p;
    ssize_t n;

    text_clear (&decoded);
    if (!(p = text_reserve (&decoded, base64_decoded_max (v->len))))
        return -ENOMEM;
    if ((n = base64_decode (p, v->text, v->len)) < 0)
        return n;
    text_commit (&decoded, n);
    return 0;
}

static int output_data (const struct attach_output *o, const struct context *c)
{
    const char *s = c->data.text;
    size_t len = c->data.len;
    FILE *out = jvalue_is (&c->stream, "stderr") ? o->err : o->out;
    int r;

    if (!s)
        return 0;
    if (c->data.type != JSCAN_STRING)
        return -EINVAL;
    if (jvalue_is (&c->encoding, "base64")) {
        if ((r = decode_base64 (&c->data)) < 0)
            return r;
    }
    else if (c->data.escaped) {
        text_clear (&decoded);
        if ((r = jvalue_unescape (&c->data, &decoded)) < 0)
            return r;
        if (text_error (&decoded))
            return -ENOMEM;
    }
    if (jvalue_is (&c->encoding, "base64") || c->data.escaped) {
        s = decoded.buf;
        len = decoded.len;
    }
    if (o->label_io)
        print_labelled (o, &c->rank, s, len, out);
    else
        fwrite (s, 1, len, out);
    return 0;
}

static void output_log (const struct attach_output *o, double t, const struct context *c)
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
    if (c->rank.text) {
        fputc ('[', o->err);
        print_string (&c->rank, o->err);
        fputc (']', o->err);
    }
    fputs (": ", o->err);
    if (jvalue_int (&c->level, &level) == 0 && level >= 0
        && level < (int64_t)ARRAY_SIZE (labels) && labels[level])
        fprintf (o->err, "%s: ", labels[level]);
    if (c->component.text) {
        print_string (&c->component, o->err);
        fputs (": ", o->err);
    }
    if (c->file.text && o->show_place) {
        print_string (&c->file, o->err);
        fputc (':', o->err);
        print_string (&c->line, o->err);
        fputs (": ", o->err);
    }
    print_string (&c->message, o->err);
    fputc ('\n', o->err);
}

static void output_redirect (const struct attach_output *o, const struct context *c)
{
    if (o->quiet)
        return;
    fflush (o->out);
    if (o->prefix)
        fprintf (o->err, "%s: ", o->prefix);
    print_string (&c->rank, o->err);
    fputs (": ", o->err);
    print_string (&c->stream, o->err);
    fputs (" redirected", o->err);
    if (c->path.text) {
        fputs (" to ", o->err);
        print_string (&c->path, o->err);
    }
    fputc ('\n', o->err);
}

static int output_entry (const struct attach_output *o, const char *line, size_t len)
{
    struct eventlog_entry e;
    struct context c;
    int r;

    if ((r = eventlog_entry_decode (line, len, &e)) < 0
        || (r = context_scan (&e.context, &c)) < 0)
        return r;
    if (eventlog_entry_is (&e, "data"))
        return output_data (o, &c);
    if (eventlog_entry_is (&e, "log"))
        output_log (o, e.timestamp - o->t0, &c);
    else if (eventlog_entry_is (&e, "redirect"))
        output_redirect (o, &c);
    return 0;
}

void attach_output (const struct attach_output *o, const char *data, size_t len)
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
