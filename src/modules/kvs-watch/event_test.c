#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/tap.h"
#include "common/util.h"
#include "event.h"

static int decode (struct watch_event *ev, const char *text)
{
    return watch_event_decode (ev, text, strlen (text));
}

static void events (void)
{
    struct watch_event ev = WATCH_EVENT_INIT;

    ok (decode (&ev, "{\"namespace\":\"n\",\"rootseq\":7,\"rootref\":\"sha1-x\",\"names\":[\"a\"],"
                     "\"keys\":{\"a.b\":null,\"c\\u00e4\":null},\"owner\":42}")
            == 0,
        "a setroot event");
    ok (!strcmp (ev.ns, "n") && ev.has_root && ev.rootseq == 7
            && !strcmp (ev.rootref, "sha1-x") && ev.owner == 42,
        "has a namespace and a root");
    ok (ev.has_keys && ev.nkeys == 2 && !strcmp (ev.keys[0], "a.b")
            && !strcmp (ev.keys[1], "c\303\244"),
        "and keys");
    ok (decode (&ev, "{\"owner\":-1,\"keys\":{},\"rootref\":\"r\",\"rootseq\":0,\"namespace\":\"m\"}")
                == 0
            && !strcmp (ev.ns, "m") && ev.has_root && ev.owner == (uint32_t)-1 && ev.has_keys
            && ev.nkeys == 0,
        "in any order");
    ok (decode (&ev, "{\"namespace\":\"n\",\"rootseq\":0,\"rootref\":\"r\",\"owner\":1}") == 0
            && ev.has_root && !ev.has_keys,
        "that of a new namespace has no keys");
    ok (decode (&ev, "{\"namespace\":\"n\"}") == 0 && !ev.has_root && !ev.has_keys,
        "that of a removed one no root");
    watch_event_fini (&ev);
}

static void many_keys (void)
{
    struct watch_event ev = WATCH_EVENT_INIT;
    struct text t = TEXT_INIT;
    bool good = true;
    char want[16];

    text_puts (&t, "{\"keys\":{");
    for (int i = 0; i < 1000; i++)
        text_printf (&t, "%s\"k%d\":null", i ? "," : "", i);
    text_puts (&t, "},\"namespace\":\"n\"}");
    ok (watch_event_decode (&ev, t.buf, t.len) == 0 && ev.nkeys == 1000, "a thousand keys");
    for (int i = 0; i < 1000 && good; i++) {
        snprintf (want, sizeof (want), "k%d", i);
        good = !strcmp (ev.keys[i], want);
    }
    ok (good, "are all there");
    text_fini (&t);
    watch_event_fini (&ev);
}

static void nonsense (void)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"namespace\":1}",
        "{\"namespace\":\"n\"}x",
        "{\"namespace\":\"n\",\"keys\":[]}",
        "{\"namespace\":\"n\",\"rootseq\":-1}",
        "{\"namespace\":\"n\",\"rootseq\":1.5}",
        "{\"namespace\":\"n\",\"owner\":\"x\"}",
        "{\"namespace\":\"n\",\"rootref\":null}",
    };
    struct watch_event ev = WATCH_EVENT_INIT;

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        is_int (decode (&ev, bad[i]), -EPROTO, "refused: %s", bad[i]);
    watch_event_fini (&ev);
}

int main (void)
{
    events ();
    many_keys ();
    nonsense ();
    return done_testing ();
}
