/* job-manager.submit (owner; from job-ingest)
 *   { "jobs":[ {"id":I "userid":i "urgency":i "t_submit":f "flags":i
 *               "jobspec":o} ] }
 *   -> { "errors":[ [id,"text"] ] }, after the commit; one for each job that
 *      was rejected
 * A malformed element fails the whole request.
 */

#include "config.h"

#include "manager.h"

static int decode_job (struct jview v, struct jm_submission *s)
{
    static const char *const keys[] = {
        "id", "userid", "urgency", "t_submit", "flags", "jobspec",
    };
    struct jview f[6];
    int64_t id, userid, urgency, flags;

    jview_pick (v, 6, keys, f);
    if (jview_int (f[0], &id) < 0 || jview_int (f[1], &userid) < 0
        || jview_int (f[2], &urgency) < 0 || jview_number (f[3], &s->t_submit) < 0
        || jview_int (f[4], &flags) < 0 || !jview_is (f[5], JVIEW_OBJECT))
        return -1;
    if (userid < 0 || userid >= FLUX_USERID_UNKNOWN || urgency < 0 || urgency > URGENCY_MAX
        || flags < 0 || flags > INT32_MAX)
        return -1;
    s->id = id;
    s->userid = userid;
    s->urgency = urgency;
    s->flags = flags;
    s->jobspec = f[5];
    return 0;
}

static bool all_well_formed (struct jview jobs)
{
    struct jm_submission s;
    struct jview v;
    struct jiter it;

    if (!jview_is (jobs, JVIEW_ARRAY))
        return false;
    jiter_init (&it, jobs);
    while (jiter_next (&it, NULL, &v)) {
        if (decode_job (v, &s) < 0)
            return false;
    }
    return true;
}

/* [id,"why"] */
static void put_error (struct text *t, uint64_t id, const struct text *why)
{
    if (t->buf[t->len - 1] != '[')
        text_putc (t, ',');
    text_printf (t, "[%lld,", (long long)id);
    text_put_json_string (t, why->buf ? why->buf : "", why->len);
    text_putc (t, ']');
}

/* What a job depends on may be still to come from the history. */
static bool depends (const flux_msg_t *msg)
{
    const char *s;

    return flux_request_decode (msg, NULL, &s) == 0 && s && strstr (s, "\"dependencies\"");
}

void submit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    _cleanup_ (text_fini) struct text errors = TEXT_INIT;
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    struct jm_submission s;
    struct jview v, jobs;
    struct jiter it;
    char *payload;

    if (m->history && depends (msg) && manager_is_late (m, msg, submit_cb))
        return;
    if (manager_decode (msg, &v) < 0 || !all_well_formed (jobs = jview_get (v, "jobs"))) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    text_puts (&errors, "{\"errors\":[");
    jiter_init (&it, jobs);
    while (!text_error (&errors) && jiter_next (&it, NULL, &v)) {
        decode_job (v, &s);
        text_clear (&why);
        if (jm_submit (m->jm, &s, &why) < 0)
            put_error (&errors, s.id, &why);
    }
    text_puts (&errors, "]}");
    if (!(payload = text_take (&errors, NULL)))
        manager_refuse (m, msg, ENOMEM, NULL);
    else
        manager_defer (m, msg, payload);
}
