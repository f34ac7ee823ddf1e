/* job-exec/pmi_client.c - for the tests: a program that speaks PMI-1 on PMI_FD.
 *
 * Each rank puts a key, all meet, each reads the keys of all and prints them.
 * With the argument "abort" the last rank aborts instead, and the others wait.
 */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fd;

static void die (const char *what, const char *line)
{
    fprintf (stderr, "pmi_client: %s: %s\n", what, line);
    exit (2);
}

/* One line out, one line back, as MPICH does it: a small buffer, one read. */
static char *ask (const char *line, const char *prefix)
{
    static char buf[1024];
    ssize_t n;

    if (write (fd, line, strlen (line)) < 0)
        die ("write", line);
    if ((n = read (fd, buf, sizeof (buf) - 1)) <= 0 || buf[n - 1] != '\n')
        die ("no whole line for", line);
    buf[n - 1] = '\0';
    if (strncmp (buf, prefix, strlen (prefix)))
        die ("unexpected", buf);
    return buf + strlen (prefix);
}

int main (int argc, char **argv)
{
    int rank = atoi (getenv ("PMI_RANK") ? getenv ("PMI_RANK") : "-1");
    int size = atoi (getenv ("PMI_SIZE") ? getenv ("PMI_SIZE") : "-1");
    char name[128], line[512];

    fd = atoi (getenv ("PMI_FD") ? getenv ("PMI_FD") : "-1");
    ask ("cmd=init pmi_version=1 pmi_subversion=1\n",
         "cmd=response_to_init rc=0 pmi_version=1 pmi_subversion=1");
    ask ("cmd=get_maxes\n", "cmd=maxes rc=0 ");
    snprintf (name,
              sizeof (name),
              "%s",
              ask ("cmd=get_my_kvsname\n", "cmd=my_kvsname rc=0 kvsname="));
    if (argc > 1) {
        if (rank == size - 1 && write (fd, "cmd=abort exitcode=7\n", 21) != 21)
            die ("write", "abort");
        pause ();
    }
    snprintf (line, sizeof (line), "cmd=put kvsname=%s key=k%d value=%d\n", name, rank, rank);
    ask (line, "cmd=put_result rc=0");
    ask ("cmd=barrier_in\n", "cmd=barrier_out rc=0");
    printf ("%d of %d:", rank, size);
    for (int i = 0; i < size; i++) {
        snprintf (line, sizeof (line), "cmd=get kvsname=%s key=k%d\n", name, i);
        printf (" %s", ask (line, "cmd=get_result rc=0 value="));
    }
    printf ("\n");
    ask ("cmd=finalize\n", "cmd=finalize_ack rc=0");
    return 0;
}
