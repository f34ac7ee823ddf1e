/* log_syslog_test.c - what goes to syslog(3), which this program takes the place of. */

#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/tap.h"

#include "log.h"

static char last[512];
static int count;

static void record (int priority, const char *fmt, va_list ap)
{
    char text[400];

    vsnprintf (text, sizeof (text), fmt, ap);
    snprintf (last, sizeof (last), "%d %s", priority, text);
    count++;
}

void syslog (int priority, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    record (priority, fmt, ap);
    va_end (ap);
}

/* what the headers make of it when they check formats */
void __syslog_chk (int priority, int flag, const char *fmt, ...);
void __syslog_chk (int priority, int flag, const char *fmt, ...)
{
    va_list ap;

    (void)flag;
    va_start (ap, fmt);
    record (priority, fmt, ap);
    va_end (ap);
}

static void append (struct logger *lg, int severity, const char *host, const char *text)
{
    char buf[256];
    int n = snprintf (buf, sizeof (buf), "<%d>1 2026-11-21T10:59:36.718836Z %s t1 77 - - %s",
                      severity * 8, host, text);

    logger_append (lg, buf, n);
}

int main (void)
{
    struct logger *lg = logger_new (0), *follower = logger_new (3);
    flux_error_t error;

    if (!lg || !follower)
        bail_out ("out of memory");
    logger_set (lg, "log-stderr-level", "-1", &error);
    append (lg, LOG_ERR, "0", "x");
    is_int (count, 0, "nothing goes to syslog unless that is enabled");
    ok (logger_set (lg, "log-syslog-enable", "1", &error) == 0, "it is");
    append (lg, LOG_ERR, "0", "a % b %s");
    is (last, "3 t1.err[0]: a % b %s", "errors go there, with their severity, as they are");
    append (lg, LOG_INFO, "0", "x");
    is_int (count, 1, "milder ones do not, by default");
    append (lg, LOG_WARNING, "7", "x");
    is_int (count, 1, "nor do those of others");
    append (lg, LOG_ALERT, "7", "from seven");
    is (last, "1 t1.alert[7]: from seven", "what other ranks send goes there if it is grave");
    ok (logger_set (lg, "log-syslog-level", "7", &error) == 0, "the level can be set");
    append (lg, LOG_DEBUG, "0", "x");
    is (last, "7 t1.debug[0]: x", "and holds");
    ok (logger_set (lg, "log-syslog-level", "-1", &error) == 0, "to nothing, too");
    append (lg, LOG_EMERG, "0", "y");
    is (last, "7 t1.debug[0]: x", "and nothing goes there");
    ok (logger_set (lg, "log-syslog-level", "8", &error) < 0
            && logger_set (lg, "log-syslog-enable", "", &error) < 0,
        "what is no level, or no switch, is refused");
    logger_set (follower, "log-stderr-level", "-1", &error);
    logger_set (follower, "log-syslog-enable", "1", &error);
    append (follower, LOG_ERR, "3", "own");
    is (last, "3 t1.err[3]: own", "each rank has its own switch");
    logger_free (lg);
    logger_free (follower);
    return done_testing ();
}
