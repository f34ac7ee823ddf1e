#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/jpull.h"
#include "common/util.h"
#include "answer.h"

enum { HAVE_VAL = 1, HAVE_ERRNO = 2, HAVE_SEQ = 4, HAVE_SAME = 8 };

struct scan {
    struct watch_answer *a;
    bool want_obj;
    int have;
};

static int scan_val (struct jpull *s, struct watch_result *res, bool want_obj)
{
    int r;

    if (jpull_peek (s) < 0) /* steps over blanks */
        return -EPROTO;
    res->text = s->p;
    treeobj_putp (&res->obj);
    r = want_obj ? treeobj_scan (s, &res->obj) : jpull_skip (s);
    res->len = s->p - res->text;
    return r;
}

static int scan_ref (struct jpull *s, struct watch_answer *a)
{
    const char *str;
    size_t len;
    int r;

    if ((r = jpull_string (s, &str, &len)) < 0)
        return r;
    if (!blobref_text_valid (str, len))
        return -EPROTO;
    memcpy (a->rootref, str, len);
    a->rootref[len] = '\0';
    a->result.rootref = a->rootref;
    return 0;
}

static int scan_tag (struct jpull *s, struct watch_answer *a)
{
    const char *str;
    size_t len;
    int r;

    if ((r = jpull_string (s, &str, &len)) < 0)
        return r;
    if (len < sizeof (a->tag) && !memchr (str, '\0', len)) {
        memcpy (a->tag, str, len);
        a->tag[len] = '\0';
        a->result.tag = a->tag;
    }
    return 0;
}

static int blob_decode (const char *s, size_t len, struct bytes **ret)
{
    _cleanup_ (freep)
    void *data = malloc (base64_decoded_max (len) + 1);
    ssize_t n;

    if (!data)
        return -ENOMEM;
    if ((n = base64_decode (data, s, len)) < 0)
        return -EPROTO;
    return (*ret = bytes_new (data, n)) ? 0 : -ENOMEM;
}

static int scan_blobs (struct jpull *s, struct watch_answer *a)
{
    struct watch_result *res = &a->result;
    const char *str;
    size_t len;
    int n = 0;
    int r;

    if ((r = jpull_array (s)) < 0)
        return r;
    res->blobs = a->blobs;
    while ((r = jpull_element (s, &n)) > 0) {
        if (res->nblobs == ANSWER_BLOBS_MAX || jpull_peek (s) != '"')
            r = jpull_skip (s);
        else if ((r = jpull_string (s, &str, &len)) == 0)
            r = blob_decode (str, len, &a->blobs[res->nblobs]);
        if (r < 0)
            return r;
        res->nblobs += res->nblobs < ANSWER_BLOBS_MAX;
    }
    return r;
}

static int scan_from (struct jpull *s, struct watch_result *res)
{
    int64_t value;
    int r;

    if ((r = jpull_int (s, &value)) < 0)
        return r;
    if (value < 0)
        return -EPROTO;
    res->from = value;
    return 0;
}

static int scan_member (struct jpull *s, const char *name, size_t len, void *arg)
{
    struct scan *scan = arg;
    struct watch_answer *a = scan->a;
    int64_t value;
    int r;

    if (jpull_is (name, len, "val")) {
        scan->have |= HAVE_VAL;
        return scan_val (s, &a->result, scan->want_obj);
    }
    if (jpull_is (name, len, "rootref"))
        return scan_ref (s, a);
    if (jpull_is (name, len, "from"))
        return scan_from (s, &a->result);
    if (jpull_is (name, len, "tag"))
        return scan_tag (s, a);
    if (jpull_is (name, len, "same")) {
        scan->have |= HAVE_SAME;
        return jpull_bool (s, &a->result.same);
    }
    if (jpull_is (name, len, "blobs") && scan->want_obj)
        return scan_blobs (s, a);
    if (jpull_is (name, len, "rootseq")) {
        if ((r = jpull_int (s, &value)) < 0)
            return r;
        if (value < 0)
            return -EPROTO;
        a->result.rootseq = value;
        scan->have |= HAVE_SEQ;
        return 0;
    }
    if (jpull_is (name, len, "errno")) {
        if ((r = jpull_int (s, &value)) < 0)
            return r;
        if (value != ENOENT)
            return -EPROTO;
        scan->have |= HAVE_ERRNO;
        return 0;
    }
    return jpull_skip (s);
}

static int scan_answer (struct jpull *s, struct watch_answer *a, bool want_obj)
{
    struct scan scan = { .a = a, .want_obj = want_obj };
    int r;

    if ((r = jpull_members (s, scan_member, &scan)) < 0 || (r = jpull_end (s)) < 0)
        return r;
    if (scan.have != (HAVE_VAL | HAVE_SEQ) && scan.have != (HAVE_ERRNO | HAVE_SEQ)
        && (scan.have != (HAVE_SAME | HAVE_SEQ) || !a->result.same))
        return -EPROTO;
    return 0;
}

int watch_answer_decode (struct watch_answer *a,
                         const char *text,
                         size_t len,
                         bool want_obj)
{
    struct jpull s;
    int r;

    memset (a, 0, sizeof (*a));
    jpull_init (&s, text, len);
    r = scan_answer (&s, a, want_obj);
    jpull_fini (&s);
    return r == -EINVAL ? -EPROTO : r;
}

void watch_answer_fini (struct watch_answer *a)
{
    treeobj_putp (&a->result.obj);
    for (size_t i = 0; i < a->result.nblobs; i++)
        bytes_put (a->blobs[i]);
}
