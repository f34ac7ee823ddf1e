/* attach.h - follow a job: its output, its input, its events, its end.
 *
 * Three event logs are watched from the start, so that attaching costs one
 * round trip: "eventlog", "guest.exec.eventlog" and "guest.output".
 */

#ifndef MILLRACE_CMD_ATTACH_H
#define MILLRACE_CMD_ATTACH_H

#include <flux/core.h>

struct attach_opts {
    bool label_io;          /* prefix output with "RANK: " */
    bool read_only;         /* no input, no signals */
    bool quiet;             /* no log entries and redirections */
    bool strict_input;      /* a job that takes none is an error */
    bool unbuffered;        /* pass input on as it comes */
    bool show_events;       /* print the main event log on stderr */
    bool show_exec;         /* print the exec event log on stderr */
    bool show_place;        /* print where in the source a log entry arose */
    bool show_status;       /* show the status line at once (attach_status.h) */
    bool tail;              /* of the output so far, only the last entries */
    long long tail_entries;
    double queue_check_interval; /* of the status line, seconds */
    bool debug;             /* for a parallel debugger (attach_debug.h) */
    bool cancel_at_once;    /* one Ctrl-C cancels; else two within 2 s */
    const char *wait_event; /* the last main event of interest; NULL: "clean" */
    const char *stdin_ranks; /* idset, NULL: "all" */
};

/* Returns the exit code for the program: that of the job's finish event, 1 if
 * there was none, and at least 1 after a fatal exception or if a log cannot be read.
 * name is the job id as the user knows it.
 */
int attach (flux_t *h, flux_jobid_t id, const char *name, const struct attach_opts *opts);

#endif /* !MILLRACE_CMD_ATTACH_H */
