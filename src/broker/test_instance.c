#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <jansson.h>

#include "common/tap.h"
#include "common/util.h"

#include "test_instance.h"

static char last_error[256];

const char *test_bindir (void)
{
    static char path[4096];
    ssize_t n;

    if (!path[0]) {
        if ((n = readlink ("/proc/self/exe", path, sizeof (path) - 1)) < 0)
            bail_out ("where am I?");
        path[n] = '\0';
        *strrchr (path, '/') = '\0';
    }
    return path;
}

const char *test_module (void)
{
    static char path[4200];

    snprintf (path, sizeof (path), "%s/.libs/testmod.so", test_bindir ());
    return path;
}

static void exec_broker (struct instance *in, const char *const args[])
{
    char broker[4200], rundir[128];
    const char *argv[64] = {
        broker, "-Sbroker.rc1_path=", "-Sbroker.rc3_path=", rundir,
    };
    int argc = 4;
    int fd = open (in->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    snprintf (broker, sizeof (broker), "%s/flux-broker", test_bindir ());
    snprintf (rundir, sizeof (rundir), "-Srundir=%s/run", in->dir);
    if (!args)
        argv[argc++] = "-Sbroker.rc2_none";
    while (args && *args)
        argv[argc++] = *args++;
    if (fd >= 0)
        dup2 (fd, STDERR_FILENO);
    execv (broker, (char **)argv);
    _exit (126);
}

void instance_spawn (struct instance *in, const char *const args[])
{
    strcpy (in->dir, "/tmp/broker-test-XXXXXX");
    if (!mkdtemp (in->dir))
        bail_out ("mkdtemp: %s", strerror (errno));
    snprintf (in->uri, sizeof (in->uri), "local://%s/run/local-0", in->dir);
    snprintf (in->log, sizeof (in->log), "%s/log", in->dir);
    fflush (stdout);
    if ((in->pid = fork ()) < 0)
        bail_out ("fork: %s", strerror (errno));
    if (in->pid == 0)
        exec_broker (in, args);
}

flux_t *instance_open (struct instance *in)
{
    flux_t *h = flux_open (in->uri, 0);

    if (!h) {
        int saved_errno = errno;

        _cleanup_ (freep) char *log = instance_log (in);

        diag ("%s", log);
        bail_out ("flux_open %s: %s", in->uri, strerror (saved_errno));
    }
    return h;
}

void instance_start (struct instance *in, const char *const args[])
{
    flux_t *h;

    setenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT", "24", 1); /* half a minute */
    instance_spawn (in, args);
    h = instance_open (in);
    if (call (h, "state-machine.wait", NULL) != 0)
        bail_out ("state-machine.wait: %s", call_error ());
    flux_close (h);
}

void instance_await_end (struct instance *in)
{
    siginfo_t si;

    if (waitid (P_PID, in->pid, &si, WEXITED | WNOWAIT) < 0)
        bail_out ("waitid: %s", strerror (errno));
}

static int remove_entry (const char *path, const struct stat *st, int type, struct FTW *f)
{
    return remove (path);
}

int instance_wait (struct instance *in)
{
    int status;

    if (waitpid (in->pid, &status, 0) < 0)
        bail_out ("waitpid: %s", strerror (errno));
    (void)nftw (in->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

int instance_stop (struct instance *in)
{
    flux_t *h = instance_open (in);

    (void)call (h, "shutdown.start", "{}");
    flux_close (h);
    return instance_wait (in);
}

char *instance_log (struct instance *in)
{
    char *buf = calloc (1, 65536);
    int fd = open (in->log, O_RDONLY);

    if (!buf || (fd >= 0 && read (fd, buf, 65535) < 0))
        bail_out ("cannot read %s", in->log);
    if (fd >= 0)
        close (fd);
    return buf;
}

int call_json (flux_t *h, const char *topic, const char *payload, char **response)
{
    flux_future_t *f = flux_rpc (h, topic, payload, FLUX_NODEID_ANY, 0);
    const char *s = NULL;
    int errnum = 0;

    if (!f || flux_rpc_get (f, &s) < 0) {
        errnum = errno;
        snprintf (last_error,
                  sizeof (last_error),
                  "%s",
                  f ? future_strerror (f, errnum) : strerror (errnum));
        s = NULL;
    }
    if (response)
        *response = s ? strdup (s) : NULL;
    flux_future_destroy (f);
    return errnum;
}

int call (flux_t *h, const char *topic, const char *payload)
{
    return call_json (h, topic, payload, NULL);
}

const char *call_error (void)
{
    return last_error;
}

int load (flux_t *h, const char *name, const char *args)
{
    json_t *a = json_array ();
    _cleanup_ (freep) char *payload = NULL;
    json_t *o;

    if (args)
        json_array_append_new (a, json_string (args));
    o = json_pack ("{s:s s:o s:s}", "path", test_module (), "args", a, "name", name);
    payload = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    return call (h, "module.load", payload);
}

int unload (flux_t *h, const char *name)
{
    char payload[128];

    snprintf (payload, sizeof (payload), "{\"name\":\"%s\"}", name);
    return call (h, "module.remove", payload);
}
