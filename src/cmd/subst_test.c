#include "config.h"
#include <stdio.h>

#include "common/tap.h"
#include "subst.h"

static const char *inputs[] = { "/a/b/file.tar.gz", "two", ".hidden", "/top", "dir.d/x" };
static const struct subst bulk = { "7", false, inputs, ARRAY_SIZE (inputs), 4 };
static const struct subst copy = { "7", true, NULL, 0, 0 };

static const char *expand (const char *s, const struct subst *v)
{
    static char buf[256];
    flux_error_t error;
    char *e = subst_expand (s, v, &error);

    snprintf (buf, sizeof (buf), e ? "%s" : "no %s", e ? e : error.text);
    free (e);
    return buf;
}

int main (void)
{
    is (expand ("plain", &bulk), "plain", "words without braces stay");
    is (expand ("", &bulk), "", "even if there is nothing");
    is (expand ("a{}b{1}c{0}", &bulk), "a/a/b/file.tar.gzbtwoc/a/b/file.tar.gz",
        "inputs are put in, by number");
    is (expand ("{.%}", &bulk), "/a/b/file.tar", "without extension");
    is (expand ("{./}", &bulk), "file.tar.gz", "the last component");
    is (expand ("{.//}", &bulk), "/a/b", "the directory");
    is (expand ("{0./%}", &bulk), "file.tar", "the last component without extension");
    is (expand ("{2.%} {1.%} {4.%}", &bulk), ".hidden two dir.d/x",
        "a name that begins with its dot, or has none, has no extension");
    is (expand ("{1.//}|{3.//}", &bulk), "|/", "the directory of a name, and of the top");
    is (expand ("{seq} {seq1} {cc}", &bulk), "4 5 7", "numbers");
    is (expand ("{{id}} {{tmpdir}}/{}", &copy), "{{id}} {{tmpdir}}/{}",
        "double braces stay");
    is (expand ("{{id}}-{1}", &bulk), "{{id}}-two", "next to others too");
    is (expand ("{cc}{}{nosuch}", &copy), "7{}{nosuch}", "copies replace only their id");
    is (expand ("{cc}{1}", &(struct subst){ .inputs = inputs, .ninputs = 2 }), "{cc}two",
        "without copies {cc} stays");
    is (expand ("open{ {", &copy), "open{ {", "an open brace is a brace");
    is (expand ("{{never closed {}", &bulk), "{{never closed {}", "so are two");
    is (expand ("{5}", &bulk), "no '{5}'", "an input that is not there");
    is (expand ("x{nosuch}y", &bulk), "no '{nosuch}'", "a name that is none");
    is (expand ("{.x}", &bulk), "no '{.x}'", "a cut that is none");
    is (expand ("{99999999999999999999}", &bulk), "no '{99999999999999999999}'",
        "large numbers");
    ok (subst_wanted ("a{cc}", true) && !subst_wanted ("a{}", true),
        "only {cc} counts in copies");
    ok (subst_wanted ("a{}", false) && !subst_wanted ("{{id}}", false),
        "else everything does");
    return done_testing ();
}
