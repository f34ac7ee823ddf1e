#include "config.h"
#include <flux/idset.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "attach_stdin.h"
#include "cmd.h"
#include "common/text.h"
#include "common/utf8.h"

enum { STDIN_WINDOW = 4, STDIN_CHUNK = 128 * 1024 };

struct attach_stdin {
    flux_t *h;
    const char *asked; /* the tasks that are meant, NULL: all */
    char *ranks;       /* those of them that there are */
    char topic[128];
    int rank;
    flux_watcher_t *w;
    flux_future_t *pending[STDIN_WINDOW]; /* NULL: a free place */
    bool started;
    bool eof;
    bool stopped;
    bool sent_data;
    bool accepted; /* some of it */
    bool strict;
    bool quiet;
};

struct attach_stdin *attach_stdin_create (flux_t *h, const char *ranks, bool strict)
{
    struct attach_stdin *in = calloc (1, sizeof (*in));

    if (!in)
        cmd_die ("out of memory");
    in->h = h;
    in->asked = ranks;
    in->strict = strict;
    if (!ranks && !(in->ranks = strdup ("all")))
        cmd_die ("out of memory");
    return in;
}

void attach_stdin_destroy (struct attach_stdin *in)
{
    if (in) {
        for (int i = 0; i < STDIN_WINDOW; i++)
            flux_future_destroy (in->pending[i]);
        flux_watcher_destroy (in->w);
        free (in->ranks);
        free (in);
    }
}

void attach_stdin_quiet (struct attach_stdin *in)
{
    in->quiet = true;
}

void attach_stdin_stop (struct attach_stdin *in)
{
    if (in) {
        in->stopped = true;
        flux_watcher_stop (in->w);
    }
}

static flux_future_t **free_place (struct attach_stdin *in)
{
    for (int i = 0; i < STDIN_WINDOW; i++) {
        if (!in->pending[i])
            return &in->pending[i];
    }
    return NULL;
}

static void die (const char *before, const char *why)
{
    fflush (stdout);
    fprintf (stderr, "flux-job: %s%s\n", before, why);
    exit (1);
}

/* ENOSYS: the job does not take input, or has ended: which is how many do that are
 * not interested in all of it.  EPIPE: it has had the end of its input, from somebody
 * else; who has none is not concerned.
 */
static void refused (struct attach_stdin *in, int errnum)
{
    bool quiet = in->stopped || in->quiet;

    attach_stdin_stop (in);
    if (quiet)
        return;
    if (errnum != ENOSYS && (errnum != EPIPE || in->sent_data))
        die ("attach_send_shell: ", flux_strerror (errnum));
    if (errnum == ENOSYS && in->strict && in->sent_data && !in->accepted)
        die ("", "stdin not accepted by job");
}

static void answered (flux_future_t *f, void *arg)
{
    struct attach_stdin *in = arg;

    if (flux_rpc_get (f, NULL) < 0)
        refused (in, errno);
    else
        in->accepted = true;
    for (int i = 0; i < STDIN_WINDOW; i++) {
        if (in->pending[i] == f)
            in->pending[i] = NULL;
    }
    flux_future_destroy (f);
    if (!in->eof && !in->stopped)
        flux_watcher_start (in->w);
}

/* Text that JSON can show without more escapes than base64 would add: six bytes for a NUL
 * are slow to write, to carry and to read.
 */
static bool is_text (const char *data, size_t len)
{
    size_t escapes = 0;

    for (size_t i = 0; i < len; i++)
        escapes += (unsigned char)data[i] < ' ' && data[i] != '\n' && data[i] != '\t';
    return escapes <= len / 16 && utf8_valid (data, len);
}

/* {"stream":"stdin","rank":RANKS,"data":s,"encoding"?:"base64"} or
 * {"stream":"stdin","rank":RANKS,"eof":true}, written as text in one pass.
 */
static void send_to (struct attach_stdin *in, const char *ranks, const char *data, size_t len)
{
    flux_future_t **place = free_place (in);
    struct text t = TEXT_INIT;

    must (place != NULL);
    text_puts (&t, "{\"stream\":\"stdin\",\"rank\":");
    text_put_json_string (&t, ranks, strlen (ranks));
    if (len == 0)
        text_puts (&t, ",\"eof\":true}");
    else if (is_text (data, len)) {
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
    send_to (in, in->ranks, buf, n);
    if (!free_place (in))
        flux_watcher_stop (w);
}

static void start_reading (struct attach_stdin *in)
{
    in->w = flux_fd_watcher_create (flux_get_reactor (in->h), STDIN_FILENO, FLUX_POLLIN,
                                    readable, in);
    if (!in->w) { /* closed: there is no input */
        in->eof = true;
        send_to (in, in->ranks, "", 0);
        return;
    }
    flux_watcher_unref (in->w);
    flux_watcher_start (in->w);
}

void attach_stdin_start (struct attach_stdin *in, const char *service, int rank)
{
    if (!in || in->started || in->stopped)
        return;
    in->started = true;
    in->rank = rank;
    snprintf (in->topic, sizeof (in->topic), "%s.stdin", service);
    if (!in->asked)
        start_reading (in);
}

static char *encode (const struct idset *ids)
{
    char *s = ids ? idset_encode (ids, IDSET_FLAG_RANGE) : NULL;

    if (!s)
        cmd_die ("out of memory");
    return s;
}

void attach_stdin_tasks (struct attach_stdin *in, long long n)
{
    struct idset *asked, *all, *meant, *others;
    _cleanup_ (freep) char *rest = NULL;
    _cleanup_ (freep) char *wanted = NULL;

    if (!in || !in->started || in->stopped || in->ranks || n <= 0 || n > INT_MAX)
        return;
    asked = idset_decode (in->asked);
    all = idset_create (n, 0);
    if (!asked || !all || idset_range_set (all, 0, n - 1) < 0)
        cmd_die ("stdin: %s", flux_strerror (errno));
    meant = idset_intersect (all, asked);
    others = idset_difference (all, asked);
    wanted = encode (asked);
    in->ranks = encode (meant);
    rest = encode (others);
    if (strcmp (wanted, in->ranks) != 0) {
        fprintf (stderr, "flux-job: warning: adjusting --stdin-ranks from %s to %s\n", wanted,
                 in->ranks);
    }
    if (*rest)
        send_to (in, rest, "", 0);
    if (*in->ranks)
        start_reading (in);
    idset_destroy (asked);
    idset_destroy (all);
    idset_destroy (meant);
    idset_destroy (others);
}
