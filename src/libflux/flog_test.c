#include "config.h"
#include <regex.h>

#include "fake_broker.h"

#define HEADER "^<%d>1 2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z %s %s %s - - %s$"

static void is_entry (const char *entry,
                      int pri,
                      const char *host,
                      const char *app,
                      const char *procid,
                      const char *text)
{
    char pattern[512];
    regex_t re;

    snprintf (pattern, sizeof (pattern), HEADER, pri, host, app, procid, text);
    must (regcomp (&re, pattern, REG_EXTENDED | REG_NOSUB) == 0);
    if (!ok (entry && regexec (&re, entry, 0, NULL, 0) == 0, "entry '%s'", text))
        diag ("got %s, want %s", entry, pattern);
    regfree (&re);
}

static void entries_are_requests (flux_t *h)
{
    char pid[16];

    snprintf (pid, sizeof (pid), "%d", (int)getpid ());
    fake_answer ("log.append", 0, NULL);
    must (flux_attr_set_cacheonly (h, "rank", "7") == 0);
    errno = EDOM;
    ok (flux_log (h, LOG_INFO, "hello %d\r\n", 1) == 0, "a line is logged");
    ok (errno == EDOM, "errno is preserved");
    fake_sync (h);
    is_entry (fake_request ("log.append"), 48, "7", "flog_test", pid, "hello 1");
    ok (fake.topics[0].noresponse, "nobody waits");
    errno = ENOENT;
    flux_log_error (h, "opening %s", "it");
    fake_sync (h);
    ok (errno == ENOSYS, "(fake_sync leaves errno)");
    is_entry (fake_request ("log.append"),
              24,
              "7",
              "flog_test",
              pid,
              "opening it: No such file or directory");
}

static void names_are_set (flux_t *h)
{
    char longname[100];

    memset (longname, 'a', sizeof (longname));
    longname[99] = '\0';
    flux_log_set_appname (h, longname);
    flux_log_set_procid (h, "proc");
    flux_log_set_hostname (h, "host");
    flux_log (h, LOG_EMERG, "x");
    fake_sync (h);
    is_entry (fake_request ("log.append"), 0, "host", "a{48}", "proc", "x");
    flux_log_set_appname (h, "app");
    flux_log_set_hostname (h, NULL);
    flux_log (h, LOG_DEBUG, "x");
    fake_sync (h);
    is_entry (fake_request ("log.append"), 56, "7", "app", "proc", "x");
}

static char lines[1000];

static void collect (const char *buf, int len, void *arg)
{
    const char *text = memmem (buf, len, "- - ", 4);

    must (text != NULL && arg == lines);
    strncat (lines, text + 4, buf + len - (text + 4));
    strcat (lines, "|");
}

static void is_lines (flux_t *h, const char *text, const char *want)
{
    lines[0] = '\0';
    flux_log (h, LOG_INFO, "%s", text);
    is (lines, want, "is split into lines");
}

static void text_is_split_into_lines (flux_t *h)
{
    char *longtext = malloc (100001);
    int count = fake_count ("log.append");

    flux_log_set_redirect (h, collect, lines);
    is_lines (h, "one", "one|");
    is_lines (h, "", "|");
    is_lines (h, "\n\r\n", "|");
    is_lines (h, "one\ntwo\r\n\nthree\n", "one|two|three|");
    is_lines (h, "\none", "one|");
    flux_log_set_redirect (h, NULL, NULL);
    fake_sync (h);
    ok (fake_count ("log.append") == count, "a redirect keeps them from the broker");

    must (longtext != NULL);
    memset (longtext, 'x', 100000);
    longtext[100000] = '\0';
    flux_log (h, LOG_INFO, "%s", longtext);
    fake_sync (h);
    ok (strlen (fake_request ("log.append")) > 100000, "a long line stays whole");
    free (longtext);
}

static void llog (flux_t *h, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    flux_llog (h, __FILE__, __LINE__, __func__, "sub", LOG_INFO, fmt, ap);
    va_end (ap);
}

static void others_log_too (flux_t *h)
{
    FILE *saved = stderr;
    char *text = NULL;
    size_t size;

    flux_log_set_redirect (h, collect, lines);
    lines[0] = '\0';
    llog (h, "%s", "text");
    is (lines, "sub: text|", "a subsystem logs");
    must ((stderr = open_memstream (&text, &size)) != NULL);
    flux_log (NULL, LOG_WARNING, "no %s\n", "handle");
    errno = EINVAL;
    flux_log_error (NULL, "bad");
    fclose (stderr);
    stderr = saved;
    is (text,
        "warning: no handle\nerr: bad: Invalid argument\n",
        "without a handle it is stderr");
    free (text);
    is (flux_strerror (ENOENT), "No such file or directory", "errors have names");
}

int main (void)
{
    flux_t *h = fake_start ();

    entries_are_requests (h);
    names_are_set (h);
    text_is_split_into_lines (h);
    others_log_too (h);
    fake_stop (h);
    return done_testing ();
}
