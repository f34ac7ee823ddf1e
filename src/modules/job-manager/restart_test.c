/* Jobs that were there before, as the engine takes them up. */

#include "config.h"

#include "engine_testbed.h"

static int restore (struct jm *jm, uint64_t id, const char *log, const char *R)
{
    _cleanup_ (text_fini)
    struct text why = TEXT_INIT;
    int r = jm_restore (jm, id, log, strlen (log), bed_view ("{\"a\":{\"b\":1}}"),
                        R ? bed_view (R) : JVIEW_ABSENT, &why);

    if (r < 0)
        text_printf (&bed_told, "%d: %s\n", (int)id, why.buf ? why.buf : "");
    return r;
}

#define LINE(name) "{\"timestamp\":1.0,\"name\":\"" name "\"}\n"
#define LINEC(name, context) \
    "{\"timestamp\":1.0,\"name\":\"" name "\",\"context\":" context "}\n"
#define SUBMIT LINEC ("submit", "{\"userid\":5,\"urgency\":16,\"flags\":0,\"version\":1}")
#define PENDING \
    SUBMIT LINE ("validate") LINE ("depend") LINEC ("priority", "{\"priority\":16}")
#define RUNNING PENDING LINE ("alloc") LINE ("start")

/* Between its hello and its being ready a scheduler counts what it was told. */
static void a_job_ends_while_a_scheduler_comes (void)
{
    struct jm *jm = bed_new_jm ();

    restore (jm, 2, RUNNING, BED_R);
    jm_restore_finish (jm, 2, false);
    jm_exec_ready (jm);
    jm_sched_greeted (jm, true);
    bed_heard ();
    jm_exec_finish (jm, 2, 0);
    jm_exec_release (jm, 2, bed_view ("{\"ranks\":\"all\",\"final\":true}"));
    is (bed_events (jm, 2), "submit validate depend priority alloc start finish release",
        "a job that ends after hello keeps its resources");
    jm_sched_ready (jm, 0);
    bed_heard_is ("give-back 2 " BED_R_REDACTED "\n",
                  "until the scheduler is ready to hear it");
    restore (jm, 3, RUNNING LINEC ("finish", "{\"status\":0}"), BED_R);
    jm_sched_gone (jm);
    jm_sched_greeted (jm, true);
    jm_restore_finish (jm, 3, false);
    jm_sched_greeted (jm, false);
    ok (jm_lookup (jm, 3)->state == STATE_INACTIVE, "or has gone without");
    jm_destroy (jm);
}

static void history_comes_later (void)
{
    static const char jobspec[] = "{\"attributes\":{\"system\":{\"dependencies\":"
                                  "[{\"scheme\":\"afterok\",\"value\":\"1\"}]}}}";
    struct jm *jm = bed_new_jm ();
    struct text why = TEXT_INIT;
    const char *log =
        SUBMIT LINEC ("dependency-add", "{\"description\":\"after-success=1\"}")
            LINE ("validate");

    jm_restore (jm, 2, log, strlen (log), bed_view (jobspec), JVIEW_ABSENT, &why);
    restore (jm, 3, PENDING, NULL);
    jm_restore_finish (jm, 3, true);
    is (bed_events (jm, 3), "submit validate depend priority flux-restart priority",
        "a job that depends on none goes on before the history is there");
    is (bed_events (jm, 2), "submit dependency-add validate", "one that does not waits");
    restore (jm, 1,
             RUNNING LINEC ("finish", "{\"status\":0}") LINE ("free") LINE ("clean"),
             BED_R);
    ok (restore (jm, 3, PENDING, NULL) == -EEXIST, "no job is there twice");
    jm_history_finish (jm);
    is (bed_events (jm, 2),
        "submit dependency-add validate dependency-remove depend priority",
        "and goes on as soon as it is");
    text_fini (&why);
    jm_destroy (jm);
}

static void restart (void)
{
    struct jm *jm = bed_new_jm ();
    struct jm_counts c;

    ok (restore (jm, 1, PENDING, NULL) == 0, "a pending job is restored");
    ok (restore (jm, 2, RUNNING, BED_R) == 0, "a running one");
    ok (restore (jm, 3, RUNNING LINEC ("finish", "{\"status\":256}"), BED_R) == 0,
        "one cleaning up");
    ok (restore (jm, 4,
                 RUNNING LINEC ("finish", "{\"status\":0}") LINE ("free") LINE ("clean"),
                 BED_R)
            == 0,
        "an inactive one");
    ok (restore (jm, 5,
                 PENDING LINEC ("jobspec-update", "{\"a.b\":2}")
                     LINEC ("memo", "{\"m\":1}"),
                 NULL)
            == 0,
        "one that was updated");
    ok (restore (jm, 7, SUBMIT, NULL) == 0, "one that was just submitted");
    is (jm_lookup (jm, 5)->jobspec->s, "{\"a\":{\"b\":2}}", "with the update");
    is (jm_lookup (jm, 5)->annotations->s, "{\"user\":{\"m\":1}}", "and its memo");
    bed_heard ();
    restore (jm, 6, LINE ("validate"), NULL);
    bed_heard_is ("6: first event is validate not submit\n",
                  "a log must begin with submit");
    restore (jm, 6, "{\"timestamp\":1,\"name\":\"submit\"", NULL);
    bed_heard_is ("6: eventlog line is malformed\n", "lines must be whole");
    restore (jm, 6, "", NULL);
    bed_heard_is ("6: job state (NEW) is invalid after replay\n", "one line at least");
    restore (jm, 6, SUBMIT LINE ("exception"), NULL);
    bed_heard_is ("6: could not apply exception\n", "events must make sense");
    restore (jm, 6,
             LINEC ("submit", "{\"userid\":5,\"urgency\":16,\"flags\":0,\"version\":2}"),
             NULL);
    bed_heard_is ("6: eventlog v2 is unsupported\n", "a future version is not ours");
    ok (!jm_lookup (jm, 6), "such jobs are not taken");
    jm_restore_finish (jm, 99, false);
    jm_count (jm, &c);
    is_int (c.max_jobid, 99, "the highest id is remembered");
    is_int (c.running, 1, "one job runs");
    is_int (c.inactive, 2, "the one that was cleaning up is done");
    is (bed_events (jm, 7), "submit validate depend priority",
        "a job whose submission was all that was stored is validated");
    is (bed_events (jm, 3),
        "submit validate depend priority alloc start finish free clean",
        "it needs nobody for that");
    is (bed_events (jm, 1), "submit validate depend priority flux-restart priority",
        "a job that waited for the scheduler does so anew");
    ok (jm_commit_wanted (jm), "what is new is committed");
    text_clear (&bed_commits);
    bed_commit (jm);
    ok (!strstr (bed_commits.buf, "submit"), "what is stored is not stored again");
    jm_sched_ready (jm, 0);
    jm_exec_ready (jm);
    bed_heard_is ("start 2 reattach=1\n", "a running job is taken over");
    jm_destroy (jm);
}

/* What it is told at the restart ends a job that was cleaning up. */
static void debugging_across_a_restart (void)
{
    struct jm *jm = bed_new_jm ();

    restore (jm, 2,
             RUNNING LINEC ("set-flags", "{\"flags\":[\"debug\"]}")
                 LINEC ("finish", "{\"status\":0}"),
             BED_R);
    jm_restore_finish (jm, 2, false);
    is (bed_events (jm, 2),
        "submit validate depend priority alloc start set-flags finish "
        "debug.exec-reattach-start free clean",
        "a job with the debug flag that was cleaning up is done once");
    jm_destroy (jm);
}

void restarts (void)
{
    debugging_across_a_restart ();
    a_job_ends_while_a_scheduler_comes ();
    history_comes_later ();
    restart ();
}
