/* mpi_follow.h - submit a job and be to it what a shell is to a command.
 *
 * Everything about the job comes in one stream from the exec service
 * (modules/job-exec/follow.c), which was told of us before the job was
 * submitted; the job manager answers when the job is over, which matters only
 * if it never ran.  We leave when all output is there: the job's record may be
 * completed a moment later.
 */

#ifndef MILLRACE_CMD_MPI_FOLLOW_H
#define MILLRACE_CMD_MPI_FOLLOW_H

#include <flux/core.h>

#include "mpi_args.h"

/* Returns the exit code of mpiexec. */
int mpi_follow (flux_t *h, const struct mpi_args *a);

#endif /* !MILLRACE_CMD_MPI_FOLLOW_H */
