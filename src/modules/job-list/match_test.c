#include "config.h"
#include <stdio.h>

#include "match.h"
#include "testing.h"

static int
matches (struct jl *jl, const char *constraint, const char *want, uint64_t want_cost)
{
    _cleanup_ (text_fini)
    struct text why = TEXT_INIT;
    _cleanup_ (text_fini)
    struct text got = TEXT_INIT;
    static const int states[] = { STATE_PENDING, STATE_RUNNING, STATE_INACTIVE };
    struct match *m;
    struct record *rec;
    uint64_t cost = 0;

    text_puts (&got, "");
    if (match_compile (&m, jl, view (constraint), 1024, &why) < 0) {
        is (why.buf, want, "%s is refused", constraint);
        return -1;
    }
    for (int l = 0; l < LIST_COUNT; l++) {
        if (!match_states (m, states[l]))
            continue;
        for (rec = jl_first (jl, l); rec; rec = jl_next (rec)) {
            if (match_record (m, rec, &cost))
                text_printf (&got, "%d ", (int)rec->id);
        }
    }
    match_free (m, jl);
    is (got.buf, want, "%s", constraint);
    if (want_cost > 0)
        is_int (cost, want_cost, "at its price");
    return 0;
}

static void constraints (void)
{
    struct jl *jl = new_jl ();

    pending (jl, 1, 10., 16);
    pending (jl, 2, 20., 16);
    alloc (jl, 2, 21., "0-1", "a,b");
    pending (jl, 3, 30., 16);
    alloc (jl, 3, 31., "1-2", "b,c");
    ended (jl, 3, 32., 0);
    pending (jl, 4, 40., 16);
    event (jl, 4, 41., "exception", "{\"type\":\"cancel\",\"severity\":0,\"note\":\"\"}");
    event (jl, 4, 42., "clean", NULL);
    event (jl, 1, 43., "jobspec-update", "{\"attributes.system.queue\":\"v\"}");
    event (jl, 1, 43., "priority", "{\"priority\":16}");
    jl_queue_configure (jl, "v", "p");

    matches (jl, "{}", "1 2 4 3 ", 4);
    matches (jl, "{\"states\":[\"pending\"]}", "1 ", 1);
    matches (jl, "{\"states\":[80]}", "2 4 3 ", 3);
    matches (jl, "{\"states\":[\"R\",\"inactive\"]}", "2 4 3 ", 0);
    matches (jl, "{\"states\":[]}", "", 0);
    matches (jl, "{\"not\":[{\"states\":[]}]}", "1 2 4 3 ", 4);
    matches (jl, "{\"results\":[\"canceled\"]}", "4 ", 2);
    matches (jl, "{\"results\":[\"completed\",4]}", "4 3 ", 0);
    matches (jl, "{\"userid\":[7,100]}", "1 2 4 3 ", 8);
    matches (jl, "{\"userid\":[-1]}", "1 2 4 3 ", 0);
    matches (jl, "{\"userid\":[7]}", "", 0);
    matches (jl, "{\"name\":[\"app\"]}", "1 2 4 3 ", 0);
    matches (jl, "{\"name\":[\"other\"]}", "", 0);
    matches (jl, "{\"queue\":[\"v\"]}", "1 ", 0);
    matches (jl, "{\"queue\":[\"p\"]}", "1 ", 0);
    matches (jl, "{\"hostlist\":[\"b\"]}", "2 3 ", 2);
    matches (jl, "{\"hostlist\":[\"x,y\",\"c\"]}", "3 ", 0);
    matches (jl, "{\"ranks\":[\"2-5\"]}", "3 ", 4);
    matches (jl, "{\"t_submit\":[\">=20\"]}", "2 4 3 ", 4);
    matches (jl, "{\"t_submit\":[\"<20\"]}", "1 ", 0);
    matches (jl, "{\"t_run\":[\">0\"]}", "2 3 ", 3);
    matches (jl, "{\"t_inactive\":[\"<=32.25\"]}", "3 ", 2);
    matches (jl, "{\"and\":[{\"states\":[64]},{\"results\":[1]}]}", "3 ", 4);
    matches (jl, "{\"or\":[{\"states\":[2,4,8]},{\"results\":[1]}]}", "1 3 ", 0);
    matches (jl, "{\"not\":[{\"states\":[64]},{\"results\":[1]}]}", "1 2 4 ", 0);
    matches (jl, "{\"and\":[]}", "1 2 4 3 ", 0);
    matches (jl, "{\"or\":[]}", "1 2 4 3 ", 0);
    matches (jl, "{\"not\":[]}", "", 0);

    matches (jl, "[]", "constraint must be JSON object", 0);
    matches (jl, "{\"and\":[],\"or\":[]}", "constraint must only contain 1 element", 0);
    matches (jl, "{\"and\":{}}", "operator and values not an array", 0);
    matches (jl, "{\"foo\":[]}", "unknown constraint operator: foo", 0);
    matches (jl, "{\"userid\":[\"x\"]}", "userid value must be an integer", 0);
    matches (jl, "{\"name\":[1]}", "name value must be a string", 0);
    matches (jl, "{\"queue\":[1]}", "queue value must be a string", 0);
    matches (jl, "{\"states\":[\"foo\"]}", "invalid states value 'foo' specified", 0);
    matches (jl, "{\"states\":[128]}", "invalid states value '80h' specified", 0);
    matches (jl, "{\"states\":[1.5]}", "states value invalid type", 0);
    matches (jl, "{\"results\":[\"Failed\"]}", "invalid results value 'Failed' specified",
             0);
    matches (jl, "{\"results\":[16]}", "invalid results value '10h' specified", 0);
    matches (jl, "{\"hostlist\":[1]}", "host value must be a string", 0);
    matches (jl, "{\"hostlist\":[\"n[\"]}", "host value not in valid Hostlist format", 0);
    matches (jl, "{\"hostlist\":[\"\"]}", "host value not in valid Hostlist format", 0);
    matches (jl, "{\"hostlist\":[\"n[0-2000]\"]}", "too many hosts specified", 0);
    matches (jl, "{\"ranks\":[1]}", "ranks value must be a string", 0);
    matches (jl, "{\"ranks\":[\"2-1\"]}", "ranks value '2-1': error parsing range '2-1'",
             0);
    matches (jl, "{\"ranks\":[\"0-4000\"]}", "too many ranks specified", 0);
    matches (jl, "{\"t_run\":[]}", "timestamp value not specified", 0);
    matches (jl, "{\"t_run\":[5]}", "t_run value must be a string", 0);
    matches (jl, "{\"t_run\":[\"5\"]}", "timestamp comparison operator not specified", 0);
    matches (jl, "{\"t_run\":[\">x\"]}", "Invalid timestamp value specified", 0);
    matches (jl, "{\"t_run\":[\">-1\"]}", "timestamp value must be >= 0.0", 0);
    matches (jl, "{\"and\":[{\"or\":[{\"bad\":[]}]}]}",
             "unknown constraint operator: bad", 0);
    jl_destroy (jl);
}

/* Many hosts are looked up another way than few; the answer and its price are those
 * of a look at one after the other.
 */
static void many_hosts (void)
{
    static const char *const tails[] = {
        "b", "x,b", "x,y,c,b", "a1,a2", "c,c,c", "x",
    };
    struct jl *jl = new_jl ();

    for (int i = 0; i < 2; i++) {
        pending (jl, i, 1. + i, 16);
        alloc (jl, i, 2. + i, i == 0 ? "0-3" : "0-1", i == 0 ? "a,b,n[1-2]" : "b,c");
    }
    for (size_t i = 0; i < ARRAY_SIZE (tails); i++) {
        _cleanup_ (text_fini)
        struct text few = TEXT_INIT;
        _cleanup_ (text_fini)
        struct text many = TEXT_INIT;
        _cleanup_ (text_fini)
        struct text why = TEXT_INIT;
        struct match *m1, *m2;
        bool same = true;

        /* 16 hosts that nobody has before them */
        text_printf (&few, "{\"hostlist\":[\"%s\"]}", tails[i]);
        text_printf (&many, "{\"hostlist\":[\"z[1-16]\",\"%s\"]}", tails[i]);
        if (match_compile (&m1, jl, view (few.buf), 1024, &why) < 0
            || match_compile (&m2, jl, view (many.buf), 1024, &why) < 0)
            bail_out ("%s", why.buf);
        for (struct record *rec = jl_first (jl, LIST_RUNNING); rec; rec = jl_next (rec)) {
            uint64_t cost1 = 0, cost2 = 0;
            bool match1 = match_record (m1, rec, &cost1);
            bool match2 = match_record (m2, rec, &cost2);

            same &= match1 == match2 && cost2 == cost1 + 16;
        }
        ok (same, "17 hosts and more: %s", tails[i]);
        match_free (m1, jl);
        match_free (m2, jl);
    }
    jl_destroy (jl);
}

/* What a user may send to keep the service busy: it is refused, or counted. */
static void bombs (void)
{
    struct jl *jl = new_jl ();
    struct text t = TEXT_INIT, why = TEXT_INIT;
    struct match *m;
    uint64_t cost = 0;
    struct jview v;

    pending (jl, 1, 1., 16);
    for (int i = 0; i < 100000; i++)
        text_puts (&t, "{\"not\":[");
    for (int i = 0; i < 100000; i++)
        text_puts (&t, "]}");
    ok (jview_parse (t.buf, t.len, &v) < 0, "what is nested too deeply is no JSON to us");
    text_clear (&t);
    text_puts (&t, "{\"or\":[");
    for (int i = 0; i < 100000; i++)
        text_puts (&t, i ? ",{\"name\":[\"x\"]}" : "{\"name\":[\"x\"]}");
    text_puts (&t, "]}");
    if (match_compile (&m, jl, view (t.buf), 1024, &why) < 0)
        bail_out ("%s", why.buf);
    ok (!match_record (m, jl_first (jl, LIST_PENDING), &cost), "100 000 names");
    is_int (cost, 100000, "each of them is paid for");
    match_free (m, jl);
    is_int (
        match_compile (&m, jl, view ("{\"hostlist\":[\"n[1-1000000]\"]}"), 1024, &why),
        -EINVAL, "a short text for many hosts is refused");
    is_int (match_compile (&m, jl, view ("{\"ranks\":[\"0-4000000000\"]}"), 1024, &why),
            -EINVAL, "and one for many ranks");
    text_fini (&t);
    text_fini (&why);
    jl_destroy (jl);
}

int main (void)
{
    constraints ();
    many_hosts ();
    bombs ();
    testing_fini ();
    return done_testing ();
}
