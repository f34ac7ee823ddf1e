/* housekeeping.h, and
 *
 * job-manager.housekeeping-kill (owner)
 *   { "signum":i "jobid"?:I "ranks"?:idset } -> empty
 */

#include "config.h"
#include <signal.h>
#include <stdio.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "common/errprintf.h"
#include "common/fluid.h"
#include "common/fsd.h"
#include "common/jwords.h"
#include "common/rset.h"

#include "housekeeping.h"

/* ---- configuration ------------------------------------------------------------------- */

/* Without a command the IMP runs one, if there is an IMP. */
static int default_command (const flux_conf_t *conf, json_t **command, flux_error_t *error)
{
    const char *imp = NULL;

    if (flux_conf_unpack (conf, NULL, "{s?{s?s}}", "exec", "imp", &imp) < 0 || !imp)
        return errprintf (error, "job-manager.housekeeping implies IMP but exec.imp is "
                                 "undefined");
    *command = json_pack ("[s s s]", imp, "run", "housekeeping");
    return *command ? 0 : errprintf (error, "out of memory");
}

int manager_housekeeping_parse (const flux_conf_t *conf,
                                struct manager_housekeeping *ret,
                                flux_error_t *error)
{
    json_t *table = NULL, *command = NULL, *first_error, *unit = NULL;
    const char *release_after = NULL;
    double seconds = -1.;
    json_error_t e;
    flux_error_t fe;

    if (flux_conf_unpack (conf, &fe, "{s?{s?o}}", "job-manager", "housekeeping", &table)
        < 0)
        return errprintf (error, "job-manager.housekeeping: %s", fe.text);
    if (table) {
        if (json_unpack_ex (table, &e, 0, "{s?o s?s s?o s?o !}", "command", &command,
                            "release-after", &release_after, "exit-on-first-error",
                            &first_error, "use-systemd-unit", &unit)
            < 0)
            return errprintf (error, "job-manager.housekeeping: %s", e.text);
        if (release_after && fsd_parse (release_after, &seconds) < 0)
            return errprintf (error,
                              "job-manager.housekeeping.release-after: invalid FSD");
        if (command && !jwords_command (command))
            return errprintf (error, "job-manager.housekeeping.command must be an array of "
                                     "strings");
        if (!command && default_command (conf, &command, error) < 0)
            return -1;
        else if (json_object_get (table, "command"))
            json_incref (command);
    }
    *ret = (struct manager_housekeeping){ command, seconds, unit != NULL };
    return 0;
}

/* ---- records ----------------------------------------------------------------------------- */

static void hk_free (struct housekeeping *hk)
{
    if (!hk)
        return;
    list_del (&hk->node);
    runner_free (hk->runner);
    flux_watcher_destroy (hk->timer);
    rset_free (hk->R);
    idset_destroy (hk->pending);
    idset_destroy (hk->ready);
    idset_destroy (hk->given);
    idset_destroy (hk->failed);
    free (hk);
}

static struct housekeeping *hk_new (struct manager *m, const struct job *job)
{
    struct housekeeping *hk = calloc (1, sizeof (*hk));

    if (!hk)
        return NULL;
    list_init (&hk->node);
    hk->m = m;
    hk->id = job->id;
    hk->priority = job->priority;
    hk->userid = job->userid;
    hk->t_submit = job->t_submit;
    hk->t_start = manager_sink.now (m);
    if (rset_parse_text (job->R->s, job->R->len, &hk->R, NULL) < 0
        || !(hk->pending = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(hk->ready = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(hk->given = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(hk->failed = idset_create (0, IDSET_FLAG_AUTOGROW))) {
        hk_free (hk);
        return NULL;
    }
    return hk;
}

/* ---- texts -------------------------------------------------------------------------------- */

static const char *host_of (const struct housekeeping *hk, uint32_t rank)
{
    for (size_t i = 0; i < rset_nnodes (hk->R); i++) {
        if (rset_rank_at (hk->R, i) == rank)
            return rset_host_at (hk->R, i) ? rset_host_at (hk->R, i) : "?";
    }
    return "?";
}

static const char *name_of (const struct housekeeping *hk, char *buf, size_t size)
{
    return fluid_encode (buf, size, hk->id, FLUID_F58) < 0 ? "?" : buf;
}

/* HOSTS (rank RANKS) */
static void put_where (struct text *t, const struct housekeeping *hk,
                       const struct idset *ranks)
{
    struct rset *some = NULL;
    char *s = idset_encode (ranks, IDSET_FLAG_RANGE);

    if (rset_subset (hk->R, ranks, &some) == 0)
        rset_nodelist (some, t);
    text_printf (t, " (rank %s)", s ? s : "?");
    rset_free (some);
    free (s);
}

static void tell_failure (const struct housekeeping *hk)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    char id[FLUID_BUFSIZE];

    if (hk->failure == 0)
        return;
    put_where (&t, hk, hk->failed);
    flux_log (hk->m->h, LOG_ERR, "housekeeping: %s %s: %s", t.buf ? t.buf : "",
              name_of (hk, id, sizeof (id)),
              hk->failure < 0    ? "multiple failure modes"
              : hk->failure == 1 ? "nonzero exit code"
                                 : strsignal (hk->failure - 1));
}

/* ---- giving back ------------------------------------------------------------------------------ */

int housekeeping_held (const struct housekeeping *hk, struct rset **R)
{
    struct idset *ranks = idset_union (hk->pending, hk->ready);
    int r;

    if (!ranks)
        return -ENOMEM;
    r = rset_subset (hk->R, ranks, R);
    idset_destroy (ranks);
    if (r == 0) {
        rset_set_times (*R, 0., 0.);
        rset_set_nslots (*R, 0);
        rset_set_scheduling (*R, NULL);
    }
    return r;
}

/* sched.free of all ranks that are ready. */
static void give_back (struct housekeeping *hk, bool final)
{
    struct manager *m = hk->m;
    struct text *t = &m->scratch;
    struct rset *R = NULL;

    if (jm_sched_online (m->jm) && rset_subset (hk->R, hk->ready, &R) == 0) {
        rset_set_times (R, 0., 0.);
        rset_set_nslots (R, 0);
        rset_set_scheduling (R, NULL);
        text_clear (t);
        text_printf (t, "{\"id\":%lld,\"R\":", (long long)hk->id);
        rset_encode (R, t);
        text_puts (t, final ? ",\"final\":true}" : ",\"final\":false}");
        if (text_error (t) < 0 || manager_send_request (m, "sched.free", t->buf) < 0)
            manager_fail (m, "sending sched.free");
        text_clear (t);
    }
    rset_free (R);
    idset_add (hk->given, hk->ready);
    idset_subtract (hk->ready, hk->given);
}

void housekeeping_release (struct housekeeping *hk)
{
    bool final = idset_empty (hk->pending);
    char id[FLUID_BUFSIZE];

    if (hk->m->sched_greeted) /* it has been told that they are taken */
        return;
    if ((final || hk->trickle) && !idset_empty (hk->ready))
        give_back (hk, final);
    if (final) {
        tell_failure (hk);
        flux_log (hk->m->h, LOG_DEBUG, "housekeeping: %s complete",
                  name_of (hk, id, sizeof (id)));
        if (hk->timer)
            flux_watcher_stop (hk->timer);
        list_del (&hk->node);
        list_append (&hk->m->housekept, &hk->node);
    }
}

void manager_housekeeping_pump (struct manager *m)
{
    struct housekeeping *hk;

    while ((hk = list_first (&m->housekept, struct housekeeping, node)))
        hk_free (hk);
}

void manager_housekeeping_release (struct manager *m)
{
    struct housekeeping *hk = NULL;

    list_foreach (&m->housekeeping, hk, node)
        housekeeping_release (hk);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct housekeeping *hk = arg;

    hk->trickle = true;
    housekeeping_release (hk);
}

/* ---- the command ------------------------------------------------------------------------------ */

static void output_cb (const struct runner_rank *r, bool is_stderr, const char *line,
                       void *arg)
{
    struct housekeeping *hk = arg;
    char id[FLUID_BUFSIZE];

    flux_log (hk->m->h, is_stderr ? LOG_ERR : LOG_INFO, "housekeeping: %s (rank %u) %s: %s",
              host_of (hk, r->rank), r->rank, name_of (hk, id, sizeof (id)), line);
}

static void note_failure (struct housekeeping *hk, const struct runner_rank *r)
{
    int failure = WIFSIGNALED (r->status) ? WTERMSIG (r->status) + 1 : 1;

    if (r->status == 0)
        return;
    if (r->why)
        output_cb (r, true, r->why, hk);
    hk->failure = hk->failure == 0 || hk->failure == failure ? failure : -1;
    idset_set (hk->failed, r->rank);
}

static void done_cb (const struct runner_rank *r, void *arg)
{
    struct housekeeping *hk = arg;
    double after = hk->m->housekeeping_release_after;

    note_failure (hk, r);
    idset_clear (hk->pending, r->rank);
    idset_set (hk->ready, r->rank);
    if (after == 0.)
        hk->trickle = true;
    else if (after > 0. && !hk->timer
             && (hk->timer = flux_timer_watcher_create (flux_get_reactor (hk->m->h), after,
                                                        0., timer_cb, hk)))
        flux_watcher_start (hk->timer);
    housekeeping_release (hk);
}

static const struct runner_ops runner_ops = { .output = output_cb, .done = done_cb };

static json_t *make_env (const struct housekeeping *hk, const struct idset *ranks)
{
    char *s = idset_encode (ranks, IDSET_FLAG_RANGE);
    char id[32], userid[32];
    json_t *env;

    snprintf (id, sizeof (id), "%llu", (unsigned long long)hk->id);
    snprintf (userid, sizeof (userid), "%lu", (unsigned long)hk->userid);
    env = json_pack ("{s:s s:s s:s}", "FLUX_JOB_ID", id, "FLUX_JOB_USERID", userid,
                     "FLUX_JOB_RANKS", s ? s : "");
    free (s);
    return env;
}

static int start (struct housekeeping *hk)
{
    json_t *env;
    int rc = 0;

    for (size_t i = 0; i < rset_nnodes (hk->R); i++)
        idset_set (hk->pending, rset_rank_at (hk->R, i));
    if (!(hk->runner = runner_new (hk->m->h, &runner_ops, hk))
        || !(env = make_env (hk, hk->pending)))
        return -1;
    for (size_t i = 0; rc == 0 && i < rset_nnodes (hk->R); i++)
        rc = runner_start (hk->runner, rset_rank_at (hk->R, i),
                           hk->m->housekeeping_command, env);
    json_decref (env);
    return rc;
}

bool manager_housekeeping_take (struct manager *m, const struct job *job)
{
    struct housekeeping *hk;
    char id[FLUID_BUFSIZE];

    if (!m->housekeeping_command)
        return false;
    if (!(hk = hk_new (m, job)) || rset_nnodes (hk->R) == 0 || start (hk) < 0) {
        flux_log_error (m->h, "housekeeping: cannot be done");
        hk_free (hk);
        return false;
    }
    list_append (&m->housekeeping, &hk->node);
    flux_log (m->h, LOG_DEBUG, "housekeeping: %s started", name_of (hk, id, sizeof (id)));
    return true;
}

void manager_housekeeping_fini (struct manager *m)
{
    struct housekeeping *hk;

    manager_housekeeping_pump (m);
    while ((hk = list_first (&m->housekeeping, struct housekeeping, node)))
        hk_free (hk);
    json_decref (move_ptr (m->housekeeping_command));
}

/* ---- what others are told ----------------------------------------------------------------------- */

static void drop (struct housekeeping *hk)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    char id[FLUID_BUFSIZE];

    put_where (&t, hk, hk->pending);
    flux_log (hk->m->h, LOG_ERR,
              "housekeeping: %s from %s will be terminated because scheduler does not "
              "support restart with partially released resources",
              t.buf ? t.buf : "", name_of (hk, id, sizeof (id)));
    runner_kill_all (hk->runner, SIGTERM);
    list_del (&hk->node);
    hk_free (hk);
}

void manager_housekeeping_hello (struct manager *m, const flux_msg_t *msg, bool partial_ok)
{
    struct text *t = &m->scratch;
    struct housekeeping *hk = NULL;

    list_foreach (&m->housekeeping, hk, node) {
        if (!idset_empty (hk->given) && !partial_ok) {
            drop (hk);
            continue;
        }
        text_clear (t);
        text_printf (t, "{\"id\":%lld,\"priority\":%lld,\"userid\":%lu,\"t_submit\":",
                     (long long)hk->id, (long long)hk->priority,
                     (unsigned long)hk->userid);
        text_put_real (t, hk->t_submit);
        if (!idset_empty (hk->given)) {
            char *s = idset_encode (hk->given, IDSET_FLAG_RANGE);

            text_printf (t, ",\"free\":\"%s\"", s ? s : "");
            free (s);
        }
        text_putc (t, '}');
        manager_respond_text (m, msg, t);
    }
}

int manager_housekeeping_add (struct manager *m, struct rset **sum)
{
    struct housekeeping *hk = NULL;
    int r = 0;

    list_foreach (&m->housekeeping, hk, node) {
        struct rset *held = NULL, *both = NULL;

        if (r == 0 && (r = housekeeping_held (hk, &held)) == 0
            && (r = rset_union (*sum, held, &both)) == 0) {
            rset_free (*sum);
            *sum = both;
        }
        rset_free (held);
    }
    return r;
}

static void put_ranks (struct text *t, const struct idset *ids)
{
    char *s = idset_encode (ids, IDSET_FLAG_RANGE);

    text_put_json_string (t, s ? s : "", s ? strlen (s) : 0);
    free (s);
}

/* The words with blanks between them. */
static void put_command (struct text *t, json_t *command)
{
    _cleanup_ (text_fini) struct text line = TEXT_INIT;
    json_t *word;
    size_t i;

    json_array_foreach (command, i, word)
    {
        if (i > 0)
            text_putc (&line, ' ');
        text_puts (&line, json_string_value (word));
    }
    text_put_json_string (t, line.buf ? line.buf : "", line.len);
}

void manager_housekeeping_stats (struct manager *m, struct text *t)
{
    struct housekeeping *hk = NULL;
    bool first = true;

    text_puts (t, "{\"running\":{");
    list_foreach (&m->housekeeping, hk, node) {
        struct idset *held = idset_union (hk->pending, hk->ready);
        char id[FLUID_BUFSIZE];

        name_of (hk, id, sizeof (id));
        if (!first)
            text_putc (t, ',');
        first = false;
        text_put_json_string (t, id, strlen (id));
        text_puts (t, ":{\"t_start\":");
        text_put_real (t, hk->t_start);
        text_puts (t, ",\"pending\":");
        put_ranks (t, hk->pending);
        text_puts (t, ",\"allocated\":");
        put_ranks (t, held);
        text_putc (t, '}');
        idset_destroy (held);
    }
    text_puts (t, "},\"config\":{\"release-after\":");
    text_put_real (t, m->housekeeping_release_after);
    text_puts (t, ",\"command\":");
    put_command (t, m->housekeeping_command);
    text_puts (t, "}}");
}

/* ---- kill ------------------------------------------------------------------------------------------ */

void housekeeping_kill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct manager *m = arg;
    json_int_t jobid = -1;
    const char *ranks = NULL;
    struct housekeeping *hk = NULL;
    struct runner_rank *r = NULL;
    struct idset *ids = NULL;
    idset_error_t error;
    int signum;

    if (flux_request_unpack (msg, NULL, "{s:i s?I s?s}", "signum", &signum, "jobid", &jobid,
                             "ranks", &ranks)
        < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (ranks && !(ids = idset_decode_ex (ranks, -1, 0, IDSET_FLAG_AUTOGROW, &error))) {
        manager_refuse (m, msg, EINVAL, error.text);
        return;
    }
    list_foreach (&m->housekeeping, hk, node) {
        if (jobid != -1 && hk->id != (uint64_t)jobid)
            continue;
        list_foreach (&hk->runner->ranks, r, node) {
            if (!ids || idset_test (ids, r->rank))
                runner_kill (hk->runner, r->rank, signum);
        }
    }
    idset_destroy (ids);
    manager_respond (m, msg);
}
