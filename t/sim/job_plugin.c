/* What plugins do to jobs: prologs and epilogs, dependencies of their own,
 * priorities that come late, updates, flags, housekeeping.
 */

#include "config.h"

#include "job_world.h"

static struct jview view (const char *s)
{
    struct jview v = JVIEW_ABSENT;

    jview_parse (s, strlen (s), &v);
    return v;
}

/* Inside a hook it takes place after it, so that this cannot tell. */
static int post (struct job *job, const char *name, const char *context)
{
    return jm_post (sim.jm, job, name, context ? view (context) : JVIEW_ABSENT, false);
}

static int outstanding (const struct job *job, const char *start, const char *finish)
{
    return job->log ? sim_count_events (job->log, job->loglen, start)
                          - sim_count_events (job->log, job->loglen, finish)
                    : 0;
}

/* ---- hooks ------------------------------------------------------------------------- */

static int hook_submitted (struct job *job, struct text *why, void *arg)
{
    switch (sim_roll (12)) {
        case 0:
            text_puts (why, "no");
            return -EINVAL;
        case 1:
            post (job, "dependency-add", "{\"description\":\"plugin\"}");
            break;
        case 2:
            post (job, "jobspec-update", "{\"attributes.system.duration\":60.0}");
            break;
        case 3:
            post (job, "set-flags", "{\"flags\":[\"debug\"]}");
            break;
    }
    return 0;
}

static int hook_dependency (struct job *job,
                            struct jview dependency,
                            bool known,
                            struct text *why,
                            void *arg)
{
    return -ENOENT;
}

static void hook_job (struct job *job, void *arg)
{
}

/* Nobody remembers for the plugin what it has begun: the log does. */
static void hook_restored (struct job *job, void *arg)
{
    sim.jobs[job->id].prologs = outstanding (job, "prolog-start", "prolog-finish");
    sim.jobs[job->id].epilogs = outstanding (job, "epilog-start", "epilog-finish");
}

static void start_prolog (struct job *job)
{
    if (post (job, "prolog-start", "{\"description\":\"p\"}") == 0)
        sim.jobs[job->id].prologs++;
}

static void start_epilog (struct job *job)
{
    if (post (job, "epilog-start", "{\"description\":\"e\"}") == 0)
        sim.jobs[job->id].epilogs++;
}

static void hook_event (struct job *job,
                        const struct entry *e,
                        const char *line,
                        size_t len,
                        enum job_state before,
                        void *arg)
{
    if (job->state == STATE_DEPEND && before == STATE_NEW && sim_roll (10) == 0)
        post (job, "dependency-add", "{\"description\":\"late\"}");
    if (job->state == STATE_RUN && before == STATE_SCHED) {
        for (int n = sim_roll (6); n > 3; n--)
            start_prolog (job);
    }
    if (job->state == STATE_CLEANUP && before == STATE_RUN) {
        for (int n = sim_roll (6); n > 3; n--)
            start_epilog (job);
    }
}

static bool hook_priority (struct job *job, int64_t *priority, void *arg)
{
    struct sjob *s = &sim.jobs[job->id];

    if (s->undecided == 0 && sim_roll (10) == 0)
        s->undecided = 1 + sim_roll (3);
    if (s->undecided > 1) {
        s->undecided--;
        return false;
    }
    s->undecided = 0;
    *priority = 100 * job->urgency + sim_roll (100);
    return true;
}

/* Housekeeping takes over what the job had. */
static bool hook_keep (const struct job *job, void *arg)
{
    struct sjob *s = &sim.jobs[job->id];

    sim_check_idle (job->id);
    if (sim_roll (4) > 0)
        return false;
    s->kept = true;
    return true;
}

static void hook_purged (const struct job *job, void *arg)
{
}

const struct jm_hooks sim_hooks = {
    .submitted = hook_submitted,
    .dependency = hook_dependency,
    .refused = hook_job,
    .accepted = hook_job,
    .restored = hook_restored,
    .event = hook_event,
    .priority = hook_priority,
    .keep = hook_keep,
    .ended = hook_job,
    .purged = hook_purged,
};

/* ---- what they do later ---------------------------------------------------------------- */

static void end_prolog (struct job *job)
{
    struct jm_exception x = { "prolog", 0, "failed", 42, -1 };

    if (sim_roll (5) == 0)
        jm_raise (sim.jm, job, &x);
    sim.jobs[job->id].prologs--;
    if (post (job, "prolog-finish", "{\"description\":\"p\",\"status\":0}") < 0)
        sim_broke ("a prolog cannot end", job->id);
}

static void end_epilog (struct job *job)
{
    sim.jobs[job->id].epilogs--;
    if (post (job, "epilog-finish", "{\"description\":\"e\",\"status\":0}") < 0)
        sim_broke ("an epilog cannot end", job->id);
}

static void update (struct job *job)
{
    switch (sim_roll (5)) {
        case 0:
            if (job->state < STATE_RUN)
                post (job, "jobspec-update", "{\"attributes.system.duration\":5.5}");
            break;
        case 1:
            if (job->state == STATE_RUN)
                post (job, "resource-update", "{\"expiration\":2e9}");
            break;
        case 2:
            post (job, "set-flags", "{\"flags\":[\"immutable\"]}");
            break;
        case 3:
            jm_reprioritize (sim.jm, job, sim_roll (5000));
            break;
        case 4:
            jm_priority_again (sim.jm, job);
            break;
    }
}

void sim_plugin_step (struct job *job)
{
    struct sjob *s = &sim.jobs[job->id];

    if (job->state == STATE_INACTIVE)
        return;
    if (s->prologs > 0)
        end_prolog (job);
    else if (s->epilogs > 0)
        end_epilog (job);
    else if (jm_dependency_is (job, "plugin", false) && job->state == STATE_DEPEND)
        post (job, "dependency-remove", "{\"description\":\"plugin\"}");
    else if (jm_dependency_is (job, "late", false) && job->state == STATE_DEPEND)
        post (job, "dependency-remove", "{\"description\":\"late\"}");
    else
        update (job);
}

/* So that all comes to an end. */
void sim_plugin_finish (struct job *job)
{
    struct sjob *s = &sim.jobs[job->id];

    s->undecided = 0;
    if (job->state == STATE_PRIORITY)
        jm_priority_again (sim.jm, job);
    if (s->prologs > 0 || s->epilogs > 0 || job->state == STATE_DEPEND)
        sim_plugin_step (job);
}
