#include "config.h"
#include <stdio.h>

#include <flux/hostlist.h>

#include "testdata.h"

static void is_list (struct hostlist *hl, const char *want, const char *what)
{
    char *text = hostlist_encode (hl);

    is (text, want, "%s", what);
    free (text);
}

/* Each host in turn, by three ways. */
static bool hosts_are (struct hostlist *hl, json_t *want)
{
    const char *host = hostlist_first (hl);
    size_t i;
    json_t *o;

    json_array_foreach (want, i, o) {
        if (!host || strcmp (host, json_string_value (o)) != 0
            || strcmp (hostlist_current (hl), json_string_value (o)) != 0
            || strcmp (hostlist_nth (hl, i), json_string_value (o)) != 0)
            return false;
        host = hostlist_next (hl);
    }
    return host == NULL && hostlist_next (hl) == NULL;
}

/* Texts that are only accepted by accident elsewhere, and not here. */
static bool stricter (const char *in)
{
    return strcmp (in, "foo[1-]") == 0 || strchr (in, ' ') || strstr (in, "]]");
}

static void texts_are_read_and_written (json_t *list)
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        const char *in = testdata_str (o, "in");
        struct hostlist *hl = hostlist_decode (in);
        struct hostlist *cpy;

        if (testdata_quirk (o) && stricter (in)) {
            ok (!hl && errno == EINVAL, "%s is refused", testdata_show (o, "in"));
            continue;
        }
        if (strcmp (in, "foo18446744073709551616") == 0) {
            is_list (hl, in, "a number above 64 bits is part of the name");
            hostlist_destroy (hl);
            continue;
        }
        if (!json_is_true (json_object_get (o, "ok"))) {
            ok (!hl && errno == testdata_errno (o), "'%s' is refused", in);
            continue;
        }
        ok (hl != NULL, "%s is read", testdata_show (o, "in"));
        is_int (hostlist_count (hl),
                json_integer_value (json_object_get (o, "count")),
                "... has the right number of hosts");
        is_list (hl, testdata_str (o, "encode"), "... is written");
        if (json_object_get (o, "hosts"))
            ok (hosts_are (hl, json_object_get (o, "hosts")), "... has the right hosts");
        cpy = hostlist_copy (hl);
        is_list (cpy, testdata_str (o, "encode"), "... is copied");
        if (testdata_str (o, "sorted")) {
            hostlist_sort (hl);
            is_list (hl, testdata_str (o, "sorted"), "... is sorted");
            hostlist_uniq (cpy);
            is_list (cpy, testdata_str (o, "uniq"), "... is made unique");
            is_int (hostlist_count (cpy),
                    json_integer_value (json_object_get (o, "uniq_count")),
                    "... which leaves the right number");
        }
        hostlist_destroy (cpy);
        hostlist_destroy (hl);
    }
}

static void lists_are_sorted (json_t *list)
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        struct hostlist *hl = hostlist_decode (testdata_str (o, "in"));

        hostlist_sort (hl);
        is_list (hl, testdata_str (o, "sorted"), testdata_str (o, "in"));
        hostlist_uniq (hl);
        is_list (hl, testdata_str (o, "uniq"), "... unique");
        hostlist_destroy (hl);
    }
}

static void hosts_are_found (json_t *list)
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        const char *host = testdata_str (o, "host");
        struct hostlist *hl = hostlist_decode (testdata_str (o, "list"));
        struct hostlist_hostname *hn = hostlist_hostname_create (host);
        int want = json_integer_value (json_object_get (o, "index"));
        int index;

        errno = 0;
        index = hostlist_find (hl, host);
        ok (index == want && errno == testdata_errno (o),
            "%s in %s",
            host,
            testdata_str (o, "list"));
        if (hn)
            ok (hostlist_find_hostname (hl, hn) == want, "... taken apart once");
        else
            ok (testdata_errno (o) == EINVAL, "... is no host name");
        hostlist_hostname_destroy (hn);
        hostlist_destroy (hl);
    }
}

static void hosts_are_deleted (json_t *list)
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        struct hostlist *hl = hostlist_decode (testdata_str (o, "list"));

        ok (hostlist_delete (hl, testdata_str (o, "delete"))
                == json_integer_value (json_object_get (o, "rc")),
            "%s without %s",
            testdata_str (o, "list"),
            testdata_str (o, "delete"));
        is_list (hl, testdata_str (o, "result"), "... leaves the rest");
        hostlist_destroy (hl);
    }
}

static void hosts_are_appended (json_t *list)
{
    size_t i, k;
    json_t *o, *text;

    json_array_foreach (list, i, o) {
        struct hostlist *hl = hostlist_create ();

        json_array_foreach (json_object_get (o, "append"), k, text)
            ok (hostlist_append (hl, json_string_value (text))
                    == json_integer_value (
                        json_array_get (json_object_get (o, "rc"), k)),
                "appending '%s'",
                json_string_value (text));
        is_list (hl, testdata_str (o, "result"), "... gives the list");
        hostlist_destroy (hl);
    }
}

static void the_cursor_survives_removal (void)
{
    struct hostlist *hl = hostlist_decode ("a[1-5]");

    ok (!hostlist_current (hl), "at first there is no current host");
    is (hostlist_next (hl), "a1", "next gives the first");
    is (hostlist_nth (hl, 2), "a3", "the cursor moves to a3");
    ok (hostlist_remove_current (hl) == 1, "a3 is removed");
    ok (hostlist_current (hl) == NULL, "then nothing is current");
    ok (hostlist_remove_current (hl) == 0, "removing again does nothing");
    is (hostlist_next (hl), "a4", "next gives the one that followed");
    ok (hostlist_delete (hl, "a1") == 1, "one before the cursor is deleted");
    is (hostlist_current (hl), "a4", "the cursor stays with its host");
    is (hostlist_last (hl), "a5", "the last host");
    ok (hostlist_remove_current (hl) == 1 && !hostlist_next (hl), "is removed; no next");
    is_list (hl, "a[2,4]", "the rest remains");
    hostlist_destroy (hl);

    hl = hostlist_decode ("a1,b,a2");
    ok (hostlist_delete (hl, "b") == 1, "what was between two neighbours is deleted");
    is_list (hl, "a[1-2]", "they become one range");
    hostlist_destroy (hl);
}

static void bad_arguments_are_refused (void)
{
    struct hostlist *hl = hostlist_decode ("a1");

    ok (!hostlist_decode (NULL) && errno == EINVAL, "decode NULL");
    ok (!hostlist_encode (NULL) && errno == EINVAL, "encode NULL");
    ok (hostlist_count (NULL) == 0 && !hostlist_copy (NULL),
        "NULL counts 0 and has no copy");
    ok (!hostlist_nth (hl, -1) && errno == EINVAL, "index -1");
    ok (!hostlist_nth (hl, 1) && errno == ENOENT, "index beyond the end");
    ok (hostlist_append (NULL, "a") < 0 && errno == EINVAL, "append to NULL");
    ok (hostlist_append_list (hl, NULL) < 0 && errno == EINVAL, "append list NULL");
    ok (hostlist_append_list (hl, hl) == 1 && hostlist_count (hl) == 2,
        "a list is appended to itself");
    ok (hostlist_find (hl, NULL) < 0 && errno == EINVAL, "find NULL");
    ok (hostlist_delete (hl, "a[") < 0 && errno == EINVAL, "delete bad text");
    hostlist_sort (NULL);
    hostlist_uniq (NULL);
    hostlist_destroy (NULL);
    hostlist_hostname_destroy (NULL);
    hostlist_destroy (hl);
    ok (!hostlist_decode ("a[0-1048574]x,b[0-1]x") && errno == ERANGE,
        "hosts that must be spelled out are bounded as a whole");
    ok (!hostlist_decode ("foo[18446744073709551615-18446744073709551616]")
            && errno == ERANGE,
        "a range above 64 bits");
}

static void the_largest_numbers_work (void)
{
    struct hostlist *hl;

    hl = hostlist_decode ("n[18446744073709551614-18446744073709551615]");
    ok (hostlist_append (hl, "n0,n[8-11],n010,n9") == 7, "large and small together");
    hostlist_sort (hl);
    is_list (hl,
             "n[0,8-9,9-11,010,18446744073709551614-18446744073709551615]",
             "are sorted");
    hostlist_uniq (hl);
    is_list (hl,
             "n[0,8-11,010,18446744073709551614-18446744073709551615]",
             "and made unique");
    hostlist_destroy (hl);
}

static void a_big_list_is_cheap (void)
{
    struct hostlist *hl = hostlist_create ();

    for (int i = 0; i < 100; i++)
        must (hostlist_append (hl, "node[0-1048575]") == 1048576);
    hostlist_uniq (hl);
    is_list (hl, "node[0-1048575]", "100 times a million hosts are made unique");
    ok (hostlist_find (hl, "node777777") == 777777, "one is found");
    hostlist_destroy (hl);
}

static void a_small_text_stays_small (void)
{
    char text[1100];

    snprintf (text, sizeof (text), "a[0-1048575]%01000d", 0);
    errno = 0;
    ok (!hostlist_decode (text) && errno == ERANGE,
        "a million names of a thousand characters are not spelled out");
}

static void numbers_that_do_not_fit (void)
{
    struct hostlist *hl = hostlist_decode ("18446744073709551615[0-20]");

    ok (hostlist_find (hl, "1844674407370955161512") == 12,
        "a host is found whose digits, taken together, are no 64-bit number");
    ok (hostlist_find (hl, "1844674407370955161521") < 0
            && hostlist_find (hl, "18446744073709551615x1") < 0,
        "others are not");
    hostlist_destroy (hl);
}

/* A list as an array of names, and what should become of it. */
#define MODEL_MAX 4096

struct model {
    char *name[MODEL_MAX];
    int count;
};

static void model_add (struct model *m, const char *name)
{
    must (m->count < MODEL_MAX && (m->name[m->count] = strdup (name)));
    m->count++;
}

static void model_clear (struct model *m)
{
    while (m->count > 0)
        free (m->name[--m->count]);
}

static int compare_names (const void *x, const void *y)
{
    const char *a = *(char *const *)x;
    const char *b = *(char *const *)y;
    size_t na = strcspn (a, "0123456789");
    size_t nb = strcspn (b, "0123456789");
    int rc;

    if (na != nb || (rc = memcmp (a, b, na)) != 0)
        return strcmp (a, b) < 0 ? -1 : 1;
    if (strlen (a) != strlen (b))
        return strlen (a) < strlen (b) ? -1 : 1;
    return strcmp (a, b);
}

static void model_sort (struct model *m, bool uniq)
{
    int kept = 0;

    qsort (m->name, m->count, sizeof (m->name[0]), compare_names);
    for (int i = 0; i < m->count; i++) {
        if (uniq && kept > 0 && strcmp (m->name[kept - 1], m->name[i]) == 0)
            free (m->name[i]);
        else
            m->name[kept++] = m->name[i];
    }
    m->count = kept;
}

static int model_find (const struct model *m, const char *name)
{
    for (int i = 0; i < m->count; i++) {
        if (strcmp (m->name[i], name) == 0)
            return i;
    }
    return -1;
}

static bool model_delete (struct model *m, const char *name)
{
    int i = model_find (m, name);

    if (i < 0)
        return false;
    free (m->name[i]);
    m->count--;
    memmove (&m->name[i], &m->name[i + 1], (m->count - i) * sizeof (m->name[0]));
    return true;
}

static bool agrees (struct hostlist *hl, const struct model *m)
{
    const char *host = hostlist_first (hl);
    char *text = hostlist_encode (hl);
    struct hostlist *again = hostlist_decode (text);
    const char *host2 = hostlist_first (again);
    bool same = hostlist_count (hl) == m->count && hostlist_count (again) == m->count;

    for (int i = 0; i < m->count && same; i++) {
        same = host && host2 && strcmp (host, m->name[i]) == 0
               && strcmp (host2, m->name[i]) == 0
               && hostlist_find (hl, host) == model_find (m, m->name[i]);
        host = hostlist_next (hl);
        host2 = hostlist_next (again);
    }
    if (!same)
        diag ("list is %s", text);
    hostlist_destroy (again);
    free (text);
    return same;
}

/* Append a random range or host to both. */
static void grow (struct hostlist *hl, struct model *m, unsigned int *seed)
{
    static const char *const prefixes[] = { "a", "ab", "", "b-" };
    const char *prefix = prefixes[rand_r (seed) % ARRAY_SIZE (prefixes)];
    int width = rand_r (seed) % 4;
    int lo = rand_r (seed) % 120;
    int n = rand_r (seed) % 3 ? 1 : rand_r (seed) % 30 + 1;
    char text[64];

    if (rand_r (seed) % 8 == 0) {
        model_add (m, "plain");
        must (hostlist_append (hl, "plain") == 1);
        return;
    }
    for (int i = 0; i < n; i++) {
        snprintf (text, sizeof (text), "%s%0*d", prefix, width, lo + i);
        model_add (m, text);
    }
    if (n > 1)
        snprintf (text, sizeof (text), "%s[%0*d-%d]", prefix, width, lo, lo + n - 1);
    must (hostlist_append (hl, text) == n);
}

static void random_lists_behave_as_arrays_of_names (void)
{
    unsigned int seed = getenv ("TEST_SEED") ? atoi (getenv ("TEST_SEED")) : 815;
    struct model m = { .count = 0 };
    bool grown = true, deleted = true, sorted = true, unique = true;

    diag ("TEST_SEED=%u", seed);
    for (int round = 0; round < 100; round++) {
        struct hostlist *hl = hostlist_create ();

        for (int i = rand_r (&seed) % 40; i > 0; i--)
            grow (hl, &m, &seed);
        grown = grown && agrees (hl, &m);
        for (int i = 0; i < 20; i++) {
            char name[16];
            bool there;

            snprintf (name, sizeof (name), "a%0*d", i % 4, rand_r (&seed) % 120);
            there = model_delete (&m, name);
            deleted = deleted && hostlist_delete (hl, name) == there;
        }
        deleted = deleted && agrees (hl, &m);
        hostlist_sort (hl);
        model_sort (&m, false);
        sorted = sorted && agrees (hl, &m);
        hostlist_uniq (hl);
        model_sort (&m, true);
        unique = unique && agrees (hl, &m);
        hostlist_destroy (hl);
        model_clear (&m);
    }
    ok (grown, "appending agrees");
    ok (deleted, "deleting agrees");
    ok (sorted, "sorting agrees");
    ok (unique, "uniqueness agrees");
}

int main (void)
{
    json_t *v = testdata_vectors ("hostlist.json");

    texts_are_read_and_written (json_object_get (v, "decode"));
    lists_are_sorted (json_object_get (v, "sort_uniq"));
    hosts_are_found (json_object_get (v, "find"));
    hosts_are_deleted (json_object_get (v, "delete"));
    hosts_are_appended (json_object_get (v, "append"));
    json_decref (v);
    the_cursor_survives_removal ();
    bad_arguments_are_refused ();
    the_largest_numbers_work ();
    a_big_list_is_cheap ();
    a_small_text_stays_small ();
    numbers_that_do_not_fit ();
    random_lists_behave_as_arrays_of_names ();
    return done_testing ();
}
