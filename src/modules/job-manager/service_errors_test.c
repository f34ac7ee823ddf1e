/* What the service logs when others do not do as they should: scheduler, exec service,
 * KVS; and what it makes of it.
 */

#include "config.h"
#include <jansson.h>
#include <signal.h>

#include "service_world.h"

#define JOB(id)                                                                     \
    "{\"jobs\":[{\"id\":" #id                                                       \
    ",\"userid\":100,\"urgency\":16,\"t_submit\":5.5,\"flags\":0,\"jobspec\":"      \
    "{\"version\":1}}]}"
#define R0                                                                              \
    "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":" \
    "\"0\"}}],"                                                                         \
    "\"starttime\":0.0,\"expiration\":0.0,\"nodelist\":[\"h\"]}}"

static void ready (void)
{
    world_rpc ("sched-ready", "{\"mode\":\"unlimited\"}");
    world_rpc ("exec-hello", "{\"service\":\"exec\"}");
}

/* Job 1 runs, as far as the job-manager knows. */
static void run_one (void)
{
    ready ();
    is (world_rpc ("submit", JOB (1)), "{\"errors\":[]}", "a job");
    world_awaits (&w.alloc);
    world_respond (w.alloc, "{\"id\":1,\"type\":0,\"R\":" R0 "}");
    world_awaits (&w.start);
    world_respond (w.start, "{\"id\":1,\"type\":\"start\",\"data\":{}}");
    world_settle ();
}

static bool log_has (const char *s)
{
    return strstr (world_rpc ("getattr", "{\"id\":1,\"attrs\":[\"eventlog\"]}"), s) != NULL;
}

static void what_exec_says (void)
{
    static const struct {
        const char *payload;
        const char *log;
        const char *why;
    } tab[] = {
        { "{\"id\":99,\"type\":\"start\",\"data\":{}}",
          "start response for job 99 ignored: No such file or directory",
          "of a job that is not there" },
        { "{\"id\":1,\"type\":\"jump\",\"data\":{}}",
          "start response for job 1 ignored: Protocol error", "of a type that is none" },
        { "{\"id\":1,\"type\":\"finish\",\"data\":{}}",
          "start response for job 1 ignored: Protocol error", "without a status" },
        { "{\"id\":1,\"type\":\"release\",\"data\":{\"ranks\":\"all\"}}",
          "start response for job 1 ignored: Protocol error", "without final" },
        { "{\"id\":1,\"type\":\"exception\",\"data\":{\"severity\":8,\"type\":\"x\"}}",
          "start response for job 1 ignored: Protocol error", "with an odd severity" },
        { "{\"type\":\"start\"}", "start response for job 0 ignored: Protocol error",
          "without an id" },
        { "[]", "start response for job 0 ignored: Protocol error", "that is none" },
        { "{\"id\":1,\"type\":\"start\",\"data\":{}}",
          "start response for job 1 ignored: File exists", "that comes twice" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (tab); i++) {
        world_respond (w.start, tab[i].payload);
        world_logs (tab[i].log, tab[i].why);
    }
    ok (!log_has ("finish") && !log_has ("release") && !log_has ("exception"),
        "nothing has become of it");
}

static void expiration (void)
{
    is (world_rpc ("post-event.post", "{\"id\":1,\"name\":\"resource-update\",\"context\":"
                                      "{\"expiration\":99.5}}"),
        "", "the job's time limit changes");
    world_awaits (&w.expiration);
    if (flux_respond_error (w.h, w.expiration, ENOSYS, NULL) < 0)
        bail_out ("respond");
    world_settle ();
    ok (log_has ("\"name\":\"exception\",\"context\":{\"type\":\"exec\",\"severity\":1,"
                 "\"note\":\"failed to send expiration update to exec system: job "
                 "termination may not coincide with expiration\"}"),
        "that the exec service does not know it is told in the job's log");
}

static void interfaces_go (void)
{
    if (flux_respond_error (w.h, w.start, ENOSYS, NULL) < 0)
        bail_out ("respond");
    world_logs ("start: stop due to start response error: Function not implemented",
                "an error is the end of the exec service");
    is (world_rpc ("exec-hello", "{\"service\":\"other\"}"), "", "another may come");
    world_forget (&w.alloc);
    is (world_rpc ("submit", JOB (2)), "{\"errors\":[]}", "a second job");
    world_awaits (&w.alloc);
    if (flux_respond_error (w.h, w.alloc, EPERM, NULL) < 0)
        bail_out ("respond");
    world_logs ("alloc: stop due to alloc response error: Operation not permitted",
                "an error is the end of the scheduler");
    for (const char *const *s = (const char *const[]){
             "{\"id\":2}", "{\"id\":2,\"type\":4}", "{\"id\":2,\"type\":0}",
             "{\"id\":2,\"type\":1}", "{\"id\":2,\"type\":2,\"note\":5}", "[]", NULL };
         *s; s++) {
        world_forget (&w.alloc);
        world_rpc ("sched-ready", "{\"mode\":\"unlimited\"}");
        world_awaits (&w.alloc);
        world_respond (w.alloc, *s);
        world_logs ("alloc: stop due to alloc response error: Protocol error", *s);
    }
    ok (strstr (world_rpc ("queue-status", "{}"), "\"stop_reason\":\"Scheduler is offline\""),
        "the queue tells so");
}

static void journal (void)
{
    flux_future_t *f;
    const char *s;

    text_clear (&w.logged);
    if (!(f = flux_rpc (w.h, "job-manager.events-journal", "{}", FLUX_NODEID_ANY,
                        FLUX_RPC_STREAMING)))
        bail_out ("journal");
    do {
        while (!flux_future_is_ready (f))
            world_settle ();
        s = world_result_of (f);
        flux_future_reset (f);
    } while (strncmp (s, "{\"id\":-1,", 9) != 0);
    world_settle ();
    ok (w.logged.len > 0 && strstr (w.logged.buf, "begin sending journal backlog: 2 jobs\n"
                              "finished sending journal backlog\n"),
        "how many jobs a consumer is sent, and that they have been, is told");
    flux_future_destroy (f);
}

static void configuration (void)
{
    is (world_rpc ("config-reload", "{\"job-manager\":{\"housekeeping\":{\"command\":"
                                    "[\"true\"],\"use-systemd-unit\":true}}}"),
        "", "what once was a setting is taken");
    world_logs ("job-manager.housekeeping.use-systemd-unit is deprecated: ignored",
                "and told of");
    is (world_rpc ("config-reload", "{}"), "", "all is as before");
}

static void a_commit_fails (void)
{
    flux_future_t *f;

    w.full = true;
    if (!(f = flux_rpc (w.h, "job-manager.submit", JOB (3), FLUX_NODEID_ANY, 0)))
        bail_out ("submit");
    world_module_fails ("a KVS that refuses a commit is the end of the module");
    world_logs ("KVS commit: No space left on device", "which says why");
    is (world_result_of (f), "5 job-manager failed", "who waits for that commit is told");
    flux_future_destroy (f);
    world_forget_module ();
    w.full = false;
}

static void the_last_commit_fails (void)
{
    world_start_module ();
    w.full = true;
    flux_future_destroy (flux_rpc (w.h, "job-manager.shutdown", NULL, FLUX_NODEID_ANY,
                                   FLUX_RPC_NORESPONSE));
    world_module_fails ("so it is when the module is told to end");
    world_logs ("the last commit failed: No space left on device", "and says so");
    world_forget_module ();
    w.full = false;
}

static void not_on_rank_0 (void)
{
    w.rank = "1";
    world_launch_module ();
    world_module_fails ("on another rank the module does not start");
    world_logs ("job-manager must be loaded on rank 0", "and says why");
    world_forget_module ();
    w.rank = NULL;
}

int main (void)
{
    (void)signal (SIGPIPE, SIG_IGN);
    world_start_module ();
    run_one ();
    what_exec_says ();
    expiration ();
    interfaces_go ();
    journal ();
    configuration ();
    a_commit_fails ();
    the_last_commit_fails ();
    not_on_rank_0 ();
    world_fini ();
    return done_testing ();
}
