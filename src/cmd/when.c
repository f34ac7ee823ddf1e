#include "config.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/fsd.h"
#include "when.h"

/* "5 minutes": a count and a unit with a name. */
static bool parse_span (const char *s, int *chars, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {
        { "second", 1 }, { "sec", 1 },    { "minute", 60 },  { "min", 60 },
        { "hour", 3600 }, { "day", 86400 }, { "week", 604800 },
    };
    double n;
    char unit[16];

    if (sscanf (s, "%lf %15[a-z]%n", &n, unit, chars) != 2 || !isfinite (n) || n < 0)
        return false;
    for (size_t i = 0; i < sizeof (units) / sizeof (units[0]); i++) {
        size_t len = strlen (units[i].name);

        if (strncmp (unit, units[i].name, len) == 0
            && (unit[len] == '\0' || strcmp (unit + len, "s") == 0)) {
            *seconds = n * units[i].seconds;
            return true;
        }
    }
    return false;
}

static bool parse_relative (const char *s, double now, double *t)
{
    bool ahead = strncmp (s, "in ", 3) == 0;
    double seconds;
    int n = 0;

    if (!parse_span (ahead ? s + 3 : s, &n, &seconds))
        return false;
    s += n + (ahead ? 3 : 0);
    if (ahead ? *s != '\0' : strcmp (s, " ago") != 0)
        return false;
    *t = ahead ? now + seconds : now - seconds;
    return true;
}

/* A weekday's number from its name or the first three letters, or -1. */
static int weekday (const char *word)
{
    static const char *days[] = { "sunday",   "monday", "tuesday", "wednesday",
                                  "thursday", "friday", "saturday" };

    for (int i = 0; i < 7; i++) {
        if (strcmp (word, days[i]) == 0
            || (strlen (word) == 3 && strncmp (word, days[i], 3) == 0))
            return i;
    }
    return -1;
}

static bool parse_day (const char *word, struct tm *tm)
{
    int year, month, day, n = 0;

    if (strcmp (word, "today") == 0)
        return true;
    if (strcmp (word, "tomorrow") == 0)
        tm->tm_mday++;
    else if (strcmp (word, "yesterday") == 0)
        tm->tm_mday--;
    else if (weekday (word) >= 0)
        tm->tm_mday += (weekday (word) - tm->tm_wday + 6) % 7 + 1;
    else if (sscanf (word, "%4d-%2d-%2d%n", &year, &month, &day, &n) == 3
             && word[n] == '\0' && month >= 1 && month <= 12 && day >= 1 && day <= 31) {
        tm->tm_year = year - 1900;
        tm->tm_mon = month - 1;
        tm->tm_mday = day;
    }
    else
        return false;
    return true;
}

/* "am" or "pm" behind an hour from 1 to 12. */
static bool apply_half (const char *s, int *hour)
{
    if (*s == '\0')
        return true;
    if ((strcmp (s, "am") != 0 && strcmp (s, "pm") != 0) || *hour < 1 || *hour > 12)
        return false;
    *hour = *hour % 12 + (*s == 'p' ? 12 : 0);
    return true;
}

static bool parse_time (const char *word, struct tm *tm)
{
    int hour, min = 0, sec = 0, n = 0, m = 0;

    if (strcmp (word, "noon") == 0)
        hour = 12;
    else if (strcmp (word, "midnight") == 0)
        hour = 0;
    else if (sscanf (word, "%2d:%2d%n:%2d%n", &hour, &min, &n, &sec, &m) >= 2) {
        if (!apply_half (word + (m > n ? m : n), &hour))
            return false;
    }
    else if (sscanf (word, "%2d%n", &hour, &n) != 1 || word[n] == '\0'
             || !apply_half (word + n, &hour))
        return false;
    if (hour < 0 || hour > 23 || min < 0 || min > 59 || sec < 0 || sec > 59)
        return false;
    tm->tm_hour = hour;
    tm->tm_min = min;
    tm->tm_sec = sec;
    return true;
}

/* [DAY] [TIME]; the words in lower case. */
static bool parse_date (char *s, double now, double *t)
{
    time_t seconds = now;
    struct tm tm;
    bool day = false, clock = false;
    char *save;

    if (!localtime_r (&seconds, &tm))
        return false;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_isdst = -1;
    if (isdigit ((unsigned char)*s) && strchr (s, 't') && !strchr (s, ' '))
        *strchr (s, 't') = ' ';
    for (char *word = strtok_r (s, " ", &save); word; word = strtok_r (NULL, " ", &save)) {
        if (!day && !clock && parse_day (word, &tm))
            day = true;
        else if (!clock && parse_time (word, &tm))
            clock = true;
        else
            return false;
    }
    if ((!day && !clock) || (seconds = mktime (&tm)) == -1)
        return false;
    *t = seconds;
    return true;
}

int when_parse (const char *s, double now, double *t)
{
    char buf[128], *end;
    double seconds;

    if (s[0] == '+' || s[0] == '-') {
        if (fsd_pyparse (s + 1, &seconds) < 0 || !isfinite (seconds))
            return -EINVAL;
        *t = s[0] == '+' ? now + seconds : now - seconds;
        return 0;
    }
    seconds = strtod (s, &end);
    if (end != s && *end == '\0' && isfinite (seconds)) {
        *t = seconds;
        return 0;
    }
    if (strlen (s) >= sizeof (buf))
        return -EINVAL;
    for (size_t i = 0; i <= strlen (s); i++)
        buf[i] = tolower ((unsigned char)s[i]);
    if (strcmp (buf, "now") == 0) {
        *t = now;
        return 0;
    }
    return parse_relative (buf, now, t) || parse_date (buf, now, t) ? 0 : -EINVAL;
}
