/* job_client_test.c - the job client against a broker that answers as it is
 * told.
 */

#include "config.h"
#include <math.h>

#include "fake_broker.h"

static void jobs_are_submitted (flux_t *h)
{
    flux_future_t *f;
    flux_jobid_t id = 0;
    uint32_t userid;
    char J[256] = "";
    char *jobspec;

    fake_answer ("job-ingest.submit", 0, "{\"id\":33906753536}", NULL);
    f = flux_job_submit (h, "{\"a\":1}", 16, FLUX_JOB_WAITABLE);
    ok (flux_job_submit_get_id (f, &id) == 0 && id == 33906753536, "a job gets an id");
    ok (sscanf (fake_request ("job-ingest.submit"),
                "{\"J\":\"%255[^\"]\",\"urgency\":16,\"flags\":4}",
                J)
            == 1,
        "the request");
    jobspec = flux_unwrap_string (J, true, &userid, NULL);
    is (jobspec, "{\"a\":1}", "J holds the jobspec");
    ok (userid == getuid (), "... signed by this user");
    free (jobspec);
    flux_future_destroy (f);

    f = flux_job_submit (h, "a.\"b\".none", 31, FLUX_JOB_PRE_SIGNED | FLUX_JOB_DEBUG);
    ok (flux_future_get (f, NULL) == 0, "one that was signed before");
    is (fake_request ("job-ingest.submit"),
        "{\"J\":\"a.\\\"b\\\".none\",\"urgency\":31,\"flags\":2}",
        "is sent as it is");
    flux_future_destroy (f);
    ok (!flux_job_submit (h, NULL, 16, 0) && errno == EINVAL, "no jobspec");
    ok (!flux_job_submit (NULL, "x", 16, 0) && errno == EINVAL, "no handle");
    ok (flux_job_submit_get_id (NULL, &id) < 0 && errno == EINVAL, "no future");
}

static void jobs_are_waited_for (flux_t *h)
{
    flux_future_t *f;
    flux_jobid_t id;
    const char *s;
    bool success;

    fake_answer ("job-manager.wait",
                 0,
                 "{\"id\":-2,\"success\":false,\"errstr\":\"task(s) Killed\"}",
                 NULL);
    f = flux_job_wait (h, FLUX_JOBID_ANY);
    ok (flux_job_wait_get_id (f, &id) == 0 && id == FLUX_JOBID_ANY - 1, "64 bits");
    ok (flux_job_wait_get_status (f, &success, &s) == 0 && !success, "it failed");
    is (s, "task(s) Killed", "... so");
    is (fake_request ("job-manager.wait"), "{\"id\":-1}", "any job is -1");
    flux_future_destroy (f);
    ok (!flux_job_wait (NULL, 1) && errno == EINVAL, "no handle");
}

static void is_sent (flux_future_t *f, const char *topic, const char *want)
{
    ok (f && flux_future_get (f, NULL) == 0, "%s", topic);
    is (fake_request (topic), want, "... request");
    flux_future_destroy (f);
}

static void jobs_are_told_what_to_do (flux_t *h)
{
    fake_answer ("job-manager.raise", 0, "", NULL);
    fake_answer ("job-manager.kill", 0, "", NULL);
    fake_answer ("job-manager.urgency", 0, "", NULL);
    is_sent (flux_job_raise (h, 7, "oom", 3, "eek"),
             "job-manager.raise",
             "{\"id\":7,\"type\":\"oom\",\"severity\":3,\"note\":\"eek\"}");
    is_sent (flux_job_cancel (h, 7, NULL),
             "job-manager.raise",
             "{\"id\":7,\"type\":\"cancel\",\"severity\":0}");
    is_sent (flux_job_kill (h, 7, 15), "job-manager.kill", "{\"id\":7,\"signum\":15}");
    is_sent (flux_job_set_urgency (h, 7, 31),
             "job-manager.urgency",
             "{\"id\":7,\"urgency\":31}");
    ok (!flux_job_raise (h, 7, NULL, 0, NULL) && errno == EINVAL, "an untyped exception");
    ok (!flux_job_kill (h, 7, 0) && errno == EINVAL, "signal 0");
    ok (!flux_job_cancel (NULL, 7, NULL) && errno == EINVAL, "no handle");
    ok (!flux_job_set_urgency (NULL, 7, 0) && errno == EINVAL, "no handle");
}

static void jobs_are_listed (flux_t *h)
{
    fake_answer ("job-list.list", 0, "{\"jobs\":[]}", NULL);
    fake_answer ("job-list.list-id", 0, "{\"job\":{}}", NULL);
    is_sent (flux_job_list (h, 5, "[\"all\"]", 42, FLUX_JOB_STATE_RUN),
             "job-list.list",
             "{\"max_entries\":5,\"attrs\":[\"all\"],\"constraint\":{\"and\":["
             "{\"userid\":[42]},{\"states\":[16]}]}}");
    is_sent (flux_job_list (h, 0, "[]", FLUX_USERID_UNKNOWN, 0),
             "job-list.list",
             "{\"max_entries\":0,\"attrs\":[],\"constraint\":{\"and\":["
             "{\"userid\":[-1]},{\"states\":[126]}]}}");
    is_sent (flux_job_list_inactive (h, 5, 1.5, "[\"id\"]"),
             "job-list.list",
             "{\"max_entries\":5,\"since\":1.5,\"attrs\":[\"id\"],\"constraint\":"
             "{\"states\":[64]}}");
    is_sent (flux_job_list_id (h, 7, "[\"state\"]"),
             "job-list.list-id",
             "{\"id\":7,\"attrs\":[\"state\"]}");
    ok (!flux_job_list (h, -1, "[]", 0, 0) && errno == EINVAL, "less than none");
    ok (!flux_job_list (h, 1, "[", 0, 0) && errno == EINVAL, "no JSON");
    ok (!flux_job_list (h, 1, NULL, 0, 0) && errno == EINVAL, "no attributes");
    ok (!flux_job_list (h, 1, "[]", 0, FLUX_JOB_STATE_NEW) && errno == EINVAL, "NEW");
    ok (!flux_job_list_inactive (h, 1, -1., "[]") && errno == EINVAL, "before time");
    ok (!flux_job_list_id (h, 1, "x") && errno == EINVAL, "no attributes");
}

#define EVENT(t, rest)                                                        \
    "{\"event\":\"{\\\"timestamp\\\":" t ",\\\"name\\\":" rest "}\\n\"}"

static void an_eventlog_is_watched (flux_t *h)
{
    static const char *const bad[] = {
        "{}", "[]", "{", "{\"event\":1}", "{\"event\":\"a\\u0000b\"}",
    };
    flux_future_t *f;
    const char *s;

    fake_answer ("job-info.eventlog-watch",
                 ENODATA,
                 EVENT ("1.0", "\\\"submit\\\""),
                 "",
                 EVENT ("2.0", "\\\"clean\\\""),
                 NULL);
    fake_answer ("job-info.eventlog-watch-cancel", 0, NULL);
    f = flux_job_event_watch (h, 7, "eventlog", FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL);
    ok (flux_job_event_watch_get (f, &s) == 0, "an event");
    is (s, "{\"timestamp\":1.0,\"name\":\"submit\"}\n", "... is a line");
    is (fake_request ("job-info.eventlog-watch"),
        "{\"id\":7,\"path\":\"eventlog\",\"flags\":2}",
        "the request");
    flux_future_reset (f);
    ok (flux_job_event_watch_get (f, &s) == 0 && s == NULL, "the sentinel is NULL");
    flux_future_reset (f);
    ok (flux_job_event_watch_get (f, &s) == 0 && s, "another event");
    ok (flux_job_event_watch_cancel (f) == 0, "it is cancelled");
    fake_sync (h);
    ok (strstr (fake_request ("job-info.eventlog-watch-cancel"), "{\"matchtag\":"),
        "... by its tag");
    flux_future_reset (f);
    ok (flux_job_event_watch_get (f, &s) < 0 && errno == ENODATA, "the end");
    flux_future_destroy (f);
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        fake_answer ("job-info.eventlog-watch", ENODATA, bad[i], NULL);
        f = flux_job_event_watch (h, 7, "eventlog", 0);
        ok (flux_job_event_watch_get (f, &s) < 0 && errno == EPROTO, "bad event %zu", i);
        flux_future_destroy (f);
    }
    ok (!flux_job_event_watch (h, 7, NULL, 0) && errno == EINVAL, "no path");
    ok (!flux_job_event_watch (h, 7, "x", 4) && errno == EINVAL, "a wrong flag");
    ok (flux_job_event_watch_cancel (NULL) < 0 && errno == EINVAL, "no future");
}

#define EXCEPTION(t, type, severity)                                          \
    EVENT (t,                                                                 \
           "\\\"exception\\\",\\\"context\\\":{\\\"type\\\":\\\"" type        \
           "\\\",\\\"severity\\\":" severity ",\\\"note\\\":\\\"n\\\"}")
#define FINISH(t, status)                                                     \
    EVENT (t, "\\\"finish\\\",\\\"context\\\":{\\\"status\\\":" status "}")
#define SUBMIT EVENT ("1.5", "\\\"submit\\\",\\\"context\\\":{\\\"userid\\\":0}")
#define ALLOC EVENT ("2.5", "\\\"alloc\\\"")

/* The result of the job whose eventlog is being answered. */
static void is_result (flux_t *h, const char *want, const char *what)
{
    flux_future_t *f = flux_job_result (h, 7, 0);
    const char *s = NULL;
    int result = 0;

    ok (f && flux_job_result_get (f, &s) == 0, "%s", what);
    is (s, want, "... result");
    ok (flux_job_result_get_unpack (f, "{s:i}", "result", &result) == 0 && result > 0,
        "... unpacked");
    ok (flux_job_result_get_unpack (f, "{s:s}", "result", &s) < 0 && errno == EINVAL,
        "... or not");
    flux_future_destroy (f);
}

static void a_result_is_what_the_eventlog_says (flux_t *h)
{
    const char *topic = "job-info.eventlog-watch";

    fake_answer (topic, ENODATA, SUBMIT, ALLOC, FINISH ("3.5", "0"), NULL);
    is_result (h,
               "{\"id\":7,\"exception_occurred\":false,\"t_submit\":1.5,\"t_run\":2.5,"
               "\"t_cleanup\":3.5,\"waitstatus\":0,\"result\":1}",
               "completed");
    fake_answer (topic, ENODATA, SUBMIT, ALLOC, FINISH ("3.5", "256"), NULL);
    is_result (h,
               "{\"id\":7,\"exception_occurred\":false,\"t_submit\":1.5,\"t_run\":2.5,"
               "\"t_cleanup\":3.5,\"waitstatus\":256,\"result\":2}",
               "failed");
    fake_answer (topic, ENODATA, SUBMIT, EXCEPTION ("2.0", "cancel", "0"), NULL);
    is_result (h,
               "{\"id\":7,\"exception_occurred\":true,\"t_submit\":1.5,"
               "\"exception_type\":\"cancel\",\"exception_note\":\"n\","
               "\"exception_severity\":0,\"result\":4}",
               "canceled");
    fake_answer (topic,
                 ENODATA,
                 EXCEPTION ("2.0", "timeout", "1"),
                 EXCEPTION ("2.0", "mild", "2"),
                 NULL);
    is_result (h,
               "{\"id\":7,\"exception_occurred\":true,\"exception_type\":\"timeout\","
               "\"exception_note\":\"n\",\"exception_severity\":1,\"result\":8}",
               "timed out; a milder exception does not replace a grave one");
    fake_answer (topic,
                 ENODATA,
                 EXCEPTION ("2.0", "cancel", "0"),
                 EXCEPTION ("2.0", "mild", "2"),
                 NULL);
    is_result (h,
               "{\"id\":7,\"exception_occurred\":true,\"exception_type\":\"mild\","
               "\"exception_note\":\"n\",\"exception_severity\":2,\"result\":2}",
               "... unless that one has severity 0");
    fake_answer (topic,
                 ENODATA,
                 ALLOC,
                 EXCEPTION ("2.0", "cancel", "0"),
                 FINISH ("3.0", "0"),
                 NULL);
    is_result (h,
               "{\"id\":7,\"exception_occurred\":true,\"t_run\":2.5,\"t_cleanup\":3.0,"
               "\"waitstatus\":0,\"exception_type\":\"cancel\",\"exception_note\":\"n\","
               "\"exception_severity\":0,\"result\":1}",
               "status 0 is completion, whatever happened");
}

static void count_cb (flux_future_t *f, void *arg)
{
    flux_reactor_stop (arg);
}

static void no_result_is_told (flux_t *h)
{
    const char *topic = "job-info.eventlog-watch";
    flux_future_t *f;
    const char *s;

    fake_error (topic, ENOENT, "no such job");
    f = flux_job_result (h, 7, 0);
    ok (flux_job_result_get (f, &s) < 0 && errno == ENOENT, "a failed watch");
    is (flux_future_error_string (f), "no such job", "... in its words");
    flux_future_destroy (f);
    fake_answer (topic, ENODATA, EVENT ("1.0", "1"), NULL);
    fake_answer ("job-info.eventlog-watch-cancel", 0, NULL);
    f = flux_job_result (h, 7, 0);
    ok (flux_job_result_get (f, &s) < 0 && errno == EPROTO, "a malformed event");
    flux_future_destroy (f);
    fake_answer (topic, ENODATA, EVENT ("1.0", "\\\"finish\\\""), NULL);
    f = flux_job_result (h, 7, 0);
    ok (flux_job_result_get (f, &s) < 0 && errno == EPROTO, "one without its context");
    flux_future_destroy (f);

    fake_answer (topic, ENODATA, SUBMIT, ALLOC, FINISH ("3.5", "0"), NULL);
    f = flux_job_result (h, 7, 0);
    must (flux_future_then (f, -1., count_cb, flux_get_reactor (h)) == 0);
    must (flux_reactor_run (flux_get_reactor (h), 0) >= 0);
    ok (flux_job_result_get (f, &s) == 0 && strstr (s, "\"result\":1}"), "in a reactor");
    flux_future_destroy (f);
    f = flux_job_result (h, 7, 0);
    flux_future_destroy (f);
    fake_sync (h);
    ok (!flux_job_result (h, 7, 1) && errno == EINVAL, "wrong flags");
    f = flux_job_wait (h, 7);
    ok (flux_job_result_get (f, &s) < 0 && errno == EINVAL, "a future of another kind");
    flux_future_destroy (f);
}

#define EXPIRATION(t) "{\"R\":{\"execution\":{\"expiration\":" t "}}}"

static void time_that_is_left (flux_t *h)
{
    flux_error_t error;
    char answer[128];
    double t;

    unsetenv ("FLUX_JOB_ID");
    fake_answer ("resource.status", 0, EXPIRATION ("0"), NULL);
    ok (flux_job_timeleft (h, &error, &t) == 0 && isinf (t), "of one without end");
    fake_answer ("resource.status", 0, EXPIRATION ("5"), NULL);
    ok (flux_job_timeleft (h, &error, &t) == 0 && t == 0., "of one that ended");
    fake_answer ("resource.status", ENOSYS, NULL);
    ok (flux_job_timeleft (h, &error, &t) < 0 && errno == ENOSYS, "of one that has none");

    setenv ("FLUX_JOB_ID", "fNH", 1);
    snprintf (answer,
              sizeof (answer),
              "{\"job\":{\"id\":1234,\"expiration\":%f,\"state\":16}}",
              flux_reactor_time () + 1000);
    fake_answer ("job-list.list-id", 0, answer, NULL);
    ok (flux_job_timeleft (h, &error, &t) == 0 && t > 900 && t <= 1000, "of a job");
    is (fake_request ("job-list.list-id"),
        "{\"id\":1234,\"attrs\":[\"expiration\",\"state\"]}",
        "the request");
    fake_answer ("job-list.list-id", 0, "{\"job\":{\"state\":64}}", NULL);
    ok (flux_job_timeleft (h, &error, &t) == 0 && t == 0., "of one that ended");
    fake_answer ("job-list.list-id", 0, "{\"job\":{\"state\":8}}", NULL);
    ok (flux_job_timeleft (h, &error, &t) < 0, "of one that has not begun");
    is (error.text, "job fNH has not started", "... in words");
    fake_answer ("job-list.list-id", ENOENT, NULL);
    ok (flux_job_timeleft (h, &error, &t) < 0 && errno == ENOENT, "of none");
    is (error.text, "fNH: no such jobid", "... in words");
    setenv ("FLUX_JOB_ID", "?", 1);
    ok (flux_job_timeleft (h, &error, &t) < 0 && errno == EINVAL, "of nonsense");
    ok (flux_job_timeleft (NULL, &error, &t) < 0 && errno == EINVAL, "no handle");
    unsetenv ("FLUX_JOB_ID");
}

int main (void)
{
    flux_t *h = fake_start ();

    jobs_are_submitted (h);
    jobs_are_waited_for (h);
    jobs_are_told_what_to_do (h);
    jobs_are_listed (h);
    an_eventlog_is_watched (h);
    a_result_is_what_the_eventlog_says (h);
    no_result_is_told (h);
    time_that_is_left (h);
    fake_stop (h);
    return done_testing ();
}
