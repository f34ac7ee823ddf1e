/* flog.c - log entries: text to "log.append" requests (wire.md 9.2).
 *
 * The entry's PRI is severity << 3, not RFC 5424's: brokers expect that.
 */

#include "config.h"
#include <stdio.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <flux/core.h>

#include "common/text.h"
#include "common/util.h"

#define ERROR_TEXT_MAX 2048

struct logger {
    char appname[49];
    char procid[129];
    char hostname[256]; /* "": the rank */
    flux_log_f redirect;
    void *redirect_arg;
};

static struct logger *logger_get (flux_t *h)
{
    static const char name[] = "flux::log";
    struct logger *l;

    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if ((l = flux_aux_get (h, name)))
        return l;
    if (!(l = calloc (1, sizeof (*l))))
        return NULL;
    snprintf (l->appname, sizeof (l->appname), "%s", program_invocation_short_name);
    snprintf (l->procid, sizeof (l->procid), "%d", (int)getpid ());
    if (flux_aux_set (h, name, l, free) < 0) {
        free_keep_errno (l);
        return NULL;
    }
    return l;
}

/* Set one of the strings above, cut to size.  errno is preserved. */
#define SET(h, member, s)                                                     \
    do {                                                                      \
        int saved_errno = errno;                                              \
        struct logger *l = logger_get (h);                                    \
                                                                              \
        if (l)                                                                \
            snprintf (l->member, sizeof (l->member), "%s", (s) ? (s) : "");   \
        errno = saved_errno;                                                  \
    } while (0)

void flux_log_set_appname (flux_t *h, const char *s)
{
    SET (h, appname, s);
}

void flux_log_set_procid (flux_t *h, const char *s)
{
    SET (h, procid, s);
}

void flux_log_set_hostname (flux_t *h, const char *s)
{
    SET (h, hostname, s);
}

void flux_log_set_redirect (flux_t *h, flux_log_f fun, void *arg)
{
    int saved_errno = errno;
    struct logger *l = logger_get (h);

    if (l) {
        l->redirect = fun;
        l->redirect_arg = arg;
    }
    errno = saved_errno;
}

const char *flux_strerror (int errnum)
{
    return strerror (errnum);
}

static void put_header (struct text *t, flux_t *h, struct logger *l, int level)
{
    struct timespec ts;
    struct tm tm;
    uint32_t rank;
    char timestamp[32];

    clock_gettime (CLOCK_REALTIME, &ts);
    gmtime_r (&ts.tv_sec, &tm);
    strftime (timestamp, sizeof (timestamp), "%FT%T", &tm);
    text_printf (t, "<%d>1 %s.%06ldZ ", level << 3, timestamp, ts.tv_nsec / 1000);
    if (l->hostname[0])
        text_puts (t, l->hostname);
    else if (flux_get_rank (h, &rank) == 0)
        text_put_uint (t, rank);
    else
        text_putc (t, '-');
    text_printf (t,
                 " %s %s - - ",
                 l->appname[0] ? l->appname : "-",
                 l->procid[0] ? l->procid : "-");
}

static int send_entry (flux_t *h, struct logger *l, const struct text *t)
{
    flux_msg_t *msg;
    int rc = -1;

    if (text_error (t) < 0) {
        errno = ENOMEM;
        return -1;
    }
    if (l->redirect) {
        l->redirect (t->buf, t->len, l->redirect_arg);
        return 0;
    }
    if (!(msg = flux_request_encode_raw ("log.append", t->buf, t->len)))
        return -1;
    if (flux_msg_set_noresponse (msg) == 0)
        rc = flux_send (h, msg, 0);
    flux_msg_destroy (msg);
    return rc;
}

/* One entry for each line that is not empty; one at least. */
static int log_lines (flux_t *h, int level, const char *s, size_t len)
{
    struct logger *l = logger_get (h);
    struct text t = TEXT_INIT;
    size_t headerlen;
    bool any = false;
    int rc = 0;

    if (!l)
        return -1;
    put_header (&t, h, l, level);
    headerlen = t.len;
    while (rc == 0 && (len > 0 || !any)) {
        size_t n = strcspn (s, "\n");
        size_t linelen = n;

        while (linelen > 0 && s[linelen - 1] == '\r')
            linelen--;
        if (linelen > 0 || len == 0) {
            any = true;
            text_put (&t, s, linelen);
            rc = send_entry (h, l, &t);
            if (text_error (&t) == 0)
                t.len = headerlen;
        }
        n += s[n] == '\n';
        s += n;
        len -= n;
    }
    text_fini (&t);
    return rc;
}

static const char *severity_name (int level)
{
    static const char *const names[] = {
        "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
    };

    return level >= 0 && (size_t)level < ARRAY_SIZE (names) ? names[level] : "unknown";
}

static int log_text (flux_t *h, int level, const struct text *t)
{
    size_t len = t->len;

    if (text_error (t) < 0) {
        errno = ENOMEM;
        return -1;
    }
    while (len > 0 && (t->buf[len - 1] == '\n' || t->buf[len - 1] == '\r'))
        t->buf[--len] = '\0';
    if (!h)
        return fprintf (stderr, "%s: %s\n", severity_name (level), t->buf) < 0 ? -1 : 0;
    return log_lines (h, level, t->buf, len);
}

int flux_vlog (flux_t *h, int level, const char *fmt, va_list ap)
{
    int saved_errno = errno;
    struct text t = TEXT_INIT;
    int rc;

    text_vprintf (&t, fmt, ap);
    rc = log_text (h, level, &t);
    text_fini (&t);
    errno = saved_errno;
    return rc;
}

int flux_log (flux_t *h, int level, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_vlog (h, level, fmt, ap);
    va_end (ap);
    return rc;
}

void flux_log_verror (flux_t *h, const char *fmt, va_list ap)
{
    int saved_errno = errno;
    char buf[ERROR_TEXT_MAX];

    vsnprintf (buf, sizeof (buf), fmt, ap);
    flux_log (h, LOG_ERR, "%s: %s", buf, flux_strerror (saved_errno));
    errno = saved_errno;
}

void flux_log_error (flux_t *h, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    flux_log_verror (h, fmt, ap);
    va_end (ap);
}

void flux_llog (void *arg,
                const char *file,
                int line,
                const char *func,
                const char *subsys,
                int level,
                const char *fmt,
                va_list ap)
{
    int saved_errno = errno;
    struct text t = TEXT_INIT;

    if (subsys)
        text_printf (&t, "%s: ", subsys);
    text_vprintf (&t, fmt, ap);
    (void)log_text (arg, level, &t);
    text_fini (&t);
    errno = saved_errno;
}
