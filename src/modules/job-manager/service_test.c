/* The whole service in a world of its own. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "service_world.h"

#define JOB(id, flags)                                                  \
    "{\"jobs\":[{\"id\":" #id                                           \
    ",\"userid\":100,\"urgency\":16,\"t_submit\":5.5,\"flags\":" #flags \
    ",\"jobspec\":{\"version\":1}}]}"
#define DIR(id) "0000.0000.0000.000" #id
#define R0                                                                              \
    "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":" \
    "\"0\"}}],"                                                                         \
    "\"starttime\":0.0,\"expiration\":0.0,\"nodelist\":[\"h\"]}}"

static void a_job (void)
{
    is (world_rpc ("sched-ready", "{\"mode\":\"limited\",\"limit\":8}"), "{\"count\":0}",
        "a scheduler is ready");
    is (world_rpc ("exec-hello", "{\"service\":\"exec\"}"), "", "an exec service too");
    is (world_rpc ("submit", JOB (1, 4)), "{\"errors\":[]}", "a job is submitted");
    ok (strncmp (world_stored (DIR (1)), "submit", 6) == 0,
        "and stored before the answer");
    world_hears ("sched.alloc {\"id\":1,\"priority\":16,\"userid\":100,\"t_submit\":5.5,"
                 "\"jobspec\":{\"version\":1}}\n",
                 "the scheduler is asked");
    is (world_rpc ("alloc-query", NULL),
        "{\"queue_length\":0,\"alloc_pending\":1,\"running\":0}", "it has one request");
    world_respond (w.alloc, "{\"id\":1,\"type\":0,\"R\":" R0
                            ",\"annotations\":{\"sched\":{\"x\":\"y\"}}}");
    world_hears ("exec.start {\"id\":1,\"userid\":100,\"jobspec\":{\"version\":1},"
                 "\"reattach\":false,\"R\":" R0 "}\n",
                 "the job is started");
    is (world_rpc ("resource-status", NULL), "{\"allocated\":" R0 "}",
        "its resources are known");
    is (world_rpc ("list", "{\"max_entries\":0}"),
        "{\"jobs\":[{\"id\":1,\"userid\":100,\"urgency\":16,\"priority\":16,\"t_submit\":"
        "5.5,"
        "\"state\":16,\"annotations\":{\"sched\":{\"x\":\"y\"}}}]}",
        "it is listed");
    is (world_rpc ("kill", "{\"id\":1,\"signum\":15}"), "", "it is sent a signal");
    world_hears ("event shell-1.kill {\"signum\":15}\n", "by an event");
    world_respond (w.start, "{\"id\":1,\"type\":\"start\",\"data\":{}}");
    world_respond (w.start, "{\"id\":1,\"type\":\"finish\",\"data\":{\"status\":256}}");
    world_respond (
        w.start,
        "{\"id\":1,\"type\":\"release\",\"data\":{\"ranks\":\"all\",\"final\":true}}");
    world_hears ("sched.free {\"id\":1,\"R\":" R0 ",\"final\":true}\n",
                 "it ends, and the scheduler gets its resources back");
    is (world_rpc ("wait", "{\"id\":-1}"),
        "{\"id\":1,\"success\":false,\"errstr\":\"task(s) exited with exit code 1\"}",
        "who waits for it hears how it ended");
    is (world_rpc ("hold", "{\"id\":1}"),
        "{\"id\":1,\"success\":false,\"errstr\":\"task(s) exited with exit code 1\"}",
        "... and who holds it, too late");
    is (world_rpc ("drain", NULL), "", "nothing is active");
    is (world_stored (DIR (1)),
        "submit validate depend priority alloc start finish release free clean",
        "the KVS has its life");
    is (world_rpc ("getattr", "{\"id\":1,\"attrs\":[\"R\",\"jobspec\"]}"),
        "{\"R\":" R0 ",\"jobspec\":{\"version\":1}}", "its attributes can be had");
    is (world_rpc ("getinfo", NULL), "{\"max_jobid\":1}", "it is the newest");
}

static void refusals (void)
{
    is (world_rpc ("submit", "{\"jobs\":[{\"id\":2}]}"), "71 Protocol error",
        "a malformed submission");
    is (world_rpc (
            "submit",
            "{\"jobs\":[{\"id\":2,\"userid\":100,\"urgency\":16,\"t_submit\":5.5,"
            "\"flags\":0,\"jobspec\":{\"attributes\":{\"system\":{\"dependencies\":"
            "[{\"scheme\":\"x\\\"\",\"value\":\"y\"}]}}}}]}"),
        "{\"errors\":[[2,\"dependency scheme \\\"x\\\"\\\" not supported\"]]}",
        "a rejected job");
    is (world_rpc ("submit", JOB (3, 0)), "{\"errors\":[]}", "one that waits");
    is (world_rpc ("hold", "{\"id\":9}"), "2 unknown job id", "hold: unknown");
    is (world_rpc_as (101, "hold", "{\"id\":3}", 0),
        "1 guests can only hold their own jobs", "hold: guest");
    world_heard ();
    is (world_rpc ("raise", "{\"id\":3,\"severity\":8,\"type\":\"x\"}"),
        "71 invalid exception severity", "raise: severity");
    is (world_rpc ("raise", "{\"id\":3,\"severity\":0,\"type\":\"a b\"}"),
        "71 invalid exception type", "raise: type");
    is (world_rpc ("raise", "{\"id\":9,\"severity\":0,\"type\":\"x\"}"),
        "2 unknown job id", "raise: unknown");
    is (world_rpc ("raise", "{\"id\":1,\"severity\":0,\"type\":\"x\"}"),
        "2 job is inactive", "raise: inactive");
    is (world_rpc_as (101, "raise", "{\"id\":3,\"severity\":0,\"type\":\"x\"}", 0),
        "1 guests can only raise exceptions on their own jobs", "raise: guest");
    is (world_rpc_as (
            101, "raiseall",
            "{\"dry_run\":true,\"userid\":-1,\"states\":62,\"severity\":0,\"type\":"
            "\"x\"}",
            0),
        "1 guests can only raise exceptions on their own jobs", "raiseall: guest");
    is (world_rpc_as (
            100, "raiseall",
            "{\"dry_run\":true,\"userid\":100,\"states\":62,\"severity\":0,\"type\":"
            "\"x\"}",
            0),
        "{\"count\":1,\"errors\":0}", "raiseall: own jobs");
    is (world_rpc ("kill", "{\"id\":3,\"signum\":0}"), "22 Invalid signal number",
        "kill: signal");
    is (world_rpc ("kill", "{\"id\":9,\"signum\":9}"), "22 unknown job id",
        "kill: unknown");
    is (world_rpc ("kill", "{\"id\":1,\"signum\":9}"), "22 job is inactive",
        "kill: inactive");
    is (world_rpc ("kill", "{\"id\":3,\"signum\":9}"), "22 job is not running",
        "kill: pending");
    is (world_rpc ("killall", "{}"), "71 error decoding request", "killall: payload");
    is (world_rpc ("urgency", "{\"id\":3,\"urgency\":32}"),
        "22 urgency value is out of range", "urgency: range");
    is (world_rpc ("urgency", "{\"id\":9,\"urgency\":1}"), "22 unknown job",
        "urgency: unknown");
    is (world_rpc ("urgency", "{\"id\":1,\"urgency\":1}"), "22 job is inactive",
        "urgency: inactive");
    is (world_rpc_as (101, "urgency", "{\"id\":3,\"urgency\":1}", 0),
        "1 guests can only reprioritize their own jobs", "urgency: other guest");
    is (world_rpc_as (100, "urgency", "{\"id\":3,\"urgency\":20}", 0),
        "1 guests can only adjust urgency <= default", "urgency: guest up");
    is (world_rpc_as (100, "urgency", "{\"id\":3,\"urgency\":0}", 0),
        "{\"old_urgency\":16}", "urgency: guest down");
    is (world_rpc ("memo", "{\"id\":9,\"memo\":{}}"), "2 unknown job id",
        "memo: unknown");
    is (world_rpc ("memo", "{\"id\":3,\"memo\":5}"), "22 memo must be an object",
        "memo: no object");
    is (world_rpc ("memo", "{\"id\":3,\"memo\":{\"a\":1}}"), "", "memo: fine");
    is (world_rpc ("post-event.post", "{\"id\":9,\"name\":\"x\"}"),
        "2 No such file or directory", "post-event: unknown");
    is (world_rpc ("post-event.post", "{\"id\":3,\"name\":\"exception\"}"),
        "71 Protocol error", "post-event: an exception needs a context");
    is (world_rpc ("post-event.post", "{\"id\":3,\"name\":\"a\\\"b\"}"),
        "71 Protocol error", "post-event: names are plain");
    is (world_rpc ("post-event.post",
                   "{\"id\":3,\"name\":\"note\",\"context\":{\"a\":1}}"),
        "", "post-event: fine");
    is (world_rpc ("getattr", "{\"id\":9,\"attrs\":[]}"), "22 unknown job",
        "getattr: unknown");
    is (world_rpc ("getattr", "{\"id\":3,\"attrs\":[\"R\"]}"), "2 R is NULL",
        "getattr: no R yet");
    is (world_rpc ("getattr", "{\"id\":3,\"attrs\":[\"x\"]}"), "2 unknown attr x",
        "getattr: what?");
    is (world_rpc ("getattr", "{\"id\":3,\"attrs\":[5]}"),
        "71 attribute list contains non-string", "getattr: no string");
    is (world_rpc_as (101, "getattr", "{\"id\":3,\"attrs\":[]}", 0),
        "1 guests can only access their own jobs", "getattr: guest");
    is (world_rpc_as (101, "list", "{\"max_entries\":0}", 0),
        "1 Request requires owner credentials", "list: guest");
    is (world_rpc ("wait", "{}"), "71 malformed wait request", "wait: payload");
    is (world_rpc ("wait", "{\"id\":3}"),
        "10 job was not submitted with FLUX_JOB_WAITABLE", "wait: 3");
    is (world_rpc ("wait", "{\"id\":-1}"), "10 there are no more waitable jobs",
        "wait: any");
    is (world_rpc ("purge",
                   "{\"age_limit\":-2.0,\"num_limit\":-1,\"batch\":1,\"force\":false}"),
        "22 if set, age limit must be >= 0", "purge: age");
    is (world_rpc ("purge",
                   "{\"age_limit\":-1.0,\"num_limit\":-2,\"batch\":1,\"force\":false}"),
        "22 if set, num limit must be >= 0", "purge: number");
    is (world_rpc ("purge",
                   "{\"age_limit\":-1.0,\"num_limit\":0,\"batch\":101,\"force\":false}"),
        "22 batch must be >= 1 and <= 100", "purge: batch");
    is (world_rpc ("purge",
                   "{\"age_limit\":-1.0,\"num_limit\":0,\"batch\":10,\"force\":false}"),
        "{\"count\":1}", "purge: a dry run");
    is (world_rpc ("purge-id", "{\"id\":3,\"force\":1}"), "22 cannot purge active job",
        "purge-id");
    is (world_rpc ("purge-id", "{\"id\":9,\"force\":1}"), "2 id not found",
        "purge-id: unknown");
    is (world_rpc ("events-journal", "{}"),
        "71 job-manager.events requires streaming RPC flag", "journal: not streaming");
    is (world_rpc_as (0, "events-journal", "{\"allow\":5}", FLUX_RPC_STREAMING),
        "71 job-manager.events allow should be an object", "journal: filter");
    is (world_rpc ("queue-status", "{\"name\":\"x\"}"), "22 'x' is not a valid queue",
        "queue-status");
    is (world_rpc ("queue-enable", "{\"enable\":false,\"all\":false}"),
        "22 reason is required for disable", "queue-enable: reason");
    is (world_rpc ("sched-ready", "{\"mode\":\"limited\"}"), "71 Protocol error",
        "sched-ready: limit");
    is (world_rpc ("history.get", "{\"slice\":\"x\"}"),
        "22 could not parse python-style slice expression", "history: slice");
    is (world_rpc_as (100, "history.get", "{\"slice\":\"[:]\"}", 0), "{\"jobs\":[3,1]}",
        "history");
    is (world_rpc_as (100, "history.get", "{\"slice\":\"[-1]\"}", 0), "{\"jobs\":[1]}",
        "history: one");
    is (world_rpc_as (100, "history.get", "{\"slice\":\"[::-1]\"}", 0),
        "{\"jobs\":[1,3]}", "history: backwards");
    world_heard ();
}

/* Commits that wait make no difference but in time. */
static void batches (void)
{
    is (world_rpc ("set-batch-timeout", "{}"), "71 Protocol error",
        "a batch takes a time");
    is (world_rpc_as (5, "set-batch-timeout", "{\"timeout\":1}", 0),
        "1 Request requires owner credentials", "that guests do not set");
    is (world_rpc ("set-batch-timeout", "{\"timeout\":0.02}"), "", "others do");
    is (world_rpc ("post-event.post", "{\"id\":1,\"name\":\"x\"}"),
        "2 No such file or directory", "and go on");
}

static void updates (void)
{
    is (world_rpc ("update", "{\"id\":3,\"updates\":5}"), "71 Protocol error",
        "update: payload");
    is (world_rpc ("update", "{\"id\":3,\"updates\":{\"attributesx\":1}}"),
        "22 one or more jobspec updates are invalid", "update: not of a jobspec");
    is (world_rpc ("update", "{\"id\":9,\"updates\":{}}"), "2 unknown job id",
        "update: unknown");
    is (world_rpc ("update", "{\"id\":1,\"updates\":{}}"), "22 job is inactive",
        "update: inactive");
    is (world_rpc_as (101, "update", "{\"id\":3,\"updates\":{}}", 0),
        "1 guests may only update their own jobs", "update: guest");
    is (world_rpc ("update", "{\"id\":3,\"updates\":{\"tasks.x\":1}}"),
        "22 update of tasks.x not supported", "update: nobody supports that");
    is (world_rpc ("update",
                   "{\"id\":3,\"updates\":{\"attributes.system.duration\":-1}}"),
        "22 duration must not be negative", "update: less than nothing");
    is (world_rpc_as (100, "update",
                      "{\"id\":3,\"updates\":{\"attributes.system.duration\":60}}", 0),
        "", "update: own pending job");
    is (world_rpc ("getattr", "{\"id\":3,\"attrs\":[\"jobspec\"]}"),
        "{\"jobspec\":{\"version\":1,\"attributes\":{\"system\":{\"duration\":60}}}}",
        "it has the new duration");
    is (world_rpc ("update",
                   "{\"id\":3,\"updates\":{\"attributes.system.duration\":70}}"),
        "", "update: as the owner");
    is (world_rpc_as (100, "update",
                      "{\"id\":3,\"updates\":{\"attributes.system.duration\":80}}", 0),
        "1 job is immutable due to previous instance owner update", "which is final");
}

/* A running job, whose new expiration the scheduler does not want. */
static void expiration (void)
{
    static const char payload[] =
        "{\"id\":30,\"updates\":{\"attributes.system.duration\":3e9}}";
    flux_future_t *f;

    world_heard ();
    world_rpc ("submit", JOB (30, 0));
    world_hears ("sched.alloc {\"id\":30,\"priority\":16,\"userid\":100,\"t_submit\":5.5,"
                 "\"jobspec\":{\"version\":1}}\n",
                 "a job");
    world_respond (w.alloc, "{\"id\":30,\"type\":0,\"R\":" R0 "}");
    world_settle ();
    is (world_rpc ("update",
                   "{\"id\":30,\"updates\":{\"attributes.system.duration\":1}}"),
        "22 requested duration places job expiration in the past", "update: too late");
    f = flux_rpc (w.h, "job-manager.update", payload, FLUX_NODEID_ANY, 0);
    world_settle ();
    if (flux_respond_error (w.h, w.expiration, ENOSPC, "no") < 0)
        bail_out ("respond");
    is (world_result_of (f), "28 scheduler refused expiration update",
        "update: the scheduler does not want it");
    flux_future_destroy (f);
    f = flux_rpc (w.h, "job-manager.update", payload, FLUX_NODEID_ANY, 0);
    world_settle ();
    if (flux_respond_error (w.h, w.expiration, ENOSYS, NULL) < 0)
        bail_out ("respond");
    is (world_result_of (f), "", "update: the scheduler does not care");
    flux_future_destroy (f);
    world_heard ();
    world_rpc ("submit", JOB (31, 0));
    world_hears ("sched.alloc {\"id\":31,\"priority\":16,\"userid\":100,\"t_submit\":5.5,"
                 "\"jobspec\":{\"version\":1}}\n",
                 "another job");
    world_respond (w.alloc,
                   "{\"id\":31,\"type\":0,\"R\":{\"version\":1,\"execution\":{}}}");
    world_settle ();
    is (world_rpc ("update",
                   "{\"id\":31,\"updates\":{\"attributes.system.duration\":1}}"),
        "22 unable to get job starttime", "update: who knows when it began?");
}

/* An update that waits when the module ends. */
static void update_at_the_end (void)
{
    flux_future_t *f =
        flux_rpc (w.h, "job-manager.update",
                  "{\"id\":30,\"updates\":{\"attributes.system.duration\":4e9}}",
                  FLUX_NODEID_ANY, 0);

    world_settle ();
    flux_msg_decref (move_ptr (w.expiration));
    world_end_module ();
    is (world_result_of (f), "11 job manager is shutting down", "update: the end");
    flux_future_destroy (f);
    world_forget_module ();
}

static void queues (void)
{
    is (world_rpc ("queue-list", NULL), "{\"queues\":[]}", "there are no named queues");
    is (world_rpc ("queue-status", "{}"), "{\"enable\":true,\"start\":true}",
        "the queue is open");
    is (world_rpc ("queue-enable", "{\"enable\":false,\"reason\":\"no\",\"all\":false}"),
        "", "disable");
    is (world_rpc ("submit", JOB (4, 0)),
        "{\"errors\":[[4,\"job submission is disabled: no\"]]}",
        "a closed queue takes no jobs");
    is (world_rpc ("queue-start", "{\"start\":false,\"reason\":\"wait\",\"all\":false}"),
        "", "stop");
    is (world_rpc ("queue-status", "{}"),
        "{\"enable\":false,\"start\":false,\"disable_reason\":\"no\",\"stop_reason\":"
        "\"wait\"}",
        "both are told");
}

static void deny_and_cancel (void)
{
    flux_future_t *held;

    world_rpc ("queue-enable", "{\"enable\":true,\"all\":false}");
    world_rpc ("queue-start", "{\"start\":true,\"all\":false}");
    world_heard ();
    is (world_rpc ("submit", JOB (5, 0)), "{\"errors\":[]}", "another job");
    world_hears ("sched.alloc {\"id\":5,\"priority\":16,\"userid\":100,\"t_submit\":5.5,"
                 "\"jobspec\":{\"version\":1}}\n",
                 "is asked for");
    held = flux_rpc (w.h, "job-manager.hold", "{\"id\":5}", FLUX_NODEID_ANY, 0);
    is (world_rpc ("hold", "{\"id\":5}"), "17 File exists", "one client holds a job");
    world_respond (w.alloc, "{\"id\":5,\"type\":2,\"note\":\"too big\"}");
    world_hears ("event job-exception {\"id\":5,\"type\":\"alloc\",\"severity\":0}\n",
                 "a denial is published");
    is (world_result_of (held),
        "{\"id\":5,\"success\":false,\"errstr\":\"Fatal exception type=alloc too big\"}",
        "who holds it hears of it");
    flux_future_destroy (held);
    is (world_rpc ("raise",
                   "{\"id\":3,\"severity\":0,\"type\":\"cancel\",\"note\":\"bye\"}"),
        "", "a held job is cancelled");
    world_hears ("event job-exception {\"id\":3,\"type\":\"cancel\",\"severity\":0}\n",
                 "which is published too");
    is (world_rpc ("idle", NULL), "{\"pending\":0}", "nothing is left");
    ok (strstr (world_stored (DIR (3)), "exception clean"),
        "and all is stored when that is said");
    is (world_stored (DIR (5)), "submit validate depend priority exception clean",
        "of both");
}

static void restart (void)
{
    world_rpc ("submit", JOB (6, 0));
    world_rpc ("urgency", "{\"id\":6,\"urgency\":0}");
    world_rpc ("queue-start", "{\"start\":false,\"reason\":\"later\",\"all\":false}");
    world_stop_module ();
    is (world_value_get ("checkpoint.job-manager", false)->text.buf,
        "{\"version\":1,\"max_jobid\":6,\"queue\":[{\"enable\":true,\"start\":false,"
        "\"stop_reason\":\"later\"}],\"history\":{\"before\":6,\"active\":[6]}}",
        "at the end there is a checkpoint");
    world_put ("job." DIR (1) ".jobspec", "{\"version\":1}");
    world_put ("job." DIR (1) ".R", R0);
    world_put ("job." DIR (3) ".jobspec", "{\"version\":1}");
    world_put ("job." DIR (6) ".jobspec", "{\"version\":1}");
    world_put ("job." DIR (7) ".eventlog", "{\"timestamp\":1.0,\"name\":\"depend\"}\n");
    world_put ("job." DIR (7) ".jobspec", "{\"version\":1}");
    world_start_module ();
    ok (strstr (world_rpc ("getattr", "{\"id\":6,\"attrs\":[\"jobspec\"]}"),
                "\"version\":1"),
        "a job that is active is known first");
    ok (strstr (world_rpc ("getattr", "{\"id\":3,\"attrs\":[\"jobspec\"]}"),
                "\"version\":1"),
        "who asks for another one waits until it is there");
    ok (!strncmp (world_rpc ("stats-get", NULL),
                  "{\"journal\":{\"listeners\":0,\"events\":2},\"active_jobs\":1,"
                  "\"inactive_jobs\":2,\"max_jobid\":6,",
                  84),
        "the jobs are there again");
    ok (world_value_get ("job-lost+found.job.f8", false)
            || world_value_get ("job-lost+found.job.\xc6\x92"
                                "8",
                                false),
        "but for those that make no sense");
    is (world_stored (DIR (6)),
        "submit validate depend priority urgency priority flux-restart priority",
        "a pending one is looked at anew");
    is (world_rpc ("queue-status", "{}"),
        "{\"enable\":true,\"start\":false,\"stop_reason\":\"Scheduler is offline\"}",
        "the queue is as it was left");
    is (world_rpc ("wait", "{\"id\":1}"),
        "{\"id\":1,\"success\":false,\"errstr\":\"task(s) exited with exit code 1\"}",
        "a job can be waited for again");
    is (world_rpc ("purge-id", "{\"id\":1,\"force\":1}"), "{\"count\":1}",
        "a job is purged");
    is (world_stored (DIR (1)), "nothing", "from the KVS, before that is said");
    world_hears ("event job-purge-inactive {\"jobs\":[1]}\n", "and an event tells");
}

/* The answers to a streaming request are kept one after the other. */
static void stream_cb (flux_future_t *f, void *arg)
{
    struct text *t = arg;
    const char *s = world_result_of (f);

    text_printf (t, "%s\n", s);
    if (strstr (s, "\"id\":-1") || !strncmp (s, "61 ", 3))
        flux_reactor_stop (flux_get_reactor (w.h));
    flux_future_reset (f);
}

static void journal (void)
{
    struct text got = TEXT_INIT;
    flux_future_t *f =
        flux_rpc (w.h, "job-manager.events-journal",
                  "{\"full\":true,\"allow\":{\"memo\":1,\"annotations\":1}}",
                  FLUX_NODEID_ANY, FLUX_RPC_STREAMING);
    flux_future_t *f2;

    flux_future_then (f, -1., stream_cb, &got);
    flux_reactor_run (flux_get_reactor (w.h), 0);
    ok (got.len > 0
            && strstr (got.buf, "{\"id\":3,\"events\":[{\"timestamp\":") == got.buf
            && strstr (got.buf,
                       "\"name\":\"memo\",\"context\":{\"a\":1}}],\"jobspec\":"
                       "{\"version\":1,\"attributes\":{\"system\":{\"duration\":70}}}}\n"
                       "{\"id\":6,\"events\":[],\"jobspec\":{\"version\":1}}\n"
                       "{\"id\":-1,\"events\":[]}\n"),
        "a journal begins with the past");
    text_clear (&got);
    world_rpc ("memo", "{\"id\":6,\"memo\":{\"v\":1},\"volatile\":true}");
    ok (strstr (got.buf, "{\"id\":6,\"events\":[{\"timestamp\":")
            && strstr (got.buf, "\"name\":\"memo\",\"context\":{\"v\":1}}]}"),
        "then it tells what happens");
    text_clear (&got);
    f2 = flux_rpc_pack (w.h, "job-manager.events-journal-cancel", FLUX_NODEID_ANY,
                        FLUX_RPC_NORESPONSE, "{s:i}", "matchtag",
                        (int)flux_rpc_get_matchtag (f));
    flux_future_destroy (f2);
    flux_reactor_run (flux_get_reactor (w.h), 0);
    is (got.buf, "61 No data available\n", "until it is cancelled");
    flux_future_destroy (f);
    text_fini (&got);
}

static void sched_goes (void)
{
    world_rpc ("queue-start", "{\"start\":true,\"all\":false}");
    world_rpc ("urgency", "{\"id\":6,\"urgency\":10}");
    is (world_rpc ("sched-ready", "{\"mode\":\"unlimited\"}"), "{\"count\":1}",
        "a scheduler comes");
    world_hears ("sched.alloc {\"id\":6,\"priority\":10,\"userid\":100,\"t_submit\":5.5,"
                 "\"jobspec\":{\"version\":1}}\n",
                 "it is asked");
    flux_respond_error (w.h, w.alloc, ENOSYS, NULL);
    is (world_rpc ("alloc-query", NULL),
        "{\"queue_length\":1,\"alloc_pending\":0,\"running\":0}",
        "an error of it ends the relation; the job waits on");
    is (world_rpc ("raiseall",
                   "{\"dry_run\":false,\"userid\":-1,\"states\":14,\"severity\":0,"
                   "\"type\":\"cancel\"}"),
        "{\"count\":1,\"errors\":0}", "all jobs are cancelled");
    is (world_rpc ("drain", NULL), "", "and none is left");
}

static void configuration (void)
{
    static const struct {
        const char *conf;
        const char *answer;
    } cases[] = {
        { "{}", "" },
        { "{\"job-manager\":{\"inactive-num-limit\":5,\"inactive-age-limit\":\"1h\"}}",
          "" },
        { "{\"job-manager\":{\"inactive-num-limit\":-1}}",
          "22 job-manager.inactive-num-limit: must be >= 0" },
        { "{\"job-manager\":{\"inactive-age-limit\":\"x\"}}",
          "22 job-manager.inactive-age-limit: invalid FSD" },
        { "{\"job-manager\":{\"inactive-age-limit\":1}}",
          "22 job-manager.max-inactive-*: Expected string, got integer" },
        { "{\"job-manager\":{\"stop-queues-on-restart\":1}}",
          "22 job-manager.max-inactive-*: Expected true or false, got integer" },
        { "{\"policy\":{\"limits\":{\"duration\":\"x\"}}}",
          "22 error parsing [policy.limits] config table: 'duration' is not a valid "
          "FSD" },
        { "{\"policy\":{\"limits\":{\"job-size\":{\"min\":{\"ngpus\":-3}}}}}",
          "22 error parsing [policy.limits] config table: values must be >= -1" },
        { "{\"policy\":{\"limits\":{\"job-size\":{\"max\":{\"ngpus\":-1}}}}}", "" },
        { "{\"job-manager\":{\"housekeeping\":{}}}",
          "22 job-manager.housekeeping implies IMP but exec.imp is undefined" },
        { "{\"job-manager\":{\"housekeeping\":{\"command\":[\"true\"],\"x\":1}}}",
          "22 job-manager.housekeeping: 1 object item(s) left unpacked: x" },
        { "{\"job-manager\":{\"prolog\":{\"command\":[\"true\"]}}}",
          "22 job-manager.prolog needs the plugin perilog.so, which is not loaded" },
        { "{\"job-manager\":{\"epilog\":{\"per-rank\":true},\"plugins\":"
          "[{\"load\":\"perilog.so\"}]}}",
          "22 job-manager.epilog needs the plugin perilog.so, which is not loaded" },
        { "{\"job-manager\":{\"prolog\":{},\"epilog\":false}}", "" },
        { "{\"job-manager\":{\"plugins\":[]},\"policy\":{},\"queues\":{}}", "" },
        { "{\"queues\":{\"a\":{\"hosts\":\"x\"}}}",
          "22 error parsing [queues.a] config table: 1 object item(s) left unpacked: "
          "hosts" },
        { "{\"queues\":{\"a\":{\"requires\":[\"x y\"]}}}",
          "22 error parsing [queues.a] config table: 'requires' must be an array of "
          "property strings (RFC 20)" },
        { "{\"queues\":{\"a\":{\"parent\":\"a\"}}}",
          "22 error parsing [queues.a] config table: parent queue is itself" },
        { "{\"queues\":{\"a\":{\"parent\":\"b\"}}}",
          "22 error parsing [queues.a] config table: parent queue 'b' is not "
          "configured" },
        { "{\"queues\":{\"a\":{\"parent\":1}}}",
          "22 error parsing [queues.a] config table: 'parent' must be a string" },
        { "{\"queues\":{\"a\":{},\"b\":{\"parent\":\"a\"},\"c\":{\"parent\":\"b\"}}}",
          "22 error parsing [queues.c] config table: parent queue 'b' is itself a "
          "virtual "
          "queue" },
        { "{\"queues\":{\"a\":{},\"b\":{\"parent\":\"a\",\"requires\":[\"p\"]}}}",
          "22 error parsing [queues.b] config table: a virtual queue must not set "
          "'requires'" },
        { "{\"queues\":{\"a\":{\"policy\":{\"limits\":{\"x\":\"1h\"}}}}}",
          "22 error parsing [queues.a.policy.limits] config table: 1 object item(s) left "
          "unpacked: x" },
        { "{\"queues\":{\"a\":{\"requires\":[\"p\"]},\"b\":{\"parent\":\"a\"}}}", "" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        is (world_rpc ("config-reload", cases[i].conf), cases[i].answer, "%s",
            cases[i].conf);
    }
}

/* Of the last configuration above: a, and b below it. */
static void named_queues (void)
{
    is (world_rpc ("queue-list", NULL), "{\"queues\":[\"a\",\"b\"]}", "two queues");
    is (world_rpc ("queue-status", "{}"), "22 a named queue is required", "no name");
    is (world_rpc ("queue-status", "{\"name\":\"x\"}"), "22 'x' is not a valid queue",
        "a wrong one");
    is (world_rpc ("queue-start", "{\"start\":true,\"all\":false}"),
        "22 Use --all to apply this command to all queues", "all must be meant");
    world_rpc ("sched-ready", "{\"mode\":\"unlimited\"}");
    is (world_rpc ("queue-start", "{\"start\":true,\"name\":\"b\",\"all\":false}"), "",
        "the lower one is started");
    is (world_rpc ("queue-status", "{\"name\":\"b\"}"),
        "{\"enable\":true,\"start\":false,\"parent\":\"a\",\"blocked\":\"parent\","
        "\"stop_reason\":\"parent queue 'a' is stopped\"}",
        "which is not enough");
    is (world_rpc ("queue-start", "{\"start\":true,\"all\":true}"), "", "all are");
    is (world_rpc ("queue-status", "{\"name\":\"b\"}"),
        "{\"enable\":true,\"start\":true,\"parent\":\"a\"}", "now it is open");
    is (world_rpc ("queue-enable", "{\"enable\":false,\"all\":true}"),
        "22 reason is required for disable", "nobody is turned away without a word");
    world_rpc ("queue-start",
               "{\"start\":false,\"name\":\"a\",\"reason\":\"r\",\"all\":false}");
    is (world_rpc ("config-reload", "{\"queues\":{\"a\":{},\"c\":{}}}"), "", "a reload");
    is (world_rpc ("queue-status", "{\"name\":\"a\"}"),
        "{\"enable\":true,\"start\":false,\"stop_reason\":\"r\"}", "keeps what stays");
}

int main (void)
{
    world_start_module ();
    a_job ();
    batches ();
    refusals ();
    updates ();
    queues ();
    deny_and_cancel ();
    restart ();
    journal ();
    sched_goes ();
    configuration ();
    named_queues ();
    world_rpc ("config-reload", "{}");
    world_rpc ("sched-ready", "{\"mode\":\"unlimited\"}");
    expiration ();
    update_at_the_end ();
    world_fini ();
    return done_testing ();
}
