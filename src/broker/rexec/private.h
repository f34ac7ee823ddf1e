/* broker/rexec/private.h - for rexec.c and proc.c. */

#ifndef MILLRACE_REXEC_PRIVATE_H
#define MILLRACE_REXEC_PRIVATE_H

#include <jansson.h>

#include "common/list.h"
#include "common/table.h"

#include "child.h"
#include "command.h"
#include "rexec.h"

/* Flags of a request. */
enum {
    REXEC_STDOUT = 1,
    REXEC_STDERR = 2,
    REXEC_CHANNEL = 4,
    REXEC_CREDIT = 8,
    REXEC_WAITABLE = 16,
    REXEC_FLAGS = 31,
};

struct proc {
    struct rexec *rx;
    struct list node; /* in rx->procs */
    struct command *cmd;
    struct child *child;
    pid_t pid;
    int flags;
    bool background;
    bool exited;
    bool over; /* nothing more will happen to it */
    int status;
    const flux_msg_t *request; /* who gets its output; NULL: nobody */
    const flux_msg_t *waiter;  /* rexec.wait */
    json_t *kept;              /* output of a waitable one */
    size_t kept_size;
};

struct rexec {
    flux_t *h;
    flux_reactor_t *reactor;
    const char *uri;
    char rank[12];
    struct list procs;
    struct list done; /* to be freed when nobody looks at them any more */
    struct table pids;
    flux_watcher_t *sigchld; /* runs while there are processes */
    flux_watcher_t *prepare; /* frees what need not be kept */
    flux_watcher_t *timer;   /* of the end */
    void (*ended) (void *arg);
    void *ended_arg;
    bool ending;
    flux_msg_handler_t **handlers;
};

/* proc.c */

/* Start what the request asks for; takes cmd when it succeeds.  0 or a negative
 * errno.
 */
int proc_start (struct rexec *rx,
                struct command *cmd,
                int flags,
                const flux_msg_t *request);
void proc_free (struct proc *p);

/* Fail it for good: tell who started it, kill it. */
void proc_fail (struct proc *p, int errnum, const char *text);

/* The receiver of its output has gone. */
void proc_abandon (struct proc *p);

/* It is over: tell the waiter what became of it. */
void proc_answer_waiter (struct proc *p);

/* Give its output to this request.  0 or a negative errno. */
int proc_attach (struct proc *p, const flux_msg_t *msg);

/* rexec.c: nobody will ask for it any more.  Again is fine. */
void rexec_proc_done (struct proc *p);

#endif /* !MILLRACE_REXEC_PRIVATE_H */
