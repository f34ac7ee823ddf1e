/* t/sim/job_sim.c - the job-manager's engine in a world that does what it wants.
 *
 * Around the engine: users, a KVS whose commits take a while, a scheduler with
 * NCORES cores and an exec service that answer late, deny, fail, go away and come
 * back, plugins (prologs, epilogs, dependencies, priorities, updates, housekeeping),
 * journal consumers that come and go and pause, and restarts from what the KVS holds.  All of
 * it follows from one seed.
 *
 * After every step (logs and KVS: after every fiftieth)
 *  - each log follows RFC 21 (checked by a reader of its own)
 *  - the KVS holds a prefix of each log
 *  - each consumer past its sentinel has exactly the logs, all of them, and the
 *    job-list's index made from what it got agrees with the job-manager; one that
 *    pauses has the beginning of each
 *  - nothing is asked of scheduler or exec before the job is in the KVS
 *  - the scheduler is asked in order of priority, never has more requests than it
 *    wants, and never the same job twice
 *  - a core is granted and given back once, to one job at a time, and not while
 *    anything of that job runs
 * In the end every job is inactive, the KVS has all of every log, and every
 * waiter has been answered.
 *
 * Usage: job_sim [SEED [STEPS]]
 */

#include "config.h"
#include <time.h>

#include "job_world.h"

static struct jview view (const char *s)
{
    struct jview v = JVIEW_ABSENT;

    jview_parse (s, strlen (s), &v);
    return v;
}

/* What the next job says of itself: sometimes it depends on others.  A job that
 * waits for others has no name: of the same name, they might wait for it.
 */
static const char *some_jobspec (int id)
{
    static const char *const schemes[] = {
        "after", "afterstart", "afterany", "afterok", "afternotok", "afterexcept",
    };
    char *buf = sim.jobs[id].jobspec;
    size_t size = sizeof (sim.jobs[id].jobspec);
    bool named = sim_roll (3) == 0;
    const char *queue = "";
    char dep[128];

    if (sim_roll (10) == 0)
        return strcpy (buf, "{\"attributes\":{\"system\":{\"dependencies\":[1]}}}");
    switch (sim_roll (6)) {
        case 0:
            snprintf (dep, sizeof (dep), "{\"scheme\":\"begin-time\",\"value\":\"%.3f\"}",
                      sim.now + 0.001 * sim_roll (1000));
            break;
        case 1:
            strcpy (dep, "{\"scheme\":\"singleton\",\"value\":\"\"}");
            break;
        case 2:
        case 3:
            snprintf (dep, sizeof (dep), "{\"scheme\":\"%s\",\"value\":\"%d\"}",
                      schemes[sim_roll (ARRAY_SIZE (schemes))], 1 + sim_roll (id));
            named = false;
            break;
        default:
            dep[0] = '\0';
    }
    if (jm_queues_are_named (sim.jm) ? sim_roll (20) : sim_roll (20) == 0)
        queue = sim_roll (2) ? ",\"queue\":\"q\"" : ",\"queue\":\"v\"";
    snprintf (buf, size,
              "{\"attributes\":{\"system\":{\"dependencies\":[%s]%s%s}}}", dep, queue,
              named ? ",\"job\":{\"name\":\"n\"}" : "");
    return buf;
}

static void do_submit (void)
{
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    struct jm_submission s = {
        .id = sim.njobs + 1,
        .userid = 1 + sim_roll (2),
        .urgency = sim_roll (4) == 0 ? 0 : sim_roll (32),
        .flags = sim_roll (3) == 0 ? JOB_WAITABLE : 0,
        .t_submit = sim_now (NULL) - 0.0005,
    };

    if (sim.njobs + 1 >= MAXJOBS)
        return;
    s.jobspec = view (some_jobspec (sim.njobs + 1));
    sim.njobs++;
    if (jm_submit (sim.jm, &s, &why) < 0) {
        sim.jobs[sim.njobs].purged = true;
        return;
    }
    sim.jobs[sim.njobs].submitted = true;
    if (jm_defer (sim.jm, (void *)(intptr_t)sim.njobs) == 0)
        sim.deferred++;
}

static struct job *any_job (void)
{
    return sim.njobs > 0 ? jm_lookup (sim.jm, 1 + sim_roll (sim.njobs)) : NULL;
}

static void do_user (void)
{
    struct job *job = any_job ();
    struct jm_exception x = { "cancel", sim_roll (3) == 0 ? 0 : 5, "n", 1, -1 };
    const char *why;

    if (!job)
        return;
    switch (sim_roll (6)) {
        case 0:
            jm_raise (sim.jm, job, &x);
            break;
        case 1:
        case 2:
            if (job->state < STATE_RUN)
                jm_urgency (sim.jm, job, 1, sim_roll (32));
            break;
        case 3:
            jm_post (sim.jm, job, "memo", view ("{\"x\":{\"y\":2}}"), false);
            break;
        case 4:
            sim.waiters++;
            if (jm_wait (sim.jm, sim_roll (2) ? job->id : UINT64_MAX, job, &why) < 0)
                sim.waiters--;
            break;
        case 5:
            if (job->state == STATE_INACTIVE && sim_roll (4) == 0) {
                sim.jobs[job->id].purged = true;
                for (int i = 0; i < MAXCONSUMERS; i++)
                    index_purge (sim.consumers[i].index, job->id);
                jm_purge (sim.jm, job);
            }
            break;
    }
}

static void do_commit (void)
{
    if (jm_commit_wanted (sim.jm)) {
        sim.begun++;
        jm_commit_begin (sim.jm);
        jm_commit_sent (sim.jm);
    }
}

static void store_op (const struct op *o)
{
    struct sjob *s = &sim.jobs[o->job];

    if (o->kind == BATCH_R)
        s->R_in_kvs = true;
    else if (o->kind == BATCH_UNLINK) {
        s->unlinked = true;
        text_clear (&s->kvs);
    }
    else if (s->unlinked)
        sim_broke ("an append after the unlink", o->job);
    else
        text_put (&s->kvs, o->data, o->len);
}

/* Whoever sees in the KVS that a job has resources can see which. */
static void check_R (int id)
{
    struct sjob *s = &sim.jobs[id];

    if (s->kvs.len > 0 && s->stores && !s->R_in_kvs
        && sim_count_events (s->kvs.buf, s->kvs.len, "alloc") > 0)
        sim_broke ("an alloc event in the KVS without R", id);
}

/* The oldest in flight.  stored: the operations took place; else they are lost
 * in a crash.
 */
static void settle_commit (bool stored)
{
    struct op *o = NULL;

    sim.ended++;
    while ((o = list_first (&sim.inflight, struct op, node)) && o->commit == sim.ended) {
        list_del (&o->node);
        if (stored)
            store_op (o);
        free (o);
    }
    for (int id = 1; id <= sim.njobs; id++)
        check_R (id);
}

static void do_commit_end (void)
{
    if (sim.ended != sim.begun) {
        settle_commit (true);
        jm_commit_end (sim.jm);
    }
}

static const char *some_R (int id)
{
    static char buf[160];

    snprintf (buf, sizeof (buf),
              "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{"
              "\"core\":\"%d\"}}]},\"scheduling\":1}",
              sim.jobs[id].core);
    return buf;
}

/* The scheduler reads one message. */
static void do_sched_read (void)
{
    struct message *m = list_first (&sim.to_sched, struct message, node);
    struct sjob *s;

    if (!m || !sim.sched_up)
        return;
    list_del (&m->node);
    s = &sim.jobs[m->job];
    if (m->type == REQ_ALLOC) {
        if (s->asked || s->granted)
            sim_broke ("the scheduler is asked twice", m->job);
        s->asked = true;
    }
    else if (s->asked) {
        s->asked = false;
        if (jm_alloc_cancelled (sim.jm, m->job) < 0)
            sim_broke ("a cancellation is refused", m->job);
    }
    free (m);
}

/* It answers one of the requests it has read. */
static void do_sched_answer (void)
{
    bool denied;
    int r = 0;

    for (int id = 1 + sim_roll (sim.njobs + 1); id <= sim.njobs; id++) {
        struct sjob *s = &sim.jobs[id];

        if (!s->asked || !sim.sched_up)
            continue;
        switch (sim_roll (8)) {
            case 0:
                s->asked = false;
                r = jm_alloc_deny (sim.jm, id, "no", &denied);
                break;
            case 1:
                r = jm_alloc_annotate (sim.jm, id, view ("{\"sched\":{\"eta\":1}}"));
                break;
            default:
                if (!sim_take_core (id))
                    return;
                s->asked = false;
                s->granted = true;
                s->stores = sim_roll (2);
                s->R_sent = s->R_in_kvs = false;
                if (s->stores && (r = jm_alloc_store (sim.jm, id, view (some_R (id)))) < 0)
                    break;
                r = jm_alloc_success (sim.jm, id, view (some_R (id)),
                                      view ("{\"sched\":{\"eta\":null,\"r\":2}}"));
        }
        if (r < 0)
            sim_broke ("an answer of the scheduler is refused", id);
        return;
    }
}

static void sched_forgets (void)
{
    struct message *m = NULL;

    list_foreach (&sim.to_sched, m, node)
        free (m);
    list_init (&sim.to_sched);
    for (int id = 1; id <= sim.njobs; id++) {
        sim.jobs[id].asked = false;
        sim.jobs[id].granted = false;
    }
    memset (sim.cores, 0, sizeof (sim.cores));
}

/* Who holds resources?  Nobody else has the same. */
static void sched_hello (void)
{
    for (int id = 1; id <= sim.njobs; id++) {
        struct job *job = jm_lookup (sim.jm, id);
        struct sjob *s = &sim.jobs[id];

        s->granted = s->kept || (job && job->has_resources);
        if (!s->granted)
            continue;
        if (sim.cores[s->core] != 0)
            sim_broke ("two jobs have the same resources", id);
        sim.cores[s->core] = id;
    }
    sim.sched_greeted = true;
    jm_sched_greeted (sim.jm, true);
}

/* Of one job it is over. */
static void do_housekeeping (void)
{
    if (sim.sched_greeted)
        return;
    for (int id = 1 + sim_roll (sim.njobs + 1); id <= sim.njobs; id++) {
        if (!sim.jobs[id].kept)
            continue;
        sim.jobs[id].kept = false;
        if (sim.sched_up) {
            sim.jobs[id].granted = false;
            sim_free_core (id);
        }
        return;
    }
}

static void do_plugin (void)
{
    struct job *job = NULL;

    for (int i = 0; i < 4 && !(job = any_job ()); i++)
        ;
    if (job)
        sim_plugin_step (job);
}

static void do_sched_change (void)
{
    if (sim.sched_up) {
        sim.sched_up = false;
        jm_sched_gone (sim.jm);
        sched_forgets ();
        return;
    }
    if (!sim.sched_greeted) {
        sched_hello ();
        return;
    }
    sim.sched_greeted = false;
    if (sim_roll (4) == 0) {
        jm_sched_greeted (sim.jm, false);
        sched_forgets ();
        return;
    }
    sim.sched_up = true;
    sim.limit = sim_roll (2) ? 0 : 1 + sim_roll (5);
    jm_sched_ready (sim.jm, sim.limit);
}

static void do_exec (void)
{
    struct jm_exception x = { "exec", 0, "failed", 42, -1 };

    for (int id = 1 + sim_roll (sim.njobs + 1); id <= sim.njobs; id++) {
        struct sjob *s = &sim.jobs[id];
        int r = 0;

        if (s->exec == 0 || !sim.exec_up)
            continue;
        if (s->exec == 1) {
            r = jm_exec_started (sim.jm, id);
            s->exec = 2;
        }
        else if (s->exec == 2 && sim_roll (8) == 0)
            r = jm_exec_exception (sim.jm, id, &x);
        else if (s->exec == 2) {
            s->exec = 3;
            if ((r = jm_exec_finish (sim.jm, id, sim_roll (2) * 256)) == -EEXIST)
                r = 0; /* it was taken over after its finish */
        }
        else {
            s->exec = 0;
            r = jm_exec_release (sim.jm, id, view ("{\"ranks\":\"all\",\"final\":true}"));
        }
        if (r < 0)
            sim_broke ("an answer of the exec service is refused", id);
        return;
    }
}

static void do_exec_change (void)
{
    sim.exec_up = !sim.exec_up;
    for (int id = 1; id <= sim.njobs; id++)
        sim.jobs[id].exec = 0;
    if (sim.exec_up)
        jm_exec_ready (sim.jm);
    else
        jm_exec_gone (sim.jm);
}

static void drop_consumer (struct consumer *c)
{
    if (c->used)
        jm_journal_remove (sim.jm, c);
    index_free (c->index);
    for (int id = 0; id < MAXJOBS; id++)
        text_fini (&c->logs[id]);
    memset (c, 0, sizeof (*c));
}

static void do_journal (void)
{
    struct consumer *c = &sim.consumers[sim_roll (MAXCONSUMERS)];

    if (c->used)
        drop_consumer (c);
    else {
        c->used = true;
        c->index = index_new ();
        jm_journal_add (sim.jm, c, true, sim_roll (2), JVIEW_ABSENT, JVIEW_ABSENT);
    }
}

/* Its consumer does not read, or does again. */
static void do_journal_pause (void)
{
    struct consumer *c = &sim.consumers[sim_roll (MAXCONSUMERS)];

    if (!c->used)
        return;
    c->paused = !c->paused;
    if (c->paused) {
        c->behind = true;
        c->lagged = c->lagged || c->sentinel;
    }
    jm_journal_pause (sim.jm, c, c->paused);
}

static bool do_journal_pump (size_t bytes)
{
    if (jm_journal_pump (sim.jm, bytes))
        return true;
    for (int i = 0; i < MAXCONSUMERS; i++)
        sim.consumers[i].behind = sim.consumers[i].paused;
    return false;
}

/* Stop or start one, or configure others: their jobs come and go with them. */
static void do_queue (void)
{
    static const struct jm_queue_conf named[] = { { "q", NULL }, { "v", "q" } };
    struct queue *q = NULL;

    if (sim_roll (8) == 0)
        jm_queues_configure (sim.jm, named, sim_roll (3));
    for (int n = sim_roll (2); n >= 0; n--) {
        if (!(q = jm_next_queue (sim.jm, q)))
            q = jm_next_queue (sim.jm, NULL);
    }
    jm_queue_start (sim.jm, q, sim_roll (2), "because", false);
}

/* The manager ends, orderly or not, and starts from what the KVS has. */
static void do_restart (void)
{
    bool orderly = sim_roll (2);
    _cleanup_ (text_fini) struct text why = TEXT_INIT;

    for (int i = 0; i < MAXCONSUMERS; i++)
        drop_consumer (&sim.consumers[i]);
    if (orderly) {
        while (sim.ended != sim.begun)
            do_commit_end ();
        while (jm_commit_wanted (sim.jm)) {
            do_commit ();
            do_commit_end ();
        }
    }
    else {
        int lost = sim_roll (2 + sim.begun - sim.ended);

        while (sim.ended != sim.begun)
            settle_commit ((int)(sim.begun - sim.ended) > lost);
    }
    sim.now += 1.; /* it takes a while */
    sim.waiters = 0;
    sim.deferred = 0;
    jm_destroy (sim.jm);
    sim.sched_up = sim.sched_greeted = sim.exec_up = false;
    sched_forgets ();
    sim.jm = jm_create (&sim_sink, NULL, 42);
    jm_set_hooks (sim.jm, &sim_hooks, NULL);
    for (int id = 1; id <= sim.njobs; id++) {
        struct sjob *s = &sim.jobs[id];

        s->exec = s->prologs = s->epilogs = s->undecided = 0;
        s->kept = false;
        if (s->kvs.len == 0 && s->submitted) {
            if (s->was_told && !s->unlinked)
                sim_broke ("a job that was told of is not in the KVS", id);
            s->submitted = false; /* never stored: as if it had not been */
            continue;
        }
        if (s->kvs.len == 0)
            continue;
        s->purged = false; /* or its purge was not stored */
        if (sim_count_events (s->kvs.buf, s->kvs.len, "validate") == 0) {
            /* the rest of it was lost: set aside, as the service does */
            s->submitted = false;
            text_clear (&s->kvs);
            s->unlinked = true;
            continue;
        }
        if (jm_restore (sim.jm, id, s->kvs.buf, s->kvs.len, view (s->jobspec),
                        sim_count_events (s->kvs.buf, s->kvs.len, "alloc")
                            ? view (some_R (id))
                            : JVIEW_ABSENT,
                        &why)
            < 0) {
            diag ("restore: %s", why.buf);
            sim_broke ("a job cannot be restored", id);
        }
    }
    jm_restore_finish (sim.jm, 0, false);
}

static void step (void)
{
    int r = sim_roll (1100);

    if (r >= 1060)
        do_plugin ();
    else if (r >= 1020)
        do_housekeeping ();
    else if (r >= 1000)
        jm_later_pump (sim.jm, 1 + sim_roll (3));
    else if (r < 150)
        do_submit ();
    else if (r < 300)
        do_user ();
    else if (r < 450)
        do_commit ();
    else if (r < 600)
        do_commit_end ();
    else if (r < 680)
        do_sched_read ();
    else if (r < 760)
        do_sched_answer ();
    else if (r < 870)
        do_exec ();
    else if (r < 930)
        jm_sched_pump (sim.jm, 1 + sim_roll (5));
    else if (r < 945)
        jm_depend_pump (sim.jm, 1 + sim_roll (3));
    else if (r < 966)
        do_journal_pump (sim_roll (1 << (8 + sim_roll (12))));
    else if (r < 970)
        do_journal_pause ();
    else if (r < 980)
        do_sched_change ();
    else if (r < 985)
        do_exec_change ();
    else if (r < 993)
        do_journal ();
    else if (r < 998)
        do_queue ();
    else
        do_restart ();
}

/* Either those with names or the anonymous one. */
static void open_queues (bool named)
{
    static const struct jm_queue_conf conf[] = { { "q", NULL }, { "v", "q" } };
    struct queue *q = NULL;

    jm_queues_configure (sim.jm, conf, named ? 2 : 0);
    while ((q = jm_next_queue (sim.jm, q)))
        jm_queue_start (sim.jm, q, true, NULL, false);
}

/* A job that waits for one that is no longer known waits for ever. */
static bool is_stuck (const struct job *job)
{
    return job->state == STATE_DEPEND
           && (!job->ties || list_empty (&job->ties->own))
           && !jm_dependency_is (job, "plugin", false)
           && !jm_dependency_is (job, "late", false);
}

/* Everybody does their duty until nothing is left to do. */
static void finish (void)
{
    struct jm_exception cancel = { "cancel", 0, "stuck", 1, -1 };
    struct job *job = NULL, *stuck = NULL;
    bool all_named = false;
    struct jm_counts c;

    while (!sim.sched_up)
        do_sched_change ();
    if (!sim.exec_up)
        do_exec_change ();
    open_queues (all_named);
    for (int i = 0; i < 400000 && !sim.broken; i++) {
        do_commit ();
        do_commit_end ();
        if (i % 100 == 0) {
            for (job = jm_next_active (sim.jm, NULL); job;
                 job = jm_next_active (sim.jm, job)) {
                if (is_stuck (job))
                    stuck = job;
                if (job->urgency == 0 && job->state == STATE_SCHED)
                    jm_urgency (sim.jm, job, 1, 16);
            }
        }
        if (stuck)
            jm_raise (sim.jm, stuck, &cancel);
        stuck = NULL;
        for (int id = 1 + i % 64; id <= sim.njobs; id += 64) {
            if ((job = jm_lookup (sim.jm, id)))
                sim_plugin_finish (job);
        }
        jm_later_pump (sim.jm, 100);
        do_housekeeping ();
        jm_depend_pump (sim.jm, 100);
        if (i % 1000 == 999)
            open_queues (all_named = !all_named);
        jm_sched_pump (sim.jm, 100);
        do_sched_read ();
        do_sched_answer ();
        do_exec ();
        jm_count (sim.jm, &c);
        if (c.active == 0 && !jm_commit_wanted (sim.jm))
            break;
    }
    for (int i = 0; i < MAXCONSUMERS; i++) {
        sim.consumers[i].paused = false;
        jm_journal_pause (sim.jm, &sim.consumers[i], false);
    }
    while (do_journal_pump (1 << 20))
        ;
    jm_count (sim.jm, &c);
    if (c.active > 0)
        sim_broke ("a job never ends", jm_next_active (sim.jm, NULL)->id);
    if (sim.deferred > 0)
        sim_broke ("a submitter has no answer", 0);
    if (sim.waiters > 0)
        sim_broke ("a waiter has no answer", 0);
    sim_check_all ();
    for (int id = 1; id <= sim.njobs; id++) {
        if ((job = jm_lookup (sim.jm, id)) && sim.jobs[id].kvs.len != job->loglen)
            sim_broke ("the KVS has not all of a log", id);
    }
}

static void clean_up (void)
{
    for (int i = 0; i < MAXCONSUMERS; i++)
        drop_consumer (&sim.consumers[i]);
    jm_destroy (sim.jm);
    settle_commit (false);
    sched_forgets ();
    for (int id = 0; id < MAXJOBS; id++)
        text_fini (&sim.jobs[id].kvs);
}

static void simulate (unsigned int seed, int steps)
{
    int n;

    memset (&sim, 0, sizeof (sim));
    sim.seed = seed;
    sim.now = 1e9;
    list_init (&sim.to_sched);
    list_init (&sim.inflight);
    sim.jm = jm_create (&sim_sink, NULL, 42);
    jm_set_hooks (sim.jm, &sim_hooks, NULL);
    for (n = 0; n < steps && !sim.broken; n++) {
        step ();
        if (n % 50 == 0)
            sim_check_all ();
        else {
            sim_check_counts ();
            sim_check_indexes ();
        }
    }
    if (!sim.broken)
        finish ();
    ok (!sim.broken, "seed %u: %d steps, %d jobs", seed, n, sim.njobs);
    if (sim.broken)
        diag ("after step %d, job %d: %s", n, sim.broken_job, sim.broken);
    clean_up ();
}

int main (int argc, char *argv[])
{
    int steps = argc > 2 ? atoi (argv[2]) : 4000;

    if (argc > 1)
        simulate (strtoul (argv[1], NULL, 10), steps);
    else {
        for (unsigned int seed = 1; seed <= 20; seed++)
            simulate (seed, steps);
        simulate (time (NULL), steps);
    }
    return done_testing ();
}
