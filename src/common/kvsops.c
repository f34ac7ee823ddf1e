#include "config.h"
#include "kvsops.h"
#include "util.h"

#define OP_APPEND 32 /* FLUX_KVS_APPEND */
#define OP_BYREF 16  /* our kvs: append the blobrefs of a valref; a stock one
                      * and ours refuse to append a valref without it */

void kvsops_fini (struct kvsops *ops)
{
    text_fini (&ops->text);
    ops->count = 0;
}

static void begin (struct kvsops *ops, const char *key, int flags)
{
    struct text *t = &ops->text;

    text_puts (t, ops->count++ > 0 ? ",{\"key\":" : "{\"key\":");
    text_put_json_string (t, key, strlen (key));
    text_puts (t, ",\"flags\":");
    text_put_int (t, flags);
    text_puts (t, ",\"dirent\":");
}

static void put_val (struct kvsops *ops,
                     const char *key,
                     int flags,
                     const void *data,
                     size_t len)
{
    begin (ops, key, flags);
    text_puts (&ops->text, "{\"ver\":1,\"type\":\"val\",\"data\":\"");
    text_put_base64 (&ops->text, data, len);
    text_puts (&ops->text, "\"}}");
}

static void put_ref (struct kvsops *ops,
                     const char *key,
                     int flags,
                     const char *type,
                     const char *blobref)
{
    begin (ops, key, flags);
    text_puts (&ops->text, "{\"ver\":1,\"type\":\"");
    text_puts (&ops->text, type);
    text_puts (&ops->text, "\",\"data\":[\"");
    text_puts (&ops->text, blobref);
    text_puts (&ops->text, "\"]}}");
}

void kvsops_put (struct kvsops *ops, const char *key, const void *data, size_t len)
{
    put_val (ops, key, 0, data, len);
}

void kvsops_append (struct kvsops *ops, const char *key, const void *data, size_t len)
{
    put_val (ops, key, OP_APPEND, data, len);
}

void kvsops_append_ref (struct kvsops *ops, const char *key, const char *blobref)
{
    put_ref (ops, key, OP_APPEND | OP_BYREF, "valref", blobref);
}

void kvsops_put_dirref (struct kvsops *ops, const char *key, const char *blobref)
{
    put_ref (ops, key, 0, "dirref", blobref);
}

void kvsops_symlink (struct kvsops *ops,
                     const char *key,
                     const char *ns,
                     const char *target)
{
    struct text *t = &ops->text;

    begin (ops, key, 0);
    text_puts (t, "{\"ver\":1,\"type\":\"symlink\",\"data\":{");
    if (ns) {
        text_puts (t, "\"namespace\":");
        text_put_json_string (t, ns, strlen (ns));
        text_putc (t, ',');
    }
    text_puts (t, "\"target\":");
    text_put_json_string (t, target, strlen (target));
    text_puts (t, "}}}");
}

void kvsops_unlink (struct kvsops *ops, const char *key)
{
    begin (ops, key, 0);
    text_puts (&ops->text, "null}");
}

void kvsops_mkdir (struct kvsops *ops, const char *key)
{
    kvsops_put_treeobj (ops, key, "{\"data\":{},\"type\":\"dir\",\"ver\":1}");
}

void kvsops_put_treeobj (struct kvsops *ops, const char *key, const char *treeobj)
{
    begin (ops, key, 0);
    text_puts (&ops->text, treeobj);
    text_putc (&ops->text, '}');
}

void kvsops_if_treeobj (struct kvsops *ops, const char *key, const char *treeobj)
{
    struct text *t = &ops->text;

    text_puts (t, ops->count++ > 0 ? ",{\"key\":" : "{\"key\":");
    text_put_json_string (t, key, strlen (key));
    text_puts (t, ",\"if\":");
    text_puts (t, treeobj);
    text_putc (t, '}');
}

void kvsops_if_absent (struct kvsops *ops, const char *key)
{
    kvsops_if_treeobj (ops, key, "null");
}

void kvsops_if_exists (struct kvsops *ops, const char *key)
{
    kvsops_if_treeobj (ops, key, "true");
}

void kvsops_if_seq (struct kvsops *ops, int64_t seq)
{
    text_puts (&ops->text, ops->count++ > 0 ? ",{\"rootseq\":" : "{\"rootseq\":");
    text_put_int (&ops->text, seq);
    text_putc (&ops->text, '}');
}

void kvsops_concat (struct kvsops *ops, const struct kvsops *more)
{
    if (ops->count > 0 && more->count > 0)
        text_putc (&ops->text, ',');
    text_put (&ops->text, more->text.buf, more->text.len);
    if (text_error (&more->text))
        ops->text.error = -ENOMEM;
    ops->count += more->count;
}

char *kvsops_finish (struct kvsops *ops, const char *ns, int flags)
{
    struct text out = TEXT_INIT;

    text_puts (&out, "{\"namespace\":");
    text_put_json_string (&out, ns, strlen (ns));
    text_puts (&out, ",\"flags\":");
    text_put_int (&out, flags);
    text_puts (&out, ",\"ops\":[");
    text_put (&out, ops->text.buf, ops->text.len);
    text_puts (&out, "]}");
    if (text_error (&ops->text))
        out.error = -ENOMEM;
    kvsops_fini (ops);
    if (text_error (&out)) {
        text_fini (&out);
        errno = ENOMEM;
        return NULL;
    }
    return text_take (&out, NULL);
}
