#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "initial.h"

static const char *base_name (const char *path)
{
    const char *slash = strrchr (path, '/');

    return slash ? slash + 1 : path;
}

/* true and false are in /etc/shells of some systems. */
static bool is_login_shell (const char *arg)
{
    const char *shell;
    bool found = false;

    if (strcmp (base_name (arg), "true") == 0 || strcmp (base_name (arg), "false") == 0)
        return false;
    setusershell ();
    while (!found && (shell = getusershell ()))
        found = strcmp (arg, shell) == 0 || strcmp (arg, base_name (shell)) == 0;
    endusershell ();
    return found;
}

static bool is_executable_file (const char *arg)
{
    struct stat st;

    return !strpbrk (arg, " \t\n") && stat (arg, &st) == 0 && S_ISREG (st.st_mode)
           && access (arg, R_OK | X_OK) == 0;
}

int initial_program (struct phase *rc2,
                     int argc,
                     char *const argv[],
                     const char *shell,
                     flux_error_t *error)
{
    int r;

    if (argc == 0 || (argc == 1 && is_login_shell (argv[0]))) {
        char *interactive[] = { argc ? argv[0] : (char *)shell, NULL };

        if (!isatty (STDIN_FILENO))
            return errprintf (error,
                              "stdin is not a tty - can't run interactive shell");
        r = phase_append_argv (rc2, 1, interactive);
    }
    else if (argc > 1)
        r = phase_append_argv (rc2, argc, argv);
    else if (is_executable_file (argv[0])) {
        /* without a slash it is meant here, not in PATH */
        char path[4096];
        char *here[] = { argv[0], NULL };

        if (!strchr (argv[0], '/')) {
            if (strlen (argv[0]) + 3 > sizeof (path))
                return errprintf (error, "initial program: name too long");
            strcat (strcpy (path, "./"), argv[0]);
            here[0] = path;
        }
        r = phase_append_argv (rc2, 1, here);
    }
    else
        r = phase_append (rc2, argv[0]);
    if (r < 0)
        return errprintf (error, "initial program: %s", strerror (-r));
    return 0;
}
