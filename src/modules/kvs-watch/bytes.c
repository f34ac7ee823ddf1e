#include "config.h"
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/util.h"
#include "bytes.h"

static struct bytes *bytes_alloc (size_t len)
{
    struct bytes *b = malloc (sizeof (*b) + len + 1);

    if (b) {
        b->refs = 1;
        b->keepers = 0;
        b->len = len;
        b->json = NULL;
        b->tag = NULL;
        b->data[len] = '\0';
    }
    return b;
}

struct bytes *bytes_new (const void *data, size_t len)
{
    struct bytes *b = bytes_alloc (len);

    if (b && len > 0)
        memcpy (b->data, data, len);
    return b;
}

struct bytes *bytes_new_value (const char *text, size_t len, const char *tag)
{
    static const char head[] = "{\"val\":";
    const size_t headlen = sizeof (head) - 1;
    struct bytes *b = bytes_alloc (headlen + len + 1);

    if (b) {
        memcpy (b->data, head, headlen);
        memcpy (b->data + headlen, text, len);
        b->data[headlen + len] = '}';
        if (tag && !(b->tag = strdup (tag))) {
            bytes_put (b);
            return NULL;
        }
    }
    return b;
}

struct bytes *bytes_get (struct bytes *b)
{
    b->refs++;
    return b;
}

void bytes_put (struct bytes *b)
{
    if (b && --b->refs == 0) {
        free_keep_errno (b->json);
        free_keep_errno (b->tag);
        free_keep_errno (b);
    }
}

const char *bytes_chunk_json (struct bytes *b)
{
    struct text t = TEXT_INIT;

    if (!b->json) {
        text_puts (&t, "{\"val\":{\"ver\":1,\"type\":\"val\",\"data\":\"");
        text_put_base64 (&t, b->data, b->len);
        text_puts (&t, "\"}}");
        b->json = text_take (&t, NULL);
        text_fini (&t);
    }
    return b->json;
}
