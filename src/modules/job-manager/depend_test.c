/* Dependencies, as the engine has them. */

#include "config.h"
#include <stdio.h>

#include "engine_testbed.h"

#define R1 "{\"version\":1,\"execution\":{\"R_lite\":[]}}"
#define DEP(scheme, value) "{\"scheme\":\"" scheme "\",\"value\":\"" value "\"}"

/* A jobspec with these elements of dependencies and that job name. */
static const char *spec_of (const char *deps, const char *name)
{
    static char buf[1024];
    int n = snprintf (buf, sizeof (buf),
                      "{\"attributes\":{\"system\":{\"dependencies\":[%s]", deps);

    if (name)
        n += snprintf (buf + n, sizeof (buf) - n, ",\"job\":{\"name\":\"%s\"}", name);
    snprintf (buf + n, sizeof (buf) - n, "}}}");
    return buf;
}

static int submit (struct jm *jm, uint64_t id, const char *deps, const char *name)
{
    return bed_submit_full (jm, id, 16, 0, spec_of (deps, name));
}

static struct jm *new_jm (void)
{
    struct jm *jm = bed_new_jm ();

    jm_sched_ready (jm, 0);
    jm_exec_ready (jm);
    return jm;
}

static void cancel (struct jm *jm, uint64_t id)
{
    struct jm_exception x = { "cancel", 0, NULL, 7, -1 };
    jm_raise (jm, jm_lookup (jm, id), &x);
}

static void allocate (struct jm *jm, uint64_t id)
{
    bed_commit_all (jm);
    jm_sched_pump (jm, 100);
    jm_alloc_success (jm, id, bed_view (R1), JVIEW_ABSENT);
}

static void end (struct jm *jm, uint64_t id, int status)
{
    jm_exec_finish (jm, id, status);
    jm_exec_release (jm, id, bed_view ("{\"ranks\":\"all\",\"final\":true}"));
}

static void run (struct jm *jm, uint64_t id, int status)
{
    allocate (jm, id);
    jm_exec_started (jm, id);
    end (jm, id, status);
}

/* Is this the state of that job, once everything has taken effect? */
static bool settles_as (struct jm *jm, uint64_t id, enum job_state state)
{
    while (jm_depend_pump (jm, 1) || jm_commit_wanted (jm))
        bed_commit_all (jm);
    return jm_lookup (jm, id) && jm_lookup (jm, id)->state == state;
}

static bool says (struct jm *jm, uint64_t id, const char *text)
{
    struct text unpacked = TEXT_INIT;
    struct jview log, R;
    bool found = job_texts (jm_lookup (jm, id), &unpacked, &log, &R) == 0
                 && memmem (log.s, log.len, text, strlen (text));

    text_fini (&unpacked);
    return found;
}

static void afterstart (void)
{
    struct jm *jm = new_jm ();

    bed_submit (jm, 1, 16);
    submit (jm, 2, DEP ("afterstart", "1"), NULL);
    is (bed_events (jm, 2), "submit dependency-add",
        "the dependency is in the log before the job is held");
    ok (settles_as (jm, 2, STATE_DEPEND), "it waits");
    ok (says (jm, 2, "{\"description\":\"after-start=1\"}"), "and says what for");
    allocate (jm, 1);
    ok (settles_as (jm, 2, STATE_DEPEND), "resources for the other are not enough");
    jm_exec_started (jm, 1);
    ok (settles_as (jm, 2, STATE_SCHED), "its start is");
    is (bed_events (jm, 2),
        "submit dependency-add validate dependency-remove depend priority",
        "the dependency is removed first");
    submit (jm, 3, DEP ("after", "1"), NULL);
    is (bed_events (jm, 3), "submit dependency-add exception dependency-remove",
        "what has started is satisfied at once; the old name of the scheme is told of");
    ok (strstr (bed_heard (), "raised 3 dependency 3"), "everybody hears that");
    ok (says (jm, 3, "\"severity\":3,\"note\":\"dependency scheme 'after' is deprecated, "
                     "use 'afterstart'\""),
        "with the new name");
    ok (settles_as (jm, 3, STATE_SCHED), "it goes on all the same");

    bed_submit (jm, 4, 16);
    submit (jm, 5, DEP ("afterstart", "4") "," DEP ("afterstart", "4"), NULL);
    is (bed_events (jm, 5), "submit dependency-add", "one named twice is one");
    cancel (jm, 4);
    bed_heard ();
    ok (settles_as (jm, 5, STATE_INACTIVE), "a job that never starts takes others along");
    ok (strstr (bed_heard (), "raised 5 dependency 0"), "by an exception");
    ok (says (jm, 5, "dependency after-start=4 job never started"), "that says why");
    jm_destroy (jm);
}

static void other_ends (void)
{
    static const struct {
        const char *dep;
        int status; /* < 0: cancelled while it runs; -2: before that */
        bool satisfied;
        const char *note;
    } cases[] = {
        { DEP ("afterany", "1"), 0, true, NULL },
        { DEP ("afterany", "1"), -2, true, NULL },
        { DEP ("afterok", "1"), 0, true, NULL },
        { DEP ("afterok", "1"), 256, false,
          "dependency after-success=1 can never be satisfied" },
        { DEP ("afterok", "1"), -1, false,
          "dependency after-success=1 can never be satisfied" },
        { DEP ("afterok", "1"), -2, false, "dependency after-success=1 job never started" },
        { DEP ("afternotok", "1"), 0, false,
          "dependency after-failure=1 can never be satisfied" },
        { DEP ("afternotok", "1"), 256, true, NULL },
        { DEP ("afternotok", "1"), -1, true, NULL },
        { DEP ("afternotok", "1"), -2, false,
          "dependency after-failure=1 job never started" },
        { DEP ("afterexcept", "1"), -1, true, NULL },
        { DEP ("afterexcept", "1"), 256, false,
          "dependency after-except=1 can never be satisfied" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        struct jm *jm = new_jm ();

        bed_submit (jm, 1, 16);
        submit (jm, 2, cases[i].dep, NULL);
        ok (settles_as (jm, 2, STATE_DEPEND), "%s: waits", cases[i].dep);
        if (cases[i].status == -2)
            cancel (jm, 1);
        else {
            allocate (jm, 1);
            jm_exec_started (jm, 1);
            if (cases[i].status == -1)
                cancel (jm, 1);
            ok (settles_as (jm, 2, STATE_DEPEND), "as long as the other is active");
            end (jm, 1, cases[i].status < 0 ? 15 : cases[i].status);
        }
        ok (settles_as (jm, 2, cases[i].satisfied ? STATE_SCHED : STATE_INACTIVE),
            "after %d it %s", cases[i].status, cases[i].satisfied ? "goes on" : "is over");
        ok (!cases[i].note || says (jm, 2, cases[i].note), "and says so");
        jm_destroy (jm);
    }
}

static void other_has_ended (void)
{
    struct jm *jm = new_jm ();

    for (int id = 1; id <= 3; id++)
        bed_submit (jm, id, 16);
    run (jm, 1, 0);
    run (jm, 2, 256);
    bed_commit_all (jm);
    cancel (jm, 3);
    bed_heard ();
    submit (jm, 10, DEP ("afterok", "1") "," DEP ("afterany", "3"), NULL);
    is (bed_events (jm, 10),
        "submit dependency-add dependency-remove dependency-add dependency-remove",
        "what is true already is added and removed");
    submit (jm, 11, DEP ("afternotok", "1"), NULL);
    bed_heard_is ("rejected 11: dependency: afternotok: job 1 succeeded\n",
                  "what cannot come true any more: afternotok");
    submit (jm, 11, DEP ("afterok", "2"), NULL);
    bed_heard_is ("rejected 11: dependency: afterok: job 2 failed or was canceled\n",
                  "afterok");
    submit (jm, 11, DEP ("afterexcept", "2"), NULL);
    bed_heard_is ("rejected 11: dependency: afterexcept: job 2: no exception\n",
                  "afterexcept");
    submit (jm, 11, DEP ("afterok", "3"), NULL);
    bed_heard_is ("rejected 11: dependency: after: 3 never started\n", "afterstart");
    submit (jm, 11, DEP ("afterok", "\\\"!"), NULL);
    bed_heard_is ("rejected 11: dependency: afterok: \"\"!\" is not a valid jobid\n",
                  "what is no job id");
    submit (jm, 11, DEP ("afterany", "11"), NULL);
    bed_heard_is ("rejected 11: dependency: afterany: id 11: job not found\n",
                  "nobody can wait for themselves");
    submit (jm, 11, DEP ("begin-time", "soon"), NULL);
    bed_heard_is ("rejected 11: Invalid begin-time=soon\n", "a time is a number");
    submit (jm, 11, DEP ("singleton", ""), NULL);
    bed_heard_is ("rejected 11: singleton jobs require a job name\n",
                  "a singleton has a name");
    submit (jm, 11, DEP ("afterany", "10") "," DEP ("x", ""), "n");
    bed_heard_is ("rejected 11: dependency scheme \"x\" not supported\n",
                  "one that is wrong takes the whole job along");
    jm_lookup (jm, 10)->userid = 101;
    submit (jm, 11, DEP ("afterany", "10"), NULL);
    bed_heard_is ("rejected 11: afterany: Permission denied for job 10\n",
                  "nobody waits for others' jobs");
    ok (!jm_lookup (jm, 11) && jm_error (jm) == 0, "nothing is left of any of them");
    jm_destroy (jm);
}

static void a_long_chain (void)
{
    struct jm *jm = new_jm ();
    struct jm_counts c;
    char dep[64];

    bed_submit (jm, 1, 16);
    for (int id = 2; id <= 20000; id++) {
        snprintf (dep, sizeof (dep), DEP ("afterok", "%d"), id - 1);
        submit (jm, id, dep, NULL);
    }
    bed_commit_all (jm);
    cancel (jm, 1);
    jm_count (jm, &c);
    is_int (c.active, 19999, "the end of a job is nobody else's");
    ok (jm_depend_pump (jm, 1000), "what follows from it");
    jm_count (jm, &c);
    is_int (c.active, 18999, "comes in portions");
    ok (settles_as (jm, 20000, STATE_INACTIVE), "to the end");
    jm_destroy (jm);
}

static void begin_time (void)
{
    struct jm *jm = new_jm ();

    submit (jm, 1, DEP ("begin-time", "2000"), NULL);
    submit (jm, 2, "{\"scheme\":\"begin-time\",\"value\":1900.5}", NULL);
    submit (jm, 3, DEP ("begin-time", "900"), NULL);
    ok (settles_as (jm, 3, STATE_SCHED), "a time that is past does not keep a job");
    ok (settles_as (jm, 1, STATE_DEPEND), "one to come does");
    ok (says (jm, 2, "begin-time=1900.500"), "it is described to the millisecond");
    ok (jm_next_begin (jm) == 1900.5, "the first is the one to wake up for");
    cancel (jm, 2);
    ok (jm_next_begin (jm) == 2000., "a cancelled one is not");
    for (int i = 0; i < 5000 && jm_lookup (jm, 1)->state == STATE_DEPEND; i++)
        jm_depend_pump (jm, 10); /* each look at the clock takes it half a second */
    is (bed_events (jm, 1),
        "submit dependency-add validate dependency-remove depend priority",
        "then it goes on");
    ok (jm_lookup (jm, 1)->t_submit < 1000. && jm_next_begin (jm) < 0.,
        "and nothing is left to wake up for");
    jm_destroy (jm);
}

static void singletons (void)
{
    struct jm *jm = new_jm ();

    submit (jm, 1, "", "n");
    submit (jm, 2, DEP ("singleton", ""), "n");
    submit (jm, 3, DEP ("singleton", "") "," DEP ("singleton", ""), "n");
    submit (jm, 4, DEP ("singleton", ""), "other");
    ok (settles_as (jm, 2, STATE_DEPEND) && settles_as (jm, 3, STATE_DEPEND),
        "singletons wait for any of their name");
    ok (settles_as (jm, 4, STATE_SCHED), "one that is alone goes");
    run (jm, 1, 0);
    ok (settles_as (jm, 2, STATE_SCHED) && settles_as (jm, 3, STATE_DEPEND),
        "then the oldest goes, and it alone");
    submit (jm, 5, DEP ("singleton", ""), "n");
    cancel (jm, 3);
    ok (settles_as (jm, 5, STATE_DEPEND), "one leaves the line");
    run (jm, 2, 0);
    ok (settles_as (jm, 5, STATE_SCHED), "the next one moves up");
    cancel (jm, 5);
    submit (jm, 6, DEP ("singleton", ""), "n");
    ok (settles_as (jm, 6, STATE_SCHED), "a name can be used again");
    jm_destroy (jm);
}

/* What is in the log of that job. */
static char *log_of (struct jm *jm, uint64_t id)
{
    struct job *job = jm_lookup (jm, id);
    struct text unpacked = TEXT_INIT;
    struct jview log, R;
    char *s = NULL;

    if (job_texts (job, &unpacked, &log, &R) == 0)
        s = strndup (log.s, log.len);
    text_fini (&unpacked);
    return s;
}

static void after_a_restart (void)
{
    static const char *const deps[] = {
        NULL, /* ids begin with 1 */
        "",
        "",
        DEP ("afterok", "1"),
        DEP ("afterok", "2"),
        DEP ("afterany", "99"),
        DEP ("begin-time", "2000"),
        "",
        DEP ("singleton", ""),
        DEP ("singleton", ""),
    };
    enum { N = 9 };
    struct jm *jm = new_jm ();
    struct text why = TEXT_INIT;
    char *logs[N + 1];

    for (int id = 1; id <= N; id++) {
        if (id == 5)
            bed_submit (jm, 99, 16);
        submit (jm, id, deps[id], id >= 7 ? "n" : NULL);
    }
    bed_commit_all (jm);
    while (jm_depend_pump (jm, 100))
        ;
    cancel (jm, 2); /* its dependent does not hear of it any more */
    for (int id = 1; id <= N; id++)
        logs[id] = log_of (jm, id);
    jm_destroy (jm);

    jm = bed_new_jm ();
    for (int id = 1; id <= N; id++) {
        is_int (jm_restore (jm, id, logs[id], strlen (logs[id]),
                            bed_view (spec_of (deps[id], id >= 7 ? "n" : NULL)),
                            JVIEW_ABSENT, &why),
                0, "job %d is restored", id);
        free (logs[id]);
    }
    jm_restore_finish (jm, 0, false);
    jm_sched_ready (jm, 0);
    jm_exec_ready (jm);
    ok (strstr (bed_heard (), "raised 5 dependency 4"), "what cannot be tied anew is told");
    ok (settles_as (jm, 5, STATE_DEPEND), "and stays");
    ok (says (jm, 5, "dependency: afterany: id 99: job not found (job may be stuck in "
                     "DEPEND state)"),
        "for somebody to look at");
    ok (settles_as (jm, 4, STATE_INACTIVE), "what happened meanwhile takes effect");
    ok (jm_lookup (jm, 6)->state == STATE_DEPEND && jm_next_begin (jm) == 2000.,
        "a time is waited for again");
    is (bed_events (jm, 3), "submit dependency-add validate",
        "nothing is written again of what is still waited for");
    run (jm, 1, 0);
    ok (settles_as (jm, 3, STATE_SCHED), "a job too");
    ok (settles_as (jm, 8, STATE_DEPEND), "singletons as well");
    run (jm, 7, 0);
    ok (settles_as (jm, 8, STATE_SCHED) && settles_as (jm, 9, STATE_DEPEND),
        "in their old order");
    text_fini (&why);
    jm_destroy (jm);
}

static void removed_by_hand (void)
{
    struct jm *jm = new_jm ();

    bed_submit (jm, 1, 16);
    submit (jm, 2, DEP ("afterok", "1"), NULL);
    bed_commit_all (jm);
    ok (jm_post (jm, jm_lookup (jm, 2), "dependency-remove",
                 bed_view ("{\"description\":\"after-success=1\"}"), false)
            == 0,
        "somebody removes a dependency");
    ok (settles_as (jm, 2, STATE_SCHED), "the job goes");
    cancel (jm, 1);
    ok (settles_as (jm, 2, STATE_SCHED), "what becomes of the other is nothing to it");
    jm_destroy (jm);
}

void dependencies (void)
{
    afterstart ();
    other_ends ();
    other_has_ended ();
    a_long_chain ();
    begin_time ();
    singletons ();
    after_a_restart ();
    removed_by_hand ();
}
