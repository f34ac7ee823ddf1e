#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "base64.h"
#include "blobhash.h"
#include "tap.h"
#include "treeobj.h"

static json_t *vectors (const char *name)
{
    const char *srcdir = getenv ("SRCDIR");
    char path[4096];
    json_error_t e;
    json_t *o;

    snprintf (path, sizeof (path), "%s/t/vectors/%s", srcdir ? srcdir : "..", name);
    if (!(o = json_load_file (path, 0, &e)))
        bail_out ("%s: %s", path, e.text);
    return o;
}

static const char *str (json_t *o, const char *key)
{
    const char *s = json_string_value (json_object_get (o, key));

    if (!s)
        bail_out ("a vector lacks %s", key);
    return s;
}

static bool same_ref (struct blobhash *h, const void *data, size_t len, const char *want)
{
    struct blobref ref;
    char buf[BLOBREF_TEXT_SIZE];

    blobhash_sum (h, data, len, &ref);
    return strcmp (blobref_str (&ref, buf), want) == 0;
}

static void vector_object (json_t *v, struct blobhash **h)
{
    const char *want = str (v, "canonical");
    char *in =
        json_dumps (json_object_get (v, "object"), JSON_INDENT (1) | JSON_ENSURE_ASCII);
    struct treeobj *o = NULL, *again = NULL;
    char *out;

    ok (treeobj_parse (in, strlen (in), &o) == 0, "%s: parsed", str (v, "name"));
    if (!o)
        return;
    out = treeobj_text (o);
    is (out, want, "%s: canonical text", str (v, "name"));
    ok (same_ref (h[0], out, strlen (out), str (v, "sha1"))
            && same_ref (h[1], out, strlen (out), str (v, "sha256")),
        "%s: blobrefs", str (v, "name"));
    ok (treeobj_parse (out, strlen (out), &again) == 0 && treeobj_equal (o, again),
        "%s: reads its own text", str (v, "name"));
    treeobj_put (o);
    treeobj_put (again);
    free (out);
    free (in);
}

static void vector_blob (json_t *v, struct blobhash **h)
{
    const char *b64 = str (v, "base64");
    char *data = malloc (strlen (b64) + 1);
    ssize_t n = base64_decode (data, b64, strlen (b64));

    ok (n >= 0 && same_ref (h[0], data, n, str (v, "sha1"))
            && same_ref (h[1], data, n, str (v, "sha256")),
        "a blob of %d bytes", (int)n);
    free (data);
}

static void vector_invalid (json_t *v)
{
    char *in = json_dumps (json_object_get (v, "object"), JSON_ENCODE_ANY);
    struct treeobj *o = NULL;
    int r = treeobj_parse (in, strlen (in), &o);

    ok (r == -json_integer_value (json_object_get (v, "errno")) && !o, "refuses %s", in);
    free (in);
}

static void vector_file (void)
{
    json_t *o = vectors ("kvs-treeobj.json");
    struct blobhash *h[2];
    struct blobref ref;
    size_t i;
    json_t *v;

    if (blobhash_new (BLOBREF_SHA1, &h[0]) < 0
        || blobhash_new (BLOBREF_SHA256, &h[1]) < 0)
        bail_out ("no hashes");
    json_array_foreach (json_object_get (o, "objects"), i, v) vector_object (v, h);
    json_array_foreach (json_object_get (o, "blobs"), i, v) vector_blob (v, h);
    json_array_foreach (json_object_get (o, "blobref_valid"), i, v)
        ok (blobref_parse (json_string_value (v), json_string_length (v), &ref) == 0,
            "accepts %s", json_string_value (v));
    json_array_foreach (json_object_get (o, "blobref_invalid"), i, v) ok (
        blobref_parse (json_string_value (v), json_string_length (v), &ref) == -EINVAL,
        "refuses '%s'", json_string_value (v));
    json_array_foreach (json_object_get (o, "invalid_objects"), i, v) vector_invalid (v);
    blobhash_free (h[0]);
    blobhash_free (h[1]);
    json_decref (o);
}

static int parse (const char *in)
{
    struct treeobj *o = NULL;
    int r = treeobj_parse (in, strlen (in), &o);

    treeobj_put (o);
    return r;
}

static void parsing (void)
{
    ok (parse ("{\"data\":\"\",\"type\":\"val\",\"ver\":1}") == 0, "a val");
    ok (parse ("{\"data\":\"\",\"type\":\"val\",\"ver\":1} x") == -EPROTO
            && parse ("{\"data\":\"\",\"type\":\"val\",\"ver\":1") == -EPROTO
            && parse ("{\"data\":5,\"type\":\"val\",\"ver\":1") == -EPROTO
            && parse ("") == -EPROTO,
        "what is not JSON is another error than what is no tree object");
    ok (parse ("{\"data\":5,\"data\":\"\",\"type\":\"val\",\"ver\":1}") == -EINVAL,
        "a wrong member is not forgiven for a right one of the same name");
    ok (parse ("{\"data\":{\"a\":{\"data\":\"\",\"type\":\"val\",\"ver\":1},"
               "\"a\":{\"data\":\"\",\"type\":\"val\",\"ver\":1}},\"type\":\"dir\","
               "\"ver\":1}")
            == 0,
        "a directory may name an entry twice: the last counts");
    ok (parse ("{\"ver\":1,\"type\":\"symlink\",\"data\":"
               "{\"a\":{\"ver\":1,\"type\":\"val\",\"data\":\"\"},\"target\":\"x\"}}")
            == 0,
        "a symlink may look like a dir at first");
    ok (parse ("{\"ver\":1,\"type\":\"dir\",\"data\":{\"target\":\"x\"}}") == -EINVAL
            && parse ("{\"ver\":1,\"type\":\"symlink\",\"data\":{}}") == -EINVAL,
        "neither is taken for the other");
}

static void nested_too_deep (void)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    int depth = 100000;

    for (int i = 0; i < depth; i++)
        text_puts (&t, "{\"ver\":1,\"type\":\"dir\",\"data\":{\"\":");
    for (int i = 0; i < depth; i++)
        text_puts (&t, "}}");
    ok (parse (t.buf) == -EPROTO, "nesting has a limit");
}

static void values (void)
{
    struct treeobj *o = NULL;
    void *data = NULL;
    size_t len;
    const char *b64;

    ok (treeobj_val_new ("a\0b", 3, &o) == 0, "a val of bytes");
    b64 = treeobj_val_base64 (o, &len);
    ok (len == 4 && strcmp (b64, "YQBi") == 0, "is kept as base64");
    ok (treeobj_val_decode (o, &data, &len) == 0 && len == 3
            && memcmp (data, "a\0b", 4) == 0,
        "and decoded with a NUL behind");
    free (data);
    treeobj_put (o);
    ok (treeobj_val_new_base64 ("\"\\", 2, &o) == 0, "text that is not base64");
    ok (treeobj_val_decode (o, &data, &len) == -EPROTO, "is not decoded");
    b64 = treeobj_text (o);
    is (b64, "{\"data\":\"\\\"\\\\\",\"type\":\"val\",\"ver\":1}", "but kept");
    free ((char *)b64);
    treeobj_put (o);
}

static struct blobref numbered (int kind, unsigned int i)
{
    struct blobref ref = { .kind = kind };

    memcpy (ref.bytes, &i, sizeof (i));
    return ref;
}

static bool ref_is (const struct treeobj *o, size_t i, int kind)
{
    struct blobref got, want = numbered (kind, i);

    return treeobj_ref_at (o, i, &got) == 0 && blobref_equal (&got, &want);
}

/* The text of o from a reference on is that of a valref of those references. */
static bool written_from (const struct treeobj *o, size_t from)
{
    struct text t = TEXT_INIT;
    struct treeobj *end = NULL;
    size_t count = treeobj_ref_count (o);
    bool good;

    treeobj_valref_write_from (o, from, &t);
    good = treeobj_parse (t.buf, t.len, &end) == 0
           && treeobj_ref_count (end) == count - from;
    for (size_t i = from; good && i < count; i++) {
        struct blobref a, b;

        good = treeobj_ref_at (o, i, &a) == 0 && treeobj_ref_at (end, i - from, &b) == 0
               && blobref_equal (&a, &b);
    }
    treeobj_put (end);
    text_fini (&t);
    return good;
}

static void appending (void)
{
    struct blobref ref = numbered (BLOBREF_SHA1, 0);
    struct treeobj *o = NULL, *old, *next, *fork = NULL, *parsed = NULL;
    bool good = true;
    size_t pos = 0, n = 0;
    char *text;

    treeobj_valref_new (&ref, 1, &o);
    old = treeobj_get (o);
    for (int i = 1; i < 100000; i++) {
        ref = numbered (BLOBREF_SHA1, i);
        if (treeobj_valref_append (o, &ref, 1, &next) < 0)
            bail_out ("out of memory");
        treeobj_put (o);
        o = next;
    }
    ok (treeobj_ref_count (o) == 100000 && treeobj_ref_count (old) == 1,
        "appending leaves the old version as it was");
    for (int i = 0; i < 100000; i += 997)
        good &= ref_is (o, i, BLOBREF_SHA1);
    ok (good && treeobj_ref_at (o, 100000, &ref) == -EINVAL, "references by index");
    ok (written_from (o, 0) && written_from (o, 1) && written_from (o, 99999),
        "and the text of those from one on");
    while (treeobj_ref_next (o, &pos, &ref))
        n++;
    ok (n == 100000, "references in turn");
    ref = numbered (BLOBREF_SHA256, 1);
    ok (treeobj_valref_append (old, &ref, 1, &fork) == 0 && ref_is (fork, 0, BLOBREF_SHA1)
            && ref_is (fork, 1, BLOBREF_SHA256) && ref_is (o, 1, BLOBREF_SHA1),
        "a second line of versions does not disturb the first");
    next = NULL;
    ok (treeobj_valref_concat (fork, fork, &next) == 0 && treeobj_ref_count (next) == 4
            && treeobj_ref_at (next, 3, &ref) == 0 && ref.kind == BLOBREF_SHA256
            && treeobj_ref_at (next, 2, &ref) == 0 && ref.kind == BLOBREF_SHA1,
        "joined to itself, with kinds of hash mixed");
    ok (written_from (next, 2) && written_from (next, 3), "also of mixed ones");
    text = treeobj_text (next);
    ok (treeobj_parse (text, strlen (text), &parsed) == 0 && treeobj_equal (parsed, next),
        "and read back");
    free (text);
    treeobj_put (parsed);
    treeobj_put (next);
    treeobj_put (fork);
    treeobj_put (old);
    treeobj_put (o);
}

static void symlinks (void)
{
    struct treeobj *o = NULL;
    char *text;

    ok (treeobj_symlink_new ("ns", "a.\"b", &o) == 0, "a symlink");
    is (treeobj_symlink_target (o), "a.\"b", "has a target");
    is (treeobj_symlink_namespace (o), "ns", "and a namespace");
    text = treeobj_text (o);
    is (text,
        "{\"data\":{\"namespace\":\"ns\",\"target\":\"a.\\\"b\"},\"type\":\"symlink\","
        "\"ver\":1}",
        "and canonical text");
    free (text);
    treeobj_put (o);
    ok (treeobj_symlink_new (NULL, "", &o) == 0 && !treeobj_symlink_namespace (o),
        "without namespace");
    treeobj_put (o);
}

/* A directory against the simplest model: does each name of a small universe
 * have the value last set?
 */
#define NAMES 700

struct model {
    int value[NAMES]; /* 0: absent */
    size_t count;
};

static const char *name_of (int i, char *buf)
{
    sprintf (buf, "%x", i * 37 % NAMES);
    return buf;
}

static struct treeobj *value_of (int v)
{
    struct treeobj *o;

    if (treeobj_val_new (&v, sizeof (v), &o) < 0)
        bail_out ("out of memory");
    return o;
}

static bool agrees (const struct treeobj *dir, const struct model *m)
{
    struct treeobj_iter it = { 0 };
    const char *name, *last = NULL;
    struct treeobj *o;
    size_t len, n = 0;
    char buf[16];

    for (int i = 0; i < NAMES; i++) {
        struct treeobj *want = m->value[i] ? value_of (m->value[i]) : NULL;

        name_of (i, buf);
        o = treeobj_dir_find (dir, buf, strlen (buf));
        if (!o != !want || (o && !treeobj_equal (o, want)))
            return false;
        treeobj_put (want);
    }
    while (treeobj_dir_next (dir, &it, &name, &len, &o)) {
        if (last && strcmp (last, name) >= 0)
            return false;
        last = name;
        n++;
    }
    return n == m->count && treeobj_dir_count (dir) == n;
}

static void mutate (struct treeobj **dir, struct model *m, unsigned int *seed)
{
    int i = rand_r (seed) % NAMES;
    int v = rand_r (seed) % 3;
    char buf[16];

    name_of (i, buf);
    if (v > 0) {
        struct treeobj *o = value_of (v);

        if (treeobj_dir_set (dir, buf, strlen (buf), o) < 0)
            bail_out ("out of memory");
        m->count += !m->value[i];
        m->value[i] = v;
        treeobj_put (o);
    }
    else {
        int r = treeobj_dir_del (dir, buf, strlen (buf));

        if (r != (m->value[i] ? 0 : -ENOENT))
            bail_out ("deletion of an entry gave %d", r);
        m->count -= !!m->value[i];
        m->value[i] = 0;
    }
}

/* A version's text is what it has in common with the one before and the rest. */
static bool
delta_agrees (const struct treeobj *old, const struct treeobj *new, unsigned int *seed)
{
    _cleanup_ (text_fini) struct text a = TEXT_INIT;
    _cleanup_ (text_fini) struct text b = TEXT_INIT;
    _cleanup_ (text_fini) struct text rest = TEXT_INIT;
    size_t common = treeobj_dir_common (old, new);
    size_t from;

    treeobj_write (old, &a);
    treeobj_write (new, &b);
    if (treeobj_size (new) != b.len || common > a.len || common > b.len
        || memcmp (a.buf, b.buf, common) != 0)
        return false;
    from = rand_r (seed) % 2 ? common : rand_r (seed) % b.len;
    treeobj_dir_write_from (new, from, &rest);
    return rest.len == b.len - from && memcmp (rest.buf, b.buf + from, rest.len) == 0;
}

/* A log among other entries: all but the last references is common. */
static void deltas_of_logs (void)
{
    struct blobref ref = numbered (BLOBREF_SHA1, 0);
    struct treeobj *dir, *log, *next, *old, *v = value_of (1);
    unsigned int seed = 1;
    bool good = true, enough = true;

    treeobj_dir_new (&dir);
    treeobj_dir_set (&dir, "a", 1, v);
    treeobj_dir_set (&dir, "z\"", 2, v);
    treeobj_valref_new (&ref, 1, &log);
    treeobj_dir_set (&dir, "log", 3, log);
    for (int i = 1; i < 1000; i++) {
        ref = numbered (i % 100 == 99 ? BLOBREF_SHA256 : BLOBREF_SHA1, i);
        treeobj_valref_append (log, &ref, 1, &next);
        treeobj_put (log);
        log = next;
        old = treeobj_get (dir);
        treeobj_dir_set (&dir, "log", 3, log);
        good &= delta_agrees (old, dir, &seed);
        enough &= treeobj_size (old) - treeobj_dir_common (old, dir) < 200;
        treeobj_put (old);
    }
    ok (good && enough, "versions of a log differ in their ends only");
    treeobj_put (dir);
    treeobj_put (log);
    treeobj_put (v);
}

static void versions (unsigned int seed)
{
    struct treeobj *dir, *old, *parsed;
    struct model now = { 0 }, then;
    bool good = true, old_good = true, text_good = true, delta_good = true;

    treeobj_dir_new (&dir);
    for (int round = 0; round < 60; round++) {
        char *text;

        old = treeobj_get (dir);
        then = now;
        for (int i = 0; i < 150; i++)
            mutate (&dir, &now, &seed);
        good &= agrees (dir, &now);
        delta_good &= delta_agrees (old, dir, &seed);
        old_good &= agrees (old, &then);
        treeobj_put (old);
        text = treeobj_text (dir);
        parsed = NULL;
        text_good &=
            treeobj_parse (text, strlen (text), &parsed) == 0 && agrees (parsed, &now);
        treeobj_put (parsed);
        free (text);
    }
    ok (good, "a directory holds what was put last, sorted");
    ok (old_good, "and its older versions what they held");
    ok (text_good, "and its text says so too");
    ok (delta_good, "what versions have in common, and the rest, make their texts");
    for (int i = 0; i < NAMES; i++) {
        char buf[16];

        name_of (i, buf);
        treeobj_dir_del (&dir, buf, strlen (buf));
    }
    ok (treeobj_dir_count (dir) == 0, "an emptied directory is empty");
    treeobj_put (dir);
}

static void remembered_ref (void)
{
    struct blobref ref = numbered (BLOBREF_SHA1, 7);
    struct treeobj *dir, *copy, *v = value_of (1);

    treeobj_dir_new (&dir);
    ok (!treeobj_dir_ref (dir), "a new directory is not stored");
    treeobj_dir_set_ref (dir, &ref);
    ok (treeobj_dir_ref (dir) && blobref_equal (treeobj_dir_ref (dir), &ref),
        "... now it is");
    copy = treeobj_get (dir);
    treeobj_dir_set (&copy, "a", 1, v);
    ok (copy != dir && !treeobj_dir_ref (copy) && treeobj_dir_ref (dir),
        "a changed copy is not");
    treeobj_dir_set (&dir, "a", 1, v);
    ok (!treeobj_dir_ref (dir), "nor is one changed in place");
    treeobj_put (copy);
    treeobj_put (dir);
    treeobj_put (v);
}

int main (void)
{
    vector_file ();
    parsing ();
    nested_too_deep ();
    values ();
    appending ();
    symlinks ();
    deltas_of_logs ();
    versions (1);
    versions (20261121);
    remembered_ref ();
    return done_testing ();
}
