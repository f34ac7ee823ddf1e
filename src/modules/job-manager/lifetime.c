/* How long the instance has to live: "expiration" of resource.R, which is watched.
 *
 * A job that would outlive it is refused (.validate-duration).  When it changes,
 * jobs that run as long as the instance does get a new expiration.
 */

#include "config.h"

#include "common/fsd.h"
#include "common/jview.h"

#include "manager.h"

static double expiration_in (const char *s)
{
    struct jview R;
    double expiration = 0.;

    if (!s || jview_parse_object (s, strlen (s), &R) < 0
        || jview_number (jview_path (R, "execution.expiration"), &expiration) < 0
        || expiration < 0.)
        return 0.;
    return expiration;
}

static double duration_in (const char *s, size_t len)
{
    struct jview jobspec = { s, len };
    double duration = 0.;

    if (jview_number (jview_path (jobspec, "attributes.system.duration"), &duration) < 0)
        return 0.;
    return duration;
}

/* ---- jobs that run ----------------------------------------------------------------- */

/* Does it end with the instance? */
static bool has_no_end_of_its_own (const struct job *job)
{
    struct jview R = job->R ? (struct jview){ job->R->s, job->R->len } : JVIEW_ABSENT;
    double expiration;

    return job->state == STATE_RUN
           && jview_number (jview_path (R, "execution.expiration"), &expiration) == 0
           && expiration >= 0. && duration_in (job->jobspec->s, job->jobspec->len) == 0.;
}

/* Running jobs stay where they are in the list: their state does not change. */
static void adjust_jobs (struct manager *m)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct job *job = NULL;

    text_puts (&t, "{\"expiration\":");
    text_put_real (&t, m->instance_expiration);
    text_putc (&t, '}');
    while (text_error (&t) == 0 && (job = jm_next_running (m->jm, job))) {
        if (has_no_end_of_its_own (job)
            && jm_post (m->jm, job, "resource-update", (struct jview){ t.buf, t.len },
                        false)
                   < 0)
            flux_log (m->h, LOG_ERR, "job %ju: its expiration cannot be changed",
                      (uintmax_t)job->id);
    }
}

/* ---- watching ----------------------------------------------------------------------- */

/* Seconds between two attempts while nobody watches it for us: kvs-watch is loaded
 * again, or not there at all.  Each is twice that before, up to the second.
 */
#define RETRY_FIRST 0.5
#define RETRY_MOST 60.

static void lifetime_continuation (flux_future_t *f, void *arg);

static int watch (struct manager *m)
{
    flux_future_destroy (m->lifetime);
    m->lifetime =
        flux_kvs_lookup (m->h, NULL, FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE, "resource.R");
    if (!m->lifetime || flux_future_then (m->lifetime, -1., lifetime_continuation, m) < 0)
        return -1;
    return 0;
}

static void watch_later (struct manager *m)
{
    flux_timer_watcher_reset (m->lifetime_retry, m->lifetime_delay, 0.);
    flux_watcher_start (m->lifetime_retry);
    m->lifetime_delay *= 2.;
    if (m->lifetime_delay > RETRY_MOST)
        m->lifetime_delay = RETRY_MOST;
}

static void retry_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct manager *m = arg;

    if (watch (m) < 0) {
        flux_log_error (m->h, "resource.R is not watched");
        watch_later (m);
    }
}

static void lifetime_continuation (flux_future_t *f, void *arg)
{
    struct manager *m = arg;
    bool first = !m->lifetime_known;
    double before = m->instance_expiration;
    const char *s;

    if (flux_kvs_lookup_get (f, &s) < 0) {
        flux_log (m->h, LOG_DEBUG, "resource.R is not watched: %s",
                  future_strerror (f, errno));
        watch_later (m);
        return;
    }
    m->lifetime_delay = RETRY_FIRST;
    m->lifetime_known = true;
    m->instance_expiration = expiration_in (s);
    flux_future_reset (f);
    if (!first && m->instance_expiration != before)
        adjust_jobs (m);
}

int manager_lifetime_init (struct manager *m)
{
    m->lifetime_delay = RETRY_FIRST;
    m->lifetime_retry =
        flux_timer_watcher_create (flux_get_reactor (m->h), 0., 0., retry_cb, m);
    return m->lifetime_retry ? watch (m) : -1;
}

void manager_lifetime_fini (struct manager *m)
{
    if (m->lifetime)
        flux_kvs_lookup_cancel (m->lifetime);
    flux_future_destroy (move_ptr (m->lifetime));
    flux_watcher_destroy (move_ptr (m->lifetime_retry));
}

/* ---- jobs that are submitted --------------------------------------------------------- */

int manager_check_lifetime (struct manager *m,
                            const char *jobspec,
                            size_t len,
                            struct text *why)
{
    double duration, remaining;
    char asked[FSD_BUFSIZE] = "?", left[FSD_BUFSIZE] = "?";

    if (m->instance_expiration <= 0. || !manager_builtin_lifetime (m))
        return 0;
    duration = duration_in (jobspec, len);
    remaining = m->instance_expiration - manager_sink.now (m);
    if (duration <= 0. || duration <= remaining)
        return 0;
    fsd_format (asked, sizeof (asked), duration);
    fsd_format (left, sizeof (left), remaining > 0. ? remaining : 0.);
    text_printf (why, "job duration (%s) exceeds remaining instance lifetime (%s)", asked,
                 left);
    return -EINVAL;
}
