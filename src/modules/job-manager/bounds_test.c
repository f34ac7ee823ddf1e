/* How many may wait: what comes beyond that is refused, at once.
 *
 * The module's handle is a loop: what it sends, requests and answers alike, is read
 * here.  Nothing is served, so nothing of what waits ends meanwhile.
 */

#include "config.h"

#include <flux/core.h>

#include "common/tap.h"

#include "restart.h"

static flux_t *h;

static struct manager *new_manager (struct manager *m)
{
    *m = (struct manager){ .h = h };
    list_init (&m->sweeps);
    if (!(m->jm = jm_create (&manager_sink, m, 1)))
        bail_out ("out of memory");
    return m;
}

/* One that is from somebody: it has a route. */
static flux_msg_t *request (const char *topic)
{
    flux_msg_t *msg = flux_request_encode (topic, "{\"id\":7}");

    if (!msg || flux_msg_route_push (msg, "somebody") < 0)
        bail_out ("no request");
    return msg;
}

/* The next response that came out; "" if there is none. */
static const char *answer (void)
{
    static char buf[128];
    flux_msg_t *msg = flux_recv (h, FLUX_MATCH_RESPONSE, FLUX_O_NONBLOCK);
    const char *topic = "?", *text = "";
    int errnum = 0;

    if (!msg)
        return "";
    flux_msg_get_topic (msg, &topic);
    flux_msg_get_errnum (msg, &errnum);
    flux_msg_get_string (msg, &text);
    snprintf (buf, sizeof (buf), "%s: %d %s", topic, errnum, text ? text : "");
    flux_msg_destroy (msg);
    return buf;
}

static int acted;

static int act (struct manager *m, struct job *job, const struct manager_sweep *what)
{
    acted++;
    return 0;
}

static void requests_for_all_jobs (void)
{
    enum { MOST = 1024 };
    const struct manager_sweep what = { .userid = 1, .states = 62, .act = act };
    flux_msg_t *msg = request ("job-manager.raiseall");
    struct manager m;

    new_manager (&m);
    for (int i = 0; i < MOST; i++)
        manager_sweep (&m, msg, &what);
    is (answer (), "", "so many requests for all jobs wait for their turn");
    manager_sweep (&m, msg, &what);
    is (answer (), "job-manager.raiseall: 11 too many requests for all jobs",
        "one more is told to try again");
    ok (!manager_sweep_pump (&m, 1), "without jobs all are done at once");
    for (int i = 0; i < MOST; i++) {
        if (strcmp (answer (), "job-manager.raiseall: 0 {\"count\":0,\"errors\":0}") != 0)
            bail_out ("answer %d is another", i);
    }
    is (answer (), "", "each is answered once");
    manager_sweep (&m, msg, &what);
    is (answer (), "", "and there is room again");
    manager_sweep_fini (&m);
    is (answer (), "job-manager.raiseall: 38 job-manager is unloading",
        "one that has not ended when the module does is told so");
    is_int (acted, 0, "there was no job");
    jm_destroy (m.jm);
    flux_msg_destroy (msg);
}

static void no_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
}

static void requests_while_the_history_is_read (void)
{
    enum { MOST = 65536 };
    flux_msg_t *msg = request ("job-manager.getattr");
    struct manager m;
    int n = 0;

    new_manager (&m);
    ok (!manager_is_late (&m, msg, no_cb), "without a history nothing is late");
    if (history_start (&m, 100) < 0)
        bail_out ("history_start");
    for (int i = 0; i < MOST; i++)
        n += manager_job_is_late (&m, msg, no_cb);
    is_int (n, MOST, "so many requests wait for jobs that may be on their way");
    is (answer (), "", "without an answer");
    ok (manager_job_is_late (&m, msg, no_cb), "one more is taken care of too");
    is (answer (), "job-manager.getattr: 11 job-manager is still reading its history",
        "by being told to try again");
    manager_history_fini (&m);
    for (n = 0; strcmp (answer (), "job-manager.getattr: 38 job-manager is unloading") == 0;)
        n++;
    is_int (n, MOST, "all that wait when the module ends are told so");
    jm_destroy (m.jm);
    flux_msg_destroy (msg);
}

int main (void)
{
    if (!(h = flux_open ("loop://", 0)))
        bail_out ("no loop");
    requests_for_all_jobs ();
    requests_while_the_history_is_read ();
    flux_close (h);
    return done_testing ();
}
