#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/tap.h"
#include "when.h"

static const double now = 1700000000; /* Tue 2023-11-14 22:13:20 UTC */

static void reads (const char *s, double want)
{
    double t = -1;

    ok (when_parse (s, now, &t) == 0 && t == want, "'%s' is %+.1f s from now", s,
        want - now);
}

static void refuses (const char *s)
{
    double t = 42;

    ok (when_parse (s, now, &t) == -EINVAL && t == 42, "'%s' is no time", s);
}

int main (void)
{
    const double midnight = now - (22 * 3600 + 13 * 60 + 20), day = 86400, hour = 3600;

    setenv ("TZ", "UTC", 1);
    tzset ();
    reads ("now", now);
    reads ("+1.5h", now + 1.5 * hour);
    reads ("-2d", now - 2 * day);
    reads ("1700000001.5", now + 1.5);
    reads ("5 minutes ago", now - 300);
    reads ("1 hour ago", now - hour);
    reads ("in 2 weeks", now + 14 * day);
    reads ("today", midnight);
    reads ("Tomorrow", midnight + day);
    reads ("yesterday noon", midnight - day + 12 * hour);
    reads ("tomorrow 8am", midnight + day + 8 * hour);
    reads ("12am", midnight);
    reads ("12:30 ", midnight + 12.5 * hour);
    reads ("3:30pm", midnight + 15.5 * hour);
    reads ("wed", midnight + day);
    reads ("tuesday 06:00", midnight + 7 * day + 6 * hour);
    reads ("2023-11-15", midnight + day);
    reads ("2023-11-15 01:02:03", midnight + day + hour + 123);
    reads ("2023-11-15T01:02:03", midnight + day + hour + 123);
    refuses ("");
    refuses ("+");
    refuses ("+inf");
    refuses ("nan");
    refuses ("25:00");
    refuses ("13pm");
    refuses ("5 minutes");
    refuses ("in 5 parsecs");
    refuses ("2023-13-01");
    refuses ("noon noon");
    refuses ("tomorrow yesterday");
    refuses ("someday");
    return done_testing ();
}
