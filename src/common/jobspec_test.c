#include "config.h"
#include <stdio.h>

#include "jobspec.h"
#include "tap.h"
#include "testdata.h"
#include "util.h"

static json_t *load_cases (const char *name, json_t **doc)
{
    if (!(*doc = testdata_vectors (name)))
        bail_out ("no vectors: %s", name);
    return json_object_get (*doc, "cases");
}

/* JSON true is the integer 1 for the interpreter that upstream validates
 * with; here it is not (exec.md 3.3).
 */
static bool is_bool_quirk (const char *name)
{
    return !strcmp (name, "count-bool-true") || !strcmp (name, "version-true");
}

static void accepts_what_upstream_accepts (void)
{
    json_t *doc, *cases, *c;
    size_t i;

    cases = load_cases ("jobspec-valid.json", &doc);
    json_array_foreach (cases, i, c) {
        const char *name = json_string_value (json_object_get (c, "name"));
        flux_error_t error = { "" };
        int r = jobspec_validate (json_object_get (c, "jobspec"), NULL, &error);

        if (is_bool_quirk (name))
            ok (r == -EINVAL, "%s is refused: true is no integer", name);
        else
            ok (r == 0, "%s is accepted%s%s", name, r < 0 ? ": " : "", error.text);
    }
    json_decref (doc);
}

static void refuses_with_the_same_words (void)
{
    struct hostlist *hosts = hostlist_decode ("vm");
    json_t *doc, *cases, *c;
    size_t i;

    cases = load_cases ("jobspec-invalid.json", &doc);
    json_array_foreach (cases, i, c) {
        const char *name = json_string_value (json_object_get (c, "name"));
        const char *stage = json_string_value (json_object_get (c, "stage"));
        const char *want = json_string_value (json_object_get (c, "errstr"));
        bool quirk = json_object_get (c, "quirk") != NULL;
        flux_error_t error = { "" };
        int r = jobspec_validate (json_object_get (c, "jobspec"), hosts, &error);

        if (!strcmp (name, "duration-bool"))
            ok (r == -EINVAL, "duration-bool is refused here already");
        else if (!strcmp (stage, "job-manager"))
            ok (r == 0, "%s is left to the job manager", name);
        else if (quirk)
            ok (r == -EINVAL && error.text[0], "%s is refused: %s", name, error.text);
        else if (ok (r == -EINVAL, "%s is refused", name))
            is (error.text, want, "%s: the words", name);
    }
    json_decref (doc);
    hostlist_destroy (hosts);
}

static void constraint_hosts_are_checked_only_against_known_hosts (void)
{
    json_t *c = json_loads ("{\"hostlist\":[\"n[1-3]\"]}", 0, NULL);
    struct hostlist *hosts = hostlist_decode ("n[0-9]");
    flux_error_t error;

    ok (jobspec_validate_constraint (c, hosts, &error) == 0, "known hosts pass");
    ok (jobspec_validate_constraint (c, NULL, &error) == 0, "no list, no check");
    hostlist_delete (hosts, "n2");
    ok (jobspec_validate_constraint (c, hosts, &error) == -EINVAL, "n2 is unknown");
    is (error.text,
        "host constraint contains invalid hosts: host 'n2' not found",
        "the words name it");
    hostlist_destroy (hosts);
    json_decref (c);
}

/* The scheduler's reading of the resource graph. */
static void requests (void)
{
    static const struct {
        const char *resources;
        struct jobspec_request want;
        const char *error;
    } cases[] = {
        { "[{\"type\":\"slot\",\"count\":4,\"with\":[{\"type\":\"core\",\"count\":2}]}]",
          { 0, 4, 2, 0, false },
          NULL },
        { "[{\"type\":\"rack\",\"count\":2,\"with\":[{\"type\":\"node\",\"count\":3,"
          "\"exclusive\":true,\"with\":[{\"type\":\"slot\",\"count\":4,\"with\":["
          "{\"type\":\"core\",\"count\":2},{\"type\":\"gpu\",\"count\":1}]}]}]}]",
          { 6, 4, 2, 1, true },
          NULL },
        { "[]", { 0 }, "jobspec has no resources" },
        { "[{\"type\":\"node\",\"count\":1}]", { 0 }, "Unable to determine slot count" },
        { "[{\"type\":\"slot\",\"count\":1,\"with\":[]}]",
          { 0 },
          "Unable to determine slot size" },
        { "[{\"type\":\"slot\",\"count\":1,\"with\":[{\"type\":\"core\",\"count\":1},"
          "{\"type\":\"gpu\",\"count\":0}]}]",
          { 0 },
          "RFC 14 count: integer count must be >= 1, got 0" },
        { "[{\"type\":\"rack\",\"count\":4000000000,\"with\":[{\"type\":\"node\","
          "\"count\":4000000000}]}]",
          { 0 },
          "RFC 14 count: node count is too large" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        json_t *o = json_loads (cases[i].resources, 0, NULL);
        struct jobspec_request req = { 0 };
        const struct jobspec_request *want = &cases[i].want;
        flux_error_t error = { "" };
        int r = jobspec_decode_request (o, &req, &error);

        if (cases[i].error) {
            ok (r == -EINVAL, "request %zu is refused", i);
            is (error.text, cases[i].error, "request %zu: the words", i);
        }
        else
            ok (r == 0 && req.nnodes == want->nnodes && req.nslots == want->nslots
                    && req.slot_cores == want->slot_cores
                    && req.slot_gpus == want->slot_gpus
                    && req.exclusive == want->exclusive,
                "request %zu is understood",
                i);
        json_decref (o);
    }
}

static void decoding (void)
{
    static const char *text =
        "{\"version\":1,\"resources\":[{\"type\":\"slot\",\"count\":1,\"label\":\"t\","
        "\"with\":[{\"type\":\"core\",\"count\":1}]}],\"tasks\":[{\"command\":[\"a\","
        "\"b\"],\"slot\":\"t\",\"count\":{\"total\":7}}],\"attributes\":{\"system\":{"
        "\"duration\":1.5,\"cwd\":\"/x\",\"job\":{\"name\":\"n\"},\"environment\":{},"
        "\"shell\":{\"options\":{\"output\":{\"stdout\":{\"type\":\"file\"}}}}}}}";
    json_t *o = json_loads (text, 0, NULL);
    json_t *system;
    struct jobspec *js = NULL;
    flux_error_t error = { "" };

    ok (jobspec_decode (o, &js, &error) == 0, "a jobspec decodes %s", error.text);
    if (!js)
        return;
    ok (js->ntasks_total == 7 && js->per_slot == 0 && js->duration == 1.5, "numbers");
    is (js->cwd, "/x", "cwd");
    is (js->job_name, "n", "job name");
    ok (json_array_size (js->command) == 2 && js->environment, "command, environment");
    is (jobspec_option_string (js, "output.stdout.type", "kvs"), "file", "an option");
    is (jobspec_option_string (js, "output.stderr.type", "kvs"), "kvs", "its default");
    jobspec_free (js);

    system = json_object_get (json_object_get (o, "attributes"), "system");
    json_object_set_new (system, "cwd", json_integer (7));
    ok (jobspec_decode (o, &js, &error) == -EINVAL, "a numeric cwd is refused");
    json_object_del (system, "cwd");
    json_object_set_new (system, "environment", json_array ());
    ok (jobspec_decode (o, &js, &error) == -EINVAL, "a list as environment is refused");
    json_decref (o);
}

int main (void)
{
    accepts_what_upstream_accepts ();
    refuses_with_the_same_words ();
    constraint_hosts_are_checked_only_against_known_hosts ();
    requests ();
    decoding ();
    return done_testing ();
}
