/* target_job.c - the documents of a job: jobspec, R, eventlogs. */

#include "config.h"
#include <math.h>
#include <stdio.h>

#include "common/eventlog.h"
#include "common/jobspec.h"
#include "common/rset.h"
#include "fuzz.h"

/* ---- jobspec ---------------------------------------------------------------- */

static void check_request (const struct jobspec *js)
{
    const struct jobspec_request *r = &js->request;

    must (r->nslots > 0 && r->slot_cores > 0);
    must (json_array_size (js->command) > 0);
    must (js->duration >= 0 && isfinite (js->duration));
    must (js->ntasks_total > 0 || js->per_slot > 0
          || js->per_resource != JOBSPEC_PER_SLOT);
    jobspec_option (js, "output.stdout.type");
    jobspec_option_string (js, "verbose", "");
}

static void jobspec_one (const char *data, size_t size)
{
    _cleanup_ (freep) char *before = NULL;
    _cleanup_ (freep) char *after = NULL;
    json_t *o = fuzz_json (data, size);
    struct hostlist *hosts;
    struct jobspec *js;
    flux_error_t error;
    int valid, r;

    if (!o)
        return;
    before = fuzz_dump (o);
    must ((hosts = hostlist_decode ("node[1-4]")) != NULL);
    error.text[0] = '\0';
    valid = jobspec_validate (o, NULL, &error);
    must (valid == 0 || (valid == -EINVAL && error.text[0]));
    must (jobspec_validate (o, hosts, &error) <= valid);
    error.text[0] = '\0';
    r = jobspec_decode (o, &js, &error);
    must (r == 0 || (r == -EINVAL && error.text[0]));
    if (r == 0) {
        if (valid == 0)
            check_request (js);
        jobspec_free (js);
    }
    after = fuzz_dump (o);
    must (strcmp (before, after) == 0);
    hostlist_destroy (hosts);
    json_decref (o);
}

static const struct fuzz_source jobspec_sources[] = {
    { "jobspec-valid.json", "jobspec", FUZZ_JSON },
    { "jobspec-invalid.json", "jobspec", FUZZ_JSON },
    { 0 },
};

static const char *const jobspec_words[] = {
    "\"type\":\"slot\"",
    "\"type\":\"node\"",
    "\"type\":\"core\"",
    "\"type\":\"gpu\"",
    "\"count\":",
    "{\"min\":1,\"max\":4,\"operator\":\"+\",\"operand\":1}",
    "\"with\":[",
    "\"label\":",
    "\"exclusive\":true",
    "{\"per_slot\":1}",
    "{\"total\":4}",
    "\"constraints\":{\"and\":[",
    "\"properties\":[\"^a\"]",
    "\"hostlist\":[\"node[1-2]\"]",
    "\"ranks\":[\"0-3\"]",
    "\"shell\":{\"options\":{\"per-resource\":{\"type\":\"node\"}}}",
    "\"duration\":",
    "\"1h\"",
    NULL,
};

const struct fuzz_target fuzz_jobspec = {
    .name = "jobspec",
    .one = jobspec_one,
    .sources = jobspec_sources,
    .words = jobspec_words,
};

/* ---- rset: R ---------------------------------------------------------------- */

static char *encoded (const struct rset *r)
{
    struct text t = TEXT_INIT;
    char *s;

    rset_encode (r, &t);
    must ((s = text_take (&t, NULL)) != NULL);
    return s;
}

static void check_sets (const struct rset *r)
{
    struct rset *x = NULL;
    size_t cores = rset_count (r, RSET_CORE);

    must (rset_union (r, r, &x) == 0 && rset_count (x, RSET_CORE) == cores);
    rset_free (x);
    must (rset_intersect (r, r, &x) == 0 && rset_count (x, RSET_CORE) == cores);
    rset_free (x);
    must (rset_difference (r, r, &x) == 0 && rset_nnodes (x) == 0);
    rset_free (x);
}

static void check_nodes (const struct rset *r)
{
    struct idset *ranks = rset_ranks (r);
    struct text t = TEXT_INIT;

    must (ranks && idset_count (ranks) == rset_nnodes (r));
    for (size_t i = 0; i < rset_nnodes (r) && i < 100; i++) {
        must (idset_test (ranks, rset_rank_at (r, i)));
        must (rset_find (r, rset_rank_at (r, i)) == (ssize_t)i);
        must (i == 0 || rset_rank_at (r, i - 1) < rset_rank_at (r, i));
        rset_has_property (r, rset_rank_at (r, i), "p");
    }
    must (rset_nodelist (r, &t) == 0);
    rset_dumps (r, &t);
    must (text_error (&t) == 0);
    text_fini (&t);
    idset_destroy (ranks);
}

/* Sets of very many ranks are correct and slow; let most of them be. */
static bool names_many_ranks (const char *data, size_t size)
{
    const char *p = memmem (data, size, "\"rank\":\"", 8);
    const char *end = data + size;
    size_t digits = 0;

    for (; p && p < end; p++) {
        digits = *p >= '0' && *p <= '9' ? digits + 1 : 0;
        if (digits > 4)
            return data[size - 1] != '\n';
    }
    return false;
}

static void rset_one (const char *data, size_t size)
{
    flux_error_t error = { .text = "" };
    struct rset *parsed, *r, *again, *copy;
    char *s1, *s2, *s3;
    int rc;

    if (names_many_ranks (data, size))
        return;
    if ((rc = rset_parse_text (data, size, &parsed, &error)) < 0) {
        must (rc == -EINVAL && error.text[0]);
        return;
    }
    free (encoded (parsed));
    check_nodes (parsed);
    /* without nodes that have no resources: those are not written */
    must (rset_union (parsed, parsed, &r) == 0);
    s1 = encoded (r);
    must (rset_parse_text (s1, strlen (s1), &again, &error) == 0);
    s2 = encoded (again);
    must (strcmp (s1, s2) == 0);
    must ((copy = rset_copy (r)) != NULL);
    s3 = encoded (copy);
    must (strcmp (s1, s3) == 0);
    check_nodes (r);
    check_sets (r);
    free (s1);
    free (s2);
    free (s3);
    rset_free (again);
    rset_free (copy);
    rset_free (r);
    rset_free (parsed);
}

static const struct fuzz_source rset_sources[] = {
    { "R.json", "R", FUZZ_JSON },
    { "R-alloc.json", "all", FUZZ_JSON },
    { 0 },
};

static const char *const rset_words[] = {
    "{\"rank\":\"0-3\",\"children\":{\"core\":\"0-3\",\"gpu\":\"0\"}},",
    "\"nodelist\":[",
    "\"node[0-3]\"",
    "\"properties\":{\"p\":\"0-1\"}",
    "\"starttime\":",
    "\"expiration\":",
    "\"nslots\":",
    "\"scheduling\":{}",
    "\"children\":{}",
    "\"R_lite\":[",
    "\"\"",
    NULL,
};

const struct fuzz_target fuzz_rset = {
    .name = "rset",
    .one = rset_one,
    .sources = rset_sources,
    .words = rset_words,
};

/* ---- eventlog --------------------------------------------------------------- */

static bool is_entry (json_t *o)
{
    json_t *t = json_object_get (o, "timestamp");
    json_t *context = json_object_get (o, "context");

    return json_is_number (t) && json_number_value (t) >= 0
           && json_is_string (json_object_get (o, "name"))
           && (!context || json_is_object (context));
}

static void compare_entry (const struct eventlog_entry *e, json_t *o)
{
    json_t *context = json_object_get (o, "context");

    must (e->timestamp == json_number_value (json_object_get (o, "timestamp")));
    must (eventlog_entry_is (e, json_string_value (json_object_get (o, "name"))));
    must (jview_present (e->context) == (context != NULL));
    if (context) {
        json_t *c = json_loadb (e->context.s, e->context.len, 0, NULL);

        must (json_equal (c, context));
        json_decref (c);
    }
}

/* Write what was read; it reads the same. */
static void rewrite (const struct eventlog_entry *e)
{
    _cleanup_ (text_fini) struct text name = TEXT_INIT;
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    struct eventlog_entry again;
    char *context;

    text_puts (&name, "");
    must (jview_string (e->name, &name) == 0);
    if (name.len == 0 || memchr (name.buf, '\0', name.len))
        return;
    context = jview_present (e->context) ? strndup (e->context.s, e->context.len) : NULL;
    must (eventlog_append (&t, e->timestamp, name.buf, context) == 0);
    must (eventlog_entry_decode (t.buf, t.len, &again) == 0);
    must (again.timestamp == e->timestamp && eventlog_entry_is (&again, name.buf));
    must (jview_present (again.context) == (context != NULL));
    if (context)
        must (again.context.len == strlen (context)
              && memcmp (again.context.s, context, again.context.len) == 0);
    free (context);
}

static bool read_line (const char *line, size_t len)
{
    struct eventlog_entry e;
    json_t *o = fuzz_json (line, len);
    bool good = eventlog_entry_decode (line, len, &e) == 0;

    /* blanks around an entry are refused */
    must (good || !is_entry (o) || line[0] != '{' || line[len - 2] != '}');
    if (good) {
        if (o && is_entry (o))
            compare_entry (&e, o);
        rewrite (&e);
    }
    json_decref (o);
    return good;
}

static void eventlog_one (const char *data, size_t size)
{
    _cleanup_ (freep) char *copy = fuzz_bytes (data, size);
    const char *pos = copy, *end = copy + size, *line;
    bool good = true;
    size_t count = 0, n, len;
    int r = eventlog_validate (copy, size, &n);

    while ((line = eventlog_next_line (&pos, end, &len))) {
        must (line >= copy && line + len == pos && line[len - 1] == '\n');
        count++;
        good = read_line (line, len) && good;
    }
    must (!memchr (pos, '\n', end - pos));
    must (r == 0 ? good && n == count : !good || count == 0);
}

static const char *const eventlog_seeds[] = {
    "",
    "{\"timestamp\":1.5,\"name\":\"a\"}\n",
    "{\"timestamp\":1.5,\"name\":\"submit\",\"context\":{\"userid\":1000,\"urgency\":16,"
    "\"flags\":0,\"version\":1}}\n{\"timestamp\":2,\"name\":\"depend\"}\n"
    "{\"timestamp\":3.25,\"name\":\"exception\",\"context\":{\"type\":\"cancel\","
    "\"severity\":0,\"note\":\"it \\u00e9\\n\"}}\n",
    "{\"name\":\"\\u0061\",\"timestamp\":0,\"more\":[1,{\"a\":null}]}\nrest",
    NULL,
};

static const char *const eventlog_words[] = {
    "{\"timestamp\":1.5,\"name\":\"x\"}\n",
    "\"context\":{",
    "\"timestamp\":",
    "\"name\":",
    "}\n",
    "\n",
    "\\u0000",
    NULL,
};

const struct fuzz_target fuzz_eventlog = {
    .name = "eventlog",
    .one = eventlog_one,
    .seeds = eventlog_seeds,
    .words = eventlog_words,
};
