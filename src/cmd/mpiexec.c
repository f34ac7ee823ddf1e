/* mpiexec.c - flux mpiexec: MPI programs at the price of mpiexec, scheduled.
 *
 * Without an instance to talk to it becomes one, for this call only.
 */
#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "cmd.h"
#include "mpi_args.h"
#include "mpi_follow.h"

/* The broker, with this command as its initial program.  It says nothing of
 * its own unless it cannot go on: how the program ends is our caller's business.
 */
_noreturn_ static void become_instance (int argc, char **argv)
{
    static char *const head[] = { NULL, "-Slog-stderr-level=2", "--" };
    static char exe[PATH_MAX];
    char **args = calloc (argc + 6, sizeof (args[0]));
    ssize_t len = readlink ("/proc/self/exe", exe, sizeof (exe) - 1);
    int n = 0;

    if (!args || len < 0)
        mpi_die ("cannot start an instance: %s", strerror (errno));
    for (size_t i = 0; i < ARRAY_SIZE (head); i++)
        args[n++] = head[i];
    args[n++] = exe;
    args[n++] = "mpiexec";
    for (int i = 1; i < argc; i++)
        args[n++] = argv[i];
    cmd_exec_broker (args);
}

static bool has_default_socket (void)
{
    const char *rundir = flux_conf_builtin_get ("rundir", FLUX_CONF_AUTO);
    char path[PATH_MAX];

    snprintf (path, sizeof (path), "%s/local", rundir ? rundir : "/run/flux");
    return access (path, F_OK) == 0;
}

int cmd_mpiexec (int argc, char **argv)
{
    flux_error_t error = { "" };
    struct mpi_args a;
    int exit_code = 0;
    flux_t *h;

    cmd_failure = MPI_EXIT_FAILURE;
    mpi_args_parse (&a, argc, argv);
    if (a.size > 0) {
        if (!getenv ("FLUX_URI") && !has_default_socket ())
            become_instance (argc, argv);
        if (!(h = flux_open_ex (NULL, 0, &error)))
            mpi_die ("Unable to connect to Flux: %s",
                     error.text[0] ? error.text : flux_strerror (errno));
        exit_code = mpi_follow (h, &a);
        flux_close (h);
    }
    mpi_args_fini (&a);
    return exit_code;
}
