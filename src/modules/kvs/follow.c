/* follow.c - what ranks > 0 learn from events of rank 0.
 *
 *   kvs.namespace-NS-setroot
 *     { "namespace":s "rootseq":i "rootref":s "names":[s...] "keys":o "owner":i }
 *   kvs.namespace-NS-error
 *     { "namespace":s "names":[s...] "errnum":i "errstr":s? }
 *   kvs.namespace-NS-removed
 *     { "namespace":s }
 *   kvs.namespace-NS-created: a namespace is fetched when it is used
 */

#include "config.h"
#include <errno.h>

#include "service.h"

struct event {
    struct text ns;
    struct text rootref;
    struct text errstr;
    int64_t rootseq, errnum;
    bool have_rootseq, have_errnum;
    struct text names; /* each with its NUL */
    size_t count;
    const char **v; /* in names */
};

static void event_fini (struct event *ev)
{
    text_fini (&ev->ns);
    text_fini (&ev->rootref);
    text_fini (&ev->errstr);
    text_fini (&ev->names);
    free (ev->v);
}

static int scan_names (struct jpull *s, struct event *ev)
{
    const char *name;
    size_t len;
    int n = 0;
    int r;

    if ((r = jpull_array (s)) < 0)
        return r;
    while ((r = jpull_element (s, &n)) > 0) {
        if ((r = jpull_string (s, &name, &len)) < 0)
            return r;
        text_put (&ev->names, name, len);
        text_put (&ev->names, "", 1);
        ev->count++;
    }
    return r < 0 ? r : text_error (&ev->names);
}

static int event_member (struct jpull *s, const char *name, size_t len, void *arg)
{
    struct event *ev = arg;

    if (jpull_is (name, len, "namespace"))
        return request_string (s, &ev->ns);
    if (jpull_is (name, len, "rootref"))
        return request_string (s, &ev->rootref);
    if (jpull_is (name, len, "errstr"))
        return request_string (s, &ev->errstr);
    if (jpull_is (name, len, "names"))
        return scan_names (s, ev);
    if (jpull_is (name, len, "rootseq")) {
        ev->have_rootseq = true;
        return jpull_int (s, &ev->rootseq);
    }
    if (jpull_is (name, len, "errnum")) {
        ev->have_errnum = true;
        return jpull_int (s, &ev->errnum);
    }
    return jpull_skip (s);
}

/* 0, -EPROTO or -ENOMEM. */
static int decode (const flux_msg_t *msg, struct event *ev)
{
    const char *p;
    int r;

    if ((r = request_scan (msg, event_member, ev)) < 0)
        return r;
    if (!ev->ns.buf)
        return -EPROTO;
    if (!(ev->v = calloc (ev->count + 1, sizeof (ev->v[0]))))
        return -ENOMEM;
    p = ev->names.buf;
    for (size_t i = 0; i < ev->count; i++) {
        ev->v[i] = p;
        p += strlen (p) + 1;
    }
    return 0;
}

static int setroot (struct service *s, const struct event *ev)
{
    const struct kvs_names names = { ev->v, ev->count };
    struct blobref root;

    if (!ev->have_rootseq || !ev->rootref.buf
        || blobref_parse (ev->rootref.buf, ev->rootref.len, &root) < 0)
        return -EPROTO;
    kvs_engine_setroot_event (s->e, ev->ns.buf, &root, ev->rootseq, &names);
    return 0;
}

static int failed (struct service *s, const struct event *ev)
{
    const struct kvs_names names = { ev->v, ev->count };

    if (!ev->have_errnum)
        return -EPROTO;
    kvs_engine_error_event (s->e, ev->ns.buf, ev->errnum, ev->errstr.buf, &names);
    return 0;
}

static int removed (struct service *s, const struct event *ev)
{
    kvs_engine_removed_event (s->e, ev->ns.buf);
    return 0;
}

static const struct {
    const char *name;
    int (*fn) (struct service *s, const struct event *ev);
} kinds[] = { { "setroot", setroot }, { "error", failed }, { "removed", removed } };

void namespace_event_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    _cleanup_ (event_fini) struct event ev = { 0 };
    struct service *s = arg;
    const char *topic, *what;
    size_t i;
    int r;

    if (flux_msg_get_topic (msg, &topic) < 0 || !(what = strrchr (topic, '-')))
        return;
    for (i = 0; i < ARRAY_SIZE (kinds) && strcmp (what + 1, kinds[i].name) != 0; i++)
        ;
    if (i == ARRAY_SIZE (kinds))
        return;
    if ((r = decode (msg, &ev)) < 0 || (r = kinds[i].fn (s, &ev)) < 0) {
        errno = -r;
        flux_log_error (h, "%s", topic);
    }
    service_run (s);
}
