/* mpi_args.h - the command line of mpiexec, in the dialect of MPICH's Hydra.
 *
 *   [global options] [local options] program [args] [ : [local options] program ... ]
 *
 * Options have one or two dashes, and may be -name=value.  What concerns
 * launchers, networks and topologies that are not ours is read and ignored.
 *
 * Ownership: strings are those of argv, or live as long as the arguments.
 */

#ifndef MILLRACE_CMD_MPI_ARGS_H
#define MILLRACE_CMD_MPI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

enum { MPI_EXIT_FAILURE = 255 }; /* whatever goes wrong with mpiexec itself */

struct mpi_var {
    const char *name;
    const char *value;
};

struct mpi_vars {
    struct mpi_var *v;
    size_t n;
};

enum mpi_pass {
    MPI_PASS_DEFAULT, /* as the global option says; that, too: all */
    MPI_PASS_ALL,
    MPI_PASS_NONE,
    MPI_PASS_LIST,
};

/* Which variables of ours the processes get, and which in addition. */
struct mpi_env {
    enum mpi_pass pass;
    const char *list; /* names, comma-separated */
    struct mpi_vars set;
};

/* One program. */
struct mpi_section {
    int n; /* processes */
    struct mpi_env env;
    const char *wdir; /* NULL: ours */
    int argc;
    char **argv;
};

struct mpi_args {
    struct mpi_section *sections;
    size_t nsections;
    int size; /* processes, all together; 0: there is nothing to do */
    struct mpi_env env;
    const char *hosts;   /* comma-separated, NULL: any */
    const char *label;   /* before each line of output, NULL: none */
    const char *outfile; /* patterns, NULL: none */
    const char *errfile;
    int gpus; /* of each process */
    int usize;
    bool bind;
    bool print_exitcodes;
    bool no_cleanup; /* a process that is killed does not end the others */
    bool verbose;
    double timeout; /* seconds; 0: none */
    void **kept;    /* memory that these point into */
    size_t nkept;
};

/* Dies with MPI_EXIT_FAILURE and one sentence if it does not understand; -help
 * and -version end the program, too.
 */
void mpi_args_parse (struct mpi_args *a, int argc, char **argv);
void mpi_args_fini (struct mpi_args *a);

/* Print "flux-mpiexec: text" on stderr and end the program. */
void mpi_die (const char *fmt, ...) __attribute__ ((noreturn, format (printf, 1, 2)));

#endif /* !MILLRACE_CMD_MPI_ARGS_H */
