/* when.h - points in time as people write them on a command line. */

#ifndef MILLRACE_CMD_WHEN_H
#define MILLRACE_CMD_WHEN_H

/* now, +DURATION, -DURATION (RFC 23), seconds since the epoch,
 * "N minutes ago", "in 2 hours", or [DAY] [TIME] where DAY is today, tomorrow,
 * yesterday, a weekday (the next one), or YYYY-MM-DD and TIME is HH:MM[:SS],
 * 5pm, noon or midnight; DAY and TIME may be joined by 'T'.  Without a DAY it is
 * today, without a TIME midnight.  All in local time, relative to 'now'.
 * Returns 0 or -EINVAL.
 */
int when_parse (const char *s, double now, double *t);

#endif /* !MILLRACE_CMD_WHEN_H */
