/* Inactive jobs come back from volumes. */

#include "config.h"
#include <inttypes.h>
#include <stdio.h>

#include "common/blobref.h"

#include "archive.h"

/* ---- which directories there are -------------------------------------------------- */

void listing_fini (struct listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        free (l->v[i].ref);
    free (l->v);
    table_fini (&l->index);
    *l = (struct listing){ .v = NULL };
}

static int append (struct listing *l, uint64_t number, struct jview treeobj)
{
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 64;
        struct listed *v = realloc (l->v, room * sizeof (v[0]));

        if (!v)
            return -1;
        l->v = v;
        l->room = room;
    }
    if (table_put_u64 (&l->index, number, (void *)(uintptr_t)(l->count + 1)) < 0)
        return -1;
    l->v[l->count++] = (struct listed){ number, archive_ref (treeobj), false };
    return 0;
}

static struct listed *find (const struct listing *l, uint64_t number)
{
    size_t i = (uintptr_t)table_get_u64 (&l->index, number);

    return i > 0 ? &l->v[i - 1] : NULL;
}

static bool is_dir (struct jview treeobj)
{
    struct jview type = jview_get (treeobj, "type");

    return jview_equal (type, "dirref") || jview_equal (type, "dir");
}

static int add_entry (struct listing *l,
                      struct manager *m,
                      const char *parent,
                      struct jview name,
                      uint64_t before,
                      struct jview treeobj)
{
    uint64_t first, last;
    char key[64];
    const char *s;
    size_t n;

    if (!is_dir (treeobj) || !jview_plain (name, &s, &n))
        return 0;
    snprintf (key, sizeof (key), "%s.%.*s", parent, (int)(n < 40 ? n : 40), s);
    if (keys_range (key, &first, &last) < 0) {
        flux_log (m->h, LOG_ERR, "restart: could not decode %s to job ID", key);
        return 0;
    }
    return first <= before ? append (l, first >> 32, treeobj) : 0;
}

int listing_add (struct listing *l,
                 struct manager *m,
                 flux_future_t *f,
                 const char *parent,
                 uint64_t before)
{
    struct jview v = JVIEW_ABSENT, name, treeobj;
    struct jiter it;
    const char *s;

    if (flux_rpc_get (f, &s) < 0)
        return -1;
    if (!s || jview_parse_object (s, strlen (s), &v) < 0) {
        errno = EPROTO;
        return -1;
    }
    jiter_init (&it, jview_path (v, "val.data"));
    while (jiter_next (&it, &name, &treeobj)) {
        if (add_entry (l, m, parent, name, before, treeobj) < 0)
            return -1;
    }
    return 0;
}

/* ---- the volumes ------------------------------------------------------------------- */

struct archive_reader {
    struct manager *m;
    struct listing *listing;
    uint64_t before;
    void (*done) (struct manager *m, size_t jobs);
    size_t jobs;
    flux_future_t *f; /* of the directory */
    uint32_t *numbers; /* of volumes still to be read, in order */
    size_t count;
    struct list loads;
    size_t nloads;
};

/* One that is being read: first its name, then its bytes. */
struct load {
    struct list node;
    struct archive_reader *r;
    uint32_t number;
    flux_future_t *f;
};

static void load_free (struct load *l)
{
    list_del (&l->node);
    l->r->nloads--;
    flux_future_destroy (l->f);
    free (l);
}

void archive_reader_free (struct archive_reader *r)
{
    struct load *l;

    if (!r)
        return;
    while ((l = list_first (&r->loads, struct load, node)))
        load_free (l);
    flux_future_destroy (r->f);
    free (r->numbers);
    free (r);
}

/* The jobs of those spans whose directories are what they were. */
static int
recall (struct archive_reader *r, uint32_t number, struct volume_reader *v, uint32_t *good)
{
    struct volume_span span;
    int rc;

    while ((rc = volume_next_span (v, &span)) > 0) {
        struct listed *l = find (r->listing, span.number);
        size_t n;

        if (!l || l->done || !l->ref || strlen (l->ref) != span.reflen
            || memcmp (l->ref, span.ref, span.reflen) != 0)
            continue;
        rc = jm_recall (r->m->jm, v, &span, r->before, number, &n);
        r->jobs += n;
        if (rc < 0)
            return rc;
        l->done = true;
        *good += rc;
    }
    return rc;
}

static void take_volume (struct load *l, const void *data, size_t len)
{
    struct archive_reader *r = l->r;
    struct volume_reader v;
    uint32_t good = 0;

    if (volume_read (&v, data, len) < 0 || recall (r, l->number, &v, &good) < 0)
        flux_log (r->m->h, LOG_WARNING,
                  "restart: %s.%08" PRIx32 " cannot be used: its jobs are read one by one",
                  ARCHIVE_DIR, l->number);
    archive_add_volume (r->m, l->number, good);
}

static void pump (struct archive_reader *r);

static void load_end (struct load *l)
{
    struct archive_reader *r = l->r;

    load_free (l);
    pump (r);
}

static void unreadable (struct load *l, const char *why)
{
    flux_log (l->r->m->h, LOG_WARNING,
              "restart: %s.%08" PRIx32 ": %s: its jobs are read one by one", ARCHIVE_DIR,
              l->number, why);
    archive_add_volume (l->r->m, l->number, 0);
    load_end (l);
}

static void loaded (flux_future_t *f, void *arg)
{
    struct load *l = arg;
    const void *data;
    size_t len;

    if (flux_rpc_get_raw (f, &data, &len) < 0) {
        unreadable (l, flux_strerror (errno));
        return;
    }
    take_volume (l, data, len);
    load_end (l);
}

/* Its bytes come from content as they are: not by way of the KVS, which would keep
 * them in its cache.
 */
static int load_blob (struct load *l, const char *text)
{
    struct blobref ref;
    flux_future_t *f;

    if (blobref_parse (text, strlen (text), &ref) < 0)
        return -1;
    f = flux_rpc_raw (l->r->m->h, "content.load", ref.bytes,
                      blobref_digest_size (ref.kind), FLUX_NODEID_ANY, 0);
    if (!f || flux_future_then (f, -1., loaded, l) < 0) {
        flux_future_destroy (f);
        return -1;
    }
    flux_future_destroy (l->f);
    l->f = f;
    return 0;
}

static void named (flux_future_t *f, void *arg)
{
    _cleanup_ (freep) char *ref = NULL;
    struct load *l = arg;
    struct jview v, data;
    const char *s;

    if (flux_kvs_lookup_get_treeobj (f, &s) < 0) {
        unreadable (l, flux_strerror (errno));
        return;
    }
    if (jview_parse_object (s, strlen (s), &v) == 0
        && jview_equal (jview_get (v, "type"), "valref")
        && jview_count (data = jview_get (v, "data")) == 1
        && jview_strdup (jview_at (data, 0), &ref) == 0 && load_blob (l, ref) == 0)
        return;
    unreadable (l, "not a value of one blob");
}

static int load_start (struct archive_reader *r, uint32_t number)
{
    struct load *l = calloc (1, sizeof (*l));
    char key[32];

    if (!l)
        return -1;
    list_init (&l->node);
    l->r = r;
    l->number = number;
    list_append (&r->loads, &l->node);
    r->nloads++;
    snprintf (key, sizeof (key), "%s.%08" PRIx32, ARCHIVE_DIR, number);
    l->f = flux_kvs_lookup (r->m->h, KVS_PRIMARY_NAMESPACE, FLUX_KVS_TREEOBJ, key);
    if (!l->f || flux_future_then (l->f, -1., named, l) < 0) {
        load_free (l);
        return -1;
    }
    return 0;
}

/* The newest first: if two have the same span, its directory is that of one. */
static void pump (struct archive_reader *r)
{
    while (r->count > 0 && r->nloads < ARCHIVE_WINDOW) {
        if (load_start (r, r->numbers[--r->count]) < 0) {
            flux_log_error (r->m->h, "restart: %s", ARCHIVE_DIR);
            r->count = 0;
        }
    }
    if (r->nloads == 0)
        r->done (r->m, r->jobs);
}

static bool volume_number (const char *name, uint32_t *number)
{
    char *end;

    if (strlen (name) != 8 || name[strspn (name, "0123456789abcdef")] != '\0')
        return false;
    *number = strtoul (name, &end, 16);
    return *number > 0;
}

static int by_number (const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int take_names (struct archive_reader *r, flux_future_t *f)
{
    const flux_kvsdir_t *dir;
    flux_kvsitr_t *itr;
    const char *name;
    uint32_t number;

    if (flux_kvs_lookup_get_dir (f, &dir) < 0)
        return -1;
    r->numbers = calloc (flux_kvsdir_get_size (dir) + 1, sizeof (r->numbers[0]));
    if (!r->numbers || !(itr = flux_kvsitr_create (dir)))
        return -1;
    while ((name = flux_kvsitr_next (itr))) {
        if (volume_number (name, &number))
            r->numbers[r->count++] = number;
    }
    flux_kvsitr_destroy (itr);
    if (r->count > 0)
        qsort (r->numbers, r->count, sizeof (r->numbers[0]), by_number);
    return 0;
}

static void opened (flux_future_t *f, void *arg)
{
    struct archive_reader *r = arg;

    if (flux_rpc_get (f, NULL) < 0) {
        if (errno != ENOENT)
            flux_log_error (r->m->h, "restart: %s", ARCHIVE_DIR);
    }
    else if (take_names (r, f) < 0)
        flux_log_error (r->m->h, "restart: %s", ARCHIVE_DIR);
    pump (r);
}

struct archive_reader *archive_read (struct manager *m,
                                     struct listing *l,
                                     uint64_t before,
                                     void (*done) (struct manager *m, size_t jobs))
{
    struct archive_reader *r = calloc (1, sizeof (*r));

    if (!r)
        return NULL;
    list_init (&r->loads);
    r->m = m;
    r->listing = l;
    r->before = before;
    r->done = done;
    r->f = flux_kvs_lookup (m->h, KVS_PRIMARY_NAMESPACE, FLUX_KVS_READDIR, ARCHIVE_DIR);
    if (!r->f || flux_future_then (r->f, -1., opened, r) < 0) {
        archive_reader_free (r);
        return NULL;
    }
    return r;
}
