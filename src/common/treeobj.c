#include "config.h"
#include <stdio.h>

#include "base64.h"
#include "slab.h"
#include "treeobj_impl.h"

/* ---- all kinds ---- */

void *treeobj_alloc (int type, size_t size)
{
    struct treeobj *o = slab_alloc (size);

    if (o) {
        o->refcount = 1;
        o->type = type;
        o->size = size < UINT16_MAX ? size : UINT16_MAX;
    }
    return o;
}

struct treeobj *treeobj_get (const struct treeobj *o)
{
    struct treeobj *obj = (struct treeobj *)o;

    if (obj)
        obj->refcount++;
    return obj;
}

static void refvec_put (struct refvec *v)
{
    if (v && --v->refcount == 0) {
        text_fini (&v->text);
        slab_free (v, sizeof (*v));
    }
}

void treeobj_put (struct treeobj *o)
{
    if (!o || --o->refcount > 0)
        return;
    if (o->type == TREEOBJ_DIR)
        treeobj_dir_free ((struct dir *)o);
    else if (o->type == TREEOBJ_VALREF || o->type == TREEOBJ_DIRREF)
        refvec_put (((struct refs *)o)->vec);
    slab_free (o, o->size);
}

void treeobj_putp (struct treeobj **o)
{
    treeobj_put (*o);
}

int treeobj_type (const struct treeobj *o)
{
    return o->type;
}

const char *treeobj_type_name (int type)
{
    switch (type) {
        case TREEOBJ_VAL:
            return "val";
        case TREEOBJ_VALREF:
            return "valref";
        case TREEOBJ_DIRREF:
            return "dirref";
        case TREEOBJ_DIR:
            return "dir";
        case TREEOBJ_SYMLINK:
            return "symlink";
    }
    never ("a tree object of no known type");
}

char *treeobj_text (const struct treeobj *o)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;

    treeobj_write (o, &t);
    return text_take (&t, NULL);
}

bool treeobj_equal (const struct treeobj *a, const struct treeobj *b)
{
    _cleanup_ (text_fini)
    struct text x = TEXT_INIT;
    _cleanup_ (text_fini)
    struct text y = TEXT_INIT;

    if (a == b)
        return true;
    if (a->type != b->type)
        return false;
    treeobj_write (a, &x);
    treeobj_write (b, &y);
    return !text_error (&x) && !text_error (&y) && x.len == y.len
           && memcmp (x.buf, y.buf, x.len) == 0;
}

/* ---- val ---- */

static const struct val *as_val (const struct treeobj *o)
{
    must (o->type == TREEOBJ_VAL);
    return (const struct val *)o;
}

static struct val *val_alloc (size_t len)
{
    struct val *v = treeobj_alloc (TREEOBJ_VAL, sizeof (*v) + len + 1);

    if (v) {
        v->len = len;
        v->plain = true;
        v->text[len] = '\0';
    }
    return v;
}

int treeobj_val_new (const void *data, size_t len, struct treeobj **ret)
{
    struct val *v = val_alloc (base64_encoded_size (len));

    if (!v)
        return -ENOMEM;
    base64_encode (v->text, data, len);
    *ret = &v->hdr;
    return 0;
}

int treeobj_val_new_base64 (const char *text, size_t len, struct treeobj **ret)
{
    struct val *v = val_alloc (len);

    if (!v)
        return -ENOMEM;
    memcpy (v->text, text, len);
    for (size_t i = 0; i < len && v->plain; i++)
        v->plain = (unsigned char)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\';
    *ret = &v->hdr;
    return 0;
}

const char *treeobj_val_base64 (const struct treeobj *o, size_t *len)
{
    *len = as_val (o)->len;
    return as_val (o)->text;
}

int treeobj_val_decode (const struct treeobj *o, void **data, size_t *len)
{
    const struct val *v = as_val (o);
    _cleanup_ (freep)
    char *buf = NULL;
    ssize_t n;

    if (!(buf = malloc (base64_decoded_max (v->len) + 1)))
        return -ENOMEM;
    if ((n = base64_decode (buf, v->text, v->len)) < 0)
        return -EPROTO;
    buf[n] = '\0';
    *len = n;
    *data = move_ptr (buf);
    return 0;
}

/* ---- valref, dirref ---- */

static const struct refs *as_refs (const struct treeobj *o)
{
    must (o->type == TREEOBJ_VALREF || o->type == TREEOBJ_DIRREF);
    return (const struct refs *)o;
}

const char *treeobj_refs_text (const struct refs *r)
{
    return r->vec ? r->vec->text.buf : r->text;
}

/* An object with all its text inside, for the caller to fill in. */
static struct refs *refs_alloc (int type, size_t len, size_t count)
{
    struct refs *r = treeobj_alloc (type, sizeof (*r) + len);

    if (r) {
        r->count = count;
        r->len = len;
        r->vec = NULL;
    }
    return r;
}

int treeobj_refs_make (int type,
                       const char *text,
                       size_t len,
                       size_t count,
                       struct treeobj **ret)
{
    struct refs *r = refs_alloc (type, len, count);

    if (!r)
        return -ENOMEM;
    memcpy (r->text, text, len);
    *ret = &r->hdr;
    return 0;
}

/* Characters of `"ref"` for a kind of hash. */
static size_t quoted_size (int kind)
{
    return blobref_text_size (kind) + 2;
}

/* Write `"ref","ref"`; returns the end. */
static char *refs_format (char *p, const struct blobref *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *p++ = ',';
        *p++ = '"';
        p += blobref_format (&refs[i], p);
        *p++ = '"';
    }
    return p;
}

static size_t refs_format_size (const struct blobref *refs, size_t count)
{
    size_t len = count - 1;

    for (size_t i = 0; i < count; i++)
        len += quoted_size (refs[i].kind);
    return len;
}

static int
refs_new (int type, const struct blobref *refs, size_t count, struct treeobj **ret)
{
    struct refs *r;

    if (count == 0)
        return -EINVAL;
    if (!(r = refs_alloc (type, refs_format_size (refs, count), count)))
        return -ENOMEM;
    refs_format (r->text, refs, count);
    *ret = &r->hdr;
    return 0;
}

int treeobj_valref_new (const struct blobref *refs, size_t count, struct treeobj **ret)
{
    return refs_new (TREEOBJ_VALREF, refs, count, ret);
}

int treeobj_dirref_new (const struct blobref *ref, struct treeobj **ret)
{
    return refs_new (TREEOBJ_DIRREF, ref, 1, ret);
}

size_t treeobj_ref_count (const struct treeobj *o)
{
    return as_refs (o)->count;
}

/* The reference whose opening quote is at text offset pos. */
static size_t ref_parse_at (const struct refs *r, size_t pos, struct blobref *ret)
{
    const char *p = treeobj_refs_text (r) + pos + 1;
    const char *end = memchr (p, '"', r->len - pos - 1);

    must (end != NULL);
    must (blobref_parse (p, end - p, ret) == 0);
    return end + 1 - treeobj_refs_text (r);
}

bool treeobj_ref_next (const struct treeobj *o, size_t *pos, struct blobref *ret)
{
    const struct refs *r = as_refs (o);

    if (*pos >= r->len)
        return false;
    *pos = ref_parse_at (r, *pos, ret) + 1; /* and the comma */
    return true;
}

/* Where reference number i < count begins. */
static size_t ref_offset (const struct refs *r, size_t i)
{
    struct blobref ref;
    size_t pos = 0;
    size_t stride;

    ref_parse_at (r, 0, &ref);
    /* All of one kind exactly if all are as long as the first. */
    stride = quoted_size (ref.kind) + 1;
    if (r->len == r->count * stride - 1)
        return i * stride;
    for (size_t n = 0; n < i; n++)
        must (treeobj_ref_next (&r->hdr, &pos, &ref));
    return pos;
}

int treeobj_ref_at (const struct treeobj *o, size_t i, struct blobref *ret)
{
    const struct refs *r = as_refs (o);

    if (i >= r->count)
        return -EINVAL;
    ref_parse_at (r, ref_offset (r, i), ret);
    return 0;
}

/* Growable text that begins with that of r: r's own if nothing was added
 * behind r yet, else a copy.
 */
static struct refvec *refvec_for (const struct refs *r, size_t more)
{
    struct refvec *v = r->vec;

    if (v && v->text.len == r->len) {
        v->refcount++;
        return v;
    }
    if (!(v = slab_alloc (sizeof (*v))))
        return NULL;
    *v = (struct refvec){ .refcount = 1 };
    v->saved = !r->vec ? 0 : r->vec->saved < r->len ? r->vec->saved : r->len;
    if (text_reserve (&v->text, r->len + more))
        text_put (&v->text, treeobj_refs_text (r), r->len);
    if (text_error (&v->text)) {
        refvec_put (v);
        return NULL;
    }
    return v;
}

/* A valref of r's references and room for more text, which *p is set to. */
static struct refs *refs_extend (const struct refs *r, size_t len, size_t count, char **p)
{
    struct refvec *v;
    struct refs *new;

    if (!(v = refvec_for (r, len + 1)))
        return NULL;
    if (!text_reserve (&v->text, len + 1) || !(new = refs_alloc (TREEOBJ_VALREF, 0, 0))) {
        v->text.error = 0; /* what is in there is still good */
        refvec_put (v);
        return NULL;
    }
    text_putc (&v->text, ',');
    *p = v->text.buf + v->text.len;
    text_commit (&v->text, len);
    new->vec = v;
    new->len = v->text.len;
    new->count = r->count + count;
    return new;
}

int treeobj_valref_append (const struct treeobj *o,
                           const struct blobref *refs,
                           size_t count,
                           struct treeobj **ret)
{
    struct refs *new;
    char *p;

    must (o->type == TREEOBJ_VALREF);
    if (count == 0)
        return -EINVAL;
    if (!(new = refs_extend (as_refs (o), refs_format_size (refs, count), count, &p)))
        return -ENOMEM;
    refs_format (p, refs, count);
    *ret = &new->hdr;
    return 0;
}

int treeobj_valref_concat (const struct treeobj *o,
                           const struct treeobj *more,
                           struct treeobj **ret)
{
    const struct refs *m = as_refs (more);
    struct refs *new;
    char *p;

    must (o->type == TREEOBJ_VALREF);
    if (!(new = refs_extend (as_refs (o), m->len, m->count, &p)))
        return -ENOMEM;
    memcpy (p, treeobj_refs_text (m), m->len);
    *ret = &new->hdr;
    return 0;
}

/* ---- symlink ---- */

static const struct symlink *as_symlink (const struct treeobj *o)
{
    must (o->type == TREEOBJ_SYMLINK);
    return (const struct symlink *)o;
}

static const char *put_string (char **p, const char *s, size_t len)
{
    char *start = *p;

    memcpy (start, s, len);
    start[len] = '\0';
    *p += len + 1;
    return start;
}

int treeobj_symlink_make (const char *ns,
                          size_t nslen,
                          const char *target,
                          size_t targetlen,
                          const char *canon,
                          size_t canonlen,
                          struct treeobj **ret)
{
    size_t size = canonlen + 1 + targetlen + 1 + nslen + 1;
    struct symlink *l = treeobj_alloc (TREEOBJ_SYMLINK, sizeof (*l) + size);
    char *p;

    if (!l)
        return -ENOMEM;
    p = l->text;
    l->len = canonlen;
    put_string (&p, canon, canonlen);
    l->target = put_string (&p, target, targetlen);
    l->ns = ns ? put_string (&p, ns, nslen) : NULL;
    *ret = &l->hdr;
    return 0;
}

int treeobj_symlink_new (const char *ns, const char *target, struct treeobj **ret)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;

    text_putc (&t, '{');
    if (ns) {
        text_puts (&t, "\"namespace\":");
        text_put_json_string (&t, ns, strlen (ns));
        text_putc (&t, ',');
    }
    text_puts (&t, "\"target\":");
    text_put_json_string (&t, target, strlen (target));
    text_putc (&t, '}');
    if (text_error (&t))
        return text_error (&t);
    return treeobj_symlink_make (ns, ns ? strlen (ns) : 0, target, strlen (target), t.buf,
                                 t.len, ret);
}

const char *treeobj_symlink_target (const struct treeobj *o)
{
    return as_symlink (o)->target;
}

const char *treeobj_symlink_namespace (const struct treeobj *o)
{
    return as_symlink (o)->ns;
}

/* ---- writing ---- */

static void val_write (const struct val *v, struct text *out)
{
    text_puts (out, DATA_HEAD);
    if (v->plain) {
        text_putc (out, '"');
        text_put (out, v->text, v->len);
        text_putc (out, '"');
    }
    else
        text_put_json_string (out, v->text, v->len);
    text_puts (out, VAL_TAIL);
}

static const char *refs_tail (const struct refs *r)
{
    return r->hdr.type == TREEOBJ_VALREF ? VALREF_TAIL : DIRREF_TAIL;
}

static void refs_write (const struct refs *r, size_t from, struct text *out)
{
    size_t pos = from > 0 ? ref_offset (r, from) : 0;

    /* So that it need grow but once. */
    text_reserve (out, r->len - pos + LITERAL_SIZE (DATA_HEAD "[]" VALREF_TAIL));
    text_puts (out, DATA_HEAD "[");
    text_put (out, treeobj_refs_text (r) + pos, r->len - pos);
    text_putc (out, ']');
    text_puts (out, refs_tail (r));
}

void treeobj_write (const struct treeobj *o, struct text *out)
{
    switch (o->type) {
        case TREEOBJ_VAL:
            val_write (as_val (o), out);
            return;
        case TREEOBJ_VALREF:
        case TREEOBJ_DIRREF:
            refs_write (as_refs (o), 0, out);
            return;
        case TREEOBJ_DIR:
            treeobj_dir_write ((const struct dir *)o, out);
            return;
        case TREEOBJ_SYMLINK:
            text_puts (out, DATA_HEAD);
            text_put (out, as_symlink (o)->text, as_symlink (o)->len);
            text_puts (out, SYMLINK_TAIL);
            return;
    }
    never ("a tree object of no known type");
}

void treeobj_valref_write_from (const struct treeobj *o, size_t from, struct text *out)
{
    must (from < treeobj_ref_count (o));
    refs_write (as_refs (o), from, out);
}

static size_t val_size (const struct val *v)
{
    return LITERAL_SIZE (DATA_HEAD) + LITERAL_SIZE (VAL_TAIL)
           + (v->plain ? v->len + 2 : text_json_string_size (v->text, v->len));
}

size_t treeobj_size (const struct treeobj *o)
{
    switch (o->type) {
        case TREEOBJ_VAL:
            return val_size (as_val (o));
        case TREEOBJ_VALREF:
        case TREEOBJ_DIRREF:
            return LITERAL_SIZE (DATA_HEAD "[]") + as_refs (o)->len
                   + strlen (refs_tail (as_refs (o)));
        case TREEOBJ_DIR:
            return treeobj_dir_size ((struct dir *)o);
        case TREEOBJ_SYMLINK:
            return LITERAL_SIZE (DATA_HEAD) + as_symlink (o)->len
                   + LITERAL_SIZE (SYMLINK_TAIL);
    }
    never ("a tree object of no known type");
}
