/* What the KVS says there is, read at the start.
 *
 * The checkpoint tells which jobs may be active (restart.h); they are read before
 * anything is served.  Directory job has four levels; the last one is a job's.  Look-ups are
 * pipelined: a window of them is out while the oldest is waited for, and jobs
 * are restored in order of their ids.
 *
 * A job that cannot be replayed is moved to job-lost+found.job.<F58> and told
 * of; it does not keep the others from living.
 */

#include "config.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "common/fluid.h"

#include "archive.h"

/* Look-ups in flight. */
#define WINDOW 256

#define LOOKUP(m, flags, key) \
    flux_kvs_lookup ((m)->h, KVS_PRIMARY_NAMESPACE, (flags), (key))

/* ---- the directories ------------------------------------------------------------- */

void keys_fini (struct keys *k)
{
    for (size_t i = 0; i < k->count; i++)
        free (k->v[i]);
    free (k->v);
}

static int make_room (struct keys *k)
{
    if (k->count == k->room) {
        size_t room = k->room ? k->room * 2 : 64;
        char **v = realloc (k->v, room * sizeof (v[0]));

        if (!v)
            return -1;
        k->v = v;
        k->room = room;
    }
    return 0;
}

static int add_key (struct keys *k, const char *key)
{
    if (make_room (k) < 0 || !(k->v[k->count] = strdup (key)))
        return -1;
    k->count++;
    return 0;
}

int keys_add (struct keys *k, const char *parent, const char *name)
{
    if (make_room (k) < 0 || asprintf (&k->v[k->count], "%s.%s", parent, name) < 0)
        return -1;
    k->count++;
    return 0;
}

/* One level of a job's directory: four hexadecimal digits, as we write them. */
static bool take_group (const char *s, uint64_t *id)
{
    if (strspn (s, "0123456789abcdef") != 4 || (s[4] != '.' && s[4] != '\0'))
        return false;
    *id = *id << 16 | strtoul (s, NULL, 16);
    return true;
}

/* The levels that are missing are anything. */
int keys_range (const char *key, uint64_t *first, uint64_t *last)
{
    uint64_t id = 0;
    int groups = 0;

    for (key = strchr (key, '.'); key; key = strchr (key + 1, '.')) {
        if (++groups > 4 || !take_group (key + 1, &id)) {
            errno = EINVAL;
            return -1;
        }
    }
    *first = groups ? id << 16 * (4 - groups) : 0;
    *last = groups == 4 ? id : *first | (UINT64_MAX >> 16 * groups);
    return 0;
}

/* Add the directories in what f brings. */
int keys_add_subdirs (flux_future_t *f, const char *parent, struct keys *out)
{
    const flux_kvsdir_t *dir;
    flux_kvsitr_t *itr;
    const char *name;
    int rc = 0;

    if (flux_kvs_lookup_get_dir (f, &dir) < 0 || !(itr = flux_kvsitr_create (dir)))
        return -1;
    while (rc == 0 && (name = flux_kvsitr_next (itr))) {
        if (flux_kvsdir_isdir (dir, name))
            rc = keys_add (out, parent, name);
    }
    flux_kvsitr_destroy (itr);
    return rc;
}

/* Only those that hold ids above 'before'. */
static void prune (struct keys *k, uint64_t before)
{
    uint64_t first, last;
    size_t n = 0;

    for (size_t i = 0; i < k->count; i++) {
        if (before > 0 && keys_range (k->v[i], &first, &last) == 0 && last <= before)
            free (k->v[i]);
        else
            k->v[n++] = k->v[i];
    }
    k->count = n;
}

/* All directories one level below those of 'in', in order. */
static int next_level (struct manager *m, const struct keys *in, struct keys *out)
{
    flux_future_t *window[WINDOW];
    size_t sent = 0, got = 0;
    int rc = 0;

    while (got < in->count) {
        while (rc == 0 && sent < in->count && sent - got < WINDOW) {
            if (!(window[sent % WINDOW] = LOOKUP (m, FLUX_KVS_READDIR, in->v[sent])))
                rc = -1;
            else
                sent++;
        }
        if (got == sent)
            break;
        if (rc == 0
            && (rc = keys_add_subdirs (window[got % WINDOW], in->v[got], out)) < 0)
            flux_log_error (m->h, "restart failed: %s cannot be read", in->v[got]);
        flux_future_destroy (window[got++ % WINDOW]);
    }
    return rc;
}

/* The keys of all job directories with ids above 'before'.  None, if there is no
 * directory job.
 */
static int find_jobs (struct manager *m, uint64_t before, struct keys *jobs)
{
    struct keys level = { .count = 0 };
    flux_future_t *f = LOOKUP (m, FLUX_KVS_READDIR, "job");
    int rc = -1;

    if (f && flux_rpc_get (f, NULL) < 0 && errno == ENOENT)
        rc = 0;
    else if (f)
        rc = keys_add_subdirs (f, "job", &level);
    flux_future_destroy (f);
    prune (&level, before);
    for (int depth = 2; rc == 0 && depth <= 4; depth++) {
        struct keys below = { .count = 0 };

        rc = next_level (m, &level, &below);
        keys_fini (&level);
        prune (&below, before);
        level = below;
    }
    *jobs = level;
    return rc;
}

/* ---- one job ----------------------------------------------------------------------- */

struct lookup {
    uint64_t id;
    flux_future_t *f[LOOKUP_COUNT];
};

static void lookup_fini (struct lookup *l)
{
    for (int i = 0; i < LOOKUP_COUNT; i++)
        flux_future_destroy (l->f[i]);
}

static flux_future_t *lookup_key (struct manager *m, const char *dir, const char *name)
{
    char key[64];

    snprintf (key, sizeof (key), "%s.%s", dir, name);
    return LOOKUP (m, 0, key);
}

int restart_lookup (struct manager *m, const char *dir, flux_future_t *f[LOOKUP_COUNT])
{
    static const char *const names[LOOKUP_COUNT] = { "eventlog", "jobspec", "R" };

    for (int i = 0; i < LOOKUP_COUNT; i++)
        f[i] = NULL;
    for (int i = 0; i < LOOKUP_COUNT; i++) {
        if (!(f[i] = lookup_key (m, dir, names[i]))) {
            while (i-- > 0)
                flux_future_destroy (move_ptr (f[i]));
            return -1;
        }
    }
    return 0;
}

static int lookup_start (struct manager *m, const char *dir, struct lookup *l)
{
    uint64_t last;

    *l = (struct lookup){ .id = 0 };
    if (keys_range (dir, &l->id, &last) < 0 || l->id != last) {
        flux_log (m->h, LOG_ERR, "restart failed: could not decode %s to job ID", dir);
        errno = EINVAL;
        return -1;
    }
    return restart_lookup (m, dir, l->f);
}

/* What is there must be a JSON object. */
static int
object_of (flux_future_t *f, const char *name, struct jview *v, struct text *why)
{
    const void *data;
    size_t len;

    *v = JVIEW_ABSENT;
    if (flux_kvs_lookup_get_raw (f, &data, &len) < 0)
        text_printf (why, "lookup %s: %s", name, flux_strerror (errno));
    else if (!data || jview_parse_object (data, len, v) < 0)
        text_printf (why, "%s is no JSON object", name);
    else
        return 0;
    return -1;
}

int restart_restore (struct manager *m,
                     uint64_t id,
                     flux_future_t *f[LOOKUP_COUNT],
                     struct text *why)
{
    struct jview jobspec, R = JVIEW_ABSENT;
    const void *data;
    size_t len;
    int r;

    if (flux_kvs_lookup_get_raw (f[LOOKUP_EVENTLOG], &data, &len) < 0) {
        text_printf (why, "lookup eventlog: %s", flux_strerror (errno));
        return -1;
    }
    if (object_of (f[LOOKUP_JOBSPEC], "jobspec", &jobspec, why) < 0)
        return -1;
    if (flux_rpc_get (f[LOOKUP_R], NULL) == 0 || errno != ENOENT) {
        if (object_of (f[LOOKUP_R], "R", &R, why) < 0)
            return -1;
    }
    r = jm_restore (m->jm, id, data ? data : "", data ? len : 0, jobspec, R, why);
    if (r == -ENOMEM) {
        text_clear (why);
        errno = ENOMEM;
    }
    return r < 0 ? -1 : 0;
}

/* One that was listed as active may have ended, and been purged, since. */
static bool is_gone (struct lookup *l)
{
    return flux_rpc_get (l->f[LOOKUP_EVENTLOG], NULL) < 0 && errno == ENOENT
           && flux_rpc_get (l->f[LOOKUP_JOBSPEC], NULL) < 0 && errno == ENOENT;
}

/* ---- a bad one ------------------------------------------------------------------------ */

/* Its directory is moved out of the way. */
struct aside {
    struct list node;
    struct manager *m;
    uint64_t id;
    flux_future_t *f;
};

static void aside_free (struct aside *a)
{
    list_del (&a->node);
    flux_future_destroy (a->f);
    free (a);
}

/* It is still there, where nobody knows of it. */
static void not_moved (struct aside *a)
{
    flux_log_error (a->m->h, "moving a job to job-lost+found");
    archive_stop (a->m);
}

static void aside_done (flux_future_t *f, void *arg)
{
    struct aside *a = arg;

    if (flux_rpc_get (f, NULL) < 0)
        not_moved (a);
    aside_free (a);
}

static flux_future_t *move_away (struct aside *a, const char *treeobj)
{
    char key[64], to[96], f58[FLUID_BUFSIZE];
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f = NULL;

    if (txn && flux_job_kvs_key (key, sizeof (key), a->id, NULL) >= 0
        && fluid_encode (f58, sizeof (f58), a->id, FLUID_F58) >= 0) {
        snprintf (to, sizeof (to), "job-lost+found.job.%s", f58);
        if (flux_kvs_txn_put_treeobj (txn, 0, to, treeobj) == 0
            && flux_kvs_txn_unlink (txn, 0, key) == 0)
            f = flux_kvs_commit (a->m->h, KVS_PRIMARY_NAMESPACE, 0, txn);
    }
    flux_kvs_txn_destroy (txn);
    return f;
}

static void aside_looked_up (flux_future_t *f, void *arg)
{
    struct aside *a = arg;
    const char *treeobj;
    flux_future_t *next = NULL;

    if (flux_kvs_lookup_get_treeobj (f, &treeobj) == 0)
        next = move_away (a, treeobj);
    if (!next || flux_future_then (next, -1., aside_done, a) < 0) {
        not_moved (a);
        flux_future_destroy (next);
        aside_free (a);
        return;
    }
    flux_future_destroy (a->f);
    a->f = next;
}

void manager_set_aside (struct manager *m, uint64_t id, const char *why)
{
    struct aside *a = calloc (1, sizeof (*a));
    char f58[FLUID_BUFSIZE] = "?", key[64];

    fluid_encode (f58, sizeof (f58), id, FLUID_F58);
    flux_log (m->h, LOG_ERR, "job %s not replayed: %s", f58, why);
    if (!a) {
        archive_stop (m);
        return;
    }
    a->m = m;
    a->id = id;
    list_init (&a->node);
    list_append (&m->asides, &a->node);
    if (flux_job_kvs_key (key, sizeof (key), id, NULL) < 0
        || !(a->f = LOOKUP (m, FLUX_KVS_TREEOBJ, key))
        || flux_future_then (a->f, -1., aside_looked_up, a) < 0) {
        not_moved (a);
        aside_free (a);
    }
}

void manager_restart_fini (struct manager *m)
{
    struct aside *a = NULL;

    list_foreach (&m->asides, a, node)
        aside_free (a);
    free (move_ptr (m->history_text));
}

static int take (struct manager *m, struct lookup *l, uint64_t before)
{
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    int rc;

    if (l->id <= before && is_gone (l))
        return 0;
    rc = restart_restore (m, l->id, l->f, &why);
    if (rc == 0 || why.len == 0)
        return rc;
    manager_set_aside (m, l->id, why.buf);
    return 0;
}

static int take_all (struct manager *m, const struct keys *jobs, uint64_t before)
{
    struct lookup *window = calloc (WINDOW, sizeof (*window));
    size_t sent = 0, got = 0;
    int rc = window ? 0 : -1;

    while (got < jobs->count) {
        while (rc == 0 && sent < jobs->count && sent - got < WINDOW) {
            if ((rc = lookup_start (m, jobs->v[sent], &window[sent % WINDOW])) == 0)
                sent++;
        }
        if (got == sent)
            break;
        if (rc == 0)
            rc = take (m, &window[got % WINDOW], before);
        lookup_fini (&window[got++ % WINDOW]);
    }
    free (window);
    return rc;
}

/* ---- all that may be active ----------------------------------------------------------- */

/* What was active when the checkpoint was written. */
static int add_listed (const struct checkpoint *cp, struct keys *jobs)
{
    char key[FLUID_BUFSIZE + 8];

    for (size_t i = 0; i < cp->count; i++) {
        if (cp->active[i] > cp->before)
            continue;
        if (fluid_encode (key, sizeof (key), cp->active[i], FLUID_KVS) < 0
            || add_key (jobs, key) < 0)
            return -1;
    }
    return 0;
}

static int by_name (const void *a, const void *b)
{
    return strcmp (*(char *const *)a, *(char *const *)b);
}

/* Jobs come in the order of their ids. */
static int find_candidates (struct manager *m, const struct checkpoint *cp,
                            struct keys *jobs)
{
    if (find_jobs (m, cp->before, jobs) < 0 || add_listed (cp, jobs) < 0)
        return -1;
    if (jobs->count > 0)
        qsort (jobs->v, jobs->count, sizeof (jobs->v[0]), by_name);
    return 0;
}

static void tell (struct manager *m)
{
    char f58[FLUID_BUFSIZE] = "?";
    struct jm_counts c;

    jm_count (m->jm, &c);
    if (c.active + c.inactive > 0)
        flux_log (m->h, LOG_INFO, "restart: %zu jobs", c.active + c.inactive);
    if (c.running > 0)
        flux_log (m->h, LOG_INFO, "restart: %zu running jobs", c.running);
    fluid_encode (f58, sizeof (f58), c.max_jobid, FLUID_F58);
    flux_log (m->h, LOG_DEBUG, "restart: max_jobid=%s", f58);
}

static int restart (struct manager *m, const struct checkpoint *cp)
{
    struct keys jobs = { .count = 0 };
    struct jm_counts c;
    int rc = find_candidates (m, cp, &jobs);

    if (rc == 0)
        rc = take_all (m, &jobs, cp->before);
    keys_fini (&jobs);
    if (rc < 0) {
        flux_log_error (m->h, "restart");
        return -1;
    }
    jm_count (m->jm, &c);
    if (m->stop_queues_on_restart && (cp->max_jobid > 0 || c.max_jobid > 0)
        && manager_stop_queues (m) < 0) {
        flux_log_error (m->h, "restart: stopping queues");
        return -1;
    }
    jm_restore_finish (m->jm, cp->max_jobid, cp->before > 0);
    m->history_text = manager_history_text (m);
    tell (m);
    return cp->before > 0 ? history_start (m, cp->before) : 0;
}

int manager_restart (struct manager *m)
{
    struct checkpoint cp;
    int rc = checkpoint_read (m, &cp);

    if (rc < 0)
        flux_log_error (m->h, "restart: %s", MANAGER_CHECKPOINT_KEY);
    else
        rc = restart (m, &cp);
    checkpoint_fini (&cp);
    return rc;
}
