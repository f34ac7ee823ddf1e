/* walk.c - is the tree whole?  Every blob that hangs on the root is loaded. */

#include "config.h"
#include <stdio.h>

#include "common/blobhash.h"
#include "common/list.h"
#include "common/table.h"
#include "common/treeobj.h"
#include "crash.h"

#define LOADS_MAX 64

struct node {
    struct blobref ref;
    bool dir;
    struct list link; /* in walk.todo */
    char path[256];   /* for people; cut */
};

struct walk {
    flux_t *h;
    struct table seen; /* struct node by ref */
    struct list todo;
    struct blobhash *hash;
    int loading;
};

struct load {
    struct walk *w;
    struct node *n;
};

static void load_more (struct walk *w);

static void add (struct walk *w, const struct blobref *ref, bool dir, const char *path)
{
    struct node *n;

    if (table_get (&w->seen, ref, sizeof (*ref)))
        return;
    must ((n = calloc (1, sizeof (*n))) != NULL);
    n->ref = *ref;
    n->dir = dir;
    snprintf (n->path, sizeof (n->path), "%s", path);
    must (table_put (&w->seen, &n->ref, sizeof (n->ref), n) == 0);
    list_append (&w->todo, &n->link);
}

static void add_object (struct walk *w, const struct treeobj *o, const char *path);

static void add_dir (struct walk *w, const struct treeobj *dir, const char *path)
{
    struct treeobj_iter it = { 0 };
    struct treeobj *o;
    const char *name;
    size_t len;

    while (treeobj_dir_next (dir, &it, &name, &len, &o)) {
        char sub[256];

        if (snprintf (sub, sizeof (sub), "%s%s%s", path, *path ? "." : "", name) < 0)
            never ("snprintf");
        add_object (w, o, sub);
    }
}

static void add_object (struct walk *w, const struct treeobj *o, const char *path)
{
    struct blobref ref;
    size_t pos = 0;

    switch (treeobj_type (o)) {
        case TREEOBJ_DIR:
            add_dir (w, o, path);
            break;
        case TREEOBJ_DIRREF:
        case TREEOBJ_VALREF:
            while (treeobj_ref_next (o, &pos, &ref))
                add (w, &ref, treeobj_type (o) == TREEOBJ_DIRREF, path);
            break;
    }
}

static void loaded (flux_future_t *f, void *arg)
{
    struct load *l = arg;
    struct walk *w = l->w;
    char text[BLOBREF_TEXT_SIZE];
    struct blobref ref;
    const void *data;
    size_t len;

    if (flux_rpc_get_raw (f, &data, &len) < 0)
        crash_failed ("%s: blob %s: %s", l->n->path, blobref_str (&l->n->ref, text),
                      strerror (errno));
    blobhash_sum (w->hash, data, len, &ref);
    if (!blobref_equal (&ref, &l->n->ref))
        crash_wrong ("%s: blob %s has other content", l->n->path,
                     blobref_str (&l->n->ref, text));
    if (l->n->dir) {
        struct treeobj *o;

        if (treeobj_parse (data, len, &o) < 0 || treeobj_type (o) != TREEOBJ_DIR)
            crash_wrong ("%s: blob %s is no directory", l->n->path, text);
        add_dir (w, o, l->n->path);
        treeobj_put (o);
    }
    flux_future_destroy (f);
    w->loading--;
    load_more (w);
    if (w->loading == 0)
        flux_reactor_stop (flux_get_reactor (w->h));
}

static void load_more (struct walk *w)
{
    struct node *n;

    while (w->loading < LOADS_MAX && (n = list_first (&w->todo, struct node, link))) {
        struct load *l = calloc (1, sizeof (*l));
        flux_future_t *f;

        list_del (&n->link);
        f = flux_rpc_raw (w->h, "content.load", n->ref.bytes,
                          blobref_digest_size (n->ref.kind), FLUX_NODEID_ANY, 0);
        if (!f)
            crash_failed ("content.load: %s", strerror (errno));
        must (l && flux_future_aux_set (f, NULL, l, free) == 0);
        *l = (struct load){ w, n };
        must (flux_future_then (f, -1., loaded, l) == 0);
        w->loading++;
    }
}

size_t crash_walk (flux_t *h)
{
    flux_future_t *f = flux_kvs_getroot (h, NULL, 0);
    struct walk w = { .h = h };
    struct blobref root;
    const char *s;
    struct node *n;
    size_t count;

    list_init (&w.todo);
    if (!f || flux_kvs_getroot_get_blobref (f, &s) < 0
        || blobref_parse (s, strlen (s), &root) < 0
        || blobhash_new (root.kind, &w.hash) < 0)
        crash_failed ("getroot: %s", strerror (errno));
    flux_future_destroy (f);
    add (&w, &root, true, "");
    load_more (&w);
    flux_reactor_run (flux_get_reactor (h), 0);
    count = table_count (&w.seen);
    while ((n = table_pop (&w.seen)))
        free (n);
    table_fini (&w.seen);
    blobhash_free (w.hash);
    return count;
}
