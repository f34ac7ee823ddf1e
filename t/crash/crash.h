/* crash.h - a broker that is killed at random moments, and what must hold.
 *
 * One life of an instance, in a state directory that outlives it:
 *   check   everything that the lives before left behind
 *   load    commits (relaxed, and some synchronous) until the broker is killed
 * beside which `flux submit` prints ids of jobs.
 *
 * Transaction number i puts crash.last = i, crash.ring.<i % RING> and
 * crash.keep.<i / 64>.<i> = a value that says which life wrote it, and appends
 * a line to crash.log.  So for any state there is at most one number P of
 * which it is the state; what is there after a crash must be such a state,
 * no synchronous transaction that was acknowledged may be above P, and none
 * that was acknowledged longer ago than WINDOW.
 *
 * Files of one run, in its directory:
 *   state     the state directory
 *   ready     a fifo: gets a byte when the load begins, is closed when it ends
 *   lives     a line per life: the number of its first transaction
 *   acked     a line per acknowledged transaction: number, 1 if it was
 *             synchronous, when (s, CLOCK_MONOTONIC)
 *   killed    when the broker was killed first after that
 *   ids       what flux submit printed
 *   failed    what does not hold; the run ends there
 *   log       what the brokers said
 */

#ifndef T_CRASH_CRASH_H
#define T_CRASH_CRASH_H

#include <errno.h>
#include <flux/core.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RING 61
#define IN_FLIGHT 16
#define SYNC_EVERY 16
#define CRASH_WORDS "the-last-words" /* of a job */
#define WINDOW 5.0 /* s: much more than what is lost, for slow machines */

struct lives {
    long *first;
    size_t count;
};

double crash_now (void);

/* Print to file failed and stderr, and exit 1.  If errno says that the
 * connection is lost, just exit.
 */
void crash_failed (const char *fmt, ...)
    __attribute__ ((format (printf, 1, 2), noreturn));

/* The same, whatever errno is. */
#define crash_wrong(...) (errno = 0, crash_failed (__VA_ARGS__))

/* NAME in the directory of the run, opened; exits on failure. */
FILE *crash_open (const char *name, const char *mode);

void lives_read (struct lives *l);
size_t life_of (const struct lives *l, long i);

/* The value of transaction i as that life wrote it. */
void crash_value (char *buf, size_t size, long i, size_t life);

/* load.c: from transaction 'first' on, until the broker is gone; or count of
 * them, if that is not 0.
 */
void crash_load (flux_t *h, long first, size_t life, long count);

/* check.c: returns P. */
long crash_check (flux_t *h);

/* walk.c: load everything that hangs on the root of the primary namespace.
 * Returns the number of blobs.
 */
size_t crash_walk (flux_t *h);

/* jobs.c: every id that was printed is a job, once, and comes to an end; one that had
 * come to its end before the crash left what it wrote.
 */
void crash_check_jobs (flux_t *h);

#endif /* !T_CRASH_CRASH_H */
