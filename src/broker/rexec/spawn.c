#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"

#include "child_private.h"

static const char *find_env (char *const *envp, const char *name)
{
    size_t len = strlen (name);

    for (; *envp; envp++) {
        if (strncmp (*envp, name, len) == 0 && (*envp)[len] == '=')
            return *envp + len + 1;
    }
    return NULL;
}

static int is_program (const char *path)
{
    struct stat sb;

    if (stat (path, &sb) < 0)
        return -errno;
    return S_ISREG (sb.st_mode) && access (path, X_OK) == 0 ? 0 : -EACCES;
}

/* The file to execute.  A forbidden one counts only if there is no other. */
static int find_program (const char *name, const char *path, char *buf, size_t size)
{
    int r = -ENOENT;

    if (!*name)
        return -ENOENT;
    if (strchr (name, '/'))
        return snprintf (buf, size, "%s", name) < (int)size ? 0 : -ENAMETOOLONG;
    for (;;) {
        size_t len = strcspn (path, ":");

        if (snprintf (buf, size, "%.*s/%s", len ? (int)len : 1, len ? path : ".", name)
            < (int)size) {
            int e = is_program (buf);

            if (e == 0)
                return 0;
            if (e == -EACCES)
                r = e;
        }
        if (path[len] == '\0')
            return r;
        path += len + 1;
    }
}

/* As long as descriptors are put in their places, none must lie where another
 * one is to go.
 */
static int add_fds (posix_spawn_file_actions_t *fa, int *fds, size_t nfds)
{
    int e;

    for (size_t i = 0; i < nfds; i++) {
        if (fds[i] >= 0 && (e = posix_spawn_file_actions_adddup2 (fa, fds[i], i)))
            return e;
    }
    return posix_spawn_file_actions_addclosefrom_np (fa, nfds);
}

static int raise_fds (const int *fds, int *high, size_t nfds)
{
    for (size_t i = 0; i < nfds; i++)
        high[i] = -1;
    for (size_t i = 0; i < nfds; i++) {
        if (fds[i] >= 0
            && (high[i] = fcntl (fds[i], F_DUPFD_CLOEXEC, (int)nfds)) < 0)
            return -errno;
    }
    return 0;
}

/* As the subprocess library does it: say so where its user sees it, go on. */
static const char *check_cwd (const char *cwd, int errfd)
{
    int fd;

    if (!cwd)
        return NULL;
    if ((fd = open (cwd, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
        bool enter = faccessat (fd, ".", X_OK, AT_EACCESS) == 0;

        close (fd);
        if (enter)
            return cwd;
    }
    dprintf (errfd,
             "could not change to directory %s: %s, using /tmp instead\n",
             cwd,
             strerror (errno));
    return "/tmp";
}

static int set_attributes (posix_spawnattr_t *attr, bool share_group)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none, defaults;
    int e;

    sigemptyset (&none);
    sigfillset (&defaults);
    if (!share_group)
        flags |= POSIX_SPAWN_SETPGROUP;
    if ((e = posix_spawnattr_setflags (attr, flags))
        || (e = posix_spawnattr_setsigmask (attr, &none))
        || (e = posix_spawnattr_setsigdefault (attr, &defaults)))
        return e;
    return posix_spawnattr_setpgroup (attr, 0);
}

/* A text file without #! is a shell script. */
static int spawn_script (const char *path,
                         char *const *argv,
                         char *const *envp,
                         const posix_spawn_file_actions_t *fa,
                         const posix_spawnattr_t *attr,
                         pid_t *pid)
{
    _cleanup_ (freep) char **words = NULL;
    size_t argc = 0;

    while (argv[argc])
        argc++;
    if (!(words = calloc (argc + 2, sizeof (words[0]))))
        return ENOMEM;
    words[0] = "sh";
    words[1] = (char *)path;
    for (size_t i = 1; i < argc; i++)
        words[i + 1] = argv[i];
    return posix_spawn (pid, _PATH_BSHELL, fa, attr, words, envp);
}

static int spawn_path (const struct child_command *cmd,
                       const char *path,
                       int *fds,
                       size_t nfds,
                       pid_t *pid)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    const char *cwd = check_cwd (cmd->cwd, fds[STDERR] >= 0 ? fds[STDERR] : STDERR_FILENO);
    int e;

    if ((e = posix_spawn_file_actions_init (&fa)))
        return -e;
    if ((e = posix_spawnattr_init (&attr))) {
        posix_spawn_file_actions_destroy (&fa);
        return -e;
    }
    if (!(e = cwd ? posix_spawn_file_actions_addchdir_np (&fa, cwd) : 0)
        && !(e = add_fds (&fa, fds, nfds))
        && !(e = set_attributes (&attr, cmd->flags & CHILD_SHARE_GROUP))) {
        e = posix_spawn (pid, path, &fa, &attr, cmd->argv, cmd->envp);
        if (e == ENOEXEC)
            e = spawn_script (path, cmd->argv, cmd->envp, &fa, &attr, pid);
    }
    posix_spawnattr_destroy (&attr);
    posix_spawn_file_actions_destroy (&fa);
    return -e;
}

int child_spawn (const struct child_command *cmd,
                 const int *fds,
                 size_t nfds,
                 pid_t *pid)
{
    const char *searchpath = find_env (cmd->envp, "PATH");
    int high[FIRST_CHANNEL + CHILD_CHANNELS_MAX];
    char path[4096];
    int r;

    if ((r = find_program (cmd->argv[0],
                           searchpath ? searchpath : _PATH_DEFPATH,
                           path,
                           sizeof (path)))
        < 0)
        return r;
    if ((r = raise_fds (fds, high, nfds)) == 0)
        r = spawn_path (cmd, path, high, nfds, pid);
    for (size_t i = 0; i < nfds; i++) {
        if (high[i] >= 0)
            close (high[i]);
    }
    return r;
}
