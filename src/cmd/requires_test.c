#include "config.h"
#include <stdio.h>

#include "common/tap.h"
#include "requires.h"

static void becomes (const char *s, const char *want)
{
    flux_error_t error;
    json_t *o = requires_parse (s, &error);
    char *got = o ? json_dumps (o, JSON_COMPACT) : NULL;

    is (got ? got : error.text, want, "'%s'", s);
    free (got);
    json_decref (o);
}

int main (void)
{
    char deep[1024] = "";

    becomes ("a", "{\"properties\":[\"a\"]}");
    becomes (" a,b ", "{\"properties\":[\"a\",\"b\"]}");
    becomes ("a b", "{\"properties\":[\"a\",\"b\"]}");
    becomes ("a and b&c && d", "{\"properties\":[\"a\",\"b\",\"c\",\"d\"]}");
    becomes ("a or b|c || d",
             "{\"or\":[{\"properties\":[\"a\"]},{\"properties\":[\"b\"]},"
             "{\"properties\":[\"c\"]},{\"properties\":[\"d\"]}]}");
    becomes ("a b or c",
             "{\"or\":[{\"properties\":[\"a\",\"b\"]},{\"properties\":[\"c\"]}]}");
    becomes ("a (b or c)", "{\"and\":[{\"properties\":[\"a\"]},{\"or\":"
                           "[{\"properties\":[\"b\"]},{\"properties\":[\"c\"]}]}]}");
    becomes ("rank:0 and -foo", "{\"and\":[{\"ranks\":[\"0\"]},"
                                "{\"not\":[{\"properties\":[\"foo\"]}]}]}");
    becomes ("not (a)", "{\"not\":[{\"properties\":[\"a\"]}]}");
    becomes ("--a", "{\"not\":[{\"not\":[{\"properties\":[\"a\"]}]}]}");
    becomes ("host:n[1-3],m hosts:x", "{\"and\":[{\"hostlist\":[\"n[1-3],m\"]},"
                                      "{\"hostlist\":[\"x\"]}]}");
    becomes ("big-mem", "{\"properties\":[\"big-mem\"]}");
    becomes ("android", "{\"properties\":[\"android\"]}");
    becomes ("((", "Unclosed parenthesis in position 1");
    becomes ("(a b", "Unclosed parenthesis in position 0");
    becomes ("a)", "Unexpected closing parenthesis in position 1");
    becomes ("()", "Unexpected closing parenthesis in position 1");
    becomes ("", "Missing term in position 0");
    becomes ("a and", "Missing term in position 5");
    becomes ("and a", "Unexpected operator in position 0");
    becomes ("a or or b", "Unexpected operator in position 5");
    becomes ("a foo:b", "Unknown operator in position 2");
    becomes ("host:", "Unknown operator in position 0");
    memset (deep, '(', 500);
    becomes (deep, "Too many levels in position 100");
    return done_testing ();
}
