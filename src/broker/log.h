/* broker/log.h - what is logged, and where it goes.
 *
 * An entry is one line of text in the format of wire.md section 9.2:
 *     <PRI>1 TIMESTAMP HOSTNAME APPNAME PROCID - - TEXT
 * where PRI is 8 * severity and HOSTNAME is the rank of the broker.
 *
 * Disposition of an entry of severity S:
 *  - from this rank and S <= log-level: into the ring, and to followers
 *  - S <= log-critical-level, or S <= log-stderr-level in mode "local":
 *    to stderr
 *  - S <= log-stderr-level in mode "leader", on rank 0: to stderr
 *  - on rank 0, everything: to the log file, if there is one
 *  - on other ranks, S <= log-forward-level: upstream
 * What does not parse counts as severity info from another rank.
 *
 * Ownership: entries are copied in.
 * Bound: log-ring-size entries (1024); the oldest goes first.
 *
 * No flux_t here: log_service.c answers the requests.
 */

#ifndef MILLRACE_BROKER_LOG_H
#define MILLRACE_BROKER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <flux/core.h>

/* A parsed entry: slices of its text. */
struct log_entry {
    int severity; /* 0 emerg ... 7 debug */
    bool decoded; /* false: everything below is a default */
    uint32_t rank;
    const char *timestamp;
    size_t timestamp_len;
    const char *app;
    size_t app_len;
    const char *text;
    size_t text_len; /* trailing CR and LF excluded */
};

void log_entry_parse (struct log_entry *e, const char *buf, size_t len);

/* "emerg" ... "debug". */
const char *log_severity_name (int severity);

struct logger;

/* Called for each entry that enters the ring. */
typedef void (*logger_follow_f) (const char *buf, size_t len, void *arg);

struct logger *logger_new (uint32_t rank);

/* On ranks above 0: who carries entries of S <= log-forward-level upstream. */
void logger_set_forward (struct logger *lg, logger_follow_f cb, void *arg);
void logger_free (struct logger *lg);

/* Set one log-* attribute.  Returns 0, -EINVAL with a sentence, -ENOENT if
 * the name is none of ours, or what opening the file gave.
 */
int logger_set (struct logger *lg,
                const char *name,
                const char *value,
                flux_error_t *error);

/* Where "stderr" is; by default STDERR_FILENO.  The logger does not own it. */
void logger_set_stderr (struct logger *lg, int fd);

/* At most LOGGER_FOLLOWERS at a time (-ENOSPC).  Returns 0. */
enum { LOGGER_FOLLOWERS = 4 };
int logger_add_follower (struct logger *lg, logger_follow_f cb, void *arg);
void logger_remove_follower (struct logger *lg, logger_follow_f cb, void *arg);

/* Take one entry.  Never fails: an entry there is no memory for still goes
 * to stderr.
 */
void logger_append (struct logger *lg, const char *buf, size_t len);

void logger_clear (struct logger *lg);

/* Visit the ring, oldest first: start with *pos = 0; NULL at the end. */
const char *logger_next (const struct logger *lg, size_t *pos, size_t *len);

struct logger_stats {
    uint64_t ring_used; /* entries in the ring */
    uint64_t count;     /* entries taken */
    uint64_t local;     /* ... of these, from this rank */
    uint64_t remote;    /* ... and from others */
};

void logger_get_stats (const struct logger *lg, struct logger_stats *stats);

/* The line written to stderr and to the file, with its LF; malloc'ed, or NULL
 * with no memory.  In mode leader it opens with a timestamp.
 */
char *logger_format (const struct log_entry *e, bool leader);

#endif /* !MILLRACE_BROKER_LOG_H */
