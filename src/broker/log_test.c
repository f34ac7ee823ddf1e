#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "common/tap.h"

#include "log.h"

#define TS "2026-11-21T10:59:36.718836Z"

static void append (struct logger *lg, int severity, int rank, const char *text)
{
    char buf[512];
    int n = snprintf (buf,
                      sizeof (buf),
                      "<%d>1 " TS " %d t1 77 - - %s",
                      severity * 8,
                      rank,
                      text);
    logger_append (lg, buf, n);
}

/* What was written to the pipe since last time. */
static const char *drain (int fd)
{
    static char buf[4096];
    ssize_t n = read (fd, buf, sizeof (buf) - 1);

    buf[n > 0 ? n : 0] = '\0';
    return buf;
}

static void parsing (void)
{
    const char *s = "<24>1 " TS " 3 app-x 12 - - hello  world \r\n";
    struct log_entry e;

    log_entry_parse (&e, s, strlen (s));
    ok (e.decoded && e.severity == LOG_ERR, "severity is PRI / 8");
    ok (e.rank == 3, "HOSTNAME is the rank");
    ok (e.app_len == 5 && memcmp (e.app, "app-x", 5) == 0, "APPNAME is found");
    ok (e.text_len == 13 && memcmp (e.text, "hello  world ", 13) == 0,
        "the text keeps its blanks and loses CR and LF");

    s = "<24>1 " TS " fred app 12 - - x";
    log_entry_parse (&e, s, strlen (s));
    ok (e.decoded && e.rank == 0, "a HOSTNAME that is no number counts as rank 0");

    const char *bad[] = {
        "", "x", "<24>1", "<24>2 a b c d - - x", "<99999999999>1 a b c d - - x",
        "<64>1 a b c d - - x", "<24>1 a b c", "<24>1 a b c d - -", "<>1 ", "<24",
    };
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        log_entry_parse (&e, bad[i], strlen (bad[i]));
        ok (!e.decoded && e.severity == LOG_INFO && e.rank == FLUX_NODEID_ANY,
            "not an entry: info from elsewhere: '%s'",
            bad[i]);
    }
}

static void ring (void)
{
    struct logger *lg = logger_new (0);
    struct logger_stats st;
    flux_error_t error;
    size_t pos = 0, len;
    const char *s;

    ok (logger_set (lg, "log-ring-size", "3", &error) == 0, "a ring of three");
    ok (logger_set (lg, "log-level", "6", &error) == 0, "up to info");
    append (lg, LOG_INFO, 0, "one");
    append (lg, LOG_DEBUG, 0, "too detailed");
    append (lg, LOG_INFO, 1, "from elsewhere");
    logger_append (lg, "garbage", 7);
    append (lg, LOG_INFO, 0, "two");
    append (lg, LOG_INFO, 0, "three");
    append (lg, LOG_INFO, 0, "four");

    s = logger_next (lg, &pos, &len);
    ok (s && strcmp (s + strlen (s) - 3, "two") == 0, "the oldest made room");
    s = logger_next (lg, &pos, &len);
    ok (s && strlen (s) == len, "length is given");
    s = logger_next (lg, &pos, &len);
    ok (s && strstr (s, "four") && !logger_next (lg, &pos, &len), "newest comes last");

    logger_get_stats (lg, &st);
    ok (st.ring_used == 3 && st.count == 7 && st.local == 5 && st.remote == 2,
        "everything is counted");
    logger_clear (lg);
    pos = 0;
    ok (!logger_next (lg, &pos, &len), "clear empties the ring");
    ok (logger_set (lg, "log-ring-size", "0", &error) == 0, "a ring of none");
    append (lg, LOG_INFO, 0, "gone");
    pos = 0;
    ok (!logger_next (lg, &pos, &len), "... keeps nothing");
    logger_free (lg);
}

static void stderr_rules (void)
{
    struct logger *lg = logger_new (0);
    flux_error_t error;
    int fd[2];

    setenv ("TZ", "UTC", 1);
    tzset ();
    if (pipe2 (fd, O_NONBLOCK) < 0)
        bail_out ("pipe");
    logger_set_stderr (lg, fd[1]);

    append (lg, LOG_INFO, 0, "quiet");
    is (drain (fd[0]), "", "info does not reach stderr by default");
    append (lg, LOG_CRIT, 0, "text");
    is (drain (fd[0]),
        "Nov 21 10:59:36.718836 UTC 2026 t1.crit[0]: text\n",
        "in mode leader a line opens with a timestamp, and is written once");
    append (lg, LOG_ERR, 5, "from five");
    is (drain (fd[0]),
        "Nov 21 10:59:36.718836 UTC 2026 t1.err[5]: from five\n",
        "the leader prints for other ranks");
    ok (logger_set (lg, "log-stderr-mode", "local", &error) == 0, "mode local");
    append (lg, LOG_CRIT, 0, "text");
    is (drain (fd[0]), "<2>t1.crit[0]: text\n", "prints the severity instead");
    ok (logger_set (lg, "log-stderr-level", "-1", &error) == 0, "negative: nothing");
    append (lg, LOG_ERR, 0, "text");
    is (drain (fd[0]), "", "errors stay in the ring");
    append (lg, LOG_ALERT, 0, "text");
    is (drain (fd[0]), "<1>t1.alert[0]: text\n", "critical ones show all the same");
    logger_free (lg);
    close (fd[0]);
    close (fd[1]);
}

static void bad_settings (void)
{
    struct logger *lg = logger_new (0);
    const char *bad[][2] = {
        { "log-level", "8" },         { "log-level", "" },
        { "log-level", "7x" },        { "log-stderr-level", NULL },
        { "log-ring-size", "-1" },    { "log-ring-size", "" },
        { "log-stderr-mode", "all" }, { "log-syslog-enable", "2" },
    };
    flux_error_t error;

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        ok (logger_set (lg, bad[i][0], bad[i][1], &error) == -EINVAL,
            "%s=%s is refused",
            bad[i][0],
            bad[i][1] ? bad[i][1] : "(null)");
    }
    (void)logger_set (lg, "log-stderr-level", "9", &error);
    is (error.text, "invalid level", "with a sentence");
    ok (logger_set (lg, "nosuch", "1", &error) == -ENOENT, "unknown name: ENOENT");
    ok (logger_set (lg, "log-filename", "/nonexistent/x", &error) == -ENOENT,
        "a file that cannot be opened is an error");
    logger_free (lg);
}

static void count_entry (const char *buf, size_t len, void *arg)
{
    *(int *)arg += len;
}

static void file_and_follower (void)
{
    struct logger *lg = logger_new (0);
    char path[] = "/tmp/log_test.XXXXXX";
    int fd = mkstemp (path);
    struct stat st;
    flux_error_t error;
    int seen = 0;

    ok (logger_add_follower (lg, count_entry, &seen) == 0, "somebody follows");
    ok (logger_set (lg, "log-filename", path, &error) == 0, "a log file opens");
    append (lg, LOG_DEBUG, 0, "deep detail");
    ok (fstat (fd, &st) == 0 && st.st_size > 20, "it gets everything");
    ok (seen > 20, "a follower sees what enters the ring");
    seen = 0;
    append (lg, LOG_DEBUG, 7, "elsewhere");
    ok (seen == 0, "... and nothing else");
    logger_remove_follower (lg, count_entry, &seen);
    append (lg, LOG_DEBUG, 0, "unseen");
    ok (seen == 0, "until it is removed");
    for (int i = 0; i < LOGGER_FOLLOWERS; i++)
        logger_add_follower (lg, count_entry, &seen);
    ok (logger_add_follower (lg, count_entry, &seen) == -ENOSPC, "followers are bounded");
    logger_free (lg);
    close (fd);
    unlink (path);
}

int main (void)
{
    parsing ();
    ring ();
    stderr_rules ();
    bad_settings ();
    file_and_follower ();
    return done_testing ();
}
