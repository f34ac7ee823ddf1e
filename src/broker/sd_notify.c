#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sd_notify.h"

char *sd_notify_address (void)
{
    const char *s = getenv ("NOTIFY_SOCKET");
    struct sockaddr_un addr;

    if (!s || (*s != '/' && *s != '@') || strlen (s) >= sizeof (addr.sun_path))
        return NULL;
    return strdup (s);
}

void sd_notify_send (const char *address, const char *fmt, ...)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    char text[512];
    va_list ap;
    int fd;

    if (!address || (fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
        return;
    va_start (ap, fmt);
    (void)vsnprintf (text, sizeof (text), fmt, ap);
    va_end (ap);
    strcpy (addr.sun_path, address);
    if (*address == '@')
        addr.sun_path[0] = '\0'; /* not in the file system */
    (void)!sendto (fd,
                   text,
                   strlen (text),
                   MSG_NOSIGNAL | MSG_DONTWAIT,
                   (struct sockaddr *)&addr,
                   offsetof (struct sockaddr_un, sun_path) + strlen (address));
    close (fd);
}
