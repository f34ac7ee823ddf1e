#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "attach_stdin.h"
#include "cmd.h"
#include "common/text.h"
#include "common/utf8.h"

enum { STDIN_WINDOW = 4, STDIN_CHUNK = 128 * 1024 };

struct attach_stdin {
    flux_t *h;
    const char *ranks;
    char topic[128];
    int rank;
    flux_watcher_t *w;
    flux_future_t *pending[STDIN_WINDOW]; /* NULL: a free place */
    bool started;
    bool eof;
    bool stopped;
    bool sent_data;
    bool failed;
};

struct attach_stdin *attach_stdin_create (flux_t *h, const char *ranks)
{
    struct attach_stdin *in = calloc (1, sizeof (*in));

    if (!in)
        cmd_die ("out of memory");
    in->h = h;
    in->ranks = ranks ? ranks : "all";
    return in;
}

void attach_stdin_destroy (struct attach_stdin *in)
{
    if (in) {
        for (int i = 0; i < STDIN_WINDOW; i++)
            flux_future_destroy (in->pending[i]);
        flux_watcher_destroy (in->w);
        free (in);
    }
}

void attach_stdin_stop (struct attach_stdin *in)
{
    if (in) {
        in->stopped = true;
        flux_watcher_stop (in->w);
    }
}

bool attach_stdin_failed (const struct attach_stdin *in)
{
    return in && in->failed;
}

static flux_future_t **free_place (struct attach_stdin *in)
{
    for (int i = 0; i < STDIN_WINDOW; i++) {
        if (!in->pending[i])
            return &in->pending[i];
    }
    return NULL;
}

/* ENOSYS: the job does not read input, or is gone: fine if there was none. */
static void answered (flux_future_t *f, void *arg)
{
    struct attach_stdin *in = arg;

    if (flux_rpc_get (f, NULL) < 0 && (errno != ENOSYS || in->sent_data)) {
        if (!in->failed && !in->stopped) {
            fprintf (stderr, "flux-job: %s\n",
                     errno == ENOSYS ? "stdin not accepted by job" : flux_strerror (errno));
        }
        in->failed = true;
        attach_stdin_stop (in);
    }
    for (int i = 0; i < STDIN_WINDOW; i++) {
        if (in->pending[i] == f)
            in->pending[i] = NULL;
    }
    flux_future_destroy (f);
    if (!in->eof && !in->stopped)
        flux_watcher_start (in->w);
}

/* {"stream":"stdin","rank":RANKS,"data":s,"encoding"?:"base64"} or
 * {"stream":"stdin","rank":RANKS,"eof":true}, written as text in one pass.
 */
static void send_chunk (struct attach_stdin *in, const char *data, size_t len)
{
    flux_future_t **place = free_place (in);
    struct text t = TEXT_INIT;

    must (place != NULL);
    text_puts (&t, "{\"stream\":\"stdin\",\"rank\":");
    text_put_json_string (&t, in->ranks, strlen (in->ranks));
    if (len == 0)
        text_puts (&t, ",\"eof\":true}");
    else if (utf8_valid (data, len)) {
        text_puts (&t, ",\"data\":");
        text_put_json_string (&t, data, len);
        text_putc (&t, '}');
    }
    else {
        text_puts (&t, ",\"encoding\":\"base64\",\"data\":\"");
        text_put_base64 (&t, data, len);
        text_puts (&t, "\"}");
    }
    if (text_error (&t) < 0)
        cmd_die ("out of memory");
    *place = flux_rpc (in->h, in->topic, t.buf, in->rank, 0);
    if (!*place || flux_future_then (*place, -1., answered, in) < 0)
        cmd_die ("%s: %s", in->topic, flux_strerror (errno));
    text_fini (&t);
}

static void readable (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct attach_stdin *in = arg;
    static char buf[STDIN_CHUNK];
    ssize_t n = read (STDIN_FILENO, buf, sizeof (buf));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        in->eof = true;
        flux_watcher_stop (w);
        n = 0; /* an unreadable stdin is an empty one */
    }
    else
        in->sent_data = true;
    send_chunk (in, buf, n);
    if (!free_place (in))
        flux_watcher_stop (w);
}

void attach_stdin_start (struct attach_stdin *in, const char *service, int rank)
{
    if (!in || in->started || in->stopped)
        return;
    in->started = true;
    in->rank = rank;
    snprintf (in->topic, sizeof (in->topic), "%s.stdin", service);
    in->w = flux_fd_watcher_create (flux_get_reactor (in->h), STDIN_FILENO, FLUX_POLLIN,
                                    readable, in);
    if (!in->w) { /* closed: there is no input */
        in->eof = true;
        send_chunk (in, "", 0);
        return;
    }
    flux_watcher_unref (in->w);
    flux_watcher_start (in->w);
}
