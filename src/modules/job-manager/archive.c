#include "config.h"
#include <inttypes.h>
#include <stdio.h>

#include "archive.h"

/* A volume that is there. */
struct known {
    struct list dead; /* nothing in it is good any more */
    uint32_t number;
    uint32_t spans;
};

/* The one that is being written. */
struct writing {
    struct manager *m;
    uint32_t number;
    struct jm_span span[VOLUME_SPANS];
    char *ref[VOLUME_SPANS]; /* NULL: it is not in it */
    flux_future_t *f[VOLUME_SPANS];
    size_t count;
    size_t pending;
    flux_future_t *commit;
};

struct archive {
    bool on;
    uint32_t last; /* number that was given */
    struct table volumes;
    struct list dead;
    struct writing *w;
};

static void volume_key (char *buf, size_t size, uint32_t number)
{
    snprintf (buf, size, "%s.%08" PRIx32, ARCHIVE_DIR, number);
}

/* Else nobody will ever read it. */
static bool instance_lasts (flux_t *h)
{
    const char *cleanup = flux_attr_get (h, "statedir-cleanup");

    return flux_attr_get (h, "statedir") && (!cleanup || strcmp (cleanup, "1") != 0);
}

int archive_init (struct manager *m)
{
    struct archive *a = calloc (1, sizeof (*a));

    if (!a)
        return -1;
    table_init (&a->volumes);
    list_init (&a->dead);
    a->on = instance_lasts (m->h);
    m->archive = a;
    return 0;
}

void archive_stop (struct manager *m)
{
    m->archive->on = false;
}

/* ---- which there are ------------------------------------------------------------- */

static void bury (struct archive *a, struct known *k)
{
    table_del_u64 (&a->volumes, k->number);
    list_append (&a->dead, &k->dead);
}

void archive_add_volume (struct manager *m, uint32_t number, uint32_t spans)
{
    struct archive *a = m->archive;
    struct known *k = calloc (1, sizeof (*k));

    if (number > a->last)
        a->last = number;
    if (!k || table_put_u64 (&a->volumes, number, k) < 0) {
        free (k); /* it stays in the KVS, for the next restart to look at */
        return;
    }
    list_init (&k->dead);
    k->number = number;
    k->spans = spans;
    if (spans == 0)
        bury (a, k);
}

/* Called within the engine: what is to be done is done by archive_pump (). */
void manager_unarchived (uint32_t volume, void *arg)
{
    struct manager *m = arg;
    struct known *k = table_get_u64 (&m->archive->volumes, volume);

    if (k && --k->spans == 0)
        bury (m->archive, k);
}

static void remove_dead (struct manager *m)
{
    struct known *k;
    char key[32];

    while ((k = list_first (&m->archive->dead, struct known, dead))) {
        volume_key (key, sizeof (key), k->number);
        if (jm_put (m->jm, key, NULL, 0) < 0)
            break;
        list_del (&k->dead);
        free (k);
    }
}

/* ---- one volume -------------------------------------------------------------------- */

static void writing_free (struct writing *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->count; i++) {
        flux_future_destroy (w->f[i]);
        free (w->ref[i]);
    }
    flux_future_destroy (w->commit);
    free (w);
}

void archive_fini (struct manager *m)
{
    struct archive *a = move_ptr (m->archive);
    struct known *k;

    if (!a)
        return;
    writing_free (a->w);
    while ((k = table_pop (&a->volumes)))
        free (k);
    table_fini (&a->volumes);
    while ((k = list_first (&a->dead, struct known, dead))) {
        list_del (&k->dead);
        free (k);
    }
    free (a);
}

static void end_writing (struct manager *m)
{
    writing_free (move_ptr (m->archive->w));
}

/* Who cannot write one now will not be able to later. */
static void give_up (struct manager *m)
{
    flux_log_error (m->h, "%s", ARCHIVE_DIR);
    archive_stop (m);
    end_writing (m);
}

static void committed (flux_future_t *f, void *arg)
{
    struct writing *w = arg;
    struct manager *m = w->m;
    uint32_t spans = 0;

    if (flux_rpc_get (f, NULL) < 0) {
        give_up (m);
        return;
    }
    for (size_t i = 0; i < w->count; i++) {
        if (w->ref[i] && jm_archived (m->jm, &w->span[i], w->number) == 0)
            spans++;
        else
            jm_archive_give_back (m->jm, &w->span[i]);
    }
    archive_add_volume (m, w->number, spans);
    end_writing (m);
}

/* The jobs whose references are known, and could not have changed since. */
static int write_volume (struct writing *w, struct text *t)
{
    size_t n = 0;

    volume_begin (t);
    for (size_t i = 0; i < w->count; i++) {
        int r = w->ref[i] && t->len < VOLUME_BYTES
                    ? jm_archive_add (w->m->jm, &w->span[i], w->ref[i], t)
                    : -EAGAIN;

        if (r == 0)
            n++;
        else
            free (move_ptr (w->ref[i]));
    }
    return text_error (t) < 0 ? -1 : n > 0;
}

/* A crash will find active jobs by this, without looking at all that came since the
 * last checkpoint.  It is not worth it for a list of very many.
 */
#define ARCHIVE_ACTIVE_MAX 4096

static int add_checkpoint (struct manager *m, flux_kvs_txn_t *txn)
{
    struct text *t = &m->scratch;
    struct jm_counts c;

    jm_count (m->jm, &c);
    if (c.active > ARCHIVE_ACTIVE_MAX)
        return 0;
    free (m->history_text);
    m->history_text = manager_history_text (m);
    text_clear (t);
    manager_put_checkpoint (m, t);
    return text_error (t) < 0 ? -1
                              : flux_kvs_txn_put (txn, 0, MANAGER_CHECKPOINT_KEY, t->buf);
}

static int send_volume (struct writing *w, const struct text *t)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    char key[32];
    int rc = -1;

    volume_key (key, sizeof (key), w->number);
    if (txn && flux_kvs_txn_put_raw (txn, 0, key, t->buf, t->len) == 0
        && add_checkpoint (w->m, txn) == 0
        && (w->commit = flux_kvs_commit (w->m->h, KVS_PRIMARY_NAMESPACE, 0, txn)))
        rc = flux_future_then (w->commit, -1., committed, w);
    flux_kvs_txn_destroy (txn);
    return rc;
}

static void finish (struct writing *w)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    struct manager *m = w->m;
    int r = write_volume (w, &t);

    if (r > 0) {
        w->number = ++m->archive->last;
        r = send_volume (w, &t);
        if (r == 0)
            return;
    }
    if (r < 0)
        give_up (m);
    else
        end_writing (m); /* none of them is what it was */
}

char *archive_ref (struct jview treeobj)
{
    struct jview data = jview_get (treeobj, "data");
    char *ref = NULL;

    if (jview_equal (jview_get (treeobj, "type"), "dirref")
        && jview_is (data, JVIEW_ARRAY) && jview_count (data) == 1)
        jview_strdup (jview_at (data, 0), &ref);
    return ref;
}

static void looked_up (flux_future_t *f, void *arg)
{
    struct writing *w = arg;
    size_t i = (uintptr_t)flux_future_aux_get (f, "index") - 1;
    struct jview v;
    const char *s;

    if (flux_kvs_lookup_get_treeobj (f, &s) == 0
        && jview_parse_object (s, strlen (s), &v) == 0)
        w->ref[i] = archive_ref (v);
    if (--w->pending == 0)
        finish (w);
}

static int look_up (struct writing *w, size_t i)
{
    uint64_t number = w->span[i].number;
    char key[32];

    snprintf (key, sizeof (key), "job.%04x.%04x", (unsigned int)(number >> 16),
              (unsigned int)(number & 0xffff));
    if (!(w->f[i] = flux_kvs_lookup (w->m->h, KVS_PRIMARY_NAMESPACE, FLUX_KVS_TREEOBJ,
                                     key))
        || flux_future_aux_set (w->f[i], "index", (void *)(uintptr_t)(i + 1), NULL) < 0
        || flux_future_then (w->f[i], -1., looked_up, w) < 0)
        return -1;
    w->pending++;
    return 0;
}

/* All of them are in the KVS, each as it is here: what are they called? */
static void all_stored (struct manager *m)
{
    struct writing *w = m->archive->w;

    for (size_t i = 0; i < w->count; i++) {
        if (look_up (w, i) < 0) {
            give_up (m);
            return;
        }
    }
}

static void start_writing (struct manager *m)
{
    struct writing *w = calloc (1, sizeof (*w));

    if (!w) {
        archive_stop (m);
        return;
    }
    w->m = m;
    w->count = jm_archive_take (m->jm, w->span);
    m->archive->w = w;
    if (w->count == 0 || manager_defer_call (m, all_stored) < 0)
        give_up (m);
}

void archive_stats (struct manager *m, struct text *t)
{
    const struct archive *a = m->archive;

    text_printf (t, "{\"volumes\":%zu,\"due\":%zu,\"busy\":%s}",
                 table_count (&a->volumes), jm_archive_due (m->jm),
                 a->on && (a->w || jm_archive_due (m->jm) >= VOLUME_JOBS) ? "true"
                                                                          : "false");
}

void archive_pump (struct manager *m)
{
    struct archive *a = m->archive;

    if (m->history)
        return; /* not all that is in the KVS is here */
    remove_dead (m);
    if (a->on && !a->w && jm_archive_due (m->jm) >= VOLUME_JOBS)
        start_writing (m);
}
