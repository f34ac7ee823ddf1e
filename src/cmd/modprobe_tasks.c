#include "config.h"
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cmd.h"
#include "modprobe.h"

#define ADMIN_LOG "admin.eventlog"

/* Run and wait; 0, or -1 after saying why not. */
static int run_program (char *const argv[])
{
    pid_t pid = fork ();
    int status;

    if (pid < 0)
        cmd_die ("%s: %s", argv[0], strerror (errno));
    if (pid == 0) {
        execvp (argv[0], argv);
        cmd_warn ("%s: %s", argv[0], strerror (errno));
        _exit (127);
    }
    while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
        return 0;
    if (WIFSIGNALED (status))
        cmd_warn ("%s: %s", argv[0], strsignal (WTERMSIG (status)));
    else
        cmd_warn ("%s: exit %d", argv[0], WEXITSTATUS (status));
    return -1;
}

/* Dump and restore */

static int archive (flux_t *h, const char *attr, const char *command)
{
    const char *path = flux_attr_get (h, attr);

    if (!path || !*path)
        return 0;
    return run_program ((char *const[]){
        "flux", (char *)command, "-q", "--checkpoint", (char *)path, NULL });
}

int modprobe_restore (flux_t *h, flux_future_t **f)
{
    return archive (h, "content.restore", "restore");
}

int modprobe_dump (flux_t *h, flux_future_t **f)
{
    return archive (h, "content.dump", "dump");
}

/* Start and finish */

/* In an instance that lasts, an end without warning must not take it along. */
static int commit_flags (flux_t *h)
{
    const char *s = flux_attr_get (h, "statedir-cleanup");

    return s && strcmp (s, "0") == 0 ? FLUX_KVS_SYNC : 0;
}

static int append_event (flux_t *h, const char *name, json_t *context, flux_future_t **f)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    json_t *o = json_pack ("{s:f s:s}", "timestamp", flux_reactor_time (), "name", name);
    char *s, *line = NULL;

    if (context && json_object_set_new (o, "context", context) < 0)
        cmd_die ("out of memory");
    if (!txn || !o || !(s = json_dumps (o, JSON_COMPACT))
        || asprintf (&line, "%s\n", s) < 0
        || flux_kvs_txn_put (txn, FLUX_KVS_APPEND, ADMIN_LOG, line) < 0)
        cmd_die ("%s: %s", ADMIN_LOG, flux_strerror (errno));
    free (s);
    free (line);
    json_decref (o);
    if (!(*f = flux_kvs_commit (h, NULL, commit_flags (h), txn)))
        cmd_die ("%s: %s", ADMIN_LOG, flux_strerror (errno));
    flux_kvs_txn_destroy (txn);
    return 0;
}

/* The name of the last event is not "finish": it ended without its rc3. */
static void check_last_event (const char *log)
{
    size_t len = strlen (log);
    const char *line;
    const char *name = "finish";
    json_t *o;

    while (len > 0 && log[len - 1] == '\n')
        len--;
    line = len > 0 ? memrchr (log, '\n', len) : NULL;
    line = line ? line + 1 : log;
    o = json_loadb (line, log + len - line, 0, NULL);
    (void)json_unpack (o, "{s:s}", "name", &name);
    if (strcmp (name, "finish") != 0)
        cmd_warn ("Flux was not shut down properly. Data may have been lost.");
    json_decref (o);
}

int modprobe_start_event (flux_t *h, flux_future_t **f)
{
    flux_future_t *lookup = flux_kvs_lookup (h, NULL, 0, ADMIN_LOG);
    const char *log;

    if (lookup && flux_kvs_lookup_get (lookup, &log) == 0)
        check_last_event (log ? log : "");
    flux_future_destroy (lookup);
    return append_event (
        h, "start", json_pack ("{s:s}", "core_version", flux_core_version_string ()), f);
}

int modprobe_finish_event (flux_t *h, flux_future_t **f)
{
    flux_future_t *ping = flux_rpc_pack (h, "kvs.ping", FLUX_NODEID_ANY, 0, "{}");
    bool there = ping && flux_rpc_get (ping, NULL) == 0;

    flux_future_destroy (ping);
    return there ? append_event (h, "finish", NULL, f) : 0;
}

/* Scripts of the site */

static int is_file (const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int run_directory (const char *dir)
{
    struct dirent **list;
    int rc = 0;
    int n = scandir (dir, &list, is_file, alphasort);

    for (int i = 0; i < n; i++) {
        struct stat sb;
        char *path;

        if (asprintf (&path, "%s/%s", dir, list[i]->d_name) < 0)
            cmd_die ("out of memory");
        if (rc == 0 && stat (path, &sb) == 0 && S_ISREG (sb.st_mode)
            && access (path, X_OK) == 0)
            rc = run_program ((char *const[]){ path, NULL });
        free (path);
        free (list[i]);
    }
    if (n >= 0)
        free (list);
    return rc;
}

int modprobe_scripts (const char *name)
{
    const char *extra = getenv ("FLUX_RC_EXTRA");
    char *dirs, *dir, *save;
    int rc = 0;

    if (asprintf (&dirs, "%s:%s", flux_conf_builtin_get ("confdir", FLUX_CONF_AUTO),
                  extra ? extra : "")
        < 0)
        cmd_die ("out of memory");
    for (char *w = strtok_r (dirs, ":", &save); w && rc == 0;
         w = strtok_r (NULL, ":", &save)) {
        if (asprintf (&dir, "%s/%s", w, name) < 0)
            cmd_die ("out of memory");
        rc = run_directory (dir);
        free (dir);
    }
    free (dirs);
    return rc < 0 ? 1 : 0;
}
