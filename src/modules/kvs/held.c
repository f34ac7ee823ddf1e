#include "config.h"
#include <errno.h>

#include "engine_impl.h"
#include "held.h"

/* What is remembered with a directory that was named here. */
struct memo {
    struct blobhash_state *state; /* after pos bytes of its text */
    size_t pos;
    struct lineage *lineage; /* or NULL */
};

/* One version of a lineage.  The text of the newest is that of its directory;
 * of the others, the first 'common' bytes of the next newer one and the rest.
 */
struct version {
    struct blobref ref;
    struct lineage *lineage;
    struct list link; /* in lineage->versions, newest first */
    struct list age;  /* in held->superseded */
    bool held;        /* and so in held->versions */
    size_t common;
    size_t restlen;
    char *rest;
};

struct lineage {
    uint32_t refcount; /* one per memo, one while it has versions */
    struct held *held;
    struct ns *ns;       /* NULL: over */
    struct list link;    /* in held->lineages, if its newest version is held */
    struct list ns_link; /* in ns->lineages */
    struct list versions;
    struct treeobj *dir; /* of the newest */
    struct cache_entry *pin;
};

/* ---- life ---- */

void held_init (struct held *held, struct cache *cache, size_t min)
{
    *held = (struct held){ .cache = cache, .min = min };
    table_init (&held->versions);
    list_init (&held->lineages);
    list_init (&held->superseded);
}

/* Namespaces are gone, and their lineages with them. */
void held_fini (struct held *held)
{
    must (table_count (&held->versions) == 0);
    table_fini (&held->versions);
}

static void lineage_put (struct lineage *l)
{
    if (l && --l->refcount == 0) {
        list_del (&l->ns_link);
        free (l);
    }
}

static void memo_free (void *arg)
{
    struct memo *m = arg;

    blobhash_state_free (m->state);
    lineage_put (m->lineage);
    free (m);
}

/* It need not be loaded from here any more. */
static void version_unhold (struct held *held, struct version *v)
{
    if (v->held)
        table_del (&held->versions, &v->ref, sizeof (v->ref));
    v->held = false;
}

static void version_free (struct held *held, struct version *v)
{
    version_unhold (held, v);
    if (list_linked (&v->age)) {
        list_del (&v->age);
        held->nsuperseded--;
    }
    list_del (&v->link);
    free (v->rest);
    free (v);
}

static void lineage_unpin (struct lineage *l)
{
    cache_unpin (l->held->cache, l->pin);
    l->pin = NULL;
}

/* No version of it is of use any more. */
static void lineage_end (struct lineage *l)
{
    struct version *v;

    while ((v = list_first (&l->versions, struct version, link)))
        version_free (l->held, v);
    lineage_unpin (l);
    list_del (&l->link);
    list_del (&l->ns_link);
    treeobj_put (move_ptr (l->dir));
    l->ns = NULL;
    lineage_put (l);
}

void held_forget (struct held *held, struct ns *ns)
{
    struct lineage *l;

    while ((l = list_first (&ns->lineages, struct lineage, ns_link)))
        lineage_end (l);
}

/* ---- texts ---- */

bool held_has (const struct held *held, const struct blobref *ref)
{
    return table_count (&held->versions) > 0
           && table_get (&held->versions, ref, sizeof (*ref));
}

/* The text of v is the first *keep bytes of the newest version's, and *tail. */
static int find_text (const struct version *v, size_t *keep, struct text *tail)
{
    const struct lineage *l = v->lineage;
    struct version *u;

    *keep = SIZE_MAX;
    list_foreach (&l->versions, u, link) {
        if (u->rest) { /* not the newest */
            if (u->common <= *keep) {
                *keep = u->common;
                text_clear (tail);
            }
            else
                tail->len = u->common - *keep;
            text_put (tail, u->rest, u->restlen);
        }
        if (u == v)
            break;
    }
    return text_error (tail);
}

int held_load (struct held *held, const struct blobref *ref, struct text *out)
{
    _cleanup_ (text_fini) struct text tail = TEXT_INIT;
    struct version *v = table_get (&held->versions, ref, sizeof (*ref));
    size_t start = out->len;
    size_t keep;
    int r;

    if (!v)
        return -ENOENT;
    if ((r = find_text (v, &keep, &tail)) < 0)
        return r;
    treeobj_write (v->lineage->dir, out);
    if ((r = text_error (out)) < 0)
        return r;
    if (keep < out->len - start)
        out->len = start + keep;
    text_put (out, tail.buf, tail.len);
    return text_error (out);
}

bool held_next (struct held *held,
                const char *ns,
                struct list **pos,
                struct blobref *ref,
                struct treeobj **dir)
{
    struct list *l = *pos ? (*pos)->next : held->lineages.next;

    for (; l != &held->lineages; l = l->next) {
        struct lineage *lineage = list_entry (l, struct lineage, link);

        if (strcmp (lineage->ns->name, ns) != 0)
            continue;
        *ref = list_first (&lineage->versions, struct version, link)->ref;
        *dir = lineage->dir;
        *pos = l;
        return true;
    }
    return false;
}

void held_stored (struct held *held, const struct blobref *ref)
{
    struct version *v = table_get (&held->versions, ref, sizeof (*ref));

    if (!v)
        return;
    version_unhold (held, v);
    if (list_first (&v->lineage->versions, struct version, link) == v) {
        list_del (&v->lineage->link);
        lineage_unpin (v->lineage);
    }
}

/* ---- naming ---- */

void held_version_free (struct held_version *v)
{
    if (v) {
        list_del (&v->link);
        treeobj_put (v->base);
        treeobj_put (v->dir);
        blobhash_state_free (v->state);
        lineage_put (v->lineage);
        if (v->next)
            version_unhold (v->held, v->next);
        free (v->next);
        free (v->rest);
        free (v);
    }
}

static struct held_version *
held_version_new (struct treeobj *base, struct treeobj *dir, size_t common)
{
    struct held_version *v = calloc (1, sizeof (*v));

    if (v) {
        list_init (&v->link);
        v->base = treeobj_get (base);
        v->dir = treeobj_get (dir);
        v->common = common;
    }
    return v;
}

/* Hash the text from pos on, saving the state at the end of what is common. */
static int hash_from (struct held_version *v,
                      struct blobhash *hash,
                      const char *text,
                      size_t len,
                      size_t pos)
{
    size_t n = v->common - pos;
    int r;

    blobhash_update (hash, text, n);
    if ((r = blobhash_save (hash, &v->state)) < 0)
        return r;
    blobhash_update (hash, text + n, len - n);
    blobhash_end (hash, &v->ref);
    return 0;
}

int held_name (struct held *held,
               struct blobhash *hash,
               struct treeobj *base,
               struct treeobj *dir,
               struct held_version **ret)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    const struct memo *m = base == dir ? NULL : treeobj_dir_memo (base);
    struct held_version *v;
    size_t size, common;
    int r;

    if (held->min == 0 || !m || (size = treeobj_size (dir)) < held->min)
        return 0;
    common = treeobj_dir_common (base, dir);
    if (m->pos > common || size - m->pos > size / 4)
        return 0;
    treeobj_dir_write_from (dir, m->pos, &t);
    if ((r = text_error (&t)) < 0 || (r = blobhash_resume (hash, m->state)) < 0)
        return r;
    if (!(v = held_version_new (base, dir, common)))
        return -ENOMEM;
    if ((r = hash_from (v, hash, t.buf, t.len, m->pos)) < 0) {
        held_version_free (v);
        return r;
    }
    v->hold = true;
    *ret = v;
    return 1;
}

int held_name_full (struct held *held,
                    struct blobhash *hash,
                    struct treeobj *base,
                    struct treeobj *dir,
                    const char *text,
                    size_t len,
                    struct held_version **ret)
{
    struct held_version *v;
    size_t common;
    int r;

    if (held->min == 0 || len < held->min || base == dir
        || (common = treeobj_dir_common (base, dir)) < len / 2)
        return 0;
    if (!(v = held_version_new (base, dir, common)))
        return -ENOMEM;
    blobhash_begin (hash);
    if ((r = hash_from (v, hash, text, len, 0)) < 0) {
        held_version_free (v);
        return r;
    }
    *ret = v;
    return 1;
}

/* ---- publishing ---- */

/* The lineage that base is the newest version of, or a new one. */
static struct lineage *
lineage_for (struct held *held, struct ns *ns, const struct treeobj *base)
{
    const struct memo *m = treeobj_dir_memo (base);
    struct lineage *l = m ? m->lineage : NULL;

    if (l && l->ns == ns && l->dir == base) {
        l->refcount++;
        return l;
    }
    if (!(l = calloc (1, sizeof (*l))))
        return NULL;
    l->refcount = 1;
    l->held = held;
    list_init (&l->link);
    list_init (&l->ns_link);
    list_init (&l->versions);
    return l;
}

static struct memo *memo_new (struct held_version *v)
{
    struct memo *m = calloc (1, sizeof (*m));

    if (m) {
        m->state = move_ptr (v->state);
        m->pos = v->common;
        m->lineage = v->lineage;
        m->lineage->refcount++;
    }
    return m;
}

/* What base has and the new version has not. */
static int write_rest (struct held_version *v)
{
    struct text t = TEXT_INIT;

    treeobj_dir_write_from (v->base, v->common, &t);
    if (!(v->rest = text_take (&t, &v->restlen))) {
        text_fini (&t);
        return -ENOMEM;
    }
    return 0;
}

int held_prepare (struct held *held, struct ns *ns, struct held_version *v)
{
    struct memo *m;
    int r;

    v->held = held;
    v->ns = ns;
    if (!(v->lineage = lineage_for (held, ns, v->base))
        || !(v->next = calloc (1, sizeof (*v->next))))
        return -ENOMEM;
    if (!list_empty (&v->lineage->versions) && (r = write_rest (v)) < 0)
        return r;
    if (!(m = memo_new (v)))
        return -ENOMEM;
    treeobj_dir_set_memo (v->dir, m, memo_free);
    v->next->ref = v->ref;
    list_init (&v->next->link);
    list_init (&v->next->age);
    if (v->hold) {
        if ((r = table_put (&held->versions, &v->next->ref, sizeof (v->next->ref),
                            v->next))
            < 0)
            return r;
        v->next->held = true;
    }
    return 0;
}

/* The newest version so far becomes the next to newest. */
static void supersede (struct held *held, struct held_version *v)
{
    struct version *old = list_first (&v->lineage->versions, struct version, link);
    struct version *oldest;

    if (!old)
        return;
    /* Without older ones that are held nobody needs it. */
    if (!old->held && old->link.next == &v->lineage->versions) {
        version_free (held, old);
        return;
    }
    old->common = v->common;
    old->rest = move_ptr (v->rest);
    old->restlen = v->restlen;
    list_append (&held->superseded, &old->age);
    held->nsuperseded++;
    while (held->nsuperseded > HELD_MAX) {
        oldest = list_first (&held->superseded, struct version, age);
        version_free (held, oldest);
    }
}

void held_publish (struct held *held, struct held_version *v)
{
    struct lineage *l = v->lineage;
    struct version *next = move_ptr (v->next);

    supersede (held, v);
    next->lineage = l;
    list_prepend (&l->versions, &next->link);
    treeobj_put (l->dir);
    l->dir = treeobj_get (v->dir);
    lineage_unpin (l);
    list_del (&l->link);
    if (!l->ns) { /* new: one reference is that of its versions */
        l->ns = v->ns;
        l->refcount++;
        list_append (&l->ns->lineages, &l->ns_link);
    }
    if (next->held) {
        list_append (&held->lineages, &l->link);
        l->pin = cache_pin (held->cache, &v->ref);
    }
}
