/* broker/rexec/child_private.h - for child.c and spawn.c. */

#ifndef MILLRACE_REXEC_CHILD_PRIVATE_H
#define MILLRACE_REXEC_CHILD_PRIVATE_H

#include "common/text.h"

#include "child.h"

struct stream {
    struct child *c;
    char name[64];
    int fd; /* ours; -1: none, or closed */
    bool in;     /* can be written to */
    bool out;    /* has output that has not ended */
    bool chunks; /* output is passed on as it comes */
    bool closing; /* fd is closed (or its writing end) when 'written' is sent */
    bool closed;  /* no more may be written */
    size_t size;  /* bound of 'written' */
    struct text written;
    size_t sent; /* of 'written' */
    struct text line; /* output that is no whole line yet */
    flux_watcher_t *r;
    flux_watcher_t *w;
};

enum { STDIN, STDOUT, STDERR, FIRST_CHANNEL };

struct child {
    pid_t pid;
    int pidfd;
    bool group;
    bool exited;
    bool paused;
    bool told_over;
    flux_watcher_t *exit_watcher;
    const struct child_ops *ops;
    void *arg;
    size_t nstreams;
    struct stream streams[FIRST_CHANNEL + CHILD_CHANNELS_MAX];
};

/* Start the process with these descriptors as its 0, 1, 2, 3, ...; -1 leaves
 * the broker's.  Sets *pid; returns 0 or a negative errno.
 */
int child_spawn (const struct child_command *cmd,
                 const int *fds,
                 size_t nfds,
                 pid_t *pid);

#endif /* !MILLRACE_REXEC_CHILD_PRIVATE_H */
