#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "common/jpull.h"
#include "common/util.h"
#include "event.h"

enum { HAVE_SEQ = 1, HAVE_REF = 2, HAVE_OWNER = 4, HAVE_ROOT = 7 };

/* While strings may still move they are known by where they begin. */
struct places {
    struct watch_event *ev;
    size_t ns, rootref;
    bool has_ns;
    int have;
};

static int keep (struct watch_event *ev, const char *str, size_t len, size_t *place)
{
    *place = ev->strings.len;
    text_put (&ev->strings, str, len);
    text_put (&ev->strings, "", 1);
    return text_error (&ev->strings);
}

static int scan_string (struct jpull *s, struct watch_event *ev, size_t *place)
{
    const char *str;
    size_t len;
    int r;

    if ((r = jpull_string (s, &str, &len)) < 0)
        return r;
    return keep (ev, str, len, place);
}

static int add_key (struct jpull *s, const char *key, size_t len, void *arg)
{
    struct watch_event *ev = arg;
    size_t place;

    if (ev->nkeys == ev->cap) {
        size_t cap = ev->cap ? 2 * ev->cap : 16;
        const char **keys = reallocarray (ev->keys, cap, sizeof (*keys));

        if (!keys)
            return -ENOMEM;
        ev->keys = keys;
        ev->cap = cap;
    }
    if (keep (ev, key, len, &place) < 0)
        return -ENOMEM;
    ev->keys[ev->nkeys++] = (const char *)(uintptr_t)place; /* see settle () */
    return jpull_skip (s);
}

static int scan_keys (struct jpull *s, struct watch_event *ev)
{
    ev->has_keys = true;
    ev->nkeys = 0;
    return jpull_members (s, add_key, ev);
}

static int
scan_number (struct jpull *s, struct places *p, int bit, int64_t min, int64_t *value)
{
    int r;

    if ((r = jpull_int (s, value)) < 0)
        return r;
    p->have |= bit;
    return *value < min ? -EPROTO : 0;
}

static int scan_member (struct jpull *s, const char *name, size_t len, void *arg)
{
    struct places *p = arg;
    struct watch_event *ev = p->ev;
    int64_t value;
    int r;

    if (jpull_is (name, len, "namespace")) {
        p->has_ns = true;
        return scan_string (s, ev, &p->ns);
    }
    if (jpull_is (name, len, "rootref")) {
        p->have |= HAVE_REF;
        return scan_string (s, ev, &p->rootref);
    }
    if (jpull_is (name, len, "keys"))
        return scan_keys (s, ev);
    if (jpull_is (name, len, "rootseq")) {
        if ((r = scan_number (s, p, HAVE_SEQ, 0, &value)) == 0)
            ev->rootseq = value;
        return r;
    }
    if (jpull_is (name, len, "owner")) {
        if ((r = scan_number (s, p, HAVE_OWNER, INT32_MIN, &value)) == 0)
            ev->owner = value;
        return r;
    }
    return jpull_skip (s);
}

static int scan (struct jpull *s, struct places *p)
{
    int r;

    if ((r = jpull_members (s, scan_member, p)) < 0 || (r = jpull_end (s)) < 0)
        return r;
    return p->has_ns ? 0 : -EPROTO;
}

/* Nothing moves any more. */
static void settle (struct watch_event *ev, const struct places *p)
{
    const char *base = ev->strings.buf;

    ev->ns = base + p->ns;
    ev->has_root = p->have == HAVE_ROOT;
    ev->rootref = ev->has_root ? base + p->rootref : NULL;
    for (size_t i = 0; i < ev->nkeys; i++)
        ev->keys[i] = base + (uintptr_t)ev->keys[i];
}

int watch_event_decode (struct watch_event *ev, const char *text, size_t len)
{
    struct places p = { .ev = ev };
    struct jpull s;
    int r;

    text_clear (&ev->strings);
    ev->ns = ev->rootref = NULL;
    ev->has_root = ev->has_keys = false;
    ev->nkeys = 0;
    jpull_init (&s, text, len);
    r = scan (&s, &p);
    jpull_fini (&s);
    if (r < 0) {
        ev->nkeys = 0;
        return r == -ENOMEM ? r : -EPROTO;
    }
    settle (ev, &p);
    return 0;
}

void watch_event_fini (struct watch_event *ev)
{
    text_fini (&ev->strings);
    free (ev->keys);
}
