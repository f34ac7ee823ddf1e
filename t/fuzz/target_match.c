/* target_match.c - constraints: on nodes, and on jobs in a listing. */

#include "config.h"
#include <stdio.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "common/constraint.h"
#include "common/jobspec.h"
#include "modules/job-list/attrs.h"
#include "modules/job-list/engine.h"
#include "modules/job-list/match.h"
#include "fuzz.h"

/* ---- constraint ------------------------------------------------------------- */

static bool has_property (void *arg, uint32_t rank, const char *name)
{
    return strlen (name) == 1 && (name[0] - 'a') % 4 == (int)rank % 4;
}

static bool naive_match (json_t *o, const struct constraint_target *t);

static bool naive_properties (json_t *list, const struct constraint_target *t)
{
    json_t *v;
    size_t i;

    json_array_foreach (list, i, v)
    {
        const char *s = json_string_value (v);

        if (s[0] == '^' ? has_property (NULL, t->rank, s + 1)
                        : !has_property (NULL, t->rank, s))
            return false;
    }
    return true;
}

static bool naive_listed (json_t *list, const struct constraint_target *t, bool hosts)
{
    bool found = false;
    json_t *v;
    size_t i;

    json_array_foreach (list, i, v)
    {
        if (hosts) {
            struct hostlist *hl = hostlist_decode (json_string_value (v));

            found = found || hostlist_find (hl, t->host) >= 0;
            hostlist_destroy (hl);
        }
        else {
            struct idset *ids = idset_decode (json_string_value (v));

            found = found || idset_test (ids, t->rank);
            idset_destroy (ids);
        }
    }
    return found;
}

/* RFC 31, word for word, for constraints that were found good. */
static bool naive_match (json_t *o, const struct constraint_target *t)
{
    json_t *list, *v;
    size_t i;

    if ((list = json_object_get (o, "properties")))
        return json_is_string (list) || naive_properties (list, t);
    if ((list = json_object_get (o, "hostlist")))
        return naive_listed (list, t, true);
    if ((list = json_object_get (o, "ranks")))
        return naive_listed (list, t, false);
    if ((list = json_object_get (o, "and"))) {
        json_array_foreach (list, i, v)
        {
            if (!naive_match (v, t))
                return false;
        }
        return true;
    }
    if ((list = json_object_get (o, "or"))) {
        json_array_foreach (list, i, v)
        {
            if (naive_match (v, t))
                return true;
        }
        return json_array_size (list) == 0;
    }
    if ((list = json_object_get (o, "not")))
        return json_array_size (list) == 0 || !naive_match (json_array_get (list, 0), t);
    return true;
}

static void constraint_one (const char *data, size_t size)
{
    json_t *o = fuzz_json (data, size);
    flux_error_t error = { .text = "" };
    struct constraint *c;
    int r;

    if (!o)
        return;
    jobspec_validate_constraint (o, NULL, &error);
    error.text[0] = '\0';
    if ((r = constraint_parse (o, &c, &error)) < 0)
        must (r == -EINVAL && error.text[0]);
    else {
        /* strings as lists of properties are a quirk, not compared */
        bool comparable =
            !memmem (data, size, "properties\":\"", 13) && !memmem (data, size, "\\", 1);

        for (uint32_t rank = 0; rank < 5; rank++) {
            char host[] = { 'n', 'o', 'd', 'e', (char)('0' + rank), '\0' };
            struct constraint_target t = { .rank = rank,
                                           .host = host,
                                           .has_property = has_property };
            bool match = constraint_match (c, &t);

            must (!comparable || match == naive_match (o, &t));
        }
        constraint_free (c);
    }
    json_decref (o);
}

static const struct fuzz_source constraint_sources[] = {
    { "jobspec-valid.json", "constraints", FUZZ_JSON },
    { "jobspec-invalid.json", "constraints", FUZZ_JSON },
    { "R-alloc.json", "constraints", FUZZ_JSON },
    { 0 },
};

static const char *const constraint_seeds[] = {
    "{}",
    "{\"properties\":[\"a\",\"^b\"]}",
    "{\"hostlist\":[\"node[1-3]\",\"x\"]}",
    "{\"and\":[{\"ranks\":[\"0-2\"]},{\"or\":[{\"not\":[{\"properties\":[\"a\"]}]},"
    "{\"hostlist\":[\"node0\"]}]}]}",
    "{\"not\":[]}",
    "{\"or\":[]}",
    "{\"and\":[]}",
    "{\"frob\":[]}",
    NULL,
};

static const char *const constraint_words[] = {
    "\"properties\":[",
    "\"a\"",
    "\"^b\"",
    "\"hostlist\":[\"node[0-2]\"]",
    "\"ranks\":[\"1,3\"]",
    "{\"and\":[",
    "{\"or\":[",
    "{\"not\":[",
    "]}",
    ",",
    NULL,
};

const struct fuzz_target fuzz_constraint = {
    .name = "constraint",
    .one = constraint_one,
    .sources = constraint_sources,
    .seeds = constraint_seeds,
    .words = constraint_words,
};

/* ---- joblist: a journal, and constraints on what it says -------------------- */

static void on_waited (void *token, const struct record *rec, void *arg)
{
    (*(int *)token)++;
}

static void on_log (int level, const char *message, void *arg)
{
}

static const struct jl_sink sink = { .waited = on_waited, .log = on_log };

static void play (struct jl *jl, const char *id, const char *name, const char *context)
{
    static const char spec[] =
        "{\"version\":1,\"resources\":[{\"type\":\"slot\",\"count\":2,\"with\":"
        "[{\"type\":\"core\",\"count\":1}]}],\"tasks\":[{\"command\":[\"app\"]}],"
        "\"attributes\":{\"system\":{\"duration\":5,\"queue\":\"q\"}}}";
    static const char R[] =
        "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0-1\",\"children\":"
        "{\"core\":\"0\"}}],\"nodelist\":[\"node[0-1]\"],\"starttime\":1,\"expiration\":"
        "9}}";
    struct jview vspec = { spec, sizeof (spec) - 1 }, vR = { R, sizeof (R) - 1 }, v;
    _cleanup_ (text_fini) struct text e = TEXT_INIT;
    const char *why;

    text_printf (&e, "{\"timestamp\":%s.5,\"name\":\"%s\",\"context\":%s}", id, name,
                 context);
    must (jview_parse (e.buf, e.len, &v) == 0);
    must (jl_event (jl, strtoul (id, NULL, 10), v, vspec, vR, &why) == 0);
}

static void play_jobs (struct jl *jl)
{
    static const char *const ids[] = { "1", "2", "3" };

    for (size_t i = 0; i < ARRAY_SIZE (ids); i++) {
        play (jl, ids[i], "submit",
              "{\"userid\":1000,\"urgency\":16,\"flags\":0,\"version\":1}");
        play (jl, ids[i], "validate", "{}");
        play (jl, ids[i], "depend", "{}");
        play (jl, ids[i], "priority", "{\"priority\":16}");
        if (i > 0)
            play (jl, ids[i], "alloc", "{}");
        if (i > 1) {
            play (jl, ids[i], "finish", "{\"status\":0}");
            play (jl, ids[i], "release", "{\"ranks\":\"all\",\"final\":true}");
            play (jl, ids[i], "free", "{}");
            play (jl, ids[i], "clean", "{}");
        }
    }
}

/* Each job is in exactly the list of its state, and the counters count it. */
static size_t check_lists (struct jl *jl, struct match *m)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    static const int states[] = { STATE_PENDING, STATE_RUNNING, STATE_INACTIVE };
    struct jview all = { "[\"all\"]", 7 };
    struct attrs attrs;
    uint64_t cost = 0;
    size_t n = 0;

    attrs_init (&attrs, all);
    for (int l = 0; l < LIST_COUNT; l++) {
        for (struct record *rec = jl_first (jl, l); rec; rec = jl_next (rec)) {
            json_t *o;

            must (rec->state & states[l]);
            must (jl_lookup (jl, rec->id) == rec);
            if (m && match_record (m, rec, &cost))
                must (match_states (m, states[l]));
            text_clear (&t);
            attrs_put_record (&attrs, &t, rec);
            must (text_error (&t) == 0 && (o = json_loadb (t.buf, t.len, 0, NULL)));
            must ((uint64_t)json_integer_value (json_object_get (o, "id")) == rec->id);
            json_decref (o);
            n++;
        }
    }
    attrs_fini (&attrs);
    return n;
}

static void check_stats (struct jl *jl, size_t n)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    json_t *o, *states;

    jl_put_stats (jl, &t);
    must (text_error (&t) == 0 && (o = json_loadb (t.buf, t.len, 0, NULL)));
    states = json_object_get (o, "job_states");
    must (json_integer_value (json_object_get (states, "total")) == (json_int_t)n);
    json_decref (o);
}

static void joblist_one (const char *data, size_t size)
{
    _cleanup_ (freep) char *copy = fuzz_bytes (data, size);
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    struct jl *jl = jl_create (&sink, NULL);
    struct match *m = NULL;
    const char *reason = NULL;
    int waited = 0, waits = 0, r;
    struct jview v;
    bool sentinel;

    must (jl != NULL);
    play_jobs (jl);
    if (jview_parse (copy, size, &v) == 0) {
        must (jl_wait (jl, 1, STATE_RUN, &waited) == 0 && ++waits);
        r = match_compile (&m, jl, v, 1024, &why);
        must (r == 0 || (r == -EINVAL && why.len > 0));
        check_lists (jl, m);
        match_free (m, jl);
        r = jl_message (jl, copy, size, &sentinel, &reason);
        must (r == 0 || (r == -EPROTO && reason));
        check_stats (jl, check_lists (jl, NULL));
        play (jl, "1", "exception", "{\"type\":\"x\",\"severity\":0,\"note\":\"\"}");
        play (jl, "1", "clean", "{}");
        must (waited == waits);
    }
    jl_destroy (jl);
}

static const char *const joblist_seeds[] = {
    "{\"states\":[\"pending\",32]}",
    "{\"userid\":[1000,-1]}",
    "{\"results\":[\"completed\",8]}",
    "{\"and\":[{\"name\":[\"app\"]},{\"queue\":[\"q\",\"p\"]},{\"or\":[{\"hostlist\":"
    "[\"node[0-3]\"]},{\"ranks\":[\"1-4\"]}]}]}",
    "{\"not\":[{\"t_submit\":[\">1.0\"]},{\"t_inactive\":[\"<=3\"]},{\"t_run\":[\"<5\"]}]"
    "}",
    "{\"id\":1,\"events\":[{\"timestamp\":5,\"name\":\"urgency\",\"context\":{\"userid\":"
    "1,"
    "\"urgency\":31}},{\"timestamp\":6,\"name\":\"priority\",\"context\":{\"priority\":"
    "31}}]}",
    "{\"id\":1,\"events\":[{\"timestamp\":5,\"name\":\"jobspec-update\",\"context\":"
    "{\"attributes.system.queue\":\"z\",\"attributes.system.duration\":3}},{"
    "\"timestamp\":5.5,"
    "\"name\":\"annotations\",\"context\":{\"annotations\":{\"user\":{\"a\":1}}}},"
    "{\"timestamp\":6,\"name\":\"alloc\",\"context\":{}}],\"R\":{\"version\":1,"
    "\"execution\":"
    "{\"R_lite\":[{\"rank\":\"3\",\"children\":{\"core\":\"0-3\"}}],\"nodelist\":[\"x3\"]"
    "}}}",
    "{\"id\":9,\"events\":[{\"timestamp\":5,\"name\":\"submit\",\"context\":{\"userid\":"
    "1,"
    "\"urgency\":1,\"flags\":0,\"version\":1}},{\"timestamp\":5,\"name\":\"dependency-"
    "add\","
    "\"context\":{\"description\":\"d\"}},{\"timestamp\":5,\"name\":\"validate\"}],"
    "\"jobspec\":"
    "{\"version\":1,\"resources\":[{\"type\":\"node\",\"count\":2,\"with\":[{\"type\":"
    "\"slot\","
    "\"count\":1,\"with\":[{\"type\":\"core\",\"count\":1}],\"label\":\"t\"}]}],"
    "\"tasks\":"
    "[{\"command\":[\"a\"],\"slot\":\"t\",\"count\":{\"total\":4}}],\"attributes\":{}}}",
    "{\"id\":3,\"events\":[{\"timestamp\":5,\"name\":\"resource-update\",\"context\":"
    "{\"expiration\":100.0}},{\"timestamp\":7,\"name\":\"memo\",\"context\":{}}]}",
    "{\"id\":18446744073709551615,\"events\":[]}",
    NULL,
};

static const struct fuzz_source joblist_sources[] = {
    { "job-list-jobspec.json", "jobspec", FUZZ_JSON },
    { 0 },
};

static const char *const joblist_words[] = {
    "{\"and\":[",
    "{\"or\":[",
    "{\"not\":[",
    "\"states\":[",
    "\"running\"",
    "\"inactive\"",
    "{\"timestamp\":6,\"name\":\"depend\"},",
    "{\"timestamp\":6,\"name\":\"clean\"},",
    "{\"timestamp\":6,\"name\":\"invalidate\"},",
    "{\"timestamp\":6,\"name\":\"flux-restart\"},",
    "\"hostlist\":[\"a[0-9]\"]",
    "\"ranks\":[\"0-9\"]",
    "{\"name\":\"priority\",\"timestamp\":1,\"context\":{\"priority\":4}},",
    "\"id\":1,",
    "\"id\":2,",
    "\"id\":3,",
    NULL,
};

const struct fuzz_target fuzz_joblist = {
    .name = "joblist",
    .one = joblist_one,
    .sources = joblist_sources,
    .seeds = joblist_seeds,
    .words = joblist_words,
};
