#include "config.h"
#include <inttypes.h>

#include "fluid.h"
#include "testdata.h"

static const char *const type_names[] = {
    "dec", "hex", "dothex", "kvs", "f58", "f58plain",
};

static uint64_t id_of (json_t *o)
{
    return strtoull (testdata_str (o, "id"), NULL, 10);
}

static void ids_are_spelled_as_the_vectors_say (json_t *list)
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        for (size_t k = 0; k < ARRAY_SIZE (type_names); k++) {
            enum fluid_type type;
            char buf[FLUID_BUFSIZE];
            uint64_t id = 0;
            int n;

            must (fluid_type_parse (type_names[k], &type) == 0);
            n = fluid_encode (buf, sizeof (buf), id_of (o), type);
            is (n < 0 ? NULL : buf,
                testdata_str (o, type_names[k]),
                "%s as %s",
                testdata_str (o, "id"),
                type_names[k]);
            ok (n == (int)strlen (buf), "... the length is returned");
            ok (fluid_decode (buf, &id) == 0 && id == id_of (o), "... and reads back");
        }
        ok (fluid_timestamp (id_of (o))
                == (uint64_t)json_integer_value (json_object_get (o, "timestamp_ms")),
            "... its time is found");
    }
}

/* The spellings that we leave out look like this. */
static bool left_out (const char *s)
{
    return strstr (s, "academy") || strstr (s, "reform") || strstr (s, "\xf0\x9f");
}

static void texts_are_read_as_the_vectors_say (json_t *list)
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        const char *in = testdata_str (o, "in");
        uint64_t id = 42;
        int rc = fluid_decode (in, &id);

        if (left_out (in))
            ok (rc == -EINVAL, "%s is refused: left out", testdata_show (o, "in"));
        else if (json_is_true (json_object_get (o, "ok"))) {
            if (!testdata_quirk (o))
                ok (rc == 0 && id == id_of (o), "%s is read", testdata_show (o, "in"));
        }
        else {
            ok (rc == -testdata_errno (o), "%s is refused", testdata_show (o, "in"));
            ok (id == 42, "... and nothing is written");
        }
    }
}

static void hostile_texts_are_refused (void)
{
    uint64_t id;

    ok (fluid_decode (NULL, &id) == -EINVAL, "NULL is refused");
    ok (fluid_decode ("fjpXCZedGfVR", &id) == -ERANGE, "2^64 in base58 is out of range");
    ok (fluid_decode ("f\xff\xfe", &id) == -EINVAL, "bytes above 0x7f are no digits");
    ok (fluid_decode ("job.1234", &id) == -EINVAL, "job. is followed by four groups");
    ok (fluid_decode ("+1", &id) == -EINVAL, "a sign is refused");
}

static void type_names_are_read_in_any_case (json_t *list)
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        const char *name = testdata_str (o, "type");
        const char *want = testdata_str (o, "result");
        enum fluid_type type;
        char buf[FLUID_BUFSIZE];
        int rc = fluid_type_parse (name, &type);

        if (strcasecmp (name ? name : "", "words") == 0
            || strcasecmp (name ? name : "", "emoji") == 0)
            ok (rc == -EINVAL, "type %s is left out", name);
        else if (!want)
            ok (rc == -EPROTO, "type '%s' is unknown", name);
        else {
            ok (rc == 0, "type %s is known", name ? name : "NULL");
            fluid_encode (buf, sizeof (buf), 1234, type);
            is (buf, want, "... and is the right one");
        }
    }
}

static void a_short_buffer_overflows (json_t *list)
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        size_t min = json_integer_value (json_object_get (o, "min_bufsz"));
        enum fluid_type type;
        char buf[FLUID_BUFSIZE];

        if (fluid_type_parse (testdata_str (o, "type"), &type) < 0)
            continue;
        ok (fluid_encode (buf, min, id_of (o), type) == (int)min - 1
                && fluid_encode (buf, min - 1, id_of (o), type) == -EOVERFLOW
                && fluid_encode (buf, 0, id_of (o), type) == -EOVERFLOW,
            "%s of %s needs %zu bytes",
            testdata_str (o, "type"),
            testdata_str (o, "id"),
            min);
    }
}

static void made_ids_are_unique_and_increase (void)
{
    struct fluid_generator g;
    uint64_t id = 0, last = 0, first = 0;
    bool increasing = true;

    ok (fluid_generator_init (&g, 16368, 0, 0) == -EINVAL, "reserved ids are refused");
    must (fluid_generator_init (&g, 5, 1000, 77) == 0);
    for (int i = 0; i < 5000; i++) {
        uint64_t now = 77 + (i % 7) * 2 - i % 3; /* steps forward and back */

        must (fluid_generate (&g, now, &id) == 0);
        if (i == 0)
            first = id;
        else if (id <= last || (id & 1023) == 1023)
            increasing = false;
        last = id;
    }
    ok (first == (UINT64_C (1000) << 24 | 5 << 10), "the first id starts at the offset");
    ok (increasing, "ids increase, though the clock steps and a millisecond runs dry");
    must (fluid_generate (&g, 77 + 1000000, &id) == 0);
    ok (fluid_timestamp (id) == 1001000, "the time is the clock's when it is ahead");
    ok (fluid_generate (&g, UINT64_MAX, &id) == -EOVERFLOW, "40 bits of time end");
}

int main (void)
{
    json_t *v = testdata_vectors ("fluid.json");

    ids_are_spelled_as_the_vectors_say (json_object_get (v, "encode"));
    texts_are_read_as_the_vectors_say (json_object_get (v, "decode"));
    hostile_texts_are_refused ();
    type_names_are_read_in_any_case (json_object_get (v, "encode_type_names"));
    a_short_buffer_overflows (json_object_get (v, "buffer_sizes"));
    made_ids_are_unique_and_increase ();
    json_decref (v);
    return done_testing ();
}
