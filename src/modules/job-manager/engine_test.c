#include "config.h"
#include <stdio.h>

#include "engine_testbed.h"

static void normal_life (void)
{
    struct jm *jm = bed_new_jm ();

    jm_sched_ready (jm, 0);
    jm_exec_ready (jm);
    bed_submit (jm, 1, 16);
    is (bed_events (jm, 1), "submit",
        "before its submit event is committed a job does nothing else");
    jm_sched_pump (jm, 10);
    bed_heard_is ("", "not even at the scheduler");
    is_int (bed_commit (jm), 1, "one operation is committed");
    is (bed_events (jm, 1), "submit validate depend priority",
        "then it comes up to SCHED");
    ok (strncmp (bed_commits.buf,
                 "append 1 {\"timestamp\":999.25,\"name\":\"submit\",\"context\":"
                 "{\"userid\":100,\"urgency\":16,\"flags\":0,\"version\":1}}\n",
                 88)
            == 0,
        "what was committed is the submit event, with the time of submission");
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 1 p=16\n", "the scheduler is asked");
    text_clear (&bed_commits);
    is_int (bed_commit (jm), 1, "three events are one append");
    ok (strstr (bed_commits.buf, "validate") && strstr (bed_commits.buf, "priority\":16"),
        "with all of them in it");
    ok (jm_alloc_success (jm, 1, bed_view (BED_R), bed_view ("{\"sched\":{\"s\":\"x\"}}"))
            == 0,
        "resources are granted");
    bed_heard_is ("start 1 reattach=0\n", "the exec service is asked to start it");
    is (jm_lookup (jm, 1)->R->s, BED_R_REDACTED,
        "what only the scheduler needs of R is not kept");
    ok (jm_exec_started (jm, 1) == 0, "it starts");
    ok (jm_exec_finish (jm, 1, 0) == 0, "it finishes");
    is (bed_events (jm, 1), "submit validate depend priority alloc start finish",
        "it keeps its resources until they are released");
    ok (jm_exec_release (jm, 1, bed_view ("{\"ranks\":\"all\",\"final\":true}")) == 0,
        "they are");
    bed_heard_is ("give-back 1 " BED_R_REDACTED "\n", "the scheduler gets them back");
    is (bed_events (jm, 1),
        "submit validate depend priority alloc start finish release free clean",
        "and the job is done");
    is_int (jm_lookup (jm, 1)->state, STATE_INACTIVE, "it is inactive");
    ok (strstr (jm_lookup (jm, 1)->log,
                "\"alloc\",\"context\":{\"annotations\":{\"sched\":{\"s\":\"x\"}}}}"),
        "its alloc event holds the annotations");
    ok (jm_post (jm, jm_lookup (jm, 1), "anything", JVIEW_ABSENT, false) == -EROFS,
        "nothing can be posted to it any more");
    bed_commit_all (jm);
    ok (!jm_commit_wanted (jm) && jm_error (jm) == 0, "everything is committed");
    jm_destroy (jm);
}

static void batches_gather_while_one_is_in_flight (void)
{
    struct jm *jm = bed_new_jm ();

    bed_submit (jm, 1, 16);
    bed_submit (jm, 2, 16);
    ok (jm_defer (jm, "A") == 0, "a response is deferred");
    is_int (jm_commit_begin (jm), 2, "two jobs are in the first commit");
    bed_submit (jm, 3, 16);
    jm_defer (jm, "B");
    ok (!jm_commit_wanted (jm), "while it is in flight there is no other");
    bed_heard_is ("", "and nobody has an answer");
    jm_commit_end (jm);
    bed_heard_is ("deferred A\n", "the first answer goes when its jobs are stored");
    is (bed_events (jm, 1), "submit validate depend priority", "its jobs go on");
    is (bed_events (jm, 3), "submit", "later ones do not yet");
    text_clear (&bed_commits);
    is_int (bed_commit (jm), 3, "what gathered is one commit");
    ok (!strncmp (bed_commits.buf, "append 3", 8), "in the order in which it was posted");
    bed_heard_is ("deferred B\n", "then the second answer goes");
    jm_defer (jm, "C");
    bed_commit_all (jm);
    bed_heard_is ("deferred C\n", "an answer behind everything comes last");
    ok (!jm_commit_wanted (jm), "an idle manager wants no commit");
    jm_defer (jm, "D");
    ok (jm_commit_wanted (jm) && jm_commit_begin (jm) == 0,
        "an answer alone needs no operation");
    jm_commit_end (jm);
    bed_heard_is ("deferred D\n", "and can go at once");
    jm_destroy (jm);
}

static void R_travels_with_alloc (void)
{
    struct jm *jm = bed_new_jm ();

    jm_sched_ready (jm, 0);
    jm_exec_ready (jm);
    bed_submit (jm, 1, 16);
    bed_commit_all (jm);
    jm_sched_pump (jm, 10);
    bed_submit (jm, 2, 16);
    jm_defer (jm, "A");
    is_int (jm_commit_begin (jm), 1, "a commit is in flight");
    jm_commit_sent (jm);
    bed_heard ();
    text_clear (&bed_commits);
    ok (jm_alloc_store (jm, 1, bed_view (BED_R)) == 0
            && jm_alloc_success (jm, 1, bed_view (BED_R), JVIEW_ABSENT) == 0,
        "resources whose R is not stored");
    bed_heard_is ("", "the job does not start yet");
    ok (jm_commit_wanted (jm) && jm_commit_urgent (jm), "its R need not wait in turn");
    is_int (jm_commit_begin (jm), 2, "R and the events");
    ok (!strncmp (bed_commits.buf, "R 1\nappend 1", 12), "go together");
    jm_commit_sent (jm);
    bed_heard_is ("start 1 reattach=0\n", "when they are on their way the job starts");
    jm_commit_end (jm);
    bed_heard_is ("deferred A\n", "commits end in order");
    jm_commit_end (jm);
    jm_destroy (jm);
}

static void nobody_waits_for_R (void)
{
    struct jm *jm = bed_new_jm ();

    jm_sched_ready (jm, 0);
    jm_exec_ready (jm);
    bed_submit (jm, 1, 16);
    jm_defer (jm, "A");
    jm_commit_begin (jm);
    ok (!jm_commit_lazy (jm), "somebody waits for a commit with the answer to a submission");
    jm_commit_sent (jm);
    jm_commit_end (jm);
    jm_sched_pump (jm, 10);
    bed_commit_all (jm);
    ok (jm_alloc_store (jm, 1, bed_view (BED_R)) == 0
            && jm_alloc_success (jm, 1, bed_view (BED_R), JVIEW_ABSENT) == 0,
        "a job has resources");
    is_int (jm_commit_begin (jm), 2, "R and alloc are in a commit");
    ok (jm_commit_lazy (jm), "for the end of which nobody waits");
    jm_commit_sent (jm);
    bed_submit (jm, 2, 16);
    jm_defer (jm, "B");
    ok (jm_commit_wanted (jm) && jm_commit_begin (jm) > 0 && !jm_commit_lazy (jm),
        "what somebody waits for does not wait for that");
    jm_commit_sent (jm);
    bed_submit (jm, 3, 16);
    ok (!jm_commit_wanted (jm), "but for what somebody waits for");
    bed_heard ();
    jm_commit_end (jm);
    bed_heard_is ("", "the first of them ends");
    jm_commit_end (jm);
    bed_heard_is ("deferred B\n", "then the second");
    bed_commit_all (jm);
    jm_destroy (jm);
}

static void cancel_pending (void)
{
    struct jm *jm = bed_new_jm ();
    struct jm_exception x = { "cancel", 0, "no \"more\"", 7, -1 };

    bed_submit (jm, 1, 16);
    bed_commit_all (jm);
    ok (jm_raise (jm, jm_lookup (jm, 1), &x) == 0, "a waiting job is cancelled");
    is (bed_events (jm, 1), "submit validate depend priority exception clean",
        "and is done");
    ok (strstr (jm_lookup (jm, 1)->log, "{\"type\":\"cancel\",\"severity\":0,\"note\":"
                                        "\"no \\\"more\\\"\",\"userid\":7}"),
        "its exception says who and why");
    jm_sched_ready (jm, 0);
    ok (!jm_sched_pump (jm, 10), "it is not in the alloc queue any more");
    bed_heard_is ("", "nobody asks for its resources");

    bed_submit (jm, 2, 16);
    bed_commit_all (jm);
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 2 p=16\n", "another is asked for");
    jm_raise (jm, jm_lookup (jm, 2), &x);
    bed_heard_is ("cancel 2\n", "its cancellation asks the scheduler to forget it");
    is_int (jm_lookup (jm, 2)->state, STATE_INACTIVE, "without waiting for the answer");
    ok (jm_alloc_success (jm, 2, bed_view (BED_R), JVIEW_ABSENT) == 0,
        "an allocation crosses it");
    bed_heard_is ("give-back 2 " BED_R_REDACTED "\n", "and goes back at once");
    ok (jm_alloc_cancelled (jm, 2) == 0, "the late answer is ignored");
    bed_heard_is ("", "silently");
    bed_commit_all (jm);
    jm_destroy (jm);
}

static void cancel_running (void)
{
    struct jm *jm = bed_new_jm ();
    struct jm_exception x = { "cancel", 0, NULL, 7, -1 };
    struct text log = TEXT_INIT;
    struct entry e;

    jm_sched_ready (jm, 0);
    jm_exec_ready (jm);
    bed_submit (jm, 1, 16);
    bed_commit_all (jm);
    jm_sched_pump (jm, 10);
    jm_alloc_success (jm, 1, bed_view (BED_R), JVIEW_ABSENT);
    jm_exec_started (jm, 1);
    jm_raise (jm, jm_lookup (jm, 1), &x);
    is_int (jm_lookup (jm, 1)->state, STATE_CLEANUP, "a cancelled running job cleans up");
    jm_exec_finish (jm, 1, 9);
    jm_exec_release (jm, 1, bed_view ("{\"ranks\":\"0\",\"final\":false}"));
    is_int (jm_lookup (jm, 1)->has_resources, 1, "a partial release frees nothing");
    jm_exec_release (jm, 1, bed_view ("{\"ranks\":\"all\",\"final\":true}"));
    is (bed_events (jm, 1),
        "submit validate depend priority alloc start exception finish release release "
        "free clean",
        "its events are in RFC 21's order");
    ok (job_end_event (jm_lookup (jm, 1), &log, &e) == 0 && e.ev == EV_EXCEPTION,
        "what ended it is the exception, not the finish after it");
    bed_commit_all (jm);
    ok (jm_lookup (jm, 1)->packed && !jm_lookup (jm, 1)->log && !jm_lookup (jm, 1)->R,
        "when all of it is committed its texts are packed");
    ok (job_end_event (jm_lookup (jm, 1), &log, &e) == 0 && e.ev == EV_EXCEPTION,
        "and can still be read");
    text_fini (&log);
    ok (jm_exec_finish (jm, 1, 0) == -ENOENT,
        "the exec service has no say in it any more");
    jm_destroy (jm);
}

static void denial (void)
{
    struct jm *jm = bed_new_jm ();
    bool denied;

    jm_sched_ready (jm, 0);
    bed_submit (jm, 1, 16);
    bed_commit_all (jm);
    jm_sched_pump (jm, 10);
    jm_journal_add (jm, "j", false, false, JVIEW_ABSENT, bed_view ("{\"clean\":0}"));
    jm_journal_pump (jm, 1 << 20);
    jm_alloc_annotate (jm, 1, bed_view ("{\"sched\":{\"reason\":\"x\"}}"));
    bed_heard ();
    ok (jm_alloc_deny (jm, 1, "never", &denied) == 0 && denied,
        "the scheduler denies a job");
    is (bed_events (jm, 1), "submit validate depend priority exception clean",
        "the job is done");
    ok (strstr (bed_heard (), "\"annotations\",\"context\":{\"annotations\":null}}"),
        "its annotations are cleared, and the journal says so");
    ok (strstr (jm_lookup (jm, 1)->log,
                "{\"type\":\"alloc\",\"severity\":0,\"note\":\"never\",\"userid\":42}"),
        "the exception is the instance owner's");
    ok (jm_alloc_deny (jm, 1, "never", &denied) == 0 && !denied,
        "a second denial is ignored");
    jm_journal_remove (jm, "j");
    jm_destroy (jm);
}

static void priorities (void)
{
    struct jm *jm = bed_new_jm ();

    jm_sched_ready (jm, 1);
    bed_submit (jm, 1, 16);
    bed_submit (jm, 2, 0);
    bed_submit (jm, 3, 31);
    bed_submit (jm, 4, 20);
    bed_commit_all (jm);
    is_int (jm_lookup (jm, 3)->priority, 4294967295LL,
            "an expedited job has the top priority");
    is_int (jm_lookup (jm, 2)->priority, 0, "a held one has none");
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 3 p=-1\n", "the limit is kept, the first in rank is asked for");
    jm_sched_pump (jm, 10);
    bed_heard_is ("", "once");
    ok (jm_urgency (jm, jm_lookup (jm, 3), 0, 16) == 0, "its urgency is lowered");
    bed_heard_is ("cancel 3\n", "it is asked back once");
    is (bed_events (jm, 3), "submit validate depend priority urgency priority",
        "and gets a new priority");
    jm_sched_pump (jm, 10);
    bed_heard_is ("", "until the scheduler answers its place is taken");
    jm_alloc_cancelled (jm, 3);
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 4 p=20\n", "then the next in rank is asked for");
    jm_urgency (jm, jm_lookup (jm, 2), 0, 25);
    jm_sched_pump (jm, 10);
    bed_heard_is ("cancel 4\n", "a job that now outranks it makes it give way");
    jm_sched_pump (jm, 10);
    bed_heard_is ("", "once");
    jm_alloc_cancelled (jm, 4);
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 2 p=25\n", "to that job");
    jm_destroy (jm);
}

static void sched_comes_and_goes (void)
{
    struct jm *jm = bed_new_jm ();
    struct jm_counts c;

    bed_submit (jm, 1, 16);
    bed_submit (jm, 2, 16);
    bed_commit_all (jm);
    ok (!jm_sched_pump (jm, 10), "without a scheduler nothing is asked for");
    jm_sched_ready (jm, 0);
    ok (jm_sched_pump (jm, 1), "the budget of one pass is kept");
    ok (!jm_sched_pump (jm, 10), "the rest goes in the next");
    bed_heard_is ("alloc 1 p=16\nalloc 2 p=16\n", "in order of job ids");
    jm_urgency (jm, jm_lookup (jm, 2), 0, 10);
    bed_heard ();
    jm_sched_gone (jm);
    jm_count (jm, &c);
    is_int (c.waiting, 2, "requests of a scheduler that went wait again");
    is_int (c.sent, 0, "none is out");
    jm_sched_ready (jm, 0);
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 1 p=16\nalloc 2 p=10\n", "the next one is asked");
    jm_destroy (jm);
}

static void exec_comes_and_goes (void)
{
    struct jm *jm = bed_new_jm ();
    struct jm_exception x = { "cancel", 0, NULL, 7, -1 };

    jm_sched_ready (jm, 0);
    bed_submit_full (jm, 1, 16, 2, "{}");
    bed_commit_all (jm);
    jm_sched_pump (jm, 10);
    jm_alloc_success (jm, 1, bed_view (BED_R), JVIEW_ABSENT);
    bed_heard ();
    jm_exec_ready (jm);
    bed_heard_is ("start 1 reattach=0\n",
                  "a job that has resources starts when there is a service");
    is_int (jm_exec_outstanding (jm), 1, "one start request is out");
    jm_exec_started (jm, 1);
    jm_exec_gone (jm);
    is_int (jm_exec_outstanding (jm), 0, "none after the service went");
    is_int (jm_lookup (jm, 1)->state, STATE_RUN, "the job runs on");
    jm_exec_ready (jm);
    bed_heard_is ("start 1 reattach=1\n", "the next service is asked to take it over");
    ok (jm_exec_started (jm, 1) == -EEXIST, "it cannot start twice");
    ok (jm_exec_reattached (jm, 1) == 0, "it is taken over");
    is (bed_events (jm, 1),
        "submit validate depend priority debug.alloc-request alloc debug.start-request "
        "start "
        "debug.start-lost debug.start-request debug.exec-reattach-finish",
        "a debug job's log tells all that");
    jm_exec_gone (jm);
    jm_raise (jm, jm_lookup (jm, 1), &x);
    is_int (jm_lookup (jm, 1)->state, STATE_INACTIVE,
            "with no service to wait for, a cancelled job is done at once");
    jm_destroy (jm);
}

static void bad_events_are_not_seen (void)
{
    struct jm *jm = bed_new_jm ();
    struct job *job;
    size_t before;

    bed_submit (jm, 1, 16);
    bed_commit_all (jm);
    job = jm_lookup (jm, 1);
    before = job->loglen;
    jm_journal_add (jm, "j", false, false, JVIEW_ABSENT, JVIEW_ABSENT);
    jm_journal_pump (jm, 1 << 20);
    bed_heard ();
    ok (jm_post (jm, job, "exception", JVIEW_ABSENT, false) == -EPROTO,
        "an exception without context is refused");
    ok (jm_post (jm, job, "exception", bed_view ("{\"type\":\"x\",\"severity\":8}"),
                 false)
            == -EPROTO,
        "and one of unknown severity");
    ok (jm_post (jm, job, "dependency-remove", bed_view ("{\"description\":\"d\"}"),
                 false)
            < 0,
        "removing an unknown dependency");
    ok (jm_post (jm, job, "submit", bed_view ("{\"userid\":1,\"urgency\":1,\"flags\":0}"),
                 false)
            == -EINVAL,
        "a second submit");
    ok (jm_post (jm, job, "clean", JVIEW_ABSENT, false) == -EINVAL,
        "clean before cleanup");
    ok (jm_post (jm, job, "set-flags", bed_view ("{\"flags\":[\"zap\"]}"), false)
            == -EPROTO,
        "an unknown flag");
    ok (jm_post (jm, job, "memo", bed_view ("[]"), false) == -EPROTO,
        "a context that is no object");
    ok (jm_post (jm, job, "jobspec-update", bed_view ("{\"a..b\":1}"), false) == -EINVAL,
        "an update with a bad path");
    ok (jm_post (jm, job, "resource-update", bed_view ("{\"expiration\":1}"), false)
            == -EINVAL,
        "an update of resources there are none of");
    ok (job->loglen == before && strcmp (bed_heard (), "") == 0,
        "the log has none of them, the journal neither");
    ok (!jm_commit_wanted (jm), "nor will the KVS");
    ok (jm_post (jm, job, "site.note", bed_view ("{ \"a\" : 1 }"), false) == 0,
        "an unknown event is just recorded");
    bed_heard_is ("[j]{\"id\":1,\"events\":[{\"timestamp\":1004.5,\"name\":\"site.note\","
                  "\"context\":{\"a\":1}}]}\n",
                  "compactly");
    bed_commit_all (jm);
    jm_journal_remove (jm, "j");
    jm_destroy (jm);
}

static void memos_and_annotations (void)
{
    struct jm *jm = bed_new_jm ();
    struct job *job;
    char big[20000];

    bed_submit (jm, 1, 16);
    bed_commit_all (jm);
    job = jm_lookup (jm, 1);
    ok (jm_post (jm, job, "memo", bed_view ("{\"a\":{\"b\":1},\"c\":2}"), false) == 0,
        "a memo");
    is (job->annotations->s, "{\"user\":{\"a\":{\"b\":1},\"c\":2}}",
        "is the user's annotation");
    jm_post (jm, job, "memo", bed_view ("{\"a\":{\"b\":null}}"), true);
    is (job->annotations->s, "{\"user\":{\"c\":2}}", "null takes a value away");
    is (bed_events (jm, 1), "submit validate depend priority memo",
        "a volatile memo is not logged");
    jm_alloc_annotate (jm, 1, bed_view ("{\"sched\":{\"t\":1}}"));
    is (job->annotations->s, "{\"user\":{\"c\":2},\"sched\":{\"t\":1}}",
        "the scheduler adds its own");
    jm_post (jm, job, "memo", bed_view ("{\"c\":null}"), false);
    is (job->annotations->s, "{\"sched\":{\"t\":1}}", "what is empty is gone");
    jm_alloc_annotate (jm, 1, bed_view ("{\"sched\":{\"t\":null}}"));
    ok (job->annotations == NULL, "when all is gone there is no dictionary");
    memset (big, 'x', sizeof (big));
    memcpy (big, "{\"k\":\"", 6);
    memcpy (big + sizeof (big) - 3, "\"}", 3);
    ok (jm_post (jm, job, "memo", bed_view (big), false) == -EOVERFLOW,
        "a memo has a bound");
    ok (job->annotations == NULL, "and beyond it nothing happens");
    jm_destroy (jm);
}

static void rejections (void)
{
    struct jm *jm = bed_new_jm ();
    struct jm_counts c;

    jm_journal_add (jm, "j", true, false, JVIEW_ABSENT, JVIEW_ABSENT);
    jm_journal_pump (jm, 1 << 20);
    bed_heard_is ("[j]{\"id\":-1,\"events\":[]}\n", "an empty backlog is a sentinel");
    bed_submit_full (
        jm, 1, 16, 0,
        "{\"attributes\":{\"system\":{\"dependencies\":[{\"scheme\":\"x\"}]}}}");
    is (bed_heard (),
        "[j]{\"id\":1,\"events\":[{\"timestamp\":999.25,\"name\":\"submit\",\"context\":"
        "{\"userid\":100,\"urgency\":16,\"flags\":0,\"version\":1}}],\"jobspec\":"
        "{\"attributes\":{\"system\":{\"dependencies\":[{\"scheme\":\"x\"}]}}}}\n"
        "[j]{\"id\":1,\"events\":[{\"timestamp\":1000.5,\"name\":\"invalidate\"}]}\n"
        "rejected 1: dependency scheme \"x\" not supported\n",
        "a job that was seen and is refused is taken back");
    ok (!jm_lookup (jm, 1) && !jm_commit_wanted (jm), "nothing is left of it");
    bed_submit_full (jm, 1, 16, 0, "{\"attributes\":{\"system\":{\"dependencies\":7}}}");
    ok (strstr (bed_heard (), "dependencies object must be an array"),
        "dependencies are an array");
    bed_submit_full (jm, 1, 16, 0,
                     "{\"attributes\":{\"system\":{\"dependencies\":[{}]}}}");
    ok (strstr (bed_heard (), "dependency[0] missing string scheme"),
        "each has a scheme");
    bed_submit_full (jm, 1, 16, 0, "{\"attributes\":{\"system\":{\"queue\":\"batch\"}}}");
    bed_heard_is ("rejected 1: 'batch' is not a valid queue\n",
                  "a queue that is not there: no event at all");
    jm_queue_enable (jm, jm_queue (jm, NULL), false, "over");
    bed_submit_full (jm, 1, 16, 0, "{}");
    bed_heard_is ("rejected 1: job submission is disabled: over\n",
                  "a disabled queue takes no jobs");
    jm_queue_enable (jm, jm_queue (jm, NULL), true, NULL);
    bed_submit (jm, 1, 16);
    bed_submit_full (jm, 1, 16, 0, "{}");
    ok (strstr (bed_heard (), "rejected 1: job id is in use"), "an id is used once");
    jm_count (jm, &c);
    is_int (c.active, 1, "one job is there");
    jm_journal_remove (jm, "j");
    jm_destroy (jm);
}

static void waiting_for_jobs (void)
{
    struct jm *jm = bed_new_jm ();
    const char *why = NULL;

    for (int i = 1; i <= 4; i++)
        bed_submit_full (jm, i, 16, i == 4 ? 0 : JOB_WAITABLE, "{}");
    bed_commit_all (jm);
    ok (jm_wait (jm, 4, "A", &why) == -ECHILD, "not every job can be waited for");
    is (why, "job was not submitted with FLUX_JOB_WAITABLE", "only waitable ones");
    ok (jm_wait (jm, 9, "A", &why) == -ECHILD, "nor one that is not there");
    is (why, "invalid job id, or job may be inactive and not waitable", "of course");
    ok (jm_wait (jm, 1, "A", &why) == 0, "one waits for job 1");
    ok (jm_wait (jm, 1, "B", &why) == -ECHILD, "a second one cannot");
    is (why, "job id already has a waiter", "there is one");
    ok (jm_wait (jm, UINT64_MAX, "B", &why) == 0, "B waits for any");
    ok (jm_wait (jm, UINT64_MAX, "C", &why) == 0, "C as well");
    bed_heard_is ("", "three waiters, three jobs");
    ok (jm_wait (jm, UINT64_MAX, "D", &why) == 0, "D is one too many");
    bed_heard_is ("waited D: there are no more waitable jobs\n", "and is told so");
    bed_run_to_end (jm, 2);
    bed_heard_is ("waited B job 2\n", "the first who takes any job gets the first");
    bed_run_to_end (jm, 1);
    bed_heard_is ("waited A job 1\n", "a job that is waited for goes to its waiter");
    bed_run_to_end (jm, 4);
    bed_heard_is ("", "a job that cannot be waited for goes to nobody");
    bed_run_to_end (jm, 3);
    bed_heard_is ("waited C job 3\n", "the last one to the last");
    bed_submit_full (jm, 5, 16, JOB_WAITABLE, "{}");
    bed_submit_full (jm, 6, 16, JOB_WAITABLE, "{}");
    bed_commit_all (jm);
    bed_run_to_end (jm, 5);
    bed_commit_all (jm);
    ok (jm_next_zombie (jm, NULL) && jm_next_zombie (jm, NULL)->id == 5,
        "a job that nobody waited for can still be waited for");
    jm_purge (jm, jm_lookup (jm, 5));
    ok (!jm_lookup (jm, 5), "even when it is purged");
    ok (jm_wait (jm, 5, "E", &why) == 0, "by id");
    bed_heard_is ("waited E job 5\n", "at once");
    ok (jm_wait (jm, 5, "F", &why) == -ECHILD, "but only once");
    ok (jm_wait (jm, UINT64_MAX, "G", &why) == 0, "G waits for any: there is job 6");
    ok (jm_wait (jm, 6, "H", &why) == 0, "H claims just that one");
    bed_heard_is ("waited G: there are no more waitable jobs\n",
                  "so G is told not to hope");
    jm_destroy (jm);
}

static void purging (void)
{
    struct jm *jm = bed_new_jm ();

    bed_submit (jm, 1, 0);
    bed_commit_all (jm);
    ok (jm_purge (jm, jm_lookup (jm, 1)) == -EINVAL, "an active job cannot be purged");
    bed_run_to_end (jm, 1);
    text_clear (&bed_commits);
    ok (jm_purge (jm, jm_lookup (jm, 1)) == 0, "an inactive one can");
    jm_put (jm, "checkpoint", "{}", 2);
    jm_defer (jm, "A");
    bed_commit_all (jm);
    is (bed_commits.buf, "unlink 1\nput checkpoint={}\n",
        "its directory goes, with what else is to be stored");
    bed_heard_is ("deferred A\n", "the answer follows");
    ok (!jm_lookup (jm, 1) && !jm_next_inactive (jm, NULL), "it is unknown");
    jm_destroy (jm);
}

static void walks (void)
{
    struct jm *jm = bed_new_jm ();
    struct jm_walk w, v;

    for (int id = 1; id <= 5; id++)
        bed_submit (jm, id, 16);
    bed_commit_all (jm);
    jm_walk_begin (jm, &w);
    jm_walk_begin (jm, &v);
    is_int (jm_walk_next (jm, &w)->id, 1, "a walk begins with the oldest");
    for (int id = 1; id <= 3; id++)
        bed_run_to_end (jm, id);
    bed_submit (jm, 6, 16);
    bed_submit_full (jm, 7, 16, 0,
                     "{\"attributes\":{\"system\":{\"dependencies\":1}}}");
    is_int (jm_walk_next (jm, &w)->id, 4, "what ends meanwhile is left out");
    is_int (jm_walk_next (jm, &v)->id, 4, "by every walk");
    is_int (jm_walk_next (jm, &w)->id, 5, "the rest is not");
    bed_run_to_end (jm, 5);
    ok (!jm_walk_next (jm, &w), "what comes meanwhile does not belong to it");
    ok (!jm_walk_next (jm, &v), "nor to the other");
    jm_walk_end (&w);
    jm_walk_end (&v);
    bed_heard ();
    jm_destroy (jm);
}

int main (void)
{
    normal_life ();
    batches_gather_while_one_is_in_flight ();
    R_travels_with_alloc ();
    nobody_waits_for_R ();
    cancel_pending ();
    cancel_running ();
    denial ();
    priorities ();
    sched_comes_and_goes ();
    exec_comes_and_goes ();
    bad_events_are_not_seen ();
    memos_and_annotations ();
    rejections ();
    waiting_for_jobs ();
    purging ();
    dependencies ();
    journals ();
    queues ();
    restarts ();
    volumes ();
    walks ();
    bed_heard ();
    text_fini (&bed_told);
    text_fini (&bed_commits);
    return done_testing ();
}
