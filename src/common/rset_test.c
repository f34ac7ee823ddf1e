#include "config.h"
#include <stdio.h>

#include "constraint.h"
#include "rset.h"
#include "tap.h"
#include "testdata.h"
#include "util.h"

static struct rset *parse (const char *s)
{
    flux_error_t error;
    struct rset *r = NULL;

    if (rset_parse_text (s, strlen (s), &r, &error) < 0)
        bail_out ("%s: %s", s, error.text);
    return r;
}

static void is_short (const struct rset *r, const char *want, const char *name)
{
    struct text t = TEXT_INIT;

    rset_dumps (r, &t);
    is (t.buf ? t.buf : "", want, "%s", name);
    text_fini (&t);
}

static void agrees (json_t *want, const struct rset *r, const char *name)
{
    struct text t = TEXT_INIT;
    struct idset *ranks = rset_ranks (r);
    char *s = idset_encode (ranks, IDSET_FLAG_RANGE);
    json_t *decoded = json_object_get (want, "decoded");
    json_t *o;

    is_int (rset_count (r, RSET_CORE),
            json_integer_value (json_object_get (want, "cores")),
            "%s: cores",
            name);
    is_int (rset_count (r, RSET_GPU),
            json_integer_value (json_object_get (want, "gpus")),
            "%s: gpus",
            name);
    is_int (rset_nnodes (r),
            json_integer_value (json_object_get (want, "nodes")),
            "%s: nodes",
            name);
    is (s, json_string_value (json_object_get (want, "ranks")), "%s: ranks", name);
    is_short (r, json_string_value (json_object_get (want, "short")), name);
    rset_nodelist (r, &t);
    is (t.buf ? t.buf : "",
        json_string_value (json_object_get (want, "nodelist")),
        "%s: nodelist",
        name);
    text_clear (&t);
    rset_encode (r, &t);
    o = json_loads (t.buf, 0, NULL);
    if (!ok (o && json_equal (o, decoded), "%s: encodes to the same", name)) {
        char *d = json_dumps (decoded, JSON_COMPACT);
        diag ("got  %s", t.buf);
        diag ("want %s", d);
        free (d);
    }
    json_decref (o);
    text_fini (&t);
    free (s);
    idset_destroy (ranks);
}

static void vectors (void)
{
    json_t *doc = testdata_vectors ("R.json");
    json_t *c;
    size_t i;

    if (!doc)
        bail_out ("no vectors");
    json_array_foreach (json_object_get (doc, "cases"), i, c) {
        const char *name = json_string_value (json_object_get (c, "name"));
        json_t *want = json_object_get (c, "flux_R");
        const char *words = json_string_value (json_object_get (want, "stderr"));
        flux_error_t error = { "" };
        struct rset *r = NULL;
        int rc = rset_parse (json_object_get (c, "R"), &r, &error);

        if (json_integer_value (json_object_get (want, "rc")) == 0) {
            if (ok (rc == 0, "%s: decodes %s", name, error.text))
                agrees (want, r, name);
        }
        else {
            const char *colon = strstr (words, "stdin: ");

            ok (rc == -EINVAL && error.text[0], "%s: is refused", name);
            if (colon && colon[7])
                is (error.text, colon + 7, "%s: the words", name);
        }
        rset_free (r);
    }
    json_decref (doc);
}

#define R(lite, more)                                                         \
    "{\"version\":1,\"execution\":{\"R_lite\":[" lite "]" more "}}"
#define LITE(rank, core, gpu)                                                 \
    "{\"rank\":\"" rank "\",\"children\":{\"core\":\"" core "\",\"gpu\":\"" gpu "\"}}"

static void set_operations (void)
{
    struct rset *a = parse (R (LITE ("0-3", "0-3", "0-1"),
                               ",\"nodelist\":[\"n[0-3]\"],\"properties\":"
                               "{\"fast\":\"0-1\",\"+local\":\"0-3\"}"));
    struct rset *b = parse (R (LITE ("1", "0-3", "0-1") "," LITE ("2", "0,2", ""), ""));
    struct rset *r = NULL, *s = NULL;
    struct idset *ids = idset_decode ("0,3,9");

    ok (rset_difference (a, b, &r) == 0, "difference");
    is_short (r,
              "rank[0,3]/core[0-3],gpu[0-1] rank2/core[1,3],gpu[0-1]",
              "ids are taken away one by one, empty ranks vanish");
    ok (rset_has_property (r, 0, "fast") && !rset_has_property (r, 1, "fast"),
        "properties stay on the ranks that are left");
    ok (rset_union (r, b, &s) == 0, "union");
    is_short (s, "rank[0-3]/core[0-3],gpu[0-1]", "and back");
    rset_free (s);
    ok (rset_intersect (a, b, &s) == 0, "intersection");
    is_short (s, "rank1/core[0-3],gpu[0-1] rank2/core[0,2]", "is what both have");
    rset_free (s);
    ok (rset_subset (a, ids, &s) == 0, "subset");
    is_short (s, "rank[0,3]/core[0-3],gpu[0-1]", "by rank");
    rset_free (s);
    ok (rset_remove_ranks (a, ids) == 0, "ranks are removed");
    is_short (a, "rank[1-2]/core[0-3],gpu[0-1]", "the others stay");
    ok (rset_inherit_properties (b, a) == 0 && rset_has_property (b, 1, "fast")
            && !rset_has_property (b, 1, "+local"),
        "a job inherits properties, but no local ones");
    rset_free (r);
    rset_free (b);
    rset_free (a);
    idset_destroy (ids);
}

static bool has_property (void *arg, uint32_t rank, const char *name)
{
    return rset_has_property (arg, rank, name);
}

static void constraints (void)
{
    static const struct {
        const char *text;
        const char *matches; /* of ranks 0-3; NULL: refused */
    } cases[] = {
        { "{}", "0123" },
        { "{\"properties\":[\"fast\"]}", "01" },
        { "{\"properties\":[\"fast\",\"^big\"]}", "0" },
        { "{\"properties\":\"x\"}", "" },
        { "{\"hostlist\":[\"n[1-2]\"]}", "12" },
        { "{\"ranks\":[\"0\",\"2-9\"]}", "023" },
        { "{\"not\":[{\"ranks\":[\"0\"]},{\"ranks\":[\"1\"]}]}", "123" },
        { "{\"and\":[{\"ranks\":[\"0-2\"]},{\"hostlist\":[\"n[2-3]\"]}]}", "2" },
        { "{\"or\":[{\"ranks\":[\"0\"]},{\"properties\":[\"big\"]}]}", "01" },
        { "{\"or\":[{\"ranks\":[\"0\"]}],\"ranks\":[\"3\"]}", "3" },
        { "{\"xor\":[]}", NULL },
        { "[]", NULL },
        { "{\"ranks\":[\"x\"]}", NULL },
        { "{\"and\":[1]}", NULL },
    };
    struct rset *r = parse (R (LITE ("0-3", "0", ""),
                               ",\"nodelist\":[\"n[0-3]\"],\"properties\":"
                               "{\"fast\":\"0-1\",\"big\":\"1\"}"));

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        json_t *o = json_loads (cases[i].text, 0, NULL);
        struct constraint *c = NULL;
        flux_error_t error = { "" };
        char got[8] = "";
        int rc = constraint_parse (o, &c, &error);

        if (!cases[i].matches) {
            ok (rc == -EINVAL && error.text[0], "%s is refused", cases[i].text);
            json_decref (o);
            continue;
        }
        for (size_t n = 0; n < rset_nnodes (r); n++) {
            struct constraint_target t = {
                .rank = rset_rank_at (r, n),
                .host = rset_host_at (r, n),
                .has_property = has_property,
                .arg = r,
            };
            if (constraint_match (c, &t))
                snprintf (got + strlen (got), 3, "%u", (unsigned)t.rank % 10);
        }
        is (got, cases[i].matches, "%s", cases[i].text);
        constraint_free (c);
        json_decref (o);
    }
    rset_free (r);
}

static void a_few_words_make_no_bomb (void)
{
    static const char R[] =
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0-2147483646\","
        "\"children\":{\"core\":\"0-3\"}}],\"starttime\":0,\"expiration\":0}}";
    flux_error_t error = { .text = "" };
    struct rset *r;

    ok (rset_parse_text (R, sizeof (R) - 1, &r, &error) == -EINVAL, "2^31 ranks are refused");
    is (error.text, "too many ranks and resources", "and told why");
}

int main (void)
{
    vectors ();
    set_operations ();
    constraints ();
    a_few_words_make_no_bomb ();
    return done_testing ();
}
