#include "config.h"
#include <errno.h>
#include <openssl/evp.h>

#include "blobhash.h"
#include "util.h"

struct blobhash {
    int kind;
    EVP_MD *md;
    EVP_MD_CTX *ctx;
};

void blobhash_free (struct blobhash *h)
{
    if (h) {
        int saved_errno = errno;

        EVP_MD_CTX_free (h->ctx);
        EVP_MD_free (h->md);
        free (h);
        errno = saved_errno;
    }
}

void blobhash_freep (struct blobhash **h)
{
    blobhash_free (*h);
}

int blobhash_new (int kind, struct blobhash **ret)
{
    _cleanup_ (blobhash_freep) struct blobhash *h = NULL;

    if (kind != BLOBREF_SHA1 && kind != BLOBREF_SHA256)
        return -EINVAL;
    if (!(h = calloc (1, sizeof (*h))))
        return -ENOMEM;
    h->kind = kind;
    if (!(h->md = EVP_MD_fetch (NULL, kind == BLOBREF_SHA1 ? "SHA1" : "SHA256", NULL)))
        return -ENOTSUP;
    if (!(h->ctx = EVP_MD_CTX_new ()))
        return -ENOMEM;
    if (EVP_DigestInit_ex2 (h->ctx, h->md, NULL) != 1)
        return -ENOTSUP;
    *ret = move_ptr (h);
    return 0;
}

int blobhash_kind (const struct blobhash *h)
{
    return h->kind;
}

void blobhash_begin (struct blobhash *h)
{
    /* Once initialised a digest has no way to fail. */
    must (EVP_DigestInit_ex2 (h->ctx, NULL, NULL) == 1);
}

void blobhash_update (struct blobhash *h, const void *data, size_t len)
{
    must (EVP_DigestUpdate (h->ctx, data, len) == 1);
}

void blobhash_end (struct blobhash *h, struct blobref *ret)
{
    unsigned int size = 0;

    *ret = (struct blobref){ .kind = h->kind };
    must (EVP_DigestFinal_ex (h->ctx, ret->bytes, &size) == 1);
    must (size == blobref_digest_size (h->kind));
}

void blobhash_sum (struct blobhash *h, const void *data, size_t len, struct blobref *ret)
{
    blobhash_begin (h);
    blobhash_update (h, data, len);
    blobhash_end (h, ret);
}

/* ---- saved states ---- */

int blobhash_save (const struct blobhash *h, struct blobhash_state **ret)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new ();

    if (!ctx)
        return -ENOMEM;
    if (EVP_MD_CTX_copy_ex (ctx, h->ctx) != 1) {
        EVP_MD_CTX_free (ctx);
        return -ENOMEM;
    }
    *ret = (struct blobhash_state *)ctx;
    return 0;
}

int blobhash_resume (struct blobhash *h, const struct blobhash_state *state)
{
    return EVP_MD_CTX_copy_ex (h->ctx, (const EVP_MD_CTX *)state) == 1 ? 0 : -ENOMEM;
}

void blobhash_state_free (struct blobhash_state *state)
{
    EVP_MD_CTX_free ((EVP_MD_CTX *)state);
}
