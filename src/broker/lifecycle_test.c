/* A real broker from start to exit: phases, exit codes, signals, traces. */

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/tap.h"
#include "common/util.h"

#include "test_instance.h"

/* Run to the end; returns the exit code. */
static int run (const char *const args[])
{
    struct instance in;

    instance_spawn (&in, args);
    return instance_wait (&in);
}

#define RUN(...) run ((const char *[]){ __VA_ARGS__, NULL })

static void exit_codes (void)
{
    ok (RUN ("true") == 0, "the initial program's exit code is ours: 0");
    ok (RUN ("exit 3") == 3, "... 3, by the shell");
    ok (RUN ("sh", "-c", "exit 4") == 4, "... 4, executed directly");
    ok (RUN ("kill -TERM $$") == 128 + SIGTERM, "... 128 + signal");
    ok (RUN ("nosuchprogram", "x") == 127, "not found: 127");
    ok (RUN ("/etc/passwd", "x") == 126, "not executable: 126");
    ok (RUN ("-Sbroker.rc1_path=exit 5", "exit 6") == 5, "rc1 comes first");
    ok (RUN ("-Sbroker.rc3_path=exit 7", "true") == 7, "rc3 comes last");
    ok (RUN ("-Sbroker.rc3_path=exit 7", "exit 6") == 6, "the first nonzero one counts");
    ok (RUN ("-Sbroker.rc1_path=exit 5", "-Sbroker.exit-norestart=42", "true") == 42,
        "broker.exit-norestart replaces it after a failing rc1");
    ok (RUN ("-Sbroker.exit-norestart=42", "exit 6") == 6, "... and not after rc2");
    ok (RUN ("-Sbroker.rc1_path=exit 5", "-Sbroker.recovery-mode=1", "exit 0") == 5,
        "in recovery mode rc1 may fail");
}

static void refusals (void)
{
    ok (RUN ("-Srank=1", "true") == 1, "an attribute that is not for the command line");
    ok (RUN ("-Snosuch=1", "true") == 1, "an unknown attribute");
    ok (RUN ("-Slog-level=99", "true") == 1, "a bad value");
    ok (RUN ("-Sbroker.quorum=9", "true") == 1, "a quorum that is too big");
    ok (RUN ("-Slocal-uri=tcp://x", "true") == 1, "a local-uri that is none");
    ok (RUN ("-Slocal-uri=local:///nosuch/dir/x", "true") == 1, "... without a directory");
    ok (RUN ("-c", "/nosuch", "true") == 1, "a configuration that is not there");
    ok (RUN ("--no-such-option") == 1, "an unknown option");
}

static void environment (void)
{
    char dir[] = "/tmp/lifecycle-test-XXXXXX";
    char cmd[256], path[64];
    FILE *f;
    char line[1024] = "";

    if (!mkdtemp (dir))
        bail_out ("mkdtemp");
    snprintf (path, sizeof (path), "%s/out", dir);
    setenv ("FLUX_JOB_ID", "f1", 1);
    setenv ("PMI_FOO", "1", 1);
    setenv ("FLUX_KVS_NAMESPACE", "x", 1);
    snprintf (cmd,
              sizeof (cmd),
              "echo uri=$FLUX_URI job=$FLUX_JOB_ID pmi=$PMI_FOO ns=$FLUX_KVS_NAMESPACE"
              " >%s",
              path);
    ok (RUN (cmd) == 0, "the initial program runs");
    if (!(f = fopen (path, "r")) || !fgets (line, sizeof (line), f))
        bail_out ("no output");
    fclose (f);
    ok (strncmp (line, "uri=local:///tmp/broker-test-", 29) == 0, "it has FLUX_URI");
    ok (strstr (line, "/local-0 job= pmi= ns=\n") != NULL,
        "and nothing of an enclosing job: %s",
        line);
    unsetenv ("FLUX_JOB_ID");
    unsetenv ("PMI_FOO");
    unsetenv ("FLUX_KVS_NAMESPACE");
    unlink (path);
    rmdir (dir);
}

static void no_traces (void)
{
    char tmp[] = "/tmp/lifecycle-test-XXXXXX";
    char broker[4200];
    pid_t pid;
    int rc = -1;

    if (!mkdtemp (tmp))
        bail_out ("mkdtemp");
    snprintf (broker,
              sizeof (broker),
              "TMPDIR=%s %s/flux-broker -Sbroker.rc1_path= -Sbroker.rc3_path="
              " 'test -S %s/flux-*/local-0 && test -L %s/flux-*/bin/flux'",
              tmp,
              test_bindir (),
              tmp,
              tmp);
    if ((pid = fork ()) == 0) {
        execl ("/bin/sh", "sh", "-c", broker, NULL);
        _exit (126);
    }
    (void)waitpid (pid, &rc, 0);
    ok (rc == 0, "socket and link are there while it runs");
    ok (rmdir (tmp) == 0, "nothing is left in TMPDIR after it");

    for (size_t i = 0; i < 3; i++) {
        static const int signums[] = { SIGTERM, SIGINT, SIGHUP };
        struct instance in;
        char rundir[128];

        instance_start (&in, i ? (const char *[]){ "sleep", "1000", NULL } : NULL);
        snprintf (rundir, sizeof (rundir), "%s/run", in.dir);
        kill (in.pid, signums[i]);
        instance_await_end (&in);
        ok (access (rundir, F_OK) < 0, "the rundir is gone");
        rc = instance_wait (&in);
        ok (rc == (i ? 128 + SIGHUP : 0),
            "signal %d %s: exit code %d",
            signums[i],
            i ? "hangs up the initial program" : "without one",
            rc);
    }
}

static void stubborn (void)
{
    struct instance in;
    char dir[] = "/tmp/lifecycle-test-XXXXXX";
    char program[256], trapped[64];
    flux_t *h;

    if (!mkdtemp (dir))
        bail_out ("mkdtemp: %s", strerror (errno));
    snprintf (trapped, sizeof (trapped), "%s/trapped", dir);
    snprintf (program,
              sizeof (program),
              "trap '' HUP TERM; : >%s; while :; do sleep 0.01; done",
              trapped);
    instance_start (&in, (const char *[]){ program, NULL });
    h = instance_open (&in);
    while (access (trapped, F_OK) < 0 && call (h, "broker.ping", "{}") == 0)
        ;
    flux_close (h);
    unlink (trapped);
    rmdir (dir);
    kill (in.pid, SIGTERM);
    kill (in.pid, SIGINT);
    kill (in.pid, SIGQUIT);
    ok (instance_wait (&in) == 128 + SIGKILL,
        "an initial program that will not listen is killed at the third signal");
}

static void cleanup (void)
{
    struct instance in;
    char push[1024], out[128], line[128] = "";
    flux_t *h;
    FILE *f;

    instance_start (&in, NULL);
    h = instance_open (&in);
    snprintf (out, sizeof (out), "%s/out", in.dir);
    ok (call (h, "runat.push", "{\"name\":\"cleanup\",\"commands\":[]}") == EPROTO, "empty");
    is (call_error (), "commands array is empty", "says so");
    ok (call (h, "runat.push", "{\"name\":\"cleanup\",\"commands\":[\" \"]}") == EPROTO,
        "an empty command");
    is (call_error (), "cannot push an empty command line", "says so");
    snprintf (push,
              sizeof (push),
              "{\"name\":\"cleanup\",\"commands\":"
              "[\"echo one >>%s\",\"echo two >>%s\",\"echo three >>%s; false\"]}",
              out,
              out,
              out);
    ok (call (h, "runat.push", push) == 0, "three commands, one of which fails");
    call (h, "shutdown.start", "{}");
    flux_close (h);
    instance_await_end (&in);
    if ((f = fopen (out, "r"))) {
        size_t n = fread (line, 1, sizeof (line) - 1, f);

        line[n] = '\0';
        fclose (f);
    }
    is (line, "three\ntwo\none\n", "all run, the last pushed first");
    ok (instance_wait (&in) == 1, "a failing one makes the exit code");
}

static void requests (void)
{
    struct instance in;
    flux_future_t *f, *f2;
    const char *s;
    char *r;
    flux_t *h;
    int state, logs = 0;

    instance_start (&in, NULL);
    h = instance_open (&in);
    call_json (h, "state-machine.get", NULL, &r);
    ok (r && strncmp (r, "{\"state\":\"run\",\"duration\":", 26) == 0, "the state is run");
    free (r);
    ok (call (h, "state-machine.post", "{\"event\":\"x\"}") == EPROTO, "post wants no answer");
    f = flux_rpc (h, "state-machine.monitor", "{\"final\":7}", FLUX_NODEID_ANY,
                  FLUX_RPC_STREAMING);
    ok (flux_rpc_get_unpack (f, "{s:i}", "state", &state) == 0 && state == 5,
        "a monitor gets the state at once");
    flux_future_reset (f);
    f2 = flux_rpc (h, "shutdown.start", "{\"loglevel\":7}", FLUX_NODEID_ANY,
                   FLUX_RPC_STREAMING);
    ok (flux_rpc_get_unpack (f, "{s:i}", "state", &state) == 0 && state == 6,
        "then each change");
    flux_future_reset (f);
    ok (flux_rpc_get_unpack (f, "{s:i}", "state", &state) == 0 && state == 7, "...");
    flux_future_reset (f);
    ok (flux_rpc_get (f, NULL) < 0 && errno == ENODATA, "until the last one it wanted");
    while (flux_rpc_get_unpack (f2, "{s:s}", "log", &s) == 0) {
        logs++;
        flux_future_reset (f2);
    }
    ok (errno == ENODATA && logs > 2, "shutdown.start streams %d log lines, and ends", logs);
    flux_future_destroy (f);
    flux_future_destroy (f2);
    flux_close (h);
    ok (instance_wait (&in) == 0, "exit code 0");

    instance_start (&in, (const char *[]){ "-Sbroker.rc3_path=sleep 1000",
                                           "-Sbroker.rc2_none",
                                           NULL });
    h = instance_open (&in);
    call (h, "shutdown.start", "{}");
    ok (call (h, "shutdown.start", "{}") == EINVAL, "one shutdown is enough");
    is (call_error (), "shutdown is already in progress", "says so");
    ok (call (h, "state-machine.wait", NULL) == ENOENT, "run has been");
    is (call_error (), "broker has surpassed RUN state", "says so");
    kill (in.pid, SIGTERM);
    flux_close (h);
    ok (instance_wait (&in) == 128 + SIGHUP, "a signal in rc3 hangs up rc3");
}

static void logging (void)
{
    struct instance in;
    flux_future_t *f;
    const char *s;
    flux_t *h;
    int n = 0;

    instance_start (&in, NULL);
    h = instance_open (&in);
    ok (call (h, "log.clear", NULL) == 0, "log.clear");
    flux_log_set_appname (h, "tester");
    flux_log (h, LOG_INFO, "hello");
    f = flux_rpc (h, "log.dmesg", "{\"follow\":true}", FLUX_NODEID_ANY, FLUX_RPC_STREAMING);
    while (flux_rpc_get (f, &s) == 0 && !strstr (s, "hello"))
        flux_future_reset (f);
    ok (s && strncmp (s, "<48>1 ", 6) == 0 && strstr (s, " 0 tester ")
            && strstr (s, " - - hello"),
        "an entry comes back: %s",
        s);
    flux_future_reset (f);
    flux_log (h, LOG_WARNING, "later");
    ok (flux_rpc_get (f, &s) == 0 && strstr (s, "later"), "a follower gets new ones");
    flux_future_destroy (
        flux_rpc_pack (h, "log.cancel", FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE, "{s:i}",
                       "matchtag", (int)flux_rpc_get_matchtag (f)));
    do
        flux_future_reset (f);
    while (flux_rpc_get (f, &s) == 0 && n++ < 100);
    ok (errno == ENODATA, "until it cancels");
    flux_future_destroy (f);
    ok (call (h, "log.dmesg", "{\"follow\":false}") == EPROTO, "dmesg wants to stream");
    ok (call (h, "attr.set", "{\"name\":\"log-stderr-level\",\"value\":\"x\"}") == EINVAL,
        "a bad level is refused");
    is (call_error (), "invalid level", "says so");
    ok (call (h, "attr.set", "{\"name\":\"log-stderr-level\",\"value\":\"7\"}") == 0,
        "a good one is taken");
    flux_close (h);
    instance_stop (&in);
}

static void attributes (void)
{
    struct instance in;
    char *r;
    flux_t *h;

    instance_start (&in, (const char *[]){ "-Sbroker.rc2_none", "-Stest.a=1", NULL });
    h = instance_open (&in);
    is (flux_attr_get (h, "size"), "1", "size");
    is (flux_attr_get (h, "test.a"), "1", "one of the command line");
    ok (call (h, "attr.get", "{\"name\":\"broker.rc2_none\"}") == ENOENT, "null reads ENOENT");
    ok (call (h, "attr.set", "{\"name\":\"test.a\",\"value\":\"2\"}") == 0, "set");
    is (flux_attr_get (h, "test.a"), "2", "and read again");
    ok (call (h, "attr.rm", "{\"name\":\"test.a\"}") == 0, "remove");
    ok (call (h, "attr.rm", "{\"name\":\"rank\"}") == EPERM, "not this one");
    call_json (h, "attr.list", NULL, &r);
    ok (r && strstr (r, "\"broker.rc2_none\"") && strstr (r, "\"statedir\""), "list");
    free (r);
    call_json (h, "config.get", NULL, &r);
    is (r, "{}", "no configuration");
    free (r);
    flux_close (h);
    instance_stop (&in);
}

/* A broker that is a task of another instance's job. */
static void nested (void)
{
    struct instance outer, inner;
    char *r;
    flux_t *h;

    instance_start (&outer, NULL);
    setenv ("FLUX_URI", outer.uri, 1);
    setenv ("FLUX_JOB_ID", "fABC", 1);
    setenv ("FLUX_KVS_NAMESPACE", "ns", 1);
    setenv ("PMI_RANK", "0", 1);
    setenv ("PMI_SIZE", "1", 1);
    instance_start (&inner, NULL);
    h = instance_open (&inner);
    is (flux_attr_get (h, "instance-level"), "1", "a nested instance is one level down");
    is (flux_attr_get (h, "jobid"), "fABC", "it knows its job");
    is (flux_attr_get (h, "jobid-path"), "/fABC", "... and the way there");
    is (flux_attr_get (h, "parent-kvs-namespace"), "ns", "... and its namespace");
    call_json (h, "attr.get", "{\"name\":\"parent-uri\"}", &r);
    ok (r && strstr (r, outer.dir), "... and its parent");
    free (r);
    flux_close (h);
    ok (instance_stop (&inner) == 0, "exit code 0");
    ok (RUN ("test \"$FLUX_ENCLOSING_ID\" = fABC -a -z \"$FLUX_JOB_ID\"") == 0,
        "its initial program is told by FLUX_ENCLOSING_ID");
    setenv ("PMI_SIZE", "2", 1);
    ok (RUN ("true") == 1, "one of several brokers refuses to start");
    unsetenv ("FLUX_URI");
    unsetenv ("FLUX_JOB_ID");
    unsetenv ("FLUX_KVS_NAMESPACE");
    unsetenv ("PMI_RANK");
    unsetenv ("PMI_SIZE");
    ok (instance_stop (&outer) == 0, "exit code 0");
}

int main (void)
{
    exit_codes ();
    refusals ();
    environment ();
    no_traces ();
    stubborn ();
    cleanup ();
    requests ();
    logging ();
    attributes ();
    nested ();
    return done_testing ();
}
