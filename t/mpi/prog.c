/* prog.c - an MPI program for scenarios, built with mpicc.
 *
 *   prog hello         each rank says who it is
 *   prog ring          a number goes round and grows by one at each rank
 *   prog sum           MPI_Allreduce of the ranks, and of a large array
 *   prog appnum        MPI_APPNUM and MPI_UNIVERSE_SIZE
 *   prog abort CODE    the last rank aborts, the others wait for it for ever
 *   prog exit CODE     the last rank exits so after MPI_Finalize
 *   prog leave CODE    the last rank exits so without it, the others wait
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, size;

static void hello (void)
{
    printf ("%d of %d\n", rank, size);
}

static void ring (void)
{
    int n = 1, next = (rank + 1) % size, before = (rank + size - 1) % size;

    if (size > 1 && rank == 0)
        MPI_Send (&n, 1, MPI_INT, next, 0, MPI_COMM_WORLD);
    if (size > 1)
        MPI_Recv (&n, 1, MPI_INT, before, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (rank == 0) {
        printf ("ring %d\n", n);
        return;
    }
    n++;
    MPI_Send (&n, 1, MPI_INT, next, 0, MPI_COMM_WORLD);
}

static void sum (void)
{
    enum { N = 1 << 18 };
    long mine = rank + 1, all = 0, bad = 0;
    int *in = malloc (N * sizeof (in[0])), *out = malloc (N * sizeof (out[0]));

    MPI_Allreduce (&mine, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < N; i++)
        in[i] = i % 1000 + rank;
    MPI_Allreduce (in, out, N, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < N; i++)
        bad += out[i] != i % 1000 * size + size * (size - 1) / 2;
    printf ("sum %ld bad %ld\n", all, bad);
    free (in);
    free (out);
}

static void appnum (void)
{
    int *app, *universe, have_app, have_universe;

    MPI_Comm_get_attr (MPI_COMM_WORLD, MPI_APPNUM, &app, &have_app);
    MPI_Comm_get_attr (MPI_COMM_WORLD, MPI_UNIVERSE_SIZE, &universe, &have_universe);
    printf ("%d app %d universe %d\n", rank, have_app ? *app : -1,
            have_universe ? *universe : -1);
}

static void wait_for_ever (void)
{
    int n;

    MPI_Recv (&n, 1, MPI_INT, size - 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

int main (int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "hello";
    int code = argc > 2 ? atoi (argv[2]) : 0, exit_code = 0;

    MPI_Init (&argc, &argv);
    MPI_Comm_rank (MPI_COMM_WORLD, &rank);
    MPI_Comm_size (MPI_COMM_WORLD, &size);
    if (!strcmp (what, "hello"))
        hello ();
    else if (!strcmp (what, "ring"))
        ring ();
    else if (!strcmp (what, "sum"))
        sum ();
    else if (!strcmp (what, "appnum"))
        appnum ();
    else if (!strcmp (what, "abort") || !strcmp (what, "leave")) {
        MPI_Barrier (MPI_COMM_WORLD); /* all are connected */
        if (rank < size - 1)
            wait_for_ever ();
        if (!strcmp (what, "leave"))
            exit (code);
        MPI_Abort (MPI_COMM_WORLD, code);
    }
    else if (!strcmp (what, "exit") && rank == size - 1)
        exit_code = code;
    MPI_Finalize ();
    return exit_code;
}
