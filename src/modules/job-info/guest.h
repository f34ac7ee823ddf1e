/* guest.h - one stream of a job's guest data, across the move of its home.
 *
 * While a job runs its guest data lives in a namespace of its own; at the end
 * that is copied to the primary namespace, removed, and only then does the
 * main log say `release` with final:true.  A stream must bring every entry
 * once, in order, wherever it finds the job, and then end with ENODATA.
 *
 *   WAIT   the job has not started; if it never does, ENODATA
 *   LIVE   the key is watched in the job's namespace
 *   FINAL  the key is read, once, where it was moved to
 *   DONE
 *
 * Why nothing is read twice: kvs-watch ends a watch in a removed namespace
 * with ENOTSUP only after it has delivered all that was committed there.  So
 * a live stream that has brought something is whole when ENOTSUP comes; one
 * that has not (the namespace was gone already, or the key never appeared)
 * starts over in FINAL, with nothing to skip.
 *
 * A stream whose client does not read is closed, and opened again where it
 * stood (the caller knows the number of chunks): the logs are the same in both
 * places, reference by reference.  So what it brought before it was closed does
 * not make it whole: it must have found the key in its namespace since.
 *
 * No I/O here: what happens goes in, what to do comes out.
 */

#ifndef JOB_INFO_GUEST_H
#define JOB_INFO_GUEST_H

#include <stdbool.h>
#include <stddef.h>

enum guest_state { GUEST_WAIT, GUEST_LIVE, GUEST_FINAL, GUEST_DONE };

enum guest_source {
    GUEST_KEEP,       /* no change */
    GUEST_OPEN_LIVE,  /* watch the key in the job's namespace */
    GUEST_OPEN_FINAL, /* close what is open, stream the moved key */
    GUEST_CLOSE,
};

struct guest {
    enum guest_state state;
    bool waitcreate; /* the client's flags */
    bool sentinel;   /* wanted, not sent yet */
    bool answered;   /* LIVE: the key was found, or is waited for, since opened */
    bool delivered;  /* LIVE: an entry, or part of one, was brought */
};

/* To be done in this order. */
struct guest_todo {
    bool sentinel;
    enum guest_source source;
    bool finish;
    int errnum;
    const char *errtext;
};

void guest_init (struct guest *g, bool waitcreate, bool sentinel);

/* The main log says so much, now. */
struct guest_todo guest_phase (struct guest *g, bool started, bool final, bool clean);

/* The open source brought data: if *deliver, they are to be delivered first. */
struct guest_todo guest_data (struct guest *g, size_t len, bool *deliver);

/* The open (live) source brought its initial sentinel. */
struct guest_todo guest_sentinel (struct guest *g);

/* The source was closed in between: which is to be opened now? */
struct guest_todo guest_resume (struct guest *g, bool started, bool final, bool clean);

/* The open source ended; ENOTSUP: its namespace is gone, and all was brought that was
 * in it; ESTALE: not all.
 */
struct guest_todo guest_end (struct guest *g, int errnum);

#endif /* !JOB_INFO_GUEST_H */
