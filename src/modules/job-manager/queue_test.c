/* Queues, as the engine has them. */

#include "config.h"
#include <stdio.h>

#include "engine_testbed.h"

static void queue_stop_and_start (void)
{
    struct jm *jm = bed_new_jm ();

    jm_sched_ready (jm, 1);
    bed_submit (jm, 1, 16);
    bed_submit (jm, 2, 16);
    bed_commit_all (jm);
    jm_sched_pump (jm, 10);
    bed_heard ();
    jm_queue_start (jm, jm_queue (jm, NULL), false, "maintenance", true);
    bed_heard_is ("cancel 1\n", "stopping asks requests back");
    jm_alloc_cancelled (jm, 1);
    jm_sched_pump (jm, 10);
    bed_heard_is ("", "and offers nothing");
    bed_submit (jm, 3, 16);
    bed_commit_all (jm);
    jm_sched_pump (jm, 10);
    bed_heard_is ("", "nor new jobs");
    ok (jm_queue (jm, NULL)->sticky_start, "a stop without checkpoint is not remembered");
    jm_queue_start (jm, jm_queue (jm, NULL), true, NULL, false);
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 1 p=16\n", "starting offers them again");
    jm_destroy (jm);
}

static void submit_to (struct jm *jm, uint64_t id, const char *queue)
{
    char spec[128];

    snprintf (spec, sizeof (spec), "{\"attributes\":{\"system\":{\"queue\":\"%s\"}}}",
              queue);
    bed_submit_full (jm, id, 16, 0, spec);
    bed_commit_all (jm);
    jm_sched_pump (jm, 10);
}

static void named_queues (void)
{
    static const struct jm_queue_conf conf[] = {
        { "batch", NULL },
        { "debug", NULL },
        { "short", "batch" },
    };
    struct jm *jm = bed_new_jm ();
    struct queue *batch, *virtual;

    jm_sched_ready (jm, 0);
    bed_submit (jm, 1, 16);
    bed_commit_all (jm);
    ok (!jm_queues_are_named (jm) && jm_queue (jm, NULL), "first there is the anonymous");
    ok (jm_queues_configure (jm, conf, 3) == 0, "then three with names");
    ok (jm_queues_are_named (jm) && !jm_queue (jm, NULL), "and no anonymous one");
    batch = jm_queue (jm, "batch");
    virtual = jm_queue (jm, "short");
    ok (batch->enable && !jm_queue_is_started (batch), "they begin enabled and stopped");
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 1 p=16\n", "what was in a queue before stays there");
    jm_alloc_cancelled (jm, 1);
    jm_sched_pump (jm, 10);
    bed_heard_is ("", "but does not come back to it");
    bed_submit_full (jm, 2, 16, 0, "{}");
    bed_heard_is ("rejected 2: a named queue is required\n", "jobs name a queue");
    submit_to (jm, 2, "nosuch");
    bed_heard_is ("rejected 2: 'nosuch' is not a valid queue\n", "that there is");
    jm_queue_enable (jm, virtual, false, "no");
    submit_to (jm, 2, "short");
    bed_heard_is ("rejected 2: job submission to short is disabled: no\n", "and is open");
    jm_queue_enable (jm, virtual, true, NULL);
    submit_to (jm, 2, "short");
    submit_to (jm, 3, "batch");
    submit_to (jm, 4, "debug");
    bed_heard_is ("", "a stopped queue offers nothing");
    jm_queue_start (jm, virtual, true, NULL, false);
    jm_sched_pump (jm, 10);
    bed_heard_is ("", "nor does one whose parent is stopped");
    jm_queue_start (jm, batch, true, NULL, false);
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 2 p=16\nalloc 3 p=16\n",
                  "a parent is started with its children");
    jm_queue_start (jm, virtual, false, NULL, false);
    bed_heard_is ("cancel 2\n", "a child is stopped alone");
    jm_queue_start (jm, batch, false, NULL, false);
    bed_heard_is ("cancel 3\n", "a parent with its children");
    for (int id = 2; id <= 3; id++)
        jm_alloc_cancelled (jm, id);
    jm_queue_start (jm, batch, true, NULL, false);
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 3 p=16\n", "the child is still stopped itself");

    ok (jm_queues_configure (jm, conf + 1, 1) == 0, "two queues are taken out");
    bed_heard_is ("", "what they have asked for stays");
    ok (!jm_queue (jm, "batch") && jm_next_queue (jm, jm_queue (jm, "debug")) == NULL,
        "they are not there any more");
    jm_queue_start (jm, jm_queue (jm, "debug"), true, NULL, false);
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 4 p=16\n", "the other lives on");
    ok (jm_queues_configure (jm, conf, 2) == 0 && jm_queue (jm, "debug")->start
            && !jm_queue (jm, "batch")->start,
        "one that comes back begins anew, one that stays does not");
    jm_alloc_cancelled (jm, 3);
    jm_queue_start (jm, jm_queue (jm, "batch"), true, NULL, false);
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 3 p=16\n", "its old jobs are its jobs");
    ok (jm_queues_configure (jm, NULL, 0) == 0 && jm_queue (jm, NULL)->start,
        "without names there is the anonymous one again, open");
    jm_sched_pump (jm, 10);
    bed_heard_is ("alloc 1 p=16\n", "with the job it had");
    for (int id = 1; id <= 4; id++)
        bed_run_to_end (jm, id);
    bed_heard ();
    jm_destroy (jm);
}

void queues (void)
{
    queue_stop_and_start ();
    named_queues ();
}
