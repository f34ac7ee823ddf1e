#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "common/tap.h"
#include "common/util.h"
#include "request.h"

static void keys (void)
{
    static const char *const pairs[][2] = {
        { "a...b", "a.b" }, { ".a.b.", "a.b" }, { "..a...b..", "a.b" }, { ".", "." },
        { "...", "." },     { "a", "a" },       { "a.", "a" },          { ".a", "a" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (pairs); i++) {
        char *s = watch_key_normalize (pairs[i][0]);

        is (s, pairs[i][1], "%s is normalised", pairs[i][0]);
        free (s);
    }
}

static void answers (void)
{
    static const struct {
        const char *text;
        int r;
    } cases[] = {
        { "{\"val\":{\"ver\":1,\"type\":\"val\",\"data\":\"\"},\"rootseq\":3,"
          "\"rootref\":\"sha1-0000000000000000000000000000000000000002\"}",
          0 },
        { "{\"errno\":2,\"rootseq\":3}", 0 },
        { "{\"errno\":5,\"rootseq\":3}", -EPROTO },
        { "{\"errno\":2}", -EPROTO },
        { "{\"val\":{\"type\":\"val\"},\"rootseq\":3}", -EPROTO },
        { "{\"val\":[],\"rootseq\":-3}", -EPROTO },
        { "{\"rootseq\":3}", -EPROTO },
        { "{\"errno\":2,\"rootseq\":3", -EPROTO },
        { "[]", -EPROTO },
        { "", -EPROTO },
    };
    struct watch_answer a;

    for (size_t i = 0; i < ARRAY_SIZE (cases); i++) {
        const char *s = cases[i].text;

        is_int (watch_answer_decode (&a, s, strlen (s), true), cases[i].r, "answer %s",
                s);
        if (i == 0) {
            ok (a.result.rootseq == 3 && a.result.obj != NULL, "is decoded");
            ok (a.result.len == 32 && strncmp (a.result.text, s + 7, 32) == 0,
                "and its object found");
        }
        watch_answer_fini (&a);
    }
}

int main (void)
{
    keys ();
    answers ();
    return done_testing ();
}
