#include "config.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "fsd.h"
#include "util.h"

static const struct unit {
    const char *suffix;
    double seconds;
} units[] = {
    { "", 1. },     { "ms", 1E-3 }, { "s", 1. },
    { "m", 60. },   { "h", 3600. }, { "d", 86400. },
};

static const struct unit *unit_find (const char *suffix)
{
    for (size_t i = 0; i < ARRAY_SIZE (units); i++) {
        if (strcmp (suffix, units[i].suffix) == 0)
            return &units[i];
    }
    return NULL;
}

int fsd_parse (const char *s, double *seconds)
{
    const struct unit *unit;
    double d;
    char *end;

    if (!s)
        return -EINVAL;
    if (strcasecmp (s, "inf") == 0 || strcasecmp (s, "infinity") == 0) {
        *seconds = INFINITY;
        return 0;
    }
    if (isspace ((unsigned char)*s))
        return -EINVAL;
    d = strtod (s, &end);
    if (end == s || !isfinite (d) || d < 0 || !(unit = unit_find (end)))
        return -EINVAL;
    *seconds = d * unit->seconds;
    return 0;
}

static int fits (int n, size_t size)
{
    return n >= 0 && (size_t)n < size ? n : -EOVERFLOW;
}

/* The largest unit that fits whole into d, from seconds up. */
static const struct unit *unit_for (double d)
{
    const struct unit *unit = unit_find ("s");

    for (; unit + 1 < units + ARRAY_SIZE (units); unit++) {
        if (d < unit[1].seconds)
            break;
    }
    return unit;
}

int fsd_format_prec (char *buf, size_t size, double seconds, int prec)
{
    const struct unit *unit;

    if (isnan (seconds) || seconds < 0)
        return -EINVAL;
    if (isinf (seconds))
        return fits (snprintf (buf, size, "infinity"), size);
    unit = seconds > 0 && seconds < 0.1 ? unit_find ("ms") : unit_for (seconds);
    return fits (snprintf (buf,
                           size,
                           "%.*g%s",
                           prec,
                           fabs (seconds) / unit->seconds,
                           unit->suffix),
                 size);
}

int fsd_format (char *buf, size_t size, double seconds)
{
    return fsd_format_prec (buf, size, seconds, 6);
}

static int pyformat_duration (char *buf, size_t size, double seconds)
{
    const struct unit *unit;

    if (isinf (seconds) && seconds > 0)
        return snprintf (buf, size, "inf");
    if (seconds < 1E-3)
        return snprintf (buf, size, "0s");
    if (seconds < 10)
        return snprintf (buf, size, "%.3fs", seconds);
    unit = unit_for (seconds);
    return snprintf (buf, size, "%.4g%s", seconds / unit->seconds, unit->suffix);
}

static int pyformat_clock (char *buf, size_t size, double seconds)
{
    char days_text[32] = "";
    long long total;
    long long days;
    int rest;

    if (fabs (seconds) > 1E14)
        return -EINVAL;
    total = llrint (seconds);
    if (seconds > 0 && total == 0)
        total = 1;
    days = total / 86400;
    if ((rest = total % 86400) < 0) {
        rest += 86400;
        days--;
    }
    if (days != 0) {
        const char *plural = llabs (days) == 1 ? "" : "s";

        snprintf (days_text, sizeof (days_text), "%lld day%s, ", days, plural);
    }
    return snprintf (buf,
                     size,
                     "%s%d:%02d:%02d",
                     days_text,
                     rest / 3600,
                     rest / 60 % 60,
                     rest % 60);
}

static int pyformat_percent (char *buf, size_t size, double fraction)
{
    if (fraction > 0 && fraction < 0.01)
        return snprintf (buf, size, "%.2f%%", fraction * 100);
    return snprintf (buf, size, "%.3g%%", fraction * 100);
}

int fsd_pyformat (char *buf, size_t size, double seconds, char conversion)
{
    int n = -EINVAL;

    if (isnan (seconds))
        return -EINVAL;
    if (conversion == 'F')
        n = pyformat_duration (buf, size, seconds);
    else if (conversion == 'H')
        n = pyformat_clock (buf, size, seconds);
    else if (conversion == 'P')
        n = pyformat_percent (buf, size, seconds);
    return n < 0 ? n : fits (n, size);
}

/* Copy a decimal number without its blanks and '_'.  Returns the rest of s,
 * or NULL if there is no number or it is too long.
 */
static const char *copy_number (char *buf, size_t size, const char *s)
{
    size_t n = 0;

    while (isspace ((unsigned char)*s))
        s++;
    for (; isdigit ((unsigned char)*s) || (*s && strchr ("+-.eE_", *s)); s++) {
        if (*s == '_') {
            if (n == 0 || !isdigit ((unsigned char)buf[n - 1])
                || !isdigit ((unsigned char)s[1]))
                return NULL;
            continue;
        }
        if (n + 1 >= size)
            return NULL;
        buf[n++] = *s;
    }
    buf[n] = '\0';
    while (isspace ((unsigned char)*s))
        s++;
    return n > 0 ? s : NULL;
}

int fsd_pyparse (const char *s, double *seconds)
{
    static const char *const infinite[] = { "inf", "INF", "infinity", "INFINITY" };
    const struct unit *unit;
    const char *rest;
    char number[64];
    char *end;
    double d;

    if (!s)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_SIZE (infinite); i++) {
        if (strcmp (s, infinite[i]) == 0) {
            *seconds = INFINITY;
            return 0;
        }
    }
    if (!(rest = copy_number (number, sizeof (number), s)) || !(unit = unit_find (rest)))
        return -EINVAL;
    d = strtod (number, &end);
    if (end == number || *end || !isfinite (d) || d < 0)
        return -EINVAL;
    *seconds = d * unit->seconds;
    return 0;
}
