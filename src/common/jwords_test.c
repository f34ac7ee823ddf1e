#include "config.h"

#include "jwords.h"
#include "tap.h"

static void judge (const char *text, bool valid, bool command)
{
    json_t *o = json_loads (text, JSON_DECODE_ANY, NULL);

    ok (o && jwords_valid (o) == valid, "%s %s words", text, valid ? "is" : "is not");
    ok (jwords_command (o) == command, "... and %s command", command ? "a" : "no");
    json_decref (o);
}

int main (void)
{
    judge ("[\"a\"]", true, true);
    judge ("[\"a\",\"\",\"b c\"]", true, true);
    judge ("[]", true, false);
    judge ("[1]", false, false);
    judge ("[\"a\",null]", false, false);
    judge ("[null,\"a\"]", false, false);
    judge ("[[\"a\"]]", false, false);
    judge ("{}", false, false);
    judge ("{\"a\":\"b\"}", false, false);
    judge ("\"a\"", false, false);
    judge ("null", false, false);
    ok (!jwords_valid (NULL) && !jwords_command (NULL), "what is absent is neither");
    return done_testing ();
}
