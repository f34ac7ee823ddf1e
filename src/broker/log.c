#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "log.h"

enum { RING_DEFAULT = 1024, RING_MAX = 1 << 20 };

struct slot {
    char *buf;
    size_t len;
};

struct logger {
    uint32_t rank;
    struct slot *ring; /* circular: used slots, the oldest at first */
    size_t ring_size;
    size_t first;
    size_t used;
    int level;
    int critical_level;
    int stderr_level;
    int forward_level;
    int syslog_level;
    bool syslog_enable;
    bool mode_local;
    int stderr_fd;
    int file_fd;
    logger_follow_f forward;
    void *forward_arg;
    struct {
        logger_follow_f cb;
        void *arg;
    } followers[LOGGER_FOLLOWERS];
    struct logger_stats stats;
};

static const char *const severity_names[] = {
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
};

const char *log_severity_name (int severity)
{
    if (severity < 0 || severity > LOG_DEBUG)
        return "unknown";
    return severity_names[severity];
}

/* The next blank-terminated word of [p, end); NULL if there is none. */
static const char *take_word (const char **p, const char *end, size_t *len)
{
    const char *word = *p;
    const char *blank = memchr (word, ' ', end - word);

    if (!blank || blank == word)
        return NULL;
    *len = blank - word;
    *p = blank + 1;
    return word;
}

static int parse_pri (const char **p, const char *end)
{
    int pri = 0;
    const char *s = *p;

    if (s == end || *s++ != '<')
        return -EINVAL;
    for (; s < end && isdigit ((unsigned char)*s) && pri < 1000; s++)
        pri = pri * 10 + (*s - '0');
    if (end - s < 3 || memcmp (s, ">1 ", 3) != 0 || pri > LOG_DEBUG * 8)
        return -EINVAL;
    *p = s + 3;
    return pri / 8;
}

static int parse_fields (struct log_entry *e, const char *p, const char *end)
{
    const char *word;
    size_t len;

    if ((e->severity = parse_pri (&p, end)) < 0)
        return -EINVAL;
    if (!(e->timestamp = take_word (&p, end, &e->timestamp_len))
        || !(word = take_word (&p, end, &len)))
        return -EINVAL;
    e->rank = 0;
    if (isdigit ((unsigned char)*word))
        e->rank = strtoul (word, NULL, 10);
    if (!(e->app = take_word (&p, end, &e->app_len)))
        return -EINVAL;
    for (int i = 0; i < 3; i++) {
        if (!take_word (&p, end, &len))
            return -EINVAL;
    }
    e->text = p;
    e->text_len = end - p;
    return 0;
}

void log_entry_parse (struct log_entry *e, const char *buf, size_t len)
{
    const char *end = memchr (buf, '\0', len);

    if (!end)
        end = buf + len;
    while (end > buf && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    memset (e, 0, sizeof (*e));
    if ((e->decoded = parse_fields (e, buf, end) == 0))
        return;
    *e = (struct log_entry){ .severity = LOG_INFO, .rank = FLUX_NODEID_ANY };
    e->timestamp = e->app = "";
    e->text = buf;
    e->text_len = end - buf;
}

/* "Nov 21 10:59:36.718836 UTC 2026", or as it stands when it is not a time. */
static void format_timestamp (const struct log_entry *e, char *out, size_t size)
{
    char in[64], head[64], tail[64];
    struct tm tm = { 0 };
    const char *frac;
    time_t t;

    snprintf (in, sizeof (in), "%.*s", (int)e->timestamp_len, e->timestamp);
    snprintf (out, size, "%s", in);
    if (!(frac = strptime (in, "%Y-%m-%dT%H:%M:%S", &tm)))
        return;
    if ((t = timegm (&tm)) == -1 || !localtime_r (&t, &tm))
        return;
    strftime (head, sizeof (head), "%b %d %H:%M:%S", &tm);
    strftime (tail, sizeof (tail), "%Z %Y", &tm);
    snprintf (out, size, "%s%.*s %s", head, (int)strcspn (frac, "Z+-"), frac, tail);
}

char *logger_format (const struct log_entry *e, bool leader)
{
    char prefix[160];
    char *line;

    if (!e->decoded)
        prefix[0] = '\0';
    else if (leader) {
        format_timestamp (e, prefix, sizeof (prefix) - 1);
        strcat (prefix, " ");
    }
    else
        snprintf (prefix, sizeof (prefix), "<%d>", e->severity);
    if (e->decoded) {
        if (asprintf (&line,
                      "%s%.*s.%s[%u]: %.*s\n",
                      prefix,
                      (int)e->app_len,
                      e->app,
                      log_severity_name (e->severity),
                      (unsigned int)e->rank,
                      (int)e->text_len,
                      e->text)
            < 0)
            return NULL;
    }
    else if (asprintf (&line, "%.*s\n", (int)e->text_len, e->text) < 0)
        return NULL;
    return line;
}

struct logger *logger_new (uint32_t rank)
{
    struct logger *lg = calloc (1, sizeof (*lg));

    if (!lg)
        return NULL;
    lg->rank = rank;
    lg->ring_size = RING_DEFAULT;
    lg->level = LOG_DEBUG;
    lg->critical_level = LOG_CRIT;
    lg->stderr_level = LOG_ERR;
    lg->forward_level = LOG_ERR;
    lg->syslog_level = LOG_ERR;
    lg->stderr_fd = STDERR_FILENO;
    lg->file_fd = -1;
    if (!(lg->ring = calloc (lg->ring_size, sizeof (lg->ring[0])))) {
        free (lg);
        return NULL;
    }
    return lg;
}

void logger_clear (struct logger *lg)
{
    for (size_t i = 0; i < lg->used; i++)
        free (lg->ring[(lg->first + i) % lg->ring_size].buf);
    lg->first = lg->used = 0;
}

void logger_free (struct logger *lg)
{
    if (!lg)
        return;
    logger_clear (lg);
    free (lg->ring);
    if (lg->file_fd >= 0)
        close (lg->file_fd);
    free (lg);
}

static int parse_int (const char *value, int max, int *result)
{
    char *end;
    long n;

    if (!value || !*value)
        return -EINVAL;
    errno = 0;
    n = strtol (value, &end, 10);
    if (errno || *end || n > max || n < INT32_MIN)
        return -EINVAL;
    *result = n;
    return 0;
}

static int set_ring_size (struct logger *lg, const char *value)
{
    struct slot *ring;
    int n;

    if (parse_int (value, RING_MAX, &n) < 0 || n < 0)
        return -EINVAL;
    /* calloc (0) may give NULL; a ring of no slots is a valid wish */
    if (!(ring = calloc (n + 1, sizeof (*ring))))
        return -ENOMEM;
    logger_clear (lg);
    free (lg->ring);
    lg->ring = ring;
    lg->ring_size = n;
    return 0;
}

static int set_filename (struct logger *lg, const char *value)
{
    int fd;

    if (!value)
        return 0;
    if ((fd = open (value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
        return -errno;
    if (lg->file_fd >= 0)
        close (lg->file_fd);
    lg->file_fd = fd;
    return 0;
}

static int set_mode (struct logger *lg, const char *value)
{
    if (!value || (strcmp (value, "leader") != 0 && strcmp (value, "local") != 0))
        return -EINVAL;
    lg->mode_local = strcmp (value, "local") == 0;
    return 0;
}

static int set_any (struct logger *lg, const char *name, const char *value)
{
    const struct {
        const char *name;
        int *level;
    } levels[] = {
        { "log-level", &lg->level },
        { "log-critical-level", &lg->critical_level },
        { "log-stderr-level", &lg->stderr_level },
        { "log-forward-level", &lg->forward_level },
        { "log-syslog-level", &lg->syslog_level },
    };
    int n;

    for (size_t i = 0; i < ARRAY_SIZE (levels); i++) {
        if (strcmp (name, levels[i].name) == 0)
            return parse_int (value, LOG_DEBUG, levels[i].level);
    }
    if (strcmp (name, "log-ring-size") == 0)
        return set_ring_size (lg, value);
    if (strcmp (name, "log-stderr-mode") == 0)
        return set_mode (lg, value);
    if (strcmp (name, "log-filename") == 0)
        return set_filename (lg, value);
    if (strcmp (name, "log-syslog-enable") == 0) {
        if (parse_int (value, 1, &n) < 0 || n < 0)
            return -EINVAL;
        lg->syslog_enable = n;
        return 0;
    }
    return -ENOENT;
}

int logger_set (struct logger *lg,
                const char *name,
                const char *value,
                flux_error_t *error)
{
    int r = set_any (lg, name, value);

    if (r == -EINVAL && strstr (name, "-level"))
        errprintf (error, "invalid level");
    else if (r == -EINVAL)
        errprintf (error, "%s: invalid value '%s'", name, value ? value : "");
    else if (r < 0)
        errprintf (error, "%s: %s", value ? value : name, strerror (-r));
    return r;
}

void logger_set_forward (struct logger *lg, logger_follow_f cb, void *arg)
{
    lg->forward = cb;
    lg->forward_arg = arg;
}

void logger_set_stderr (struct logger *lg, int fd)
{
    lg->stderr_fd = fd;
}

int logger_add_follower (struct logger *lg, logger_follow_f cb, void *arg)
{
    for (int i = 0; i < LOGGER_FOLLOWERS; i++) {
        if (!lg->followers[i].cb) {
            lg->followers[i].cb = cb;
            lg->followers[i].arg = arg;
            return 0;
        }
    }
    return -ENOSPC;
}

void logger_remove_follower (struct logger *lg, logger_follow_f cb, void *arg)
{
    for (int i = 0; i < LOGGER_FOLLOWERS; i++) {
        if (lg->followers[i].cb == cb && lg->followers[i].arg == arg)
            lg->followers[i].cb = NULL;
    }
}

static void ring_add (struct logger *lg, const char *buf, size_t len)
{
    struct slot *slot;
    char *copy;

    if (lg->ring_size == 0 || !(copy = malloc (len + 1)))
        return;
    memcpy (copy, buf, len);
    copy[len] = '\0';
    if (lg->used == lg->ring_size) {
        free (lg->ring[lg->first].buf);
        lg->first = (lg->first + 1) % lg->ring_size;
        lg->used--;
    }
    slot = &lg->ring[(lg->first + lg->used++) % lg->ring_size];
    slot->buf = copy;
    slot->len = len;
}

static void write_line (int fd, const char *line)
{
    size_t len = strlen (line);

    while (len > 0) {
        ssize_t n = write (fd, line, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* there is nobody left to tell */
            return;
        line += n;
        len -= n;
    }
}

static void emit (int fd, const struct log_entry *e, bool leader)
{
    _cleanup_ (freep) char *line = logger_format (e, leader);

    if (line)
        write_line (fd, line);
}

/* One line on stderr at most, whichever rule asked for it. */
static void emit_stderr (struct logger *lg, const struct log_entry *e)
{
    bool wanted = e->severity <= lg->stderr_level;

    if (wanted && lg->mode_local)
        emit (lg->stderr_fd, e, false);
    else if (wanted && lg->rank == 0)
        emit (lg->stderr_fd, e, true);
    else if (e->severity <= lg->critical_level)
        emit (lg->stderr_fd, e, lg->rank == 0 && !lg->mode_local);
}

static void emit_syslog (struct logger *lg, const struct log_entry *e)
{
    if (lg->syslog_enable && e->severity <= lg->syslog_level) {
        syslog (e->severity,
                "%.*s.%s[%u]: %.*s",
                (int)e->app_len,
                e->app,
                log_severity_name (e->severity),
                (unsigned int)e->rank,
                (int)e->text_len,
                e->text);
    }
}

void logger_append (struct logger *lg, const char *buf, size_t len)
{
    struct log_entry e;
    bool local;

    log_entry_parse (&e, buf, len);
    len = e.text + e.text_len - buf;
    local = e.decoded && e.rank == lg->rank;
    lg->stats.count++;
    if (local)
        lg->stats.local++;
    else
        lg->stats.remote++;
    emit_stderr (lg, &e);
    emit_syslog (lg, &e);
    if (lg->rank == 0 && lg->file_fd >= 0)
        emit (lg->file_fd, &e, true);
    if (lg->forward && e.severity <= lg->forward_level)
        lg->forward (buf, len, lg->forward_arg);
    if (local && e.severity <= lg->level) {
        ring_add (lg, buf, len);
        for (int i = 0; i < LOGGER_FOLLOWERS; i++) {
            if (lg->followers[i].cb)
                lg->followers[i].cb (buf, len, lg->followers[i].arg);
        }
    }
}

const char *logger_next (const struct logger *lg, size_t *pos, size_t *len)
{
    const struct slot *slot;

    if (*pos >= lg->used)
        return NULL;
    slot = &lg->ring[(lg->first + (*pos)++) % lg->ring_size];
    *len = slot->len;
    return slot->buf;
}

void logger_get_stats (const struct logger *lg, struct logger_stats *stats)
{
    *stats = lg->stats;
    stats->ring_used = lg->used;
}
