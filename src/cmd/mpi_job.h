/* mpi_job.h - from the arguments of mpiexec to a jobspec (RFC 25).
 *
 * One slot of one core for each process; the scheduler may give fewer slots if
 * the machine has fewer (attribute oversubscribe).  Everything that is not
 * usual for a Flux job is in shell option "mpiexec": see doc/architecture.md.
 */

#ifndef MILLRACE_CMD_MPI_JOB_H
#define MILLRACE_CMD_MPI_JOB_H

#include "mpi_args.h"

/* The jobspec's text, for the caller to free.  token: under what name we follow
 * the job; has_stdin: there is input for rank 0.  Dies if it cannot be made.
 */
char *mpi_jobspec (const struct mpi_args *a, const char *token, bool has_stdin);

#endif /* !MILLRACE_CMD_MPI_JOB_H */
