/* eventfmt.h - print event log entries (RFC 18) for people or programs.
 *
 * A line is "<time> <name>[ key=<compact JSON>]...", or the entry itself.
 */

#ifndef MILLRACE_CMD_EVENTFMT_H
#define MILLRACE_CMD_EVENTFMT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum eventfmt_time {
    EVENTFMT_RAW,    /* seconds, as stored */
    EVENTFMT_ISO,    /* local time */
    EVENTFMT_OFFSET, /* seconds since the first entry seen */
    EVENTFMT_HUMAN,  /* minute, then offsets from the entry that showed it */
};

struct eventfmt {
    enum eventfmt_time time;
    bool json;   /* print entries as they are */
    bool color;
    bool started;  /* t0 is set */
    double t0;     /* zero of offsets */
    time_t minute; /* the last one printed, from 1; 0: none was */
};

/* Take the argument of a --time-format, --format or --color option.  Returns
 * false if it is none.  NULL as color argument means always.
 */
bool eventfmt_set_time (struct eventfmt *e, const char *arg);
bool eventfmt_set_format (struct eventfmt *e, const char *arg);
bool eventfmt_set_color (struct eventfmt *e, const char *arg);

/* Print one entry (the decoded object) and a newline. */
void eventfmt_print (struct eventfmt *e, json_t *entry, FILE *out);

/* An entry that is not printed still counts as the zero of offsets. */
void eventfmt_skip (struct eventfmt *e, json_t *entry);

/* Decode a whole event log into an array of entries.  NULL if it is not
 * well-formed.
 */
json_t *eventfmt_decode (const char *log);

/* Decode the one entry that the len bytes hold, newline included or not. */
json_t *eventfmt_decode_entry (const char *s, size_t len);

#endif /* !MILLRACE_CMD_EVENTFMT_H */
