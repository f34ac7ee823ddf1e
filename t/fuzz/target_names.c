/* target_names.c - small texts: id sets, host lists, ids, durations, digests. */

#include "config.h"
#include <math.h>
#include <stdio.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "common/base64.h"
#include "common/blobref.h"
#include "common/fluid.h"
#include "common/fsd.h"
#include "common/utf8.h"
#include "fuzz.h"

/* ---- idset ------------------------------------------------------------------ */

static void reencode (const struct idset *ids, int flags)
{
    struct idset *again;
    char *s;

    if (!(flags & IDSET_FLAG_RANGE) && idset_count (ids) > 10000)
        return;
    must ((s = idset_encode (ids, flags)) != NULL);
    must ((again = idset_decode (s)) != NULL);
    must (idset_equal (ids, again));
    idset_destroy (again);
    free (s);
}

static void walk_ids (const struct idset *ids)
{
    unsigned int id = idset_first (ids), last = IDSET_INVALID_ID;
    size_t n = 0;

    while (id != IDSET_INVALID_ID && n < 1000) {
        must (idset_test (ids, id) && (last == IDSET_INVALID_ID || id > last));
        must (idset_prev (ids, id) == last);
        last = id;
        id = idset_next (ids, id);
        n++;
    }
    must (id != IDSET_INVALID_ID || n == idset_count (ids));
    must (id != IDSET_INVALID_ID || last == idset_last (ids));
}

static void check_info (const char *s, const struct idset *ids)
{
    idset_error_t error;
    unsigned int max;
    size_t count;

    must ((idset_decode_info (s, -1, &count, &max, &error) == 0) == (ids != NULL));
    if (ids) {
        must (count == idset_count (ids) && max == idset_last (ids));
        must (!idset_decode_empty (s, -1) || count == 0);
    }
}

static void set_algebra (const struct idset *a, const struct idset *b)
{
    struct idset *u = idset_union (a, b), *i = idset_intersect (a, b);
    struct idset *ab = idset_difference (a, b), *ba = idset_difference (b, a);
    struct idset *x;

    must (u && i && ab && ba);
    must (idset_count (u) == idset_count (a) + idset_count (b) - idset_count (i));
    must (idset_count (ab) == idset_count (a) - idset_count (i));
    must (idset_has_intersection (a, b) == !idset_empty (i));
    must (!idset_has_intersection (ab, ba) && !idset_has_intersection (ab, i));
    must ((x = idset_union (ab, ba)) && idset_add (x, i) == 0 && idset_equal (x, u));
    must (idset_subtract (x, b) == 0 && idset_equal (x, ab));
    idset_destroy (x);
    idset_destroy (u);
    idset_destroy (i);
    idset_destroy (ab);
    idset_destroy (ba);
}

/* Two sets with a ';' between them. */
static void idset_one (const char *data, size_t size)
{
    _cleanup_ (freep) char *s = fuzz_string (data, size);
    char *second = strchr (s, ';');
    struct idset *a, *b;

    if (second)
        *second++ = '\0';
    a = idset_decode (s);
    check_info (s, a);
    if (a) {
        for (int flags = 0; flags <= 6; flags += 2)
            reencode (a, flags);
        walk_ids (a);
        if (second && (b = idset_decode (second))) {
            set_algebra (a, b);
            must (idset_decode_add (a, second, -1, NULL) == 0);
            must (idset_decode_subtract (a, second, -1, NULL) == 0);
            must (!idset_has_intersection (a, b));
            idset_destroy (b);
        }
    }
    idset_destroy (a);
}

static const struct fuzz_source idset_sources[] = {
    { "idset.json", "in", FUZZ_STRING },
    { "idset.json", "a", FUZZ_STRING },
    { 0 },
};

static const char *const idset_seeds[] = {
    "0-3;2-5", "1,3,5,7,64-128;[0-1024]",    "0-2147483646;5",
    "[]",      "0-1023,2048-4095;1000-3000", NULL,
};

static const char *const idset_words[] = {
    "0-3", ",", "-", "[", "]", ";", "2147483646", "2147483647", "1024-2047", "00", NULL,
};

const struct fuzz_target fuzz_idset = {
    .name = "idset",
    .one = idset_one,
    .sources = idset_sources,
    .seeds = idset_seeds,
    .words = idset_words,
};

/* ---- hostlist --------------------------------------------------------------- */

static void check_hosts (struct hostlist *hl, size_t n)
{
    const char *host = hostlist_first (hl);

    for (size_t i = 0; i < n; i++) {
        _cleanup_ (freep) char *copy = host ? strdup (host) : NULL;
        int found;

        must (copy != NULL && strcmp (copy, hostlist_current (hl)) == 0);
        found = hostlist_find (hl, copy);
        must (found >= 0 && (size_t)found <= i);
        must (strcmp (hostlist_nth (hl, found), copy) == 0);
        must (strcmp (hostlist_nth (hl, i), copy) == 0);
        host = hostlist_next (hl);
    }
}

static void check_sort (const struct hostlist *hl)
{
    struct hostlist *a = hostlist_copy (hl);
    int count = hostlist_count (a), uniq;
    char *s1, *s2;

    hostlist_sort (a);
    must (hostlist_count (a) == count);
    must ((s1 = hostlist_encode (a)) != NULL);
    hostlist_sort (a);
    must ((s2 = hostlist_encode (a)) && strcmp (s1, s2) == 0);
    hostlist_uniq (a);
    uniq = hostlist_count (a);
    must (uniq <= count && (uniq > 0) == (count > 0));
    hostlist_uniq (a);
    must (hostlist_count (a) == uniq);
    free (s1);
    free (s2);
    hostlist_destroy (a);
}

static void check_delete (const struct hostlist *hl, const char *text)
{
    struct hostlist *a = hostlist_copy (hl);

    must (hostlist_append (a, text) == hostlist_count ((struct hostlist *)hl));
    must (hostlist_delete (a, text) == hostlist_count ((struct hostlist *)hl));
    must (hostlist_count (a) == hostlist_count ((struct hostlist *)hl));
    hostlist_destroy (a);
}

static void same_hosts (struct hostlist *a, struct hostlist *b, size_t n)
{
    const char *x = hostlist_first (a), *y = hostlist_first (b);

    for (size_t i = 0; i < n; i++) {
        must (x && y && strcmp (x, y) == 0);
        x = hostlist_next (a);
        y = hostlist_next (b);
    }
}

/* A second pair of brackets in a name is not expanded, as it is upstream: those
 * hosts' names cannot be written down.
 */
static bool has_odd_names (const char *s)
{
    const char *close = strchr (s, ']');

    while (close) {
        const char *name_end = close + strcspn (close, ", \t");

        if (memchr (close, '[', name_end - close))
            return true;
        close = strchr (close + 1, ']');
    }
    return false;
}

static void hostlist_one (const char *data, size_t size)
{
    _cleanup_ (freep) char *s = fuzz_string (data, size);
    struct hostlist *hl, *again;
    char *s1, *s2, *s3;
    int count;

    if (!(hl = hostlist_decode (s))) {
        must (errno == EINVAL || errno == ERANGE);
        return;
    }
    count = hostlist_count (hl);
    if (has_odd_names (s) || count > 100000) {
        hostlist_destroy (hl);
        return;
    }
    must ((s1 = hostlist_encode (hl)) != NULL);
    must ((again = hostlist_decode (s1)) && hostlist_count (again) == count);
    same_hosts (hl, again, count < 2000 ? count : 2000);
    must ((s2 = hostlist_encode (again)) != NULL);
    hostlist_destroy (again);
    /* 1[50],4 is written 150,4 and that [150,4]; there it ends */
    must ((again = hostlist_decode (s2)) && hostlist_count (again) == count);
    must ((s3 = hostlist_encode (again)) && strcmp (s2, s3) == 0);
    check_hosts (again, count < 50 ? count : 50);
    if (count < 2000) {
        check_sort (hl);
        check_delete (hl, s);
    }
    free (s1);
    free (s2);
    free (s3);
    hostlist_destroy (again);
    hostlist_destroy (hl);
}

static const struct fuzz_source hostlist_sources[] = {
    { "hostlist.json", "in", FUZZ_STRING },
    { "hostlist.json", "list", FUZZ_STRING },
    { "hostlist.json", "delete", FUZZ_STRING },
    { 0 },
};

static const char *const hostlist_words[] = {
    "foo", "[0-3]", "[",       "]",       ",",
    "-",   "007",   "[00-10]", "x[1-2]y", "18446744073709551615",
    NULL,
};

const struct fuzz_target fuzz_hostlist = {
    .name = "hostlist",
    .one = hostlist_one,
    .sources = hostlist_sources,
    .words = hostlist_words,
};

/* ---- words: what is one word ------------------------------------------------ */

static void fluid_word (const char *s)
{
    uint64_t id, again;

    if (fluid_decode (s, &id) < 0)
        return;
    for (int type = FLUID_DEC; type <= FLUID_F58PLAIN; type++) {
        char buf[FLUID_BUFSIZE];
        int n = fluid_encode (buf, sizeof (buf), id, type);

        must (n > 0 && (size_t)n == strlen (buf));
        must (fluid_decode (buf, &again) == 0 && again == id);
    }
}

static void fsd_word (const char *s)
{
    char buf[FSD_BUFSIZE];
    double d, again;

    if (fsd_pyparse (s, &d) == 0)
        must (d >= 0);
    if (fsd_parse (s, &d) < 0)
        return;
    must (d >= 0);
    must (fsd_format (buf, sizeof (buf), d) > 0);
    must (fsd_parse (buf, &again) == 0);
    must (isinf (d) ? isinf (again) : fabs (again - d) <= d * 1e-5 + 1e-9);
    for (const char *p = "FHP"; *p; p++)
        fsd_pyformat (buf, sizeof (buf), d, *p);
}

static void base64_word (const char *s, size_t len)
{
    _cleanup_ (freep) char *data = malloc (base64_decoded_max (len) + 1);
    _cleanup_ (freep) char *text = malloc (base64_encoded_size (len) + 1);
    _cleanup_ (freep) char *back = malloc (len + 3);
    ssize_t n;

    must (data && text && back);
    n = base64_decode (data, s, len);
    must (n == -EINVAL || (n >= 0 && (size_t)n <= base64_decoded_max (len)));
    must (base64_encode (text, s, len) == base64_encoded_size (len));
    must (base64_decode (back, text, base64_encoded_size (len)) == (ssize_t)len);
    must (len == 0 || memcmp (back, s, len) == 0);
}

static void blobref_word (const char *s, size_t len)
{
    struct blobref ref;
    char buf[BLOBREF_TEXT_SIZE];
    int r = blobref_parse (s, len, &ref);

    must ((r == 0) == blobref_text_valid (s, len));
    if (r == 0)
        must (strlen (blobref_str (&ref, buf)) == len && memcmp (buf, s, len) == 0);
}

/* jansson refuses exactly what is not UTF-8. */
static void utf8_word (const char *s, size_t len)
{
    json_t *o = json_stringn (s, len);

    must (utf8_valid (s, len) == (o != NULL));
    json_decref (o);
}

static void words_one (const char *data, size_t size)
{
    _cleanup_ (freep) char *s = fuzz_string (data, size);
    _cleanup_ (freep) char *bytes = fuzz_bytes (data, size);

    fluid_word (s);
    fsd_word (s);
    base64_word (bytes, size);
    blobref_word (bytes, size);
    utf8_word (bytes, size);
}

static const struct fuzz_source words_sources[] = {
    { "fluid.json", "in", FUZZ_STRING },
    { "fsd.json", "in", FUZZ_STRING },
    { "kvs-treeobj.json", "base64", FUZZ_STRING },
    { "kvs-treeobj.json", "blobref_valid", FUZZ_JSON },
    { 0 },
};

static const char *const words_seeds[] = {
    "sha1-c0a9faf907dda6216fd73bf81d0b3b21a1a8cb91",
    "YWJj",
    "YQ==",
    "\xc6\x92"
    "2oLkTLb",
    NULL,
};

static const char *const words_words[] = {
    "sha1-", "sha256-", "0x",  "job.", "\xc6\x92", "\xed\xa0\x80", "\xf4\x90\x80\x80",
    "==",    "inf",     "nan", "ms",   "e-",       NULL,
};

const struct fuzz_target fuzz_words = {
    .name = "words",
    .one = words_one,
    .sources = words_sources,
    .seeds = words_seeds,
    .words = words_words,
};
