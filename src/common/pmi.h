/* pmi.h - PMI version 1 server of one job (exec.md 9).
 *
 * Purpose: tasks find each other through a small key-value space and barriers,
 * over one stream socket per task.  This is the dialogue only: bytes that a
 * task wrote come in, lines for tasks go out through a callback.
 *
 * Invariants
 *  - every answer is one whole line, handed out in one call: clients read with
 *    a small buffer and expect exactly one line
 *  - a barrier is left by all tasks or by none
 *
 * Ownership: the caller owns the sockets.
 * Bound: PMI_LINE_MAX bytes of an unfinished line per task; keys and values
 * have the sizes the protocol announces; at most PMI_KEYS_MAX keys per task,
 * more are refused (rc=4).
 */

#ifndef MILLRACE_PMI_H
#define MILLRACE_PMI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define PMI_LINE_MAX 4096
#define PMI_KVSNAME_MAX 64 /* these three count the final NUL */
#define PMI_KEYLEN_MAX 64
#define PMI_VALLEN_MAX 1024
#define PMI_KEYS_MAX 4096

struct pmi_ops {
    /* Write one line, newline included, to a task. */
    void (*send) (void *arg, uint32_t task, const char *line, size_t len);
    /* The task wants the job to end, with this exit code. */
    void (*abort) (void *arg, uint32_t task, int code, const char *message);
    /* The task does not speak the protocol. */
    void (*protocol_error) (void *arg, uint32_t task, const char *line);
};

struct pmi;

/* Returns 0 or -ENOMEM. */
int pmi_create (uint32_t ntasks,
                const char *kvsname,
                const struct pmi_ops *ops,
                void *arg,
                struct pmi **ret);
void pmi_destroy (struct pmi *p);

/* A key that is there from the start.  Returns 0, -EINVAL (too long) or
 * -ENOMEM.
 */
int pmi_preset (struct pmi *p, const char *key, const char *value);

/* What a task hears of its application number (0) and of the size of the
 * universe (the number of tasks).
 */
void pmi_set_appnum (struct pmi *p, uint32_t (*appnum) (void *arg, uint32_t task));
void pmi_set_universe (struct pmi *p, uint32_t size);

/* Of the job's tasks nlocal are served here, the others by servers like this one.
 * When all that are served here are in a barrier, gathered () is called; whoever
 * runs the servers takes from each what was put since the last time, adds what
 * the others have, and then lets the tasks go (rc 0, or -1 if that failed).
 * Keys that begin with "local::" stay here.
 */
void pmi_set_exchange (struct pmi *p, uint32_t nlocal, void (*gathered) (void *arg));
/* Appends "key=value\n" ... */
void pmi_take (struct pmi *p, struct text *pairs);
/* Returns 0, -EPROTO (not what pmi_take () gives) or -ENOMEM. */
int pmi_add (struct pmi *p, const char *pairs, size_t len);
void pmi_release (struct pmi *p, int rc);

/* Bytes from one task.  Callbacks may not destroy the server. */
void pmi_input (struct pmi *p, uint32_t task, const char *data, size_t len);

/* Has the task begun a dialogue that it has not finalized? */
bool pmi_is_open (const struct pmi *p, uint32_t task);

/* Has it finalized the one that it began last? */
bool pmi_is_finalized (const struct pmi *p, uint32_t task);

/* How many barriers have been left so far. */
unsigned int pmi_barriers (const struct pmi *p);

#endif /* !MILLRACE_PMI_H */
