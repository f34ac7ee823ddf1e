#include "config.h"
#include <flux/idset.h>

#include "testdata.h"

static void texts_are_read_and_written (json_t *list)
{
    static const struct {
        const char *key;
        int flags;
    } forms[] = {
        { "plain", 0 },
        { "brackets", IDSET_FLAG_BRACKETS },
        { "range", IDSET_FLAG_RANGE },
        { "range_brackets", IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS },
    };
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        const char *in = testdata_str (o, "in");
        idset_error_t error = { "" };
        struct idset *s = idset_decode_ex (in, -1, 0, IDSET_FLAG_AUTOGROW, &error);

        if (testdata_quirk (o)) {
            ok (!s && errno == ERANGE, "%s is out of range", in);
            continue;
        }
        if (!json_is_true (json_object_get (o, "ok"))) {
            ok (!s && errno == testdata_errno (o), "'%s' is refused", in);
            is (error.text, testdata_str (o, "error"), "... saying why");
            continue;
        }
        ok (s != NULL, "'%s' is read", in);
        is_int (idset_count (s),
                json_integer_value (json_object_get (o, "count")),
                "... has the right number of ids");
        for (size_t k = 0; k < ARRAY_SIZE (forms); k++) {
            const char *want = testdata_str (json_object_get (o, "encode"), forms[k].key);
            char *text = idset_encode (s, forms[k].flags);

            if (want)
                is (text, want, "... as %s", forms[k].key);
            free (text);
        }
        idset_destroy (s);
    }
}

static void is_set (struct idset *s, const char *want, const char *what)
{
    char *text = idset_encode (s, IDSET_FLAG_RANGE);

    is (text, want, "%s", what);
    free (text);
    idset_destroy (s);
}

static void two_sets_combine (json_t *list)
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        struct idset *a = idset_decode (testdata_str (o, "a"));
        struct idset *b = idset_decode (testdata_str (o, "b"));
        struct idset *c;

        diag ("%s with %s", testdata_str (o, "a"), testdata_str (o, "b"));
        is_set (idset_union (a, b), testdata_str (o, "union"), "union");
        is_set (idset_intersect (a, b), testdata_str (o, "intersect"), "intersection");
        is_set (idset_difference (a, b), testdata_str (o, "difference"), "difference");
        ok (idset_equal (a, b) == json_is_true (json_object_get (o, "equal")),
            "equality");
        ok (idset_has_intersection (a, b)
                == json_is_true (json_object_get (o, "has_intersection")),
            "having an intersection");
        c = idset_copy (a);
        ok (idset_add (c, b) == 0, "b is added in place");
        is_set (c, testdata_str (o, "union"), "... giving the union");
        ok (idset_subtract (a, b) == 0, "b is subtracted in place");
        is_set (a, testdata_str (o, "difference"), "... giving the difference");
        idset_destroy (b);
    }
}

#define MODEL_SIZE 20000

/* Compare every query with an array of booleans. */
static bool agrees (const struct idset *s, const bool *model)
{
    unsigned int next = IDSET_INVALID_ID, prev = IDSET_INVALID_ID;
    size_t count = 0;

    for (int i = MODEL_SIZE - 1; i >= 0; i--) {
        if (idset_next (s, i) != next)
            return false;
        if (model[i]) {
            next = i;
            count++;
        }
    }
    for (int i = 0; i < MODEL_SIZE; i++) {
        if (idset_test (s, i) != model[i] || idset_prev (s, i) != prev)
            return false;
        if (model[i])
            prev = i;
    }
    return idset_first (s) == next && idset_last (s) == prev && idset_count (s) == count
           && idset_empty (s) == (count == 0);
}

static bool survives_text (const struct idset *s)
{
    char *text = idset_encode (s, IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS);
    struct idset *again = idset_decode (text);
    bool same = idset_equal (s, again) && idset_equal (again, s);

    idset_destroy (again);
    free (text);
    return same;
}

static unsigned int seed;

static unsigned int draw (unsigned int n)
{
    return rand_r (&seed) % n;
}

static void random_change (struct idset *s, bool *model)
{
    unsigned int lo = draw (MODEL_SIZE);
    unsigned int size = 1u << draw (15);
    unsigned int hi = draw (2) ? lo : lo + draw (size);
    bool member = draw (2);

    if (hi >= MODEL_SIZE)
        hi = MODEL_SIZE - 1;
    if (member)
        must (idset_range_set (s, lo, hi) == 0);
    else
        must (idset_range_clear (s, lo, hi) == 0);
    for (unsigned int i = lo; i <= hi; i++)
        model[i] = member;
}

static void random_sets_behave_as_arrays_of_booleans (void)
{
    static bool ma[MODEL_SIZE], mb[MODEL_SIZE], mc[MODEL_SIZE];
    bool single = true, text = true, unions = true, intersections = true;
    bool differences = true, in_place = true, meets = true;

    seed = getenv ("TEST_SEED") ? atoi (getenv ("TEST_SEED")) : 4711;
    diag ("TEST_SEED=%u", seed);
    for (int round = 0; round < 60; round++) {
        struct idset *a = idset_create (round % 2 ? 0 : MODEL_SIZE, IDSET_FLAG_AUTOGROW);
        struct idset *b = idset_create (0, IDSET_FLAG_AUTOGROW);
        struct idset *c;
        bool any = false;

        memset (ma, 0, sizeof (ma));
        memset (mb, 0, sizeof (mb));
        for (unsigned int i = draw (60); i > 0; i--) {
            random_change (a, ma);
            if (draw (round % 4 + 1) == 0)
                random_change (b, mb);
        }
        single = single && agrees (a, ma) && agrees (b, mb);
        text = text && survives_text (a) && survives_text (b);

        for (int i = 0; i < MODEL_SIZE; i++)
            mc[i] = ma[i] || mb[i];
        c = idset_union (a, b);
        unions = unions && agrees (c, mc);
        idset_destroy (c);
        for (int i = 0; i < MODEL_SIZE; i++)
            any = (mc[i] = ma[i] && mb[i]) || any;
        c = idset_intersect (a, b);
        intersections = intersections && agrees (c, mc);
        meets = meets && idset_has_intersection (a, b) == any;
        idset_destroy (c);
        for (int i = 0; i < MODEL_SIZE; i++)
            mc[i] = mb[i] && !ma[i];
        c = idset_difference (b, a);
        differences = differences && agrees (c, mc);
        /* (b - a) + a - b  =  a - b */
        must (idset_add (c, a) == 0 && idset_subtract (c, b) == 0);
        for (int i = 0; i < MODEL_SIZE; i++)
            mc[i] = ma[i] && !mb[i];
        in_place = in_place && agrees (c, mc);
        idset_destroy (c);
        idset_destroy (a);
        idset_destroy (b);
    }
    ok (single, "set, clear, test, next, prev, first, last, count agree");
    ok (text, "a set survives its text");
    ok (unions, "unions agree");
    ok (intersections, "intersections agree");
    ok (meets, "having an intersection agrees");
    ok (differences, "differences agree");
    ok (in_place, "add and subtract agree");
}

static void a_big_universe_is_cheap (void)
{
    struct idset *s = idset_create (IDSET_MAX_UNIVERSE, IDSET_FLAG_INITFULL);
    struct idset *other = idset_decode ("0,2147483647");
    unsigned int id;

    ok (s && idset_count (s) == IDSET_MAX_UNIVERSE, "2^31 ids are in a full set");
    ok (idset_alloc (s, &id) == 0 && id == 0, "the lowest is allocated");
    ok (idset_range_clear (s, 5, 2147483640) == 0 && idset_count (s) == 11,
        "most are removed");
    ok (idset_next (s, 4) == 2147483641, "the next one is found far away");
    ok (idset_prev (s, 2147483641) == 4, "and the previous one");
    ok (idset_has_intersection (s, other), "two far ids are compared");
    ok (idset_set (s, IDSET_MAX_UNIVERSE) == 0,
        "INITFULL: ids beyond are in, so to speak");
    idset_destroy (s);
    ok (idset_set (other, 2147483648u) < 0 && errno == ERANGE, "2^31 is out of range");
    idset_destroy (other);
}

static void the_universe_bounds_the_set (void)
{
    struct idset *s = idset_create (10, 0);
    struct idset *b = idset_decode ("8-12");

    ok (idset_set (s, 9) == 0, "the last id of the universe is set");
    ok (idset_set (s, 10) < 0 && errno == EINVAL, "the next one is refused");
    ok (idset_clear (s, 10) == 0, "... but cleared");
    ok (idset_add (s, b) < 0 && errno == EINVAL && idset_count (s) == 1,
        "a set that does not fit is not added");
    ok (idset_decode_add (s, "1,11", -1, NULL) < 0 && idset_count (s) == 1,
        "nor is such a text, not even in part");
    ok (idset_decode_add (s, "1,x", -1, NULL) < 0 && idset_count (s) == 1,
        "nor is a bad one");
    ok (idset_decode_add (s, "[1-3]", -1, NULL) == 0 && idset_count (s) == 4,
        "a good one is");
    ok (idset_decode_subtract (s, "2,2", -1, NULL) < 0 && idset_count (s) == 4,
        "a bad text is not subtracted");
    ok (idset_decode_subtract (s, "2-100", -1, NULL) == 0 && idset_count (s) == 1,
        "a good one is, as far as it goes");
    idset_destroy (s);

    s = idset_create (0, IDSET_FLAG_AUTOGROW);
    ok (idset_universe_size (s) == 1024 && idset_set (s, 1024) == 0
            && idset_universe_size (s) == 2048,
        "a growing universe doubles");
    ok (idset_subtract (s, s) == 0 && idset_empty (s), "clear_all empties a set");
    ok (idset_range_set (s, 7, 3) == 0 && idset_count (s) == 5,
        "lo and hi may be swapped");
    ok (idset_set (s, UINT_MAX) < 0 && errno == EINVAL, "UINT_MAX is no id");
    ok (idset_set (s, IDSET_INVALID_ID) < 0 && errno == EINVAL, "nor is INVALID_ID");
    idset_destroy (s);
    idset_destroy (b);

    ok (!idset_create (0, IDSET_FLAG_RANGE) && errno == EINVAL,
        "a wrong flag is refused");
    ok (!idset_create (IDSET_MAX_UNIVERSE + 1, 0) && errno == ERANGE,
        "a universe above 2^31 is out of range");
}

static void ids_are_allocated_and_freed (void)
{
    struct idset *s = idset_create (3, IDSET_FLAG_INITFULL);
    struct idset *plain = idset_create (3, 0);
    unsigned int id;

    ok (idset_alloc (s, &id) == 0 && id == 0, "the lowest comes first");
    ok (idset_alloc (s, &id) == 0 && id == 1, "then the next");
    idset_free (s, 0);
    ok (idset_alloc (s, &id) == 0 && id == 0, "a freed one is the lowest again");
    ok (idset_alloc (s, &id) == 0 && id == 2, "the last one goes");
    ok (idset_alloc (s, &id) < 0 && errno == EINVAL, "then there is none");
    ok (idset_free_check (s, 1) == 0, "an id is put back");
    ok (idset_free_check (s, 1) < 0 && errno == EEXIST, "... only once");
    ok (idset_free_check (s, 3) < 0 && errno == EINVAL, "... if it belongs here");
    ok (idset_alloc (plain, &id) < 0 && errno == EINVAL, "a plain set is no pool");
    idset_destroy (s);
    idset_destroy (plain);

    s = idset_create (2, IDSET_FLAG_INITFULL | IDSET_FLAG_AUTOGROW | IDSET_FLAG_ALLOC_RR);
    must (idset_alloc (s, &id) == 0);
    idset_free (s, 0);
    ok (idset_alloc (s, &id) == 0 && id == 1, "round robin goes on after the last");
    ok (idset_alloc (s, &id) == 0 && id == 0, "... and around");
    ok (idset_alloc (s, &id) == 0 && id == 2 && idset_universe_size (s) == 4,
        "an empty pool grows");
    ok (idset_clear (s, 9) == 0 && idset_universe_size (s) == 16 && idset_count (s) == 12,
        "INITFULL: clearing beyond grows a full pool");
    idset_destroy (s);
}

static void null_is_no_set (void)
{
    struct idset *s = idset_decode ("1-3");

    ok (idset_count (NULL) == 0 && idset_empty (NULL) && !idset_test (NULL, 1)
            && idset_first (NULL) == IDSET_INVALID_ID
            && idset_last (NULL) == IDSET_INVALID_ID && idset_universe_size (NULL) == 0,
        "questions have answers");
    ok (!idset_equal (s, NULL) && !idset_equal (NULL, NULL)
            && !idset_has_intersection (NULL, s),
        "it equals nothing and meets nothing");
    ok (idset_add (s, NULL) == 0 && idset_subtract (s, NULL) == 0 && idset_count (s) == 3,
        "as an operand it is empty");
    ok (idset_add (NULL, s) < 0 && errno == EINVAL, "as a target it is EINVAL");
    ok (!idset_copy (NULL) && !idset_union (NULL, s) && !idset_intersect (s, NULL)
            && !idset_encode (NULL, 0) && !idset_decode (NULL) && errno == EINVAL,
        "as a source too");
    idset_destroy (NULL);
    idset_destroy (s);
}

static void a_text_is_described_without_a_set (json_t *list)
{
    idset_error_t error;
    unsigned int maxid;
    struct idset *s;
    size_t count;
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o)
        ok (idset_decode_empty (testdata_str (o, "in"), -1)
                == json_is_true (json_object_get (o, "empty")),
            "'%s' is empty or not",
            testdata_str (o, "in"));
    ok (idset_decode_info ("1-3,9xx", 5, &count, &maxid, NULL) == 0 && count == 4
            && maxid == 9,
        "count and largest id, within a length");
    ok (idset_decode_info ("", -1, &count, &maxid, NULL) == 0 && count == 0
            && maxid == IDSET_INVALID_ID,
        "an empty text has none");
    s = idset_decode_ex ("1-3", -1, -1, 0, &error);
    ok (s && idset_universe_size (s) == 4, "size -1 is just enough");
    idset_destroy (s);
    ok (!idset_decode_ex ("", -1, -1, 0, &error) && errno == EINVAL,
        "an empty set of no size is refused");
    is (error.text, "cannot create an empty idset", "... saying so");
    s = idset_ndecode ("1-33", 3);
    ok (idset_count (s) == 3, "ndecode reads only what it is told to");
    idset_destroy (s);
}

int main (void)
{
    json_t *v = testdata_vectors ("idset.json");

    texts_are_read_and_written (json_object_get (v, "decode"));
    two_sets_combine (json_object_get (v, "set_ops"));
    a_text_is_described_without_a_set (json_object_get (v, "decode_empty"));
    json_decref (v);
    random_sets_behave_as_arrays_of_booleans ();
    a_big_universe_is_cheap ();
    the_universe_bounds_the_set ();
    ids_are_allocated_and_freed ();
    null_is_no_set ();
    return done_testing ();
}
