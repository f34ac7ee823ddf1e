/* The journal in, and what waits for it. */

#include "config.h"
#include <malloc.h>

#include "service.h"

struct held_message {
    struct list node;
    size_t len;
    char s[];
};

bool journal_defers (struct service *s, const flux_msg_t *msg, flux_msg_handler_f cb)
{
    if (s->ready)
        return false;
    waiting_add (s, &s->waiting, msg, cb);
    return true;
}

/* ---- messages --------------------------------------------------------------------- */

static void fail (struct service *s, const char *why)
{
    flux_log (s->h, LOG_ERR, "journal: %s", why);
    s->failed = true;
    flux_reactor_stop_error (flux_get_reactor (s->h));
}

/* The backlog has been read.  A long one leaves more free memory behind, in the arenas of
 * all who had to do with it, than what is known of its jobs takes; nothing else that these
 * do will need so much again.
 */
static void begin_service (struct service *s)
{
    s->ready = true;
    waiting_serve (s, &s->waiting);
    malloc_trim (0);
}

static void process (struct service *s, const char *payload, size_t len)
{
    const char *why = "";
    bool sentinel = false;
    int r;

    if (s->failed)
        return;
    if ((r = jl_message (s->jl, payload, len, &sentinel, &why)) < 0)
        fail (s, r == -ENOMEM ? "out of memory" : why);
    else if (sentinel && !s->ready)
        begin_service (s);
}

static void hold (struct service *s, const char *payload, size_t len)
{
    struct held_message *m = malloc (sizeof (*m) + len + 1);

    if (!m) {
        fail (s, "out of memory");
        return;
    }
    list_init (&m->node);
    m->len = len;
    memcpy (m->s, payload, len + 1);
    list_append (&s->held, &m->node);
}

static void journal_continuation (flux_future_t *f, void *arg)
{
    struct service *s = arg;
    const char *payload;

    if (flux_rpc_get (f, &payload) < 0) {
        if (errno == ENODATA) {
            flux_log (s->h, LOG_INFO, "journal: EOF (exiting)");
            flux_reactor_stop (flux_get_reactor (s->h));
        }
        else
            fail (s, future_strerror (f, errno));
        return;
    }
    if (!payload)
        fail (s, "malformed journal message");
    else if (s->paused)
        hold (s, payload, strlen (payload));
    else
        process (s, payload, strlen (payload));
    flux_future_reset (f);
}

int journal_start (struct service *s)
{
    /* What jl_message () ignores need not be sent; "group" is ours (journal.h of
     * the job-manager): a stock one sends its events one by one.
     */
    static const char request[] =
        "{\"full\":true,\"group\":true,\"deny\":{\"start\":true,\"release\":true,"
        "\"free\":true,\"set-flags\":true,\"prolog-start\":true,"
        "\"prolog-finish\":true,\"epilog-start\":true,\"epilog-finish\":true}}";

    s->journal = flux_rpc (s->h, "job-manager.events-journal", request, FLUX_NODEID_ANY,
                           FLUX_RPC_STREAMING);
    if (!s->journal)
        return -1;
    return flux_future_then (s->journal, -1., journal_continuation, s);
}

/* Tell the job-manager not to send any more. */
void journal_fini (struct service *s)
{
    struct held_message *m = NULL;

    if (s->journal) {
        flux_future_t *f =
            flux_rpc_pack (s->h, "job-manager.events-journal-cancel", FLUX_NODEID_ANY,
                           FLUX_RPC_NORESPONSE, "{s:i}", "matchtag",
                           (int)flux_rpc_get_matchtag (s->journal));
        flux_future_destroy (f);
        flux_future_destroy (move_ptr (s->journal));
    }
    list_foreach (&s->held, m, node)
        free (m);
}

/* ---- job-list.job-state-pause, -unpause (test aid) ---------------------------------- */

void pause_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;

    if (journal_defers (s, msg, pause_cb))
        return;
    s->paused = true;
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "job-state-pause response");
}

void unpause_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct held_message *m = NULL;

    if (journal_defers (s, msg, unpause_cb))
        return;
    s->paused = false;
    list_foreach (&s->held, m, node) {
        list_del (&m->node);
        process (s, m->s, m->len);
        free (m);
    }
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "job-state-unpause response");
}

/* ---- event job-purge-inactive { "jobs":[I] } ------------------------------------------- */

void purge_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct jview v, id;
    struct jiter it;
    const char *payload;
    int64_t n;
    size_t purged = 0;

    if (flux_event_decode (msg, NULL, &payload) < 0 || !payload
        || jview_parse_object (payload, strlen (payload), &v) < 0) {
        flux_log (h, LOG_ERR, "malformed job-purge-inactive event");
        return;
    }
    jiter_init (&it, jview_get (v, "jobs"));
    while (jiter_next (&it, NULL, &id)) {
        if (jview_int (id, &n) < 0)
            continue;
        if (jl_purge (s->jl, n))
            purged++;
        else if (!s->ready)
            jl_purge_at_end (s->jl, n);
    }
    flux_log (h, LOG_DEBUG, "purged %zu inactive jobs", purged);
}
