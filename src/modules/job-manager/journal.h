/* job-manager/journal.h - every event, to everybody who follows the journal.
 *
 * Purpose: services learn what happens to all jobs from one stream.  A new
 * consumer first gets the past (the backlog: one message per job), then a
 * sentinel, then each event as it happens.
 *
 * Each event is written once, as the line of its eventlog; a message is that
 * line with a frame around it, made once for all consumers.  A consumer that
 * asks for groups ("group", ours) gets what happens to a job in one step in one
 * message.
 *
 * The backlog of a million jobs is not sent in one go: journal_pump () sends a
 * portion each time it is called.  Meanwhile
 *  - an event of a job that was not sent yet is left out (it will be part of
 *    that job's backlog message),
 *  - an event of a job that was sent is kept, and follows the sentinel.
 *
 * Invariants
 *  - per job, a consumer gets every event that passes its filter once, in
 *    posting order
 *  - nothing but backlog precedes the sentinel
 *  - first the inactive jobs in the order in which they ended, then the active
 *    ones in the order in which they came; one that ends while it has not been
 *    reached is sent at that moment
 *
 * Ownership: a consumer's token belongs to the service, which gets it back
 * from journal_remove () and journal_next_token ().
 * Bounds: the events kept for one consumer live as long as its backlog takes.
 * One that does not read is paused (our broker says so): its backlog waits
 * where it is, events are kept, and with JOURNAL_KEPT_MAX bytes of them it has
 * overrun, for good: it must be removed.  Beside a stock broker nobody is paused, and what
 * a consumer does not read waits in its connection.
 */

#ifndef MILLRACE_JOB_MANAGER_JOURNAL_H
#define MILLRACE_JOB_MANAGER_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"
#include "common/text.h"
#include "common/treap.h"

#include "event.h"

struct job;

#define JOURNAL_KEPT_MAX (16 << 20)

#define JOURNAL_SENTINEL "{\"id\":-1,\"events\":[]}"

/* A message for a consumer; len excludes the NUL at its end. */
typedef void (*journal_send_f) (void *token, const char *payload, size_t len, void *arg);

struct journal {
    struct list consumers;
    const struct list *active;    /* of the engine, in order of arrival */
    const struct treap *inactive; /* of the engine, in order of ending */
    journal_send_f send;
    void *arg;
    struct text message;
    struct text unpacked;
    uint64_t events;  /* processed since the start */
    uint64_t written; /* messages of these; each goes to all who get one per event */
    bool open;       /* there are groups to send */
};

void journal_init (struct journal *j,
                   const struct list *active,
                   const struct treap *inactive,
                   journal_send_f send,
                   void *arg);
void journal_fini (struct journal *j);

/* A new consumer.  allow and deny are objects or absent: their keys count.
 * Returns 0 or -ENOMEM.
 */
int journal_add (struct journal *j,
                 void *token,
                 bool full,
                 bool group,
                 struct jview allow,
                 struct jview deny);

/* The consumer with this token goes away.  False if there is none. */
bool journal_remove (struct journal *j, const void *token);

/* It does not read, or does again. */
void journal_pause (struct journal *j, const void *token, bool pause);

/* The token of a consumer that has overrun, or NULL. */
void *journal_overrun (const struct journal *j);

/* The tokens of all consumers, one after the other: start with NULL. */
void *journal_next_token (const struct journal *j, const void *token);

size_t journal_count (const struct journal *j);

/* One event of job, as its line (with newline).  Returns 0 or -ENOMEM. */
int journal_event (struct journal *j,
                   const struct job *job,
                   const struct entry *e,
                   const char *line,
                   size_t len);

/* A step is over, or somebody is about to be told of it: send the groups. */
int journal_flush (struct journal *j);

/* The job, still in the list of active jobs, is about to leave it. */
int journal_job_ends (struct journal *j, const struct job *job);

/* The same for a job that was refused: nothing more is said about it. */
void journal_job_vanishes (struct journal *j, const struct job *job);

/* Send more of the backlogs, about 'bytes' of them.  Returns 1 if there is
 * more to send, 0 if not, -ENOMEM.
 */
int journal_pump (struct journal *j, size_t bytes);

/* All streams are about to end: those past their sentinel get what was kept for them,
 * whether they read or not.
 */
void journal_finish (struct journal *j);

#endif /* !MILLRACE_JOB_MANAGER_JOURNAL_H */
