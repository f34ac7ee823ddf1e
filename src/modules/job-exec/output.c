#include "config.h"
#include <stdio.h>

#include "common/eventlog.h"
#include "common/utf8.h"
#include "common/util.h"
#include "output.h"

/* Above this, a user is told about files (exec.md 8.7). */
#define HIGH_VOLUME (100 << 20)

struct channel {
    struct text partial; /* unfinished line, or the start of a character */
};

struct output {
    struct output_config config;
    struct text *log;
    struct channel *channels; /* [task][stream] */
    uint64_t count[OUTPUT_STREAMS];   /* bytes that came */
    uint64_t dropped[OUTPUT_STREAMS]; /* of these, beyond the limit */
};

int output_create (const struct output_config *config,
                   struct text *log,
                   struct output **ret)
{
    struct output *o;

    if (!(o = calloc (1, sizeof (*o)))
        || !(o->channels = calloc ((size_t)config->ntasks * OUTPUT_STREAMS,
                                   sizeof (o->channels[0])))) {
        free (o);
        return -ENOMEM;
    }
    o->config = *config;
    o->log = log;
    *ret = o;
    return 0;
}

void output_destroy (struct output *o)
{
    if (o) {
        for (size_t i = 0; i < (size_t)o->config.ntasks * OUTPUT_STREAMS; i++)
            text_fini (&o->channels[i].partial);
        free (o->channels);
        free (o);
    }
}

const char *output_stream_name (enum output_stream stream)
{
    return stream == OUTPUT_STDOUT ? "stdout" : "stderr";
}

static struct channel *get_channel (struct output *o, uint32_t task, int stream)
{
    must (task < o->config.ntasks);
    return &o->channels[(size_t)task * OUTPUT_STREAMS + stream];
}

void output_header (struct output *o, double now)
{
    eventlog_begin (o->log, now, "header");
    text_printf (o->log,
                 ",\"context\":{\"version\":1,\"encoding\":{\"stdout\":\"UTF-8\","
                 "\"stderr\":\"UTF-8\"},\"count\":{\"stdout\":%u,\"stderr\":%u},"
                 "\"options\":{}}",
                 o->config.ntasks,
                 o->config.ntasks);
    eventlog_end (o->log);
}

static void begin_entry (struct output *o,
                         double now,
                         const char *name,
                         enum output_stream stream,
                         const char *rank)
{
    eventlog_begin (o->log, now, name);
    text_puts (o->log, ",\"context\":{\"stream\":\"");
    text_puts (o->log, output_stream_name (stream));
    text_puts (o->log, "\",\"rank\":\"");
    text_puts (o->log, rank);
    text_putc (o->log, '"');
}

static void end_entry (struct text *log)
{
    text_putc (log, '}');
    eventlog_end (log);
}

static void put_entry (struct output *o,
                       double now,
                       uint32_t task,
                       enum output_stream stream,
                       const char *data,
                       size_t len)
{
    char rank[16];

    if (len == 0)
        return;
    snprintf (rank, sizeof (rank), "%u", task);
    begin_entry (o, now, "data", stream, rank);
    if (utf8_valid (data, len)) {
        text_puts (o->log, ",\"data\":");
        text_put_json_string (o->log, data, len);
    }
    else {
        text_puts (o->log, ",\"encoding\":\"base64\",\"data\":\"");
        text_put_base64 (o->log, data, len);
        text_putc (o->log, '"');
    }
    end_entry (o->log);
}

void output_log_to (struct text *log,
                    double now,
                    int level,
                    const char *component,
                    const char *message)
{
    eventlog_begin (log, now, "log");
    text_printf (log, ",\"context\":{\"rank\":0,\"level\":%d", level);
    if (component)
        text_printf (log, ",\"component\":\"%s\"", component);
    text_puts (log, ",\"message\":");
    if (utf8_valid (message, strlen (message)))
        text_put_json_string (log, message, strlen (message));
    else
        text_puts (log, "\"?\"");
    end_entry (log);
}

void output_log (struct output *o,
                 double now,
                 int level,
                 const char *component,
                 const char *message)
{
    output_log_to (o->log, now, level, component, message);
}

/* Count len bytes; how many of them may pass. */
static size_t charge (struct output *o, double now, enum output_stream stream, size_t len)
{
    uint64_t limit = o->config.stream[stream].limit;
    uint64_t before = o->count[stream];
    char msg[128];
    size_t pass = len;

    o->count[stream] += len;
    if (limit == 0 || o->count[stream] <= limit)
        return len;
    pass = before < limit ? limit - before : 0;
    if (o->dropped[stream] == 0) {
        snprintf (msg,
                  sizeof (msg),
                  "%s will be truncated, %s limit exceeded",
                  output_stream_name (stream),
                  o->config.stream[stream].limit_text);
        output_log (o, now, 4, "output", msg);
    }
    o->dropped[stream] += len - pass;
    return pass;
}

/* How many bytes at the end of data are the start of a character whose rest
 * has not come yet.
 */
static size_t cut_character (const char *data, size_t len)
{
    for (size_t n = 1; n <= 3 && n <= len; n++) {
        unsigned char c = data[len - n];
        size_t want;

        if ((c & 0xc0) == 0x80)
            continue; /* a continuation: look further back */
        want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        return want > n ? n : 0;
    }
    return 0;
}

/* One entry of what is kept and of data. */
static void put_joined (struct output *o,
                        double now,
                        uint32_t task,
                        enum output_stream stream,
                        const char *data,
                        size_t len)
{
    struct text *partial = &get_channel (o, task, stream)->partial;

    if (partial->len == 0) {
        put_entry (o, now, task, stream, data, len);
        return;
    }
    text_put (partial, data, len);
    if (text_error (partial))
        o->log->error = -ENOMEM;
    else
        put_entry (o, now, task, stream, partial->buf, partial->len);
    text_clear (partial);
    if (partial->cap > 65536)
        text_fini (partial);
}

/* Whole lines: an entry of each if they are few. */
static void put_lines (struct output *o,
                       double now,
                       uint32_t task,
                       enum output_stream stream,
                       const char *data,
                       size_t len)
{
    const char *end = data + len;
    const char *p = data;
    int count = 0;

    while (count <= OUTPUT_SPLIT_MAX && (p = memchr (p, '\n', end - p))) {
        p++;
        count++;
    }
    if (count > OUTPUT_SPLIT_MAX) {
        put_joined (o, now, task, stream, data, len);
        return;
    }
    while (data < end) {
        p = (const char *)memchr (data, '\n', end - data) + 1;
        put_joined (o, now, task, stream, data, p - data);
        data = p;
    }
}

/* Keep the tail, but no more than fits: then it is cut between characters. */
static void keep_partial (struct output *o,
                          double now,
                          uint32_t task,
                          enum output_stream stream,
                          const char *data,
                          size_t len)
{
    struct text *partial = &get_channel (o, task, stream)->partial;

    while (partial->len + len > OUTPUT_LINE_MAX) {
        size_t n = OUTPUT_LINE_MAX - partial->len;
        size_t cut = cut_character (data, n);

        put_joined (o, now, task, stream, data, n - cut);
        data += n - cut;
        len -= n - cut;
    }
    text_put (partial, data, len);
    if (text_error (partial))
        o->log->error = -ENOMEM;
}

void output_data (struct output *o,
                  double now,
                  uint32_t task,
                  enum output_stream stream,
                  const char *data,
                  size_t len)
{
    const char *newline;
    size_t head, cut;

    if ((len = charge (o, now, stream, len)) == 0)
        return;
    must (data);
    if ((newline = memrchr (data, '\n', len))) {
        head = newline + 1 - data;
        put_lines (o, now, task, stream, data, head);
        data += head;
        len -= head;
    }
    if (len == 0)
        return;
    if (o->config.stream[stream].unbuffered) {
        cut = cut_character (data, len);
        if (len > cut)
            put_joined (o, now, task, stream, data, len - cut);
        data += len - cut;
        len = cut;
    }
    keep_partial (o, now, task, stream, data, len);
}

void output_eof (struct output *o, double now, uint32_t task, enum output_stream stream)
{
    struct text *partial = &get_channel (o, task, stream)->partial;
    char rank[16];

    put_entry (o, now, task, stream, partial->buf, partial->len);
    text_fini (partial);
    snprintf (rank, sizeof (rank), "%u", task);
    begin_entry (o, now, "data", stream, rank);
    text_puts (o->log, ",\"eof\":true");
    end_entry (o->log);
}

void output_redirect (struct output *o,
                      double now,
                      enum output_stream stream,
                      const char *ranks,
                      const char *path)
{
    begin_entry (o, now, "redirect", stream, ranks);
    text_puts (o->log, ",\"path\":");
    text_put_json_string (o->log, path, strlen (path));
    end_entry (o->log);
}

void output_finish (struct output *o, double now)
{
    char msg[160];

    for (int s = 0; s < OUTPUT_STREAMS; s++) {
        const char *name = output_stream_name (s);

        if (o->dropped[s] > 0) {
            snprintf (msg,
                      sizeof (msg),
                      "%s: %llu of %llu bytes truncated",
                      name,
                      (unsigned long long)o->dropped[s],
                      (unsigned long long)o->count[s]);
            output_log (o, now, 4, "output", msg);
        }
        else if (o->count[s] > HIGH_VOLUME) {
            snprintf (msg,
                      sizeof (msg),
                      "high %s volume (%lluM), consider redirecting to a file next "
                      "time (e.g. use --output=FILE)",
                      name,
                      (unsigned long long)(o->count[s] >> 20));
            output_log (o, now, 4, "output", msg);
        }
    }
}

static void put_label (const struct output *o, uint32_t task, struct text *out)
{
    for (const char *s = o->config.label ? o->config.label : "%r: "; *s; s++) {
        if (*s != '%' || !s[1])
            text_putc (out, *s);
        else if (*++s == 'r')
            text_printf (out, "%u", task);
        else
            text_putc (out, *s);
    }
}

void output_label (struct output *o,
                   uint32_t task,
                   enum output_stream stream,
                   const char *data,
                   size_t len,
                   bool eof,
                   struct text *out)
{
    struct text *partial = &get_channel (o, task, stream)->partial;
    const char *newline;

    while ((newline = memchr (data, '\n', len))) {
        put_label (o, task, out);
        text_put (out, partial->buf, partial->len);
        text_put (out, data, newline + 1 - data);
        text_clear (partial);
        len -= newline + 1 - data;
        data = newline + 1;
    }
    text_put (partial, data, len);
    if (partial->len > 0 && (eof || partial->len > OUTPUT_LINE_MAX)) {
        put_label (o, task, out);
        text_put (out, partial->buf, partial->len);
        text_clear (partial);
    }
    if (text_error (partial))
        out->error = -ENOMEM;
}
