#include "config.h"
#include <errno.h>

#include "blobbatch.h"
#include "tap.h"

int main (void)
{
    struct text t = TEXT_INIT;
    char big[70000];
    const void *data;
    size_t len, pos = 0;

    memset (big, 'x', sizeof (big));
    blobbatch_add (&t, "abc", 3);
    blobbatch_add (&t, NULL, 0);
    blobbatch_add (&t, big, sizeof (big));
    ok (blobbatch_next (t.buf, t.len, &pos, &data, &len) == 1 && len == 3
            && memcmp (data, "abc", 3) == 0,
        "a blob");
    ok (blobbatch_next (t.buf, t.len, &pos, &data, &len) == 1 && len == 0,
        "an empty one");
    ok (blobbatch_next (t.buf, t.len, &pos, &data, &len) == 1 && len == sizeof (big)
            && memcmp (data, big, len) == 0,
        "a large one");
    ok (blobbatch_next (t.buf, t.len, &pos, &data, &len) == 0, "the end");
    pos = 0;
    ok (blobbatch_next (t.buf, 3, &pos, &data, &len) == -EPROTO
            && blobbatch_next (t.buf, 6, &pos, &data, &len) == -EPROTO
            && blobbatch_next ("\xff\xff\xff\xff", 4, &pos, &data, &len) == -EPROTO,
        "what is cut off is refused");
    ok (blobbatch_next (t.buf, 0, &pos, &data, &len) == 0, "nothing is an empty batch");
    text_fini (&t);
    return done_testing ();
}
