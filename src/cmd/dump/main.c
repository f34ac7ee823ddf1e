/* main.c - which of the commands is this?  By the name it was started with. */

#include "config.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "dump.h"

/* sd_notify(3): a datagram to the socket that systemd named. */
static void notify (const char *text)
{
    const char *path = getenv ("NOTIFY_SOCKET");
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    size_t len = path ? strlen (path) : 0;
    int fd;

    if (len < 2 || len >= sizeof (sa.sun_path)
        || (fd = socket (AF_UNIX, SOCK_DGRAM, 0)) < 0)
        return;
    memcpy (sa.sun_path, path, len);
    if (sa.sun_path[0] == '@')
        sa.sun_path[0] = '\0';
    /* Nobody is helped by an error here. */
    if (sendto (fd, text, strlen (text), MSG_NOSIGNAL, (struct sockaddr *)&sa,
                offsetof (struct sockaddr_un, sun_path) + len)
        < 0)
        errno = 0;
    close (fd);
}

void tell_path (const struct tell *t, const char *path)
{
    if (t->verbose)
        fprintf (stderr, "%s\n", path);
}

void tell_key (struct tell *t)
{
    char text[128];

    if (++t->keys >= 10 && t->keys % 100 != 0)
        return;
    if (!t->quiet && !t->verbose && isatty (STDERR_FILENO))
        fprintf (stderr, "\r%s: %s %zu keys", cmd_name, t->what, t->keys);
    if (t->sd_notify) {
        snprintf (text, sizeof (text),
                  "EXTEND_TIMEOUT_USEC=10000000\nSTATUS=%s(1) has %s %zu keys", cmd_name,
                  t->what, t->keys);
        notify (text);
    }
}

void tell_end (struct tell *t)
{
    if (t->quiet)
        return;
    if (!t->verbose && isatty (STDERR_FILENO))
        fputc ('\r', stderr);
    fprintf (stderr, "%s: %s %zu keys", cmd_name, t->what, t->keys);
    if (t->blobs > 0)
        fprintf (stderr, " (%zu blobs)", t->blobs);
    fputc ('\n', stderr);
}

int main (int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run) (int argc, char **argv);
    } commands[] = {
        { "flux-dump", dump_main },
        { "flux-restore", restore_main },
        { "flux-fsck", fsck_main },
        { "flux-gc", gc_main },
    };
    /* Names in archives, like keys, are UTF-8 wherever this runs. */
    const char *locale = setlocale (LC_CTYPE, "C.UTF-8");
    const char *slash = strrchr (argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];

    if (!locale)
        setlocale (LC_CTYPE, "");
    for (size_t i = 0; i < sizeof (commands) / sizeof (commands[0]); i++) {
        /* The flux command gives the word alone. */
        if (strcmp (name, commands[i].name) == 0
            || strcmp (name, commands[i].name + 5) == 0) {
            cmd_name = commands[i].name;
            return commands[i].run (argc, argv);
        }
    }
    fprintf (stderr, "%s: start it as flux dump, flux restore, flux fsck or flux gc\n",
             name);
    return 1;
}
