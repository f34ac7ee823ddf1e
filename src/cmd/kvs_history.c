/* kvs_history.c - flux kvs history: what a key was in all roots that are kept.
 *
 * The log of past roots says which there were, a page at a time from the end; the
 * key is looked up in each, newest first and many at a time, and a line is made where
 * two roots that follow each other have different objects for it.  Objects name their content,
 * so nothing below a key that did not change is looked at.
 */

#include "config.h"
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "cmd.h"
#include "common/text.h"
#include "common/treeobj.h"
#include "kvs.h"

#define WINDOW 256 /* lookups on their way */
#define PAGE 1000  /* roots that are asked for at a time */

struct root {
    json_int_t seq;
    double time;
    char *ref;
};

/* From this root on the key was this object. */
struct change {
    struct root root;
    char *obj;         /* NULL: absent */
    bool since_before; /* in the oldest root that is kept */
};

struct history {
    const char *ns;
    const char *key;
    bool json;
    bool treeobj;
    long long limit; /* 0: none */
    long long since;
    long long width_option;
    int width;
    flux_t *h;
    struct root *roots; /* newest first */
    size_t nroots;
    bool complete;          /* there are no older ones */
    struct change *changes; /* newest first */
    size_t nchanges;
};

static const struct opt opts[] = {
    { 'N', "namespace", OPT_REQUIRED, "NAME", "KVS namespace" },
    { 'n', "limit", OPT_REQUIRED, "N", "the last N changes" },
    { 's', "since", OPT_REQUIRED, "SEQ", "in roots from sequence number SEQ on" },
    { 't', "treeobj", OPT_NONE, NULL, "tree objects (RFC 11) instead of values" },
    { 'j', "json", OPT_NONE, NULL, "one JSON object per change" },
    { 'w', "width", OPT_REQUIRED, "COLS", "cut lines there (0: never)" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-kvs history",
    .usage = "[OPTIONS] KEY",
    .summary = "Print what a key has been, in all roots that are kept.",
    .example = "flux kvs history --limit=10 a.b; flux kvs get --at=42 a.b",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct history *y = data;

    switch (key) {
        case 'N':
            y->ns = arg;
            break;
        case 'n':
            y->limit = opt_number (&table, "limit", arg, 1, LLONG_MAX);
            break;
        case 's':
            y->since = opt_number (&table, "since", arg, 0, LLONG_MAX);
            break;
        case 't':
            y->treeobj = true;
            break;
        case 'j':
            y->json = true;
            break;
        case 'w':
            y->width_option = opt_number (&table, "width", arg, 0, INT_MAX);
            break;
    }
}

/* ---- the log of roots ---- */

/* kvs.root-log: at most 'limit' roots (0: all) from 'since' on. */
static flux_future_t *
root_log (flux_t *h, const char *ns, long long since, long long limit, json_t **roots)
{
    flux_future_t *f =
        flux_rpc_pack (h, "kvs.root-log", 0, 0, "{s:s s:I s:I}", "namespace",
                       kvs_ns_name (ns), "since", since, "limit", limit);

    if (!f || flux_rpc_get_unpack (f, "{s:o}", "roots", roots) < 0) {
        if (f && errno == ENOSYS)
            cmd_die ("the kvs module of this instance keeps no log of past roots");
        kvs_die (kvs_ns_name (ns), f);
    }
    return f;
}

/* A copy of it. */
static bool unpack_root (json_t *o, struct root *root)
{
    const char *ref;

    if (json_unpack (o, "[I,F,s]", &root->seq, &root->time, &ref) < 0)
        return false;
    root->ref = cmd_strndup (ref, strlen (ref));
    return true;
}

char *kvs_at (flux_t *h, const char *ns, const char *arg)
{
    struct root root;
    struct text t = TEXT_INIT;
    flux_future_t *f;
    json_t *roots;
    char *end;
    long long seq = strtoll (arg, &end, 10);

    if (end == arg || *end)
        return cmd_strndup (arg, strlen (arg));
    f = root_log (h, ns, seq, 1, &roots);
    if (!unpack_root (json_array_get (roots, 0), &root) || root.seq != seq)
        cmd_die ("there is no root with sequence number %lld (any more)", seq);
    text_printf (&t, "{\"data\":[\"%s\"],\"type\":\"dirref\",\"ver\":1}", root.ref);
    if (text_error (&t))
        cmd_die ("out of memory");
    free (root.ref);
    flux_future_destroy (f);
    return text_take (&t, NULL);
}

static void add_root (struct history *y, json_t *o)
{
    struct root root;

    if (!unpack_root (o, &root))
        cmd_die ("malformed log of roots");
    y->roots = cmd_grow (y->roots, y->nroots, sizeof (y->roots[0]));
    y->roots[y->nroots++] = root;
}

/* The next older page. */
static void get_roots (struct history *y)
{
    bool first = y->nroots == 0;
    long long end = first ? 0 : y->roots[y->nroots - 1].seq; /* those before */
    long long since = first ? -PAGE : end > PAGE ? end - PAGE : 0;
    json_t *roots;
    flux_future_t *f = root_log (y->h, y->ns, since, first ? 0 : PAGE, &roots);
    size_t before = y->nroots;

    for (size_t i = json_array_size (roots); i > 0 && !y->complete; i--) {
        json_t *o = json_array_get (roots, i - 1);
        long long seq = json_integer_value (json_array_get (o, 0));

        if (seq < y->since)
            y->complete = true;
        else if (first || seq < end)
            add_root (y, o);
    }
    if (y->nroots == before || y->roots[y->nroots - 1].seq <= y->since)
        y->complete = true;
    flux_future_destroy (f);
}

/* The nth root, counted from the newest, or NULL. */
static const struct root *root_at (struct history *y, size_t n)
{
    while (n >= y->nroots && !y->complete)
        get_roots (y);
    return n < y->nroots ? &y->roots[n] : NULL;
}

static flux_future_t *lookup (const struct history *y, const struct root *root, int flags)
{
    struct text t = TEXT_INIT;
    flux_future_t *f;

    text_printf (&t, "{\"data\":[\"%s\"],\"type\":\"dirref\",\"ver\":1}", root->ref);
    if (text_error (&t))
        cmd_die ("out of memory");
    if (!(f = flux_kvs_lookupat (y->h, flags, y->key, t.buf)))
        kvs_die (y->key, NULL);
    text_fini (&t);
    return f;
}

/* ---- changes ---- */

/* The object, or NULL if there is none: the future keeps it. */
static const char *get_object (const struct history *y, flux_future_t *f)
{
    const char *obj;

    if (flux_kvs_lookup_get_treeobj (f, &obj) == 0)
        return obj;
    if (errno != ENOENT)
        kvs_die (y->key, f);
    return NULL;
}

static bool same (const char *a, const char *b)
{
    return a && b ? strcmp (a, b) == 0 : a == b;
}

/* The roots have been compared down to number n, which has another object than the one
 * before it, or is the oldest.  Returns false if that is enough.
 */
static bool add_change (struct history *y, size_t n, char *obj)
{
    const struct root *root = root_at (y, n);
    bool oldest = !root_at (y, n + 1);

    if (oldest && !obj)
        return false;      /* it was made later: that is told already */
    root = root_at (y, n); /* it may have moved */
    y->changes = cmd_grow (y->changes, y->nchanges, sizeof (y->changes[0]));
    y->changes[y->nchanges++] = (struct change){
        .root = *root,
        .obj = obj,
        .since_before = oldest && root->seq > 0,
    };
    return y->limit == 0 || y->nchanges < (size_t)y->limit;
}

static void find_changes (struct history *y)
{
    flux_future_t *f[WINDOW] = { NULL };
    size_t sent = 0;
    char *newer = NULL;
    bool more = root_at (y, 0);

    for (size_t i = 0; more; i++) {
        const char *obj = NULL;
        bool end, differs;

        for (; sent < i + WINDOW && root_at (y, sent); sent++)
            f[sent % WINDOW] = lookup (y, root_at (y, sent), FLUX_KVS_TREEOBJ);
        end = i == sent;
        if (!end)
            obj = get_object (y, f[i % WINDOW]);
        differs = end || !same (obj, newer);
        if (i > 0 && differs) {
            more = add_change (y, i - 1, newer) && !end;
            newer = NULL;
        }
        if (!end) {
            if (differs)
                newer = obj ? cmd_strndup (obj, strlen (obj)) : NULL;
            flux_future_destroy (f[i % WINDOW]);
            f[i % WINDOW] = NULL;
        }
    }
    for (size_t i = 0; i < WINDOW; i++)
        flux_future_destroy (f[i]);
    free (newer);
}

/* ---- output ---- */

static void format_time (double t, char *buf, size_t size)
{
    time_t seconds = t;
    struct tm tm;
    size_t n = strftime (buf, size, "%FT%T", gmtime_r (&seconds, &tm));

    snprintf (buf + n, size - n, ".%06dZ", (int)((t - seconds) * 1E6));
}

static void print_json (const struct history *y, const struct change *c, json_t *value)
{
    json_t *o = json_pack ("{s:I s:f s:s}", "seq", c->root.seq, "time", c->root.time,
                           "key", y->key);
    json_t *obj = c->obj ? json_loads (c->obj, 0, NULL) : json_null ();
    char *s;

    if (!o || json_object_set_new (o, "treeobj", obj) < 0
        || (value && json_object_set_new (o, "value", value) < 0)
        || (c->since_before && json_object_set_new (o, "before", json_true ()) < 0)
        || !(s = json_dumps (o, JSON_COMPACT)))
        cmd_die ("out of memory");
    printf ("%s\n", s);
    free (s);
    json_decref (o);
}

static void print_text (const struct history *y,
                        const struct change *c,
                        const struct treeobj *o,
                        const void *data,
                        size_t len)
{
    const char *ns =
        o && treeobj_type (o) == TREEOBJ_SYMLINK ? treeobj_symlink_namespace (o) : NULL;
    struct text t = TEXT_INIT;
    char when[64];

    format_time (c->root.time, when, sizeof (when));
    text_printf (&t, "%s%jd %s %s", c->since_before ? "<=" : "", (intmax_t)c->root.seq,
                 when, y->key);
    if (text_error (&t))
        cmd_die ("out of memory");
    if (!o)
        printf ("%s: none\n", t.buf);
    else if (y->treeobj)
        printf ("%s = %s\n", t.buf, c->obj);
    else if (treeobj_type (o) == TREEOBJ_SYMLINK)
        printf ("%s -> %s%s%s\n", t.buf, ns ? ns : "", ns ? "::" : "",
                treeobj_symlink_target (o));
    else if (treeobj_type (o) == TREEOBJ_DIR || treeobj_type (o) == TREEOBJ_DIRREF)
        printf ("%s.\n", t.buf);
    else
        kvs_print_value (t.buf, data, len, y->width);
    text_fini (&t);
}

static void
print_change (const struct history *y, const struct change *c, flux_future_t *value)
{
    struct treeobj *o = NULL;
    const void *data = NULL;
    json_t *text = NULL;
    size_t len = 0;

    if (c->obj && treeobj_parse (c->obj, strlen (c->obj), &o) < 0)
        cmd_die ("%s: malformed tree object", y->key);
    if (value && flux_kvs_lookup_get_raw (value, &data, &len) < 0)
        kvs_die (y->key, value);
    if (y->json) {
        /* Bytes that are no text are in the tree object, or under its references. */
        if (value)
            text = json_stringn (data ? data : "", len);
        print_json (y, c, text);
    }
    else
        print_text (y, c, o, data ? data : "", len);
    treeobj_put (o);
}

/* Values are fetched a few at a time: each can be large. */
static void print_changes (struct history *y)
{
    enum { AHEAD = 8 };
    flux_future_t *f[AHEAD] = { NULL };
    size_t n = y->nchanges;

    for (size_t i = 0, sent = 0; i < n; i++) {
        for (; sent < n && sent < i + AHEAD; sent++) {
            struct change *c = &y->changes[n - 1 - sent];
            bool value = c->obj && !y->treeobj && strstr (c->obj, "\"type\":\"val");

            f[sent % AHEAD] = value ? lookup (y, &c->root, 0) : NULL;
        }
        print_change (y, &y->changes[n - 1 - i], f[i % AHEAD]);
        flux_future_destroy (f[i % AHEAD]);
        free (y->changes[n - 1 - i].obj);
    }
    free (y->changes);
}

int kvs_history (int argc, char **argv)
{
    struct history y = { .width_option = -1 };
    int i = opt_parse (&table, argc, argv, set, &y);

    if (argc - i != 1)
        opt_usage (&table);
    y.key = argv[i];
    y.width = kvs_width (y.width_option);
    y.h = cmd_open ();
    find_changes (&y);
    if (y.nchanges == 0)
        cmd_die ("%s: %s", y.key, flux_strerror (ENOENT));
    print_changes (&y);
    for (size_t n = 0; n < y.nroots; n++)
        free (y.roots[n].ref);
    free (y.roots);
    flux_close (y.h);
    return 0;
}
