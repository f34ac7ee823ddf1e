#include "config.h"
#include <stdio.h>

#include "testing.h"

static void ordering (void)
{
    struct jl *jl = new_jl ();

    submit (jl, 9, 1., SPEC);
    is (listed (jl, LIST_PENDING), "", "a NEW job is in no list");
    pending (jl, 1, 1., 16);
    pending (jl, 2, 1., 20);
    pending (jl, 3, 1., 16);
    pending (jl, 4, 1., 0);
    event (jl, 9, 1.1, "validate", NULL);
    is (listed (jl, LIST_PENDING), "2 1 3 4 9 ", "pending: priority first, then id");
    event (jl, 3, 2., "urgency", "{\"urgency\":31,\"userid\":0}");
    event (jl, 3, 2., "priority", "{\"priority\":4294967295}");
    is (listed (jl, LIST_PENDING), "3 2 1 4 9 ", "a new priority is a new place");
    alloc (jl, 1, 5., "0", "h");
    alloc (jl, 2, 6., "0", "h");
    event (jl, 4, 7., "exception", "{\"type\":\"cancel\",\"severity\":0,\"note\":\"\"}");
    is (listed (jl, LIST_RUNNING), "2 1 4 ",
        "running: the latest first, those that never ran last");
    ended (jl, 1, 8., 0);
    ended (jl, 2, 9., 256);
    event (jl, 4, 9.25, "clean", NULL);
    is (listed (jl, LIST_INACTIVE), "4 2 1 ",
        "inactive: the latest first, then the higher id");
    ok (jl_purge (jl, 2) && !jl_purge (jl, 2) && !jl_purge (jl, 3),
        "inactive jobs are purged once");
    is (listed (jl, LIST_INACTIVE), "4 1 ", "and are gone");
    is (heard (), "", "nothing was worth a log line");
    jl_destroy (jl);
}

static void a_purge_that_overtakes (void)
{
    struct jl *jl = new_jl ();

    pending (jl, 1, 1., 16);
    alloc (jl, 1, 2., "0", "h");
    ok (!jl_purge (jl, 1), "an active job is not purged");
    jl_purge_at_end (jl, 1);
    jl_purge_at_end (jl, 99);
    is (listed (jl, LIST_RUNNING), "1 ", "nor when its end is known to come");
    ended (jl, 1, 8., 0);
    is (listed (jl, LIST_INACTIVE), "", "but then it is gone");
    is_int (jl->counters.purged, 1, "and counted");
    ok (!jl_lookup (jl, 1) && !jl_purge (jl, 1), "once");
    jl_destroy (jl);
}

static void attributes (void)
{
    struct jl *jl = new_jl ();

    pending (jl, 1, 1., 16);
    is (shown (jl, 1, "[\"all\"]"),
        "{\"id\":1,\"userid\":100,\"urgency\":16,\"priority\":16,\"t_submit\":1.0,\"t_"
        "depend\":1.25,"
        "\"t_priority\":1.5,\"t_sched\":1.75,\"state\":8,\"name\":\"app\",\"ntasks\":2,"
        "\"ncores\":2,"
        "\"duration\":5.0}",
        "a pending job says what is known");
    event (jl, 1, 2., "urgency", "{\"urgency\":20,\"userid\":0}");
    is (shown (jl, 1, "[\"priority\",\"state\",\"t_sched\",\"urgency\"]"),
        "{\"id\":1,\"state\":4,\"t_sched\":1.75,\"urgency\":20}",
        "in PRIORITY again it has none, but its times stay");
    event (jl, 1, 2., "priority", "{\"priority\":20}");
    event (jl, 1, 2.1, "annotations", "{\"annotations\":{\"sched\":{\"x\":1}}}");
    event (jl, 1, 2.1, "memo", "{\"a\":1,\"b\":null}");
    alloc (jl, 1, 3., "1-2", "n[1-2]");
    is (shown (jl, 1,
               "[\"annotations\",\"ranks\",\"nodelist\",\"nnodes\",\"ncores\","
               "\"expiration\"]"),
        "{\"id\":1,\"annotations\":{\"sched\":{\"x\":1},\"user\":{\"a\":1}},\"ranks\":\"["
        "1-2]\","
        "\"nodelist\":\"n[1-2]\",\"nnodes\":2,\"ncores\":4,\"expiration\":500.0}",
        "a running one what it runs on");
    event (jl, 1, 3.5, "resource-update", "{\"expiration\":0}");
    event (jl, 1, 3.6, "exception", "{\"type\":\"foo\",\"severity\":5,\"note\":\"n\"}");
    event (jl, 1, 3.7, "exception", "{\"type\":\"bar\",\"severity\":5,\"note\":\"m\"}");
    is (shown (jl, 1, "[\"success\",\"result\",\"exception_type\",\"expiration\"]"),
        "{\"id\":1,\"expiration\":0.0}", "nothing about its end while it has not ended");
    event (jl, 1, 3.8, "annotations", "{\"annotations\":null}");
    ended (jl, 1, 4., 0);
    is (shown (jl, 1,
               "[\"t_cleanup\",\"t_inactive\",\"success\",\"exception_occurred\","
               "\"exception_type\",\"exception_severity\",\"exception_note\",\"result\","
               "\"annotations\",\"waitstatus\",\"dependencies\"]"),
        "{\"id\":1,\"t_cleanup\":4.0,\"t_inactive\":4.25,\"success\":true,"
        "\"exception_occurred\":true,\"exception_type\":\"foo\",\"exception_severity\":5,"
        "\"exception_note\":\"n\",\"result\":1,\"waitstatus\":0}",
        "an ended one how it ended");
    is (shown (jl, 1, "[\"state\",\"state\"]"), "{\"id\":1,\"state\":64}",
        "duplicates collapse");
    is (shown (jl, 1, "[\"id\"]"), "id is not a valid attribute",
        "id need not be asked for");
    is (shown (jl, 1, "[5]"), "attr has no string value", "names are strings");
    jl_destroy (jl);
}

static void outcomes (void)
{
    static const struct {
        const char *exceptions[3];
        int status;
        int result;
    } cases[] = {
        { { "cancel/5", "foo/7" }, 0, 1 },
        { { "cancel/5", "foo/3", "cancel/3" }, 768, 2 },
        { { "timeout/5" }, 768, 8 },
        { { "cancel/0" }, 0, 4 },
        { { "timeout/0" }, 15, 8 },
        { { NULL }, 0, 1 },
        { { NULL }, 256, 2 },
    };
    struct jl *jl = new_jl ();

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        pending (jl, i, 1., 16);
        alloc (jl, i, 2., "0", "h");
        for (size_t x = 0; x < 3 && cases[i].exceptions[x]; x++) {
            const char *s = cases[i].exceptions[x];
            char context[96];

            snprintf (context, sizeof (context),
                      "{\"type\":\"%.*s\",\"severity\":%s,\"note\":\"\"}",
                      (int)strcspn (s, "/"), s, strchr (s, '/') + 1);
            event (jl, i, 3., "exception", context);
        }
        ended (jl, i, 4., cases[i].status);
        is_int (jl_lookup (jl, i)->result, cases[i].result,
                "exceptions and status of case %zu", i);
    }
    pending (jl, 50, 1., 16);
    alloc (jl, 50, 2., "0", "h");
    event (jl, 50, 3., "finish", "{\"status\":0}");
    event (jl, 50, 3., "exception", "{\"type\":\"late\",\"severity\":0,\"note\":\"\"}");
    event (jl, 50, 3., "clean", NULL);
    is_int (jl_lookup (jl, 50)->result, 1,
            "a fatal exception after the finish comes too late");
    pending (jl, 51, 1., 16);
    event (jl, 51, 3., "exception", "{\"type\":\"x\",\"severity\":0,\"note\":\"\"}");
    alloc (jl, 51, 4., "0", "h");
    is_int (jl_lookup (jl, 51)->state, STATE_CLEANUP,
            "an alloc that comes too late changes no state");
    jl_destroy (jl);
}

static void dependencies_and_updates (void)
{
    struct jl *jl = new_jl ();

    submit (jl, 1, 1., SPEC);
    event (jl, 1, 1., "dependency-add", "{\"description\":\"a\"}");
    event (jl, 1, 1., "dependency-add", "{\"description\":\"b\"}");
    event (jl, 1, 1., "validate", NULL);
    event (jl, 1, 1., "dependency-remove", "{\"description\":\"a\"}");
    event (jl, 1, 1., "dependency-add", "{\"description\":\"a\"}");
    is (shown (jl, 1, "[\"dependencies\"]"), "{\"id\":1,\"dependencies\":[\"b\"]}",
        "dependencies come and go, and never come back");
    event (jl, 1, 1., "dependency-remove", "{\"description\":\"b\"}");
    is (shown (jl, 1, "[\"dependencies\"]"), "{\"id\":1,\"dependencies\":[]}",
        "there were some");
    event (jl, 1, 2., "jobspec-update",
           "{\"attributes.system.queue\":\"debug\",\"attributes.system.duration\":7,"
           "\"bogus\":1}");
    ok (strstr (heard (), "invalid update key: bogus"), "a bad key is told");
    is (shown (jl, 1, "[\"queue\",\"duration\",\"name\"]"),
        "{\"id\":1,\"queue\":\"debug\",\"duration\":7.0,\"name\":\"app\"}",
        "the others count");
    jl_destroy (jl);
}

static void waiters (void)
{
    struct jl *jl = new_jl ();

    jl_wait (jl, 1, 0, "any");
    jl_wait (jl, 1, STATE_RUN, "run");
    jl_wait (jl, 1, STATE_SCHED | STATE_INACTIVE, "sched");
    jl_wait (jl, 2, STATE_RUN, "two");
    is_int (jl_wait_count (jl), 2, "two ids are waited for");
    submit (jl, 1, 1., SPEC);
    is (heard (), "", "a NEW job is not there yet");
    event (jl, 1, 1., "validate", NULL);
    is (heard (), "any:1/2 ", "then it is");
    event (jl, 1, 1., "depend", NULL);
    event (jl, 1, 1., "priority", "{\"priority\":1}");
    is (heard (), "sched:1/8 ", "each waits for its state");
    event (jl, 1, 1., "exception", "{\"type\":\"x\",\"severity\":0,\"note\":\"\"}");
    event (jl, 1, 1., "clean", NULL);
    is (heard (), "run:1/64 ", "a job that ends ends all waiting for it");
    ok (jl_satisfies (jl_lookup (jl, 1), STATE_RUN), "and needs no more");
    submit (jl, 2, 1., SPEC);
    event (jl, 2, 1., "invalidate", NULL);
    is (heard (), "two:gone ", "a job that is taken back does too");
    ok (!jl_lookup (jl, 2), "it was never there");
    is_int (jl_wait_count (jl), 0, "nobody waits");
    jl_destroy (jl);
}

static void counting (void)
{
    struct jl *jl = new_jl ();
    struct text t = TEXT_INIT;
    uint64_t before;

    jl_queue_configure (jl, "q", NULL);
    pending (jl, 1, 1., 16);
    pending (jl, 2, 1., 16);
    event (jl, 2, 1., "jobspec-update", "{\"attributes.system.queue\":\"q\"}");
    alloc (jl, 2, 2., "0", "h");
    pending (jl, 3, 1., 16);
    alloc (jl, 3, 2., "0", "h");
    ended (jl, 3, 3., 0);
    jl_put_stats (jl, &t);
    is (t.buf,
        "{\"job_states\":{\"depend\":0,\"priority\":0,\"sched\":1,\"run\":1,\"cleanup\":"
        "0,"
        "\"inactive\":1,\"total\":3},\"successful\":1,\"failed\":0,\"canceled\":0,"
        "\"timeout\":0,"
        "\"inactive_purged\":0,\"queues\":[{\"name\":\"q\",\"job_states\":{\"depend\":0,"
        "\"priority\":0,\"sched\":0,\"run\":1,\"cleanup\":0,\"inactive\":0,\"total\":1},"
        "\"successful\":0,\"failed\":0,\"canceled\":0,\"timeout\":0,\"inactive_purged\":"
        "0}]}",
        "jobs are counted by state, outcome and queue");
    before = jl->changes;
    event (jl, 1, 4., "site.x", NULL);
    ok (jl->changes == before, "what changes no counter is no change");
    jl_purge (jl, 3);
    ok (jl->changes != before, "a purge is one");
    text_clear (&t);
    jl_put_stats (jl, &t);
    ok (strstr (t.buf, "\"total\":2},\"successful\":0")
            && strstr (t.buf, "\"inactive_purged\":1"),
        "and counted as such");
    text_fini (&t);
    jl_destroy (jl);
}

static int message (struct jl *jl, const char *s, bool *sentinel)
{
    const char *why;

    return jl_message (jl, s, strlen (s), sentinel, &why);
}

static void backlog (void)
{
    struct jl *jl = new_jl ();
    bool sentinel = false;

    ok (message (jl,
                 "{\"id\":5,\"events\":[{\"timestamp\":1,\"name\":\"submit\",\"context\":"
                 "{\"userid\":1,\"urgency\":16}},{\"timestamp\":2,\"name\":\"depend\"},"
                 "{\"timestamp\":3,\"name\":\"priority\",\"context\":{\"priority\":1}}],"
                 "\"jobspec\":" SPEC "}",
                 &sentinel)
                == 0
            && !sentinel,
        "a job's whole past comes in one message");
    is (shown (jl, 5, "[\"state\",\"t_depend\",\"name\"]"),
        "{\"id\":5,\"state\":8,\"t_depend\":1.0,\"name\":\"app\"}",
        "a log without a version has no validate event");
    ok (message (jl, "{\"id\":-1,\"events\":[]}", &sentinel) == 0 && sentinel,
        "the sentinel ends the backlog");
    ok (message (jl, "{\"id\":1}", &sentinel) == -EPROTO, "messages have a form");
    jl_destroy (jl);
}

int main (void)
{
    ordering ();
    a_purge_that_overtakes ();
    attributes ();
    outcomes ();
    dependencies_and_updates ();
    waiters ();
    counting ();
    backlog ();
    testing_fini ();
    return done_testing ();
}
