#include "config.h"
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

#include "attach_status.h"
#include "cmd.h"

struct attach_status {
    flux_t *h;
    flux_jobid_t id;
    const char *name;
    double t0; /* of the first event, 0 before it */
    const char *message; /* NULL before the first event */
    bool waiting;        /* for resources: the queue may be stopped */
    bool frozen;         /* a fatal exception: the line stays as it is */
    bool shown;
    bool ended;
    int prologs; /* started, not finished */
    flux_watcher_t *timer;

    double check_interval;
    double last_check;
    char *queue; /* NULL: not known yet; "": the anonymous one */
    bool queue_stopped;
    flux_future_t *query; /* one at a time */
};

static void tick_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

static bool wanted (bool forced)
{
    if (getenv ("FLUX_ATTACH_NONINTERACTIVE"))
        return false;
    return forced
           || (isatty (STDIN_FILENO) && isatty (STDOUT_FILENO) && isatty (STDERR_FILENO));
}

struct attach_status *attach_status_create (flux_t *h,
                                            flux_jobid_t id,
                                            const char *name,
                                            bool forced,
                                            double queue_check_interval)
{
    struct attach_status *st;

    if (!wanted (forced))
        return NULL;
    if (!(st = calloc (1, sizeof (*st))))
        cmd_die ("out of memory");
    st->h = h;
    st->id = id;
    st->name = name;
    st->check_interval = queue_check_interval;
    st->timer = flux_timer_watcher_create (flux_get_reactor (h), forced ? 0. : 2., 1.,
                                           tick_cb, st);
    if (!st->timer)
        cmd_die ("timer: %s", flux_strerror (errno));
    flux_watcher_unref (st->timer);
    flux_watcher_start (st->timer);
    return st;
}

void attach_status_destroy (struct attach_status *st)
{
    if (st) {
        if (st->shown && !st->ended)
            fputc ('\n', stderr);
        flux_watcher_destroy (st->timer);
        flux_future_destroy (st->query);
        free (st->queue);
        free (st);
    }
}

/* -- the line -- */

static int field_width (const struct attach_status *st)
{
    struct winsize w;
    int columns =
        ioctl (STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
    int width = columns - 20 - (int)strlen (st->name);

    return width > 0 ? width : 0;
}

static void draw (struct attach_status *st)
{
    long elapsed = st->t0 > 0 ? (long)(flux_reactor_time () - st->t0) : 0;
    char buf[128];

    if (elapsed < 0)
        elapsed = 0;
    snprintf (buf, sizeof (buf), "%s", st->message);
    if (st->waiting && st->queue_stopped) {
        snprintf (buf, sizeof (buf), "%s (%s queue stopped)", st->message,
                  *st->queue ? st->queue : "default");
    }
    fflush (stdout);
    fprintf (stderr, "\rflux-job: %s %-*s %02ld:%02ld:%02ld\r", st->name, field_width (st),
             buf, elapsed / 3600, elapsed / 60 % 60, elapsed % 60);
}

static void refresh (struct attach_status *st)
{
    if (st->shown && !st->frozen && !st->ended && st->message)
        draw (st);
}

void attach_status_clear (struct attach_status *st)
{
    if (st && st->shown && !st->ended)
        fputs ("\r\033[K", stderr);
}

static void end (struct attach_status *st)
{
    if (st->shown)
        fputc ('\n', stderr);
    st->ended = true;
    flux_watcher_stop (st->timer);
}

/* -- is the queue stopped? -- */

static void queue_cb (flux_future_t *f, void *arg)
{
    struct attach_status *st = arg;
    const char *queue = "";
    int start = 1;

    if (!st->queue) {
        if (flux_rpc_get_unpack (f, "{s:{s?s}}", "job", "queue", &queue) == 0)
            st->queue = strdup (queue);
        st->last_check = 0; /* go on at the next tick */
    }
    else if (flux_rpc_get_unpack (f, "{s:b}", "start", &start) == 0)
        st->queue_stopped = !start;
    flux_future_destroy (f);
    st->query = NULL;
    refresh (st);
}

static void check_queue (struct attach_status *st)
{
    double now = flux_reactor_time ();

    if (!st->waiting || !st->shown || st->query || st->ended
        || now - st->last_check < st->check_interval)
        return;
    st->last_check = now;
    if (!st->queue)
        st->query = flux_job_list_id (st->h, st->id, "[\"queue\"]");
    else {
        st->query = flux_rpc_pack (st->h, "job-manager.queue-status", FLUX_NODEID_ANY, 0,
                                   "{s:s*}", "name", *st->queue ? st->queue : NULL);
    }
    if (!st->query || flux_future_then (st->query, -1., queue_cb, st) < 0)
        cmd_die ("queue status: %s", flux_strerror (errno));
}

static void tick_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct attach_status *st = arg;

    st->shown = true;
    refresh (st);
    check_queue (st);
}

/* -- events -- */

static const char *message_of (const char *event)
{
    static const struct {
        const char *event;
        const char *message;
    } messages[] = {
        { "submit", "submitted" },
        { "validate", "resolving dependencies" },
        { "depend", "waiting for priority assignment" },
        { "priority", "waiting for resources" },
        { "alloc", "starting" },
        { "prolog-start", "waiting for prolog" },
        { "start", "started" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (messages); i++) {
        if (strcmp (messages[i].event, event) == 0)
            return messages[i].message;
    }
    return NULL;
}

static void count_prologs (struct attach_status *st, const char *event)
{
    if (strcmp (event, "prolog-start") == 0)
        st->prologs++;
    else if (strcmp (event, "prolog-finish") == 0 && --st->prologs <= 0)
        st->message = "starting";
}

void attach_status_event (struct attach_status *st,
                          const char *event,
                          double timestamp,
                          json_t *context)
{
    const char *message;

    if (!st || st->ended)
        return;
    if (st->t0 == 0)
        st->t0 = timestamp;
    if (strcmp (event, "exception") == 0) {
        attach_status_clear (st);
        if (json_integer_value (json_object_get (context, "severity")) == 0)
            st->frozen = true;
    }
    if ((message = message_of (event))) {
        st->message = message;
        st->waiting = strcmp (event, "priority") == 0;
    }
    count_prologs (st, event);
    if (strcmp (event, "jobspec-update") == 0) {
        free (st->queue);
        st->queue = NULL;
        st->queue_stopped = false;
        st->last_check = 0;
    }
    refresh (st);
    check_queue (st);
    if (strcmp (event, "start") == 0 || strcmp (event, "clean") == 0)
        end (st);
}
