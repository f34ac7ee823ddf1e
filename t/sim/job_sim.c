/* t/sim/job_sim.c - the job-manager's engine in a world that does what it wants.
 *
 * Around the engine: users, a KVS whose commits take a while, a scheduler and
 * an exec service that answer late, deny, fail, go away and come back, journal
 * consumers that come and go, and restarts from what the KVS holds.  All of it
 * follows from one seed.
 *
 * After every step
 *  - each log follows RFC 21 (checked by a reader of its own)
 *  - the KVS holds a prefix of each log
 *  - each consumer past its sentinel has exactly the logs, all of them, and the
 *    job-list's index made from what it got agrees with the job-manager
 *  - nothing is asked of scheduler or exec before the job is in the KVS
 *  - the scheduler never has more requests than it wants, and never the same
 *    job twice; resources are granted and given back once
 * In the end every job is inactive, the KVS has all of every log, and every
 * waiter has been answered.
 *
 * Usage: job_sim [SEED [STEPS]]
 */

#include "config.h"
#include <stdio.h>
#include <time.h>

#include "common/tap.h"
#include "modules/job-manager/engine.h"

#include "index.h"

#define MAXJOBS 4000
#define MAXCONSUMERS 4

enum request { REQ_ALLOC, REQ_CANCEL };

struct message {
    struct list node;
    enum request type;
    int job;
};

struct sjob {
    bool submitted; /* accepted */
    bool purged;
    bool was_told;  /* the submitter knows its id */
    struct text kvs;
    bool unlinked;
    /* at the scheduler */
    bool asked;
    bool granted; /* holds resources, as the scheduler sees it */
    /* at the exec service */
    int exec; /* 0 none, 1 asked, 2 started, 3 finished */
};

struct consumer {
    bool used;
    bool sentinel;
    struct index *index; /* what a job-list makes of it */
    struct text logs[MAXJOBS];
    bool seen[MAXJOBS];
};

struct op {
    struct list node;
    int job;
    size_t len;
    char data[];
};

struct world {
    struct jm *jm;
    unsigned int seed;
    double now;
    int njobs;
    struct sjob jobs[MAXJOBS];
    struct list to_sched;
    bool sched_up;
    unsigned int limit;
    bool exec_up;
    struct list inflight; /* struct op */
    bool committing;
    struct consumer consumers[MAXCONSUMERS];
    int waiters; /* tokens out */
    int deferred;
    const char *broken; /* what went wrong, where */
    int broken_job;
};

static struct world w;

static int roll (int n)
{
    return rand_r (&w.seed) % n;
}

static void broke (const char *what, int job)
{
    if (!w.broken) {
        w.broken = what;
        w.broken_job = job;
    }
}

/* ---- what the engine says ------------------------------------------------------ */

static double sim_now (void *arg)
{
    return w.now += 0.001 * roll (3);
}

static bool in_kvs (int id)
{
    return w.jobs[id].kvs.len > 0;
}

static void send (struct list *to, enum request type, int id)
{
    struct message *m = calloc (1, sizeof (*m));

    m->type = type;
    m->job = id;
    list_append (to, &m->node);
}

static void sim_alloc (const struct job *job, void *arg)
{
    if (!w.sched_up)
        broke ("alloc without a scheduler", job->id);
    if (!in_kvs (job->id))
        broke ("alloc before the job is in the KVS", job->id);
    if (job->priority == 0)
        broke ("alloc of a held job", job->id);
    send (&w.to_sched, REQ_ALLOC, job->id);
}

static void sim_cancel (const struct job *job, void *arg)
{
    send (&w.to_sched, REQ_CANCEL, job->id);
}

static void sim_prioritize (const struct job *job, void *arg)
{
}

static void sim_give_back (uint64_t id, const char *R, size_t len, void *arg)
{
    if (!w.sched_up)
        broke ("resources for nobody", id);
    if (!w.jobs[id].granted)
        broke ("resources given back twice", id);
    w.jobs[id].granted = false;
}

static void sim_start (const struct job *job, void *arg)
{
    struct sjob *s = &w.jobs[job->id];

    if (!w.exec_up)
        broke ("start without an exec service", job->id);
    if (!job->R || !job->has_resources)
        broke ("start without resources", job->id);
    if (s->exec != 0)
        broke ("started twice", job->id);
    s->exec = job->started ? 2 : 1;
}

static void sim_expiration (const struct job *job, double expiration, void *arg)
{
}

static void sim_commit_op (const struct batch_op *op, void *arg)
{
    struct op *o = calloc (1, sizeof (*o) + op->len);

    o->job = op->id;
    o->len = op->kind == BATCH_APPEND ? op->len : 0;
    if (o->len > 0)
        memcpy (o->data, op->data, o->len);
    list_append (&w.inflight, &o->node);
}

static void sim_deferred (void *token, void *arg)
{
    int id = (intptr_t)token;

    w.deferred--;
    w.jobs[id].was_told = true;
    if (!in_kvs (id))
        broke ("submitter told before the job is in the KVS", id);
}

static void sim_waited (void *token, const struct job *job, const char *why, void *arg)
{
    w.waiters--;
    if (job && job->state != STATE_INACTIVE)
        broke ("waited for a job that is not over", job->id);
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
        broke ("a journal message is no JSON", 0);
        return;
    }
    if (index_message (c->index, payload, len) < 0)
        broke ("the job-list refuses a message", id);
    if (id == -1) {
        if (c->sentinel)
            broke ("a second sentinel", 0);
        c->sentinel = true;
        return;
    }
    c->seen[id] = true;
    jiter_init (&it, jview_get (v, "events"));
    while (jiter_next (&it, NULL, &event)) {
        struct jview name = jview_get (event, "name");

        if (jview_equal (name, "submit") && !jview_present (jview_get (v, "jobspec")))
            broke ("submit without jobspec", id);
        if (jview_equal (name, "alloc") && !jview_present (jview_get (v, "R")))
            broke ("alloc without R", id);
        if (jview_equal (name, "annotations") || jview_equal (name, "invalidate"))
            continue;
        text_put (&c->logs[id], event.s, event.len);
        text_putc (&c->logs[id], '\n');
    }
}

static const struct jm_sink sink = {
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
    .log = sim_log,
};

/* ---- RFC 21, read independently --------------------------------------------------- */

static int count_of (const char *log, size_t len, const char *name)
{
    char needle[64];
    const char *p = log;
    int n = 0;

    snprintf (needle, sizeof (needle), "\"name\":\"%s\"", name);
    while ((p = memmem (p, log + len - p, needle, strlen (needle)))) {
        n++;
        p += strlen (needle);
    }
    return n;
}

static bool one_letter (const char *name, size_t len, bool fatal, char *letter)
{
    static const struct {
        const char *name;
        char letter;
    } letters[] = {
        { "submit", 'S' },  { "validate", 'v' }, { "depend", 'd' },  { "priority", 'p' },
        { "urgency", 'u' }, { "alloc", 'a' },    { "start", 's' },   { "finish", 'f' },
        { "release", 'r' }, { "free", 'F' },     { "clean", 'C' },   { "exception", 'x' },
        { "memo", 0 },      { "flux-restart", 'R' },
    };

    for (size_t i = 0; i < ARRAY_SIZE (letters); i++) {
        if (strlen (letters[i].name) == len && memcmp (letters[i].name, name, len) == 0) {
            *letter = letters[i].letter == 'x' ? (fatal ? 'X' : 0) : letters[i].letter;
            return true;
        }
    }
    return false;
}

/* The letters a log may have next, by what it had last. */
static bool may_follow (char last, char next, bool over, const char *had)
{
    if (next == 'X' || next == 'u')
        return last != 0;
    if (strchr ("SvdasfFC", next) && strchr (had, next))
        return false;
    if (strchr (had, 'C'))
        return false;
    switch (next) {
        case 'S':
            return last == 0;
        case 'v':
            return last == 'S';
        case 'd':
            return strchr (had, 'v') && !over;
        case 'p':
            return strchr (had, 'd') && !strchr (had, 'a') && !over;
        case 'R':
            return strchr (had, 'p') && !strchr (had, 'a') && !over;
        case 'a':
            return strchr (had, 'p') && !over;
        case 's':
            return strchr (had, 'a') && !strchr (had, 'F');
        case 'f':
        case 'r':
            return strchr (had, 's') && !strchr (had, 'F');
        case 'F':
            return strchr (had, 'a') && over;
        case 'C':
            return over && (!strchr (had, 'a') || strchr (had, 'F'));
    }
    return false;
}

static void check_log (const struct job *job)
{
    char had[512] = "";
    size_t n = 0;
    const char *p = job->log, *next;
    char last = 0, letter;
    bool over = false;
    double t = -1.;
    struct entry e;

    for (; p < job->log + job->loglen; p = next) {
        if (entry_parse (&e, p, job->log + job->loglen - p, &next) < 0
            || !one_letter (e.name, e.namelen, e.severity == 0, &letter)) {
            broke ("a strange event", job->id);
            return;
        }
        if (e.timestamp <= t)
            broke ("time does not go on", job->id);
        t = e.timestamp;
        if (letter == 0)
            continue;
        if (!may_follow (last, letter, over, had)) {
            diag ("job %d: %s then %c", (int)job->id, had, letter);
            broke ("an event out of order", job->id);
        }
        over = over || letter == 'X' || letter == 'f';
        last = letter;
        if (n < sizeof (had) - 1)
            had[n++] = letter;
    }
    if ((last == 'C') != (job->state == STATE_INACTIVE))
        broke ("inactive is not the same as clean", job->id);
}

/* ---- invariants --------------------------------------------------------------------- */

static void check_job (int id)
{
    struct job *job = jm_lookup (w.jm, id);
    struct sjob *s = &w.jobs[id];

    if (!job) {
        if (!s->purged)
            broke ("a job is lost", id);
        return;
    }
    if (s->kvs.len > job->loglen
        || (s->kvs.len > 0 && memcmp (s->kvs.buf, job->log, s->kvs.len) != 0))
        broke ("the KVS does not have a prefix of the log", id);
    for (int i = 0; i < MAXCONSUMERS; i++) {
        struct consumer *c = &w.consumers[i];

        if (!c->used || !c->sentinel)
            continue;
        if (!c->seen[id])
            broke ("a consumer misses a job", id);
        else if (c->logs[id].len != job->loglen
                 || memcmp (c->logs[id].buf, job->log, job->loglen) != 0)
            broke ("a consumer has another log", id);
        else if (!index_agrees (c->index, id, job->state, job->urgency, job->priority))
            broke ("a job-list says something else", id);
    }
}

static void check_indexes (void)
{
    for (int i = 0; i < MAXCONSUMERS; i++) {
        struct consumer *c = &w.consumers[i];

        if (c->used && !index_is_sound (c->index))
            broke ("a job-list's lists or counters are wrong", 0);
    }
}

static void check_counts (void)
{
    struct jm_counts c;
    size_t active = 0, running = 0, starting = 0;

    jm_count (w.jm, &c);
    for (int id = 1; id <= w.njobs; id++) {
        struct job *job = jm_lookup (w.jm, id);

        if (job) {
            active += job->state != STATE_INACTIVE;
            running += (job->state & STATE_RUNNING) != 0;
            starting += job->exec == EXEC_SENT;
        }
    }
    if (active != c.active || running != c.running || starting != jm_exec_outstanding (w.jm))
        broke ("the counts are wrong", 0);
    if (w.sched_up && w.limit > 0 && c.sent > w.limit)
        broke ("the scheduler's limit is exceeded", 0);
    if (jm_error (w.jm) < 0)
        broke ("the engine failed", 0);
}

static void check_all (void)
{
    struct job *job = NULL;

    for (int id = 1; id <= w.njobs; id++) {
        if (w.jobs[id].submitted) {
            check_job (id);
            if ((job = jm_lookup (w.jm, id)))
                check_log (job);
        }
    }
    check_counts ();
    check_indexes ();
}

/* ---- what the world does --------------------------------------------------------------- */

static struct jview view (const char *s)
{
    struct jview v = JVIEW_ABSENT;

    jview_parse (s, strlen (s), &v);
    return v;
}

static void do_submit (void)
{
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    struct jm_submission s = {
        .id = w.njobs + 1,
        .userid = 1 + roll (3),
        .urgency = roll (4) == 0 ? 0 : roll (32),
        .flags = roll (3) == 0 ? JOB_WAITABLE : 0,
        .t_submit = sim_now (NULL) - 0.0005,
        .jobspec = view (roll (10) ? "{\"a\":1}"
                                   : "{\"attributes\":{\"system\":{\"dependencies\":[1]}}}"),
    };

    if (w.njobs + 1 >= MAXJOBS)
        return;
    w.njobs++;
    if (jm_submit (w.jm, &s, &why) < 0) {
        w.jobs[w.njobs].purged = true;
        return;
    }
    w.jobs[w.njobs].submitted = true;
    if (jm_defer (w.jm, (void *)(intptr_t)w.njobs) == 0)
        w.deferred++;
}

static struct job *any_job (void)
{
    return w.njobs > 0 ? jm_lookup (w.jm, 1 + roll (w.njobs)) : NULL;
}

static void do_user (void)
{
    struct job *job = any_job ();
    struct jm_exception x = { "cancel", roll (3) == 0 ? 0 : 5, "n", 1, -1 };
    const char *why;

    if (!job)
        return;
    switch (roll (6)) {
        case 0:
            jm_raise (w.jm, job, &x);
            break;
        case 1:
        case 2:
            if (job->state < STATE_RUN)
                jm_urgency (w.jm, job, 1, roll (32));
            break;
        case 3:
            jm_post (w.jm, job, "memo", view ("{\"x\":{\"y\":2}}"), false);
            break;
        case 4:
            w.waiters++;
            if (jm_wait (w.jm, roll (2) ? job->id : UINT64_MAX, job, &why) < 0)
                w.waiters--;
            break;
        case 5:
            if (job->state == STATE_INACTIVE && roll (4) == 0) {
                w.jobs[job->id].purged = true;
                for (int i = 0; i < MAXCONSUMERS; i++)
                    index_purge (w.consumers[i].index, job->id);
                jm_purge (w.jm, job);
            }
            break;
    }
}

static void do_commit (void)
{
    if (!w.committing && jm_commit_wanted (w.jm)) {
        jm_commit_begin (w.jm);
        w.committing = true;
    }
}

/* stored: the operations took place; else they are lost in a crash. */
static void settle_commit (bool stored)
{
    struct op *o = NULL;

    list_foreach (&w.inflight, o, node) {
        struct sjob *s = &w.jobs[o->job];

        list_del (&o->node);
        if (stored) {
            if (o->len == 0) {
                s->unlinked = true;
                text_clear (&s->kvs);
            }
            else if (s->unlinked)
                broke ("an append after the unlink", o->job);
            else
                text_put (&s->kvs, o->data, o->len);
        }
        free (o);
    }
    w.committing = false;
}

static void do_commit_end (void)
{
    if (w.committing) {
        settle_commit (true);
        jm_commit_end (w.jm);
    }
}

static const char *some_R (void)
{
    return "{\"version\":1,\"execution\":{\"R_lite\":[]},\"scheduling\":1}";
}

/* The scheduler reads one message. */
static void do_sched_read (void)
{
    struct message *m = list_first (&w.to_sched, struct message, node);
    struct sjob *s;

    if (!m || !w.sched_up)
        return;
    list_del (&m->node);
    s = &w.jobs[m->job];
    if (m->type == REQ_ALLOC) {
        if (s->asked || s->granted)
            broke ("the scheduler is asked twice", m->job);
        s->asked = true;
    }
    else if (s->asked) {
        s->asked = false;
        if (jm_alloc_cancelled (w.jm, m->job) < 0)
            broke ("a cancellation is refused", m->job);
    }
    free (m);
}

/* It answers one of the requests it has read. */
static void do_sched_answer (void)
{
    bool denied;
    int r = 0;

    for (int id = 1 + roll (w.njobs + 1); id <= w.njobs; id++) {
        struct sjob *s = &w.jobs[id];

        if (!s->asked || !w.sched_up)
            continue;
        switch (roll (8)) {
            case 0:
                s->asked = false;
                r = jm_alloc_deny (w.jm, id, "no", &denied);
                break;
            case 1:
                r = jm_alloc_annotate (w.jm, id, view ("{\"sched\":{\"eta\":1}}"));
                break;
            default:
                s->asked = false;
                s->granted = true;
                r = jm_alloc_success (w.jm, id, view (some_R ()),
                                      view ("{\"sched\":{\"eta\":null,\"r\":2}}"));
        }
        if (r < 0)
            broke ("an answer of the scheduler is refused", id);
        return;
    }
}

static void sched_forgets (void)
{
    struct message *m = NULL;

    list_foreach (&w.to_sched, m, node)
        free (m);
    list_init (&w.to_sched);
    for (int id = 1; id <= w.njobs; id++) {
        w.jobs[id].asked = false;
        w.jobs[id].granted = false;
    }
}

static void do_sched_change (void)
{
    struct job *job = NULL;

    if (w.sched_up) {
        w.sched_up = false;
        jm_sched_gone (w.jm);
        sched_forgets ();
        return;
    }
    /* hello: who holds resources? */
    while ((job = jm_next_running (w.jm, job)))
        w.jobs[job->id].granted = job->has_resources;
    w.sched_up = true;
    w.limit = roll (2) ? 0 : 1 + roll (5);
    jm_sched_ready (w.jm, w.limit);
}

static void do_exec (void)
{
    struct jm_exception x = { "exec", 0, "failed", 42, -1 };

    for (int id = 1 + roll (w.njobs + 1); id <= w.njobs; id++) {
        struct sjob *s = &w.jobs[id];
        int r = 0;

        if (s->exec == 0 || !w.exec_up)
            continue;
        if (s->exec == 1) {
            r = jm_exec_started (w.jm, id);
            s->exec = 2;
        }
        else if (s->exec == 2 && roll (8) == 0)
            r = jm_exec_exception (w.jm, id, &x);
        else if (s->exec == 2) {
            s->exec = 3;
            if ((r = jm_exec_finish (w.jm, id, roll (2) * 256)) == -EEXIST)
                r = 0; /* it was taken over after its finish */
        }
        else {
            s->exec = 0;
            r = jm_exec_release (w.jm, id, view ("{\"ranks\":\"all\",\"final\":true}"));
        }
        if (r < 0)
            broke ("an answer of the exec service is refused", id);
        return;
    }
}

static void do_exec_change (void)
{
    w.exec_up = !w.exec_up;
    for (int id = 1; id <= w.njobs; id++)
        w.jobs[id].exec = 0;
    if (w.exec_up)
        jm_exec_ready (w.jm);
    else
        jm_exec_gone (w.jm);
}

static void drop_consumer (struct consumer *c)
{
    if (c->used)
        jm_journal_remove (w.jm, c);
    index_free (c->index);
    for (int id = 0; id < MAXJOBS; id++)
        text_fini (&c->logs[id]);
    memset (c, 0, sizeof (*c));
}

static void do_journal (void)
{
    struct consumer *c = &w.consumers[roll (MAXCONSUMERS)];

    if (c->used)
        drop_consumer (c);
    else {
        c->used = true;
        c->index = index_new ();
        jm_journal_add (w.jm, c, true, JVIEW_ABSENT, JVIEW_ABSENT);
    }
}

static void do_queue (void)
{
    jm_queue_start (w.jm, roll (2), "because", false);
}

/* The manager ends, orderly or not, and starts from what the KVS has. */
static void do_restart (void)
{
    bool orderly = roll (2);
    _cleanup_ (text_fini) struct text why = TEXT_INIT;

    for (int i = 0; i < MAXCONSUMERS; i++)
        drop_consumer (&w.consumers[i]);
    if (orderly) {
        do_commit_end ();
        while (jm_commit_wanted (w.jm)) {
            do_commit ();
            do_commit_end ();
        }
    }
    else
        settle_commit (roll (2));
    w.waiters = 0;
    w.deferred = 0;
    jm_destroy (w.jm);
    w.sched_up = w.exec_up = false;
    sched_forgets ();
    w.jm = jm_create (&sink, NULL, 42);
    for (int id = 1; id <= w.njobs; id++) {
        struct sjob *s = &w.jobs[id];

        s->exec = 0;
        if (s->kvs.len == 0 && s->submitted) {
            if (s->was_told && !s->unlinked)
                broke ("a job that was told of is not in the KVS", id);
            s->submitted = false; /* never stored: as if it had not been */
            continue;
        }
        if (s->kvs.len == 0)
            continue;
        s->purged = false; /* or its purge was not stored */
        if (count_of (s->kvs.buf, s->kvs.len, "validate") == 0) {
            /* the rest of it was lost: set aside, as the service does */
            s->submitted = false;
            text_clear (&s->kvs);
            s->unlinked = true;
            continue;
        }
        if (jm_restore (w.jm, id, s->kvs.buf, s->kvs.len, view ("{\"a\":1}"),
                        count_of (s->kvs.buf, s->kvs.len, "alloc") ? view (some_R ())
                                                                   : JVIEW_ABSENT,
                        &why)
            < 0) {
            diag ("restore: %s", why.buf);
            broke ("a job cannot be restored", id);
        }
    }
    jm_restore_finish (w.jm, 0);
}

static void step (void)
{
    int r = roll (1000);

    if (r < 150)
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
        jm_sched_pump (w.jm, 1 + roll (5));
    else if (r < 970)
        jm_journal_pump (w.jm, roll (2000));
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

/* Everybody does their duty until nothing is left to do. */
static void finish (void)
{
    struct job *job = NULL;
    struct jm_counts c;

    if (!w.sched_up)
        do_sched_change ();
    if (!w.exec_up)
        do_exec_change ();
    jm_queue_start (w.jm, true, NULL, false);
    for (int i = 0; i < 200000 && !w.broken; i++) {
        do_commit ();
        do_commit_end ();
        if (i % 100 == 0) {
            for (job = jm_next_active (w.jm, NULL); job; job = jm_next_active (w.jm, job)) {
                if (job->urgency == 0 && job->state == STATE_SCHED)
                    jm_urgency (w.jm, job, 1, 16);
            }
        }
        jm_sched_pump (w.jm, 100);
        do_sched_read ();
        do_sched_answer ();
        do_exec ();
        jm_count (w.jm, &c);
        if (c.active == 0 && !jm_commit_wanted (w.jm))
            break;
    }
    while (jm_journal_pump (w.jm, 1 << 20))
        ;
    jm_count (w.jm, &c);
    if (c.active > 0)
        broke ("a job never ends", jm_next_active (w.jm, NULL)->id);
    if (w.deferred > 0)
        broke ("a submitter has no answer", 0);
    if (w.waiters > 0)
        broke ("a waiter has no answer", 0);
    check_all ();
    for (int id = 1; id <= w.njobs; id++) {
        if ((job = jm_lookup (w.jm, id)) && w.jobs[id].kvs.len != job->loglen)
            broke ("the KVS has not all of a log", id);
    }
}

static void clean_up (void)
{
    for (int i = 0; i < MAXCONSUMERS; i++)
        drop_consumer (&w.consumers[i]);
    jm_destroy (w.jm);
    settle_commit (false);
    sched_forgets ();
    for (int id = 0; id < MAXJOBS; id++)
        text_fini (&w.jobs[id].kvs);
}

static void simulate (unsigned int seed, int steps)
{
    int n;

    memset (&w, 0, sizeof (w));
    w.seed = seed;
    w.now = 1e9;
    list_init (&w.to_sched);
    list_init (&w.inflight);
    w.jm = jm_create (&sink, NULL, 42);
    for (n = 0; n < steps && !w.broken; n++) {
        step ();
        if (n % 50 == 0)
            check_all ();
        else
            check_counts ();
    }
    if (!w.broken)
        finish ();
    ok (!w.broken, "seed %u: %d steps, %d jobs", seed, n, w.njobs);
    if (w.broken)
        diag ("after step %d, job %d: %s", n, w.broken_job, w.broken);
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
