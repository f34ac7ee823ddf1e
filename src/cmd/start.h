/* start.h - flux start -s: an instance of several brokers on this machine. */

#ifndef MILLRACE_CMD_START_H
#define MILLRACE_CMD_START_H

#include <stdbool.h>

enum { START_MAX = 1024 };

struct start_many {
    int size;     /* number of brokers */
    int noptions; /* words of the command line in front of the initial program */
    int nwrap;    /* so many of them are what the broker is run by */
    const char *hosts;   /* a hostlist, or NULL */
    const char *rundir;  /* an existing directory, or NULL */
    double exit_timeout; /* seconds after the end of rank 0 */
    bool leader_only;    /* the exit code is that of rank 0 */
};

/* Run brokers with the command line v (the initial program is for rank 0)
 * until the last one has ended.  Returns the exit code.
 */
int start_many (const struct start_many *s, char **v);

#endif /* !MILLRACE_CMD_START_H */
