/* The jobs that were inactive already when the checkpoint was written are read
 * while the module serves.
 *
 * First the directories of spans (spans.h) are listed, then the jobs of those that have
 * not changed since are taken from volumes (archive.h); the other directories are walked.
 * Directories and jobs wait on one stack, so the newest come first and the stack
 * stays short; a window of look-ups is out all the time.
 *
 * Requests that cannot be answered without a job that may be on its way wait
 * until all are there, in the order in which they came.  Bound: LATE_MAX; those
 * beyond it are told to try again.
 */

#include "config.h"
#include <stdio.h>

#include "archive.h"

/* Directories or jobs being looked up. */
#define WINDOW 128

#define LATE_MAX 65536

/* A directory (one look-up) or a job. */
struct step {
    struct list node;
    struct manager *m;
    uint64_t id;
    bool job;
    char *key;
    int pending;
    flux_future_t *f[LOOKUP_COUNT];
};

struct late {
    struct list node;
    const flux_msg_t *msg;
    flux_msg_handler_f cb;
};

struct past {
    uint64_t before;
    struct keys stack;
    struct listing listing; /* the directories two levels below job */
    bool listed;            /* all of them are there */
    struct archive_reader *reader;
    struct list steps;
    size_t inflight;
    size_t loaded;
    struct list late;
    size_t nlate;
};

static void pump (struct manager *m);

/* ---- requests that wait --------------------------------------------------------- */

static void late_free (struct past *hist, struct late *l)
{
    list_del (&l->node);
    hist->nlate--;
    flux_msg_decref (l->msg);
    free (l);
}

bool manager_is_late (struct manager *m, const flux_msg_t *msg, flux_msg_handler_f cb)
{
    struct late *l;

    if (!m->history)
        return false;
    if (m->history->nlate == LATE_MAX || !(l = calloc (1, sizeof (*l)))) {
        manager_refuse (m, msg, EAGAIN, "job-manager is still reading its history");
        return true;
    }
    l->msg = flux_msg_incref (msg);
    l->cb = cb;
    list_init (&l->node);
    list_append (&m->history->late, &l->node);
    m->history->nlate++;
    return true;
}

bool manager_job_is_late (struct manager *m, const flux_msg_t *msg, flux_msg_handler_f cb)
{
    struct jview v = JVIEW_ABSENT;
    int64_t id;

    if (!m->history || manager_decode (msg, &v) < 0
        || jview_int (jview_get (v, "id"), &id) < 0
        || ((uint64_t)id > m->history->before && (uint64_t)id != FLUX_JOBID_ANY)
        || jm_lookup (m->jm, id))
        return false;
    return manager_is_late (m, msg, cb);
}

void manager_history_disconnect (struct manager *m, const flux_msg_t *msg)
{
    struct late *l = NULL;

    if (!m->history)
        return;
    list_foreach (&m->history->late, l, node) {
        if (flux_disconnect_match (msg, l->msg))
            late_free (m->history, l);
    }
}

bool manager_history_cancel (struct manager *m, const flux_msg_t *msg)
{
    struct late *l = NULL;

    if (!m->history)
        return false;
    list_foreach (&m->history->late, l, node) {
        if (flux_cancel_match (msg, l->msg)) {
            manager_refuse (m, l->msg, ENODATA, NULL);
            late_free (m->history, l);
            return true;
        }
    }
    return false;
}

/* ---- look-ups --------------------------------------------------------------------- */

static void step_free (struct step *s)
{
    list_del (&s->node);
    for (int i = 0; i < LOOKUP_COUNT; i++)
        flux_future_destroy (s->f[i]);
    free (s->key);
    free (s);
}

static void history_free (struct past *hist)
{
    struct step *s = NULL;

    list_foreach (&hist->steps, s, node)
        step_free (s);
    archive_reader_free (hist->reader);
    listing_fini (&hist->listing);
    keys_fini (&hist->stack);
    free (hist);
}

/* All are there. */
static void finish (struct manager *m)
{
    struct past *hist = move_ptr (m->history);
    struct late *l;

    flux_log (m->h, LOG_INFO, "restart: %zu inactive jobs", hist->loaded);
    jm_history_finish (m->jm);
    while ((l = list_first (&hist->late, struct late, node))) {
        l->cb (m->h, NULL, l->msg, m);
        late_free (hist, l);
    }
    history_free (hist);
}

/* There may be jobs that nobody knows of. */
static void not_read (struct manager *m, const struct step *s)
{
    flux_log_error (m->h, "restart: %s", s->key);
    archive_stop (m);
}

/* Those that are there already, or came after, are not looked at. */
static void add_subdirs (struct manager *m, struct step *s)
{
    struct keys *stack = &m->history->stack;
    size_t n = stack->count;
    uint64_t first, last;

    if (!m->history->listed && strlen (s->key) == strlen ("job.XXXX")) {
        if (listing_add (&m->history->listing, m, s->f[0], s->key, m->history->before)
            < 0)
            not_read (m, s);
        return;
    }
    if (keys_add_subdirs (s->f[0], s->key, stack) < 0) {
        not_read (m, s);
        return;
    }
    for (size_t i = n; i < stack->count; i++) {
        if (keys_range (stack->v[i], &first, &last) < 0)
            flux_log (m->h, LOG_ERR, "restart: could not decode %s to job ID",
                      stack->v[i]);
        else if (first <= m->history->before
                 && !(first == last && jm_lookup (m->jm, first))) {
            stack->v[n++] = stack->v[i];
            continue;
        }
        free (stack->v[i]);
    }
    stack->count = n;
}

static void take_job (struct manager *m, struct step *s)
{
    _cleanup_ (text_fini) struct text why = TEXT_INIT;

    if (restart_restore (m, s->id, s->f, &why) == 0) {
        m->history->loaded++;
        return;
    }
    if (why.len > 0)
        manager_set_aside (m, s->id, why.buf);
    else
        not_read (m, s);
}

static void step_continuation (flux_future_t *f, void *arg)
{
    struct step *s = arg;
    struct manager *m = s->m;

    if (--s->pending > 0)
        return;
    if (s->job)
        take_job (m, s);
    else
        add_subdirs (m, s);
    step_free (s);
    m->history->inflight--;
    pump (m);
}

static int begin (struct manager *m, struct step *s)
{
    uint64_t last;

    if (keys_range (s->key, &s->id, &last) < 0)
        return -1;
    s->job = s->id == last;
    if (s->job) {
        s->pending = LOOKUP_COUNT;
        if (restart_lookup (m, s->key, s->f) < 0)
            return -1;
    }
    else {
        s->pending = 1;
        if (!(s->f[0] = flux_kvs_lookup (m->h, KVS_PRIMARY_NAMESPACE, FLUX_KVS_READDIR,
                                         s->key)))
            return -1;
    }
    for (int i = 0; i < s->pending; i++) {
        if (flux_future_then (s->f[i], -1., step_continuation, s) < 0)
            return -1;
    }
    return 0;
}

/* Takes the key. */
static int step_start (struct manager *m, char *key)
{
    struct step *s = calloc (1, sizeof (*s));

    if (!s) {
        free (key);
        return -1;
    }
    s->m = m;
    s->key = key;
    list_init (&s->node);
    if (begin (m, s) < 0) {
        step_free (s);
        return -1;
    }
    list_append (&m->history->steps, &s->node);
    m->history->inflight++;
    return 0;
}

/* What is not in volumes is walked. */
static void recalled (struct manager *m, size_t jobs)
{
    struct past *hist = m->history;
    const struct listing *l = &hist->listing;
    char dir[16], name[8];

    flux_log (m->h, LOG_DEBUG, "restart: %zu inactive jobs from volumes", jobs);
    hist->loaded += jobs;
    archive_reader_free (move_ptr (hist->reader));
    for (size_t i = 0; i < l->count; i++) {
        if (l->v[i].done)
            continue;
        snprintf (dir, sizeof (dir), "job.%04x", (unsigned int)(l->v[i].number >> 16));
        snprintf (name, sizeof (name), "%04x", (unsigned int)(l->v[i].number & 0xffff));
        if (keys_add (&hist->stack, dir, name) < 0) {
            manager_fail (m, "restart");
            return;
        }
    }
    listing_fini (&hist->listing);
    pump (m);
}

static void pump (struct manager *m)
{
    struct past *hist = m->history;

    while (hist->inflight < WINDOW && hist->stack.count > 0) {
        char *key = hist->stack.v[--hist->stack.count];

        if (step_start (m, key) < 0) {
            manager_fail (m, "restart");
            return;
        }
    }
    if (hist->inflight > 0)
        return;
    if (hist->listed) {
        finish (m);
        return;
    }
    hist->listed = true;
    if (!(hist->reader = archive_read (m, &hist->listing, hist->before, recalled)))
        manager_fail (m, "restart");
}

int history_start (struct manager *m, uint64_t before)
{
    struct past *hist = calloc (1, sizeof (*hist));

    if (!hist)
        return -1;
    hist->before = before;
    list_init (&hist->steps);
    list_init (&hist->late);
    m->history = hist;
    return step_start (m, strdup ("job"));
}

/* Who waits is told to ask the next instance. */
void manager_history_fini (struct manager *m)
{
    struct past *hist = move_ptr (m->history);
    struct late *l;

    if (!hist)
        return;
    while ((l = list_first (&hist->late, struct late, node))) {
        manager_refuse (m, l->msg, ENOSYS, "job-manager is unloading");
        late_free (hist, l);
    }
    history_free (hist);
}
