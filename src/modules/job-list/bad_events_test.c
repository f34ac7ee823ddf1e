/* Journal events that say too little, or what cannot be: what is fatal, what is only
 * logged, in which words, and what is known of the job then.
 */

#include "config.h"
#include <stdio.h>

#include "testing.h"

/* Events of job 1, which is pending. */
static void fatal (void)
{
    static const struct {
        const char *name;
        const char *context;
        const char *why;
    } tab[] = {
        { "priority", "{}", "priority context is invalid" },
        { "priority", NULL, "priority context is invalid" },
        { "priority", "{\"priority\":\"x\"}", "priority context is invalid" },
        { "priority", "{\"priority\":-1}", "priority context is invalid" },
        { "urgency", NULL, "urgency context is invalid" },
        { "urgency", "{\"urgency\":32}", "urgency context is invalid" },
        { "urgency", "{\"urgency\":-1}", "urgency context is invalid" },
        { "exception", NULL, "exception context is invalid" },
        { "exception", "{\"type\":\"x\",\"severity\":0}", "exception context is invalid" },
        { "exception", "{\"type\":\"x\",\"note\":\"\"}", "exception context is invalid" },
        { "exception", "{\"severity\":0,\"note\":\"\"}", "exception context is invalid" },
        { "exception", "{\"type\":\"x\",\"severity\":8,\"note\":\"\"}",
          "exception context is invalid" },
        { "finish", NULL, "finish context is invalid" },
        { "finish", "{\"status\":\"x\"}", "finish context is invalid" },
        { "annotations", NULL, "annotations context is invalid" },
        { "annotations", "{}", "annotations context is invalid" },
        { "dependency-add", NULL, "dependency context is invalid" },
        { "dependency-add", "{\"description\":5}", "dependency context is invalid" },
        { "dependency-remove", "{}", "dependency context is invalid" },
        { "dependency-x", "{\"description\":\"\"}", "unknown dependency event" },
        { "memo", NULL, "memo context is missing" },
        { "jobspec-update", NULL, "jobspec-update context is missing" },
        { "resource-update", NULL, "resource-update context is missing" },
        { "submit", "{\"userid\":1,\"urgency\":1}", "second submit event of a job" },
    };
    struct jl *jl = new_jl ();
    char want[128];

    pending (jl, 1, 1., 16);
    heard ();
    for (size_t i = 0; i < ARRAY_SIZE (tab); i++) {
        snprintf (want, sizeof (want), "error:%s ", tab[i].why);
        ok (event (jl, 1, 2., tab[i].name, tab[i].context) == -EPROTO
                && strcmp (heard (), want) == 0,
            "%s %s: %s", tab[i].name, tab[i].context ? tab[i].context : "without context",
            tab[i].why);
    }
    for (const char *const *c =
             (const char *const[]){ "{\"urgency\":1}", "{\"userid\":1}",
                                    "{\"userid\":1,\"urgency\":32}",
                                    "{\"userid\":-1,\"urgency\":1}", NULL };
         *c; c++) {
        ok (event (jl, 2, 1., "submit", *c) == -EPROTO
                && strcmp (heard (), "error:submit context is invalid ") == 0
                && !jl_lookup (jl, 2),
            "submit %s: no job comes of it", *c);
    }
    jl_destroy (jl);
}

static void only_logged (void)
{
    struct jl *jl = new_jl ();

    pending (jl, 1, 1., 16);
    event_full (jl, 2, 1., "submit", "{\"userid\":1,\"urgency\":1,\"version\":1}",
                JVIEW_ABSENT, JVIEW_ABSENT);
    is (heard (), "", "a job without a jobspec is a job");
    ok (event (jl, 1, 1., "site.x", "{\"any\":1}") == 0 && !*heard (),
        "an event that nobody knows is no mistake");
    ok (event (jl, 2, 2., "jobspec-update", "{\"attributes.x\":1}") == 0, "it is updated");
    is (heard (), "log:job \u01923: jobspec-update without jobspec ", "which is logged");
    ok (event (jl, 1, 2., "resource-update", "{\"expiration\":5}") == 0,
        "so is a new expiration of a job that has no resources");
    is (heard (), "log:job \u01922: resource-update without R ", "and logged");
    event (jl, 1, 2., "dependency-remove", "{\"description\":\"d\"}");
    is (heard (), "log:job \u01922: dependency-remove 'd' not found ",
        "a dependency that never was goes");
    event (jl, 9, 2., "depend", NULL);
    is (heard (), "log:event depend: job \u0192A not in hash ", "a job that never was does");
    event (jl, 1, 3., "jobspec-update", "{\"attributesx\":1,\"attributes.system.cwd\":\"/\"}");
    is (heard (), "log:job \u01922: invalid update key: attributesx ",
        "a key that cannot be updated is passed over");
    is (shown (jl, 1, "[\"cwd\"]"), "{\"id\":1,\"cwd\":\"/\"}", "others are not");
    event (jl, 1, 4., "alloc", NULL);
    is (heard (), "log:job \u01922: invalid R: it is missing ", "an alloc without R");
    is (shown (jl, 1, "[\"state\",\"ranks\"]"), "{\"id\":1,\"state\":16}", "is an alloc");
    jl_destroy (jl);
}

/* What of a jobspec is there before the part that is wrong is known of the job. */
static void jobspecs (void)
{
#define S(x) "{\"version\":1," x "}"
#define TASKS "\"tasks\":[{\"command\":[\"app\"]}]"
#define SYSTEM(x) "\"attributes\":{\"system\":{" x "}}"
#define CORE(n) "{\"type\":\"slot\",\"count\":1,\"with\":[{\"type\":\"core\",\"count\":" n "}]}"
    static const struct {
        const char *spec;
        const char *why;
        const char *known;
    } tab[] = {
        { S (TASKS), "attributes is missing", "" },
        { S (TASKS "," SYSTEM ("\"job\":5")), "attributes.system.job is invalid", "" },
        { S (TASKS "," SYSTEM ("\"job\":{\"name\":5}")), "attributes.system.job is invalid",
          "" },
        { S (SYSTEM ("\"duration\":1")), "tasks[0].command[0] is not a string", "" },
        { S (TASKS "," SYSTEM ("\"cwd\":\"/\",\"bank\":\"b\"")),
          "attributes.system.duration is not a number",
          ",\"name\":\"app\",\"cwd\":\"/\"" },
        { S (TASKS "," SYSTEM ("\"duration\":1,\"bank\":\"b\"")), "resources are invalid",
          ",\"name\":\"app\",\"bank\":\"b\"" },
        { S ("\"resources\":[" CORE ("0") "]," TASKS "," SYSTEM ("\"duration\":1")),
          "resources are invalid", ",\"name\":\"app\"" },
        { S ("\"resources\":[" CORE ("1") "]," TASKS
             "," SYSTEM ("\"duration\":1,\"shell\":{\"options\":{\"per-resource\":5}}")),
          "shell option per-resource is invalid", ",\"name\":\"app\"" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (tab); i++) {
        struct jl *jl = new_jl ();
        char want[128];

        submit (jl, 1, 1., tab[i].spec);
        event (jl, 1, 1., "validate", NULL);
        snprintf (want, sizeof (want), "log:job \u01922: invalid jobspec: %s ", tab[i].why);
        is (heard (), want, "a jobspec: %s", tab[i].why);
        snprintf (want, sizeof (want), "{\"id\":1%s}", tab[i].known);
        is (shown (jl, 1, "[\"name\",\"cwd\",\"bank\",\"ntasks\",\"ncores\"]"), want,
            "... what is known then");
        jl_destroy (jl);
    }
}

static void resources (void)
{
#define R(x) "{\"version\":1,\"execution\":{" x "}}"
#define LITE "\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":\"0\"}}]"
    static const struct {
        const char *R;
        const char *why;
    } tab[] = {
        { "{\"execution\":{" LITE "}}", "version is not 1" },
        { "{\"version\":2}", "version is not 1" },
        { R (LITE ",\"starttime\":\"x\""), "a number is not one" },
        { R (LITE ",\"expiration\":\"x\""), "a number is not one" },
        { R (LITE ",\"nslots\":0.5"), "a number is not one" },
        { R (""), "R_lite is invalid" },
        { R ("\"R_lite\":[{\"rank\":\"x\",\"children\":{}}]"), "R_lite is invalid" },
        { R ("\"R_lite\":[{\"rank\":\"0\",\"children\":5}]"), "R_lite is invalid" },
        { R (LITE ",\"nodelist\":[\"a\",\"b\"]"), "nodelist is invalid" },
        { R (LITE ",\"nodelist\":5"), "nodelist is invalid" },
        { R (LITE ",\"nodelist\":[\"a\"],\"properties\":{\"p\":\"1\"}"),
          "properties are invalid" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (tab); i++) {
        struct jl *jl = new_jl ();
        char want[128];

        pending (jl, 1, 1., 16);
        event_full (jl, 1, 2., "alloc", NULL, JVIEW_ABSENT, view (tab[i].R));
        snprintf (want, sizeof (want), "log:job \u01922: invalid R: %s ", tab[i].why);
        is (heard (), want, "R %s: %s", tab[i].R, tab[i].why);
        is (shown (jl, 1, "[\"state\",\"ranks\",\"nodelist\",\"expiration\",\"ncores\"]"),
            "{\"id\":1,\"state\":16,\"ncores\":2}", "... none of it is known");
        jl_destroy (jl);
    }
}

int main (void)
{
    fatal ();
    only_logged ();
    jobspecs ();
    resources ();
    testing_fini ();
    return done_testing ();
}
