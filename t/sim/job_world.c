#include "config.h"

#include "job_world.h"

struct world sim;

int sim_roll (int n)
{
    return rand_r (&sim.seed) % n;
}

void sim_broke (const char *what, int job)
{
    if (!sim.broken) {
        sim.broken = what;
        sim.broken_job = job;
    }
}

/* ---- what the engine says ------------------------------------------------------ */

double sim_now (void *arg)
{
    return sim.now += 0.001 * sim_roll (3);
}

static bool in_kvs (int id)
{
    return sim.jobs[id].kvs.len > 0;
}

static void send (struct list *to, enum request type, int id)
{
    struct message *m = calloc (1, sizeof (*m));

    m->type = type;
    m->job = id;
    list_append (to, &m->node);
}

/* Of those that wait in queues that are open it comes first. */
static void check_order (const struct job *job)
{
    for (int id = 1; id <= sim.njobs; id++) {
        const struct job *other = jm_lookup (sim.jm, id);

        if (other && other != job && other->state == STATE_SCHED
            && other->alloc == ALLOC_WAITING && jm_queue_is_started (other->queue)
            && (other->priority > job->priority
                || (other->priority == job->priority && other->id < job->id)))
            sim_broke ("another job comes before that", job->id);
    }
}

static void sim_alloc (const struct job *job, void *arg)
{
    if (!sim.sched_up)
        sim_broke ("alloc without a scheduler", job->id);
    if (!in_kvs (job->id))
        sim_broke ("alloc before the job is in the KVS", job->id);
    if (job->priority == 0)
        sim_broke ("alloc of a held job", job->id);
    check_order (job);
    send (&sim.to_sched, REQ_ALLOC, job->id);
}

static void sim_cancel (const struct job *job, void *arg)
{
    send (&sim.to_sched, REQ_CANCEL, job->id);
}

static void sim_prioritize (const struct job *job, void *arg)
{
}

void sim_check_idle (int id)
{
    const struct sjob *s = &sim.jobs[id];

    if (s->exec != 0)
        sim_broke ("resources are free while the job runs", id);
    if (s->prologs > 0 || s->epilogs > 0)
        sim_broke ("resources are free while a prolog or an epilog runs", id);
}

bool sim_take_core (int id)
{
    for (int i = 0; i < NCORES; i++) {
        if (sim.cores[i] == 0) {
            sim.cores[i] = id;
            sim.jobs[id].core = i;
            return true;
        }
    }
    return false;
}

void sim_free_core (int id)
{
    int core = sim.jobs[id].core;

    if (sim.cores[core] != id)
        sim_broke ("a core that another job has", id);
    sim.cores[core] = 0;
}

static void sim_give_back (uint64_t id, const char *R, size_t len, void *arg)
{
    if (!sim.sched_up)
        sim_broke ("resources for nobody", id);
    if (!sim.jobs[id].granted)
        sim_broke ("resources given back twice", id);
    sim_check_idle (id);
    sim.jobs[id].granted = false;
    sim_free_core (id);
}

static void sim_start (const struct job *job, void *arg)
{
    struct sjob *s = &sim.jobs[job->id];

    if (!sim.exec_up)
        sim_broke ("start without an exec service", job->id);
    if (!job->R || !job->has_resources)
        sim_broke ("start without resources", job->id);
    if (s->stores && !s->R_sent)
        sim_broke ("start before R is on its way to the KVS", job->id);
    if (s->exec != 0)
        sim_broke ("started twice", job->id);
    if (s->prologs > 0)
        sim_broke ("started before its prolog ends", job->id);
    s->exec = job->started ? 2 : 1;
}

static void sim_expiration (const struct job *job, double expiration, void *arg)
{
}

static void sim_commit_op (const struct batch_op *op, void *arg)
{
    struct op *o = calloc (1, sizeof (*o) + op->len);

    o->commit = sim.begun;
    o->kind = op->kind;
    o->job = op->id;
    if (op->kind == BATCH_R)
        sim.jobs[op->id].R_sent = true;
    o->len = op->kind == BATCH_APPEND ? op->len : 0;
    if (o->len > 0)
        memcpy (o->data, op->data, o->len);
    list_append (&sim.inflight, &o->node);
}

static void sim_deferred (void *token, void *arg)
{
    int id = (intptr_t)token;

    sim.deferred--;
    sim.jobs[id].was_told = true;
    if (!in_kvs (id))
        sim_broke ("submitter told before the job is in the KVS", id);
}

static void sim_waited (void *token, const struct job *job, const char *why, void *arg)
{
    sim.waiters--;
    if (job && job->state != STATE_INACTIVE)
        sim_broke ("waited for a job that is not over", job->id);
}

static void sim_raised (uint64_t id, const char *type, int severity, void *arg)
{
    if (strcmp (type, "dependency") != 0)
        sim_broke ("an exception that nobody asked for", id);
}

static void sim_ended (const struct job *job, void *arg)
{
    if (job->state != STATE_INACTIVE)
        sim_broke ("ended, but not over", job->id);
    sim_check_idle (job->id);
}

static void sim_unarchived (uint32_t volume, void *arg)
{
}

static void sim_log (int level, const char *message, void *arg)
{
    diag ("log: %s", message);
}

static void sim_journal (void *token, const char *payload, size_t len, void *arg)
{
    struct consumer *c = token;
    struct jview v, event;
    struct jiter it;
    int64_t id;

    if (jview_parse_object (payload, len, &v) < 0 || payload[len] != '\0'
        || jview_int (jview_get (v, "id"), &id) < 0) {
        sim_broke ("a journal message is no JSON", 0);
        return;
    }
    if (index_message (c->index, payload, len) < 0)
        sim_broke ("the job-list refuses a message", id);
    if (id == -1) {
        if (c->sentinel)
            sim_broke ("a second sentinel", 0);
        c->sentinel = true;
        return;
    }
    c->seen[id] = true;
    jiter_init (&it, jview_get (v, "events"));
    while (jiter_next (&it, NULL, &event)) {
        struct jview name = jview_get (event, "name");

        if (jview_equal (name, "submit") && !jview_present (jview_get (v, "jobspec")))
            sim_broke ("submit without jobspec", id);
        if (jview_equal (name, "alloc") && !jview_present (jview_get (v, "R")))
            sim_broke ("alloc without R", id);
        if (jview_equal (name, "annotations") || jview_equal (name, "invalidate"))
            continue;
        text_put (&c->logs[id], event.s, event.len);
        text_putc (&c->logs[id], '\n');
    }
}

const struct jm_sink sim_sink = {
    .now = sim_now,
    .journal = sim_journal,
    .alloc = sim_alloc,
    .cancel = sim_cancel,
    .prioritize = sim_prioritize,
    .give_back = sim_give_back,
    .start = sim_start,
    .expiration = sim_expiration,
    .commit_op = sim_commit_op,
    .deferred = sim_deferred,
    .waited = sim_waited,
    .raised = sim_raised,
    .ended = sim_ended,
    .unarchived = sim_unarchived,
    .log = sim_log,
};

/* ---- invariants --------------------------------------------------------------------- */

/* The job was purged: no job-list has it. */
static void check_forgotten (int id)
{
    for (int i = 0; i < MAXCONSUMERS; i++) {
        struct consumer *c = &sim.consumers[i];

        if (c->used && c->sentinel && !c->lagged && index_knows (c->index, id))
            sim_broke ("a job-list has a job that was purged", id);
    }
}

static void check_job (int id)
{
    static struct text unpacked;
    struct job *job = jm_lookup (sim.jm, id);
    struct sjob *s = &sim.jobs[id];
    struct jview log, R;

    if (!job) {
        if (!s->purged)
            sim_broke ("a job is lost", id);
        check_forgotten (id);
        return;
    }
    if (job_texts (job, &unpacked, &log, &R) < 0) {
        sim_broke ("a packed job cannot be read", id);
        return;
    }
    if (s->kvs.len > log.len
        || (s->kvs.len > 0 && memcmp (s->kvs.buf, log.s, s->kvs.len) != 0))
        sim_broke ("the KVS does not have a prefix of the log", id);
    for (int i = 0; i < MAXCONSUMERS; i++) {
        struct consumer *c = &sim.consumers[i];

        if (!c->used || !c->sentinel)
            continue;
        if (!c->seen[id] && !c->behind)
            sim_broke ("a consumer misses a job", id);
        else if (c->behind ? c->logs[id].len > log.len : c->logs[id].len != log.len)
            sim_broke ("a consumer has more or less of a log", id);
        else if (c->logs[id].len > 0
                 && memcmp (c->logs[id].buf, log.s, c->logs[id].len) != 0)
            sim_broke ("a consumer has another log", id);
    }
}

void sim_check_indexes (void)
{
    for (int i = 0; i < MAXCONSUMERS; i++) {
        struct consumer *c = &sim.consumers[i];

        if (!c->used)
            continue;
        if (!index_is_sound (c->index))
            sim_broke ("a job-list's lists or counters are wrong", 0);
        for (int id = 1; c->sentinel && !c->behind && id <= sim.njobs; id++) {
            struct job *job = sim.jobs[id].submitted ? jm_lookup (sim.jm, id) : NULL;

            if (job
                && !index_agrees (c->index, id, job->state, job->urgency, job->priority))
                sim_broke ("a job-list says something else", id);
        }
    }
}

/* Who the scheduler thinks has a core has it. */
static void check_cores (void)
{
    for (int i = 0; i < NCORES; i++) {
        int id = sim.cores[i];
        struct job *job = id ? jm_lookup (sim.jm, id) : NULL;

        if (id && !sim.jobs[id].kept && !(job && job->has_resources))
            sim_broke ("a core that nobody gives back", id);
    }
}

void sim_check_counts (void)
{
    struct jm_counts c;
    size_t active = 0, running = 0, starting = 0;

    jm_count (sim.jm, &c);
    for (int id = 1; id <= sim.njobs; id++) {
        struct job *job = jm_lookup (sim.jm, id);

        if (job) {
            active += job->state != STATE_INACTIVE;
            running += (job->state & STATE_RUNNING) != 0;
            starting += job->exec == EXEC_SENT;
        }
    }
    if (active != c.active || running != c.running
        || starting != jm_exec_outstanding (sim.jm))
        sim_broke ("the counts are wrong", 0);
    if (sim.sched_up && sim.limit > 0 && c.sent > sim.limit)
        sim_broke ("the scheduler's limit is exceeded", 0);
    if (jm_error (sim.jm) < 0)
        sim_broke ("the engine failed", 0);
    check_cores ();
}

void sim_check_all (void)
{
    struct job *job = NULL;

    for (int id = 1; id <= sim.njobs; id++) {
        if (sim.jobs[id].submitted) {
            check_job (id);
            if ((job = jm_lookup (sim.jm, id)))
                sim_check_log (job);
        }
    }
    sim_check_counts ();
    sim_check_indexes ();
}
