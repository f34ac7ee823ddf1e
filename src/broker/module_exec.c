/* module_exec.c - flux module-exec PATH: a module in a process of its own.
 *
 * The broker has opened the channel: FLUX_MODULE_URI is fd://N (wire.md 8.1).
 * How the module ends is told by module.status; what happens to this process
 * before that, the broker sees.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>

#include "module_run.h"

int main (int argc, char *argv[])
{
    const char *uri = getenv ("FLUX_MODULE_URI");
    flux_error_t error;
    flux_t *h;
    int fd;

    if (argc != 2 || !uri) {
        fprintf (stderr, "flux-module-exec: the broker runs this, with a module's PATH\n");
        return 1;
    }
    /* neither the channel nor its name is for what the module may start */
    if (sscanf (uri, "fd://%d", &fd) == 1)
        (void)fcntl (fd, F_SETFD, FD_CLOEXEC);
    if (!(h = flux_open_ex (uri, 0, &error))) {
        fprintf (stderr, "flux-module-exec: %s: %s\n", uri, error.text);
        return 1;
    }
    (void)unsetenv ("FLUX_MODULE_URI");
    module_run (h, NULL, argv[1]);
    flux_close (h);
    return 0;
}
