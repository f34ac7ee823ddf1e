#include "config.h"
#include <stdlib.h>
#include <string.h>

#include "blob.h"

struct blob *blob_new (const void *data, size_t len, void (*release) (void *), void *arg)
{
    struct blob *b = malloc (sizeof (*b));

    if (b)
        *b = (struct blob){ 1, data, len, release, arg };
    return b;
}

struct blob *blob_new_malloced (void *data, size_t len)
{
    struct blob *b = blob_new (data, len, free, data);

    if (!b)
        free (data);
    return b;
}

struct blob *blob_new_copy (const void *data, size_t len)
{
    struct blob *b = malloc (sizeof (*b) + len);

    if (b) {
        *b = (struct blob){ 1, b + 1, len, NULL, NULL };
        if (len > 0)
            memcpy (b + 1, data, len);
    }
    return b;
}

void blob_put (struct blob *b)
{
    if (b && --b->refcount == 0) {
        if (b->release)
            b->release (b->arg);
        free (b);
    }
}

void blob_putp (struct blob **b)
{
    blob_put (*b);
}
