/* job-manager/archive.h - volumes of inactive jobs in the KVS, written and read.
 *
 *   job-archive.NNNNNNNN   volume.h; eight hexadecimal digits
 *
 * The truth about a job is in its directory.  Volumes are made of it in the background, in
 * an instance that lasts, when so many jobs have become inactive that one is full; and a
 * restart takes from them what is still as it is there.  Whatever is wrong with them costs
 * time only.  Who does not know of them, as the job-manager of flux-core, need not: it
 * changes what it changes in the directories of jobs, and that shows.
 *
 * Bounds: one volume is being written at a time, ARCHIVE_WINDOW are being read.
 */

#ifndef MILLRACE_JOB_MANAGER_ARCHIVE_H
#define MILLRACE_JOB_MANAGER_ARCHIVE_H

#include "restart.h"

#define ARCHIVE_DIR "job-archive"
#define ARCHIVE_WINDOW 4

/* ---- archive.c: writing ---- */

int archive_init (struct manager *m);
void archive_fini (struct manager *m);

/* Write what is due, if it is enough; remove what nothing is left of. */
void archive_pump (struct manager *m);

/* Append an object: volumes that there are; jobs that are due; whether one is being
 * written.
 */
void archive_stats (struct manager *m, struct text *t);

/* What is in memory may not be all there is: write nothing more. */
void archive_stop (struct manager *m);

/* There is such a volume, with so many spans that are good. */
void archive_add_volume (struct manager *m, uint32_t number, uint32_t spans);

/* The reference of a directory, of its tree object; NULL: it has none.  To be freed. */
char *archive_ref (struct jview treeobj);

/* ---- archive_read.c ---- */

/* The directories job.XXXX.YYYY, in order. */
struct listed {
    uint64_t number;
    char *ref; /* NULL: is in no volume */
    bool done; /* its jobs came from one */
};

struct listing {
    struct listed *v;
    size_t count;
    size_t room;
    struct table index; /* number -> position + 1 */
};

void listing_fini (struct listing *l);

/* Add those in job.XXXX that have jobs up to 'before', from a look-up with READDIR. */
int listing_add (struct listing *l,
                 struct manager *m,
                 flux_future_t *f,
                 const char *parent,
                 uint64_t before);

/* Restore the jobs up to 'before' that are in volumes, and mark their spans; done () is
 * called, sooner or later, with the number of jobs.
 */
struct archive_reader;
struct archive_reader *archive_read (struct manager *m,
                                     struct listing *l,
                                     uint64_t before,
                                     void (*done) (struct manager *m, size_t jobs));
void archive_reader_free (struct archive_reader *r);

#endif /* !MILLRACE_JOB_MANAGER_ARCHIVE_H */
