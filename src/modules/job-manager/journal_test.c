/* The journal, as the engine tells it. */

#include "config.h"
#include <stdio.h>

#include "engine_private.h"
#include "engine_testbed.h"

static void groups_in_the_journal (void)
{
    struct jm *jm = bed_new_jm ();

    jm_sched_ready (jm, 0);
    jm_exec_ready (jm);
    jm_journal_add (jm, "g", false, true, JVIEW_ABSENT,
                    bed_view ("{\"start\":0,\"depend\":0}"));
    jm_journal_pump (jm, 1 << 20);
    bed_heard ();
    bed_submit (jm, 1, 16);
    ok (strstr (bed_heard (), "\"jobspec\":{\"v\":1}}"),
        "submit is told with its jobspec");
    bed_commit_all (jm);
    ok (strstr (bed_heard (), "\"validate\"},{\"timestamp\":"),
        "what follows of itself is told at once");
    jm_sched_pump (jm, 10);
    bed_heard ();
    jm_alloc_success (jm, 1, bed_view (BED_R), bed_view ("{\"sched\":{\"s\":\"x\"}}"));
    ok (strstr (bed_heard (), "\"s\":\"x\"}}}},{\"timestamp\":"),
        "annotations and alloc too, with R behind them");
    jm_exec_started (jm, 1);
    bed_heard_is ("", "what is not wanted is not told");
    jm_exec_finish (jm, 1, 0);
    ok (strstr (bed_heard (), "\"name\":\"finish\""), "finish");
    jm_exec_release (jm, 1, bed_view ("{\"ranks\":\"all\",\"final\":true}"));
    ok (strstr (bed_heard (), "\"free\"},{\"timestamp\":"), "release, free and clean");
    jm_destroy (jm);
}

static void a_journal_consumer_that_does_not_read (void)
{
    struct jm *jm = bed_new_jm ();
    char memo[70000];

    bed_submit (jm, 1, 0);
    bed_commit_all (jm);
    jm_journal_add (jm, "s", false, false, JVIEW_ABSENT, JVIEW_ABSENT);
    jm_journal_pause (jm, "s", true);
    bed_heard ();
    ok (!jm_journal_pump (jm, 1 << 20), "nothing is to be sent to one that is paused");
    bed_heard_is ("", "not its backlog");
    jm_journal_pause (jm, "s", false);
    jm_journal_pump (jm, 1 << 20);
    ok (strstr (bed_heard (), "\"submit\""), "it is sent later");
    jm_journal_pause (jm, "s", true);
    jm_post (jm, jm_lookup (jm, 1), "memo", bed_view ("{\"a\":1}"), false);
    bed_heard_is ("", "nor events");
    jm_journal_pause (jm, "s", false);
    jm_post (jm, jm_lookup (jm, 1), "memo", bed_view ("{\"b\":1}"), false);
    bed_heard_is ("", "what comes next waits behind them");
    jm_journal_pump (jm, 1 << 20);
    ok (strstr (strstr (bed_heard (), "\"a\":1"), "\"b\":1"), "all arrives in order");
    ok (!jm_journal_overrun (jm), "it has not overrun");
    jm_journal_pause (jm, "s", true);
    snprintf (memo, sizeof (memo), "{\"x\":\"%0*d\"}", 60000, 0);
    for (int i = 0;
         i < 200 && jm_post (jm, jm_lookup (jm, 1), "foo", bed_view (memo), true) == 0;
         i++)
        ;
    ok (!jm_journal_overrun (jm), "12 MB are kept for it");
    for (int i = 0;
         i < 200 && jm_post (jm, jm_lookup (jm, 1), "foo", bed_view (memo), true) == 0;
         i++)
        ;
    ok (jm_journal_overrun (jm) != NULL, "24 MB are too much");
    bed_heard_is ("", "none was sent");
    jm_journal_pause (jm, "s", false);
    ok (jm_journal_overrun (jm) != NULL,
        "it reads again too late: what came last was not kept");
    jm_journal_remove (jm, jm_journal_overrun (jm));
    ok (!jm_journal_overrun (jm), "and then there is nobody");
    jm_destroy (jm);
}

/* Of two that do not read, one has had the sentinel. */
static void streams_that_end (void)
{
    struct jm *jm = bed_new_jm ();

    bed_submit (jm, 1, 0);
    bed_commit_all (jm);
    jm_journal_add (jm, "live", false, false, JVIEW_ABSENT, JVIEW_ABSENT);
    jm_journal_pump (jm, 1 << 20);
    jm_journal_add (jm, "past", false, false, JVIEW_ABSENT, JVIEW_ABSENT);
    jm_journal_pause (jm, "live", true);
    jm_journal_pause (jm, "past", true);
    bed_heard ();
    jm_post (jm, jm_lookup (jm, 1), "memo", bed_view ("{\"a\":1}"), false);
    jm_post (jm, jm_lookup (jm, 1), "memo", bed_view ("{\"b\":2}"), false);
    bed_heard_is ("", "what happens is kept");
    jm_journal_finish (jm);
    {
        const char *s = bed_heard (), *a = strstr (s, "[live]{\"id\":1,");

        ok (a && strstr (a, "\"a\":1") && strstr (strstr (a, "\"a\":1"), "\"b\":2"),
            "at the end of the streams it goes out, in order");
        ok (!strstr (s, "[past]"), "but not to one that waits for its backlog");
    }
    jm_journal_finish (jm);
    bed_heard_is ("", "once");
    jm_destroy (jm);
}

static bool always (void *token, void *arg)
{
    return true;
}

static void journal_backlog (void)
{
    struct jm *jm = bed_new_jm ();

    for (int i = 1; i <= 4; i++)
        bed_submit (jm, i, 0);
    bed_commit_all (jm);
    bed_run_to_end (jm, 2);
    bed_commit_all (jm);
    jm_journal_add (jm, "j", true, false, bed_view ("{\"priority\":0,\"memo\":null}"),
                    JVIEW_ABSENT);
    bed_heard ();
    ok (jm_journal_pump (jm, 1), "a long backlog is sent in portions");
    ok (strstr (bed_heard (), "[j]{\"id\":2,"), "inactive jobs come first");
    jm_post (jm, jm_lookup (jm, 1), "memo", bed_view ("{\"early\":1}"), false);
    jm_journal_pump (jm, 1);
    ok (strstr (bed_heard (), "early"),
        "what happens to a job not sent yet is part of its backlog");
    jm_post (jm, jm_lookup (jm, 1), "memo", bed_view ("{\"late\":1}"), false);
    bed_heard_is ("", "what happens to one that was sent must wait for the sentinel");
    bed_run_to_end (jm, 3);
    ok (strstr (bed_heard (), "[j]{\"id\":3,\"events\":[{\"timestamp\":"),
        "a job that ends before its turn is sent then");
    bed_submit (jm, 5, 0);
    ok (!jm_journal_pump (jm, 1 << 20), "in the end all of it is sent");
    {
        const char *s = bed_heard ();
        const char *four = strstr (s, "[j]{\"id\":4,");
        const char *five = strstr (s, "[j]{\"id\":5,");
        const char *sentinel = strstr (s, "[j]{\"id\":-1,\"events\":[]}");
        const char *late = strstr (s, "late");

        ok (four && five && sentinel && late && four < five && five < sentinel
                && sentinel < late,
            "the rest, then the sentinel, then what was kept");
        ok (!strstr (s, "\"id\":3,"), "nothing twice");
        ok (!strstr (s, "submit"), "only what the filter lets pass");
    }
    jm_post (jm, jm_lookup (jm, 1), "memo", bed_view ("{\"x\":1}"), true);
    jm_urgency (jm, jm_lookup (jm, 4), 0, 5);
    ok (strstr (bed_heard (), "{\"priority\":5}"), "then everything at once");
    ok (jm_journal_remove (jm, "j") && !jm_journal_remove (jm, "j"),
        "a consumer goes once");
    jm_wait_drop (jm, always, NULL);
    jm_destroy (jm);
}

/* The life of a job with so many consumers: how many messages were written for it, and
 * how many sent.
 */
static void count_messages (int consumers, uint64_t *written, int *sent)
{
    static char *tokens[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
    struct jm *jm = bed_new_jm ();

    jm_sched_ready (jm, 0);
    for (int i = 0; i < consumers; i++)
        jm_journal_add (jm, tokens[i], false, false, JVIEW_ABSENT, JVIEW_ABSENT);
    jm_journal_pump (jm, 1 << 20);
    bed_heard ();
    bed_submit (jm, 1, 16);
    bed_commit_all (jm);
    jm_sched_pump (jm, 10);
    jm_alloc_success (jm, 1, bed_view (BED_R), JVIEW_ABSENT);
    *sent = 0;
    for (const char *p = bed_heard (); (p = strstr (p, "]{\"id\":1,")); p++)
        ++*sent;
    *written = jm->journal.written;
    jm_destroy (jm);
}

static void events_are_encoded_once (void)
{
    uint64_t none, one, ten;
    int to_none, to_one, to_ten;

    count_messages (0, &none, &to_none);
    count_messages (1, &one, &to_one);
    count_messages (10, &ten, &to_ten);
    is_int (none, 0, "nothing is written if nobody wants it");
    is_int (one, 5, "for one consumer one message is written per event");
    is_int (ten, 5, "for ten there are no more");
    is_int (to_one, 5, "one consumer gets them");
    is_int (to_ten, 50, "and so does each of ten");
}

void journals (void)
{
    events_are_encoded_once ();
    groups_in_the_journal ();
    a_journal_consumer_that_does_not_read ();
    streams_that_end ();
    journal_backlog ();
}
