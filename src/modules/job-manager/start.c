/* The exec service's side of RFC 32. */

#include "config.h"

#include "engine_private.h"

bool jm_exec_start (struct jm *jm, struct job *job)
{
    if (!jm->exec_online || job->exec != EXEC_NONE || job->perilogs > 0
        || job->R_unsent)
        return false;
    job->exec = EXEC_SENT;
    jm->nstarting++;
    jm->sink->start (job, jm->arg);
    return true;
}

size_t jm_exec_outstanding (const struct jm *jm)
{
    return jm->nstarting;
}

/* Start what waits for an exec service.  A job in CLEANUP whose stream was
 * lost has nothing to expect from it any more.
 */
void jm_exec_ready (struct jm *jm)
{
    struct job *job = NULL;

    jm->exec_online = true;
    list_foreach (&jm->running, job, running)
        jm_run (jm, job);
}

/* Its jobs stay as they are; the next service is asked to take them over. */
void jm_exec_gone (struct jm *jm)
{
    static const char note[] = "{\"note\":\"disconnect\"}";
    struct job *job = NULL;

    if (!jm->exec_online)
        return;
    jm->exec_online = false;
    list_foreach (&jm->running, job, running) {
        if (job->exec != EXEC_SENT)
            continue;
        job->exec = EXEC_NONE;
        jm->nstarting--;
        if ((job->flags & JOB_DEBUG) && job->state == STATE_RUN)
            jm_fail (jm, jm_post (jm, job, "debug.start-lost",
                                  (struct jview){ note, sizeof (note) - 1 }, false));
    }
}

/* The job whose stream of replies this is. */
static struct job *exec_job (const struct jm *jm, uint64_t id)
{
    struct job *job = jm_lookup (jm, id);
    return job && job->exec == EXEC_SENT ? job : NULL;
}

int jm_exec_started (struct jm *jm, uint64_t id)
{
    struct job *job = exec_job (jm, id);

    if (!job)
        return -ENOENT;
    if (job->started)
        return -EEXIST;
    return jm_post_event (jm, job, EV_START, NULL);
}

int jm_exec_reattached (struct jm *jm, uint64_t id)
{
    struct job *job = exec_job (jm, id);

    if (!job)
        return -ENOENT;
    if (!(job->flags & JOB_DEBUG))
        return 0;
    return jm_post (jm, job, "debug.exec-reattach-finish", JVIEW_ABSENT, false);
}

int jm_exec_finish (struct jm *jm, uint64_t id, int status)
{
    _cleanup_ (text_fini) struct text context = TEXT_INIT;
    struct job *job = exec_job (jm, id);

    if (!job)
        return -ENOENT;
    if (job->finished)
        return -EEXIST;
    text_printf (&context, "{\"status\":%d}", status);
    return jm_post_event (jm, job, EV_FINISH, &context);
}

int jm_exec_release (struct jm *jm, uint64_t id, struct jview data)
{
    _cleanup_ (text_fini) struct text context = TEXT_INIT;
    struct job *job = exec_job (jm, id);
    struct jview ranks = jview_get (data, "ranks");
    bool final;

    if (!job)
        return -ENOENT;
    if (!jview_is (ranks, JVIEW_STRING)
        || jview_bool (jview_get (data, "final"), &final) < 0)
        return -EPROTO;
    text_puts (&context, "{\"ranks\":");
    jview_put (&context, ranks);
    text_puts (&context, final ? ",\"final\":true}" : ",\"final\":false}");
    if (final) {
        job->exec = EXEC_DONE;
        jm->nstarting--;
    }
    return jm_post_event (jm, job, EV_RELEASE, &context);
}

int jm_exec_exception (struct jm *jm, uint64_t id, const struct jm_exception *x)
{
    _cleanup_ (text_fini) struct text context = TEXT_INIT;
    struct job *job = exec_job (jm, id);

    if (!job)
        return -ENOENT;
    jm_write_exception (&context, x, true);
    return jm_post_event (jm, job, EV_EXCEPTION, &context);
}
