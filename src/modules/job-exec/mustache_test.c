#include "config.h"
#include "common/tap.h"
#include "common/util.h"
#include "mustache.h"

static bool value (void *arg, const char *tag, struct text *out)
{
    if (strcmp (tag, "id"))
        return false;
    text_puts (out, "f1");
    return true;
}

int main (void)
{
    static const struct {
        const char *tmpl;
        const char *want;
    } cases[] = {
        { "", "" },
        { "plain", "plain" },
        { "{{id}}", "f1" },
        { "a-{{id}}-{{id}}.out", "a-f1-f1.out" },
        { "{{nosuch}}/{{id}}", "{{nosuch}}/f1" },
        { "{{id", "{{id" },
        { "{id}}", "{id}}" },
        { "{{}}{{id}}", "{{}}f1" },
        { "{{0123456789012345678901234567890123456789012345678901234567890123456789}}x",
          "{{0123456789012345678901234567890123456789012345678901234567890123456789}}x" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        struct text t = TEXT_INIT;

        mustache_render (cases[i].tmpl, value, NULL, &t);
        is (t.len ? t.buf : "", cases[i].want, "'%s'", cases[i].tmpl);
        text_fini (&t);
    }
    return done_testing ();
}
