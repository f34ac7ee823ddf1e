/* treeparse.c - tree objects from JSON text.
 *
 * In canonical text "data" stands before "type", so what data is must be seen
 * from its form: a string is a val, an array is references, an object whose
 * members are all tree objects is a dir.  Any other object may still be that
 * of a symlink: its place is remembered until the type is known.
 */

#include "config.h"

#include "treeobj_impl.h"

/* What was read of one object so far.  Of equal member names the last counts. */
struct parts {
    int type; /* 0: not seen */
    bool ver; /* seen, and 1 */
    bool have_data;
    struct treeobj *data;    /* val, valref (or dirref) or dir, or NULL: ... */
    const char *start, *end; /* ... an object of another form */
};

static int scan_obj (struct jpull *s, struct treeobj **ret);

static void parts_fini (struct parts *p)
{
    treeobj_put (p->data);
}

static int scan_val (struct jpull *s, struct treeobj **ret)
{
    const char *str;
    size_t len;
    int r;

    if ((r = jpull_string (s, &str, &len)) < 0)
        return r;
    return treeobj_val_new_base64 (str, len, ret);
}

/* Whether valref or dirref is not known yet. */
static int scan_refs (struct jpull *s, struct treeobj **ret)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    const char *str;
    size_t len;
    int n = 0;
    int r;

    if ((r = jpull_array (s)) < 0)
        return r;
    while ((r = jpull_element (s, &n)) > 0) {
        if ((r = jpull_string (s, &str, &len)) < 0)
            return r;
        if (!blobref_text_valid (str, len))
            return -EINVAL;
        if (n > 1)
            text_putc (&t, ',');
        text_putc (&t, '"');
        text_put (&t, str, len);
        text_putc (&t, '"');
    }
    if (r < 0 || (r = text_error (&t)) < 0)
        return r;
    if (n == 0)
        return -EINVAL;
    return treeobj_refs_make (TREEOBJ_VALREF, t.buf, t.len, n, ret);
}

/* One member of a directory; the name must be kept over the recursion. */
static int
scan_entry (struct jpull *s, struct treeobj **dir, const char *name, size_t len)
{
    _cleanup_ (treeobj_putp) struct treeobj *obj = NULL;
    _cleanup_ (freep) char *copy = NULL;
    int r;

    if (name == s->scratch.buf) {
        if (!(copy = malloc (len + 1)))
            return -ENOMEM;
        memcpy (copy, name, len);
        name = copy;
    }
    if ((r = scan_obj (s, &obj)) < 0)
        return r;
    return treeobj_dir_set (dir, name, len, obj);
}

static int scan_dir (struct jpull *s, struct treeobj **ret)
{
    _cleanup_ (treeobj_putp) struct treeobj *dir = NULL;
    const char *name;
    size_t len;
    int n = 0;
    int r;

    if ((r = jpull_object (s)) < 0 || (r = treeobj_dir_new (&dir)) < 0)
        return r;
    while ((r = jpull_member (s, &n, &name, &len)) > 0) {
        if ((r = scan_entry (s, &dir, name, len)) < 0)
            return r;
    }
    if (r < 0)
        return r;
    *ret = move_ptr (dir);
    return 0;
}

/* A dir, or something to be looked at again when the type is known. */
static int scan_data_object (struct jpull *s, struct parts *p)
{
    const char *start = s->p;
    int depth = s->depth;
    int r;

    if ((r = scan_dir (s, &p->data)) != -EINVAL)
        return r;
    s->p = start;
    s->depth = depth;
    if ((r = jpull_skip (s)) < 0)
        return r;
    p->start = start;
    p->end = s->p;
    return 0;
}

static int scan_data (struct jpull *s, struct parts *p)
{
    treeobj_put (p->data);
    p->data = NULL;
    p->have_data = true;
    switch (jpull_peek (s)) {
        case '"':
            return scan_val (s, &p->data);
        case '[':
            return scan_refs (s, &p->data);
        case '{':
            return scan_data_object (s, p);
    }
    return -EINVAL;
}

static int scan_type (struct jpull *s, struct parts *p)
{
    const char *str;
    size_t len;
    int r;

    if ((r = jpull_string (s, &str, &len)) < 0)
        return r;
    for (int type = TREEOBJ_VAL; type <= TREEOBJ_SYMLINK; type++) {
        const char *name = treeobj_type_name (type);

        if (len == strlen (name) && memcmp (str, name, len) == 0) {
            p->type = type;
            return 0;
        }
    }
    return -EINVAL;
}

static int scan_ver (struct jpull *s, struct parts *p)
{
    int64_t ver;
    int r;

    if ((r = jpull_int (s, &ver)) < 0)
        return r;
    p->ver = true;
    return ver == 1 ? 0 : -EINVAL;
}

static int scan_parts (struct jpull *s, struct parts *p)
{
    const char *name;
    size_t len;
    int n = 0;
    int r;

    if ((r = jpull_object (s)) < 0)
        return r;
    while ((r = jpull_member (s, &n, &name, &len)) > 0) {
        if (jpull_is (name, len, "data"))
            r = scan_data (s, p);
        else if (jpull_is (name, len, "type"))
            r = scan_type (s, p);
        else if (jpull_is (name, len, "ver"))
            r = scan_ver (s, p);
        else
            r = -EINVAL;
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    return p->have_data && p->type && p->ver ? 0 : -EINVAL;
}

/* The strings of a symlink, out of its data object. */
static int
symlink_members (struct jpull *s, struct text *target, struct text *ns, bool *have)
{
    const char *str;
    size_t len;
    int n = 0;
    int r;

    if ((r = jpull_object (s)) < 0)
        return r;
    while ((r = jpull_member (s, &n, &str, &len)) > 0) {
        bool is_target = jpull_is (str, len, "target");
        bool is_ns = jpull_is (str, len, "namespace");
        struct text *t = is_target ? target : ns;

        if (!is_target && !is_ns) {
            if ((r = jpull_skip (s)) < 0)
                return r;
            continue;
        }
        if ((r = jpull_string (s, &str, &len)) < 0)
            return r;
        text_clear (t);
        text_put (t, str, len);
        have[is_ns] = true;
    }
    return r;
}

static int symlink_parse (const char *start, size_t len, struct treeobj **ret)
{
    _cleanup_ (jpull_fini) struct jpull s;
    _cleanup_ (text_fini) struct text canon = TEXT_INIT;
    _cleanup_ (text_fini) struct text target = TEXT_INIT;
    _cleanup_ (text_fini) struct text ns = TEXT_INIT;
    bool have[2] = { false, false };
    int r;

    jpull_init (&s, start, len);
    if ((r = symlink_members (&s, &target, &ns, have)) < 0)
        return r;
    if (!have[0])
        return -EINVAL;
    s.p = start;
    if ((r = jpull_canon (&s, &canon)) < 0)
        return r;
    if (text_error (&target) || text_error (&ns))
        return -ENOMEM;
    return treeobj_symlink_make (have[1] ? ns.buf : NULL, ns.len, target.buf, target.len,
                                 canon.buf, canon.len, ret);
}

static int parts_join (struct parts *p, struct treeobj **ret)
{
    int form = p->data ? p->data->type : 0;

    if (p->type == TREEOBJ_SYMLINK)
        return form == 0 ? symlink_parse (p->start, p->end - p->start, ret) : -EINVAL;
    if (p->type == TREEOBJ_DIRREF && form == TREEOBJ_VALREF)
        p->data->type = form = TREEOBJ_DIRREF;
    if (p->type != form)
        return -EINVAL;
    *ret = move_ptr (p->data);
    return 0;
}

static int scan_obj (struct jpull *s, struct treeobj **ret)
{
    _cleanup_ (parts_fini) struct parts p = { 0 };
    int r;

    if ((r = scan_parts (s, &p)) < 0)
        return r;
    return parts_join (&p, ret);
}

int treeobj_scan (struct jpull *s, struct treeobj **ret)
{
    const char *start = s->p;
    int depth = s->depth;
    int r;

    if ((r = scan_obj (s, ret)) != -EINVAL)
        return r;
    /* Is it at least JSON? */
    s->p = start;
    s->depth = depth;
    if ((r = jpull_skip (s)) < 0)
        return r;
    return -EINVAL;
}

int treeobj_parse (const char *text, size_t len, struct treeobj **ret)
{
    _cleanup_ (jpull_fini) struct jpull s;
    struct treeobj *o = NULL;
    int r, invalid = 0;

    jpull_init (&s, text, len);
    if ((r = treeobj_scan (&s, &o)) < 0) {
        if (r != -EINVAL)
            return r;
        invalid = r;
    }
    if ((r = jpull_end (&s)) < 0 || (r = invalid) < 0) {
        treeobj_put (o);
        return r;
    }
    *ret = o;
    return 0;
}
